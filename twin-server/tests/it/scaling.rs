//! Three servers, one broker, one database: each sample is kept once by one of them, all of
//! them show every value, and one that is killed loses nothing.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::support::{
    PATIENCE, free_port,
    mosquitto::{Mosquitto, Publisher},
    postgres::{PASSWORD, Postgres},
    process::{Metering, Server, meters},
};

const METERS: u64 = 8;

/// What the meters' counts are not all of: states, and points computed of the counts.
const MORE: &str = r#"
[[binding]]
name = "states"
topic = "site/EM0/+"
entity = { tag = "EM0" }
when = { "$.kind" = "state" }
time = "$.ts"
[[binding.point]]
metric = "state"
value = "$.n"
[[computed]]
metric = "doubled"
entity = { kind = "meter" }
expr = "2.0 * energy"
inputs = { energy = { metric = "energy" } }
"#;

/// The configuration of one server; all share the scene.
fn configure(dir: &Path, name: &str, port: u16, database: &str) -> PathBuf {
    let mqtt = format!("client_id = \"{name}\"\nshare_group = \"twin\"");
    let history = format!("url = \"{database}\"\npassword_file = \"password\"");
    Metering { port, mqtt: &mqtt, history: &history, more: MORE }.write(dir, name)
}

fn package(dir: &Path) {
    meters(dir, METERS);
    std::fs::write(dir.join("password"), format!("{PASSWORD}\n")).unwrap();
}

/// Publishes numbers, each once, until told to stop; how many each meter got.
async fn publish(port: u16, stop: Arc<AtomicBool>) -> u64 {
    let publisher = Publisher::new(port);
    let (mut n, mut last) = (0, None);
    while !stop.load(Relaxed) {
        for meter in 0..METERS {
            let (topic, payload) = (Metering::topic(meter), Metering::counted(n));
            last = Some(publisher.publish(&topic, &payload).await);
        }
        n += 1;
        sleep(Duration::from_millis(5)).await;
    }
    if let Some(last) = last {
        last.arrived().await;
    }
    n
}

/// The last values a server shows, by point.
fn shown(server: &Server) -> std::collections::BTreeMap<String, f64> {
    let state = server.json("/api/v1/state");
    let points = state["points"].as_array().unwrap_or_else(|| panic!("{state}"));
    let value = |point: &serde_json::Value| {
        (point["point"].as_str().unwrap().to_owned(), point["v"].as_f64().unwrap())
    };
    points.iter().map(value).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_keep_each_sample_once_and_show_all() {
    let port = free_port();
    // The broker keeps for a server whatever is meant for it while it is away.
    let Some(_broker) = Mosquitto::start_with(port, "max_queued_messages 0\n") else { return };
    let Some(postgres) = Postgres::start().await else { return };
    postgres.create("twin").await;
    let dir = tempfile::tempdir().unwrap();
    package(dir.path());
    let configs = ["one", "two", "three"]
        .map(|name| configure(dir.path(), name, port, &postgres.url("twin")));
    let start = async |config: &Path| {
        let config = config.to_owned();
        tokio::task::spawn_blocking(move || Server::start(&config)).await.unwrap()
    };
    let [one, two, three] = &configs;
    let (first, second, third) = (start(one).await, start(two).await, start(three).await);
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn(publish(port, Arc::clone(&stop)));
    sleep(Duration::from_secs(3)).await;
    // The one that came first leads. Another takes over, while its share waits for it.
    first.kill();
    let killed = Timestamp::now();
    let computed_since = format!(
        "SELECT 1 FROM twin_sample s JOIN twin_point p ON p.id = s.point
         WHERE p.metric = 'doubled' AND s.t > '{killed}'"
    );
    let deadline = Instant::now() + PATIENCE;
    while postgres.query("twin", &computed_since).await.unwrap() == 0 {
        assert!(Instant::now() < deadline, "nobody keeps computed points any more");
        sleep(Duration::from_millis(100)).await;
    }
    let first = start(one).await;
    sleep(Duration::from_secs(2)).await;
    stop.store(true, Relaxed);
    let sent = publishing.await.unwrap();

    let of = |metric: &str| {
        format!(
            "SELECT s.number FROM twin_sample s JOIN twin_point p ON p.id = s.point
             WHERE p.metric = '{metric}' ORDER BY p.entity, s.t, s.n"
        )
    };
    let deadline = Instant::now() + PATIENCE;
    let expected = usize::try_from(sent * METERS).unwrap();
    while postgres.query("twin", &of("energy")).await.unwrap() < expected {
        let found = postgres.query("twin", &of("energy")).await.unwrap();
        assert!(Instant::now() < deadline, "{found} of {expected} samples were kept");
        sleep(Duration::from_millis(100)).await;
    }
    let kept = postgres.rows("twin", &of("energy")).await.unwrap();
    let kept: Vec<u64> = kept.iter().map(|n| n.parse().unwrap()).collect();
    let each: Vec<u64> = (0..METERS).flat_map(|_| 0..sent).collect();
    assert_eq!(kept.len(), each.len(), "some are kept twice");
    assert_eq!(kept, each, "all of them, each in its place");
    // What needs every message is kept by the one that leads.
    let computed = postgres.query("twin", &of("doubled")).await.unwrap();
    assert!(computed > 0 && computed <= expected, "{computed} computed samples");

    let mut shares = 0;
    for server in [&first, &second, &third] {
        // That the database has all of it does not say that everybody shows it yet.
        let last = (sent - 1) as f64;
        for meter in 0..METERS {
            until_shown(server, &format!("m{meter}/energy"), last).await;
            until_shown(server, &format!("m{meter}/doubled"), 2.0 * last).await;
        }
        let history = server.json("/readyz")["history"].clone();
        assert_eq!(history["lost"], 0, "{history}");
        shares += usize::from(history["kept"].as_u64().unwrap() > 0);
    }
    assert_eq!(shares, 3, "each kept a share");
}

/// Until a server shows a value.
async fn until_shown(server: &Server, point: &str, value: f64) {
    let deadline = Instant::now() + PATIENCE;
    while shown(server).get(point) != Some(&value) {
        assert!(Instant::now() < deadline, "{point} is not {value}: {:?}", shown(server));
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_live_while_the_database_is_away() {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let Some(mut postgres) = Postgres::start().await else { return };
    postgres.create("twin").await;
    let dir = tempfile::tempdir().unwrap();
    package(dir.path());
    let config = configure(dir.path(), "one", port, &postgres.url("twin"));
    let publisher = Publisher::new(port);
    let publish = async |meter: u64, n: u64| {
        publisher.publish(&Metering::topic(meter), &Metering::counted(n)).await;
    };
    let kept = async |postgres: &Postgres, number: u64| {
        let of = format!("SELECT 1 FROM twin_sample WHERE number = {number}");
        let deadline = Instant::now() + PATIENCE;
        while postgres.query("twin", &of).await.unwrap_or(0) == 0 {
            assert!(Instant::now() < deadline, "{number} is not kept");
            sleep(Duration::from_millis(50)).await;
        }
    };
    let server = Server::start(&config);
    publish(0, 1001).await;
    kept(&postgres, 1001).await;
    server.kill();
    postgres.crash();

    let server = Server::start(&config); // ready, though there is no database
    publish(1, 1002).await;
    until_shown(&server, "m1/energy", 1002.0).await;
    let deadline = Instant::now() + PATIENCE;
    while server.json("/readyz")["history"]["lost"] != 1 {
        assert!(Instant::now() < deadline, "{}", server.json("/readyz"));
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.json("/readyz")["history"]["keeping"], false);
    assert!(!shown(&server).contains_key("m0/energy"), "nobody knows it now");
    postgres.up().await;
    until_shown(&server, "m0/energy", 1001.0).await;
    let mut n = 1002;
    while server.json("/readyz")["history"]["keeping"] != true {
        assert!(Instant::now() < deadline, "{}", server.json("/readyz"));
        n += 1;
        publish(1, n).await;
        sleep(Duration::from_millis(200)).await;
    }
    let history = server.json("/api/v1/points/m1%2Fenergy/history?from=2020-01-01T00:00:00Z");
    assert_eq!(history["gaps"].as_array().map(Vec::len), Some(1), "{history}");
}
