//! How long to wait before the next try: longer each time, and never in step with others.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(250);
/// Values are to be there within 5 s of the broker's return, however long it was away.
const LONGEST: Duration = Duration::from_secs(3);
/// A connection that stood this long was a good one. One that falls at once, as with a
/// client id used twice or a message that does not fit, must not be tried again at once.
const GOOD: Duration = Duration::from_secs(10);

/// Exponential backoff with full jitter, so that after a power cut not every client of
/// a broker returns in the same moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    connected: Option<Instant>,
}

impl Backoff {
    /// A connection stands since now; whether it was a good one, its end tells.
    pub(super) fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// The next pause, after a failure now; small again after a good connection.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        let stood = self.connected.take().map(|since| now.saturating_duration_since(since));
        if stood.is_some_and(|stood| stood >= GOOD) {
            self.failures = 0;
        }
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Half fixed, half random: a pause of next to nothing would be no pause.
        ceiling / 2 + (ceiling / 2).mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_over_after_a_good_connection() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let first = backoff.next(now);
        assert!(first >= FIRST / 2 && first <= FIRST);
        let pauses: Vec<Duration> = (0..40).map(|_| backoff.next(now)).collect();
        assert!(pauses.iter().all(|pause| *pause <= LONGEST));
        assert!(pauses[39] >= LONGEST / 2);
        backoff.connected(now);
        assert!(backoff.next(now + GOOD) <= FIRST);
    }

    #[test]
    fn connections_that_fall_at_once_are_tried_less_and_less_often() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        for _ in 0..20 {
            backoff.connected(now);
            backoff.next(now);
        }
        assert!(backoff.next(now) >= LONGEST / 2);
    }
}
