//! Everything known of the selected entity: where it is, what is measured at it, and
//! what the model says of it.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;
use twin_model::{BoundingBox, EntityId, EntityKind};

use super::{
    address,
    ctx::{Ctx, quality_key},
    icons::{icon, kind_icon, quality_icon},
};
use crate::{
    net::{self, ApiError},
    store::PointIx,
    text,
};

/// What `/api/v1/entities/{id}` says, as far as it is shown.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Detail {
    id: EntityId,
    kind: EntityKind,
    #[serde(default)]
    name: String,
    #[serde(default)]
    ifc_class: Option<String>,
    #[serde(default)]
    parent: Option<EntityId>,
    #[serde(default)]
    storey: Option<EntityId>,
    #[serde(default)]
    bbox: Option<BoundingBox>,
    #[serde(default)]
    properties: BTreeMap<String, BTreeMap<String, Json>>,
    #[serde(default)]
    tags: Vec<String>,
}

impl Detail {
    fn long_name(&self) -> Option<&str> {
        let name = self.properties.get("Attributes")?.get("LongName")?.as_str()?;
        Some(name).filter(|name| !name.trim().is_empty())
    }
}

type Fetched = Option<Result<Detail, ApiError>>;

pub(crate) fn inspector(ctx: Ctx) -> impl IntoView {
    view! {
        {move || ctx.selected.get().map(|id| card(ctx, id))}
    }
}

fn card(ctx: Ctx, id: EntityId) -> impl IntoView {
    let detail = RwSignal::new(None::<Result<Detail, ApiError>>);
    fetch(ctx, id.clone(), detail);
    fetch_again(ctx, id.clone(), detail);
    let shown = id.to_string();
    let title = {
        let id = id.clone();
        move || title_of(ctx, &id, detail)
    };
    view! {
        <section
            class="panel inspector"
            data-testid="inspector"
            data-entity=shown
            aria-label=move || ctx.t("inspector.title")
        >
            <header class="panel-head inspector-head">
                <div class="inspector-title">
                    <h2>{title}</h2>
                    {subtitle(ctx, id.clone(), detail)}
                </div>
                <button
                    class="button square quiet-button"
                    aria-label=move || ctx.t("inspector.close")
                    title=move || ctx.t("inspector.close")
                    on:click=move |_| ctx.select(None)
                >
                    {icon("close")}
                </button>
            </header>
            {path(ctx, id.clone(), detail)}
            {actions(ctx, id.clone(), detail)}
            <div class="scroll">
                {values(ctx, id.clone())}
                {properties(ctx, id, detail)}
            </div>
        </section>
    }
}

fn fetch(ctx: Ctx, id: EntityId, detail: RwSignal<Fetched>) {
    leptos::task::spawn_local(async move {
        let escaped = String::from(js_sys::encode_uri_component(id.as_str()));
        let result = net::get::<Detail>(&format!("/api/v1/entities/{escaped}")).await;
        if let Ok(found) = &result
            && let Some(bbox) = found.bbox
        {
            ctx.detail_box.set_value(Some((id.clone(), bbox)));
        }
        // The card may be gone by now, another entity being selected.
        let _ = detail.try_set(Some(result));
    });
}

/// What could not be had while the server was away is asked for once it is back.
fn fetch_again(ctx: Ctx, id: EntityId, detail: RwSignal<Fetched>) {
    Effect::new(move |_| {
        let is_back = ctx.is_live();
        let missing = detail
            .with_untracked(|detail| matches!(detail, Some(Err(error)) if !error.is_not_found()));
        if is_back && missing {
            fetch(ctx, id.clone(), detail);
        }
    });
}

fn kind_of(ctx: Ctx, id: &EntityId, detail: RwSignal<Fetched>) -> Option<EntityKind> {
    let indexed = ctx.read(|s| s.scene.find(id.as_str()).map(|at| s.scene.at(at).kind));
    indexed.or_else(|| detail.with(|detail| Some(detail.as_ref()?.as_ref().ok()?.kind)))
}

fn title_of(ctx: Ctx, id: &EntityId, detail: RwSignal<Fetched>) -> String {
    ctx.structure.track();
    if ctx.read(|store| store.scene.find(id.as_str()).is_some()) {
        return ctx.title(id.as_str());
    }
    let fetched = detail.with(|detail| {
        let detail = detail.as_ref()?.as_ref().ok()?;
        let name = detail.long_name().unwrap_or(&detail.name);
        Some(name.to_owned()).filter(|name| !name.is_empty())
    });
    fetched.unwrap_or_else(|| id.to_string())
}

fn subtitle(ctx: Ctx, id: EntityId, detail: RwSignal<Fetched>) -> impl IntoView {
    move || {
        ctx.structure.track();
        let kind = kind_of(ctx, &id, detail)?;
        let class = detail.with(|detail| detail.as_ref()?.as_ref().ok()?.ifc_class.clone());
        let name = ctx.read(|s| s.scene.find(id.as_str()).map(|at| s.scene.at(at).name.clone()));
        let name = name.filter(|name| !name.is_empty() && *name != ctx.title(id.as_str()));
        Some(view! {
            <p class="subtitle">
                {icon(kind_icon(kind))}
                <span>{text::kind(ctx.lang.get(), kind)}</span>
                {name.map(|name| view! { <span class="code">{name}</span> })}
                {class.map(|class| view! { <span class="code dim">{class}</span> })}
            </p>
        })
    }
}

/// The way down to the entity; for one outside the index, that of its nearest place.
fn path(ctx: Ctx, id: EntityId, detail: RwSignal<Fetched>) -> impl IntoView {
    move || {
        ctx.structure.track();
        let places = ctx.read(|store| {
            let above = detail.with(|detail| {
                let detail = detail.as_ref()?.as_ref().ok()?;
                let near = [&detail.parent, &detail.storey].into_iter().flatten();
                near.filter_map(|id| store.scene.find(id.as_str())).next()
            });
            let at = store.scene.find(id.as_str());
            let start = at.and_then(|at| store.scene.parent(at)).or(above);
            let ancestors = start.into_iter().flat_map(|at| store.scene.ancestors(at));
            let mut places: Vec<(EntityId, String)> = ancestors
                .filter(|&at| store.scene.unwrapped(at) == at)
                .map(|at| store.scene.at(at))
                .map(|entry| (entry.id.clone(), text::title(ctx.lang.get(), entry)))
                .collect();
            places.reverse();
            places
        });
        let crumb = move |(id, title): (EntityId, String)| {
            view! { <li><button class="crumb" on:click=move |_| ctx.select(Some(id.clone()))>{title}</button></li> }
        };
        (!places.is_empty()).then(|| {
            view! {
                <nav aria-label=ctx.t("inspector.path")>
                    <ol class="crumbs">{places.into_iter().map(crumb).collect_view()}</ol>
                </nav>
            }
        })
    }
}

fn storey_of(ctx: Ctx, id: &EntityId, detail: RwSignal<Fetched>) -> Option<EntityId> {
    let indexed = ctx.read(|store| {
        let at = store.scene.find(id.as_str())?;
        store.scene.storey(at).map(|storey| store.scene.at(storey).id.clone())
    });
    indexed.or_else(|| detail.with(|detail| detail.as_ref()?.as_ref().ok()?.storey.clone()))
}

fn actions(ctx: Ctx, id: EntityId, detail: RwSignal<Fetched>) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        copy_text(&address::href(ctx));
        copied.set(true);
        let reset = move || {
            let _ = copied.try_set(false); // the card may be gone by then
        };
        set_timeout(reset, std::time::Duration::from_secs(2));
    };
    let target = id.clone();
    let isolate = move || {
        let storey = storey_of(ctx, &id, detail)?;
        let on = {
            let storey = storey.clone();
            move || ctx.storey.with(|shown| shown.as_ref() == Some(&storey))
        };
        let pressed = on.clone();
        Some(view! {
            <button
                class="button"
                data-testid="isolate"
                aria-pressed=move || pressed().to_string()
                on:click=move |_| ctx.storey.set(if on() { None } else { Some(storey.clone()) })
            >
                {icon("isolate")}{move || ctx.t("inspector.isolate")}
            </button>
        })
    };
    view! {
        <div class="actions">
            <button class="button" data-testid="fly" on:click=move |_| ctx.fly_to(&target)>
                {icon("fly")}{move || ctx.t("inspector.fly")}
            </button>
            {isolate}
            <button class="button" data-testid="copy-link" on:click=copy>
                {icon("copy")}
                {move || if copied.get() { ctx.t("inspector.copied") } else { ctx.t("inspector.copy") }}
            </button>
        </div>
    }
}

/// Puts a text on the clipboard. Pages without HTTPS have none, except on loopback; there
/// the address bar holds the same link.
fn copy_text(text: &str) {
    use js_sys::{Function, Reflect};
    use wasm_bindgen::{JsCast, JsValue};
    let navigator = window().navigator();
    let Ok(clipboard) = Reflect::get(&navigator, &"clipboard".into()) else { return };
    let write = Reflect::get(&clipboard, &"writeText".into());
    if let Some(write) = write.ok().and_then(|write| write.dyn_into::<Function>().ok()) {
        // A refusal comes as a promise that nobody waits for.
        let _ = write.call1(&clipboard, &JsValue::from_str(text));
    }
}

/// Most values listed.
const VALUES: usize = 60;

fn values(ctx: Ctx, id: EntityId) -> impl IntoView {
    let points = Memo::new(move |_| {
        let generation = ctx.structure.get();
        // The generation is part of it: positions mean other points after a snapshot.
        (generation, ctx.read(|store| store.points.of(id.as_str()).to_vec()))
    });
    move || {
        let (_, points) = points.get();
        if points.is_empty() {
            return view! { <p class="quiet pad">{ctx.t("inspector.no_points")}</p> }.into_any();
        }
        view! {
            <table class="values">
                <caption class="visually-hidden">{move || ctx.t("inspector.values")}</caption>
                <thead class="visually-hidden">
                    <tr>
                        <th>{move || ctx.t("inspector.metric")}</th>
                        <th>{move || ctx.t("inspector.value")}</th>
                        <th>{move || ctx.t("inspector.state")}</th>
                    </tr>
                </thead>
                <tbody>{points.into_iter().take(VALUES).map(|ix| value_row(ctx, ix)).collect_view()}</tbody>
            </table>
        }
        .into_any()
    }
}

fn value_row(ctx: Ctx, ix: PointIx) -> impl IntoView {
    let (key, metric) = ctx.read(|store| {
        let point = store.points.at(ix);
        (format!("{}/{}", point.entity, point.metric), point.metric.clone())
    });
    let value = move || {
        ctx.pulse.track();
        ctx.read(|store| ctx.value_text(store.points.all().get(ix as usize)?))
    };
    let quality = Memo::new(move |_| {
        ctx.pulse.track();
        ctx.read(|store| store.points.all().get(ix as usize).map_or("none", |p| ctx.quality(p)))
    });
    let age = move || {
        ctx.pulse.track();
        let now = ctx.clock.get();
        let source = ctx
            .read(|store| Some(store.points.all().get(ix as usize)?.reading.as_ref()?.source_ms))?;
        Some(text::age(ctx.lang.get(), now - source))
    };
    let when = move || {
        ctx.clock.track();
        ctx.read(|store| {
            let reading = store.points.all().get(ix as usize)?.reading.as_ref()?;
            let time = |ms| text::date_time(ms, super::top_bar::zone_minutes());
            let (measured, received) = (time(reading.source_ms), time(reading.receive_ms));
            Some(ctx.fill("inspector.times", &[("measured", &measured), ("received", &received)]))
        })
    };
    view! {
        <tr class="value-row" data-point=key data-quality=move || quality.get()>
            <th scope="row">{move || text::metric(ctx.lang.get(), &metric)}</th>
            <td class="value">
                <span class="number">{move || value().map_or_else(|| "–".into(), |value| value.0)}</span>
                " "
                <span class="unit">{move || value().map(|value| value.1)}</span>
            </td>
            <td class="quality" title=when>
                <span class="age">{age}</span>
                <span class=move || format!("quality-words q-{}", quality.get())>
                    {move || icon(quality_icon(quality.get()))}
                    {move || ctx.t(quality_key(quality.get()))}
                </span>
            </td>
        </tr>
    }
}

fn properties(ctx: Ctx, id: EntityId, detail: RwSignal<Fetched>) -> impl IntoView {
    move || {
        let id = id.clone();
        detail.with(|found| match found {
            None => view! { <p class="quiet pad">{ctx.t("inspector.loading")}</p> }.into_any(),
            Some(Err(error)) => {
                let words = if error.is_not_found() {
                    ctx.fill("inspector.unknown", &[("id", id.as_str())])
                } else {
                    ctx.fill("inspector.failed", &[("error", &error.to_string())])
                };
                view! {
                    <div class="pad">
                        <p class="problem">{words}</p>
                        <button class="button" on:click=move |_| fetch(ctx, id.clone(), detail)>
                            {ctx.t("error.retry")}
                        </button>
                    </div>
                }
                .into_any()
            }
            Some(Ok(found)) => sets(ctx, found).into_any(),
        })
    }
}

fn sets(ctx: Ctx, detail: &Detail) -> impl IntoView + use<> {
    let set = |(name, values): (&String, &BTreeMap<String, Json>)| {
        let rows: Vec<_> = values
            .iter()
            .map(|(name, value)| view! { <tr><th scope="row">{name.clone()}</th><td>{plain(value)}</td></tr> })
            .collect();
        view! {
            <details class="set" open=name == "Attributes">
                <summary>{name.clone()}<span class="dim">{values.len()}</span></summary>
                <table>{rows}</table>
            </details>
        }
    };
    let tags = (!detail.tags.is_empty()).then(|| {
        let tags: Vec<_> =
            detail.tags.iter().map(|tag| view! { <code>{tag.clone()}</code> }).collect();
        view! {
            <details class="set">
                <summary>{move || ctx.t("inspector.tags")}<span class="dim">{tags.len()}</span></summary>
                <p class="tags">{tags}</p>
            </details>
        }
    });
    let ident = detail.id.to_string();
    view! {
        <div class="sets" data-testid="properties">
            <h3>{move || ctx.t("inspector.properties")}</h3>
            {detail.properties.iter().map(set).collect_view()}
            {tags}
            <p class="ident dim">"ID "<code>{ident}</code></p>
        </div>
    }
}

/// A property as a person reads it.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.as_f64().map_or_else(|| number.to_string(), text::number),
        Json::Bool(yes) => (if *yes { "✓" } else { "✗" }).to_owned(),
        Json::Null => "–".to_owned(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", plain(value)));
            fields.collect::<Vec<_>>().join(" · ")
        }
    }
}
