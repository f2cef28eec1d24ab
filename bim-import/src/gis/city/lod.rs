//! Which of an object's geometries is drawn.

/// The best that is drawn unasked: beyond it, models hold interiors.
const DEFAULT: f64 = 2.2;

/// The level of detail that the user wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wanted(f64);

impl Default for Wanted {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl Wanted {
    /// What `--lod` says.
    pub(crate) fn new(lod: Option<f64>) -> Self {
        lod.map_or_else(Self::default, Self)
    }

    /// The highest level up to the wanted one; where there is none, the lowest above it.
    pub(super) fn choose(self, levels: impl Iterator<Item = f64> + Clone) -> Option<f64> {
        let below = levels.clone().filter(|level| *level <= self.0 + 1e-9).reduce(f64::max);
        below.or_else(|| levels.reduce(f64::min))
    }
}

/// `2`, `2.2`, `"2.2"`; what is none counts as 0.
pub(super) fn level(text: &str) -> f64 {
    let level = text.trim().parse::<f64>().unwrap_or(0.0);
    if (0.0..10.0).contains(&level) { level } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_up_to_the_wanted_one_is_taken() {
        let levels = [0.0, 1.2, 2.2, 3.0];
        let choose = |wanted| Wanted::new(wanted).choose(levels.into_iter());
        assert_eq!(choose(None), Some(2.2));
        assert_eq!(choose(Some(1.3)), Some(1.2));
        assert_eq!(choose(Some(1.2)), Some(1.2));
        assert_eq!(choose(Some(9.0)), Some(3.0));
        assert_eq!(Wanted::default().choose([3.0, 4.0].into_iter()), Some(3.0));
        assert_eq!(Wanted::default().choose([].into_iter()), None);
        assert_eq!((level("2.2"), level("x"), level("-1")), (2.2, 0.0, 0.0));
    }
}
