//! Pumps: sets that hold a pressure, one on duty and the others standing by.

use std::collections::BTreeMap;

use super::{
    faults::Faults,
    plan::Plan,
    rng::noise,
    scenario::{self, FaultKind},
    schedule::{Local, Use},
};

/// What a pump shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pump {
    /// Whether it runs.
    pub running: bool,
    /// Pressure of the set's header, bar.
    pub pressure_bar: f64,
    /// Speed, % of nominal.
    pub speed_pct: f64,
    /// Vibration velocity, mm/s RMS.
    pub vib_mm_s: f64,
    tripped: bool,
}

/// All pumps of a plan.
#[derive(Debug)]
pub struct Pumps {
    /// In the order of [`Plan::pumps`].
    pub all: Vec<Pump>,
    sets: Vec<Vec<usize>>,
    settings: scenario::Pumps,
}

impl Pumps {
    /// Pumps of one room (else storey, else building) are one set.
    pub fn new(plan: &Plan, settings: scenario::Pumps) -> Self {
        let mut sets: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (i, pump) in plan.pumps.iter().enumerate() {
            sets.entry((pump.building, pump.storey, pump.space)).or_default().push(i);
        }
        let start = Pump { pressure_bar: settings.setpoint_bar, ..Pump::default() };
        Self { all: vec![start; plan.pumps.len()], sets: sets.into_values().collect(), settings }
    }

    /// Brings every pump to `now`.
    pub fn step(&mut self, plan: &Plan, now: f64, secs: f64, local: Local, faults: &Faults) {
        let demand = 0.55 * Use::Residential.water(local) + 0.45 * Use::Office.water(local);
        let bearing = |pump: usize| faults.at(FaultKind::PumpBearing, pump).map(|f| f.progress);
        let round = local.day as f64 * 86_400.0 + local.secs;
        let turn = (round / self.settings.changeover.as_secs_f64()) as usize;
        for set in &self.sets {
            for &i in set {
                // Whoever mended the bearing also reset the trip.
                self.all[i].tripped &= bearing(i).is_some();
            }
            // A worn bearing shows on the pump that runs, so that one is on duty.
            let worn = set.iter().copied().find(|i| bearing(*i).is_some());
            let by_turn = (0..set.len()).map(|i| set[(turn + i) % set.len()]);
            let duty = worn.into_iter().chain(by_turn).find(|i| !self.all[*i].tripped);
            let header =
                header_bar(&self.settings, plan.pumps[set[0]].seed, now, demand, duty.is_some());
            for &i in set {
                let pump = &mut self.all[i];
                pump.running = duty == Some(i);
                pump.turn(plan.pumps[i].seed, now, secs, demand, bearing(i));
                pump.pressure_bar += (header - pump.pressure_bar) * (secs / 8.0).min(1.0);
                pump.tripped |= pump.vib_mm_s > self.settings.trip_mm_s;
            }
        }
    }
}

fn header_bar(settings: &scenario::Pumps, seed: u64, now: f64, demand: f64, held: bool) -> f64 {
    let sag = 0.15 * demand + 0.05 * noise(seed, now, 40.0);
    settings.setpoint_bar * if held { 1.0 - 0.1 * sag } else { 0.45 }
}

impl Pump {
    fn turn(&mut self, seed: u64, now: f64, secs: f64, demand: f64, worn: Option<f64>) {
        let wanted = match self.running {
            true => (42.0 + 50.0 * demand + 3.0 * noise(seed, now, 45.0)).clamp(30.0, 100.0),
            false => 0.0,
        };
        // A drive ramps: no pump is at full speed in a second.
        let ramp = 6.0 * secs;
        self.speed_pct += (wanted - self.speed_pct).clamp(-ramp, ramp);
        let turning = self.speed_pct / 100.0;
        let healthy = turning * (1.9 + 0.35 * noise(seed ^ 1, now, 20.0));
        let wear = worn.map_or(0.0, |progress| 8.5 * progress.powf(1.4) * turning.sqrt());
        self.vib_mm_s = 0.05 + healthy.max(0.0) + wear;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::simulate::{fixture, scenario::Fault};

    #[test]
    fn a_worn_pump_trips_and_the_other_takes_over() {
        let plan = fixture::plan();
        let mut pumps = Pumps::new(&plan, scenario::Pumps::default());
        let fault = Fault {
            kind: FaultKind::PumpBearing,
            tag: Some(plan.pumps[1].tag.clone()),
            after: Duration::from_secs(600),
            lasts: Duration::from_secs(600),
            every: None,
            factor: 1.0,
        };
        let mut faults = Faults::new(&plan, &[fault], 1, &mut Vec::new());
        let mut most = 0.0_f64;
        let mut run = |pumps: &mut Pumps, from: u32, to: u32| {
            for t in from..to {
                let local = Local { day: 0, secs: 36_000.0 + f64::from(t) };
                faults.step(f64::from(t));
                pumps.step(&plan, f64::from(t), 1.0, local, &faults);
                assert_eq!(pumps.all.iter().filter(|p| p.running).count(), 1, "one on duty, {t}");
                most = most.max(pumps.all[1].vib_mm_s);
            }
            most
        };
        assert!(run(&mut pumps, 0, 600) < 4.0, "healthy");
        assert!(run(&mut pumps, 600, 1_190) > 7.1, "worn");
        assert!(pumps.all[0].running && pumps.all[1].speed_pct < 1.0, "{:?}", pumps.all);
        assert!(pumps.all[0].pressure_bar > 4.0);
        run(&mut pumps, 1_190, 1_300);
        assert!(!pumps.all[1].tripped, "mended");
    }
}
