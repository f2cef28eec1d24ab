//! How long to leave a socket alone that was just emptied.
//!
//! Waking up for a message costs more than the message: with some thousand a second it is
//! most of what ingest costs. So while they come quickly the socket is looked at a few
//! hundred times a second, and what has gathered there is taken at once. What comes alone is
//! taken as it comes.

use std::time::{Duration, Instant};

/// How long messages gather at most; with the steps of timers up to 6 ms.
pub(super) const LONGEST: Duration = Duration::from_millis(4);
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

/// Messages that were handled since the last decision. They came before it: whoever reads has
/// not seen yet what it reads.
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
    decided: Instant,
    /// Between the last decision and the one before it.
    span: Duration,
}

impl Rhythm {
    pub(super) fn new(longest: Duration, now: Instant) -> Self {
        Self { longest, bytes: 0, decided: now, span: Duration::ZERO }
    }

    /// Some bytes came.
    pub(super) fn came(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Whether something came, and over so long that it can be told how quickly: packets
    /// come in clusters.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.bytes > 0 && now.saturating_duration_since(self.decided) >= SHORTEST
    }

    /// The socket is empty, and it is due to decide: how long to leave it alone, or nothing to
    /// wait for the next byte. Where acknowledgements are owed a pause holds no more than a few messages: it
    /// would otherwise be our pauses, and not the broker, that set the pace.
    pub(super) fn decide(&mut self, now: Instant, count: Count) -> Option<Duration> {
        let bytes = std::mem::take(&mut self.bytes);
        let passed = now.saturating_duration_since(self.decided);
        self.decided = now;
        let span = std::mem::replace(&mut self.span, passed);
        let pause = match count.owed {
            0 => self.longest,
            owed => (span * WINDOW / owed).min(LONGEST_OWED),
        };
        let gathers = count.messages > 0 && pause * count.messages >= span * WORTH;
        (gathers && pause >= SHORTEST && bytes <= MUCH).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The pause after some bytes, where `messages` came within `span`.
    fn pause(span: Duration, bytes: usize, messages: u32, owed: u32) -> Option<Duration> {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(LONGEST, start);
        assert!(!rhythm.is_due(start + span));
        rhythm.came(60);
        assert!(rhythm.is_due(start + span) && !rhythm.is_due(start));
        assert_eq!(rhythm.decide(start + span, Count::default()), None, "it may come alone");
        rhythm.came(bytes);
        rhythm.decide(start + span + ms(200), Count { messages, owed })
    }

    #[test]
    fn pauses_while_messages_come_quickly() {
        assert_eq!(pause(ms(1), 60, 1, 0), Some(LONGEST));
        assert_eq!(pause(ms(4), 600, 10, 0), Some(LONGEST));
        assert_eq!(pause(ms(3), 60, 1, 0), None, "too few would gather");
        assert_eq!(pause(ms(200), 60, 1, 0), None, "it came alone");
        assert_eq!(pause(ms(1), 60, 0, 0), None, "a part of one");
        assert_eq!(pause(ms(5), 2 * MUCH, 10, 0), None, "more than should wait");
    }

    #[test]
    fn a_broker_that_waits_for_us_sets_the_pace() {
        assert_eq!(pause(ms(3), 300, 5, 5), Some(LONGEST_OWED));
        assert_eq!(pause(ms(3), 600, 10, 10), Some(Duration::from_micros(1_200)));
        assert_eq!(pause(ms(1), 1_200, 20, 20), None);
        // A window of ten, full whenever we look: the pauses end, and with them the wait.
        let (mut now, mut passed) = (Instant::now(), ms(5));
        let mut rhythm = Rhythm::new(LONGEST, now);
        let mut pauses = Vec::new();
        for _ in 0..5 {
            now += passed;
            rhythm.came(600);
            let count = Count { messages: 10, owed: 10 };
            let pause = rhythm.decide(now, count);
            passed = pause.unwrap_or(ms(1));
            pauses.push(pause);
        }
        assert_eq!(pauses, [None, Some(ms(2)), None, None, None]);
    }
}
