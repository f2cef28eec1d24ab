//! `/api/v1/points/{id}/history`: what a point measured.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use twin_model::{PointKey, Quality, Sample, Value};
use utoipa::{IntoParams, ToSchema};

use super::{App, error::ApiError, params::Params};
use crate::history::{
    HistoryError, Recorder, Series,
    command::{lines::Line, parquet::Sink},
};

const DEFAULT_POINTS: usize = 2_000;
const MAX_POINTS: usize = 100_000;
/// What is given where `from` is left out.
const DEFAULT_RANGE: SignedDuration = SignedDuration::from_hours(24);

/// Which part of a series, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesParams {
    /// Begin, RFC 3339; absent: a day before `to`.
    from: Option<String>,
    /// End, RFC 3339, not part of the range; absent: now.
    to: Option<String>,
    /// Most samples, 4 to 100,000; 2,000 unless told. Of more there are the least, the
    /// greatest and the last of equal spans of time.
    max_points: Option<usize>,
    /// `json` (the usual), `csv` or `parquet`.
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Json,
    Csv,
    Parquet,
}

/// A series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesAnswer {
    /// `entity/metric`.
    point: String,
    /// Whether samples were left out to stay under `max_points`.
    downsampled: bool,
    /// Oldest first.
    items: Vec<SeriesItem>,
    /// Spans in which samples were lost, or the server was not there to take them.
    gaps: Vec<GapItem>,
}

/// A sample.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesItem {
    /// Source time, RFC 3339 UTC.
    #[schema(value_type = String, format = DateTime)]
    t: Timestamp,
    /// What was measured: a number, a yes or no, or a state by name.
    #[schema(value_type = Object)]
    v: Value,
    /// `good`, `uncertain`, `stale` or `bad`.
    #[schema(value_type = String)]
    q: Quality,
    /// Receive time, RFC 3339 UTC.
    #[schema(value_type = String, format = DateTime)]
    received: Timestamp,
}

/// A span without samples.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GapItem {
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
}

impl From<Sample> for SeriesItem {
    fn from(sample: Sample) -> Self {
        let Sample { value, source_time, receive_time, quality } = sample;
        Self { t: source_time, v: value, q: quality, received: receive_time }
    }
}

/// The samples of a point in a range of time, by its whole name.
#[utoipa::path(get, path = "/api/v1/points/{id}/history", tag = "telemetry",
    params(("id" = String, Path, description = "`entity/metric`, the slash as %2F"), SeriesParams),
    responses(
    (status = 200, description = "The series", body = SeriesAnswer),
    (status = 400, description = "A parameter does not fit", body = super::error::ErrorBody),
    (status = 404, description = "No such point", body = super::error::ErrorBody),
    (status = 501, description = "No history is kept", body = super::error::ErrorBody),
    (status = 503, description = "The store does not answer", body = super::error::ErrorBody)))]
pub(crate) async fn by_id(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Params(params): Params<SeriesParams>,
) -> Result<Response, ApiError> {
    let key = PointKey::parse(&id).ok_or_else(|| {
        ApiError::bad_request(format!(
            "{id:?} is no point: expected ENTITY/METRIC, as /api/v1/state lists them"
        ))
    })?;
    answer(&app, &key, &params).await
}

/// The samples of a point in a range of time, by entity and metric.
#[utoipa::path(get, path = "/api/v1/points/{entity}/{metric}/history", tag = "telemetry",
    params(("entity" = String, Path, description = "Entity id"),
        ("metric" = String, Path, description = "What is measured"), SeriesParams),
    responses(
    (status = 200, description = "The series", body = SeriesAnswer),
    (status = 400, description = "A parameter does not fit", body = super::error::ErrorBody),
    (status = 404, description = "No such point", body = super::error::ErrorBody),
    (status = 501, description = "No history is kept", body = super::error::ErrorBody),
    (status = 503, description = "The store does not answer", body = super::error::ErrorBody)))]
pub(crate) async fn by_path(
    State(app): State<Arc<App>>,
    Path((entity, metric)): Path<(String, String)>,
    Params(params): Params<SeriesParams>,
) -> Result<Response, ApiError> {
    answer(&app, &PointKey::new(entity.as_str(), metric), &params).await
}

async fn answer(app: &App, key: &PointKey, params: &SeriesParams) -> Result<Response, ApiError> {
    let recorder = recorder(app)?;
    let to = params.to.as_deref().map(|to| time("to", to)).transpose()?;
    let to = to.unwrap_or_else(Timestamp::now);
    let from = params.from.as_deref().map(|from| time("from", from)).transpose()?;
    let from = from.unwrap_or_else(|| to.saturating_sub(DEFAULT_RANGE).unwrap_or(Timestamp::MIN));
    if from >= to {
        return Err(ApiError::bad_request(format!("from ({from}) must be before to ({to})")));
    }
    let max_points = params.max_points.unwrap_or(DEFAULT_POINTS);
    if !(4..=MAX_POINTS).contains(&max_points) {
        return Err(ApiError::bad_request(format!("max_points must be from 4 to {MAX_POINTS}")));
    }
    let series = recorder.store().series(key, from..to, max_points).await;
    let series = series.map_err(refused)?;
    if series.samples.is_empty() && !is_known(app, recorder, key).await? {
        return Err(ApiError::not_found(format!(
            "nothing was ever measured at {key}; /api/v1/state lists the points there are"
        )));
    }
    Ok(match params.format.unwrap_or_default() {
        Format::Json => json(key, series),
        Format::Csv => csv(&series),
        Format::Parquet => {
            parquet(app, key, series).map_err(|error| ApiError::internal(&*error))?
        }
    })
}

/// What keeps the past, or the refusal that says that nothing does.
pub(crate) fn recorder(app: &App) -> Result<&Recorder, ApiError> {
    app.telemetry.history.as_deref().ok_or_else(|| {
        ApiError::not_implemented(
            "no history is kept: the configuration has no [history]; /api/v1/state has the \
             values of now",
        )
    })
}

/// A store's error as an answer.
pub(crate) fn refused(error: HistoryError) -> ApiError {
    match error {
        HistoryError::Question(question) => ApiError::bad_request(question),
        other => {
            tracing::error!("{other}");
            ApiError::unavailable("the history does not answer; the server's log says why")
        }
    }
}

/// Reads a time, or says what one looks like.
pub(crate) fn time(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "{name}: {text:?} is no time; expected RFC 3339 such as 2026-03-01T08:00:00Z, with \
             the + of an offset written as %2B"
        ))
    })
}

async fn is_known(app: &App, recorder: &Recorder, key: &PointKey) -> Result<bool, ApiError> {
    let live = app.loaded.scene().index(key.entity.as_str()).is_some_and(|entity| {
        app.live.of_entity(entity).iter().any(|l| *l.definition.metric == *key.metric)
    });
    if live {
        return Ok(true);
    }
    let whole = Timestamp::MIN..Timestamp::MAX;
    let series = recorder.store().series(key, whole, 4).await.map_err(refused)?;
    Ok(!series.samples.is_empty())
}

fn json(key: &PointKey, series: Series) -> Response {
    let gap = |gap: std::ops::Range<Timestamp>| GapItem { from: gap.start, to: gap.end };
    Json(SeriesAnswer {
        point: key.to_string(),
        downsampled: series.downsampled,
        items: series.samples.into_iter().map(SeriesItem::from).collect(),
        gaps: series.gaps.into_iter().map(gap).collect(),
    })
    .into_response()
}

fn csv(series: &Series) -> Response {
    let mut text = String::from("t,v,q,received\n");
    for sample in &series.samples {
        let value = match &sample.value {
            Value::Text(text) => quoted(text),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
        };
        let quality = serde_json::to_value(sample.quality).unwrap_or_default();
        let quality = quality.as_str().unwrap_or_default();
        let (t, received) = (sample.source_time, sample.receive_time);
        let _ = writeln!(text, "{t},{value},{quality},{received}"); // to a String: never fails
    }
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response()
}

/// As an export has it, a point's name and unit in every row.
fn parquet(
    app: &App,
    key: &PointKey,
    series: Series,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let entity = app.loaded.scene().index(key.entity.as_str());
    let latest = entity.map(|entity| app.live.of_entity(entity)).unwrap_or_default();
    let definition = latest.iter().find(|latest| *latest.definition.metric == *key.metric);
    let unit = definition.map_or("", |latest| &latest.definition.unit);
    let stale_after_ms = definition.map_or(0, |latest| latest.definition.stale_after_ms);
    let mut sink = Sink::new(Vec::new())?;
    for sample in series.samples {
        sink.put(Line {
            point: key.to_string(),
            t: sample.source_time,
            v: sample.value,
            q: sample.quality,
            received: Some(sample.receive_time),
            unit: unit.to_owned(),
            stale_after_ms,
        })?;
    }
    let content_type = "application/vnd.apache.parquet";
    Ok(([(header::CONTENT_TYPE, content_type)], sink.finish()?).into_response())
}

/// A field of CSV, in quotes where it needs them (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
