//! The range a ramp is spread over: follows the data, but does not twitch with them.

/// A range with round ends, and its ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Where the ramp begins.
    pub low: f64,
    /// Where it ends; above `low`.
    pub high: f64,
}

/// A range shrinks only when the data fill less of it than this.
const SHRINK_BELOW: f64 = 0.45;

impl Scale {
    /// The smallest round range around the data.
    pub fn around(low: f64, high: f64) -> Self {
        let span = (high - low).max(high.abs().max(low.abs()) * 1e-3).max(1e-9);
        let step = nice_step(span / 5.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step } }
    }

    /// The smallest round range around the data with this value in its middle, and at least
    /// so far to either side: what differs little should look little different.
    pub fn centered(middle: f64, least: f64, low: f64, high: f64) -> Self {
        let half = (middle - low).max(high - middle);
        let half = (half.max(least) / 2.0).ceil() * 2.0;
        Self { low: middle - half, high: middle + half }
    }

    /// The range to show next: this one while the data fit and fill it, else `wanted`.
    pub fn follow(self, wanted: Self) -> Self {
        let fits = wanted.low >= self.low && wanted.high <= self.high;
        let fills = (wanted.high - wanted.low) >= SHRINK_BELOW * (self.high - self.low);
        if fits && fills { self } else { wanted }
    }

    /// Where a value lies in the range, 0…1 inside it.
    pub fn place(self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// Round values inside the range, about five.
    pub fn ticks(self) -> Vec<f64> {
        let step = nice_step((self.high - self.low) / 4.0);
        let first = (self.low / step - 1e-9).ceil();
        (0..=12)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|tick| *tick <= self.high + step * 1e-6)
            .collect()
    }
}

/// The next of 1, 2, 5 × 10ⁿ.
fn nice_step(rough: f64) -> f64 {
    let ten = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * ten >= rough * 0.999);
    factor.unwrap_or(10.0) * ten
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round() {
        assert_eq!(Scale::around(0.0, 87.0), Scale { low: 0.0, high: 100.0 });
        assert_eq!(Scale::around(0.0, 0.0).low, 0.0);
        assert!(Scale::around(0.0, 0.0).high > 0.0, "never empty");
        assert_eq!(Scale::around(412.0, 903.0), Scale { low: 400.0, high: 1000.0 });
        assert_eq!(Scale::centered(23.0, 6.0, 22.0, 23.1), Scale { low: 17.0, high: 29.0 });
        assert_eq!(Scale::centered(23.0, 4.0, 21.0, 27.5), Scale { low: 17.0, high: 29.0 });
    }

    #[test]
    fn holds_still_while_data_fit() {
        let scale = Scale::around(0.0, 87.0);
        assert_eq!(scale.follow(Scale::around(0.0, 61.0)), scale);
        assert_eq!(scale.follow(Scale::around(0.0, 130.0)).high, 150.0);
        assert_eq!(scale.follow(Scale::around(0.0, 12.0)).high, 15.0);
    }

    #[test]
    fn ticks_lie_inside() {
        for scale in [Scale::around(0.0, 87.0), Scale::around(-3.0, 12.0), Scale::around(0.0, 0.4)]
        {
            let ticks = scale.ticks();
            assert!((3..=9).contains(&ticks.len()), "{scale:?} {ticks:?}");
            assert!(ticks.iter().all(|t| (-0.001..1.001).contains(&scale.place(*t))), "{ticks:?}");
        }
        assert_eq!(Scale { low: 0.0, high: 100.0 }.ticks(), [0.0, 50.0, 100.0]);
    }
}
