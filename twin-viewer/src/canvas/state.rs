//! How every feature looks: eight bytes each, in the picture of a small texture that the
//! shaders read by feature. Painting 100,000 entities writes these bytes and nothing else.
//!
//! | byte | holds |
//! | --- | --- |
//! | 0–2 | sRGB colour laid over the authored one |
//! | 3 | how much of it: 0 or 255 |
//! | 4 | flags: 1 hidden, 2 selected, 4 hovered, 8 a building of the surroundings |
//! | 5 | pattern: 0 none, 1 stripes, 2 dots |
//! | 6 | 255 pulses |

use std::{collections::HashMap, ops::Range};

use foldhash::fast::RandomState;

use twin_model::EntityId;

use super::slots::Slots;
use crate::bridge::{Paint, Pattern};

/// Features in one row of the texture; a feature takes two texels.
pub const SLOTS_PER_ROW: usize = 1024;
/// Most rows: what every WebGL2 device can hold.
pub const MAX_ROWS: usize = 2048;
/// Nothing: no entity, no storey, no next slot.
const NONE: u32 = u32::MAX;

const HIDDEN: u8 = 1;
const SELECTED: u8 = 2;
const HOVERED: u8 = 4;
const CONTEXT: u8 = 8;

type Texels = [u8; 8];

/// A feature's place among the others, as far as its look depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In or on a building.
    #[default]
    Indoors,
    /// Ground, roads, green, water: stays when a storey is isolated.
    Outdoors,
    /// A building of the surroundings: context, and drawn quieter.
    Context,
    /// The volume of a space: shown only when painted.
    Space,
}

impl Place {
    /// From the `kind` of the tile's property table.
    pub fn from_kind(kind: &str) -> Self {
        match kind {
            "space" | "zone" => Self::Space,
            "terrain" | "road" | "green" | "water" | "landmark" | "site" => Self::Outdoors,
            "building" => Self::Context,
            _ => Self::Indoors,
        }
    }
}

#[derive(Clone, Copy)]
struct Slot {
    entity: u32,
    storey: u32,
    /// The entity's next slot: an entity may stand in several tiles.
    next: u32,
    place: Place,
}

const FREE: Slot = Slot { entity: NONE, storey: NONE, next: NONE, place: Place::Indoors };

#[derive(Clone, Copy)]
struct Look {
    paint: Paint,
    first: u32,
}

#[derive(Clone, Copy, Default)]
struct Storey {
    paint: Paint,
    isolated: bool,
}

/// The looks of all entities, loaded or not, and the texture of those that are loaded.
#[derive(Default)]
pub struct State {
    entity_index: HashMap<EntityId, u32, RandomState>,
    entity_ids: Vec<EntityId>,
    entities: Vec<Look>,
    storey_index: HashMap<EntityId, u32, RandomState>,
    storeys: Vec<Storey>,
    slots: Vec<Slot>,
    texels: Vec<Texels>,
    free: Slots,
    dirty: Vec<bool>,
    isolating: bool,
    selected: u32,
    hovered: u32,
    pulsing: usize,
}

impl State {
    /// An empty scene.
    pub fn new() -> Self {
        Self { selected: NONE, hovered: NONE, ..Self::default() }
    }

    /// Room for a tile's features, or `None` when the texture is full.
    pub fn allocate(&mut self, features: usize) -> Option<usize> {
        let base = self.free.take(features.max(1), MAX_ROWS * SLOTS_PER_ROW)?;
        let rows = self.free.capacity().div_ceil(SLOTS_PER_ROW);
        if rows > self.dirty.len() {
            let rows = rows.next_power_of_two().min(MAX_ROWS);
            self.dirty.resize(rows, true);
            self.slots.resize(rows * SLOTS_PER_ROW, FREE);
            self.texels.resize(rows * SLOTS_PER_ROW, [0; 8]);
        }
        Some(base)
    }

    /// Names the feature in a slot, and gives it the look its entity has.
    pub fn register(&mut self, slot: usize, entity: &str, storey: &str, place: Place) {
        let entity = self.entity(entity);
        let storey = if storey.is_empty() { NONE } else { self.storey(storey) };
        let look = &mut self.entities[entity as usize];
        self.slots[slot] = Slot { entity, storey, next: look.first, place };
        look.first = slot as u32;
        self.write(slot);
    }

    /// Gives a tile's slots back.
    pub fn release(&mut self, range: Range<usize>) {
        for slot in range.clone() {
            self.unlink(slot);
            self.put(slot, [0; 8]);
            self.slots[slot] = FREE;
        }
        self.free.give_back(range);
    }

    /// Gives every slot back; looks stay.
    pub fn release_all(&mut self) {
        for look in &mut self.entities {
            look.first = NONE;
        }
        for slot in 0..self.slots.len() {
            self.put(slot, [0; 8]);
            self.slots[slot] = FREE;
        }
        self.free = Slots::default();
    }

    fn unlink(&mut self, slot: usize) {
        let Slot { entity, next, .. } = self.slots[slot];
        let Some(look) = self.entities.get_mut(entity as usize) else { return };
        if look.first == slot as u32 {
            look.first = next;
            return;
        }
        let mut at = look.first;
        while let Some(other) = self.slots.get_mut(at as usize) {
            if other.next == slot as u32 {
                other.next = next;
                return;
            }
            at = other.next;
        }
    }

    fn entity(&mut self, id: &str) -> u32 {
        if let Some(&index) = self.entity_index.get(id) {
            return index;
        }
        let index = self.entities.len() as u32;
        let id = EntityId::from(id);
        self.entity_index.insert(id.clone(), index);
        self.entity_ids.push(id);
        self.entities.push(Look { paint: Paint::default(), first: NONE });
        index
    }

    fn storey(&mut self, id: &str) -> u32 {
        if let Some(&index) = self.storey_index.get(id) {
            return index;
        }
        let index = self.storeys.len() as u32;
        self.storey_index.insert(id.into(), index);
        self.storeys.push(Storey::default());
        index
    }

    /// Paints one entity, in every tile it stands in.
    pub fn paint(&mut self, id: &EntityId, paint: Paint) {
        let entity = self.entity(id.as_str());
        let look = &mut self.entities[entity as usize];
        if look.paint != paint {
            look.paint = paint;
            self.write_entity(entity);
        }
    }

    /// Paints everything that stands in these storeys.
    pub fn paint_storeys(&mut self, paints: &[(EntityId, Paint)]) {
        for (id, paint) in paints {
            let storey = self.storey(id.as_str());
            self.storeys[storey as usize].paint = *paint;
        }
        self.write_all();
    }

    /// Takes all paint off.
    pub fn clear_paint(&mut self) {
        for look in &mut self.entities {
            look.paint = Paint::default();
        }
        for storey in &mut self.storeys {
            storey.paint = Paint::default();
        }
        self.write_all();
    }

    /// Shows only these storeys, and what stands outdoors; `None` shows all.
    pub fn isolate(&mut self, storeys: Option<&[EntityId]>) {
        self.isolating = storeys.is_some();
        for storey in &mut self.storeys {
            storey.isolated = false;
        }
        for id in storeys.unwrap_or_default() {
            let storey = self.storey(id.as_str());
            self.storeys[storey as usize].isolated = true;
        }
        self.write_all();
    }

    /// Emphasises one entity; whether that changed anything.
    pub fn select(&mut self, id: Option<&EntityId>) -> bool {
        let entity = id.map_or(NONE, |id| self.entity(id.as_str()));
        let before = std::mem::replace(&mut self.selected, entity);
        self.rewrite(before, entity)
    }

    /// Lights one entity up under the pointer; whether that changed anything.
    pub fn hover(&mut self, id: Option<&EntityId>) -> bool {
        let entity = id.map_or(NONE, |id| self.entity(id.as_str()));
        let before = std::mem::replace(&mut self.hovered, entity);
        self.rewrite(before, entity)
    }

    fn rewrite(&mut self, before: u32, after: u32) -> bool {
        if before != after {
            self.write_entity(before);
            self.write_entity(after);
        }
        before != after
    }

    /// The entity whose feature is in a slot.
    pub fn entity_at(&self, slot: usize) -> Option<&EntityId> {
        self.entity_ids.get(self.slots.get(slot)?.entity as usize)
    }

    /// The entity that is emphasised.
    pub fn selected(&self) -> Option<&EntityId> {
        self.entity_ids.get(self.selected as usize)
    }

    /// The slots an entity has in the tiles that are loaded.
    pub fn slots_of(&self, id: &EntityId) -> impl Iterator<Item = usize> + '_ {
        let look = self.entity_index.get(id).map(|&index| self.entities[index as usize]);
        let first = look.map_or(NONE, |look| look.first);
        std::iter::successors(Some(first), |&at| Some(self.slots.get(at as usize)?.next))
            .take_while(|&at| at != NONE)
            .map(|at| at as usize)
    }

    /// Whether a feature is drawn at all.
    pub fn is_shown(&self, slot: usize) -> bool {
        self.texels.get(slot).is_some_and(|texels| texels[4] & HIDDEN == 0)
    }

    /// Whether a feature has a colour laid over it, or is emphasised.
    pub fn is_painted(&self, slot: usize) -> bool {
        self.texels.get(slot).is_some_and(|texels| texels[3] > 0 || texels[4] & SELECTED != 0)
    }

    /// Whether anything pulses, so that frames must go on.
    pub fn pulses(&self) -> bool {
        self.pulsing > 0
    }

    /// Rows the texture has.
    pub fn rows(&self) -> usize {
        self.dirty.len()
    }

    /// Hands every run of rows that changed to `upload`, with its first row and bytes.
    pub fn take_dirty(&mut self, mut upload: impl FnMut(usize, &[u8])) {
        let mut row = 0;
        while row < self.dirty.len() {
            let start = row;
            while row < self.dirty.len() && std::mem::take(&mut self.dirty[row]) {
                row += 1;
            }
            if row > start {
                let texels = &self.texels[start * SLOTS_PER_ROW..row * SLOTS_PER_ROW];
                upload(start, texels.as_flattened());
            }
            row += 1;
        }
    }

    /// Whether any row waits for upload.
    pub fn is_dirty(&self) -> bool {
        self.dirty.contains(&true)
    }

    /// Every row is uploaded anew: the texture was made anew.
    pub fn invalidate(&mut self) {
        self.dirty.fill(true);
    }

    fn write_entity(&mut self, entity: u32) {
        let Some(look) = self.entities.get(entity as usize) else { return };
        let mut at = look.first;
        while at != NONE {
            self.write(at as usize);
            at = self.slots[at as usize].next;
        }
    }

    fn write_all(&mut self) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].entity != NONE {
                self.write(slot);
            }
        }
    }

    fn write(&mut self, slot: usize) {
        let texels = self.look(self.slots[slot]);
        self.put(slot, texels);
    }

    fn look(&self, slot: Slot) -> Texels {
        let storey = self.storeys.get(slot.storey as usize);
        let own = self.entities[slot.entity as usize].paint;
        let says = |paint: &Paint| paint.color.is_some() || paint.pattern != Pattern::None;
        let paint = match storey.map(|storey| storey.paint) {
            Some(storeys) if !says(&own) && slot.place != Place::Space => {
                Paint { pulse: own.pulse || storeys.pulse, ..storeys }
            }
            _ => own,
        };
        let here = match storey {
            Some(storey) => storey.isolated,
            None => matches!(slot.place, Place::Outdoors | Place::Context),
        };
        let flag = |bit: u8, on: bool| if on { bit } else { 0 };
        let flags = flag(HIDDEN, self.isolating && !here)
            | flag(SELECTED, slot.entity == self.selected)
            | flag(HOVERED, slot.entity == self.hovered)
            | flag(CONTEXT, slot.place == Place::Context && storey.is_none());
        let pattern = match paint.pattern {
            Pattern::None => 0,
            Pattern::Stripes => 1,
            Pattern::Dots => 2,
        };
        let [r, g, b] = paint.color.unwrap_or_default();
        let (mix, pulse) = (flag(255, paint.color.is_some()), flag(255, paint.pulse));
        [r, g, b, mix, flags, pattern, pulse, 0]
    }

    fn put(&mut self, slot: usize, texels: Texels) {
        let before = std::mem::replace(&mut self.texels[slot], texels);
        if before != texels {
            self.dirty[slot / SLOTS_PER_ROW] = true;
            self.pulsing += usize::from(texels[6] > 0);
            self.pulsing -= usize::from(before[6] > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Paint = Paint { color: Some([255, 0, 0]), pattern: Pattern::Dots, pulse: true };
    const BLUE: Paint = Paint { color: Some([0, 0, 255]), pattern: Pattern::None, pulse: false };

    fn rows(state: &mut State) -> Vec<usize> {
        let mut rows = Vec::new();
        state.take_dirty(|first, bytes| {
            rows.extend(first..first + bytes.len() / 8 / SLOTS_PER_ROW);
        });
        rows
    }

    #[test]
    fn paint_outlives_the_tile_and_touches_only_its_rows() {
        let mut state = State::new();
        let door = EntityId::from("door");
        state.paint(&door, RED);
        let base = state.allocate(3000).unwrap();
        state.register(base, "wall", "", Place::Indoors);
        state.register(base + 2500, "door", "", Place::Indoors);
        assert_eq!(state.texels[base + 2500], [255, 0, 0, 255, 0, 2, 255, 0]);
        assert!(state.pulses());
        rows(&mut state);
        state.paint(&door, BLUE);
        assert_eq!(rows(&mut state), [2]);
        state.paint(&door, BLUE);
        assert!(!state.is_dirty() && !state.pulses());

        state.release(base..base + 3000);
        assert_eq!(state.slots_of(&door).count(), 0);
        let again = state.allocate(10).unwrap();
        state.register(again + 1, "door", "", Place::Indoors);
        assert_eq!(state.texels[again + 1][..4], [0, 0, 255, 255]);
    }

    #[test]
    fn an_entity_in_two_tiles_is_painted_in_both_and_survives_the_loss_of_one() {
        let mut state = State::new();
        let (a, b) = (state.allocate(10).unwrap(), state.allocate(10).unwrap());
        state.register(a, "lift", "", Place::Indoors);
        state.register(b + 3, "lift", "", Place::Indoors);
        state.release(a..a + 10);
        let lift = EntityId::from("lift");
        state.paint(&lift, BLUE);
        assert_eq!(state.slots_of(&lift).collect::<Vec<_>>(), [b + 3]);
        assert_eq!(state.texels[b + 3][2], 255);
    }

    #[test]
    fn isolation_keeps_its_storeys_and_the_ground() {
        let mut state = State::new();
        let base = state.allocate(4).unwrap();
        state.register(base, "w1", "s1", Place::Indoors);
        state.register(base + 1, "w2", "s2", Place::Indoors);
        state.register(base + 2, "road", "", Place::Outdoors);
        state.register(base + 3, "roof", "", Place::Indoors);
        state.isolate(Some(&["s1".into()]));
        let shown: Vec<_> = (base..base + 4).map(|slot| state.is_shown(slot)).collect();
        assert_eq!(shown, [true, false, true, false]);
        state.isolate(None);
        assert!((base..base + 4).all(|slot| state.is_shown(slot)));
    }

    #[test]
    fn own_paint_shows_instead_of_the_storeys() {
        let mut state = State::new();
        let base = state.allocate(3).unwrap();
        state.register(base, "w1", "s1", Place::Indoors);
        state.register(base + 1, "m1", "s1", Place::Indoors);
        state.register(base + 2, "room", "s1", Place::Space);
        state.paint(&"m1".into(), BLUE);
        state.paint_storeys(&[("s1".into(), RED)]);
        assert_eq!(state.texels[base][..4], [255, 0, 0, 255]);
        assert_eq!(state.texels[base + 1][..4], [0, 0, 255, 255]);
        assert!(!state.is_painted(base + 2), "a space is not in its storey's way");
        state.clear_paint();
        assert!(!state.is_painted(base) && !state.is_painted(base + 1));
    }

    #[test]
    fn selection_and_hover_move() {
        let mut state = State::new();
        let base = state.allocate(2).unwrap();
        state.register(base, "a", "", Place::Indoors);
        state.register(base + 1, "b", "", Place::Indoors);
        assert!(state.select(Some(&"a".into())));
        assert!(!state.select(Some(&"a".into())));
        assert!(state.hover(Some(&"a".into())));
        assert_eq!(state.texels[base][4], SELECTED | HOVERED);
        state.select(Some(&"b".into()));
        state.hover(None);
        assert_eq!((state.texels[base][4], state.texels[base + 1][4]), (0, SELECTED));
    }
}
