//! Computed points: what they take, when they are worked out, and what is refused.

use std::path::Path;

use jiff::SignedDuration;
use twin_model::{Quality, Value};
use twin_server::{
    config::{Config, ConfigError},
    reading::Reading,
};

use crate::support::bench::{Bench, scene};

const HEAD: &str = r#"
[scene]
package = "scene"
[[binding]]
topic = "{metric}/{id}"
entity = { global_id = "{id}" }
decode = "number"
  [[binding.point]]
  metric = "power"
  unit = "kW"
  range = [0, 100]
  stale_after = "60s"
"#;

const ENTITIES: &str = r#"
{"id":"A","kind":"building","name":"T1"}
{"id":"S1","parent":"A","kind":"storey","name":"01F"}
{"id":"S2","parent":"A","kind":"storey","name":"02F"}
{"id":"M1","parent":"S1","kind":"meter","name":""}
{"id":"M2","parent":"S1","kind":"meter","name":""}
{"id":"M3","parent":"S2","kind":"meter","name":""}
"#;

fn config(computed: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("test.toml"), &format!("{HEAD}{computed}"))
}

fn bench(computed: &str) -> Bench {
    Bench::new(config(computed).unwrap(), scene(ENTITIES))
}

fn said(readings: &[Reading]) -> Vec<(&str, &str, Value, Quality)> {
    fn one(reading: &Reading) -> (&str, &str, Value, Quality) {
        let sample = &reading.sample;
        (reading.entity.as_str(), &reading.metric, sample.value.clone(), sample.quality)
    }
    readings.iter().map(one).collect()
}

const SUMS: &str = r#"
[[computed]]
name = "load of what is high"
entity = { kind = "building" }
metric = "load"
expr = "total > 10 ? 'high' : 'low'"
inputs = { total = { metric = "total" } }
states = { high = { zh = "高", en = "High", normal = false }, low = { zh = "低", en = "Low" } }
[[computed]]
name = "totals"
entity = { kind = "building" }
metric = "total"
unit = "kW"
expr = "sum(power)"
inputs = { power = { metric = "total_of_storey", of = "below" } }
[[computed]]
name = "totals of storeys"
entity = { kind = "storey" }
metric = "total_of_storey"
unit = "kW"
expr = "sum(power) + 0"
inputs = { power = { metric = "power", of = "below", kind = "meter" } }
"#;

#[test]
fn results_are_inputs_in_turn_each_worked_out_once() {
    let mut bench = bench(SUMS);
    bench.send("power/M1", "1.5");
    bench.send("power/M2", "2.5");
    bench.send("power/M3", "8");
    let good = Quality::Good;
    let readings = bench.wait(0);
    assert_eq!(
        said(&readings),
        [
            ("S1", "total_of_storey", Value::Number(4.0), good),
            ("S2", "total_of_storey", Value::Number(8.0), good),
            ("A", "total", Value::Number(12.0), good),
            ("A", "load", Value::Text("high".into()), good),
        ]
    );
    assert_eq!(&*readings[2].unit, "kW");
    assert!(bench.wait(5).is_empty(), "nothing has changed");
    bench.send("power/M3", "3");
    assert_eq!(said(&bench.wait(0))[1], ("A", "total", Value::Number(7.0), good));
    // Sooner than min_interval: later, with what is known then.
    bench.send("power/M3", "4");
    assert!(bench.wait(0).is_empty());
    bench.send("power/M3", "5");
    assert_eq!(said(&bench.wait(1))[1], ("A", "total", Value::Number(9.0), good));
    assert_eq!(bench.engine.board().states()["load"]["high"].en, "High");
}

#[test]
fn quality_is_the_worst_and_time_the_newest() {
    let mut bench = bench(SUMS);
    bench.send("power/M1", "1");
    let first = bench.now;
    bench.now += SignedDuration::from_secs(10);
    bench.send("power/M2", "101");
    let readings = bench.wait(0);
    assert_eq!(readings[0].sample.quality, Quality::Uncertain, "out of range");
    assert_eq!(readings[0].sample.source_time, first + SignedDuration::from_secs(10));
    // M1 has been silent for longer than its stale_after by now.
    bench.now += SignedDuration::from_secs(55);
    bench.send("power/M2", "2");
    let readings = bench.wait(0);
    assert_eq!(said(&readings)[0], ("S1", "total_of_storey", Value::Number(3.0), Quality::Stale));
}

#[test]
fn goes_on_from_what_points_hold_already() {
    let mut before = bench(SUMS);
    let mut known = before.send("power/M1", "1.5");
    known.extend(before.send("power/M3", "20"));
    let mut bench = bench(SUMS);
    bench.engine.remember(&|| known.clone());
    bench.send("power/M2", "2");
    let now = bench.wait(2);
    let total = said(&now).into_iter().find(|said| said.1 == "total").unwrap();
    assert_eq!((total.2, total.3), (Value::Number(23.5), Quality::Good));
}

#[test]
fn falls_silent_with_its_inputs_and_says_so() {
    let mut bench = bench(SUMS);
    bench.send("power/M1", "1.5");
    bench.wait(2);
    assert!(bench.wait(30).is_empty());
    let later = bench.wait(40);
    let total = said(&later).into_iter().find(|said| said.1 == "total").unwrap();
    assert_eq!((total.2, total.3), (Value::Number(1.5), Quality::Stale));
    assert!(bench.wait(40).is_empty(), "said once");
}

#[test]
fn what_has_no_value_is_on_the_board() {
    let mut bench = bench(
        r#"
[[computed]]
name = "ratio"
entity = { global_id = "M1" }
metric = "ratio"
expr = "1 / power"
inputs = { power = { metric = "power" } }
[[computed]]
name = "of nothing"
entity = { kind = "lift" }
metric = "x"
expr = "power"
inputs = { power = { metric = "power" } }
"#,
    );
    bench.send("power/M1", "0");
    assert!(bench.wait(0).is_empty());
    bench.send("power/M1", "4");
    assert_eq!(said(&bench.wait(2)), [("M1", "ratio", Value::Number(0.25), Quality::Good)]);
    let failed = bench.report().failed;
    let told = |topic: &str, why: &str| {
        failed.items.iter().any(|trouble| trouble.topic == topic && trouble.reason.contains(why))
    };
    assert!(told("computed ratio: M1/ratio", "not a finite number"), "{failed:?}");
    assert!(told("computed of nothing", "no entity of the scene"), "{failed:?}");
}

#[test]
fn mistakes_are_refused_with_their_place() {
    let rule = |name: &str, metric: &str, more: &str| {
        format!(
            "[[computed]]\nname = \"{name}\"\nentity = {{ kind = \"meter\" }}\nmetric = \"{metric}\"\n{more}\n"
        )
    };
    let takes =
        |metric: &str| format!("expr = \"p\"\ninputs = {{ p = {{ metric = \"{metric}\" }} }}");
    let refused = |text: String, key: &str, word: &str| match config(&text) {
        Err(ConfigError::Invalid { problems, .. }) => {
            let told = |p: &twin_server::config::Problem| p.key == key && p.message.contains(word);
            assert!(problems.iter().any(told), "{key}: {word}\nnot in {problems:?}");
        }
        other => panic!("{other:?}"),
    };
    let ring =
        rule("a", "x", &takes("z")) + &rule("b", "y", &takes("x")) + &rule("c", "z", &takes("y"));
    refused(ring, "computed[0].expr", "waits for itself: a → c → b → a");
    refused(rule("a", "x", &takes("x")), "computed[0].expr", "a → a");
    refused(rule("a", "x", &takes("p")) + &rule("a", "y", &takes("p")), "computed[1].name", "two");
    let expr =
        |expr: &str| format!("expr = \"{expr}\"\ninputs = {{ p = {{ metric = \"power\" }} }}");
    refused(rule("a", "x", &expr("p +")), "computed[0].expr", "not CEL");
    refused(rule("a", "x", &expr("p + q")), "computed[0].expr", "no input; there are p");
    refused(rule("a", "x", "expr = \"1\""), "computed[0].inputs", "expected 1 to");
    let of = "expr = \"p\"\ninputs = { p = { metric = \"power\", of = \"above\" } }";
    refused(rule("a", "x", of), "computed[0].inputs.p.of", "own");
    // Below is never the same entity: a sum of itself further down is in order.
    let below = "expr = \"sum(p)\"\ninputs = { p = { metric = \"x\", of = \"below\" } }";
    assert!(config(&rule("a", "x", below)).is_ok());
}
