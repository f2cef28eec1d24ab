//! Colours that sit below what is drawn. The engine looks for a style on the
//! representation item itself; Tekla, Revit and ArchiCAD put it on the operand of a
//! boolean or on the shell inside a solid, where it is lost. Here the outer item
//! inherits it.

use ifc_lite_core::EntityDecoder;
use ifc_lite_processing::style::GeometryStyleInfo;
use rustc_hash::FxHashMap;

/// Most items looked at below one item: shared operands could otherwise be walked
/// along exponentially many ways, and cyclic ones for ever.
const MAX_VISITS: u32 = 256;

/// Items that consist of other items which may carry the style, with the attributes
/// that name them, the one that gives the shape its look first.
const NESTING: &[(&str, &[usize])] = &[
    ("IFCBOOLEANCLIPPINGRESULT", &[1, 2]),
    ("IFCBOOLEANRESULT", &[1, 2]),
    ("IFCCSGSOLID", &[0]),
    ("IFCFACETEDBREP", &[0]),
    ("IFCFACETEDBREPWITHVOIDS", &[0]),
    ("IFCADVANCEDBREP", &[0]),
    ("IFCADVANCEDBREPWITHVOIDS", &[0]),
    ("IFCMANIFOLDSOLIDBREP", &[0]),
    ("IFCSHELLBASEDSURFACEMODEL", &[0]),
    ("IFCFACEBASEDSURFACEMODEL", &[0]),
];

fn nesting(keyword: &str) -> Option<&'static [usize]> {
    NESTING.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|(_, slots)| *slots)
}

/// Whether an item of this class can take its style from an item inside it.
pub(super) fn may_inherit(keyword: &str) -> bool {
    nesting(keyword).is_some()
}

/// Gives every item of `nested` without a style of its own the first one found below it.
pub(super) fn inherit(
    styles: &mut FxHashMap<u32, GeometryStyleInfo>,
    nested: &[u32],
    decoder: &mut EntityDecoder<'_>,
) {
    if styles.is_empty() {
        return;
    }
    for &item in nested {
        if !styles.contains_key(&item)
            && let Some(style) = below(item, styles, decoder, &mut MAX_VISITS.clone())
        {
            styles.insert(item, style);
        }
    }
}

/// Gives an item written again as a copy of another one that one's style.
pub(super) fn inherit_copies(
    styles: &mut FxHashMap<u32, GeometryStyleInfo>,
    copies: &[(u32, Vec<u32>)],
) {
    for (item, originals) in copies {
        if !styles.contains_key(item)
            && let Some(style) = originals.iter().find_map(|original| styles.get(original)).cloned()
        {
            styles.insert(*item, style);
        }
    }
}

fn below(
    item: u32,
    styles: &FxHashMap<u32, GeometryStyleInfo>,
    decoder: &mut EntityDecoder<'_>,
    visits: &mut u32,
) -> Option<GeometryStyleInfo> {
    if let Some(style) = styles.get(&item) {
        return Some(style.clone());
    }
    *visits = visits.checked_sub(1)?;
    let record = decoder.decode_by_id(item).ok()?;
    nesting(record.ifc_type.as_str())?
        .iter()
        .flat_map(|&slot| record.get_refs(slot).or_else(|| Some(vec![record.get_ref(slot)?])))
        .flatten()
        // Shells are many; the first few settle it.
        .take(8)
        .find_map(|child| below(child, styles, decoder, visits))
}
