//! The thread that writes. Batches wait in a bounded line; whatever waits when a commit
//! begins shares it, so that a slow disk makes commits larger and not fewer samples.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread::JoinHandle,
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::params;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Failure, commit::Committer};
use crate::{
    history::{Appended, HistoryError},
    reading::Reading,
};

/// Batches that wait for a commit; whoever brings more waits for room.
const MAX_WAITING: usize = 64;
/// Samples one commit takes, about; a bound for memory, far above what is usual.
const MAX_COMMIT: usize = 65_536;
/// How often the thread looks round when nothing comes.
const IDLE: Duration = Duration::from_secs(1);
/// A store that was away for less has not been away.
const MIN_AWAY_MS: i64 = 20_000;

type Reply<T> = oneshot::Sender<Result<T, Failure>>;

enum Job {
    Append { readings: Vec<Reading>, reply: Reply<Appended>, _room: OwnedSemaphorePermit },
    Gap { start: i64, stop: i64, reply: Reply<()> },
}

/// The way to the thread; it ends, with what was handed over done, when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        mut committer: Committer,
        last_alive_ms: Option<i64>,
        store: &str,
    ) -> Result<Self, HistoryError> {
        let now = Timestamp::now().as_millisecond();
        if let Some(last) = last_alive_ms.filter(|last| now - last > MIN_AWAY_MS)
            && let Err(failure) = committer.note_gap(last, now)
        {
            tracing::warn!("{store}: noting that the store was away: {failure}");
        }
        let (jobs, queue) = mpsc::channel();
        let store = store.to_owned();
        let name = store.clone();
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || run(committer, &queue, &name))
            .map_err(|error| HistoryError::Failed {
                store,
                operation: "starting its thread",
                reason: error.to_string(),
            })?;
        let room = Arc::new(Semaphore::new(MAX_WAITING));
        Ok(Self { jobs: Some(jobs), room, thread: Some(thread) })
    }

    pub(super) async fn append(&self, readings: Vec<Reading>) -> Result<Appended, Failure> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| Failure::Ended)?;
        let (reply, answer) = oneshot::channel();
        self.send(Job::Append { readings, reply, _room: room })?;
        answer.await.map_err(|_| Failure::Ended)?
    }

    pub(super) async fn note_gap(&self, start: i64, stop: i64) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Gap { start, stop, reply })?;
        answer.await.map_err(|_| Failure::Ended)?
    }

    fn send(&self, job: Job) -> Result<(), Failure> {
        let jobs = self.jobs.as_ref().ok_or(Failure::Ended)?;
        jobs.send(job).map_err(|_| Failure::Ended)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the history's thread did not end in order");
        }
    }
}

fn run(mut committer: Committer, queue: &mpsc::Receiver<Job>, store: &str) {
    loop {
        let first = match queue.recv_timeout(IDLE) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(first) = first else {
            if let Err(failure) = committer.commit(&[]) {
                // Whoever appends next is told; nothing is lost by an idle round.
                tracing::debug!("{store}: {failure}");
            }
            expire(&mut committer, store);
            continue;
        };
        let mut batches = Vec::new();
        let mut replies = Vec::new();
        let mut samples = 0;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Append { readings, reply, _room } => {
                    samples += readings.len();
                    batches.push(readings);
                    replies.push(reply);
                }
                Job::Gap { start, stop, reply } => {
                    let _ = reply.send(committer.note_gap(start, stop));
                }
            }
            next = if samples < MAX_COMMIT { queue.try_recv().ok() } else { None };
        }
        if batches.is_empty() {
            continue;
        }
        answer(&mut committer, &batches, replies);
        expire(&mut committer, store);
    }
}

/// A little of what is due besides; where it fails it is due again.
fn expire(committer: &mut Committer, store: &str) {
    if let Err(failure) = committer.expire(Timestamp::now().as_millisecond()) {
        tracing::warn!("{store}: letting old samples go: {failure}");
    }
}

/// Commits, and tells everyone. Where several batches fail together each is tried by
/// itself, so that one that cannot be kept does not take others with it.
fn answer(committer: &mut Committer, batches: &[Vec<Reading>], replies: Vec<Reply<Appended>>) {
    match committer.commit(batches) {
        Ok(outcomes) => {
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                let _ = reply.send(Ok(outcome)); // whoever asked may be gone
            }
        }
        Err(failure) => {
            let mut failure = Some(failure);
            for (reply, batch) in replies.into_iter().zip(batches) {
                let outcome = match failure.take() {
                    Some(failure) if batches.len() == 1 => Err(failure),
                    _ => committer
                        .commit(std::slice::from_ref(batch))
                        .map(|outcomes| outcomes.first().copied().unwrap_or_default()),
                };
                let _ = reply.send(outcome);
            }
        }
    }
}

impl Committer {
    /// Keeps a span without samples, joined with those it touches.
    fn note_gap(&mut self, mut start: i64, mut stop: i64) -> Result<(), Failure> {
        stop = stop.max(start);
        let mut gaps = self.memory.read().gaps.clone();
        gaps.retain(|&(low, high)| {
            let apart = high < start || low > stop;
            if !apart {
                (start, stop) = (start.min(low), stop.max(high));
            }
            apart
        });
        gaps.push((start, stop));
        gaps.sort_unstable();
        let tx = self.db.transaction()?;
        tx.execute("DELETE FROM gap WHERE start >= ?1 AND stop <= ?2", params![start, stop])?;
        tx.execute("INSERT INTO gap(start, stop) VALUES(?1, ?2)", params![start, stop])?;
        tx.commit()?;
        self.memory.write().gaps = gaps;
        Ok(())
    }
}
