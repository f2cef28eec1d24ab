//! `/api/v1/state`: what is measured.

use std::sync::Arc;

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twin_model::{Quality, Value};
use utoipa::{IntoParams, ToSchema};

use super::{App, entities, error::ApiError, params::Params};
use crate::{
    bindings::{StateLabel, States},
    live::Latest,
};

/// Which state to give.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StateParams {
    /// Only points of this entity and of everything below it.
    entity: Option<String>,
    /// A past time, RFC 3339. No history is kept yet: refused with 501.
    at: Option<String>,
}

/// The scene's state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateAnswer {
    /// When, server clock, RFC 3339 UTC.
    #[schema(value_type = String, format = DateTime)]
    t: Timestamp,
    /// Of which run of the server the sequence is.
    epoch: String,
    /// Where the sequence stood: a stream resumed from here misses nothing.
    seq: u64,
    points: Vec<PointState>,
}

/// Latest sample of one point.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PointState {
    /// `entity/metric`.
    point: String,
    /// What was measured: a number, a yes or no, or a state by name.
    #[schema(value_type = Object)]
    v: Value,
    /// UCUM unit code, empty for states.
    unit: String,
    /// Source time, RFC 3339 UTC.
    #[schema(value_type = String, format = DateTime)]
    t: Timestamp,
    /// Receive time, RFC 3339 UTC.
    #[schema(value_type = String, format = DateTime)]
    received: Timestamp,
    /// `good`, `uncertain`, `stale` or `bad`.
    #[schema(value_type = String)]
    q: Quality,
    /// Silence after which it is stale, ms; 0 for never.
    stale_after_ms: u32,
}

impl From<&Latest> for PointState {
    fn from(latest: &Latest) -> Self {
        let (definition, sample) = (&latest.definition, &latest.sample);
        Self {
            point: format!("{}/{}", definition.entity, definition.metric),
            v: sample.value.clone(),
            unit: definition.unit.as_ref().to_owned(),
            t: sample.source_time,
            received: sample.receive_time,
            q: sample.quality,
            stale_after_ms: definition.stale_after_ms,
        }
    }
}

/// The latest sample of every point, or of those below an entity.
#[utoipa::path(get, path = "/api/v1/state", tag = "telemetry", params(StateParams), responses(
    (status = 200, description = "The state", body = StateAnswer),
    (status = 404, description = "No such entity", body = super::error::ErrorBody),
    (status = 501, description = "A past time", body = super::error::ErrorBody)))]
pub(crate) async fn state(
    State(app): State<Arc<App>>,
    Params(params): Params<StateParams>,
) -> Result<Json<StateAnswer>, ApiError> {
    if params.at.is_some() {
        return Err(ApiError::not_implemented(
            "no history is kept yet; leave `at` out for the state now",
        ));
    }
    let interest = match &params.entity {
        Some(id) => Some(app.loaded.tour().intervals([entities::find(&app.loaded, id)?])),
        None => None,
    };
    let changes = app.live.changes_since(0, interest.as_ref());
    let mut points: Vec<&Latest> = changes.points.iter().map(|(latest, _)| latest).collect();
    points.sort_unstable_by_key(|latest| latest.definition.point);
    Ok(Json(StateAnswer {
        t: Timestamp::now(),
        epoch: app.live.epoch().to_owned(),
        seq: changes.seq,
        points: points.into_iter().map(PointState::from).collect(),
    }))
}

/// The states of every metric that has some.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateList {
    items: Vec<MetricStates>,
    /// All of them are on this page.
    next: Option<String>,
}

/// What the states of one metric are called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricStates {
    /// The metric: second half of a point's name.
    metric: String,
    /// By value, as text.
    #[schema(value_type = BTreeMap<String, StateLabel>)]
    states: States,
}

/// Labels of states in Chinese and English, and which states are normal.
#[utoipa::path(get, path = "/api/v1/states", tag = "telemetry", responses(
    (status = 200, description = "The states", body = StateList)))]
pub(crate) async fn states(State(app): State<Arc<App>>) -> Json<StateList> {
    let catalog =
        app.telemetry.board.as_ref().map(|board| board.get().states()).unwrap_or_default();
    let items = catalog.iter().map(|(metric, states)| MetricStates {
        metric: metric.to_string(),
        states: states.clone(),
    });
    Json(StateList { items: items.collect(), next: None })
}
