//! The whole scene at a moment.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use twin_model::Quality;

use super::{
    Failure,
    codec::{Raw, chunk::Chunk},
    memory::{Memory, PointState, ms},
    reader::Reader,
    rollups, sealed,
};
use crate::history::{PastPoint, PastSample, is_stale};

/// A point's answer so far.
struct Found {
    id: u32,
    /// The latest in memory, as an answer.
    held: Option<(i64, PastSample)>,
    /// Whether a chunk may hold a later one.
    sealed: bool,
    past: Arc<PastPoint>,
}

/// Of each point the latest sample not after the moment.
pub(super) fn state_at(reader: &mut Reader, at: Timestamp) -> Result<Vec<PastSample>, Failure> {
    let until = ms(at);
    let (found, tx) = reader.look(|memory| in_memory(memory, until))?;
    let mut chunks: BTreeMap<i64, Vec<(usize, i64)>> = BTreeMap::new();
    let mut answers: Vec<Option<(i64, PastSample)>> = Vec::with_capacity(found.len());
    let mut found = found;
    for (n, point) in found.iter_mut().enumerate().filter(|(_, point)| point.sealed) {
        match sealed::run_before(&tx, point.id, until)? {
            Some(run) => chunks.entry(run.chunk).or_default().push((n, run.first)),
            None if point.held.is_none() => {
                let raw = rollups::last(&tx, point.id, until)?;
                point.held = raw.map(|raw| {
                    let past = Arc::clone(&point.past);
                    (raw.order(), PastSample { point: past, sample: raw.to_sample() })
                });
            }
            None => {}
        }
    }
    let mut points = Vec::with_capacity(found.len());
    for point in found {
        answers.push(point.held);
        points.push((point.id, point.past));
    }
    // Chunk by chunk: points that share one are answered by reading it once.
    for (id, wanted) in chunks {
        let chunk = Chunk::open(&sealed::data(&tx, id)?)?;
        for (n, first) in wanted {
            let (point, past) = &points[n];
            let run = sealed::run_of(&chunk, *point, first)?;
            let end = run.samples.partition_point(|raw| raw.order() <= until);
            let Some(raw) = run.samples[..end].last() else { continue };
            let answer = &mut answers[n];
            // What is in memory came later, where times are equal.
            if answer.as_ref().is_none_or(|(order, _)| *order < raw.order()) {
                let sample = PastSample { point: Arc::clone(past), sample: raw.to_sample() };
                *answer = Some((raw.order(), sample));
            }
        }
    }
    let aged = |(_, mut answer): (i64, PastSample)| {
        age(&mut answer, at);
        answer
    };
    Ok(answers.into_iter().flatten().map(aged).collect())
}

fn in_memory(memory: &Memory, until: i64) -> Vec<Found> {
    let look = |(id, state): (u32, &PointState)| {
        let latest: Option<&Raw> = match &state.latest {
            Some(latest) if latest.order() <= until => Some(latest),
            _ => {
                let end = state.tail.partition_point(|raw| raw.order() <= until);
                state.tail[..end].last()
            }
        };
        let held = latest.map(|raw| (raw.order(), state.answer(raw)));
        let is_latest = state.latest.as_ref().is_some_and(|latest| latest.order() <= until);
        let sealed =
            !is_latest && held.as_ref().is_none_or(|(order, _)| *order < state.sealed_last);
        Found { id, held, sealed, past: Arc::clone(&state.past) }
    };
    (0u32..).zip(&memory.points).map(look).collect()
}

/// Marks an answer stale where its point had been silent for too long, as the live state
/// would have.
fn age(answer: &mut PastSample, at: Timestamp) {
    if is_stale(&answer.sample, answer.point.stale_after_ms, at) {
        answer.sample.quality = Quality::Stale;
    }
}
