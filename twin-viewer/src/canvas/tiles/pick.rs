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
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    part: usize,
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
        let mut chunks = Vec::new();
        for (index, part) in content.parts.iter().enumerate() {
            if part.class.is_lines() {
                continue;
            }
            let triangles = part.index_count / 3;
            for first in (0..triangles).step_by(CHUNK) {
                let count = CHUNK.min(triangles - first);
                let corners = (first * 3..(first + count) * 3).map(|at| {
                    Vec3A::from_array(
                        part.position(&content.bin, part.index(&content.bin, at) as usize),
                    )
                });
                let mut bounds = Aabb::empty();
                for corner in corners {
                    bounds.extend(corner);
                }
                chunks.push(Chunk { part: index, first, count, bounds: padded(bounds), bvh: None });
            }
        }
        Self { chunks }
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
        for chunk in &mut self.chunks {
            let part = &content.parts[chunk.part];
            let (mut local, metres) = local_ray(part, ray);
            local.tmax = (nearest.map_or(limit, |hit| hit.distance) / metres) as f32;
            if chunk.bounds.intersect_ray(&local) >= local.tmax {
                continue;
            }
            let tree = chunk.bvh.get_or_insert_with(|| {
                Box::new(Tree(build(content, part, chunk.first, chunk.count)))
            });
            let mut best = RayHit::none();
            let mut feature = 0;
            let mut closest = local.tmax;
            tree.0.ray_traverse(local, &mut best, |ray, slot| {
                let triangle = chunk.first + tree.0.primitive_indices[slot] as usize;
                let distance = intersect(ray, &corners(content, part, triangle));
                if distance < closest {
                    let vertex = part.index(&content.bin, triangle * 3) as usize;
                    let hit = part.feature(&content.bin, vertex);
                    if !visible(part.class, hit) {
                        return f32::INFINITY;
                    }
                    (closest, feature) = (distance, hit);
                }
                distance
            });
            if closest < local.tmax {
                let distance = f64::from(closest) * metres;
                nearest = Some(Hit { feature, distance, class: part.class });
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
        self.chunks.iter().filter_map(|chunk| chunk.bvh.as_deref()).map(tree).sum()
    }
}

/// The ray in the part's quantised space, and the metres of one unit along it. Its
/// direction is made a unit vector there too: the box test rounds by absolute amounts.
fn local_ray(part: &Part, ray: &WorldRay) -> (Ray, f64) {
    let inverse = part.placement.inverse();
    let direction = inverse.transform_vector3(ray.direction);
    let units = direction.length().max(f64::MIN_POSITIVE);
    let origin = inverse.transform_point3(ray.origin);
    (Ray::new_inf(origin.as_vec3a(), (direction / units).as_vec3a()), 1.0 / units)
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

fn build(content: &Content, part: &Part, first: usize, count: usize) -> Bvh2 {
    let boxes: Vec<Boxed> = (first..first + count)
        .map(|triangle| {
            let mut bounds = Aabb::empty();
            for corner in corners(content, part, triangle) {
                bounds.extend(corner);
            }
            Boxed(padded(bounds))
        })
        .collect();
    // The crate's own helpers time themselves with a clock that a browser does not have.
    PlocBuilder::with_capacity(count).build(
        PlocSearchDistance::VeryLow,
        &boxes,
        (0..count as u32).collect(),
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
    use crate::canvas::tiles::sample::sheet;

    fn down(x: f64, y: f64) -> WorldRay {
        WorldRay { origin: DVec3::new(x, y, 900.0), direction: DVec3::NEG_Z }
    }

    /// The same by trying every triangle.
    fn brute(content: &Content, ray: &WorldRay, visible: impl Fn(usize) -> bool) -> Option<Hit> {
        let part = &content.parts[0];
        let (local, metres) = local_ray(part, ray);
        (0..part.index_count / 3)
            .map(|triangle| {
                let vertex = part.index(&content.bin, triangle * 3) as usize;
                let distance = intersect(&local, &corners(content, part, triangle));
                (distance, part.feature(&content.bin, vertex))
            })
            .filter(|&(distance, feature)| distance.is_finite() && visible(feature))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(distance, feature)| Hit {
                feature,
                distance: f64::from(distance) * metres,
                class: part.class,
            })
    }

    #[test]
    fn finds_what_trying_every_triangle_finds() {
        let content = sheet(100, 3);
        let mut picker = Picker::new(&content);
        assert!(picker.chunks.len() > 1);
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
}
