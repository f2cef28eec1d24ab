//! Topics of one shape: as many levels, payloads with the same keys, and the same words
//! where a level is a word and not a name of something.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::{scan::SceneScan, seen::Observed, words};

/// Different words of one level that may each be a shape of its own.
const MAX_WORDS: usize = 16;
/// Keys of one payload that are looked at.
const MAX_LEAVES: usize = 200;
/// Payloads of one shape whose values are looked at.
const MAX_SAMPLES: usize = 64;
/// Deepest topic looked at, levels.
const MAX_LEVELS: usize = 32;

/// How the payloads of a shape are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Form {
    Json,
    Number,
    Text,
    /// Neither; no binding is suggested.
    Other,
}

/// A value that every payload of a shape has, by its steps from the root.
pub(super) type Leaf = Vec<String>;

/// Topics of one shape.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) form: Form,
    pub(super) topics: Vec<Vec<&'a str>>,
    /// Keys with the values of some payloads.
    pub(super) leaves: BTreeMap<Leaf, Vec<Json>>,
}

impl Shape<'_> {
    /// Whether a level is the same in all topics.
    pub(super) fn fixed(&self, level: usize) -> bool {
        self.topics.iter().all(|levels| levels[level] == self.topics[0][level])
    }

    pub(super) fn levels(&self) -> usize {
        self.topics[0].len()
    }
}

/// One payload, read.
struct Read {
    form: Form,
    leaves: BTreeMap<Leaf, Json>,
}

/// Sorts topics into shapes.
pub(super) fn shapes<'a>(observed: &'a [Observed], scan: &SceneScan<'_>) -> Vec<Shape<'a>> {
    let mut groups: HashMap<(usize, Form, String), Vec<&Observed>> = HashMap::new();
    for seen in observed {
        let levels = seen.topic.split('/').count();
        if levels > MAX_LEVELS || seen.topic.starts_with('$') {
            continue;
        }
        let read = read(&seen.payload);
        let mut keys = String::new();
        for leaf in read.leaves.keys() {
            keys.extend(leaf.iter().flat_map(|step| [step.as_str(), "\u{1}"]));
            keys.push('\u{2}');
        }
        groups.entry((levels, read.form, keys)).or_default().push(seen);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut shapes = Vec::new();
    for ((levels, form, _), members) in groups {
        split(members, 0, levels, scan, &mut |members| shapes.push(shape(form, members)));
    }
    shapes
}

/// Splits a group at the levels that are words, from the left.
fn split<'a>(
    members: Vec<&'a Observed>,
    level: usize,
    levels: usize,
    scan: &SceneScan<'_>,
    done: &mut impl FnMut(&[&'a Observed]),
) {
    if level == levels {
        return done(&members);
    }
    let mut by_text: BTreeMap<&str, Vec<&Observed>> = BTreeMap::new();
    for seen in &members {
        let text = seen.topic.split('/').nth(level).unwrap_or_default();
        by_text.entry(text).or_default().push(seen);
    }
    let words = by_text.keys().filter(|text| is_word(text)).count();
    let known = by_text.keys().filter(|text| scan.knows(text)).count();
    let measured = by_text.keys().all(|text| words::is_word(text));
    let apart =
        by_text.len() <= MAX_WORDS && words == by_text.len() && (known < by_text.len() || measured);
    if by_text.len() > 1 && apart {
        for (_, members) in by_text {
            split(members, level + 1, levels, scan, done);
        }
    } else {
        split(members, level + 1, levels, scan, done);
    }
}

/// A text without digits reads like a word: `meter`, `state`, `air-quality`.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphabetic() || matches!(c, '_' | '-' | '.'))
        || words::is_word(text)
}

fn shape<'a>(form: Form, members: &[&'a Observed]) -> Shape<'a> {
    let mut leaves: BTreeMap<Leaf, Vec<Json>> = BTreeMap::new();
    // Spread over the group: neighbours by name are often of one kind.
    let step = members.len().div_ceil(MAX_SAMPLES);
    for seen in members.iter().step_by(step) {
        for (leaf, value) in read(&seen.payload).leaves {
            leaves.entry(leaf).or_default().push(value);
        }
    }
    let topics = members.iter().map(|seen| seen.topic.split('/').collect()).collect();
    Shape { form, topics, leaves }
}

fn read(payload: &[u8]) -> Read {
    let mut leaves = BTreeMap::new();
    let scalar = |form, value| Read { form, leaves: BTreeMap::from([(Leaf::new(), value)]) };
    let Ok(text) = std::str::from_utf8(payload) else {
        return Read { form: Form::Other, leaves };
    };
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(object)) => {
            for (key, value) in object {
                collect(&mut vec![key], value, &mut leaves);
            }
            Read { form: Form::Json, leaves }
        }
        Ok(number @ Json::Number(_)) => scalar(Form::Number, number),
        _ if text.trim().is_empty() || text.len() > 64 || text.contains(['{', '[', '<']) => {
            Read { form: Form::Other, leaves }
        }
        _ => scalar(Form::Text, Json::from(text.trim())),
    }
}

fn collect(steps: &mut Vec<String>, value: Json, leaves: &mut BTreeMap<Leaf, Json>) {
    match value {
        Json::Object(object) => {
            for (key, value) in object {
                steps.push(key);
                collect(steps, value, leaves);
                steps.pop();
            }
        }
        // Which element of an array a value is, changes; a person has to say.
        Json::Array(_) => {}
        scalar if leaves.len() < MAX_LEAVES => {
            leaves.insert(steps.clone(), scalar);
        }
        _ => {}
    }
}
