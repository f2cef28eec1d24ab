//! Misbehaviour on request, so that the watchdog can be tested on any file.

use crate::ifc::engine::{geometry::Group, rewrite::Detail};
use std::{env, time::Duration};

/// What `BIM_IMPORT_FAULT` asks for; see [`super::run_if_worker`].
pub(super) enum Fault {
    None,
    Hang(u32),
    HangWithOpenings(u32),
    Crash(u32),
}

impl Fault {
    pub(super) fn from_environment() -> Self {
        let text = env::var("BIM_IMPORT_FAULT").unwrap_or_default();
        let parsed = text.split_once(':').and_then(|(what, id)| Some((what, id.parse().ok()?)));
        match parsed {
            Some(("hang", id)) => Self::Hang(id),
            Some(("hang-openings", id)) => Self::HangWithOpenings(id),
            Some(("crash", id)) => Self::Crash(id),
            _ => Self::None,
        }
    }

    /// Misbehaves if this draws the element. Nothing goes wrong with a mere box.
    pub(super) fn strike(&self, group: &Group, openings: bool, detail: Detail) {
        if detail == Detail::Box {
            return;
        }
        let is_drawn =
            |at: &u32| group.job.id == *at || group.copies.iter().any(|(id, _)| id == at);
        match self {
            Self::Hang(at) if is_drawn(at) => spin(),
            Self::HangWithOpenings(at) if openings && is_drawn(at) => spin(),
            Self::Crash(at) if is_drawn(at) => std::process::abort(),
            _ => {}
        }
    }
}

fn spin() {
    loop {
        std::hint::black_box(std::time::Instant::now() + Duration::from_secs(1));
    }
}
