//! Ingest against a real Mosquitto, in both MQTT versions: values arrive, and arrive
//! again after the broker was killed and came back without memory.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use twin_model::{Scene, Value};
use twin_server::{
    config::{Config, MqttConfig, Protocol},
    ingest::{Batch, Ingest},
    mqtt::MqttState,
};

use crate::support::{
    PATIENCE, free_port,
    mosquitto::{Mosquitto, Publisher},
    until,
};

fn config(port: u16, protocol: u8, more: &str) -> Config {
    let text = format!(
        r#"
        [scene]
        package = "x"
        [mqtt]
        url = "mqtt://127.0.0.1:{port}"
        protocol = {protocol}
        keep_alive = "5s"
        {more}
        watch = ["site/#"]
        [[binding]]
        topic = "site/meter/{{meter}}"
        entity = {{ tag = "meter:{{meter}}" }}
        [[binding.point]]
        metric = "power"
        value = "$.p"
        "#
    );
    Config::parse(Path::new("test.toml"), &text).unwrap()
}

fn scene() -> Arc<Scene> {
    let meter = r#"{"id":"M1","kind":"meter","name":"","tags":["meter:EM1"]}"#;
    Arc::new(Scene::new(vec![serde_json::from_str(meter).unwrap()]).unwrap())
}

async fn start(config: &Config) -> (Ingest, mpsc::Receiver<Batch>) {
    let (live, readings) = mpsc::channel(8);
    let mqtt: &MqttConfig = config.mqtt.as_ref().unwrap();
    (Ingest::start(mqtt, config, scene(), live).await.unwrap(), readings)
}

/// Waits until the client is subscribed, and says how it stands where it never is.
async fn until_ready(ingest: &Ingest) {
    let deadline = Instant::now() + PATIENCE;
    while ingest.mqtt.status().state != MqttState::Ready {
        assert!(Instant::now() < deadline, "not ready: {:?}", ingest.mqtt.status());
        sleep(Duration::from_millis(20)).await;
    }
}

async fn next_value(readings: &mut mpsc::Receiver<Batch>) -> Value {
    loop {
        let batch = timeout(PATIENCE, readings.recv()).await.expect("a reading in time").unwrap();
        let first = batch.readings.first().cloned();
        batch.give_receipts().await;
        if let Some(reading) = first {
            assert_eq!(reading.entity.as_str(), "M1");
            return reading.sample.value;
        }
    }
}

async fn survives_a_restart(protocol: u8, expected: Protocol) {
    let port = free_port();
    let Some(broker) = Mosquitto::start(port) else { return };
    let config = config(port, protocol, "");
    assert_eq!(config.mqtt.as_ref().unwrap().protocol, expected);
    let (ingest, mut readings) = start(&config).await;
    until_ready(&ingest).await;

    let publisher = Publisher::new(port);
    publisher.publish("site/meter/EM1", r#"{"p":1.5}"#).await;
    assert_eq!(next_value(&mut readings).await, Value::Number(1.5));

    drop(broker);
    until("the loss is noticed", async || ingest.mqtt.status().state != MqttState::Ready).await;
    assert!(ingest.mqtt.status().last_error.is_some());
    let broker = Mosquitto::start(port).unwrap();
    until_ready(&ingest).await;
    assert!(ingest.mqtt.status().connects >= 2);

    publisher.publish("site/meter/EM1", r#"{"p":2.5}"#).await;
    publisher.publish("site/other", "x").await;
    assert_eq!(next_value(&mut readings).await, Value::Number(2.5));
    until("the unbound topic is listed", async || ingest.board.report().unbound.total == 1).await;
    timeout(PATIENCE, ingest.stop()).await.expect("a stop in order");
    drop(broker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_3_1_1_survives_a_restart_of_the_broker() {
    survives_a_restart(4, Protocol::V4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_5_survives_a_restart_of_the_broker() {
    survives_a_restart(5, Protocol::V5).await;
}

/// More unacknowledged messages than any queue on the way holds, and a live state that
/// does not take them for a while: nothing is lost, nothing locks up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_pressure_holds_messages_and_loses_none() {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let config = config(port, 4, "queue = 16");
    let (ingest, mut readings) = start(&config).await;
    until_ready(&ingest).await;
    let publisher = Publisher::new(port);
    const SENT: usize = 900; // below what Mosquitto queues for a slow client
    for n in 0..SENT {
        publisher.publish("site/meter/EM1", &format!(r#"{{"p":{n}}}"#)).await;
    }
    sleep(Duration::from_millis(300)).await;
    let mut seen = Vec::new();
    while seen.len() < SENT {
        let batch = timeout(PATIENCE, readings.recv()).await.expect("no lock-up").unwrap();
        seen.extend(batch.readings.iter().filter_map(|reading| reading.sample.value.as_f64()));
        batch.give_receipts().await;
    }
    let expected: Vec<f64> = (0..SENT).map(|n| n as f64).collect();
    assert_eq!(seen, expected, "each once and in order");
    timeout(PATIENCE, ingest.stop()).await.expect("a stop in order");
}

/// With a name of its own, what was published while the server was away arrives later.
async fn keeps_its_session(protocol: u8) {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let config = config(port, protocol, "client_id = \"twin-test\"");
    for round in 0..2 {
        let (ingest, mut readings) = start(&config).await;
        if round == 1 {
            assert_eq!(next_value(&mut readings).await, Value::Number(7.0));
        }
        until_ready(&ingest).await;
        timeout(PATIENCE, ingest.stop()).await.expect("a stop in order");
        if round == 0 {
            let publisher = Publisher::new(port);
            publisher.publish("site/meter/EM1", r#"{"p":7}"#).await.arrived().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_client_gets_what_it_missed_in_mqtt_3_1_1() {
    keeps_its_session(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_client_gets_what_it_missed_in_mqtt_5() {
    keeps_its_session(5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_is_no_error() {
    let config = config(free_port(), 5, "");
    let (ingest, _readings) = start(&config).await;
    until("the failure is told", async || ingest.mqtt.status().last_error.is_some()).await;
    assert_eq!(ingest.mqtt.status().state, MqttState::Connecting);
    timeout(PATIENCE, ingest.stop()).await.expect("a stop in order");
}
