//! The scaled store on a real PostgreSQL: what every store must do, and what it alone
//! promises.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use twin_model::{PointKey, Quality, Value};
use twin_server::{
    history::{
        HistoryError, Recorder, Store,
        embedded::{EmbeddedStore, Tuning},
        postgres::{PostgresOptions, PostgresStore},
        retention::Retention,
    },
    ingest::Batch,
    reading::Reading,
};

use crate::support::{
    postgres::{AUTHORITY, PASSWORD, Postgres},
    store_suite::{all, at, conforms, number, reading},
    until,
};

fn options(server: &Postgres, database: &str) -> PostgresOptions {
    PostgresOptions::parse(&server.url(database), Some(PASSWORD.into()), None).unwrap()
}

async fn open(server: &Postgres, database: &str) -> PostgresStore {
    PostgresStore::open(&options(server, database), &Retention::forever()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_to_what_every_store_does() {
    let Some(server) = Postgres::start().await else { return };
    let next = Cell::new(0);
    conforms(async || {
        next.set(next.get() + 1);
        let database = format!("suite_{}", next.get());
        server.create(&database).await;
        Arc::new(open(&server, &database).await) as Arc<dyn Store>
    })
    .await;
}

/// Everything the store says about some samples of two days.
async fn answers(store: &dyn Store) -> String {
    let key = PointKey::new("a", "x");
    let series = store.series(&key, at(0)..at(100_000), 60).await.unwrap();
    let mut state = store.state_at(at(50_000)).await.unwrap();
    state.sort_by_key(|past| past.point.key.clone());
    let pages = all(store, 77).await;
    format!("{series:?} {state:?} {pages:?} {:?}", store.span().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_back_after_a_restart_what_it_was_given() {
    let Some(mut server) = Postgres::start().await else { return };
    server.create("twin").await;
    let readings: Vec<Reading> = (0..900i64)
        .map(|n| number(["a/x", "b/x", "c/y"][n as usize % 3], n * 97 % 90_000, n as f64))
        .chain([
            // Clocks never set, texts that need care, and times of the Bronze Age.
            number("a/x", -1_770_000_000, 1.0),
            reading("a/door", 7, Value::Text("zero \0, back \\ and 开".into())),
        ])
        .collect();
    let mut ancient = number("b/x", 8, 5.0);
    ancient.sample.source_time = "-007000-01-01T00:00:00Z".parse().unwrap();
    let store = open(&server, "twin").await;
    let appended = store.append(readings.clone()).await.unwrap();
    assert_eq!((appended.kept, appended.duplicates), (902, 0));
    store.append(vec![ancient.clone()]).await.unwrap();
    store.note_gap(at(10)..at(20)).await.unwrap();
    let before = answers(&store).await;
    let everything = store.page(Timestamp::MIN..Timestamp::MAX, None, 2_000).await.unwrap();
    assert_eq!(everything.samples.len(), 903);
    assert_eq!(everything.samples[0].sample, ancient.sample);
    store.close().await;
    server.crash();
    server.up().await;

    let store = open(&server, "twin").await;
    assert_eq!(answers(&store).await, before);
    let again = store.append(readings).await.unwrap();
    assert_eq!((again.kept, again.duplicates), (0, 902));
    let door = store.state_at(at(50_000)).await.unwrap();
    let door = door.iter().find(|past| &*past.point.key.metric == "door").unwrap();
    assert_eq!(door.sample.value, Value::Text("zero \0, back \\ and 开".into()));
    let reader = PostgresStore::open_read_only(&options(&server, "twin")).await.unwrap();
    assert_eq!(answers(&reader).await, before);
    assert!(reader.append(vec![ancient]).await.is_err());
    let info = reader.info().await.unwrap();
    assert_eq!((info.samples, info.points, info.gaps.len()), (903, 4, 1));
    assert!(info.bytes > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slightly_fast_clock_is_no_second_sample() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let store = open(&server, "twin").await;
    let mut ahead = number("a/x", 10, 1.0);
    ahead.sample.receive_time = at(9);
    store.append(vec![ahead.clone()]).await.unwrap();
    // Delivered again once its time has come: another place, the same sample.
    ahead.sample.receive_time = at(15);
    let again = store.append(vec![ahead.clone()]).await.unwrap();
    assert_eq!((again.kept, again.duplicates), (0, 1));
    ahead.sample.value = Value::Number(2.0);
    assert_eq!(store.append(vec![ahead]).await.unwrap().kept, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_answered_survives_a_crash_in_the_middle_of_appends() {
    let Some(mut server) = Postgres::start().await else { return };
    server.create("twin").await;
    let store = Arc::new(open(&server, "twin").await);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = ["a/x", "b/x", "c/x"]
        .into_iter()
        .map(|point| {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut kept = Vec::new();
                for n in 0.. {
                    if stop.load(Relaxed) {
                        break;
                    }
                    // Several months, so that partitions are made meanwhile.
                    let time = n * 20_000;
                    match store.append(vec![number(point, time, n as f64)]).await {
                        Ok(_) => kept.push(time),
                        Err(_) => sleep(Duration::from_millis(20)).await,
                    }
                }
                kept
            })
        })
        .collect();
    for _ in 0..3 {
        sleep(Duration::from_millis(700)).await;
        server.crash();
        sleep(Duration::from_millis(300)).await;
        server.up().await;
        until("samples are kept again", async || {
            store.append(vec![number("z/x", 0, 0.0)]).await.is_ok()
        })
        .await;
    }
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Relaxed);
    for (point, writer) in ["a", "b", "c"].into_iter().zip(writers) {
        let kept = writer.await.unwrap();
        assert!(kept.len() > 20, "{} appends answered", kept.len());
        let key = PointKey::new(point, "x");
        let series = store.series(&key, at(0)..at(1_000_000_000), 100_000).await.unwrap();
        let found: Vec<Timestamp> = series.samples.iter().map(|s| s.source_time).collect();
        for time in kept {
            assert!(found.binary_search(&at(time)).is_ok(), "{point} lost what it had at {time}");
        }
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "each once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_servers_keep_each_sample_once() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    // They start together on an empty database.
    let opened = futures_util::future::join_all((0..3).map(|_| open(&server, "twin"))).await;
    let writers = opened.into_iter().map(|store| {
        tokio::spawn(async move {
            let mut kept = 0;
            for n in 0..60i64 {
                let batch = ["a/x", "b/x", "c/x"].map(|point| number(point, n * 500_000, n as f64));
                kept += store.append(batch.to_vec()).await.unwrap().kept;
            }
            (store, kept)
        })
    });
    let ended = futures_util::future::join_all(writers).await;
    let ended: Vec<(PostgresStore, usize)> = ended.into_iter().map(Result::unwrap).collect();
    assert_eq!(ended.iter().map(|(_, kept)| kept).sum::<usize>(), 180);
    assert_eq!(all(&ended[0].0, 1_000).await.len(), 180);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_waited_for() {
    let Some(mut server) = Postgres::start().await else { return };
    server.create("twin").await;
    server.crash();
    let options = options(&server, "twin");
    let refused = PostgresStore::open(&options, &Retention::forever()).await;
    assert!(refused.is_err(), "whoever must have it is told");
    let store = PostgresStore::start(&options, &Retention::forever()).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let recorder = Recorder::new(Arc::clone(&store));
    let (batches, received) = tokio::sync::mpsc::channel(8);
    let task = tokio::spawn(Arc::clone(&recorder).run(received));
    let keep = async |secs: i64| {
        let readings = vec![number("a/x", secs, secs as f64)];
        batches.send(Batch { readings, receipts: Vec::new() }).await.unwrap();
    };
    keep(1).await;
    keep(2).await;
    until("the loss is told", async || recorder.status().lost == 2).await;
    assert!(!recorder.status().keeping);
    server.up().await;
    let mut secs = 100;
    until("samples are kept", async || {
        secs += 1;
        keep(secs).await;
        sleep(Duration::from_millis(100)).await;
        recorder.status().keeping
    })
    .await;
    let series = store.series(&PointKey::new("a", "x"), at(0)..at(10_000), 100).await.unwrap();
    assert_eq!(series.gaps.len(), 1, "{series:?}");
    assert_eq!(series.gaps[0].start, at(1));
    assert!(!series.samples.is_empty());
    drop(batches);
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waiting_does_not_mend_is_told_at_the_start() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let start = async |url: &str, password: &str| {
        let options = PostgresOptions::parse(url, Some(password.into()), None).unwrap();
        PostgresStore::start(&options, &Retention::forever()).await.unwrap_err().to_string()
    };
    let wrong = start(&server.url("twin"), "guessed").await;
    assert!(wrong.contains("password"), "{wrong}");
    let missing = start(&server.url("nowhere"), PASSWORD).await;
    assert!(missing.contains("nowhere"), "{missing}");
    let empty = PostgresStore::open_read_only(&options(&server, "twin")).await.unwrap_err();
    assert!(empty.to_string().contains("there is no history"), "{empty}");
    open(&server, "twin").await.close().await;
    let newer = "UPDATE twin_meta SET value = '99' WHERE key = 'version'";
    server.query("twin", newer).await.unwrap();
    let newer = start(&server.url("twin"), PASSWORD).await;
    assert!(newer.contains("version 99"), "{newer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_without_a_writer_is_a_gap() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    open(&server, "twin").await.close().await;
    let began = Timestamp::now() - SignedDuration::from_mins(5);
    let earlier = format!("UPDATE twin_meta SET value = '{began}' WHERE key = 'alive'");
    server.query("twin", &earlier).await.unwrap();
    let store = open(&server, "twin").await;
    let around = began - SignedDuration::from_hours(1)..Timestamp::now();
    let series = store.series(&PointKey::new("a", "x"), around.clone(), 10).await.unwrap();
    assert_eq!(series.gaps.len(), 1, "{series:?}");
    assert!(series.gaps[0].start.duration_since(began).abs() < SignedDuration::from_secs(1));
    store.close().await;
    let again = open(&server, "twin").await;
    let series = again.series(&PointKey::new("a", "x"), around, 10).await.unwrap();
    assert_eq!(series.gaps.len(), 1, "a quick restart is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_kept_are_refused_and_take_nothing_along() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let store = open(&server, "twin").await;
    let mut odd = number("a/x", 1, 1.0);
    odd.unit = "k\0W".into();
    let refused = store.append(vec![odd]).await;
    assert!(matches!(refused, Err(HistoryError::Question(_))), "{refused:?}");
    assert_eq!(store.append(vec![number("a/x", 2, 1.0)]).await.unwrap().kept, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_is_made_to_whom_it_was_meant_for() {
    let Some(server) = Postgres::start_with_tls().await else { return };
    server.create("twin").await;
    let open = async |host: &str, trusted: &str| {
        let url = format!("postgres://twin@{host}:{}/twin?sslmode=require", server.port);
        let ca = Some(trusted.as_bytes().to_vec());
        let options = PostgresOptions::parse(&url, Some(PASSWORD.into()), ca).unwrap();
        PostgresStore::open(&options, &Retention::forever()).await
    };
    let store = open("localhost", AUTHORITY).await.unwrap();
    assert_eq!(store.append(vec![number("a/x", 2, 1.0)]).await.unwrap().kept, 1);
    assert_eq!(all(&store, 10).await.len(), 1);
    let encrypted = "SELECT 1 FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
        WHERE a.application_name = 'twin-server' AND s.ssl";
    assert!(server.query("twin", encrypted).await.unwrap() >= 2, "writer and reader");
    let other_name = open("127.0.0.1", AUTHORITY).await.unwrap_err().to_string();
    assert!(other_name.contains("not valid for name"), "{other_name}");
    // Some other authority, which is not the server's.
    let stranger = open("localhost", include_str!("support/tls/server.pem")).await;
    assert!(stranger.is_err(), "whoever is not trusted is not spoken to");
}

fn history(args: &[&str], dir: &std::path::Path) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_twin-server"))
        .arg("history")
        .args(args)
        .current_dir(dir)
        .env("RUST_LOG", "error")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_moves_to_the_database_and_back() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("password"), format!("{PASSWORD}\n")).unwrap();
    let scene = "[scene]\npackage = \"scene\"\n[history]\nraw = \"forever\"\n";
    std::fs::write(dir.join("old.toml"), format!("{scene}path = \"old\"\n")).unwrap();
    std::fs::write(dir.join("back.toml"), format!("{scene}path = \"back\"\n")).unwrap();
    let url = server.url("twin");
    let new = format!("{scene}url = \"{url}\"\npassword_file = \"password\"\n");
    std::fs::write(dir.join("new.toml"), new).unwrap();

    let old = EmbeddedStore::open(&dir.join("old"), Retention::forever(), Tuning::default());
    let old = old.unwrap();
    let mut bad = number("a/power", 3, 0.1 + 0.2);
    bad.sample.quality = Quality::Bad;
    bad.sample.receive_time = at(9);
    bad.stale_after = Some(Duration::from_secs(30));
    let readings = (0..3_000i64)
        .map(|n| number(["a/x", "b/x"][n as usize % 2], n / 3 * 7 % 5_000, n as f64 / 8.0))
        .chain([bad, reading("a/door", 5, Value::Text("开, \"wide\"".into()))])
        .chain([reading("a/locked", 5, Value::Bool(false))]);
    old.append(readings.collect()).await.unwrap();
    drop(old);

    let first = history(&["export", "--config", "old.toml"], dir);
    for format in ["csv", "jsonl", "parquet"] {
        let file = format!("past.{format}");
        history(&["export", "--config", "old.toml", "--out", &file], dir);
        let told = history(&["import", "--config", "new.toml", &file], dir);
        let (new, known) = if format == "csv" { (3_003, 0) } else { (0, 3_003) };
        let expected = format!("{new} samples imported, {known} were there already");
        assert!(told.contains(&expected), "{told}");
    }
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let moved = history(&["export", "--config", "new.toml"], dir);
    assert_eq!(lines(&moved), lines(&first));
    let info = history(&["info", "--config", "new.toml"], dir);
    assert!(info.contains("samples  3003") && info.contains("points   5"), "{info}");
    history(&["export", "--config", "new.toml", "--out", "back.parquet"], dir);
    history(&["import", "--config", "back.toml", "back.parquet"], dir);
    assert_eq!(lines(&history(&["export", "--config", "back.toml"], dir)), lines(&first));
}
