//! What is wrong right now, after the scenario's list: seeded, repeatable, never by accident.

use super::{
    plan::Plan,
    rng::{self, Rng},
    scenario::{Fault, FaultKind},
};

/// One fault that is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Active {
    /// What is wrong.
    pub kind: FaultKind,
    /// Position of the device in its list of the plan.
    pub device: usize,
    /// How much of it has passed, 0..1.
    pub progress: f64,
    /// By how much a reading is multiplied.
    pub factor: f64,
}

#[derive(Debug)]
struct Entry {
    fault: Fault,
    seed: u64,
    candidates: Vec<usize>,
}

/// The faults of a scenario, tied to devices.
#[derive(Debug)]
pub struct Faults {
    entries: Vec<Entry>,
    active: Vec<Active>,
}

impl Faults {
    /// Ties the scenario's faults to the plan's devices. One that finds no device is left
    /// out, and said.
    pub fn new(plan: &Plan, faults: &[Fault], seed: u64, notes: &mut Vec<String>) -> Self {
        let mut entries = Vec::new();
        for (i, fault) in faults.iter().enumerate() {
            let mut candidates = candidates(plan, fault.kind);
            if let Some(tag) = &fault.tag {
                candidates.retain(|(_, t)| t == tag);
            }
            if candidates.is_empty() {
                let which = fault.tag.as_ref().map(|tag| format!(" tagged {tag}"));
                notes.push(format!(
                    "fault {} ({:?}) is left out: the scene has no device for it{}",
                    i + 1,
                    fault.kind,
                    which.unwrap_or_default()
                ));
                continue;
            }
            entries.push(Entry {
                fault: fault.clone(),
                seed: rng::join(seed, i as u64),
                candidates: candidates.into_iter().map(|(device, _)| device).collect(),
            });
        }
        Self { entries, active: Vec::new() }
    }

    /// Brings the list to `now`, seconds since the first message; before 0 nothing is wrong.
    pub fn step(&mut self, now: f64) {
        self.active.clear();
        for entry in &self.entries {
            let since = now - entry.fault.after.as_secs_f64();
            let lasts = entry.fault.lasts.as_secs_f64();
            if since < 0.0 {
                continue;
            }
            let (round, into) = match entry.fault.every.map(|every| every.as_secs_f64()) {
                Some(every) => ((since / every).floor(), since % every),
                None => (0.0, since),
            };
            if into >= lasts {
                continue;
            }
            let pick = Rng::new(rng::join(entry.seed, round as u64)).index(entry.candidates.len());
            self.active.push(Active {
                kind: entry.fault.kind,
                device: entry.candidates[pick],
                progress: into / lasts,
                factor: entry.fault.factor,
            });
        }
    }

    /// Everything that is wrong now.
    pub fn active(&self) -> &[Active] {
        &self.active
    }

    /// The fault of a kind at a device, if it has one.
    pub fn at(&self, kind: FaultKind, device: usize) -> Option<&Active> {
        self.active.iter().find(|active| active.kind == kind && active.device == device)
    }
}

fn candidates(plan: &Plan, kind: FaultKind) -> Vec<(usize, &str)> {
    fn all<'p>(devices: impl Iterator<Item = &'p super::plan::Device>) -> Vec<(usize, &'p str)> {
        devices.map(|d| d.tag.as_str()).enumerate().collect()
    }
    match kind {
        // Somebody forces a way in from outside, where there is one to force.
        FaultKind::DoorForced => {
            let doors = all(plan.doors.iter().map(|d| &d.device));
            let exits: Vec<_> =
                doors.iter().copied().filter(|(i, _)| plan.doors[*i].exit).collect();
            if exits.is_empty() { doors } else { exits }
        }
        FaultKind::DoorHeld => {
            let mut doors = all(plan.doors.iter().map(|d| &d.device));
            doors.retain(|(i, _)| !plan.doors[*i].gate);
            doors
        }
        FaultKind::SensorSilent => all(plan.environment.iter()),
        FaultKind::PumpBearing => all(plan.pumps.iter()),
        FaultKind::LiftFault => all(plan.lifts.iter().map(|l| &l.device)),
        FaultKind::MeterJump => all(plan.electric.iter().map(|m| &m.device)),
        FaultKind::ChargerFault => all(plan.chargers.iter()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::simulate::fixture;

    fn fault(kind: FaultKind, tag: Option<&str>) -> Fault {
        Fault {
            kind,
            tag: tag.map(str::to_owned),
            after: Duration::from_secs(60),
            lasts: Duration::from_secs(30),
            every: Some(Duration::from_secs(100)),
            factor: 2.0,
        }
    }

    #[test]
    fn a_fault_comes_goes_and_comes_again() {
        let plan = fixture::plan();
        let mut notes = Vec::new();
        let mut faults = Faults::new(&plan, &[fault(FaultKind::DoorForced, None)], 1, &mut notes);
        let on = |faults: &mut Faults, t: f64| {
            faults.step(t);
            !faults.active().is_empty()
        };
        let times = [(-5_000.0, false), (0.0, false), (60.0, true), (89.9, true), (90.0, false)];
        for (t, expected) in times.into_iter().chain([(160.0, true), (195.0, false)]) {
            assert_eq!(on(&mut faults, t), expected, "{t}");
        }
        assert!(notes.is_empty());
    }

    #[test]
    fn a_fault_without_its_device_is_said() {
        let plan = fixture::plan();
        let mut notes = Vec::new();
        let list = [fault(FaultKind::PumpBearing, Some("nowhere"))];
        Faults::new(&plan, &list, 1, &mut notes).step(60.0);
        assert!(notes[0].contains("nowhere"), "{notes:?}");
    }
}
