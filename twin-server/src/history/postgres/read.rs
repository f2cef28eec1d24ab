//! Questions: pages and the span here, the others beside. Each sees one snapshot.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use deadpool_postgres::{Object, Pool, Transaction};
use jiff::Timestamp;
use tokio_postgres::{Error, IsolationLevel, Row, types::ToSql};

use super::{
    failure,
    row::{self, PgTime, Points, SELECTED},
};
use crate::history::{Cursor, HistoryError, Page, PastSample};

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

/// Statements after each other see what the first saw. No partition goes meanwhile: of one
/// that went in between neither samples would be seen, nor what is left of them.
pub(super) async fn snapshot(client: &mut Object) -> Result<Transaction<'_>, Error> {
    let transaction = client.build_transaction().read_only(true);
    let transaction = transaction.isolation_level(IsolationLevel::RepeatableRead).start().await?;
    transaction.batch_execute("LOCK TABLE ONLY twin_sample IN ACCESS SHARE MODE").await?;
    Ok(transaction)
}

const POINTS: &str = "SELECT id, entity, metric, unit, stale_after_ms FROM twin_point";

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
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<BTreeSet<i32>, _>>();
    let ids = ids.map_err(&failed)?.into_iter().collect();
    let points = points(&snapshot, ids).await.map_err(&failed)?;
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

/// Points by their numbers.
pub(super) async fn points(client: &Transaction<'_>, ids: Vec<i32>) -> Result<Points, Error> {
    let statement = client.prepare_cached(&format!("{POINTS} WHERE id = ANY($1)")).await?;
    let rows = client.query(&statement, &[&ids]).await?;
    rows.iter().map(|row| row::point(row).map(|(id, point)| (id, Arc::new(point)))).collect()
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
