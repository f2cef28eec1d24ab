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
const MIN_SAVED: usize = 32 << 10;
/// Shapes of one tile: each takes a draw call for every material and one for its edges.
const MAX_SHAPES: usize = 8;
/// What a shape takes by itself in a file, in JSON most of all, bytes.
const SHAPE_BYTES: usize = 4 << 10;
/// What a copy takes.
pub(super) const COPY_BYTES: usize = 32;
/// Bytes of a vertex of a surface, and of an index of a small mesh.
const VERTEX_BYTES: usize = 24;
const INDEX_BYTES: usize = 2;

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

/// The shapes that are worth being written once, those of the first items first.
pub(super) fn find(items: &[Item]) -> Vec<Shape> {
    let mut shapes: Vec<(usize, Shape)> = repeated(items)
        .into_iter()
        .filter_map(|shape| Some((saved(items, &shape)?, shape)))
        .filter(|(saved, _)| *saved >= MIN_SAVED)
        .collect();
    shapes.sort_by_key(|(saved, shape)| (usize::MAX - saved, shape.copies[0].item));
    shapes.truncate(MAX_SHAPES);
    shapes.sort_by_key(|(_, shape)| shape.copies[0].item);
    shapes.into_iter().map(|(_, shape)| shape).collect()
}

/// Bytes that a file is smaller by where a shape is written once, edges not counted.
fn saved(items: &[Item], shape: &Shape) -> Option<usize> {
    let meshes = &items[shape.copies[0].item].meshes;
    let bytes = |mesh: &ElementMesh| {
        mesh.positions.len() * VERTEX_BYTES + mesh.indices.len() * INDEX_BYTES
    };
    let one: usize = meshes.iter().map(bytes).sum();
    let copies = shape.copies.len();
    (one * (copies - 1)).checked_sub(copies * COPY_BYTES + SHAPE_BYTES)
}

/// All shapes that occur more than once.
fn repeated(items: &[Item]) -> Vec<Shape> {
    let mut found: Vec<(Points<'_>, Shape)> = Vec::new();
    let mut alike: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    for (number, item) in items.iter().enumerate() {
        let Some(points) = Points::of(items, number) else { continue };
        let known = alike.entry(topology(item)).or_default();
        let copy = known.iter().find_map(|&at| Some((at, found[at].0.place(&points)?)));
        if let Some((at, (copy, off_m))) = copy {
            let shape = &mut found[at].1;
            shape.copies.push(copy);
            shape.off_m = shape.off_m.max(off_m);
        } else {
            known.push(found.len());
            let first = Copy { item: number, at: points.at, turn: DQuat::IDENTITY };
            found.push((points, Shape { copies: vec![first], off_m: 0.0 }));
        }
    }
    let shapes = found.into_iter().map(|(_, shape)| shape);
    shapes.filter(|shape| shape.copies.len() > 1).collect()
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
    item: usize,
    meshes: &'a [ElementMesh],
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
    fn of(items: &'a [Item], item: usize) -> Option<Self> {
        let Item { edges, meshes, .. } = &items[item];
        let is_whole = edges.is_none();
        let is_solid = meshes.iter().all(|mesh| mesh.class != MaterialClass::Space);
        if !is_whole || !is_solid {
            return None;
        }
        let places = meshes.iter().flat_map(|mesh| {
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
        Some(Self { item, meshes, at, places, far: [far, beside] })
    }

    /// How another thing is moved and turned against this one, where it is equal, and the
    /// farthest that one of its vertices is beside its place along an axis, m.
    fn place(&self, other: &Points<'_>) -> Option<(Copy, f64)> {
        let reach = |points: &Points<'_>| self.far.map(|far| points.places[far].length());
        let (own, others) = (reach(self), reach(other));
        // Most things that are not equal are told apart here.
        if (0..2).any(|n| (own[n] - others[n]).abs() > 4.0 * EQUAL_M) {
            return None;
        }
        let placed = |turn: DQuat| {
            let off_m = self.off(other, DMat3::from_quat(turn))?;
            Some((Copy { item: other.item, at: other.at, turn }, off_m))
        };
        placed(DQuat::IDENTITY).or_else(|| {
            let turn = other.axes(self.far)? * self.axes(self.far)?.transpose();
            let turn = DQuat::from_mat3(&turn).normalize();
            placed(turn.as_quat().as_dquat())
        })
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
            let beside = (turn * *a - *b).abs().max_element();
            // Not a number is not equal either.
            if !(beside <= EQUAL_M) {
                return None;
            }
            off_m = off_m.max(beside);
        }
        let normals = |points: &Points<'a>| points.meshes.iter().flat_map(|mesh| &mesh.normals);
        let same = |(a, b): (&[f32; 3], &[f32; 3])| {
            let [a, b] = [a, b].map(|normal| DVec3::from(normal.map(f64::from)));
            (turn * a - b).abs().max_element() <= EQUAL_NORMAL
        };
        let others = other.meshes.iter().flat_map(|mesh| &mesh.normals);
        normals(self).zip(others).all(same).then_some(off_m)
    }
}
