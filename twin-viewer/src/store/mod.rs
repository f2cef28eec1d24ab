//! What the viewer knows: the scene's index, every point's latest sample, the server's
//! clock. Pure; the socket fills it, layers and panels read it.

mod attention;
mod clock;
mod points;
mod room;
mod scene;
mod states;
#[cfg(test)]
pub(crate) mod test_support;
mod totals;

use twin_protocol::{ErrorMessage, ServerMessage};

pub use attention::{Attention, AttentionList, Line, Reason, Severity, reason_of};
pub use clock::ServerClock;
pub use points::{MAX_POINTS, Point, PointError, PointIx, Points, Reading};
pub use room::RoomClock;
pub use scene::{EntityIx, Entry, IndexFile, SceneIndex};
pub use states::{StateList, States};
pub use totals::{BuildingTotals, Totals};

/// What a message did to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The server introduced itself.
    Hello {
        /// It shows another scene than the one loaded.
        other_scene: bool,
        /// What came before continues: no snapshot is due.
        resumed: bool,
    },
    /// Part of a snapshot; more follow.
    Partial,
    /// The store is whole and current.
    Current,
    /// A ping came back.
    Pong,
    /// The clock of the room was told.
    Clock,
    /// The server refused something we sent.
    Refused(ErrorMessage),
    /// The server is about to close.
    Bye(String),
}

/// Everything the viewer knows of the scene's state.
#[derive(Debug, Default)]
pub struct Store {
    /// The scene.
    pub scene: SceneIndex,
    /// The points.
    pub points: Points,
    /// What the site says of its points' states.
    pub states: States,
    /// The server's clock.
    pub clock: ServerClock,
    /// The clock of the replay that is shown; absent in the present.
    pub room: Option<RoomClock>,
    /// Rises whenever points or entities come or go: caches of either are then void.
    pub generation: u64,
    /// Rises whenever all points were put in place of those before: positions then mean others.
    pub anew: u64,
    epoch: String,
    /// Sequence of the last whole message, once there was one in this epoch.
    seq: Option<u64>,
    /// A snapshot in the making; the old values stay until it is whole.
    staged: Option<Points>,
}

impl Store {
    /// Puts a scene in place of the one before.
    pub fn set_scene(&mut self, scene: SceneIndex) {
        self.points.relocate(&scene);
        if let Some(staged) = &mut self.staged {
            staged.relocate(&scene);
        }
        self.scene = scene;
        self.generation += 1;
    }

    /// Takes what the site says of its points' states.
    pub fn set_states(&mut self, states: States) {
        self.states = states;
        self.generation += 1;
    }

    /// The time shown when the browser's clock stands at `local_ms`, ms since 1970: that of
    /// the server, or of the replay.
    pub fn now(&self, local_ms: f64) -> i64 {
        let server_ms = self.clock.now(local_ms);
        self.room.as_ref().map_or(server_ms, |room| room.now(server_ms))
    }

    /// Where to continue after a break: epoch and sequence.
    pub fn resume(&self) -> Option<(String, u64)> {
        self.seq.map(|seq| (self.epoch.clone(), seq))
    }

    /// Drops what a continuation would build on, so that a snapshot comes instead.
    pub fn forget_sequence(&mut self) {
        self.seq = None;
        self.staged = None;
    }

    /// Takes a message that came at `local_ms` by the browser's clock. After an error the
    /// connection has to start anew, without continuing.
    pub fn apply(&mut self, message: ServerMessage, local_ms: f64) -> Result<Applied, PointError> {
        match message {
            ServerMessage::Hello(hello) => {
                self.clock.hello(hello.server_time_ms, local_ms);
                self.staged = None;
                let resumed = self.seq.is_some() && self.epoch == hello.epoch;
                if !resumed {
                    self.seq = None;
                    self.points.forget_numbers();
                }
                self.epoch = hello.epoch;
                Ok(Applied::Hello {
                    other_scene: !self.scene.revision().is_empty()
                        && hello.scene != self.scene.revision(),
                    resumed,
                })
            }
            ServerMessage::Snapshot(snapshot) => self.snapshot(snapshot),
            ServerMessage::Update(update) => {
                if !update.defined.is_empty() {
                    self.generation += 1;
                }
                for def in update.defined {
                    self.points.define(def, &self.scene)?;
                }
                for point in update.points {
                    self.points.update(point, update.base_time_ms)?;
                }
                self.seq = Some(update.seq);
                Ok(Applied::Current)
            }
            ServerMessage::Pong(pong) => {
                self.clock.pong(pong.t as f64, pong.server_time_ms, local_ms);
                Ok(Applied::Pong)
            }
            ServerMessage::Clock(clock) => {
                self.room = RoomClock::of(clock);
                Ok(Applied::Clock)
            }
            // This viewer follows the whole scene and never moves its subscription.
            ServerMessage::Moved(_) => Ok(Applied::Partial),
            ServerMessage::Error(error) => Ok(Applied::Refused(error)),
            ServerMessage::Bye(bye) => Ok(Applied::Bye(bye.reason)),
        }
    }

    fn snapshot(&mut self, snapshot: twin_protocol::Snapshot) -> Result<Applied, PointError> {
        if snapshot.part == 0 {
            self.staged = Some(Points::default());
        }
        let Some(staged) = &mut self.staged else { return Ok(Applied::Partial) };
        for def in snapshot.defined {
            staged.define(def, &self.scene)?;
        }
        for point in snapshot.points {
            staged.update(point, snapshot.base_time_ms)?;
        }
        if snapshot.part + 1 < snapshot.parts {
            return Ok(Applied::Partial);
        }
        self.points = self.staged.take().unwrap_or_default();
        self.seq = Some(snapshot.seq);
        self.generation += 1;
        self.anew += 1;
        Ok(Applied::Current)
    }
}

#[cfg(test)]
mod tests {
    use twin_protocol::{Hello, PointDef, PointUpdate, Snapshot, Update, WireQuality, WireValue};

    use super::*;

    fn hello(epoch: &str) -> ServerMessage {
        let hello = Hello { epoch: epoch.into(), scene: "r".into(), server_time_ms: 1_000 };
        ServerMessage::Hello(hello)
    }

    fn def(point: u32, entity: &str) -> PointDef {
        PointDef {
            point,
            entity: entity.into(),
            metric: "power".into(),
            unit: "kW".into(),
            stale_after_ms: 0,
        }
    }

    fn value(point: u32, value: f32) -> PointUpdate {
        PointUpdate {
            point,
            value: WireValue::F32(value),
            source_offset_ms: 0,
            receive_offset_ms: 0,
            quality: WireQuality::Good,
        }
    }

    fn part(part: u32, parts: u32, point: u32, entity: &str, number: f32) -> ServerMessage {
        ServerMessage::Snapshot(Snapshot {
            seq: 5,
            part,
            parts,
            base_time_ms: 0,
            defined: vec![def(point, entity)],
            points: vec![value(point, number)],
        })
    }

    fn update(seq: u64, point: u32, number: f32) -> ServerMessage {
        let points = vec![value(point, number)];
        ServerMessage::Update(Update { seq, base_time_ms: 0, defined: vec![], points })
    }

    fn power(store: &Store, entity: &str) -> Option<f64> {
        store.points.find(entity, "power")?.number()
    }

    #[test]
    fn snapshot_replaces_only_when_whole() {
        let mut store = Store::default();
        store.apply(hello("e1"), 0.0).unwrap();
        store.apply(part(0, 1, 0, "old", 1.0), 0.0).unwrap();
        assert_eq!(store.apply(part(0, 2, 0, "a", 2.0), 0.0), Ok(Applied::Partial));
        assert_eq!(power(&store, "old"), Some(1.0), "old values until the new are whole");
        assert_eq!(store.apply(part(1, 2, 1, "b", 3.0), 0.0), Ok(Applied::Current));
        assert_eq!((power(&store, "old"), power(&store, "b")), (None, Some(3.0)));
    }

    #[test]
    fn resumes_within_an_epoch_only() {
        let mut store = Store::default();
        store.apply(hello("e1"), 0.0).unwrap();
        assert_eq!(store.resume(), None);
        store.apply(part(0, 1, 0, "a", 1.0), 0.0).unwrap();
        assert_eq!(store.resume(), Some(("e1".into(), 5)));
        let again = store.apply(hello("e1"), 0.0).unwrap();
        assert_eq!(again, Applied::Hello { other_scene: false, resumed: true });
        store.apply(update(9, 0, 4.0), 0.0).unwrap();
        assert_eq!((power(&store, "a"), store.resume()), (Some(4.0), Some(("e1".into(), 9))));

        let other = store.apply(hello("e2"), 0.0).unwrap();
        assert_eq!(other, Applied::Hello { other_scene: false, resumed: false });
        assert_eq!(store.resume(), None);
        assert_eq!(power(&store, "a"), Some(4.0), "the last known value stays to look at");
        assert_eq!(store.apply(update(1, 0, 4.0), 0.0), Err(PointError::Unknown(0)));
    }

    #[test]
    fn another_scene_is_noticed() {
        let mut store = Store::default();
        store.set_scene(SceneIndex::new(IndexFile { revision: "q".into(), entities: vec![] }));
        let hello = store.apply(hello("e1"), 0.0).unwrap();
        assert_eq!(hello, Applied::Hello { other_scene: true, resumed: false });
    }
}
