//! Keeps what the canvas shows in step with the store.

use std::collections::{HashMap, HashSet};

use twin_model::EntityId;

use super::{
    Layer, Scale,
    group::{Folded, Group, groups},
    overlay,
};
use crate::{
    bridge::{Paint, Pattern},
    store::{PointIx, Store},
};

/// What the canvas has to change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Remove all paint first.
    pub clear: bool,
    /// New paint of entities.
    pub entities: Vec<(EntityId, Paint)>,
    /// New paint of storeys.
    pub storeys: Vec<(EntityId, Paint)>,
}

impl Patch {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        !self.clear && self.entities.is_empty() && self.storeys.is_empty()
    }
}

/// Where something should be coloured but no value is known.
const NO_DATA: [u8; 3] = [92, 98, 104];

/// Turns changes of the store into paint.
#[derive(Debug, Default)]
pub struct Engine {
    layer: Layer,
    /// The store's generation the groups were made for; absent: make them anew.
    made_for: Option<u64>,
    groups: Vec<Group>,
    of_point: HashMap<PointIx, u32>,
    values: Vec<Option<Folded>>,
    painted: Vec<Option<Paint>>,
    scale: Option<Scale>,
    by_layer: HashMap<EntityId, Paint>,
    by_mark: HashMap<EntityId, Paint>,
}

impl Engine {
    /// Shows another layer from the next update on.
    pub fn set_layer(&mut self, layer: Layer) {
        if layer != self.layer {
            self.layer = layer;
            self.made_for = None;
            self.scale = None;
        }
    }

    /// Paints everything anew at the next update, as after the canvas lost it.
    pub fn repaint(&mut self) {
        self.made_for = None;
    }

    /// The layer shown.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// The range its colours are spread over; absent while no value is known.
    pub fn scale(&self) -> Option<Scale> {
        self.scale
    }

    /// The lowest and highest value shown now.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        let values = self.values.iter().flatten().map(|folded| folded.value);
        values.fold(None, |found, value| match found {
            None => Some((value, value)),
            Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
        })
    }

    /// The value that colours this point's group.
    pub fn value_of(&self, point: PointIx) -> Option<f64> {
        self.values[*self.of_point.get(&point)? as usize].map(|folded| folded.value)
    }

    /// Takes the points that changed and says what to paint.
    pub fn update(&mut self, store: &Store, changed: &[PointIx]) -> Patch {
        let mut patch = Patch::default();
        if self.made_for == Some(store.generation) {
            self.update_groups(store, changed, &mut patch);
            self.update_marks(store, changed, &mut patch);
        } else {
            self.rebuild(store, &mut patch);
        }
        patch
    }

    fn rebuild(&mut self, store: &Store, patch: &mut Patch) {
        patch.clear = true;
        self.made_for = Some(store.generation);
        (self.groups, self.of_point) = groups(store, self.layer);
        self.values = self.groups.iter().map(|g| g.fold(store, self.layer.fold())).collect();
        self.painted = vec![None; self.groups.len()];
        self.by_layer.clear();
        self.by_mark.clear();
        self.rescale();
        for group in 0..self.groups.len() {
            self.paint_group(group, patch);
        }
        let mut entities: Vec<&EntityId> = store.points.entities().collect();
        entities.sort_unstable();
        for entity in entities {
            self.mark(store, entity, patch);
        }
    }

    fn update_groups(&mut self, store: &Store, changed: &[PointIx], patch: &mut Patch) {
        let touched: HashSet<u32> =
            changed.iter().filter_map(|ix| self.of_point.get(ix).copied()).collect();
        if touched.is_empty() {
            return;
        }
        for &group in &touched {
            let group = group as usize;
            self.values[group] = self.groups[group].fold(store, self.layer.fold());
        }
        if self.rescale() {
            for group in 0..self.groups.len() {
                self.paint_group(group, patch);
            }
        } else {
            for group in touched {
                self.paint_group(group as usize, patch);
            }
        }
    }

    /// Fits the range to the values; true where it moved.
    fn rescale(&mut self) -> bool {
        let Some((low, high)) = self.extremes() else { return false };
        let wanted = self.layer.scale(low, high);
        let next = self.scale.map_or(wanted, |scale| scale.follow(wanted));
        self.scale.replace(next) != Some(next)
    }

    fn paint_group(&mut self, group: usize, patch: &mut Patch) {
        let paint = self.paint_of(self.values[group]);
        if self.painted[group].replace(paint) == Some(paint) {
            return;
        }
        let group = &self.groups[group];
        patch.storeys.extend(group.storeys.iter().map(|storey| (storey.clone(), paint)));
        for entity in &group.entities {
            self.by_layer.insert(entity.clone(), paint);
            if !self.by_mark.contains_key(entity) {
                patch.entities.push((entity.clone(), paint));
            }
        }
    }

    fn paint_of(&self, value: Option<Folded>) -> Paint {
        let color = match (value, self.scale) {
            (Some(folded), Some(scale)) => self.layer.ramp().at(scale.place(folded.value)),
            _ => NO_DATA,
        };
        let is_live = value.is_some_and(|folded| folded.is_live);
        let pattern = if is_live { Pattern::None } else { Pattern::Stripes };
        Paint { color: Some(color), pattern, pulse: false }
    }

    fn update_marks(&mut self, store: &Store, changed: &[PointIx], patch: &mut Patch) {
        for &ix in changed {
            let point = store.points.at(ix);
            if overlay::concerns(&store.states, point) {
                self.mark(store, &point.entity, patch);
            }
        }
    }

    fn mark(&mut self, store: &Store, entity: &EntityId, patch: &mut Patch) {
        let mark = overlay::mark(store, store.points.of(entity.as_str()));
        let before = match mark {
            Some(paint) => self.by_mark.insert(entity.clone(), paint),
            None => self.by_mark.remove(entity),
        };
        if before != mark {
            let layer = self.by_layer.get(entity).copied();
            patch.entities.push((entity.clone(), mark.or(layer).unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use twin_model::EntityKind;

    use super::*;
    use crate::store::test_support as support;

    fn campus() -> Store {
        let mut store = support::store(&[]);
        store.set_scene(support::scene_of(&[
            ("T1", None, EntityKind::Building),
            ("T1/01F", Some(0), EntityKind::Storey),
            ("T1/02F", Some(0), EntityKind::Storey),
            ("room", Some(1), EntityKind::Space),
            ("em1", Some(1), EntityKind::Meter),
            ("em2", Some(1), EntityKind::Meter),
            ("em3", Some(2), EntityKind::Meter),
            ("ev", Some(1), EntityKind::Charger),
            ("env", Some(3), EntityKind::Sensor),
            ("door", Some(3), EntityKind::Door),
        ]));
        support::add(
            &mut store,
            &[
                ("em1", "power", "20"),
                ("em2", "power", "30"),
                ("em3", "power", "100"),
                ("ev", "power", "7"),
                ("env", "temperature", "23"),
                ("door", "door", "closed"),
            ],
        );
        store
    }

    fn engine(layer: Layer, store: &Store) -> (Engine, Patch) {
        let mut engine = Engine::default();
        engine.set_layer(layer);
        let patch = engine.update(store, &[]);
        (engine, patch)
    }

    fn color_of(list: &[(EntityId, Paint)], id: &str) -> Option<[u8; 3]> {
        list.iter().rev().find(|(entity, _)| entity.as_str() == id)?.1.color
    }

    fn step(engine: &mut Engine, store: &mut Store) -> Patch {
        let changed = store.points.take_changed();
        engine.update(store, &changed)
    }

    #[test]
    fn a_storey_is_the_sum_of_its_meters() {
        let store = campus();
        let (engine, patch) = engine(Layer::Energy, &store);
        assert!(patch.clear);
        assert_eq!(engine.scale(), Some(Scale { low: 0.0, high: 100.0 }));
        assert_eq!(color_of(&patch.storeys, "T1/01F"), Some(super::super::CIVIDIS.at(0.5)));
        assert_eq!(color_of(&patch.storeys, "T1/02F"), Some(super::super::CIVIDIS.at(1.0)));
        assert_eq!(color_of(&patch.entities, "ev"), Some(super::super::CIVIDIS.at(0.07)));
    }

    #[test]
    fn a_building_is_the_sum_of_all() {
        let store = campus();
        let (engine, patch) = engine(Layer::EnergyBuilding, &store);
        assert_eq!(engine.extremes(), Some((7.0, 150.0)));
        assert_eq!(color_of(&patch.storeys, "T1/01F"), color_of(&patch.storeys, "T1/02F"));
        assert!(color_of(&patch.entities, "T1").is_some());
    }

    #[test]
    fn a_sensor_colours_its_room() {
        let store = campus();
        let (_, patch) = engine(Layer::Temperature, &store);
        assert_eq!(color_of(&patch.entities, "room"), Some([196, 199, 200]));
        assert_eq!(color_of(&patch.entities, "env"), Some([196, 199, 200]));
        assert!(patch.storeys.is_empty());
    }

    #[test]
    fn only_what_looks_different_is_painted() {
        let mut store = campus();
        let (mut engine, _) = engine(Layer::Energy, &store);
        support::set(&mut store, "em3", "power", "60", 1);
        let patch = step(&mut engine, &mut store);
        assert_eq!((patch.clear, patch.storeys.len(), patch.entities.len()), (false, 1, 0));
        support::set(&mut store, "em3", "power", "60", 2);
        assert!(step(&mut engine, &mut store).is_empty(), "the same value again");
        support::set(&mut store, "em3", "power", "300", 3);
        let patch = step(&mut engine, &mut store);
        assert_eq!(patch.storeys.len(), 2, "another range: everything");
    }

    #[test]
    fn silence_is_striped() {
        let mut store = campus();
        let (mut engine, _) = engine(Layer::Energy, &store);
        store.points.sweep(1_000_000);
        let patch = step(&mut engine, &mut store);
        assert!(patch.storeys.iter().all(|(_, paint)| paint.pattern == Pattern::Stripes));
        assert_eq!(patch.storeys.len(), 2);
    }

    #[test]
    fn doors_are_marked_over_any_layer_and_unmarked() {
        let mut store = campus();
        let (mut engine, patch) = engine(Layer::None, &store);
        assert!(patch.entities.is_empty() && patch.storeys.is_empty(), "all is well: nothing");
        for (state, paint) in [
            ("open", Paint { color: Some(overlay::OPEN), ..Paint::default() }),
            ("held", Paint { color: Some(overlay::HELD), pattern: Pattern::Dots, pulse: false }),
            ("forced", Paint { color: Some(overlay::FORCED), pattern: Pattern::Dots, pulse: true }),
            ("closed", Paint::default()),
        ] {
            support::set(&mut store, "door", "door", state, 1);
            let patch = step(&mut engine, &mut store);
            assert_eq!(patch.entities, [(EntityId::from("door"), paint)], "{state}");
        }
    }

    #[test]
    fn an_empty_night_keeps_a_scale_that_can_be_read() {
        let mut store = campus();
        support::add(&mut store, &[("room", "density", "0")]);
        let (engine, _) = engine(Layer::Density, &store);
        assert_eq!(engine.scale(), Some(Scale { low: 0.0, high: 0.05 }));
    }

    #[test]
    fn another_layer_starts_clean() {
        let store = campus();
        let (mut engine, _) = engine(Layer::Energy, &store);
        engine.set_layer(Layer::None);
        let patch = engine.update(&store, &[]);
        assert_eq!(patch, Patch { clear: true, ..Patch::default() });
        assert_eq!(engine.scale(), None);
    }
}
