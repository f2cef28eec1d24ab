//! The scene as the main world holds it: the tiles, the looks, the camera, and what the
//! panels asked for. Each frame it takes what happened and composes the next picture.

use std::collections::VecDeque;

use bevy::prelude::Resource;
use glam::DVec3;
use twin_model::{BoundingBox, EntityId};

use super::{
    camera::{Camera, Flight, Viewport},
    gesture::Gestures,
    outline,
    render::{Look, Picture, Upload},
    state::State,
    stream::{Change, Progress, Stream},
    tiles::tileset::{self, Bounds},
};
use crate::bridge::{self, CameraPose, Context, Paint, ViewCommand, ViewEvent};

/// Bytes of tiles held, on the CPU; the GPU holds about as much again.
const TILE_BUDGET: usize = 384 * 1024 * 1024;
/// Milliseconds of a frame that decoding may take.
const DECODE_MS: f64 = 4.0;
/// Milliseconds of a frame that painting may take.
const PAINT_MS: f64 = 2.0;
/// Paints applied between two looks at the clock.
const PAINTS_A_STEP: usize = 256;
/// The camera has come to rest when nothing moved it for so long.
const REST_MS: f64 = 250.0;
/// While frames take longer than this, pictures of a moving camera are drawn coarser.
const SLOW_FRAME_MS: f64 = 80.0;
/// Time between the pictures of a pulse, and length of a pulse.
const PULSE_STEP_MS: f64 = 100.0;
const PULSE_MS: f64 = 2_400.0;

/// Something to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The opening it belongs to: answers to an earlier one are dropped.
    pub opening: u64,
    /// Which tile, or `None` for the tileset itself.
    pub tile: Option<usize>,
    /// From where.
    pub url: String,
}

/// What came of a [`Request`].
#[derive(Debug)]
pub struct Arrival {
    /// What was asked for.
    pub request: Request,
    /// The bytes, or why there are none.
    pub bytes: Result<Vec<u8>, String>,
}

/// Time as the frame sees it.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Now, milliseconds since some start.
    pub now_ms: f64,
    /// Since the frame before, seconds, at most a tenth.
    pub delta_secs: f64,
    /// Since this frame was asked for, milliseconds: what the display takes for a frame.
    pub frame_ms: f64,
    /// Reads the clock anew.
    pub read: Option<fn() -> f64>,
}

impl Clock {
    fn spent(&self, since_ms: f64) -> f64 {
        self.read.map_or(0.0, |read| read() - since_ms)
    }

    fn read(&self) -> f64 {
        self.read.map_or(self.now_ms, |read| read())
    }
}

/// When the next frame is wanted.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Wake {
    /// As soon as the display shows one.
    pub soon: bool,
    /// Else at this time, if at all.
    pub at_ms: Option<f64>,
}

impl Wake {
    fn at(&mut self, at_ms: f64) {
        self.at_ms = Some(self.at_ms.map_or(at_ms, |earlier| earlier.min(at_ms)));
    }
}

/// The size of the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CanvasSize {
    /// CSS pixels.
    pub css: [f64; 2],
    /// Pixels drawn.
    pub pixels: [u32; 2],
}

/// Everything the main world knows of the scene.
#[derive(Resource)]
pub struct Scene {
    /// Looks of all features.
    pub state: State,
    pub(super) stream: Option<Stream>,
    pub(super) camera: Option<Camera>,
    pub(super) flight: Option<Flight>,
    pub(super) gestures: Gestures,
    pub(super) anchor: Option<DVec3>,
    pub(super) hover_at: Option<glam::DVec2>,
    pub(super) hover_changed: bool,
    pub(super) viewport: Viewport,
    pub(super) moved_ms: Option<f64>,
    pub(super) show_spaces: bool,
    pub(super) ghosts: bool,
    /// Whether the person asked for less motion.
    pub reduced_motion: bool,
    /// What to fetch; whoever runs the app takes it.
    pub requests: Vec<Request>,
    opening: u64,
    tileset_url: String,
    retry_open: Option<(f64, u32)>,
    first_pose: Option<CameraPose>,
    overview: Option<Bounds>,
    size: CanvasSize,
    scale: f32,
    paints: VecDeque<(EntityId, Paint)>,
    outline_changed: bool,
    changed: bool,
    progress: Progress,
    ready: bool,
    /// Average time that a drawn frame takes, milliseconds.
    frame_ms: f64,
    /// Whether the frame before drew, and when the last one that did was.
    drew: bool,
    drawn_ms: f64,
    tiles_changed: bool,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            state: State::new(),
            stream: None,
            camera: None,
            flight: None,
            gestures: Gestures::default(),
            anchor: None,
            hover_at: None,
            hover_changed: false,
            viewport: Viewport { width: 1.0, height: 1.0 },
            moved_ms: None,
            show_spaces: false,
            ghosts: false,
            reduced_motion: false,
            requests: Vec::new(),
            opening: 0,
            tileset_url: String::new(),
            retry_open: None,
            first_pose: None,
            overview: None,
            size: CanvasSize::default(),
            scale: 1.0,
            paints: VecDeque::new(),
            outline_changed: false,
            changed: true,
            progress: Progress::default(),
            ready: false,
            frame_ms: 0.0,
            drew: false,
            drawn_ms: f64::NEG_INFINITY,
            tiles_changed: false,
        }
    }
}

impl Scene {
    /// Fits the view to the canvas.
    pub fn resize(&mut self, size: CanvasSize) {
        if self.size != size {
            self.size = size;
            self.viewport = Viewport { width: size.css[0], height: size.css[1] };
            self.changed = true;
        }
    }

    /// The next picture must be drawn anew.
    pub fn touch(&mut self) {
        self.changed = true;
    }

    pub(super) fn camera_moved(&mut self, now_ms: f64) {
        self.changed = true;
        self.moved_ms = Some(now_ms);
    }

    /// Does what the panels ask. Paints wait their turn; see [`Scene::apply_paints`].
    pub fn command(&mut self, command: ViewCommand, picture: &mut Picture, now_ms: f64) {
        match command {
            ViewCommand::Open { tileset } => self.open(tileset, picture),
            ViewCommand::Paint(paints) => self.paints.extend(paints),
            ViewCommand::PaintStorey(paints) => self.state.paint_storeys(&paints),
            ViewCommand::ClearPaint => {
                self.paints.clear();
                self.state.clear_paint();
            }
            ViewCommand::Context(context) => self.ghosts = context == Context::Ghost,
            ViewCommand::ShowSpaces(show) => self.show_spaces = show,
            ViewCommand::Isolate(storeys) => self.state.isolate(storeys.as_deref()),
            ViewCommand::Select(entity) => {
                self.outline_changed |= self.state.select(entity.as_ref());
            }
            ViewCommand::FlyTo(bounds) => self.fly_to_box(&bounds, now_ms),
            ViewCommand::Camera(pose) => self.stand_at(pose, now_ms),
            ViewCommand::Home => self.fly_home(now_ms),
            ViewCommand::Overview(bounds) => self.set_overview(&bounds, now_ms),
            ViewCommand::Locate(entity) => {
                let at = self.locate(&entity);
                bridge::emit(ViewEvent::Located { entity, at });
            }
            ViewCommand::Scale(scale) => {
                self.scale = if scale.is_finite() { scale.clamp(0.5, 4.0) } else { 1.0 };
                self.outline_changed = true;
            }
        }
        self.changed = true;
    }

    fn open(&mut self, url: String, picture: &mut Picture) {
        if let Some(stream) = self.stream.take() {
            picture.drops.extend(stream.loaded_tiles());
        }
        // Looks outlive the tiles: they belong to entities, which a new revision keeps.
        self.state.release_all();
        self.opening += 1;
        self.tileset_url = url;
        self.retry_open = None;
        self.ready = false;
        self.outline_changed = true;
        self.ask_for_tileset();
    }

    fn set_overview(&mut self, bounds: &BoundingBox, now_ms: f64) {
        let (min, max) = (DVec3::from(bounds.min), DVec3::from(bounds.max));
        if !(min.is_finite() && max.is_finite() && min.cmple(max).all()) {
            return;
        }
        self.overview = Some(Bounds { min, max });
        if let Some(camera) = &mut self.camera {
            let untouched = camera.pose == camera.overview(self.viewport.aspect());
            camera.home = Bounds { min, max };
            if untouched {
                let pose = camera.overview(self.viewport.aspect());
                self.stand_at(pose, now_ms);
            }
        }
    }

    fn ask_for_tileset(&mut self) {
        let (opening, url) = (self.opening, self.tileset_url.clone());
        self.requests.push(Request { opening, tile: None, url });
    }

    pub(super) fn stand_at(&mut self, pose: CameraPose, now_ms: f64) {
        self.flight = None;
        match &mut self.camera {
            Some(camera) => {
                camera.set(pose);
                self.camera_moved(now_ms);
            }
            None => self.first_pose = Some(pose),
        }
    }

    /// Takes a tileset or a tile that was fetched.
    pub fn arrive(&mut self, arrival: Arrival, now_ms: f64) {
        let Arrival { request, bytes } = arrival;
        if request.opening != self.opening {
            return;
        }
        match (request.tile, bytes, &mut self.stream) {
            (Some(tile), bytes, Some(stream)) => stream.arrived(tile, bytes, now_ms),
            (None, Ok(bytes), None) => match tileset::parse(&bytes) {
                Ok(tileset) => self.start(Stream::new(tileset, TILE_BUDGET), now_ms),
                Err(error) => self.open_failed(error.to_string(), now_ms),
            },
            (None, Err(reason), None) => self.open_failed(reason, now_ms),
            _ => {}
        }
    }

    fn open_failed(&mut self, reason: String, now_ms: f64) {
        let tries = self.retry_open.map_or(0, |(_, tries)| tries + 1);
        let wait_ms = (1_000.0 * f64::from(1 << tries.min(6))).min(60_000.0);
        self.retry_open = Some((now_ms + wait_ms, tries));
        bridge::emit(ViewEvent::Loading { loaded: 0, wanted: 1, failed: Some((1, reason)) });
    }

    fn start(&mut self, stream: Stream, now_ms: f64) {
        let bounds = stream.tileset().tiles.first().map_or(EMPTY, |root| root.bounds);
        let zero = bounds.min.z <= 0.0 && bounds.max.z >= 0.0;
        let ground_m = if zero { 0.0 } else { bounds.min.z };
        // The camera stays where it was when a new revision of the scene opens.
        let pose = self.first_pose.take().or(self.camera.map(|camera| camera.pose));
        let mut camera = Camera::new(bounds, ground_m);
        camera.home = self.overview.unwrap_or(bounds);
        camera.pose = camera.overview(self.viewport.aspect());
        if let Some(pose) = pose {
            camera.set(pose);
        }
        self.camera = Some(camera);
        self.stream = Some(stream);
        self.camera_moved(now_ms);
    }

    /// Applies paints that wait, within the frame's share of time.
    pub fn apply_paints(&mut self, clock: &Clock) {
        let start = clock.read();
        while !self.paints.is_empty() && clock.spent(start) < PAINT_MS {
            for _ in 0..PAINTS_A_STEP.min(self.paints.len()) {
                if let Some((entity, paint)) = self.paints.pop_front() {
                    self.state.paint(&entity, paint);
                }
            }
        }
    }

    /// Loads, decodes and lets go of tiles.
    pub fn stream_tiles(&mut self, picture: &mut Picture, clock: &Clock, wake: &mut Wake) {
        if let Some((at, _)) = self.retry_open {
            if clock.now_ms < at {
                wake.at(at);
            } else if self.stream.is_none() {
                self.retry_open = self.retry_open.map(|(_, tries)| (f64::INFINITY, tries));
                self.ask_for_tileset();
            }
        }
        let (Some(stream), Some(camera)) = (&mut self.stream, &self.camera) else { return };
        let pixels = f64::from(self.size.pixels[1]).clamp(200.0, 2160.0);
        stream.look(&camera.selecting_eye(self.viewport.aspect(), pixels));
        let start = clock.read();
        let changes = stream.work(&mut self.state, clock.now_ms, || clock.spent(start) < DECODE_MS);
        for change in &changes {
            match *change {
                Change::Ready(tile) => {
                    if let Some(loaded) = stream.loaded(tile) {
                        let content = loaded.content.clone();
                        picture.uploads.push(Upload { tile, content, base: loaded.base });
                    }
                }
                Change::Gone(tile) => picture.drops.push(tile),
            }
        }
        self.tiles_changed |= !changes.is_empty();
        self.outline_changed |= !changes.is_empty() && self.state.selected().is_some();
        let (opening, base) = (self.opening, &self.tileset_url);
        self.requests.extend(stream.fetches(clock.now_ms).into_iter().map(|(tile, uri)| Request {
            opening,
            tile: Some(tile),
            url: beside(base, &uri),
        }));
        if let Some(at) = stream.retry_at_ms() {
            wake.at(at);
        }
        wake.soon |= stream.busy();
        let progress = stream.progress();
        if progress != self.progress {
            let Progress { loaded, wanted, failed } = progress.clone();
            bridge::emit(ViewEvent::Loading { loaded, wanted, failed });
            self.progress = progress;
        }
    }

    /// Composes the picture of this frame, and says when the next is wanted.
    pub fn compose(&mut self, picture: &mut Picture, clock: &Clock, wake: &mut Wake) {
        if std::mem::take(&mut self.drew) {
            self.frame_ms += (clock.frame_ms.clamp(0.0, 2_000.0) - self.frame_ms) * 0.3;
        }
        self.show_tiles(clock, wake);
        let pulses = self.state.pulses() && !self.reduced_motion;
        let pulse_now = pulses && clock.now_ms - self.drawn_ms >= self.pulse_step_ms();
        if pulses {
            let phase = (clock.now_ms / PULSE_MS).fract();
            picture.look.pulse = (0.5 + 0.5 * (phase * std::f64::consts::TAU).cos()) as f32;
            wake.at(clock.now_ms + self.pulse_step_ms());
        }
        if !pulses {
            picture.look.pulse = 1.0;
        }
        if std::mem::take(&mut self.outline_changed) {
            let outline =
                self.stream.as_ref().and_then(|stream| outline::of_selected(stream, &self.state));
            picture.outline = Some(outline.map(|mut outline| {
                outline.width_px = 2.6;
                outline
            }));
            self.changed = true;
        }
        let drawable = self.size.pixels[0] > 0 && self.size.pixels[1] > 0;
        picture.redraw = drawable && (self.changed || pulse_now || self.state.is_dirty());
        wake.soon |= !self.paints.is_empty();
        self.rest(clock, wake);
        if !picture.redraw {
            return;
        }
        (self.changed, self.tiles_changed, self.drew) = (false, false, true);
        self.drawn_ms = clock.now_ms;
        // A move that the device draws too slowly; the picture at rest is whole again.
        let coarse = self.moved_ms.is_some() && self.frame_ms > SLOW_FRAME_MS;
        let pixels =
            self.size.pixels.map(|pixels| if coarse { pixels.div_ceil(2) } else { pixels });
        let ratio = f64::from(pixels[1]) / self.size.css[1].max(1.0);
        picture.camera = Some(self.camera.unwrap_or_else(|| Camera::new(EMPTY, 0.0)));
        picture.look = Look {
            width: pixels[0],
            height: pixels[1],
            scale: ratio as f32 * self.scale,
            pulse: picture.look.pulse,
            ghosts: self.ghosts,
        };
        picture.spaces = self.show_spaces || self.state.selected().is_some();
        picture.edge_passes = if coarse { 0 } else { edge_passes(picture.look.scale) };
        picture.tiles = self.nearest_first();
        if !self.ready && !picture.tiles.is_empty() {
            self.ready = true;
            bridge::emit(ViewEvent::Ready);
        }
    }

    /// Shows tiles that came: at once where drawing is cheap, else a few together, so that
    /// a slow device spends its time on loading.
    fn show_tiles(&mut self, clock: &Clock, wake: &mut Wake) {
        if !self.tiles_changed {
            return;
        }
        let complete = self.progress.loaded == self.progress.wanted;
        let next = self.drawn_ms + (self.frame_ms * 6.0).min(3_000.0);
        if !self.ready || complete || clock.now_ms >= next {
            self.changed = true;
        } else {
            wake.at(next);
        }
    }

    /// A pulse takes a quarter of a slow device's time at most.
    fn pulse_step_ms(&self) -> f64 {
        PULSE_STEP_MS.max(self.frame_ms * 4.0)
    }

    fn nearest_first(&self) -> Vec<usize> {
        let (Some(stream), Some(camera)) = (&self.stream, &self.camera) else { return Vec::new() };
        let eye = camera.eye();
        let mut tiles: Vec<(f64, usize)> = stream
            .shown()
            .map(|(tile, _)| (stream.tileset().tiles[tile].bounds.distance(eye), tile))
            .collect();
        tiles.sort_by(|a, b| a.0.total_cmp(&b.0));
        tiles.into_iter().map(|(_, tile)| tile).collect()
    }

    fn rest(&mut self, clock: &Clock, wake: &mut Wake) {
        let Some(moved) = self.moved_ms else { return };
        let still = self.flight.is_none() && !self.gestures.pressed();
        if still && clock.now_ms - moved >= REST_MS {
            self.moved_ms = None;
            if self.frame_ms > SLOW_FRAME_MS {
                // The last picture of the move was coarse. The next move is tried whole.
                self.frame_ms *= 0.9;
                self.changed = true;
                wake.soon = true;
            }
            if let Some(camera) = &self.camera {
                bridge::emit(ViewEvent::Rested(camera.pose));
            }
        } else if still {
            wake.at(moved + REST_MS);
        }
    }

    /// Where the camera stands.
    pub fn pose(&self) -> Option<CameraPose> {
        self.camera.map(|camera| camera.pose)
    }

    /// Figures for whoever measures: tiles loaded, tiles wanted, bytes held, and the
    /// milliseconds that a drawn frame takes.
    pub fn figures(&self) -> (u32, u32, usize, f64) {
        let bytes = self.stream.as_ref().map_or(0, Stream::bytes);
        (self.progress.loaded, self.progress.wanted, bytes, self.frame_ms)
    }
}

/// How often edges are drawn, a pixel apart, so that they carry on a large display.
fn edge_passes(scale: f32) -> u32 {
    if scale >= 1.6 { 2 } else { 1 }
}

pub(super) const EMPTY: Bounds = Bounds { min: DVec3::splat(-20.0), max: DVec3::splat(20.0) };

/// A URL that stands in the tileset, as seen from the page.
fn beside(tileset: &str, uri: &str) -> String {
    if uri.starts_with('/') || uri.contains("://") {
        return uri.to_owned();
    }
    let path = tileset.split(['?', '#']).next().unwrap_or(tileset);
    let folder = path.rfind('/').map_or("", |end| &path[..=end]);
    format!("{folder}{uri}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_beside_their_tileset() {
        assert_eq!(beside("/tiles/r1/tileset.json", "0/1.glb"), "/tiles/r1/0/1.glb");
        assert_eq!(beside("tileset.json?v=1", "0.glb"), "0.glb");
        assert_eq!(beside("/a/b.json", "/c.glb"), "/c.glb");
    }
}
