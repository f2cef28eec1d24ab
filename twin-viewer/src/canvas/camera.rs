//! The camera: where it stands, how it moves, what it sees. Pure maths in `f64`; only
//! what is relative to the eye is ever rounded to `f32`, so that nothing jitters.

use glam::{DMat3, DVec2, DVec3, DVec4, Mat4, Vec4};

use super::tiles::{pick::WorldRay, select::Eye, tileset::Bounds};
use crate::bridge::CameraPose;

/// Vertical field of view, radians.
pub const FOV_Y: f64 = 0.70;
/// Least downward tilt, degrees: just short of looking along the ground.
const MIN_TILT_DEG: f64 = 1.5;
/// Most: straight down, less a hair so that "up" stays defined.
const MAX_TILT_DEG: f64 = 89.9;
/// Nearest the eye comes to the ground, m.
const MIN_HEIGHT_M: f64 = 1.2;

/// Size of the view, CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Viewport {
    /// Pixel to x right, y up, both -1..1 vertically (x further by the aspect).
    fn ndc(&self, at: DVec2) -> DVec2 {
        let half = self.height.max(1.0) / 2.0;
        DVec2::new((at.x - self.width / 2.0) / half, (self.height / 2.0 - at.y) / half)
    }

    /// Width over height.
    pub fn aspect(&self) -> f64 {
        self.width.max(1.0) / self.height.max(1.0)
    }
}

/// Axes of a view: right, up and forward, unit vectors.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    /// To the right on the screen.
    pub right: DVec3,
    /// Up on the screen.
    pub up: DVec3,
    /// Into the screen.
    pub forward: DVec3,
}

/// Axes for a heading (clockwise from north) and a downward tilt, degrees.
fn axes(heading_deg: f64, tilt_deg: f64) -> Axes {
    let (sh, ch) = heading_deg.to_radians().sin_cos();
    let (st, ct) = tilt_deg.to_radians().sin_cos();
    let forward = DVec3::new(sh * ct, ch * ct, -st);
    let right = DVec3::new(ch, -sh, 0.0);
    Axes { right, up: right.cross(forward), forward }
}

/// The camera in a scene of known extent.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    /// Where it stands.
    pub pose: CameraPose,
    /// The scene, with its surroundings.
    pub bounds: Bounds,
    /// What the overview is of.
    pub home: Bounds,
    /// Height of the ground, m.
    pub ground_m: f64,
}

impl Camera {
    /// The camera at the overview of a scene.
    pub fn new(bounds: Bounds, ground_m: f64) -> Self {
        let mut camera = Self { pose: POSE_BEFORE_SCENE, bounds, home: bounds, ground_m };
        camera.pose = camera.overview(1.6);
        camera
    }

    /// The three-quarter view that a scene opens with.
    pub fn overview(&self, aspect: f64) -> CameraPose {
        self.framing(&self.home, aspect, 330.0, 28.0)
    }

    /// The pose from which a box fills the view, seen from a direction.
    pub fn framing(&self, bounds: &Bounds, aspect: f64, heading: f64, tilt: f64) -> CameraPose {
        let Axes { right, up, forward } = axes(heading, tilt);
        let tan_y = (FOV_Y / 2.0).tan() * 0.94; // a margin around what is framed
        let tan_x = tan_y * aspect;
        let mut center = bounds.center();
        let mut distance = 2.0;
        // What is near looks larger: a few rounds bring the middle of the picture, not of
        // the box, to the middle of the screen.
        for _ in 0..6 {
            let seen = bounds.corners().map(|corner| {
                let from = corner - center;
                (from.dot(right), from.dot(up), from.dot(forward))
            });
            distance = seen
                .iter()
                .map(|(x, y, depth)| (x.abs() / tan_x).max(y.abs() / tan_y) - depth)
                .fold(2.0, f64::max);
            let middle = |pick: fn(&(f64, f64, f64)) -> f64| {
                let slopes = seen.map(|corner| pick(&corner) / (distance + corner.2));
                let low = slopes.iter().copied().fold(f64::INFINITY, f64::min);
                let high = slopes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                (low + high) / 2.0 * distance
            };
            center += right * middle(|corner| corner.0) + up * middle(|corner| corner.1);
        }
        CameraPose {
            target: center.to_array(),
            distance_m: distance,
            heading_deg: heading,
            tilt_deg: tilt,
        }
    }

    /// Axes of the view.
    pub fn axes(&self) -> Axes {
        axes(self.pose.heading_deg, self.pose.tilt_deg)
    }

    /// Where the eye is.
    pub fn eye(&self) -> DVec3 {
        DVec3::from(self.pose.target) - self.axes().forward * self.pose.distance_m
    }

    /// Stands at a pose, made possible: finite, above the ground, within reach.
    pub fn set(&mut self, pose: CameraPose) {
        let numbers = [pose.distance_m, pose.heading_deg, pose.tilt_deg];
        if !numbers.iter().chain(&pose.target).all(|number| number.is_finite()) {
            return;
        }
        self.pose = CameraPose {
            distance_m: pose.distance_m.clamp(0.5, self.reach() * 6.0),
            heading_deg: pose.heading_deg.rem_euclid(360.0),
            tilt_deg: pose.tilt_deg.clamp(MIN_TILT_DEG, MAX_TILT_DEG),
            target: self.within_reach(DVec3::from(pose.target)).to_array(),
        };
        self.stay_above_ground();
    }

    /// Size of the scene, m.
    fn reach(&self) -> f64 {
        (self.bounds.max - self.bounds.min).length().max(20.0)
    }

    fn within_reach(&self, target: DVec3) -> DVec3 {
        let margin = DVec3::splat(self.reach());
        target.clamp(self.bounds.min - margin, self.bounds.max + margin)
    }

    fn stay_above_ground(&mut self) {
        let missing = self.ground_m + MIN_HEIGHT_M - self.eye().z;
        if missing > 0.0 {
            self.pose.target[2] += missing;
        }
    }

    /// The ray through a pixel.
    pub fn ray(&self, viewport: &Viewport, at: DVec2) -> WorldRay {
        let ndc = viewport.ndc(at) * (FOV_Y / 2.0).tan();
        let Axes { right, up, forward } = self.axes();
        let direction = (forward + right * ndc.x + up * ndc.y).normalize();
        WorldRay { origin: self.eye(), direction }
    }

    /// Where a point is on the screen, unless behind.
    pub fn project(&self, viewport: &Viewport, point: DVec3) -> Option<DVec2> {
        let Axes { right, up, forward } = self.axes();
        let from = point - self.eye();
        let depth = from.dot(forward);
        if depth < self.near() {
            return None;
        }
        let scale = viewport.height / 2.0 / ((FOV_Y / 2.0).tan() * depth);
        Some(DVec2::new(
            viewport.width / 2.0 + from.dot(right) * scale,
            viewport.height / 2.0 - from.dot(up) * scale,
        ))
    }

    /// What to move around where no geometry is under the pointer: the ground, else the
    /// distance of the target.
    pub fn fallback_anchor(&self, ray: &WorldRay) -> DVec3 {
        let to_ground = (self.ground_m - ray.origin.z) / ray.direction.z;
        let far = self.reach() * 3.0;
        let distance =
            if to_ground > 0.0 && to_ground < far { to_ground } else { self.pose.distance_m };
        ray.origin + ray.direction * distance
    }

    /// Turns around a point, which stays where it is on the screen.
    pub fn orbit(&mut self, anchor: DVec3, heading_deg: f64, tilt_deg: f64) {
        let before = self.axes();
        let from = anchor - self.eye();
        let seen = [before.right, before.up, before.forward].map(|axis| from.dot(axis));
        self.pose.heading_deg = (self.pose.heading_deg + heading_deg).rem_euclid(360.0);
        self.pose.tilt_deg = (self.pose.tilt_deg + tilt_deg).clamp(MIN_TILT_DEG, MAX_TILT_DEG);
        let after = self.axes();
        let eye = anchor - (after.right * seen[0] + after.up * seen[1] + after.forward * seen[2]);
        self.stand_at(eye);
    }

    /// Goes towards (`factor` < 1) or away from a point, which stays on the screen.
    pub fn zoom(&mut self, anchor: DVec3, factor: f64) {
        let limit = self.reach() * 6.0;
        let distance = (self.pose.distance_m * factor).clamp(0.5, limit);
        let from = self.eye() - anchor;
        let factor = if from.length() * factor < 0.5 { 1.0 } else { factor };
        if distance >= limit && factor > 1.0 {
            return;
        }
        self.pose.distance_m = distance;
        self.stand_at(anchor + from * factor);
    }

    /// Moves so that the point that was under one pixel is under another.
    pub fn pan(&mut self, viewport: &Viewport, anchor: DVec3, from: DVec2, to: DVec2) {
        let Axes { right, up, forward } = self.axes();
        let depth = (anchor - self.eye()).dot(forward).max(1.0);
        let metres = depth * (FOV_Y / 2.0).tan() / (viewport.height.max(1.0) / 2.0);
        let by = (from - to) * metres;
        // Along the ground as seen, not into it: a map slides, it does not sink.
        let ahead = DVec3::new(forward.x, forward.y, 0.0).normalize_or(up);
        let steep = self.pose.tilt_deg.to_radians().sin().max(0.25);
        let move_by = right * by.x - ahead * (by.y / steep);
        self.stand_at(self.eye() + move_by);
    }

    /// Slides along the ground by fractions of the viewing distance.
    pub fn slide(&mut self, right: f64, ahead: f64) {
        let axes = self.axes();
        let forward = DVec3::new(axes.forward.x, axes.forward.y, 0.0).normalize_or(axes.up);
        let step = self.pose.distance_m;
        self.stand_at(self.eye() + (axes.right * right + forward * ahead) * step);
    }

    fn stand_at(&mut self, eye: DVec3) {
        let target = eye + self.axes().forward * self.pose.distance_m;
        self.pose.target = self.within_reach(target).to_array();
        self.stay_above_ground();
    }

    /// Nearest depth drawn, m.
    pub fn near(&self) -> f64 {
        (self.pose.distance_m * 0.02).min(self.bounds.distance(self.eye()) + 0.5).clamp(0.15, 50.0)
    }

    /// Farthest depth drawn, m.
    pub fn far(&self) -> f64 {
        let eye = self.eye();
        let farthest = self.bounds.corners().iter().map(|c| c.distance(eye)).fold(0.0, f64::max);
        farthest * 1.1 + 100.0
    }

    /// Clip space from eye-relative positions; depth is 1 near and 0 far.
    pub fn clip_from_relative(&self, aspect: f64) -> Mat4 {
        let Axes { right, up, forward } = self.axes();
        let view = DMat3::from_cols(right, up, forward).transpose();
        let f = 1.0 / (FOV_Y / 2.0).tan();
        let (near, far) = (self.near(), self.far());
        let (a, b) = (-near / (far - near), near * far / (far - near));
        let row = |row: DVec3, scale: f64| (row * scale).extend(0.0).as_vec4();
        let (x, y, z) = (view.row(0), view.row(1), view.row(2));
        Mat4::from_cols(
            row(x, f / aspect),
            row(y, f),
            (z * a).extend(b).as_vec4(),
            Vec4::new(z.x as f32, z.y as f32, z.z as f32, 0.0),
        )
        .transpose()
    }

    /// What tiles are chosen by; `pixels` is the height of the drawn picture.
    pub fn selecting_eye(&self, aspect: f64, pixels: f64) -> Eye {
        let Axes { right, up, forward } = self.axes();
        let position = self.eye();
        let tan_y = (FOV_Y / 2.0).tan();
        let tan_x = tan_y * aspect;
        let through_eye = |normal: DVec3| -> DVec4 { normal.extend(-normal.dot(position)) };
        Eye {
            position,
            planes: [
                through_eye(forward),
                through_eye(right + forward * tan_x),
                through_eye(forward * tan_x - right),
                through_eye(up + forward * tan_y),
                through_eye(forward * tan_y - up),
            ],
            pixels_per_radian: pixels / (2.0 * tan_y),
        }
    }
}

const POSE_BEFORE_SCENE: CameraPose =
    CameraPose { target: [0.0; 3], distance_m: 100.0, heading_deg: 330.0, tilt_deg: 28.0 };

/// How long a flight takes, milliseconds.
const FLIGHT_MS: f64 = 700.0;

/// A flight between two poses. It takes its time by the clock: where frames are slow there
/// are fewer of them, and the flight is no longer.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    from: CameraPose,
    to: CameraPose,
    /// When its first step was.
    began_ms: Option<f64>,
}

impl Flight {
    /// Starts a flight.
    pub fn new(from: CameraPose, to: CameraPose) -> Self {
        Self { from, to, began_ms: None }
    }

    /// The pose at a time, and whether that is the end.
    pub fn step(&mut self, now_ms: f64) -> (CameraPose, bool) {
        let began = *self.began_ms.get_or_insert(now_ms);
        let t = (now_ms - began) / FLIGHT_MS;
        if t >= 1.0 {
            return (self.to, true);
        }
        let eased = t * t * (3.0 - 2.0 * t);
        (between(&self.from, &self.to, eased), false)
    }

    /// Where it ends.
    pub fn end(&self) -> CameraPose {
        self.to
    }
}

fn between(from: &CameraPose, to: &CameraPose, t: f64) -> CameraPose {
    let mix = |a: f64, b: f64| a + (b - a) * t;
    let turn = (to.heading_deg - from.heading_deg + 540.0).rem_euclid(360.0) - 180.0;
    CameraPose {
        target: [0, 1, 2].map(|axis| mix(from.target[axis], to.target[axis])),
        distance_m: mix(from.distance_m.max(0.1).ln(), to.distance_m.max(0.1).ln()).exp(),
        heading_deg: (from.heading_deg + turn * t).rem_euclid(360.0),
        tilt_deg: mix(from.tilt_deg, to.tilt_deg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Viewport = Viewport { width: 1920.0, height: 1080.0 };

    fn camera() -> Camera {
        let bounds =
            Bounds { min: DVec3::new(-100.0, -80.0, -5.0), max: DVec3::new(100.0, 80.0, 60.0) };
        Camera::new(bounds, 0.0)
    }

    fn near_px(camera: &Camera, point: DVec3, at: DVec2) {
        let seen = camera.project(&VIEW, point).unwrap();
        assert!((seen - at).length() < 1e-6, "{seen} is not {at}");
    }

    #[test]
    fn overview_holds_the_scene() {
        let mut camera = camera();
        camera.set(camera.overview(VIEW.aspect()));
        for corner in camera.bounds.corners() {
            let at = camera.project(&VIEW, corner).unwrap();
            assert!((0.0..=VIEW.width).contains(&at.x) && (0.0..=VIEW.height).contains(&at.y));
        }
    }

    #[test]
    fn ray_and_projection_agree_with_the_matrix() {
        let camera = camera();
        let at = DVec2::new(600.0, 700.0);
        let ray = camera.ray(&VIEW, at);
        let point = ray.origin + ray.direction * 123.0;
        near_px(&camera, point, at);
        let clip = camera.clip_from_relative(VIEW.aspect());
        let seen = clip.project_point3((point - camera.eye()).as_vec3());
        let px = VIEW.width * (f64::from(seen.x) + 1.0) / 2.0;
        assert!((px - at.x).abs() < 0.01, "{px}");
        assert!(seen.z > 0.0 && seen.z < 1.0);
    }

    #[test]
    fn what_is_grabbed_stays_under_the_pointer() {
        let mut camera = camera();
        let at = DVec2::new(500.0, 640.0);
        let anchor = camera.fallback_anchor(&camera.ray(&VIEW, at));
        assert!(anchor.z.abs() < 1e-9, "on the ground");
        camera.orbit(anchor, 20.0, 5.0);
        near_px(&camera, anchor, at);
        camera.zoom(anchor, 0.5);
        near_px(&camera, anchor, at);
    }

    #[test]
    fn never_under_ground_and_never_lost() {
        let mut camera = camera();
        for _ in 0..200 {
            camera.orbit(DVec3::new(0.0, 0.0, 50.0), 3.0, -10.0);
            camera.zoom(DVec3::new(10.0, 0.0, 0.0), 0.7);
            camera.slide(0.3, -0.4);
            assert!(camera.eye().z >= MIN_HEIGHT_M - 1e-9);
        }
        let pose = camera.pose;
        camera.set(CameraPose { distance_m: f64::NAN, ..pose });
        assert_eq!(camera.pose, pose);
    }

    #[test]
    fn flight_ends_where_it_should_by_the_short_way() {
        let from = CameraPose { heading_deg: 350.0, ..POSE_BEFORE_SCENE };
        let to = CameraPose { heading_deg: 10.0, target: [9.0, 0.0, 0.0], ..from };
        let mut flight = Flight::new(from, to);
        assert!(!flight.step(5_000.0).1, "it begins with its first frame");
        let (half, done) = flight.step(5_000.0 + FLIGHT_MS / 2.0);
        assert!(!done && (half.heading_deg < 1.0 || half.heading_deg > 359.0), "{half:?}");
        assert_eq!(flight.step(5_000.0 + FLIGHT_MS), (to, true));
    }
}
