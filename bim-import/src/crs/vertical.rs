//! Heights: which surface they count from. The two tables hold what the EPSG dataset says
//! of compound systems (code, horizontal, vertical) and of vertical ones (code, name,
//! metres per unit, direction).

const COMPOUND: &str = include_str!("compound.tsv");
const VERTICAL: &str = include_str!("vertical.tsv");

/// A vertical coordinate system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Vertical {
    code: u32,
    name: &'static str,
    /// Metres per unit of the file, negative where depths are counted.
    metres: f64,
}

impl Vertical {
    /// The system of this code.
    pub(super) fn from_code(code: u32) -> Option<Self> {
        let [_, name, metres, way] = row(VERTICAL, code)?;
        let metres: f64 = metres.parse().ok()?;
        Some(Self { code, name, metres: if way == "down" { -metres } else { metres } })
    }

    /// `NAP height (EPSG:5709)`.
    pub(crate) fn name(&self) -> String {
        format!("{} (EPSG:{})", self.name, self.code)
    }

    /// Metres above its zero, of a height or depth in its own unit.
    pub(crate) fn height_m(&self, value: f64) -> f64 {
        value * self.metres
    }
}

/// What people call a vertical system, as the dataset names it where it is known: by code
/// (`EPSG:5737`) or by name, with `height` or without.
pub(crate) fn known_name(text: &str) -> String {
    let text = text.trim();
    let is_code = text.to_ascii_uppercase().starts_with("EPSG");
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let code = if is_code { digits.parse().ok() } else { None };
    let by_name = || {
        VERTICAL.lines().find_map(|line| {
            let (code, rest) = line.split_once('\t')?;
            let name = rest.split('\t').next()?;
            let same = name.eq_ignore_ascii_case(text)
                || name.strip_suffix(" height").is_some_and(|name| name.eq_ignore_ascii_case(text));
            same.then(|| code.parse().ok())?
        })
    };
    let known = code.or_else(by_name).and_then(Vertical::from_code);
    known.map_or_else(|| text.to_owned(), |vertical| vertical.name())
}

/// The horizontal and the vertical part of a compound system.
pub(super) fn split(compound: u32) -> Option<(u32, u32)> {
    let [_, horizontal, vertical] = row(COMPOUND, compound)?;
    Some((horizontal.parse().ok()?, vertical.parse().ok()?))
}

fn row<const N: usize>(table: &'static str, code: u32) -> Option<[&'static str; N]> {
    let code = code.to_string();
    let line = table.lines().find(|line| line.split('\t').next() == Some(&code))?;
    line.split('\t').collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_whole() {
        for line in VERTICAL.lines() {
            let code = line.split('\t').next().unwrap().parse().unwrap();
            let vertical = Vertical::from_code(code).unwrap();
            assert!((0.3..=1.0).contains(&vertical.metres.abs()), "{vertical:?}");
        }
        for line in COMPOUND.lines() {
            let (_, vertical) = split(line.split('\t').next().unwrap().parse().unwrap()).unwrap();
            assert!(Vertical::from_code(vertical).is_some(), "{line}");
        }
        for text in ["EPSG:5737", "Yellow Sea 1985", " yellow sea 1985 height"] {
            assert_eq!(known_name(text), "Yellow Sea 1985 height (EPSG:5737)", "{text}");
        }
        assert_eq!(known_name("the river in May"), "the river in May");
        assert_eq!(split(7_415), Some((28_992, 5_709)));
        assert_eq!(Vertical::from_code(5_709).unwrap().name(), "NAP height (EPSG:5709)");
        assert_eq!(Vertical::from_code(25_832), None);
    }
}
