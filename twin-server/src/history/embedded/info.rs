//! What a store holds, in figures.

use std::ops::Range;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Failure, codec::timestamp, reader::Reader};

/// A store in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// First and last sample, by their place in time.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Points.
    pub points: usize,
    /// Samples in chunks.
    pub packed_samples: u64,
    /// Samples in the write-ahead part alone.
    pub pending_samples: u64,
    /// Bytes of chunks.
    pub chunk_bytes: u64,
    /// Bytes of the index of runs, about.
    pub run_bytes: u64,
    /// Bytes of the whole file, free pages too.
    pub file_bytes: u64,
    /// Spans without samples.
    pub gaps: Vec<Range<Timestamp>>,
}

pub(super) fn info(reader: &mut Reader) -> Result<Info, Failure> {
    let ((span, points, pending_samples, gaps), db) = reader.look(|memory| {
        let gaps: Vec<_> =
            memory.gaps.iter().map(|&(low, high)| timestamp(low)..timestamp(high)).collect();
        (memory.span, memory.points.len(), memory.samples as u64, gaps)
    })?;
    let chunks = "SELECT ifnull(sum(samples), 0), ifnull(sum(length(data)), 0) FROM chunk";
    let (packed_samples, chunk_bytes) =
        db.query_row(chunks, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Info {
        span: span.map(|(first, last)| (timestamp(first), timestamp(last))),
        points,
        packed_samples,
        pending_samples,
        chunk_bytes,
        run_bytes: run_bytes(&db)?,
        file_bytes: file_bytes(&db)?,
        gaps,
    })
}

/// A row of the index: its numbers, each in as few bytes as SQLite needs, and the frame.
fn run_bytes(db: &Connection) -> Result<u64, Failure> {
    let rows: u64 = db.query_row("SELECT count(*) FROM run", [], |row| row.get(0))?;
    // Point 2, first and last 6 each, samples 1 or 2, chunk 3, frame 7; pages are full to 9/10.
    Ok(rows * 26 * 10 / 9)
}

/// Size of the database.
pub(super) fn file_bytes(db: &Connection) -> Result<u64, Failure> {
    let pages: u64 = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let size: u64 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(pages * size)
}
