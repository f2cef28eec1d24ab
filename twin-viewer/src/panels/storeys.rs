//! The storeys of one building as they stand, to look at one alone.

use leptos::prelude::*;
use twin_model::{EntityId, EntityKind};

use super::ctx::Ctx;
use crate::{store::EntityIx, text};

pub(crate) fn storeys(ctx: Ctx) -> impl IntoView {
    let buildings = Memo::new(move |_| {
        ctx.structure.track();
        ctx.scene.track();
        ctx.read(|store| {
            let all = store.scene.of_kind(EntityKind::Building);
            let with: Vec<(EntityIx, String)> = all
                .into_iter()
                .filter(|&at| !store.scene.storeys_of(at).is_empty())
                .map(|at| (at, text::title(ctx.lang.get(), store.scene.at(at))))
                .collect();
            with
        })
    });
    let storeys = Memo::new(move |_| {
        ctx.structure.track();
        let building = ctx.building.get()?;
        ctx.read(|store| {
            let storey = |at| {
                let entry = store.scene.at(at);
                let title = text::title(ctx.lang.get(), entry);
                let short = if entry.name.is_empty() { title.clone() } else { entry.name.clone() };
                (entry.id.clone(), short, title)
            };
            let list: Vec<_> = store.scene.storeys_of(building).into_iter().map(storey).collect();
            Some(list)
        })
    });
    view! {
        <Show when=move || buildings.with(|list| !list.is_empty())>
            <section class="panel storeys" data-testid="storeys" aria-label=move || ctx.t("storeys.title")>
                <select
                    aria-label=move || ctx.t("storeys.building")
                    on:change=move |event| ctx.building.set(event_target_value(&event).parse().ok())
                >
                    {move || {
                        let option = |(at, title): (EntityIx, String)| view! {
                            <option value=at.to_string() selected=move || ctx.building.get() == Some(at)>{title}</option>
                        };
                        buildings.get().into_iter().map(option).collect_view()
                    }}
                </select>
                <button
                    class="storey all"
                    aria-pressed=move || ctx.storey.with(Option::is_none).to_string()
                    on:click=move |_| ctx.storey.set(None)
                >
                    {move || ctx.t("storeys.all")}
                </button>
                <div class="scroll storey-list">
                    <For
                        each=move || storeys.get().unwrap_or_default()
                        key=Clone::clone
                        let:storey
                    >
                        {button(ctx, storey)}
                    </For>
                </div>
            </section>
        </Show>
    }
}

fn button(ctx: Ctx, (id, short, title): (EntityId, String, String)) -> impl IntoView {
    let is_on = {
        let id = id.clone();
        move || ctx.storey.with(|shown| shown.as_ref() == Some(&id))
    };
    let pressed = is_on.clone();
    let toggle = {
        let id = id.clone();
        move |_| {
            if is_on() {
                ctx.storey.set(None);
            } else {
                ctx.storey.set(Some(id.clone()));
                ctx.fly_to(&id);
            }
        }
    };
    view! {
        <button
            class="storey"
            data-storey=id.to_string()
            title=title
            aria-pressed=move || pressed().to_string()
            on:click=toggle
        >
            {short}
        </button>
    }
}
