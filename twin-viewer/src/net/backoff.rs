//! How long to wait before the next try.

/// Waits that double up to a bound, spread by chance, so that a hundred viewers do not
/// come back to a restarted server in the same instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    tries: u32,
}

const FIRST_MS: f64 = 500.0;
const LAST_MS: f64 = 15_000.0;

impl Backoff {
    /// The next wait, ms; `chance` is from 0 up to 1.
    pub fn next_ms(&mut self, chance: f64) -> f64 {
        let full = (FIRST_MS * 2f64.powi(self.tries.min(16) as i32)).min(LAST_MS);
        self.tries = self.tries.saturating_add(1);
        full * (0.5 + 0.5 * chance.clamp(0.0, 1.0))
    }

    /// The connection works: start over.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Tries since it last worked.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_bound_and_start_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..8).map(|_| backoff.next_ms(1.0)).collect();
        assert_eq!(waits[..4], [500.0, 1000.0, 2000.0, 4000.0]);
        assert_eq!(waits[7], LAST_MS);
        assert_eq!(backoff.next_ms(0.0), LAST_MS / 2.0);
        backoff.reset();
        assert_eq!(backoff.next_ms(0.0), 250.0);
    }
}
