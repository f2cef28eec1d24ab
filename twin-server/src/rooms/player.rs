//! What a replay room shows: a live table of its own, put to the state of one moment after
//! the other. At every moment it holds what the history's `state_at` gives for it.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use twin_model::PointKey;

use super::ahead::ReadAhead;
use crate::{
    history::{HistoryError, PastSample, Store},
    live::{self, Live, Outcome},
    reading::Reading,
    scene::LoadedScene,
};

/// Frames for which states are read whole, after samples came too densely to read each,
/// before samples are tried again.
const DENSE_FRAMES: u32 = 40;

/// The hand on the table.
#[derive(Debug)]
pub(super) struct Player {
    store: Arc<dyn Store>,
    scene: Arc<LoadedScene>,
    live: Arc<Live>,
    shown: Timestamp,
    ahead: ReadAhead,
    dense_frames: u32,
    /// Points of the history whose entity the scene has no more, at the last jump.
    foreign: usize,
}

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// The table holds what changed.
    Along,
    /// There is another table, of another epoch.
    Anew,
}

impl Player {
    /// Shows a moment.
    pub(super) async fn new(
        store: Arc<dyn Store>,
        scene: Arc<LoadedScene>,
        at: Timestamp,
    ) -> Result<Self, HistoryError> {
        let live = empty(&scene);
        let ahead = ReadAhead::new(Arc::clone(&store), at);
        let mut player = Self { store, scene, live, shown: at, ahead, dense_frames: 0, foreign: 0 };
        player.jump(at).await?;
        Ok(player)
    }

    /// The table, another one after each jump.
    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(super) fn shown(&self) -> Timestamp {
        self.shown
    }

    /// Points that cannot be shown, since their entity is not in the scene any more.
    pub(super) fn foreign(&self) -> usize {
        self.foreign
    }

    /// Shows another moment in a new table.
    pub(super) async fn jump(&mut self, to: Timestamp) -> Result<Moved, HistoryError> {
        let state = self.store.state_at(to).await?;
        self.begin(to, &state);
        Ok(Moved::Anew)
    }

    fn begin(&mut self, at: Timestamp, state: &[PastSample]) {
        self.live = empty(&self.scene);
        let outcomes = self.live.show(&readings(state));
        self.foreign = outcomes.iter().filter(|&&o| o == Outcome::UnknownEntity).count();
        self.arrive(at);
        self.ahead = ReadAhead::new(Arc::clone(&self.store), at);
    }

    fn arrive(&mut self, at: Timestamp) {
        self.shown = at;
        self.live.expire(at);
    }

    /// Moves on or back to a moment.
    pub(super) async fn advance(&mut self, to: Timestamp) -> Result<Moved, HistoryError> {
        if to < self.shown {
            return self.settle_at(to).await;
        }
        if to == self.shown {
            return Ok(Moved::Along);
        }
        if self.dense_frames > 0 {
            self.dense_frames -= 1;
            return self.settle_at(to).await;
        }
        match self.ahead.take(to).await? {
            Some(samples) => {
                self.live.show(&latest(samples));
                self.arrive(to);
                Ok(Moved::Along)
            }
            None => {
                self.dense_frames = DENSE_FRAMES;
                self.settle_at(to).await
            }
        }
    }

    /// Gets ready for what comes next, while nobody waits.
    pub(super) async fn prefetch(
        &mut self,
        speed: f32,
        end: Timestamp,
    ) -> Result<(), HistoryError> {
        if speed <= 0.0 || self.dense_frames > 0 {
            return Ok(());
        }
        self.ahead.prefetch(self.shown, speed, end).await
    }

    /// Brings the table to the state of a moment as the store has it now: samples that
    /// came late into what was played already are then there too.
    pub(super) async fn settle_at(&mut self, to: Timestamp) -> Result<Moved, HistoryError> {
        let state = self.store.state_at(to).await?;
        let outcomes = self.live.show(&readings(&state));
        let placed = |outcome: &&Outcome| matches!(outcome, Outcome::Stored | Outcome::Duplicate);
        if outcomes.iter().filter(placed).count() < self.live.len() {
            // Some point had no sample yet: it cannot be taken out of a table.
            self.begin(to, &state);
            return Ok(Moved::Anew);
        }
        self.arrive(to);
        self.ahead = ReadAhead::new(Arc::clone(&self.store), to);
        Ok(Moved::Along)
    }
}

fn empty(scene: &Arc<LoadedScene>) -> Arc<Live> {
    // Moments, not samples: nobody can ask for each.
    let settings = live::Settings { tape_bytes: 0, ..live::Settings::default() };
    Arc::new(Live::new(Arc::clone(scene), settings))
}

/// Of each point the last one: the others were never to be seen.
fn latest(samples: Vec<PastSample>) -> Vec<Reading> {
    let mut last: HashMap<PointKey, usize> = HashMap::new();
    for (place, past) in samples.iter().enumerate() {
        match last.get_mut(&past.point.key) {
            Some(held) => *held = place,
            None => drop(last.insert(past.point.key.clone(), place)),
        }
    }
    let mut places: Vec<usize> = last.into_values().collect();
    places.sort_unstable();
    places.into_iter().map(|place| samples[place].clone().into_reading()).collect()
}

fn readings(state: &[PastSample]) -> Vec<Reading> {
    state.iter().cloned().map(PastSample::into_reading).collect()
}
