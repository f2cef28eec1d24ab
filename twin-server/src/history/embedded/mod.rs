//! The embedded store: one SQLite file, written by one thread.
//!
//! What a commit brings is kept as it came (`pending`), and in memory; when enough of a
//! group of points has gathered, it moves into packed chunks. Readers have connections of
//! their own and see one moment: chunks through SQLite's snapshot, the rest through
//! memory. docs/history.md tells the whole of it.

pub(super) mod codec;
mod commit;
mod expiry;
mod info;
mod memory;
mod open;
mod page;
mod reader;
mod rollups;
mod schema;
mod sealed;
mod sealing;
mod series;
mod state_at;
mod thread;

use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::RwLock;
use rusqlite::ErrorCode;
use thiserror::Error;
use twin_model::PointKey;

use super::{
    Answer, Appended, Cursor, HistoryError, Page, PastSample, Series, Store, retention::Retention,
};
use crate::reading::Reading;
use codec::timestamp;
pub use info::Info;
use memory::{Memory, ms};
use reader::Readers;
use thread::Writer;

/// Sizes that a site need not set; tests do.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Samples of a group of points that make a chunk.
    pub chunk_samples: usize,
    /// Most samples in memory, about; about 50 bytes each.
    pub tail_samples: usize,
    /// Most bytes of the write-ahead part, about; a start reads all of it.
    pub pending_bytes: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { chunk_samples: 8192, tail_samples: 1_000_000, pending_bytes: 32 * 1024 * 1024 }
    }
}

/// What goes wrong inside.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error("the file is damaged: {}", codec::Damaged)]
    Damaged,
    #[error("the file is of version {0}, which this server does not know")]
    Version(i64),
    #[error("there are {0} points already, and no more are kept")]
    TooManyPoints(usize),
    #[error("the thread that writes has ended")]
    Ended,
    #[error("{0}")]
    Question(String),
}

impl From<codec::Damaged> for Failure {
    fn from(_: codec::Damaged) -> Self {
        Self::Damaged
    }
}

impl Failure {
    fn told(self, store: &str, operation: &'static str) -> HistoryError {
        let store = store.to_owned();
        match self {
            Self::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                HistoryError::Full { store, operation }
            }
            Self::Question(question) => HistoryError::Question(question),
            other => HistoryError::Failed { store, operation, reason: other.to_string() },
        }
    }
}

/// A store as messages name it.
fn store_name(dir: &Path) -> String {
    dir.display().to_string()
}

/// A store in a directory of its own.
#[derive(Debug)]
pub struct EmbeddedStore {
    name: String,
    dir: PathBuf,
    memory: Arc<RwLock<Memory>>,
    readers: Arc<Readers>,
    /// Absent where the store was opened to read.
    writer: Option<Writer>,
    /// Held as long as the store is open to write.
    _lock: Option<File>,
}

impl EmbeddedStore {
    /// Opens the store in a directory, or makes one. Takes a moment: call it where
    /// waiting is allowed.
    ///
    /// # Errors
    /// Where the directory cannot be used, another process has it open, or what is in it
    /// is no store of ours.
    pub fn open(dir: &Path, retention: Retention, tuning: Tuning) -> Result<Self, HistoryError> {
        let lock = schema::lock(dir)?;
        let name = store_name(dir);
        let told = |failure: Failure| failure.told(&name, "opening");
        let db = schema::writer(dir).map_err(told)?;
        let opened = open::load(&db, dir).map_err(told)?;
        let memory = Arc::new(RwLock::new(opened.memory));
        let alive_ms = opened.alive_ms;
        let committer = commit::Committer {
            db,
            memory: Arc::clone(&memory),
            tuning,
            next_seq: opened.next_seq,
            pending: opened.pending,
            lookup: sealed::Lookup::default(),
            names: codec::chunk::Names::default(),
            alive_ms: 0,
            retention,
            expiry: expiry::Expiry::default(),
        };
        let readers = Arc::new(Readers::new(dir.to_owned()));
        let writer = Some(Writer::start(committer, alive_ms, &name)?);
        Ok(Self { name, dir: dir.to_owned(), memory, readers, writer, _lock: Some(lock) })
    }

    /// Opens a store as it is at this moment, to read: also while a server writes to it.
    ///
    /// # Errors
    /// Where there is no store in the directory, or none of ours.
    pub fn open_read_only(dir: &Path) -> Result<Self, HistoryError> {
        let name = store_name(dir);
        let told = |failure: Failure| failure.told(&name, "opening to read");
        let db = schema::reader(dir).map_err(told)?;
        reader::fix(&db).map_err(told)?;
        let memory = open::load(&db, dir).map_err(told)?.memory;
        Ok(Self {
            name,
            dir: dir.to_owned(),
            memory: Arc::new(RwLock::new(memory)),
            readers: Arc::new(Readers::fixed(dir.to_owned(), db)),
            writer: None,
            _lock: None,
        })
    }

    fn writer(&self) -> Result<&Writer, Failure> {
        let refusal = || Failure::Question("the store was opened to read".to_owned());
        self.writer.as_ref().ok_or_else(refusal)
    }

    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What there is, in figures. Reads the whole index: not for every request.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub async fn info(&self) -> Result<Info, HistoryError> {
        self.ask("counting", info::info).await
    }

    /// Answers a question on a thread that may wait, with a connection of its own.
    fn ask<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl FnOnce(&mut reader::Reader) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        let (readers, memory) = (Arc::clone(&self.readers), Arc::clone(&self.memory));
        Box::pin(async move {
            let answer = readers.with(memory, question).await;
            answer.map_err(|failure| failure.told(&self.name, operation))
        })
    }
}

impl Store for EmbeddedStore {
    fn append(&self, readings: Vec<Reading>) -> Answer<'_, Appended> {
        Box::pin(async move {
            let appended = match self.writer() {
                Ok(writer) => writer.append(readings).await,
                Err(refusal) => Err(refusal),
            };
            appended.map_err(|failure| failure.told(&self.name, "keeping samples"))
        })
    }

    fn note_gap(&self, gap: Range<Timestamp>) -> Answer<'_, ()> {
        Box::pin(async move {
            let noted = match self.writer() {
                Ok(writer) => writer.note_gap(ms(gap.start), ms(gap.end)).await,
                Err(refusal) => Err(refusal),
            };
            noted.map_err(|failure| failure.told(&self.name, "noting a gap"))
        })
    }

    fn series<'a>(
        &'a self,
        key: &'a PointKey,
        range: Range<Timestamp>,
        max_points: usize,
    ) -> Answer<'a, Series> {
        let key = key.clone();
        self.ask("reading a series", move |reader| series::series(reader, &key, range, max_points))
    }

    fn state_at(&self, at: Timestamp) -> Answer<'_, Vec<PastSample>> {
        self.ask("reading a state", move |reader| state_at::state_at(reader, at))
    }

    fn page(
        &self,
        range: Range<Timestamp>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Answer<'_, Page> {
        self.ask("reading a page", move |reader| page::page(reader, range, after, limit))
    }

    fn span(&self) -> Answer<'_, Option<(Timestamp, Timestamp)>> {
        let span = self.memory.read().span;
        let span = span.map(|(first, last)| (timestamp(first), timestamp(last)));
        Box::pin(std::future::ready(Ok(span)))
    }
}
