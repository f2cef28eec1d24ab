//! From the live state to WebSocket sessions.
//!
//! A session says which subtrees it wants and how often. Equal sessions form a
//! [`group`], which encodes each tick once. A session whose socket is not drained misses
//! frames, and when it is drained again gets what changed meanwhile, each point once. So
//! a slow client costs a socket buffer and no queue.

mod bucket;
mod encode;
mod group;
mod session;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::WebSocket;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::live::Live;
pub use encode::{Format, json_point};
use group::{Frame, Frames, GroupKey};

/// A message so many times over its limit is not read at all and ends the session; one
/// between is read, and answered with an error.
pub const HARD_LIMIT_FACTOR: usize = 4;

/// Bounds of the hub and its sessions.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most sessions at a time.
    pub max_clients: usize,
    /// Most updates a second a session may ask for.
    pub max_hz: f32,
    /// Largest message a client may send, bytes.
    pub max_message_bytes: usize,
    /// Messages a second a client may send for long; twice as many in a burst.
    pub messages_per_second: u32,
    /// How often a silent client is pinged.
    pub ping_every: Duration,
    /// Silence (no message, no pong) after which a connection is held to be dead.
    pub silent_after: Duration,
    /// How long one frame may take to get into the client's socket.
    pub send_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_clients: 256,
            max_hz: 30.0,
            max_message_bytes: twin_protocol::MAX_CLIENT_FRAME,
            messages_per_second: 20,
            ping_every: Duration::from_secs(15),
            silent_after: Duration::from_secs(45),
            send_timeout: Duration::from_secs(60),
        }
    }
}

/// Everyone who listens to the live state.
#[derive(Debug)]
pub struct Hub {
    live: Arc<Live>,
    settings: Settings,
    seats: Arc<Semaphore>,
    groups: Mutex<HashMap<GroupKey, watch::Sender<Option<Arc<Frame>>>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The right to one session.
#[derive(Debug)]
pub struct Seat(
    #[expect(dead_code, reason = "held, and given back when dropped")] OwnedSemaphorePermit,
);

impl Hub {
    /// A hub without sessions.
    pub fn new(live: Arc<Live>, settings: Settings) -> Arc<Self> {
        metrics::describe_gauge!("twin_stream_sessions", "WebSocket sessions");
        metrics::describe_counter!("twin_stream_frames", "Frames sent to clients");
        metrics::describe_counter!("twin_stream_bytes", "Payload bytes sent to clients");
        metrics::describe_counter!(
            "twin_stream_catch_ups",
            "Times a session that was not drained got what changed meanwhile"
        );
        metrics::describe_counter!("twin_stream_snapshots", "Snapshots sent");
        metrics::describe_counter!(
            "twin_stream_refusals",
            "Client messages answered with an error"
        );
        Arc::new(Self {
            live,
            seats: Arc::new(Semaphore::new(settings.max_clients)),
            settings,
            groups: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// What it streams.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Its bounds.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.settings.max_clients - self.seats.available_permits()
    }

    /// A seat for one more session, unless all are taken or the hub is closing.
    pub fn seat(&self) -> Option<Seat> {
        if self.stop.is_cancelled() {
            return None;
        }
        Arc::clone(&self.seats).try_acquire_owned().ok().map(Seat)
    }

    /// Serves one WebSocket to its end.
    pub async fn serve(self: Arc<Self>, socket: WebSocket, format: Format, seat: Seat) {
        let sessions = metrics::gauge!("twin_stream_sessions", "format" => format.as_str());
        sessions.increment(1.0);
        let tasks = self.tasks.clone();
        Box::pin(tasks.track_future(session::run(self, socket, format))).await;
        sessions.decrement(1.0);
        drop(seat);
    }

    /// Tells every session that the server stops, and waits until they have gone or
    /// `limit` is over.
    pub async fn close(&self, limit: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::warn!(sessions = self.sessions(), "closing on sessions that do not drain");
        }
    }

    fn join(self: &Arc<Self>, key: GroupKey) -> Frames {
        let mut groups = self.groups.lock();
        match groups.entry(key) {
            Entry::Occupied(group) => group.get().subscribe(),
            Entry::Vacant(vacant) => {
                let frames = watch::Sender::new(None);
                let key = vacant.key().clone();
                let hub = Arc::clone(self);
                let retiring = key.clone();
                // A join holds the same lock, so a group with a new member does not end.
                let retire = move |frames: &watch::Sender<_>| {
                    let mut groups = hub.groups.lock();
                    let empty = frames.is_closed();
                    if empty {
                        groups.remove(&retiring);
                    }
                    empty
                };
                let receiver = frames.subscribe();
                let (changed, seen) = (self.live.follow(), self.live.seq());
                let live = Arc::clone(&self.live);
                tokio::spawn(group::run(live, key, changed, seen, frames.clone(), retire));
                vacant.insert(frames);
                receiver
            }
        }
    }
}
