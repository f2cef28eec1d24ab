//! Pictures for the health page, drawn without a GPU: triangles in an axonometric view,
//! one after the other into a depth buffer, so that a scene needs no more memory than its
//! pictures. The same meshes in the same order give the same bytes.

use std::io;

use twin_model::BoundingBox;

use crate::{
    mesh::{ElementMesh, MaterialClass},
    raster::Covered,
    vector::{cross, dot, sub, unit},
};

/// Samples a pixel has along each side.
const SAMPLES: usize = 2;
/// Where nothing is drawn.
const NOTHING: u16 = 0;
/// How often a picture may be painted over. What stands behind each other in a tower does
/// not come near it; a hundred thousand surfaces in one place would paint for minutes.
const MAX_LAYERS: f64 = 2_000.0;
/// Room around what is drawn, as a part of the picture.
const MARGIN: f64 = 0.05;

/// Looking north-east and down: the three visible sides of a box get different light.
const AZIMUTH_DEG: f64 = 35.0;
const ELEVATION_DEG: f64 = 32.0;

/// The box around a mesh's vertices, m from its origin.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    low: [f32; 3],
    high: [f32; 3],
}

impl Bounds {
    /// The box around a mesh; vertices that are no numbers count for nothing.
    pub(super) fn of(mesh: &ElementMesh) -> Self {
        let empty = Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };
        mesh.positions.iter().fold(empty, |Self { low, high }, at| Self {
            low: [0, 1, 2].map(|axis| low[axis].min(at[axis])),
            high: [0, 1, 2].map(|axis| high[axis].max(at[axis])),
        })
    }

    /// How large it is, m: its longest side.
    pub(super) fn size(&self) -> f32 {
        (0..3).map(|axis| self.high[axis] - self.low[axis]).fold(0.0, f32::max)
    }

    fn corners(&self) -> [[f32; 3]; 8] {
        std::array::from_fn(|n| {
            [0, 1, 2].map(|axis| if n >> axis & 1 == 0 { self.low[axis] } else { self.high[axis] })
        })
    }
}

/// A picture being drawn.
pub(super) struct Picture {
    width: usize,
    height: usize,
    view: View,
    samples: Vec<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    depth: f32,
    rgb: [u8; 3],
    /// Tells elements apart, for the lines between them.
    element: u16,
}

/// From the local frame, m, to samples and depth.
struct View {
    right: [f64; 3],
    up: [f64; 3],
    /// Towards the eye.
    back: [f64; 3],
    center: [f64; 3],
    scale: f64,
    middle: [f64; 2],
}

impl View {
    fn of(bounds: &BoundingBox, width: usize, height: usize) -> Self {
        let (sin_a, cos_a) = AZIMUTH_DEG.to_radians().sin_cos();
        let (sin_e, cos_e) = ELEVATION_DEG.to_radians().sin_cos();
        let right = [cos_a, -sin_a, 0.0];
        let back = [-sin_a * cos_e, -cos_a * cos_e, sin_e];
        let up = cross(back, right);
        let center = bounds.center();
        let reach = |axis: [f64; 3]| {
            let size = bounds.size();
            (0..3).map(|n| size[n] * axis[n].abs()).sum::<f64>().max(1e-3)
        };
        let fit = |pixels: usize, metres: f64| pixels as f64 * (1.0 - 2.0 * MARGIN) / metres;
        let scale = fit(width, reach(right)).min(fit(height, reach(up)));
        let middle = [width as f64 / 2.0, height as f64 / 2.0];
        Self { right, up, back, center, scale, middle }
    }

    /// The same for the points of one mesh, in single precision.
    fn projection(&self, origin: [f64; 3]) -> Projection {
        let from = sub(origin, self.center);
        let axis = |axis: [f64; 3], scale: f64, middle: f64| {
            let [x, y, z] = axis.map(|part| (part * scale) as f32);
            [x, y, z, (middle + dot(from, axis) * scale) as f32]
        };
        Projection([
            axis(self.right, self.scale, self.middle[0]),
            axis(self.up, -self.scale, self.middle[1]),
            axis(self.back, 1.0, 0.0),
        ])
    }
}

/// To sample coordinates (y down) and nearness to the eye, m.
struct Projection([[f32; 4]; 3]);

impl Projection {
    fn place(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        self.0.map(|[a, b, c, d]| a * x + b * y + c * z + d)
    }
}

/// Three lamps that go with the camera, so that the sides of a building are told apart
/// whichever way it was modelled.
struct Lamp {
    back: [f64; 3],
    from_left: [f64; 3],
}

impl Lamp {
    fn of(view: &View) -> Self {
        let from_left =
            [view.back[0] - 0.8 * view.right[0], view.back[1] - 0.8 * view.right[1], 0.35];
        Self { back: view.back, from_left: unit(from_left) }
    }

    /// How much light a surface gets.
    fn light(&self, [a, b, c]: [[f64; 3]; 3]) -> f64 {
        let normal = unit(cross(sub(b, a), sub(c, a)));
        // Surfaces are seen from both sides: thin walls are often modelled as one.
        let facing = if dot(normal, self.back) < 0.0 { -1.0 } else { 1.0 };
        let normal = normal.map(|part| part * facing);
        0.66 + 0.22 * dot(normal, self.from_left).max(0.0) + 0.14 * normal[2].max(0.0)
    }
}

impl Picture {
    /// An empty picture, in pixels, of everything within some bounds.
    pub(super) fn new(width: usize, height: usize, bounds: &BoundingBox) -> Self {
        let (width, height) = (width * SAMPLES, height * SAMPLES);
        let nothing = Sample { depth: f32::NEG_INFINITY, rgb: [255; 3], element: NOTHING };
        let view = View::of(bounds, width, height);
        let samples = vec![nothing; width * height];
        Self { width, height, view, samples }
    }

    /// How often triangles of an area, m², are likely to paint the whole picture over.
    /// However they lie, they show no more than their area; and each shows a little more
    /// along its sides.
    pub(super) fn layers(&self, area_m2: f64, triangles: usize) -> f64 {
        let (all, count) = (self.samples.len() as f64, triangles as f64);
        let area = area_m2 * self.view.scale * self.view.scale;
        let sides = 4.0 * (area * count).sqrt();
        (area + sides + count).min(all * count) / all
    }

    /// Whether so many layers are too many.
    pub(super) fn is_full(layers: f64) -> bool {
        layers > MAX_LAYERS
    }

    /// Draws a mesh that counts from `origin`, m; volumes of spaces are left out, they would
    /// hide what is in them.
    pub(super) fn draw(&mut self, mesh: &ElementMesh, bounds: &Bounds, origin: [f64; 3]) {
        if mesh.class == MaterialClass::Space {
            return;
        }
        let projection = self.view.projection(origin);
        if self.hides(&bounds.corners().map(|corner| projection.place(corner))) {
            return;
        }
        let corners: Vec<[f32; 3]> =
            mesh.positions.iter().map(|local| projection.place(*local)).collect();
        let (lamp, element, is_solid) =
            (Lamp::of(&self.view), mark(mesh.entity.as_str()), mesh.is_solid());
        for triangle in mesh.indices.chunks_exact(3) {
            let corner = |n: usize| corners.get(triangle[n] as usize).copied();
            let (Some(a), Some(b), Some(c)) = (corner(0), corner(1), corner(2)) else { continue };
            let size = [self.width, self.height];
            let Some(area) = Covered::of([a, b, c], size) else { continue };
            // What looks at the eye turns counter-clockwise.
            if is_solid && area.is_clockwise() {
                continue;
            }
            let local = [0, 1, 2].map(|n| mesh.positions[triangle[n] as usize].map(f64::from));
            let rgb = shaded(mesh.rgba, lamp.light(local));
            self.triangle(&area, Sample { depth: 0.0, rgb, element });
        }
    }

    /// Whether all that lies between some corners is behind what is drawn.
    fn hides(&self, corners: &[[f32; 3]]) -> bool {
        let range = |axis: usize| {
            let all = || corners.iter().map(|corner| corner[axis]);
            (all().fold(f32::INFINITY, f32::min), all().fold(f32::NEG_INFINITY, f32::max))
        };
        let samples = |(low, high): (f32, f32), size: usize| {
            // Casting holds what is beyond the picture at its ends.
            (low.max(0.0) as usize).min(size)..(high.max(0.0) as usize).saturating_add(1).min(size)
        };
        let (columns, rows) = (samples(range(0), self.width), samples(range(1), self.height));
        let nearest = range(2).1;
        // Beside the picture, or nowhere.
        if columns.is_empty() {
            return true;
        }
        rows.into_iter().all(|y| {
            let row = &self.samples[y * self.width..][columns.clone()];
            row.iter().all(|sample| sample.depth > nearest)
        })
    }

    /// Draws a triangle where nothing nearer is. Equally near samples go to the larger
    /// mark, so that the order of drawing leaves no trace.
    fn triangle(&mut self, covered: &Covered, paint: Sample) {
        let (slope, nearest) = (covered.slope(), covered.nearest());
        for y in covered.rows() {
            let span = covered.span(y);
            let first = covered.nearness(&slope, span.start, y);
            let row = &mut self.samples[y * self.width..][span];
            for (n, sample) in row.iter_mut().enumerate() {
                // Not nearer than its corners: what hides those hides all of it.
                let depth = (first + slope[0] * n as f32).min(nearest);
                let wins = depth > sample.depth
                    || depth == sample.depth
                        && (paint.element, paint.rgb) > (sample.element, sample.rgb);
                if wins {
                    *sample = Sample { depth, ..paint };
                }
            }
        }
    }

    /// The finished picture as PNG, with lines where one element ends and another begins;
    /// nothing where nothing was drawn.
    pub(super) fn png(&self) -> io::Result<Option<Vec<u8>>> {
        if self.samples.iter().all(|sample| sample.element == NOTHING) {
            return Ok(None);
        }
        let (width, height) = (self.width / SAMPLES, self.height / SAMPLES);
        let mut pixels = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                pixels.extend(self.pixel(x, y));
            }
        }
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&pixels).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(Some(bytes))
    }

    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let mut sum = [0u32; 3];
        for row in y * SAMPLES..(y + 1) * SAMPLES {
            for column in x * SAMPLES..(x + 1) * SAMPLES {
                let sample = &self.samples[row * self.width + column];
                let line = self.is_line(column, row);
                for (sum, part) in sum.iter_mut().zip(sample.rgb) {
                    *sum += if line { u32::from(part) * 5 / 9 } else { u32::from(part) };
                }
            }
        }
        sum.map(|sum| (sum / (SAMPLES * SAMPLES) as u32) as u8)
    }

    /// Whether a sample is the last of its element before a neighbour that lies behind.
    fn is_line(&self, x: usize, y: usize) -> bool {
        let here = &self.samples[y * self.width + x];
        let mut neighbours = [None; 4];
        neighbours[0] = x.checked_sub(1).map(|x| (x, y));
        neighbours[1] = (x + 1 < self.width).then_some((x + 1, y));
        neighbours[2] = y.checked_sub(1).map(|y| (x, y));
        neighbours[3] = (y + 1 < self.height).then_some((x, y + 1));
        here.element != NOTHING
            && neighbours.into_iter().flatten().any(|(x, y)| {
                let other = &self.samples[y * self.width + x];
                other.element != here.element && other.depth <= here.depth
            })
    }
}

/// A number for an entity, never that of nothing.
fn mark(id: &str) -> u16 {
    let hash = id
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    ((hash >> 16) as u16 ^ hash as u16).max(1)
}

/// The authored colour, calmer, in some light; what is transparent is paler.
fn shaded(rgba: [u8; 4], light: f64) -> [u8; 3] {
    let alpha = 0.35 + 0.65 * f64::from(rgba[3]) / 255.0;
    [0, 1, 2].map(|channel| {
        let authored = f64::from(rgba[channel]) * 0.55 + 238.0 * 0.45;
        let over_white = authored * alpha + 250.0 * (1.0 - alpha);
        (over_white * light).clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(entity: &str, z: f32, class: MaterialClass) -> ElementMesh {
        ElementMesh {
            entity: entity.into(),
            storey: None,
            class,
            origin: [0.0; 3],
            positions: vec![[0.0, 0.0, z], [4.0, 0.0, z], [4.0, 4.0, z], [0.0, 4.0, z]],
            normals: vec![[0.0, 0.0, 1.0]; 4],
            indices: vec![0, 1, 2, 0, 2, 3],
            rgba: [200, 40, 40, 255],
        }
    }

    fn draw(picture: &mut Picture, mesh: &ElementMesh) {
        picture.draw(mesh, &Bounds::of(mesh), [0.0; 3]);
    }

    const BOUNDS: BoundingBox = BoundingBox { min: [0.0; 3], max: [4.0, 4.0, 2.0] };

    fn decoded(picture: &Picture) -> (u32, u32, Vec<u8>) {
        let bytes = picture.png().unwrap().unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    #[test]
    fn layers_are_counted_before_anything_is_drawn() {
        let picture = Picture::new(60, 40, &BOUNDS);
        // Seen from straight ahead, a square of four metres would hide some of the picture.
        let one = picture.layers(16.0, 2);
        assert!(one > 0.2 && one < 3.0, "{one}");
        assert!(!Picture::is_full(one * 500.0) && Picture::is_full(one * 20_000.0));
        // No triangle paints more than there is.
        assert_eq!(picture.layers(1e9, 7), 7.0);
    }

    #[test]
    fn what_is_nearer_hides_what_is_behind_in_any_order() {
        let near = square("near", 2.0, MaterialClass::Opaque);
        let mut far = square("far", 0.0, MaterialClass::Opaque);
        far.rgba = [0, 0, 255, 255];
        let mut one = Picture::new(60, 40, &BOUNDS);
        let mut other = Picture::new(60, 40, &BOUNDS);
        for mesh in [&near, &far] {
            draw(&mut one, mesh);
        }
        for mesh in [&far, &near] {
            draw(&mut other, mesh);
        }
        let (width, height, pixels) = decoded(&one);
        assert_eq!((width, height), (60, 40));
        assert_eq!(pixels, decoded(&other).2);
        // The upper square is red, and its middle stands above the picture's.
        let at = |x: usize, y: usize| &pixels[(y * 60 + x) * 3..][..3];
        assert!(at(30, 14)[0] > at(30, 14)[2], "{:?}", at(30, 14));
        assert_eq!(at(0, 0), [255; 3], "the corner is empty");
    }

    #[test]
    fn spaces_and_unusable_triangles_draw_nothing() {
        let mut picture = Picture::new(20, 20, &BOUNDS);
        draw(&mut picture, &square("room", 0.0, MaterialClass::Space));
        let mut broken = square("broken", f32::NAN, MaterialClass::Opaque);
        draw(&mut picture, &broken);
        broken.positions = vec![[1e30, -1e30, 1e30]; 4];
        draw(&mut picture, &broken);
        broken.indices = vec![0, 1, 77];
        draw(&mut picture, &broken);
        assert!(picture.png().unwrap().is_none());
        // A triangle far larger than the picture costs no more than the picture.
        let mut huge = square("huge", 0.0, MaterialClass::Opaque);
        huge.positions = vec![[-1e7, -1e7, 0.0], [1e7, -1e7, 0.0], [0.0, 1e7, 0.0], [0.0; 3]];
        huge.indices = vec![0, 1, 2];
        draw(&mut picture, &huge);
        assert!(picture.png().unwrap().is_some());
    }
}
