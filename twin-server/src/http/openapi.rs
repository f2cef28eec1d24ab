//! The API described (`/api/v1/openapi.json`), and a page that shows it without fetching
//! anything from elsewhere.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{Html, IntoResponse},
};
use utoipa::OpenApi;

use super::{bindings, entities, events, health, history, rooms, scene, state, stream, webhooks};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Digital twin",
        description = "The model, its live values and the state of the server. \
            Times are RFC 3339 UTC, lengths are metres in the scene's local frame \
            (x east, y north, z up), units are UCUM codes. Every refusal is \
            `{\"error\":{\"code\",\"message\"}}`. Lists are `{\"items\",\"next\"}`."
    ),
    paths(
        health::healthz,
        health::readyz,
        health::metrics,
        document,
        page,
        scene::scene,
        scene::index,
        scene::report,
        scene::report_page,
        scene::graph,
        scene::changes,
        scene::tile,
        entities::list,
        entities::get,
        history::by_id,
        history::by_path,
        state::state,
        bindings::board,
        bindings::profiles,
        bindings::reload,
        bindings::suggestions,
        bindings::accept,
        state::states,
        stream::stream,
        events::events,
        webhooks::list,
        rooms::list,
        rooms::create,
        rooms::get,
        rooms::patch,
        rooms::delete,
    ),
    tags(
        (name = "scene", description = "The model: entities, structure, tiles"),
        (name = "telemetry", description = "Measured values and their bindings"),
        (name = "stream", description = "Live values over WebSocket and as events"),
        (name = "rooms", description = "The present, and replays of the past"),
        (name = "health", description = "Is it well"),
        (name = "about", description = "This description"),
    )
)]
struct Api;

/// The document, made once.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| Api::openapi().to_json().unwrap_or_default());

/// This description, as OpenAPI 3.1.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "about",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

/// This description, to browse.
#[utoipa::path(get, path = "/api/v1/docs", tag = "about",
    responses((status = 200, description = "HTML", body = String)))]
pub(crate) async fn page() -> Html<&'static str> {
    Html(include_str!("docs.html"))
}

pub(crate) async fn script() -> impl IntoResponse {
    let content_type = "text/javascript; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], include_str!("docs.js"))
}

pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs.css"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lists_every_route() {
        let document: serde_json::Value = serde_json::from_str(&DOCUMENT).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let listed: BTreeSet<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        // Read off the source, so that a route cannot be added without its description.
        let source = include_str!("mod.rs");
        let routes: BTreeSet<String> = source
            .split(".route(")
            .skip(1)
            .filter_map(|rest| rest.split('"').nth(1))
            .filter(|route| !route.starts_with("/api/v1/docs."))
            .map(|route| route.replace("{*", "{"))
            .collect();
        assert!(routes.len() > 10);
        assert_eq!(routes.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    }

    #[test]
    fn every_operation_says_what_it_gives() {
        let document: serde_json::Value = serde_json::from_str(&DOCUMENT).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                assert!(operation["summary"].is_string(), "{path}");
                assert!(!operation["responses"].as_object().unwrap().is_empty(), "{path}");
            }
        }
    }
}
