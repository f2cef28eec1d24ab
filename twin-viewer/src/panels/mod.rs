//! The panels in the page's DOM. They read the store, speak to the canvas through the
//! bridge, and change only the texts that are on the page.

mod address;
mod attention;
mod connection;
mod ctx;
mod frame;
mod help;
mod icons;
mod inspector;
mod keys;
mod layer_picker;
mod replay_bar;
mod room;
mod scene_load;
mod search;
mod stage;
mod storeys;
mod telemetry;
mod top_bar;
mod tree;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::text::Lang;
use ctx::{Ctx, LinkState};
use icons::icon;

/// Puts the panels into the page. `canvas` says whether 3D can be drawn here, else why not.
pub(crate) fn mount(canvas: Result<(), String>) {
    let Some(shell) = document().get_element_by_id("shell") else { return };
    let shell: web_sys::HtmlElement = shell.unchecked_into();
    // The state belongs to the mounted view, and lives as long as the page.
    mount_to(shell, move || start(canvas)).forget();
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
}

fn start(canvas: Result<(), String>) -> impl IntoView {
    let link = address::read();
    let ctx = Ctx::new(link.lang.unwrap_or_else(preferred));
    ctx.layer.set(link.layer.unwrap_or_default());
    if let Err(reason) = canvas {
        ctx.canvas.set(ctx::CanvasState::Failed(reason));
    }
    scene_load::load(ctx);
    room::open(ctx, &link);
    frame::start(ctx);
    app(ctx, link.scale.unwrap_or(1.0))
}

fn preferred() -> Lang {
    let tag = window().navigator().language();
    tag.and_then(|tag| Lang::parse(&tag)).unwrap_or_default()
}

fn app(ctx: Ctx, scale: f32) -> impl IntoView {
    keys::listen(ctx);
    frame::drive_canvas(ctx);
    document_state(ctx, scale);
    view! {
        {top_bar::top_bar(ctx)}
        <aside class="side side-left" data-pane="tree">
            <section class="panel navigator" aria-label=move || ctx.t("tree.title")>
                {search::search(ctx)}
                <div class="scroll">{tree::tree(ctx)}</div>
            </section>
        </aside>
        {stage::stage(ctx)}
        <aside class="side side-right" data-pane="detail">
            {inspector::inspector(ctx)}
            {attention::attention(ctx)}
        </aside>
        {panes(ctx)}
        {help::help(ctx)}
    }
}

/// What concerns the whole document: language, size, pane, and whether values are current.
fn document_state(ctx: Ctx, scale: f32) {
    let root = document().document_element();
    if let Some(root) = root.clone().and_then(|root| root.dyn_into::<web_sys::HtmlElement>().ok()) {
        // A style the browser refuses leaves the designed size.
        let _ = root.style().set_property("--scale", &scale.to_string());
    }
    Effect::new(move |_| {
        if let Some(root) = &root {
            let _ = root.set_attribute("lang", ctx.lang.get().html());
        }
        document().set_title(ctx.t("app.name"));
    });
    Effect::new(move |_| {
        let Some(shell) = document().get_element_by_id("shell") else { return };
        let state = match ctx.link.get() {
            LinkState::Lost { .. } => "lost",
            LinkState::Live if ctx.replay.with(Option::is_some) => "replay",
            LinkState::Live if ctx.telemetry.with(Option::is_some) => "silent",
            LinkState::Live => "live",
            _ => "loading",
        };
        let _ = shell.set_attribute("data-link", state);
        let _ = shell.set_attribute("data-pane", ctx.pane.get());
    });
    let pixels = move || {
        let style = document()
            .document_element()
            .and_then(|root| window().get_computed_style(&root).ok().flatten());
        let size = style.and_then(|style| style.get_property_value("font-size").ok());
        size.and_then(|size| size.trim_end_matches("px").parse::<f32>().ok()).unwrap_or(16.0)
    };
    let tell = move || ctx.command(crate::bridge::ViewCommand::Scale(pixels() / 16.0));
    tell();
    let handle = window_event_listener(leptos::ev::resize, move |_| tell());
    on_cleanup(move || handle.remove());
}

/// The bar of a narrow screen, which shows one pane at a time.
fn panes(ctx: Ctx) -> impl IntoView {
    let tab = move |pane: &'static str, sign: &'static str, words: &'static str| {
        view! {
            <button
                aria-pressed=move || (ctx.pane.get() == pane).to_string()
                on:click=move |_| ctx.pane.set(pane)
            >
                {icon(sign)}
                <span>{move || ctx.lang.get().find(words).unwrap_or(words)}</span>
            </button>
        }
    };
    view! {
        <nav class="panes" aria-label=move || ctx.t("pane.title")>
            {tab("scene", "scene", "pane.scene")}
            {tab("tree", "tree", "pane.tree")}
            {tab("detail", "list", "pane.detail")}
        </nav>
    }
}
