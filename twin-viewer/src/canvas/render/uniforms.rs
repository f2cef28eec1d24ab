//! What the shaders are told, as bytes; the layouts stand in `scene.wgsl`.

use glam::{DVec3, Mat4, Vec4};

use crate::canvas::{
    camera::{Camera, FOV_Y},
    tiles::content::{Class, Part},
};

/// A part's uniforms start at multiples of this.
pub(super) const PART_STRIDE: u64 = 256;
/// Bytes of a part's uniforms.
pub(super) const PART_SIZE: u64 = 9 * 16;
/// Bytes of a frame's uniforms.
pub(super) const FRAME_SIZE: u64 = 16 * 4 + 8 * 16;

/// How a picture is taken, besides the camera.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Width of the picture, pixels.
    pub width: u32,
    /// Height of the picture, pixels.
    pub height: u32,
    /// Pixels that a desk's CSS pixel takes here, for the width of lines and patterns.
    pub scale: f32,
    /// Where in its slow swing a pulse is, 0..1.
    pub pulse: f32,
    /// Whether what is not painted is a ghost.
    pub ghosts: bool,
    /// Whether there is a model that the town around it is quieter than.
    pub has_model: bool,
}

fn split(value: DVec3) -> [Vec4; 2] {
    let high = value.as_vec3();
    [high.extend(0.0), (value - high.as_dvec3()).as_vec3().extend(0.0)]
}

fn bytes(vectors: &[Vec4]) -> Vec<u8> {
    vectors.iter().flat_map(glam::Vec4::to_array).flat_map(f32::to_le_bytes).collect()
}

/// Uniforms of a frame.
pub(super) fn frame(camera: &Camera, look: &Look) -> Vec<u8> {
    let aspect = f64::from(look.width.max(1)) / f64::from(look.height.max(1));
    let clip: Mat4 = camera.clip_from_relative(aspect);
    let axes = camera.axes();
    let tan_y = (FOV_Y / 2.0).tan();
    let [high, low] = split(camera.eye());
    let size = (camera.bounds.max - camera.bounds.min).length();
    // The scene itself stays clear; what lies beyond it melts into the horizon.
    let fog = (size * 2.2).max(400.0) + camera.pose.distance_m * 1.1;
    let middle = (camera.bounds.center() - camera.eye()).as_vec3();
    let half = ((camera.bounds.max - camera.bounds.min) / 2.0).as_vec3();
    let extent = Vec4::new(middle.x, middle.y, half.x, half.y);
    bytes(&[
        clip.x_axis,
        clip.y_axis,
        clip.z_axis,
        clip.w_axis,
        high,
        low,
        axes.right.as_vec3().extend((tan_y * aspect) as f32),
        axes.up.as_vec3().extend(tan_y as f32),
        axes.forward.as_vec3().extend(f32::from(u8::from(look.has_model))),
        Vec4::new(look.width as f32, look.height as f32, look.scale, camera.ground_m as f32),
        Vec4::new(fog as f32, look.pulse, f32::from(u8::from(look.ghosts)), camera.near() as f32),
        extent,
    ])
}

/// How often an edge may be drawn, a pixel apart.
pub(super) const MAX_EDGE_PASSES: u32 = 2;

/// A copy, as it stands in a tile, that is neither turned nor moved.
pub(super) fn in_place() -> Vec<u8> {
    let numbers = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0_f32];
    numbers.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// Uniforms of a part whose feature 0 has the slot `base`, drawn for the first time or
/// another `time`.
pub(super) fn part(part: &Part, base: usize, time: u32) -> Vec<u8> {
    let linear = part.placement.matrix3;
    let normals = linear.inverse().transpose();
    let class: u32 = match part.class {
        Class::Opaque => 0,
        Class::Ground => 1,
        Class::Glass => 2,
        Class::Space => 3,
        Class::Edge => 4,
        Class::SpaceEdge => 5,
    };
    // A scale does not matter to normals, but it must not leave their range.
    let unit = |column: DVec3| column / normals.x_axis.length().max(f64::MIN_POSITIVE);
    let column = |column: DVec3| column.as_vec3().extend(0.0);
    let [high, low] = split(part.placement.translation);
    let mut out = bytes(&[
        column(linear.x_axis),
        column(linear.y_axis),
        column(linear.z_axis),
        high,
        low,
        column(unit(normals.x_axis)),
        column(unit(normals.y_axis)),
        column(unit(normals.z_axis)),
    ]);
    for word in [base as u32, class, time, 0] {
        out.extend(word.to_le_bytes());
    }
    out
}

/// Uniforms of the emphasised outline, whose vertices are relative to `origin`.
pub(super) fn outline(origin: DVec3, width_px: f32, opacity: f32) -> Vec<u8> {
    let [high, low] = split(origin);
    let axis = [Vec4::X, Vec4::Y, Vec4::Z];
    let mut out = bytes(&[axis[0], axis[1], axis[2], high, low, axis[0], axis[1], axis[2]]);
    for word in [0, 0, (width_px * 16.0) as u32, (opacity * 255.0) as u32] {
        out.extend(word.to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tiles::{content::COPY_BYTES, tileset::Bounds};

    #[test]
    fn sizes_are_those_of_the_shader() {
        let camera = Camera::new(Bounds { min: DVec3::ZERO, max: DVec3::splat(10.0) }, 0.0);
        assert_eq!(frame(&camera, &Look::default()).len() as u64, FRAME_SIZE);
        assert_eq!(outline(DVec3::ZERO, 2.0, 1.0).len() as u64, PART_SIZE);
        assert_eq!(in_place().len(), COPY_BYTES);
    }

    #[test]
    fn a_far_origin_keeps_its_millimetres() {
        let far = DVec3::new(4_123_456.789, -2.5, 0.001);
        let [high, low] = split(far);
        let whole = high.truncate().as_dvec3() + low.truncate().as_dvec3();
        assert!((whole - far).length() < 1e-6);
    }
}
