//! What depends on the sample before: a change that is too fast, and one too small to be
//! worth passing on.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use twin_model::{EntityId, Quality, Sample, Value};

use super::binding::Point;

/// A change too small to be passed on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deadband {
    /// In the point's unit.
    Absolute(f64),
    /// Of the value last passed on, 0 to 100.
    Percent(f64),
}

impl Deadband {
    fn holds(self, passed: f64, value: f64) -> bool {
        let limit = match self {
            Self::Absolute(limit) => limit,
            Self::Percent(percent) => passed.abs() * percent / 100.0,
        };
        (value - passed).abs() <= limit
    }
}

/// How long a deadband may keep a point silent where nothing else is said: half of what
/// would make it stale, so that a device that goes on speaking never looks dead.
pub(super) fn max_silence(point: &Point) -> Duration {
    const UNLESS_TOLD: Duration = Duration::from_mins(15);
    point.max_silence.or(point.stale_after.map(|limit| limit / 2)).unwrap_or(UNLESS_TOLD)
}

/// What is remembered of the points of one binding that have a rate or a deadband. As large
/// as the scene has entities, and no larger.
#[derive(Debug, Default)]
pub(super) struct Filter {
    by_entity: HashMap<EntityId, Box<[Memory]>>,
}

#[derive(Clone, Debug, Default)]
struct Memory {
    /// The number seen last, and when it was measured.
    seen: Option<(f64, Timestamp)>,
    /// The sample last passed on.
    passed: Option<Sample>,
}

impl Filter {
    /// Whether a point needs to be remembered at all.
    pub(super) fn concerns(point: &Point) -> bool {
        point.rate.is_some() || point.deadband.is_some()
    }

    /// Marks a sample that changed too fast, with the reason.
    pub(super) fn too_fast(
        &mut self,
        entity: &EntityId,
        points: &[Point],
        at: usize,
        sample: &mut Sample,
    ) -> Option<String> {
        let point = &points[at];
        let Value::Number(number) = sample.value else { return None };
        let limit = point.rate?;
        let memory = self.memory(entity, points.len(), at);
        let before = memory.seen.replace((number, sample.source_time));
        let (last, when) = before?;
        let step = sample.source_time.duration_since(when);
        if step <= SignedDuration::ZERO {
            // Older than what is known: it says nothing of the change since.
            memory.seen = before;
            return None;
        }
        let per_second = (number - last).abs() / step.as_secs_f64();
        (per_second > limit).then(|| {
            sample.quality = sample.quality.max(Quality::Uncertain);
            format!(
                "{} went from {last} to {number} in {:.3} s, faster than {limit} a second",
                point.metric,
                step.as_secs_f64(),
            )
        })
    }

    /// Whether a sample is to be passed on: not where the deadband holds it.
    pub(super) fn passes(
        &mut self,
        entity: &EntityId,
        points: &[Point],
        at: usize,
        sample: &Sample,
    ) -> bool {
        let point = &points[at];
        let Some(deadband) = point.deadband else { return true };
        let limit = SignedDuration::try_from(max_silence(point)).unwrap_or(SignedDuration::MAX);
        let memory = self.memory(entity, points.len(), at);
        if let Some(passed) = &memory.passed {
            let within = match (&passed.value, &sample.value) {
                (Value::Number(passed), Value::Number(value)) => deadband.holds(*passed, *value),
                _ => false,
            };
            let recent = sample.receive_time.duration_since(passed.receive_time) < limit;
            if within && recent && sample.quality == passed.quality {
                return false;
            }
            if sample.source_time < passed.source_time {
                // A late one: it has its place in the history, and is not what came last.
                return true;
            }
        }
        memory.passed = Some(sample.clone());
        true
    }

    fn memory(&mut self, entity: &EntityId, points: usize, at: usize) -> &mut Memory {
        let empty = || vec![Memory::default(); points].into();
        &mut self.by_entity.entry(entity.clone()).or_insert_with(empty)[at]
    }
}
