//! What has been kept long enough: samples become rollups, and rollups go, a little at a
//! time between commits; and the budget of bytes is kept.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    Failure,
    codec::{Raw, Run, chunk::Chunk, rollup::Level},
    commit::Committer,
    open, rollups, sealed, sealing,
};

/// Chunks dealt with in one step; each takes well below a millisecond.
const MAX_CHUNKS: usize = 32;
/// Points looked at in one step.
const MAX_POINTS: usize = 4096;
/// Pause between two steps while there is something to do, ms.
const PAUSE_MS: i64 = 250;
/// Pause once nothing is left, ms: short, since the budget is watched in the same step.
const REST_MS: i64 = 5_000;
/// Samples expire by whole days, so that a rollup is written few times.
const DAY_MS: i64 = 86_400_000;
/// Pages given back to the file system in one step.
const MAX_FREED: u32 = 256;

/// Where the work stands.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// When to look again, ms.
    next_ms: i64,
    /// The point to look at next.
    point: u32,
    /// Groups with samples in memory that have been kept long enough: the next commit moves
    /// them into chunks, from which they go like all others.
    pub(super) overdue: BTreeSet<u32>,
    /// Bytes in use when last looked at.
    pub(super) used_bytes: u64,
    warned: bool,
}

/// A run that holds samples that have been kept long enough.
struct Expired {
    point: u32,
    first: i64,
    chunk: i64,
    /// Samples before this go.
    cut: i64,
}

impl Committer {
    /// One step, where it is time for one.
    pub(super) fn expire(&mut self, now: i64) -> Result<(), Failure> {
        if now < self.expiry.next_ms {
            return Ok(());
        }
        let over = self.watch_budget()?;
        let more = if over { self.drop_oldest()? } else { self.expire_points(now)? };
        self.expiry.next_ms = now + if more { PAUSE_MS } else { REST_MS };
        Ok(())
    }

    /// Looks at the next points; whether there may be more to do.
    fn expire_points(&mut self, now: i64) -> Result<bool, Failure> {
        let mut expired = Vec::new();
        let mut overdue = Vec::new();
        let mut chunks = BTreeSet::new();
        let begin = self.expiry.point;
        let points = self.memory.read().points.len() as u32;
        let mut at = begin;
        while at < points && (at - begin) < MAX_POINTS as u32 && chunks.len() < MAX_CHUNKS {
            let memory = self.memory.read();
            let state = &memory.points[at as usize];
            let class = self.retention.class(&state.past.key.metric);
            let (raw_cut, kept) = (cut(now, class.raw), [class.minute, class.hour]);
            let oldest = state.tail.first().map_or(i64::MAX, Raw::order);
            if raw_cut.is_some_and(|cut| oldest < cut) {
                self.expiry.overdue.insert(state.group);
            }
            drop(memory);
            if let Some(cut) = raw_cut {
                let room = MAX_CHUNKS - chunks.len();
                let found = expired_runs(&self.db, at, cut, room)?;
                chunks.extend(found.iter().map(|run| run.chunk));
                expired.extend(found);
            }
            for (level, kept) in Level::ALL.into_iter().zip(kept) {
                if let Some(cut) = cut(now, kept) {
                    overdue.push((level, at, cut.div_euclid(level.window())));
                }
            }
            at += 1;
        }
        let full = chunks.len() >= MAX_CHUNKS;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let any = !expired.is_empty();
        retire(&tx, &expired)?;
        // After what has just become some: it may be older than rollups are kept.
        for (level, point, window) in overdue {
            rollups::drop_before(&tx, level, point, window)?;
        }
        let span = if any { open::span(&tx)? } else { None };
        tx.commit()?;
        if any {
            self.lookup.forget();
            self.shrink_span(span);
        }
        give_back(&self.db)?;
        // A point that has more is looked at again.
        self.expiry.point = if full { at.saturating_sub(1).max(begin) } else { at };
        if self.expiry.point >= points {
            self.expiry.point = 0;
            return Ok(any || !self.expiry.overdue.is_empty());
        }
        Ok(true)
    }

    /// Whether more is in use than the budget allows; warns before.
    fn watch_budget(&mut self) -> Result<bool, Failure> {
        let used = used_bytes(&self.db)?;
        self.expiry.used_bytes = used;
        metrics::gauge!("twin_history_bytes").set(used as f64);
        let budget = self.retention.max_bytes;
        let near = used > budget / 10 * 9;
        if near && !self.expiry.warned {
            tracing::warn!(
                "history: {used} of {budget} bytes are in use; beyond that the oldest samples go \
                 before their time (history.max_bytes)"
            );
        }
        self.expiry.warned = near;
        Ok(used > budget)
    }

    /// Drops the oldest: samples first, they live on as rollups; then rollups.
    fn drop_oldest(&mut self) -> Result<bool, Failure> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let oldest = oldest_chunks(&tx, MAX_CHUNKS / 2)?;
        if oldest.is_empty() {
            let dropped = rollups::drop_oldest(&tx)?;
            tx.commit()?;
            return Ok(dropped);
        }
        for id in oldest {
            let runs = Chunk::open(&sealed::data(&tx, id)?)?.runs()?;
            rollups::add(&tx, &runs)?;
            sealing::remove(&tx, id, &runs)?;
        }
        let span = open::span(&tx)?;
        tx.commit()?;
        give_back(&self.db)?;
        self.lookup.forget();
        self.shrink_span(span);
        Ok(true)
    }

    /// What the store spans once chunks are gone.
    fn shrink_span(&mut self, chunks: Option<(i64, i64)>) {
        let mut memory = self.memory.write();
        let tails = memory.points.iter().filter_map(|state| state.tail.first()).map(Raw::order);
        let first = tails.chain(chunks.map(|(first, _)| first)).min();
        memory.span = match (memory.span, first) {
            (Some((_, last)), Some(first)) => Some((first, last)),
            _ => None,
        };
    }
}

/// Gives free pages back to the file system; a row comes for each.
fn give_back(db: &Connection) -> Result<(), Failure> {
    let mut vacuum = db.prepare_cached(&format!("PRAGMA incremental_vacuum({MAX_FREED})"))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Until when something is old enough to go; by whole days.
fn cut(now: i64, kept: Option<std::time::Duration>) -> Option<i64> {
    let kept = i64::try_from(kept?.as_millis()).ok()?;
    Some(now.saturating_sub(kept).div_euclid(DAY_MS) * DAY_MS)
}

/// Bytes in use; free pages are not.
fn used_bytes(db: &Connection) -> Result<u64, Failure> {
    let get = |what: &str| db.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, u64>(0));
    Ok((get("page_count")? - get("freelist_count")?) * get("page_size")?)
}

/// Runs of a point that begin before a moment, oldest first. A run that goes on beyond it is
/// cut there; what is left begins later and is not found again.
fn expired_runs(
    db: &Connection,
    point: u32,
    cut: i64,
    most: usize,
) -> Result<Vec<Expired>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT first, chunk FROM run WHERE point = ?1 AND first < ?2 ORDER BY first LIMIT ?3",
    )?;
    let rows = select.query_map(params![point, cut, most], |row| {
        Ok(Expired { point, first: row.get(0)?, chunk: row.get(1)?, cut })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Turns what is old of runs into rollups and takes it out of their chunks.
fn retire(db: &Connection, expired: &[Expired]) -> Result<(), Failure> {
    let mut chunks: BTreeMap<i64, BTreeMap<(u32, i64), i64>> = BTreeMap::new();
    for run in expired {
        chunks.entry(run.chunk).or_default().insert((run.point, run.first), run.cut);
    }
    let mut gone = Vec::new();
    for (id, cuts) in chunks {
        let runs = Chunk::open(&sealed::data(db, id)?)?.runs()?;
        sealing::remove(db, id, &runs)?;
        let mut kept = Vec::new();
        for Run { point, samples: mut old } in runs {
            let first = old.first().map_or(i64::MIN, Raw::order);
            let cut = cuts.get(&(point, first)).copied().unwrap_or(i64::MIN);
            let young = old.split_off(old.partition_point(|raw| raw.order() < cut));
            let parts = [(old, &mut gone), (young, &mut kept)];
            for (samples, runs) in parts.into_iter().filter(|(samples, _)| !samples.is_empty()) {
                runs.push(Run { point, samples });
            }
        }
        if !kept.is_empty() {
            sealing::write_chunk(db, &kept)?;
        }
    }
    rollups::add(db, &gone)
}

/// The chunks that begin first.
fn oldest_chunks(db: &Connection, count: usize) -> Result<Vec<i64>, Failure> {
    let mut found: Vec<(i64, i64)> = Vec::new();
    for level in sealed::levels(db)? {
        let mut select = db.prepare_cached(
            "SELECT first, id FROM chunk WHERE level = ?1 ORDER BY first LIMIT ?2",
        )?;
        let rows = select.query_map(params![level, count], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            found.push(row?);
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().take(count).map(|(_, id)| id).collect())
}
