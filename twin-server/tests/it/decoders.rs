//! Payloads of every kind through the binding engine, and messages that hold several samples.

use twin_model::{Quality, Value};
use twin_server::reading::Reading;

use crate::support::bench::{Bench, config, scene};

const ENTITIES: &str = r#"
{"id":"A","kind":"building","name":"T1"}
{"id":"AR","parent":"A","kind":"space","name":"Lobby"}
{"id":"M1","parent":"A","kind":"meter","name":"","tags":["meter:1"]}
{"id":"M2","parent":"A","kind":"meter","name":"","tags":["meter:2"]}
{"id":"M3","parent":"A","kind":"meter","name":"","tags":["meter:3","meter:twice"]}
{"id":"M4","parent":"A","kind":"meter","name":"","tags":["meter:twice"]}
"#;

fn bench(bindings: &str) -> Bench {
    Bench::new(config(&format!("[scene]\npackage = \"scene\"\n{bindings}")), scene(ENTITIES))
}

/// Entity, metric and value of each reading.
fn said(readings: &[Reading]) -> Vec<(&str, &str, Value)> {
    fn one(reading: &Reading) -> (&str, &str, Value) {
        (reading.entity.as_str(), &reading.metric, reading.sample.value.clone())
    }
    readings.iter().map(one).collect()
}

const LIST: &str = r#"
[[binding]]
name = "list"
topic = "gateway/{gateway}"
entity = { tag = "meter:{$.sn}" }
each = "$.items[*]"
time = "$$.ts"
  [[binding.point]]
  metric = "power"
  value = "$.p"
"#;

#[test]
fn each_element_of_a_list_is_a_device() {
    let mut bench = bench(LIST);
    let payload = r#"{"ts": 1777863700, "items": [
        {"sn": 1, "p": 1.5}, {"sn": "2", "p": 2.5}, {"sn": 9, "p": 3}, {"p": 4}, {"sn": "twice", "p": 5},
        {"sn": 1, "p": "x"}]}"#;
    for round in 1..=2 {
        let readings = bench.send("gateway/7", payload);
        assert_eq!(
            said(&readings),
            [("M1", "power", Value::Number(1.5)), ("M2", "power", Value::Number(2.5))]
        );
        assert_eq!(readings[0].sample.source_time.as_second(), 1_777_863_700);
        let report = bench.report();
        assert_eq!(report.orphaned.total, round);
        assert!(report.orphaned.items[0].reason.contains("tag meter:9"));
        assert_eq!(report.ambiguous.total, round);
        assert_eq!(report.rejected.total, 2 * round, "no serial number, and no number");
        // One topic, two devices of it; one message each round.
        assert_eq!((report.bound.total, report.bindings[0].topics), (2, 2));
        assert_eq!(report.bindings[0].messages, round);
    }
}

#[test]
fn no_element_is_told_and_too_many_are_cut() {
    let mut bench = bench(LIST);
    assert!(bench.send("gateway/7", r#"{"items": []}"#).is_empty());
    let skipped = bench.report().skipped;
    assert!(skipped.items[0].reason.contains("no element at $.items[*]"));
    let many = vec![r#"{"sn":1,"p":1}"#; 10_001].join(",");
    let readings = bench.send("gateway/7", format!(r#"{{"ts": 1777863700, "items":[{many}]}}"#));
    assert_eq!(readings.len(), 10_000);
    assert!(bench.report().rejected.items[0].reason.contains("10001 elements"));
}

#[test]
fn elements_go_by_their_name_too() {
    let mut bench = bench(
        r#"
[[binding]]
topic = "all"
entity = { tag = "meter:{@key}" }
each = "$.meters.*"
  [[binding.point]]
  metric = "power"
  value = "$"
"#,
    );
    let readings = bench.send("all", r#"{"meters": {"1": 10, "2": 20}}"#);
    assert_eq!(
        said(&readings),
        [("M1", "power", Value::Number(10.0)), ("M2", "power", Value::Number(20.0))]
    );
}

#[test]
fn a_binding_takes_only_what_it_is_meant_for() {
    let mut bench = bench(
        r#"
[[binding]]
topic = "events"
entity = { tag = "meter:{$.id}" }
when = { "$.type" = ["power", "energy"], "$.ok" = true }
  [[binding.point]]
  metric = "power"
  value = "$.v"
"#,
    );
    assert_eq!(bench.send("events", r#"{"type":"power","ok":true,"id":1,"v":1}"#).len(), 1);
    assert_eq!(bench.send("events", r#"{"type":"alarm","ok":true,"id":1,"v":1}"#).len(), 0);
    assert_eq!(bench.send("events", r#"{"type":"energy","id":1,"v":1}"#).len(), 0);
    let report = bench.report();
    assert_eq!((report.skipped.total, report.rejected.total), (2, 0));
    assert!(report.skipped.items[0].reason.contains("$.ok is not true"));
}

#[test]
fn rows_of_csv_are_samples() {
    let mut bench = bench(
        r#"
[[binding]]
topic = "csv/named"
entity = { tag = "meter:{$.sn}" }
decode = "csv"
csv = { delimiter = ";", header = true }
time = "$.time"
  [[binding.point]]
  metric = "power"
  value = "$.kW"
  [[binding.point]]
  metric = "state"
  value = "$.state"
  optional = true

[[binding]]
topic = "csv/numbered/{meter}"
entity = { tag = "meter:{meter}" }
decode = "csv"
  [[binding.point]]
  metric = "power"
  value = "$[1]"
"#,
    );
    let payload = "sn;time;kW;state\n1;2026-05-04T03:00:00Z;1.5;on\n2;2026-05-04T03:01:00Z;2;\n";
    let readings = bench.send("csv/named", payload);
    assert_eq!(
        said(&readings),
        [
            ("M1", "power", Value::Number(1.5)),
            ("M1", "state", Value::Text("on".into())),
            ("M2", "power", Value::Number(2.0)),
        ]
    );
    assert_eq!(readings[2].sample.source_time, "2026-05-04T03:01:00Z".parse().unwrap());
    let readings = bench.send("csv/numbered/1", "x, 7.5\ny, 8.5\n");
    assert_eq!(
        said(&readings),
        [("M1", "power", Value::Number(7.5)), ("M1", "power", Value::Number(8.5))]
    );
    assert!(bench.send("csv/numbered/1", "").is_empty());
    assert!(bench.report().rejected.items[0].reason.contains("no row"));
}

#[test]
fn cbor_is_read_by_the_same_paths() {
    let mut bench = bench(
        r#"
[[binding]]
topic = "cbor/{meter}"
entity = { tag = "meter:{meter}" }
decode = "cbor"
time = "$.t"
  [[binding.point]]
  metric = "power"
  value = "$.p[0]"
  [[binding.point]]
  metric = "raw"
  value = "$.r"
  register = { at = 0, type = "i16" }
"#,
    );
    // {"t": 1(1777863700), "p": [1.5], "r": h'ff38'}
    let payload = b"\xa3\x61t\xc1\x1a\x69\xf8\x0c\x14\x61p\x81\xf9\x3e\x00\x61r\x42\xff\x38";
    let readings = bench.send("cbor/1", payload);
    assert_eq!(
        said(&readings),
        [("M1", "power", Value::Number(1.5)), ("M1", "raw", Value::Number(-200.0))]
    );
    assert_eq!(readings[0].sample.source_time.as_second(), 0x69f8_0c14);
    assert!(bench.send("cbor/1", b"\xff").is_empty());
    assert!(bench.report().rejected.items[0].reason.starts_with("not CBOR"));
}

#[test]
fn registers_of_meters() {
    let mut bench = bench(
        r#"
[[binding]]
topic = "modbus/{meter}"
entity = { tag = "meter:{meter}" }
decode = "hex"
frame = { starts_with = "01 03 04", length = 9, checksum = "modbus" }
  [[binding.point]]
  metric = "power"
  register = { at = 3, type = "u32" }
  scale = 0.1
  [[binding.point]]
  metric = "fault"
  register = { at = 5, type = "u16", bits = [2, 1] }
  map = { "0" = false, "1" = true }

[[binding]]
topic = "dlt645/{meter}"
entity = { tag = "meter:{meter}" }
decode = "binary"
  [[binding.point]]
  metric = "energy"
  register = { at = 14, type = "bcd", bytes = 4, order = "little", plus_33h = true }
  scale = 0.01
"#,
    );
    let readings = bench.send("modbus/1", "01 03 04 00 06 00 05 DA 31");
    assert_eq!(
        said(&readings),
        [("M1", "power", Value::Number(39_322.1)), ("M1", "fault", Value::Bool(true))]
    );
    for bad in ["01 03 04 00 06 00 05 DA 32", "01 83 02 C0 F1", "xx"] {
        assert!(bench.send("modbus/1", bad).is_empty());
    }
    let rejected = bench.report().rejected;
    assert_eq!(rejected.total, 3);
    let frame = [
        0x68, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x68, 0x91, 8, 0x33, 0x33, 0x34, 0x33, 0xab,
        0x89, 0x67, 0x45, 0, 0x16,
    ];
    let readings = bench.send("dlt645/2", frame);
    assert_eq!(said(&readings), [("M2", "energy", Value::Number(123_456.78))]);
}

#[test]
fn wrong_clocks_are_listed_by_device_with_their_offset() {
    let mut bench = bench(
        r#"
[[binding]]
topic = "clock"
entity = { tag = "meter:{$.sn}" }
each = "$[*]"
time = "$.t"
max_ahead = "1m"
max_behind = "1h"
  [[binding.point]]
  metric = "power"
  value = "$.p"
"#,
    );
    let at = |secs: i64| bench.now.as_second() + secs;
    let payload = format!(
        r#"[{{"sn":1,"t":{},"p":1}},{{"sn":2,"t":{},"p":1}},{{"sn":3,"t":{},"p":1}}]"#,
        at(90),
        at(-7200),
        at(-3500)
    );
    let readings = bench.send("clock", payload);
    let qualities: Vec<Quality> = readings.iter().map(|reading| reading.sample.quality).collect();
    assert_eq!(qualities, [Quality::Uncertain, Quality::Uncertain, Quality::Good]);
    let report = bench.report();
    let clocks: Vec<(&str, f64)> =
        report.clocks.items.iter().map(|clock| (&*clock.entity, clock.offset_secs)).collect();
    assert_eq!((report.clocks.total, clocks), (2, vec![("M1", 90.0), ("M2", -7200.0)]));
    assert!(report.clocks.items[1].reason.contains("behind"));
    assert_eq!(report.uncertain.total, 0, "listed once");
}
