//! What arrived, measured by the sequence number that every value carries.

use hdrhistogram::Histogram;

/// How many steps back a sequence number is remembered one by one.
const WINDOW: u32 = 64;

/// One point as one viewer saw it.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Highest number that arrived; 0 for none.
    last: u32,
    /// Bit n: `last - n` has arrived.
    window: u64,
    /// When that was meant to be sent, ms since 1970.
    sent_ms: i64,
}

/// What one viewer got.
#[derive(Clone, Debug)]
pub struct Tally {
    seen: Vec<Seen>,
    /// Updates that arrived, of any kind.
    pub delivered: u64,
    /// Updates that arrived for the first time.
    pub distinct: u64,
    /// Updates that had arrived before.
    pub duplicates: u64,
    /// Updates that arrived after a younger one of their point.
    pub reordered: u64,
}

impl Tally {
    /// Nothing yet, for so many points.
    pub fn new(points: usize) -> Self {
        let seen = vec![Seen::default(); points];
        Self { seen, delivered: 0, distinct: 0, duplicates: 0, reordered: 0 }
    }

    /// An update of a point. Numbers start at 1.
    pub fn update(&mut self, point: u32, seq: u32, sent_ms: i64) {
        let Some(seen) = self.seen.get_mut(point as usize) else { return };
        self.delivered += 1;
        if seq > seen.last {
            let step = seq - seen.last;
            seen.window = if step < WINDOW { seen.window << step | 1 } else { 1 };
            seen.last = seq;
            seen.sent_ms = sent_ms;
            self.distinct += 1;
            return;
        }
        let back = seen.last - seq;
        // Further back than the window, an update counts as new: it is reordered at least.
        let bit = if back < WINDOW { 1 << back } else { 0 };
        if seen.window & bit != 0 {
            self.duplicates += 1;
        } else {
            seen.window |= bit;
            self.reordered += 1;
            self.distinct += 1;
        }
    }

    /// A point as it stands in a snapshot: no duplicate of what came before.
    pub fn restate(&mut self, point: u32, seq: u32, sent_ms: i64) {
        if self.seen.get(point as usize).is_some_and(|seen| seq > seen.last) {
            self.update(point, seq, sent_ms);
        }
    }

    /// Points whose newest update is not the last one published.
    pub fn behind(&self, published: &[u32]) -> u64 {
        let ended = self.seen.iter().zip(published).filter(|(seen, last)| seen.last != **last);
        ended.count() as u64
    }

    /// Points whose newest update was meant to be sent before a time, ms since 1970.
    pub fn older_than(&self, ms: i64) -> u64 {
        self.seen.iter().filter(|seen| seen.sent_ms < ms).count() as u64
    }

    /// When the newest update was meant to be sent, ms since 1970; 0 for none.
    pub fn newest_ms(&self) -> i64 {
        self.seen.iter().map(|seen| seen.sent_ms).max().unwrap_or(0)
    }
}

/// Time from when an update was meant to be sent to when a viewer read it.
#[derive(Debug)]
pub struct Latency {
    histogram: Histogram<u64>,
    /// Whether updates are measured now.
    pub recording: bool,
}

/// Longest latency told from longer ones.
const MAX_US: u64 = 120_000_000;

impl Latency {
    /// Nothing measured yet.
    ///
    /// # Errors
    /// Never: the bounds are fixed.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { histogram: Histogram::new_with_bounds(1, MAX_US, 3)?, recording: false })
    }

    /// An update read at `now_us` that was meant to be sent at `sent_ms`, both since 1970.
    pub fn record(&mut self, now_us: i64, sent_ms: i64) {
        if self.recording {
            let us = u64::try_from(now_us - sent_ms * 1000).unwrap_or(0);
            self.histogram.saturating_record(us.max(1));
        }
    }

    /// A percentile in ms; 0 where nothing was measured.
    pub fn percentile_ms(&self, percentile: f64) -> f64 {
        self.histogram.value_at_percentile(percentile) as f64 / 1000.0
    }

    /// How many updates were measured.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Forgets what was measured.
    pub fn reset(&mut self) {
        self.histogram.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(sequence: &[u32]) -> [u64; 4] {
        let mut tally = Tally::new(1);
        for &seq in sequence {
            tally.update(0, seq, i64::from(seq));
        }
        [tally.delivered, tally.distinct, tally.duplicates, tally.reordered]
    }

    #[test]
    fn tells_duplicates_from_latecomers() {
        assert_eq!(tally(&[1, 2, 3]), [3, 3, 0, 0]);
        assert_eq!(tally(&[1, 2, 2, 3, 1]), [5, 3, 2, 0]);
        assert_eq!(tally(&[1, 3, 2, 2]), [4, 3, 1, 1]);
        assert_eq!(tally(&[1, 200, 5, 200]), [4, 3, 1, 1]);
    }

    #[test]
    fn a_snapshot_is_no_duplicate() {
        let mut tally = Tally::new(2);
        tally.update(0, 5, 50);
        tally.restate(0, 5, 50);
        tally.restate(1, 7, 70);
        assert_eq!((tally.distinct, tally.duplicates), (2, 0));
        assert_eq!(tally.behind(&[5, 8]), 1);
        assert_eq!((tally.newest_ms(), tally.older_than(60)), (70, 1));
    }

    #[test]
    fn latencies_count_from_the_intended_time() {
        let mut latency = Latency::new().unwrap();
        latency.record(5_000, 1);
        assert_eq!(latency.count(), 0, "not recording");
        latency.recording = true;
        latency.record(5_000, 1);
        latency.record(1_000, 9); // a clock that stepped back
        assert!((latency.percentile_ms(100.0) - 4.0).abs() < 0.01);
        assert_eq!(latency.count(), 2);
    }
}
