//! Time as a frame sees it, and when the next one is wanted.

use bevy::prelude::Resource;

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
    pub(super) fn spent(&self, since_ms: f64) -> f64 {
        self.read.map_or(0.0, |read| read() - since_ms)
    }

    pub(super) fn read(&self) -> f64 {
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
    pub(in crate::canvas) fn at(&mut self, at_ms: f64) {
        self.at_ms = Some(self.at_ms.map_or(at_ms, |earlier| earlier.min(at_ms)));
    }
}
