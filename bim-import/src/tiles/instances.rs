//! Things of a tile that are one thing in several places: chairs, lamps, windows, trees.
//! Their mesh is written once, and beside it where its copies stand.
//!
//! Models repeat shapes in every way: as mapped items, as types that each occurrence
//! copies, as equal numbers by chance. So nothing is asked of the model: two things are
//! equal where every vertex of one, moved and turned, lies on the other's.

use std::hash::{Hash, Hasher};

use glam::{DMat3, DQuat, DVec3};
use rustc_hash::{FxHashMap, FxHasher};

use super::item::Item;
use crate::mesh::{ElementMesh, MaterialClass};

/// A vertex this near to its place stands at it, along each axis, m: as near as vertices
/// that are welded for edges, and a small part of the 5 mm that a tile may be off.
const EQUAL_M: f64 = 2.0e-4;
/// How much unit normals of equal shapes may differ: two steps of a signed byte.
const EQUAL_NORMAL: f64 = 0.016;
/// What a shape has to save to be worth its draw calls, bytes.
pub(super) const MIN_SAVED: usize = 32 << 10;
/// Shapes of one tile: each takes a draw call for every material and one for its edges.
pub(super) const MAX_SHAPES: usize = 8;
/// What a triangle takes that shares no vertex, with three edges of its own.
const TRIANGLE_BYTES: usize = 3 * 24 + 3 * 2 + 3 * (2 * 12 + 2 * 2);
/// What a shape takes by itself in a file, in JSON most of all, bytes.
const SHAPE_BYTES: usize = 4 << 10;
/// What a copy takes.
pub(super) const COPY_BYTES: usize = 32;

/// Where a copy of a shape stands: a point `p` of the first is at
/// `turn · (p − first.at) + at`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    /// Its number among the items.
    pub(super) item: usize,
    /// Local frame, m.
    pub(super) at: DVec3,
    /// As readers get it: of numbers of single precision.
    pub(super) turn: DQuat,
}

/// A mesh that stands in several places; the first copy is the one that is written.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) copies: Vec<Copy>,
    /// The farthest that a vertex of a copy is beside its place along one axis, m.
    pub(super) off_m: f64,
}

/// All shapes that occur more than once, those of the first items first.
pub(super) fn find(items: &[Item]) -> Vec<Shape> {
    let mut found: Vec<(Points<'_>, Shape)> = Vec::new();
    let mut known: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    for (number, item) in items.iter().enumerate() {
        let Some(points) = Points::of(item) else { continue };
        let alike = known.entry(topology(item)).or_default();
        let same = alike.iter().find_map(|&at| Some((at, found[at].0.place(&points)?)));
        if let Some((at, (turn, off_m))) = same {
            let shape = &mut found[at].1;
            shape.copies.push(Copy { item: number, at: points.at, turn });
            shape.off_m = shape.off_m.max(off_m);
        } else {
            alike.push(found.len());
            let first = Copy { item: number, at: points.at, turn: DQuat::IDENTITY };
            found.push((points, Shape { copies: vec![first], off_m: 0.0 }));
        }
    }
    let shapes = found.into_iter().map(|(_, shape)| shape);
    shapes.filter(|shape| shape.copies.len() > 1).collect()
}

/// Bytes that a file is smaller by where a mesh of so many bytes is written once.
pub(super) fn saved(one: usize, copies: usize) -> usize {
    (one * (copies - 1)).saturating_sub(copies * COPY_BYTES + SHAPE_BYTES)
}

/// At most so many, since vertices that are alike are written once anyway.
pub(super) fn most_saved(items: &[Item], shape: &Shape) -> usize {
    let meshes = &items[shape.copies[0].item].meshes;
    let triangles: usize = meshes.iter().map(|mesh| mesh.indices.len() / 3).sum();
    saved(triangles * TRIANGLE_BYTES, shape.copies.len())
}

/// What does not change when a thing is moved and turned: its colours, and which vertices
/// its triangles join.
fn topology(item: &Item) -> u64 {
    let mut hasher = FxHasher::default();
    // Edges of ground depend on the kind.
    item.kind.hash(&mut hasher);
    for mesh in &item.meshes {
        (mesh.class, mesh.rgba, mesh.positions.len()).hash(&mut hasher);
        mesh.indices.hash(&mut hasher);
    }
    hasher.finish()
}

/// The vertices of a thing.
struct Points<'a> {
    thing: &'a Item,
    /// The first vertex, local frame, m.
    at: DVec3,
    /// All of them, from the first.
    places: Vec<DVec3>,
    /// The vertex farthest from the first, and the one farthest beside the way to it:
    /// what the thing is turned by is read off these.
    far: [usize; 2],
}

impl<'a> Points<'a> {
    /// Nothing for what is part of something larger, or has no extent in two directions.
    fn of(thing: &'a Item) -> Option<Self> {
        let is_solid = thing.meshes.iter().all(|mesh| mesh.class != MaterialClass::Space);
        if thing.edges.is_some() || !is_solid {
            return None;
        }
        let places = thing.meshes.iter().flat_map(|mesh| {
            let origin = DVec3::from(mesh.origin);
            mesh.positions.iter().map(move |p| origin + DVec3::from(p.map(f64::from)))
        });
        let mut places: Vec<DVec3> = places.collect();
        let at = *places.first()?;
        places.iter_mut().for_each(|place| *place -= at);
        let farthest = |distance: &dyn Fn(DVec3) -> f64| {
            let far = places.iter().map(|place| distance(*place)).enumerate();
            far.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, distance)| *distance > EQUAL_M)
        };
        let (far, _) = farthest(&|place| place.length())?;
        let way = places[far].normalize();
        let (beside, _) = farthest(&|place| place.cross(way).length())?;
        Some(Self { thing, at, places, far: [far, beside] })
    }

    /// How another thing is turned against this one, where it is equal, as readers get it:
    /// in numbers of single precision. And the farthest that one of its vertices is beside
    /// its place along an axis, m.
    fn place(&self, other: &Points<'_>) -> Option<(DQuat, f64)> {
        if !self.is_alike(other) {
            return None;
        }
        let equal = |turn: DQuat| Some((turn, self.off(other, DMat3::from_quat(turn))?));
        equal(DQuat::IDENTITY).or_else(|| {
            let turn = other.axes(self.far)? * self.axes(self.far)?.transpose();
            equal(DQuat::from_mat3(&turn).normalize().as_quat().as_dquat())
        })
    }

    /// Whether two things may be equal: most that are not are told apart here.
    fn is_alike(&self, other: &Points<'_>) -> bool {
        let (own, others) = (&self.thing.meshes, &other.thing.meshes);
        let same = |(a, b): (&ElementMesh, &ElementMesh)| {
            let counts = a.positions.len() == b.positions.len();
            counts && (a.class, a.rgba) == (b.class, b.rgba) && a.indices == b.indices
        };
        let reach = |far: usize| {
            let [a, b] = [self, other].map(|points| points.places[far].length());
            (a - b).abs() <= 4.0 * EQUAL_M
        };
        self.thing.kind == other.thing.kind
            && self.places.len() == other.places.len()
            && own.len() == others.len()
            && self.far.into_iter().all(reach)
            && own.iter().zip(others).all(same)
    }

    /// Three axes at right angles that turn with the thing.
    fn axes(&self, [far, beside]: [usize; 2]) -> Option<DMat3> {
        let x = self.places[far].try_normalize()?;
        let z = x.cross(self.places[beside]).try_normalize()?;
        Some(DMat3::from_cols(x, z.cross(x), z))
    }

    /// How far another thing's vertices lie beside this one's, turned; nothing where
    /// they are not the same.
    fn off(&self, other: &Points<'_>, turn: DMat3) -> Option<f64> {
        let mut off_m = 0.0_f64;
        for (a, b) in self.places.iter().zip(&other.places) {
            let beside = (turn * *a - *b).abs();
            // What is no number is equal to nothing.
            if beside.is_nan() || beside.max_element() > EQUAL_M {
                return None;
            }
            off_m = off_m.max(beside.max_element());
        }
        let mut normals = self.normals().zip(other.normals());
        let same = |(a, b): (DVec3, DVec3)| (turn * a - b).abs().max_element() <= EQUAL_NORMAL;
        normals.all(same).then_some(off_m)
    }

    fn normals(&self) -> impl Iterator<Item = DVec3> {
        let normals = self.thing.meshes.iter().flat_map(|mesh| &mesh.normals);
        normals.map(|normal| DVec3::from(normal.map(f64::from)))
    }
}
