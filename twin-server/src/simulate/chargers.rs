//! Chargers for electric vehicles: cars come, charge what they lack, and go.

use super::{
    energy::Register,
    faults::Faults,
    plan::Plan,
    rng::{self, Rng, noise},
    scenario::{self, FaultKind},
    schedule::Local,
};

/// What a charger does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChargerState {
    /// No car, or a full one.
    #[default]
    Idle,
    /// Power flows.
    Charging,
    /// Out of order.
    Fault,
}

impl ChargerState {
    /// The word in the payload.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Charging => "charging",
            Self::Fault => "fault",
        }
    }
}

/// One charger.
#[derive(Clone, Debug)]
pub struct Charger {
    /// What it does.
    pub state: ChargerState,
    /// Power, W.
    pub watts: u64,
    /// Energy delivered since it was installed, Wh.
    pub register: Register,
    wanted_wh: f64,
    rng: Rng,
}

/// All chargers of a plan.
#[derive(Debug)]
pub struct Chargers {
    /// In the order of [`Plan::chargers`].
    pub all: Vec<Charger>,
    settings: scenario::Chargers,
}

impl Chargers {
    /// All idle.
    pub fn new(plan: &Plan, settings: scenario::Chargers, seed: u64) -> Self {
        let charger = |device: &super::plan::Device| {
            let mut rng = Rng::new(rng::join(seed, device.seed));
            let mut register = Register::default();
            register.add(rng.index(4_000_000) as u64, 3_600_000);
            Charger { state: ChargerState::Idle, watts: 0, register, wanted_wh: 0.0, rng }
        };
        Self { all: plan.chargers.iter().map(charger).collect(), settings }
    }

    /// Brings every charger to `now`, over the last `millis`.
    pub fn step(&mut self, plan: &Plan, now: f64, millis: u64, local: Local, faults: &Faults) {
        let secs = millis as f64 / 1_000.0;
        let rate = self.settings.sessions_per_day / 86_400.0 * arrivals(local);
        let full_watts = self.settings.power_kw * 1_000.0;
        for (i, charger) in self.all.iter_mut().enumerate() {
            if charger.state != ChargerState::Charging && charger.rng.chance(rate * secs) {
                charger.wanted_wh = charger.rng.range(6_000.0, 42_000.0);
            }
            let broken = faults.at(FaultKind::ChargerFault, i).is_some();
            charger.state = match (broken, charger.wanted_wh > 0.0) {
                (true, _) => ChargerState::Fault,
                (false, true) => ChargerState::Charging,
                (false, false) => ChargerState::Idle,
            };
            charger.watts = 0;
            if charger.state == ChargerState::Charging {
                // Nearly full batteries take less.
                let taper = (charger.wanted_wh / 2_500.0).clamp(0.25, 1.0);
                let ripple = 1.0 + 0.012 * noise(plan.chargers[i].seed, now, 30.0);
                charger.watts = (full_watts * taper * ripple / 10.0).round() as u64 * 10;
                charger.register.add(charger.watts, millis);
                charger.wanted_wh -= charger.watts as f64 * secs / 3_600.0;
            }
        }
    }
}

/// How many cars come at this hour, relative to the mean of a day: to work, and home.
fn arrivals(local: Local) -> f64 {
    let peak = |hour: f64, width: f64| (-((local.hour() - hour) / width).powi(2)).exp();
    0.25 + 2.6 * peak(9.2, 1.4) + 1.2 * peak(13.5, 1.5) + 3.0 * peak(19.3, 1.8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::fixture;

    #[test]
    fn sessions_come_and_end() {
        let plan = fixture::plan();
        let mut chargers = Chargers::new(&plan, scenario::Chargers::default(), 1);
        let faults = Faults::new(&plan, &[], 1, &mut Vec::new());
        let before = chargers.all[0].register.unit_hours();
        let mut starts = 0;
        for t in 0..2 * 86_400 {
            let was = chargers.all[0].state;
            let local = Local { day: t / 86_400, secs: f64::from((t % 86_400) as i32) };
            chargers.step(&plan, t as f64, 1_000, local, &faults);
            starts += u32::from(
                was == ChargerState::Idle && chargers.all[0].state == ChargerState::Charging,
            );
        }
        let kwh = (chargers.all[0].register.unit_hours() - before) / 1_000.0;
        assert!((1..30).contains(&starts), "{starts}");
        assert!(kwh > 4.0 * f64::from(starts) - 42.0 && kwh < 43.0 * f64::from(starts), "{kwh}");
    }
}
