//! Connections that read, and how a reader sees one moment.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{Failure, memory::Memory, schema};

/// Questions answered at one time; more wait. Each may hold some megabytes.
const MAX_READERS: usize = 4;

/// The connections, made when they are first needed.
#[derive(Debug)]
pub(super) struct Readers {
    dir: PathBuf,
    idle: Mutex<Vec<Connection>>,
    room: Semaphore,
}

/// One question's view of the store.
pub(super) struct Reader {
    db: Connection,
    memory: Arc<RwLock<Memory>>,
}

impl Readers {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, idle: Mutex::default(), room: Semaphore::new(MAX_READERS) }
    }

    /// One connection, whose view of the file was fixed before.
    pub(super) fn fixed(dir: PathBuf, db: Connection) -> Self {
        Self { dir, idle: Mutex::new(vec![db]), room: Semaphore::new(1) }
    }

    /// Answers a question on a thread of its own.
    pub(super) async fn with<T: Send + 'static>(
        self: Arc<Self>,
        memory: Arc<RwLock<Memory>>,
        question: impl FnOnce(&mut Reader) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let readers = Arc::clone(&self);
        let _room = self.room.acquire().await.map_err(|_| Failure::Ended)?;
        let work = move || {
            let idle = readers.idle.lock().pop();
            let db = match idle {
                Some(db) => db,
                None => schema::reader(&readers.dir)?,
            };
            let mut reader = Reader { db, memory };
            let answer = question(&mut reader);
            // A connection that failed is not trusted again.
            if !matches!(answer, Err(Failure::Sql(_))) {
                readers.idle.lock().push(reader.db);
            }
            answer
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Failure::Ended)?
    }
}

/// The file as of one moment, until this is dropped.
pub(super) struct View<'a> {
    db: &'a Connection,
    /// Whether the view ends with this; one that lasts for the store's life does not.
    ends: bool,
}

impl Deref for View<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        if self.ends {
            // Nothing was written: there is nothing to lose, and nothing to tell.
            let _ = self.db.execute_batch("ROLLBACK");
        }
    }
}

impl Reader {
    /// Looks at memory and fixes the view of the file, both as of one moment. Copy out of
    /// memory what is needed and no more: the writer waits meanwhile.
    pub(super) fn look<T>(
        &mut self,
        look: impl FnOnce(&Memory) -> T,
    ) -> Result<(T, View<'_>), Failure> {
        let memory = self.memory.read();
        let ends = self.db.is_autocommit();
        if ends {
            fix(&self.db)?;
        }
        Ok((look(&memory), View { db: &self.db, ends }))
    }
}

/// Begins a view of the file.
pub(super) fn fix(db: &Connection) -> Result<(), Failure> {
    // A transaction sees the file as of its first read.
    db.execute_batch("BEGIN; SELECT 1 FROM meta LIMIT 1;")?;
    Ok(())
}
