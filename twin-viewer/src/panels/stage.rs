//! What lies over the 3D canvas: pickers, tooltip, progress, and what went wrong.

use leptos::prelude::*;
use twin_model::EntityKind;

use super::{
    connection,
    ctx::{CanvasState, Ctx, LinkState, SceneState, quality_key},
    icons::{icon, kind_icon},
    layer_picker::layer_picker,
    replay_bar::replay_bar,
    storeys::storeys,
};
use crate::{net::ApiError, store::Point, text};

pub(crate) fn stage(ctx: Ctx) -> impl IntoView {
    view! {
        <div class="overlay">
            <div class="overlay-top">
                {banner(ctx)}
                {silence(ctx)}
                {scene_problem(ctx)}
                {progress(ctx)}
                {empty_notice(ctx)}
                {toast(ctx)}
            </div>
            {streaming(ctx)}
            {layer_picker(ctx)}
            {storeys(ctx)}
            {replay_bar(ctx)}
            {tooltip(ctx)}
        </div>
        {failure(ctx)}
    }
}

/// The connection is lost: said large, since every value is old from now on.
fn banner(ctx: Ctx) -> impl IntoView {
    let lost = move || match ctx.link.get() {
        LinkState::Lost { since_ms, reason, .. } => Some((since_ms, reason)),
        _ => None,
    };
    move || {
        let (since_ms, reason) = lost()?;
        let since = text::clock_time(since_ms, super::top_bar::zone_minutes());
        let had_values = ctx.read(|store| !store.points.all().is_empty());
        let words = if had_values {
            ctx.fill("banner.lost", &[("since", &since)])
        } else {
            ctx.t("banner.unreachable").to_owned()
        };
        Some(view! {
            <div class="notice notice-warn" role="alert" data-testid="banner">
                {icon("offline")}
                <div>
                    <strong>{words}</strong>
                    <p>{ctx.t("banner.help")}{(!reason.is_empty()).then(|| format!(" ({reason})"))}</p>
                </div>
                <button class="button" on:click=move |_| connection::retry_now(ctx)>
                    {ctx.t("error.retry")}
                </button>
            </div>
        })
    }
}

/// We are connected, but the server hears nothing from its broker.
fn silence(ctx: Ctx) -> impl IntoView {
    move || {
        // What the broker does now says nothing of the past.
        let here = ctx.is_live() && ctx.replay.with(Option::is_none);
        let outage = ctx.telemetry.get().filter(|_| here)?;
        let since = text::clock_time(outage.since_ms, super::top_bar::zone_minutes());
        Some(view! {
            <div class="notice notice-warn" role="alert" data-testid="no-telemetry">
                {icon("offline")}
                <div>
                    <strong>{ctx.fill("banner.silent", &[("since", &since)])}</strong>
                    <p>{ctx.t("banner.silent.help")}{format!(" ({})", outage.reason)}</p>
                </div>
            </div>
        })
    }
}

/// The server's model is another on disk than the one shown, or not whole.
fn scene_problem(ctx: Ctx) -> impl IntoView {
    move || {
        let problem = ctx.scene_problem.get().filter(|_| ctx.is_live())?;
        // Which tiles are missing only the server's own words tell.
        let (words, help, more) = match problem.code.as_str() {
            "scene_replaced" => ("problem.replaced", "problem.replaced.help", None),
            _ => ("problem.tiles", "problem.tiles.help", Some(problem.message)),
        };
        let find = |key: &'static str| ctx.lang.get().find(key).unwrap_or(key);
        Some(view! {
            <div class="notice notice-warn" role="alert" data-testid="scene-problem">
                {icon("warn")}
                <div>
                    <strong>{find(words)}</strong>
                    <p>{find(help)}</p>
                    {more.map(|more| view! { <p class="dim">{more}</p> })}
                </div>
            </div>
        })
    }
}

fn progress(ctx: Ctx) -> impl IntoView {
    move || {
        let words = match (ctx.scene.get(), ctx.canvas.get()) {
            (SceneState::Loading, _) => ctx.t("loading.scene").to_owned(),
            (SceneState::Failed(error), _) => return Some(scene_error(ctx, &error).into_any()),
            (_, CanvasState::Starting) => ctx.t("loading.canvas").to_owned(),
            (_, CanvasState::Loading { loaded, wanted })
                if loaded > 0 || ctx.tile_failures.with(Option::is_none) =>
            {
                ctx.fill(
                    "loading.tiles",
                    &[("loaded", &loaded.to_string()), ("wanted", &wanted.to_string())],
                )
            }
            _ => {
                let (count, reason) = ctx.tile_failures.get()?;
                let count = count.to_string();
                let words = ctx.fill("loading.failed", &[("n", &count), ("reason", &reason)]);
                return Some(
                    view! { <div class="notice notice-warn">{icon("warn")}{words}</div> }
                        .into_any(),
                );
            }
        };
        Some(
            view! {
                <div class="notice" role="status" data-testid="loading">{icon("wait")}{words}</div>
            }
            .into_any(),
        )
    }
}

/// Something is on the screen, and more of it is on its way: said quietly, and only where
/// it takes a while, since every turn of the view asks for tiles.
fn streaming(ctx: Ctx) -> impl IntoView {
    let coming = move || {
        ctx.streaming.get().filter(|_| ctx.canvas.with(|canvas| *canvas == CanvasState::Ready))
    };
    // The last numbers stay while the words fade.
    let words = Memo::new(move |before: Option<&String>| match coming() {
        Some((loaded, wanted)) => ctx.fill(
            "loading.tiles",
            &[("loaded", &loaded.to_string()), ("wanted", &wanted.to_string())],
        ),
        None => before.cloned().unwrap_or_default(),
    });
    view! {
        <p class="streaming" class:is-on=move || coming().is_some() data-testid="streaming">
            {icon("wait")}{words}
        </p>
    }
}

fn scene_error(ctx: Ctx, error: &ApiError) -> impl IntoView + use<> {
    let (words, help) = match error {
        ApiError::Unreachable(_) => ("error.unreachable", "error.unreachable.help"),
        ApiError::Refused { .. } => ("error.refused", "error.refused.help"),
        ApiError::Unreadable { .. } => ("error.unreadable", "error.unreadable.help"),
    };
    let find = |key: &'static str| ctx.lang.get().find(key).unwrap_or(key);
    view! {
        <div class="notice notice-warn" role="alert" data-testid="scene-error">
            {icon("offline")}
            <div>
                <strong>{find(words)}</strong>
                <p>{find(help)}</p>
                <p class="dim">{error.to_string()}</p>
            </div>
        </div>
    }
}

/// All is up, but nothing is measured: says how to change that.
fn empty_notice(ctx: Ctx) -> impl IntoView {
    let closed = RwSignal::new(false);
    move || {
        ctx.structure.track();
        let (entities, points) = ctx.read(|store| (store.scene.len(), store.points.all().len()));
        if ctx.scene.get() != SceneState::Loaded || closed.get() {
            return None;
        }
        let words = match (entities, points) {
            (0, _) => ("empty.scene", "empty.scene.help"),
            (_, 0) if ctx.is_live() && ctx.telemetry.with(Option::is_none) => {
                ("empty.points", "empty.points.help")
            }
            _ => return None,
        };
        let find = |key: &'static str| ctx.lang.get().find(key).unwrap_or(key);
        Some(view! {
            <div class="notice" role="status" data-testid="empty">
                {icon("sensor")}
                <div><strong>{find(words.0)}</strong><p>{find(words.1)}</p></div>
                <button class="button square" aria-label=ctx.t("inspector.close") on:click=move |_| closed.set(true)>
                    {icon("close")}
                </button>
            </div>
        })
    }
}

fn toast(ctx: Ctx) -> impl IntoView {
    move || {
        let words = ctx.toast.get()?(ctx.lang.get());
        Some(view! {
            <div class="notice notice-warn" role="alert">
                {icon("warn")}<div>{words}</div>
                <button class="button square" aria-label=ctx.t("inspector.close") on:click=move |_| ctx.toast.set(None)>
                    {icon("close")}
                </button>
            </div>
        })
    }
}

/// The point that says most of an entity: that of the layer shown, else its first.
fn key_point<'a>(ctx: Ctx, store: &'a crate::store::Store, id: &str) -> Option<&'a Point> {
    let metric = ctx.layer.get().metric();
    metric
        .and_then(|metric| store.points.find(id, metric))
        .or_else(|| Some(store.points.at(*store.points.of(id).first()?)))
}

fn tooltip(ctx: Ctx) -> impl IntoView {
    move || {
        let (id, [x, y]) = ctx.hover.get()?;
        ctx.pulse.track();
        let (kind, value) = ctx.read(|store| {
            let kind = store.scene.find(id.as_str()).map(|at| store.scene.at(at).kind);
            let value = key_point(ctx, store, id.as_str()).and_then(|point| {
                let (value, unit) = ctx.value_text(point)?;
                let quality = ctx.quality(point);
                let metric = text::metric(ctx.lang.get(), &point.metric);
                Some((metric, format!("{value} {unit}"), quality))
            });
            (kind, value)
        });
        // Elements outside the index have no name here; a click fetches it.
        let kind = kind?;
        let place = ctx.place(id.as_str());
        Some(view! {
            <div class="tooltip" role="tooltip" style=format!("--x:{x}px;--y:{y}px")>
                <p class="tooltip-title">{icon(kind_icon(kind))}{ctx.title(id.as_str())}</p>
                {(!place.is_empty()).then(|| view! { <p class="dim">{place}</p> })}
                {value.map(|(metric, value, quality)| view! {
                    <p>
                        {metric}" "<strong>{value}</strong>
                        {(quality != "good").then(|| view! { <span class=format!("q-{quality}")>" "{ctx.t(quality_key(quality))}</span> })}
                    </p>
                })}
            </div>
        })
    }
}

/// Without 3D: says so, and shows what the canvas would have shown as a table.
fn failure(ctx: Ctx) -> impl IntoView {
    move || {
        let CanvasState::Failed(reason) = ctx.canvas.get() else { return None };
        Some(view! {
            <div class="no-canvas" data-testid="no-webgl">
                <div class="notice notice-warn" role="alert">
                    {icon("warn")}
                    <div>
                        <strong>{move || ctx.t("webgl.title")}</strong>
                        <p>{move || ctx.t("webgl.help")}</p>
                        <p class="dim">{reason}</p>
                    </div>
                </div>
                {buildings(ctx)}
            </div>
        })
    }
}

fn buildings(ctx: Ctx) -> impl IntoView {
    let list = Memo::new(move |_| {
        ctx.structure.track();
        ctx.scene.track();
        ctx.read(|store| {
            let lang = ctx.lang.get();
            let all = store.scene.of_kind(EntityKind::Building).into_iter();
            // The town around has buildings without storeys; it is not what is looked after.
            let (own, around): (Vec<_>, Vec<_>) =
                all.partition(|&at| !store.scene.storeys_of(at).is_empty());
            let shown = if own.is_empty() { around } else { own };
            shown
                .into_iter()
                .map(|at| {
                    (at, store.scene.at(at).id.clone(), text::title(lang, store.scene.at(at)))
                })
                .collect::<Vec<_>>()
        })
    });
    let row = move |(at, id, title)| {
        let own = move || ctx.totals.with(|t| t.buildings.get(&at).copied()).unwrap_or_default();
        let number = |value: Option<f64>| value.map_or_else(|| "–".into(), text::number);
        view! {
            <tr>
                <th scope="row"><button class="crumb" on:click=move |_| ctx.select(Some(Clone::clone(&id)))>{title}</button></th>
                <td>{move || number(own().power_kw)}" kW"</td>
                <td>{move || number(own().people)}</td>
                <td>{move || own().attention}</td>
            </tr>
        }
    };
    view! {
        <table class="buildings">
            <thead>
                <tr>
                    <th>{move || text::kind(ctx.lang.get(), EntityKind::Building)}</th>
                    <th>{move || ctx.t("top.power")}</th>
                    <th>{move || ctx.t("top.people")}</th>
                    <th>{move || ctx.t("attention.title")}</th>
                </tr>
            </thead>
            <tbody>{move || list.get().into_iter().map(row).collect_view()}</tbody>
        </table>
    }
}
