//! Opening a store: what memory holds is read back from the file, whatever ended the
//! process that wrote it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::Path,
    sync::Arc,
};

use rusqlite::Connection;
use twin_model::PointKey;

use super::{
    Failure,
    codec::{
        batch,
        chunk::{Chunk, Names},
    },
    memory::Memory,
    rollups, sealed,
};
use crate::history::PastPoint;

/// What a store begins with.
pub(super) struct Opened {
    pub(super) memory: Memory,
    /// Pending rows and their bytes, oldest first.
    pub(super) pending: VecDeque<(i64, usize)>,
    pub(super) next_seq: i64,
    /// When the store was last there to take samples, ms; absent in a new one.
    pub(super) alive_ms: Option<i64>,
}

/// Reads all of it. What it takes grows with points and unsealed samples, not with what
/// lies in chunks.
pub(super) fn load(db: &Connection, dir: &Path) -> Result<Opened, Failure> {
    let mut memory = Memory::default();
    points(db, &mut memory)?;
    latest(db, &mut memory, dir)?;
    memory.span = span(db)?;
    let mut select = db.prepare("SELECT start, stop FROM gap ORDER BY start")?;
    let gaps = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    memory.gaps = gaps.collect::<Result<_, _>>()?;
    let (pending, next_seq) = pending(db, &mut memory)?;
    let alive_ms = db
        .prepare("SELECT value FROM meta WHERE key = 'alive'")?
        .query_map([], |row| row.get(0))?
        .next()
        .transpose()?;
    Ok(Opened { memory, pending, next_seq, alive_ms })
}

fn points(db: &Connection, memory: &mut Memory) -> Result<(), Failure> {
    let mut select =
        db.prepare("SELECT id, grp, entity, metric, unit, stale_after_ms FROM point ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id: usize = row.get(0)?;
        if id != memory.points.len() {
            return Err(Failure::Damaged);
        }
        let entity: String = row.get(2)?;
        let unit: String = row.get(4)?;
        let past = PastPoint {
            key: PointKey::new(entity.as_str(), row.get::<_, String>(3)?),
            unit: unit.into(),
            stale_after_ms: row.get(5)?,
        };
        let group: u32 = row.get(1)?;
        memory.add_point(Arc::new(past), group);
    }
    Ok(())
}

/// The newest sample of every point that is in a chunk. A chunk that is damaged costs the
/// newest value of its points, not the start.
fn latest(db: &Connection, memory: &mut Memory, dir: &Path) -> Result<(), Failure> {
    let mut wanted: BTreeMap<i64, Vec<(u32, i64)>> = BTreeMap::new();
    for id in 0..memory.points.len() as u32 {
        if let Some(run) = sealed::run_before(db, id, i64::MAX)? {
            memory.points[id as usize].sealed_last = run.last;
            wanted.entry(run.chunk).or_default().push((id, run.first));
        } else if let Some(raw) = rollups::last(db, id, i64::MAX)? {
            memory.points[id as usize].see(&raw);
        }
    }
    for (id, points) in wanted {
        if let Err(error) = latest_of(&sealed::data(db, id)?, &points, memory) {
            tracing::error!("{}: chunk {id}: {error}", dir.display());
        }
    }
    Ok(())
}

/// The newest samples of points whose newest runs are in one chunk.
fn latest_of(data: &[u8], points: &[(u32, i64)], memory: &mut Memory) -> Result<(), Failure> {
    let chunk = Chunk::open(data)?;
    for &(point, first) in points {
        let run = sealed::run_of(&chunk, point, first)?;
        let state = &mut memory.points[point as usize];
        run.samples.iter().for_each(|raw| state.see(raw));
    }
    Ok(())
}

/// Earliest and latest place of what is in chunks.
pub(super) fn span(db: &Connection) -> Result<Option<(i64, i64)>, Failure> {
    let mut span: Option<(i64, i64)> = None;
    // By level: the first of each is one look; the last is not, so points tell it.
    for level in 0..=64 {
        let mut select = db.prepare_cached("SELECT min(first) FROM chunk WHERE level = ?1")?;
        if let Some(first) = select.query_row([level], |row| row.get::<_, Option<i64>>(0))? {
            span = Some(span.map_or((first, first), |(low, high)| (low.min(first), high)));
        }
    }
    Ok(span)
}

fn pending(db: &Connection, memory: &mut Memory) -> Result<(VecDeque<(i64, usize)>, i64), Failure> {
    let mut select = db.prepare("SELECT grp, seq FROM sealed")?;
    let sealed: HashMap<u32, i64> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut rows = VecDeque::new();
    let mut names = Names::default();
    let mut select = db.prepare("SELECT seq, data FROM pending ORDER BY seq")?;
    let mut found = select.query([])?;
    // Numbers go on after the highest ever used, also where no row is left.
    let mut next_seq = sealed.values().max().map_or(1, |seq| seq + 1);
    while let Some(row) = found.next()? {
        let seq: i64 = row.get(0)?;
        let data = row.get_ref(1)?.as_blob().map_err(|_| Failure::Damaged)?;
        for (point, mut raw) in batch::decode(data)? {
            let group = memory.points.get(point as usize).ok_or(Failure::Damaged)?.group;
            if sealed.get(&group).is_none_or(|&until| seq > until) {
                names.share(&mut raw.value);
                memory.insert(point, raw, seq);
            }
        }
        rows.push_back((seq, data.len()));
        next_seq = next_seq.max(seq + 1);
    }
    let last = memory.points.iter().map(|state| state.sealed_last).max();
    if let Some(last) = last.filter(|&last| last > i64::MIN) {
        memory.widen(last, last);
    }
    Ok((rows, next_seq))
}
