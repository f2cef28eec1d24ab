//! How long a value takes from the broker to a viewer, on loopback.
//!
//! Measuring points:
//! - `publish`: the generator puts the message together (the sample's source time);
//! - `receive`: the server has it from the broker (the sample's receive time);
//! - `frame`: a WebSocket client has read the frame that holds it.
//!
//! `cargo bench -p twin-server --bench latency`

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a bench may")]

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use support::{Rig, publish, report, warm};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use twin_protocol::json::ServerMessage;

const WINDOW: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Spans {
    publish_to_receive: Vec<f64>,
    receive_to_frame: Vec<f64>,
    publish_to_frame: Vec<f64>,
}

fn ms(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

fn percentiles(mut spans: Vec<f64>) -> serde_json::Value {
    spans.sort_by(f64::total_cmp);
    let at = |p: f64| spans.get(((spans.len() as f64 - 1.0) * p).round() as usize).copied();
    serde_json::json!({ "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99) })
}

/// Follows the stream for a while at a rate.
async fn measure(points: usize, max_hz: u32) -> serde_json::Value {
    let rig = Rig::start(points).await;
    let generator = tokio::spawn(publish(rig.broker, points));
    warm(&rig, points).await;
    let mut socket = rig.viewer(twin_protocol::JSON).await;
    let subscribe = format!(r#"{{"type":"subscribe","entities":"*","max_hz":{max_hz}}}"#);
    socket.send(Message::text(subscribe)).await.unwrap();
    let (mut spans, mut frames, start) = (Spans::default(), 0, Instant::now());
    while start.elapsed() < WINDOW {
        let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
        let now = Timestamp::now();
        let Ok(ServerMessage::Update { points, .. }) = serde_json::from_str(&text) else {
            continue;
        };
        frames += 1;
        for point in points {
            let (published, received): (Timestamp, Timestamp) =
                (point.t.parse().unwrap(), point.received.parse().unwrap());
            spans.publish_to_receive.push(ms(published, received));
            spans.receive_to_frame.push(ms(received, now));
            spans.publish_to_frame.push(ms(published, now));
        }
    }
    generator.abort();
    serde_json::json!({
        "points_at_1_hz": points,
        "max_hz": max_hz,
        "broker": rig.broker_kind,
        "frames": frames,
        "values": spans.receive_to_frame.len(),
        "publish_to_receive": percentiles(spans.publish_to_receive),
        "receive_to_frame": percentiles(spans.receive_to_frame),
        "publish_to_frame": percentiles(spans.publish_to_frame),
    })
}

#[tokio::main]
async fn main() {
    let mut results = Vec::new();
    // One value a second: the way itself. Many: waiting for the interval dominates.
    for (points, max_hz) in [(1, 30), (10_000, 30), (10_000, 10)] {
        results.push(measure(points, max_hz).await);
    }
    report("latency", &serde_json::Value::Array(results));
}
