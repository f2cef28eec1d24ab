//! A store in memory, for servers without `[history]` and for tests: the last samples, so
//! many and no more. The oldest go first. Of what went, each point keeps its last sample,
//! so that a door that has been closed for hours is known to be.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::{Bound, Range},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::RwLock;
use twin_model::{PointKey, Quality, Sample};

use super::{
    Answer, Appended, Cursor, HistoryError, Page, PastPoint, PastSample, Series, Store, is_stale,
    order_time,
};
use crate::{live::Live, reading::Reading};

/// The store.
#[derive(Debug)]
pub struct Memory {
    max_samples: usize,
    inner: RwLock<Inner>,
}

/// Place of a sample: when it counts, and the how-manieth it was to arrive.
type Place = (Timestamp, u64);

#[derive(Debug, Default)]
struct Inner {
    numbers: HashMap<PointKey, usize>,
    points: Vec<Point>,
    /// Every sample, by place: whose it is.
    order: BTreeMap<Place, usize>,
    arrivals: u64,
    /// Time of the newest sample that went; what is kept begins after it.
    gone: Option<Timestamp>,
    /// Spans in which samples were lost, by begin; none touches another.
    gaps: Vec<Range<Timestamp>>,
}

#[derive(Debug)]
struct Point {
    past: Arc<PastPoint>,
    samples: BTreeMap<Place, Sample>,
    /// The newest of those that went.
    before: Option<Sample>,
}

impl Memory {
    /// An empty store for so many samples, at least one.
    pub fn new(max_samples: usize) -> Self {
        Self { max_samples: max_samples.max(1), inner: RwLock::default() }
    }

    fn keep(&self, readings: Vec<Reading>) -> Appended {
        let mut inner = self.inner.write();
        let mut appended = Appended::default();
        for reading in readings {
            if inner.keep(reading) {
                appended.kept += 1;
            } else {
                appended.duplicates += 1;
            }
        }
        while inner.order.len() > self.max_samples {
            inner.drop_oldest();
        }
        appended
    }
}

impl Inner {
    fn keep(&mut self, reading: Reading) -> bool {
        let point = self.define(&reading);
        let time = order_time(&reading.sample);
        let sample = reading.sample;
        if self.gone.is_some_and(|gone| time <= gone) {
            // Its place is among those that went; it may still be the last of them.
            let before = &mut self.points[point].before;
            if before.as_ref().is_none_or(|before| order_time(before) <= time) {
                *before = Some(sample);
            }
            return true;
        }
        let samples = &mut self.points[point].samples;
        let same = |held: &Sample| {
            held.source_time == sample.source_time
                && held.value == sample.value
                && held.quality == sample.quality
        };
        if samples.range((time, 0)..=(time, u64::MAX)).any(|(_, held)| same(held)) {
            return false;
        }
        self.arrivals += 1;
        samples.insert((time, self.arrivals), sample);
        self.order.insert((time, self.arrivals), point);
        true
    }

    fn define(&mut self, reading: &Reading) -> usize {
        let key = PointKey::new(reading.entity.clone(), &*reading.metric);
        let limit = reading.stale_after.map_or(0, |limit| limit.as_millis().max(1));
        let stale_after_ms = u32::try_from(limit).unwrap_or(u32::MAX);
        let past = PastPoint { key, unit: Arc::clone(&reading.unit), stale_after_ms };
        match self.numbers.get(&past.key) {
            Some(&number) => {
                let held = &mut self.points[number].past;
                if **held != past {
                    *held = Arc::new(past);
                }
                number
            }
            None => {
                let number = self.points.len();
                self.numbers.insert(past.key.clone(), number);
                let samples = BTreeMap::new();
                self.points.push(Point { past: Arc::new(past), samples, before: None });
                number
            }
        }
    }

    fn drop_oldest(&mut self) {
        let Some((place, point)) = self.order.pop_first() else { return };
        self.gone = self.gone.max(Some(place.0));
        let point = &mut self.points[point];
        if let Some(sample) = point.samples.remove(&place) {
            point.before = Some(sample);
        }
    }

    fn state_at(&self, at: Timestamp) -> Vec<PastSample> {
        let latest = |point: &Point| {
            let kept = point.samples.range(..=(at, u64::MAX)).next_back().map(|(_, kept)| kept);
            let went = || point.before.as_ref().filter(|before| order_time(before) <= at);
            let mut sample = kept.or_else(went)?.clone();
            if is_stale(&sample, point.past.stale_after_ms, at) {
                sample.quality = Quality::Stale;
            }
            Some(PastSample { point: Arc::clone(&point.past), sample })
        };
        self.points.iter().filter_map(latest).collect()
    }

    fn page(&self, range: &Range<Timestamp>, after: Option<Place>, limit: usize) -> Page {
        let from = match after {
            Some(place) => Bound::Excluded(place),
            None => Bound::Included((range.start, 0)),
        };
        if range.is_empty() || after.is_some_and(|place| place.0 >= range.end) {
            return Page::default();
        }
        let mut found = self.order.range((from, Bound::Excluded((range.end, 0))));
        let mut page = Page::default();
        let mut last = None;
        for (place, &point) in found.by_ref().take(limit) {
            let point = &self.points[point];
            if let Some(sample) = point.samples.get(place) {
                let (point, sample) = (Arc::clone(&point.past), sample.clone());
                page.samples.push(PastSample { point, sample });
            }
            last = Some(*place);
        }
        page.next = last.filter(|_| found.next().is_some()).map(|place| cursor(&place));
        page
    }
}

fn cursor((time, arrival): &Place) -> Cursor {
    let mut bytes = time.as_nanosecond().to_be_bytes().to_vec();
    bytes.extend(arrival.to_be_bytes());
    Cursor(bytes)
}

fn place(cursor: &Cursor) -> Result<Place, HistoryError> {
    let read = || {
        let (time, arrival) = cursor.0.split_at_checked(16)?;
        let time = i128::from_be_bytes(time.try_into().ok()?);
        let arrival = u64::from_be_bytes(arrival.try_into().ok()?);
        Some((Timestamp::from_nanosecond(time).ok()?, arrival))
    };
    read().ok_or_else(|| HistoryError::Question("not a cursor of this store".to_owned()))
}

impl Store for Memory {
    fn append(&self, readings: Vec<Reading>) -> Answer<'_, Appended> {
        let appended = self.keep(readings);
        Box::pin(async move { Ok(appended) })
    }

    fn series<'a>(
        &'a self,
        key: &'a PointKey,
        range: Range<Timestamp>,
        max_points: usize,
    ) -> Answer<'a, Series> {
        let answer = || {
            if max_points < 4 {
                let question = format!("max_points is {max_points}; it must be 4 or more");
                return Err(HistoryError::Question(question));
            }
            let inner = self.inner.read();
            let mut gaps = gap(&range, inner.gone);
            let touching =
                |gap: &&Range<Timestamp>| gap.start < range.end && gap.end >= range.start;
            gaps.extend(inner.gaps.iter().filter(touching).cloned());
            let Some(&number) = inner.numbers.get(key).filter(|_| !range.is_empty()) else {
                return Ok(Series { gaps, ..Series::default() });
            };
            let within = (range.start, 0)..(range.end, 0);
            let kept = inner.points[number].samples.range(within);
            let samples: Vec<Sample> = kept.map(|(_, sample)| sample.clone()).collect();
            Ok(match samples.len() > max_points {
                true => Series { samples: extremes(&samples, max_points), downsampled: true, gaps },
                false => Series { samples, downsampled: false, gaps },
            })
        };
        let answer = answer();
        Box::pin(async move { answer })
    }

    fn note_gap(&self, gap: Range<Timestamp>) -> Answer<'_, ()> {
        let (mut start, mut end) = (gap.start, gap.end.max(gap.start));
        let mut inner = self.inner.write();
        inner.gaps.retain(|held| {
            let apart = held.end < start || held.start > end;
            if !apart {
                (start, end) = (start.min(held.start), end.max(held.end));
            }
            apart
        });
        inner.gaps.push(start..end);
        inner.gaps.sort_unstable_by_key(|gap| gap.start);
        Box::pin(async { Ok(()) })
    }

    fn state_at(&self, at: Timestamp) -> Answer<'_, Vec<PastSample>> {
        let state = self.inner.read().state_at(at);
        Box::pin(async move { Ok(state) })
    }

    fn page(
        &self,
        range: Range<Timestamp>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Answer<'_, Page> {
        let after = after.as_ref().map(place).transpose();
        let page = after.map(|after| self.inner.read().page(&range, after, limit.max(1)));
        Box::pin(async move { page })
    }

    fn span(&self) -> Answer<'_, Option<(Timestamp, Timestamp)>> {
        let inner = self.inner.read();
        let ends = inner.order.first_key_value().zip(inner.order.last_key_value());
        let span = ends.map(|((first, _), (last, _))| (first.0, last.0));
        Box::pin(async move { Ok(span) })
    }
}

/// The part of a range in which samples went to make room.
fn gap(range: &Range<Timestamp>, gone: Option<Timestamp>) -> Vec<Range<Timestamp>> {
    let gone = gone.filter(|gone| *gone >= range.start && !range.is_empty());
    gone.map(|gone| range.start..range.end.min(gone)).into_iter().collect()
}

/// Minimum, maximum and last of each of some runs of samples, in their order.
fn extremes(samples: &[Sample], max_points: usize) -> Vec<Sample> {
    let run = samples.len().div_ceil(max_points / 3).max(1);
    let mut out = Vec::with_capacity(max_points);
    for (first, run) in (0..).step_by(run).zip(samples.chunks(run)) {
        let numbers =
            run.iter().enumerate().filter_map(|(i, sample)| Some((i, sample.value.as_f64()?)));
        let (min, max) = numbers.fold((None, None), |(min, max), (i, v): (usize, f64)| {
            let lower = |held: Option<(usize, f64)>| held.is_none_or(|(_, held)| v < held);
            let higher = |held: Option<(usize, f64)>| held.is_none_or(|(_, held)| v > held);
            (
                if lower(min) { Some((i, v)) } else { min },
                if higher(max) { Some((i, v)) } else { max },
            )
        });
        let mut picked: VecDeque<usize> =
            [min, max].into_iter().flatten().map(|(i, _)| i).collect();
        picked.push_back(run.len() - 1);
        let mut picked = Vec::from(picked);
        picked.sort_unstable();
        picked.dedup();
        out.extend(picked.into_iter().map(|i| samples[first + i].clone()));
    }
    out
}

/// Keeps what comes into a live table, for servers without another store. Samples that
/// went by while this was not looking are lost to it.
pub async fn record(live: Arc<Live>, store: Arc<Memory>) {
    let mut changed = live.follow();
    let mut seen = live.seq();
    while changed.changed().await.is_ok() {
        changed.mark_unchanged();
        while seen < live.seq() {
            // A point that falls silent is no sample: the store knows that by itself.
            let wanted =
                |tapped: &crate::live::Tapped| tapped.latest.sample.quality != Quality::Stale;
            match live.samples_since(seen, u64::MAX, wanted, |_| 1, 4096) {
                Some(cut) => {
                    seen = cut.reached;
                    store.keep(
                        cut.samples
                            .iter()
                            .map(|tapped| tapped.latest.clone().into_reading())
                            .collect(),
                    );
                }
                None => seen = live.seq(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use twin_model::Value;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    fn reading(entity: &str, value: f64, secs: i64) -> Reading {
        Reading {
            entity: entity.into(),
            metric: "m".into(),
            unit: "kW".into(),
            stale_after: Some(std::time::Duration::from_secs(10)),
            sample: Sample {
                value: Value::Number(value),
                source_time: at(secs),
                receive_time: at(secs),
                quality: Quality::Good,
            },
        }
    }

    fn values(samples: &[PastSample]) -> Vec<(String, f64, Quality)> {
        let value = |past: &PastSample| {
            let key = past.point.key.entity.to_string();
            (key, past.sample.value.as_f64().unwrap(), past.sample.quality)
        };
        samples.iter().map(value).collect()
    }

    #[tokio::test]
    async fn any_moment_late_samples_and_repeated_ones() {
        let store = Memory::new(100);
        assert_eq!(store.span().await.unwrap(), None);
        let first = store.append(vec![reading("a", 1.0, 10), reading("b", 5.0, 12)]);
        assert_eq!(first.await.unwrap(), Appended { kept: 2, duplicates: 0 });
        let more = vec![reading("a", 3.0, 30), reading("a", 3.0, 30), reading("a", 2.0, 20)];
        assert_eq!(store.append(more).await.unwrap(), Appended { kept: 2, duplicates: 1 });
        assert_eq!(store.span().await.unwrap(), Some((at(10), at(30))));
        let state = async |secs| values(&store.state_at(at(secs)).await.unwrap());
        let (a, b) = (|v, q| ("a".to_owned(), v, q), |q| ("b".to_owned(), 5.0, q));
        assert_eq!(state(9).await, []);
        assert_eq!(state(19).await, [a(1.0, Quality::Good), b(Quality::Good)]);
        assert_eq!(state(25).await, [a(2.0, Quality::Good), b(Quality::Stale)]);
        assert_eq!(state(40).await, [a(3.0, Quality::Stale), b(Quality::Stale)]);
    }

    #[tokio::test]
    async fn pages_hold_every_sample_once_in_order() {
        let store = Memory::new(100);
        let readings = (0..10).map(|i| reading(["a", "b"][i % 2], i as f64, 10 + i as i64 / 3));
        store.append(readings.collect()).await.unwrap();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.page(at(10)..at(13), after, 4).await.unwrap();
            seen.extend(values(&page.samples).into_iter().map(|(_, value, _)| value));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..9).map(f64::from).collect::<Vec<_>>());
        assert!(store.page(at(13)..at(10), None, 4).await.unwrap().samples.is_empty());
        assert!(store.page(at(10)..at(13), Some(Cursor(vec![1])), 4).await.is_err());
    }

    #[tokio::test]
    async fn the_oldest_go_and_are_remembered_as_last_of_their_point() {
        let store = Memory::new(3);
        store.append(vec![reading("door", 1.0, 10)]).await.unwrap();
        store
            .append((0..4).map(|i| reading("a", f64::from(i), 20 + i64::from(i))).collect())
            .await
            .unwrap();
        assert_eq!(store.span().await.unwrap(), Some((at(21), at(23))));
        let now = store.state_at(at(22)).await.unwrap();
        assert_eq!(now.len(), 2, "the door is still known");
        assert_eq!(store.state_at(at(15)).await.unwrap().len(), 1);
        // Too late for a place of its own.
        store.append(vec![reading("door", 2.0, 19)]).await.unwrap();
        assert_eq!(store.span().await.unwrap(), Some((at(21), at(23))));
        assert_eq!(values(&store.state_at(at(22)).await.unwrap())[0].1, 2.0);
    }

    #[tokio::test]
    async fn a_series_keeps_its_extremes() {
        let store = Memory::new(1000);
        let wave = |i: i64| if i == 57 { 99.0 } else { (i % 7) as f64 };
        store.append((0..200).map(|i| reading("a", wave(i), i)).collect()).await.unwrap();
        let key = PointKey::new("a", "m");
        let whole = store.series(&key, at(0)..at(200), 200).await.unwrap();
        assert_eq!((whole.samples.len(), whole.downsampled), (200, false));
        let drawn = store.series(&key, at(0)..at(200), 30).await.unwrap();
        assert!(drawn.downsampled && drawn.samples.len() <= 30, "{}", drawn.samples.len());
        let times: Vec<_> = drawn.samples.iter().map(order_time).collect();
        assert!(times.is_sorted());
        let numbers: Vec<_> = drawn.samples.iter().filter_map(|s| s.value.as_f64()).collect();
        assert!(numbers.contains(&99.0) && numbers.contains(&0.0));
        assert_eq!(drawn.samples.last(), whole.samples.last());
        assert!(store.series(&key, at(0)..at(200), 3).await.is_err());
        let nothing = store.series(&PointKey::new("b", "m"), at(0)..at(9), 9).await.unwrap();
        assert_eq!(nothing, Series::default());
    }
}
