//! What becomes of a value on its way to a reading: units, rates, deadbands, states.

use jiff::{SignedDuration, Timestamp};
use twin_model::{Quality, Value};
use twin_server::reading::Reading;

use crate::support::bench::{Bench, config, scene};

const BINDINGS: &str = r#"
[scene]
package = "scene"
[[binding]]
topic = "m/{meter}"
entity = { tag = "meter:{meter}" }
time = "$.t"
  [[binding.point]]
  metric = "temperature"
  value = "$.f"
  unit_in = "[degF]"
  optional = true
  [[binding.point]]
  metric = "power"
  value = "$.w"
  unit_in = "W"
  range = [0, 500]
  deadband = 0.5
  stale_after = "100s"
  optional = true
  [[binding.point]]
  metric = "level"
  value = "$.level"
  rate = 2.0
  optional = true
  [[binding.point]]
  metric = "flow"
  value = "$.flow"
  deadband = "10%"
  max_silence = "1h"
  optional = true
  [[binding.point]]
  metric = "door"
  value = "$.door"
  optional = true
  states = { open = { zh = "开", en = "Open" }, closed = { zh = "关", en = "Closed", normal = true } }
"#;

const METER: &str = r#"{"id":"M","kind":"meter","name":"","tags":["meter:1"]}"#;

struct Meter {
    bench: Bench,
    start: Timestamp,
}

impl Meter {
    fn new() -> Self {
        let bench = Bench::new(config(BINDINGS), scene(METER));
        Self { start: bench.now, bench }
    }

    /// Sends one value, so many seconds after the start.
    fn send(&mut self, after_secs: i64, name: &str, value: &str) -> Option<Reading> {
        let now = self.start + SignedDuration::from_secs(after_secs);
        self.bench.now = now;
        let mut readings =
            self.bench.send("m/1", format!(r#"{{"t": "{now}", "{name}": {value}}}"#));
        assert!(readings.len() <= 1);
        readings.pop()
    }

    fn passes(&mut self, after_secs: i64, name: &str, value: &str) -> bool {
        self.send(after_secs, name, value).is_some()
    }
}

#[test]
fn values_are_kept_in_the_unit_of_the_metric() {
    let mut meter = Meter::new();
    let warm = meter.send(0, "f", "98.6").unwrap();
    assert_eq!((warm.sample.value, &*warm.unit), (Value::Number(37.0), "Cel"));
    let power = meter.send(0, "w", "12345").unwrap();
    assert_eq!((power.sample.value, &*power.unit), (Value::Number(12.345), "kW"));
    // The range is in the unit kept.
    assert_eq!(power.sample.quality, Quality::Good);
    assert_eq!(meter.send(1, "w", "501000").unwrap().sample.quality, Quality::Uncertain);
}

#[test]
fn a_deadband_holds_small_changes_and_never_looks_dead() {
    let mut meter = Meter::new();
    assert!(meter.passes(0, "w", "100000"));
    assert!(!meter.passes(10, "w", "100500"), "exactly the deadband");
    assert!(!meter.passes(20, "w", "99500"));
    assert!(meter.passes(30, "w", "100501"));
    assert!(!meter.passes(40, "w", "100001"), "counted from what was passed on");
    assert!(meter.passes(80, "w", "100501"), "half of stale_after later");
    assert!(!meter.passes(81, "w", "100501"));
    // A change of quality is never held: 500.2 is out of range, and near.
    assert!(meter.passes(82, "w", "499900"));
    let doubtful = meter.send(83, "w", "500200").unwrap();
    assert_eq!(doubtful.sample.quality, Quality::Uncertain);
    assert!(!meter.passes(84, "w", "500300"));
    assert!(meter.passes(85, "w", "499900"));
    let report = meter.bench.report();
    assert_eq!(report.bindings[0].held, 5);
    assert_eq!((report.rejected.total, report.skipped.total), (0, 0));
}

#[test]
fn a_relative_deadband_is_of_the_value_passed_on() {
    let mut meter = Meter::new();
    assert!(meter.passes(0, "flow", "100"));
    assert!(!meter.passes(1, "flow", "110"));
    assert!(meter.passes(2, "flow", "89"));
    assert!(!meter.passes(3, "flow", "97.8"));
    assert!(meter.passes(4, "flow", "0"));
    assert!(meter.passes(5, "flow", "0.1"), "nothing is within ten percent of zero");
    assert!(!meter.passes(3_000, "flow", "0.1"));
    assert!(meter.passes(3_605, "flow", "0.1"), "max_silence");
}

#[test]
fn a_change_that_is_too_fast_is_marked() {
    let mut meter = Meter::new();
    let quality =
        |meter: &mut Meter, at, value| meter.send(at, "level", value).unwrap().sample.quality;
    assert_eq!(quality(&mut meter, 0, "10"), Quality::Good);
    assert_eq!(quality(&mut meter, 10, "30"), Quality::Good);
    assert_eq!(quality(&mut meter, 11, "33"), Quality::Uncertain);
    assert_eq!(quality(&mut meter, 12, "33"), Quality::Good, "it stayed there");
    assert_eq!(quality(&mut meter, 5, "0"), Quality::Good, "late: it says nothing of the change");
    assert_eq!(quality(&mut meter, 13, "34"), Quality::Good);
    let uncertain = meter.bench.report().uncertain;
    assert_eq!(uncertain.total, 1);
    assert!(uncertain.items[0].reason.contains("from 30 to 33 in 1.000 s"), "{uncertain:?}");
}

#[test]
fn states_have_labels_and_others_are_marked() {
    let mut meter = Meter::new();
    assert_eq!(meter.send(0, "door", "\"open\"").unwrap().sample.quality, Quality::Good);
    let odd = meter.send(1, "door", "\"ajar\"").unwrap();
    assert_eq!(odd.sample.quality, Quality::Uncertain);
    let board = meter.bench.engine.board();
    assert!(board.report().uncertain.items[0].reason.contains("none of closed, open"));
    let closed = &board.states()["door"]["closed"];
    assert_eq!((&*closed.zh, &*closed.en, closed.normal), ("关", "Closed", Some(true)));
}
