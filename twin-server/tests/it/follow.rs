//! Whatever happens, every client that keeps listening ends with the server's values.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;
use twin_model::Value;
use twin_protocol::{ServerMessage, json};

use crate::support::{
    server::{Server, reading},
    socket::{Socket, everything},
};

type Values = BTreeMap<String, Value>;

fn state(server: &Server) -> Values {
    let (_, points) = server.live.run(None, 0..server.live.len() as u32);
    let name = |latest: &twin_server::live::Latest| {
        format!("{}/{}", latest.definition.entity, latest.definition.metric)
    };
    points.iter().map(|l| (name(l), l.sample.value.clone())).collect()
}

/// Reads frames until the sequence is reached; what a viewer would hold then.
async fn follow_postcard(socket: &mut Socket, until: u64) -> Values {
    let (mut names, mut values) = (BTreeMap::new(), Values::new());
    loop {
        let (seq, defined, points) = match socket.next_postcard().await {
            ServerMessage::Snapshot(s) => {
                if s.part == 0 {
                    values.clear();
                }
                let last = s.part + 1 == s.parts;
                (if last { s.seq } else { 0 }, s.defined, s.points)
            }
            ServerMessage::Update(update) => (update.seq, update.defined, update.points),
            _ => continue,
        };
        for def in defined {
            names.insert(def.point, format!("{}/{}", def.entity, def.metric));
        }
        for point in points {
            let name = names.get(&point.point).expect("points are named before they are used");
            values.insert(name.clone(), point.value.into());
        }
        if seq >= until {
            return values;
        }
    }
}

async fn follow_json(socket: &mut Socket, until: u64) -> Values {
    let mut values = Values::new();
    loop {
        let (seq, points) = match socket.next_json().await {
            json::ServerMessage::Snapshot { seq, points, part } => {
                if part[0] == 0 {
                    values.clear();
                }
                (if part[0] + 1 == part[1] { seq } else { 0 }, points)
            }
            json::ServerMessage::Update { seq, points } => (seq, points),
            _ => continue,
        };
        values.extend(points.into_iter().map(|point| (point.point, point.v)));
        if seq >= until {
            return values;
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        // Up to the digits that this test's JSON reader takes exactly.
        (any::<i32>(), 0..8).prop_map(|(n, e)| Value::Number(f64::from(n) / 10f64.powi(e))),
        "[a-z]{0,8}|开|关".prop_map(Value::Text),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn both_forms_lead_to_the_same_values(
        before in prop::collection::vec((0..3usize, 0..4u8, any_value()), 0..20),
        after in prop::collection::vec((0..3usize, 0..4u8, any_value()), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Server::start().await;
            let write = |(entity, metric, value): (usize, u8, Value)| {
                let entity = ["em1", "em2", "r1"][entity];
                server.live.apply(&[reading(entity, &format!("m{metric}"), value)]);
            };
            before.into_iter().for_each(write);
            let (mut text, mut binary) = (server.json().await, server.postcard().await);
            text.send_json(r#"{"type":"subscribe","entities":"*","max_hz":30}"#).await;
            binary.send_postcard(&everything(30.0)).await;
            for step in after {
                write(step);
                tokio::task::yield_now().await;
            }
            // One change that cannot be a repetition, so that there is a last frame to wait for.
            server.set("p", "end", 1.0);
            let (until, expected) = (server.live.seq(), state(&server));
            assert_eq!(follow_json(&mut text, until).await, expected);
            assert_eq!(follow_postcard(&mut binary, until).await, expected);
            server.stop().await;
        });
    }
}

/// A client that does not read costs the others nothing, and has the newest values once
/// it reads again, not the backlog.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_skips_what_it_missed() {
    const POINTS: usize = 3000;
    const ROUNDS: usize = 60;
    let server = Server::start().await;
    let write = |round: usize| {
        let readings: Vec<_> = (0..POINTS)
            .map(|i| {
                let value = Value::Text(format!("round {round} {}", "x".repeat(400)));
                reading("em1", &format!("m{i}"), value)
            })
            .collect();
        server.live.apply(&readings);
    };
    write(0);
    let (mut slow, mut quick) = (server.json().await, server.json().await);
    for socket in [&mut slow, &mut quick] {
        socket.send_json(r#"{"type":"subscribe","entities":"*","max_hz":30}"#).await;
    }
    // `slow` reads nothing meanwhile: some 100 MB, were they queued for it.
    let mut frames = 0;
    for round in 1..=ROUNDS {
        write(round);
        let until = server.live.seq();
        let values = follow_json(&mut quick, until).await;
        frames += 1;
        let newest = format!("round {round} ");
        assert!(values.values().all(|v| matches!(v, Value::Text(t) if t.starts_with(&newest))));
    }
    assert_eq!(frames, ROUNDS);
    let (until, expected) = (server.live.seq(), state(&server));
    let mut bytes = 0;
    loop {
        let Some(Message::Text(text)) = slow.frame().await else { panic!("dropped") };
        bytes += text.len();
        match serde_json::from_str(&text).unwrap() {
            json::ServerMessage::Update { seq, .. } if seq >= until => break,
            json::ServerMessage::Snapshot { seq, part, .. }
                if seq >= until && part[0] + 1 == part[1] =>
            {
                break;
            }
            _ => {}
        }
    }
    assert_eq!(expected.len(), POINTS);
    let round = POINTS * 500;
    assert!(bytes < round * ROUNDS / 4, "{bytes} bytes: the backlog was kept");
    // And it goes on as if nothing had been.
    server.set("em2", "power", 1.0);
    assert_eq!(follow_json(&mut slow, until + 1).await.len(), 1);
    tokio::time::timeout(Duration::from_secs(10), server.stop()).await.expect("stops in time");
}
