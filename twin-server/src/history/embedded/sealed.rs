//! Looking into chunks: which run holds a moment, and what is in it.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Failure,
    codec::{Damaged, Raw, Run, chunk::Chunk},
};

/// A run, as the database tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunRow {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) chunk: i64,
}

/// The run of a point that begins last, but not after a moment.
pub(super) fn run_before(db: &Connection, point: u32, at: i64) -> Result<Option<RunRow>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT first, last, chunk FROM run WHERE point = ?1 AND first <= ?2 \
         ORDER BY first DESC LIMIT 1",
    )?;
    let run = select.query_row(params![point, at], |row| {
        Ok(RunRow { first: row.get(0)?, last: row.get(1)?, chunk: row.get(2)? })
    });
    Ok(run.optional()?)
}

/// The bytes of a chunk.
pub(super) fn data(db: &Connection, id: i64) -> Result<Vec<u8>, Failure> {
    let mut select = db.prepare_cached("SELECT data FROM chunk WHERE id = ?1")?;
    Ok(select.query_row([id], |row| row.get(0))?)
}

/// Which levels there are: a look for each, and there are few.
pub(super) fn levels(db: &Connection) -> Result<Vec<i64>, Failure> {
    let mut select =
        db.prepare_cached("SELECT level FROM chunk WHERE level > ?1 ORDER BY level LIMIT 1")?;
    let mut levels = Vec::new();
    let mut last = -1i64;
    while let Some(level) = select.query_map([last], |row| row.get(0))?.next().transpose()? {
        levels.push(level);
        last = level;
    }
    Ok(levels)
}

/// One run out of a chunk.
pub(super) fn run_of(chunk: &Chunk, point: u32, first: i64) -> Result<Run, Damaged> {
    for place in chunk.of_point(point) {
        let run = chunk.run(place)?;
        if run.first() == first {
            return Ok(run);
        }
    }
    Err(Damaged)
}

/// Runs that late samples were compared with lately.
#[derive(Debug, Default)]
pub(super) struct Lookup(HashMap<(u32, i64), Arc<Run>>);

impl Lookup {
    /// Runs kept; a backlog of one device looks at few.
    const MAX: usize = 256;

    /// Whether chunks hold the same sample already.
    pub(super) fn is_sealed(
        &mut self,
        db: &Connection,
        point: u32,
        raw: &Raw,
    ) -> Result<bool, Failure> {
        let order = raw.order();
        let Some(row) = run_before(db, point, order)?.filter(|run| run.last >= order) else {
            return Ok(false);
        };
        let run = match self.0.get(&(point, row.first)) {
            Some(run) => Arc::clone(run),
            None => {
                let run = Chunk::open(&data(db, row.chunk)?)?;
                let run = Arc::new(run_of(&run, point, row.first)?);
                if self.0.len() >= Self::MAX {
                    self.0.clear();
                }
                self.0.insert((point, row.first), Arc::clone(&run));
                run
            }
        };
        let from = run.samples.partition_point(|held| held.order() < order);
        let mut equals = run.samples[from..].iter().take_while(|held| held.order() == order);
        Ok(equals.any(|held| held.same(raw)))
    }

    /// Chunks were written; what was read before may be no more.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
