//! `/api/v1/stream`: the upgrade to WebSocket.

use std::sync::Arc;

use axum::{
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{App, error::ApiError, params::Params, rooms};
use crate::hub::{self, Format, Seat};

/// Bytes gathered before they go to the socket; a session flushes after each batch.
const WRITE_BUFFER: usize = 64 * 1024;
/// Clients say little; each holds this much while it is connected.
const READ_BUFFER: usize = 8 * 1024;
/// More than the largest frame: a snapshot part of texts of the longest kind.
const MAX_WRITE_BUFFER: usize = 16 * 1024 * 1024;

/// Where to begin.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParams {
    /// Which room; absent: the present, without a clock.
    room: Option<String>,
}

/// A seat, or why there is none.
pub(crate) fn seat(app: &App) -> Result<Seat, ApiError> {
    app.hub.seat().ok_or_else(|| {
        ApiError::unavailable(format!(
            "all {} sessions are taken; close one, or raise [http] max_clients",
            app.hub.settings().max_clients
        ))
    })
}

/// Live values. Upgrades to a WebSocket with sub-protocol `twin.v1.postcard`,
/// `twin.v1.postcard.deflate` or `twin.v1.json`; `docs/streaming.md` describes the messages.
#[utoipa::path(get, path = "/api/v1/stream", tag = "stream", params(StreamParams), responses(
    (status = 101, description = "WebSocket"),
    (status = 400, description = "No WebSocket, or no sub-protocol of ours"),
    (status = 403, description = "Page of a foreign origin"),
    (status = 404, description = "No such room"),
    (status = 503, description = "All sessions taken")))]
pub(crate) async fn stream(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Params(params): Params<StreamParams>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    app.guard.check_origin(&headers)?;
    let upgrade = upgrade.map_err(|error| {
        ApiError::bad_request(format!("this is a WebSocket endpoint: {}", error.body_text()))
    })?;
    let max_frame = app.hub.settings().max_message_bytes * hub::HARD_LIMIT_FACTOR;
    let upgrade = upgrade
        .protocols([twin_protocol::POSTCARD_DEFLATE, twin_protocol::POSTCARD, twin_protocol::JSON])
        .max_message_size(max_frame)
        .max_frame_size(max_frame)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER);
    let selected = upgrade.selected_protocol().and_then(|name| name.to_str().ok());
    let format = selected.and_then(Format::of_protocol).ok_or_else(|| {
        ApiError::bad_request(format!(
            "offer a sub-protocol (Sec-WebSocket-Protocol): {} or {}",
            twin_protocol::JSON,
            twin_protocol::POSTCARD
        ))
    })?;
    let room = params.room.as_deref().map(|id| rooms::find(&app, id)).transpose()?;
    let seat = seat(&app)?;
    let hub = Arc::clone(&app.hub);
    Ok(upgrade.on_upgrade(move |socket| hub.serve(socket, format, room, seat)))
}
