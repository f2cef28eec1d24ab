//! The list an operator works from: what is not as it should be, the most urgent first.

use leptos::prelude::*;

use super::{
    ctx::{AttentionView, Ctx},
    icons::{icon, severity_icon},
};
use crate::{
    store::{Line, Reason, Severity},
    text,
};

pub(crate) fn attention(ctx: Ctx) -> impl IntoView {
    let total = move || ctx.attention.with(|view| view.counts.iter().sum::<usize>());
    let more = move || ctx.attention.with(|view| view.more);
    view! {
        <section class="panel attention" data-testid="attention" aria-label=move || ctx.t("attention.title")>
            <header class="panel-head">
                <h2>{move || ctx.t("attention.title")}</h2>
                {counts(ctx)}
            </header>
            <div class="scroll" role="list">
                <Show when=move || total() == 0>
                    <p class="quiet pad" data-testid="attention-empty">{move || none_words(ctx)}</p>
                </Show>
                <For
                    each=move || ctx.attention.with(|view: &AttentionView| view.lines.clone())
                    key=Clone::clone
                    let:line
                >
                    {row(ctx, line)}
                </For>
                <Show when=move || more() != 0>
                    <p class="quiet pad">{move || ctx.fill("list.more", &[("n", &more().to_string())])}</p>
                </Show>
            </div>
        </section>
    }
}

/// Nothing wrong is only known where something is measured, and lately.
fn none_words(ctx: Ctx) -> &'static str {
    ctx.structure.track();
    let is_empty = ctx.read(|store| store.points.all().is_empty());
    match (ctx.is_live(), is_empty) {
        (true, true) => ctx.t("attention.no_points"),
        (true, false) => ctx.t("attention.none"),
        (false, _) => ctx.t("attention.unknown"),
    }
}

fn counts(ctx: Ctx) -> impl IntoView {
    let chip = move |severity: Severity| {
        let count = move || ctx.attention.with(|view| view.counts[severity as usize]);
        let class = format!("count count-{}", severity.as_str());
        let label = move || match severity {
            Severity::High => ctx.t("severity.high"),
            Severity::Medium => ctx.t("severity.medium"),
            Severity::Low => ctx.t("severity.low"),
        };
        view! {
            <span class=class class:is-zero=move || count() == 0 title=label>
                {icon(severity_icon(severity))}
                {count}
            </span>
        }
    };
    view! {
        <span class="counts">
            {chip(Severity::High)} {chip(Severity::Medium)} {chip(Severity::Low)}
        </span>
    }
}

fn reason_words(ctx: Ctx, reason: Reason) -> &'static str {
    match reason {
        Reason::Forced => ctx.t("reason.forced"),
        Reason::Fault => ctx.t("reason.fault"),
        Reason::Held => ctx.t("reason.held"),
        Reason::Alarm => ctx.t("reason.alarm"),
        Reason::Offline => ctx.t("reason.offline"),
        Reason::Abnormal => ctx.t("reason.abnormal"),
        Reason::Bad => ctx.t("reason.bad"),
        Reason::Uncertain => ctx.t("reason.uncertain"),
        Reason::Stale => ctx.t("reason.stale"),
    }
}

fn row(ctx: Ctx, line: Line) -> impl IntoView {
    let Line { entity, point, points, reason, since_ms, at_least } = line;
    // A new snapshot may have fewer points while this row still waits to go.
    let metric = ctx.read(|store| Some(store.points.all().get(point as usize)?.metric.clone()))?;
    let severity = reason.severity();
    let class = format!("line line-{}", severity.as_str());
    // The scene may come after the first values.
    let (title, place) = {
        let (one, two) = (entity.clone(), entity.clone());
        let title = move || {
            ctx.structure.track();
            ctx.title(one.as_str())
        };
        let place = move || {
            ctx.structure.track();
            ctx.place(two.as_str())
        };
        (title, place)
    };
    let what = {
        let (metric, entity) = (metric.clone(), entity.clone());
        move || {
            let words = reason_words(ctx, reason);
            let kind = ctx.kind(entity.as_str());
            match (reason, kind) {
                (Reason::Forced | Reason::Held, _) => words.to_owned(),
                // The site's own word says more than that it is not normal.
                (Reason::Abnormal | Reason::Alarm, _) => {
                    ctx.pulse.track();
                    let state =
                        ctx.read(|store| ctx.value_text(store.points.all().get(point as usize)?));
                    let state = state.map_or_else(|| words.to_owned(), |(value, _)| value);
                    format!("{} · {state}", text::metric(ctx.lang.get(), &metric))
                }
                (Reason::Fault | Reason::Offline, Some(kind)) if points == 1 => {
                    format!("{} · {words}", text::kind(ctx.lang.get(), kind))
                }
                _ if points > 1 => {
                    let count = points.to_string();
                    // The reason first: a narrow panel cuts the end off.
                    format!("{words} · {}", ctx.fill("attention.points", &[("n", &count)]))
                }
                _ => format!("{} · {words}", text::metric(ctx.lang.get(), &metric)),
            }
        }
    };
    let age = move || {
        let age = text::age(ctx.lang.get(), ctx.clock.get() - since_ms);
        if at_least { format!("≥ {age}") } else { age }
    };
    let age_help = move || at_least.then(|| ctx.t("attention.at_least"));
    let target = entity.clone();
    Some(view! {
        <div role="listitem">
            <button
                class=class
                data-entity=entity.to_string()
                data-metric=metric.to_string()
                data-reason=reason.as_str()
                on:click=move |_| ctx.go_to(&target)
            >
                {icon(severity_icon(severity))}
                <span class="line-what">{what}</span>
                <span class="line-age" title=age_help>{age}</span>
                <span class="line-title">{title}</span>
                <span class="line-place">{place}</span>
            </button>
        </div>
    })
}
