//! How long what is kept: by class of point, and within a budget of bytes.

use std::time::Duration;

/// How long samples are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Retention {
    /// In the order of the configuration; the first that names a metric holds for it.
    pub classes: Vec<Class>,
    /// For metrics that no class names.
    pub usual: Class,
    /// Most bytes on the disk. Beyond it the oldest samples go before their time, and after
    /// them the oldest rollups; a warning is given from nine tenths on.
    pub max_bytes: u64,
}

/// How long samples of some points are kept; absent: for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Metrics by name, with `*` for anything.
    pub metrics: Vec<String>,
    /// Every sample.
    pub raw: Option<Duration>,
    /// Of each minute the least, the greatest, the last, count and sum.
    pub minute: Option<Duration>,
    /// Of each hour the same.
    pub hour: Option<Duration>,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Class {
    fn default() -> Self {
        Self {
            metrics: vec!["*".to_owned()],
            raw: Some(90 * DAY),
            minute: Some(731 * DAY),
            hour: Some(3_653 * DAY),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let max_bytes = 50 * 1024 * 1024 * 1024;
        Self { classes: Vec::new(), usual: Class::default(), max_bytes }
    }
}

impl Retention {
    /// Everything, without end.
    pub fn forever() -> Self {
        let usual = Class { raw: None, minute: None, hour: None, ..Class::default() };
        Self { classes: Vec::new(), usual, max_bytes: u64::MAX }
    }

    /// What holds for a metric.
    pub fn class(&self, metric: &str) -> &Class {
        let names = |class: &&Class| class.metrics.iter().any(|pattern| fits(pattern, metric));
        self.classes.iter().find(names).unwrap_or(&self.usual)
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let mut rest = rest;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        let fit = [("a/b", "a/b"), ("*", "x"), ("*/power", "m1/power"), ("m*/p*r", "m1/power")];
        for (pattern, text) in fit {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a/b", "a/bc"), ("*/power", "m1/energy"), ("ab*bc", "abc"), ("", "x")]
        {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_class_that_names_a_metric_holds() {
        let class = |metrics: &[&str], days| Class {
            metrics: metrics.iter().map(|&text| text.to_owned()).collect(),
            raw: Some(days * DAY),
            ..Class::default()
        };
        let retention = Retention {
            classes: vec![class(&["door", "lock*"], 1), class(&["*"], 2)],
            ..Retention::default()
        };
        assert_eq!(retention.class("locked").raw, Some(DAY));
        assert_eq!(retention.class("power").raw, Some(2 * DAY));
        assert_eq!(Retention::default().class("power").raw, Some(90 * DAY));
    }
}
