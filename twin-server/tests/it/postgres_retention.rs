//! What the scaled store lets go, on a real PostgreSQL, and what is left of it.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use twin_model::{Quality, Value};
use twin_server::{
    history::{
        Store,
        postgres::{PostgresOptions, PostgresStore},
        retention::{Class, Retention},
    },
    reading::Reading,
};

use crate::support::{
    postgres::{PASSWORD, Postgres},
    retention_suite::{DAY, days_ago, left, lets_old_samples_go, stand_ins, today, twelve_days},
    store_suite::{key, number},
    until,
};

fn options(server: &Postgres, database: &str) -> PostgresOptions {
    PostgresOptions::parse(&server.url(database), Some(PASSWORD.into()), None).unwrap()
}

async fn open(server: &Postgres, database: &str) -> PostgresStore {
    PostgresStore::open(&options(server, database), &Retention::forever()).await.unwrap()
}

/// A number measured and received at a time.
fn timed(point: &str, time: Timestamp, value: f64) -> Reading {
    let mut reading = number(point, 0, value);
    (reading.sample.source_time, reading.sample.receive_time) = (time, time);
    reading
}

#[tokio::test(flavor = "multi_thread")]
async fn old_samples_go_by_month_and_by_class() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let days_ago = |point: &str, days: i64| {
        timed(point, Timestamp::now() - SignedDuration::from_hours(24 * days), days as f64)
    };
    let readings: Vec<Reading> =
        (0..200).flat_map(|day| [days_ago("a/power", day), days_ago("a/door", day)]).collect();
    let store = open(&server, "twin").await;
    assert_eq!(store.append(readings).await.unwrap().kept, 400);
    store.close().await;
    let class = |metric: &str, days: u64| {
        let raw = Some(Duration::from_secs(86_400 * days));
        Class { metrics: vec![metric.to_owned()], raw, minute: raw, hour: raw }
    };
    let retention =
        Retention { classes: vec![class("power", 3)], usual: class("*", 90), max_bytes: u64::MAX };
    let store = PostgresStore::open(&options(&server, "twin"), &retention).await.unwrap();
    let count = async |metric: &str| {
        let samples = left(&store).await;
        samples.iter().filter(|past| *past.point.key.metric == *metric).count()
    };
    until("old samples are gone", async || {
        (3..=5).contains(&count("power").await) && (90..=92).contains(&count("door").await)
    })
    .await;
    let months = "SELECT relname FROM pg_class WHERE relname ~ '^twin_sample_\\d+_\\d+$'";
    until("and the months that they left empty", async || {
        (3..=5).contains(&server.query("twin", months).await.unwrap())
    })
    .await;
    // What is late for a month that went still has its place, until the next round.
    assert_eq!(store.append(vec![days_ago("a/door", 150)]).await.unwrap().kept, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_old_samples_stands_for_them() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    lets_old_samples_go(async |retention| {
        let opened = PostgresStore::open(&options(&server, "twin"), &retention).await;
        Arc::new(opened.unwrap()) as Arc<dyn Store>
    })
    .await;
}

/// Keeps everything of one metric for so many days, and nothing that stands for it.
fn days(days: u32) -> Retention {
    let kept = Some(DAY * days);
    let usual = Class { raw: kept, minute: kept, hour: kept, ..Class::default() };
    Retention { usual, ..Retention::forever() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_value_of_a_silent_point_stays_whatever_goes() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let microsecond = SignedDuration::from_micros(1);
    let last = days_ago(100) + microsecond;
    let mut door = timed("a/door", last, 0.0);
    door.sample.value = Value::Text("zero \0 and 开".into());
    door.sample.quality = Quality::Uncertain;
    door.sample.receive_time = last + SignedDuration::from_secs(2);
    let store = open(&server, "twin").await;
    let others = [110, 105, 101].map(|days| timed("a/door", days_ago(days), days as f64));
    store.append(others.to_vec()).await.unwrap();
    store.append(vec![door.clone(), timed("b/x", today(), 1.0)]).await.unwrap();
    store.close().await;

    let open_short = async || PostgresStore::open(&options(&server, "twin"), &days(3)).await;
    let store = open_short().await.unwrap();
    until("the door's samples are gone", async || left(&store).await.len() == 1).await;
    let whole = days_ago(200)..Timestamp::now();
    let series = async |store: &PostgresStore| {
        store.series(&key("a/door"), whole.clone(), 100).await.unwrap().samples
    };
    until("and what stood for them", async || series(&store).await.is_empty()).await;
    let state = async |store: &PostgresStore, at: Timestamp| {
        let state = store.state_at(at).await.unwrap();
        state.into_iter().find(|past| past.point.key == key("a/door")).map(|past| past.sample)
    };
    assert_eq!(state(&store, Timestamp::now()).await, Some(door.sample.clone()));
    assert_eq!(state(&store, last).await, Some(door.sample.clone()));
    assert_eq!(state(&store, last - microsecond).await, None, "that is not known any more");
    store.close().await;

    // What comes late and is older does not take its place, not even while it is there.
    let store = open(&server, "twin").await;
    store.append(vec![timed("a/door", days_ago(104), 7.0)]).await.unwrap();
    assert_eq!(state(&store, Timestamp::now()).await, Some(door.sample.clone()));
    assert_eq!(state(&store, days_ago(104)).await.unwrap().value, Value::Number(7.0));
    store.close().await;
    let store = open_short().await.unwrap();
    until("the late one is gone", async || left(&store).await.len() == 1).await;
    assert_eq!(state(&store, Timestamp::now()).await, Some(door.sample));
    store.append(vec![timed("a/door", today(), 8.0)]).await.unwrap();
    assert_eq!(state(&store, Timestamp::now()).await.unwrap().value, Value::Number(8.0));
}

/// Every minute's least, greatest and last are those of all samples, though samples go while
/// several servers bring late ones, and servers end at any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn samples_may_come_late_from_all_sides_while_others_go() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let mut usual = days(3).usual;
    (usual.minute, usual.hour) = (None, None);
    let retention = Retention { usual, ..Retention::forever() };
    let readings = |writer: i64| {
        let late = move |n: i64| {
            let at = days_ago(5) + SignedDuration::from_secs(n * 701 % 3_000 * 3 + writer);
            timed("a/x", at, (n * 7_919 % 997) as f64)
        };
        (0..3_000).map(late).collect::<Vec<Reading>>()
    };
    let writers: Vec<_> = futures_util::future::join_all((0..3).map(|_| open(&server, "twin")))
        .await
        .into_iter()
        .zip(0..)
        .map(|(store, writer)| {
            let readings = readings(writer);
            tokio::spawn(async move {
                for some in readings.chunks(30) {
                    assert_eq!(store.append(some.to_vec()).await.unwrap().kept, some.len());
                }
            })
        })
        .collect();
    let open_short = async || PostgresStore::open(&options(&server, "twin"), &retention).await;
    // Each looks for what is old as it opens, and some end in the middle of that.
    for n in 0.. {
        let store = open_short().await.unwrap();
        sleep(Duration::from_millis(n * 37 % 200)).await;
        drop(store);
        if writers.iter().all(tokio::task::JoinHandle::is_finished) {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let store = open_short().await.unwrap();
    until("everything is gone", async || left(&store).await.is_empty()).await;
    let mut list: Vec<_> = (0..3).flat_map(readings).map(|reading| reading.sample).collect();
    list.sort_by_key(|sample| sample.source_time);
    let series = store.series(&key("a/x"), days_ago(9)..today(), 100_000).await.unwrap();
    assert_eq!(series.samples, stand_ins(&list, 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_budget_the_oldest_go_first_and_live_on() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let store = open(&server, "twin").await;
    let noise = |n: i64| (n as f64 * 0.712_345_678_9).sin();
    // Half a year, and the last hour.
    let month = |n: i64| days_ago(30 * (6 - n / 5_000)) + SignedDuration::from_secs(n % 5_000);
    let past: Vec<Reading> = (0..25_000).map(|n| timed("a/x", month(n), noise(n))).collect();
    for some in past.chunks(5_000) {
        store.append(some.to_vec()).await.unwrap();
    }
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let recent = |n| timed("a/x", now - SignedDuration::from_secs(n), noise(n));
    store.append((0..600).map(recent).collect()).await.unwrap();
    let size = async |store: &PostgresStore| {
        let info = store.info().await.unwrap();
        info.bytes + info.rollup_bytes
    };
    let before = size(&store).await;
    store.close().await;

    let bounded = async |max_bytes: u64| {
        let retention = Retention { max_bytes, ..Retention::forever() };
        PostgresStore::open(&options(&server, "twin"), &retention).await.unwrap()
    };
    let store = bounded(before / 2).await;
    until("there is room", async || size(&store).await <= before / 2).await;
    let samples = async |range| store.page(range, None, 30_000).await.unwrap().samples.len();
    let first = past[0].sample.source_time;
    let span = |days: i64| first..first + SignedDuration::from_hours(24 * days);
    assert_eq!(samples(span(10)).await, 0, "the oldest are gone");
    let newer = days_ago(65)..Timestamp::now();
    assert_eq!(samples(newer.clone()).await, 5_600, "those for which there is room are not");
    let series = async |range| store.series(&key("a/x"), range, 100_000).await.unwrap();
    let rest = series(span(10)).await;
    let list: Vec<_> = past[..5_000].iter().map(|reading| reading.sample.clone()).collect();
    assert_eq!(rest.samples, stand_ins(&list, 60));
    assert!(!series(newer).await.downsampled);
    store.close().await;

    let store = bounded(before / 8).await;
    until("only the last hour is there", async || left(&store).await.len() == 600).await;
    let whole = store.series(&key("a/x"), days_ago(200)..days_ago(1), 100_000).await.unwrap();
    let list: Vec<_> = past.iter().map(|reading| reading.sample.clone()).collect();
    assert_eq!(whole.samples, stand_ins(&list, 60));
    // Some hours ago, all on one day.
    let day = |secs: i64| (now.as_second() - secs).div_euclid(86_400);
    let ago = if day(10_000) == day(10_200) { 10_000 } else { 10_300 };
    let today: Vec<_> = (ago..ago + 200).map(recent).rev().collect();
    store.append(today.clone()).await.unwrap();
    store.close().await;

    // Of the month that is written to days go, and what stands for others goes last of all.
    let store = bounded(1).await;
    until("only the last hour is there", async || left(&store).await.len() == 600).await;
    let around = now - SignedDuration::from_hours(4)..now - SignedDuration::from_hours(2);
    let list: Vec<_> = today.iter().map(|reading| reading.sample.clone()).collect();
    let of_today = store.series(&key("a/x"), around, 1_000).await.unwrap();
    assert_eq!(of_today.samples, stand_ins(&list, 60));
    store.close().await;
    let count = async || {
        let rollups = "SELECT count(*) FROM twin_rollup WHERE level = 1";
        server.rows("twin", rollups).await.unwrap()[0].parse::<u64>().unwrap()
    };
    let days = count().await;
    let store = bounded(1).await;
    until("the oldest day of minutes is gone", async || count().await < days).await;
    assert_eq!(left(&store).await.len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_first_version_are_brought_up_to_date() {
    let Some(server) = Postgres::start().await else { return };
    server.create("twin").await;
    let store = open(&server, "twin").await;
    store.append(twelve_days(0)).await.unwrap();
    let before = left(&store).await;
    store.close().await;
    let older = "DROP TABLE twin_rollup, twin_last;
        UPDATE twin_meta SET value = '1' WHERE key = 'version'";
    server.query("twin", older).await.unwrap();
    let reader = PostgresStore::open_read_only(&options(&server, "twin")).await.unwrap_err();
    assert!(reader.to_string().contains("when it starts"), "{reader}");
    let store = open(&server, "twin").await;
    assert_eq!(left(&store).await, before);
}
