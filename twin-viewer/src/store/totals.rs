//! Sums over the scene for the top bar and the building rows. Counted anew from all
//! points a few times a second: cheap, and no drift.

use std::collections::HashMap;

use twin_model::{EntityKind, Quality};

use super::{AttentionList, EntityIx, Point, Reason, Severity, Store, reason_of};

/// Sums over the whole scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Points with a recent value.
    pub live: usize,
    /// Points silent for too long.
    pub stale: usize,
    /// Points whose device says the value is not valid.
    pub bad: usize,
    /// Points that never had a value.
    pub waiting: usize,
    /// People counted, where people are counted.
    pub people: Option<f64>,
    /// Power of all meters, kW.
    pub power_kw: Option<f64>,
    /// Doors with a known state.
    pub doors: usize,
    /// Doors forced, held, or in a state that the site says is not normal.
    pub doors_not_normal: usize,
    /// By building.
    pub buildings: HashMap<EntityIx, BuildingTotals>,
}

/// Sums over one building.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BuildingTotals {
    /// People counted in it.
    pub people: Option<f64>,
    /// Power of its meters, kW.
    pub power_kw: Option<f64>,
    /// Lines of the attention list in it that somebody should look at.
    pub attention: usize,
    /// How many of them somebody should go to.
    pub urgent: usize,
}

fn add(sum: &mut Option<f64>, value: f64) {
    *sum = Some(sum.unwrap_or(0.0) + value);
}

impl Totals {
    /// Counts everything.
    pub fn count(store: &Store, attention: &AttentionList) -> Self {
        let mut totals = Self::default();
        for point in store.points.all() {
            totals.count_point(store, point);
        }
        for entry in attention.entries() {
            let at = store.points.at(entry.point).at;
            if entry.reason.severity() != Severity::Low
                && let Some(building) = building_of(store, at)
            {
                let sums = totals.buildings.entry(building).or_default();
                sums.attention += 1;
                sums.urgent += usize::from(entry.reason.severity() == Severity::High);
            }
        }
        totals
    }

    fn count_point(&mut self, store: &Store, point: &Point) {
        match point.quality() {
            None => self.waiting += 1,
            Some(Quality::Good | Quality::Uncertain) => self.live += 1,
            Some(Quality::Stale) => self.stale += 1,
            Some(Quality::Bad) => self.bad += 1,
        }
        match &*point.metric {
            "door" => {
                self.doors += usize::from(point.text().is_some());
                let reason = reason_of(&store.states, point);
                let not_normal =
                    matches!(reason, Some(Reason::Forced | Reason::Held | Reason::Abnormal));
                self.doors_not_normal += usize::from(not_normal);
            }
            "people" if !is_counted_above(store, point) => {
                let Some(people) = point.number() else { return };
                add(&mut self.people, people);
                if let Some(building) = building_of(store, point.at) {
                    add(&mut self.buildings.entry(building).or_default().people, people);
                }
            }
            "power" if is_meter(store, point) => {
                let Some(power) = point.number() else { return };
                add(&mut self.power_kw, power);
                if let Some(building) = building_of(store, point.at) {
                    add(&mut self.buildings.entry(building).or_default().power_kw, power);
                }
            }
            _ => {}
        }
    }
}

fn building_of(store: &Store, at: Option<EntityIx>) -> Option<EntityIx> {
    store.scene.enclosing(at?, EntityKind::Building)
}

/// A room's people are not counted again where its zone or floor counts them already.
fn is_counted_above(store: &Store, point: &Point) -> bool {
    point.at.is_some_and(|at| {
        store
            .scene
            .ancestors(at)
            .skip(1)
            .any(|above| store.points.find(store.scene.at(above).id.as_str(), "people").is_some())
    })
}

/// Chargers and plant hang behind a meter: only meters add up.
fn is_meter(store: &Store, point: &Point) -> bool {
    point.at.is_some_and(|at| store.scene.at(at).kind == EntityKind::Meter)
}

#[cfg(test)]
mod tests {
    use super::{super::test_support, *};

    #[test]
    fn adds_up_what_adds_up() {
        let mut store = test_support::store(&[]);
        store.set_scene(test_support::scene_of(&[
            ("T1", None, EntityKind::Building),
            ("floor", Some(0), EntityKind::Storey),
            ("room", Some(1), EntityKind::Space),
            ("corner", Some(2), EntityKind::Space),
            ("meter", Some(1), EntityKind::Meter),
            ("charger", Some(1), EntityKind::Charger),
            ("door", Some(2), EntityKind::Door),
            ("hall", None, EntityKind::Space),
        ]));
        test_support::add(
            &mut store,
            &[
                ("room", "people", "5"),
                ("corner", "people", "2"),
                ("hall", "people", "1"),
                ("meter", "power", "10.5"),
                ("charger", "power", "7"),
                ("door", "door", "forced"),
            ],
        );
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        let totals = Totals::count(&store, &list);
        assert_eq!(totals.people, Some(6.0), "the corner is part of the room");
        assert_eq!(totals.power_kw, Some(10.5), "the charger is behind the meter");
        assert_eq!((totals.doors, totals.doors_not_normal), (1, 1));
        assert_eq!((totals.live, totals.stale, totals.waiting), (6, 0, 0));
        let building =
            BuildingTotals { people: Some(5.0), power_kw: Some(10.5), attention: 1, urgent: 1 };
        assert_eq!(totals.buildings[&0], building);
    }
}
