//! `/api/v1/scene`, its compact index and import report, and the tiles.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use twin_model::SceneInfo;
use utoipa::ToSchema;

use super::{
    App,
    compress::Encoding,
    error::ApiError,
    files::{IMMUTABLE, REVALIDATE, has_tag},
};

/// Of the scene's index; grows with what is in it, since who has the old one asks by its tag.
const INDEX_FORMAT: u32 = 2;

/// The scene shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SceneAnswer<'a> {
    /// `revision`, `crs`, `origin`, `unit` and `sources` of `scene.json`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    info: &'a SceneInfo,
    /// Where the 3D Tiles start; the address changes with the revision.
    tileset: String,
    counts: Counts,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counts {
    entities: usize,
    /// By kind.
    kinds: BTreeMap<&'static str, usize>,
    /// Points with a value.
    points: usize,
}

/// Revision, reference system, sources and counts.
#[utoipa::path(get, path = "/api/v1/scene", tag = "scene",
    responses((status = 200, description = "The scene", body = SceneAnswer<'static>)))]
pub(crate) async fn scene(State(app): State<Arc<App>>) -> Response {
    let info = app.loaded.info();
    let counts = Counts {
        entities: app.loaded.scene().len(),
        kinds: app.loaded.kinds().map(|(kind, count)| (kind.as_str(), count)).collect(),
        points: app.live.len(),
    };
    let tileset = format!("/tiles/{}/tileset.json", info.revision);
    let body = Json(SceneAnswer { info, tileset, counts });
    ([(header::CACHE_CONTROL, REVALIDATE)], body).into_response()
}

/// The compact index a viewer loads at start: spatial structure, bindable entities, and
/// whatever has points.
#[utoipa::path(get, path = "/api/v1/scene/index", tag = "scene", responses(
    (status = 200, description = "The index", body = crate::scene::SceneIndex<'static>)))]
pub(crate) async fn index(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let extra = app.loaded.extra_in_index(app.live.measured_entities());
    let encoding = Encoding::negotiate(&headers);
    let name = format!("index{INDEX_FORMAT}-{}-{extra:?}", app.loaded.info().revision);
    let tag = format!("\"{:016x}-{}\"", short_hash(&name), encoding.header().unwrap_or("id"));
    let common = [(header::CACHE_CONTROL, REVALIDATE.to_owned()), (header::ETAG, tag.clone())];
    let vary = [(header::VARY, "accept-encoding")];
    if has_tag(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, common, vary).into_response());
    }
    let loaded = Arc::clone(&app.loaded);
    let make = move || serde_json::to_vec(&loaded.index(&extra)).map_err(std::io::Error::other);
    let cached = app.cache.get(&format!("/scene/index {tag}"), encoding, make).await;
    let body: Bytes = cached.map_err(|error| ApiError::internal(&error))?;
    let mut response =
        (common, vary, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if let Some(encoding) = encoding.header() {
        let value = header::HeaderValue::from_static(encoding);
        response.headers_mut().insert(header::CONTENT_ENCODING, value);
    }
    Ok(response)
}

/// Changes when the text does; the same in every run.
fn short_hash(text: &str) -> u64 {
    // FNV-1a.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What the import read, approximated and dropped, source by source.
#[utoipa::path(get, path = "/api/v1/scene/report", tag = "scene", responses(
    (status = 200, description = "The import report, as `bim-import` wrote it", body = Object),
    (status = 404, description = "The package has none", body = super::error::ErrorBody)))]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.package.serve("report.json", &headers, REVALIDATE).await
}

/// The same for people: the model's health as a page of its own, with pictures.
#[utoipa::path(get, path = "/api/v1/scene/report.html", tag = "scene", responses(
    (status = 200, description = "A page in Chinese and English that needs nothing else",
        body = String, content_type = "text/html"),
    (status = 404, description = "The package has none", body = super::error::ErrorBody)))]
pub(crate) async fn report_page(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    static POLICY: LazyLock<Option<HeaderValue>> =
        LazyLock::new(|| HeaderValue::from_str(&bim_import::report_policy()).ok());
    let mut response = app.package.serve("report.html", &headers, REVALIDATE).await?;
    if let Some(policy) = &*POLICY {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    Ok(response)
}

/// What the scene's last revision added, removed, moved, renamed or edited.
#[utoipa::path(get, path = "/api/v1/scene/changes", tag = "scene", responses(
    (status = 200, body = Object, description =
        "The difference from the revision `from` to the one shown, as `bim-import` wrote it: \
         the lists `added`, `removed`, `renamed`, `moved`, `reshaped`, `reparented`, \
         `reclassified` and `edited`, each entity by id, kind, class and name. `from` is null \
         and the lists are empty where no earlier revision is known")))]
pub(crate) async fn changes(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if app.loaded.dir().join("changes.json").exists() {
        return app.package.serve("changes.json", &headers, REVALIDATE).await;
    }
    // Not there, or of the package that is not there any more.
    let scene = Arc::clone(&app.loaded);
    tokio::task::spawn_blocking(move || scene.check_in_place())
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map_err(|error| ApiError::of_scene(&error))?;
    let to = app.loaded.info().revision.clone();
    let none = twin_model::changes::Changes { to, ..Default::default() };
    Ok(([(header::CACHE_CONTROL, REVALIDATE)], Json(none)).into_response())
}

/// Spaces, doors, stairs and exits, and how they connect.
#[utoipa::path(get, path = "/api/v1/scene/graph", tag = "scene", responses(
    (status = 200, description = "The walking graph, as `bim-import` wrote it", body = Object),
    (status = 404, description = "The package has none", body = super::error::ErrorBody)))]
pub(crate) async fn graph(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.package.serve("graph.json", &headers, REVALIDATE).await
}

/// A file of the tileset. The address holds the scene's revision, so it never changes.
#[utoipa::path(get, path = "/tiles/{revision}/{path}", tag = "scene", params(
    ("revision" = String, Path, description = "`revision` of the scene"),
    ("path" = String, Path, description = "`tileset.json`, or what it points to")), responses(
    (status = 200, description = "3D Tiles 1.1: JSON or GLB"),
    (status = 304, description = "`If-None-Match` names it"),
    (status = 404, description = "No such file, or another revision", body = super::error::ErrorBody),
    (status = 503, description = "`scene_replaced`: the package on disk is another one now",
        body = super::error::ErrorBody)))]
pub(crate) async fn tile(
    State(app): State<Arc<App>>,
    Path((revision, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let current = &app.loaded.info().revision;
    if *current != revision {
        return Err(ApiError::not_found(format!(
            "revision {revision:?} is not shown any more; /api/v1/scene names the tileset of {current}"
        )));
    }
    app.tiles.serve(&path, &headers, IMMUTABLE).await
}
