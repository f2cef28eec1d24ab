//! The bar on top: what place this is, how it is doing, and whether that is current.

use super::{
    connection,
    ctx::{Ctx, LinkState},
    icons::icon,
    room,
};
use crate::text::{self, Lang};
use leptos::prelude::*;

pub(crate) fn top_bar(ctx: Ctx) -> impl IntoView {
    view! {
        <header class="top" data-testid="top-bar">
            <div class="brand">
                {icon("brand")}
                <div class="brand-names">
                    <h1>{move || site_name(ctx)}</h1>
                    <span class="product">{move || ctx.t("app.name")}</span>
                </div>
            </div>
            <div class="stats" role="group" aria-label=move || ctx.t("top.totals")>
                {stats(ctx)}
            </div>
            <div class="top-right">
                {link_chip(ctx)}
                {clock(ctx)}
                {buttons(ctx)}
            </div>
        </header>
    }
}

fn site_name(ctx: Ctx) -> String {
    ctx.structure.track();
    ctx.read(|store| store.scene.place_name()).unwrap_or_else(|| ctx.t("app.name").to_owned())
}

fn stats(ctx: Ctx) -> impl IntoView {
    let totals = ctx.totals;
    let number = move |value: Option<f64>| value.map_or_else(|| "–".into(), text::number);
    let people = move || number(totals.with(|totals| totals.people));
    let power = move || number(totals.with(|totals| totals.power_kw));
    let doors = move || totals.with(|totals| totals.doors_not_normal);
    // Where no door is known, none is known to be normal either.
    let doors_text = move || match totals.with(|totals| totals.doors) {
        0 => "–".to_owned(),
        _ => doors().to_string(),
    };
    let live = move || totals.with(|totals| totals.live);
    let stale = move || totals.with(|totals| totals.stale + totals.waiting);
    let bad = move || totals.with(|totals| totals.bad);
    view! {
        <div class="stat" data-testid="total-people">
            <span class="stat-label">{move || ctx.t("top.people")}</span>
            <span class="stat-value">{people}</span>
            <span class="stat-unit">{move || text::unit(ctx.lang.get(), "{person}")}</span>
        </div>
        <div class="stat" data-testid="total-power">
            <span class="stat-label">{move || ctx.t("top.power")}</span>
            <span class="stat-value">{power}</span>
            <span class="stat-unit">"kW"</span>
        </div>
        <div class="stat" data-testid="total-doors" class:is-abnormal=move || doors() != 0>
            <span class="stat-label">{move || ctx.t("top.doors")}</span>
            <span class="stat-value">{doors_text}</span>
            <span class="stat-unit">
                {move || ctx.fill("top.of", &[("n", &totals.with(|t| t.doors).to_string())])}
            </span>
        </div>
        <div class="stat stat-points" data-testid="total-points">
            <span class="stat-label">{move || ctx.t("top.points")}</span>
            <span class="stat-value">{live}</span>
            <span class="stat-unit">{move || ctx.t(live_words(ctx))}</span>
            <span class="stat-minor" class:is-some=move || stale() != 0>
                {stale}" "{move || ctx.t("top.stale")}
            </span>
            <span class="stat-minor" class:is-some=move || bad() != 0>
                {bad}" "{move || ctx.t("top.bad")}
            </span>
        </div>
    }
}

/// What recent values are called: live, unless they are of another time or none can come.
fn live_words(ctx: Ctx) -> &'static str {
    match (ctx.replay.with(Option::is_some), ctx.telemetry.with(Option::is_some)) {
        (true, _) => "top.then",
        (false, true) => "top.known",
        (false, false) if ctx.is_live() => "top.live",
        (false, false) => "top.known",
    }
}

fn link_chip(ctx: Ctx) -> impl IntoView {
    let state = move || match ctx.link.get() {
        LinkState::Connecting => "loading",
        LinkState::Syncing => "syncing",
        LinkState::Live if ctx.replay.with(Option::is_some) => "replay",
        LinkState::Live if ctx.telemetry.with(Option::is_some) => "no-telemetry",
        LinkState::Live => "live",
        LinkState::Lost { .. } => "reconnecting",
    };
    let words = move || match ctx.link.get() {
        LinkState::Connecting => ctx.t("link.connecting").to_owned(),
        LinkState::Syncing => ctx.t("link.syncing").to_owned(),
        LinkState::Live if ctx.replay.with(Option::is_some) => ctx.t("link.replay").to_owned(),
        LinkState::Live if ctx.telemetry.with(Option::is_some) => {
            ctx.t("link.no_telemetry").to_owned()
        }
        LinkState::Live => ctx.t("link.live").to_owned(),
        LinkState::Lost { retry_at_ms, .. } => {
            ctx.clock.track();
            let wait = ((retry_at_ms - js_sys::Date::now()) / 1000.0).ceil().max(0.0);
            match wait {
                0.0 => ctx.t("link.trying").to_owned(),
                _ => ctx.fill("link.retry", &[("n", &wait.to_string())]),
            }
        }
    };
    let shape = move || {
        icon(match state() {
            "live" => "live",
            "replay" => "history",
            "reconnecting" | "no-telemetry" => "offline",
            _ => "wait",
        })
    };
    let title = move || {
        ctx.clock.track();
        let latency = ctx.read(|store| store.clock.latency_ms());
        latency.map(|ms| ctx.fill("link.latency", &[("n", &format!("{ms:.0}"))]))
    };
    view! {
        <button
            class="chip link"
            data-testid="connection"
            data-state=state
            title=title
            on:click=move |_| {
                if state() == "reconnecting" {
                    connection::retry_now(ctx);
                }
            }
        >
            {shape}
            <span role="status" aria-live="polite">{words}</span>
        </button>
    }
}

/// Minutes the browser's zone is ahead of UTC.
pub(crate) fn zone_minutes() -> i32 {
    -js_sys::Date::new_0().get_timezone_offset() as i32
}

fn clock(ctx: Ctx) -> impl IntoView {
    let time = move || text::clock_time(ctx.clock.get(), zone_minutes());
    let date = move || {
        let full = text::date_time(ctx.clock.get(), zone_minutes());
        full.split(' ').next().unwrap_or_default().to_owned()
    };
    let title = move || match ctx.replay.with(Option::is_some) {
        true => ctx.t("top.clock.replay"),
        false => ctx.t("top.clock"),
    };
    view! {
        <div class="clock" data-testid="clock" title=title>
            <time class="clock-time">{time}</time>
            <span class="clock-date">{date}</span>
        </div>
    }
}

fn buttons(ctx: Ctx) -> impl IntoView {
    let switch = move |_| ctx.lang.update(|lang| *lang = lang.other());
    let other = move || match ctx.lang.get() {
        Lang::Zh => "English",
        Lang::En => "中文",
    };
    view! {
        <button
            class="button square"
            data-testid="replay-button"
            aria-label=move || ctx.t("replay.open")
            title=move || ctx.t("replay.open")
            aria-pressed=move || ctx.replay.with(Option::is_some).to_string()
            on:click=move |_| match ctx.replay.with_untracked(Option::is_some) {
                true => room::leave(ctx),
                false => room::make(ctx, None),
            }
        >
            {icon("history")}
        </button>
        <button
            class="button"
            data-testid="lang"
            lang=move || ctx.lang.get().other().html()
            on:click=switch
        >
            {other}
        </button>
        <button
            class="button square"
            data-testid="help-button"
            aria-label=move || ctx.t("help.title")
            title=move || ctx.t("help.title")
            on:click=move |_| ctx.help.set(true)
        >
            {icon("help")}
        </button>
    }
}
