//! `value × scale + offset`, such that a decimal step stays decimal: 253 tenths are 25.3
//! and not 25.300000000000001.

/// A linear map of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    /// What is multiplied by.
    factor: f64,
    /// What is divided by, after that.
    divisor: f64,
    /// What is added at last.
    offset: f64,
    /// Whether what the binary form of the factors adds beyond twelve digits is cut off.
    rounded: bool,
}

impl Default for Linear {
    fn default() -> Self {
        Self { factor: 1.0, divisor: 1.0, offset: 0.0, rounded: false }
    }
}

impl Linear {
    /// `value × factor + offset`. A factor such as 0.001 is kept as a division by 1000:
    /// it has no exact binary form, 1000 has.
    pub fn new(factor: f64, offset: f64) -> Self {
        let inverse = (1.0 / factor).round();
        let exact = factor.abs() < 1.0 && (factor * inverse - 1.0).abs() < 1e-12;
        if exact && inverse.abs() < 1e15 {
            Self { factor: 1.0, divisor: inverse, offset, rounded: false }
        } else {
            Self { factor, divisor: 1.0, offset, rounded: false }
        }
    }

    /// The same for a conversion of units, whose factors are seldom decimal: the result has
    /// twelve digits, more than any sensor, so that 98.6 °F are 37 °C.
    pub(crate) fn conversion(factor: f64, offset: f64) -> Self {
        Self { rounded: true, ..Self::new(factor, offset) }
    }

    /// The value for what was sent.
    pub fn apply(&self, number: f64) -> f64 {
        let value = number * self.factor / self.divisor + self.offset;
        if self.rounded { round(value, self.offset) } else { value }
    }
}

/// Twelve significant digits. Those of a small difference of large numbers, as 32 °F in °C
/// is one, are counted from the large ones.
fn round(value: f64, offset: f64) -> f64 {
    let size = value.abs().max(offset.abs());
    if size == 0.0 || !size.is_finite() {
        return value;
    }
    #[allow(clippy::cast_possible_truncation)] // at most 308
    let digits = 11 - size.log10().floor() as i32;
    if digits.abs() > 300 {
        return value;
    }
    // A negative power is no exact number; dividing by the positive one is.
    let power = 10_f64.powi(digits.abs());
    if digits >= 0 { (value * power).round() / power } else { (value / power).round() * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_steps_stay_decimal() {
        assert_eq!(Linear::new(0.1, 0.0).apply(253.0), 25.3);
        assert_eq!(Linear::new(0.001, 0.0).apply(1234.5), 1.2345);
        assert_eq!(Linear::new(-0.1, -40.0).apply(3.0), -40.3);
        assert_eq!(Linear::new(3.0, 0.5).apply(2.0), 6.5);
        assert_eq!(Linear::new(0.3, 0.0).apply(10.0), 3.0);
        assert_eq!(Linear::default().apply(1.25), 1.25);
        for odd in [0.0, f64::MIN_POSITIVE, 1e-300] {
            assert!(Linear::new(odd, 0.0).apply(1.0).is_finite(), "{odd}");
        }
    }
}
