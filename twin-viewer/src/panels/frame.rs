//! What runs by itself: once a frame paint and events, a few times a second the texts.

use std::{cell::Cell, rc::Rc, time::Duration};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};

use super::{
    address, connection,
    ctx::{AttentionView, CanvasState, Ctx},
    telemetry,
};
use crate::{
    bridge::{self, Context, ViewCommand, ViewEvent},
    store::Totals,
};

/// Texts change at most this often, ms: faster nobody reads.
const TEXT_EVERY_MS: f64 = 250.0;
/// Lines of the attention list kept for the page.
const ATTENTION_LINES: usize = 100;

/// The closure that asks for itself again, where it can find itself.
type Again = Rc<Cell<Option<Closure<dyn FnMut()>>>>;

/// Starts the loops; they run as long as the page.
pub(crate) fn start(ctx: Ctx) {
    set_interval(move || tick(ctx), Duration::from_millis(250));
    let handler = Again::default();
    let again = handler.clone();
    let closure = Closure::new(move || {
        frame(ctx);
        let closure = again.take();
        if let Some(closure) = &closure {
            request_frame(closure);
        }
        again.set(closure);
    });
    request_frame(&closure);
    handler.set(Some(closure));
}

fn request_frame(closure: &Closure<dyn FnMut()>) {
    if let Some(window) = web_sys::window() {
        // Fails only in a window that is gone.
        let _ = window.request_animation_frame(closure.as_ref().unchecked_ref());
    }
}

/// One frame: what the canvas told, and what the store has for it.
fn frame(ctx: Ctx) {
    for event in bridge::take_events() {
        on_event(ctx, event);
    }
    let changed = ctx.store.try_update_value(|store| store.points.take_changed());
    let changed = changed.unwrap_or_default();
    let patch = ctx.engine.try_update_value(|engine| {
        engine.set_layer(ctx.layer.get_untracked());
        ctx.read(|store| engine.update(store, &changed))
    });
    let Some(patch) = patch else { return };
    if patch.clear {
        ctx.command(ViewCommand::ClearPaint);
    }
    if !patch.storeys.is_empty() {
        ctx.command(ViewCommand::PaintStorey(patch.storeys));
    }
    if !patch.entities.is_empty() {
        ctx.command(ViewCommand::Paint(patch.entities));
    }
    let moved =
        ctx.attention_list.try_update_value(|list| ctx.read(|store| list.update(store, &changed)));
    TEXTS.with(|texts| {
        texts.values.set(texts.values.get() || patch.clear || !changed.is_empty());
        texts.attention.set(texts.attention.get() || moved == Some(true));
    });
    refresh(ctx);
}

#[derive(Default)]
struct Texts {
    values: Cell<bool>,
    attention: Cell<bool>,
    last_ms: Cell<f64>,
}

thread_local! {
    static TEXTS: Texts = Texts::default();
}

/// Brings the texts up to date, if they are due.
fn refresh(ctx: Ctx) {
    TEXTS.with(|texts| {
        let now = js_sys::Date::now();
        if now - texts.last_ms.get() < TEXT_EVERY_MS {
            return;
        }
        texts.last_ms.set(now);
        if texts.attention.take() {
            let view = ctx.attention_list.with_value(|list| {
                let mut lines = ctx.read(|store| list.lines(store));
                let more = lines.len().saturating_sub(ATTENTION_LINES);
                lines.truncate(ATTENTION_LINES);
                AttentionView { lines, more, counts: list.counts() }
            });
            ctx.attention.set(view);
        }
        if texts.values.take() {
            let totals =
                ctx.attention_list.with_value(|list| ctx.read(|store| Totals::count(store, list)));
            if ctx.totals.with_untracked(|before| *before != totals) {
                ctx.totals.set(totals);
            }
            ctx.pulse.update(|pulse| *pulse += 1);
        }
    });
}

/// A few times a second, also in a tab that is not looked at.
fn tick(ctx: Ctx) {
    connection::tick(ctx);
    telemetry::tick(ctx);
    let now = ctx.read(|store| store.now(js_sys::Date::now()));
    if now / 1000 != ctx.clock.get_untracked() / 1000 {
        ctx.clock.set(now);
        ctx.store.update_value(|store| store.points.sweep(now));
    }
    address::write_if_changed(ctx);
}

fn on_event(ctx: Ctx, event: ViewEvent) {
    match event {
        ViewEvent::Hover { entity, at } => ctx.hover.set(entity.map(|entity| (entity, at))),
        ViewEvent::Picked { entity, .. } => {
            ctx.select(entity.clone());
            if entity.is_some() {
                ctx.hover.set(None);
            }
        }
        ViewEvent::Loading { loaded, wanted, failed } => {
            let lost = failed.as_ref().map_or(0, |(count, _)| *count);
            ctx.streaming.set(Some((loaded, wanted)).filter(|_| loaded + lost < wanted));
            ctx.tile_failures.set(failed);
            if ctx.canvas.with_untracked(|canvas| *canvas != CanvasState::Ready) {
                ctx.set_canvas(CanvasState::Loading { loaded, wanted });
            }
        }
        ViewEvent::Ready => {
            ctx.set_canvas(CanvasState::Ready);
            if let Some(id) = ctx.fly_when_ready.try_update_value(Option::take).flatten() {
                ctx.fly_to(&id);
            }
        }
        ViewEvent::Rested(pose) => ctx.camera.set_value(Some(pose)),
        ViewEvent::Located { .. } => {}
        ViewEvent::Failed(reason) => ctx.set_canvas(CanvasState::Failed(reason)),
    }
}

/// Passes on what the page's state means for the canvas.
pub(crate) fn drive_canvas(ctx: Ctx) {
    Effect::new(move |_| ctx.command(ViewCommand::Select(ctx.selected.get())));
    Effect::new(move |_| {
        ctx.command(ViewCommand::Isolate(ctx.storey.get().map(|storey| vec![storey])));
    });
    Effect::new(move |_| {
        let indoors = ctx.layer.get().is_indoors();
        let context = if indoors { Context::Ghost } else { Context::Full };
        ctx.command(ViewCommand::Context(context));
        ctx.command(ViewCommand::ShowSpaces(indoors));
    });
}
