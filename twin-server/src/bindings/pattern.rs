//! Topic patterns: an MQTT topic filter whose levels may have names.

use std::fmt;

use thiserror::Error;

/// Why a topic pattern cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    /// Nothing there.
    #[error("a topic has at least one level")]
    Empty,
    /// `#` that is not last.
    #[error("`#` stands for the rest of a topic, so it can only be the last level")]
    HashNotLast,
    /// A wildcard or brace that does not fill its level.
    #[error(
        "`{0}`: a wildcard or a name fills a whole level, as in `site/+/meter/{{meter}}/state`"
    )]
    PartialLevel(String),
    /// An empty or strange name.
    #[error("`{{{0}}}`: a name is made of letters, digits and `_`")]
    BadName(String),
    /// A name used twice.
    #[error("`{{{0}}}` stands twice in the topic")]
    NameTwice(String),
    /// A byte that no topic may hold.
    #[error("a topic cannot hold the NUL character")]
    Nul,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Literal(Box<str>),
    /// `+` or a name: any one level. The index of the name among the captures.
    Any(Option<usize>),
    /// `#`: this level and all below, and also none.
    Rest,
}

/// A parsed pattern such as `campus/{building}/+/meter/{meter}/#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern {
    text: Box<str>,
    levels: Vec<Level>,
    names: Vec<Box<str>>,
}

impl TopicPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Where it is not an MQTT topic filter with whole-level names.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.contains('\0') {
            return Err(PatternError::Nul);
        }
        let mut names: Vec<Box<str>> = Vec::new();
        let mut levels = Vec::new();
        for level in text.split('/') {
            if levels.last() == Some(&Level::Rest) {
                return Err(PatternError::HashNotLast);
            }
            levels.push(Self::level(level, &mut names)?);
        }
        Ok(Self { text: text.into(), levels, names })
    }

    fn level(level: &str, names: &mut Vec<Box<str>>) -> Result<Level, PatternError> {
        if level == "+" {
            return Ok(Level::Any(None));
        }
        if level == "#" {
            return Ok(Level::Rest);
        }
        if let Some(name) = level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            if !is_name(name) {
                return Err(PatternError::BadName(name.to_owned()));
            }
            if names.iter().any(|other| **other == *name) {
                return Err(PatternError::NameTwice(name.to_owned()));
            }
            names.push(name.into());
            return Ok(Level::Any(Some(names.len() - 1)));
        }
        if level.contains(['+', '#', '{', '}']) {
            return Err(PatternError::PartialLevel(level.to_owned()));
        }
        Ok(Level::Literal(level.into()))
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its levels, in order of appearance.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The MQTT topic filter to subscribe to.
    pub fn filter(&self) -> String {
        let levels: Vec<&str> = self
            .levels
            .iter()
            .map(|level| match level {
                Level::Literal(text) => text,
                Level::Any(_) => "+",
                Level::Rest => "#",
            })
            .collect();
        levels.join("/")
    }

    /// The named levels of a topic, in the order of [`TopicPattern::names`]; nothing
    /// where the topic does not match. As in MQTT, a wildcard in the first level does
    /// not take topics that start with `$`.
    pub fn captures<'t>(&self, topic: &'t str) -> Option<Vec<&'t str>> {
        if topic.starts_with('$') && !matches!(self.levels.first(), Some(Level::Literal(_))) {
            return None;
        }
        let mut found = Vec::with_capacity(self.names.len());
        let mut parts = topic.split('/');
        for level in &self.levels {
            match level {
                Level::Rest => return Some(found),
                Level::Literal(text) => {
                    if parts.next()? != &**text {
                        return None;
                    }
                }
                Level::Any(name) => {
                    let part = parts.next()?;
                    if name.is_some() {
                        found.push(part);
                    }
                }
            }
        }
        parts.next().is_none().then_some(found)
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether every topic that `narrow` takes is also taken by `wide`. Both are topic
/// filters. Subscribing to both would bring some messages twice.
pub fn covers(wide: &str, narrow: &str) -> bool {
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

/// Topic filters with those left out that another one covers.
pub fn minimal_filters(filters: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for filter in filters {
        if kept.iter().any(|wide| covers(wide, &filter)) {
            continue;
        }
        kept.retain(|narrow| !covers(&filter, narrow));
        kept.push(filter);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> TopicPattern {
        TopicPattern::parse(text).unwrap()
    }

    #[test]
    fn names_levels() {
        let meters = pattern("campus/{building}/+/meter/{meter}/state");
        assert_eq!(meters.filter(), "campus/+/+/meter/+/state");
        assert_eq!(meters.captures("campus/T1/03F/meter/EM1/state"), Some(vec!["T1", "EM1"]));
        assert_eq!(meters.captures("campus/T1/03F/meter/EM1"), None);
        assert_eq!(meters.captures("campus/T1/03F/meter/EM1/state/x"), None);
    }

    #[test]
    fn hash_takes_the_parent_too_and_dollar_topics_stay_apart() {
        assert!(pattern("a/#").captures("a").is_some());
        assert!(pattern("#").captures("$SYS/uptime").is_none());
        assert!(pattern("+/uptime").captures("$SYS/uptime").is_none());
        assert!(pattern("$SYS/#").captures("$SYS/uptime").is_some());
    }

    #[test]
    fn refuses_what_is_not_a_filter() {
        let error = |text| TopicPattern::parse(text).unwrap_err();
        assert_eq!(error(""), PatternError::Empty);
        assert_eq!(error("a/#/b"), PatternError::HashNotLast);
        assert_eq!(error("a/x+"), PatternError::PartialLevel("x+".into()));
        assert_eq!(error("a/m-{id}"), PatternError::PartialLevel("m-{id}".into()));
        assert_eq!(error("{}/a"), PatternError::BadName(String::new()));
        assert_eq!(error("{a}/{a}"), PatternError::NameTwice("a".into()));
    }

    #[test]
    fn a_covered_filter_is_left_out() {
        let filters = ["a/+/c", "a/b/c", "a/#", "x/y", "+/y"].map(String::from);
        assert_eq!(minimal_filters(filters), ["a/#", "+/y"]);
    }

    /// The rule of the MQTT specification, by recursion and without any cleverness.
    fn naive(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            ([], []) => true,
            (["#"], _) => true,
            (["+", filter @ ..], [_, topic @ ..]) => naive(filter, topic),
            ([a, filter @ ..], [b, topic @ ..]) => a == b && naive(filter, topic),
            _ => false,
        }
    }

    fn levels(of: &'static str) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(of.prop_map(String::from), 1..6)
    }

    proptest! {
        #[test]
        fn matches_as_the_naive_matcher(
            filter in levels("[ab+]?"), rest in any::<bool>(), topic in levels("[ab]?")
        ) {
            let mut filter = filter;
            if rest {
                filter.push("#".into());
            }
            let text = topic.join("/");
            let split: Vec<&str> = filter.iter().map(String::as_str).collect();
            let parts: Vec<&str> = text.split('/').collect();
            let filter = filter.join("/");
            prop_assume!(!filter.is_empty());
            prop_assert_eq!(pattern(&filter).captures(&text).is_some(), naive(&split, &parts));
        }

        #[test]
        fn a_covering_filter_takes_whatever_the_covered_one_takes(
            wide in levels("[ab+]"), narrow in levels("[ab+]"), rest in any::<[bool; 2]>(),
            topic in levels("[ab]")
        ) {
            let text = |levels: &[String], rest: bool| {
                levels.join("/") + if rest { "/#" } else { "" }
            };
            let (wide, narrow) = (text(&wide, rest[0]), text(&narrow, rest[1]));
            let topic = topic.join("/");
            if covers(&wide, &narrow) && pattern(&narrow).captures(&topic).is_some() {
                prop_assert!(pattern(&wide).captures(&topic).is_some());
            }
        }

        #[test]
        fn never_panics(filter in ".{0,40}", topic in ".{0,40}") {
            if let Ok(pattern) = TopicPattern::parse(&filter) {
                let _ = pattern.captures(&topic);
            }
        }
    }
}
