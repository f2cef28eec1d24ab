//! The embedded store: what every store must do, and what it alone promises.

use std::{ops::Range, path::Path, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use twin_model::{PointKey, Value};
use twin_server::{
    history::{
        Store,
        embedded::{EmbeddedStore, Tuning},
        retention::{Class, Retention},
    },
    reading::Reading,
};

use crate::support::{
    retention_suite::lets_old_samples_go,
    store_suite::{all, at, conforms, number, reading},
    until,
};

/// So small that every path of sealing is taken within a few samples.
const SMALL: Tuning = Tuning { chunk_samples: 64, tail_samples: 500, pending_bytes: 2_000 };

fn open(dir: &Path, tuning: Tuning) -> EmbeddedStore {
    EmbeddedStore::open(dir, Retention::forever(), tuning).unwrap()
}

/// Runs the suite on stores in folders of their own.
async fn suite(tuning: Tuning) {
    let dir = tempfile::tempdir().unwrap();
    let next = std::cell::Cell::new(0);
    conforms(async || {
        next.set(next.get() + 1);
        Arc::new(open(&dir.path().join(next.get().to_string()), tuning)) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_while_everything_is_in_memory() {
    suite(Tuning::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_while_everything_moves_into_chunks() {
    suite(SMALL).await;
    suite(Tuning { chunk_samples: 1, tail_samples: 1, pending_bytes: 1 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_old_samples_stands_for_them() {
    for tuning in [Tuning::default(), SMALL] {
        let dir = tempfile::tempdir().unwrap();
        lets_old_samples_go(async |retention| {
            let opened = EmbeddedStore::open(dir.path(), retention, tuning);
            Arc::new(opened.unwrap()) as Arc<dyn Store>
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_back_after_a_restart_what_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    for tuning in [Tuning::default(), SMALL] {
        let dir = dir.path().join(tuning.chunk_samples.to_string());
        let mut before = Vec::new();
        for round in 0..4i64 {
            let store = open(&dir, tuning);
            assert_eq!(all(&store, 1_000).await, before, "round {round}");
            let readings: Vec<_> = (0..300i64)
                .map(|n| {
                    let point = ["a/x", "b/x", "c/y"][n as usize % 3];
                    number(point, round * 250 + n, n as f64)
                })
                .collect();
            let appended = store.append(readings.clone()).await.unwrap();
            assert_eq!(appended.duplicates, 0);
            let again = store.append(readings).await.unwrap();
            assert_eq!((again.kept, again.duplicates), (0, 300), "round {round}");
            before = all(&store, 1_000).await;
            let series = store.series(&PointKey::new("a", "x"), at(0)..at(9_000), 10_000).await;
            assert_eq!(series.unwrap().samples.len() as i64, (round + 1) * 100);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), SMALL);
    let error =
        EmbeddedStore::open(dir.path(), Retention::forever(), SMALL).unwrap_err().to_string();
    assert!(error.contains("another process"), "{error}");
    drop(store);
    open(dir.path(), SMALL);
}

/// Readers see one moment while the writer moves samples from memory into chunks.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_whole_moments_while_samples_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path(), SMALL));
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for n in 0..600i64 {
                let batch = ["a/x", "b/x", "c/x", "d/x"].map(|point| number(point, n, n as f64));
                store.append(batch.to_vec()).await.unwrap();
            }
        }
    });
    while !writing.is_finished() {
        let state = store.state_at(at(10_000)).await.unwrap();
        let newest: Vec<_> = state.iter().map(|past| past.sample.value.clone()).collect();
        assert!(newest.windows(2).all(|pair| pair[0] == pair[1]), "{newest:?}");
        let samples = all(store.as_ref(), 100_000).await;
        assert_eq!(samples.len() % 4, 0, "batches are seen whole");
        let series = store.series(&PointKey::new("b", "x"), at(0)..at(10_000), 10_000).await;
        let values: Vec<f64> =
            series.unwrap().samples.iter().map(|s| s.value.as_f64().unwrap()).collect();
        let expected: Vec<f64> = (0..values.len()).map(|n| n as f64).collect();
        assert_eq!(values, expected, "each once, none missing");
    }
    writing.await.unwrap();
    assert_eq!(all(store.as_ref(), 100_000).await.len(), 2_400);
}

/// A bit that flips on the disk is an error where it is asked for, and costs nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn damage_is_an_error_of_the_past_and_not_of_the_present() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), SMALL);
    for n in 0..600i64 {
        store.append(vec![number("a/x", n, n as f64), number("b/x", n, 1.0)]).await.unwrap();
    }
    drop(store);
    let db = rusqlite::Connection::open(dir.path().join("history.sqlite")).unwrap();
    let mut select = db.prepare("SELECT id, data FROM chunk").unwrap();
    let chunks = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let chunks: Vec<(i64, Vec<u8>)> = chunks.map(Result::unwrap).collect();
    assert!(!chunks.is_empty());
    for (id, mut data) in chunks {
        let middle = data.len() / 2;
        data[middle] ^= 1;
        db.execute("UPDATE chunk SET data = ?2 WHERE id = ?1", (id, data)).unwrap();
    }
    drop(select);
    drop(db);
    let store = open(dir.path(), SMALL);
    let error = store.state_at(at(10)).await.unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    store.append(vec![number("a/x", 1_000, 7.0), number("b/x", 1_000, 8.0)]).await.unwrap();
    let state = store.state_at(at(2_000)).await.unwrap();
    let values: Vec<_> = state.iter().map(|past| past.sample.value.clone()).collect();
    assert_eq!(values, [Value::Number(7.0), Value::Number(8.0)]);
}

const DAY: Duration = Duration::from_secs(86_400);

fn days_ago(days: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * days)
}

/// Ten days up to now, a sample every ten minutes; one spike on the first day.
fn ten_days(point: &str) -> Vec<Reading> {
    let start = days_ago(10);
    (0..1440)
        .map(|n| {
            let mut reading = number(point, 0, if n == 7 { 500.0 } else { 20.0 + (n % 5) as f64 });
            let time = start + SignedDuration::from_mins(n * 10);
            (reading.sample.source_time, reading.sample.receive_time) = (time, time);
            reading
        })
        .collect()
}

async fn count(store: &EmbeddedStore, range: Range<Timestamp>) -> usize {
    let mut samples = 0;
    let mut after = None;
    loop {
        let page = store.page(range.clone(), after, 10_000).await.unwrap();
        samples += page.samples.len();
        match page.next {
            Some(next) => after = Some(next),
            None => return samples,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_samples_go_and_their_extremes_stay() {
    let dir = tempfile::tempdir().unwrap();
    let class = |metrics: &str, raw, minute| Class {
        metrics: vec![metrics.to_owned()],
        raw: Some(raw * DAY),
        minute: Some(minute * DAY),
        hour: None,
    };
    let retention = Retention {
        classes: vec![class("power", 2, 5), class("door", 30, 30)],
        usual: class("*", 30, 30),
        max_bytes: u64::MAX,
    };
    let open = || EmbeddedStore::open(dir.path(), retention.clone(), SMALL).unwrap();
    let store = open();
    store.append(ten_days("a/power")).await.unwrap();
    store.append(ten_days("a/door")).await.unwrap();
    // One more commit moves what is gathered into chunks.
    store.append(vec![reading("a/door", 0, Value::Number(0.0))]).await.unwrap();
    let old = days_ago(9)..days_ago(4);
    let whole = days_ago(11)..Timestamp::now();
    until("the class with short memory is thinned", async || {
        count(&store, old.clone()).await == 720
    })
    .await;
    // Read again from the file alone.
    drop(store);
    let store = open();
    let power = store.series(&PointKey::new("a", "power"), whole.clone(), 100_000).await.unwrap();
    let values: Vec<f64> =
        power.samples.iter().map(|sample| sample.value.as_f64().unwrap()).collect();
    assert!(values.contains(&500.0), "the spike of the first day is still seen");
    assert!(power.downsampled);
    assert!(power.samples.is_sorted_by_key(|sample| sample.source_time));
    // Hours keep at most three of six, minutes and samples all.
    assert!((700..1200).contains(&values.len()), "{}", values.len());
    let door = store.series(&PointKey::new("a", "door"), whole, 100_000).await.unwrap();
    assert_eq!(door.samples.len(), 1440, "the other class keeps all");
    let state = store.state_at(days_ago(8)).await.unwrap();
    assert_eq!(state.len(), 2, "a past moment is known from what stands for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_value_of_a_silent_point_outlives_its_rollups() {
    let dir = tempfile::tempdir().unwrap();
    let day = Some(DAY);
    let usual = Class { raw: day, minute: day, hour: day, ..Class::default() };
    let retention = Retention { usual, ..Retention::forever() };
    let open = || EmbeddedStore::open(dir.path(), retention.clone(), SMALL).unwrap();
    let store = open();
    let mut states = Vec::new();
    for (n, state) in ["open", "shut"].into_iter().enumerate() {
        let mut reading = reading("a/door", 0, Value::Text(state.into()));
        let time = days_ago(100) + SignedDuration::from_secs(n as i64);
        (reading.sample.source_time, reading.sample.receive_time) = (time, time);
        states.push(reading);
    }
    store.append(states).await.unwrap();
    let whole = days_ago(200)..Timestamp::now();
    until("nothing is left of it", async || {
        let door = store.series(&PointKey::new("a", "door"), whole.clone(), 10).await.unwrap();
        door.samples.is_empty()
    })
    .await;
    drop(store);
    let store = open();
    let known = store.state_at(Timestamp::now()).await.unwrap();
    let values: Vec<&Value> = known.iter().map(|past| &past.sample.value).collect();
    assert_eq!(values, [&Value::Text("shut".into())]);
    assert!(store.state_at(days_ago(101)).await.unwrap().is_empty(), "it was not known yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_budget_the_oldest_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut retention = Retention::forever();
    retention.max_bytes = 400_000;
    let store = EmbeddedStore::open(dir.path(), retention, SMALL).unwrap();
    let noise = |n: i64| ((n as f64) * 0.712_345_678_9).sin();
    for part in 0..40i64 {
        let batch = (0..2_000).map(|n| part * 2_000 + n).map(|n| number("a/x", n, noise(n)));
        store.append(batch.collect()).await.unwrap();
    }
    until("the oldest are gone", async || {
        store.span().await.unwrap().is_some_and(|(first, _)| first > at(10_000))
    })
    .await;
    until("there is room", async || {
        store.append(Vec::new()).await.unwrap();
        store.info().await.unwrap().file_bytes < 900_000
    })
    .await;
    let newest = store.series(&PointKey::new("a", "x"), at(79_000)..at(80_000), 2_000).await;
    assert_eq!(newest.unwrap().samples.len(), 1_000, "the newest are all there");
}
