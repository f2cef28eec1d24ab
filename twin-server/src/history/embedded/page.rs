//! Everything that happened, in order, a page at a time: for replay and export.
//!
//! Samples are ordered by place in time, then by point, then as they came. A page is
//! gathered window by window of time: the window is made so long that it holds about a
//! page, and of every chunk that touches it only the samples within are kept. Memory is
//! a page and a chunk, whatever the range.

use std::{cmp::Ordering, collections::BinaryHeap, ops::Range, sync::Arc};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    Failure,
    codec::{Raw, chunk::Chunk, varint},
    memory::{Memory, ms},
    reader::Reader,
    sealed,
};
use crate::history::{Cursor, Page, PastPoint, PastSample};

/// Most samples of a page.
const MAX_LIMIT: usize = 100_000;

/// A place in the order: time, point, and how many of both went before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    order: i64,
    point: u32,
    nth: u32,
}

impl Place {
    fn write(self) -> Cursor {
        let mut bytes = Vec::new();
        varint::put_signed(&mut bytes, self.order);
        varint::put(&mut bytes, u64::from(self.point));
        varint::put(&mut bytes, u64::from(self.nth));
        Cursor(bytes)
    }

    fn read(cursor: &Cursor) -> Result<Self, Failure> {
        let mut reader = varint::Reader(&cursor.0);
        let mut read = || {
            let order = reader.signed()?;
            let mut small = || u32::try_from(reader.varint()?).map_err(|_| super::codec::Damaged);
            Ok(Self { order, point: small()?, nth: small()? })
        };
        read().map_err(|_: super::codec::Damaged| {
            Failure::Question("the cursor is of another store; start again without one".to_owned())
        })
    }
}

/// A sample in a heap whose top is the last of a page. `source` tells chunks apart: where
/// time and point are the same, what lies in an earlier one came first.
struct Kept {
    order: i64,
    point: u32,
    source: i64,
    index: usize,
    raw: Raw,
}

impl Kept {
    fn key(&self) -> (i64, u32, i64, usize) {
        (self.order, self.point, self.source, self.index)
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// The first samples in order, up to a bound.
struct Gathered {
    heap: BinaryHeap<Kept>,
    limit: usize,
}

impl Gathered {
    fn push(&mut self, kept: Kept) {
        if self.heap.len() < self.limit {
            self.heap.push(kept);
        } else if self.heap.peek().is_some_and(|last| kept < *last) {
            self.heap.pop();
            self.heap.push(kept);
        }
    }
}

/// What memory adds to a page.
struct Held {
    points: Vec<Arc<PastPoint>>,
    tail: Vec<Kept>,
    more: bool,
}

/// One page of a range.
pub(super) fn page(
    reader: &mut Reader,
    range: Range<Timestamp>,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, Failure> {
    let limit = limit.clamp(1, MAX_LIMIT);
    let after = after.as_ref().map(Place::read).transpose()?;
    let start = after.map_or(ms(range.start), |place| place.order);
    let end = ms(range.end);
    // Samples of the cursor's own time and point come again, and are left out below.
    let skipped = after.map_or(0, |place| place.nth as usize + 1);
    let want = limit + skipped + 1;
    let (held, tx) = reader.look(|memory| held(memory, start, after, end, want))?;
    let mut gathered = Gathered { heap: BinaryHeap::new(), limit: want };
    let tail_end =
        if held.more { held.tail.last().map_or(end, |kept| kept.order + 1) } else { end };
    held.tail.into_iter().for_each(|kept| gathered.push(kept));
    gather(&tx, start, after, end.min(tail_end), want, &mut gathered)?;
    Ok(finish(gathered.heap.into_sorted_vec(), after, limit, &held.points))
}

/// Turns what was gathered into a page.
fn finish(kept: Vec<Kept>, after: Option<Place>, limit: usize, points: &[Arc<PastPoint>]) -> Page {
    let mut page = Page::default();
    let mut place: Option<Place> = None;
    for kept in kept {
        let nth = place
            .filter(|place| (place.order, place.point) == (kept.order, kept.point))
            .map_or(0, |place| place.nth + 1);
        let here = Place { order: kept.order, point: kept.point, nth };
        if after.is_some_and(|after| here <= after) {
            place = Some(here);
            continue;
        }
        if page.samples.len() == limit {
            page.next = place.map(Place::write);
            return page;
        }
        place = Some(here);
        // A point the view of memory does not know yet has no sample in this view either.
        if let Some(point) = points.get(kept.point as usize) {
            page.samples
                .push(PastSample { point: Arc::clone(point), sample: kept.raw.to_sample() });
        }
    }
    page
}

/// Whether a sample can be on the page: not before the cursor.
fn fits(after: Option<Place>, order: i64, point: u32) -> bool {
    after.is_none_or(|after| (order, point) >= (after.order, after.point))
}

/// The first samples of the tails, as many as a page could take.
fn held(memory: &Memory, start: i64, after: Option<Place>, end: i64, want: usize) -> Held {
    let mut gathered = Gathered { heap: BinaryHeap::new(), limit: want };
    let mut total = 0;
    for (point, state) in (0u32..).zip(&memory.points) {
        for (index, raw) in state.between(start, end).iter().enumerate() {
            let order = raw.order();
            if !fits(after, order, point) {
                continue;
            }
            total += 1;
            let full = gathered.heap.len() >= want;
            if full
                && gathered
                    .heap
                    .peek()
                    .is_some_and(|last| (order, point) > (last.order, last.point))
            {
                break; // what follows of this point is later still
            }
            gathered.push(Kept { order, point, source: i64::MAX, index, raw: raw.clone() });
        }
    }
    let points = memory.points.iter().map(|state| Arc::clone(&state.past)).collect();
    Held { points, more: total > want, tail: gathered.heap.into_sorted_vec() }
}

/// A chunk that touches a range.
struct Touching {
    id: i64,
    first: i64,
    last: i64,
    samples: i64,
}

/// Gathers from chunks, window by window, until a page is full or the range ends.
fn gather(
    db: &Connection,
    start: i64,
    after: Option<Place>,
    end: i64,
    want: usize,
    gathered: &mut Gathered,
) -> Result<(), Failure> {
    let mut from = start;
    let mut found = 0;
    while from < end && found < want {
        let Some((chunks, to)) = window(db, from, end, want - found)? else { return Ok(()) };
        for chunk in chunks {
            let opened = Chunk::open(&sealed::data(db, chunk.id)?)?;
            for (place, point, _) in opened.entries() {
                let run = opened.run(place)?;
                let begin = run.samples.partition_point(|raw| raw.order() < from);
                for (index, raw) in run.samples.iter().enumerate().skip(begin) {
                    let order = raw.order();
                    if order >= to {
                        break;
                    }
                    if fits(after, order, point) {
                        found += 1;
                        let raw = raw.clone();
                        gathered.push(Kept { order, point, source: chunk.id, index, raw });
                    }
                }
            }
        }
        from = to;
    }
    Ok(())
}

/// The next window from a time on, not empty if anything is left, and the chunks that
/// touch it. It is meant to hold about so many samples.
fn window(
    db: &Connection,
    from: i64,
    end: i64,
    want: usize,
) -> Result<Option<(Vec<Touching>, i64)>, Failure> {
    let now = touching(db, from, from.saturating_add(1).min(end))?;
    let first = now.iter().map(|chunk| chunk.first.max(from)).min();
    let Some(first) = first.or(next_first(db, from, end)?) else { return Ok(None) };
    let now = if now.is_empty() { touching(db, first, first.saturating_add(1))? } else { now };
    // Samples a millisecond, as if each chunk were even.
    let density: f64 = now
        .iter()
        .map(|chunk| chunk.samples as f64 / ((chunk.last - chunk.first) as f64 + 1.0))
        .sum();
    let length = (want as f64 / density.max(1e-9)).clamp(1.0, 1e15) as i64;
    let to = first.saturating_add(length).min(end);
    Ok(Some((touching(db, first, to)?, to)))
}

/// Chunks with samples in a range, perhaps.
fn touching(db: &Connection, from: i64, to: i64) -> Result<Vec<Touching>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT id, first, last, samples FROM chunk \
         WHERE level = ?1 AND first > ?2 AND first < ?3 AND last >= ?4",
    )?;
    let mut found = Vec::new();
    for level in sealed::levels(db)? {
        // A chunk of this level lasts less than this.
        let longest = if level >= 63 { i64::MAX } else { 1i64 << level };
        let rows =
            select.query_map(params![level, from.saturating_sub(longest), to, from], |row| {
                Ok(Touching {
                    id: row.get(0)?,
                    first: row.get(1)?,
                    last: row.get(2)?,
                    samples: row.get(3)?,
                })
            })?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

/// Where the first chunk after a time begins.
fn next_first(db: &Connection, from: i64, end: i64) -> Result<Option<i64>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT min(first) FROM chunk WHERE level = ?1 AND first >= ?2 AND first < ?3",
    )?;
    let mut next: Option<i64> = None;
    for level in sealed::levels(db)? {
        let first: Option<i64> = select.query_row(params![level, from, end], |row| row.get(0))?;
        next = next.into_iter().chain(first).min();
    }
    Ok(next)
}
