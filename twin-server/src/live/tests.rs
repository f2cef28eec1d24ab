use std::time::Duration;

use proptest::prelude::*;
use twin_model::{Quality, Sample, Value};

use super::*;
use crate::scene::{Properties, load};

fn scene() -> Arc<LoadedScene> {
    let dir = tempfile::tempdir().unwrap();
    let info = r#"{"revision":"r1","origin":{},"unit":"metre","sources":[]}"#;
    std::fs::write(dir.path().join("scene.json"), info).unwrap();
    let entities = r#"{"id":"a","kind":"building","name":"A"}
{"id":"a1","parent":"a","kind":"storey","name":"1"}
{"id":"b","kind":"building","name":"B"}
"#;
    std::fs::write(dir.path().join("entities.ndjson"), entities).unwrap();
    Arc::new(load(dir.path(), Properties::OnDisk).unwrap())
}

fn live() -> Live {
    Live::new(scene(), Settings { max_points: 4, ..Settings::default() })
}

fn reading(entity: &str, metric: &str, value: f64, at_secs: i64) -> Reading {
    let time = Timestamp::from_second(at_secs).unwrap();
    Reading {
        entity: entity.into(),
        metric: metric.into(),
        unit: "kW".into(),
        stale_after: Some(Duration::from_secs(10)),
        sample: Sample {
            value: Value::Number(value),
            source_time: time,
            receive_time: time,
            quality: Quality::Good,
        },
    }
}

/// Power of `a`, measured at one time and received at another.
fn received(value: f64, source_secs: i64, receive_secs: i64) -> Reading {
    let mut reading = reading("a", "power", value, source_secs);
    reading.sample.receive_time = Timestamp::from_second(receive_secs).unwrap();
    reading
}

fn values(changes: &Changes) -> Vec<(u32, f64)> {
    let value = |(latest, _): &(Latest, u64)| {
        (latest.definition.point, latest.sample.value.as_f64().unwrap())
    };
    changes.points.iter().map(value).collect()
}

#[test]
fn keeps_the_newest_by_source_time() {
    let live = live();
    let outcomes = live.apply(&[
        reading("a", "power", 1.0, 100),
        reading("a", "power", 2.0, 99),
        reading("a", "power", 1.0, 100),
        reading("a", "power", 3.0, 100),
        reading("ghost", "power", 3.0, 100),
    ]);
    use Outcome::{Duplicate, Late, Stored, UnknownEntity};
    assert_eq!(outcomes, [Stored, Late, Duplicate, Stored, UnknownEntity]);
    assert_eq!(values(&live.changes_since(0, None)), [(0, 3.0)]);
    assert_eq!(live.seq(), 3, "a late sample counts too");
}

#[test]
fn one_sample_from_the_future_does_not_shut_out_the_present() {
    let live = live();
    let mut ahead = reading("a", "power", 1.0, 100);
    ahead.sample.source_time = Timestamp::from_second(9_999_999).unwrap();
    let outcomes = live.apply(&[ahead, reading("a", "power", 2.0, 101)]);
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Stored]);
}

#[test]
fn values_go_on_when_the_clock_is_set_back() {
    let live = live();
    let outcomes = live.apply(&[
        received(1.0, 10_000, 10_000),
        received(2.0, 10_001, 6_401),
        received(3.0, 10_002, 6_402),
        received(4.0, 6_000, 6_403),
        received(5.0, 10_003, 10_003),
    ]);
    use Outcome::{Late, Stored};
    assert_eq!(outcomes, [Stored, Stored, Stored, Late, Stored]);
}

#[test]
fn bounds_points_and_texts() {
    let live = live();
    let metrics: Vec<_> = (0..6).map(|i| reading("a", &format!("m{i}"), 1.0, 1)).collect();
    let outcomes = live.apply(&metrics);
    assert_eq!(outcomes.iter().filter(|&&o| o == Outcome::TooManyPoints).count(), 2);
    let mut long = reading("a", "m0", 1.0, 2);
    long.sample.value = Value::Text("x".repeat(MAX_TEXT_BYTES + 1));
    assert_eq!(live.apply(&[long]), [Outcome::TextTooLong]);
}

#[test]
fn tells_what_changed_since_by_subtree_oldest_first() {
    let live = live();
    live.apply(&[reading("a1", "power", 1.0, 1), reading("b", "power", 2.0, 1)]);
    let seen = live.seq();
    live.apply(&[reading("b", "power", 3.0, 2), reading("a1", "power", 4.0, 2)]);
    assert_eq!(values(&live.changes_since(seen, None)), [(1, 3.0), (0, 4.0)]);
    let loaded = scene();
    let under_a = loaded.tour().intervals(loaded.scene().index("a"));
    assert_eq!(values(&live.changes_since(seen, Some(&under_a))), [(0, 4.0)]);
    assert_eq!(live.run(Some(&under_a), 0..9).1.len(), 1);
    assert!(live.changes_since(live.seq(), None).points.is_empty());
}

#[test]
fn a_silent_point_becomes_stale_once_and_good_again() {
    let live = live();
    live.apply(&[reading("a", "power", 1.0, 100)]);
    let at = |secs| Timestamp::from_second(secs).unwrap();
    assert_eq!(live.expire(at(109)), 0);
    let seen = live.seq();
    assert_eq!(live.expire(at(110)), 1);
    assert_eq!(live.expire(at(111)), 0);
    let quality =
        |live: &Live| live.run(None, 0..1).1.first().map(|latest| latest.sample.quality).unwrap();
    assert_eq!(quality(&live), Quality::Stale);
    assert_eq!(live.changes_since(seen, None).points.len(), 1);
    // The same sample again is no sign of life; a new one is.
    assert_eq!(live.apply(&[reading("a", "power", 1.0, 100)]), [Outcome::Duplicate]);
    assert_eq!(quality(&live), Quality::Stale);
    live.apply(&[reading("a", "power", 1.0, 112)]);
    assert_eq!(quality(&live), Quality::Good);
}

#[test]
fn another_unit_is_a_new_definition_of_the_same_point() {
    let live = live();
    live.apply(&[reading("a", "power", 1.0, 1)]);
    let seen = live.seq();
    let mut watts = reading("a", "power", 1000.0, 2);
    watts.unit = "W".into();
    live.apply(&[watts]);
    let changes = live.changes_since(seen, None);
    let definition = &changes.points[0].0.definition;
    assert_eq!((definition.point, &*definition.unit), (0, "W"));
    assert!(definition.defined_seq > seen);
}

#[test]
fn the_tape_holds_every_sample_late_ones_too() {
    let live = live();
    let mut late = reading("a", "power", 3.0, 50);
    late.sample.receive_time = Timestamp::from_second(102).unwrap();
    live.apply(&[
        reading("a", "power", 1.0, 100),
        reading("a", "power", 2.0, 101),
        reading("a", "power", 2.0, 101),
        late,
    ]);
    live.apply(&[reading("b", "power", 4.0, 100)]);
    live.expire(Timestamp::from_second(200).unwrap());
    let cut = live.samples_since(0, u64::MAX, |_| true, |_| 1, 100).unwrap();
    let seen: Vec<_> = cut.samples.iter().map(|tapped| (tapped.seq, tapped.late)).collect();
    assert_eq!(seen, [(1, false), (2, false), (3, true), (4, false), (5, false), (6, false)]);
    assert_eq!(cut.samples[5].latest.sample.quality, Quality::Stale);
    assert_eq!((cut.reached, live.seq()), (6, 6));
}

#[test]
fn what_the_broker_sends_again_is_seen_once() {
    let live = live();
    let sent: Vec<_> =
        (0..5).map(|n| reading("a", "power", f64::from(n), 100 + i64::from(n))).collect();
    let other = [reading("b", "power", 1.0, 100)];
    live.apply(&sent[..3]);
    live.apply(&other);
    live.apply(&sent[3..]);
    // The connection was lost before it was acknowledged. A clock of its own tells when each
    // came; what the payload says is the same.
    let again: Vec<_> = sent
        .iter()
        .cloned()
        .map(|mut reading| {
            reading.sample.receive_time = Timestamp::from_second(110).unwrap();
            reading
        })
        .collect();
    assert_eq!(live.apply(&again), [Outcome::Duplicate; 5]);
    let mut late = reading("a", "power", 9.0, 102);
    late.sample.receive_time = Timestamp::from_second(111).unwrap();
    let outcomes = live.apply(&[late.clone(), late, again[2].clone()]);
    assert_eq!(outcomes, [Outcome::Late, Outcome::Duplicate, Outcome::Duplicate]);
    let cut = live.samples_since(0, u64::MAX, |_| true, |_| 1, 100).unwrap();
    assert_eq!((cut.samples.len(), cut.reached), (7, 7));
}

/// As the history has it: the same point, source time and value is the same sample.
#[test]
fn a_clock_that_runs_ahead_does_not_make_new_what_comes_again() {
    let live = live();
    let outcomes = live.apply(&[
        received(1.0, 3_700, 100),
        received(2.0, 101, 101),
        received(1.0, 3_700, 102),
        received(2.0, 101, 103),
        received(3.0, 104, 104),
        received(4.0, 104, 104),
        received(3.0, 104, 105),
    ]);
    use Outcome::{Duplicate, Stored};
    assert_eq!(outcomes, [Stored, Stored, Duplicate, Duplicate, Stored, Stored, Duplicate]);
    assert_eq!(values(&live.changes_since(0, None)), [(0, 4.0)]);
}

#[test]
fn what_changed_comes_in_pieces_that_lead_to_the_whole() {
    let live = live();
    for second in 1..=3 {
        live.apply(&[reading("a", "x", 1.0, second), reading("b", "y", 2.0, second)]);
    }
    live.apply(&[reading("a1", "z", 3.0, 9)]);
    let fits = |since| live.changes_that_fit(since, None, |_| 1, (9, 2));
    let first = fits(0);
    assert_eq!((values(&first), first.seq), (vec![(0, 1.0), (1, 2.0)], 6));
    let rest = fits(first.seq);
    assert_eq!((values(&rest), rest.seq), (vec![(2, 3.0)], 7));
    let one = live.changes_that_fit(0, None, |_| 1, (1, 99));
    assert_eq!(one.seq, 5, "by count as well");
    assert_eq!(live.cuts(None, |_, _| 1, (2, 99)), (7, vec![2, 3]));
    assert_eq!(live.cuts(None, |_, _| 5, (9, 5)), (7, vec![1, 2, 3]));
}

#[test]
fn another_moment_is_shown_whatever_stood_there() {
    let live = live();
    live.apply(&[reading("a", "power", 1.0, 100)]);
    assert_eq!(live.show(&[reading("a", "power", 2.0, 50)]), [Outcome::Stored]);
    assert_eq!(values(&live.changes_since(0, None)), [(0, 2.0)]);
    assert_eq!(live.show(&[reading("a", "power", 2.0, 50)]), [Outcome::Duplicate]);
    assert_eq!(live.show(&[reading("b", "power", 2.0, 50)]), [Outcome::Stored]);
}

proptest! {
    /// A reader that looks now and then, and one that looks once at the end, agree.
    #[test]
    fn following_changes_leads_to_the_whole_state(
        writes in prop::collection::vec((0..3usize, 0..2usize, 0..1000i64, any::<bool>()), 1..80),
    ) {
        let live = Live::new(scene(), Settings::default());
        let mut followed = std::collections::BTreeMap::new();
        let mut cursor = 0;
        for (entity, metric, value, look) in writes {
            let entity = ["a", "a1", "b"][entity];
            live.apply(&[reading(entity, ["x", "y"][metric], value as f64, value)]);
            if look {
                let changes = live.changes_since(cursor, None);
                followed.extend(values(&changes));
                cursor = changes.seq;
            }
        }
        followed.extend(values(&live.changes_since(cursor, None)));
        let (seq, whole) = live.run(None, 0..live.len() as u32);
        prop_assert_eq!(seq, live.seq());
        let whole: std::collections::BTreeMap<_, _> = whole
            .iter()
            .map(|latest| (latest.definition.point, latest.sample.value.as_f64().unwrap()))
            .collect();
        prop_assert_eq!(followed, whole);
    }
}
