//! `/api/v1/webhooks`: how the configured webhooks are doing.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use crate::webhooks::Status;

/// Webhooks in the order of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookList {
    items: Vec<Status>,
}

/// The configured webhooks: what was delivered, what waits, and what was given up.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "stream", responses(
    (status = 200, description = "Webhooks", body = WebhookList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<WebhookList> {
    Json(WebhookList { items: app.telemetry.webhooks.statuses() })
}
