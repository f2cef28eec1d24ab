//! Brings tiles in as a view needs them and lets go of those it does not: a pure state
//! machine. Whoever owns it fetches what it asks for and hands the bytes back.

use std::{collections::HashMap, sync::Arc};

use super::{
    state::{Place, State},
    tiles::{
        content::{Column, Content},
        glb,
        pick::Picker,
        select::{self, Eye, Wanted},
        tileset::Tileset,
    },
};

/// Most tiles under way at once.
const MAX_FETCHES: usize = 6;
/// Most arrived tiles that wait to be decoded.
const MAX_ARRIVED: usize = 8;
/// Features named between two looks at the clock.
const FEATURES_A_STEP: usize = 512;
/// Error that the finest view leaves, pixels.
const MAX_ERROR_PX: f64 = 6.0;
/// Wait after the first failure; doubles each time, up to [`MAX_RETRY_MS`].
const RETRY_MS: f64 = 1_000.0;
const MAX_RETRY_MS: f64 = 60_000.0;
/// Failures in a row after which a tile counts as failed. It is still asked for again.
const FAILED_AFTER: u32 = 3;

/// A tile that is loaded.
pub struct Loaded {
    /// What stands in it.
    pub content: Arc<Content>,
    /// What rays hit in it.
    pub picker: Picker,
    /// Slot of its feature 0.
    pub base: usize,
}

enum Stage {
    /// Not here.
    Absent,
    /// Asked for.
    Fetching,
    /// Here, to be decoded.
    Arrived(Vec<u8>),
    /// Its features are being named.
    Naming { content: Content, base: usize, named: usize },
    /// In use.
    Ready(Box<Loaded>),
}

struct Entry {
    stage: Stage,
    /// Tick of the last view that wanted it.
    wanted: u64,
    failures: u32,
    retry_at_ms: f64,
}

/// How far loading is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Wanted tiles in place.
    pub loaded: u32,
    /// Wanted tiles.
    pub wanted: u32,
    /// Tiles that failed again and again, with the reason of the last.
    pub failed: Option<(u32, String)>,
}

/// What changed in [`Stream::work`].
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// A tile is ready to be drawn.
    Ready(usize),
    /// A tile is let go of.
    Gone(usize),
}

/// The tiles of one tileset.
pub struct Stream {
    tileset: Tileset,
    entries: Vec<Entry>,
    wanted: Vec<Wanted>,
    reasons: HashMap<usize, String>,
    last_reason: String,
    /// Tiles that arrived and are not ready yet, in the order of their arrival.
    pending: Vec<usize>,
    fetching: usize,
    bytes: usize,
    budget: usize,
    tick: u64,
    /// Grows while what is wanted does not fit the budget.
    coarseness: f64,
}

impl Stream {
    /// Starts with nothing loaded; `budget` bounds the bytes of tiles held.
    pub fn new(tileset: Tileset, budget: usize) -> Self {
        let entry =
            |_: &_| Entry { stage: Stage::Absent, wanted: 0, failures: 0, retry_at_ms: 0.0 };
        Self {
            entries: tileset.tiles.iter().map(entry).collect(),
            tileset,
            wanted: Vec::new(),
            reasons: HashMap::new(),
            last_reason: String::new(),
            pending: Vec::new(),
            fetching: 0,
            bytes: 0,
            budget,
            tick: 0,
            coarseness: 1.0,
        }
    }

    /// The tileset.
    pub fn tileset(&self) -> &Tileset {
        &self.tileset
    }

    /// Chooses what the view needs.
    pub fn look(&mut self, eye: &Eye) {
        self.tick += 1;
        self.wanted = select::select(&self.tileset, eye, MAX_ERROR_PX * self.coarseness);
        for wanted in &self.wanted {
            self.entries[wanted.tile].wanted = self.tick;
        }
    }

    /// Tiles to ask for now, with their URLs.
    pub fn fetches(&mut self, now_ms: f64) -> Vec<(usize, String)> {
        let mut fetches = Vec::new();
        for wanted in &self.wanted {
            if self.fetching >= MAX_FETCHES
                || self.pending.len() + self.fetching >= MAX_ARRIVED
                || self.bytes >= self.budget
            {
                break;
            }
            let entry = &mut self.entries[wanted.tile];
            let Some(url) = &self.tileset.tiles[wanted.tile].content else { continue };
            if matches!(entry.stage, Stage::Absent) && entry.retry_at_ms <= now_ms {
                entry.stage = Stage::Fetching;
                self.fetching += 1;
                fetches.push((wanted.tile, url.clone()));
            }
        }
        fetches
    }

    /// Hands the bytes of a tile over, or why there are none.
    pub fn arrived(&mut self, tile: usize, bytes: Result<Vec<u8>, String>, now_ms: f64) {
        let Some(entry) = self.entries.get_mut(tile) else { return };
        if !matches!(entry.stage, Stage::Fetching) {
            return;
        }
        self.fetching -= 1;
        match bytes {
            Ok(bytes) => {
                entry.stage = Stage::Arrived(bytes);
                self.pending.push(tile);
            }
            Err(reason) => self.fail(tile, reason, now_ms),
        }
    }

    fn fail(&mut self, tile: usize, reason: String, now_ms: f64) {
        let entry = &mut self.entries[tile];
        entry.stage = Stage::Absent;
        entry.failures += 1;
        let wait = RETRY_MS * f64::from(2_u32.saturating_pow(entry.failures - 1));
        entry.retry_at_ms = now_ms + wait.min(MAX_RETRY_MS);
        if entry.failures >= FAILED_AFTER {
            self.reasons.insert(tile, reason.clone());
            self.last_reason = reason;
        }
    }

    /// When to look again though nothing happens, for a tile that waits to be retried.
    pub fn retry_at_ms(&self) -> Option<f64> {
        let waits = |wanted: &Wanted| {
            let entry = &self.entries[wanted.tile];
            let waits = matches!(entry.stage, Stage::Absent) && entry.failures > 0;
            waits.then_some(entry.retry_at_ms)
        };
        self.wanted.iter().filter_map(waits).min_by(f64::total_cmp)
    }

    /// Decodes and evicts until `time_left` says stop. Most urgent tiles come first.
    pub fn work(
        &mut self,
        state: &mut State,
        now_ms: f64,
        mut time_left: impl FnMut() -> bool,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(&tile) = self.pending.first() {
            if !time_left() {
                break;
            }
            match self.advance(tile, state) {
                Ok(false) => continue,
                Ok(true) => changes.push(Change::Ready(tile)),
                Err(reason) => self.fail(tile, reason, now_ms),
            }
            self.pending.remove(0);
        }
        self.evict(state, &mut changes);
        changes
    }

    /// Whether decoding waits.
    pub fn busy(&self) -> bool {
        !self.pending.is_empty()
    }

    /// One step of a pending tile; whether that made it ready.
    fn advance(&mut self, tile: usize, state: &mut State) -> Result<bool, String> {
        let entry = &mut self.entries[tile];
        match std::mem::replace(&mut entry.stage, Stage::Absent) {
            Stage::Arrived(bytes) => {
                let content = glb::decode(&bytes).map_err(|error| error.to_string())?;
                let base = state.allocate(content.features);
                let base = base.ok_or("more features than the state texture holds")?;
                self.bytes += content.bin.len();
                entry.stage = Stage::Naming { content, base, named: 0 };
                Ok(false)
            }
            Stage::Naming { content, base, named } => {
                let end = (named + FEATURES_A_STEP).min(content.features);
                for feature in named..end {
                    let get = |column: &Column| column.get(&content.bin, feature).to_owned();
                    let place = Place::from_kind(&get(&content.kind));
                    state.register(
                        base + feature,
                        content.entity.get(&content.bin, feature),
                        content.storey.get(&content.bin, feature),
                        place,
                    );
                }
                if end < content.features {
                    entry.stage = Stage::Naming { content, base, named: end };
                    return Ok(false);
                }
                entry.failures = 0;
                self.reasons.remove(&tile);
                let picker = Picker::new(&content);
                let content = Arc::new(content);
                entry.stage = Stage::Ready(Box::new(Loaded { content, picker, base }));
                Ok(true)
            }
            other => {
                entry.stage = other;
                Err("decoded twice".to_owned())
            }
        }
    }

    /// Lets go of what no view has wanted for longest, until the rest fits. If all of it
    /// is wanted, the view is made coarser; with room to spare, finer again.
    fn evict(&mut self, state: &mut State, changes: &mut Vec<Change>) {
        if self.bytes < self.budget * 3 / 5 && self.coarseness > 1.0 {
            self.coarseness = (self.coarseness / 1.25).max(1.0);
        }
        if self.bytes <= self.budget {
            return;
        }
        let mut idle: Vec<(u64, usize)> = (0..self.entries.len())
            .filter(|&tile| matches!(self.entries[tile].stage, Stage::Ready(_)))
            .map(|tile| (self.entries[tile].wanted, tile))
            .filter(|&(wanted, _)| wanted < self.tick)
            .collect();
        idle.sort_unstable();
        for (_, tile) in idle {
            if self.bytes <= self.budget {
                return;
            }
            if let Stage::Ready(loaded) =
                std::mem::replace(&mut self.entries[tile].stage, Stage::Absent)
            {
                self.bytes -= loaded.content.bin.len();
                state.release(loaded.base..loaded.base + loaded.content.features.max(1));
                changes.push(Change::Gone(tile));
            }
        }
        if self.bytes > self.budget {
            self.coarseness *= 1.25;
        }
    }

    /// Wanted tiles that are loaded, most urgent first: what to draw.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Loaded)> {
        self.wanted.iter().filter_map(|wanted| Some((wanted.tile, self.loaded(wanted.tile)?)))
    }

    /// A loaded tile.
    pub fn loaded(&self, tile: usize) -> Option<&Loaded> {
        match &self.entries.get(tile)?.stage {
            Stage::Ready(loaded) => Some(loaded),
            _ => None,
        }
    }

    /// The loaded tile whose slots hold a slot.
    pub fn tile_of_slot(&self, slot: usize) -> Option<(usize, &Loaded)> {
        (0..self.entries.len()).filter_map(|tile| Some((tile, self.loaded(tile)?))).find(
            |(_, loaded)| (loaded.base..loaded.base + loaded.content.features).contains(&slot),
        )
    }

    /// Wanted tiles that are loaded, for casting rays.
    pub fn shown_mut(&mut self, mut visit: impl FnMut(&Tileset, usize, &mut Loaded)) {
        for wanted in &self.wanted {
            if let Stage::Ready(loaded) = &mut self.entries[wanted.tile].stage {
                visit(&self.tileset, wanted.tile, loaded);
            }
        }
    }

    /// Every tile that is loaded; all are let go of.
    pub fn loaded_tiles(&self) -> Vec<usize> {
        (0..self.entries.len()).filter(|&tile| self.loaded(tile).is_some()).collect()
    }

    /// How far loading is.
    pub fn progress(&self) -> Progress {
        let loaded = self.shown().count() as u32;
        let failed = self.reasons.len() as u32;
        Progress {
            loaded,
            wanted: self.wanted.len() as u32,
            failed: (failed > 0).then(|| (failed, self.last_reason.clone())),
        }
    }

    /// Bytes of tiles held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use glam::{DVec3, DVec4};

    use super::*;
    use crate::canvas::tiles::{
        sample::{SamplePart, glb},
        tileset::{Bounds, Tile},
    };

    fn tile() -> Vec<u8> {
        let part = SamplePart {
            material: "opaque",
            positions: vec![[0, 0, 0], [9, 0, 0], [9, 9, 0]],
            indices: vec![0, 1, 2],
            features: vec![0, 0, 0],
        };
        glb(&[part], &["wall"], &[""], 1.0)
    }

    /// Ten tiles in a row, each seen only by an eye beside it.
    fn row() -> Tileset {
        let place =
            |x: f64| Bounds { min: DVec3::new(x, 0.0, 0.0), max: DVec3::new(x + 9.0, 9.0, 9.0) };
        let leaf = |at: usize| Tile {
            bounds: place(at as f64 * 100.0),
            geometric_error: 0.0,
            content: Some(format!("{at}.glb")),
            children: Vec::new(),
        };
        let root = Tile {
            bounds: Bounds { min: DVec3::ZERO, max: DVec3::new(1_100.0, 9.0, 9.0) },
            geometric_error: 100.0,
            content: None,
            children: (1..=10).collect(),
        };
        Tileset { tiles: std::iter::once(root).chain((1..=10).map(leaf)).collect() }
    }

    fn eye(from: f64, to: f64) -> Eye {
        let any = DVec4::W;
        Eye {
            position: DVec3::new((from + to) / 2.0, -10.0, 0.0),
            planes: [
                DVec4::new(1.0, 0.0, 0.0, -from),
                DVec4::new(-1.0, 0.0, 0.0, to),
                any,
                any,
                any,
            ],
            pixels_per_radian: 1_000.0,
        }
    }

    fn load(stream: &mut Stream, state: &mut State, now_ms: f64) -> Vec<Change> {
        for (tile, _) in stream.fetches(now_ms) {
            stream.arrived(tile, Ok(super::tests::tile()), now_ms);
        }
        stream.work(state, now_ms, || true)
    }

    #[test]
    fn loads_what_is_seen_and_lets_go_of_what_was_seen_longest_ago() {
        let size = glb::decode(&tile()).unwrap().bin.len();
        let (mut stream, mut state) = (Stream::new(row(), size * 3), State::new());
        for at in 1..=3 {
            stream.look(&eye(f64::from(at) * 100.0, f64::from(at) * 100.0 + 5.0));
            assert_eq!(load(&mut stream, &mut state, 0.0), [Change::Ready(at as usize)]);
        }
        assert_eq!(stream.bytes(), size * 3);
        stream.look(&eye(100.0, 105.0));
        stream.look(&eye(400.0, 405.0));
        assert!(load(&mut stream, &mut state, 0.0).is_empty(), "the budget is full");
    }

    #[test]
    fn makes_room_when_over_the_budget() {
        let size = glb::decode(&tile()).unwrap().bin.len();
        let (mut stream, mut state) = (Stream::new(row(), size * 2 + 1), State::new());
        for at in 1..=3 {
            let x = f64::from(at) * 100.0;
            stream.look(&eye(x, x + 5.0));
            let changes = load(&mut stream, &mut state, 0.0);
            assert_eq!(changes[0], Change::Ready(at as usize));
            if at == 3 {
                assert_eq!(changes[1..], [Change::Gone(1)]);
            }
        }
        assert_eq!(stream.bytes(), size * 2);
        assert_eq!(state.slots_of(&"wall".into()).count(), 2);
    }

    #[test]
    fn asks_for_a_few_at_a_time_and_again_after_a_failure() {
        let (mut stream, mut state) = (Stream::new(row(), usize::MAX), State::new());
        stream.look(&eye(0.0, 2_000.0));
        let first = stream.fetches(0.0);
        assert_eq!(first.len(), MAX_FETCHES);
        assert!(stream.fetches(0.0).is_empty());
        for round in 0..FAILED_AFTER {
            let now = f64::from(round) * MAX_RETRY_MS;
            if round > 0 {
                assert!(stream.fetches(now).iter().any(|(tile, _)| *tile == first[0].0));
            }
            stream.arrived(first[0].0, Err("HTTP 500".to_owned()), now);
        }
        assert_eq!(stream.progress().failed, Some((1, "HTTP 500".to_owned())));
        let later = stream.retry_at_ms().unwrap();
        assert!(later > MAX_RETRY_MS * f64::from(FAILED_AFTER - 1));
        for (tile, _) in stream.fetches(later) {
            stream.arrived(tile, Ok(super::tests::tile()), later);
        }
        stream.work(&mut state, later, || true);
        assert_eq!(stream.progress().failed, None, "it came after all");
    }

    #[test]
    fn a_broken_tile_is_a_failure_with_its_reason_and_stops_no_other() {
        let (mut stream, mut state) = (Stream::new(row(), usize::MAX), State::new());
        stream.look(&eye(100.0, 205.0));
        for (tile, _) in stream.fetches(0.0) {
            let bytes = if tile == 1 { b"<html>".to_vec() } else { super::tests::tile() };
            stream.arrived(tile, Ok(bytes), 0.0);
        }
        assert_eq!(stream.work(&mut state, 0.0, || true), [Change::Ready(2)]);
        assert!(stream.retry_at_ms().is_some() && !stream.busy());
    }

    #[test]
    fn decoding_stops_when_the_frame_is_over() {
        let (mut stream, mut state) = (Stream::new(row(), usize::MAX), State::new());
        stream.look(&eye(0.0, 2_000.0));
        for (tile, _) in stream.fetches(0.0) {
            stream.arrived(tile, Ok(super::tests::tile()), 0.0);
        }
        let mut steps = 3;
        let ready = stream.work(&mut state, 0.0, || {
            steps -= 1;
            steps >= 0
        });
        assert_eq!(ready.len(), 1, "two steps make a tile, the third starts the next");
        assert!(stream.busy());
    }
}
