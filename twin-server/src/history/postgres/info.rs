//! What a store holds, in figures.

use std::ops::Range;

use deadpool_postgres::Pool;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};

use super::{
    failure,
    read::{ends, reader},
    row::PgTime,
};
use crate::history::HistoryError;

/// A store in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// First and last sample, by their place in time.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Points.
    pub points: u64,
    /// Samples.
    pub samples: u64,
    /// Bytes of samples and their indexes.
    pub bytes: u64,
    /// Bytes of what is left of samples that have gone.
    pub rollup_bytes: u64,
    /// Spans without samples.
    pub gaps: Vec<Range<Timestamp>>,
}

/// Of all partitions, or of all chunks.
pub(super) const BYTES: &str =
    "SELECT coalesce(sum(pg_total_relation_size(tree.inhrelid)), 0)::bigint
    FROM pg_inherits tree WHERE tree.inhparent = 'twin_sample'::regclass";
pub(super) const ROLLUP_BYTES: &str =
    "SELECT pg_total_relation_size('twin_rollup') + pg_total_relation_size('twin_last')";

pub(super) async fn info(store: &str, pool: &Pool) -> Result<Info, HistoryError> {
    let client = reader(store, pool).await?;
    let asked = async {
        let number = async |question: &str| -> Result<u64, Error> {
            let count: i64 = client.query_one(question, &[]).await?.try_get(0)?;
            Ok(u64::try_from(count).unwrap_or_default())
        };
        // What holds for questions of a picture does not hold for counting it all.
        client.batch_execute("SET statement_timeout = 0").await?;
        let span = client.query_one("SELECT min(t), max(t) FROM twin_sample", &[]).await?;
        let gaps = client.query("SELECT first, last FROM twin_gap ORDER BY first", &[]).await?;
        let gap = |row: &Row| -> Result<Range<Timestamp>, Error> {
            let (first, last): (PgTime, PgTime) = (row.try_get(0)?, row.try_get(1)?);
            Ok(first.timestamp()..last.timestamp())
        };
        let info = Info {
            span: ends(&span)?,
            points: number("SELECT count(*) FROM twin_point").await?,
            samples: number("SELECT count(*) FROM twin_sample").await?,
            bytes: number(BYTES).await?,
            rollup_bytes: number(ROLLUP_BYTES).await?,
            gaps: gaps.iter().map(gap).collect::<Result<_, _>>()?,
        };
        client.batch_execute("RESET statement_timeout").await?;
        Ok(info)
    };
    asked.await.map_err(failure(store, "counting"))
}
