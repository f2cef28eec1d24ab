//! Records that the engine drops or draws wrongly, written again as records it draws
//! right: an ellipse becomes a polygon, a pipe with corners a mesh with mitres. The new
//! text stands behind the file's own, and the index points there. So openings, booleans,
//! mapped items, styles and placements work on it as on anything else.

mod carve;
mod convex;
mod curve;
mod linear;
mod loft;
mod patch;
mod profile;
mod solid;
mod surface;
mod tube;
mod weld;

use std::{fmt::Write as _, sync::Arc};

use ifc_lite_core::{AttributeValue, DecodedEntity, EntityDecoder, EntityIndex, EntityScanner};
use rustc_hash::{FxHashMap, FxHashSet};

use super::budget::Budget;

/// How faithfully to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Detail {
    /// As the file says.
    Full,
    /// Without openings, and of booleans only what is cut from.
    Uncut,
    /// A box around it.
    Box,
}

/// How much longer a file may get. A pipe of two points becomes a mesh of a hundred, but
/// ten thousand pipes along one line of a million points would be larger than any memory.
const MAX_GROWTH: usize = 16;
/// Bytes that may always be added.
const ALWAYS_FINE: usize = 64 << 20;
/// Items along the way from a copy to its original whose styles it may have.
const MAX_STYLED: usize = 8;

/// What is done with a class of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ellipse,
    Trapezium,
    CShape,
    ZShape,
    CenterLine,
    OpenProfile,
    ClosedProfile,
    Disk,
    Cylinder,
    Cone,
    Pyramid,
    Csg,
    Boolean,
    Linear,
    UShape,
    LShape,
    Tapered,
    Spine,
    /// Surfaces, which may stand for themselves or carry faces.
    BoundedPlane,
    Rectangle,
    Revolution,
    Patch,
    /// What faces make up.
    Shells,
}

const KINDS: &[(&str, Kind)] = &[
    ("IFCELLIPSEPROFILEDEF", Kind::Ellipse),
    ("IFCTRAPEZIUMPROFILEDEF", Kind::Trapezium),
    ("IFCCSHAPEPROFILEDEF", Kind::CShape),
    ("IFCZSHAPEPROFILEDEF", Kind::ZShape),
    ("IFCCENTERLINEPROFILEDEF", Kind::CenterLine),
    ("IFCARBITRARYOPENPROFILEDEF", Kind::OpenProfile),
    ("IFCARBITRARYCLOSEDPROFILEDEF", Kind::ClosedProfile),
    ("IFCSWEPTDISKSOLID", Kind::Disk),
    ("IFCSWEPTDISKSOLIDPOLYGONAL", Kind::Disk),
    ("IFCRIGHTCIRCULARCYLINDER", Kind::Cylinder),
    ("IFCRIGHTCIRCULARCONE", Kind::Cone),
    ("IFCRECTANGULARPYRAMID", Kind::Pyramid),
    ("IFCCSGSOLID", Kind::Csg),
    ("IFCBOOLEANRESULT", Kind::Boolean),
    ("IFCBOOLEANCLIPPINGRESULT", Kind::Boolean),
    ("IFCLINEARPLACEMENT", Kind::Linear),
    ("IFCUSHAPEPROFILEDEF", Kind::UShape),
    ("IFCLSHAPEPROFILEDEF", Kind::LShape),
    ("IFCREVOLVEDAREASOLIDTAPERED", Kind::Tapered),
    ("IFCSECTIONEDSPINE", Kind::Spine),
    ("IFCCURVEBOUNDEDPLANE", Kind::BoundedPlane),
    ("IFCRECTANGULARTRIMMEDSURFACE", Kind::Rectangle),
    ("IFCSURFACEOFREVOLUTION", Kind::Revolution),
    ("IFCBSPLINESURFACEWITHKNOTS", Kind::Patch),
    ("IFCRATIONALBSPLINESURFACEWITHKNOTS", Kind::Patch),
    ("IFCADVANCEDBREP", Kind::Shells),
    ("IFCADVANCEDBREPWITHVOIDS", Kind::Shells),
    ("IFCSHELLBASEDSURFACEMODEL", Kind::Shells),
    ("IFCFACEBASEDSURFACEMODEL", Kind::Shells),
];

/// What a record with this keyword is rewritten as, if it may have to be.
pub(super) fn kind(keyword: &str) -> Option<Kind> {
    // Most keywords are of other lengths or letters; comparing them all costs little
    // beside finding them.
    KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|(_, kind)| *kind)
}

/// Text to stand behind the file's, and where in it which record begins and ends.
#[derive(Default)]
pub(super) struct Rewritten {
    pub(super) text: String,
    pub(super) spans: Vec<(u32, (usize, usize))>,
    /// Items written again as copies of others, the outer ones of those first.
    pub(super) copies: Vec<(u32, Vec<u32>)>,
    /// What is not as in the file, by representation item.
    pub(super) remarks: FxHashMap<u32, String>,
}

/// Rewrites what of `candidates` needs it.
pub(super) fn rewrite(
    bytes: &[u8],
    index: &Arc<EntityIndex>,
    candidates: &[(u32, Kind)],
    scales: (f64, f64),
    detail: Detail,
) -> Rewritten {
    let mut decoder = EntityDecoder::with_arc_index(bytes, index.clone()).with_strict_reals();
    decoder.seed_unit_scales(scales.0, scales.1);
    let mut writer = Writer {
        bytes,
        index,
        decoder,
        budget: Budget::new(bytes.len()),
        metre: scales.0,
        radian: scales.1,
        next: index.keys().copied().max().unwrap_or_default(),
        base: bytes.len(),
        out: Rewritten::default(),
        alignments: linear::Alignments::default(),
    };
    for &(id, kind) in candidates {
        if writer.is_full() {
            break;
        }
        writer.record(id, kind);
    }
    writer.open_profiles(candidates);
    writer.surfaces(candidates);
    if detail == Detail::Full {
        carve::chains(&mut writer, candidates);
    }
    // What solids and booleans are copied from may itself have been rewritten above.
    let copied = |kind| kind == Kind::Csg || (kind == Kind::Boolean && detail == Detail::Uncut);
    let written: FxHashMap<u32, (usize, usize)> = writer.out.spans.iter().copied().collect();
    let mut firsts = FxHashMap::default();
    for &(id, _) in candidates.iter().filter(|(_, kind)| copied(*kind)) {
        if writer.is_full() {
            break;
        }
        writer.copy_of_first(id, &written, &mut firsts, detail);
    }
    writer.out
}

struct Writer<'a> {
    bytes: &'a [u8],
    index: &'a EntityIndex,
    decoder: EntityDecoder<'a>,
    budget: Budget,
    /// The file's length unit, m.
    metre: f64,
    /// The file's unit of plane angles, radians.
    radian: f64,
    next: u32,
    base: usize,
    out: Rewritten,
    alignments: linear::Alignments,
}

impl Writer<'_> {
    /// Whether so much is written that the rest had better be left to the engine.
    fn is_full(&self) -> bool {
        self.out.text.len() > MAX_GROWTH * self.bytes.len() + ALWAYS_FINE
    }

    /// Rewrites one record; leaves it as it is where something about it cannot be read.
    fn record(&mut self, id: u32, kind: Kind) {
        let Some(record) = self.get(id) else { return };
        let _: Option<()> = match kind {
            Kind::Ellipse
            | Kind::Trapezium
            | Kind::CShape
            | Kind::ZShape
            | Kind::UShape
            | Kind::LShape => {
                profile::outline(self, &record, kind).and_then(|outline| self.profile(id, &outline))
            }
            Kind::CenterLine => {
                profile::ribbon(self, &record).and_then(|outline| self.profile(id, &outline))
            }
            Kind::ClosedProfile => {
                profile::splined(self, &record).and_then(|outline| self.profile(id, &outline))
            }
            Kind::Disk => tube::write(self, &record),
            Kind::Cylinder => solid::cylinder(self, &record),
            Kind::Cone | Kind::Pyramid => solid::spire(self, &record, kind),
            Kind::Linear => linear::write(self, &record),
            Kind::Tapered => loft::tapered(self, &record),
            Kind::Spine => loft::spine(self, &record),
            Kind::OpenProfile | Kind::Csg | Kind::Boolean => None,
            Kind::BoundedPlane
            | Kind::Rectangle
            | Kind::Revolution
            | Kind::Patch
            | Kind::Shells => None,
        };
    }

    fn get(&self, id: u32) -> Option<DecodedEntity> {
        let &(start, end) = self.index.get(&id)?;
        if !self.budget.spend((end - start) as u64) {
            return None;
        }
        self.decoder.decode_at_uncached(start, end).ok()
    }

    fn follow(&self, record: &DecodedEntity, slot: usize) -> Option<DecodedEntity> {
        self.get(record.get_ref(slot)?)
    }

    /// Writes a record under a name of the file, or under a new one.
    fn put(&mut self, id: u32, body: &str) {
        let start = self.base + self.out.text.len();
        // Writing to a string cannot fail.
        let _ = write!(self.out.text, "#{id}={body};");
        self.out.spans.push((id, (start, self.base + self.out.text.len())));
        self.out.text.push('\n');
    }

    fn add(&mut self, body: &str) -> Option<u32> {
        self.next = self.next.checked_add(1)?;
        let id = self.next;
        self.put(id, body);
        Some(id)
    }

    /// A closed profile of these corners.
    fn profile(&mut self, id: u32, outline: &[[f64; 2]]) -> Option<()> {
        let rows: Vec<[f64; 2]> = outline.iter().chain(outline.first()).copied().collect();
        let points = self.add(&format!("IFCCARTESIANPOINTLIST2D({})", rows_text(&rows)?))?;
        let curve = self.add(&format!("IFCINDEXEDPOLYCURVE(#{points},$,.F.)"))?;
        self.put(id, &format!("IFCARBITRARYCLOSEDPROFILEDEF(.AREA.,$,#{curve})"));
        Some(())
    }

    /// A mesh in place of an item; `triangles` count from zero.
    fn mesh(
        &mut self,
        id: u32,
        points: &[[f64; 3]],
        triangles: &[[usize; 3]],
        is_closed: bool,
    ) -> Option<()> {
        if triangles.is_empty() {
            return None;
        }
        let points = self.add(&format!("IFCCARTESIANPOINTLIST3D({})", rows_text(points)?))?;
        let mut text = String::with_capacity(triangles.len() * 16);
        for [a, b, c] in triangles {
            let comma = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{comma}({},{},{})", a + 1, b + 1, c + 1);
        }
        let closed = if is_closed { ".T." } else { ".F." };
        self.put(id, &format!("IFCTRIANGULATEDFACESET(#{points},$,{closed},({text}),$)"));
        Some(())
    }

    /// An open profile is no area: its extrusion is a surface, and the engine knows those.
    fn open_profiles(&mut self, candidates: &[(u32, Kind)]) {
        let open: Vec<u32> = candidates
            .iter()
            .filter(|(_, kind)| *kind == Kind::OpenProfile)
            .map(|(id, _)| *id)
            .collect();
        if open.is_empty() {
            return;
        }
        let mut scanner = EntityScanner::new(self.bytes);
        let mut solids = Vec::new();
        while let Some((id, keyword, ..)) = scanner.next_entity() {
            if keyword.eq_ignore_ascii_case("IFCEXTRUDEDAREASOLID") {
                solids.push(id);
            }
        }
        for id in solids {
            let Some(solid) = self.get(id) else { continue };
            if solid.get_ref(0).is_some_and(|profile| open.binary_search(&profile).is_ok())
                && let (Some(profile), Some(direction), Some(depth)) =
                    (solid.get_ref(0), solid.get_ref(2), solid.get_float(3))
            {
                let position = reference(solid.get_ref(1));
                self.put(
                    id,
                    &format!(
                        "IFCSURFACEOFLINEAREXTRUSION(#{profile},{position},#{direction},{depth:?})"
                    ),
                );
            }
        }
    }

    /// Surfaces that stand for themselves are drawn here; of those that carry faces the
    /// engine draws what it can.
    fn surfaces(&mut self, candidates: &[(u32, Kind)]) {
        let is_surface = |kind: Kind| {
            matches!(kind, Kind::BoundedPlane | Kind::Rectangle | Kind::Revolution | Kind::Patch)
        };
        if !candidates.iter().any(|(_, kind)| is_surface(*kind)) {
            return;
        }
        let mut items: FxHashSet<u32> = FxHashSet::default();
        let mut scanner = EntityScanner::new(self.bytes);
        while let Some((id, keyword, ..)) = scanner.next_entity() {
            let slot = match keyword.to_ascii_uppercase().as_str() {
                "IFCSHAPEREPRESENTATION" => 3,
                "IFCGEOMETRICSET" => 0,
                _ => continue,
            };
            items.extend(self.get(id).and_then(|record| record.get_refs(slot)).unwrap_or_default());
        }
        let mut patches: FxHashSet<u32> = FxHashSet::default();
        for &(id, kind) in candidates.iter().filter(|(_, kind)| is_surface(*kind)) {
            if !items.contains(&id) {
                patches.extend((kind == Kind::Patch).then_some(id));
                continue;
            }
            let Some(record) = self.get(id) else { continue };
            let _: Option<()> = match kind {
                Kind::BoundedPlane => surface::bounded_plane(self, &record),
                Kind::Rectangle => surface::rectangle(self, &record),
                Kind::Revolution => surface::revolution(self, &record),
                _ => patch::write(self, &record),
            };
        }
        if patches.is_empty() {
            return;
        }
        for &(id, _) in candidates.iter().filter(|(_, kind)| *kind == Kind::Shells) {
            let faces = self.get(id).map_or_else(Vec::new, |record| self.faces(&record));
            let carried = |face: &u32| {
                let surface = self.get(*face).and_then(|face| face.get_ref(1));
                surface.is_some_and(|surface| patches.contains(&surface))
            };
            let count = faces.iter().filter(|face| carried(face)).count();
            if count > 0 {
                let text = format!(
                    "{count} of its faces are B-spline surfaces: drawn whole, as at most 24 × 24 facets, without what trims them"
                );
                self.out.remarks.insert(id, text);
            }
        }
    }

    /// The faces of a solid or surface model, by their shells.
    fn faces(&self, record: &DecodedEntity) -> Vec<u32> {
        let shells = record.get_refs(0).or_else(|| record.get_ref(0).map(|shell| vec![shell]));
        let faces = |shell: u32| self.get(shell).and_then(|shell| shell.get_refs(0));
        shells.unwrap_or_default().into_iter().filter_map(faces).flatten().collect()
    }

    /// A solid of one primitive is that primitive; an uncut boolean its first operand.
    fn copy_of_first(
        &mut self,
        id: u32,
        written: &FxHashMap<u32, (usize, usize)>,
        firsts: &mut FxHashMap<u32, Option<u32>>,
        detail: Detail,
    ) {
        let Some(first) = self.first_solid(id, firsts, detail).filter(|first| *first != id) else {
            return;
        };
        let place = written.get(&first).or_else(|| self.index.get(&first));
        let Some(body) = place.and_then(|&place| self.body(place)) else { return };
        let mut passed = Vec::new();
        let mut at = self.operand(id, detail);
        while let Some(operand) = at.filter(|_| passed.len() < MAX_STYLED) {
            passed.push(operand);
            at = self.operand(operand, detail);
        }
        self.put(id, &body);
        self.out.copies.push((id, passed));
    }

    /// What an item is in the end, if it stands for another one; itself if it does not.
    /// Each is followed once, however many stand on it, and rings lead nowhere.
    fn first_solid(
        &self,
        id: u32,
        firsts: &mut FxHashMap<u32, Option<u32>>,
        detail: Detail,
    ) -> Option<u32> {
        let mut passed = Vec::new();
        let mut at = id;
        let first = loop {
            if let Some(known) = firsts.get(&at) {
                break *known;
            }
            firsts.insert(at, None);
            passed.push(at);
            let Some(record) = self.get(at) else { break None };
            match record.ifc_type.as_str() {
                // Booleans inside a solid are left to the engine, unless it may not cut.
                "IFCBOOLEANRESULT" | "IFCBOOLEANCLIPPINGRESULT" if detail != Detail::Uncut => {
                    break None;
                }
                "IFCBOOLEANRESULT" | "IFCBOOLEANCLIPPINGRESULT" | "IFCCSGSOLID" => {}
                _ => break Some(at),
            }
            match operand(&record, detail) {
                Some(inner) => at = inner,
                None => break None,
            }
        };
        firsts.extend(passed.into_iter().map(|passed| (passed, first)));
        first
    }

    fn operand(&self, id: u32, detail: Detail) -> Option<u32> {
        operand(&self.get(id)?, detail)
    }

    /// The text of a record behind its `=`, without the semicolon.
    fn body(&self, (start, end): (usize, usize)) -> Option<String> {
        let text = match start.checked_sub(self.base) {
            Some(start) => self.out.text.as_bytes().get(start..end - self.base)?,
            None => self.bytes.get(start..end)?,
        };
        let text = String::from_utf8_lossy(text);
        let (_, body) = text.split_once('=')?;
        Some(body.trim().trim_end_matches(';').to_owned())
    }
}

/// The first operand of what stands for it.
fn operand(record: &DecodedEntity, detail: Detail) -> Option<u32> {
    match record.ifc_type.as_str() {
        "IFCCSGSOLID" => record.get_ref(0),
        "IFCBOOLEANRESULT" | "IFCBOOLEANCLIPPINGRESULT" if detail == Detail::Uncut => {
            record.get_ref(1)
        }
        _ => None,
    }
}

fn reference(id: Option<u32>) -> String {
    id.map_or_else(|| "$".into(), |id| format!("#{id}"))
}

/// `((1.,2.),(3.,4.))`; nothing when a number is not one.
fn rows_text<const N: usize>(rows: &[[f64; N]]) -> Option<String> {
    let mut text = String::with_capacity(rows.len() * N * 12);
    for row in rows {
        text.push_str(if text.is_empty() { "((" } else { "),(" });
        for (place, value) in row.iter().enumerate() {
            if !value.is_finite() {
                return None;
            }
            let comma = if place == 0 { "" } else { "," };
            // Nine decimals: a nanometre where the file counts metres.
            let _ = write!(text, "{comma}{value:.9}");
        }
    }
    text.push_str("))");
    (!rows.is_empty()).then_some(text)
}

/// Numbers of a list attribute.
fn numbers(value: &AttributeValue) -> Option<Vec<f64>> {
    value.as_list()?.iter().map(AttributeValue::as_float).collect()
}

/// A number that is more than nothing.
fn positive(record: &DecodedEntity, slot: usize) -> Option<f64> {
    record.get_float(slot).filter(|value| value.is_finite() && *value > 0.0)
}
