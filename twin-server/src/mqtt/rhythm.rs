//! How long to leave a socket alone that was just emptied.
//!
//! Waking up for a message costs more than the message: with some thousand a second it is
//! most of what ingest costs. So while they come quickly the socket is looked at a few
//! hundred times a second, and what has gathered there is taken at once. What comes alone is
//! taken as it comes.

use std::time::{Duration, Instant};

/// How long messages gather at most.
pub(super) const LONGEST: Duration = Duration::from_millis(5);
/// The same where acknowledgements are owed. Most brokers let TCP hold back small packets until
/// the last is acknowledged, and it is with ours, after the pause: those wait twice.
const LONGEST_OWED: Duration = Duration::from_millis(2);
/// Less than this is not worth a timer, whose steps are as long.
const SHORTEST: Duration = Duration::from_millis(1);
/// Messages that have to be expected in a pause, or it would cost more than it saves.
const WORTH: u32 = 3;
/// Messages that a broker may have to wait for our acknowledgement of before it sends more:
/// below half of the smallest window in use, which is ten (RabbitMQ; Mosquitto has 20).
const WINDOW: u32 = 4;
/// Bytes that gather at most, or the socket's buffer would be what slows the broker down.
const MUCH: usize = 32 * 1024;

/// Messages since the socket was last empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// All of them.
    pub(super) messages: u32,
    /// Those whose acknowledgement the broker waits for.
    pub(super) owed: u32,
}

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

    /// Whether anything came since the socket was last empty.
    pub(super) fn goes_on(&self) -> bool {
        self.bytes > 0
    }

    /// The socket is empty: how long to leave it alone, or nothing to wait for the next
    /// byte. Where acknowledgements are owed a pause holds no more than a few messages: it
    /// would otherwise be our pauses, and not the broker, that set the pace.
    pub(super) fn emptied(&mut self, now: Instant, count: Count) -> Option<Duration> {
        let bytes = std::mem::take(&mut self.bytes);
        let passed = now.saturating_duration_since(self.emptied);
        self.emptied = now;
        let pause = match count.owed {
            0 => self.longest,
            owed => (passed * WINDOW / owed).min(LONGEST_OWED),
        };
        let worth = pause >= SHORTEST && pause * count.messages >= passed * WORTH;
        (worth && bytes <= MUCH).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The pause after some bytes, `passed` after the socket was last empty.
    fn pause(passed: Duration, bytes: usize, messages: u32, owed: u32) -> Option<Duration> {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(LONGEST, start);
        rhythm.came(bytes);
        rhythm.emptied(start + passed, Count { messages, owed })
    }

    #[test]
    fn pauses_while_messages_come_quickly() {
        assert_eq!(pause(ms(1), 60, 1, 0), Some(LONGEST));
        assert_eq!(pause(ms(5), 600, 10, 0), Some(LONGEST));
        assert_eq!(pause(ms(3), 60, 1, 0), None, "too few would gather");
        assert_eq!(pause(ms(200), 60, 1, 0), None, "it came alone");
        assert_eq!(pause(ms(1), 60, 0, 0), None, "the first, or a part of one");
        assert_eq!(pause(ms(5), 2 * MUCH, 10, 0), None, "more than should wait");
    }

    #[test]
    fn a_broker_that_waits_for_us_sets_the_pace() {
        assert_eq!(pause(ms(3), 300, 5, 5), Some(LONGEST_OWED));
        assert_eq!(pause(ms(3), 600, 10, 10), Some(Duration::from_micros(1_200)));
        assert_eq!(pause(ms(1), 1_200, 20, 20), None);
        // A window of ten, full whenever we look: the pauses end, and with them the wait.
        let (mut now, mut passed) = (Instant::now(), LONGEST);
        let mut rhythm = Rhythm::new(LONGEST, now);
        let mut pauses = Vec::new();
        for _ in 0..4 {
            now += passed;
            rhythm.came(600);
            let count = Count { messages: 10, owed: 10 };
            passed = rhythm.emptied(now, count).unwrap_or_default();
            pauses.push(passed);
        }
        assert_eq!(pauses, [ms(2), ms(0), ms(0), ms(0)]);
    }
}
