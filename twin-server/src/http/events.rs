//! `/api/v1/events`: live values as server-sent events.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use twin_protocol::{Interest, Resume};
use utoipa::IntoParams;

use super::{App, error::ApiError, params::Params, rooms, stream::seat};
use crate::hub::{Ask, Events};

/// What to stream.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventParams {
    /// Entity ids with commas between them, each with everything below it; absent or `*`:
    /// the whole scene.
    entities: Option<String>,
    /// Most updates a second, 10 unless given.
    max_hz: Option<f32>,
    /// Which room; absent: the present.
    room: Option<String>,
}

/// Live values as server-sent events: the messages of `twin.v1.json`, each with an id to
/// resume from (`Last-Event-ID`). `docs/streaming.md` describes them.
#[utoipa::path(get, path = "/api/v1/events", tag = "stream", params(EventParams), responses(
    (status = 200, description = "Events", content_type = "text/event-stream", body = String),
    (status = 400, description = "An unknown entity, or a rate out of bounds",
        body = super::error::ErrorBody),
    (status = 403, description = "Page of a foreign origin", body = super::error::ErrorBody),
    (status = 404, description = "No such room", body = super::error::ErrorBody),
    (status = 503, description = "All sessions taken", body = super::error::ErrorBody)))]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Params(params): Params<EventParams>,
) -> Result<Response, ApiError> {
    app.guard.check_origin(&headers)?;
    let interest = match params.entities.as_deref() {
        None | Some("*") => Interest::All,
        Some(ids) => Interest::Subtrees(ids.split(',').map(str::to_owned).collect()),
    };
    let room = params.room.as_deref().map(|id| rooms::find(&app, id)).transpose()?;
    let ask =
        Ask { interest, max_hz: params.max_hz.unwrap_or(10.0), room, resume: last_event(&headers) };
    let events = Events::new(Arc::clone(&app.hub), seat(&app)?, ask)
        .map_err(|(_, message)| ApiError::bad_request(message))?;
    let body = stream::unfold(events, async |mut events| {
        let next: Bytes = events.next().await?;
        Some((Ok::<_, Infallible>(next), events))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that gather answers would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Where a client that comes back had stopped; an id that is not ours begins anew.
fn last_event(headers: &HeaderMap) -> Option<Resume> {
    let id = headers.get("last-event-id")?.to_str().ok()?;
    let (epoch, seq) = id.rsplit_once(':')?;
    Some(Resume { epoch: epoch.to_owned(), seq: seq.parse().ok()? })
}
