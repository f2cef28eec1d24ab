//! The tables.
//!
//! ```text
//! twin_meta    key, value              version of these tables; when a writer last lived
//! twin_point   id, entity, metric, unit, stale_after_ms
//! twin_sample  point, t, fingerprint, n, source_offset_us, receive_offset_us,
//!              number | state | yes, quality
//! twin_rollup  point, level, span, data
//!                                      what is left of samples that have gone: by minute
//!                                      (level 1, a row a day) and by hour (2, a row
//!                                      thirty days)
//! twin_last    point, t, n, …          of each point the newest sample that has gone
//! twin_gap     first, last             spans in which samples were lost
//! ```
//! `t` is the order time, and `n` the order in which samples came, for those of the same
//! time. What comes in place of a time that was measured or received at `t` is absent.

use tokio_postgres::{Client, GenericClient};

use super::{failure, partition};
use crate::history::HistoryError;

/// Version of the tables that this program reads and writes.
const VERSION: &str = "2";
/// The one before it, which had no rollups.
const BARE: &str = "1";
/// Servers that start together make tables and partitions one after the other.
pub(super) const LOCK: i64 = 0x7477_696e; // "twin"

const TABLES: &str = "
CREATE TABLE twin_meta (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE twin_point (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text NOT NULL,
    metric text NOT NULL,
    unit text NOT NULL,
    stale_after_ms bigint NOT NULL,
    UNIQUE (entity, metric)
);
CREATE TABLE twin_gap (
    first timestamptz NOT NULL,
    last timestamptz NOT NULL,
    CHECK (first <= last)
);
CREATE SEQUENCE twin_arrival;";

/// Data is packed already: what is too long for its row is stored beside it as it is.
const ROLLUPS: &str = "
CREATE TABLE twin_rollup (
    point integer NOT NULL,
    level smallint NOT NULL,
    span bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (point, level, span)
);
ALTER TABLE twin_rollup ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE twin_last (
    point integer PRIMARY KEY,
    t timestamptz NOT NULL,
    n bigint NOT NULL,
    receive_offset_us bigint,
    source_offset_us bigint,
    number double precision,
    quality smallint NOT NULL,
    yes boolean,
    state text
);";

/// Eight bytes first, so that nothing is lost to alignment.
const SAMPLES: &str = "
CREATE TABLE twin_sample (
    t timestamptz NOT NULL,
    n bigint NOT NULL DEFAULT nextval('twin_arrival'),
    receive_offset_us bigint,
    source_offset_us bigint,
    number double precision,
    point integer NOT NULL,
    fingerprint integer NOT NULL,
    quality smallint NOT NULL,
    yes boolean,
    state text,
    PRIMARY KEY (point, t, fingerprint)
)";

/// Replay reads all points in order of time; the few samples of clocks that run ahead are
/// known by their source time, since `t` is another at each delivery.
const INDEXES: &str = "
CREATE INDEX twin_sample_by_time ON twin_sample (t, n);
CREATE INDEX twin_sample_ahead ON twin_sample (point, fingerprint) WHERE source_offset_us > 0;";

/// A day a chunk; compressed after a week, when hardly anything late still comes.
const HYPERTABLE: &str = "
SELECT create_hypertable('twin_sample', 't', chunk_time_interval => interval '1 day');
ALTER TABLE twin_sample SET (timescaledb.compress, timescaledb.compress_segmentby = 'point',
    timescaledb.compress_orderby = 't, n');
SELECT add_compression_policy('twin_sample', interval '7 days');";

/// Makes what is not there yet.
///
/// # Errors
/// Where the tables are of another version, or cannot be made.
pub(super) async fn prepare(client: &mut Client, store: &str) -> Result<(), HistoryError> {
    let failed = failure(store, "making the tables");
    let transaction = client.transaction().await.map_err(&failed)?;
    let lock = "SELECT pg_advisory_xact_lock($1)";
    transaction.execute(lock, &[&LOCK]).await.map_err(&failed)?;
    if !has_tables(&transaction).await.map_err(&failed)? {
        make(&transaction).await.map_err(&failed)?;
    } else if version(&transaction).await.map_err(&failed)? == BARE {
        let newer = format!("UPDATE twin_meta SET value = '{VERSION}' WHERE key = 'version'");
        transaction.batch_execute(&format!("{ROLLUPS}{newer};")).await.map_err(&failed)?;
    }
    check(&transaction, store).await?;
    transaction.commit().await.map_err(failed)
}

async fn has_tables(client: &impl GenericClient) -> Result<bool, tokio_postgres::Error> {
    let known = "SELECT to_regclass('twin_meta') IS NOT NULL";
    client.query_one(known, &[]).await?.try_get(0)
}

async fn make(transaction: &impl GenericClient) -> Result<(), tokio_postgres::Error> {
    let timescale = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'";
    let samples = match transaction.query_opt(timescale, &[]).await? {
        Some(_) => format!("{SAMPLES};{INDEXES}{HYPERTABLE}"),
        None => format!("{SAMPLES} PARTITION BY RANGE (t);{INDEXES}{}", partition::ENDS),
    };
    let version = format!("INSERT INTO twin_meta VALUES ('version', '{VERSION}')");
    transaction.batch_execute(&format!("{TABLES}{ROLLUPS}{samples}{version};")).await
}

/// Whether the tables are there, and ours.
///
/// # Errors
/// Where they are not, or of another version.
pub(super) async fn check(client: &impl GenericClient, store: &str) -> Result<(), HistoryError> {
    let operation = "reading the tables";
    let failed = failure(store, operation);
    let refused =
        |reason: String| HistoryError::Failed { store: store.to_owned(), operation, reason };
    if !has_tables(client).await.map_err(&failed)? {
        return Err(refused("there is no history in this database".to_owned()));
    }
    let found = version(client).await.map_err(&failed)?;
    if found == VERSION {
        return Ok(());
    }
    let known = format!("they are of version {found}; this program knows version {VERSION}");
    Err(refused(match found == BARE {
        true => format!("{known}, which a server makes of them when it starts"),
        false => known,
    }))
}

async fn version(client: &impl GenericClient) -> Result<String, tokio_postgres::Error> {
    let version = "SELECT value FROM twin_meta WHERE key = 'version'";
    match client.query_opt(version, &[]).await? {
        Some(row) => row.try_get(0),
        None => Ok("none".to_owned()),
    }
}
