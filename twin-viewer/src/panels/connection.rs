//! Keeps the WebSocket open: tries again with growing waits, continues where it stopped,
//! and gives up connections that fell silent.

use std::rc::Rc;

use leptos::prelude::*;
use twin_protocol::{ClientMessage, Interest, Ping, Resume, ServerMessage, Subscribe};

use super::{
    ctx::{Ctx, LinkState},
    room, scene_load,
};
use crate::{
    net::{self, Backoff, PING_EVERY_MS, SILENCE_MS, Socket, SocketEvent},
    store::{Applied, StateList},
    text::refusal,
};

/// Most updates a second asked for.
const MAX_HZ: f32 = 10.0;

/// The connection in use and its timers, by the browser's clock.
#[derive(Default)]
pub(crate) struct Connection {
    socket: Option<Socket>,
    /// Events of connections before this one are ignored.
    serial: u32,
    backoff: Backoff,
    heard_ms: f64,
    pinged_ms: f64,
    /// When to try again; absent while a connection is in use.
    retry_at_ms: Option<f64>,
    /// What the server said before it closed.
    bye: Option<String>,
    /// Whether the server has introduced itself. It does so again when the room's clock
    /// jumps; our subscription then stays what it is.
    greeted: bool,
}

fn now_ms() -> f64 {
    js_sys::Date::now()
}

fn url(room: Option<&str>) -> String {
    let Some(location) = web_sys::window().map(|window| window.location()) else {
        return String::new();
    };
    let scheme = if location.protocol().is_ok_and(|p| p == "https:") { "wss" } else { "ws" };
    let query = room.map(|room| format!("?room={}", js_sys::encode_uri_component(room)));
    let host = location.host().unwrap_or_default();
    format!("{scheme}://{host}/api/v1/stream{}", query.unwrap_or_default())
}

/// Opens a connection in place of the one before.
pub(crate) fn connect(ctx: Ctx) {
    let now = now_ms();
    let serial = ctx.connection.try_update_value(|connection| {
        connection.serial += 1;
        connection.socket = None;
        connection.retry_at_ms = None;
        connection.bye = None;
        connection.greeted = false;
        (connection.heard_ms, connection.pinged_ms) = (now, now);
        connection.serial
    });
    let Some(serial) = serial else { return };
    match Socket::open(
        &url(ctx.room.get_untracked().as_deref()),
        Rc::new(move |event| on_event(ctx, serial, event)),
    ) {
        Ok(socket) => ctx.connection.update_value(|connection| connection.socket = Some(socket)),
        Err(reason) => lose(ctx, reason),
    }
}

fn on_event(ctx: Ctx, serial: u32, event: SocketEvent) {
    if ctx.connection.with_value(|connection| connection.serial != serial) {
        return;
    }
    ctx.connection.update_value(|connection| connection.heard_ms = now_ms());
    match event {
        SocketEvent::Open => {}
        SocketEvent::Frame(bytes) => match ServerMessage::decode(&bytes) {
            Ok(message) => on_message(ctx, message),
            Err(error) => start_anew(ctx, error.to_string()),
        },
        SocketEvent::Closed(reason) => {
            let bye = ctx.connection.with_value(|connection| connection.bye.clone());
            lose(ctx, bye.unwrap_or(reason));
        }
    }
}

fn on_message(ctx: Ctx, message: ServerMessage) {
    let generation = ctx.read(|store| store.generation);
    let applied = ctx.store.try_update_value(|store| store.apply(message, now_ms()));
    match applied {
        Some(Ok(applied)) => on_applied(ctx, applied),
        Some(Err(error)) => return start_anew(ctx, error.to_string()),
        None => return,
    }
    let after = ctx.read(|store| store.generation);
    if after != generation {
        ctx.structure.set(after);
    }
}

fn on_applied(ctx: Ctx, applied: Applied) {
    match applied {
        Applied::Hello { other_scene, .. } => {
            if other_scene {
                scene_load::load(ctx);
            }
            set_link(ctx, LinkState::Syncing);
            let greeted = ctx
                .connection
                .try_update_value(|connection| std::mem::replace(&mut connection.greeted, true));
            if greeted == Some(false) {
                subscribe(ctx);
                ping(ctx);
                learn_states(ctx);
            }
        }
        Applied::Current => {
            ctx.connection.update_value(|connection| connection.backoff.reset());
            set_link(ctx, LinkState::Live);
        }
        Applied::Clock => show_clock(ctx),
        Applied::Refused(error) => {
            ctx.say(move |lang| refusal(lang, &error));
        }
        Applied::Bye(reason) => {
            ctx.connection.update_value(|connection| connection.bye = Some(reason));
        }
        Applied::Pong => {
            // Nothing changed while we were away: the answer to a ping proves that the
            // continued connection works.
            if ctx.link.get_untracked() == LinkState::Syncing
                && ctx.read(|store| store.resume().is_some())
            {
                set_link(ctx, LinkState::Live);
            }
        }
        Applied::Partial => {}
    }
}

/// The room's clock was set, or ran on.
fn show_clock(ctx: Ctx) {
    let clock = ctx.read(|store| store.room.clone());
    if clock.is_none() {
        ctx.room.set(None); // a replay that ends hands everyone over to the present
    }
    if ctx.replay.with_untracked(|before| *before != clock) {
        ctx.replay.set(clock);
    }
    ctx.clock.set(ctx.read(|store| store.now(now_ms())));
}

fn set_link(ctx: Ctx, state: LinkState) {
    if ctx.link.with_untracked(|link| *link != state) {
        ctx.link.set(state);
    }
}

fn subscribe(ctx: Ctx) {
    let resume =
        ctx.read(super::super::store::Store::resume).map(|(epoch, seq)| Resume { epoch, seq });
    let subscribe = Subscribe { interest: Interest::All, max_hz: MAX_HZ, lossless: false, resume };
    send(ctx, &ClientMessage::Subscribe(subscribe));
}

/// Asks what the site calls its states: bindings may have changed since the last connection.
fn learn_states(ctx: Ctx) {
    leptos::task::spawn_local(async move {
        // Without an answer the page's own words stay, or those of the last time.
        if let Ok(list) = net::get::<StateList>("/api/v1/states").await {
            ctx.store.update_value(|store| store.set_states(list.into()));
            ctx.structure.set(ctx.read(|store| store.generation));
        }
    });
}

fn ping(ctx: Ctx) {
    let now = now_ms();
    ctx.connection.update_value(|connection| connection.pinged_ms = now);
    send(ctx, &ClientMessage::Ping(Ping { t: now as i64 }));
}

/// Sends a message on the connection in use.
pub(crate) fn send(ctx: Ctx, message: &ClientMessage) {
    ctx.connection.with_value(|connection| {
        if let Some(socket) = &connection.socket {
            socket.send(message);
        }
    });
}

/// What came does not fit what we hold: everything from the beginning.
fn start_anew(ctx: Ctx, reason: String) {
    ctx.store.update_value(super::super::store::Store::forget_sequence);
    lose(ctx, reason);
}

fn lose(ctx: Ctx, reason: String) {
    let now = now_ms();
    let retry_at_ms = ctx.connection.try_update_value(|connection| {
        connection.serial += 1; // whatever the socket still says is of no interest
        let retry_at_ms = now + connection.backoff.next_ms(js_sys::Math::random());
        connection.retry_at_ms = Some(retry_at_ms);
        retry_at_ms
    });
    let since_ms = match ctx.link.get_untracked() {
        LinkState::Lost { since_ms, .. } => since_ms,
        _ => ctx.read(|store| store.clock.now(now)),
    };
    let retry_at_ms = retry_at_ms.unwrap_or(now);
    ctx.link.set(LinkState::Lost { retry_at_ms, since_ms, reason });
    room::check(ctx);
}

/// Looks after the connection; a few times a second.
pub(crate) fn tick(ctx: Ctx) {
    let now = now_ms();
    let (retry, silent, ping_due) = ctx.connection.with_value(|connection| {
        let in_use = connection.retry_at_ms.is_none();
        let retry = connection.retry_at_ms.is_some_and(|at| now >= at);
        let silent = in_use && now - connection.heard_ms > SILENCE_MS;
        (retry, silent, in_use && now - connection.pinged_ms > PING_EVERY_MS)
    });
    if retry {
        connect(ctx);
    } else if silent {
        let words = ctx.lang.get_untracked().t("link.silent");
        lose(ctx, words.to_owned());
    } else if ping_due {
        ping(ctx);
    }
}

/// Tries at once, without waiting.
pub(crate) fn retry_now(ctx: Ctx) {
    connect(ctx);
}
