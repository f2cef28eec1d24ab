//! Electric and water meters: a draw that follows the day, and a register that is exactly
//! its integral.

use super::{
    faults::Faults,
    plan::{Meter, Plan},
    rng::{Rng, noise},
    scenario::{self, FaultKind},
    schedule::{Local, Use},
};

/// A register: whole units times milliseconds, so that the sum of what was shown is exact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register(u64);

impl Register {
    /// Starts at a reading, in unit·hours.
    fn starting_at(unit_hours: f64) -> Self {
        Self((unit_hours * 3.6e6) as u64)
    }

    /// Adds a draw over a time.
    pub fn add(&mut self, units: u64, millis: u64) {
        self.0 = self.0.saturating_add(units.saturating_mul(millis));
    }

    /// The reading, in unit·hours.
    pub fn unit_hours(self) -> f64 {
        self.0 as f64 / 3.6e6
    }
}

/// What a meter shows: W and Wh, or l/h and l.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// The draw: W or l/h.
    pub draw: u64,
    /// Its integral.
    pub register: Register,
}

/// All meters of a plan.
#[derive(Debug)]
pub struct Energy {
    /// In the order of [`Plan::electric`].
    pub electric: Vec<Reading>,
    /// In the order of [`Plan::water`].
    pub water: Vec<Reading>,
    settings: scenario::Energy,
}

impl Energy {
    /// Meters that have run for a while: each with a register of its own.
    pub fn new(plan: &Plan, settings: scenario::Energy) -> Self {
        let start = |meters: &[Meter], most: f64| {
            let reading = |meter: &Meter| Reading {
                draw: 0,
                register: Register::starting_at(Rng::new(meter.device.seed).range(0.1, 1.0) * most),
            };
            meters.iter().map(reading).collect()
        };
        Self {
            electric: start(&plan.electric, 90_000_000.0),
            water: start(&plan.water, 9_000_000.0),
            settings,
        }
    }

    /// Brings every meter to `now`, over the last `millis`.
    pub fn step(&mut self, plan: &Plan, now: f64, millis: u64, local: Local, faults: &Faults) {
        for (i, (meter, reading)) in plan.electric.iter().zip(&mut self.electric).enumerate() {
            let jump = faults.at(FaultKind::MeterJump, i).map_or(1.0, |fault| fault.factor);
            let watts = electric_watts(meter, now, local) * self.settings.scale * jump;
            // Meters show tens of watts, and integrate what they show.
            reading.draw = (watts.max(0.0) / 10.0).round() as u64 * 10;
            reading.register.add(reading.draw, millis);
        }
        for (meter, reading) in plan.water.iter().zip(&mut self.water) {
            let litres = water_litres_per_h(meter, now, local) * self.settings.water_scale;
            reading.draw = litres.max(0.0).round() as u64;
            reading.register.add(reading.draw, millis);
        }
    }
}

fn electric_watts(meter: &Meter, now: f64, local: Local) -> f64 {
    let seed = meter.device.seed;
    let each = Rng::new(seed).range(0.85, 1.15);
    let base: f64 =
        meter.serves.iter().map(|(u, area)| area * u.watts_per_m2() * u.load(local)).sum();
    base * each * (1.0 + 0.05 * noise(seed, now, 180.0) + 0.025 * noise(seed ^ 1, now, 23.0))
}

fn water_litres_per_h(meter: &Meter, now: f64, local: Local) -> f64 {
    let per_m2 = |usage: Use| match usage {
        Use::Residential => 0.55,
        Use::Dining => 1.4,
        Use::Retail => 0.25,
        Use::Plant => 0.3,
        Use::Parking => 0.01,
        _ => 0.18,
    };
    let seed = meter.device.seed;
    let peak: f64 = meter.serves.iter().map(|(u, area)| area * per_m2(*u) * u.water(local)).sum();
    // Taps open and close: water is more restless than power, and sometimes nobody draws.
    let taps = 1.0 + 0.45 * noise(seed, now, 60.0) + 0.3 * noise(seed ^ 1, now, 13.0);
    peak * taps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::fixture;

    #[test]
    fn the_register_is_the_integral_of_the_draw() {
        let plan = fixture::plan();
        let mut energy = Energy::new(&plan, scenario::Energy::default());
        let faults = Faults::new(&plan, &[], 1, &mut Vec::new());
        let before = energy.electric[0].register.unit_hours();
        let mut watt_seconds = 0;
        for t in 0..3_600 {
            let local = Local { day: 0, secs: 36_000.0 + f64::from(t) };
            energy.step(&plan, f64::from(t), 1_000, local, &faults);
            watt_seconds += energy.electric[0].draw;
        }
        let gained = energy.electric[0].register.unit_hours() - before;
        assert!(watt_seconds > 0);
        assert!((gained - watt_seconds as f64 / 3_600.0).abs() < 1e-6);
        assert!(energy.water.iter().all(|meter| meter.draw > 0));
    }
}
