//! The clock of the room whose time is shown: the present, or a replay of the past.

use twin_protocol::{Clock, ClockMode};

/// What a replay shows and how its time runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomClock(Clock);

impl RoomClock {
    /// The clock as the server told it; absent for the present, which needs none.
    pub fn of(clock: Clock) -> Option<Self> {
        (clock.mode == ClockMode::Replay).then_some(Self(clock))
    }

    /// The time shown when the server's clock stands at `server_ms`, ms since 1970.
    pub fn now(&self, server_ms: i64) -> i64 {
        let Clock { time_ms, server_time_ms, speed, paused, range_ms, .. } = &self.0;
        if *paused {
            return *time_ms;
        }
        let elapsed_ms = server_ms.saturating_sub(*server_time_ms) as f64 * f64::from(*speed);
        let now = time_ms.saturating_add(elapsed_ms as i64);
        range_ms.map_or(now, |[first, last]| now.clamp(first, last.max(first)))
    }

    /// Whether the time stands still.
    pub fn paused(&self) -> bool {
        self.0.paused
    }

    /// Seconds of the room in a second; negative: backwards.
    pub fn speed(&self) -> f32 {
        self.0.speed
    }

    /// First and last moment there is, ms since 1970.
    pub fn range_ms(&self) -> Option<[i64; 2]> {
        self.0.range_ms
    }

    /// Why it stopped, or how far a step has searched; mostly empty.
    pub fn note(&self) -> &str {
        &self.0.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(speed: f32, paused: bool) -> Clock {
        Clock {
            room: "r".into(),
            mode: ClockMode::Replay,
            time_ms: 10_000,
            server_time_ms: 500_000,
            speed,
            paused,
            range_ms: Some([0, 60_000]),
            note: String::new(),
        }
    }

    #[test]
    fn time_runs_at_the_rooms_speed_between_its_ends() {
        let at =
            |speed, paused, server_ms| RoomClock::of(clock(speed, paused)).unwrap().now(server_ms);
        assert_eq!(at(10.0, false, 501_000), 20_000);
        assert_eq!(at(-4.0, false, 502_000), 2_000);
        assert_eq!(at(600.0, false, 501_000), 60_000, "it stops at the end");
        assert_eq!(at(-16.0, false, 501_000), 0);
        assert_eq!(at(10.0, true, 999_000), 10_000);
    }

    #[test]
    fn the_present_needs_no_clock() {
        let live = Clock { mode: ClockMode::Live, ..clock(1.0, false) };
        assert_eq!(RoomClock::of(live), None);
    }
}
