//! Numbers with the digits a person can use: about three, never more than one place
//! below a tenth of what was measured.

/// The number with about three significant digits and thousands set apart; whole numbers
/// without places, as for counts and ticks.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 { group(&format!("{value:.0}")) } else { measured(value) }
}

/// The number with about three significant digits, whole or not: a reading that passes
/// 22.0 should not change its width.
pub fn measured(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        _ if value == 0.0 || size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 0.1 => 2,
        _ if size >= 0.001 => 4,
        _ => return format!("{value:.1e}"),
    };
    group(&format!("{value:.places$}"))
}

/// Sets thousands apart where there are five digits or more.
fn group(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("−", digits));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && whole.len() > 4 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_size() {
        for (value, text) in [
            (0.0, "0"),
            (0.035, "0.0350"),
            (0.25, "0.25"),
            (3.0, "3"),
            (21.54, "21.5"),
            (-7.321, "−7.32"),
            (123.4, "123"),
            (1234.5, "1234"),
            (12_345.6, "12,346"),
            (-1_234_567.0, "−1,234,567"),
            (0.000_012, "1.2e-5"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!((measured(22.0), measured(0.0)), ("22.0".into(), "0".into()));
    }
}
