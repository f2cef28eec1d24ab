//! The samples of one point, thinned on their way: memory does not grow with the range.

use std::{collections::VecDeque, ops::Range};

use deadpool_postgres::{Pool, Transaction};
use jiff::Timestamp;
use tokio_postgres::{Error, Portal, Row, types::ToSql};
use twin_model::{PointKey, Sample};

use super::{
    failure,
    read::{reader, snapshot},
    rollup::{self, Failure, begin, code, span},
    row::{self, PgTime, SELECTED},
};
use crate::history::{
    HistoryError, Series,
    downsample::Downsampler,
    embedded::codec::{
        Raw,
        rollup::{Level, Rollup},
    },
};

/// Samples read at a time; between them rollups are.
const PIECE: i32 = 4_096;

/// All samples in a range, or as many as stand for them.
pub(super) async fn series(
    store: &str,
    pool: &Pool,
    key: &PointKey,
    range: Range<Timestamp>,
    max_points: usize,
) -> Result<Series, HistoryError> {
    if max_points < 4 {
        let question = format!("max_points is {max_points}; it must be 4 or more");
        return Err(HistoryError::Question(question));
    }
    let operation = "reading a series";
    let failed = failure(store, operation);
    let range = PgTime::at(range.start)..PgTime::at(range.end);
    let mut client = reader(store, pool).await?;
    let snapshot = snapshot(&mut client).await.map_err(&failed)?;
    let gaps = gaps(&snapshot, &range).await.map_err(&failed)?;
    let read = match number(&snapshot, key).await.map_err(&failed)? {
        Some(point) => read(&snapshot, point, range, max_points).await,
        None => Ok((Vec::new(), false)),
    };
    let (samples, downsampled) = read.map_err(|failure| failure.told(store, operation))?;
    Ok(Series { samples, downsampled, gaps })
}

async fn number(client: &Transaction<'_>, key: &PointKey) -> Result<Option<i32>, Error> {
    let which = "SELECT id FROM twin_point WHERE entity = $1 AND metric = $2";
    let statement = client.prepare_cached(which).await?;
    let asked: [&(dyn ToSql + Sync); 2] = [&key.entity.as_str(), &key.metric];
    client.query_opt(&statement, &asked).await?.map(|row| row.try_get(0)).transpose()
}

async fn read(
    client: &Transaction<'_>,
    point: i32,
    range: Range<PgTime>,
    max_points: usize,
) -> Result<(Vec<Sample>, bool), Failure> {
    let mut rolled = Rolled::new(client, point, range.clone()).await?;
    let first_rolled = rolled.peek().await?.map(Raw::order);
    // Buckets divide what there is, not what was asked: a range may be a century.
    let (first, last) = ends(client, point, &range).await?;
    let Some(first) = first.map(|first| first.0).into_iter().chain(first_rolled).min() else {
        return Ok((Vec::new(), false));
    };
    let end = last.map_or(range.end.0, |last| range.end.0.min(last.0.saturating_add(1)));
    let mut out = Downsampler::new(first..end, max_points);
    let samples = format!(
        "SELECT {SELECTED} FROM twin_sample s
         WHERE s.point = $1 AND s.t >= $2 AND s.t < $3 ORDER BY s.t, s.n"
    );
    let statement = client.prepare_cached(&samples).await?;
    let portal = client.bind(&statement, &[&point, &range.start, &range.end]).await?;
    loop {
        let rows = piece(client, &portal).await?;
        for row in &rows {
            let PgTime(place) = row.try_get(0)?;
            // What has gone came before what is there of the same time.
            while let Some(old) = rolled.next_until(place).await? {
                out.push(old.order(), rollup::sample(&old));
            }
            out.push(place, row::sample(row, 0)?);
        }
        if rows.len() < PIECE as usize {
            break;
        }
    }
    while let Some(old) = rolled.next_until(i64::MAX).await? {
        out.push(old.order(), rollup::sample(&old));
    }
    let (samples, downsampled) = out.finish();
    Ok((samples, downsampled || rolled.any))
}

async fn piece(client: &Transaction<'_>, portal: &Portal) -> Result<Vec<Row>, Error> {
    client.query_portal(portal, PIECE).await
}

/// The first sample there is in a range, and the last of all that there ever was.
async fn ends(
    client: &Transaction<'_>,
    point: i32,
    range: &Range<PgTime>,
) -> Result<(Option<PgTime>, Option<PgTime>), Error> {
    let ends = "SELECT
        (SELECT min(t) FROM twin_sample WHERE point = $1 AND t >= $2 AND t < $3),
        greatest((SELECT max(t) FROM twin_sample WHERE point = $1),
            (SELECT t FROM twin_last WHERE point = $1))";
    let statement = client.prepare_cached(ends).await?;
    let row = client.query_one(&statement, &[&point, &range.start, &range.end]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// The samples that stand for those that have gone, read row by row: by minute, and by
/// hour where the minutes have gone too.
struct Rolled<'a> {
    client: &'a Transaction<'a>,
    point: i32,
    range: Range<PgTime>,
    rows: VecDeque<(Level, i64)>,
    /// Hours end here: from then on there are minutes.
    minutes_from: i64,
    read: VecDeque<Raw>,
    any: bool,
}

impl<'a> Rolled<'a> {
    async fn new(
        client: &'a Transaction<'a>,
        point: i32,
        range: Range<PgTime>,
    ) -> Result<Self, Error> {
        let touching = "SELECT span FROM twin_rollup
            WHERE point = $1 AND level = $2 AND span BETWEEN $3 AND $4 ORDER BY span";
        let statement = client.prepare_cached(touching).await?;
        let mut rows = VecDeque::new();
        let mut minutes_from = i64::MAX;
        // Hours are the older.
        for level in [Level::Hour, Level::Minute] {
            let (low, high) = (span(level, range.start), span(level, range.end));
            let asked: [&(dyn ToSql + Sync); 4] = [&point, &code(level), &low, &high];
            for row in client.query(&statement, &asked).await? {
                let span = row.try_get(0)?;
                if level == Level::Minute {
                    minutes_from = minutes_from.min(begin(level, span).0);
                }
                rows.push_back((level, span));
            }
        }
        Ok(Self { client, point, range, rows, minutes_from, read: VecDeque::new(), any: false })
    }

    async fn peek(&mut self) -> Result<Option<&Raw>, Failure> {
        while self.read.is_empty() {
            let Some((level, span)) = self.rows.pop_front() else { return Ok(None) };
            let data = "SELECT data FROM twin_rollup
                WHERE point = $1 AND level = $2 AND span = $3";
            let statement = self.client.prepare_cached(data).await?;
            let asked: [&(dyn ToSql + Sync); 3] = [&self.point, &code(level), &span];
            let row = self.client.query_one(&statement, &asked).await?;
            let rollup = Rollup::decode(row.try_get(0)?)?;
            let within = self.range.start.0..self.range.end.0;
            let fits = |raw: &&Raw| {
                let order = raw.order();
                within.contains(&order) && (level == Level::Minute || order < self.minutes_from)
            };
            self.read.extend(rollup.samples().filter(fits).cloned());
        }
        self.any = true;
        Ok(self.read.front())
    }

    async fn next_until(&mut self, order: i64) -> Result<Option<Raw>, Failure> {
        Ok(match self.peek().await? {
            Some(raw) if raw.order() <= order => self.read.pop_front(),
            _ => None,
        })
    }
}

/// Spans in which samples were lost, that touch a range.
async fn gaps(
    client: &Transaction<'_>,
    range: &Range<PgTime>,
) -> Result<Vec<Range<Timestamp>>, Error> {
    let touching =
        "SELECT first, last FROM twin_gap WHERE first < $1 AND last >= $2 ORDER BY first";
    let statement = client.prepare_cached(touching).await?;
    let rows = client.query(&statement, &[&range.end, &range.start]).await?;
    let gap = |row: &Row| {
        Ok(row.try_get::<_, PgTime>(0)?.timestamp()..row.try_get::<_, PgTime>(1)?.timestamp())
    };
    rows.iter().map(gap).collect()
}
