//! What is left of samples that have gone: by minute and by hour, packed as in the embedded
//! store, and of each point the newest one.
//!
//! A rollup is written when samples go, in the transaction in which they go, and not when
//! they come. So each sample is either a row or a part of its buckets, whatever fails in
//! between. However many servers write, they never meet at a rollup. And a late sample needs
//! nothing of its own: it is a row until the next round, and then it goes into its bucket.

use std::collections::BTreeMap;

use deadpool_postgres::{Object, Transaction};
use thiserror::Error;
use tokio_postgres::{Error, types::ToSql};
use twin_model::Sample;

use super::{
    options,
    row::{self, PgTime, SELECTED, micros},
};
use crate::history::{
    HistoryError,
    embedded::codec::{
        Damaged, Raw,
        rollup::{Level, Rollup},
    },
};

/// Samples that go in one transaction, about.
pub(super) const PIECE: usize = 10_000;
/// Held while samples go. Only one server at a time lets them go, and so nobody waits here;
/// but that no two write one rollup must not hang on a lock that ends with a connection.
const LOCK: i64 = 0x7477_726f; // "twro"

/// Takes samples out, in order, those of the same time together: which of them is the last
/// hangs on the order in which they came. The newest of each point is noted.
const RETIRE: &str = "
WITH old AS (
    SELECT point, t, fingerprint FROM twin_sample
    WHERE point = ANY($1) AND t < $2 ORDER BY point, t FETCH FIRST ($3) ROWS WITH TIES
), gone AS (
    DELETE FROM twin_sample s USING old
    WHERE s.point = old.point AND s.t = old.t AND s.fingerprint = old.fingerprint AND s.t < $2
    RETURNING s.*
), newest AS (
    INSERT INTO twin_last AS l (point, t, n, source_offset_us, receive_offset_us,
        number, state, yes, quality)
    SELECT DISTINCT ON (point) point, t, n, source_offset_us, receive_offset_us,
        number, state, yes, quality
    FROM gone ORDER BY point, t DESC, n DESC
    ON CONFLICT (point) DO UPDATE SET t = excluded.t, n = excluded.n,
        source_offset_us = excluded.source_offset_us,
        receive_offset_us = excluded.receive_offset_us, number = excluded.number,
        state = excluded.state, yes = excluded.yes, quality = excluded.quality
    WHERE (excluded.t, excluded.n) > (l.t, l.n)
)";

const HELD: &str = "
SELECT level, point, span, data
FROM unnest($1::smallint[], $2::integer[], $3::bigint[]) AS wanted (level, point, span)
JOIN twin_rollup USING (level, point, span)";
const PUT: &str = "
INSERT INTO twin_rollup (level, point, span, data)
SELECT * FROM unnest($1::smallint[], $2::integer[], $3::bigint[], $4::bytea[])
ON CONFLICT (point, level, span) DO UPDATE SET data = excluded.data";

/// What goes wrong where rollups are read.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("{}", options::reason(.0))]
    Sql(#[from] Error),
    #[error("a rollup is damaged: {0}")]
    Damaged(#[from] Damaged),
}

impl Failure {
    /// As the store tells it.
    pub(super) fn told(self, store: &str, operation: &'static str) -> HistoryError {
        match self {
            Self::Sql(error) => super::failure(store, operation)(error),
            Self::Damaged(_) => HistoryError::Failed {
                store: store.to_owned(),
                operation,
                reason: self.to_string(),
            },
        }
    }
}

/// As the database has a level.
pub(super) fn code(level: Level) -> i16 {
    level as i16
}

/// Which row of a level a place in time belongs to.
pub(super) fn span(level: Level, PgTime(us): PgTime) -> i64 {
    us.div_euclid(level.window() * 1_000)
}

/// When a row of a level begins.
pub(super) fn begin(level: Level, span: i64) -> PgTime {
    PgTime(span.saturating_mul(level.window() * 1_000))
}

fn raw(sample: &Sample) -> Raw {
    let (source, receive) = (micros(sample.source_time), micros(sample.receive_time));
    Raw { source, receive, ..Raw::from(sample) }
}

/// A sample that stands for others, as it was measured.
pub(super) fn sample(raw: &Raw) -> Sample {
    let (source_time, receive_time) =
        (PgTime(raw.source).timestamp(), PgTime(raw.receive).timestamp());
    Sample { source_time, receive_time, ..raw.to_sample() }
}

/// A row: level, point, and which.
type Key = (i16, i32, i64);

/// Lets some samples of these points from before a time go, the smallest numbers first; how
/// many went, and of which point the last. What a level no longer keeps at all, its rows
/// before `floors`, is not written.
pub(super) async fn retire(
    client: &mut Object,
    points: &[i32],
    limit: PgTime,
    floors: [i64; 2],
) -> Result<(usize, i32), Failure> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let retire = format!("{RETIRE} SELECT s.point, {SELECTED} FROM gone s ORDER BY s.t, s.n");
    let statement = transaction.prepare_cached(&retire).await?;
    let asked: [&(dyn ToSql + Sync); 3] = [&points, &limit, &(PIECE as i64)];
    let gone = transaction.query(&statement, &asked).await?;
    let mut added: BTreeMap<Key, Vec<Raw>> = BTreeMap::new();
    let mut last = i32::MIN;
    for row in &gone {
        let point: i32 = row.try_get(0)?;
        last = last.max(point);
        let raw = raw(&row::sample(row, 1)?);
        for (level, floor) in Level::ALL.into_iter().zip(floors) {
            let span = span(level, PgTime(raw.order()));
            if span >= floor {
                added.entry((code(level), point, span)).or_default().push(raw.clone());
            }
        }
    }
    if !added.is_empty() {
        roll_up(&transaction, &added).await?;
    }
    transaction.commit().await?;
    Ok((gone.len(), last))
}

/// Adds samples to their rows.
async fn roll_up(
    transaction: &Transaction<'_>,
    added: &BTreeMap<Key, Vec<Raw>>,
) -> Result<(), Failure> {
    let levels: Vec<i16> = added.keys().map(|key| key.0).collect();
    let points: Vec<i32> = added.keys().map(|key| key.1).collect();
    let spans: Vec<i64> = added.keys().map(|key| key.2).collect();
    let statement = transaction.prepare_cached(HELD).await?;
    let mut held: BTreeMap<Key, Rollup> = BTreeMap::new();
    for row in transaction.query(&statement, &[&levels, &points, &spans]).await? {
        let key = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        held.insert(key, Rollup::decode(row.try_get(3)?)?);
    }
    let mut packed = Vec::with_capacity(added.len());
    for (key, samples) in added {
        let mut rollup = held.remove(key).unwrap_or_default();
        let level = if key.0 == code(Level::Minute) { Level::Minute } else { Level::Hour };
        rollup.add(level.bucket() * 1_000, samples.iter());
        packed.push(rollup.encode());
    }
    let statement = transaction.prepare_cached(PUT).await?;
    transaction.execute(&statement, &[&levels, &points, &spans, &packed]).await?;
    Ok(())
}

/// Lets rollups of these points go, the rows of a level before one of them.
pub(super) async fn drop_before(
    client: &Object,
    level: Level,
    points: &[i32],
    span: i64,
) -> Result<u64, Error> {
    let delete = "DELETE FROM twin_rollup WHERE point = ANY($1) AND level = $2 AND span < $3";
    let statement = client.prepare_cached(delete).await?;
    client.execute(&statement, &[&points, &code(level), &span]).await
}

/// Lets the oldest rollups of the finest level that has any go.
pub(super) async fn drop_oldest(client: &Object) -> Result<u64, Error> {
    let delete = "DELETE FROM twin_rollup WHERE (level, span) IN (
        SELECT level, min(span) FROM twin_rollup
        WHERE level = (SELECT min(level) FROM twin_rollup) GROUP BY level)";
    client.execute(delete, &[]).await
}
