//! Rooms as clients see them: replays by REST and over real sockets.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio_tungstenite::tungstenite;
use twin_model::Value;
use twin_protocol::{
    ClientMessage, ClockAction, ClockMode, Control, ErrorCode, Interest, Join, ServerMessage,
    Subscribe, json as form,
};
use twin_server::{
    history::{Store, memory::Memory},
    reading::Reading,
};

use crate::support::{
    server::{Options, Server, reading},
    socket::Socket,
};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + secs).unwrap()
}

fn past(entity: &str, value: Value, secs: i64) -> Reading {
    let metric = if matches!(value, Value::Text(_)) { "door" } else { "power" };
    let mut reading = reading(entity, metric, value);
    (reading.sample.source_time, reading.sample.receive_time) = (at(secs), at(secs));
    reading
}

/// A server with a recording: a meter that counts seconds, and a door that opens once.
async fn server() -> Server {
    let store = Memory::new(10_000);
    let counting = (0..600).map(|i| past("em1", Value::Number(i as f64), i));
    let door = [("closed", 5), ("open", 300)].map(|(s, i)| past("r1", Value::Text(s.into()), i));
    store.append(counting.chain(door).collect()).await.unwrap();
    Server::start_with(Options { store: Some(Arc::new(store)), ..Options::default() }).await
}

async fn create(server: &Server, body: serde_json::Value) -> String {
    let answer = server.send("POST", "/api/v1/rooms", &[], &body).await;
    assert_eq!(answer.status(), 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn enter(server: &Server, room: &str, protocol: &str) -> Socket {
    let path = format!("/api/v1/stream?room={room}");
    Socket(server.open_at(&path, protocol, None).await.unwrap())
}

/// The next clock, and the messages that came before it.
async fn clock(socket: &mut Socket) -> (form::ServerMessage, Vec<form::ServerMessage>) {
    let mut before = Vec::new();
    loop {
        match socket.next_json().await {
            clock @ form::ServerMessage::Clock { .. } => return (clock, before),
            other => before.push(other),
        }
    }
}

fn epoch(message: &form::ServerMessage) -> &str {
    match message {
        form::ServerMessage::Hello { epoch, .. } => epoch,
        other => panic!("{other:?}"),
    }
}

fn value(message: &form::ServerMessage, point: &str) -> Option<Value> {
    match message {
        form::ServerMessage::Snapshot { points, .. }
        | form::ServerMessage::Update { points, .. } => {
            points.iter().find(|p| p.point == point).map(|p| p.v.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_replay_streams_as_the_present_does() {
    let server = server().await;
    server.set("em2", "power", 7.0);
    let id = create(
        &server,
        json!({"name": "Night", "from": at(10).to_string(), "to": at(500).to_string()}),
    )
    .await;
    let mut socket = enter(&server, &id, twin_protocol::JSON).await;
    let first = epoch(&socket.next_json().await).to_owned();
    let form::ServerMessage::Clock { room, mode, paused, t, range, .. } = socket.next_json().await
    else {
        panic!()
    };
    assert_eq!((room, mode, paused), (id.clone(), ClockMode::Replay, true));
    assert_eq!(t, at(10).to_string());
    assert_eq!(range.unwrap()[1], at(500).to_string());
    socket.send_json(r#"{"type":"subscribe","entities":["t1"],"max_hz":30}"#).await;
    let (_, _) = clock(&mut socket).await;
    let snapshot = socket.next_json().await;
    assert_eq!(value(&snapshot, "em1/power"), Some(Value::Number(10.0)));
    assert_eq!(value(&snapshot, "r1/door"), Some(Value::Text("closed".into())));
    assert_eq!(value(&snapshot, "em2/power"), None, "the present is not in the past");

    // A jump is another epoch, and says hello before anything of it.
    socket.send_json(&format!(r#"{{"type":"control","action":"seek","t":"{}"}}"#, at(301))).await;
    let (_, before) = clock(&mut socket).await;
    let hello = before.last().unwrap();
    assert_ne!(epoch(hello), first);
    let snapshot = socket.next_json().await;
    assert!(matches!(snapshot, form::ServerMessage::Snapshot { .. }));
    assert_eq!(value(&snapshot, "em1/power"), Some(Value::Number(301.0)));
    assert_eq!(value(&snapshot, "r1/door"), Some(Value::Text("open".into())));

    // Played, values change and the clock is told as it runs, until it ends.
    socket.send_json(r#"{"type":"control","action":"speed","speed":600}"#).await;
    socket.send_json(r#"{"type":"control","action":"play"}"#).await;
    let mut last = None;
    let end = loop {
        match socket.next_json().await {
            form::ServerMessage::Clock { paused: true, t, note, .. } if !note.is_empty() => {
                break t;
            }
            form::ServerMessage::Clock { .. } => {}
            update => last = value(&update, "em1/power").or(last),
        }
    };
    assert_eq!(end, at(500).to_string());
    if last != Some(Value::Number(500.0)) {
        last = value(&socket.next_json().await, "em1/power");
    }
    assert_eq!(last, Some(Value::Number(500.0)));
}

#[tokio::test]
async fn everyone_in_a_room_sees_the_same_and_leaves_it_when_it_ends() {
    let server = server().await;
    let id = create(&server, json!({"locked": false})).await;
    let mut binary = Socket(server.open(twin_protocol::POSTCARD, None).await.unwrap());
    let ServerMessage::Hello(present) = binary.next_postcard().await else { panic!() };
    let (interest, max_hz) = (Interest::All, 30.0);
    let subscribe = Subscribe { interest, max_hz, lossless: true, resume: None };
    binary.send_postcard(&ClientMessage::Subscribe(subscribe)).await;
    assert!(matches!(binary.next_postcard().await, ServerMessage::Snapshot(_)));
    binary.send_postcard(&ClientMessage::Join(Join { room: id.clone() })).await;
    let ServerMessage::Hello(hello) = binary.next_postcard().await else { panic!() };
    assert_ne!(hello.epoch, present.epoch);
    assert!(matches!(binary.next_postcard().await, ServerMessage::Clock(_)));
    assert!(matches!(binary.next_postcard().await, ServerMessage::Snapshot(_)));

    let mut text = enter(&server, &id, twin_protocol::JSON).await;
    assert_eq!(epoch(&text.next_json().await), hello.epoch);
    let answer = server.get(&format!("/api/v1/rooms/{id}")).await.json();
    assert_eq!(answer["members"].as_array().unwrap().len(), 2);
    let action = ClockAction::Seek(at(100).as_millisecond());
    let control = Control { action, key: String::new() };
    binary.send_postcard(&ClientMessage::Control(control)).await;
    let ServerMessage::Hello(hello) = binary.next_postcard().await else { panic!() };
    let ServerMessage::Clock(told) = binary.next_postcard().await else { panic!() };
    assert_eq!(told.time_ms, at(100).as_millisecond());
    let (_, before) = clock(&mut text).await;
    let seen = match before.last() {
        Some(last) => epoch(last).to_owned(),
        // The clock of its arrival came first.
        None => epoch(clock(&mut text).await.1.last().unwrap()).to_owned(),
    };
    assert_eq!(seen, hello.epoch);

    let gone = server.send("DELETE", &format!("/api/v1/rooms/{id}"), &[], &json!(null)).await;
    assert_eq!(gone.status(), 204);
    loop {
        match binary.next_postcard().await {
            ServerMessage::Error(error) => assert_eq!(error.code, ErrorCode::UnknownRoom),
            ServerMessage::Hello(hello) => {
                assert_eq!(hello.epoch, present.epoch, "back in the present");
                break;
            }
            _ => {}
        }
    }
    let ServerMessage::Clock(told) = binary.next_postcard().await else { panic!() };
    assert_eq!((told.mode, &*told.room), (ClockMode::Live, "live"));
    assert_eq!(server.get(&format!("/api/v1/rooms/{id}")).await.status(), 404);
}

#[tokio::test]
async fn rooms_are_made_listed_and_changed_by_rest() {
    let server = server().await;
    let answer =
        server.send("POST", "/api/v1/rooms", &[], &json!({"locked": true, "pinned": true})).await;
    let made = answer.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert_eq!(made["clock"]["range"], json!([at(0), at(599)]));
    let listed = server.get("/api/v1/rooms").await.json();
    assert_eq!(listed["items"][0]["id"], "live");
    assert_eq!(listed["items"][1]["id"], id);
    assert!(listed["items"][1].get("key").is_none(), "told once");
    let path = format!("/api/v1/rooms/{id}");
    let patch =
        async |key: &str, body| server.send("PATCH", &path, &[("x-room-key", key)], &body).await;
    assert_eq!(patch("", json!({"paused": false})).await.status(), 403);
    let stepped = patch(key, json!({"step": "next"})).await.json();
    assert_eq!(stepped["clock"]["t"], json!(at(5)), "the door is seen for the first time");
    let stepped = patch(key, json!({"step": "next"})).await.json();
    assert_eq!(stepped["clock"]["t"], json!(at(300)));
    let back = patch(key, json!({"t": at(299), "speed": -2, "paused": true})).await.json();
    assert_eq!((&back["clock"]["t"], &back["clock"]["speed"]), (&json!(at(299)), &json!(-2.0)));
    assert_eq!(back["points"], 2);
    assert_eq!(patch(key, json!({"speed": 601})).await.status(), 400);
    assert_eq!(patch(key, json!({"tempo": 2})).await.status(), 400);
    let live = server.send("PATCH", "/api/v1/rooms/live", &[], &json!({"paused": true})).await;
    assert_eq!(live.status(), 501, "{}", live.text());
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(server.send("POST", "/api/v1/rooms", &foreign, &json!({})).await.status(), 403);
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let server = Server::start().await;
    let answer = server.send("POST", "/api/v1/rooms", &[], &json!({})).await;
    assert_eq!(answer.status(), 501);
    let refused = server.open_at("/api/v1/stream?room=x", twin_protocol::JSON, None).await;
    let Err(tungstenite::Error::Http(response)) = refused else { panic!() };
    assert_eq!(response.status(), 404);
    let mut socket = server.json().await;
    socket.next_json().await;
    for (bad, expected) in [
        (r#"{"type":"join","room":"x"}"#, ErrorCode::UnknownRoom),
        (r#"{"type":"subscribe","entities":"*","room":"x"}"#, ErrorCode::UnknownRoom),
        (r#"{"type":"control","action":"play"}"#, ErrorCode::Unsupported),
        (r#"{"type":"control","action":"seek"}"#, ErrorCode::Malformed),
        (r#"{"type":"move","add":["t1"]}"#, ErrorCode::Unsupported),
    ] {
        socket.send_json(bad).await;
        let form::ServerMessage::Error { code, message } = socket.next_json().await else {
            panic!()
        };
        assert_eq!(code, expected, "{bad}: {message}");
    }
    socket.send_json(r#"{"type":"join","room":"live"}"#).await;
    let form::ServerMessage::Clock { mode, t, .. } = socket.next_json().await else { panic!() };
    let age = Timestamp::now().duration_since(t.parse().unwrap());
    assert_eq!(mode, ClockMode::Live);
    assert!(age < SignedDuration::from_secs(5), "{age}");
    assert!(socket.silent_for(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn what_comes_in_without_a_store_can_be_replayed_from_memory() {
    let server = Server::start().await;
    let store = Arc::new(Memory::new(100));
    tokio::spawn(twin_server::history::memory::record(
        Arc::clone(&server.live),
        Arc::clone(&store),
    ));
    tokio::task::yield_now().await;
    server.set("em1", "power", 1.0);
    server.set("em1", "power", 2.0);
    for _ in 0..500 {
        if store.span().await.unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let now = store.state_at(Timestamp::now()).await.unwrap();
    assert_eq!(now[0].sample.value, Value::Number(2.0));
}
