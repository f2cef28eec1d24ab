//! The clock of a replay: where it stands, how fast it runs, and between which ends.

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

/// Fastest way back, seconds of the room in a second.
pub const MIN_SPEED: f32 = -16.0;
/// Fastest way forward, seconds of the room in a second.
pub const MAX_SPEED: f32 = 600.0;

/// A clock that can be stopped, turned round and set.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    range: RangeInclusive<Timestamp>,
    /// Where it stood …
    at: Timestamp,
    /// … at this moment.
    since: Instant,
    speed: f32,
    paused: bool,
}

/// Whether a speed is one.
pub(super) fn is_speed(speed: f32) -> bool {
    (MIN_SPEED..=MAX_SPEED).contains(&speed) && speed.abs() >= 0.01
}

impl Clock {
    /// A clock that stands at a time, or at the end of the range nearest to it.
    pub(super) fn new(range: RangeInclusive<Timestamp>, at: Timestamp, now: Instant) -> Self {
        let at = at.clamp(*range.start(), *range.end());
        Self { range, at, since: now, speed: 1.0, paused: true }
    }

    pub(super) fn range(&self) -> &RangeInclusive<Timestamp> {
        &self.range
    }

    pub(super) fn speed(&self) -> f32 {
        self.speed
    }

    pub(super) fn paused(&self) -> bool {
        self.paused
    }

    /// What it shows.
    pub(super) fn at(&self, now: Instant) -> Timestamp {
        if self.paused {
            return self.at;
        }
        let elapsed = now.saturating_duration_since(self.since);
        let moved = scaled(elapsed, self.speed);
        let at = self.at.saturating_add(moved).unwrap_or(self.at);
        at.clamp(*self.range.start(), *self.range.end())
    }

    /// Whether there is nothing more to show in the direction it runs.
    pub(super) fn is_at_end(&self, now: Instant) -> bool {
        let end = if self.speed > 0.0 { self.range.end() } else { self.range.start() };
        self.at(now) == *end
    }

    pub(super) fn play(&mut self, now: Instant) {
        self.set(self.at(now), now);
        self.paused = false;
    }

    pub(super) fn pause(&mut self, now: Instant) {
        self.set(self.at(now), now);
        self.paused = true;
    }

    pub(super) fn set_speed(&mut self, speed: f32, now: Instant) {
        self.set(self.at(now), now);
        self.speed = speed;
    }

    /// Puts it to a time, or to the end of the range nearest to it.
    pub(super) fn set(&mut self, at: Timestamp, now: Instant) {
        self.at = at.clamp(*self.range.start(), *self.range.end());
        self.since = now;
    }
}

fn scaled(elapsed: Duration, speed: f32) -> SignedDuration {
    SignedDuration::try_from_secs_f64(elapsed.as_secs_f64() * f64::from(speed))
        .unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    #[test]
    fn runs_stands_turns_and_keeps_within_its_range() {
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let mut clock = Clock::new(at(100)..=at(1000), at(50), start);
        assert_eq!(clock.at(after(9)), at(100), "it stands, at the nearer end");
        clock.play(after(9));
        assert_eq!(clock.at(after(19)), at(110));
        clock.set_speed(60.0, after(19));
        assert_eq!(clock.at(after(21)), at(230));
        clock.set_speed(-16.0, after(21));
        assert_eq!(clock.at(after(22)), at(214));
        clock.pause(after(22));
        assert_eq!(clock.at(after(99)), at(214));
        clock.set(at(990), after(99));
        clock.set_speed(600.0, after(99));
        assert!(!clock.is_at_end(after(100)));
        clock.play(after(100));
        assert_eq!(clock.at(after(200)), at(1000));
        assert!(clock.is_at_end(after(101)));
        clock.set_speed(-1.0, after(101));
        assert!(!clock.is_at_end(after(102)));
    }

    #[test]
    fn knows_speeds() {
        for good in [-16.0, -0.5, 0.1, 1.0, 600.0] {
            assert!(is_speed(good), "{good}");
        }
        for bad in [-17.0, 0.0, 0.001, 601.0, f32::NAN, f32::INFINITY] {
            assert!(!is_speed(bad), "{bad}");
        }
    }
}
