//! Whether measurements reach the server, and whether it can still show its model. It may
//! answer us well and hear nothing itself: then every value on the page is as old as the last
//! message it got.

use std::cell::Cell;

use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;

use super::ctx::Ctx;
use crate::net;

/// How often the server is asked, ms.
const ASK_EVERY_MS: f64 = 5_000.0;

/// Nothing comes from the broker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outage {
    /// Since when, by the server's clock, ms.
    pub(crate) since_ms: i64,
    /// The server's words.
    pub(crate) reason: String,
}

/// What `/readyz` says, as far as it matters here.
#[derive(Deserialize)]
struct Readiness {
    broker: Option<Broker>,
    reason: Option<String>,
    scene: Option<SceneHealth>,
}

#[derive(Deserialize)]
struct Broker {
    state: Option<String>,
    since: jiff::Timestamp,
}

#[derive(Deserialize)]
struct SceneHealth {
    problem: Option<SceneProblem>,
}

/// What is wrong with the model's files on the server.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct SceneProblem {
    /// `scene_replaced`, `tiles_missing`.
    pub(crate) code: String,
    /// The server's words.
    pub(crate) message: String,
}

impl Readiness {
    fn outage(&self) -> Option<Outage> {
        let broker = self.broker.as_ref()?;
        // The reason may be another: a model that is not the one it was.
        if broker.state.as_deref() == Some("ready") {
            return None;
        }
        Some(Outage { since_ms: broker.since.as_millisecond(), reason: self.reason.clone()? })
    }
}

thread_local! {
    static ASKED_MS: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
}

/// Asks now and then; a few times a second. Without a connection there is no telling, and
/// the banner of the lost connection says all there is to say.
pub(crate) fn tick(ctx: Ctx) {
    let now = js_sys::Date::now();
    if !untrack(|| ctx.is_live()) || now - ASKED_MS.get() < ASK_EVERY_MS {
        return;
    }
    ASKED_MS.set(now);
    spawn_local(async move {
        let Ok(readiness) = net::get_whatever::<Readiness>("/readyz").await else { return };
        let outage = readiness.outage();
        let problem = readiness.scene.and_then(|scene| scene.problem);
        if ctx.scene_problem.with_untracked(|before| *before != problem) {
            ctx.scene_problem.set(problem);
        }
        if ctx.telemetry.with_untracked(|before| *before != outage) {
            ctx.telemetry.set(outage);
        }
    });
}
