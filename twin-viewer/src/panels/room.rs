//! Which room this page is in: the present, or a replay. A replay is made on the server;
//! every screen in it shows the same time, and the link to it can be sent to others.

use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;
use serde_json::json;
use twin_protocol::{ClientMessage, ClockAction, Control};

use super::{connection, ctx::Ctx};
use crate::{link::Link, net, store::RoomClock};

/// How far before now a replay that was asked for without a time begins, ms.
const BEFORE_NOW_MS: i64 = 5 * 60_000;

/// What the server tells of a room, as far as it matters here.
#[derive(Deserialize)]
struct RoomInfo {
    id: String,
}

/// Enters what the address names, and connects: a room, a moment, or the present.
pub(crate) fn open(ctx: Ctx, link: &Link) {
    match (link.room.clone(), link.time.clone()) {
        (Some(room), time) => {
            ctx.room.set(Some(room.clone()));
            connection::connect(ctx);
            ask_whether_it_is_there(ctx, room, time);
        }
        (None, Some(time)) => make(ctx, Some(time)),
        (None, None) => connection::connect(ctx),
    }
}

/// A WebSocket that is refused does not say why; the room itself does.
fn ask_whether_it_is_there(ctx: Ctx, room: String, time: Option<String>) {
    spawn_local(async move {
        let found = net::get::<RoomInfo>(&format!("/api/v1/rooms/{room}")).await;
        let gone = matches!(&found, Err(error) if error.is_not_found());
        if !gone || ctx.room.get_untracked() != Some(room) {
            return;
        }
        match time {
            // The link also says which moment it meant.
            Some(time) => make(ctx, Some(time)),
            None => {
                ctx.say(|lang| lang.t("replay.ended").to_owned());
                leave(ctx);
            }
        }
    });
}

/// Looks whether the room is still there, after its connection was lost.
pub(crate) fn check(ctx: Ctx) {
    if let Some(room) = ctx.room.get_untracked() {
        ask_whether_it_is_there(ctx, room, None);
    }
}

/// Makes a replay of everything recorded, standing at a time (absent: a little before
/// now), and enters it.
pub(crate) fn make(ctx: Ctx, time: Option<String>) {
    let time = time.or_else(|| {
        let now = ctx.read(|store| store.clock.now(js_sys::Date::now()));
        jiff::Timestamp::from_millisecond(now - BEFORE_NOW_MS).ok().map(|time| time.to_string())
    });
    spawn_local(async move {
        let body = match &time {
            Some(time) => json!({ "t": time }),
            None => json!({}),
        };
        match net::post::<RoomInfo>("/api/v1/rooms", &body).await {
            Ok(room) => enter(ctx, Some(room.id)),
            Err(error) => {
                let words = error.to_string();
                ctx.say(move |_| words.clone());
                // A page opened at a moment that cannot be had shows the present instead.
                enter(ctx, None);
            }
        }
    });
}

/// Back to the present.
pub(crate) fn leave(ctx: Ctx) {
    enter(ctx, None);
}

fn enter(ctx: Ctx, room: Option<String>) {
    let same = ctx.room.with_untracked(|now| *now == room);
    ctx.room.set(room);
    if same && ctx.is_connected() {
        return;
    }
    ctx.store.update_value(|store| {
        store.room = None;
        store.forget_sequence();
    });
    ctx.replay.set(None);
    connection::connect(ctx);
}

/// Changes the clock of the room, for everyone in it.
pub(crate) fn control(ctx: Ctx, action: ClockAction) {
    connection::send(ctx, &ClientMessage::Control(Control { action, key: String::new() }));
}

/// Stops the time, or lets it run.
pub(crate) fn toggle(ctx: Ctx) {
    let paused = ctx.replay.with_untracked(|clock| clock.as_ref().map(RoomClock::paused));
    match paused {
        Some(true) => control(ctx, ClockAction::Play),
        Some(false) => control(ctx, ClockAction::Pause),
        None => {}
    }
}
