//! What one picture of a whole scene shows: the things that stand together, and not what
//! lies a country away from them.

use hashbrown::HashMap;
use twin_model::{BoundingBox, Entity, EntityKind};

/// Things are gathered by cells of this size before they are compared, m.
const CELL_M: f64 = 1_000.0;
/// What is nearer than this to others always stands with them, m.
const NEAR_M: f64 = 500.0;
/// Most groups that are told apart; where there are more, nothing is a group.
const MAX_GROUPS: usize = 64;
/// How far the ground is shown beyond what stands on it, as a part of that.
const AROUND: f64 = 0.25;

/// Whether a box can be drawn: finite, and not larger than a city's region.
pub(super) fn is_sane(bbox: &BoundingBox) -> bool {
    bbox.size().iter().all(|size| size.is_finite() && *size < 1e5)
}

/// Whether an entity is ground, which goes on beyond what a scene is about.
fn is_ground(kind: EntityKind) -> bool {
    use EntityKind::{Green, Road, Site, Terrain, Water};
    matches!(kind, Site | Terrain | Road | Green | Water)
}

/// What the picture of a scene shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) bounds: BoundingBox,
    /// Whether roads, terrain and water go on beyond its edges.
    pub(super) goes_on: bool,
    /// Whether there is nothing but ground.
    all_ground: bool,
}

impl Frame {
    /// The frame around the largest group of things that stand together; nothing where
    /// there is nothing. `drawn` are the entities that are drawn, each with a sane box.
    pub(super) fn of<'a>(drawn: impl Iterator<Item = (&'a Entity, BoundingBox)>) -> Option<Self> {
        let mut things = Cells::default();
        let mut ground = Cells::default();
        for (entity, bbox) in drawn {
            if is_ground(entity.kind) { ground.add(&bbox) } else { things.add(&bbox) }
        }
        let Some(bounds) = things.largest_group() else {
            let bounds = ground.largest_group()?;
            return Some(Self { bounds, goes_on: false, all_ground: true });
        };
        let size = bounds.size();
        let around = (size[0].max(size[1]) * AROUND).max(5.0);
        let widest = BoundingBox {
            min: bounds.min.map(|low| low - around),
            max: bounds.max.map(|high| high + around),
        };
        let mut all = bounds;
        let mut goes_on = false;
        for bbox in ground.boxes().filter(|bbox| bbox.touches(&widest, 0.0)) {
            let min = [0, 1, 2].map(|axis| bbox.min[axis].max(widest.min[axis]));
            let max = [0, 1, 2].map(|axis| bbox.max[axis].min(widest.max[axis]));
            let shown = BoundingBox { min, max };
            goes_on |= shown != bbox;
            all = all.union(&shown);
        }
        Some(Self { bounds: all, goes_on, all_ground: false })
    }

    /// How far a thing lies outside the picture, m; nothing where some of it is inside. Of
    /// the ground that goes on, nothing is outside.
    pub(super) fn outside(&self, kind: EntityKind, bbox: &BoundingBox) -> Option<f64> {
        if bbox.touches(&self.bounds, 0.0) || is_ground(kind) && !self.all_ground {
            return None;
        }
        Some(gap(&self.bounds, bbox))
    }
}

/// How far two boxes are apart, m.
fn gap(a: &BoundingBox, b: &BoundingBox) -> f64 {
    let apart =
        [0, 1, 2].map(|axis| (a.min[axis] - b.max[axis]).max(b.min[axis] - a.max[axis]).max(0.0));
    apart.iter().map(|metres| metres * metres).sum::<f64>().sqrt()
}

/// Boxes gathered by the cells that their middles lie in.
#[derive(Default)]
struct Cells(HashMap<[i64; 3], (usize, BoundingBox)>);

impl Cells {
    fn add(&mut self, bbox: &BoundingBox) {
        // What is beyond all numbers is held at their ends.
        let cell = bbox.center().map(|metres| (metres / CELL_M).floor() as i64);
        let (count, all) = self.0.entry(cell).or_insert((0, *bbox));
        *count += 1;
        *all = all.union(bbox);
    }

    fn boxes(&self) -> impl Iterator<Item = BoundingBox> {
        self.0.values().map(|(_, bbox)| *bbox)
    }

    /// The box around the group with most things in it. A group takes in whatever is not
    /// farther from it than it is long.
    fn largest_group(&self) -> Option<BoundingBox> {
        let mut left: Vec<([i64; 3], usize, BoundingBox)> =
            self.0.iter().map(|(cell, (count, bbox))| (*cell, *count, *bbox)).collect();
        // The fullest first, by place where they are as full: always in the same order.
        left.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mut best: Option<(usize, BoundingBox)> = None;
        for _ in 0..MAX_GROUPS {
            let Some(&(_, _, seed)) = left.first() else { break };
            let group = grow(seed, &mut left);
            // Of two that are as large, the one found first.
            if best.is_none_or(|(count, _)| group.0 > count) {
                best = Some(group);
            }
        }
        best.map(|(_, bbox)| bbox)
    }
}

/// Takes out of `left` all that stands with a box: how many things that are, and the box
/// around them.
fn grow(seed: BoundingBox, left: &mut Vec<([i64; 3], usize, BoundingBox)>) -> (usize, BoundingBox) {
    let (mut count, mut all) = (0, seed);
    loop {
        let before = left.len();
        left.retain(|(_, things, bbox)| {
            let length = all.size().into_iter().fold(NEAR_M, f64::max);
            let joins = gap(&all, bbox) <= length;
            if joins {
                count += things;
                all = all.union(bbox);
            }
            !joins
        });
        if left.len() == before {
            return (count, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(kind: EntityKind) -> Entity {
        Entity {
            id: "a".into(),
            parent: None,
            kind,
            ifc_class: None,
            global_id: None,
            name: String::new(),
            storey: None,
            bbox: None,
            properties: std::collections::BTreeMap::new(),
            tags: vec![],
            source: 0,
        }
    }

    fn at(x: f64, y: f64, size: f64) -> BoundingBox {
        BoundingBox { min: [x, y, 0.0], max: [x + size, y + size, 10.0] }
    }

    fn frame(boxes: &[(EntityKind, BoundingBox)]) -> Option<Frame> {
        let all: Vec<_> = boxes.iter().map(|(kind, bbox)| (entity(*kind), *bbox)).collect();
        Frame::of(all.iter().map(|(entity, bbox)| (entity, *bbox)))
    }

    #[test]
    fn a_city_is_shown_whole_and_what_lies_a_country_away_is_not() {
        use EntityKind::Building;
        // 3 km of houses, a hundred metres between them, and two elsewhere.
        let mut boxes: Vec<_> =
            (0..30).map(|n| (Building, at(f64::from(n) * 100.0, 0.0, 10.0))).collect();
        boxes.push((Building, at(900_000.0, 0.0, 50.0)));
        boxes.push((Building, at(900_100.0, 0.0, 50.0)));
        let whole = frame(&boxes).unwrap();
        assert_eq!((whole.bounds.min[0], whole.bounds.max[0]), (0.0, 2_910.0));
        assert!(!whole.goes_on);
        let away = whole.outside(Building, &boxes[30].1).unwrap();
        assert!((away - 897_090.0).abs() < 1.0, "{away}");
        assert_eq!(whole.outside(Building, &boxes[29].1), None);
        // A village 2 km beyond the city is of it still; the order does not matter.
        boxes.push((Building, at(4_900.0, 0.0, 10.0)));
        boxes.reverse();
        assert_eq!(frame(&boxes).unwrap().bounds.max[0], 4_910.0);
    }

    #[test]
    fn the_larger_group_is_shown_though_the_other_is_denser() {
        use EntityKind::Element;
        let mut boxes: Vec<_> = (0..9).map(|_| (Element, at(500_000.0, 0.0, 5.0))).collect();
        boxes.extend((0..40).map(|n| (Element, at(f64::from(n) * 400.0, 0.0, 5.0))));
        assert_eq!(frame(&boxes).unwrap().bounds.min[0], 0.0);
    }

    #[test]
    fn ground_is_shown_around_what_stands_on_it() {
        use EntityKind::{Building, Terrain};
        let house = (Building, at(0.0, 0.0, 100.0));
        let land = (Terrain, at(-20_000.0, -20_000.0, 40_000.0));
        let both = frame(&[house, land]).unwrap();
        assert_eq!((both.bounds.min[0], both.bounds.max[0]), (-25.0, 125.0));
        assert!(both.goes_on);
        assert_eq!(both.outside(Terrain, &at(500.0, 0.0, 5.0)), None);
        let alone = frame(&[land]).unwrap();
        assert_eq!(alone.bounds, land.1);
        assert!(!alone.goes_on);
        assert_eq!(frame(&[]), None);
    }
}
