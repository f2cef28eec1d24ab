//! One frame: what waits is applied within its share of time, and the next picture composed.

use super::{Clock, EMPTY, Request, Scene, Wake, beside};
use crate::{
    bridge::{self, ViewEvent},
    canvas::{
        camera::Camera,
        outline,
        render::{Look, Picture, Upload},
        stream::{Change, Progress},
        tiles::select::Focus,
    },
};

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

impl Scene {
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
        let inside = self.ghosts || self.show_spaces;
        stream.set_focus(Focus { only: self.isolated.clone(), inside });
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
        let changed = stream.arrange() || !changes.is_empty();
        self.tiles_changed |= changed;
        self.outline_changed |= changed && self.state.selected().is_some();
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
            let Progress { loaded, wanted, failed, .. } = progress.clone();
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
            has_model: self.overview.is_some(),
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
}

/// How often edges are drawn, a pixel apart, so that they carry on a large display.
fn edge_passes(scale: f32) -> u32 {
    if scale >= 1.6 { 2 } else { 1 }
}
