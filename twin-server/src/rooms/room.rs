//! One room: what it shows, who is in it, and the way to its clock.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use twin_protocol::{ClockAction, ClockMode};

use super::{RoomError, clock};
use crate::hub::Channel;

/// How long a change of the clock may take before whoever asked is told to look again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a room shows just now.
#[derive(Clone, Debug)]
pub struct View {
    /// Where its values come from; of another epoch after each jump.
    pub channel: Arc<Channel>,
    /// Its clock.
    pub clock: ClockView,
    /// Whether there is every sample to be had, or only the latest values.
    pub has_samples: bool,
    /// Points that cannot be shown, since the scene has their entity no more.
    pub foreign_points: usize,
    /// Why the room is no more.
    pub ended: Option<&'static str>,
}

/// A clock as it stood at some moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockView {
    /// Which room's.
    pub room: Arc<str>,
    /// Present or past.
    pub mode: ClockMode,
    /// What the room showed …
    pub time: Timestamp,
    /// … at this time.
    pub server_time: Timestamp,
    /// Seconds of the room in a second.
    pub speed: f32,
    /// Whether it stands.
    pub paused: bool,
    /// First and last moment; absent where it is live.
    pub range: Option<[Timestamp; 2]>,
    /// For people: why it stopped, or how far a step has searched.
    pub note: String,
}

impl ClockView {
    pub(super) fn live(room: Arc<str>) -> Self {
        let now = Timestamp::now();
        Self {
            room,
            mode: ClockMode::Live,
            time: now,
            server_time: now,
            speed: 1.0,
            paused: false,
            range: None,
            note: String::new(),
        }
    }

    /// As clients are told it.
    pub fn now(&self) -> twin_protocol::Clock {
        let (time, server_time) = match self.mode {
            ClockMode::Live => (Timestamp::now(), Timestamp::now()),
            ClockMode::Replay => (self.time, self.server_time),
        };
        twin_protocol::Clock {
            room: self.room.as_ref().to_owned(),
            mode: self.mode,
            time_ms: time.as_millisecond(),
            server_time_ms: server_time.as_millisecond(),
            speed: self.speed,
            paused: self.paused,
            range_ms: self.range.map(|range| range.map(Timestamp::as_millisecond)),
            note: self.note.clone(),
        }
    }
}

/// Someone in a room.
#[derive(Clone, Debug)]
pub struct Member {
    /// The form of the protocol it speaks.
    pub format: &'static str,
    /// When it came.
    pub since: Timestamp,
}

/// A command to the task that runs the room, and where the answer goes.
pub(super) type Command = (ClockAction, oneshot::Sender<Result<ClockView, RoomError>>);

/// A room.
#[derive(Debug)]
pub struct Room {
    id: Arc<str>,
    name: String,
    created: Timestamp,
    /// Whether it stays when it is empty.
    pinned: AtomicBool,
    /// What one has to know to change the clock; absent: everyone may.
    key: Option<String>,
    view: watch::Sender<View>,
    members: Mutex<Members>,
    next_member: AtomicU64,
    /// Absent in the present.
    commands: Option<mpsc::Sender<Command>>,
    /// Ends the task that runs it.
    pub(super) stop: CancellationToken,
}

#[derive(Debug)]
struct Members {
    inside: BTreeMap<u64, Member>,
    empty_since: Instant,
    closed: bool,
}

/// What makes a room.
pub(super) struct Plan {
    pub(super) id: Arc<str>,
    pub(super) name: String,
    pub(super) pinned: bool,
    pub(super) key: Option<String>,
}

impl Room {
    pub(super) fn new(
        plan: Plan,
        view: View,
        commands: Option<mpsc::Sender<Command>>,
    ) -> Arc<Self> {
        let Plan { id, name, pinned, key } = plan;
        Arc::new(Self {
            id,
            name,
            created: Timestamp::now(),
            pinned: AtomicBool::new(pinned),
            key,
            view: watch::Sender::new(view),
            members: Mutex::new(Members {
                inside: BTreeMap::new(),
                empty_since: Instant::now(),
                closed: false,
            }),
            next_member: AtomicU64::new(1),
            commands,
            stop: CancellationToken::new(),
        })
    }

    /// Its name in addresses and messages.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it was made.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Whether it stays when it is empty.
    pub fn pinned(&self) -> bool {
        self.pinned.load(Relaxed)
    }

    /// Makes it stay when it is empty, or not.
    pub fn pin(&self, pinned: bool) {
        self.pinned.store(pinned, Relaxed);
    }

    /// Whether its clock takes a key.
    pub fn locked(&self) -> bool {
        self.key.is_some()
    }

    /// The key of its clock, for whoever made the room.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether somebody with this key may change it.
    ///
    /// # Errors
    /// [`RoomError::Forbidden`] where not.
    pub fn check_key(&self, key: &str) -> Result<(), RoomError> {
        match &self.key {
            Some(own) if own != key => Err(RoomError::Forbidden { room: self.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// What it shows.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Who is in it.
    pub fn members(&self) -> Vec<Member> {
        self.members.lock().inside.values().cloned().collect()
    }

    /// A place in the room until the membership is dropped; none where it has ended.
    pub fn enter(self: &Arc<Self>, format: &'static str) -> Option<Membership> {
        let mut members = self.members.lock();
        if members.closed {
            return None;
        }
        let id = self.next_member.fetch_add(1, Relaxed);
        members.inside.insert(id, Member { format, since: Timestamp::now() });
        drop(members);
        Some(Membership { room: Arc::clone(self), id, view: self.view.subscribe() })
    }

    /// Changes the clock for everyone in the room, and tells how it stands then.
    ///
    /// # Errors
    /// Where the clock cannot be changed so, by this key, or just now.
    pub async fn control(&self, action: ClockAction, key: &str) -> Result<ClockView, RoomError> {
        let Some(commands) = &self.commands else { return Err(RoomError::Live) };
        self.check_key(key)?;
        if let ClockAction::Speed(speed) = action
            && !clock::is_speed(speed)
        {
            return Err(RoomError::Speed { speed });
        }
        let (reply, answer) = oneshot::channel();
        let busy = || RoomError::Busy { room: self.id.to_string() };
        commands.try_send((action, reply)).map_err(|_| busy())?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(RoomError::Unknown { room: self.id.to_string() }),
            Err(_) => Err(busy()),
        }
    }

    pub(super) fn show(&self, view: View) {
        self.view.send_replace(view);
    }

    /// Closes the door; only where nobody is in for so long, where a time is given.
    pub(super) fn close(&self, empty_for: Option<Duration>) -> bool {
        let mut members = self.members.lock();
        let empty = members.inside.is_empty() && !self.pinned();
        let long = |least| empty && members.empty_since.elapsed() >= least;
        let close = empty_for.is_none_or(long);
        members.closed |= close;
        close
    }

    /// Tells everyone inside that the room is no more.
    pub(super) fn end(&self, reason: &'static str) {
        self.view.send_modify(|view| view.ended = Some(reason));
    }
}

/// A place in a room; given back when dropped.
#[derive(Debug)]
pub struct Membership {
    room: Arc<Room>,
    id: u64,
    view: watch::Receiver<View>,
}

impl Membership {
    /// The room.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// What the room shows, which then counts as seen.
    pub fn view(&mut self) -> View {
        self.view.borrow_and_update().clone()
    }

    /// Resolves when the room shows something else than what was seen.
    pub async fn changed(&mut self) {
        // The room has the sender, and is kept by us.
        if self.view.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut members = self.room.members.lock();
        members.inside.remove(&self.id);
        if members.inside.is_empty() {
            members.empty_since = Instant::now();
        }
    }
}
