//! Lifts: cars that serve calls floor by floor, and take people with them.

use super::plan::Plan;

/// What a car does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LiftState {
    /// Waits, doors closed.
    #[default]
    Idle,
    /// Goes up.
    Up,
    /// Goes down.
    Down,
    /// Stands with open doors.
    DoorsOpen,
}

impl LiftState {
    /// The word in the payload.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Up => "up",
            Self::Down => "down",
            Self::DoorsOpen => "doors_open",
        }
    }
}

const CAPACITY: usize = 13;
const DOORS_SECS: f64 = 7.0;
const STOREY_SECS: f64 = 2.5;

/// Somebody who waits for a car or rides in it; stops are positions in [`Car::stops`].
#[derive(Clone, Copy, Debug)]
struct Rider {
    agent: usize,
    from: usize,
    to: usize,
}

/// One lift car.
#[derive(Clone, Debug)]
pub struct Car {
    stops: Vec<usize>,
    floors: Vec<f64>,
    at: usize,
    /// What it does.
    pub state: LiftState,
    /// Out of order.
    pub fault: bool,
    next: f64,
    up: bool,
    waiting: Vec<Rider>,
    riding: Vec<Rider>,
}

impl Car {
    /// What its floor display shows.
    pub fn floor(&self) -> f64 {
        self.floors.get(self.at).copied().unwrap_or(0.0)
    }

    fn load(&self) -> usize {
        self.waiting.len() + self.riding.len()
    }

    /// Whether somebody wants something above (`up`) or below the car.
    fn wanted(&self, up: bool) -> bool {
        let beyond = |stop: usize| if up { stop > self.at } else { stop < self.at };
        self.riding.iter().any(|r| beyond(r.to)) || self.waiting.iter().any(|r| beyond(r.from))
    }

    fn stop_here(&self) -> bool {
        let room = self.riding.len() < CAPACITY;
        self.riding.iter().any(|r| r.to == self.at)
            || (room && self.waiting.iter().any(|r| r.from == self.at))
    }

    /// One move of the car at the time it is due; who got out is added to `arrived`.
    fn act(&mut self, arrived: &mut Vec<(usize, f64)>) {
        let now = self.next;
        match self.state {
            LiftState::Up => self.at = (self.at + 1).min(self.stops.len() - 1),
            LiftState::Down => self.at = self.at.saturating_sub(1),
            LiftState::Idle | LiftState::DoorsOpen => {}
        }
        if self.state != LiftState::DoorsOpen && self.stop_here() {
            self.state = LiftState::DoorsOpen;
            self.next = now + DOORS_SECS;
            let at = self.at;
            arrived.extend(self.riding.iter().filter(|r| r.to == at).map(|r| (r.agent, now + 2.0)));
            self.riding.retain(|r| r.to != at);
        } else {
            if self.state == LiftState::DoorsOpen {
                self.board();
            }
            self.go(now);
        }
    }

    /// Lets in who waits here, as many as there is room for.
    fn board(&mut self) {
        let mut room = CAPACITY - self.riding.len();
        let (at, riding) = (self.at, &mut self.riding);
        self.waiting.retain(|rider| {
            let boards = rider.from == at && room > 0;
            if boards {
                room -= 1;
                riding.push(*rider);
            }
            !boards
        });
    }

    fn go(&mut self, now: f64) {
        if !self.wanted(self.up) {
            self.up = !self.up;
        }
        if self.wanted(self.up) {
            self.state = if self.up { LiftState::Up } else { LiftState::Down };
            self.next = now + STOREY_SECS;
        } else if self.waiting.iter().any(|r| r.from == self.at) {
            self.state = LiftState::DoorsOpen;
            self.next = now + DOORS_SECS;
        } else {
            self.state = LiftState::Idle;
            self.next = f64::INFINITY;
        }
    }
}

/// All lifts of a plan.
#[derive(Debug)]
pub struct Lifts {
    /// In the order of [`Plan::lifts`].
    pub cars: Vec<Car>,
    buildings: Vec<Option<usize>>,
}

impl Lifts {
    /// Every car idle at its lowest stop.
    pub fn new(plan: &Plan) -> Self {
        let cars = plan.lifts.iter().map(|lift| Car {
            stops: lift.stops.clone(),
            floors: lift.stops.iter().map(|s| plan.storeys[*s].floor).collect(),
            at: 0,
            state: LiftState::Idle,
            fault: false,
            next: f64::INFINITY,
            up: true,
            waiting: Vec::new(),
            riding: Vec::new(),
        });
        let buildings = plan.lifts.iter().map(|lift| lift.device.building).collect();
        Self { cars: cars.collect(), buildings }
    }

    /// Somebody calls a lift to ride between two storeys of the plan. Where it is out of order
    /// or does not stop at both, the least busy, then nearest one of the building comes; false
    /// where there is none.
    pub fn call(&mut self, lift: usize, agent: usize, from: usize, to: usize, now: f64) -> bool {
        let building = self.buildings[lift];
        let best = (0..self.cars.len())
            .filter(|i| self.buildings[*i] == building)
            .filter_map(|i| {
                let car = &self.cars[i];
                let stop = |storey| car.stops.iter().position(|s| *s == storey);
                let (from, to) = (stop(from)?, stop(to)?);
                let busy = (car.fault, i != lift, car.load(), car.at.abs_diff(from));
                (from != to).then_some((busy, i, from, to))
            })
            .min();
        let Some((_, i, from, to)) = best else { return false };
        let car = &mut self.cars[i];
        car.waiting.push(Rider { agent, from, to });
        if car.state == LiftState::Idle {
            car.next = now;
        }
        true
    }

    /// Brings every car to `now`; returns who got out, and when.
    pub fn step(&mut self, now: f64, broken: impl Fn(usize) -> bool) -> Vec<(usize, f64)> {
        let mut arrived = Vec::new();
        for (i, car) in self.cars.iter_mut().enumerate() {
            car.fault = broken(i);
            if car.fault {
                // It stands where it is, and goes on when it is mended.
                if car.next.is_finite() {
                    car.next = car.next.max(now + 1.0);
                }
                continue;
            }
            while car.next <= now {
                car.act(&mut arrived);
            }
        }
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::fixture;

    #[test]
    fn a_call_is_answered_and_the_rider_brought() {
        let plan = fixture::plan();
        let mut lifts = Lifts::new(&plan);
        let stops = plan.lifts[0].stops.clone();
        assert!(lifts.call(0, 7, stops[0], stops[2], 0.0));
        let mut seen = Vec::new();
        let mut arrived = Vec::new();
        for t in 0..60 {
            arrived.extend(lifts.step(f64::from(t), |_| false));
            let now = (lifts.cars[0].state, lifts.cars[0].floor());
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        use LiftState::{DoorsOpen, Idle, Up};
        let ride = [(DoorsOpen, 1.0), (Up, 1.0), (Up, 2.0), (DoorsOpen, 3.0), (Idle, 3.0)];
        assert_eq!(seen, ride);
        assert_eq!(arrived.len(), 1);
        assert_eq!(arrived[0].0, 7);
    }

    #[test]
    fn a_crowd_is_brought_in_several_rides_and_a_broken_car_waits() {
        let plan = fixture::plan();
        let mut lifts = Lifts::new(&plan);
        let stops = plan.lifts[0].stops.clone();
        for agent in 0..30 {
            assert!(lifts.call(0, agent, stops[2], stops[0], 0.0));
        }
        assert!((0..100).all(|t| lifts.step(f64::from(t), |_| true).is_empty()));
        let brought: usize = (100..400).map(|t| lifts.step(f64::from(t), |_| false).len()).sum();
        assert_eq!(brought, 30);
    }
}
