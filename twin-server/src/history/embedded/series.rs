//! The samples of one point, as they are drawn.

use std::{collections::VecDeque, ops::Range};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use twin_model::PointKey;

use super::{
    Failure,
    codec::{Raw, chunk::Chunk, rollup::Level, timestamp},
    memory::{Memory, ms},
    reader::Reader,
    rollups, sealed,
};
use crate::history::{Series, downsample::Downsampler};

/// What memory knows of the point.
struct Known {
    id: u32,
    tail: Vec<Raw>,
    /// Earliest and latest sample of the point in the range, as far as memory tells.
    last: i64,
}

/// All samples in a range, or as many as stand for them.
pub(super) fn series(
    reader: &mut Reader,
    key: &PointKey,
    range: Range<Timestamp>,
    max_points: usize,
) -> Result<Series, Failure> {
    let (start, end) = (ms(range.start), ms(range.end));
    let ((known, gaps), tx) = reader.look(|memory| {
        (
            memory.find(key.entity.as_str(), &key.metric).map(|id| known(memory, id, start, end)),
            gaps(memory, start, end),
        )
    })?;
    let Some(known) = known else {
        return Ok(Series { gaps, ..Series::default() });
    };
    let first = sealed::run_before(&tx, known.id, start)?.map_or(start, |run| run.first);
    // Buckets divide what there is, not what was asked: a range may be a century.
    let begin: Option<i64> = tx
        .prepare_cached(
            "SELECT first FROM run WHERE point = ?1 AND first >= ?2 ORDER BY first LIMIT 1",
        )?
        .query_map(params![known.id, first], |row| row.get(0))?
        .next()
        .transpose()?;
    let mut rolled = Rolled::new(&tx, known.id, start..end)?;
    let begin = begin
        .into_iter()
        .chain(known.tail.first().map(Raw::order))
        .chain(rolled.peek()?.map(Raw::order))
        .min();
    let begin = begin.unwrap_or(start).max(start);
    let mut out = Downsampler::new(begin..end.min(known.last.saturating_add(1)), max_points);
    let mut tail = known.tail.iter().peekable();
    let mut select = tx.prepare_cached(
        "SELECT first, chunk FROM run WHERE point = ?1 AND first >= ?2 AND first < ?3 ORDER BY first",
    )?;
    let mut rows = select.query(params![known.id, first, end])?;
    let mut chunk: Option<(i64, Chunk)> = None;
    while let Some(row) = rows.next()? {
        let (first, id): (i64, i64) = (row.get(0)?, row.get(1)?);
        if chunk.as_ref().is_none_or(|(open, _)| *open != id) {
            chunk = Some((id, Chunk::open(&sealed::data(&tx, id)?)?));
        }
        let Some((_, chunk)) = &chunk else { continue };
        let run = sealed::run_of(chunk, known.id, first)?;
        for raw in run.samples.iter().filter(|raw| (start..end).contains(&raw.order())) {
            while let Some(old) = rolled.next_before(raw.order())? {
                out.push(old.order(), old.to_sample());
            }
            while let Some(late) = tail.next_if(|late| late.order() < raw.order()) {
                out.push(late.order(), late.to_sample());
            }
            out.push(raw.order(), raw.to_sample());
        }
    }
    let rest = tail.peek().map_or(i64::MAX, |raw| raw.order());
    while let Some(old) = rolled.next_before(rest)? {
        out.push(old.order(), old.to_sample());
    }
    tail.for_each(|raw| out.push(raw.order(), raw.to_sample()));
    let (samples, downsampled) = out.finish();
    Ok(Series { samples, downsampled: downsampled || rolled.any, gaps })
}

/// The samples that stand for those that have gone, read row by row: by minute, and by
/// hour where the minutes have gone too.
struct Rolled<'a> {
    db: &'a Connection,
    point: u32,
    range: Range<i64>,
    rows: VecDeque<(Level, i64)>,
    /// Hours end here: from then on there are minutes.
    minutes_from: i64,
    read: VecDeque<Raw>,
    any: bool,
}

impl<'a> Rolled<'a> {
    fn new(db: &'a Connection, point: u32, range: Range<i64>) -> Result<Self, Failure> {
        let rows = rollups::of_range(db, point, range.start, range.end)?;
        let minutes = rows.iter().filter(|(level, _)| *level == Level::Minute);
        let minutes_from =
            minutes.map(|(level, window)| window * level.window()).min().unwrap_or(i64::MAX);
        // Hours are the older.
        let mut rows = rows;
        rows.sort_by_key(|&(level, window)| (std::cmp::Reverse(level as i64), window));
        let (rows, read) = (rows.into(), VecDeque::new());
        Ok(Self { db, point, range, rows, minutes_from, read, any: false })
    }

    fn peek(&mut self) -> Result<Option<&Raw>, Failure> {
        while self.read.is_empty() {
            let Some((level, window)) = self.rows.pop_front() else { return Ok(None) };
            let Some(rollup) = rollups::row(self.db, level, self.point, window)? else {
                continue;
            };
            let fits = |raw: &&Raw| {
                self.range.contains(&raw.order())
                    && (level == Level::Minute || raw.order() < self.minutes_from)
            };
            self.read.extend(rollup.samples().filter(fits).cloned());
        }
        self.any |= !self.read.is_empty();
        Ok(self.read.front())
    }

    fn next_before(&mut self, order: i64) -> Result<Option<Raw>, Failure> {
        Ok(match self.peek()? {
            Some(raw) if raw.order() < order => self.read.pop_front(),
            _ => None,
        })
    }
}

fn known(memory: &Memory, id: u32, start: i64, end: i64) -> Known {
    let state = &memory.points[id as usize];
    let last = state.latest.as_ref().map_or(i64::MIN, Raw::order);
    Known { id, tail: state.between(start, end).to_vec(), last }
}

fn gaps(memory: &Memory, start: i64, end: i64) -> Vec<Range<Timestamp>> {
    let touching = memory.gaps.iter().filter(|&&(low, high)| low < end && high >= start);
    touching.map(|&(low, high)| timestamp(low)..timestamp(high)).collect()
}
