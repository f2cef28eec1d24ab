//! Rollups in the database: what is left of samples that have gone, and of rollups that
//! have gone the newest sample.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Failure,
    codec::{
        Raw, Run,
        rollup::{Level, Rollup},
    },
};

/// The level of a row that holds nothing but the newest sample of a point, once no rollup
/// does: a meter that fell silent years ago still has a last value.
const GONE: i64 = 3;
/// The window of such a row, of which a point has one.
const GONE_WINDOW: i64 = 0;

/// Adds runs to the rollups of their points.
pub(super) fn add(db: &Connection, runs: &[Run]) -> Result<(), Failure> {
    for level in Level::ALL {
        let mut windows: BTreeMap<(u32, i64), Vec<&Raw>> = BTreeMap::new();
        for run in runs {
            for raw in &run.samples {
                let window = raw.order().div_euclid(level.window());
                windows.entry((run.point, window)).or_default().push(raw);
            }
        }
        for ((point, window), samples) in windows {
            let mut rollup = row(db, level, point, window)?.unwrap_or_default();
            rollup.add(level.bucket(), samples.into_iter());
            write(db, level as i64, point, window, &rollup)?;
        }
    }
    Ok(())
}

/// Drops the rows of a point before a window.
pub(super) fn drop_before(
    db: &Connection,
    level: Level,
    point: u32,
    window: i64,
) -> Result<(), Failure> {
    if level == Level::Hour {
        keep_newest(db, point, window)?;
    }
    db.prepare_cached("DELETE FROM rollup WHERE level = ?1 AND point = ?2 AND window < ?3")?
        .execute(params![level as i64, point, window])?;
    Ok(())
}

/// Drops the oldest rows of all points, fine ones before coarse ones; whether there were any.
pub(super) fn drop_oldest(db: &Connection) -> Result<bool, Failure> {
    for level in Level::ALL {
        let mut select = db.prepare_cached("SELECT min(window) FROM rollup WHERE level = ?1")?;
        let oldest = select.query_row([level as i64], |row| row.get::<_, Option<i64>>(0))?;
        let Some(window) = oldest else { continue };
        if level == Level::Hour {
            let mut select =
                db.prepare_cached("SELECT point FROM rollup WHERE level = ?1 AND window = ?2")?;
            let points = select.query_map(params![level as i64, window], |row| row.get(0))?;
            for point in points.collect::<Result<Vec<u32>, _>>()? {
                keep_newest(db, point, window + 1)?;
            }
        }
        db.execute(
            "DELETE FROM rollup WHERE level = ?1 AND window = ?2",
            params![level as i64, window],
        )?;
        return Ok(true);
    }
    Ok(false)
}

/// Puts aside the newest sample of a point before a window of hours that is about to go.
fn keep_newest(db: &Connection, point: u32, before: i64) -> Result<(), Failure> {
    let mut select = db.prepare_cached(
        "SELECT window FROM rollup WHERE level = ?1 AND point = ?2 AND window < ?3 \
         ORDER BY window DESC LIMIT 1",
    )?;
    let key = params![Level::Hour as i64, point, before];
    let window: Option<i64> = select.query_row(key, |row| row.get(0)).optional()?;
    let Some(window) = window else { return Ok(()) };
    let rollup = row(db, Level::Hour, point, window)?.unwrap_or_default();
    let Some(newest) = rollup.samples().next_back() else { return Ok(()) };
    // A late sample may have been rolled up after what is newer had gone.
    if gone(db, point)?.is_some_and(|known| known.order() > newest.order()) {
        return Ok(());
    }
    let mut alone = Rollup::default();
    alone.add(Level::Hour.bucket(), std::iter::once(newest));
    write(db, GONE, point, GONE_WINDOW, &alone)
}

/// The newest sample of a point that no rollup holds any more.
fn gone(db: &Connection, point: u32) -> Result<Option<Raw>, Failure> {
    let rollup = read(db, GONE, point, GONE_WINDOW)?;
    Ok(rollup.and_then(|rollup| rollup.samples().next_back().cloned()))
}

/// The rollups of a point that touch a range, coarse ones where there are no finer ones,
/// by place: what stands for samples that are no more.
pub(super) fn of_range(
    db: &Connection,
    point: u32,
    start: i64,
    end: i64,
) -> Result<Vec<(Level, i64)>, Failure> {
    let mut rows = Vec::new();
    let mut select = db.prepare_cached(
        "SELECT window FROM rollup WHERE level = ?1 AND point = ?2 AND window >= ?3 \
         AND window <= ?4 ORDER BY window",
    )?;
    for level in Level::ALL {
        let (low, high) = (start.div_euclid(level.window()), end.div_euclid(level.window()));
        let windows = select
            .query_map(params![level as i64, point, low, high], |row| row.get::<_, i64>(0))?;
        for window in windows {
            rows.push((level, window?));
        }
    }
    Ok(rows)
}

/// One row of rollups.
pub(super) fn row(
    db: &Connection,
    level: Level,
    point: u32,
    window: i64,
) -> Result<Option<Rollup>, Failure> {
    read(db, level as i64, point, window)
}

fn read(db: &Connection, level: i64, point: u32, window: i64) -> Result<Option<Rollup>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT data FROM rollup WHERE level = ?1 AND point = ?2 AND window = ?3",
    )?;
    let key = params![level, point, window];
    let data: Option<Vec<u8>> = select.query_row(key, |row| row.get(0)).optional()?;
    Ok(data.map(|bytes| Rollup::decode(&bytes)).transpose()?)
}

fn write(
    db: &Connection,
    level: i64,
    point: u32,
    window: i64,
    rollup: &Rollup,
) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO rollup(level, point, window, data) VALUES(?1, ?2, ?3, ?4)",
    )?
    .execute(params![level, point, window, rollup.encode()])?;
    Ok(())
}

/// Of a point the last sample not after a moment among those that stand for others.
pub(super) fn last(db: &Connection, point: u32, until: i64) -> Result<Option<Raw>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT window FROM rollup WHERE level = ?1 AND point = ?2 AND window <= ?3 \
         ORDER BY window DESC LIMIT 2",
    )?;
    for level in Level::ALL {
        // A row may hold only samples after the moment: then it is in the one before.
        let until_window = until.div_euclid(level.window());
        let windows: Vec<i64> = select
            .query_map(params![level as i64, point, until_window], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for window in windows {
            let Some(rollup) = row(db, level, point, window)? else { continue };
            if let Some(raw) = rollup.samples().rfind(|raw| raw.order() <= until) {
                return Ok(Some(raw.clone()));
            }
        }
    }
    Ok(gone(db, point)?.filter(|raw| raw.order() <= until))
}
