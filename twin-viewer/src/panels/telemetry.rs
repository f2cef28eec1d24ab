//! Whether measurements reach the server. It may answer us well and hear nothing itself:
//! then every value on the page is as old as the last message it got.

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
}

#[derive(Deserialize)]
struct Broker {
    since: jiff::Timestamp,
}

impl Readiness {
    fn outage(self) -> Option<Outage> {
        let since_ms = self.broker?.since.as_millisecond();
        Some(Outage { since_ms, reason: self.reason? })
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
        if ctx.telemetry.with_untracked(|before| *before != outage) {
            ctx.telemetry.set(outage);
        }
    });
}
