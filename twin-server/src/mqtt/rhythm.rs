//! How long to leave a socket alone that was just emptied.
//!
//! Waking up for a message costs more than the message: with some thousand a second it is
//! most of what ingest costs. So while they come quickly the socket is looked at a few
//! hundred times a second, and what has gathered there is taken at once. What comes alone is
//! taken as it comes.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// How long messages gather at most.
pub(super) const LONGEST: Duration = Duration::from_millis(5);
/// Less than this is not worth a timer, whose steps are as long.
const SHORTEST: Duration = Duration::from_millis(1);
/// Messages that a broker may have to wait for our acknowledgement of before it sends more:
/// below half of the smallest window in use, which is ten (RabbitMQ; Mosquitto has 20).
const WINDOW: u32 = 4;
/// Bytes that gather at most, or the socket's buffer would be what slows the broker down.
const MUCH: usize = 32 * 1024;

/// What came lately.
#[derive(Debug)]
pub(super) struct Rhythm {
    longest: Duration,
    bytes: usize,
    emptied: Instant,
}

impl Rhythm {
    pub(super) fn new(longest: Duration, now: Instant) -> Self {
        Self { longest, bytes: 0, emptied: now }
    }

    /// Some bytes came.
    pub(super) fn came(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The socket is empty: how long to leave it alone, or nothing to wait for the next
    /// byte. `owed` counts messages since the last time whose broker waits for an
    /// acknowledgement, and begins anew: the pause then holds no more than a few of them,
    /// since it would otherwise be our pauses that set the broker's pace.
    pub(super) fn emptied(&mut self, now: Instant, owed: &AtomicU32) -> Option<Duration> {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes == 0 {
            return None;
        }
        let passed = now.saturating_duration_since(self.emptied);
        self.emptied = now;
        let owed = owed.swap(0, Relaxed);
        if passed > self.longest * 2 || bytes > MUCH {
            return None;
        }
        let pause = if owed == 0 { self.longest } else { passed * WINDOW / owed };
        (pause >= SHORTEST).then(|| pause.min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The pause after some bytes, `passed` after the socket was last empty.
    fn pause(passed: Duration, bytes: usize, owed: u32) -> Option<Duration> {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(LONGEST, start);
        rhythm.came(bytes);
        rhythm.emptied(start + passed, &AtomicU32::new(owed))
    }

    #[test]
    fn pauses_while_messages_come_quickly() {
        assert_eq!(pause(ms(3), 60, 0), Some(LONGEST));
        assert_eq!(pause(ms(200), 60, 0), None, "it came alone");
        assert_eq!(pause(ms(3), 0, 0), None, "nothing came");
        assert_eq!(pause(ms(3), 2 * MUCH, 0), None, "more than should wait");
    }

    #[test]
    fn a_broker_that_waits_for_us_sets_the_pace() {
        assert_eq!(pause(ms(5), 60, 1), Some(LONGEST));
        assert_eq!(pause(ms(5), 600, 10), Some(ms(2)));
        assert_eq!(pause(ms(1), 1_200, 20), None);
        // A window of ten, full whenever we look: the pauses end, and with them the wait.
        let (mut now, mut passed) = (Instant::now(), LONGEST);
        let mut rhythm = Rhythm::new(LONGEST, now);
        let mut pauses = Vec::new();
        for _ in 0..4 {
            now += passed;
            rhythm.came(600);
            passed = rhythm.emptied(now, &AtomicU32::new(10)).unwrap_or_default();
            pauses.push(passed);
        }
        assert_eq!(pauses, [ms(2), ms(0), ms(0), ms(0)]);
    }
}
