//! The months that samples lie in, from 2000 to 2099. What lies outside comes from clocks
//! that were never set, and has a partition at either end: a wild clock cannot make tables
//! without end. There is no default partition, since with one the database could no longer
//! read partitions one after the other in order of time.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio_postgres::{Client, Error, GenericClient};

use super::schema::LOCK;

/// The partitions at either end.
pub(super) const ENDS: &str = "
CREATE TABLE twin_sample_before PARTITION OF twin_sample
    FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00');
CREATE TABLE twin_sample_after PARTITION OF twin_sample
    FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE);";

/// Whether samples lie in partitions of ours, and not in a hypertable.
pub(super) async fn is_partitioned(client: &Client) -> Result<bool, Error> {
    let known = "SELECT 1 FROM pg_partitioned_table WHERE partrelid = 'twin_sample'::regclass";
    Ok(client.query_opt(known, &[]).await?.is_some())
}

/// The months that have a partition, as this writer knows.
#[derive(Debug, Default)]
pub(super) struct Months(BTreeSet<Date>);

impl Months {
    /// Makes the partitions that samples of these times need, in transactions of their own:
    /// nobody who waits for a partition holds anything that its maker could want.
    pub(super) async fn cover(
        &mut self,
        client: &mut Client,
        times: impl Iterator<Item = Timestamp>,
    ) -> Result<(), Error> {
        let wanted: BTreeSet<Date> = times.filter_map(month).collect();
        for first in wanted {
            if !self.0.contains(&first) {
                make(client, first).await?;
                self.0.insert(first);
            }
        }
        Ok(())
    }
}

/// Attached, and not made in place: that would wait for everyone who reads, and have
/// everyone wait who comes after.
async fn make(client: &mut Client, first: Date) -> Result<(), Error> {
    let name = name(first);
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let attached = "SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass($1::text)";
    if transaction.query_opt(attached, &[&name]).await?.is_none() {
        let (from, until) = bounds(first);
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {name} (LIKE twin_sample INCLUDING DEFAULTS);
             ALTER TABLE twin_sample ATTACH PARTITION {name}
             FOR VALUES FROM ('{from}') TO ('{until}')"
        );
        transaction.batch_execute(&make).await?;
    }
    transaction.commit().await
}

/// A partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) name: String,
    /// Everything in it lies before this.
    pub(super) end: Timestamp,
    /// Whether it may be dropped; the one before all months stays.
    pub(super) drops: bool,
}

impl Part {
    fn parse(name: String) -> Option<Self> {
        let (next, drops) = match parse(&name) {
            Some(first) => (first.last_of_month().tomorrow().ok()?, true),
            None if name == "twin_sample_before" => (Date::constant(2000, 1, 1), false),
            None => return None,
        };
        let end = next.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(Self { name, end, drops })
    }
}

/// The partitions of which all lies before the month of a time, oldest first.
pub(super) async fn before(client: &Client, limit: Timestamp) -> Result<Vec<Part>, Error> {
    let partitions = "SELECT inhrelid::regclass::text FROM pg_inherits
        WHERE inhparent = 'twin_sample'::regclass";
    let mut parts = Vec::new();
    for row in client.query(partitions, &[]).await? {
        parts.extend(Part::parse(row.try_get(0)?).filter(|part| part.end <= limit));
    }
    parts.sort_by_key(|part| part.end);
    Ok(parts)
}

/// Whether there is nothing in a partition.
pub(super) async fn is_empty(client: &impl GenericClient, name: &str) -> Result<bool, Error> {
    let none = format!("SELECT NOT EXISTS (SELECT 1 FROM {name})");
    client.query_one(&none, &[]).await?.try_get(0)
}

/// Drops a partition, unless there is something in it; whether it did. Nobody who waits for
/// a partition holds anything that this could want.
pub(super) async fn drop_empty(client: &mut Client, name: &str) -> Result<bool, Error> {
    if !is_empty(&*client, name).await? {
        return Ok(false);
    }
    let transaction = client.transaction().await?;
    let lock = format!("LOCK TABLE ONLY twin_sample, {name} IN ACCESS EXCLUSIVE MODE");
    transaction.batch_execute(&lock).await?;
    // Something late may have come before the lock.
    if !is_empty(&transaction, name).await? {
        return Ok(false);
    }
    transaction.batch_execute(&format!("DROP TABLE {name}")).await?;
    transaction.commit().await?;
    Ok(true)
}

/// First day of the month of a plausible time, UTC.
pub(super) fn month(time: Timestamp) -> Option<Date> {
    let date = time.to_zoned(TimeZone::UTC).date();
    (2000..2100).contains(&date.year()).then(|| date.first_of_month())
}

/// The partition of a month.
pub(super) fn name(first: Date) -> String {
    format!("twin_sample_{:04}_{:02}", first.year(), first.month())
}

/// When a month begins, and the next one.
pub(super) fn bounds(first: Date) -> (String, String) {
    let next = first.last_of_month().tomorrow().unwrap_or(first);
    (format!("{first} 00:00:00+00"), format!("{next} 00:00:00+00"))
}

/// The month of a partition; absent for those at the ends.
pub(super) fn parse(name: &str) -> Option<Date> {
    let (year, month) = name.strip_prefix("twin_sample_")?.split_once('_')?;
    Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wild_clock_makes_no_table() {
        let of = |text: &str| month(text.parse().unwrap()).map(|first| first.to_string());
        assert_eq!(of("2026-12-31T23:59:59.999Z"), Some("2026-12-01".into()));
        assert_eq!(of("1970-01-01T00:00:00Z"), None);
        assert_eq!(of("2100-01-01T00:00:00Z"), None);
    }

    #[test]
    fn partitions_are_told_by_their_names() {
        let of = |name: &str| Part::parse(name.to_owned());
        let december = of("twin_sample_2026_12").unwrap();
        assert_eq!(
            (december.end.to_string(), december.drops),
            ("2027-01-01T00:00:00Z".into(), true)
        );
        assert!(!of("twin_sample_before").unwrap().drops);
        assert_eq!(of("twin_sample_after"), None);
    }

    #[test]
    fn a_name_comes_back_as_its_month() {
        let first = Date::constant(2026, 2, 1);
        assert_eq!(name(first), "twin_sample_2026_02");
        assert_eq!(parse("twin_sample_2026_02"), Some(first));
        for other in ["twin_sample_before", "twin_sample_after", "other_2026_02", "twin_sample"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
