//! What every store of history must do with samples that have been kept for long enough.
//!
//! ```ignore
//! retention_suite::lets_old_samples_go(async |retention| open_again(retention).await).await;
//! ```

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use twin_model::{Quality, Sample, Value};
use twin_server::{
    history::{
        PastSample, Store, order_time,
        retention::{Class, Retention},
    },
    reading::Reading,
};

use super::{
    store_suite::{key, reading},
    until,
};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// When today began.
pub(crate) fn today() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second().div_euclid(86_400) * 86_400).unwrap()
}

pub(crate) fn days_ago(days: i64) -> Timestamp {
    today() - SignedDuration::from_hours(24 * days)
}

/// Those that stand for the others of their bucket: least, greatest, last.
pub(crate) fn stand_ins(samples: &[Sample], bucket_secs: i64) -> Vec<Sample> {
    let place = |sample: &Sample| order_time(sample).as_second().div_euclid(bucket_secs);
    let mut kept = Vec::new();
    for bucket in samples.chunk_by(|a, b| place(a) == place(b)) {
        let mut least: Option<(usize, f64)> = None;
        let mut most: Option<(usize, f64)> = None;
        for (n, sample) in bucket.iter().enumerate() {
            let Some(value) = sample.value.as_f64() else { continue };
            if least.is_none_or(|(_, held)| value < held) {
                least = Some((n, value));
            }
            if most.is_none_or(|(_, held)| value > held) {
                most = Some((n, value));
            }
        }
        let of = |end: Option<(usize, f64)>| end.map(|(n, _)| n);
        let places = [of(least), of(most), Some(bucket.len() - 1)];
        let stands = |n: &usize| places.contains(&Some(*n));
        kept.extend((0..bucket.len()).filter(stands).map(|n| bucket[n].clone()));
    }
    kept
}

/// Readings of twelve days in no order: of one point in bursts, whose seconds are told apart
/// by `phase`, and of a door that has been silent for long.
pub(crate) fn twelve_days(phase: i64) -> Vec<Reading> {
    let mut readings = Vec::new();
    let mut add = |point: &str, time: Timestamp, value: Value| {
        let mut reading = reading(point, 0, value);
        (reading.sample.source_time, reading.sample.receive_time) = (time, time);
        if time.as_second() % 5 == 0 {
            reading.sample.quality = Quality::Uncertain;
        }
        readings.push(reading);
    };
    for n in 0..12 * 24 * 12i64 {
        let (hour, burst) = (n / 12, n % 12);
        let time = days_ago(12) + SignedDuration::from_secs(hour * 3_600 + burst * 13 + phase);
        let value = (n * 7_919 + phase * 31) % 11;
        add("a/power", time, Value::Number(value as f64));
        if burst == 0 {
            add("b/power", time, Value::Number(value as f64));
        }
    }
    for (n, state) in ["open", "shut", "ajar"].into_iter().enumerate() {
        let time = days_ago(20) + SignedDuration::from_secs(n as i64 * 9 + phase);
        add("a/door", time, Value::Text(state.to_owned()));
    }
    // As if shuffled, and the same each time.
    readings.sort_by_key(|reading| reading.sample.source_time.as_second() * 7_919 % 10_007);
    readings
}

/// Runs the suite. Each call opens the same store anew; nobody has it open any more.
pub(crate) async fn lets_old_samples_go(open: impl AsyncFn(Retention) -> Arc<dyn Store>) {
    let class = |metric: &str, raw, minute| Class {
        metrics: vec![metric.to_owned()],
        raw: Some(raw * DAY),
        minute: Some(minute * DAY),
        hour: None,
    };
    let retention = Retention {
        classes: vec![class("power", 3, 6), class("door", 2, 2)],
        ..Retention::forever()
    };
    let mut list: Vec<Sample> = Vec::new();
    let mut others = 0;
    // What comes late for buckets that were made already goes into them.
    for phase in 0..3 {
        let store = open(Retention::forever()).await;
        let readings = twelve_days(phase);
        for some in readings.chunks(500) {
            store.append(some.to_vec()).await.unwrap();
        }
        drop(store);
        let store = open(retention.clone()).await;
        let of = |key: &str| {
            let key = key.to_owned();
            move |reading: &&Reading| format!("{}/{}", reading.entity, reading.metric) == key
        };
        list.extend(readings.iter().filter(of("a/power")).map(|r| r.sample.clone()));
        list.sort_by_key(order_time);
        others += readings.iter().filter(of("b/power")).count();
        let kept = days_ago(3);
        let young = |sample: &&Sample| order_time(sample) >= kept;
        // Of b as many days are kept, three of twelve, and of the door nothing.
        let expected = list.iter().filter(young).count() + others / 4;
        let done = async || left(store.as_ref()).await.len() == expected;
        until(&format!("{expected} samples are left"), done).await;
        what_is_left(store.as_ref(), &list).await;
    }
}

/// The samples that are there themselves, page by page.
pub(crate) async fn left(store: &dyn Store) -> Vec<PastSample> {
    let (mut samples, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(days_ago(500)..Timestamp::MAX, after, 10_000).await.unwrap();
        samples.extend(page.samples);
        after = page.next;
        if after.is_none() {
            return samples;
        }
    }
}

/// Whether a store says of `a/power`, of which it was given a list, what it should.
async fn what_is_left(store: &dyn Store, list: &[Sample]) {
    let from = |days: i64| list.partition_point(|sample| order_time(sample) < days_ago(days));
    let mut expected = stand_ins(&list[..from(6)], 3_600);
    expected.extend(stand_ins(&list[from(6)..from(3)], 60));
    expected.extend_from_slice(&list[from(3)..]);
    let whole = days_ago(40)..Timestamp::now();
    let power = store.series(&key("a/power"), whole.clone(), 100_000).await.unwrap();
    assert_eq!(power.samples, expected);
    assert!(power.downsampled, "others stood beside them");
    let part = days_ago(7)..days_ago(2);
    let within = |sample: &&Sample| part.contains(&order_time(sample));
    let some = store.series(&key("a/power"), part.clone(), 100_000).await.unwrap();
    assert_eq!(some.samples, expected.iter().filter(within).cloned().collect::<Vec<_>>());
    let few = store.series(&key("a/power"), whole.clone(), 60).await.unwrap();
    assert!(few.downsampled && (40..=60).contains(&few.samples.len()), "{}", few.samples.len());
    assert!(few.samples.iter().all(|sample| expected.contains(sample)));
    assert_eq!(few.samples.last(), expected.last());
    for hours in [12 * 24, 12 * 24 - 1, 200, 150, 6 * 24, 100, 3 * 24, 50, 1] {
        let at = today() - SignedDuration::from_hours(hours);
        let state = store.state_at(at).await.unwrap();
        let of = |point: &str| {
            let found = state.iter().find(|past| past.point.key == key(point));
            found.map(|past| past.sample.clone())
        };
        let latest = expected.iter().rfind(|sample| order_time(sample) <= at).cloned();
        assert_eq!(of("a/power"), latest, "{hours} hours ago");
        let door = of("a/door").unwrap();
        assert_eq!(door.value, Value::Text("ajar".into()), "silent since before it all");
        assert!(order_time(&door) < days_ago(19));
    }
    let door = store.series(&key("a/door"), whole, 100).await.unwrap();
    assert_eq!(door.samples.len(), 1, "of states the last stands for its hour");
}
