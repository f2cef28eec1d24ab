//! Buildings and their parts: where parts make up a building, its outline is not drawn
//! over them.

use geojson::{Feature, GeometryValue};
use hashbrown::{HashMap, HashSet};

use super::{
    super::style,
    rings::{self, Ring},
};
use crate::vector::{area, holds};

/// Share of a building's area that its parts must cover to stand for it.
const COVERED: f64 = 0.7;
/// Cells of the search grid, °: some hundred metres.
const CELL_DEG: f64 = 0.005;

/// What buildings and parts are to each other, by their positions in the list.
#[derive(Default)]
pub(super) struct Parts {
    /// Buildings whose parts are drawn instead.
    pub(super) drawn_by_parts: HashSet<usize>,
    /// The building of each part.
    pub(super) parents: HashMap<usize, usize>,
}

struct Outline {
    at: usize,
    polygons: Vec<Ring>,
    extent: [f64; 4],
    area: f64,
}

/// Sorts buildings before their parts and relates them.
pub(super) fn relate(features: &mut [Feature]) -> Parts {
    features.sort_by_key(is_part);
    let mut parts = Parts::default();
    let first = features.partition_point(|feature| !is_part(feature));
    if first == features.len() {
        return parts;
    }
    let outlines: Vec<Outline> = (0..first).filter_map(|at| outline(at, &features[at])).collect();
    let mut grid: HashMap<[i32; 2], Vec<usize>> = HashMap::new();
    for (n, outline) in outlines.iter().enumerate() {
        let [low, high] = [0, 2].map(|i| cell([outline.extent[i], outline.extent[i + 1]]));
        // What spans many cells is no building.
        if high[0] - low[0] > 8 || high[1] - low[1] > 8 {
            continue;
        }
        for x in low[0]..=high[0] {
            for y in low[1]..=high[1] {
                grid.entry([x, y]).or_default().push(n);
            }
        }
    }
    let mut covered = vec![0.0; outlines.len()];
    for (at, feature) in features.iter().enumerate().skip(first) {
        let Some(part) = outline(at, feature) else { continue };
        let Some(point) = part.polygons.first().map(|ring| inside(ring)) else { continue };
        let candidates = grid.get(&cell(point)).map_or(&[][..], Vec::as_slice);
        let within = candidates
            .iter()
            .copied()
            .filter(|n| outlines[*n].polygons.iter().any(|polygon| holds(polygon, point)));
        let smallest = within.min_by(|a, b| outlines[*a].area.total_cmp(&outlines[*b].area));
        if let Some(n) = smallest {
            parts.parents.insert(at, outlines[n].at);
            covered[n] += part.area;
        }
    }
    for (outline, covered) in outlines.iter().zip(covered) {
        if covered >= COVERED * outline.area {
            parts.drawn_by_parts.insert(outline.at);
        }
    }
    parts
}

fn is_part(feature: &Feature) -> bool {
    let properties = feature.properties.as_ref();
    properties.is_some_and(|p| {
        style::text(p, "building:part").is_some_and(|part| part != "no")
            && style::text(p, "building").is_none_or(|building| building == "no")
    })
}

fn outline(at: usize, feature: &Feature) -> Option<Outline> {
    let properties = feature.properties.as_ref()?;
    if !["building", "building:part"].iter().any(|key| properties.contains_key(*key)) {
        return None;
    }
    let ring =
        |ring: &Vec<geojson::Position>| -> Ring { ring.iter().map(|p| [p[0], p[1]]).collect() };
    let polygons: Vec<Ring> = match &feature.geometry.as_ref()?.value {
        GeometryValue::Polygon { coordinates } => {
            coordinates.first().map(ring).into_iter().collect()
        }
        GeometryValue::MultiPolygon { coordinates } => {
            coordinates.iter().filter_map(|polygon| polygon.first().map(ring)).collect()
        }
        _ => return None,
    };
    let extent = rings::extent(&polygons.concat());
    let area = polygons.iter().map(|ring| area(ring).abs()).sum();
    Some(Outline { at, polygons, extent, area })
}

fn cell(point: [f64; 2]) -> [i32; 2] {
    point.map(|degrees| (degrees / CELL_DEG).floor() as i32)
}

/// A point inside a ring, near its middle where that is inside.
fn inside(ring: &[[f64; 2]]) -> [f64; 2] {
    let count = ring.len().max(1) as f64;
    let mean = [0, 1].map(|axis| ring.iter().map(|p| p[axis]).sum::<f64>() / count);
    if holds(ring, mean) {
        return mean;
    }
    // An L or a U: a little inwards of the middle of a side, on one side or the other.
    let found = (0..ring.len()).find_map(|i| {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        let middle = [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let out = [(b[1] - a[1]) * 0.05, (a[0] - b[0]) * 0.05];
        let sides =
            [[middle[0] - out[0], middle[1] - out[1]], [middle[0] + out[0], middle[1] + out[1]]];
        sides.into_iter().find(|point| holds(ring, *point))
    });
    found.unwrap_or(mean)
}
