//! The search box: the index at once, elements of the model from the server.

use std::time::Duration;

use leptos::{html, prelude::*};
use serde::Deserialize;
use twin_model::{EntityId, EntityKind};

use super::{
    ctx::Ctx,
    icons::{icon, kind_icon},
};
use crate::{net, text};

/// Most hits shown, of each source.
const HITS: usize = 30;
/// Typing pauses for so long before the server is asked, ms.
const SETTLE_MS: u64 = 250;

/// One hit.
#[derive(Clone, PartialEq)]
struct Hit {
    id: EntityId,
    kind: EntityKind,
    title: String,
    place: String,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<RemoteHit>,
}

#[derive(Deserialize)]
struct RemoteHit {
    id: EntityId,
    kind: EntityKind,
    #[serde(default)]
    name: String,
    #[serde(default)]
    storey: Option<EntityId>,
}

pub(crate) fn search(ctx: Ctx) -> impl IntoView {
    let remote = RwSignal::new(Vec::<Hit>::new());
    let asked = StoredValue::new(0u32);
    Effect::new(move |_| ask(ctx, ctx.query.get(), remote, asked));
    let input = NodeRef::<html::Input>::new();
    let hits = Memo::new(move |_| {
        ctx.structure.track();
        let mut hits = local_hits(ctx, &ctx.query.get());
        let more = remote.get();
        hits.extend(
            more.into_iter()
                .filter(|hit| ctx.read(|store| store.scene.find(hit.id.as_str()).is_none())),
        );
        hits
    });
    view! {
        <div class="search" role="search">
            {icon("search")}
            <input
                node_ref=input
                type="search"
                id="search"
                data-testid="search"
                autocomplete="off"
                placeholder=move || ctx.t("search.placeholder")
                aria-label=move || ctx.t("search.label")
                prop:value=move || ctx.query.get()
                on:input=move |event| ctx.query.set(event_target_value(&event))
                on:keydown=move |event| {
                    if event.key() == "Enter" && let Some(hit) = hits.get_untracked().first() {
                        ctx.go_to(&hit.id);
                    }
                }
            />
            <kbd class="search-key">"/"</kbd>
        </div>
        {move || {
            let query = ctx.query.get();
            (!query.trim().is_empty()).then(|| results(ctx, hits))
        }}
    }
}

fn results(ctx: Ctx, hits: Memo<Vec<Hit>>) -> impl IntoView {
    view! {
        <div class="hits" data-testid="search-results" role="listbox" aria-label=move || ctx.t("search.results")>
            <Show when=move || hits.with(Vec::is_empty)>
                <p class="quiet pad">{move || ctx.t("search.none")}</p>
            </Show>
            <For each=move || hits.get() key=|hit| hit.id.clone() let:hit>
                {
                    let id = hit.id.clone();
                    view! {
                        <button
                            class="hit"
                            role="option"
                            data-entity=hit.id.to_string()
                            on:click=move |_| ctx.go_to(&id)
                        >
                            {icon(kind_icon(hit.kind))}
                            <span class="hit-title">{hit.title}</span>
                            <span class="hit-place">{hit.place}</span>
                            <span class="hit-kind">{move || text::kind(ctx.lang.get(), hit.kind)}</span>
                        </button>
                    }
                }
            </For>
        </div>
    }
}

fn local_hits(ctx: Ctx, query: &str) -> Vec<Hit> {
    let found = ctx.read(|store| store.scene.search(query, HITS));
    let hit = |at| {
        let (id, kind, title) = ctx.read(|store| {
            let entry = store.scene.at(at);
            (entry.id.clone(), entry.kind, text::title(ctx.lang.get_untracked(), entry))
        });
        let place = ctx.place(id.as_str());
        Hit { id, kind, title, place }
    };
    found.into_iter().map(hit).collect()
}

/// Asks the server once typing has settled; an answer to an older question is dropped.
fn ask(ctx: Ctx, query: String, remote: RwSignal<Vec<Hit>>, asked: StoredValue<u32>) {
    asked.update_value(|asked| *asked += 1);
    let serial = asked.get_value();
    let query = query.trim().to_owned();
    if query.chars().count() < 2 {
        remote.set(Vec::new());
        return;
    }
    set_timeout(
        move || {
            if asked.get_value() != serial {
                return;
            }
            leptos::task::spawn_local(async move {
                let escaped = String::from(js_sys::encode_uri_component(&query));
                let path = format!("/api/v1/entities?q={escaped}&limit={HITS}");
                // Without the server the index still answers; the connection chip says why.
                let page = net::get::<Page>(&path).await.unwrap_or(Page { items: Vec::new() });
                if asked.get_value() == serial {
                    remote.set(page.items.into_iter().map(|hit| remote_hit(ctx, hit)).collect());
                }
            });
        },
        Duration::from_millis(SETTLE_MS),
    );
}

fn remote_hit(ctx: Ctx, hit: RemoteHit) -> Hit {
    let place = hit.storey.map(|storey| {
        let above = ctx.place(storey.as_str());
        let own = ctx.title(storey.as_str());
        if above.is_empty() { own } else { format!("{above} › {own}") }
    });
    let title = if hit.name.is_empty() { hit.id.to_string() } else { hit.name };
    Hit { id: hit.id, kind: hit.kind, title, place: place.unwrap_or_default() }
}
