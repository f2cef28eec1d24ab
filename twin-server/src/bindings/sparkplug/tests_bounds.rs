//! Nodes that would take all memory: what is kept of them is bounded, and what is not kept is
//! told.

use jiff::Timestamp;
use prost::Message as _;

use super::{
    Happened, SparkplugTopic, Tracker, What,
    metric::MAX_METRICS,
    proto::{Metric, Payload, Value},
};

fn named(name: String) -> Metric {
    Metric { name: Some(name), value: Some(Value::Int(1)), ..Metric::default() }
}

fn send(tracker: &mut Tracker, topic: &str, seq: u64, metrics: Vec<Metric>) -> Happened {
    let topic = format!("spBv1.0/G/{topic}");
    let payload = Payload { timestamp: None, metrics, seq: Some(seq) }.encode_to_vec();
    let topic = SparkplugTopic::parse(&topic).unwrap();
    tracker.accept(&topic, &payload, Timestamp::UNIX_EPOCH, true)
}

fn values(happened: &Happened) -> usize {
    let of = |what: &What| match what {
        What::Values(values) => values.len(),
        What::Death => 0,
    };
    happened.events.iter().map(|event| of(&event.what)).sum()
}

#[test]
fn births_find_room_or_are_rejected_and_death_makes_room() {
    let mut tracker = Tracker::within(50_000);
    let hundred = || (0..100).map(|n| named(format!("m{n}"))).collect();
    let mut rejected = 0;
    for node in 0..10 {
        let birth = send(&mut tracker, &format!("NBIRTH/N{node}"), 0, hundred());
        assert!(tracker.held <= 50_000, "{}", tracker.held);
        if birth.rejected.is_empty() {
            assert_eq!(values(&birth), 100);
        } else {
            assert!(birth.rejected[0].contains("memory"), "{:?}", birth.rejected);
            rejected += 1;
        }
    }
    assert_eq!(rejected, 7);
    // Born again, a node takes no more than before.
    assert_eq!(values(&send(&mut tracker, "NBIRTH/N0", 0, hundred())), 100);
    send(&mut tracker, "NDEATH/N0", 0, vec![]);
    assert_eq!(values(&send(&mut tracker, "NBIRTH/N9", 0, hundred())), 100);
    for node in 0..10 {
        send(&mut tracker, &format!("NDEATH/N{node}"), 0, vec![]);
    }
    assert_eq!(tracker.held, 0);
}

#[test]
fn messages_wait_while_there_is_room() {
    let mut tracker = Tracker::within(50_000);
    let text = |bytes: usize| {
        let value = Some(Value::String("x".repeat(bytes)));
        vec![Metric { name: Some("m".into()), value, ..Metric::default() }]
    };
    send(&mut tracker, "NBIRTH/N", 0, text(1));
    // What is missing may still come.
    assert_eq!(values(&send(&mut tracker, "NDATA/N", 2, text(10))), 0);
    assert!(tracker.held > 128 + 10);
    assert_eq!(values(&send(&mut tracker, "NDATA/N", 1, text(10))), 2);
    // Where there is no room for that, it is not waited for.
    let early = send(&mut tracker, "NDATA/N", 4, text(10_000));
    assert_eq!(values(&early), 1);
    assert!(early.rejected[0].contains("missing"), "{:?}", early.rejected);
    assert!(tracker.held < 500, "{}", tracker.held);
}

/// Two bytes on the way are two hundred in memory.
#[test]
fn metrics_beyond_the_most_are_told_in_births_and_in_data() {
    let mut tracker = Tracker::default();
    let many = || vec![named("m".to_owned()); MAX_METRICS + 5];
    for topic in ["NBIRTH/N", "NDATA/N"] {
        let happened = send(&mut tracker, topic, u64::from(topic == "NDATA/N"), many());
        assert_eq!(values(&happened), MAX_METRICS);
        assert_eq!(happened.rejected, ["5 metrics too many in one message"]);
    }
}
