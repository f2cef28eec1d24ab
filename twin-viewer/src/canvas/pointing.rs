//! What the pointer is at, and how gestures move the camera.

use glam::{DVec2, DVec3};
use twin_model::{BoundingBox, EntityId};

use super::{
    camera::{Camera, Flight},
    gesture::{Action, Input},
    scene::{Clock, Scene, Wake},
    tiles::{
        content::Class,
        pick::{Hit, WorldRay},
        shape,
        tileset::Bounds,
    },
};
use crate::bridge::{self, CameraPose, ViewEvent};

/// What a ray hit, in the scene.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Slot of the feature.
    pub slot: usize,
    /// Where, local frame.
    pub position: DVec3,
}

/// Triangles tried when looking for a visible spot of an entity.
const SPOTS: usize = 48;
/// Nothing is pointed at beyond this, m.
const FARTHEST: f64 = 1.0e6;

impl Scene {
    /// Takes what happened on the canvas.
    pub fn input(&mut self, inputs: Vec<Input>, clock: &Clock) {
        for input in inputs {
            for action in self.gestures.take(input, clock.now_ms) {
                self.act(&action, clock.now_ms);
            }
        }
    }

    fn act(&mut self, action: &Action, now_ms: f64) {
        if let Action::Hover(at) = action {
            (self.hover_at, self.hover_changed) = (*at, true);
            return;
        }
        if let Action::Click(at) = action {
            return self.click(*at);
        }
        if matches!(action, Action::Home) {
            return self.fly_home(now_ms);
        }
        if let Action::DoubleClick(at) = action {
            return self.approach(*at, now_ms);
        }
        if let Action::Grab(at) = action {
            self.flight = None;
            self.anchor = self.anchor_at(*at);
            return;
        }
        let anchor = match action {
            Action::ZoomAt(at, _) => self.anchor_at(*at),
            _ => self.anchor,
        };
        let viewport = self.viewport;
        let (Some(camera), Some(anchor)) = (&mut self.camera, anchor) else { return };
        match *action {
            Action::Orbit(heading, tilt) => camera.orbit(anchor, heading, tilt),
            Action::Pan(from, to) => camera.pan(&viewport, anchor, from, to),
            Action::Zoom(factor) | Action::ZoomAt(_, factor) => camera.zoom(anchor, factor),
            _ => {}
        }
        self.flight = None;
        self.camera_moved(now_ms);
    }

    /// Moves the camera by held keys and by a flight under way.
    pub fn drift(&mut self, clock: &Clock, wake: &mut Wake) {
        let secs = clock.delta_secs;
        if let (Some(drift), Some(camera)) = (self.gestures.drift(), &mut self.camera) {
            let target = DVec3::from(camera.pose.target);
            camera.slide(drift.right * secs, drift.ahead * secs);
            camera.orbit(target, drift.heading_deg * secs, drift.tilt_deg * secs);
            let target = DVec3::from(camera.pose.target);
            camera.zoom(target, (drift.zoom * secs).exp());
            self.flight = None;
            self.camera_moved(clock.now_ms);
            wake.soon = true;
        }
        if let (Some(flight), Some(camera)) = (&mut self.flight, &mut self.camera) {
            let step = flight.step(clock.now_ms);
            let (pose, arrived) = if self.reduced_motion { (flight.end(), true) } else { step };
            camera.set(pose);
            if arrived {
                self.flight = None;
            }
            self.camera_moved(clock.now_ms);
            wake.soon = true;
        }
    }

    fn fly(&mut self, to: CameraPose, now_ms: f64) {
        if let Some(camera) = &self.camera {
            // Through `set`, so that a flight ends where the camera can stand.
            let mut end: Camera = *camera;
            end.set(to);
            self.flight = Some(Flight::new(camera.pose, end.pose));
            self.camera_moved(now_ms);
        }
    }

    /// Flies back to the overview.
    pub(super) fn fly_home(&mut self, now_ms: f64) {
        if let Some(camera) = &self.camera {
            self.fly(camera.overview(self.viewport.aspect()), now_ms);
        }
    }

    /// Flies so that a box fills the view.
    pub(super) fn fly_to_box(&mut self, bounds: &BoundingBox, now_ms: f64) {
        let Some(camera) = &self.camera else { return };
        let (min, max) = (DVec3::from(bounds.min), DVec3::from(bounds.max));
        if !(min.is_finite() && max.is_finite()) {
            return;
        }
        // A door handle fills no screen: its surroundings tell where it is.
        let room = DVec3::splat(9.0).max(max - min) / 2.0 * 1.15;
        let center = (min + max) / 2.0;
        let bounds = Bounds { min: center - room, max: center + room };
        let tilt = camera.pose.tilt_deg.clamp(24.0, 55.0);
        let pose = camera.framing(&bounds, self.viewport.aspect(), camera.pose.heading_deg, tilt);
        self.fly(pose, now_ms);
    }

    /// Flies closer to what is under a pixel.
    fn approach(&mut self, at: DVec2, now_ms: f64) {
        let (Some(anchor), Some(camera)) = (self.anchor_at(at), &self.camera) else { return };
        let distance = (anchor - camera.eye()).length();
        let pose = CameraPose {
            target: anchor.to_array(),
            distance_m: (distance * 0.4).max(4.0),
            ..camera.pose
        };
        self.fly(pose, now_ms);
    }

    fn click(&mut self, at: DVec2) {
        let target = self.pick(at);
        let entity = target.and_then(|target| self.state.entity_at(target.slot).cloned());
        let position = target.map(|target| target.position.to_array());
        bridge::emit(ViewEvent::Picked { entity, position });
    }

    /// Tells the panels what the pointer rests on; at most once a frame.
    pub fn point(&mut self) {
        if !std::mem::take(&mut self.hover_changed) || self.gestures.pressed() {
            return;
        }
        let target = self.hover_at.and_then(|at| self.pick(at));
        let entity = target.and_then(|target| self.state.entity_at(target.slot).cloned());
        let changed = self.state.hover(entity.as_ref());
        if changed || entity.is_some() {
            let at = self.hover_at.unwrap_or_default().as_vec2().to_array();
            bridge::emit(ViewEvent::Hover { entity, at });
        }
    }

    fn anchor_at(&mut self, at: DVec2) -> Option<DVec3> {
        let ray = self.camera?.ray(&self.viewport, at);
        let hit = self.cast(&ray).map(|target| target.position);
        hit.or_else(|| Some(self.camera?.fallback_anchor(&ray)))
    }

    /// What is under a pixel.
    pub fn pick(&mut self, at: DVec2) -> Option<Target> {
        let ray = self.camera?.ray(&self.viewport, at);
        self.cast(&ray)
    }

    fn cast(&mut self, ray: &WorldRay) -> Option<Target> {
        let solid = self.cast_among(ray, !self.ghosts);
        // A ghost counts only where there is nothing else.
        if self.ghosts { solid.or_else(|| self.cast_among(ray, true)) } else { solid }
    }

    fn cast_among(&mut self, ray: &WorldRay, ghosts_too: bool) -> Option<Target> {
        let (state, spaces) = (&self.state, self.show_spaces);
        let mut nearest: Option<(Hit, usize)> = None;
        self.stream.as_mut()?.shown_mut(|tileset, tile, loaded| {
            let limit = nearest.map_or(FARTHEST, |(hit, _)| hit.distance);
            if !crosses(ray, &tileset.tiles[tile].bounds, limit) {
                return;
            }
            let base = loaded.base;
            let visible = |class: Class, feature: usize| {
                let slot = base + feature;
                let painted = state.is_painted(slot);
                let solid = match class {
                    Class::Space => painted && spaces,
                    Class::Ground => true,
                    _ => painted || ghosts_too,
                };
                solid && state.is_shown(slot)
            };
            let content = loaded.content.clone();
            if let Some(hit) = loaded.picker.cast(&content, ray, limit, visible) {
                nearest = Some((hit, base + hit.feature));
            }
        });
        let (hit, slot) = nearest?;
        Some(Target { slot, position: ray.origin + ray.direction * hit.distance })
    }

    /// A spot of an entity on the canvas where it can be seen, CSS pixels; else its
    /// middle; `None` when that is behind or the entity is not loaded.
    pub fn locate(&mut self, entity: &EntityId) -> Option<[f32; 2]> {
        let camera = self.camera?;
        let viewport = self.viewport;
        let (bounds, spots) = self.spots(entity)?;
        let middle = camera.project(&viewport, bounds.center());
        let on_canvas = |at: &DVec2| {
            (0.0..viewport.width).contains(&at.x) && (0.0..viewport.height).contains(&at.y)
        };
        let candidates: Vec<DVec2> = middle
            .into_iter()
            .chain(spots.iter().filter_map(|&spot| camera.project(&viewport, spot)))
            .filter(on_canvas)
            .collect();
        let seen = candidates.iter().find(|&&at| {
            let hit = self.pick(at).and_then(|target| self.state.entity_at(target.slot));
            hit == Some(entity)
        });
        let at = seen.copied().or(middle)?;
        Some(at.as_vec2().to_array())
    }

    /// Box around an entity's loaded geometry, and middles of some of its triangles.
    fn spots(&self, entity: &EntityId) -> Option<(Bounds, Vec<DVec3>)> {
        let stream = self.stream.as_ref()?;
        let mut bounds: Option<Bounds> = None;
        let mut spots = Vec::new();
        for slot in self.state.slots_of(entity) {
            let Some((_, loaded)) = stream.tile_of_slot(slot) else { continue };
            shape::triangles(&loaded.content, slot - loaded.base, |corners| {
                for point in corners {
                    let own = Bounds { min: point, max: point };
                    bounds = Some(bounds.map_or(own, |bounds| bounds.union(&own)));
                }
                spots.push((corners[0] + corners[1] + corners[2]) / 3.0);
            });
        }
        let step = spots.len().div_ceil(SPOTS).max(1);
        Some((bounds?, spots.into_iter().step_by(step).collect()))
    }
}

/// Whether a ray comes into a box before `limit` metres.
fn crosses(ray: &WorldRay, bounds: &Bounds, limit: f64) -> bool {
    let inverse = ray.direction.recip();
    let (a, b) = ((bounds.min - ray.origin) * inverse, (bounds.max - ray.origin) * inverse);
    let enter = a.min(b).max_element().max(0.0);
    let leave = a.max(b).min_element();
    enter <= leave && enter < limit
}
