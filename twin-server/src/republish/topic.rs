//! Topics of republished points: `twin/{entity}/{metric}`, and which filters they meet.

use std::fmt;

/// A topic with a place for the entity and one for the metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTemplate(String);

impl TopicTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// Where it is no topic, or a point could not be told from another by it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = text.replace("{entity}", "").replace("{metric}", "");
        let problem = if !text.contains("{entity}") || !text.contains("{metric}") {
            "needs both {entity} and {metric}, or points would share a topic"
        } else if plain.contains(['{', '}']) {
            "knows {entity} and {metric}, and nothing else in braces"
        } else if plain.contains(['+', '#', '\0']) {
            "a topic to publish to has no wildcards"
        } else if text.starts_with('$') {
            "topics that begin with $ belong to the broker"
        } else if text.len() > 1024 {
            "more than 1,024 bytes"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(format!("{text:?}: {problem}; as in \"twin/{{entity}}/{{metric}}\""))
    }

    /// The topic of a point.
    pub fn topic(&self, entity: &str, metric: &str) -> String {
        self.0.replace("{entity}", &level(entity)).replace("{metric}", &level(metric))
    }

    /// A filter that takes every topic of this template, and perhaps others.
    pub fn filter(&self) -> String {
        let level = |level: &str| match level.contains('{') {
            true => "+".to_owned(),
            false => level.to_owned(),
        };
        self.0.split('/').map(level).collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for TopicTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name as one level of a topic: what means something in topics is percent-encoded.
fn level(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '/' => out.push_str("%2F"),
            '+' => out.push_str("%2B"),
            '#' => out.push_str("%23"),
            '%' => out.push_str("%25"),
            '\0' => out.push_str("%00"),
            other => out.push(other),
        }
    }
    out
}

/// Whether some topic fits both filters.
pub fn overlap(one: &str, other: &str) -> bool {
    let mut one = own_part(one).split('/');
    let mut other = own_part(other).split('/');
    loop {
        match (one.next(), other.next()) {
            // `a/#` takes `a` as well.
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            _ => return false,
        }
    }
}

/// A filter without the name of the group that shares the subscription.
fn own_part(filter: &str) -> &str {
    let shared = filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
    shared.map_or(filter, |(_, filter)| filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_points_and_keeps_levels_apart() {
        let template = TopicTemplate::parse("site/x{entity}/{metric}").unwrap();
        assert_eq!(template.topic("a/b+c#d%", "power"), "site/xa%2Fb%2Bc%23d%25/power");
        assert_eq!(template.filter(), "site/+/+");
        for bad in [
            "twin/{entity}",
            "t/{entity}/{metric}/#",
            "{entity}/{metric}/{unit}",
            "$SYS/{entity}/{metric}",
        ] {
            assert!(TopicTemplate::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn knows_which_filters_meet() {
        for (one, other, meet) in [
            ("twin/+/+", "twin/#", true),
            ("twin/+/+", "#", true),
            ("twin/+/+", "+/a/b", true),
            ("twin/+/+", "twin/+", false),
            ("twin/+/+", "twin/+/+/+", false),
            ("twin/+/+", "campus/#", false),
            ("twin/+/+", "$share/group/twin/a/#", true),
            ("a", "a/#", true),
            ("a/b", "a/b", true),
        ] {
            assert_eq!(overlap(one, other), meet, "{one} {other}");
            assert_eq!(overlap(other, one), meet, "{other} {one}");
        }
    }
}
