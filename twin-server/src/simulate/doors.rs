//! Doors and gates: open while people pass, gates by the hour, and what a fault makes of them.

use super::{
    faults::{Active, Faults},
    plan::Plan,
    scenario::{self, FaultKind},
    schedule::Local,
};

/// What a door reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DoorState {
    /// Shut.
    #[default]
    Closed,
    /// Open, as it may be.
    Open,
    /// Opened without anybody being let through.
    Forced,
    /// Open longer than it may be.
    Held,
}

impl DoorState {
    /// The word in the payload.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Forced => "forced",
            Self::Held => "held",
        }
    }
}

/// One door now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Door {
    /// What it reports.
    pub state: DoorState,
    /// People who passed, both directions, since midnight of the model's day (04:00).
    pub passages: u64,
    open_until: f64,
}

/// All doors of a plan.
#[derive(Debug)]
pub struct Doors {
    /// In the order of [`Plan::doors`].
    pub all: Vec<Door>,
    settings: scenario::Doors,
    gates: Vec<usize>,
    day: f64,
}

impl Doors {
    /// Everything shut.
    pub fn new(plan: &Plan, settings: scenario::Doors) -> Self {
        let gates = (0..plan.doors.len()).filter(|d| plan.doors[*d].gate).collect();
        Self { all: vec![Door::default(); plan.doors.len()], settings, gates, day: f64::MIN }
    }

    /// One person passes.
    pub fn pass(&mut self, door: usize, now: f64) {
        let open_for = self.settings.open_for.as_secs_f64();
        let door = &mut self.all[door];
        door.passages += 1;
        door.open_until = now + open_for;
    }

    /// One person passes a gate of the site, if it has any; `pick` says which.
    pub fn pass_gate(&mut self, pick: u64, now: f64) {
        if let Some(gate) = pick.checked_rem(self.gates.len() as u64) {
            self.pass(self.gates[gate as usize], now);
        }
    }

    /// Counts begin again where a new day of the model begins.
    pub fn new_day(&mut self, day_start: f64) {
        // Half an hour of slack: the same day's start, computed from another moment.
        if day_start > self.day + 1_800.0 {
            self.day = day_start;
            self.all.iter_mut().for_each(|door| door.passages = 0);
        }
    }

    /// Brings every door to `now`.
    pub fn step(&mut self, plan: &Plan, now: f64, local: Local, faults: &Faults) {
        let hours = self.settings.gates_open_hour..self.settings.gates_close_hour;
        for (i, door) in self.all.iter_mut().enumerate() {
            let by_hour = plan.doors[i].gate && hours.contains(&local.hour());
            door.state =
                if now < door.open_until || by_hour { DoorState::Open } else { DoorState::Closed };
        }
        for Active { kind, device, progress, .. } in faults.active() {
            match kind {
                FaultKind::DoorForced => self.all[*device].state = DoorState::Forced,
                // First it is only open, as a door is that somebody put a chair into.
                FaultKind::DoorHeld if *progress < 0.15 => {
                    self.all[*device].state = DoorState::Open;
                }
                FaultKind::DoorHeld => self.all[*device].state = DoorState::Held,
                _ => {}
            }
        }
    }
}
