//! The file: where it lies, how it is opened, what tables it has.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{Failure, store_name};
use crate::history::HistoryError;

/// The database within the store's directory.
const FILE: &str = "history.sqlite";
/// Held by the one process that writes.
const LOCK: &str = "history.lock";
/// Version of the tables.
const VERSION: i64 = 1;
/// How long one connection waits for another; they only meet at checkpoints.
const BUSY: Duration = Duration::from_secs(10);

/// Tables. Times are ms since 1970.
///
/// `pending` is what was committed and is not in chunks yet, in the order it came;
/// `sealed` says up to which row a group's samples are in chunks. A `run` says where the
/// samples of a point lie; runs of a point never overlap. `level` is the number of bits of
/// a chunk's duration: chunks that touch a moment are found by a look at each level. A
/// `rollup` is what is left of samples that have gone: level 1 by minute, level 2 by hour;
/// level 3 is the newest sample of a point of which those have gone, too.
const TABLES: &str = "
CREATE TABLE point(
    id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, entity TEXT NOT NULL, metric TEXT NOT NULL,
    unit TEXT NOT NULL, stale_after_ms INTEGER NOT NULL, UNIQUE(entity, metric));
CREATE TABLE pending(seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE sealed(grp INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE chunk(
    id INTEGER PRIMARY KEY AUTOINCREMENT, level INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, samples INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX chunk_time ON chunk(level, first);
CREATE TABLE run(
    point INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    samples INTEGER NOT NULL, chunk INTEGER NOT NULL,
    PRIMARY KEY(point, first)) WITHOUT ROWID;
CREATE TABLE rollup(
    level INTEGER NOT NULL, point INTEGER NOT NULL, window INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY(level, point, window)) WITHOUT ROWID;
CREATE TABLE gap(start INTEGER PRIMARY KEY, stop INTEGER NOT NULL);
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";

/// Path of the database of a store.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Takes the store for this process alone; given back when the file is dropped.
pub(super) fn lock(dir: &Path) -> Result<File, HistoryError> {
    let failed = |reason: String| HistoryError::Failed {
        store: store_name(dir),
        operation: "opening",
        reason,
    };
    fs::create_dir_all(dir).map_err(|error| failed(error.to_string()))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join(LOCK))
        .map_err(|error| failed(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(
            "another process writes to it; stop that server first, or give this one a path \
             of its own"
                .to_owned(),
        )),
        Err(TryLockError::Error(error)) => Err(failed(error.to_string())),
    }
}

/// The connection that writes; makes the tables where there are none.
pub(super) fn writer(dir: &Path) -> Result<Connection, Failure> {
    let db = Connection::open(database(dir))?;
    db.busy_timeout(BUSY)?;
    // Before the first table, or it has no effect: freed pages can be given back.
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns, also in a power cut.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    tune(&db)?;
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        0 => {
            let tables = format!("BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;");
            db.execute_batch(&tables)?;
        }
        VERSION => {}
        other => return Err(Failure::Version(other)),
    }
    Ok(db)
}

/// A connection that only reads.
pub(super) fn reader(dir: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(database(dir), flags)?;
    db.busy_timeout(BUSY)?;
    tune(&db)?;
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == VERSION { Ok(db) } else { Err(Failure::Version(version)) }
}

/// Memory for the upper pages of the trees; the rest is the system's page cache.
fn tune(db: &Connection) -> Result<(), Failure> {
    db.pragma_update(None, "cache_size", -8 * 1024)?;
    db.pragma_update(None, "mmap_size", 256 * 1024 * 1024)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}
