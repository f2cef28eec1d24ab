//! Keys that work anywhere on the page.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;

use super::{ctx::Ctx, room};
use crate::{bridge::ViewCommand, layers::Layer};

pub(crate) fn listen(ctx: Ctx) {
    let handle = window_event_listener(ev::keydown, move |event| on_key(ctx, &event));
    on_cleanup(move || handle.remove());
}

fn is_typing(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target
        .is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "SELECT" | "TEXTAREA"))
}

fn on_key(ctx: Ctx, event: &ev::KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let key = event.key();
    if key == "Escape" {
        return clear(ctx);
    }
    if is_typing(event) {
        return;
    }
    match key.as_str() {
        "/" => {
            focus_search();
            ctx.pane.set("tree");
        }
        " " if ctx.replay.with_untracked(Option::is_some) => room::toggle(ctx),
        "?" => ctx.help.update(|open| *open = !*open),
        "l" | "L" => ctx.layer.update(|layer| *layer = next(*layer)),
        "h" | "H" => ctx.command(ViewCommand::Home),
        "f" | "F" => {
            if let Some(id) = ctx.selected.get_untracked() {
                ctx.fly_to(&id);
            }
        }
        _ => return,
    }
    event.prevent_default();
}

fn next(layer: Layer) -> Layer {
    let at = Layer::ALL.iter().position(|other| *other == layer).unwrap_or(0);
    Layer::ALL[(at + 1) % Layer::ALL.len()]
}

/// Takes back one thing at a time, the latest first.
fn clear(ctx: Ctx) {
    if ctx.help.get_untracked() {
        ctx.help.set(false);
    } else if ctx.query.with_untracked(|query| !query.is_empty()) {
        ctx.query.set(String::new());
    } else if ctx.selected.with_untracked(Option::is_some) {
        ctx.select(None);
    } else {
        ctx.storey.set(None);
    }
}

fn focus_search() {
    let input = document().get_element_by_id("search");
    if let Some(input) = input.and_then(|input| input.dyn_into::<web_sys::HtmlInputElement>().ok())
    {
        let _ = input.focus(); // hidden on a narrow screen until its pane is shown
        input.select();
    }
}
