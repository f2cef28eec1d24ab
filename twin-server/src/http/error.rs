//! What a refused request is answered with: `{"error":{"code","message"}}`.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::scene::LoadError;

/// Code of [`ApiError::scene_replaced`], which `/readyz` gives too.
pub(super) const SCENE_REPLACED: &str = "scene_replaced";
/// The same for people.
pub(super) const SCENE_REPLACED_WHY: &str =
    "the scene package was replaced while it is served: restart the server";

/// A refused request.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

/// Why, for programs and for people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// For programs: `not_found`, `bad_request`, `forbidden`, `timeout`, `unavailable`,
    /// `scene_replaced`.
    code: &'static str,
    /// For people: what was wrong, and the way out.
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "this path answers other methods; see /api/v1/docs";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    pub(crate) fn timeout() -> Self {
        let message = "the request took too long; ask for less, or again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("the request body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// The files on disk are of another model than the one in memory.
    pub(crate) fn scene_replaced() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SCENE_REPLACED, SCENE_REPLACED_WHY)
    }

    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "unsupported", message)
    }

    /// A file of the package that cannot be read.
    pub(crate) fn of_scene(error: &LoadError) -> Self {
        match error {
            LoadError::Changed { .. } => Self::scene_replaced(),
            other => Self::internal(other),
        }
    }

    /// The server's own fault: logged here, and answered without inner details.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!("answering a request: {error}");
        let message = "the server could not do it; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = ErrorDetail { code: self.code, message: self.message };
        // What is wrong now may be right in a moment: nobody keeps it.
        let no_store = [(header::CACHE_CONTROL, "no-store")];
        (self.status, no_store, Json(ErrorBody { error })).into_response()
    }
}
