//! Pictures for the health page, drawn without a GPU: triangles in an axonometric view,
//! one after the other into a depth buffer, so that a scene needs no more memory than its
//! pictures. The same meshes in the same order give the same bytes.

use std::io;

use twin_model::BoundingBox;

use super::view::{Bounds, Lamp, View};
use crate::{
    mesh::{ElementMesh, MaterialClass},
    raster::Covered,
};

/// Samples a pixel has along each side.
const SAMPLES: usize = 2;
/// Where nothing is drawn.
const NOTHING: u16 = 0;
/// How often a picture may be painted over. What stands behind each other in a tower does
/// not come near it; a hundred thousand surfaces in one place would paint for minutes.
const MAX_LAYERS: f64 = 2_000.0;
/// Surfaces of two elements in one place hide each other by turns, as their last digits
/// fall. So each is a little nearer than it is, by no more than this and always the same: one
/// of them hides the other everywhere, m.
const NEARER_M: f64 = 0.004;
/// What is smaller than this in a picture is no more than a speck, pixels.
const SPECK: f64 = 4.0;
/// Dots that stand for specks, pixels from their middle to their rim, and how wide that is.
const DOT: f32 = 5.0;
const RIM: f32 = 1.4;
const DOT_RGB: [u8; 3] = [214, 92, 52];
/// Part of a sample's size that a surface may be off before a line shows where its element
/// ends.
const STEP: f64 = 0.05;

/// A picture being drawn.
pub(super) struct Picture {
    width: usize,
    height: usize,
    view: View,
    samples: Vec<Sample>,
    /// Middles of the dots, in pixels.
    dots: Vec<[f32; 2]>,
}

#[derive(Clone, Copy)]
struct Sample {
    depth: f32,
    rgb: [u8; 3],
    /// Tells elements apart, for the lines between them.
    element: u16,
}

impl Picture {
    /// An empty picture, in pixels, of everything within some bounds.
    pub(super) fn new(width: usize, height: usize, bounds: &BoundingBox) -> Self {
        let (width, height) = (width * SAMPLES, height * SAMPLES);
        let nothing = Sample { depth: f32::NEG_INFINITY, rgb: [255; 3], element: NOTHING };
        let view = View::of(bounds, width, height);
        let samples = vec![nothing; width * height];
        Self { width, height, view, samples, dots: Vec::new() }
    }

    /// Whether something is no more than a speck in this picture.
    pub(super) fn is_speck(&self, bbox: &BoundingBox) -> bool {
        let longest = bbox.size().into_iter().fold(0.0, f64::max);
        longest * self.view.scale < SPECK * SAMPLES as f64
    }

    /// Puts a dot where something is that is too small to be seen.
    pub(super) fn dot(&mut self, bbox: &BoundingBox) {
        let [x, y, _] = self.view.projection(bbox.center()).place([0.0; 3]);
        self.dots.push([x, y].map(|samples| samples / SAMPLES as f32));
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
        let element = mark(mesh.entity.as_str());
        let mut projection = self.view.projection(origin);
        projection.nearer(f64::from(element) / f64::from(u16::MAX) * NEARER_M);
        if self.hides(&bounds.corners().map(|corner| projection.place(corner))) {
            return;
        }
        let corners: Vec<[f32; 3]> =
            mesh.positions.iter().map(|local| projection.place(*local)).collect();
        let (lamp, is_solid) = (Lamp::of(&self.view), mesh.is_solid());
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
        if self.dots.is_empty() && self.samples.iter().all(|sample| sample.element == NOTHING) {
            return Ok(None);
        }
        let (width, height) = (self.width / SAMPLES, self.height / SAMPLES);
        let mut pixels = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                pixels.extend(self.pixel(x, y));
            }
        }
        for middle in &self.dots {
            paint_dot(&mut pixels, [width, height], *middle);
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

    /// Whether a sample is the last of its element before a neighbour that lies behind. Where
    /// elements go on into each other, as the walls of two parts of one building do, nobody
    /// would see a line.
    fn is_line(&self, x: usize, y: usize) -> bool {
        let here = &self.samples[y * self.width + x];
        let steps = [(-1, 0), (1, 0), (0, -1), (0, 1)];
        here.element != NOTHING
            && steps.into_iter().any(|step| {
                self.sample(x, y, step, 1).is_some_and(|other| {
                    other.element != here.element
                        && other.depth <= here.depth
                        && !self.goes_on(x, y, step)
                })
            })
    }

    /// The sample so many steps from another; nothing beyond the picture.
    fn sample(&self, x: usize, y: usize, step: (isize, isize), count: isize) -> Option<&Sample> {
        let x = x.checked_add_signed(step.0 * count).filter(|x| *x < self.width)?;
        let y = y.checked_add_signed(step.1 * count).filter(|y| *y < self.height)?;
        self.samples.get(y * self.width + x)
    }

    /// Whether one plane goes through a sample and its neighbour in a direction, and through
    /// the next ones on both sides, where there are any.
    fn goes_on(&self, x: usize, y: usize, step: (isize, isize)) -> bool {
        let depth = |count| {
            let sample = self.sample(x, y, step, count);
            sample.map(|sample| sample.depth).filter(|depth| depth.is_finite())
        };
        let (Some(here), Some(next)) = (depth(0), depth(1)) else { return false };
        let slope = next - here;
        let beside = [depth(-1).map(|before| here - before), depth(2).map(|after| after - next)];
        let off = (STEP / self.view.scale + 2.0 * NEARER_M) as f32;
        let mut beside = beside.into_iter().flatten().peekable();
        beside.peek().is_some() && beside.all(|other| (slope - other).abs() <= off)
    }
}

/// Paints a dot with a white rim over a picture of so many pixels.
fn paint_dot(pixels: &mut [u8], [width, height]: [usize; 2], [x, y]: [f32; 2]) {
    // Casting holds what is beyond the picture at its ends.
    let range = |at: f32, size: usize| {
        (at - DOT - RIM).max(0.0) as usize..((at + DOT + RIM).max(0.0) as usize + 1).min(size)
    };
    for row in range(y, height) {
        for column in range(x, width) {
            let off = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
            let pixel = &mut pixels[(row * width + column) * 3..][..3];
            if off <= DOT {
                pixel.copy_from_slice(&DOT_RGB);
            } else if off <= DOT + RIM {
                pixel.fill(255);
            }
        }
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
    fn a_dot_is_seen_where_a_speck_is() {
        let bounds = BoundingBox { min: [0.0; 3], max: [4_000.0, 3_000.0, 10.0] };
        let mut picture = Picture::new(200, 140, &bounds);
        let hut = BoundingBox { min: [2_000.0, 1_500.0, 0.0], max: [2_004.0, 1_504.0, 4.0] };
        assert!(picture.is_speck(&hut) && !picture.is_speck(&bounds));
        let mut mesh = square("hut", 2.0, MaterialClass::Opaque);
        mesh.origin = hut.min;
        mesh.positions.iter_mut().for_each(|[x, y, _]| (*x, *y) = (*x * 20.0, *y * 20.0));
        picture.draw(&mesh, &Bounds::of(&mesh), hut.min);
        picture.dot(&hut);
        // One at the edge is cut off there.
        picture.dot(&BoundingBox { min: [-900.0; 3], max: [-890.0; 3] });
        let (.., pixels) = decoded(&picture);
        let dots = pixels.as_chunks::<3>().0.iter().filter(|pixel| **pixel == DOT_RGB).count();
        assert!((60..100).contains(&dots), "{dots} pixels of a dot");
        assert_eq!(pixels[(70 * 200 + 100) * 3..][..3], DOT_RGB, "in the middle");
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

    /// A wall 4 m wide and 2 m high that faces south at some y, bent a little.
    fn wall(entity: &str, y: f32, bend: f32) -> ElementMesh {
        let mut wall = square(entity, 0.0, MaterialClass::Opaque);
        wall.positions =
            vec![[0.0, y + bend, 0.0], [4.0, y, 0.0], [4.0, y + bend, 2.0], [0.0, y, 2.0]];
        wall
    }

    /// How many pixels lie well below the colour of most of the others.
    fn dark(meshes: &[ElementMesh]) -> usize {
        let mut picture = Picture::new(200, 140, &BOUNDS);
        meshes.iter().for_each(|mesh| draw(&mut picture, mesh));
        let (.., pixels) = decoded(&picture);
        pixels.chunks_exact(3).filter(|rgb| rgb[0] < 128).count()
    }

    #[test]
    fn walls_in_one_place_are_not_scribbled_on() {
        // Two tenths of a millimetre apart, the one in front on this side, the other on that.
        let alone = dark(&[wall("a", 0.0, 0.0002)]);
        let both = dark(&[wall("a", 0.0, 0.0002), wall("b", 0.0002, -0.0002)]);
        assert!(alone > 0, "no outline");
        assert!(both <= alone + alone / 20, "{both} dark pixels instead of {alone}");
        // Of two walls that stand apart, one ends visibly.
        let mut low = wall("b", -0.2, 0.0);
        low.positions.iter_mut().for_each(|corner| corner[2] *= 0.5);
        let apart = dark(&[wall("a", 0.0, 0.0), low]);
        assert!(apart > alone + alone / 5, "{apart} dark pixels instead of {alone}");
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
