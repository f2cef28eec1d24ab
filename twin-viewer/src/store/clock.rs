//! The server's clock, told from the browser's: ages are counted from it.

/// How far the server's clock is from ours, from the quickest of the recent pings: the
/// quicker the way, the less it can hide.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    /// Round trip and offset of the recent pings, ms, newest last.
    recent: Vec<(f64, f64)>,
    first: Option<f64>,
}

/// How many pings are remembered.
const REMEMBERED: usize = 8;

impl ServerClock {
    /// The server named its time in its first message, which came `local_ms`.
    pub fn hello(&mut self, server_ms: i64, local_ms: f64) {
        self.first = Some(server_ms as f64 - local_ms);
        self.recent.clear();
    }

    /// A ping sent at `sent_ms` came back at `local_ms` with the server's time.
    pub fn pong(&mut self, sent_ms: f64, server_ms: i64, local_ms: f64) {
        let trip = local_ms - sent_ms;
        if !(0.0..60_000.0).contains(&trip) {
            return; // the browser's clock was set meanwhile
        }
        if self.recent.len() == REMEMBERED {
            self.recent.remove(0);
        }
        self.recent.push((trip, server_ms as f64 + trip / 2.0 - local_ms));
    }

    /// Server time, ms since 1970, when ours is `local_ms`.
    pub fn now(&self, local_ms: f64) -> i64 {
        let quickest = self.recent.iter().min_by(|a, b| a.0.total_cmp(&b.0));
        let offset = quickest.map(|&(_, offset)| offset).or(self.first).unwrap_or(0.0);
        (local_ms + offset) as i64
    }

    /// Round trip of the last ping, ms.
    pub fn latency_ms(&self) -> Option<f64> {
        self.recent.last().map(|&(trip, _)| trip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quickest_ping_tells_the_offset() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.now(50.0), 50, "ours until the server speaks");
        clock.hello(10_000, 0.0);
        assert_eq!(clock.now(50.0), 10_050);
        clock.pong(100.0, 10_200, 500.0);
        clock.pong(600.0, 10_605, 610.0);
        clock.pong(700.0, 10_900, 1_100.0);
        assert_eq!(clock.now(1_000.0), 11_000);
        assert_eq!(clock.latency_ms(), Some(400.0));
        clock.pong(9_000.0, 99_999, 8_000.0);
        assert_eq!(clock.now(1_000.0), 11_000, "an impossible trip is not believed");
    }
}
