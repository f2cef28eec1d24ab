//! Keys, mouse and signs, explained on one sheet.

use leptos::{html, prelude::*};

use super::{ctx::Ctx, icons::icon};

pub(crate) fn help(ctx: Ctx) -> impl IntoView {
    view! {
        <Show when=move || ctx.help.get()>
            {sheet(ctx)}
        </Show>
    }
}

fn sheet(ctx: Ctx) -> impl IntoView {
    let close = NodeRef::<html::Button>::new();
    Effect::new(move |_| {
        if let Some(button) = close.get() {
            let _ = button.focus(); // nothing to do where the sheet is gone already
        }
    });
    let keys = [
        ("/", "help.search"),
        ("L", "help.layer"),
        ("H", "help.home"),
        ("F", "help.fly"),
        ("Space", "help.replay"),
        ("Esc", "help.clear"),
        ("?", "help.help"),
    ];
    let mouse = ["help.orbit", "help.pan", "help.zoom", "help.pick", "help.touch", "help.arrows"];
    let signs = [
        ("live", "quality.good"),
        ("question", "quality.uncertain"),
        ("silent", "quality.stale"),
        ("alert", "quality.bad"),
        ("wait", "quality.none"),
    ];
    let find = move |key: &'static str| ctx.lang.get().find(key).unwrap_or(key);
    view! {
        <div class="veil" on:click=move |_| ctx.help.set(false)>
            <div
                class="sheet"
                role="dialog"
                aria-modal="true"
                data-testid="help"
                aria-label=move || ctx.t("help.title")
                on:click=|event| event.stop_propagation()
            >
                <header class="panel-head">
                    <h2>{move || ctx.t("help.title")}</h2>
                    <button
                        node_ref=close
                        class="button square"
                        aria-label=move || ctx.t("inspector.close")
                        on:click=move |_| ctx.help.set(false)
                    >
                        {icon("close")}
                    </button>
                </header>
                <div class="sheet-columns">
                    <dl>
                        {keys.map(|(key, words)| view! { <div><dt><kbd>{key}</kbd></dt><dd>{move || find(words)}</dd></div> }).collect_view()}
                    </dl>
                    <ul>{mouse.map(|words| view! { <li>{move || find(words)}</li> }).collect_view()}</ul>
                    <ul class="signs">
                        {signs.map(|(sign, words)| view! { <li>{icon(sign)}{move || find(words)}</li> }).collect_view()}
                    </ul>
                </div>
                <p class="sheet-link">
                    <a
                        href=move || format!("/api/v1/scene/report.html?lang={}", ctx.lang.get().tag())
                        target="_blank"
                        rel="noopener"
                    >
                        {move || ctx.t("help.report")}
                    </a>
                </p>
            </div>
        </div>
    }
}
