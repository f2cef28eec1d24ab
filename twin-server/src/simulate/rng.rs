//! Repeatable chance. The stream of a seed must never change with a dependency's version,
//! so the generator is written out here: SplitMix64 (Steele, Lea and Flood, 2014), which
//! passes BigCrush and needs one word of state.

/// A seeded stream of numbers.
#[derive(Clone, Debug)]
pub struct Rng(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a of a name: gives each device a stream that does not depend on its position.
pub fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

/// Joins two seeds into one that is unlike both.
pub fn join(a: u64, b: u64) -> u64 {
    mix(a ^ mix(b.wrapping_add(GOLDEN)))
}

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Evenly in 0 ≤ x < 1.
    pub fn unit(&mut self) -> f64 {
        // 53 bits: every value is exact.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly in low ≤ x < high.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// An index below `len`, which must not be 0.
    pub fn index(&mut self, len: usize) -> usize {
        ((self.unit() * len as f64) as usize).min(len.saturating_sub(1))
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// About normal (Irwin–Hall of 6), never further than 4.2 deviations from the mean.
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..6).map(|_| self.unit()).sum();
        mean + deviation * (sum - 3.0) * std::f64::consts::SQRT_2
    }
}

/// Smooth noise in −1..1 that depends on nothing but seed and time: random values
/// every `period_secs`, joined by a curve with level tangents.
pub fn noise(seed: u64, t_secs: f64, period_secs: f64) -> f64 {
    let x = t_secs / period_secs;
    let cell = x.floor();
    let f = x - cell;
    let value = |cell: f64| {
        let bits = join(seed, (cell as i64).cast_unsigned());
        (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let blend = f * f * (3.0 - 2.0 * f);
    value(cell) * (1.0 - blend) + value(cell + 1.0) * blend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_is_fixed() {
        let mut rng = Rng::new(1);
        let first: Vec<u64> = (0..2).map(|_| rng.bits()).collect();
        let mut again = Rng::new(1);
        assert_eq!(first, [again.bits(), again.bits()]);
        assert_ne!(Rng::new(2).bits(), first[0]);
        let mean = (0..10_000).map(|_| rng.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }

    #[test]
    fn noise_is_smooth_and_bounded() {
        let mut last = noise(7, 0.0, 60.0);
        for t in 1..3_600 {
            let value = noise(7, f64::from(t), 60.0);
            assert!(value.abs() <= 1.0 && (value - last).abs() < 0.06, "{t}: {last} → {value}");
            last = value;
        }
    }
}
