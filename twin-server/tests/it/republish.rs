//! Republication through a real broker: the embedded one.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use twin_model::Value;
use twin_server::{
    broker,
    config::{BrokerChoice, Config, MqttConfig},
    ingest::Message,
    live::{self, Live},
    mqtt,
    republish::{self, Settings, TopicTemplate},
};

use crate::support::server::{package, reading};

async fn config() -> (broker::BrokerHandle, MqttConfig) {
    let broker = broker::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let text = "[scene]\npackage = \"s\"\n[mqtt]\nurl = \"mqtt://127.0.0.1\"\n";
    let config = Config::parse(Path::new("twin.toml"), text).unwrap();
    let mut mqtt = config.mqtt.unwrap();
    mqtt.broker = BrokerChoice::Embedded(broker.addr());
    (broker, mqtt)
}

async fn next(messages: &mut mpsc::Receiver<Message>) -> (String, serde_json::Value) {
    let message = tokio::time::timeout(Duration::from_secs(20), messages.recv());
    let message = message.await.expect("a message").unwrap();
    (message.topic, serde_json::from_slice(&message.payload).unwrap())
}

#[tokio::test]
async fn points_go_back_under_names_of_our_own() {
    let (broker, mqtt) = config().await;
    let (client, mut messages, _acks) = mqtt::start(&mqtt, vec!["twin/#".into()]).unwrap();
    let (_dir, loaded) = package();
    let live = Arc::new(Live::new(loaded, live::Settings::default()));
    live.apply(&[
        reading("em1", "power", Value::Number(1.5)),
        reading("em2", "power", Value::Number(9.0)),
        reading("r1", "door/left", Value::Text("open".into())),
    ]);
    for _ in 0..500 {
        if client.status().state == mqtt::MqttState::Ready {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stop = CancellationToken::new();
    let settings = Settings {
        topic: TopicTemplate::parse("twin/{entity}/{metric}").unwrap(),
        retain: false,
        qos: 1,
        min_interval: Duration::from_millis(200),
        entities: Some(vec!["t1".into()]),
    };
    let task = republish::start(Arc::clone(&live), &mqtt, settings, stop.clone()).unwrap();
    let mut first = BTreeMap::new();
    while first.len() < 2 {
        first.extend([next(&mut messages).await]);
    }
    assert_eq!(first["twin/em1/power"]["v"], 1.5);
    assert_eq!(first["twin/em1/power"]["unit"], "kW");
    assert_eq!(first["twin/em1/power"]["q"], "good");
    assert!(first["twin/em1/power"]["t"].is_string());
    assert_eq!(first["twin/r1/door%2Fleft"]["v"], "open");

    // Many values in no time: few messages, and the last one is right.
    for value in 0..500 {
        live.apply(&[reading("em1", "power", Value::Number(f64::from(value)))]);
    }
    let mut count = 0;
    loop {
        let (topic, payload) = next(&mut messages).await;
        assert_eq!(topic, "twin/em1/power");
        count += 1;
        if payload["v"] == 499.0 {
            break;
        }
    }
    assert!(count <= 5, "{count} messages");
    stop.cancel();
    task.await.unwrap();
    client.stop().await;
    broker.stop().await;
}
