//! The last accepted samples in order of arrival, one for each number of the sequence,
//! for readers that want every sample. One tape for all of them: a reader that is behind
//! costs nothing, and one that is too far behind is told.

use std::collections::VecDeque;

use parking_lot::RwLock;
use twin_model::{Sample, Value};

use super::{Latest, table::is_again};

/// Samples of a point that are looked through for a late one: as many as brokers send without
/// an acknowledgement, and would send again, our own among them.
const SENT_AGAIN: usize = 1_024;
/// What one sample on the tape takes at least, bytes.
const SAMPLE_BYTES: usize = size_of::<Tapped>();

/// One accepted sample.
#[derive(Clone, Debug)]
pub struct Tapped {
    /// Its number in the sequence.
    pub seq: u64,
    /// Number of the sample of its point before it; 0 for none.
    pub before: u64,
    /// Its point and the sample, late ones too.
    pub latest: Latest,
    /// Whether the point keeps a newer one.
    pub late: bool,
    /// Place of its entity in the scene's tour.
    pub entity_place: u32,
}

impl Tapped {
    fn bytes(&self) -> usize {
        SAMPLE_BYTES
            + match &self.latest.sample.value {
                Value::Text(text) => text.len(),
                Value::Bool(_) | Value::Number(_) => 0,
            }
    }
}

/// Some samples off the tape.
#[derive(Debug, Default)]
pub struct Cut {
    /// Oldest first.
    pub samples: Vec<Tapped>,
    /// Everything wanted up to here is in `samples` or came before.
    pub reached: u64,
}

#[derive(Debug)]
pub(super) struct Tape {
    max_bytes: usize,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    samples: VecDeque<Tapped>,
    bytes: usize,
    /// Number of the last sample that is on the tape no more.
    before: u64,
}

impl Tape {
    pub(super) fn new(max_bytes: usize) -> Self {
        // All the room at once: memory that is not written to costs nothing, while a tape that
        // grew would be copied over and over while the table is locked.
        let samples = VecDeque::with_capacity(max_bytes / SAMPLE_BYTES);
        Self { max_bytes, inner: RwLock::new(Inner { samples, ..Inner::default() }) }
    }

    /// Whether it keeps anything at all.
    pub(super) fn records(&self) -> bool {
        self.max_bytes > 0
    }

    /// Takes the samples that led from sequence `from` to `to`, one for each number. Where
    /// some are missing (a state that was put in place at once), the tape starts anew.
    pub(super) fn record(&self, from: u64, to: u64, samples: Vec<Tapped>) {
        let mut inner = self.inner.write();
        let end = inner.before + inner.samples.len() as u64;
        if end != from || samples.len() as u64 != to - from {
            inner.samples.clear();
            inner.bytes = 0;
            inner.before = to;
            return;
        }
        inner.bytes += samples.iter().map(Tapped::bytes).sum::<usize>();
        inner.samples.extend(samples);
        while inner.bytes > self.max_bytes
            && let Some(oldest) = inner.samples.pop_front()
        {
            inner.bytes -= oldest.bytes();
            inner.before = oldest.seq;
        }
    }

    /// Whether a sample is one of the last of its point, on the tape or among those that are
    /// to come on it next. `last` is the number of the point's last one.
    pub(super) fn holds(&self, next: &[Tapped], last: u64, sample: &Sample) -> bool {
        let inner = self.inner.read();
        let first = next.first().map_or(u64::MAX, |tapped| tapped.seq);
        let find = |number: u64| match number.checked_sub(first) {
            Some(at) => next.get(at as usize),
            None => inner.samples.get(number.checked_sub(inner.before + 1)? as usize),
        };
        std::iter::successors(find(last), |tapped| find(tapped.before))
            .take(SENT_AGAIN)
            .any(|tapped| is_again(&tapped.latest.sample, sample))
    }

    /// The wanted samples after `after`, up to `until`, and no more than weigh `room`
    /// together (but at least one). Nothing where the tape does not reach back so far.
    pub(super) fn since(
        &self,
        after: u64,
        until: u64,
        wanted: impl Fn(&Tapped) -> bool,
        weigh: impl Fn(&Latest) -> usize,
        room: usize,
    ) -> Option<Cut> {
        let inner = self.inner.read();
        let start = after.checked_sub(inner.before)? as usize;
        let mut cut = Cut { samples: Vec::new(), reached: after };
        let mut weight = 0;
        for tapped in inner.samples.iter().skip(start).take_while(|tapped| tapped.seq <= until) {
            if wanted(tapped) {
                weight += weigh(&tapped.latest);
                if weight > room && !cut.samples.is_empty() {
                    return Some(cut);
                }
                cut.samples.push(tapped.clone());
            }
            cut.reached = tapped.seq;
        }
        Some(cut)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use twin_model::{Quality, Sample};

    use super::*;
    use crate::live::Definition;

    fn tapped(seq: u64) -> Tapped {
        let time = Timestamp::from_second(seq as i64).unwrap();
        let definition = Definition {
            point: 0,
            entity: "a".into(),
            metric: "m".into(),
            unit: "".into(),
            stale_after_ms: 0,
            defined_seq: 1,
        };
        let sample = Sample {
            value: Value::Number(seq as f64),
            source_time: time,
            receive_time: time,
            quality: Quality::Good,
        };
        let latest = Latest { definition: Arc::new(definition), sample };
        Tapped { seq, before: seq - 1, latest, late: false, entity_place: seq as u32 % 2 }
    }

    fn numbers(cut: Option<Cut>) -> Option<(Vec<u64>, u64)> {
        cut.map(|cut| (cut.samples.iter().map(|tapped| tapped.seq).collect(), cut.reached))
    }

    fn all(tape: &Tape, after: u64) -> Option<(Vec<u64>, u64)> {
        numbers(tape.since(after, u64::MAX, |_| true, |_| 1, 100))
    }

    #[test]
    fn keeps_the_newest_and_says_where_it_begins() {
        let tape = Tape::new(4 * SAMPLE_BYTES);
        tape.record(0, 3, (1..=3).map(tapped).collect());
        assert_eq!(all(&tape, 0), Some((vec![1, 2, 3], 3)));
        tape.record(3, 6, (4..=6).map(tapped).collect());
        assert_eq!(all(&tape, 1), None, "sample 2 is gone");
        assert_eq!(all(&tape, 2), Some((vec![3, 4, 5, 6], 6)));
        assert_eq!(all(&tape, 6), Some((vec![], 6)));
        // A jump of the sequence without samples.
        tape.record(10, 12, vec![]);
        assert_eq!(all(&tape, 6), None);
        tape.record(12, 13, vec![tapped(13)]);
        assert_eq!(all(&tape, 12), Some((vec![13], 13)));
    }

    #[test]
    fn knows_the_last_samples_of_a_point() {
        let tape = Tape::new(4 * SAMPLE_BYTES);
        tape.record(0, 6, (1..=6).map(tapped).collect());
        let next = [tapped(7), tapped(8)];
        let holds = |last, seq| tape.holds(&next, last, &tapped(seq).latest.sample);
        assert!((3..=8).all(|seq| holds(8, seq)));
        assert!(!holds(8, 2), "it has left the tape");
        assert!(!holds(8, 9) && !holds(6, 7) && !holds(0, 0));
    }

    #[test]
    fn cuts_by_weight_by_end_and_by_what_is_wanted() {
        let tape = Tape::new(100 * SAMPLE_BYTES);
        tape.record(0, 9, (1..=9).map(tapped).collect());
        let odd = |tapped: &Tapped| tapped.entity_place == 1;
        let cut = |after, until, room| numbers(tape.since(after, until, odd, |_| 1, room));
        assert_eq!(cut(0, u64::MAX, 2), Some((vec![1, 3], 4)));
        assert_eq!(cut(4, u64::MAX, 2), Some((vec![5, 7], 8)));
        assert_eq!(cut(8, u64::MAX, 2), Some((vec![9], 9)));
        assert_eq!(cut(0, 4, 9), Some((vec![1, 3], 4)));
        assert_eq!(cut(0, u64::MAX, 0), Some((vec![1], 2)), "one always goes");
    }
}
