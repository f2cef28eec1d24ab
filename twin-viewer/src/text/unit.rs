//! UCUM codes as people write them.

use super::Lang;

/// The unit behind a number; empty for none.
pub fn unit(lang: Lang, ucum: &str) -> String {
    let known = match (ucum, lang) {
        ("Cel", _) => "°C",
        ("kW.h", _) => "kWh",
        ("[ppm]", _) => "ppm",
        ("ug/m3", _) => "µg/m³",
        ("{person}", Lang::Zh) => "人",
        ("{person}", Lang::En) => "people",
        ("{person}/m2", Lang::Zh) => "人/m²",
        ("{person}/m2", Lang::En) => "people/m²",
        ("{passage}", Lang::Zh) => "次",
        ("{passage}", Lang::En) => "passages",
        _ => return exponents(ucum),
    };
    known.to_owned()
}

/// `m3/h` → `m³/h`; annotations in braces lose them; dots multiply.
fn exponents(ucum: &str) -> String {
    let mut text = String::new();
    let mut before = ' ';
    for c in ucum.chars() {
        match c {
            '2' if before.is_alphabetic() => text.push('²'),
            '3' if before.is_alphabetic() => text.push('³'),
            '.' => text.push('·'),
            '{' | '}' | '[' | ']' => {}
            _ => text.push(c),
        }
        before = c;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_what_people_write() {
        for (ucum, en) in [
            ("Cel", "°C"),
            ("kW.h", "kWh"),
            ("m3/h", "m³/h"),
            ("{person}", "people"),
            ("[ppm]", "ppm"),
            ("mm/s", "mm/s"),
            ("W/m2", "W/m²"),
            ("N.m", "N·m"),
            ("", ""),
        ] {
            assert_eq!(unit(Lang::En, ucum), en);
        }
        assert_eq!(unit(Lang::Zh, "{person}"), "人");
    }

    #[test]
    fn every_known_metric_has_a_readable_unit() {
        for metric in twin_model::metric::METRICS {
            for lang in [Lang::Zh, Lang::En] {
                assert!(!unit(lang, metric.unit).contains(['{', '[', '.']), "{}", metric.unit);
            }
        }
    }
}
