//! The task that commits: it takes what is waiting, in one transaction, and answers
//! everyone after the commit. While it commits, the next group gathers.
//!
//! A connection that falls is made anew once, at once: a database that restarts, or hands
//! over to its standby, costs a moment. Where that fails too the database is away. Then
//! every batch is refused at once, since live values wait behind it, and a task beside this
//! one tries to reach the database until it does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{self, MissedTickBehavior},
};

use super::{PATIENCE, failure, options::PostgresOptions, session::Session};
use crate::{
    history::{Appended, HistoryError},
    reading::Reading,
};

/// Batches that wait for a commit; when full, whoever appends waits.
const WAITING: usize = 64;
/// Most batches one commit takes, so that its answer does not keep the first too long.
const GROUP: usize = 32;
/// What a sample adds to the time that a commit may take.
const EACH: Duration = Duration::from_millis(1);
/// Between two tries to reach a database that is away.
const RETRY: Duration = Duration::from_secs(1);
/// How often the writer says that it lives.
const BEAT: Duration = Duration::from_secs(5);

/// The way to the writer.
#[derive(Debug)]
pub(super) struct Batches(mpsc::Sender<Batch>);

/// Readings, and who waits for them to be safe.
#[derive(Debug)]
pub(super) struct Batch {
    readings: Vec<Reading>,
    answer: oneshot::Sender<Result<Appended, HistoryError>>,
}

pub(super) fn queue() -> (Batches, mpsc::Receiver<Batch>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Batches(sender), receiver)
}

impl Batches {
    pub(super) async fn append(
        &self,
        store: &str,
        readings: Vec<Reading>,
    ) -> Result<Appended, HistoryError> {
        if readings.is_empty() {
            return Ok(Appended::default());
        }
        if let Some(odd) = readings.iter().find(|reading| has_zero(reading)) {
            let name = format!("{}/{}", odd.entity.as_str(), odd.metric);
            let text = format!("{name:?}: names and units with a zero in them cannot be kept");
            return Err(HistoryError::Question(text));
        }
        let stopped = || HistoryError::Failed {
            store: store.to_owned(),
            operation: "keeping samples",
            reason: "nobody writes here".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        self.0.send(Batch { readings, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// PostgreSQL takes no such text, and one must not take others along.
fn has_zero(reading: &Reading) -> bool {
    reading.entity.as_str().contains('\0')
        || reading.metric.contains('\0')
        || reading.unit.contains('\0')
}

/// The writing end.
pub(super) struct Writer {
    options: PostgresOptions,
    store: Arc<str>,
    link: Link,
    lead: Arc<Lead>,
}

/// Whether this server leads those that share the database, should it want to.
#[derive(Debug, Default)]
pub(super) struct Lead {
    pub(super) wanted: AtomicBool,
    pub(super) held: AtomicBool,
}

/// How the database stands.
enum Link {
    Up(Box<Session>),
    Away { reason: String, coming: JoinHandle<Result<Box<Session>, HistoryError>> },
}

/// What woke the writer up.
enum Wake {
    Batches,
    Session(Result<Box<Session>, HistoryError>),
    Beat,
    End,
}

impl Writer {
    /// With a session, or the reason why there is none yet.
    pub(super) fn new(
        options: PostgresOptions,
        store: Arc<str>,
        session: Result<Session, String>,
        lead: Arc<Lead>,
    ) -> Self {
        let link = match session {
            Ok(session) => Link::Up(Box::new(session)),
            Err(reason) => Link::Away { reason, coming: reach(&options, &store) },
        };
        Self { options, store, link, lead }
    }

    /// Commits until every sender is gone.
    pub(super) async fn run(mut self, mut batches: mpsc::Receiver<Batch>) {
        let mut beat = time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut group = Vec::with_capacity(GROUP);
        loop {
            let wake = tokio::select! {
                taken = batches.recv_many(&mut group, GROUP) => match taken {
                    0 => Wake::End,
                    _ => Wake::Batches,
                },
                session = self.link.session() => Wake::Session(session),
                _ = beat.tick() => Wake::Beat,
            };
            match wake {
                Wake::End => break,
                Wake::Batches => self.answer(&mut group).await,
                Wake::Session(Ok(session)) => {
                    tracing::info!("{}: connected", self.store);
                    self.link = Link::Up(session);
                }
                Wake::Session(Err(error)) => self.away(&error),
                Wake::Beat => self.beat().await,
            }
        }
        if let Link::Away { coming, .. } = &self.link {
            coming.abort();
        }
    }

    async fn answer(&mut self, group: &mut Vec<Batch>) {
        let readings: Vec<&[Reading]> =
            group.iter().map(|batch| batch.readings.as_slice()).collect();
        let result = self.keep(&readings).await;
        for (n, batch) in group.drain(..).enumerate() {
            let answer = match &result {
                Ok(appended) => Ok(appended[n]),
                Err(error) => Err(again(error)),
            };
            let _ = batch.answer.send(answer); // whoever asked may have gone
        }
    }

    async fn keep(&mut self, group: &[&[Reading]]) -> Result<Vec<Appended>, HistoryError> {
        let session = match &mut self.link {
            Link::Up(session) => session,
            Link::Away { reason, .. } => {
                return Err(HistoryError::Failed {
                    store: self.store.to_string(),
                    operation: "keeping samples",
                    reason: reason.clone(),
                });
            }
        };
        match commit(session, group, &self.store).await {
            Err(HistoryError::Failed { reason, .. }) => {
                tracing::debug!("{}: once more, anew: {reason}", self.store);
            }
            other => return other,
        }
        let anew = async {
            let mut session = Session::open(&self.options, &self.store).await?;
            let appended = commit(&mut session, group, &self.store).await?;
            Ok((session, appended))
        };
        match anew.await {
            Ok((session, appended)) => {
                self.lead.held.store(false, Relaxed);
                self.link = Link::Up(Box::new(session));
                Ok(appended)
            }
            Err(error) => {
                self.away(&error);
                Err(error)
            }
        }
    }

    async fn beat(&mut self) {
        let Link::Up(session) = &mut self.link else { return };
        let wanted = self.lead.wanted.load(Relaxed);
        let beat = async {
            session.is_alive().await?;
            if wanted { session.lead().await } else { Ok(false) }
        };
        let failed = match time::timeout(PATIENCE, beat).await {
            Ok(Ok(leads)) => return self.lead.held.store(leads, Relaxed),
            Ok(Err(error)) => failure(&self.store, "saying that we live")(error),
            Err(_) => late(&self.store),
        };
        self.away(&failed);
    }

    fn away(&mut self, error: &HistoryError) {
        self.lead.held.store(false, Relaxed);
        tracing::debug!("{}: away: {error}", self.store);
        let coming = reach(&self.options, &self.store);
        self.link = Link::Away { reason: error.to_string(), coming };
    }
}

impl Link {
    /// The session that is being made, where one is. Dropping the future loses nothing.
    async fn session(&mut self) -> Result<Box<Session>, HistoryError> {
        match self {
            Self::Up(_) => std::future::pending().await,
            Self::Away { coming, reason } => match coming.await {
                Ok(session) => session,
                Err(_) => Err(HistoryError::Question(reason.clone())),
            },
        }
    }
}

/// One try to reach the database, in a while.
fn reach(
    options: &PostgresOptions,
    store: &Arc<str>,
) -> JoinHandle<Result<Box<Session>, HistoryError>> {
    let (options, store) = (options.clone(), Arc::clone(store));
    tokio::spawn(async move {
        time::sleep(RETRY).await;
        Session::open(&options, &store).await.map(Box::new)
    })
}

/// Commits within a time that fits the group.
async fn commit(
    session: &mut Session,
    group: &[&[Reading]],
    store: &str,
) -> Result<Vec<Appended>, HistoryError> {
    let samples: usize = group.iter().map(|batch| batch.len()).sum();
    let patience = PATIENCE + EACH * u32::try_from(samples).unwrap_or(u32::MAX);
    match time::timeout(patience, session.commit(group)).await {
        Ok(committed) => committed.map_err(failure(store, "keeping samples")),
        Err(_) => Err(late(store)),
    }
}

fn late(store: &str) -> HistoryError {
    HistoryError::Failed {
        store: store.to_owned(),
        operation: "keeping samples",
        reason: "no answer in time".to_owned(),
    }
}

/// The same error once more: several wait for one commit.
fn again(error: &HistoryError) -> HistoryError {
    match error {
        HistoryError::Full { store, operation } => {
            HistoryError::Full { store: store.clone(), operation }
        }
        HistoryError::Failed { store, operation, reason } => {
            HistoryError::Failed { store: store.clone(), operation, reason: reason.clone() }
        }
        HistoryError::Question(text) => HistoryError::Question(text.clone()),
    }
}
