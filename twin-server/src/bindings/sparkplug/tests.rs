//! Nodes that are born, speak, fall silent and die, through the engine.

use std::{path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use twin_model::{Quality, Scene, Value};

use super::{
    Outgoing,
    proto::{Metric, Payload, PropertySet, PropertyValue, Value as Sent},
};
use crate::{
    bindings::{BindingReport, Engine},
    config::Config,
    ingest::Message,
    reading::Reading,
};

const BINDINGS: &str = r#"
[scene]
package = "scene"
[[binding]]
name = "devices"
topic = "spBv1.0/{group}/+/{node}/{device}"
entity = { tag = "{group}:{device}" }
decode = "sparkplug-b"
  [[binding.point]]
  metric = "power"
  value = "Power/Active"
  unit_in = "W"
  [[binding.point]]
  metric = "door"
  value = "Door"
[[binding]]
name = "nodes"
topic = "spBv1.0/{group}/+/{node}"
entity = { tag = "node:{node}" }
decode = "sparkplug-b"
  [[binding.point]]
  metric = "uptime"
  value = "Uptime"
"#;

struct Bench {
    engine: Engine,
    asked: tokio::sync::mpsc::Receiver<Outgoing>,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        let config = Config::parse(Path::new("test.toml"), BINDINGS).unwrap();
        let entities = [("D", "G:D1"), ("N", "node:N1"), ("E", "G:D2")].map(|(id, tag)| {
            let line = format!(r#"{{"id":"{id}","kind":"meter","name":"","tags":["{tag}"]}}"#);
            serde_json::from_str(&line).unwrap()
        });
        let scene = Arc::new(Scene::new(entities.to_vec()).unwrap());
        let (sender, asked) = tokio::sync::mpsc::channel(8);
        let mut engine = Engine::new(config.bindings, scene);
        engine.publish_to(sender);
        Self { engine, asked, now: "2026-05-04T03:02:01Z".parse().unwrap() }
    }

    fn send(&mut self, topic: &str, seq: Option<u64>, metrics: Vec<Metric>) -> Vec<Reading> {
        let timestamp = u64::try_from(self.now.as_millisecond()).ok();
        let payload = Payload { timestamp, metrics, seq }.encode_to_vec();
        self.send_bytes(topic, payload)
    }

    fn send_bytes(&mut self, topic: &str, payload: Vec<u8>) -> Vec<Reading> {
        let message = Message::new(format!("spBv1.0/{topic}"), payload, self.now);
        let mut readings = Vec::new();
        self.engine.accept(&message, &mut readings);
        readings
    }

    fn wait(&mut self, secs: i64) -> Vec<Reading> {
        self.now += SignedDuration::from_secs(secs);
        let mut readings = Vec::new();
        self.engine.tick(self.now, &mut readings);
        readings
    }

    /// Births of the node and its first device; sequence 0 and 1.
    fn born(&mut self) -> Vec<Reading> {
        let mut readings = self.send(
            "G/NBIRTH/N1",
            Some(0),
            vec![
                metric("bdSeq", None, 8, Sent::Long(7)),
                metric("Uptime", Some(1), 4, Sent::Long(100)),
            ],
        );
        readings.extend(self.send(
            "G/DBIRTH/N1/D1",
            Some(1),
            vec![
                metric("Power/Active", Some(10), 9, Sent::Float(21.3)),
                metric("Door", Some(11), 12, Sent::String("open".into())),
            ],
        ));
        readings
    }

    fn report(&self) -> BindingReport {
        self.engine.board().report()
    }
}

fn metric(name: &str, alias: Option<u64>, datatype: u32, value: Sent) -> Metric {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    Metric { name, alias, datatype: Some(datatype), value: Some(value), ..Metric::default() }
}

fn by_alias(alias: u64, value: Sent) -> Metric {
    Metric { alias: Some(alias), value: Some(value), ..Metric::default() }
}

fn said(readings: &[Reading]) -> Vec<(&str, &str, Value, Quality)> {
    fn one(reading: &Reading) -> (&str, &str, Value, Quality) {
        let sample = &reading.sample;
        (reading.entity.as_str(), &reading.metric, sample.value.clone(), sample.quality)
    }
    readings.iter().map(one).collect()
}

#[test]
fn births_give_names_to_aliases() {
    let mut bench = Bench::new();
    let readings = bench.born();
    assert_eq!(
        said(&readings),
        [
            ("N", "uptime", Value::Number(100.0), Quality::Good),
            ("D", "power", Value::Number(0.0213), Quality::Good),
            ("D", "door", Value::Text("open".into()), Quality::Good),
        ]
    );
    let readings = bench.send("G/DDATA/N1/D1", Some(2), vec![by_alias(10, Sent::Float(500.0))]);
    assert_eq!(said(&readings), [("D", "power", Value::Number(0.5), Quality::Good)]);
    let mut bad = by_alias(10, Sent::Float(1.0));
    bad.timestamp = Some(1_777_863_000_000);
    bad.properties = Some(PropertySet {
        keys: vec!["Quality".into()],
        values: vec![PropertyValue { int_value: Some(0) }],
    });
    let readings = bench.send("G/DDATA/N1/D1", Some(3), vec![bad]);
    assert_eq!(readings[0].sample.quality, Quality::Bad);
    assert_eq!(readings[0].sample.source_time.as_second(), 1_777_863_000);
    let report = bench.report();
    assert_eq!((report.bound.total, report.rejected.total), (2, 0));
    assert!(bench.asked.try_recv().is_err(), "nothing to ask for");
}

#[test]
fn negative_integers_come_as_unsigned_and_null_is_told() {
    let mut bench = Bench::new();
    bench.born();
    let minus = |number: i64| Sent::Long(number as u64);
    let readings = bench.send("G/NDATA/N1", Some(2), vec![by_alias(1, minus(-5))]);
    assert_eq!(readings[0].sample.value, Value::Number(-5.0));
    let null = Metric { alias: Some(1), is_null: Some(true), ..Metric::default() };
    assert!(bench.send("G/NDATA/N1", Some(3), vec![null]).is_empty());
    assert!(bench.report().rejected.items[0].reason.contains("null"));
}

#[test]
fn a_node_nobody_saw_born_is_asked_and_not_too_often() {
    let mut bench = Bench::new();
    for n in 0..3 {
        assert!(bench.send("G/NDATA/N1", Some(5 + n), vec![by_alias(1, Sent::Long(1))]).is_empty());
    }
    let asked = bench.asked.try_recv().unwrap();
    assert_eq!(asked.topic, "spBv1.0/G/NCMD/N1");
    let payload = Payload::decode(&*asked.payload).unwrap();
    assert_eq!(payload.metrics[0].name.as_deref(), Some("Node Control/Rebirth"));
    assert_eq!(payload.metrics[0].value, Some(Sent::Boolean(true)));
    assert!(bench.asked.try_recv().is_err(), "once in half a minute");
    let rejected = bench.report().rejected;
    assert_eq!(rejected.total, 3);
    assert!(rejected.items[0].reason.contains("not been born yet; asked"), "{rejected:?}");
    bench.wait(31);
    bench.send("G/NDATA/N1", Some(9), vec![]);
    assert!(bench.asked.try_recv().is_ok());
    // Our own command comes back to us, and is no data.
    bench.send_bytes("G/NCMD/N1", asked.payload);
    assert_eq!(bench.report().skipped.total, 1);
}

#[test]
fn messages_that_overtook_each_other_are_put_in_order() {
    let mut bench = Bench::new();
    bench.born();
    let data = |number| vec![by_alias(1, Sent::Long(number))];
    assert!(bench.send("G/NDATA/N1", Some(4), data(4)).is_empty());
    assert!(bench.send("G/NDATA/N1", Some(3), data(3)).is_empty());
    let readings = bench.send("G/NDATA/N1", Some(2), data(2));
    let values: Vec<f64> = readings.iter().filter_map(|r| r.sample.value.as_f64()).collect();
    assert_eq!(values, [2.0, 3.0, 4.0]);
    assert!(bench.wait(10).is_empty());
    assert!(bench.asked.try_recv().is_err());
}

#[test]
fn what_is_missing_is_not_waited_for_for_ever() {
    let mut bench = Bench::new();
    bench.born();
    let data = |number| vec![by_alias(1, Sent::Long(number))];
    assert!(bench.send("G/NDATA/N1", Some(3), data(3)).is_empty());
    assert!(bench.wait(1).is_empty());
    let readings = bench.wait(2);
    assert_eq!(readings.len(), 1, "what came is used");
    assert!(bench.asked.try_recv().is_ok());
    assert!(bench.report().rejected.items[0].reason.contains("missing: 3 after 1"));
    assert_eq!(bench.send("G/NDATA/N1", Some(4), data(4)).len(), 1);
    // Far off: more is missing than could be waited for.
    assert_eq!(bench.send("G/NDATA/N1", Some(100), data(5)).len(), 1);
    assert_eq!(bench.send("G/NDATA/N1", Some(101), data(6)).len(), 1);
    // The count goes round.
    for seq in 102..260 {
        assert_eq!(bench.send("G/NDATA/N1", Some(seq % 256), data(7)).len(), 1, "{seq}");
    }
}

#[test]
fn an_unknown_alias_is_told_and_asked_for() {
    let mut bench = Bench::new();
    bench.born();
    let metrics = vec![by_alias(99, Sent::Long(1)), by_alias(10, Sent::Float(1000.0))];
    let readings = bench.send("G/DDATA/N1/D1", Some(2), metrics);
    assert_eq!(said(&readings), [("D", "power", Value::Number(1.0), Quality::Good)]);
    assert!(bench.report().rejected.items[0].reason.contains("alias 99"));
    assert!(bench.asked.try_recv().is_ok());
    assert!(bench.send("G/DDATA/N1/D2", Some(3), vec![]).is_empty());
    assert!(bench.report().rejected.items.iter().any(|t| t.reason.contains("device has not been")));
}

#[test]
fn death_marks_what_was_said_and_birth_brings_it_back() {
    let mut bench = Bench::new();
    bench.born();
    bench.wait(5);
    let readings = bench.send("G/DDEATH/N1/D1", Some(2), vec![]);
    assert_eq!(
        said(&readings),
        [
            ("D", "power", Value::Number(0.0213), Quality::Stale),
            ("D", "door", Value::Text("open".into()), Quality::Stale),
        ]
    );
    assert_eq!(readings[0].sample.source_time, bench.now);
    // The will of an older connection says nothing of this one.
    let old = vec![metric("bdSeq", None, 8, Sent::Long(6))];
    assert!(bench.send("G/NDEATH/N1", None, old).is_empty());
    assert!(bench.report().skipped.items[0].reason.contains("death of birth 6"));
    let will = vec![metric("bdSeq", None, 8, Sent::Long(7))];
    let readings = bench.send("G/NDEATH/N1", None, will);
    assert_eq!(said(&readings), [("N", "uptime", Value::Number(100.0), Quality::Stale)]);
    assert_eq!(bench.born().len(), 3);
    // Born again without having died: what is not told again is stale.
    let again = bench.send("G/NBIRTH/N1", Some(0), vec![]);
    assert_eq!(again.iter().filter(|r| r.sample.quality == Quality::Stale).count(), 2);
}

#[test]
fn what_is_no_sparkplug_or_bound_by_nobody_is_told() {
    let mut bench = Bench::new();
    assert!(bench.send_bytes("G/NBIRTH/N1", vec![0xff; 20]).is_empty());
    assert!(bench.report().rejected.items[0].reason.starts_with("not Sparkplug B"));
    bench.born();
    bench.send("G/DBIRTH/N1/D9", Some(2), vec![metric("Power/Active", None, 9, Sent::Float(1.0))]);
    assert!(bench.report().orphaned.items[0].reason.contains("tag G:D9"));
}
