//! A box around an element, read off its records without drawing anything: what is shown
//! of an element that cannot be tessellated in time.

use ifc_lite_core::{AttributeValue, DecodedEntity, EntityDecoder};
use rustc_hash::FxHashSet;
use twin_model::BoundingBox;

use super::{geometry::Part, rows::rows};
use crate::vector::{cross, sub};

/// Records looked at for one element.
const MAX_RECORDS: u32 = 4_000_000;
/// Deepest nesting of mapped items, booleans and lists followed.
const MAX_DEPTH: u32 = 64;

/// The corners of the box in the world, m; they follow the element's own axes.
pub(super) fn corners(
    product: &DecodedEntity,
    decoder: &mut EntityDecoder<'_>,
    unit_scale: f64,
    placement: &[f64; 16],
) -> Option<[[f64; 3]; 8]> {
    let shape = decoder.decode_by_id(product.get_ref(6)?).ok()?;
    let mut walk = Walk { decoder, seen: FxHashSet::default(), left: MAX_RECORDS };
    let mut all = None;
    for representation in shape.get_refs(2)? {
        let Some(representation) = walk.get(representation) else { continue };
        let word = representation.get_string(1).unwrap_or_default();
        if word.eq_ignore_ascii_case("Axis") || word.eq_ignore_ascii_case("FootPrint") {
            continue;
        }
        for item in representation.get_refs(3).unwrap_or_default() {
            all = union(all, walk.item(item, 0));
        }
    }
    let all: BoundingBox = all?;
    Some(corners_of(&all).map(|corner| {
        let [x, y, z] = corner.map(|value| value * unit_scale);
        [0, 1, 2].map(|row| {
            placement[row] * x
                + placement[row + 4] * y
                + placement[row + 8] * z
                + placement[row + 12]
        })
    }))
}

/// The box as triangles.
pub(super) fn part(corners: &[[f64; 3]; 8], color: [f32; 4]) -> Part {
    // Corner bits: x, y, z. Each face counter-clockwise from outside.
    const FACES: [[usize; 4]; 6] =
        [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let origin = corners[0];
    let mut part =
        Part { origin, positions: Vec::new(), normals: Vec::new(), indices: Vec::new(), color };
    for face in FACES {
        let base = (part.positions.len() / 3) as u32;
        let at = |place: usize| [0, 1, 2].map(|axis| corners[face[place]][axis] - origin[axis]);
        let (u, v) = (sub(at(1), at(0)), sub(at(3), at(0)));
        let normal =
            [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let length = normal.iter().map(|value| value * value).sum::<f64>().sqrt().max(1e-12);
        for place in 0..4 {
            part.positions.extend(at(place).map(|value| value as f32));
            part.normals.extend(normal.map(|value| (value / length) as f32));
        }
        part.indices.extend([0, 1, 2, 0, 2, 3].map(|corner| base + corner));
    }
    part
}

struct Walk<'w, 'a> {
    decoder: &'w mut EntityDecoder<'a>,
    seen: FxHashSet<u32>,
    left: u32,
}

impl Walk<'_, '_> {
    fn get(&mut self, id: u32) -> Option<DecodedEntity> {
        self.left = self.left.checked_sub(1)?;
        self.decoder.decode_by_id(id).ok()
    }

    /// Bounds of a representation item in its own coordinates, in the file's unit.
    fn item(&mut self, id: u32, depth: u32) -> Option<BoundingBox> {
        if depth > MAX_DEPTH {
            return None;
        }
        let item = self.get(id)?;
        match item.ifc_type.as_str() {
            "IFCMAPPEDITEM" => self.mapped(&item, depth),
            "IFCBOOLEANRESULT" | "IFCBOOLEANCLIPPINGRESULT" => {
                self.first_operand(item.get_ref(1)?, depth)
            }
            "IFCCSGSOLID" => self.item(item.get_ref(0)?, depth + 1),
            "IFCEXTRUDEDAREASOLID" | "IFCEXTRUDEDAREASOLIDTAPERED" => self.extrusion(&item),
            "IFCSWEPTDISKSOLID" | "IFCSWEPTDISKSOLIDPOLYGONAL" => {
                let path = self.points(item.get_ref(0)?)?;
                Some(grown(path, item.get_float(1)?.abs()))
            }
            _ => self.points(id),
        }
    }

    /// What a chain of booleans begins with; it may be longer than a stack is deep.
    fn first_operand(&mut self, mut id: u32, depth: u32) -> Option<BoundingBox> {
        loop {
            let item = self.get(id)?;
            match item.ifc_type.as_str() {
                "IFCBOOLEANRESULT" | "IFCBOOLEANCLIPPINGRESULT" => id = item.get_ref(1)?,
                _ => return self.item(id, depth + 1),
            }
        }
    }

    fn mapped(&mut self, item: &DecodedEntity, depth: u32) -> Option<BoundingBox> {
        let map = self.get(item.get_ref(0)?)?;
        let representation = self.get(map.get_ref(1)?)?;
        let mut all = None;
        for inner in representation.get_refs(3)? {
            all = union(all, self.item(inner, depth + 1));
        }
        let operator = self.get(item.get_ref(1)?)?;
        let origin = self.vector(operator.get_ref(2))?;
        let scale = operator.get_float(3).unwrap_or(1.0);
        let x = self.vector(operator.get_ref(0)).unwrap_or([1.0, 0.0, 0.0]);
        let y = self.vector(operator.get_ref(1)).unwrap_or([0.0, 1.0, 0.0]);
        let z = self.vector(operator.get_ref(4)).unwrap_or_else(|| cross(x, y));
        Some(moved(&all?, origin, [x, y, z].map(|axis| axis.map(|value| value * scale))))
    }

    fn extrusion(&mut self, item: &DecodedEntity) -> Option<BoundingBox> {
        let profile = self.profile(item.get_ref(0)?)?;
        let depth = item.get_float(3)?;
        let along = self.vector(item.get_ref(2))?.map(|value| value * depth);
        let far = BoundingBox {
            min: [0, 1, 2].map(|axis| profile.min[axis] + along[axis]),
            max: [0, 1, 2].map(|axis| profile.max[axis] + along[axis]),
        };
        let solid = profile.union(&far);
        let Some(position) = item.get_ref(1) else { return Some(solid) };
        let position = self.get(position)?;
        let origin = self.vector(position.get_ref(0))?;
        let z = self.vector(position.get_ref(1)).unwrap_or([0.0, 0.0, 1.0]);
        let x = self.vector(position.get_ref(2)).unwrap_or([1.0, 0.0, 0.0]);
        let y = cross(z, x);
        Some(moved(&solid, origin, [cross(y, z), y, z]))
    }

    /// Bounds of a profile: of the points it is drawn with, else of its largest measure.
    fn profile(&mut self, id: u32) -> Option<BoundingBox> {
        let drawn = self.points(id);
        let profile = self.get(id)?;
        let measures = (3..8).filter_map(|slot| profile.get_float(slot));
        let largest = measures.map(f64::abs).fold(0.0, f64::max);
        let whole = ["IFCCIRCLE", "IFCELLIPSE", "IFCZ"];
        let round = whole.iter().any(|name| profile.ifc_type.as_str().starts_with(name));
        let reach = if round { largest } else { largest / 2.0 };
        match drawn {
            Some(drawn) => Some(grown_flat(drawn, reach)),
            None if reach > 0.0 => {
                Some(grown_flat(BoundingBox { min: [0.0; 3], max: [0.0; 3] }, reach))
            }
            None => None,
        }
    }

    /// Bounds of all points that can be reached from a record.
    fn points(&mut self, id: u32) -> Option<BoundingBox> {
        let mut all = None;
        let mut open = vec![id];
        self.seen.clear();
        while let Some(id) = open.pop() {
            if !self.seen.insert(id) {
                continue;
            }
            if let Some(list) = self.point_list(id) {
                all = union(all, BoundingBox::around(rows(list)));
                continue;
            }
            let Some(record) = self.get(id) else { continue };
            match record.ifc_type.as_str() {
                "IFCCARTESIANPOINT" => {
                    let point = record.get(0).and_then(coordinates);
                    all = union(all, point.map(|point| BoundingBox { min: point, max: point }));
                }
                _ => record.attributes.iter().for_each(|value| references(value, &mut open, 0)),
            }
        }
        all.filter(|bbox| bbox.min.iter().chain(&bbox.max).all(|value| value.is_finite()))
    }

    /// The text of a record, if it is a list of points.
    fn point_list(&mut self, id: u32) -> Option<&[u8]> {
        let text = self.decoder.get_raw_bytes(id)?;
        let head = &text[..text.len().min(80)];
        let keyword = b"IFCCARTESIANPOINTLIST";
        let is_list = head.windows(keyword.len()).any(|w| w.eq_ignore_ascii_case(keyword));
        is_list.then_some(text)
    }

    /// A point's coordinates or a direction's ratios.
    fn vector(&mut self, id: Option<u32>) -> Option<[f64; 3]> {
        coordinates(self.get(id?)?.get(0)?)
    }
}

fn references(value: &AttributeValue, open: &mut Vec<u32>, depth: u32) {
    if let Some(id) = value.as_entity_ref() {
        open.push(id);
    } else if let (Some(values), true) = (value.as_list(), depth < MAX_DEPTH) {
        values.iter().for_each(|value| references(value, open, depth + 1));
    }
}

fn coordinates(value: &AttributeValue) -> Option<[f64; 3]> {
    let values = value.as_list()?;
    let at = |place: usize| values.get(place).and_then(AttributeValue::as_float);
    Some([at(0)?, at(1)?, at(2).unwrap_or_default()])
}

fn union(a: Option<BoundingBox>, b: Option<BoundingBox>) -> Option<BoundingBox> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.union(&b)),
        (a, b) => a.or(b),
    }
}

fn grown(bbox: BoundingBox, by: f64) -> BoundingBox {
    BoundingBox { min: bbox.min.map(|v| v - by), max: bbox.max.map(|v| v + by) }
}

fn grown_flat(bbox: BoundingBox, by: f64) -> BoundingBox {
    let BoundingBox { min: [a, b, c], max: [d, e, f] } = bbox;
    BoundingBox { min: [a - by, b - by, c], max: [d + by, e + by, f] }
}

fn corners_of(bbox: &BoundingBox) -> [[f64; 3]; 8] {
    [0, 1, 2, 3, 4, 5, 6, 7].map(|corner: usize| {
        [0, 1, 2].map(|axis| if corner >> axis & 1 == 1 { bbox.max[axis] } else { bbox.min[axis] })
    })
}

fn moved(bbox: &BoundingBox, origin: [f64; 3], axes: [[f64; 3]; 3]) -> BoundingBox {
    let place = |corner: [f64; 3]| {
        [0, 1, 2]
            .map(|row| origin[row] + (0..3).map(|axis| axes[axis][row] * corner[axis]).sum::<f64>())
    };
    BoundingBox::around(corners_of(bbox).map(place)).unwrap_or(*bbox)
}
