//! What every store of history must do, whichever it is: one suite, run against each.
//!
//! ```ignore
//! store_suite::conforms(async || Arc::new(MyStore::empty().await) as Arc<dyn Store>).await;
//! ```

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use jiff::Timestamp;
use twin_model::{PointKey, Quality, Sample, Value};
use twin_server::{
    history::{PastSample, Store, order_time},
    reading::Reading,
};

/// A time within the suite's day, s.
pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + secs).unwrap()
}

/// A reading measured and received at the same time.
pub(crate) fn reading(point: &str, secs: i64, value: Value) -> Reading {
    let key = PointKey::parse(point).unwrap();
    let sample =
        Sample { value, source_time: at(secs), receive_time: at(secs), quality: Quality::Good };
    Reading {
        entity: key.entity,
        metric: key.metric.as_str().into(),
        unit: "kW".into(),
        stale_after: None,
        sample,
    }
}

pub(crate) fn number(point: &str, secs: i64, value: f64) -> Reading {
    reading(point, secs, Value::Number(value))
}

pub(crate) fn key(point: &str) -> PointKey {
    PointKey::parse(point).unwrap()
}

fn whole() -> Range<Timestamp> {
    at(-1_000_000)..at(100_000_000)
}

/// Everything kept, page by page.
pub(crate) async fn all(store: &dyn Store, limit: usize) -> Vec<PastSample> {
    let mut samples = Vec::new();
    let mut after = None;
    loop {
        let page = store.page(whole(), after, limit).await.unwrap();
        assert!(page.samples.len() <= limit);
        samples.extend(page.samples);
        match page.next {
            Some(next) => after = Some(next),
            None => return samples,
        }
    }
}

async fn values(store: &dyn Store, point: &str) -> Vec<f64> {
    let series = store.series(&key(point), whole(), 100_000).await.unwrap();
    assert!(!series.downsampled);
    series.samples.iter().map(|sample| sample.value.as_f64().unwrap()).collect()
}

/// Runs the suite; `fresh` makes an empty store each time.
pub(crate) async fn conforms(fresh: impl AsyncFn() -> Arc<dyn Store>) {
    nothing_is_no_error(&*fresh().await).await;
    every_value_comes_back_exactly(&*fresh().await).await;
    late_samples_land_in_their_place(&*fresh().await).await;
    duplicates_are_kept_once(&*fresh().await).await;
    a_clock_that_runs_ahead_is_placed_by_receipt(&*fresh().await).await;
    the_state_at_a_moment(&*fresh().await).await;
    silence_makes_stale(&*fresh().await).await;
    pages_are_in_order_and_complete(&*fresh().await).await;
    a_series_is_cut_to_its_range_and_downsampled(&*fresh().await).await;
    gaps_are_told(&*fresh().await).await;
    agrees_with_a_list(&*fresh().await).await;
}

async fn nothing_is_no_error(store: &dyn Store) {
    assert_eq!(store.span().await.unwrap(), None);
    assert!(store.state_at(at(0)).await.unwrap().is_empty());
    assert!(store.page(whole(), None, 10).await.unwrap().samples.is_empty());
    assert!(store.series(&key("a/power"), whole(), 10).await.unwrap().samples.is_empty());
    let none = store.append(Vec::new()).await.unwrap();
    assert_eq!((none.kept, none.duplicates), (0, 0));
}

async fn every_value_comes_back_exactly(store: &dyn Store) {
    let odd = [0.1 + 0.2, -0.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, 21.5, 1e15 + 0.3];
    let mut readings: Vec<Reading> =
        (0..).zip(odd).map(|(n, value)| number("a/power", n, value)).collect();
    readings.push(reading("a/door", 1, Value::Text("开着, \"wide\"".into())));
    readings.push(reading("a/door", 2, Value::Bool(true)));
    let mut marked = number("a/people", 3, 7.0);
    marked.sample.quality = Quality::Bad;
    marked.sample.receive_time = at(3).checked_add(jiff::SignedDuration::from_millis(321)).unwrap();
    readings.push(marked.clone());
    store.append(readings).await.unwrap();
    let series = store.series(&key("a/power"), whole(), 100).await.unwrap();
    let bits: Vec<u64> =
        series.samples.iter().map(|s| s.value.as_f64().unwrap().to_bits()).collect();
    assert_eq!(bits, odd.map(f64::to_bits));
    let doors = store.series(&key("a/door"), whole(), 100).await.unwrap();
    let doors: Vec<Value> = doors.samples.into_iter().map(|sample| sample.value).collect();
    assert_eq!(doors, [Value::Text("开着, \"wide\"".into()), Value::Bool(true)]);
    let people = store.series(&key("a/people"), whole(), 100).await.unwrap();
    assert_eq!(people.samples, [marked.sample]);
    assert_eq!(store.span().await.unwrap(), Some((at(0), at(6))));
}

async fn late_samples_land_in_their_place(store: &dyn Store) {
    for (secs, value) in [(10, 1.0), (30, 3.0), (20, 2.0), (5, 0.5), (40, 4.0), (21, 2.1)] {
        store.append(vec![number("a/power", secs, value)]).await.unwrap();
    }
    assert_eq!(values(store, "a/power").await, [0.5, 1.0, 2.0, 2.1, 3.0, 4.0]);
}

async fn duplicates_are_kept_once(store: &dyn Store) {
    let first = store.append(vec![number("a/power", 1, 1.0), number("a/power", 1, 1.0)]).await;
    let first = first.unwrap();
    assert_eq!((first.kept, first.duplicates), (1, 1));
    let mut again = number("a/power", 1, 1.0);
    again.sample.receive_time = at(50); // delivered once more, later
    store.append(vec![number("a/power", 2, 2.0)]).await.unwrap();
    let second = store.append(vec![again, number("a/power", 1, 1.5)]).await.unwrap();
    assert_eq!((second.kept, second.duplicates), (1, 1), "another value is another sample");
    assert_eq!(values(store, "a/power").await, [1.0, 1.5, 2.0]);
}

async fn a_clock_that_runs_ahead_is_placed_by_receipt(store: &dyn Store) {
    let mut ahead = number("a/power", 10, 1.0);
    ahead.sample.source_time = at(9_999_999);
    store.append(vec![ahead.clone(), number("a/power", 11, 2.0)]).await.unwrap();
    assert_eq!(values(store, "a/power").await, [1.0, 2.0]);
    assert_eq!(store.span().await.unwrap(), Some((at(10), at(11))));
    ahead.sample.receive_time = at(20);
    let again = store.append(vec![ahead]).await.unwrap();
    assert_eq!((again.kept, again.duplicates), (0, 1), "known by its source time");
}

async fn the_state_at_a_moment(store: &dyn Store) {
    let readings = vec![
        number("a/power", 10, 1.0),
        number("a/power", 20, 2.0),
        number("b/power", 15, 7.0),
        number("a/power", 30, 3.0),
    ];
    store.append(readings).await.unwrap();
    let state = async |secs| -> BTreeMap<String, f64> {
        let state = store.state_at(at(secs)).await.unwrap();
        state
            .iter()
            .map(|past| (past.point.key.to_string(), past.sample.value.as_f64().unwrap()))
            .collect()
    };
    let map = |pairs: &[(&str, f64)]| -> BTreeMap<String, f64> {
        pairs.iter().map(|&(point, value)| (point.to_owned(), value)).collect()
    };
    assert_eq!(state(9).await, map(&[]));
    assert_eq!(state(10).await, map(&[("a/power", 1.0)]));
    assert_eq!(state(19).await, map(&[("a/power", 1.0), ("b/power", 7.0)]));
    assert_eq!(state(20).await, map(&[("a/power", 2.0), ("b/power", 7.0)]));
    assert_eq!(state(9_000).await, map(&[("a/power", 3.0), ("b/power", 7.0)]));
    // Of the same time, the one that came last.
    store.append(vec![number("b/power", 15, 8.0)]).await.unwrap();
    assert_eq!(state(15).await["b/power"], 8.0);
}

async fn silence_makes_stale(store: &dyn Store) {
    let mut lively = number("a/power", 100, 1.0);
    lively.stale_after = Some(Duration::from_secs(10));
    store.append(vec![lively, number("b/power", 100, 1.0)]).await.unwrap();
    let quality = async |secs| {
        let mut state = store.state_at(at(secs)).await.unwrap();
        state.sort_by_key(|past| past.point.key.clone());
        state.iter().map(|past| past.sample.quality).collect::<Vec<_>>()
    };
    assert_eq!(quality(109).await, [Quality::Good, Quality::Good]);
    assert_eq!(quality(110).await, [Quality::Stale, Quality::Good]);
}

async fn pages_are_in_order_and_complete(store: &dyn Store) {
    let readings: Vec<Reading> = (0..500i64)
        .map(|n| number(["a/x", "b/x", "c/x"][n as usize % 3], n * 37 % 500 / 4, n as f64))
        .collect();
    for some in readings.chunks(60) {
        store.append(some.to_vec()).await.unwrap();
    }
    let by_one = all(store, 1).await;
    for limit in [7, 100, 10_000] {
        assert_eq!(all(store, limit).await, by_one, "{limit} a page");
    }
    assert_eq!(by_one.len(), 500);
    let times: Vec<Timestamp> = by_one.iter().map(|past| order_time(&past.sample)).collect();
    assert!(times.is_sorted());
    let part = store.page(at(10)..at(20), None, 10_000).await.unwrap();
    assert_eq!(part.samples.len(), 40);
    assert_eq!(part.next, None);
}

async fn a_series_is_cut_to_its_range_and_downsampled(store: &dyn Store) {
    let mut readings: Vec<Reading> =
        (0..5_000).map(|n| number("a/power", n, 50.0 + (n % 10) as f64)).collect();
    readings[1_234].sample.value = Value::Number(999.0);
    readings[3_456].sample.value = Value::Number(-999.0);
    store.append(readings).await.unwrap();
    let some = store.series(&key("a/power"), at(100)..at(110), 10).await.unwrap();
    let times: Vec<Timestamp> = some.samples.iter().map(|sample| sample.source_time).collect();
    assert_eq!(times, (100..110).map(at).collect::<Vec<_>>());
    assert!(!some.downsampled);
    // A range far wider than what there is does not waste the points.
    for range in [at(0)..at(5_000), whole()] {
        let few = store.series(&key("a/power"), range, 90).await.unwrap();
        assert!(few.downsampled);
        assert!((60..=90).contains(&few.samples.len()), "{}", few.samples.len());
        let values: Vec<f64> = few.samples.iter().map(|s| s.value.as_f64().unwrap()).collect();
        assert!(values.contains(&999.0) && values.contains(&-999.0));
        assert_eq!(few.samples.last().unwrap().source_time, at(4_999));
        assert!(few.samples.is_sorted_by_key(|sample| sample.source_time));
    }
}

async fn gaps_are_told(store: &dyn Store) {
    store.append(vec![number("a/power", 0, 1.0), number("a/power", 1_000, 2.0)]).await.unwrap();
    store.note_gap(at(100)..at(200)).await.unwrap();
    store.note_gap(at(150)..at(300)).await.unwrap();
    store.note_gap(at(500)..at(600)).await.unwrap();
    let gaps = async |range| store.series(&key("a/power"), range, 10).await.unwrap().gaps;
    assert_eq!(gaps(whole()).await, [at(100)..at(300), at(500)..at(600)]);
    assert_eq!(gaps(at(310)..at(490)).await, []);
    assert_eq!(gaps(at(550)..at(700)).await, [at(500)..at(600)]);
}

/// Thousands of samples in no order, some twice, against the plainest store there is.
async fn agrees_with_a_list(store: &dyn Store) {
    let mut state = 7u64;
    let mut random = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let points = ["a/x", "a/y", "b/x", "c/x", "c/y"];
    let mut list: Vec<Reading> = Vec::new();
    for round in 0..60i64 {
        let mut batch = Vec::new();
        for _ in 0..random(100) {
            let point = points[random(5) as usize];
            // Mostly forward, now and then far back.
            let secs = if random(10) == 0 {
                random(6_000) as i64
            } else {
                round * 100 + random(100) as i64
            };
            batch.push(number(point, secs, random(4) as f64));
        }
        let mut kept = 0;
        for reading in &batch {
            let same = |other: &&Reading| {
                other.entity == reading.entity
                    && other.metric == reading.metric
                    && other.sample.source_time == reading.sample.source_time
                    && other.sample.value == reading.sample.value
            };
            if !list.iter().any(|other| same(&other)) {
                list.push(reading.clone());
                kept += 1;
            }
        }
        let total = batch.len();
        let appended = store.append(batch).await.unwrap();
        assert_eq!((appended.kept, appended.duplicates), (kept, total - kept), "round {round}");
    }
    list.sort_by_key(|reading| order_time(&reading.sample)); // stable: as they came
    let of = |point: &str| -> Vec<Sample> {
        let key = key(point);
        let fits =
            |reading: &&Reading| reading.entity == key.entity && *reading.metric == *key.metric;
        list.iter().filter(fits).map(|reading| reading.sample.clone()).collect()
    };
    for point in points {
        let series = store.series(&key(point), whole(), 100_000).await.unwrap();
        assert_eq!(series.samples, of(point), "{point}");
    }
    for secs in [0, 17, 999, 3_000, 5_999, 7_000] {
        let mut expected: Vec<(String, Sample)> = points
            .iter()
            .filter_map(|point| {
                let before = of(point).into_iter().rfind(|s| s.source_time <= at(secs))?;
                Some(((*point).to_owned(), before))
            })
            .collect();
        let state = store.state_at(at(secs)).await.unwrap();
        let mut found: Vec<(String, Sample)> =
            state.into_iter().map(|past| (past.point.key.to_string(), past.sample)).collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        found.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, expected, "at {secs}");
    }
    let pages = all(store, 333).await;
    assert_eq!(pages.len(), list.len());
    assert!(pages.iter().map(|past| order_time(&past.sample)).is_sorted());
}
