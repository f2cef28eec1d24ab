//! UCUM units: what is one, and how a number goes from one to another.

use super::scale::Linear;

/// Longest unit, bytes.
const MAX_UNIT: usize = 64;

/// What people write, and the code it has in UCUM.
const MEANT: &[(&str, &str)] = &[
    ("°C", "Cel"),
    ("℃", "Cel"),
    ("degC", "Cel"),
    ("°F", "[degF]"),
    ("kWh", "kW.h"),
    ("Wh", "W.h"),
    ("MWh", "MW.h"),
    ("VA", "V.A"),
    ("kVA", "kV.A"),
    ("var", "V.A{reactive}"),
    ("kvar", "kV.A{reactive}"),
    ("Ah", "A.h"),
    ("ppm", "[ppm]"),
    ("ppb", "[ppb]"),
    ("µg/m³", "ug/m3"),
    ("ug/m³", "ug/m3"),
    ("μg/m³", "ug/m3"),
    ("m³", "m3"),
    ("m³/h", "m3/h"),
    ("m²", "m2"),
    ("lux", "lx"),
    ("%RH", "%"),
    ("rpm", "{revolution}/min"),
    ("RPM", "{revolution}/min"),
    ("Ω", "Ohm"),
    ("dBm", "dB{mW}"),
];

/// Why a unit, or a pair of them, cannot be used.
pub(crate) fn check(unit: &str) -> Result<(), String> {
    if unit.is_empty() {
        return Ok(());
    }
    let meant = MEANT.iter().find(|(wrong, _)| *wrong == unit);
    let way_out = match meant {
        Some((_, right)) => format!("write {right:?}"),
        None => "expected one such as \"kW\", \"Cel\", \"m3/h\" or \"{person}\"".to_owned(),
    };
    if unit.len() > MAX_UNIT {
        return Err(format!("a unit has at most {MAX_UNIT} bytes"));
    }
    ucum::validate(unit).map_err(|error| format!("{unit:?} is no UCUM unit ({error}); {way_out}"))
}

/// How a number in one unit becomes one in another.
///
/// # Errors
/// Where one of them is no unit, they measure different things, or the way between them
/// is no straight line (decibels, pH).
pub(crate) fn conversion(from: &str, to: &str) -> Result<Linear, String> {
    check(from)?;
    check(to)?;
    if from == to {
        return Ok(Linear::default());
    }
    let analyze = |unit: &str| ucum::analyze(unit).map_err(|error| format!("{unit:?}: {error}"));
    let (source, target) = (analyze(from)?, analyze(to)?);
    if source.dimension != target.dimension {
        return Err(format!(
            "{from:?} is of dimension {}, and {to:?} of {}: one cannot become the other",
            source.dimension, target.dimension
        ));
    }
    let factor = source.factor / target.factor;
    let offset = (source.offset - target.offset) / target.factor;
    let linear = Linear::conversion(factor, offset);
    let straight = [0.0, 1.0, 50.0].iter().all(|number| {
        ucum::convert(*number, from, to).is_ok_and(|right| {
            (linear.apply(*number) - right).abs() <= 1e-9 * right.abs().max(1.0)
                && right.is_finite()
        })
    });
    if factor.is_normal() && offset.is_finite() && straight {
        Ok(linear)
    } else {
        Err(format!("from {from:?} to {to:?} there is no straight line; send the value in {to:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_a_building() {
        for unit in [
            "kW",
            "kW.h",
            "m3/h",
            "Cel",
            "%",
            "[ppm]",
            "ug/m3",
            "{person}",
            "{person}/m2",
            "bar",
            "mm/s",
            "V",
            "A",
            "V.A",
            "Hz",
            "lx",
            "Pa",
            "kPa",
            "L/min",
            "dB",
            "min",
            "d",
            "[degF]",
            "[psi]",
            "W/m2",
            "mg/L",
            "uS/cm",
            "[pH]",
            "Ohm",
            "",
            "1",
            "[ppb]",
            "dB{mW}",
            "GJ",
            "V.A{reactive}",
            "{revolution}/min",
            "K",
            "J/K",
            "rad",
            "deg",
            "10*3/uL",
            "[gal_us]",
        ] {
            assert_eq!(check(unit), Ok(()), "{unit}");
        }
        for metric in twin_model::metric::METRICS {
            assert_eq!(check(metric.unit), Ok(()), "{}", metric.name);
        }
        for (wrong, right) in MEANT {
            assert!(check(wrong).unwrap_err().contains(&format!("write {right:?}")), "{wrong}");
            assert_eq!(check(right), Ok(()), "{right}");
        }
        assert!(check("parsecs per hour").unwrap_err().contains("expected one such as"));
        assert!(check(&"m.".repeat(100)).unwrap_err().contains("64"));
    }

    #[test]
    fn conversions_are_as_people_reckon() {
        for (from, to, number, expected) in [
            ("W", "kW", 1234.5, 1.2345),
            ("W.h", "kW.h", 2500.0, 2.5),
            ("kW.h", "J", 1.0, 3.6e6),
            ("GJ", "kW.h", 3.6, 1000.0),
            ("[degF]", "Cel", 98.6, 37.0),
            ("[degF]", "Cel", 32.0, 0.0),
            ("Cel", "[degF]", -40.0, -40.0),
            ("K", "Cel", 300.0, 26.85),
            ("Cel", "K", 21.3, 294.45),
            ("Pa", "bar", 250_000.0, 2.5),
            ("[psi]", "kPa", 100.0, 689.475729317),
            ("L/s", "m3/h", 10.0, 36.0),
            ("L/min", "m3/h", 100.0, 6.0),
            ("m/s", "mm/s", 0.0071, 7.1),
            ("mg/m3", "ug/m3", 0.035, 35.0),
            ("%", "1", 45.0, 0.45),
            ("[ppm]", "%", 400.0, 0.04),
            ("{person}", "1", 7.0, 7.0),
            ("h", "min", 1.5, 90.0),
            ("kW", "kW", 0.1, 0.1),
        ] {
            let found = conversion(from, to).map(|linear| linear.apply(number));
            assert_eq!(found, Ok(expected), "{number} {from} in {to}");
        }
    }

    #[test]
    fn what_cannot_be_converted_is_refused_with_both_dimensions() {
        let error = conversion("kW", "kW.h").unwrap_err();
        assert!(error.contains("m2.s-3.g") && error.contains("m2.s-2.g"), "{error}");
        assert!(conversion("dB", "1").is_err());
        assert!(conversion("[pH]", "mol/L").unwrap_err().contains("straight line"));
        assert!(conversion("[iU]", "[arb'U]").is_err());
        assert!(conversion("kWh", "J").unwrap_err().contains("kW.h"));
    }
}
