//! The address bar: restored at start, kept in step afterwards.

use std::cell::RefCell;

use leptos::prelude::*;
use twin_model::EntityKind;
use wasm_bindgen::JsValue;
use web_sys::UrlSearchParams;

use super::ctx::Ctx;
use crate::{
    bridge::ViewCommand,
    layers::Layer,
    link::Link,
    store::{RoomClock, Store},
};

thread_local! {
    /// What the address said at start, and what was written last.
    static START: RefCell<Link> = RefCell::default();
    static WRITTEN: RefCell<Option<Link>> = const { RefCell::new(None) };
}

/// Reads the address once, at start.
pub(crate) fn read() -> Link {
    let search = web_sys::window().and_then(|window| window.location().search().ok());
    let pairs =
        search.and_then(|search| UrlSearchParams::new_with_str(&search).ok()).map(|params| {
            let entries = js_sys::Array::from(&params);
            let text = |pair: &js_sys::Array, at| pair.get(at).as_string().unwrap_or_default();
            let pair = |entry| {
                let entry = js_sys::Array::from(&entry);
                (text(&entry, 0), text(&entry, 1))
            };
            entries.iter().map(pair).collect::<Vec<_>>()
        });
    let link = Link::parse(pairs.unwrap_or_default());
    START.with_borrow_mut(|start| *start = link.clone());
    link
}

/// Goes where the address says, once the scene is there.
pub(crate) fn restore(ctx: Ctx) {
    let link = START.take();
    START.with_borrow_mut(|start| {
        (start.lang, start.scale) = (link.lang, link.scale);
        start.others = link.others;
    });
    if let Some(storey) = &link.storey {
        ctx.storey.set(Some(storey.as_str().into()));
        drop_unknown_storey(ctx);
    }
    if let Some(id) = link.entity.as_deref() {
        ctx.select(Some(id.into()));
    }
    match (link.camera, link.entity) {
        (Some(pose), _) => ctx.command(ViewCommand::Camera(pose)),
        // The canvas has no camera to move before it has a scene.
        (None, Some(id)) => ctx.fly_when_ready.set_value(Some(id.as_str().into())),
        (None, None) => {}
    }
    // What the address says and is not there any more differs from what is shown, and goes.
    let written = Link { storey: link.storey, ..current(ctx) };
    WRITTEN.with_borrow_mut(|before| *before = Some(written));
}

/// Shows all storeys where the one that is to be shown alone is not in the scene: an old
/// link, or a new model. Nothing at all would be drawn otherwise, without a word.
pub(crate) fn drop_unknown_storey(ctx: Ctx) {
    let Some(id) = ctx.storey.get_untracked() else { return };
    let is_storey = |store: &Store| {
        let at = store.scene.find(id.as_str());
        at.is_some_and(|at| store.scene.at(at).kind == EntityKind::Storey)
    };
    if !ctx.read(is_storey) {
        ctx.storey.set(None);
        ctx.say(move |lang| lang.fill("storeys.unknown", &[("id", id.as_str())]));
    }
}

/// What the page shows now.
pub(crate) fn current(ctx: Ctx) -> Link {
    START.with_borrow(|start| Link {
        room: ctx.room.get_untracked(),
        time: standing(ctx),
        entity: ctx.selected.get_untracked().map(|id| id.to_string()),
        layer: Some(ctx.layer.get_untracked()).filter(|layer| *layer != Layer::None),
        storey: ctx.storey.get_untracked().map(|id| id.to_string()),
        camera: ctx.camera.get_value(),
        lang: Some(ctx.lang.get_untracked()),
        scale: start.scale,
        others: start.others.clone(),
    })
}

/// The moment a replay stands at, so that a link leads there after its room has ended.
/// While it runs there is none: the address would change all the time.
fn standing(ctx: Ctx) -> Option<String> {
    let paused = ctx.replay.with_untracked(|clock| clock.as_ref().is_some_and(RoomClock::paused));
    let time = jiff::Timestamp::from_millisecond(ctx.clock.get_untracked()).ok()?;
    paused.then(|| time.to_string())
}

/// The address of what is shown, complete.
pub(crate) fn href(ctx: Ctx) -> String {
    let base = web_sys::window().and_then(|window| {
        let location = window.location();
        Some(location.origin().ok()? + &location.pathname().ok()?)
    });
    base.unwrap_or_default() + &query(&current(ctx))
}

fn query(link: &Link) -> String {
    let escape = |text: &str| String::from(js_sys::encode_uri_component(text)).replace("%2C", ",");
    let pairs: Vec<String> = link
        .pairs()
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Writes the address where what is shown has changed, without a step in the history.
pub(crate) fn write_if_changed(ctx: Ctx) {
    WRITTEN.with_borrow_mut(|written| {
        let Some(before) = written else { return }; // nothing restored yet
        let now = current(ctx);
        if *before == now {
            return;
        }
        if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
            // Browsers refuse too many in a short time; the next change writes again.
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&href(ctx)));
        }
        *before = now;
    });
}
