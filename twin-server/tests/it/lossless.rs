//! Every sample, once, in order: whatever clients join, leave, lag and resume.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;
use twin_model::Value;
use twin_protocol::{ClientMessage, Interest, Resume, ServerMessage, Subscribe};
use twin_server::reading::Reading;

use crate::support::{
    server::{Server, reading},
    socket::{Socket, everything},
};

fn lossless(interest: Interest, resume: Option<Resume>) -> ClientMessage {
    ClientMessage::Subscribe(Subscribe { interest, max_hz: 1.0, lossless: true, resume })
}

/// What a client was sent: which point, which number.
#[derive(Debug, Default)]
struct Log {
    epoch: String,
    names: BTreeMap<u32, String>,
    snapshots: usize,
    /// Values of the last snapshot.
    base: BTreeMap<String, f64>,
    /// Samples after it.
    samples: Vec<(String, f64)>,
    seq: u64,
}

impl Log {
    fn take(&mut self, message: ServerMessage) {
        let defined = match &message {
            ServerMessage::Snapshot(snapshot) => snapshot.defined.clone(),
            ServerMessage::Update(update) => update.defined.clone(),
            _ => Vec::new(),
        };
        for def in defined {
            self.names.insert(def.point, format!("{}/{}", def.entity, def.metric));
        }
        let named = |names: &BTreeMap<u32, String>, point: twin_protocol::PointUpdate| {
            let name = names.get(&point.point).expect("named before it is used").clone();
            (name, Value::from(point.value).as_f64().unwrap())
        };
        match message {
            ServerMessage::Hello(hello) => self.epoch = hello.epoch,
            ServerMessage::Snapshot(snapshot) => {
                if snapshot.part == 0 {
                    self.snapshots += 1;
                    self.base.clear();
                    self.samples.clear();
                }
                for point in snapshot.points {
                    self.base.extend([named(&self.names, point)]);
                }
                self.seq = snapshot.seq;
            }
            ServerMessage::Update(update) => {
                assert!(update.seq > self.seq, "the sequence rises");
                self.seq = update.seq;
                self.samples
                    .extend(update.points.into_iter().map(|point| named(&self.names, point)));
            }
            _ => {}
        }
    }

    async fn until(&mut self, socket: &mut Socket, seq: u64) {
        while self.seq < seq {
            self.take(socket.next_postcard().await);
        }
    }
}

/// A sample a minute old, so that one after a newer one is late.
fn aged(entity: &str, metric: &str, value: f64, age_secs: i64) -> Reading {
    let mut reading = reading(entity, metric, Value::Number(value));
    reading.sample.source_time =
        Timestamp::now().saturating_sub(SignedDuration::from_secs(age_secs)).unwrap();
    reading
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Clients that join at any time, with any interest, get each later sample of it once
    /// and in order of arrival, late ones too.
    #[test]
    fn nothing_is_lost_doubled_or_turned_round(
        batches in prop::collection::vec(
            prop::collection::vec((0..3usize, 0..3u8, 0..100i64), 1..12), 1..40),
        joins in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Server::start().await;
            let mut sent: Vec<(u64, String, f64)> = Vec::new();
            let mut clients: Vec<(Socket, Log, bool)> = Vec::new();
            let mut number = 0.0;
            for (i, batch) in batches.iter().enumerate() {
                for (join, whole) in &joins {
                    if join.index(batches.len()) == i {
                        let mut socket = server.postcard().await;
                        let interest = match whole {
                            true => Interest::All,
                            false => Interest::Subtrees(vec!["t1".into()]),
                        };
                        socket.send_postcard(&lossless(interest, None)).await;
                        clients.push((socket, Log::default(), *whole));
                    }
                }
                let before = server.live.seq();
                let readings: Vec<_> = batch
                    .iter()
                    .map(|&(entity, metric, age)| {
                        number += 1.0;
                        aged(["em1", "em2", "r1"][entity], &format!("m{metric}"), number, age)
                    })
                    .collect();
                for (place, reading) in readings.iter().enumerate() {
                    let name = format!("{}/{}", reading.entity, reading.metric);
                    let value = reading.sample.value.as_f64().unwrap();
                    sent.push((before + place as u64 + 1, name, value));
                }
                server.live.apply(&readings);
                prop_assert_eq!(server.live.seq(), before + batch.len() as u64);
                if i % 3 == 0 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
            // Something of every interest to wait for.
            server.live.apply(&[aged("em1", "end", 1.0, 0)]);
            let end = server.live.seq();
            for (socket, log, whole) in &mut clients {
                log.until(socket, end).await;
                prop_assert_eq!(log.snapshots, 1);
                let (name, value) = log.samples.pop().unwrap_or(("em1/end".into(), 1.0));
                prop_assert_eq!((&*name, value), ("em1/end", 1.0));
                let got = &log.samples;
                let wanted: Vec<(String, f64)> = sent
                    .iter()
                    .filter(|(_, name, _)| *whole || !name.starts_with("em2"))
                    .map(|(_, name, value)| (name.clone(), *value))
                    .collect();
                prop_assert!(wanted.ends_with(got), "{:?} is not an end of {:?}", got, wanted);
                // And what came before stands in the snapshot.
                for (name, value) in &wanted[..wanted.len() - got.len()] {
                    prop_assert!(log.base.contains_key(name), "{} = {}", name, value);
                }
            }
            server.stop().await;
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn resumes_without_a_gap_and_begins_anew_where_too_much_went_by() {
    let server = Server::start().await;
    server.set("em1", "power", 0.0);
    let mut socket = server.postcard().await;
    let mut log = Log::default();
    socket.send_postcard(&lossless(Interest::All, None)).await;
    server.set("em1", "power", 1.0);
    log.until(&mut socket, 2).await;
    drop(socket);
    for value in 2..=500 {
        server.set("em1", "power", f64::from(value));
    }
    let resume = Resume { epoch: log.epoch.clone(), seq: log.seq };
    let mut socket = server.postcard().await;
    socket.send_postcard(&lossless(Interest::All, Some(resume.clone()))).await;
    log.samples.clear();
    let snapshots = log.snapshots;
    log.until(&mut socket, server.live.seq()).await;
    assert_eq!(log.snapshots, snapshots, "no snapshot");
    let values: Vec<f64> = log.samples.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, (2..=500).map(f64::from).collect::<Vec<_>>());

    // More than the tape holds.
    for round in 0..240 {
        let readings: Vec<_> = (0..100)
            .map(|i| {
                let text = Value::Text(format!("{round} {}", "x".repeat(1000)));
                reading("em2", &format!("m{i}"), text)
            })
            .collect();
        server.live.apply(&readings);
    }
    server.set("em1", "power", 501.0);
    let mut socket = server.postcard().await;
    socket.send_postcard(&lossless(Interest::Subtrees(vec!["t1".into()]), Some(resume))).await;
    assert!(matches!(socket.next_postcard().await, ServerMessage::Hello(_)));
    assert!(matches!(socket.next_postcard().await, ServerMessage::Snapshot(_)));
}

/// Members of one group get the very same frames, and one that does not read costs the
/// others nothing and loses nothing that is still on the tape.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_gets_every_sample_too() {
    let server = Arc::new(Server::start().await);
    server.set("em1", "power", 0.0);
    let (mut slow, mut quick) = (server.postcard().await, server.postcard().await);
    let (mut slow_log, mut quick_log) = (Log::default(), Log::default());
    for socket in [&mut slow, &mut quick] {
        socket.send_postcard(&lossless(Interest::All, None)).await;
    }
    slow_log.until(&mut slow, 1).await;
    quick_log.until(&mut quick, 1).await;
    let mut number = 0.0;
    for _ in 0..300 {
        let readings: Vec<_> = (0..200)
            .map(|i| {
                number += 1.0;
                reading("em1", &format!("m{i}"), Value::Number(number))
            })
            .collect();
        server.live.apply(&readings);
        quick_log.until(&mut quick, server.live.seq()).await;
    }
    let end = server.live.seq();
    slow_log.until(&mut slow, end).await;
    let expected: Vec<f64> = (1..=60_000).map(f64::from).collect();
    for log in [&slow_log, &quick_log] {
        assert_eq!(log.snapshots, 1);
        let values: Vec<f64> = log.samples.iter().map(|(_, value)| *value).collect();
        assert!(values == expected, "{} of {} samples", values.len(), expected.len());
    }
}

#[tokio::test]
async fn a_moved_subscription_sends_what_is_new_and_nothing_twice() {
    let server = Server::start().await;
    for entity in ["em1", "em2", "r1", "p"] {
        server.set(entity, "power", 1.0);
    }
    for lossless in [false, true] {
        let mut socket = server.json().await;
        socket.next_json().await;
        let subscribe = format!(
            r#"{{"type":"subscribe","entities":["em1"],"max_hz":30,"lossless":{lossless}}}"#
        );
        socket.send_json(&subscribe).await;
        let names = |message: &twin_protocol::json::ServerMessage| match message {
            twin_protocol::json::ServerMessage::Snapshot { points, .. }
            | twin_protocol::json::ServerMessage::Update { points, .. } => {
                points.iter().map(|p| p.point.clone()).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(names(&socket.next_json().await), ["em1/power"]);
        socket.send_json(r#"{"type":"move","add":["t2","r1"],"remove":[]}"#).await;
        let added = names(&socket.next_json().await);
        assert_eq!(added, ["em2/power", "r1/power"], "and not em1 again, which is below r1");
        let moved = socket.next_json().await;
        assert!(matches!(moved, twin_protocol::json::ServerMessage::Moved { .. }), "{moved:?}");
        server.set("r1", "power", f64::from(u8::from(lossless)) + 2.0);
        assert_eq!(names(&socket.next_json().await), ["r1/power"]);
        socket.send_json(r#"{"type":"move","remove":["r1","em1"]}"#).await;
        let moved = socket.next_json().await;
        assert!(matches!(moved, twin_protocol::json::ServerMessage::Moved { .. }), "{moved:?}");
        server.set("em1", "power", f64::from(u8::from(lossless)) + 5.0);
        server.set("em2", "power", f64::from(u8::from(lossless)) + 6.0);
        assert_eq!(names(&socket.next_json().await), ["em2/power"]);
        for (bad, code) in [
            (r#"{"type":"move","remove":["em1"]}"#, twin_protocol::ErrorCode::UnknownEntity),
            (r#"{"type":"move","add":["ghost"]}"#, twin_protocol::ErrorCode::UnknownEntity),
        ] {
            socket.send_json(bad).await;
            let refused = socket.next_json().await;
            assert!(
                matches!(&refused, twin_protocol::json::ServerMessage::Error { code: c, .. } if *c == code),
                "{refused:?}"
            );
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn packed_frames_hold_the_same_messages() {
    use std::io::Read as _;
    let server = Server::start().await;
    let readings: Vec<_> = (0..1000)
        .map(|i| reading("em1", &format!("metric {i}"), Value::Number(f64::from(i))))
        .collect();
    server.live.apply(&readings);
    let mut socket = Socket(server.open(twin_protocol::POSTCARD_DEFLATE, None).await.unwrap());
    let next = async |socket: &mut Socket| {
        let Some(Message::Binary(frame)) = socket.frame().await else { panic!() };
        let mut plain = Vec::new();
        match frame[0] {
            twin_protocol::packed::PLAIN => plain.extend(&frame[1..]),
            twin_protocol::packed::DEFLATE => {
                flate2::read::DeflateDecoder::new(&frame[1..]).read_to_end(&mut plain).unwrap();
            }
            other => panic!("form {other}"),
        }
        (frame.len(), ServerMessage::decode(&plain).unwrap(), plain.len())
    };
    assert!(matches!(next(&mut socket).await.1, ServerMessage::Hello(_)));
    socket.send_postcard(&everything(30.0)).await;
    let (packed, ServerMessage::Snapshot(snapshot), plain) = next(&mut socket).await else {
        panic!()
    };
    assert_eq!(snapshot.points.len(), 1000);
    assert!(packed < plain / 2, "{packed} of {plain} bytes");
    server.set("em1", "metric 5", -1.0);
    let (_, ServerMessage::Update(update), _) = next(&mut socket).await else { panic!() };
    assert_eq!(update.points.len(), 1, "small ones go as they are");
}
