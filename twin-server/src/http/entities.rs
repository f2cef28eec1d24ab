//! `/api/v1/entities` and `/api/v1/entities/{id}`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use twin_model::{BoundingBox, EntityKind};
use utoipa::{IntoParams, ToSchema};

use super::{App, error::ApiError, params::Params, state::PointState};
use crate::scene::LoadedScene;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;
/// Longest search text, bytes.
const MAX_QUERY: usize = 200;

/// Which entities to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Only of this kind: `storey`, `space`, `meter`.
    #[param(value_type = Option<String>)]
    kind: Option<EntityKind>,
    /// Only what this entity contains directly.
    parent: Option<String>,
    /// Only what is below this entity, at any depth.
    within: Option<String>,
    /// Only where every word occurs in name, long name, tags, id or IFC class; case is ignored.
    q: Option<String>,
    /// Most items, 1 to 1000; 100 unless told.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// One page of entities.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntityPage {
    items: Vec<EntitySummary>,
    /// Cursor of the next page; absent on the last.
    next: Option<String>,
}

/// An entity without its properties.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntitySummary {
    id: String,
    /// Id of the entity that contains it.
    parent: Option<String>,
    #[schema(value_type = String)]
    kind: EntityKind,
    ifc_class: Option<String>,
    global_id: Option<String>,
    name: String,
    long_name: Option<String>,
    /// Id of the storey it stands in.
    storey: Option<String>,
    /// `[min_x, min_y, min_z, max_x, max_y, max_z]`, local frame, m; absent where nothing is drawn.
    #[schema(value_type = Option<[f64; 6]>)]
    bbox: Option<BoundingBox>,
    tags: Vec<String>,
    /// Position in the scene's list of sources.
    source: u32,
    /// How many entities it contains directly.
    children: usize,
}

/// An entity with everything known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntityDetail {
    #[serde(flatten)]
    summary: EntitySummary,
    /// Floor area of a space, m².
    area_m2: Option<f64>,
    /// The way from a root down to the entity's parent.
    path: Vec<Ancestor>,
    /// Property sets and quantities: set → property → value.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, Object>>)]
    properties: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// Its points with their latest values.
    points: Vec<PointState>,
}

/// One step of a path.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ancestor {
    id: String,
    #[schema(value_type = String)]
    kind: EntityKind,
    name: String,
}

/// Entities in file order, a page at a time.
#[utoipa::path(get, path = "/api/v1/entities", tag = "scene", params(ListParams), responses(
    (status = 200, description = "A page", body = EntityPage),
    (status = 400, description = "A parameter does not fit", body = super::error::ErrorBody),
    (status = 404, description = "No such parent", body = super::error::ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListParams>,
) -> Result<Json<EntityPage>, ApiError> {
    // A search may scan the text of a million entities: not on a thread that serves others.
    tokio::task::spawn_blocking(move || page(&app.loaded, &params))
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map(Json)
}

/// One entity with its properties, its path and its points.
#[utoipa::path(get, path = "/api/v1/entities/{id}", tag = "scene",
    params(("id" = String, Path, description = "Entity id")), responses(
    (status = 200, description = "The entity", body = EntityDetail),
    (status = 404, description = "No such entity", body = super::error::ErrorBody),
    (status = 503, description = "`scene_replaced`: the package on disk is another one now",
        body = super::error::ErrorBody)))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<EntityDetail>, ApiError> {
    let index = find(&app.loaded, &id)?;
    tokio::task::spawn_blocking(move || detail(&app, index))
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map(Json)
}

/// Position of an entity, or the error that says it is not there.
pub(crate) fn find(loaded: &LoadedScene, id: &str) -> Result<u32, ApiError> {
    loaded.scene().index(id).ok_or_else(|| {
        ApiError::not_found(format!(
            "entity {id:?} is not in scene {}; /api/v1/entities lists them",
            loaded.info().revision
        ))
    })
}

fn page(loaded: &LoadedScene, params: &ListParams) -> Result<EntityPage, ApiError> {
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit must be from 1 to {MAX_LIMIT}")));
    }
    let from = match &params.cursor {
        Some(cursor) => read_cursor(loaded, cursor)?,
        None => 0,
    };
    let mut found = matching(loaded, params, from)?;
    let items: Vec<u32> = found.by_ref().take(limit).collect();
    let next = found.next().map(|index| cursor(loaded, index));
    let items = items.into_iter().map(|index| summary(loaded, index)).collect();
    Ok(EntityPage { items, next })
}

/// Entities that fit, from a position on, in file order. Starts from the narrowest list.
fn matching<'a>(
    loaded: &'a LoadedScene,
    params: &'a ListParams,
    from: u32,
) -> Result<Box<dyn Iterator<Item = u32> + 'a>, ApiError> {
    let scene = loaded.scene();
    let parent = params.parent.as_deref().map(|id| find(loaded, id)).transpose()?;
    let within = params.within.as_deref().map(|id| find(loaded, id)).transpose()?;
    let below = within.map(|root| {
        let subtree = loaded.tour().subtree(root);
        subtree.start + 1..subtree.end
    });
    let query = params.q.as_deref().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return Err(ApiError::bad_request(format!("q is longer than {MAX_QUERY} bytes")));
    }
    let sorted =
        |list: &'a [u32]| list[list.partition_point(|&index| index < from)..].iter().copied();
    let candidates: Box<dyn Iterator<Item = u32>> = match (query.trim(), parent, params.kind) {
        ("", Some(parent), _) => Box::new(sorted(scene.children(parent))),
        ("", None, Some(kind)) => Box::new(sorted(loaded.of_kind(kind))),
        ("", None, None) => Box::new(from..scene.len() as u32),
        (query, ..) => Box::new(loaded.search().find(query, from)),
    };
    Ok(Box::new(candidates.filter(move |&index| {
        parent.is_none_or(|parent| scene.parent(index) == Some(parent))
            && params.kind.is_none_or(|kind| scene.at(index).kind == kind)
            && below.as_ref().is_none_or(|below| below.contains(&loaded.tour().place(index)))
    })))
}

/// A position, good for one revision of the scene.
fn cursor(loaded: &LoadedScene, index: u32) -> String {
    format!("{index}.{}", loaded.info().revision)
}

fn read_cursor(loaded: &LoadedScene, cursor: &str) -> Result<u32, ApiError> {
    let parts = cursor.split_once('.').and_then(|(index, of)| Some((index.parse().ok()?, of)));
    match parts {
        Some((index, revision)) if revision == loaded.info().revision => Ok(index),
        _ => Err(ApiError::bad_request(
            "the cursor is of another list or another scene; start again without one",
        )),
    }
}

fn summary(loaded: &LoadedScene, index: u32) -> EntitySummary {
    let entity = loaded.scene().at(index);
    EntitySummary {
        id: entity.id.to_string(),
        parent: entity.parent.as_ref().map(ToString::to_string),
        kind: entity.kind,
        ifc_class: entity.ifc_class.clone(),
        global_id: entity.global_id.clone(),
        name: entity.name.clone(),
        long_name: loaded.long_name(index).map(str::to_owned),
        storey: entity.storey.as_ref().map(ToString::to_string),
        bbox: entity.bbox,
        tags: entity.tags.clone(),
        source: entity.source,
        children: loaded.scene().children(index).len(),
    }
}

fn detail(app: &App, index: u32) -> Result<EntityDetail, ApiError> {
    let loaded = &app.loaded;
    let entity = loaded.entity(index).map_err(|error| ApiError::of_scene(&error))?;
    let mut path = loaded.scene().path(index);
    path.pop();
    let ancestor = |index| {
        let entity = loaded.scene().at(index);
        Ancestor { id: entity.id.to_string(), kind: entity.kind, name: entity.name.clone() }
    };
    Ok(EntityDetail {
        summary: summary(loaded, index),
        area_m2: loaded.area_m2(index),
        path: path.into_iter().map(ancestor).collect(),
        properties: entity.properties,
        points: app.live.of_entity(index).iter().map(PointState::from).collect(),
    })
}
