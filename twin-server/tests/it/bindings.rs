//! Messages through the binding engine: what becomes a reading, and what is told of the rest.

use jiff::{SignedDuration, Timestamp};
use twin_model::{Quality, Scene, Value, changes::Removed};
use twin_server::{bindings::HasScene, ingest::Message};

use crate::support::bench::{Bench, config, scene};

const BINDINGS: &str = r#"
[scene]
package = "scene"

[[binding]]
name = "meters"
topic = "site/{storey}/meter/{meter}/state"
entity = { tag = "meter:{meter}" }
time = "$.ts"
  [[binding.point]]
  metric = "power"
  value = "$.p_kw"
  range = [0, 500]
  stale_after = "90s"
  [[binding.point]]
  metric = "energy"
  value = "$.e_wh"
  scale = 0.001
  optional = true

[[binding]]
name = "doors"
topic = "door/{serial}"
entity = { property = "Pset_Device.SerialNumber", equals = "{serial}", kind = "door" }
decode = "number"
  [[binding.point]]
  metric = "door"
  map = { "0" = "closed", "1" = "open" }

[[binding]]
name = "rooms"
topic = "room/{building}/{room}"
entity = { path = "{building}/{room}", kind = "space" }
decode = "text"
  [[binding.point]]
  metric = "presence"

[[binding]]
name = "by name"
topic = "name/{name}"
entity = { name = "{name}" }
decode = "number"
  [[binding.point]]
  metric = "level"

[[binding]]
name = "by id"
topic = "id/{id}"
entity = { global_id = "{id}" }
decode = "number"
  [[binding.point]]
  metric = "level"
"#;

/// Two buildings with a room of the same name each, two meters, a door.
const ENTITIES: &str = r#"
{"id":"A","kind":"building","name":"T1"}
{"id":"B","kind":"building","name":"T2"}
{"id":"A1","parent":"A","kind":"storey","name":"01F"}
{"id":"AR","parent":"A1","kind":"space","name":"Lobby"}
{"id":"BR","parent":"B","kind":"space","name":"Lobby"}
{"id":"M1","parent":"A1","kind":"meter","name":"","tags":["meter:EM1"]}
{"id":"M2","parent":"A1","kind":"meter","name":"","tags":["meter:EM2","meter:EM3"]}
{"id":"M3","parent":"A1","kind":"meter","name":"","tags":["meter:EM3"]}
{"id":"D1","parent":"A1","kind":"door","name":"","properties":{"Pset_Device":{"SerialNumber":4711}}}
"#;

fn bench() -> Bench {
    Bench { now: Timestamp::now(), ..Bench::new(config(BINDINGS), scene(ENTITIES)) }
}

#[test]
fn a_meter_message_becomes_readings() {
    let mut bench = bench();
    let ts = bench.now - SignedDuration::from_secs(3);
    let payload = format!(r#"{{"ts":"{ts}","p_kw":12.5,"e_wh":2500}}"#);
    let readings = bench.send("site/01F/meter/EM1/state", payload);
    assert_eq!(readings.len(), 2);
    let power = &readings[0];
    assert_eq!((power.entity.as_str(), &*power.metric, &*power.unit), ("M1", "power", "kW"));
    assert_eq!(power.sample.value, Value::Number(12.5));
    assert_eq!(power.sample.quality, Quality::Good);
    assert_eq!((power.sample.source_time, power.sample.receive_time), (ts, bench.now));
    assert_eq!(power.stale_after.map(|after| after.as_secs()), Some(90));
    assert_eq!(readings[1].sample.value, Value::Number(2.5));
    let report = bench.report();
    assert_eq!((report.bound.total, report.bound.items[0].entity.as_str()), (1, "M1"));
}

#[test]
fn every_kind_of_target_finds_its_entity() {
    let mut bench = bench();
    for (topic, payload, entity, value) in [
        ("door/4711", "1", "D1", Value::Text("open".into())),
        ("room/T2/Lobby", "occupied", "BR", Value::Text("occupied".into())),
        ("room/01F/Lobby", "free", "AR", Value::Text("free".into())),
        ("room/T1/Lobby", "free", "AR", Value::Text("free".into())),
        ("name/T1", "3", "A", Value::Number(3.0)),
        ("id/M2", "4", "M2", Value::Number(4.0)),
    ] {
        let readings = bench.send(topic, payload);
        assert_eq!(readings.len(), 1, "{topic}");
        assert_eq!(readings[0].entity.as_str(), entity, "{topic}");
        assert_eq!(readings[0].sample.value, value, "{topic}");
    }
}

#[test]
fn what_does_not_bind_is_listed_with_its_reason() {
    let mut bench = bench();
    for (topic, payload) in [
        ("nobody/knows", "1"),
        ("site/01F/meter/EM9/state", "{}"),
        ("site/01F/meter/EM3/state", "{}"),
        ("name/Lobby", "1"),
        ("door/4711", "7"),
        ("door/4711", "\u{fffd}"),
        ("site/01F/meter/EM1/state", "{\"p_kw\":"),
    ] {
        assert!(bench.send(topic, payload).is_empty(), "{topic}");
    }
    let report = bench.report();
    assert_eq!(report.messages, 7);
    assert_eq!(report.readings, 0);
    assert_eq!(report.unbound.items[0].topic, "nobody/knows");
    assert!(report.orphaned.items[0].reason.contains("tag meter:EM9"));
    assert_eq!(report.ambiguous.total, 2);
    let ambiguous = report.ambiguous.items.iter().find(|t| t.topic.contains("EM3")).unwrap();
    assert!(ambiguous.reason.contains("2 entities have tag meter:EM3, such as M2 and M3"));
    assert_eq!(report.rejected.total, 3);
    let door = report.rejected.items.iter().find(|t| t.topic == "door/4711").unwrap();
    assert_eq!((door.total, door.binding.as_deref()), (2, Some("doors")));
}

#[test]
fn a_missing_point_does_not_cost_the_others() {
    let mut bench = bench();
    let ts = bench.now;
    let payload = format!(r#"{{"ts":"{ts}","p_kw":"broken","e_wh":1000}}"#);
    let readings = bench.send("site/01F/meter/EM1/state", payload);
    assert_eq!(readings.len(), 1);
    assert_eq!(&*readings[0].metric, "energy");
    let report = bench.report();
    assert!(report.rejected.items[0].reason.starts_with("power:"), "{report:?}");
}

#[test]
fn doubtful_values_are_kept_and_marked() {
    let mut bench = bench();
    let now = bench.now;
    let topic = "site/01F/meter/EM1/state";
    let ahead = now + SignedDuration::from_mins(6);
    let payloads = [
        (format!(r#"{{"ts":"{now}","p_kw":501}}"#), "outside [0, 500]"),
        (format!(r#"{{"ts":"{ahead}","p_kw":1}}"#), "clock is ahead"),
        (r#"{"ts":"1970-01-01T00:00:07Z","p_kw":1}"#.to_owned(), "never set"),
        (r#"{"ts":"noon","p_kw":1}"#.to_owned(), "neither RFC 3339"),
        (r#"{"p_kw":1}"#.to_owned(), "no time at $"),
    ];
    for (n, (payload, reason)) in payloads.iter().enumerate() {
        let readings = bench.send(topic, payload);
        assert_eq!(readings.len(), 1, "{payload}");
        assert_eq!(readings[0].sample.quality, Quality::Uncertain, "{payload}");
        let report = bench.report();
        assert_eq!(report.uncertain.total + report.clocks.total, n as u64 + 1);
        let uncertain = report.uncertain.items.iter().map(|trouble| &trouble.reason);
        let told: Vec<_> =
            uncertain.chain(report.clocks.items.iter().map(|clock| &clock.reason)).collect();
        assert!(told.iter().any(|told| told.contains(reason)), "{reason}: {told:?}");
    }
    // A time in seconds and slightly ahead is nothing to worry about.
    let soon = now.as_second() + 60;
    let readings = bench.send(topic, format!(r#"{{"ts":{soon},"p_kw":1}}"#));
    assert_eq!(readings[0].sample.quality, Quality::Good);
    // A retained message without a time may be of any age.
    let late = Message { retained: true, ..Message::new("id/M2", "4", now) };
    let readings = bench.accept(&late);
    assert_eq!(readings[0].sample.quality, Quality::Uncertain);
}

#[test]
fn silent_points_are_named() {
    let mut bench = bench();
    bench.now -= SignedDuration::from_secs(200);
    let ts = bench.now;
    bench.send("site/01F/meter/EM1/state", format!(r#"{{"ts":"{ts}","p_kw":1}}"#));
    let silent = bench.report().silent;
    assert_eq!(silent.total, 1);
    assert_eq!(silent.items[0].point, "M1/power");
    assert_eq!(silent.items[0].stale_after_secs, 90.0);
}

#[test]
fn a_flood_of_strange_topics_leaves_the_devices_their_place() {
    let mut bench = bench();
    for n in 0..30_000 {
        bench.send(&format!("strange/{n}"), "x");
    }
    let ts = bench.now;
    let payload = format!(r#"{{"ts":"{ts}","p_kw":1}}"#);
    assert_eq!(bench.send("site/01F/meter/EM1/state", payload).len(), 1);
    let report = bench.report();
    assert_eq!(report.bound.total, 1);
    assert_eq!((report.unbound.items.len(), report.unbound.total), (1_000, 30_000));
    assert_eq!(report.unbound.unlisted, 29_000);
}

#[test]
fn a_topic_longer_than_any_device_has_is_rejected() {
    let mut bench = bench();
    let most = format!("strange/{}", "x".repeat(1_016));
    bench.send(&most, "x");
    bench.send(&format!("{most}x"), "x");
    let report = bench.report();
    assert_eq!((report.unbound.total, report.rejected.total), (1, 1));
    assert!(report.rejected.items[0].reason.contains("1025 bytes; at most 1024"));
}

/// The scene after a revision, with what it took out.
#[derive(Debug)]
struct Revised(Scene, Vec<Removed>);

impl HasScene for Revised {
    fn scene(&self) -> &Scene {
        &self.0
    }

    fn removed(&self) -> &[Removed] {
        &self.1
    }
}

#[test]
fn bindings_to_removed_entities_are_orphans_and_stay_listed() {
    let removed = serde_json::from_str(
        r#"[
        {"id":"M9","kind":"meter","name":"","path":["T1","01F"],"tags":["EM9","meter:EM9"]},
        {"id":"M0","kind":"meter","name":"","path":[],"tags":["meter:EM1"]},
        {"id":"CR","kind":"space","name":"Kitchen","path":["T1","01F"],"tags":["space:Kitchen"]},
        {"id":"W1","kind":"element","name":"wall","path":["T1"],"tags":[]}
    ]"#,
    )
    .unwrap();
    let mut bench = Bench::new(config(BINDINGS), Revised(scene(ENTITIES), removed));
    let lost = |bench: &Bench| -> Vec<(String, String, String)> {
        let items = bench.report().removed.items.into_iter();
        items.map(|orphan| (orphan.binding, orphan.entity, orphan.wanted)).collect()
    };
    let expected = [
        // EM1 has another meter now; a wall was never measured.
        ("meters", "M9", "tag meter:EM9"),
        ("rooms", "CR", "path T1/01F/Kitchen"),
        ("by name", "CR", "name Kitchen"),
        ("by id", "M9", "global_id M9"),
        ("by id", "M0", "global_id M0"),
        ("by id", "CR", "global_id CR"),
    ]
    .map(|(binding, entity, wanted)| (binding.to_owned(), entity.to_owned(), wanted.to_owned()));
    assert_eq!(lost(&bench), expected);
    // The device speaks: it is an orphan by its topic too, and what was listed stays.
    assert!(bench.send("site/01F/meter/EM9/state", "{}").is_empty());
    assert_eq!(bench.report().orphaned.items[0].topic, "site/01F/meter/EM9/state");
    assert_eq!(lost(&bench), expected);
}
