//! Reading ahead: the samples that a replay will need next, fetched while it plays.

use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use crate::history::{Cursor, HistoryError, Page, PastSample, Store, order_time};

/// Samples in one page.
const PAGE: usize = 8192;
/// Samples held at most, a page more while one is on its way.
const HELD: usize = 4 * PAGE;
/// Time of the recording that is fetched at once, at least.
const WINDOW: Duration = Duration::from_secs(10);

/// Stores may keep times to the millisecond: the end of a range is put so much further,
/// so that what lies at the last moment wanted is in it. Samples that are read twice by
/// that are the same ones, and lie in `held` until their time comes.
const STEP: SignedDuration = SignedDuration::from_millis(1);

/// The samples after a moment, in order.
#[derive(Debug)]
pub(super) struct ReadAhead {
    store: Arc<dyn Store>,
    held: VecDeque<PastSample>,
    /// All samples up to here were handed out or are held.
    reached: Timestamp,
    /// What is being fetched, and where it goes on.
    window: Option<(Range<Timestamp>, Option<Cursor>)>,
    fetch: Option<Fetch>,
}

type Fetch = JoinHandle<Result<Page, HistoryError>>;

impl ReadAhead {
    /// What comes after a moment.
    pub(super) fn new(store: Arc<dyn Store>, after: Timestamp) -> Self {
        Self { store, held: VecDeque::new(), reached: after, window: None, fetch: None }
    }

    /// The samples up to a moment that were not handed out before; nothing where they are
    /// more than are held, which leaves the reader where it is of no use any more.
    pub(super) async fn take(
        &mut self,
        to: Timestamp,
    ) -> Result<Option<Vec<PastSample>>, HistoryError> {
        while self.reached < to {
            if self.held.len() >= HELD {
                return Ok(None);
            }
            self.start(to, Duration::ZERO);
            self.finish().await?;
        }
        let due = self.held.partition_point(|past| order_time(&past.sample) <= to);
        Ok(Some(self.held.drain(..due).collect()))
    }

    /// Fetches what the next moments need, unless that is under way or there.
    pub(super) async fn prefetch(
        &mut self,
        at: Timestamp,
        speed: f32,
        end: Timestamp,
    ) -> Result<(), HistoryError> {
        if self.fetch.as_ref().is_some_and(JoinHandle::is_finished) {
            self.finish().await?;
        }
        let second = Duration::try_from_secs_f32(speed.max(0.0)).unwrap_or(WINDOW);
        let needed = at + SignedDuration::try_from(second * 2).unwrap_or_default();
        if self.held.len() < HELD / 2 && self.reached < needed.min(end) {
            self.start(at, second * 4);
        }
        Ok(())
    }

    /// Starts to fetch the next page, unless one is on its way.
    fn start(&mut self, to: Timestamp, further: Duration) {
        if self.fetch.is_some() {
            return;
        }
        let (range, cursor) = self.window.get_or_insert_with(|| {
            let window = SignedDuration::try_from(further.max(WINDOW)).unwrap_or_default();
            let end = to.max(self.reached).saturating_add(window).unwrap_or(to);
            (self.reached + SignedDuration::from_nanos(1)..end + STEP, None)
        });
        let (store, range, cursor) = (Arc::clone(&self.store), range.clone(), cursor.clone());
        self.fetch = Some(tokio::spawn(async move { store.page(range, cursor, PAGE).await }));
    }

    /// Waits for the page on its way and takes it over.
    async fn finish(&mut self) -> Result<(), HistoryError> {
        let Some(fetch) = &mut self.fetch else { return Ok(()) };
        let fetched = fetch.await;
        self.fetch = None;
        let page = fetched.unwrap_or_else(|error| {
            Err(HistoryError::Failed {
                store: "history".to_owned(),
                operation: "reading ahead",
                reason: error.to_string(),
            })
        })?;
        let Some((range, cursor)) = &mut self.window else { return Ok(()) };
        match page.next {
            Some(next) => {
                // More samples of the last one's time may be on the next page.
                if let Some(last) = page.samples.last() {
                    let before = order_time(&last.sample) - STEP;
                    self.reached = self.reached.max(before);
                }
                *cursor = Some(next);
            }
            None => {
                self.reached = range.end - STEP;
                self.window = None;
            }
        }
        self.held.extend(page.samples);
        Ok(())
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        if let Some(fetch) = &self.fetch {
            fetch.abort();
        }
    }
}
