//! The list an operator works from: what is not as it should be, newest first.

use leptos::prelude::*;

use super::{
    ctx::{AttentionView, Ctx},
    icons::{icon, severity_icon},
};
use crate::{
    store::{Attention, Reason, Severity},
    text,
};

pub(crate) fn attention(ctx: Ctx) -> impl IntoView {
    let total = move || ctx.attention.with(|view| view.counts.iter().sum::<usize>());
    let more = move || total().saturating_sub(ctx.attention.with(|view| view.lines.len()));
    view! {
        <section class="panel attention" data-testid="attention" aria-label=move || ctx.t("attention.title")>
            <header class="panel-head">
                <h2>{move || ctx.t("attention.title")}</h2>
                {counts(ctx)}
            </header>
            <div class="scroll" role="list">
                <Show when=move || total() == 0>
                    <p class="quiet pad" data-testid="attention-empty">{move || ctx.t("attention.none")}</p>
                </Show>
                <For
                    each=move || ctx.attention.with(|view: &AttentionView| view.lines.clone())
                    key=|line| (line.point, line.reason, line.since_ms)
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
        Reason::Bad => ctx.t("reason.bad"),
        Reason::Uncertain => ctx.t("reason.uncertain"),
        Reason::Stale => ctx.t("reason.stale"),
    }
}

fn row(ctx: Ctx, line: Attention) -> impl IntoView {
    let found = ctx.read(|store| {
        // A new snapshot may have fewer points while this row still waits to go.
        let point = store.points.all().get(line.point as usize)?;
        Some((point.entity.clone(), point.metric.clone()))
    });
    let (id, metric) = found?;
    let severity = line.reason.severity();
    let class = format!("line line-{}", severity.as_str());
    let (title, place) = (ctx.title(id.as_str()), ctx.place(id.as_str()));
    let what = {
        let metric = metric.clone();
        move || {
            let reason = reason_words(ctx, line.reason);
            match line.reason {
                Reason::Forced | Reason::Held => reason.to_owned(),
                _ => format!("{} · {reason}", text::metric(ctx.lang.get(), &metric)),
            }
        }
    };
    let age = move || text::age(ctx.lang.get(), ctx.clock.get() - line.since_ms);
    let target = id.clone();
    Some(view! {
        <div role="listitem">
            <button
                class=class
                data-entity=id.to_string()
                data-metric=metric.to_string()
                data-reason=line.reason.as_str()
                on:click=move |_| ctx.go_to(&target)
            >
                {icon(severity_icon(severity))}
                <span class="line-what">{what}</span>
                <span class="line-age">{age}</span>
                <span class="line-title">{title}</span>
                <span class="line-place">{place}</span>
            </button>
        </div>
    })
}
