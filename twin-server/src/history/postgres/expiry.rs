//! Old samples go, some at a time, and what is left of them stays for as long as their class
//! says; months of which nothing is left are dropped.
//!
//! One server at a time does it, whichever comes first. What it does not finish, for want
//! of a lock or of the connection, is left for the next round.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use deadpool_postgres::{Object, Pool};
use jiff::{SignedDuration, Timestamp, Unit};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_postgres::Error;
use tokio_util::sync::CancellationToken;

use super::{
    budget::Budget,
    partition,
    read::reader,
    rollup::{self, Failure, drop_before, span},
    row::PgTime,
};
use crate::history::{
    embedded::codec::rollup::Level,
    retention::{Class, Retention},
};

/// How often the budget is looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How often it is looked for what is old.
const EXPIRY: Duration = Duration::from_secs(3_600);
/// Points whose samples go together.
const POINTS: usize = 64;
/// Between two transactions, so that whoever writes hardly notices.
const REST: Duration = Duration::from_millis(50);
/// One server at a time; released with the connection at the latest.
const LOCK: i64 = 0x7477_6578; // "twex"

/// A partition goes only if nobody reads it just now. What holds for questions of a picture
/// does not hold here. Few rows are looked at among many: what reads whole tables is slower,
/// whatever a plan may think that knows nothing of a table made this month.
const SETTINGS: &str = "SET lock_timeout = '2s'; SET statement_timeout = 0;
SET enable_seqscan = off; SET enable_bitmapscan = off;
SET enable_hashjoin = off; SET enable_mergejoin = off";

/// Lets samples go until told to stop.
pub(super) async fn run(
    store: Arc<str>,
    pool: Pool,
    retention: Retention,
    stop: CancellationToken,
) {
    let mut due = interval(EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rounds =
        Rounds { budget: Budget::new(&store, retention.max_bytes), retention, next: None };
    let work = async {
        loop {
            due.tick().await;
            let Ok(mut client) = reader(&store, &pool).await else { continue };
            match rounds.round(&mut client, Timestamp::now()).await {
                Ok(Gone { months: 0, samples: 0 }) => {}
                Ok(gone) => tracing::info!(
                    "{store}: {} samples went, and {} months that were empty",
                    gone.samples,
                    gone.months
                ),
                Err(failure) => {
                    tracing::warn!("{store}: letting old samples go: {failure}");
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
pub(super) struct Gone {
    pub(super) months: usize,
    pub(super) samples: usize,
}

/// What is done again and again.
struct Rounds {
    retention: Retention,
    budget: Budget,
    /// When to look for what is old; absent: now.
    next: Option<Instant>,
}

impl Rounds {
    async fn round(&mut self, client: &mut Object, now: Timestamp) -> Result<Gone, Failure> {
        let over = self.budget.is_exceeded(client).await?;
        let due = self.next.is_none_or(|next| next <= Instant::now());
        let mut gone = Gone::default();
        if !(over || due) || !lock(client).await? {
            return Ok(gone);
        }
        client.batch_execute(SETTINGS).await?;
        let points = by_cuts(client, &self.retention, now).await?;
        if due {
            expire(client, &self.retention, &points, now, &mut gone).await?;
            self.next = Some(Instant::now() + EXPIRY);
        }
        if over {
            self.budget.make_room(client, &points, now, &mut gone).await?;
        }
        // The lock goes as well.
        client.batch_execute("SELECT pg_advisory_unlock_all(); RESET ALL").await?;
        Ok(gone)
    }
}

async fn lock(client: &Object) -> Result<bool, Error> {
    client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?.try_get(0)
}

/// What lies before these is old; absent: nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cuts {
    raw: Option<Timestamp>,
    minute: Option<Timestamp>,
    hour: Option<Timestamp>,
}

impl Cuts {
    fn new(class: &Class, now: Timestamp) -> Self {
        let cut = |kept: Option<Duration>| kept.map(|kept| before(now, kept));
        Self { raw: cut(class.raw), minute: cut(class.minute), hour: cut(class.hour) }
    }

    /// The first row of each level that is kept.
    fn floors(&self) -> [i64; 2] {
        let floor = |level, cut: Option<Timestamp>| {
            cut.map_or(i64::MIN, |cut| span(level, PgTime::at(cut)))
        };
        [floor(Level::Minute, self.minute), floor(Level::Hour, self.hour)]
    }
}

/// Points by what is old of them, in order of their numbers.
pub(super) type ByCuts = BTreeMap<Cuts, Vec<i32>>;

async fn by_cuts(client: &Object, retention: &Retention, now: Timestamp) -> Result<ByCuts, Error> {
    let mut points = ByCuts::new();
    for row in client.query("SELECT id, metric FROM twin_point ORDER BY id", &[]).await? {
        let cuts = Cuts::new(retention.class(row.try_get(1)?), now);
        points.entry(cuts).or_default().push(row.try_get(0)?);
    }
    Ok(points)
}

/// Samples become rollups, and rollups go, by class; then what is empty.
async fn expire(
    client: &mut Object,
    retention: &Retention,
    points: &ByCuts,
    now: Timestamp,
    gone: &mut Gone,
) -> Result<(), Failure> {
    for (cuts, points) in points {
        for some in points.chunks(POINTS) {
            if let Some(limit) = cuts.raw {
                gone.samples += retire(client, some, PgTime::at(limit), cuts).await?;
            }
            for (level, floor) in Level::ALL.into_iter().zip(cuts.floors()) {
                if floor > i64::MIN {
                    drop_before(client, level, some, floor).await?;
                }
            }
        }
    }
    if let Some(longest) = longest(retention) {
        gone.months += drop_empty(client, before(now, longest)).await?;
    }
    Ok(())
}

/// Lets all samples from before a time go, whatever their class.
pub(super) async fn retire_all(
    client: &mut Object,
    points: &ByCuts,
    limit: PgTime,
) -> Result<usize, Failure> {
    let mut went = 0;
    for (cuts, points) in points {
        for some in points.chunks(POINTS) {
            went += retire(client, some, limit, cuts).await?;
        }
    }
    Ok(went)
}

async fn retire(
    client: &mut Object,
    mut points: &[i32],
    limit: PgTime,
    cuts: &Cuts,
) -> Result<usize, Failure> {
    let mut went = 0;
    loop {
        let (some, last) = rollup::retire(client, points, limit, cuts.floors()).await?;
        went += some;
        if some < rollup::PIECE {
            return Ok(went);
        }
        // Those before it have none left; rows that have gone take their time to pass by.
        points = &points[points.partition_point(|point| *point < last)..];
        sleep(REST).await;
    }
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
    whole_days(now.checked_sub(kept).unwrap_or(Timestamp::MIN))
}

/// When a day began, UTC.
pub(super) fn whole_days(time: Timestamp) -> Timestamp {
    let days = jiff::TimestampRound::new().smallest(Unit::Hour).increment(24);
    time.round(days.mode(jiff::RoundMode::Floor)).unwrap_or(time)
}

/// Drops what lies before a time as a whole, and holds nothing any more.
async fn drop_empty(client: &mut Object, limit: Timestamp) -> Result<usize, Error> {
    let timescale = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'";
    if client.query_opt(timescale, &[]).await?.is_some() {
        let chunks = "SELECT drop_chunks('twin_sample', older_than => $1::timestamptz)";
        return Ok(client.query(chunks, &[&PgTime::at(limit)]).await?.len());
    }
    let mut dropped = 0;
    for part in partition::before(client, limit).await? {
        if part.drops && partition::drop_empty(client, &part.name).await? {
            dropped += 1;
        }
    }
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(days: Option<u64>) -> Class {
        let raw = days.map(|days| Duration::from_secs(86_400 * days));
        Class { raw, minute: raw, hour: None, ..Class::default() }
    }

    #[test]
    fn the_longest_of_all_classes_holds_for_whole_months() {
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

    #[test]
    fn rows_of_a_level_are_kept_whole() {
        let now = "1970-03-02T17:03:00Z".parse().unwrap();
        let cuts = Cuts::new(&class(Some(2)), now);
        assert_eq!(cuts.floors(), [58, i64::MIN], "the day of the 28th of February");
        let hour = Some(Duration::from_secs(86_400 * 2));
        let cuts = Cuts::new(&Class { hour, ..class(None) }, now);
        assert_eq!(cuts.floors(), [i64::MIN, 1], "the second thirty days");
    }
}
