//! What the scene is coloured by, and what the colours mean.

use leptos::prelude::*;

use super::{ctx::Ctx, icons::icon};
use crate::{
    layers::{FORCED, HELD, Layer, OPEN},
    text,
};

pub(crate) fn layer_picker(ctx: Ctx) -> impl IntoView {
    let choice = move |layer: Layer| {
        let on = move || ctx.layer.get() == layer;
        view! {
            <button
                class="choice"
                data-testid=format!("layer-{}", layer.name())
                aria-pressed=move || on().to_string()
                on:click=move |_| ctx.layer.set(layer)
            >
                {move || name(ctx, layer)}
            </button>
        }
    };
    view! {
        <section class="panel layers" aria-label=move || ctx.t("layer.title")>
            <header class="panel-head">
                {icon("layers")}
                <h2>{move || ctx.t("layer.title")}</h2>
                <kbd>"L"</kbd>
            </header>
            <div class="choices" role="group">{Layer::ALL.map(choice).collect_view()}</div>
            {legend(ctx)}
        </section>
    }
}

fn name(ctx: Ctx, layer: Layer) -> &'static str {
    match layer {
        Layer::None => ctx.t("layer.none"),
        Layer::Energy => ctx.t("layer.energy"),
        Layer::EnergyBuilding => ctx.t("layer.energy-building"),
        Layer::Temperature => ctx.t("layer.temperature"),
        Layer::Density => ctx.t("layer.density"),
        Layer::Co2 => ctx.t("layer.co2"),
    }
}

fn legend(ctx: Ctx) -> impl IntoView {
    view! {
        <div class="legend" data-testid="legend" data-layer=move || ctx.layer.get().name()>
            {move || {
                let layer = ctx.layer.get();
                layer.metric().map(|metric| scale(ctx, layer, metric))
            }}
            {marks(ctx)}
        </div>
    }
}

fn css([r, g, b]: [u8; 3]) -> String {
    format!("background:rgb({r} {g} {b})")
}

fn scale(ctx: Ctx, layer: Layer, metric: &'static str) -> impl IntoView {
    let unit = twin_model::metric::find(metric).map_or("", |metric| metric.unit);
    let shown = Memo::new(move |_| {
        ctx.pulse.track();
        ctx.engine.with_value(|engine| {
            (engine.layer() == layer).then(|| engine.scale().zip(engine.extremes())).flatten()
        })
    });
    let ticks = move || {
        shown.get().map(|(scale, _)| {
            let tick = |value: f64| {
                let style = format!("left:{:.2}%", scale.place(value) * 100.0);
                view! { <span class="tick" style=style>{text::number(value)}</span> }
            };
            scale.ticks().into_iter().map(tick).collect_view()
        })
    };
    let now = move || match shown.get() {
        None => ctx.t("legend.no_values").to_owned(),
        Some((_, (low, high))) => {
            let (low, high) = (text::number(low), text::number(high));
            let key = if ctx.replay.with(Option::is_some) { "legend.then" } else { "legend.now" };
            ctx.fill(key, &[("low", &low), ("high", &high)])
        }
    };
    view! {
        <div class="scale">
            <p class="scale-title">
                <span>{move || text::metric(ctx.lang.get(), metric)}</span>
                <span class="unit">{move || text::unit(ctx.lang.get(), unit)}</span>
            </p>
            <div class="bar" style=format!("background:{}", layer.ramp().css("to right"))></div>
            <div class="ticks">{ticks}</div>
            <p class="quiet">{now}</p>
            <p class="mark">
                <span class="swatch striped"></span>{move || ctx.t("legend.stale")}
            </p>
        </div>
    }
}

/// What is marked over every layer.
fn marks(ctx: Ctx) -> impl IntoView {
    view! {
        <div class="marks">
            <p class="mark"><span class="swatch" style=css(OPEN)></span>{move || ctx.t("legend.open")}</p>
            <p class="mark"><span class="swatch dotted" style=css(HELD)></span>{move || ctx.t("legend.held")}</p>
            <p class="mark"><span class="swatch dotted" style=css(FORCED)></span>{move || ctx.t("legend.forced")}</p>
        </div>
    }
}
