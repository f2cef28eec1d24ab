//! The air: carbon dioxide and heat of the people who are there, ventilation by the hour,
//! and the weather outside.

use super::{
    plan::{Device, Plan},
    rng::noise,
    schedule::{Local, Use},
};

/// What an environment sensor shows.
#[derive(Clone, Copy, Debug)]
pub struct Air {
    /// °C.
    pub temp_c: f64,
    /// Relative humidity, %.
    pub rh: f64,
    /// Carbon dioxide, ppm.
    pub co2_ppm: f64,
    /// Fine dust, µg/m³.
    pub pm25: f64,
}

const OUTDOOR_CO2_PPM: f64 = 425.0;
/// Air is slow: stepping it more often than this would only cost time.
const STEP_SECS: f64 = 10.0;

/// The air at every environment sensor of a plan.
#[derive(Debug)]
pub struct Environment {
    /// In the order of [`Plan::environment`].
    pub air: Vec<Air>,
    seed: u64,
    last: Option<f64>,
}

/// The weather: °C, % and µg/m³. A mild, humid coast: 15 °C in January, 29 °C in July.
fn weather(seed: u64, now: f64, local: Local) -> (f64, f64, f64) {
    let season = -(std::f64::consts::TAU * (local.year_fraction() - 0.05)).cos();
    let daily = -(std::f64::consts::TAU * (local.hour() - 3.0) / 24.0).cos();
    let temp = 22.5 + 6.5 * season + 3.2 * daily + 1.2 * noise(seed, now, 5_400.0);
    let rh = 74.0 + 5.0 * season - 11.0 * daily + 5.0 * noise(seed ^ 1, now, 7_200.0);
    let dust = 24.0 - 6.0 * season + 13.0 * noise(seed ^ 2, now, 14_400.0);
    (temp, rh.clamp(25.0, 99.0), dust.max(3.0))
}

impl Environment {
    /// Air that nobody has breathed yet.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        let fresh = Air { temp_c: 24.0, rh: 55.0, co2_ppm: OUTDOOR_CO2_PPM, pm25: 12.0 };
        Self { air: vec![fresh; plan.environment.len()], seed, last: None }
    }

    /// Brings the air to `now`, given the people in each space.
    pub fn step(&mut self, plan: &Plan, inside: &[u32], now: f64, local: Local) {
        let passed = self.last.map_or(STEP_SECS, |last| now - last);
        if passed < STEP_SECS {
            return;
        }
        self.last = Some(now);
        let weather = weather(self.seed, now, local);
        for (device, air) in plan.environment.iter().zip(&mut self.air) {
            match device.space {
                Some(space) => {
                    let space = &plan.spaces[space];
                    let people = f64::from(inside[device.space.unwrap_or_default()]);
                    let room = Room { usage: space.usage, volume_m3: space.area_m2 * 2.8, people };
                    room.breathe(device, air, weather, now, passed, local);
                }
                None => {
                    let seed = device.seed;
                    air.temp_c = weather.0 + 0.3 * noise(seed, now, 600.0);
                    air.rh = (weather.1 + 1.5 * noise(seed ^ 1, now, 600.0)).clamp(20.0, 100.0);
                    air.co2_ppm = OUTDOOR_CO2_PPM + 8.0 * noise(seed ^ 2, now, 900.0);
                    air.pm25 = (weather.2 + 2.0 * noise(seed ^ 3, now, 900.0)).max(1.0);
                }
            }
        }
    }
}

struct Room {
    usage: Use,
    volume_m3: f64,
    people: f64,
}

impl Room {
    fn breathe(
        &self,
        device: &Device,
        air: &mut Air,
        (out_c, out_rh, out_dust): (f64, f64, f64),
        now: f64,
        secs: f64,
        local: Local,
    ) {
        let hours = secs / 3_600.0;
        let served = self.usage.load(local) > 0.35 || self.people > 0.0;
        let changes_per_h = if served { 2.4 } else { 0.5 };
        // 18 l/h of CO₂ a person at rest, in ppm of the room's air.
        let source = self.people * 18_000.0 / self.volume_m3;
        let settled = OUTDOOR_CO2_PPM + source / changes_per_h;
        air.co2_ppm = settled + (air.co2_ppm - settled) * (-changes_per_h * hours).exp();
        let density = self.people / (self.volume_m3 / 2.8);
        let goal = if served {
            let setpoint = if out_c > 18.0 { 24.6 } else { 21.8 };
            setpoint + (density * 8.0).min(2.0)
        } else {
            25.0 * 0.6 + out_c * 0.4
        };
        let seed = device.seed;
        let goal = goal + 0.5 * noise(seed, now, 2_400.0);
        air.temp_c = goal + (air.temp_c - goal) * (-hours / 0.6).exp();
        let damp =
            if served { 52.0 } else { 0.6 * 55.0 + 0.4 * out_rh } + (density * 30.0).min(8.0);
        let damp = damp + 2.5 * noise(seed ^ 1, now, 3_000.0);
        air.rh = damp + (air.rh - damp) * (-hours / 0.8).exp();
        let kitchen = if self.usage == Use::Dining { 14.0 * self.usage.load(local) } else { 0.0 };
        let dust = out_dust * if served { 0.42 } else { 0.6 } + kitchen;
        air.pm25 = (dust + 1.2 * noise(seed ^ 2, now, 1_200.0)).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::fixture;

    #[test]
    fn people_are_felt_in_the_air_and_gone_after_a_while() {
        let plan = fixture::plan();
        let mut environment = Environment::new(&plan, 1);
        let mut inside = vec![0; plan.spaces.len()];
        let mut run = |from: u32, inside: &[u32]| {
            for t in from..from + 7_200 {
                let local = Local { day: 0, secs: 36_000.0 + f64::from(t) };
                environment.step(&plan, inside, f64::from(t), local);
            }
            environment.air[0]
        };
        let space = plan.environment[0].space.unwrap();
        let empty = run(0, &inside);
        inside[space] = (plan.spaces[space].area_m2 / 8.0) as u32;
        let full = run(7_200, &inside);
        inside[space] = 0;
        let again = run(14_400, &inside);
        assert!(full.co2_ppm > empty.co2_ppm + 200.0 && full.co2_ppm < 2_000.0, "{full:?}");
        assert!(again.co2_ppm < empty.co2_ppm + 60.0, "{again:?}");
        assert!((18.0..30.0).contains(&full.temp_c) && (20.0..80.0).contains(&full.rh));
    }
}
