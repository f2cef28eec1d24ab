//! What a ray hits: exact, on the triangles that are drawn.
//!
//! A tile is cut into chunks of a few thousand triangles, each with its own hierarchy,
//! built when a ray first comes near it: so no build is long, and none is needless.

use glam::{DVec3, Vec3A};
use obvhs::{
    Boundable,
    aabb::Aabb,
    bvh2::Bvh2,
    ploc::{PlocBuilder, PlocSearchDistance, SortPrecision},
    ray::{Ray, RayHit},
};

use super::content::{Class, Content, Part};

/// Triangles of one chunk: a build of about a millisecond.
const CHUNK: usize = 4096;

/// A ray in the local frame; `direction` is a unit vector, so that distances are metres.
#[derive(Clone, Copy, Debug)]
pub struct WorldRay {
    /// Where it starts.
    pub origin: DVec3,
    /// Where it goes.
    pub direction: DVec3,
}

/// What a ray hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Feature of the tile.
    pub feature: usize,
    /// Distance from the ray's origin, m.
    pub distance: f64,
    /// Class of the part hit.
    pub class: Class,
}

/// The pick structure of one tile.
#[derive(Debug, Default)]
pub struct Picker {
    parts: Vec<Pickable>,
}

/// One part with surfaces.
#[derive(Debug)]
struct Pickable {
    /// Its number in the tile.
    part: usize,
    chunks: Vec<Chunk>,
    /// Around all of it, in normalised positions: of every copy, where there are several.
    bounds: Aabb,
    /// Over the copies; the chunks are those of one.
    copies: Option<Box<Tree>>,
}

#[derive(Debug)]
struct Chunk {
    first: usize,
    count: usize,
    bounds: Aabb,
    bvh: Option<Box<Tree>>,
}

struct Tree(Bvh2);

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tree({} nodes)", self.0.nodes.len())
    }
}

struct Boxed(Aabb);

impl Boundable for Boxed {
    fn aabb(&self) -> Aabb {
        self.0
    }
}

impl Picker {
    /// Cuts a tile into chunks; one pass over its vertices, no hierarchy yet.
    pub fn new(content: &Content) -> Self {
        let surfaces = content.parts.iter().enumerate().filter(|(_, part)| !part.class.is_lines());
        Self { parts: surfaces.map(|(part, _)| Pickable::new(content, part)).collect() }
    }

    /// The nearest hit that `visible` lets through, closer than `limit` metres.
    pub fn cast(
        &mut self,
        content: &Content,
        ray: &WorldRay,
        limit: f64,
        visible: impl Fn(Class, usize) -> bool,
    ) -> Option<Hit> {
        let mut nearest: Option<Hit> = None;
        for pickable in &mut self.parts {
            let class = content.parts[pickable.part].class;
            let limit = nearest.map_or(limit, |hit| hit.distance);
            let hit = pickable.cast(content, ray, limit, |feature| visible(class, feature));
            if let Some((distance, feature)) = hit {
                nearest = Some(Hit { feature, distance, class });
            }
        }
        nearest
    }

    /// Bytes the hierarchies built so far take.
    pub fn bytes(&self) -> usize {
        let tree = |tree: &Tree| {
            tree.0.nodes.len() * size_of::<obvhs::bvh2::node::Bvh2Node>()
                + tree.0.primitive_indices.len() * 4
        };
        let trees = |part: &Pickable| -> usize {
            let chunks = part.chunks.iter().filter_map(|chunk| chunk.bvh.as_deref());
            chunks.chain(part.copies.as_deref()).map(tree).sum()
        };
        self.parts.iter().map(trees).sum()
    }
}

impl Pickable {
    fn new(content: &Content, number: usize) -> Self {
        let part = &content.parts[number];
        let triangles = part.index_count / 3;
        let chunk = |first: usize| {
            let count = CHUNK.min(triangles - first);
            let triangles = first..first + count;
            let bounds = union(triangles.map(|triangle| triangle_bounds(content, part, triangle)));
            Chunk { first, count, bounds, bvh: None }
        };
        let chunks: Vec<Chunk> = (0..triangles).step_by(CHUNK).map(chunk).collect();
        let mut bounds = union(chunks.iter().map(|chunk| chunk.bounds));
        if part.copy(&content.bin, 0).is_some() {
            let one = bounds;
            bounds = union((0..part.copies()).map(|copy| copy_bounds(content, part, copy, &one)));
        }
        Self { part: number, chunks, bounds, copies: None }
    }

    /// Distance, m, and feature of the nearest hit.
    fn cast(
        &mut self,
        content: &Content,
        ray: &WorldRay,
        limit: f64,
        visible: impl Fn(usize) -> bool,
    ) -> Option<(f64, usize)> {
        let part = &content.parts[self.part];
        let (origin, direction, metres) = local_ray(part, ray);
        let mut local = ray_from(origin, direction);
        local.tmax = (limit / metres) as f32;
        if self.chunks.is_empty() || self.bounds.intersect_ray(&local) >= local.tmax {
            return None;
        }
        let hit = if part.copy(&content.bin, 0).is_some() {
            self.cast_copies(content, part, local, (origin, direction), visible)
        } else {
            nearest(&mut self.chunks, content, part, local, |triangle| {
                let vertex = part.index(&content.bin, triangle * 3) as usize;
                Some(part.feature(&content.bin, 0, vertex)).filter(|feature| visible(*feature))
            })
        };
        hit.map(|(distance, feature)| (f64::from(distance) * metres, feature))
    }

    /// The nearest hit among copies: the ray is turned and moved to each that it comes near.
    fn cast_copies(
        &mut self,
        content: &Content,
        part: &Part,
        ray: Ray,
        (origin, direction): (DVec3, DVec3),
        visible: impl Fn(usize) -> bool,
    ) -> Option<(f32, usize)> {
        let Self { chunks, copies, .. } = self;
        let tree = copies.get_or_insert_with(|| {
            let one = union(chunks.iter().map(|chunk| chunk.bounds));
            let boxes = (0..part.copies()).map(|copy| copy_bounds(content, part, copy, &one));
            Box::new(Tree(build(&boxes.map(Boxed).collect::<Vec<_>>())))
        });
        let mut hit: Option<(f32, usize)> = None;
        tree.0.ray_traverse(ray, &mut RayHit::none(), |ray, slot| {
            let number = tree.0.primitive_indices[slot] as usize;
            let feature = part.feature(&content.bin, number, 0);
            let copy = part.copy(&content.bin, number).filter(|_| visible(feature));
            let Some(copy) = copy else { return f32::INFINITY };
            let back = copy.rotation.inverse();
            let mut own = ray_from(back * (origin - copy.translation), back * direction);
            own.tmax = hit.map_or(ray.tmax, |(distance, _)| distance);
            let found = nearest(chunks, content, part, own, |_| Some(feature));
            hit = found.or(hit);
            found.map_or(f32::INFINITY, |(distance, _)| distance)
        });
        hit
    }
}

/// The nearest triangle of some chunks before a ray's end, of which `owner` tells a
/// feature: how far it is, and that feature.
fn nearest(
    chunks: &mut [Chunk],
    content: &Content,
    part: &Part,
    mut ray: Ray,
    owner: impl Fn(usize) -> Option<usize>,
) -> Option<(f32, usize)> {
    let mut nearest = None;
    for chunk in chunks {
        if chunk.bounds.intersect_ray(&ray) >= ray.tmax {
            continue;
        }
        let tree = chunk.bvh.get_or_insert_with(|| {
            let triangles = chunk.first..chunk.first + chunk.count;
            let boxes = triangles.map(|triangle| triangle_bounds(content, part, triangle));
            Box::new(Tree(build(&boxes.map(Boxed).collect::<Vec<_>>())))
        });
        let mut closest = ray.tmax;
        tree.0.ray_traverse(ray, &mut RayHit::none(), |ray, slot| {
            let triangle = chunk.first + tree.0.primitive_indices[slot] as usize;
            let distance = intersect(ray, &corners(content, part, triangle));
            if distance < closest {
                let Some(feature) = owner(triangle) else { return f32::INFINITY };
                closest = distance;
                nearest = Some((distance, feature));
            }
            distance
        });
        ray.tmax = closest;
    }
    nearest
}

/// The ray in the part's normalised positions, where it starts and where it goes, and the
/// metres of one unit along it. Its direction is made a unit vector there too: the box
/// test rounds by absolute amounts.
fn local_ray(part: &Part, ray: &WorldRay) -> (DVec3, DVec3, f64) {
    let inverse = part.placement.inverse();
    let direction = inverse.transform_vector3(ray.direction);
    let units = direction.length().max(f64::MIN_POSITIVE);
    (inverse.transform_point3(ray.origin), direction / units, 1.0 / units)
}

fn ray_from(origin: DVec3, direction: DVec3) -> Ray {
    Ray::new_inf(origin.as_vec3a(), direction.as_vec3a())
}

fn union(boxes: impl Iterator<Item = Aabb>) -> Aabb {
    boxes.fold(Aabb::empty(), |all, one| all.union(&one))
}

/// The box around a copy of something with a box.
fn copy_bounds(content: &Content, part: &Part, copy: usize, one: &Aabb) -> Aabb {
    /// A copy is one unit large, and may be thousands of them away from the ray's start,
    /// where single precision is this coarse.
    const ROUNDING: f32 = 0.01;
    let Some(copy) = part.copy(&content.bin, copy) else { return *one };
    let (rotation, translation) = (copy.rotation.as_quat(), copy.translation.as_vec3a());
    let mut bounds = Aabb::empty();
    for corner in 0..8_u32 {
        let pick = |bit: u32, low: f32, high: f32| if corner >> bit & 1 == 0 { low } else { high };
        let corner = Vec3A::new(
            pick(0, one.min.x, one.max.x),
            pick(1, one.min.y, one.max.y),
            pick(2, one.min.z, one.max.z),
        );
        bounds.extend(rotation * corner + translation);
    }
    bounds.min -= Vec3A::splat(ROUNDING);
    bounds.max += Vec3A::splat(ROUNDING);
    bounds
}

/// Flat boxes would be missed by rounding.
fn padded(mut bounds: Aabb) -> Aabb {
    const HALF_STEP: f32 = 0.5 / 65_535.0;
    bounds.min -= Vec3A::splat(HALF_STEP);
    bounds.max += Vec3A::splat(HALF_STEP);
    bounds
}

fn corners(content: &Content, part: &Part, triangle: usize) -> [Vec3A; 3] {
    [0, 1, 2].map(|corner| {
        let vertex = part.index(&content.bin, triangle * 3 + corner) as usize;
        Vec3A::from_array(part.position(&content.bin, vertex))
    })
}

fn triangle_bounds(content: &Content, part: &Part, triangle: usize) -> Aabb {
    let mut bounds = Aabb::empty();
    for corner in corners(content, part, triangle) {
        bounds.extend(corner);
    }
    padded(bounds)
}

fn build(boxes: &[Boxed]) -> Bvh2 {
    // The crate's own helpers time themselves with a clock that a browser does not have.
    PlocBuilder::with_capacity(boxes.len()).build(
        PlocSearchDistance::VeryLow,
        boxes,
        (0..boxes.len() as u32).collect(),
        SortPrecision::U64,
        0,
    )
}

/// Möller–Trumbore, both sides.
fn intersect(ray: &Ray, [a, b, c]: &[Vec3A; 3]) -> f32 {
    let (ab, ac) = (*b - *a, *c - *a);
    let p = ray.direction.cross(ac);
    let determinant = ab.dot(p);
    if determinant == 0.0 {
        return f32::INFINITY;
    }
    let inverse = 1.0 / determinant;
    let s = ray.origin - *a;
    let u = s.dot(p) * inverse;
    let q = s.cross(ab);
    let v = ray.direction.dot(q) * inverse;
    let t = ac.dot(q) * inverse;
    let inside = u >= 0.0 && v >= 0.0 && u + v <= 1.0 && t > ray.tmin;
    if inside { t } else { f32::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tiles::{
        content::Copy,
        sample::{heap, sheet},
        shape,
    };

    fn down(x: f64, y: f64) -> WorldRay {
        WorldRay { origin: DVec3::new(x, y, 900.0), direction: DVec3::NEG_Z }
    }

    /// The same by trying every triangle of every copy.
    fn brute(content: &Content, ray: &WorldRay, visible: impl Fn(usize) -> bool) -> Option<Hit> {
        let mut nearest: Option<Hit> = None;
        for part in content.parts.iter().filter(|part| !part.class.is_lines()) {
            let (origin, direction, metres) = local_ray(part, ray);
            for copy in 0..part.copies() {
                let local = match part.copy(&content.bin, copy) {
                    Some(Copy { rotation, translation }) => {
                        let back = rotation.inverse();
                        ray_from(back * (origin - translation), back * direction)
                    }
                    None => ray_from(origin, direction),
                };
                for triangle in 0..part.index_count / 3 {
                    let units = intersect(&local, &corners(content, part, triangle));
                    let distance = f64::from(units) * metres;
                    if !distance.is_finite() || nearest.is_some_and(|hit| distance >= hit.distance)
                    {
                        continue;
                    }
                    let vertex = part.index(&content.bin, triangle * 3) as usize;
                    let feature = part.feature(&content.bin, copy, vertex);
                    if visible(feature) {
                        nearest = Some(Hit { feature, distance, class: part.class });
                    }
                }
            }
        }
        nearest
    }

    #[test]
    fn finds_what_trying_every_triangle_finds() {
        let content = sheet(100, 3);
        let mut picker = Picker::new(&content);
        assert!(picker.parts[0].chunks.len() > 1);
        let everything = |_: Class, _: usize| true;
        for step in 0..200 {
            let at = f64::from(step);
            let aslant = WorldRay {
                origin: DVec3::new(at * 2.5, 30.0, 90.0),
                direction: DVec3::new(0.2, -0.9, -0.15).normalize(),
            };
            for ray in [down(at * 2.5, at * -2.4), aslant] {
                let hit = picker.cast(&content, &ray, 1e6, everything);
                assert_eq!(hit, brute(&content, &ray, |_| true), "{ray:?}");
            }
        }
        assert!(picker.bytes() > 0);
    }

    #[test]
    fn what_is_hidden_lets_the_ray_through_and_a_limit_stops_it() {
        let content = sheet(50, 3);
        let mut picker = Picker::new(&content);
        let ray = WorldRay {
            origin: DVec3::new(-10.0, -100.0, 35.0),
            direction: DVec3::new(1.0, -0.01, 0.0).normalize(),
        };
        let first = picker.cast(&content, &ray, 1e6, |_, _| true).unwrap();
        let second = picker.cast(&content, &ray, 1e6, |_, feature| feature != first.feature);
        assert_eq!(second, brute(&content, &ray, |feature| feature != first.feature));
        assert_ne!(second.map(|hit| hit.feature), Some(first.feature));
        assert_eq!(picker.cast(&content, &ray, first.distance * 0.9, |_, _| true), None);
    }

    #[test]
    fn copies_are_hit_where_they_stand() {
        let content = heap(16);
        let mut picker = Picker::new(&content);
        let (mut boxes, mut floor) = (0, 0);
        for step in 0..120 {
            let at = f64::from(step);
            let aslant = WorldRay {
                origin: DVec3::new(at * 0.44, 4.0, 20.0),
                direction: DVec3::new(0.1, -0.8, -0.5).normalize(),
            };
            for ray in [down(at * 0.44, at * -0.41), aslant] {
                let hit = picker.cast(&content, &ray, 1e6, |_, _| true);
                assert_eq!(hit, brute(&content, &ray, |_| true), "{ray:?}");
                match hit {
                    Some(Hit { class: Class::Ground, .. }) => floor += 1,
                    Some(Hit { feature, .. }) => {
                        boxes += 1;
                        // Hidden, it lets the ray through to what is behind it.
                        let rest = |other: usize| other != feature;
                        let behind = picker.cast(&content, &ray, 1e6, |_, other| rest(other));
                        assert_eq!(behind, brute(&content, &ray, rest), "{ray:?}");
                    }
                    None => {}
                }
            }
        }
        assert!(boxes > 60 && floor > 0, "{boxes} {floor}");
    }

    #[test]
    fn copies_far_away_are_hit_as_well() {
        let content = heap(10);
        let mut picker = Picker::new(&content);
        for feature in 0..100 {
            let mut middle = DVec3::ZERO;
            let mut count = 0.0;
            shape::triangles(&content, feature, |corners| {
                middle += corners[0] + corners[1] + corners[2];
                count += 3.0;
            });
            let middle = middle / count;
            let from = DVec3::new(3_000.0, -2_000.0, 1_500.0);
            let ray = WorldRay { origin: from, direction: (middle - from).normalize() };
            let hit = picker.cast(&content, &ray, 1e6, |_, other| other == feature).unwrap();
            let distance = (middle - from).length();
            assert!((distance - 2.6..distance).contains(&hit.distance), "{feature}: {hit:?}");
        }
    }
}
