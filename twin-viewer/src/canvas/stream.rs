//! Brings tiles in as a view needs them and lets go of those it does not: a pure state
//! machine. Whoever owns it fetches what it asks for and hands the bytes back.

use std::{collections::HashMap, sync::Arc};

use super::{
    state::{Place, State},
    tiles::{
        content::{Column, Content},
        glb,
        pick::Picker,
        select::{self, Choice, Eye, Focus, Limits, Wanted},
        tileset::{Tile, Tileset},
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

/// Taken for the length of a tile that does not tell it, bytes.
const USUAL_BYTES: u64 = 1_500_000;

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
    /// Whether something is coarser than it should be, for want of memory.
    pub held_back: bool,
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
    choice: Choice,
    focus: Focus,
    /// What to draw of what is loaded.
    drawn: Vec<usize>,
    reasons: HashMap<usize, String>,
    last_reason: String,
    /// Tiles that arrived and are not ready yet, in the order of their arrival.
    pending: Vec<usize>,
    fetching: usize,
    budget: usize,
    tick: u64,
}

impl Stream {
    /// Starts with nothing loaded; `budget` bounds the bytes of tiles held, here and on the
    /// GPU together.
    pub fn new(tileset: Tileset, budget: usize) -> Self {
        let entry =
            |_: &_| Entry { stage: Stage::Absent, wanted: 0, failures: 0, retry_at_ms: 0.0 };
        Self {
            entries: tileset.tiles.iter().map(entry).collect(),
            tileset,
            choice: Choice::default(),
            focus: Focus::default(),
            drawn: Vec::new(),
            reasons: HashMap::new(),
            last_reason: String::new(),
            pending: Vec::new(),
            fetching: 0,
            budget,
            tick: 0,
        }
    }

    /// The tileset.
    pub fn tileset(&self) -> &Tileset {
        &self.tileset
    }

    /// Chooses what the view needs.
    pub fn look(&mut self, eye: &Eye) {
        self.tick += 1;
        let (entries, tileset) = (&self.entries, &self.tileset);
        let cost = |tile: usize| weight(&entries[tile], &tileset.tiles[tile]);
        let limits = Limits { max_error_px: MAX_ERROR_PX, bytes: self.budget, cost: &cost };
        let choice = select::choose(tileset, eye, &self.focus, &limits, &self.choice);
        self.choice = choice;
        for wanted in &self.choice.wanted {
            self.entries[wanted.tile].wanted = self.tick;
        }
    }

    /// What is looked at from the next view on.
    pub fn set_focus(&mut self, focus: Focus) {
        self.focus = focus;
    }

    /// Decides anew what to draw; whether that is other than before.
    pub fn arrange(&mut self) -> bool {
        let drawn = self.choice.drawn(&self.tileset, |tile| {
            // What cannot be had is not waited for.
            self.loaded(tile).is_some() || self.reasons.contains_key(&tile)
        });
        let drawn = drawn.into_iter().filter(|&tile| self.loaded(tile).is_some()).collect();
        let before = std::mem::replace(&mut self.drawn, drawn);
        before != self.drawn
    }

    /// Tiles to ask for now, with their URLs.
    pub fn fetches(&mut self, now_ms: f64) -> Vec<(usize, String)> {
        let mut fetches = Vec::new();
        let mut room = self.budget.saturating_sub(self.bytes() + self.under_way());
        for wanted in &self.choice.wanted {
            if self.fetching >= MAX_FETCHES || self.pending.len() + self.fetching >= MAX_ARRIVED {
                break;
            }
            let bytes = weight(&self.entries[wanted.tile], &self.tileset.tiles[wanted.tile]);
            // The first tile comes however little there is.
            let alone = self.choice.wanted.len() == 1;
            let entry = &mut self.entries[wanted.tile];
            let Some(url) = &self.tileset.tiles[wanted.tile].content else { continue };
            if matches!(entry.stage, Stage::Absent) && entry.retry_at_ms <= now_ms {
                if bytes > room && !alone {
                    break;
                }
                room = room.saturating_sub(bytes);
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
        self.choice.wanted.iter().filter_map(waits).min_by(f64::total_cmp)
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
                entry.stage = Stage::Naming { content, base, named: 0 };
                Ok(false)
            }
            Stage::Naming { content, base, named } => {
                let end = (named + FEATURES_A_STEP).min(content.features);
                for feature in named..end {
                    let get = |column: &Column| column.get(&content.bin, feature).to_owned();
                    let place = match Place::from_kind(&get(&content.kind)) {
                        // Not one of the surroundings, but the shell of one that is modelled.
                        Place::Context if self.tileset.tiles[tile].in_building => Place::Indoors,
                        place => place,
                    };
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

    /// Lets go of what no view has wanted for longest, until all that is wanted has room.
    fn evict(&mut self, state: &mut State, changes: &mut Vec<Change>) {
        let idle_bytes =
            |entry: &Entry, tick: u64| if entry.wanted < tick { entry.held() } else { 0 };
        let idle: usize = self.entries.iter().map(|entry| idle_bytes(entry, self.tick)).sum();
        let mut bytes = idle + self.choice.bytes.max(self.bytes() - idle);
        if bytes <= self.budget {
            return;
        }
        let mut idle: Vec<(u64, usize)> = (0..self.entries.len())
            .filter(|&tile| matches!(self.entries[tile].stage, Stage::Ready(_)))
            .map(|tile| (self.entries[tile].wanted, tile))
            .filter(|&(wanted, _)| wanted < self.tick)
            .collect();
        idle.sort_unstable();
        for (_, tile) in idle {
            if bytes <= self.budget {
                return;
            }
            bytes -= self.entries[tile].held();
            if let Stage::Ready(loaded) =
                std::mem::replace(&mut self.entries[tile].stage, Stage::Absent)
            {
                state.release(loaded.base..loaded.base + loaded.content.features.max(1));
                changes.push(Change::Gone(tile));
            }
        }
    }

    /// What to draw.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Loaded)> {
        self.drawn.iter().filter_map(|&tile| Some((tile, self.loaded(tile)?)))
    }

    /// A loaded tile.
    pub fn loaded(&self, tile: usize) -> Option<&Loaded> {
        match &self.entries.get(tile)?.stage {
            Stage::Ready(loaded) => Some(loaded),
            _ => None,
        }
    }

    /// The drawn tile whose slots hold a slot.
    pub fn tile_of_slot(&self, slot: usize) -> Option<(usize, &Loaded)> {
        self.shown().find(|(_, loaded)| {
            (loaded.base..loaded.base + loaded.content.features).contains(&slot)
        })
    }

    /// What is drawn, for casting rays.
    pub fn shown_mut(&mut self, mut visit: impl FnMut(&Tileset, usize, &mut Loaded)) {
        for &tile in &self.drawn {
            if let Stage::Ready(loaded) = &mut self.entries[tile].stage {
                visit(&self.tileset, tile, loaded);
            }
        }
    }

    /// Every tile that is loaded; all are let go of.
    pub fn loaded_tiles(&self) -> Vec<usize> {
        (0..self.entries.len()).filter(|&tile| self.loaded(tile).is_some()).collect()
    }

    /// How far loading is.
    pub fn progress(&self) -> Progress {
        let wanted = &self.choice.wanted;
        let loaded = wanted.iter().filter(|wanted| self.loaded(wanted.tile).is_some()).count();
        let failed = self.reasons.len() as u32;
        Progress {
            loaded: loaded as u32,
            wanted: wanted.len() as u32,
            failed: (failed > 0).then(|| (failed, self.last_reason.clone())),
            held_back: self.choice.held_back,
        }
    }

    /// Bytes of tiles held, here and on the GPU, with what picking has added.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(Entry::held).sum()
    }

    /// Bytes of tiles that are asked for, as far as they are told.
    fn under_way(&self) -> usize {
        let is_under_way =
            |entry: &Entry| matches!(entry.stage, Stage::Fetching | Stage::Arrived(_));
        let tiles = self.entries.iter().zip(&self.tileset.tiles);
        tiles
            .filter(|(entry, _)| is_under_way(entry))
            .map(|(entry, tile)| weight(entry, tile))
            .sum()
    }

    /// The most that is held.
    pub fn budget(&self) -> usize {
        self.budget
    }
}

impl Entry {
    /// Bytes that it takes now.
    fn held(&self) -> usize {
        match &self.stage {
            Stage::Ready(loaded) => loaded.content.weight() + loaded.picker.bytes(),
            Stage::Naming { content, .. } => content.weight(),
            _ => 0,
        }
    }
}

/// What a tile takes or, before it is here, will take: its bytes here and on the GPU.
fn weight(entry: &Entry, tile: &Tile) -> usize {
    match entry.held() {
        0 => usize::try_from(tile.bytes.unwrap_or(USUAL_BYTES) * 2).unwrap_or(usize::MAX),
        held => held,
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
