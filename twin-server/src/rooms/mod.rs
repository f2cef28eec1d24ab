//! Rooms: a clock, and everyone who looks at the scene by it. The present is one room;
//! replays are others, each with a live table of its own that a task fills from the
//! history. From there on a replay goes the way of live values: same channel, same groups,
//! same messages.

mod ahead;
mod clock;
mod player;
mod room;
mod step;
mod task;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::mpsc;
use twin_protocol::ErrorCode;

use crate::{
    history::{HistoryError, Store},
    hub::Channel,
    live::Live,
};
use clock::Clock;
pub use clock::{MAX_SPEED, MIN_SPEED};
use player::Player;
use room::Plan;
pub use room::{ClockView, Member, Membership, Room, View};
use step::Interest;
use task::Task;

/// Name of the room that shows the present.
pub const LIVE: &str = "live";
/// Commands waiting for a room's task.
const COMMANDS: usize = 32;

/// Bounds of the rooms.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most replay rooms at a time; one more is refused.
    pub max_rooms: usize,
    /// How long a room may be empty before it ends, unless it is pinned.
    pub empty_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_rooms: 16, empty_after: Duration::from_secs(600) }
    }
}

/// Why something cannot be done with a room.
#[derive(Debug, Error)]
pub enum RoomError {
    /// There is nothing to replay from.
    #[error("no history is kept, so there is nothing to replay; configure [history]")]
    NoHistory,
    /// As many as may be.
    #[error("all {max} replay rooms are taken; remove one, or raise [rooms] max")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// No such room.
    #[error("there is no room {room:?}; /api/v1/rooms lists them")]
    Unknown {
        /// Which.
        room: String,
    },
    /// The clock takes a key.
    #[error("the clock of room {room:?} takes the key that was told when it was made")]
    Forbidden {
        /// Which.
        room: String,
    },
    /// The room has not done yet what it was asked before.
    #[error("room {room:?} is busy; ask again in a moment")]
    Busy {
        /// Which.
        room: String,
    },
    /// The present cannot be stopped.
    #[error("the present cannot be stopped, turned or removed; make a room to replay the past")]
    Live,
    /// Not a speed.
    #[error("speed is {speed}; it must be from {MIN_SPEED} to {MAX_SPEED}, and not 0")]
    Speed {
        /// What was asked for.
        speed: f32,
    },
    /// Not a range of the recording.
    #[error("{reason}")]
    Range {
        /// What is wrong, and what there is.
        reason: String,
    },
    /// An entity that is not there.
    #[error("entity {entity:?} is not in the scene; /api/v1/entities lists them")]
    UnknownEntity {
        /// Which.
        entity: String,
    },
    /// The system gives no random numbers, of which a key is made.
    #[error("the system gives no random numbers, so a room's key could be guessed")]
    NoRandomness,
    /// The history does not answer.
    #[error("{reason}")]
    History {
        /// What it said.
        reason: String,
    },
}

impl RoomError {
    /// For programs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoHistory | Self::Live => ErrorCode::Unsupported,
            Self::TooMany { .. }
            | Self::Busy { .. }
            | Self::NoRandomness
            | Self::History { .. } => ErrorCode::Unavailable,
            Self::Unknown { .. } => ErrorCode::UnknownRoom,
            Self::Forbidden { .. } => ErrorCode::Forbidden,
            Self::Speed { .. } | Self::Range { .. } => ErrorCode::OutOfRange,
            Self::UnknownEntity { .. } => ErrorCode::UnknownEntity,
        }
    }
}

impl From<HistoryError> for RoomError {
    fn from(error: HistoryError) -> Self {
        Self::History { reason: error.to_string() }
    }
}

/// A replay to be made.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Name for people.
    pub name: String,
    /// First moment; absent: where the recording begins.
    pub from: Option<Timestamp>,
    /// Last moment; absent: where the recording ends now.
    pub to: Option<Timestamp>,
    /// Where to begin; absent: at the first moment.
    pub at: Option<Timestamp>,
    /// How fast it goes once it plays; absent: as it was.
    pub speed: Option<f32>,
    /// Whether it plays at once.
    pub playing: bool,
    /// Whether it stays when it is empty.
    pub pinned: bool,
    /// Whether its clock takes a key.
    pub locked: bool,
    /// Whose events steps go to, with everything below; absent: the whole scene's.
    pub entities: Option<Vec<String>>,
}

/// All rooms.
#[derive(Debug)]
pub struct Rooms {
    present: Arc<Room>,
    live: Arc<Live>,
    store: Option<Arc<dyn Store>>,
    settings: Settings,
    /// The replays; absent while one is being made.
    replays: Mutex<BTreeMap<String, Option<Arc<Room>>>>,
}

impl Rooms {
    /// The present, and replays of what a store has kept.
    pub fn new(live: Arc<Live>, store: Option<Arc<dyn Store>>, settings: Settings) -> Arc<Self> {
        metrics::describe_gauge!("twin_rooms", "Replay rooms");
        let id: Arc<str> = LIVE.into();
        let view = View {
            channel: Channel::new(Arc::clone(&live)),
            clock: ClockView::live(Arc::clone(&id)),
            has_samples: true,
            foreign_points: 0,
            ended: None,
        };
        let plan = Plan { id, name: "Live".to_owned(), pinned: true, key: None };
        let present = Room::new(plan, view, None);
        Arc::new(Self { present, live, store, settings, replays: Mutex::default() })
    }

    /// What the present shows.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// The present, and the replays by id.
    pub fn list(&self) -> Vec<Arc<Room>> {
        let replays = self.replays.lock();
        let present = std::iter::once(Arc::clone(&self.present));
        present.chain(replays.values().flatten().cloned()).collect()
    }

    /// A room.
    pub fn get(&self, id: &str) -> Option<Arc<Room>> {
        if id == LIVE {
            return Some(Arc::clone(&self.present));
        }
        self.replays.lock().get(id).cloned().flatten()
    }

    /// A place in the present, which is always open.
    pub(crate) fn enter_live(&self, format: &'static str) -> Membership {
        loop {
            if let Some(place) = self.present.enter(format) {
                return place;
            }
        }
    }

    /// Makes a replay room.
    ///
    /// # Errors
    /// Where there is no recording, not in that range, or no room for one more.
    pub async fn create(self: &Arc<Self>, replay: Replay) -> Result<Arc<Room>, RoomError> {
        let store = self.store.clone().ok_or(RoomError::NoHistory)?;
        let speed = replay.speed.unwrap_or(1.0);
        if !clock::is_speed(speed) {
            return Err(RoomError::Speed { speed });
        }
        let interest = self.interest(replay.entities.as_deref())?;
        let place = self.reserve()?;
        let range = range(&*store, &replay).await?;
        let now = Instant::now();
        let mut clock = Clock::new(range.0..=range.1, replay.at.unwrap_or(range.0), now);
        clock.set_speed(speed, now);
        let at = clock.at(now);
        let scene = Arc::clone(self.live.scene());
        let player = Player::new(Arc::clone(&store), scene, at).await?;
        if replay.playing {
            clock.set(at, Instant::now());
            clock.play(Instant::now());
        }

        let id: Arc<str> = place.id.as_str().into();
        let channel = Channel::new(Arc::clone(player.live()));
        let view = task::view(&id, &channel, &player, &clock, String::new());
        let key = replay.locked.then(|| secret(16)).transpose()?;
        let plan = Plan { id, name: replay.name, pinned: replay.pinned, key };
        let (commands, received) = mpsc::channel(COMMANDS);
        let room = Room::new(plan, view, Some(commands));
        let task = Task {
            room: Arc::clone(&room),
            rooms: Arc::downgrade(self),
            store,
            player,
            clock,
            interest,
            empty_after: self.settings.empty_after,
            channel,
            told: Instant::now(),
        };
        place.take(&room);
        tokio::spawn(task.run(received));
        Ok(room)
    }

    fn interest(&self, entities: Option<&[String]>) -> Result<Interest, RoomError> {
        let scene = Arc::clone(self.live.scene());
        let find = |id: &String| {
            let unknown = || RoomError::UnknownEntity { entity: id.clone() };
            scene.scene().index(id).ok_or_else(unknown)
        };
        let places = match entities {
            Some(ids) => {
                let roots = ids.iter().map(find).collect::<Result<Vec<_>, _>>()?;
                Some(scene.tour().intervals(roots))
            }
            None => None,
        };
        Ok(Interest { scene, places })
    }

    /// A free id, taken until the place is dropped.
    fn reserve(self: &Arc<Self>) -> Result<Place, RoomError> {
        let mut replays = self.replays.lock();
        if replays.len() >= self.settings.max_rooms {
            return Err(RoomError::TooMany { max: self.settings.max_rooms });
        }
        let id = loop {
            let id = secret(4)?;
            if !replays.contains_key(&id) {
                break id;
            }
        };
        replays.insert(id.clone(), None);
        metrics::gauge!("twin_rooms").set(replays.len() as f64);
        Ok(Place { rooms: Arc::clone(self), id, taken: false })
    }

    /// Ends a replay; whoever is in it goes back to the present.
    ///
    /// # Errors
    /// Where there is no such room, or it takes a key, or is the present.
    pub fn remove(&self, id: &str, key: &str) -> Result<(), RoomError> {
        if id == LIVE {
            return Err(RoomError::Live);
        }
        let unknown = || RoomError::Unknown { room: id.to_owned() };
        let room = self.get(id).ok_or_else(unknown)?;
        room.check_key(key)?;
        room.stop.cancel();
        self.forget(id);
        Ok(())
    }

    fn forget(&self, id: &str) {
        let mut replays = self.replays.lock();
        replays.remove(id);
        metrics::gauge!("twin_rooms").set(replays.len() as f64);
    }

    /// Ends every replay.
    pub fn close(&self) {
        for room in self.replays.lock().values().flatten() {
            room.stop.cancel();
        }
    }
}

/// A place among the rooms for one that is being made.
struct Place {
    rooms: Arc<Rooms>,
    id: String,
    taken: bool,
}

impl Place {
    fn take(mut self, room: &Arc<Room>) {
        self.taken = true;
        self.rooms.replays.lock().insert(self.id.clone(), Some(Arc::clone(room)));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            self.rooms.forget(&self.id);
        }
    }
}

/// The part of a recording that a replay asks for.
async fn range(store: &dyn Store, replay: &Replay) -> Result<(Timestamp, Timestamp), RoomError> {
    let Some((first, last)) = store.span().await? else {
        return Err(RoomError::Range { reason: "nothing has been recorded yet".to_owned() });
    };
    let from = replay.from.unwrap_or(first).max(first);
    let to = replay.to.unwrap_or(last).min(last.max(Timestamp::now()));
    if from > to {
        let reason = format!(
            "from {from} to {to} there is nothing to replay; the recording reaches from {first} \
             to {last}"
        );
        return Err(RoomError::Range { reason });
    }
    Ok((from, to))
}

/// Random letters and digits that nobody guesses: so many bytes, in hex.
fn secret(bytes: usize) -> Result<String, RoomError> {
    use ring::rand::SecureRandom as _;
    let mut random = vec![0; bytes];
    ring::rand::SystemRandom::new().fill(&mut random).map_err(|_| RoomError::NoRandomness)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
