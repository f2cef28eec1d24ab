//! No more bytes than the budget says: the oldest samples go before their time and live on
//! as rollups, and after all of them the oldest rollups.
//!
//! A month that is over is dropped once its samples have gone, and gives back all it took.
//! Of the month that is written to days go: the database uses their space again, and gives
//! none back. There a growth of the whole is the sign that another day has to go.

use std::sync::Arc;

use deadpool_postgres::Object;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Error;

use super::{
    expiry::{ByCuts, Gone, retire_all, whole_days},
    info::{BYTES, ROLLUP_BYTES},
    partition,
    rollup::{self, Failure},
    row::PgTime,
};

/// Growth that makes another day go, in parts of the budget. Pages here and there are none.
const GROWTH: u64 = 100;

/// What is younger stays, whatever the budget: it may be asked for as it comes.
const LATEST: SignedDuration = SignedDuration::from_hours(1);

/// What may be used, and what is known of what is.
#[derive(Debug)]
pub(super) struct Budget {
    store: Arc<str>,
    max_bytes: u64,
    warned: bool,
    /// Bytes in use when space was last made that was not given back.
    mark: Option<u64>,
}

impl Budget {
    pub(super) fn new(store: &Arc<str>, max_bytes: u64) -> Self {
        Self { store: Arc::clone(store), max_bytes, warned: false, mark: None }
    }

    /// Whether more is in use than allowed; warns before.
    pub(super) async fn is_exceeded(&mut self, client: &Object) -> Result<bool, Error> {
        let used = used_bytes(client).await?;
        metrics::gauge!("twin_history_bytes").set(used as f64);
        let budget = self.max_bytes;
        let near = used > budget / 10 * 9;
        if near && !self.warned {
            tracing::warn!(
                "{}: {used} of {budget} bytes are in use; beyond that the oldest samples go before \
                 their time (history.max_bytes)",
                self.store
            );
        }
        self.warned = near;
        if used <= budget {
            self.mark = None;
        }
        Ok(used > budget)
    }

    /// Lets the oldest go, until there is room or no more to do for now.
    pub(super) async fn make_room(
        &mut self,
        client: &mut Object,
        points: &ByCuts,
        now: Timestamp,
        gone: &mut Gone,
    ) -> Result<(), Failure> {
        if !partition::is_partitioned(client).await? {
            return Ok(());
        }
        let latest = now - LATEST;
        for part in partition::before(client, latest).await? {
            if used_bytes(client).await? <= self.max_bytes {
                return Ok(());
            }
            if !part.drops && partition::is_empty(&***client, &part.name).await? {
                continue;
            }
            gone.samples += retire_all(client, points, PgTime::at(part.end)).await?;
            if !part.drops {
                vacuum(client, &part.name).await?;
            } else if partition::drop_empty(client, &part.name).await? {
                gone.months += 1;
            }
        }
        if self.must_shrink(used_bytes(client).await?) {
            gone.samples += self.use_again(client, points, latest).await?;
            self.mark = Some(used_bytes(client).await?);
        }
        Ok(())
    }

    /// Whether space has to be made that is not given back.
    fn must_shrink(&self, used: u64) -> bool {
        let grown = |mark: u64| used > mark.saturating_add(self.max_bytes / GROWTH);
        used > self.max_bytes && self.mark.is_none_or(grown)
    }

    /// The oldest day goes; where there is none but this hour, the oldest rollups.
    async fn use_again(
        &self,
        client: &mut Object,
        points: &ByCuts,
        latest: Timestamp,
    ) -> Result<usize, Failure> {
        let oldest = client.query_one("SELECT min(t) FROM twin_sample", &[]).await?;
        let oldest = oldest.try_get::<_, Option<PgTime>>(0)?.map(PgTime::timestamp);
        let Some(oldest) = oldest.filter(|oldest| *oldest < latest) else {
            rollup::drop_oldest(client).await?;
            vacuum(client, "twin_rollup").await?;
            return Ok(0);
        };
        let next = whole_days(oldest).checked_add(SignedDuration::from_hours(24));
        let limit = next.map_or(latest, |next| next.min(latest));
        let went = retire_all(client, points, PgTime::at(limit)).await?;
        if let Some(month) = partition::month(oldest) {
            vacuum(client, &partition::name(month)).await?;
        }
        Ok(went)
    }
}

async fn used_bytes(client: &Object) -> Result<u64, Error> {
    let mut used = 0;
    for question in [BYTES, ROLLUP_BYTES] {
        let bytes: i64 = client.query_one(question, &[]).await?.try_get(0)?;
        used += u64::try_from(bytes).unwrap_or_default();
    }
    Ok(used)
}

/// Lets the space of what is deleted be used again, at once: the database by itself waits
/// until it is a fifth of a table.
async fn vacuum(client: &Object, table: &str) -> Result<(), Error> {
    client.batch_execute(&format!("VACUUM {table}")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_room_for_is_waited_for() {
        let mut budget = Budget::new(&"store".into(), 1_000);
        assert!(!budget.must_shrink(1_000));
        assert!(budget.must_shrink(1_001));
        budget.mark = Some(2_000);
        assert!(!budget.must_shrink(2_010), "the space of the day that went is used first");
        assert!(budget.must_shrink(2_011));
        assert!(!budget.must_shrink(900));
    }
}
