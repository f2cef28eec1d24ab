//! A suggestion written down: names for levels and bindings, JSONPaths, and TOML.

use std::collections::HashSet;

use twin_model::Scene;

use super::{
    SuggestedPoint,
    place::Placing,
    scan::Known,
    shape::{Form, Leaf, Shape},
};
use crate::bindings::is_name;

/// What each level is in the pattern: a text as it is, a name, or nothing in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Literal(String),
    Named(String),
    Any,
}

/// Names the levels that say whose a topic is; what else varies is a `+`.
pub(super) fn level_names(shape: &Shape<'_>, placing: &Placing<'_>, scene: &Scene) -> Vec<Level> {
    let used = placing.source.first..=placing.source.last;
    let mut names: HashSet<String> = HashSet::new();
    let mut levels = Vec::new();
    for at in 0..shape.levels() {
        let text = shape.topics[0][at];
        let named = used.contains(&at) && (!shape.fixed(at) || shape.topics.len() == 1);
        // Half a wildcard in a level would be read as one.
        let odd = text.contains(['+', '#', '{', '}']);
        if !named && shape.fixed(at) && !odd {
            levels.push(Level::Literal(text.to_owned()));
            continue;
        }
        if !named {
            levels.push(Level::Any);
            continue;
        }
        let before = at.checked_sub(1).map(|before| shape.topics[0][before]);
        let before = before.filter(|before| {
            shape.fixed(at - 1)
                && is_name(before)
                && !before.starts_with(|c: char| c.is_ascii_digit())
        });
        let kind =
            placing.entities.iter().flatten().next().map(|index| scene.at(*index).kind.as_str());
        let base = match (before, kind) {
            (Some(before), _) => before.to_lowercase(),
            (None, Some(kind)) if at == placing.source.last && is_name(kind) => kind.to_owned(),
            _ => format!("level{}", at + 1),
        };
        let name = if names.contains(&base) { format!("{base}{}", at + 1) } else { base };
        names.insert(name.clone());
        levels.push(Level::Named(name));
    }
    levels
}

/// The topic pattern.
pub(super) fn pattern(_: &Shape<'_>, levels: &[Level]) -> String {
    let text = |level: &Level| match level {
        Level::Literal(text) => text.clone(),
        Level::Named(name) => format!("{{{name}}}"),
        Level::Any => "+".to_owned(),
    };
    levels.iter().map(text).collect::<Vec<_>>().join("/")
}

/// A name that no other binding has: the words of the topic.
pub(super) fn name(shape: &Shape<'_>, levels: &[Level], names: &HashSet<String>) -> String {
    let words: Vec<&str> = levels
        .iter()
        .filter_map(|level| match level {
            Level::Literal(text) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    // The first is mostly the same everywhere: `campus`, `site`.
    let words = if words.len() > 2 { &words[1..] } else { &words[..] };
    let base = if words.is_empty() { pattern(shape, levels) } else { words.join(" ") };
    let free = |name: &String| !names.contains(name);
    if free(&base) {
        return base;
    }
    (2..).map(|n| format!("{base} {n}")).find(free).unwrap_or(base)
}

/// The JSONPath of a value; empty for the payload itself.
pub(super) fn path(leaf: &Leaf) -> String {
    if leaf.is_empty() {
        return String::new();
    }
    let mut path = "$".to_owned();
    for step in leaf {
        let plain = step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !step.starts_with(|c: char| c.is_ascii_digit())
            && !step.is_empty();
        if plain {
            path += ".";
            path += step;
        } else {
            path += "['";
            path += &step.replace('\\', "\\\\").replace('\'', "\\'");
            path += "']";
        }
    }
    path
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Silence after which a measured value is stale, until somebody says better: nothing may look
/// good for ever.
const STALE_AFTER: &str = "1h";

/// The binding as TOML.
pub(super) fn binding(
    name: &str,
    shape: &Shape<'_>,
    placing: &Placing<'_>,
    levels: &[Level],
    time: Option<&Leaf>,
    points: &[SuggestedPoint],
) -> String {
    let mut out = format!("[[binding]]\nname = {}\n", quoted(name));
    out += &format!("topic = {}\n", quoted(&pattern(shape, levels)));
    let used = &levels[placing.source.first..=placing.source.last];
    let text = |level: &Level| match level {
        Level::Named(name) => format!("{{{name}}}"),
        Level::Literal(text) => text.clone(),
        Level::Any => String::new(),
    };
    let template = used.iter().map(text).collect::<Vec<_>>().join(placing.source.between);
    out += &match &placing.known {
        Known::Tag(prefix) => {
            format!("entity = {{ tag = {} }}\n", quoted(&format!("{prefix}{template}")))
        }
        Known::Id => format!("entity = {{ global_id = {} }}\n", quoted(&template)),
        Known::Name => format!("entity = {{ name = {} }}\n", quoted(&template)),
        Known::Property(set, name) => format!(
            "entity = {{ property = {}, equals = {} }}\n",
            quoted(&format!("{set}.{name}")),
            quoted(&template)
        ),
    };
    let decode = match shape.form {
        Form::Number => "number",
        Form::Text => "text",
        Form::Json | Form::Other => "json",
    };
    out += &format!("decode = {}\n", quoted(decode));
    if let Some(time) = time {
        out += &format!("time = {}\n", quoted(&path(time)));
    }
    for point in points {
        out += &format!("  [[binding.point]]\n  metric = {}\n", quoted(&point.metric));
        if !point.value.is_empty() {
            out += &format!("  value = {}\n", quoted(&point.value));
        }
        if !point.unit.is_empty() {
            out += &format!("  unit = {}\n", quoted(&point.unit));
        }
        if point.scale != 1.0 {
            out += &format!("  scale = {}\n", toml::Value::from(point.scale));
        }
        // What is measured is said again and again; a door speaks when it opens.
        if !point.unit.is_empty() {
            out += &format!("  stale_after = {}\n", quoted(STALE_AFTER));
        }
        if shape.form == Form::Json && points.len() > 1 {
            out += "  optional = true\n";
        }
    }
    out
}
