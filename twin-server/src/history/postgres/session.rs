//! The connection that writes, and what is known on it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::task::AbortHandle;
use tokio_postgres::{
    Client, Error, Statement, Transaction, binary_copy::BinaryCopyInWriter, error::SqlState,
    types::ToSql,
};
use twin_model::PointKey;

use super::{
    PATIENCE, failure,
    options::{PostgresOptions, reason},
    partition::{Months, is_partitioned},
    row::{COPIED, Columns, PgTime},
    schema,
};
use crate::{
    history::{Appended, HistoryError, order_time},
    reading::Reading,
};

/// How long making the tables may take; other servers may be at it.
const PREPARATION: Duration = Duration::from_secs(15);
/// A history without a living writer for longer than this has a gap.
const MIN_AWAY: Duration = Duration::from_secs(20);

/// Held by the session that leads.
const LEAD: i64 = 0x7477_6c64; // "twld"

/// Our own connection, and not our neighbour's, decides when a commit is on the disk.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'";
const INCOMING: &str = "CREATE TEMPORARY TABLE twin_incoming (
    batch integer, place integer, point integer, t timestamptz, fingerprint integer,
    source_offset_us bigint, receive_offset_us bigint,
    number double precision, state text, yes boolean, quality smallint
) ON COMMIT DELETE ROWS";
/// In the order in which they came, so that `n` tells it. The same sample of a clock that
/// runs ahead is another place in time at each delivery; it is known for a week.
const INSERT: &str = "
INSERT INTO twin_sample (point, t, fingerprint, source_offset_us, receive_offset_us,
    number, state, yes, quality)
SELECT point, t, fingerprint, source_offset_us, receive_offset_us, number, state, yes, quality
FROM twin_incoming i
WHERE batch = $1 AND NOT coalesce((
    SELECT true FROM twin_sample s
    WHERE s.point = i.point AND s.fingerprint = i.fingerprint AND s.source_offset_us > 0
        AND s.t BETWEEN i.t - interval '168 hours' AND i.t + interval '168 hours'
        AND s.source_offset_us - coalesce(i.source_offset_us, 0)
            = extract(epoch FROM i.t - s.t) * 1000000
    LIMIT 1), false)
ORDER BY place
ON CONFLICT DO NOTHING";
/// Sorted, so that two servers that define the same points wait for each other in one order.
const DEFINE: &str = "
INSERT INTO twin_point (entity, metric, unit, stale_after_ms)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) ORDER BY 1, 2
ON CONFLICT (entity, metric) DO UPDATE
SET unit = excluded.unit, stale_after_ms = excluded.stale_after_ms
RETURNING id, entity, metric";
const LAST_ALIVE: &str = "SELECT value FROM twin_meta WHERE key = 'alive'";
const ALIVE: &str = "INSERT INTO twin_meta VALUES ('alive', $1)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// What belongs to one connection; with it goes the connection.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    connection: AbortHandle,
    copy: Statement,
    insert: Statement,
    alive: Statement,
    /// Absent where the database makes partitions by itself.
    months: Option<Months>,
    known: HashMap<PointKey, Known>,
    leads: bool,
}

/// A point as the database knows it.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    id: i32,
    unit: Arc<str>,
    stale_after_ms: i64,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Else it would wait for the answers of a database that does not give any.
        self.connection.abort();
    }
}

impl Session {
    /// Connects, makes the tables where there are none, and marks the time in which nobody
    /// wrote as a gap.
    pub(super) async fn open(options: &PostgresOptions, store: &str) -> Result<Self, HistoryError> {
        let (mut client, connection) = connect(options, store).await?;
        let prepared = async {
            schema::prepare(&mut client, store).await?;
            Self::prepare(client, connection).await.map_err(failure(store, "preparing to write"))
        };
        match tokio::time::timeout(PREPARATION, Box::pin(prepared)).await {
            Ok(prepared) => prepared,
            Err(_) => Err(HistoryError::Failed {
                store: store.to_owned(),
                operation: "preparing to write",
                reason: "no answer in time".to_owned(),
            }),
        }
    }

    async fn prepare(client: Client, connection: AbortHandle) -> Result<Self, Error> {
        client.batch_execute(&format!("{DURABLE};{INCOMING}")).await?;
        let columns = COPIED.map(|(column, _)| column).join(", ");
        let copy = format!("COPY twin_incoming ({columns}) FROM STDIN (FORMAT binary)");
        let session = Self {
            copy: client.prepare(&copy).await?,
            insert: client.prepare(INSERT).await?,
            alive: client.prepare(ALIVE).await?,
            months: is_partitioned(&client).await?.then(Months::default),
            known: HashMap::new(),
            leads: false,
            client,
            connection,
        };
        let last = session.client.query_opt(LAST_ALIVE, &[]).await?;
        let last = last.and_then(|row| row.get::<_, String>(0).parse::<Timestamp>().ok());
        let now = Timestamp::now();
        if let Some(last) = last
            && now.duration_since(last).unsigned_abs() > MIN_AWAY
            && last < now
        {
            note_gap(&session.client, &(last..now)).await?;
        }
        session.is_alive().await?;
        Ok(session)
    }

    /// Says that somebody writes.
    pub(super) async fn is_alive(&self) -> Result<(), Error> {
        let now = Timestamp::now().to_string();
        self.client.execute(&self.alive, &[&now]).await.map(drop)
    }

    /// Whether this is the one session of all that leads; it does until its end.
    pub(super) async fn lead(&mut self) -> Result<bool, Error> {
        if !self.leads {
            let lock = self.client.query_one("SELECT pg_try_advisory_lock($1)", &[&LEAD]).await?;
            self.leads = lock.try_get(0)?;
        }
        Ok(self.leads)
    }

    /// Keeps batches in one commit.
    pub(super) async fn commit(&mut self, group: &[&[Reading]]) -> Result<Vec<Appended>, Error> {
        let Self { client, copy, insert, months, known, .. } = self;
        let readings = || group.iter().flat_map(|batch| *batch);
        if let Some(months) = months {
            let times = readings().map(|reading| order_time(&reading.sample));
            months.cover(client, times).await?;
        }
        let transaction = client.transaction().await?;
        let defined = define(&transaction, known, readings()).await?;
        let id = |reading: &Reading| {
            let key = key(reading);
            defined.get(&key).or_else(|| known.get(&key)).map_or(0, |point| point.id)
        };
        copy_in(&transaction, copy, group, id).await?;
        let mut appended = Vec::with_capacity(group.len());
        for (number, batch) in (0i32..).zip(group) {
            let kept = transaction.execute(insert, &[&number]).await?;
            let kept = usize::try_from(kept).unwrap_or(usize::MAX);
            appended.push(Appended { kept, duplicates: batch.len().saturating_sub(kept) });
        }
        transaction.commit().await?;
        known.extend(defined);
        Ok(appended)
    }
}

/// A connection of its own, outside the pool. What waiting may mend fails as `connecting`.
async fn connect(
    options: &PostgresOptions,
    store: &str,
) -> Result<(Client, AbortHandle), HistoryError> {
    let tls = options.tls()?;
    let config = options.for_writer();
    let failed =
        |operation, reason| HistoryError::Failed { store: store.to_owned(), operation, reason };
    let connected = tokio::time::timeout(PATIENCE, config.connect(tls)).await;
    let connected = connected.map_err(|_| failed("connecting", "no answer in time".to_owned()))?;
    let (client, connection) = connected.map_err(|error| {
        let operation = if is_refusal(&error) { "logging in" } else { "connecting" };
        failed(operation, reason(&error))
    })?;
    let store = store.to_owned();
    let task = tokio::spawn(async move {
        // Whoever uses the client is told as well; this says when it happened.
        if let Err(error) = connection.await {
            tracing::warn!("{store}: the connection ended: {}", reason(&error));
        }
    });
    Ok((client, task.abort_handle()))
}

/// Whether the database is there and does not let us in.
fn is_refusal(error: &Error) -> bool {
    let refusals = [
        &SqlState::INVALID_PASSWORD,
        &SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        &SqlState::INVALID_CATALOG_NAME,
        &SqlState::INSUFFICIENT_PRIVILEGE,
    ];
    error.code().is_some_and(|code| refusals.contains(&code))
}

/// Notes a span.
pub(super) async fn note_gap(client: &Client, gap: &Range<Timestamp>) -> Result<(), Error> {
    let us = |PgTime(us)| format!("('epoch'::timestamptz + {us} * interval '1 microsecond')");
    let (first, last) = (PgTime::at(gap.start), PgTime::at(gap.end.max(gap.start)));
    let (first, last) = (us(first), us(last));
    // In one message, and so one transaction, whatever becomes of whoever waits for it. Two
    // at a time would each miss what the other merges. Spans that touch become one.
    let note = format!(
        "LOCK TABLE twin_gap IN SHARE ROW EXCLUSIVE MODE;
         WITH touching AS (
             DELETE FROM twin_gap WHERE first <= {last} AND last >= {first} RETURNING first, last
         )
         INSERT INTO twin_gap
         SELECT least({first}, min(first)), greatest({last}, max(last)) FROM touching"
    );
    client.batch_execute(&note).await
}

fn key(reading: &Reading) -> PointKey {
    PointKey::new(reading.entity.clone(), &*reading.metric)
}

/// As the other stores: a limit that is not nothing is not nothing in milliseconds either.
fn stale_after_ms(reading: &Reading) -> i64 {
    let limit = reading.stale_after.map_or(0, |limit| limit.as_millis().max(1));
    i64::from(u32::try_from(limit).unwrap_or(u32::MAX))
}

/// Points that are new, or whose unit or silence limit changed, with their numbers.
async fn define(
    transaction: &Transaction<'_>,
    known: &HashMap<PointKey, Known>,
    readings: impl Iterator<Item = &Reading>,
) -> Result<HashMap<PointKey, Known>, Error> {
    let mut wanted: BTreeMap<PointKey, Known> = BTreeMap::new();
    for reading in readings {
        let (key, unit) = (key(reading), Arc::clone(&reading.unit));
        let point = Known { id: 0, unit, stale_after_ms: stale_after_ms(reading) };
        let same =
            |had: &Known| had.unit == point.unit && had.stale_after_ms == point.stale_after_ms;
        // What one batch changes the next may change back.
        if wanted.contains_key(&key) || !known.get(&key).is_some_and(same) {
            wanted.insert(key, point);
        }
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let entities: Vec<&str> = wanted.keys().map(|key| key.entity.as_str()).collect();
    let metrics: Vec<&str> = wanted.keys().map(|key| key.metric.as_str()).collect();
    let units: Vec<&str> = wanted.values().map(|point| &*point.unit).collect();
    let limits: Vec<i64> = wanted.values().map(|point| point.stale_after_ms).collect();
    let rows = transaction.query(DEFINE, &[&entities, &metrics, &units, &limits]).await?;
    let mut defined = HashMap::with_capacity(rows.len());
    for row in rows {
        let key = PointKey::new(row.try_get::<_, &str>(1)?, row.try_get::<_, &str>(2)?);
        if let Some(point) = wanted.get(&key) {
            let id = row.try_get(0)?;
            defined.insert(key, Known { id, ..point.clone() });
        }
    }
    Ok(defined)
}

/// Copies batches beside the samples, each sample once.
async fn copy_in(
    transaction: &Transaction<'_>,
    copy: &Statement,
    group: &[&[Reading]],
    id: impl Fn(&Reading) -> i32,
) -> Result<(), Error> {
    let sink = transaction.copy_in(copy).await?;
    let types = COPIED.map(|(_, kind)| kind);
    let mut rows = pin!(BinaryCopyInWriter::new(sink, &types));
    let mut seen = HashSet::new();
    for (number, batch) in (0i32..).zip(group) {
        seen.clear();
        for (place, reading) in (0i32..).zip(*batch) {
            let columns = Columns::new(id(reading), &reading.sample);
            if !seen.insert((columns.point, columns.fingerprint, columns.source_us())) {
                continue;
            }
            let mut row: Vec<&(dyn ToSql + Sync)> = vec![&number, &place];
            row.extend(columns.values());
            rows.as_mut().write(&row).await?;
        }
    }
    rows.finish().await.map(drop)
}
