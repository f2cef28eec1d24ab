//! Questions: series, moments, pages. Each sees one snapshot.

use std::{ops::Range, pin::pin, sync::Arc};

use deadpool_postgres::{GenericClient, Object, Pool, Transaction};
use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::{Error, IsolationLevel, Row, types::ToSql};
use twin_model::{PointKey, Quality};

use super::{
    failure,
    row::{self, PgTime, Points, SELECTED},
};
use crate::history::{
    Cursor, HistoryError, Page, PastPoint, PastSample, Series, downsample::Downsampler,
};

/// A connection to ask with.
pub(super) async fn reader(store: &str, pool: &Pool) -> Result<Object, HistoryError> {
    pool.get().await.map_err(|error| HistoryError::Failed {
        store: store.to_owned(),
        operation: "connecting",
        reason: match &error {
            deadpool_postgres::PoolError::Backend(error) => super::options::reason(error),
            other => other.to_string(),
        },
    })
}

/// Statements after each other see what the first saw.
async fn snapshot(client: &mut Object) -> Result<Transaction<'_>, Error> {
    let transaction = client.build_transaction().read_only(true);
    transaction.isolation_level(IsolationLevel::RepeatableRead).start().await
}

const POINTS: &str = "SELECT id, entity, metric, unit, stale_after_ms FROM twin_point";

/// The whole scene at a moment.
pub(super) async fn state_at(
    store: &str,
    pool: &Pool,
    at: Timestamp,
) -> Result<Vec<PastSample>, HistoryError> {
    let failed = failure(store, "reading a moment");
    let client = reader(store, pool).await?;
    // For each point one descent of an index, in the newest partition that holds any.
    let question = format!(
        "SELECT p.id, p.entity, p.metric, p.unit, p.stale_after_ms, {SELECTED}
         FROM twin_point p CROSS JOIN LATERAL (
             SELECT * FROM twin_sample s WHERE s.point = p.id AND s.t <= $1
             ORDER BY s.t DESC, s.n DESC LIMIT 1
         ) s"
    );
    let statement = client.prepare_cached(&question).await.map_err(&failed)?;
    let rows = client.query(&statement, &[&PgTime::at(at)]).await.map_err(&failed)?;
    let read = |row: &Row| {
        let (_, point) = row::point(row)?;
        let mut sample = row::sample(row, 5)?;
        if is_stale(&point, sample.receive_time, at) {
            sample.quality = Quality::Stale;
        }
        Ok(PastSample { point: Arc::new(point), sample })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
}

/// Whether a point had been silent for too long.
fn is_stale(point: &PastPoint, received: Timestamp, at: Timestamp) -> bool {
    let limit = SignedDuration::from_millis(point.stale_after_ms.into());
    point.stale_after_ms > 0 && received.saturating_add(limit).is_ok_and(|due| due <= at)
}

/// First and last order time.
pub(super) async fn span(
    store: &str,
    pool: &Pool,
) -> Result<Option<(Timestamp, Timestamp)>, HistoryError> {
    let failed = failure(store, "reading the span");
    let client = reader(store, pool).await?;
    let question = "SELECT min(t), max(t) FROM twin_sample";
    let row = client.query_one(question, &[]).await.map_err(&failed)?;
    ends(&row).map_err(failed)
}

/// A first and a last time, where there are any.
pub(super) fn ends(row: &Row) -> Result<Option<(Timestamp, Timestamp)>, Error> {
    let ends: (Option<PgTime>, Option<PgTime>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(ends.0.zip(ends.1).map(|(first, last)| (first.timestamp(), last.timestamp())))
}

/// The cursor of this store: time and arrival of the last sample of a page.
fn cursor(PgTime(time): PgTime, arrival: i64) -> Cursor {
    Cursor([time.to_be_bytes(), arrival.to_be_bytes()].concat())
}

fn parse_cursor(cursor: &Cursor) -> Option<(PgTime, i64)> {
    let (time, arrival) = cursor.0.split_first_chunk::<8>()?;
    let arrival = arrival.try_into().ok()?;
    Some((PgTime(i64::from_be_bytes(*time)), i64::from_be_bytes(arrival)))
}

/// All samples of a range in order, a page of them.
pub(super) async fn page(
    store: &str,
    pool: &Pool,
    range: Range<Timestamp>,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, HistoryError> {
    let failed = failure(store, "reading a page");
    let (from, until) = (PgTime::at(range.start), PgTime::at(range.end));
    let (after_time, after_arrival) = match &after {
        None => (from, i64::MIN),
        Some(cursor) => parse_cursor(cursor)
            .ok_or_else(|| HistoryError::Question("not a cursor of this store".to_owned()))?,
    };
    let mut client = reader(store, pool).await?;
    let snapshot = snapshot(&mut client).await.map_err(&failed)?;
    // The bound that says what the comparison of pairs says already lets partitions be
    // left out. One more than asked for tells whether anything follows.
    let question = format!(
        "SELECT s.point, s.n, {SELECTED} FROM twin_sample s
         WHERE (s.t, s.n) > ($1, $2) AND s.t >= $3 AND s.t < $4 ORDER BY s.t, s.n LIMIT $5"
    );
    let statement = snapshot.prepare_cached(&question).await.map_err(&failed)?;
    let limit = limit.max(1);
    let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let from = PgTime(from.0.max(after_time.0));
    let asked: [&(dyn ToSql + Sync); 5] = [&after_time, &after_arrival, &from, &until, &one_more];
    let mut rows = snapshot.query(&statement, &asked).await.map_err(&failed)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let points = points(&snapshot, &rows).await.map_err(&failed)?;
    let read = || {
        let mut page = Page::default();
        for row in &rows {
            let id: i32 = row.try_get(0)?;
            let Some(point) = points.get(&id) else { continue };
            let sample = row::sample(row, 2)?;
            page.samples.push(PastSample { point: Arc::clone(point), sample });
        }
        if let Some(last) = rows.last().filter(|_| more) {
            page.next = Some(cursor(last.try_get(2)?, last.try_get(1)?));
        }
        Ok(page)
    };
    read().map_err(failed)
}

/// The points whose numbers the rows begin with.
async fn points(client: &Transaction<'_>, rows: &[Row]) -> Result<Points, Error> {
    let mut ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i32>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    let statement = client.prepare_cached(&format!("{POINTS} WHERE id = ANY($1)")).await?;
    let rows = client.query(&statement, &[&ids]).await?;
    rows.iter().map(|row| row::point(row).map(|(id, point)| (id, Arc::new(point)))).collect()
}

/// The samples of one point, thinned on their way: memory does not grow with the range.
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
    let failed = failure(store, "reading a series");
    let (from, until) = (PgTime::at(range.start), PgTime::at(range.end));
    let mut client = reader(store, pool).await?;
    let snapshot = snapshot(&mut client).await.map_err(&failed)?;
    let gaps = gaps(&snapshot, from, until).await.map_err(&failed)?;
    let read = read_series(&snapshot, key, from..until, max_points).await;
    let (samples, downsampled) = read.map_err(failed)?;
    Ok(Series { samples, downsampled, gaps })
}

async fn read_series(
    client: &Transaction<'_>,
    key: &PointKey,
    range: Range<PgTime>,
    max_points: usize,
) -> Result<(Vec<twin_model::Sample>, bool), Error> {
    let nothing = Ok((Vec::new(), false));
    let which = "SELECT id FROM twin_point WHERE entity = $1 AND metric = $2";
    let statement = client.prepare_cached(which).await?;
    let asked: [&(dyn ToSql + Sync); 2] = [&key.entity.as_str(), &key.metric];
    let Some(found) = client.query_opt(&statement, &asked).await? else { return nothing };
    let id: i32 = found.try_get(0)?;
    let whose = "FROM twin_sample s WHERE s.point = $1 AND s.t >= $2 AND s.t < $3";
    let asked: [&(dyn ToSql + Sync); 3] = [&id, &range.start, &range.end];
    // A range far wider than what there is must not waste the points.
    let ends_of = format!("SELECT min(s.t), max(s.t) {whose}");
    let statement = client.prepare_cached(&ends_of).await?;
    let ends: (Option<PgTime>, Option<PgTime>) = {
        let row = client.query_one(&statement, &asked).await?;
        (row.try_get(0)?, row.try_get(1)?)
    };
    let (Some(first), Some(last)) = ends else { return nothing };
    let samples = format!("SELECT {SELECTED} {whose} ORDER BY s.t, s.n");
    let statement = client.prepare_cached(&samples).await?;
    let rows = client.query_raw(&statement, asked).await?;
    let mut rows = pin!(rows);
    let mut thinned = Downsampler::new(first.0..last.0 + 1, max_points);
    while let Some(row) = rows.try_next().await? {
        let PgTime(place) = row.try_get(0)?;
        thinned.push(place, row::sample(&row, 0)?);
    }
    Ok(thinned.finish())
}

/// Spans in which samples were lost, that touch a range.
async fn gaps(
    client: &Transaction<'_>,
    from: PgTime,
    until: PgTime,
) -> Result<Vec<Range<Timestamp>>, Error> {
    let touching =
        "SELECT first, last FROM twin_gap WHERE first < $1 AND last >= $2 ORDER BY first";
    let statement = client.prepare_cached(touching).await?;
    let rows = client.query(&statement, &[&until, &from]).await?;
    let gap = |row: &Row| {
        Ok(row.try_get::<_, PgTime>(0)?.timestamp()..row.try_get::<_, PgTime>(1)?.timestamp())
    };
    rows.iter().map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let back = parse_cursor(&cursor(PgTime(-5), 7));
        assert_eq!(back, Some((PgTime(-5), 7)));
        assert_eq!(parse_cursor(&Cursor(vec![1, 2, 3])), None);
    }
}
