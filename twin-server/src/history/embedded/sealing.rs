//! Moving samples from the write-ahead part into chunks.
//!
//! A group of points is sealed when it has gathered a chunk's worth of samples, or sooner
//! where memory or the write-ahead part would grow beyond their bounds. Points of the
//! group with a handful of samples are carried over instead: written to `pending` once
//! more, so that they gather a run worth having. Late samples go into the runs they
//! belong to, which keeps the runs of a point apart from each other, whatever comes when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rusqlite::{Connection, Transaction, params};

use super::{
    Failure, Tuning,
    codec::{
        Raw, Run,
        chunk::{self, Chunk},
    },
    memory::Memory,
    sealed,
};

/// A run shorter than this is carried over rather than sealed.
const MIN_RUN: usize = 16;
/// Most samples of one run, so that reading a piece costs little.
const MAX_RUN: usize = 2048;
/// Groups sealed in one commit for being full; each takes some milliseconds.
const MAX_FULL: usize = 8;

/// Which groups the next commit should seal.
pub(super) fn plan(
    memory: &Memory,
    pending: &VecDeque<(i64, usize)>,
    overdue: &BTreeSet<u32>,
    tuning: &Tuning,
) -> BTreeSet<u32> {
    let groups = || (0u32..).zip(&memory.groups);
    let mut plan: BTreeSet<u32> = groups()
        .filter(|(_, group)| group.samples >= tuning.chunk_samples)
        .map(|(id, _)| id)
        .take(MAX_FULL)
        .collect();
    plan.extend(overdue.iter().take(MAX_FULL));
    let pending_bytes: usize = pending.iter().map(|&(_, bytes)| bytes).sum();
    if pending_bytes > tuning.pending_bytes
        && let Some(oldest) = memory.oldest_needed()
    {
        let holding = groups().filter(|(_, group)| group.oldest == Some(oldest));
        plan.extend(holding.map(|(id, _)| id).take(MAX_FULL));
    }
    if memory.samples > tuning.tail_samples {
        let largest = groups().max_by_key(|(_, group)| group.samples);
        plan.extend(largest.map(|(id, _)| id));
    }
    plan
}

/// What a commit moves into chunks.
#[derive(Default)]
pub(super) struct Sealing {
    groups: BTreeSet<u32>,
    /// Points that are sealed, and the place of their last sample in chunks.
    points: Vec<(u32, i64)>,
    carried: Vec<(u32, Raw)>,
}

impl Sealing {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub(super) fn has_carried(&self) -> bool {
        !self.carried.is_empty()
    }

    /// Samples to be written to `pending` once more.
    pub(super) fn carried(&self) -> impl Iterator<Item = (u32, &Raw)> {
        self.carried.iter().map(|(point, raw)| (*point, raw))
    }

    /// Oldest pending row that is needed once this is done.
    pub(super) fn oldest_needed(&self, memory: &Memory, carried: Option<i64>) -> Option<i64> {
        (0u32..)
            .zip(&memory.groups)
            .filter(|(id, _)| !self.groups.contains(id))
            .filter_map(|(_, group)| group.oldest)
            .chain(carried)
            .min()
    }

    /// Writes the chunks of one group, whose samples stand in `pending` up to row `seq`; all
    /// of it, or but for points with a handful of samples.
    pub(super) fn seal(
        &mut self,
        tx: &Transaction<'_>,
        memory: &Memory,
        group: u32,
        all: bool,
        seq: i64,
        tuning: &Tuning,
    ) -> Result<(), Failure> {
        let state = &memory.groups[group as usize];
        let short = |&&point: &&u32| memory.points[point as usize].tail.len() < MIN_RUN;
        let few: usize =
            state.points.iter().filter(short).map(|&p| memory.points[p as usize].tail.len()).sum();
        let carry = !all && few * 4 <= state.samples;
        let mut fresh = Vec::new();
        let mut late = Late::default();
        for &point in &state.points {
            let state = &memory.points[point as usize];
            if carry && state.tail.len() < MIN_RUN {
                self.carried.extend(state.tail.iter().map(|raw| (point, raw.clone())));
                continue;
            }
            let Some(last) = state.tail.last() else { continue };
            let from = state.tail.partition_point(|raw| raw.order() <= state.sealed_last);
            for raw in &state.tail[..from] {
                late.sort(tx, point, raw)?;
            }
            if from < state.tail.len() {
                fresh.push(Run { point, samples: state.tail[from..].to_vec() });
            }
            self.points.push((point, state.sealed_last.max(last.order())));
        }
        late.rewrite(tx, tuning)?;
        fresh.extend(late.pieces());
        write(tx, fresh, tuning)?;
        tx.prepare_cached("INSERT OR REPLACE INTO sealed(grp, seq) VALUES(?1, ?2)")?
            .execute(params![group, seq])?;
        self.groups.insert(group);
        Ok(())
    }

    /// What readers of the memory see once it is committed.
    pub(super) fn apply(self, memory: &mut Memory, carried: Option<i64>) {
        for (point, last) in self.points {
            let state = &mut memory.points[point as usize];
            state.sealed_last = last;
            let group = &mut memory.groups[state.group as usize];
            group.samples -= state.tail.len();
            memory.samples -= state.tail.len();
            // A point that fell silent holds no memory, a lively one keeps its room.
            state.tail.clear();
            state.tail.shrink_to(2 * MIN_RUN);
        }
        for group in self.groups {
            let state = &mut memory.groups[group as usize];
            state.oldest = if state.samples > 0 { carried } else { None };
        }
    }
}

/// Late samples, by what they belong to.
#[derive(Default)]
struct Late {
    /// Of chunk and point: those that lie within a run of it.
    within: BTreeMap<i64, Vec<(u32, i64, Raw)>>,
    /// Of point and the run before: those that lie between runs.
    between: BTreeMap<(u32, i64), Vec<Raw>>,
}

impl Late {
    fn sort(&mut self, tx: &Transaction<'_>, point: u32, raw: &Raw) -> Result<(), Failure> {
        let before = sealed::run_before(tx, point, raw.order())?;
        match before {
            Some(run) if run.last >= raw.order() => {
                self.within.entry(run.chunk).or_default().push((point, run.first, raw.clone()));
            }
            Some(run) => self.between.entry((point, run.first)).or_default().push(raw.clone()),
            None => self.between.entry((point, i64::MIN)).or_default().push(raw.clone()),
        }
        Ok(())
    }

    /// Writes the chunks that late samples fall into once more, with them.
    fn rewrite(&mut self, tx: &Transaction<'_>, tuning: &Tuning) -> Result<(), Failure> {
        for (id, late) in std::mem::take(&mut self.within) {
            let mut runs = Chunk::open(&sealed::data(tx, id)?)?.runs()?;
            for (point, first, raw) in late {
                let fits = |run: &&mut Run| run.point == point && run.first() == first;
                let run = runs.iter_mut().find(fits).ok_or(super::codec::Damaged)?;
                let place = run.samples.partition_point(|held| held.order() <= raw.order());
                run.samples.insert(place, raw);
            }
            remove(tx, id, &runs)?;
            write(tx, runs, tuning)?;
        }
        Ok(())
    }

    fn pieces(self) -> impl Iterator<Item = Run> {
        self.between.into_iter().map(|((point, _), samples)| Run { point, samples })
    }
}

/// Takes a chunk out, and its runs.
pub(super) fn remove(tx: &Connection, id: i64, runs: &[Run]) -> Result<(), Failure> {
    tx.prepare_cached("DELETE FROM chunk WHERE id = ?1")?.execute([id])?;
    let mut delete = tx.prepare_cached("DELETE FROM run WHERE point = ?1 AND first = ?2")?;
    for run in runs {
        delete.execute(params![run.point, run.first()])?;
    }
    Ok(())
}

/// Writes runs as chunks of a good size.
pub(super) fn write(tx: &Connection, runs: Vec<Run>, tuning: &Tuning) -> Result<(), Failure> {
    let mut chunk = Vec::new();
    let mut samples = 0;
    for run in runs.into_iter().flat_map(split) {
        samples += run.samples.len();
        chunk.push(run);
        if samples >= 2 * tuning.chunk_samples {
            write_chunk(tx, &chunk)?;
            chunk.clear();
            samples = 0;
        }
    }
    if chunk.is_empty() { Ok(()) } else { write_chunk(tx, &chunk) }
}

/// Runs no longer than the bound, cut where time goes on: samples of the same time stay
/// together, or runs would overlap.
fn split(run: Run) -> Vec<Run> {
    let Run { point, mut samples } = run;
    let mut parts = Vec::new();
    while samples.len() > MAX_RUN {
        let order = samples[MAX_RUN].order();
        let mut cut = samples.partition_point(|raw| raw.order() < order);
        if cut == 0 {
            cut = samples.partition_point(|raw| raw.order() <= order);
        }
        if cut == samples.len() {
            break;
        }
        let rest = samples.split_off(cut);
        parts.push(Run { point, samples: std::mem::replace(&mut samples, rest) });
    }
    parts.push(Run { point, samples });
    parts
}

/// Bits of a duration: chunks of a level last less than two to the level, ms.
pub(super) fn level(first: i64, last: i64) -> u32 {
    64 - (last.wrapping_sub(first) as u64).leading_zeros()
}

pub(super) fn write_chunk(tx: &Connection, runs: &[Run]) -> Result<(), Failure> {
    let first = runs.iter().map(Run::first).min().unwrap_or_default();
    let last = runs.iter().map(Run::last).max().unwrap_or_default();
    let samples: usize = runs.iter().map(|run| run.samples.len()).sum();
    tx.prepare_cached(
        "INSERT INTO chunk(level, first, last, samples, data) VALUES(?1,?2,?3,?4,?5)",
    )?
    .execute(params![level(first, last), first, last, samples, chunk::encode(runs)])?;
    let id = tx.last_insert_rowid();
    let mut insert = tx.prepare_cached(
        "INSERT INTO run(point, first, last, samples, chunk) VALUES(?1,?2,?3,?4,?5)",
    )?;
    for run in runs {
        insert.execute(params![run.point, run.first(), run.last(), run.samples.len(), id])?;
    }
    Ok(())
}
