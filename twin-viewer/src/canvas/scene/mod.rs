//! The scene as the main world holds it: the tiles, the looks, the camera, and what the
//! panels asked for. Each frame it takes what happened and composes the next picture.

mod clock;
mod frame;

use std::collections::{HashSet, VecDeque};

use bevy::prelude::Resource;
use glam::DVec3;
use twin_model::{BoundingBox, EntityId};

pub use clock::{Clock, Wake};

use super::{
    camera::{Camera, Flight, Viewport},
    gesture::Gestures,
    render::Picture,
    state::State,
    stream::{Progress, Stream},
    tiles::tileset::{self, Bounds},
};
use crate::bridge::{self, CameraPose, Context, Paint, ViewCommand, ViewEvent};

/// Bytes of tiles held, here and on the GPU together, where nobody says otherwise.
const TILE_BUDGET: usize = 512 * 1024 * 1024;

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
    /// Bytes of tiles that may be held, here and on the GPU together.
    pub budget: usize,
    isolated: Option<HashSet<String>>,
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
            budget: TILE_BUDGET,
            isolated: None,
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
            ViewCommand::Isolate(storeys) => {
                self.state.isolate(storeys.as_deref());
                let names = |ids: Vec<EntityId>| ids.iter().map(ToString::to_string).collect();
                self.isolated = storeys.map(names);
            }
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
                Ok(tileset) => self.start(Stream::new(tileset, self.budget), now_ms),
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

    /// Where the camera stands.
    pub fn pose(&self) -> Option<CameraPose> {
        self.camera.map(|camera| camera.pose)
    }

    /// Figures for whoever measures.
    pub fn figures(&self) -> Figures {
        Figures {
            progress: self.progress.clone(),
            drawn: self.stream.as_ref().map_or(0, |stream| stream.shown().count()),
            bytes: self.stream.as_ref().map_or(0, Stream::bytes),
            budget: self.budget,
            frame_ms: self.frame_ms,
        }
    }
}

/// How the canvas is doing.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Tiles loaded and wanted.
    pub progress: Progress,
    /// Tiles drawn.
    pub drawn: usize,
    /// Bytes of tiles held, here and on the GPU together.
    pub bytes: usize,
    /// The most that may be.
    pub budget: usize,
    /// Milliseconds that a drawn frame takes.
    pub frame_ms: f64,
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
