//! The whole model: every part, brought forward together, pure and repeatable.

use std::sync::Arc;

use super::{
    chargers::Chargers,
    doors::Doors,
    energy::Energy,
    environment::Environment,
    faults::Faults,
    lifts::Lifts,
    people::{People, Site},
    plan::Plan,
    population::Places,
    pumps::Pumps,
    rng,
    routes::Routes,
    scenario::{FaultKind, Scenario},
    schedule::Clock,
};

/// How far the model steps at once while it catches up with the day.
const WARM_UP_STEP_MS: i64 = 5_000;

/// Everything that changes.
#[derive(Debug)]
pub struct World {
    /// What does not change.
    pub plan: Arc<Plan>,
    /// Crowd.
    pub people: People,
    /// Doors and gates.
    pub doors: Doors,
    /// Lifts.
    pub lifts: Lifts,
    /// Meters.
    pub energy: Energy,
    /// Air.
    pub environment: Environment,
    /// Pumps.
    pub pumps: Pumps,
    /// Chargers.
    pub chargers: Chargers,
    /// What is wrong.
    pub faults: Faults,
    routes: Routes,
    places: Places,
    clock: Clock,
    now_ms: i64,
}

impl World {
    /// The site as it is at the clock's zero: the model's day is played up to there, so that
    /// people are where they would be. What could not be used is added to `notes`.
    pub fn new(
        plan: Arc<Plan>,
        scenario: &Scenario,
        clock: Clock,
        notes: &mut Vec<String>,
    ) -> Self {
        let seed = scenario.seed;
        let epoch = clock.day_start(0.0);
        let routes = Routes::new(&plan);
        if routes.without_exit > 0 {
            notes.push(format!(
                "{} groups of spaces have no way to an exit in graph.json: people step in at \
                 their lowest space",
                routes.without_exit
            ));
        }
        let mut world = Self {
            people: People::new(&plan, &scenario.people, seed, epoch),
            doors: Doors::new(&plan, scenario.doors.clone()),
            lifts: Lifts::new(&plan),
            energy: Energy::new(&plan, scenario.energy.clone()),
            environment: Environment::new(&plan, rng::join(seed, rng::hash("weather"))),
            pumps: Pumps::new(&plan, scenario.pumps.clone()),
            chargers: Chargers::new(&plan, scenario.chargers.clone(), seed),
            faults: Faults::new(&plan, &scenario.faults, seed, notes),
            routes,
            places: Places::new(&plan),
            clock,
            now_ms: (epoch * 1_000.0) as i64,
            plan,
        };
        while world.now_ms < 0 {
            let step = WARM_UP_STEP_MS.min(-world.now_ms);
            world.step(step, -1.0);
        }
        world
    }

    /// Model time, s; 0 is the first message.
    pub fn now(&self) -> f64 {
        self.now_ms as f64 / 1_000.0
    }

    /// Brings everything forward by `millis` of model time. Faults follow `shown_secs`, the
    /// time that has passed for whoever watches: a fast day has no fast faults.
    pub fn step(&mut self, millis: i64, shown_secs: f64) {
        self.now_ms += millis;
        let now = self.now();
        let local = self.clock.local(now);
        let passed_ms = millis.unsigned_abs();
        let secs = millis as f64 / 1_000.0;
        self.faults.step(shown_secs);
        let (plan, faults) = (&*self.plan, &self.faults);
        self.doors.new_day(self.clock.day_start(now));
        let arrived = self.lifts.step(now, |lift| faults.at(FaultKind::LiftFault, lift).is_some());
        let mut site = Site {
            plan,
            routes: &self.routes,
            places: &self.places,
            doors: &mut self.doors,
            lifts: &mut self.lifts,
            clock: self.clock,
        };
        self.people.step(&mut site, now, &arrived);
        self.doors.step(plan, now, local, faults);
        self.environment.step(plan, &self.people.inside, now, local);
        self.energy.step(plan, now, passed_ms, local, faults);
        self.pumps.step(plan, now, secs, local, faults);
        self.chargers.step(plan, now, passed_ms, local, faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::fixture;

    /// A world at a local time of 2026-03-04 (a Wednesday), on the fixture's site.
    fn world(utc: &str) -> World {
        let scenario = Scenario::parse("", "s".as_ref()).unwrap();
        let clock = Clock::new(utc.parse().unwrap(), scenario.utc_offset);
        World::new(Arc::new(fixture::plan()), &scenario, clock, &mut Vec::new())
    }

    fn inside(world: &World) -> u64 {
        world.people.inside.iter().copied().map(u64::from).sum()
    }

    #[test]
    fn people_are_conserved_at_every_step_of_a_day() {
        // 04:00 local: the model's day begins, nothing is played beforehand.
        let mut world = world("2026-03-03T20:00:00Z");
        let mut most = 0;
        for second in 0..86_400 {
            world.step(1_000, -1.0);
            let people = &world.people;
            let inside = inside(&world);
            assert_eq!(inside, people.initial + people.entered - people.left, "second {second}");
            assert_eq!(inside, people.counted_inside(), "second {second}");
            most = most.max(inside);
        }
        assert!(most > 10, "{most} people at most");
        assert!(inside(&world) < most / 4, "they went home");
        assert!(world.people.entered > 20);
    }

    #[test]
    fn doors_count_who_passes() {
        let mut world = world("2026-03-03T20:00:00Z");
        for _ in 0..86_000 {
            world.step(1_000, -1.0);
        }
        let count = |pick: &dyn Fn(&super::super::plan::Door) -> bool| -> u64 {
            let doors = world.plan.doors.iter().zip(&world.doors.all);
            doors.filter(|(door, _)| pick(door)).map(|(_, door)| door.passages).sum()
        };
        let crossings = world.people.entered + world.people.left;
        assert!(crossings > 40);
        assert_eq!(count(&|door| door.exit), crossings, "the only ways out have doors");
        assert_eq!(count(&|door| door.gate), crossings, "and everybody passes a gate");
        assert!(count(&|door| !door.exit && !door.gate) > crossings / 4, "rooms have doors too");
    }

    #[test]
    fn the_day_is_played_up_to_the_start() {
        let noon = world("2026-03-04T02:30:00Z");
        let night = world("2026-03-04T18:00:00Z");
        assert!(inside(&noon) > 8, "{} at 10:30", inside(&noon));
        assert!(inside(&night) < 4, "{} at 02:00", inside(&night));
    }

    #[test]
    fn lifts_bring_people_up_and_gates_close_at_night() {
        let mut world = world("2026-03-04T00:00:00Z");
        let mut moved = 0;
        for _ in 0..3_600 {
            let before = world.lifts.cars[0].floor();
            world.step(1_000, -1.0);
            moved += u32::from(world.lifts.cars[0].floor() != before);
        }
        assert!(moved > 4, "{moved} storeys in the morning hour");
        let gate = world.plan.doors.iter().position(|door| door.gate).unwrap();
        assert_eq!(world.doors.all[gate].state.as_str(), "open");
        let night = self::world("2026-03-04T19:00:00Z");
        assert_eq!(night.doors.all[gate].state.as_str(), "closed");
    }
}
