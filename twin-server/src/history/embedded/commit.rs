//! One commit: everything that waits becomes one row of `pending` and one sync of the
//! disk; groups of points that have gathered enough move into chunks in the same breath.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::RwLock;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{
    Failure, Tuning,
    codec::{Held, Raw, batch, chunk::Names},
    expiry::Expiry,
    memory::{Memory, agrees, described},
    sealed::Lookup,
    sealing::{self, Sealing},
};
use crate::{
    history::{Appended, PastPoint, retention::Retention},
    reading::Reading,
};

/// How often the store notes that it is there to take samples.
const ALIVE_MS: i64 = 5_000;
/// Most points; readings of further ones are refused. The live state has a lower bound.
const MAX_POINTS: usize = 1 << 20;

/// The writing half of the store.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) db: Connection,
    pub(super) memory: Arc<RwLock<Memory>>,
    pub(super) tuning: Tuning,
    /// Number of the next pending row.
    pub(super) next_seq: i64,
    /// Pending rows and their bytes, oldest first.
    pub(super) pending: VecDeque<(i64, usize)>,
    pub(super) lookup: Lookup,
    pub(super) names: Names,
    pub(super) alive_ms: i64,
    pub(super) retention: Retention,
    pub(super) expiry: Expiry,
}

/// What one commit would add.
#[derive(Default)]
struct Staged {
    samples: Vec<(u32, Raw)>,
    seen: HashSet<(u32, i64, Key)>,
    newest_source: HashMap<u32, i64>,
    points: Vec<(Arc<PastPoint>, u32)>,
    ids: HashMap<(twin_model::EntityId, Arc<str>), u32>,
    redefined: HashMap<u32, Arc<PastPoint>>,
}

/// A value that can be looked up.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Number(u64),
    Bool(bool),
    Text(Arc<str>),
}

impl From<&Held> for Key {
    fn from(value: &Held) -> Self {
        match value {
            Held::Number(number) => Self::Number(number.to_bits()),
            Held::Bool(yes) => Self::Bool(*yes),
            Held::Text(text) => Self::Text(Arc::clone(text)),
        }
    }
}

impl Committer {
    /// Keeps batches of readings; tells for each what became of it. All or nothing.
    pub(super) fn commit(&mut self, batches: &[Vec<Reading>]) -> Result<Vec<Appended>, Failure> {
        let mut staged = Staged::default();
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut appended = Appended::default();
            for reading in batch {
                if self.stage(reading, &mut staged)? {
                    appended.kept += 1;
                } else {
                    appended.duplicates += 1;
                }
            }
            outcomes.push(appended);
        }
        self.write(staged)?;
        Ok(outcomes)
    }

    /// Whether the reading is new; if so, it is staged.
    fn stage(&mut self, reading: &Reading, staged: &mut Staged) -> Result<bool, Failure> {
        let memory = Arc::clone(&self.memory);
        let memory = memory.read();
        let mut raw = Raw::from(&reading.sample);
        self.names.share(&mut raw.value);
        let (point, known) = match memory.find(reading.entity.as_str(), &reading.metric) {
            Some(point) => (point, memory.points.get(point as usize)),
            None => (new_point(&memory, reading, staged)?, None),
        };
        if let Some(state) = known {
            let past = staged.redefined.get(&point).unwrap_or(&state.past);
            if !agrees(past, reading) {
                staged.redefined.insert(point, Arc::new(described(reading)));
            }
        }
        let newest = known.map_or(i64::MIN, |state| state.newest_source);
        let newest = staged.newest_source.get(&point).map_or(newest, |&staged| staged.max(newest));
        // Mostly samples are newer than all before, and then there is nothing to look for.
        if raw.source <= newest {
            if staged.seen.contains(&(point, raw.source, Key::from(&raw.value))) {
                return Ok(false);
            }
            if let Some(state) = known
                && (state.latest.as_ref().is_some_and(|latest| latest.same(&raw))
                    || in_tail(&state.tail, &raw)
                    || (raw.order() <= state.sealed_last
                        && self.lookup.is_sealed(&self.db, point, &raw)?))
            {
                return Ok(false);
            }
        }
        staged.newest_source.insert(point, newest.max(raw.source));
        staged.seen.insert((point, raw.source, Key::from(&raw.value)));
        staged.samples.push((point, raw));
        Ok(true)
    }

    fn write(&mut self, staged: Staged) -> Result<(), Failure> {
        let now = Timestamp::now().as_millisecond();
        let plan =
            sealing::plan(&self.memory.read(), &self.pending, &self.expiry.overdue, &self.tuning);
        let worth = !staged.samples.is_empty() || !staged.redefined.is_empty() || !plan.is_empty();
        if !worth && now - self.alive_ms < ALIVE_MS {
            return Ok(());
        }
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write_points(&tx, &self.memory.read(), &staged)?;
        let mut sealing = Sealing::default();
        if !plan.is_empty() {
            let memory = self.memory.read();
            for &group in &plan {
                let all = self.expiry.overdue.contains(&group);
                sealing.seal(&tx, &memory, group, all, self.next_seq - 1, &self.tuning)?;
            }
        }
        let mut rows = Vec::new();
        let mut seq = self.next_seq;
        let mut put = |samples: &mut dyn Iterator<Item = (u32, &Raw)>| -> Result<i64, Failure> {
            let data = batch::encode(samples);
            let row = seq;
            tx.prepare_cached("INSERT INTO pending(seq, data) VALUES(?1, ?2)")?
                .execute(params![row, data])?;
            rows.push((row, data.len()));
            seq += 1;
            Ok(row)
        };
        let carried = if sealing.has_carried() { Some(put(&mut sealing.carried())?) } else { None };
        let fresh = if staged.samples.is_empty() {
            None
        } else {
            Some(put(&mut staged.samples.iter().map(|(point, raw)| (*point, raw)))?)
        };
        let needed = sealing.oldest_needed(&self.memory.read(), carried);
        let oldest = needed.or(fresh).unwrap_or(seq);
        if self.pending.front().is_some_and(|&(first, _)| first < oldest) {
            tx.prepare_cached("DELETE FROM pending WHERE seq < ?1")?.execute([oldest])?;
        }
        tx.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES('alive', ?1)")?
            .execute([now])?;
        // Readers see the samples either in the tails or in chunks, never in both.
        let mut memory = if sealing.is_empty() {
            tx.commit()?;
            self.memory.write()
        } else {
            let memory = self.memory.write();
            tx.commit()?;
            self.lookup.forget();
            memory
        };
        self.alive_ms = now;
        self.expiry.overdue.retain(|group| !plan.contains(group));
        self.next_seq = seq;
        self.pending.extend(rows);
        while self.pending.front().is_some_and(|&(first, _)| first < oldest) {
            self.pending.pop_front();
        }
        sealing.apply(&mut memory, carried);
        for (past, group) in staged.points {
            memory.add_point(past, group);
        }
        for (point, past) in staged.redefined {
            memory.points[point as usize].past = past;
        }
        if let Some(fresh) = fresh {
            for (point, raw) in staged.samples {
                memory.insert(point, raw, fresh);
            }
        }
        Ok(())
    }
}

fn new_point(memory: &Memory, reading: &Reading, staged: &mut Staged) -> Result<u32, Failure> {
    let key = (reading.entity.clone(), Arc::clone(&reading.metric));
    if let Some(&point) = staged.ids.get(&key) {
        return Ok(point);
    }
    let place = memory.points.len() + staged.points.len();
    if place >= MAX_POINTS {
        return Err(Failure::TooManyPoints(MAX_POINTS));
    }
    let group = memory.next_group(staged.points.len());
    staged.points.push((Arc::new(described(reading)), group));
    staged.ids.insert(key, place as u32);
    Ok(place as u32)
}

/// Whether a tail holds the same sample. One from a clock that runs ahead has its place
/// by when it was received, which differs when it comes again.
fn in_tail(tail: &[Raw], raw: &Raw) -> bool {
    if raw.source > raw.receive {
        return tail.iter().any(|held| held.same(raw));
    }
    let order = raw.order();
    let from = tail.partition_point(|held| held.order() < order);
    tail[from..].iter().take_while(|held| held.order() == order).any(|held| held.same(raw))
}

fn write_points(tx: &Transaction<'_>, memory: &Memory, staged: &Staged) -> Result<(), Failure> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO point(id, grp, entity, metric, unit, stale_after_ms) VALUES(?1,?2,?3,?4,?5,?6)",
    )?;
    for (n, (past, group)) in staged.points.iter().enumerate() {
        insert.execute(params![
            memory.points.len() + n,
            group,
            past.key.entity.as_str(),
            past.key.metric,
            past.unit.as_ref(),
            past.stale_after_ms
        ])?;
    }
    let mut update =
        tx.prepare_cached("UPDATE point SET unit = ?2, stale_after_ms = ?3 WHERE id = ?1")?;
    for (point, past) in &staged.redefined {
        update.execute(params![point, past.unit.as_ref(), past.stale_after_ms])?;
    }
    Ok(())
}
