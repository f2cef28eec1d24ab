//! Webhooks out: samples of some points, posted to somebody else's address.
//!
//! Each hook reads the tape of all samples by itself, so that one that does not answer
//! delays nobody. What it has not delivered waits in a bounded queue; a delivery that fails
//! too often is given up, counted and listed.

mod queue;
mod send;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::Uri;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use twin_model::Quality;
use utoipa::ToSchema;

use crate::{
    live::{Live, Tapped},
    scene::Intervals,
};
use queue::{Delivery, Queue};
pub use send::SendError;
use send::{Secret, Sender};

/// Longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Deliveries given up that the list remembers.
const REMEMBERED: usize = 10;

/// What to post, and where to.
#[derive(Clone)]
pub struct Settings {
    /// Its name in lists and metrics.
    pub name: String,
    /// Where to.
    pub url: Uri,
    /// Entities whose points are sent, with everything below; absent: all.
    pub entities: Option<Vec<String>>,
    /// Metrics that are sent; absent: all.
    pub metrics: Option<Vec<String>>,
    /// Qualities that are sent; absent: all.
    pub quality: Option<Vec<Quality>>,
    /// Least time between two posts.
    pub min_interval: Duration,
    /// What posts are signed with.
    pub secret: Option<Vec<u8>>,
    /// Tries before a delivery is given up.
    pub attempts: u32,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the secret: configurations end up in logs.
        f.debug_struct("Webhook").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a hook is doing.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Host and path it posts to; without a query, which may hold a secret.
    pub url: String,
    /// Posts that were taken.
    pub delivered: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Deliveries given up.
    pub dead: u64,
    /// Samples waiting.
    pub queued: usize,
    /// Samples dropped since too many were waiting.
    pub dropped: u64,
    /// Times that samples went by unread, since the server was too busy.
    pub gaps: u64,
    /// Failed tries of the delivery under way.
    pub failures_in_a_row: u32,
    /// When a post was last taken.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_delivered: Option<Timestamp>,
    /// What the last failed try met.
    pub last_error: Option<String>,
    /// The last deliveries given up.
    pub last_dead: Vec<Dead>,
}

/// A delivery that was given up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Dead {
    /// Its id, as in the header `Twin-Delivery`.
    pub id: String,
    /// When it was given up.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Samples lost with it.
    pub points: usize,
    /// What the last try met.
    pub reason: String,
}

/// All hooks, as far as others ask.
#[derive(Clone, Debug, Default)]
pub struct Webhooks(Vec<Arc<Mutex<Status>>>);

impl Webhooks {
    /// How each is doing, in the order of the configuration.
    pub fn statuses(&self) -> Vec<Status> {
        self.0.iter().map(|status| status.lock().clone()).collect()
    }

    /// Starts the hooks; they run until `stop`.
    ///
    /// # Errors
    /// Where the system has no certificates to trust.
    pub fn start(
        live: &Arc<Live>,
        hooks: Vec<Settings>,
        stop: &CancellationToken,
    ) -> Result<Self, SendError> {
        metrics::describe_counter!("twin_webhook_posts", "Posts of webhooks by outcome");
        metrics::describe_counter!("twin_webhook_samples_dropped", "Samples no hook had room for");
        let mut statuses = Vec::with_capacity(hooks.len());
        for settings in hooks {
            let status = Status {
                name: settings.name.clone(),
                url: shown(&settings.url),
                ..Status::default()
            };
            let status = Arc::new(Mutex::new(status));
            statuses.push(Arc::clone(&status));
            let hook = Hook::new(Arc::clone(live), settings, status)?;
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = hook.run() => {}
                }
            });
        }
        Ok(Self(statuses))
    }
}

/// An address without what may be secret in it.
fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}{}", url.host().unwrap_or_default(), url.path())
}

struct Hook {
    live: Arc<Live>,
    settings: Settings,
    interest: Option<Intervals>,
    sender: Sender,
    queue: Queue,
    status: Arc<Mutex<Status>>,
    cursor: u64,
    pause: Duration,
}

impl Hook {
    fn new(
        live: Arc<Live>,
        settings: Settings,
        status: Arc<Mutex<Status>>,
    ) -> Result<Self, SendError> {
        let scene = Arc::clone(live.scene());
        let interest = settings.entities.as_ref().map(|ids| {
            let known = ids.iter().filter_map(|id| {
                let index = scene.scene().index(id);
                if index.is_none() {
                    tracing::warn!("webhook {:?}: {id:?} is not in the scene", settings.name);
                }
                index
            });
            scene.tour().intervals(known)
        });
        let sender =
            Sender::new(settings.url.clone(), settings.secret.as_deref().map(Secret::new))?;
        let (cursor, queue) = (live.seq(), Queue::default());
        Ok(Self { live, settings, interest, sender, queue, status, cursor, pause: FIRST_PAUSE })
    }

    async fn run(mut self) {
        let mut changed = self.live.follow();
        let mut next = Instant::now();
        let mut pending: Option<Delivery> = None;
        loop {
            let something = pending.is_some() || !self.queue.is_empty();
            tokio::select! {
                live = changed.changed() => {
                    if live.is_err() {
                        return;
                    }
                    changed.mark_unchanged();
                    self.gather();
                }
                () = tokio::time::sleep_until(next.into()), if something => {
                    let name = &self.settings.name;
                    let delivery =
                        pending.take().or_else(|| self.queue.next(name, self.live.epoch()));
                    let Some(delivery) = delivery else { continue };
                    let started = Instant::now();
                    pending = self.attempt(delivery).await;
                    next = match pending {
                        Some(_) => Instant::now() + self.next_pause(),
                        None => started + self.settings.min_interval,
                    };
                    self.gather();
                }
            }
        }
    }

    /// Takes what is new on the tape and wanted.
    fn gather(&mut self) {
        let (settings, interest) = (&self.settings, self.interest.as_ref());
        let wanted = |tapped: &Tapped| {
            let (definition, sample) = (&tapped.latest.definition, &tapped.latest.sample);
            let metric =
                |names: &Vec<String>| names.iter().any(|name| **name == *definition.metric);
            interest.is_none_or(|interest| interest.contains(tapped.entity_place))
                && settings.metrics.as_ref().is_none_or(metric)
                && settings.quality.as_ref().is_none_or(|set| set.contains(&sample.quality))
        };
        let mut gap = false;
        loop {
            let cut = self.live.samples_since(self.cursor, u64::MAX, wanted, |_| 1, 4096);
            let Some(cut) = cut else {
                gap = true;
                self.cursor = self.live.seq();
                break;
            };
            if cut.reached == self.cursor {
                break;
            }
            self.cursor = cut.reached;
            self.queue.extend(cut.samples);
        }
        let mut status = self.status.lock();
        let dropped = self.queue.dropped();
        if dropped > status.dropped {
            let counter = metrics::counter!("twin_webhook_samples_dropped", "webhook" => self.settings.name.clone());
            counter.increment(dropped - status.dropped);
            status.dropped = dropped;
        }
        status.gaps += u64::from(gap);
        status.queued = self.queue.len();
    }

    /// Posts a delivery; it comes back where it is to be tried again.
    async fn attempt(&mut self, mut delivery: Delivery) -> Option<Delivery> {
        let sent = self.sender.send(&delivery).await;
        let name = self.settings.name.clone();
        let count = |outcome: &'static str| {
            let name = name.clone();
            metrics::counter!("twin_webhook_posts", "webhook" => name, "outcome" => outcome)
                .increment(1);
        };
        let mut status = self.status.lock();
        status.queued = self.queue.len();
        let Err(error) = sent else {
            count("delivered");
            self.pause = FIRST_PAUSE;
            status.delivered += 1;
            status.failures_in_a_row = 0;
            status.last_delivered = Some(Timestamp::now());
            return None;
        };
        count("failed");
        let reason = error.to_string();
        delivery.attempts += 1;
        status.failed += 1;
        status.failures_in_a_row = delivery.attempts;
        status.last_error = Some(reason.clone());
        if delivery.attempts < self.settings.attempts {
            tracing::debug!("webhook {name:?}: {reason}; trying again");
            return Some(delivery);
        }
        count("dead");
        tracing::warn!(
            "webhook {name:?}: {reason}; gave up a delivery of {} samples",
            delivery.points
        );
        status.dead += 1;
        status.failures_in_a_row = 0;
        if status.last_dead.len() == REMEMBERED {
            status.last_dead.remove(0);
        }
        let (id, points) = (delivery.id, delivery.points);
        status.last_dead.push(Dead { id, at: Timestamp::now(), points, reason });
        None
    }

    /// Twice as long each time; half fixed, half random, so that hooks do not come back
    /// in step.
    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause / 2 + (pause / 2).mul_f64(fastrand::f64())
    }
}
