//! Who is on the site, and what they plan for a day.

use std::collections::HashMap;

use super::{
    plan::{Plan, SpaceIx},
    rng::{self, Rng},
    scenario,
    schedule::{Clock, DAY_STARTS_HOUR, Use},
};

/// Where somebody wants to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// At their desk or in their flat.
    Home,
    /// Somewhere else on the site.
    Space(SpaceIx),
    /// Off the site, or in the open.
    Outside,
}

/// Why somebody is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Works at a desk.
    Worker,
    /// Goes to school or kindergarten.
    Pupil,
    /// Lives here.
    Resident,
    /// Works in a shop or kitchen.
    Staff,
    /// Shops or eats.
    Visitor,
}

/// One person.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Why they are here.
    pub role: Role,
    /// Their desk, flat or shop.
    pub home: SpaceIx,
}

/// Places one goes to besides home.
#[derive(Debug, Default)]
pub struct Places {
    dining: Vec<SpaceIx>,
    near: HashMap<usize, Vec<SpaceIx>>,
}

impl Places {
    /// Looks a plan's places up.
    pub fn new(plan: &Plan) -> Self {
        let mut places = Self::default();
        for (i, space) in plan.spaces.iter().enumerate() {
            match (space.usage, space.storey) {
                (Use::Dining, _) => places.dining.push(i),
                (Use::Meeting | Use::Service | Use::Passage, Some(storey)) => {
                    places.near.entry(storey).or_default().push(i);
                }
                _ => {}
            }
        }
        if places.dining.is_empty() {
            // Nothing is named a restaurant: then it is among the shops.
            let shops = (0..plan.spaces.len()).filter(|s| plan.spaces[*s].usage == Use::Retail);
            places.dining.extend(shops);
        }
        places
    }

    fn near(&self, plan: &Plan, home: SpaceIx, rng: &mut Rng) -> Option<SpaceIx> {
        let near = self.near.get(&plan.spaces[home].storey?)?;
        Some(near[rng.index(near.len())])
    }
}

/// How many people of which role a space calls for.
fn wanted(usage: Use, area_m2: f64) -> [(Role, f64); 2] {
    let none = (Role::Visitor, 0.0);
    match usage {
        Use::Office => [(Role::Worker, (area_m2 / 9.5).min(120.0)), none],
        Use::School => [(Role::Pupil, (area_m2 / 3.2).min(40.0)), none],
        Use::Residential => [(Role::Resident, (area_m2 / 34.0).clamp(1.0, 8.0)), none],
        Use::Retail => {
            [(Role::Staff, (area_m2 / 70.0).clamp(1.0, 12.0)), (Role::Visitor, area_m2 / 4.0)]
        }
        Use::Dining => {
            [(Role::Staff, (area_m2 / 50.0).clamp(1.0, 15.0)), (Role::Visitor, area_m2 / 6.0)]
        }
        _ => [none, none],
    }
}

/// Everybody, in the order of the plan's spaces; thinned out evenly above the limit.
pub fn settle(plan: &Plan, settings: &scenario::People, seed: u64) -> Vec<Person> {
    let mut rng = Rng::new(rng::join(seed, rng::hash("population")));
    let mut people = Vec::new();
    let total: f64 = plan
        .spaces
        .iter()
        .flat_map(|space| wanted(space.usage, space.area_m2))
        .map(|(_, count)| count.min(300.0))
        .sum();
    let factor = settings.scale.min(settings.max as f64 / total.max(1.0));
    for (home, space) in plan.spaces.iter().enumerate() {
        for (role, count) in wanted(space.usage, space.area_m2) {
            // The fraction that is left over is a matter of chance.
            let count = (count.min(300.0) * factor + rng.unit()) as usize;
            people.extend(std::iter::repeat_n(Person { role, home }, count));
        }
    }
    people.truncate(settings.max);
    people
}

const HOUR: f64 = 3_600.0;
const MINUTE: f64 = 60.0;

/// A day in the making: hours of local time, turned into model time.
struct Day {
    start: f64,
    items: Vec<(f64, Goal)>,
}

impl Day {
    fn at(&mut self, hour: f64, goal: Goal) {
        self.items.push((self.start + (hour - DAY_STARTS_HOUR) * HOUR, goal));
    }
}

impl Person {
    /// Whether they are inside when the model's day begins.
    pub fn sleeps_here(self, rng: &mut Rng) -> bool {
        self.role == Role::Resident && rng.chance(0.96)
    }

    /// The plan for the model's day that starts at `start`: as a stack, the first item last.
    pub fn day(
        self,
        plan: &Plan,
        places: &Places,
        clock: Clock,
        start: f64,
        rng: &mut Rng,
    ) -> Vec<(f64, Goal)> {
        let weekend = clock.local(start).weekend();
        let mut day = Day { start, items: Vec::new() };
        match self.role {
            Role::Worker if rng.chance(if weekend { 0.06 } else { 0.93 }) => {
                self.office_day(&mut day, plan, places, rng);
            }
            Role::Worker => {}
            Role::Pupil if weekend => {}
            Role::Pupil => {
                day.at(rng.normal(8.3, 0.15), Goal::Home);
                day.at(rng.normal(16.7, 0.2), Goal::Outside);
            }
            Role::Resident => home_day(&mut day, weekend, rng),
            Role::Staff => {
                let early = rng.chance(0.5);
                let (from, to) = if early { (9.3, 18.2) } else { (12.6, 22.0) };
                day.at(rng.normal(from, 0.2), Goal::Home);
                day.at(rng.normal(to, 0.2), Goal::Outside);
            }
            Role::Visitor => {
                let peak = [12.3, 15.5, 18.9][rng.index(3)];
                let from = rng.normal(peak, 1.1).clamp(9.8, 21.2);
                day.at(from, Goal::Home);
                day.at(from + rng.range(10.0, 55.0) / 60.0, Goal::Outside);
            }
        }
        day.items.sort_by(|a, b| a.0.total_cmp(&b.0));
        day.items.reverse();
        day.items
    }

    /// Arrive, a few ways on the storey, lunch, more ways, home.
    fn office_day(self, day: &mut Day, plan: &Plan, places: &Places, rng: &mut Rng) {
        let arrive = rng.normal(8.85, 0.5).max(6.5);
        let lunch = rng.normal(12.15, 0.25).clamp(11.4, 13.2);
        let back = lunch + rng.range(35.0, 65.0) / 60.0;
        let leave = rng.normal(18.6, 0.9).clamp(15.0, 23.5);
        day.at(arrive, Goal::Home);
        self.errands(day, plan, places, rng, arrive..lunch);
        if rng.chance(0.85) {
            let there = match places.dining.is_empty() || rng.chance(0.45) {
                true => Goal::Outside,
                false => Goal::Space(places.dining[rng.index(places.dining.len())]),
            };
            day.at(lunch, there);
            day.at(back, Goal::Home);
        }
        self.errands(day, plan, places, rng, back..leave);
        day.at(leave, Goal::Outside);
    }

    fn errands(
        self,
        day: &mut Day,
        plan: &Plan,
        places: &Places,
        rng: &mut Rng,
        hours: std::ops::Range<f64>,
    ) {
        let mut hour = hours.start + rng.range(0.3, 1.6);
        while hour + 0.7 < hours.end {
            let Some(there) = places.near(plan, self.home, rng) else { return };
            let long = plan.spaces[there].usage == Use::Meeting;
            let minutes = if long { rng.range(20.0, 40.0) } else { rng.range(2.0, 9.0) };
            day.at(hour, Goal::Space(there));
            day.at(hour + minutes * MINUTE / HOUR, Goal::Home);
            hour += minutes * MINUTE / HOUR + rng.range(0.6, 1.8);
        }
    }
}

/// Out to work or to school, or a few ways during the day; some go for a walk at night.
fn home_day(day: &mut Day, weekend: bool, rng: &mut Rng) {
    if !weekend && rng.chance(0.7) {
        day.at(rng.normal(8.0, 0.6).max(5.5), Goal::Outside);
        day.at(rng.normal(18.9, 1.0).clamp(14.0, 23.0), Goal::Home);
    } else {
        let mut hour = rng.normal(9.8, 1.2).max(6.0);
        while hour < 18.0 {
            let away = rng.range(0.5, 3.0);
            day.at(hour, Goal::Outside);
            day.at(hour + away, Goal::Home);
            hour += away + rng.range(1.5, 5.0);
        }
    }
    if rng.chance(0.3) {
        let walk = rng.range(21.1, 22.0);
        day.at(walk, Goal::Outside);
        day.at(walk + rng.range(0.3, 0.9), Goal::Home);
    }
}
