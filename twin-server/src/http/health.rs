//! `/healthz`, `/readyz`, `/metrics`.

use std::sync::{Arc, OnceLock};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    App,
    error::{SCENE_REPLACED, SCENE_REPLACED_WHY},
};
use crate::{
    history::RecorderStatus,
    mqtt::{MqttState, MqttStatus},
    reload::SetStatus,
    scene::LoadedScene,
};

/// Whether the server can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Telemetry comes in, and the model can be shown.
    ready: bool,
    /// The scene shown.
    scene: SceneHealth,
    /// Where the telemetry comes from; absent where no broker is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<MqttStatus>,
    /// How the keeping of samples stands; absent where no history is configured. A store
    /// that fails does not make the server unready: the present is still shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<RecorderStatus>,
    /// The bindings at work, and why an edit of them is not; absent where no broker is
    /// configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    bindings: Option<SetStatus>,
    /// For people: what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// WebSocket sessions.
    sessions: usize,
}

#[derive(Debug, Serialize, ToSchema)]
struct SceneHealth {
    revision: String,
    entities: usize,
    /// Points with a value.
    points: usize,
    /// What is wrong with the package on disk; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<SceneProblem>,
}

/// What is wrong with the package on disk. Values go out all the same.
#[derive(Debug, Serialize, ToSchema)]
struct SceneProblem {
    /// For programs. `scene_replaced`: its files are of another scene than the one shown, and
    /// not given out; the server is not ready until it is restarted. `tiles_missing`: some or
    /// all of the model cannot be shown, which a restart does not change.
    code: &'static str,
    /// For people: what is wrong, and the way out.
    message: String,
}

/// Answers as long as the process can.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, description = "The process answers", body = String)))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether scene and broker are there; 503 where they are not, with the reason. Missing tiles
/// are told, and no such reason: the values are shown without them.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready", body = Readiness),
    (status = 503, description = "Not ready; `reason` says why", body = Readiness)))]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let broker = app.telemetry.status.as_ref().map(|status| status());
    let loaded = Arc::clone(&app.loaded);
    let replaced = tokio::task::spawn_blocking(move || loaded.check_in_place().is_err()).await;
    let replaced = replaced.unwrap_or(true);
    let scene = SceneHealth {
        revision: app.loaded.info().revision.clone(),
        entities: app.loaded.scene().len(),
        points: app.live.len(),
        problem: problem(&app.loaded, replaced),
    };
    let telemetry = broker.as_ref().and_then(missing);
    let model = replaced.then(|| SCENE_REPLACED_WHY.to_owned());
    let reasons: Vec<String> = telemetry.into_iter().chain(model).collect();
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    let status = if reason.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = reason.is_none();
    let history = app.telemetry.history.as_ref().map(|recorder| recorder.status());
    let bindings = app.telemetry.reloader.as_ref().map(|reloader| reloader.status());
    let sessions = app.hub.sessions();
    let body = Readiness { ready, scene, broker, history, bindings, reason, sessions };
    (status, Json(body)).into_response()
}

fn problem(loaded: &LoadedScene, replaced: bool) -> Option<SceneProblem> {
    if replaced {
        return Some(SceneProblem { code: SCENE_REPLACED, message: SCENE_REPLACED_WHY.to_owned() });
    }
    let message = loaded.tiles_error()?.to_string();
    Some(SceneProblem { code: "tiles_missing", message })
}

/// Why no telemetry comes in, if so.
fn missing(broker: &MqttStatus) -> Option<String> {
    let why = broker.last_error.as_deref().unwrap_or("no answer yet");
    match broker.state {
        MqttState::Ready => None,
        MqttState::Subscribing => {
            Some(format!("waiting for {} to confirm the subscriptions", broker.broker))
        }
        MqttState::Connecting => Some(format!("cannot reach {}: {why}", broker.broker)),
        MqttState::Stopped => Some("the connection to the broker was stopped".to_owned()),
    }
}

/// Figures of the server, as OpenMetrics where asked for, else as Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Metrics", body = String)))]
pub(crate) async fn metrics(headers: HeaderMap) -> Response {
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepts.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        return ([(header::CONTENT_TYPE, content_type)], open_metrics(&text)).into_response();
    }
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// The process-wide recorder, installed by the first who asks; call it before anything
/// counts. Nothing where someone else's recorder is installed.
pub fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            // Names counters `…_total`, as both formats want.
            let builder = PrometheusBuilder::new().with_recommended_naming(true);
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).is_ok().then_some(handle)
        })
        .as_ref()
}

/// Prometheus text as OpenMetrics: a counter's family goes without `_total`, blank lines
/// are not allowed, and the end is marked.
fn open_metrics(prometheus: &str) -> String {
    let mut out = String::with_capacity(prometheus.len() + 8);
    let counters: Vec<&str> = prometheus
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    for line in prometheus.lines().filter(|line| !line.is_empty()) {
        let mut words = line.splitn(4, ' ');
        let family = match (words.next(), words.next(), words.next()) {
            (Some("#"), Some("TYPE" | "HELP"), Some(name)) if counters.contains(&name) => {
                name.strip_suffix("_total").map(|family| (name, family))
            }
            _ => None,
        };
        match family {
            Some((name, family)) => out.push_str(&line.replacen(name, family, 1)),
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out.push_str("# EOF\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_names_the_family_without_total_and_ends() {
        let text = "# HELP a_total Counted\n# TYPE a_total counter\na_total{x=\"1\"} 5\n\n\
                    # TYPE b gauge\nb 1\n";
        let expected = "# HELP a Counted\n# TYPE a counter\na_total{x=\"1\"} 5\n\
                        # TYPE b gauge\nb 1\n# EOF\n";
        assert_eq!(open_metrics(text), expected);
    }
}
