//! What is not as it should be: the list an operator works from.

use twin_model::{Quality, Value};

use super::{Point, PointIx, Store};

/// How soon somebody should look, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody should go there.
    High,
    /// Somebody should look.
    Medium,
    /// The data are not to be trusted.
    Low,
}

impl Severity {
    /// The severity's name in attributes and styles.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Why a point is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A door was opened by force.
    Forced,
    /// The device reports a fault.
    Fault,
    /// A door is held open.
    Held,
    /// The device says its value is not valid.
    Bad,
    /// Outside the declared range, or from a clock far off.
    Uncertain,
    /// Silent for too long.
    Stale,
}

impl Reason {
    /// The reason's name in translations and attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forced => "forced",
            Self::Fault => "fault",
            Self::Held => "held",
            Self::Bad => "bad",
            Self::Uncertain => "uncertain",
            Self::Stale => "stale",
        }
    }

    /// How soon somebody should look.
    pub fn severity(self) -> Severity {
        match self {
            Self::Forced | Self::Fault => Severity::High,
            Self::Held | Self::Bad => Severity::Medium,
            Self::Uncertain | Self::Stale => Severity::Low,
        }
    }
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// The point.
    pub point: PointIx,
    /// What is the matter.
    pub reason: Reason,
    /// Since when, server time, ms since 1970.
    pub since_ms: i64,
}

/// What is the matter with a point, if anything. A fault that went silent stays a fault:
/// nobody said that it is over.
pub fn reason_of(point: &Point) -> Option<Reason> {
    let quality = point.quality()?;
    if quality == Quality::Bad {
        return Some(Reason::Bad);
    }
    let value = &point.reading.as_ref()?.value;
    let by_value = match (&*point.metric, value) {
        ("door", Value::Text(state)) if state == "forced" => Some(Reason::Forced),
        ("door", Value::Text(state)) if state == "held" => Some(Reason::Held),
        ("fault", Value::Bool(true)) => Some(Reason::Fault),
        ("fault", Value::Number(code)) if *code != 0.0 => Some(Reason::Fault),
        (_, Value::Text(state)) if state == "fault" => Some(Reason::Fault),
        _ => None,
    };
    by_value.or(match quality {
        Quality::Stale => Some(Reason::Stale),
        Quality::Uncertain => Some(Reason::Uncertain),
        _ => None,
    })
}

/// Remembers since when: a fault that is reported again every second began once.
#[derive(Debug, Default)]
pub struct AttentionList {
    /// By point: what is the matter, and since when.
    known: std::collections::HashMap<PointIx, Attention>,
    generation: u64,
}

impl AttentionList {
    /// Takes the points that changed; true where the list is another now.
    pub fn update(&mut self, store: &Store, changed: &[PointIx]) -> bool {
        let mut touched = false;
        if self.generation != store.generation {
            self.generation = store.generation;
            let before = std::mem::take(&mut self.known);
            for ix in 0..store.points.all().len() as PointIx {
                self.classify(store, ix);
            }
            return !(before.is_empty() && self.known.is_empty());
        }
        for &ix in changed {
            touched |= self.classify(store, ix);
        }
        touched
    }

    fn classify(&mut self, store: &Store, ix: PointIx) -> bool {
        let point = store.points.at(ix);
        let Some(reason) = reason_of(point) else { return self.known.remove(&ix).is_some() };
        if self.known.get(&ix).is_some_and(|before| before.reason == reason) {
            return false;
        }
        let since_ms = point.reading.as_ref().map_or(0, |reading| match reason {
            Reason::Stale => reading.receive_ms + i64::from(point.stale_after_ms),
            _ => reading.source_ms,
        });
        self.known.insert(ix, Attention { point: ix, reason, since_ms });
        true
    }

    /// Every line, newest first; of those that began together the more urgent first.
    pub fn lines(&self) -> Vec<Attention> {
        let mut lines: Vec<Attention> = self.known.values().copied().collect();
        lines.sort_by(|a, b| {
            let by_age = b.since_ms.cmp(&a.since_ms);
            by_age
                .then_with(|| a.reason.severity().cmp(&b.reason.severity()))
                .then_with(|| a.point.cmp(&b.point))
        });
        lines
    }

    /// How many lines there are of each severity: high, medium, low.
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for line in self.known.values() {
            counts[line.reason.severity() as usize] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::{super::test_support::*, *};

    #[test]
    fn forced_held_faults_and_silence_are_listed_newest_first() {
        let mut store = store(&[
            ("d1", "door", "closed"),
            ("d2", "door", "forced"),
            ("l1", "fault", "true"),
            ("m1", "power", "3.5"),
        ]);
        let mut list = AttentionList::default();
        assert!(list.update(&store, &[]));
        let reasons = |list: &AttentionList| -> Vec<Reason> {
            list.lines().iter().map(|line| line.reason).collect()
        };
        assert_eq!(reasons(&list), [Reason::Forced, Reason::Fault]);

        set(&mut store, "d1", "door", "held", 5_000);
        let changed = store.points.take_changed();
        assert!(list.update(&store, &changed));
        assert_eq!(reasons(&list)[0], Reason::Held);
        assert_eq!(list.lines()[0].since_ms, 5_000);

        set(&mut store, "d1", "door", "held", 6_000);
        let changed = store.points.take_changed();
        assert!(!list.update(&store, &changed), "said again is not news");
        assert_eq!(list.lines()[0].since_ms, 5_000);

        set(&mut store, "d1", "door", "closed", 7_000);
        let changed = store.points.take_changed();
        assert!(list.update(&store, &changed));
        assert_eq!(list.counts(), [2, 0, 0]);
    }

    #[test]
    fn a_silent_meter_is_stale_but_a_silent_fault_stays_a_fault() {
        let mut store = store(&[("l1", "fault", "true"), ("m1", "power", "3.5")]);
        store.points.sweep(1_000_000);
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        assert_eq!(list.counts(), [1, 0, 1]);
        assert_eq!(list.lines()[0].since_ms, STALE_AFTER_MS, "stale since its time ran out");
    }
}
