//! From the live state to whoever listens.
//!
//! A client says which subtrees it wants and how often. Equal ones form a [`group`], which
//! encodes once for all of them. A client whose socket is not drained misses frames, and
//! when it is drained again gets what changed meanwhile, each point once, or, where it
//! wants every sample, those samples off the tape. So a slow client costs a socket buffer
//! and no queue.

mod bucket;
mod channel;
mod encode;
mod events;
mod follower;
mod group;
mod session;
mod wish;

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    live::Live,
    rooms::{self, Room, Rooms},
};
pub use channel::Channel;
pub use encode::{Format, json_point};
pub use events::{Ask, Events};
pub use wish::{Refusal, Wish};

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

/// Everyone who listens, to the present or to a replay.
#[derive(Debug)]
pub struct Hub {
    rooms: Arc<Rooms>,
    settings: Settings,
    seats: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
    counters: Counters,
}

/// What is counted at every message: looked up once.
#[derive(Clone)]
struct Counters {
    frames: metrics::Counter,
    bytes: metrics::Counter,
    snapshots: metrics::Counter,
    catch_ups: metrics::Counter,
    refusals: metrics::Counter,
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counters")
    }
}

impl Counters {
    fn new() -> Self {
        metrics::describe_gauge!("twin_stream_sessions", "Streaming clients");
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
        Self {
            frames: metrics::counter!("twin_stream_frames"),
            bytes: metrics::counter!("twin_stream_bytes"),
            snapshots: metrics::counter!("twin_stream_snapshots"),
            catch_ups: metrics::counter!("twin_stream_catch_ups"),
            refusals: metrics::counter!("twin_stream_refusals"),
        }
    }

    fn sent(&self, message: &Message) {
        self.frames.increment(1);
        self.bytes.increment(length(message) as u64);
    }

    fn noted(&self, noted: follower::Noted) {
        if noted.snapshot {
            self.snapshots.increment(1);
        }
        if noted.catch_up {
            self.catch_ups.increment(1);
        }
    }
}

/// Bytes of a message's payload; none for control frames.
fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

/// The right to one session.
#[derive(Debug)]
pub struct Seat(
    #[expect(dead_code, reason = "held, and given back when dropped")] OwnedSemaphorePermit,
);

impl Hub {
    /// A hub for the present alone, without sessions.
    pub fn new(live: Arc<Live>, settings: Settings) -> Arc<Self> {
        Self::with_rooms(Rooms::new(live, None, rooms::Settings::default()), settings)
    }

    /// A hub for some rooms, without sessions.
    pub fn with_rooms(rooms: Arc<Rooms>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            rooms,
            seats: Arc::new(Semaphore::new(settings.max_clients)),
            settings,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            counters: Counters::new(),
        })
    }

    /// The present.
    pub fn live(&self) -> &Arc<Live> {
        self.rooms.live()
    }

    /// The present and the replays.
    pub fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
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

    /// Serves one WebSocket to its end, first in the room it named, else in the present.
    pub async fn serve(
        self: Arc<Self>,
        socket: WebSocket,
        format: Format,
        room: Option<Arc<Room>>,
        seat: Seat,
    ) {
        let sessions = metrics::gauge!("twin_stream_sessions", "format" => format.as_str());
        sessions.increment(1.0);
        let tasks = self.tasks.clone();
        Box::pin(tasks.track_future(session::run(self, socket, format, room))).await;
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
        self.rooms.close();
    }
}
