//! The scaled store: samples in PostgreSQL, so that history outgrows one machine and
//! several servers share it.
//!
//! One connection writes: it commits batches in groups, and is made anew when it falls.
//! Questions go to a pool, and each sees one snapshot. Where the TimescaleDB extension is
//! installed in the database, samples lie in a hypertable and old chunks are compressed;
//! otherwise in monthly partitions.
//!
//! - [`options`] reads the URL and says whether the connection is encrypted,
//! - [`schema`] makes the tables, [`partition`] keeps partitions ahead of the samples,
//! - [`write`] is the task that commits, [`session`] the connection it does it on,
//! - [`read`], [`series`] and [`moment`] answer questions,
//! - [`row`] turns samples into rows and back,
//! - [`expiry`] lets old samples go, [`budget`] those for which there is no room, and
//! - [`rollup`] keeps what is left of them,
//! - [`info`] tells what there is.

mod budget;
mod expiry;
mod info;
mod moment;
mod options;
mod partition;
mod read;
mod rollup;
mod row;
mod schema;
mod series;
mod session;
mod write;

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;
use twin_model::PointKey;

use super::{
    Answer, Appended, Cursor, HistoryError, Page, PastSample, Series, Store, retention::Retention,
};
use crate::reading::Reading;
pub use info::Info;
pub use options::PostgresOptions;
use session::Session;
use write::{Batches, Lead, Writer};

/// Connections that answer questions at one time; one more waits for its turn.
const READERS: usize = 4;
/// How long a question waits for its turn, and how long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(5);

/// Samples in a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresStore {
    name: Arc<str>,
    readers: Pool,
    batches: Batches,
    stop: CancellationToken,
    writer: Option<JoinHandle<()>>,
    lead: Arc<Lead>,
}

impl PostgresStore {
    /// Connects, and makes the tables where there are none.
    ///
    /// # Errors
    /// Where the database cannot be reached, refuses us, or holds tables of a newer version
    /// of this program.
    pub async fn open(
        options: &PostgresOptions,
        retention: &Retention,
    ) -> Result<Self, HistoryError> {
        let store = Self::prepare(options)?;
        let session = Session::open(options, &store.name).await?;
        Ok(store.with_writer(options, retention, Ok(session)))
    }

    /// As [`PostgresStore::open`], but a database that is away is waited for: until it is
    /// there every append fails at once, and so does every question.
    ///
    /// # Errors
    /// Where waiting does not help: the database refuses us, or holds tables of a newer
    /// version of this program.
    pub async fn start(
        options: &PostgresOptions,
        retention: &Retention,
    ) -> Result<Self, HistoryError> {
        let store = Self::prepare(options)?;
        match Session::open(options, &store.name).await {
            Err(HistoryError::Failed { operation: "connecting", reason, .. }) => {
                tracing::error!("{}: it cannot be reached and is waited for: {reason}", store.name);
                Ok(store.with_writer(options, retention, Err(reason)))
            }
            Err(refusal) => Err(refusal),
            Ok(session) => Ok(store.with_writer(options, retention, Ok(session))),
        }
    }

    /// For questions alone: makes no tables, and keeps no samples.
    ///
    /// # Errors
    /// Where the database cannot be reached, or holds no history.
    pub async fn open_read_only(options: &PostgresOptions) -> Result<Self, HistoryError> {
        let store = Self::prepare(options)?;
        let client = read::reader(&store.name, &store.readers).await?;
        schema::check(&**client, &store.name).await?;
        Ok(store)
    }

    fn prepare(options: &PostgresOptions) -> Result<Self, HistoryError> {
        let name: Arc<str> = options.to_string().into();
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(options.for_readers(), options.tls()?, recycling);
        let patience = Some(PATIENCE);
        let timeouts = Timeouts { wait: patience, create: patience, recycle: patience };
        let readers = Pool::builder(manager)
            .max_size(READERS)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| HistoryError::Failed {
                store: name.to_string(),
                operation: "preparing connections",
                reason: error.to_string(),
            })?;
        // Without a writer whoever appends is told so.
        let (batches, _) = write::queue();
        Ok(Self {
            name,
            readers,
            batches,
            stop: CancellationToken::new(),
            writer: None,
            lead: Arc::default(),
        })
    }

    fn with_writer(
        mut self,
        options: &PostgresOptions,
        retention: &Retention,
        session: Result<Session, String>,
    ) -> Self {
        let (batches, received) = write::queue();
        self.batches = batches;
        let writer =
            Writer::new(options.clone(), Arc::clone(&self.name), session, Arc::clone(&self.lead));
        self.writer = Some(tokio::spawn(writer.run(received)));
        let expiry = expiry::run(
            Arc::clone(&self.name),
            self.readers.clone(),
            retention.clone(),
            self.stop.clone(),
        );
        tokio::spawn(expiry);
        self
    }

    /// Asks to lead those that share the database, of which one does at a time. It takes some
    /// seconds, and is lost with the connection.
    pub fn want_to_lead(&self) {
        self.lead.wanted.store(true, Relaxed);
    }

    /// A function that tells whether this store leads.
    pub fn leads(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let lead = Arc::clone(&self.lead);
        move || lead.held.load(Relaxed)
    }

    /// Where it is, without the password.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds, in figures. Counting takes its time where there is much.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn info(&self) -> Result<Info, HistoryError> {
        info::info(&self.name, &self.readers).await
    }

    /// Commits what is under way and closes the connections.
    pub async fn close(mut self) {
        // The only way to the writer: it ends with what was handed over.
        self.batches = write::queue().0;
        if let Some(writer) = self.writer.take()
            && writer.await.is_err()
        {
            tracing::warn!("{}: the writer did not end in order", self.name);
        }
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.stop.cancel();
        self.readers.close();
    }
}

impl Store for PostgresStore {
    fn append(&self, readings: Vec<Reading>) -> Answer<'_, Appended> {
        Box::pin(self.batches.append(&self.name, readings))
    }

    fn series<'a>(
        &'a self,
        key: &'a PointKey,
        range: Range<Timestamp>,
        max_points: usize,
    ) -> Answer<'a, Series> {
        Box::pin(series::series(&self.name, &self.readers, key, range, max_points))
    }

    fn state_at(&self, at: Timestamp) -> Answer<'_, Vec<PastSample>> {
        Box::pin(moment::state_at(&self.name, &self.readers, at))
    }

    fn page(
        &self,
        range: Range<Timestamp>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Answer<'_, Page> {
        Box::pin(read::page(&self.name, &self.readers, range, after, limit))
    }

    fn note_gap(&self, gap: Range<Timestamp>) -> Answer<'_, ()> {
        Box::pin(async move {
            let client = read::reader(&self.name, &self.readers).await?;
            let noted = session::note_gap(&client, &gap).await;
            noted.map_err(failure(&self.name, "noting a gap"))
        })
    }

    fn span(&self) -> Answer<'_, Option<(Timestamp, Timestamp)>> {
        Box::pin(read::span(&self.name, &self.readers))
    }
}

/// Turns the client's errors into ours.
fn failure(
    store: &str,
    operation: &'static str,
) -> impl Fn(tokio_postgres::Error) -> HistoryError + use<> {
    let store = store.to_owned();
    move |error| match error.code() {
        Some(&SqlState::DISK_FULL) => HistoryError::Full { store: store.clone(), operation },
        _ => HistoryError::Failed {
            store: store.clone(),
            operation,
            reason: options::reason(&error),
        },
    }
}
