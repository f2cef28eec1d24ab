//! Old samples go: whole months by dropping their partition once no class keeps any of it,
//! and what a class does not keep within younger months in small deletes.
//!
//! One server at a time does it, whichever comes first. What it does not finish, for want
//! of a lock or of the connection, is left for the next round.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use deadpool_postgres::{Object, Pool};
use jiff::{SignedDuration, Timestamp, Unit};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_postgres::Error;
use tokio_util::sync::CancellationToken;

use super::{options::reason, partition, read::reader, row::PgTime};
use crate::history::retention::Retention;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(3_600);
/// Points, and samples, of one delete.
const POINTS: usize = 64;
const SAMPLES: i64 = 10_000;
/// Between two deletes, so that whoever writes hardly notices.
const REST: Duration = Duration::from_millis(50);
/// One server at a time; released with the connection at the latest.
const LOCK: i64 = 0x7477_6578; // "twex"

const DELETE: &str = "
DELETE FROM twin_sample s USING (
    SELECT point, t, fingerprint FROM twin_sample
    WHERE point = ANY($1) AND t < $2 LIMIT $3
) old
WHERE s.point = old.point AND s.t = old.t AND s.fingerprint = old.fingerprint AND s.t < $2";

/// Lets samples go until told to stop.
pub(super) async fn run(
    store: Arc<str>,
    pool: Pool,
    retention: Retention,
    stop: CancellationToken,
) {
    let mut due = interval(EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let work = async {
        loop {
            due.tick().await;
            let Ok(client) = reader(&store, &pool).await else { continue };
            match round(&client, &retention, Timestamp::now()).await {
                Ok(gone) if gone != Gone::default() => tracing::info!(
                    "{store}: {} months and {} samples were old enough to go",
                    gone.months,
                    gone.samples
                ),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!("{store}: letting old samples go: {}", reason(&error));
                    // Whatever it was told, it must not be told to others.
                    drop(Object::take(client));
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// What went.
#[derive(Debug, Default, PartialEq)]
struct Gone {
    months: usize,
    samples: u64,
}

async fn round(client: &Object, retention: &Retention, now: Timestamp) -> Result<Gone, Error> {
    let mut gone = Gone::default();
    let lock = client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?;
    if !lock.try_get::<_, bool>(0)? {
        return Ok(gone);
    }
    // A partition goes only if nobody reads it just now.
    client.batch_execute("SET lock_timeout = '2s'").await?;
    if let Some(longest) = longest(retention) {
        gone.months = drop_before(client, before(now, longest)).await?;
    }
    gone.samples = delete_by_class(client, retention, now).await?;
    client.batch_execute("RESET lock_timeout").await?;
    client.query_one("SELECT pg_advisory_unlock($1)", &[&LOCK]).await?;
    Ok(gone)
}

/// The longest that any class keeps samples; absent: for ever.
fn longest(retention: &Retention) -> Option<Duration> {
    let classes = retention.classes.iter().chain([&retention.usual]);
    let longest = classes.map(|class| class.raw).collect::<Option<Vec<Duration>>>()?;
    longest.into_iter().max()
}

/// What lies before this is old, to the day, so that a round has something to do once a day.
fn before(now: Timestamp, kept: Duration) -> Timestamp {
    let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
    let limit = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    let days = jiff::TimestampRound::new().smallest(Unit::Hour).increment(24);
    limit.round(days.mode(jiff::RoundMode::Trunc)).unwrap_or(limit)
}

/// Drops what lies before a time as a whole.
async fn drop_before(client: &Object, limit: Timestamp) -> Result<usize, Error> {
    let timescale = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'";
    if client.query_opt(timescale, &[]).await?.is_some() {
        let chunks = "SELECT drop_chunks('twin_sample', older_than => $1::timestamptz)";
        return Ok(client.query(chunks, &[&PgTime::at(limit)]).await?.len());
    }
    let partitions = "SELECT inhrelid::regclass::text FROM pg_inherits
        WHERE inhparent = 'twin_sample'::regclass";
    let mut dropped = 0;
    for row in client.query(partitions, &[]).await? {
        let name: String = row.try_get(0)?;
        let Some(first) = partition::parse(&name) else { continue };
        if partition::month(limit).is_some_and(|limit| first < limit) {
            client.batch_execute(&format!("DROP TABLE IF EXISTS {name}")).await?;
            dropped += 1;
        }
    }
    Ok(dropped)
}

/// Deletes what the class of each point no longer keeps.
async fn delete_by_class(
    client: &Object,
    retention: &Retention,
    now: Timestamp,
) -> Result<u64, Error> {
    let mut old: BTreeMap<Timestamp, Vec<i32>> = BTreeMap::new();
    for row in client.query("SELECT id, metric FROM twin_point", &[]).await? {
        let (id, metric): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(kept) = retention.class(&metric).raw {
            old.entry(before(now, kept)).or_default().push(id);
        }
    }
    let delete = client.prepare_cached(DELETE).await?;
    let mut deleted = 0;
    for (limit, points) in old {
        for some in points.chunks(POINTS) {
            loop {
                let went = client.execute(&delete, &[&some, &PgTime::at(limit), &SAMPLES]).await?;
                deleted += went;
                if went == 0 {
                    break;
                }
                sleep(REST).await;
            }
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::retention::Class;

    #[test]
    fn the_longest_of_all_classes_holds_for_whole_months() {
        let class = |days: Option<u64>| Class {
            raw: days.map(|days| Duration::from_secs(86_400 * days)),
            ..Class::default()
        };
        let mut retention = Retention {
            classes: vec![class(Some(30))],
            usual: class(Some(90)),
            ..Retention::default()
        };
        assert_eq!(longest(&retention), Some(Duration::from_secs(86_400 * 90)));
        retention.classes.push(class(None));
        assert_eq!(longest(&retention), None, "somebody keeps samples for ever");
        let now = "2026-03-01T17:03:00Z".parse().unwrap();
        let limit = before(now, Duration::from_secs(86_400));
        assert_eq!(limit.to_string(), "2026-02-28T00:00:00Z");
    }
}
