//! The stream as clients see it, over real sockets.

use std::time::Duration;

use tokio_tungstenite::tungstenite::{Error, Message};
use twin_model::{Quality, Value};
use twin_protocol::{ErrorCode, MAX_SNAPSHOT_POINTS, ServerMessage, json};
use twin_server::hub;

use crate::support::{
    server::{Options, Server, reading},
    socket::{Socket, everything},
};

const ALL: &str = r#"{"type":"subscribe","entities":"*","max_hz":30}"#;

async fn hello(socket: &mut Socket) -> String {
    match socket.next_json().await {
        json::ServerMessage::Hello { epoch, scene, .. } => {
            assert_eq!(scene, "r1");
            epoch
        }
        other => panic!("{other:?}"),
    }
}

/// Points of a snapshot or an update, by name.
fn points(message: &json::ServerMessage) -> Vec<(String, f64)> {
    match message {
        json::ServerMessage::Snapshot { points, .. }
        | json::ServerMessage::Update { points, .. } => {
            points.iter().map(|p| (p.point.clone(), p.v.as_f64().unwrap())).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn seq(message: &json::ServerMessage) -> u64 {
    match message {
        json::ServerMessage::Snapshot { seq, .. } | json::ServerMessage::Update { seq, .. } => *seq,
        other => panic!("{other:?}"),
    }
}

fn error(message: &json::ServerMessage) -> (ErrorCode, &str) {
    match message {
        json::ServerMessage::Error { code, message } => (*code, message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn snapshot_then_updates_in_both_forms() {
    let server = Server::start().await;
    server.set("em1", "power", 1.5);
    let (mut text, mut binary) = (server.json().await, server.postcard().await);
    hello(&mut text).await;
    assert!(matches!(binary.next_postcard().await, ServerMessage::Hello(_)));

    text.send_json(ALL).await;
    assert_eq!(points(&text.next_json().await), [("em1/power".to_owned(), 1.5)]);
    binary.send_postcard(&everything(30.0)).await;
    let ServerMessage::Snapshot(snapshot) = binary.next_postcard().await else { panic!() };
    assert_eq!((snapshot.part, snapshot.parts), (0, 1));
    assert_eq!(snapshot.defined[0].entity, "em1");
    assert_eq!(snapshot.defined[0].unit, "kW");

    server.set("em2", "power", 7.25);
    assert_eq!(points(&text.next_json().await), [("em2/power".to_owned(), 7.25)]);
    let ServerMessage::Update(update) = binary.next_postcard().await else { panic!() };
    assert_eq!(update.defined.len(), 1, "a new point is named");
    assert_eq!(Value::from(update.points[0].value.clone()), Value::Number(7.25));
    server.set("em2", "power", 8.0);
    let ServerMessage::Update(update) = binary.next_postcard().await else { panic!() };
    assert!(update.defined.is_empty(), "and named once");
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_covers_its_subtrees_only() {
    let server = Server::start().await;
    for entity in ["em1", "em2", "r1"] {
        server.set(entity, "power", 1.0);
    }
    let mut socket = server.json().await;
    hello(&mut socket).await;
    socket.send_json(r#"{"type":"subscribe","entities":["t1f1"],"max_hz":30}"#).await;
    let names: Vec<_> = points(&socket.next_json().await).into_iter().map(|p| p.0).collect();
    assert_eq!(names, ["em1/power", "r1/power"]);
    server.set("em2", "power", 2.0);
    server.set("r1", "power", 3.0);
    assert_eq!(points(&socket.next_json().await), [("r1/power".to_owned(), 3.0)]);
    // Replaced by another subscription: a new snapshot, and only its points.
    socket.send_json(r#"{"type":"subscribe","entities":["t2"],"max_hz":30}"#).await;
    assert_eq!(points(&socket.next_json().await), [("em2/power".to_owned(), 2.0)]);
    server.set("r1", "power", 4.0);
    assert!(socket.silent_for(Duration::from_millis(150)).await);
}

#[tokio::test]
async fn updates_come_no_faster_than_asked_for_and_hold_the_latest_value() {
    let server = Server::start().await;
    server.set("em1", "power", 0.0);
    let mut socket = server.json().await;
    hello(&mut socket).await;
    socket.send_json(r#"{"type":"subscribe","entities":"*","max_hz":2}"#).await;
    socket.next_json().await;
    let before = std::time::Instant::now();
    server.set("em1", "power", 1.0);
    assert_eq!(points(&socket.next_json().await)[0].1, 1.0, "the first change goes out at once");
    for value in 2..50 {
        server.set("em1", "power", f64::from(value));
    }
    let conflated = points(&socket.next_json().await);
    assert_eq!(conflated, [("em1/power".to_owned(), 49.0)]);
    assert!(before.elapsed() > Duration::from_millis(300), "{:?}", before.elapsed());
    assert!(socket.silent_for(Duration::from_millis(700)).await);
}

#[tokio::test]
async fn resumes_where_it_stopped() {
    let server = Server::start().await;
    server.set("em1", "power", 1.0);
    server.set("em2", "power", 1.0);
    let mut socket = server.json().await;
    let epoch = hello(&mut socket).await;
    socket.send_json(ALL).await;
    let seen = seq(&socket.next_json().await);
    drop(socket);
    server.set("em2", "power", 2.0);
    server.set("r1", "people", 5.0);

    let mut socket = server.json().await;
    hello(&mut socket).await;
    let resume = |epoch: &str, seq: u64| {
        format!(
            r#"{{"type":"subscribe","entities":"*","max_hz":30,"resume":{{"epoch":"{epoch}","seq":{seq}}}}}"#
        )
    };
    socket.send_json(&resume(&epoch, seen)).await;
    let update = socket.next_json().await;
    assert!(matches!(update, json::ServerMessage::Update { .. }));
    assert_eq!(points(&update), [("em2/power".to_owned(), 2.0), ("r1/people".to_owned(), 5.0)]);
    server.set("em1", "power", 9.0);
    assert_eq!(points(&socket.next_json().await), [("em1/power".to_owned(), 9.0)]);

    // Another run of the server, or a sequence that never was: a snapshot.
    for foreign in [resume("other", seen), resume(&epoch, 1_000_000)] {
        socket.send_json(&foreign).await;
        let snapshot = socket.next_json().await;
        assert!(matches!(snapshot, json::ServerMessage::Snapshot { .. }));
        assert_eq!(points(&snapshot).len(), 3);
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_answered_and_the_connection_stays() {
    let server = Server::start().await;
    let mut socket = server.json().await;
    hello(&mut socket).await;
    for (bad, code) in [
        ("not json", ErrorCode::Malformed),
        (r#"{"type":"nonsense"}"#, ErrorCode::Malformed),
        (r#"{"type":"subscribe","entities":["ghost"]}"#, ErrorCode::UnknownEntity),
        (r#"{"type":"subscribe","entities":"*","max_hz":31}"#, ErrorCode::OutOfRange),
        (r#"{"type":"subscribe","entities":"*","max_hz":0}"#, ErrorCode::OutOfRange),
    ] {
        socket.send_json(bad).await;
        assert_eq!(error(&socket.next_json().await).0, code, "{bad}");
    }
    socket.send(Message::binary(vec![1, 2])).await;
    assert_eq!(error(&socket.next_json().await).0, ErrorCode::Malformed);
    socket.send_json(r#"{"type":"ping","t":{"any":1}}"#).await;
    let json::ServerMessage::Pong { t, .. } = socket.next_json().await else { panic!() };
    assert_eq!(t["any"], 1);

    let mut binary = server.postcard().await;
    binary.next_postcard().await;
    binary.send(Message::binary(vec![200, 1])).await;
    let ServerMessage::Error(refused) = binary.next_postcard().await else { panic!() };
    assert_eq!(refused.code, ErrorCode::Malformed);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_one_far_over_it_ends_the_session() {
    let server = Server::start().await;
    let mut socket = server.json().await;
    hello(&mut socket).await;
    let ping = |bytes| format!(r#"{{"type":"ping","t":"{}"}}"#, "x".repeat(bytes));
    socket.send_json(&ping(twin_protocol::MAX_CLIENT_FRAME)).await;
    assert_eq!(error(&socket.next_json().await).0, ErrorCode::OutOfRange);
    socket.send_json(&ping(1000)).await;
    assert!(matches!(socket.next_json().await, json::ServerMessage::Pong { .. }));
    // Told why where the network lets it; the end comes in any case.
    let far_over = Message::text(ping(twin_protocol::MAX_CLIENT_FRAME * hub::HARD_LIMIT_FACTOR));
    let _ = futures_util::SinkExt::send(&mut socket.0, far_over).await;
    while socket.frame().await.is_some() {}
}

#[tokio::test]
async fn a_client_that_talks_too_much_is_told() {
    let hub = hub::Settings { messages_per_second: 5, ..hub::Settings::default() };
    let server = Server::start_with(Options { hub, ..Options::default() }).await;
    let mut socket = server.json().await;
    hello(&mut socket).await;
    for _ in 0..20 {
        socket.send_json(r#"{"type":"ping","t":1}"#).await;
    }
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(socket.next_json().await);
    }
    let pongs = answers.iter().filter(|m| matches!(m, json::ServerMessage::Pong { .. })).count();
    assert!((10..=12).contains(&pongs), "{pongs}");
    assert_eq!(error(answers.last().unwrap()).0, ErrorCode::TooFast);
}

/// Status and body of a refused upgrade.
async fn refused(server: &Server, protocol: &str, origin: Option<&str>) -> (u16, String) {
    match server.open(protocol, origin).await {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn lets_in_only_known_origins_and_protocols() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    assert!(server.open(twin_protocol::JSON, Some(&own)).await.is_ok());
    assert!(server.open(twin_protocol::JSON, Some("http://localhost:5173")).await.is_ok());
    assert_eq!(refused(&server, twin_protocol::JSON, Some("https://evil.example")).await.0, 403);
    for none_of_ours in ["", "twin.v0.xml"] {
        let (status, body) = refused(&server, none_of_ours, None).await;
        assert_eq!(status, 400);
        assert!(body.contains(twin_protocol::JSON) && body.contains(twin_protocol::POSTCARD));
    }
}

#[tokio::test]
async fn seats_are_limited_and_given_back() {
    let hub = hub::Settings { max_clients: 1, ..hub::Settings::default() };
    let server = Server::start_with(Options { hub, ..Options::default() }).await;
    let mut first = server.json().await;
    hello(&mut first).await;
    let (status, body) = refused(&server, twin_protocol::JSON, None).await;
    assert_eq!(status, 503);
    assert!(body.contains("max_clients"), "{body}");
    first.0.close(None).await.unwrap();
    for _ in 0..100 {
        if server.hub.sessions() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut second = server.json().await;
    hello(&mut second).await;
}

#[tokio::test]
async fn a_silent_point_is_streamed_as_stale() {
    let server = Server::start().await;
    let mut short = reading("em1", "power", Value::Number(1.0));
    short.stale_after = Some(Duration::from_millis(1));
    server.live.apply(&[short]);
    let mut socket = server.json().await;
    hello(&mut socket).await;
    socket.send_json(ALL).await;
    socket.next_json().await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(server.live.expire(jiff::Timestamp::now()), 1);
    let json::ServerMessage::Update { points, .. } = socket.next_json().await else { panic!() };
    assert_eq!(points[0].q, Quality::Stale);
}

#[tokio::test]
async fn a_large_scene_comes_in_parts() {
    let server = Server::start().await;
    let count = MAX_SNAPSHOT_POINTS + 5;
    let readings: Vec<_> =
        (0..count).map(|i| reading("em1", &format!("m{i}"), Value::Number(i as f64))).collect();
    server.live.apply(&readings);
    let mut socket = server.postcard().await;
    socket.next_postcard().await;
    socket.send_postcard(&everything(10.0)).await;
    let (mut defined, mut next) = (0, 0);
    loop {
        let frame = socket.frame().await.unwrap().into_data();
        assert!(frame.len() < 200 * 1024, "a part has a bounded size: {}", frame.len());
        let ServerMessage::Snapshot(snapshot) = ServerMessage::decode(&frame).unwrap() else {
            panic!()
        };
        assert_eq!(snapshot.part, next);
        assert_eq!(snapshot.defined.len(), snapshot.points.len());
        defined += snapshot.defined.len();
        next += 1;
        if next == snapshot.parts {
            break;
        }
    }
    assert!(next >= 2);
    assert_eq!(defined, count);
}

#[tokio::test]
async fn sessions_are_told_when_the_server_stops() {
    let server = Server::start().await;
    let mut socket = server.json().await;
    hello(&mut socket).await;
    let stopped = tokio::spawn(server.stop());
    let json::ServerMessage::Bye { reason } = socket.next_json().await else { panic!() };
    assert!(reason.contains("stopping"), "{reason}");
    assert!(matches!(socket.frame().await, Some(Message::Close(Some(_)))));
    assert!(socket.frame().await.is_none());
    stopped.await.unwrap();
}

#[tokio::test]
async fn lossless_sends_every_sample_in_order() {
    let server = Server::start().await;
    server.set("em1", "power", 0.0);
    let mut socket = server.json().await;
    hello(&mut socket).await;
    socket.send_json(r#"{"type":"subscribe","entities":["t1"],"max_hz":1,"lossless":true}"#).await;
    socket.next_json().await;
    for value in 1..=20 {
        server.set("em1", "power", f64::from(value));
        server.set("em2", "power", f64::from(value));
    }
    let mut seen = Vec::new();
    while seen.len() < 20 {
        seen.extend(points(&socket.next_json().await).into_iter().map(|(_, value)| value));
    }
    assert_eq!(seen, (1..=20).map(f64::from).collect::<Vec<_>>());
}
