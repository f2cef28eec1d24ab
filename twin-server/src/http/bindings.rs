//! The board of bindings, suggestions for more, and changing them.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, error::ApiError};
use crate::{
    accept::{self, AcceptError, Choice},
    bindings::{BindingBoard, BindingReport, Suggestions},
    config::{self, ProfileInfo},
    reload::{Fault, ReloadError, ReloadReport, Reloader, SetStatus},
};

/// The board, and how its set of bindings stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Board {
    #[serde(flatten)]
    report: BindingReport,
    /// The set at work; absent where no broker is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<SetStatus>,
}

/// An edit that cannot be used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedEdit {
    error: EditError,
    /// The single faults, with their places.
    faults: Vec<Fault>,
}

#[derive(Debug, Serialize, ToSchema)]
struct EditError {
    /// `invalid_configuration` or `needs_restart`.
    code: &'static str,
    /// For people: all that is wrong.
    message: String,
}

fn refused(error: &ReloadError) -> Response {
    let (status, code) = match error {
        ReloadError::Config(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_configuration"),
        ReloadError::NeedsRestart(_) => (StatusCode::CONFLICT, "needs_restart"),
        ReloadError::Stopped => return ApiError::unavailable(error.to_string()).into_response(),
    };
    let error_body = EditError { code, message: error.to_string() };
    (status, Json(RefusedEdit { error: error_body, faults: error.faults() })).into_response()
}

/// Work over many topics, not on a thread that serves others.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))
}

fn reloader(app: &App) -> Result<&Arc<Reloader>, ApiError> {
    let reloader = app.telemetry.reloader.as_ref();
    reloader.ok_or_else(|| ApiError::unavailable("no broker is configured, so nothing is bound"))
}

/// Bound and unbound topics, silent points, orphaned bindings, rejected payloads, each
/// with counts and last examples; and how the set of bindings stands.
#[utoipa::path(get, path = "/api/v1/bindings", tag = "telemetry", responses(
    (status = 200, description = "The board", body = Board)))]
pub(crate) async fn board(State(app): State<Arc<App>>) -> Result<Json<Board>, ApiError> {
    let board = match &app.telemetry.board {
        Some(board) => board.get(),
        None => Arc::new(BindingBoard::new(&[], Vec::new())),
    };
    let set = app.telemetry.reloader.as_ref().map(|reloader| reloader.status());
    Ok(Json(Board { report: apart(move || board.report()).await?, set }))
}

/// Ready profiles of this version, with their parameters and sources.
#[utoipa::path(get, path = "/api/v1/bindings/profiles", tag = "telemetry", responses(
    (status = 200, description = "The profiles", body = Vec<ProfileInfo>)))]
pub(crate) async fn profiles() -> Result<Json<Vec<ProfileInfo>>, ApiError> {
    config::profiles().map(Json).map_err(|error| ApiError::internal(&std::io::Error::other(error)))
}

/// Reads the files again and puts their bindings to work. Where they cannot be used, the
/// bindings stay as they are, and the answer says what is wrong, by file, line and key.
#[utoipa::path(post, path = "/api/v1/bindings/reload", tag = "telemetry", responses(
    (status = 200, description = "What changed", body = ReloadReport),
    (status = 403, description = "From a page of another site", body = super::error::ErrorBody),
    (status = 409, description = "It needs a restart", body = RefusedEdit),
    (status = 422, description = "The files cannot be used", body = RefusedEdit)))]
pub(crate) async fn reload(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.guard.check_origin(&headers)?;
    Ok(match reloader(&app)?.reload().await {
        Ok(report) => Json(report).into_response(),
        Err(error) => refused(&error),
    })
}

/// Bindings for topics that have none, made from the names and tags of the scene, the most
/// certain first, each with its reason and as TOML.
#[utoipa::path(get, path = "/api/v1/bindings/suggestions", tag = "telemetry", responses(
    (status = 200, description = "The suggestions", body = Suggestions),
    (status = 503, description = "No broker is configured", body = super::error::ErrorBody)))]
pub(crate) async fn suggestions(
    State(app): State<Arc<App>>,
) -> Result<Json<Suggestions>, ApiError> {
    suggest(&app).await.map(Json)
}

async fn suggest(app: &App) -> Result<Suggestions, ApiError> {
    let scene = Arc::clone(reloader(app)?.scene());
    let board = app.telemetry.board.as_ref().map(|board| board.get());
    apart(move || board.map(|board| board.suggest(scene.scene())).unwrap_or_default()).await
}

/// Which suggestions to accept.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AcceptBody {
    /// Those of these names.
    names: Vec<String>,
    /// Those at least as certain, 0 to 1.
    min_confidence: Option<f64>,
    /// All of them.
    all: bool,
}

/// What was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// The file they were written to.
    file: String,
    /// Their names.
    accepted: Vec<String>,
    /// What putting them to work changed.
    reload: ReloadReport,
}

/// Writes suggestions to `bindings.d/accepted.toml` beside the configuration, and puts
/// them to work. Nothing is written where the whole would not be a configuration.
#[utoipa::path(post, path = "/api/v1/bindings/suggestions/accept", tag = "telemetry",
    request_body = AcceptBody, responses(
    (status = 200, description = "They are at work", body = Accepted),
    (status = 400, description = "No suggestion is meant", body = super::error::ErrorBody),
    (status = 403, description = "From a page of another site", body = super::error::ErrorBody),
    (status = 422, description = "The files cannot be used", body = RefusedEdit)))]
pub(crate) async fn accept(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    app.guard.check_origin(&headers)?;
    let wanted: AcceptBody = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body is no choice: {error}")))?;
    let choice =
        Choice { names: wanted.names, min_confidence: wanted.min_confidence, all: wanted.all };
    let reloader = Arc::clone(reloader(&app)?);
    let suggestions = suggest(&app).await?;
    let chosen = choice.of(suggestions.items).map_err(ApiError::bad_request)?;
    let accepted = chosen.iter().map(|suggestion| suggestion.name.clone()).collect();
    let file = reloader.file().to_owned();
    let written = apart(move || accept::write(&file, &chosen)).await?;
    let file = match written {
        Ok(file) => file.display().to_string(),
        Err(AcceptError::Config(error)) => return Ok(refused(&error.into())),
        Err(error) => return Err(ApiError::internal(&error)),
    };
    Ok(match reloader.reload().await {
        Ok(reload) => Json(Accepted { file, accepted, reload }).into_response(),
        Err(error) => refused(&error),
    })
}
