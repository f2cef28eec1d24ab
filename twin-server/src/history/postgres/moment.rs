//! The whole scene at a moment.
//!
//! Of a point that was silent for long its row may be gone. The newest sample that has gone
//! is kept for ever, however; only for moments before that one rollups are looked at.

use std::{collections::HashMap, pin::pin, sync::Arc};

use deadpool_postgres::{Pool, Transaction};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use twin_model::{Quality, Sample};

use super::{
    failure,
    read::{points, reader, snapshot},
    rollup::{self, Failure, code, span},
    row::{self, PgTime, SELECTED, micros},
};
use crate::history::{
    HistoryError, PastPoint, PastSample,
    embedded::codec::{
        Raw,
        rollup::{Level, Rollup},
    },
    is_stale, order_time,
};

/// Of each point the latest sample not after a time, of those there are and of the newest
/// that went. For each point one descent of an index, in the newest partition that holds any.
const LATEST: &str = "
FROM twin_point p CROSS JOIN LATERAL (
    SELECT * FROM (
        (SELECT r.t, r.n, r.source_offset_us, r.receive_offset_us, r.number, r.state, r.yes,
            r.quality
        FROM twin_sample r WHERE r.point = p.id AND r.t <= $1
        ORDER BY r.t DESC, r.n DESC LIMIT 1)
        UNION ALL
        SELECT l.t, l.n, l.source_offset_us, l.receive_offset_us, l.number, l.state, l.yes,
            l.quality
        FROM twin_last l WHERE l.point = p.id AND l.t <= $1
    ) either ORDER BY t DESC, n DESC LIMIT 1
) s";

/// Rows that may hold one that went before a time, of points of which later ones went too. A
/// row may hold only samples after the time: then it is in the one before.
const ROLLED: &str = "
SELECT l.point, r.data FROM twin_last l CROSS JOIN LATERAL (
    SELECT data FROM twin_rollup
    WHERE point = l.point AND level = $2 AND span <= $3 ORDER BY span DESC LIMIT 2
) r WHERE l.t > $1 AND l.point <> ALL($4)";

/// Answers by number of their point.
type Answers = HashMap<i32, (Arc<PastPoint>, Sample)>;

/// The whole scene at a moment.
pub(super) async fn state_at(
    store: &str,
    pool: &Pool,
    at: Timestamp,
) -> Result<Vec<PastSample>, HistoryError> {
    let operation = "reading a moment";
    let mut client = reader(store, pool).await?;
    let snapshot = snapshot(&mut client).await.map_err(failure(store, operation))?;
    let read = async {
        let mut answers = latest(&snapshot, PgTime::at(at)).await?;
        from_rollups(&snapshot, PgTime::at(at), &mut answers).await?;
        Ok(answers)
    };
    let answers: Answers = read.await.map_err(|failure: Failure| failure.told(store, operation))?;
    let aged = |(point, mut sample): (Arc<PastPoint>, Sample)| {
        if is_stale(&sample, point.stale_after_ms, at) {
            sample.quality = Quality::Stale;
        }
        PastSample { point, sample }
    };
    Ok(answers.into_values().map(aged).collect())
}

async fn latest(client: &Transaction<'_>, at: PgTime) -> Result<Answers, Failure> {
    let question =
        format!("SELECT p.id, p.entity, p.metric, p.unit, p.stale_after_ms, {SELECTED} {LATEST}");
    let statement = client.prepare_cached(&question).await?;
    let mut answers = Answers::new();
    for row in client.query(&statement, &[&at]).await? {
        let (id, point) = row::point(&row)?;
        answers.insert(id, (Arc::new(point), row::sample(&row, 5)?));
    }
    Ok(answers)
}

/// Puts in what went before the moment, where it is later than what is there.
async fn from_rollups(
    client: &Transaction<'_>,
    at: PgTime,
    answers: &mut Answers,
) -> Result<(), Failure> {
    let mut found: HashMap<i32, Raw> = HashMap::new();
    let statement = client.prepare_cached(ROLLED).await?;
    for level in Level::ALL {
        // Minutes know it better than hours, where there are any.
        let known: Vec<i32> = found.keys().copied().collect();
        let (code, span) = (code(level), span(level, at));
        let asked: [&(dyn ToSql + Sync); 4] = [&at, &code, &span, &known];
        let mut rows = pin!(client.query_raw(&statement, asked).await?);
        while let Some(row) = rows.try_next().await? {
            let rollup = Rollup::decode(row.try_get(1)?)?;
            let Some(raw) = rollup.samples().rfind(|raw| raw.order() <= at.0) else { continue };
            let later = |held: &Raw| held.order() < raw.order();
            let point: i32 = row.try_get(0)?;
            if found.get(&point).is_none_or(later) {
                found.insert(point, raw.clone());
            }
        }
    }
    let unknown: Vec<i32> = found.keys().filter(|id| !answers.contains_key(id)).copied().collect();
    let mut unknown = points(client, unknown).await?;
    for (id, raw) in found {
        if let Some(point) = unknown.remove(&id) {
            answers.insert(id, (point, rollup::sample(&raw)));
        } else if let Some((_, held)) = answers.get_mut(&id)
            && micros(order_time(held)) < raw.order()
        {
            *held = rollup::sample(&raw);
        }
    }
    Ok(())
}
