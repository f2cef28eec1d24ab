//! Buildings of which only the footprint or the edge of the roof is known are drawn up.

use hashbrown::{HashMap, HashSet};
use serde_json::Value;

use super::{City, Object, Role, Surface};
use crate::{
    imported::{Note, Severity},
    vector::area,
};

/// Height of a storey where only their number is known, m.
const STOREY_M: f64 = 3.0;
/// Nothing built is higher, m.
const MAX_HEIGHT_M: f64 = 1_000.0;
/// An edge of the roof lower over the footprint than this tells no height, m.
const MIN_HEIGHT_M: f64 = 0.5;

/// How high a building is, and how that is known.
#[derive(Clone, Copy)]
enum Height {
    Measured(f64),
    Edges(f64),
    Storeys(f64),
}

impl Height {
    fn metres(self) -> f64 {
        match self {
            Self::Measured(metres) | Self::Edges(metres) | Self::Storeys(metres) => metres,
        }
    }
}

/// A polygon seen from above: the outline counter-clockwise, then holes clockwise.
type Plan = Vec<Vec<[f64; 2]>>;

impl City {
    /// Makes solids of the footprints of buildings that have nothing better.
    pub(super) fn raise_footprints(&mut self) {
        let positions: HashMap<String, usize> =
            self.objects.iter().enumerate().map(|(n, object)| (object.id.clone(), n)).collect();
        let parent = |object: &Object| positions.get(object.parent.as_ref()?).copied();
        let mut wholes = HashSet::new();
        let mut raised = Vec::new();
        let (mut within, mut unknown) = (Vec::new(), Vec::new());
        for (n, object) in self.objects.iter().enumerate() {
            if !object.is_footprint || object.surfaces.is_empty() {
                continue;
            }
            let whole = parent(object).filter(|whole| *whole != n);
            let drawn = |whole: &Object| !whole.is_footprint && !whole.surfaces.is_empty();
            if whole.is_some_and(|whole| drawn(&self.objects[whole])) {
                within.push(n);
                continue;
            }
            let stated = || stated(object).or_else(|| stated(&self.objects[whole?]));
            match self.edges(object).into_iter().chain(stated()).min_by_key(|height| match height {
                Height::Measured(_) => 0,
                Height::Edges(_) => 1,
                Height::Storeys(_) => 2,
            }) {
                Some(height) => {
                    wholes.extend(whole);
                    raised.push((n, height));
                }
                None => unknown.push(n),
            }
        }
        // The parts are drawn, the whole over them is not.
        raised.retain(|(n, _)| !wholes.contains(n));
        unknown.retain(|n| !wholes.contains(n));
        within.extend(&wholes);
        for n in within {
            if self.objects[n].is_footprint {
                self.objects[n].surfaces.clear();
            }
        }
        self.say(&raised, &unknown);
        for (n, height) in raised {
            self.raise(n, height.metres());
        }
        for n in unknown {
            self.objects[n].surfaces.clear();
        }
    }

    fn say(&mut self, raised: &[(usize, Height)], unknown: &[usize]) {
        let count = |is: fn(&Height) -> bool| raised.iter().filter(|(_, h)| is(h)).count();
        for (count, how) in [
            (count(|h| matches!(h, Height::Measured(_))), "their measured height"),
            (count(|h| matches!(h, Height::Edges(_))), "the height of their roof's edge"),
            (count(|h| matches!(h, Height::Storeys(_))), "3 m for each storey above ground"),
        ] {
            if count > 0 {
                let text = format!(
                    "{count} buildings have only a footprint or the edge of their roof (LoD 0): drawn up by {how}"
                );
                self.notes.push(Note::source(Severity::Approximated, text));
            }
        }
        for &n in unknown {
            let object = &self.objects[n];
            let reason = "has only a footprint (LoD 0), and neither measuredHeight nor storeysAboveGround says how high it is";
            let (id, class) = (object.id.as_str(), object.class.as_str());
            self.notes.push(Note::element(Severity::Dropped, id, class, reason));
        }
    }

    /// Metres of one unit of the heights, negative where depths are counted.
    fn metres(&self) -> f64 {
        self.crs.as_ref().map_or(1.0, |crs| crs.height_m(1.0))
    }

    /// Lowest and highest point of the surfaces of one role, m.
    fn range(&self, object: &Object, role: Role) -> Option<[f64; 2]> {
        let of_role = object.surfaces.iter().filter(|surface| surface.role == role);
        let used = of_role.flat_map(|surface| surface.rings.iter().flatten());
        let heights = used.filter_map(|&i| Some(self.vertices.get(i as usize)?[2] * self.metres()));
        heights.map(|z| [z, z]).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
    }

    /// From the footprint up to the edge of the roof, where there are both.
    fn edges(&self, object: &Object) -> Option<Height> {
        let foot = self.range(object, Role::Ground)?;
        let edge = self.range(object, Role::Roof)?;
        let metres = edge[0] - foot[0];
        (MIN_HEIGHT_M..=MAX_HEIGHT_M).contains(&metres).then_some(Height::Edges(metres))
    }

    fn raise(&mut self, n: usize, height_m: f64) {
        let object = &self.objects[n];
        // One of them is drawn: where both are, walls stand on the footprint.
        let roles = [Role::Ground, Role::Unsaid, Role::Roof];
        let role = roles.into_iter().find_map(|role| Some((role, self.range(object, role)?)));
        let Some((role, [low, high])) = role else { return };
        let bottom = if role == Role::Roof { high - height_m } else { low };
        let [bottom, top] = [bottom, bottom + height_m].map(|z| z / self.metres());
        let plans: Vec<(Plan, Option<[u8; 3]>)> = object
            .surfaces
            .iter()
            .filter(|surface| surface.role == role)
            .filter_map(|surface| Some((self.plan(surface)?, surface.color)))
            .collect();
        let mut surfaces = Vec::new();
        for (plan, color) in plans {
            self.solid(&plan, [bottom, top], color, &mut surfaces);
        }
        let object = &mut self.objects[n];
        object.solid = true;
        object.surfaces = surfaces;
    }

    /// A surface seen from above; nothing without an outline.
    fn plan(&self, surface: &Surface) -> Option<Plan> {
        let ring = |n: usize, ring: &[u32]| {
            let mut points: Vec<[f64; 2]> = Vec::with_capacity(ring.len());
            for vertex in ring.iter().filter_map(|&i| self.vertices.get(i as usize)) {
                let point = [vertex[0], vertex[1]];
                if points.last() != Some(&point) {
                    points.push(point);
                }
            }
            while points.len() > 1 && points.first() == points.last() {
                points.pop();
            }
            if (area(&points) > 0.0) != (n == 0) {
                points.reverse();
            }
            points
        };
        let rings = surface.rings.iter().enumerate().map(|(n, points)| ring(n, points));
        let rings: Plan = rings.collect();
        if rings.first().is_none_or(|outline| outline.len() < 3) {
            return None;
        }
        Some(rings.into_iter().filter(|ring| ring.len() > 2).collect())
    }

    fn solid(
        &mut self,
        plan: &Plan,
        levels: [f64; 2],
        color: Option<[u8; 3]>,
        into: &mut Vec<Surface>,
    ) {
        let (mut floor, mut roof) = (Vec::new(), Vec::new());
        for ring in plan {
            let mut at = |z: f64| -> Vec<u32> {
                let first = self.vertices.len() as u32;
                self.vertices.extend(ring.iter().map(|[x, y]| [*x, *y, z]));
                (first..first + ring.len() as u32).collect()
            };
            let [bottom, top] = levels.map(&mut at);
            for i in 0..ring.len() {
                let j = (i + 1) % ring.len();
                let rings = vec![vec![bottom[i], bottom[j], top[j], top[i]]];
                into.push(Surface { role: Role::Wall, color, rings });
            }
            floor.push(bottom.into_iter().rev().collect());
            roof.push(top);
        }
        into.push(Surface { role: Role::Ground, color, rings: floor });
        into.push(Surface { role: Role::Roof, color, rings: roof });
    }
}

/// What an object's attributes say of its height.
fn stated(object: &Object) -> Option<Height> {
    let number = |key: &str| match object.attributes.get(key)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let height = number("measuredHeight").or_else(|| number("height"));
    let height = height.filter(|metres| *metres > 0.0 && *metres <= MAX_HEIGHT_M);
    let storeys = || number("storeysAboveGround").map(|count| count * STOREY_M);
    let storeys = || storeys().filter(|metres| *metres > 0.0 && *metres <= MAX_HEIGHT_M);
    height.map(Height::Measured).or_else(|| storeys().map(Height::Storeys))
}
