//! The navigator: everything in the scene by where it stands, reachable by keyboard.

use leptos::{ev::KeyboardEvent, prelude::*};
use twin_model::{EntityId, EntityKind};
use wasm_bindgen::JsCast;

use super::{
    ctx::Ctx,
    icons::{icon, kind_icon, severity_icon},
};
use crate::{
    store::{EntityIx, Severity, Store},
    text,
};

/// Most children shown under one entity; the rest is named by a count.
const CHILDREN: usize = 200;

/// One visible line.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Line {
    Entity {
        at: EntityIx,
        depth: u32,
    },
    /// So many more under the entity above.
    More {
        parent: EntityIx,
        depth: u32,
        count: usize,
    },
}

pub(crate) fn tree(ctx: Ctx) -> impl IntoView {
    let active = RwSignal::new(None::<EntityIx>);
    let lines = Memo::new(move |_| {
        ctx.structure.track();
        ctx.scene.track();
        ctx.expanded.with(|expanded| ctx.read(|store| visible(store, expanded)))
    });
    // What has no name is called by its kind: rows are as much the language's as the scene's.
    let in_words = move || {
        let lang = ctx.lang.get();
        lines.get().into_iter().map(|line| (line, lang)).collect::<Vec<_>>()
    };
    Effect::new(move |_| {
        let id = ctx.selected.get();
        let at = id.and_then(|id| ctx.read(|store| store.scene.find(id.as_str())));
        if let Some(at) = at {
            active.set(Some(at));
            reveal(at);
        }
    });
    view! {
        <div
            class="tree"
            role="tree"
            data-testid="tree"
            aria-label=move || ctx.t("tree.title")
            on:keydown=move |event| on_key(ctx, active, lines, &event)
        >
            <For each=in_words key=|line| *line let:line>
                {match line.0 {
                    Line::Entity { at, depth } => row(ctx, active, at, depth).into_any(),
                    Line::More { depth, count, .. } => more(ctx, depth, count).into_any(),
                }}
            </For>
        </div>
    }
}

fn visible(store: &Store, expanded: &std::collections::HashSet<EntityIx>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Vec<Line> =
        store.scene.roots().iter().rev().map(|&at| Line::Entity { at, depth: 0 }).collect();
    while let Some(line) = open.pop() {
        let Line::Entity { at, depth } = line else {
            lines.push(line);
            continue;
        };
        let at = store.scene.unwrapped(at);
        lines.push(Line::Entity { at, depth });
        if !expanded.contains(&at) {
            continue;
        }
        let children = store.scene.children(at);
        if children.len() > CHILDREN {
            let count = children.len() - CHILDREN;
            open.push(Line::More { parent: at, depth: depth + 1, count });
        }
        let shown = children.iter().take(CHILDREN).rev();
        open.extend(shown.map(|&at| Line::Entity { at, depth: depth + 1 }));
    }
    lines
}

fn dom_id(at: EntityIx) -> String {
    format!("tree-{at}")
}

fn row(ctx: Ctx, active: RwSignal<Option<EntityIx>>, at: EntityIx, depth: u32) -> impl IntoView {
    let (id, kind, title, name, leaf) = ctx.read(|store| {
        let entry = store.scene.at(at);
        let title = text::title(ctx.lang.get_untracked(), entry);
        let name = Some(entry.name.clone()).filter(|name| *name != title && !name.is_empty());
        (entry.id.clone(), entry.kind, title, name, store.scene.children(at).is_empty())
    });
    let is_open = move || ctx.expanded.with(|expanded| expanded.contains(&at));
    let chosen = {
        let id = id.clone();
        move || ctx.selected.with(|selected| selected.as_ref() == Some(&id))
    };
    let is_selected = Memo::new(move |_| chosen());
    let is_first = ctx.read(|store| {
        store.scene.roots().first().is_some_and(|&root| store.scene.unwrapped(root) == at)
    });
    let tab = move || {
        let here = active.get().map_or(is_first, |active| active == at);
        if here { "0" } else { "-1" }
    };
    let toggle = move |event: leptos::ev::MouseEvent| {
        event.stop_propagation();
        flip(ctx, at);
    };
    let (go, fly, measured) = (id.clone(), id.clone(), id.clone());
    view! {
        <div
            class="tree-row"
            role="treeitem"
            id=dom_id(at)
            tabindex=tab
            data-entity=id.to_string()
            data-kind=kind.as_str()
            style=format!("--depth:{depth}")
            attr:aria-level=(depth + 1).to_string()
            aria-expanded=move || (!leaf).then(|| is_open().to_string())
            aria-selected=move || is_selected.get().to_string()
            on:click=move |_| {
                active.set(Some(at));
                ctx.select(Some(go.clone()));
            }
            on:dblclick=move |_| ctx.fly_to(&fly)
        >
            {if leaf {
                view! { <span class="twist"></span> }.into_any()
            } else {
                view! { <span class="twist" class:is-open=is_open on:click=toggle>{icon("chevron")}</span> }
                    .into_any()
            }}
            {icon(kind_icon(kind))}
            <span class="tree-name" title=title.clone()>
                {title.clone()}
                {name.map(|name| view! { <span class="tree-code">{name}</span> })}
            </span>
            {summary(ctx, at, kind, measured)}
        </div>
    }
}

/// What stands at the end of a line: sums of a building, the first value of a thing.
fn summary(ctx: Ctx, at: EntityIx, kind: EntityKind, id: EntityId) -> AnyView {
    if kind == EntityKind::Building {
        return building_summary(ctx, at).into_any();
    }
    let value = move || {
        ctx.pulse.track();
        ctx.structure.track();
        ctx.read(|store| {
            let point = store.points.at(*store.points.of(id.as_str()).first()?);
            let (value, unit) = ctx.value_text(point)?;
            let class = format!("tree-value q-{}", ctx.quality(point));
            Some(view! { <span class=class>{value}" "<small>{unit}</small></span> })
        })
    };
    value.into_any()
}

fn building_summary(ctx: Ctx, at: EntityIx) -> impl IntoView {
    let own = Memo::new(move |_| {
        ctx.totals.with(|totals| totals.buildings.get(&at).copied()).unwrap_or_default()
    });
    let people = move || own.get().people.map(text::number);
    let power = move || own.get().power_kw.map(text::number);
    let attention = move || {
        let (count, urgent) = (own.get().attention, own.get().urgent);
        let severity = if urgent > 0 { Severity::High } else { Severity::Medium };
        (count > 0).then(|| {
            let label = ctx.fill("tree.attention", &[("n", &count.to_string())]);
            view! { <span class="badge" data-severity=severity.as_str() title=label.clone() aria-label=label>{icon(severity_icon(severity))}{count}</span> }
        })
    };
    view! {
        <span class="tree-sums">
            {move || power().map(|n| view! { <span class="sum" title=ctx.t("top.power")>{n}<small>"kW"</small></span> })}
            {move || people().map(|n| view! { <span class="sum" title=ctx.t("top.people")>{n}{icon("people")}</span> })}
            {attention}
        </span>
    }
}

fn more(ctx: Ctx, depth: u32, count: usize) -> impl IntoView {
    view! {
        <div class="tree-row tree-more" role="presentation" style=format!("--depth:{depth}")>
            {move || ctx.fill("list.more", &[("n", &count.to_string())])}
            " "
            {move || ctx.t("tree.more")}
        </div>
    }
}

fn flip(ctx: Ctx, at: EntityIx) {
    ctx.expanded.update(|expanded| {
        if !expanded.remove(&at) {
            expanded.insert(at);
        }
    });
}

/// Scrolls the line into view once it is there.
fn reveal(at: EntityIx) {
    request_animation_frame(move || {
        if let Some(row) = document().get_element_by_id(&dom_id(at)) {
            let how = web_sys::ScrollIntoViewOptions::new();
            how.set_block(web_sys::ScrollLogicalPosition::Nearest);
            row.scroll_into_view_with_scroll_into_view_options(&how);
        }
    });
}

fn focus(at: EntityIx) {
    request_animation_frame(move || {
        let row = document().get_element_by_id(&dom_id(at));
        if let Some(row) = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = row.focus(); // a row that went away meanwhile cannot take it
        }
    });
}

/// The keys of the WAI-ARIA tree pattern.
fn on_key(
    ctx: Ctx,
    active: RwSignal<Option<EntityIx>>,
    lines: Memo<Vec<Line>>,
    event: &KeyboardEvent,
) {
    let rows: Vec<EntityIx> = lines.with(|lines| {
        let entity = |line: &Line| match line {
            Line::Entity { at, .. } => Some(*at),
            Line::More { .. } => None,
        };
        lines.iter().filter_map(entity).collect()
    });
    let Some(&first) = rows.first() else { return };
    let at = active.get_untracked().filter(|at| rows.contains(at)).unwrap_or(first);
    let place = rows.iter().position(|row| *row == at).unwrap_or(0);
    let open = ctx.expanded.with_untracked(|expanded| expanded.contains(&at));
    let (child, parent) =
        ctx.read(|store| (store.scene.children(at).first().copied(), store.scene.parent(at)));
    let next = match event.key().as_str() {
        "ArrowDown" => rows.get(place + 1).copied(),
        "ArrowUp" => place.checked_sub(1).and_then(|place| rows.get(place).copied()),
        "Home" => Some(first),
        "End" => rows.last().copied(),
        "ArrowRight" if open => child,
        "ArrowRight" | "ArrowLeft" if child.is_some() && (event.key() == "ArrowRight") != open => {
            flip(ctx, at);
            Some(at)
        }
        "ArrowLeft" => parent,
        "Enter" | " " => {
            let id = ctx.read(|store| store.scene.at(at).id.clone());
            if event.key() == "Enter" {
                ctx.go_to(&id);
            } else {
                ctx.select(Some(id));
            }
            Some(at)
        }
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    if let Some(next) = next {
        active.set(Some(next));
        focus(next);
    }
}
