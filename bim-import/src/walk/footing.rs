//! What the walking graph needs of the geometry, gathered while elements are drawn, so
//! that no mesh has to be kept for it: outlines of what one passes, and the floor plan of
//! what one cannot.

use hashbrown::HashMap;
use twin_model::{BoundingBox, Entity, EntityId, EntityKind};

use crate::mesh::ElementMesh;

/// How many directions an outline is measured in: its rectangle is off by at most half a
/// step, 2.5°.
const DIRECTIONS: usize = 36;
/// Height above the foot of an element at which its plan is cut, m.
const FIRST_CUT_M: f64 = 1.0;
/// Distance of further cuts, less than the height in which a storey looks for them, m.
const CUT_STEP_M: f64 = 1.7;
/// More cuts than a tower has storeys are a broken element.
const MAX_CUTS: usize = 400;
/// Most barrier segments kept, 24 bytes each.
const MAX_BARRIERS: usize = 6_000_000;

/// Outlines and barriers of one source, in the scene's local frame.
#[derive(Clone, Debug, Default)]
pub struct Footing {
    outlines: HashMap<EntityId, Outline>,
    /// Pieces of walls and the like where their plan is cut.
    barriers: Vec<Barrier>,
    /// What barriers count from: map coordinates are too large for `f32`.
    base: Option<[f64; 2]>,
}

/// Extent of a door, opening, stair, ramp or lift in plan, by directions.
#[derive(Clone, Debug)]
struct Outline {
    low: [f32; DIRECTIONS],
    high: [f32; DIRECTIONS],
    z: [f64; 2],
    origin: [f64; 2],
}

/// A piece of a wall's plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Barrier {
    pub(crate) a: [f32; 2],
    pub(crate) b: [f32; 2],
    pub(crate) z: f32,
}

/// A rectangle in plan, as small as it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rectangle {
    pub(crate) center: [f64; 2],
    /// Unit vector along the longer side.
    pub(crate) along: [f64; 2],
    /// Half the longer and the shorter side, m.
    pub(crate) half: [f64; 2],
    /// Lowest and highest point, m.
    pub(crate) z: [f64; 2],
}

impl Footing {
    /// With room for those of some sources.
    pub(crate) fn with_room<'a>(sources: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let outlines = sources.clone().map(|source| source.outlines.len()).sum();
        let barriers: usize = sources.map(|source| source.barriers.len()).sum();
        Self {
            outlines: HashMap::with_capacity(outlines),
            barriers: Vec::with_capacity(barriers.min(MAX_BARRIERS)),
            base: None,
        }
    }

    /// Takes in a part of an element.
    pub(crate) fn add(&mut self, entity: &Entity, mesh: &ElementMesh) {
        let class = entity.ifc_class.as_deref().unwrap_or_default();
        if is_passed(entity.kind) || class.starts_with("IfcOpening") {
            let outline =
                self.outlines.entry(entity.id.clone()).or_insert_with(|| Outline::at(mesh));
            outline.add(mesh);
        }
        if is_barrier(class) && self.barriers.len() < MAX_BARRIERS {
            let round = |metres: f64| (metres / 1_000.0).round() * 1_000.0;
            let base = self.base.get_or_insert([round(mesh.origin[0]), round(mesh.origin[1])]);
            cut(mesh, *base, &mut self.barriers);
        }
    }

    /// The rectangle around one of them.
    pub(crate) fn rectangle(&self, id: &EntityId) -> Option<Rectangle> {
        self.outlines.get(id).map(Outline::rectangle)
    }

    /// Whether a source had more walls than fit: then their plan is not whole.
    pub(crate) fn is_full(&self) -> bool {
        self.barriers.len() >= MAX_BARRIERS
    }

    /// Gives outlines the ids that their elements have in the scene.
    pub(crate) fn rename(&mut self, rename: impl Fn(&mut EntityId)) {
        let renamed = self.outlines.drain().map(|(mut id, outline)| {
            rename(&mut id);
            (id, outline)
        });
        self.outlines = renamed.collect();
    }

    /// Adds another source's.
    pub(crate) fn extend(&mut self, other: Self) {
        self.outlines.extend(other.outlines);
        let theirs = other.base.unwrap_or_default();
        let base = *self.base.get_or_insert(theirs);
        let shift = [theirs[0] - base[0], theirs[1] - base[1]];
        let moved =
            |[x, y]: [f32; 2]| [(f64::from(x) + shift[0]) as f32, (f64::from(y) + shift[1]) as f32];
        let room = MAX_BARRIERS.saturating_sub(self.barriers.len());
        self.barriers.extend(other.barriers.into_iter().take(room).map(|barrier| Barrier {
            a: moved(barrier.a),
            b: moved(barrier.b),
            z: barrier.z,
        }));
    }

    /// The barriers, and what they count from.
    pub(super) fn take_barriers(&mut self) -> (Vec<Barrier>, [f64; 2]) {
        (std::mem::take(&mut self.barriers), self.base.unwrap_or_default())
    }
}

fn is_passed(kind: EntityKind) -> bool {
    use EntityKind::{Door, Lift, Ramp, Stair};
    matches!(kind, Door | Stair | Ramp | Lift)
}

/// Whether one cannot walk through it. A door is shut here: what is behind it is found
/// through the door itself.
pub(super) fn is_barrier(class: &str) -> bool {
    const CLASSES: &[&str] = &[
        "IfcWall",
        "IfcWallStandardCase",
        "IfcWallElementedCase",
        "IfcCurtainWall",
        "IfcPlate",
        "IfcPlateStandardCase",
        "IfcMember",
        "IfcMemberStandardCase",
        "IfcColumn",
        "IfcColumnStandardCase",
        "IfcWindow",
        "IfcWindowStandardCase",
        "IfcDoor",
        "IfcDoorStandardCase",
        "IfcRailing",
    ];
    CLASSES.contains(&class)
}

fn direction(step: usize) -> [f64; 2] {
    let (sin, cos) = (std::f64::consts::PI * step as f64 / DIRECTIONS as f64).sin_cos();
    [cos, sin]
}

impl Outline {
    fn at(mesh: &ElementMesh) -> Self {
        Self {
            low: [f32::INFINITY; DIRECTIONS],
            high: [f32::NEG_INFINITY; DIRECTIONS],
            z: [f64::INFINITY, f64::NEG_INFINITY],
            origin: [mesh.origin[0], mesh.origin[1]],
        }
    }

    fn add(&mut self, mesh: &ElementMesh) {
        let shift = [mesh.origin[0] - self.origin[0], mesh.origin[1] - self.origin[1]];
        let directions: [[f64; 2]; DIRECTIONS] = std::array::from_fn(direction);
        for position in &mesh.positions {
            let [x, y, z] = position.map(f64::from);
            let (x, y, z) = (x + shift[0], y + shift[1], z + mesh.origin[2]);
            for (step, [cos, sin]) in directions.iter().enumerate() {
                let along = (x * cos + y * sin) as f32;
                self.low[step] = self.low[step].min(along);
                self.high[step] = self.high[step].max(along);
            }
            self.z = [self.z[0].min(z), self.z[1].max(z)];
        }
    }

    fn rectangle(&self) -> Rectangle {
        let width = |step: usize| f64::from(self.high[step] - self.low[step]);
        let across = |step: usize| (step + DIRECTIONS / 2) % DIRECTIONS;
        let area = |step: &usize| width(*step) * width(across(*step));
        // The first of equals, so that an upright box stays upright.
        let best = (0..DIRECTIONS)
            .reduce(|best, step| if area(&step) < area(&best) * 0.999 { step } else { best });
        let best = best.unwrap_or_default();
        let longer = if width(best) >= width(across(best)) { best } else { across(best) };
        let shorter = across(longer);
        let middle = |step: usize| f64::from(self.high[step] + self.low[step]) / 2.0;
        let (u, v) = (direction(longer), direction(shorter));
        let (along, over) = (middle(longer), middle(shorter));
        Rectangle {
            center: [0, 1].map(|axis| self.origin[axis] + u[axis] * along + v[axis] * over),
            along: u,
            half: [width(longer) / 2.0, width(shorter) / 2.0],
            z: self.z,
        }
    }
}

impl Rectangle {
    /// Of something known by its box only.
    pub(crate) fn of_box(bbox: &BoundingBox) -> Self {
        let size = bbox.size();
        let longer = usize::from(size[1] > size[0]);
        Self {
            center: [bbox.center()[0], bbox.center()[1]],
            along: if longer == 0 { [1.0, 0.0] } else { [0.0, 1.0] },
            half: [size[longer] / 2.0, size[1 - longer] / 2.0],
            z: [bbox.min[2], bbox.max[2]],
        }
    }

    /// A point so far from the middle along the long side and across it, m.
    pub(crate) fn point(&self, along: f64, across: f64) -> [f64; 2] {
        let [u, v] = self.along;
        [self.center[0] + u * along - v * across, self.center[1] + v * along + u * across]
    }
}

/// Cuts a part's plan at every height a person may meet it at.
fn cut(mesh: &ElementMesh, base: [f64; 2], into: &mut Vec<Barrier>) {
    let heights = mesh.positions.iter().map(|position| position[2]);
    let (low, high) = heights
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), z| (low.min(z), high.max(z)));
    let (low, high) = (f64::from(low), f64::from(high));
    if !low.is_finite() || high - low < 0.1 {
        return;
    }
    // Not quite at a round height, where vertices lie.
    let first = low + FIRST_CUT_M.min((high - low) / 2.0) + 0.000_7;
    let cuts = std::iter::successors(Some(first), |z| Some(z + CUT_STEP_M));
    let cuts: Vec<f64> = cuts.take_while(|z| *z < high).take(MAX_CUTS).collect();
    for triangle in mesh.indices.chunks_exact(3) {
        let corners = [0, 1, 2].map(|corner| mesh.positions[triangle[corner] as usize]);
        let z = corners.map(|corner| f64::from(corner[2]));
        let (bottom, top) = (z[0].min(z[1]).min(z[2]), z[0].max(z[1]).max(z[2]));
        let start = cuts.partition_point(|cut| *cut <= bottom);
        for &height in cuts[start..].iter().take_while(|cut| **cut < top) {
            if let Some([a, b]) = section(corners, height as f32) {
                let at = |point: [f32; 2]| {
                    [0, 1].map(|axis| {
                        (mesh.origin[axis] - base[axis] + f64::from(point[axis])) as f32
                    })
                };
                into.push(Barrier { a: at(a), b: at(b), z: (mesh.origin[2] + height) as f32 });
            }
        }
    }
}

/// Where a triangle crosses a height.
fn section(corners: [[f32; 3]; 3], height: f32) -> Option<[[f32; 2]; 2]> {
    let crossing = |from: usize, to: usize| {
        let (a, b) = (corners[from], corners[to]);
        ((a[2] < height) != (b[2] < height)).then(|| {
            let part = (height - a[2]) / (b[2] - a[2]);
            [0, 1].map(|axis| a[axis] + (b[axis] - a[axis]) * part)
        })
    };
    let mut found = [crossing(0, 1), crossing(1, 2), crossing(2, 0)].into_iter().flatten();
    Some([found.next()?, found.next()?])
}
