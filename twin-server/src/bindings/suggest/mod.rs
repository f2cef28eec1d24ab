//! Suggested bindings: from topics that nobody has bound, and what things of the scene are
//! called. Time and memory are bounded by the topics kept ([`Seen`]), whatever they are.

mod place;
mod scan;
mod seen;
mod shape;
mod text;
mod words;

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::Value as Json;
use twin_model::Scene;
use utoipa::ToSchema;

pub use seen::{Observed, Seen};

use self::{
    place::Placing,
    scan::SceneScan,
    shape::{Form, Leaf, Shape},
};
use super::{board::BindingBoard, pattern::TopicPattern};

/// Suggestions given; more are counted.
const MAX_SUGGESTIONS: usize = 500;
/// Topics shown of each.
const EXAMPLES: usize = 3;

/// What a point may no longer be suggested for: id of the entity and metric.
pub type Claimed = HashSet<(String, String)>;

/// Bindings that could be made of what was seen.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Suggestions {
    /// Unbound topics looked at.
    pub topics: usize,
    /// Messages of further topics, that found no room.
    pub unlisted: u64,
    /// The most certain first.
    pub items: Vec<Suggestion>,
    /// Shapes of topics that nothing is suggested for, and why.
    pub unplaced: Vec<Unplaced>,
}

/// A binding that could be made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suggestion {
    /// Its name in the configuration.
    pub name: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Why, for people.
    pub reason: String,
    /// Topic pattern.
    pub topic: String,
    /// Topics of this shape.
    pub topics: usize,
    /// Those of them that find an entity.
    pub placed: usize,
    /// Some of them, with the entities they would find.
    pub examples: Vec<Example>,
    /// What would be measured.
    pub points: Vec<SuggestedPoint>,
    /// Values of the payload that are left out, and why.
    pub left_out: Vec<LeftOut>,
    /// The binding, ready to paste.
    pub toml: String,
}

/// A topic and its entity.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Example {
    /// The topic.
    pub topic: String,
    /// Id of the entity; absent where it finds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
}

/// A point that would be made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SuggestedPoint {
    /// What is measured.
    pub metric: String,
    /// UCUM unit.
    pub unit: String,
    /// JSONPath of the value; empty for the whole payload.
    pub value: String,
    /// The value in `unit` is the device's times this.
    pub scale: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// Why, for people.
    pub reason: String,
}

/// A value that is not suggested.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LeftOut {
    /// JSONPath of the value.
    pub value: String,
    /// Why, for people.
    pub reason: String,
}

/// Topics of a shape without a suggestion.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Unplaced {
    /// One of them.
    pub example: String,
    /// How many there are.
    pub topics: usize,
    /// Why, for people.
    pub reason: String,
}

/// Suggests bindings for topics that have none. No two of them, and none with what is
/// claimed, would write one point.
pub fn suggest(
    observed: &[Observed],
    scene: &Scene,
    mut claimed: Claimed,
    names: &HashSet<String>,
) -> Suggestions {
    let scan = SceneScan::new(scene);
    let mut found = Suggestions { topics: observed.len(), ..Suggestions::default() };
    let mut drafts: Vec<(Shape<'_>, Placing<'_>)> = Vec::new();
    for shape in shape::shapes(observed, &scan) {
        match place::place(&shape, &scan) {
            _ if shape.form == Form::Other => {
                let reason = "the payload is neither JSON nor a number nor a short text";
                found.unplaced.push(unplaced(&shape, reason.to_owned()));
            }
            Ok(placing) => drafts.push((shape, placing)),
            Err(reason) => found.unplaced.push(unplaced(&shape, reason)),
        }
    }
    drafts.sort_by(|(a, p), (b, q)| {
        let sure = q.confidence.total_cmp(&p.confidence);
        sure.then(b.topics.len().cmp(&a.topics.len())).then_with(|| a.topics.cmp(&b.topics))
    });
    let mut names = names.clone();
    for (shape, placing) in drafts {
        match draft(&shape, &placing, scene, &mut claimed, &mut names) {
            Ok(suggestion) if found.items.len() < MAX_SUGGESTIONS => found.items.push(suggestion),
            Ok(suggestion) => found.unplaced.push(unplaced(
                &shape,
                format!(
                    "more than {MAX_SUGGESTIONS} suggestions; accept some first ({})",
                    suggestion.name
                ),
            )),
            Err(reason) => found.unplaced.push(unplaced(&shape, reason)),
        }
    }
    found.items.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    found.unplaced.sort_by(|a, b| b.topics.cmp(&a.topics).then_with(|| a.example.cmp(&b.example)));
    found.unplaced.truncate(MAX_SUGGESTIONS);
    found
}

impl BindingBoard {
    /// Suggests bindings for the topics on the board that none of its bindings takes.
    pub fn suggest(&self, scene: &Scene) -> Suggestions {
        let patterns: Vec<TopicPattern> =
            self.bindings.iter().filter_map(|one| TopicPattern::parse(&one.topic).ok()).collect();
        let (mut observed, unlisted) = {
            let seen = self.seen.lock();
            (seen.list(), seen.unlisted())
        };
        // Some were seen before the bindings changed.
        observed.retain(|seen| !patterns.iter().any(|one| one.captures(&seen.topic).is_some()));
        let mut claimed = Claimed::new();
        for bound in self.all_bound() {
            let points = &self.bindings[bound.binding].points;
            claimed
                .extend(points.iter().map(|point| (bound.entity.to_string(), point.0.to_string())));
        }
        let names = self.bindings.iter().map(|one| one.name.to_string()).collect();
        Suggestions { unlisted, ..suggest(&observed, scene, claimed, &names) }
    }
}

fn unplaced(shape: &Shape<'_>, reason: String) -> Unplaced {
    Unplaced { example: shape.topics[0].join("/"), topics: shape.topics.len(), reason }
}

fn draft(
    shape: &Shape<'_>,
    placing: &Placing<'_>,
    scene: &Scene,
    claimed: &mut Claimed,
    names: &mut HashSet<String>,
) -> Result<Suggestion, String> {
    let (mut points, mut left_out) = points(shape);
    let ids: Vec<&str> =
        placing.entities.iter().flatten().map(|index| scene.at(*index).id.as_str()).collect();
    points.retain(|point| {
        let taken = |id: &&&str| claimed.contains(&((**id).to_owned(), point.metric.clone()));
        let Some(id) = ids.iter().find(taken) else { return true };
        let reason = format!("{id}/{} has a reading already", point.metric);
        left_out.push(LeftOut { value: point.value.clone(), reason });
        false
    });
    if points.is_empty() {
        let why = left_out.first().map(|left| format!("{}: {}", left.value, left.reason));
        let why = why.unwrap_or_else(|| "the payload holds nothing known".to_owned());
        return Err(format!("its entities are found, but nothing to measure; {why}"));
    }
    let sure: f64 = points.iter().map(|point| point.confidence).sum::<f64>() / points.len() as f64;
    let mut reason = placing.reason(shape);
    for point in &points {
        reason += "; ";
        reason += &point.reason;
    }
    let levels = text::level_names(shape, placing, scene);
    if levels[placing.source.first..=placing.source.last].contains(&text::Level::Any) {
        return Err("its levels hold braces, which a pattern cannot name".to_owned());
    }
    for id in &ids {
        claimed.extend(points.iter().map(|point| ((*id).to_owned(), point.metric.clone())));
    }
    let name = text::name(shape, &levels, names);
    names.insert(name.clone());
    let time = time_key(shape);
    let example = |(levels, entity): (&Vec<&str>, &Option<u32>)| Example {
        topic: levels.join("/"),
        entity: entity.map(|index| scene.at(index).id.to_string()),
    };
    Ok(Suggestion {
        toml: text::binding(&name, shape, placing, &levels, time.as_ref(), &points),
        topic: text::pattern(shape, &levels),
        confidence: (placing.confidence * sure * 100.0).round() / 100.0,
        reason,
        topics: shape.topics.len(),
        placed: placing.matched,
        examples: shape.topics.iter().zip(&placing.entities).take(EXAMPLES).map(example).collect(),
        points,
        left_out,
        name,
    })
}

/// What the payloads of a shape measure, one point a metric.
fn points(shape: &Shape<'_>) -> (Vec<SuggestedPoint>, Vec<LeftOut>) {
    let mut best: BTreeMap<&str, SuggestedPoint> = BTreeMap::new();
    let mut left_out = Vec::new();
    let time = time_key(shape);
    for (leaf, values) in &shape.leaves {
        let path = text::path(leaf);
        if Some(leaf) == time.as_ref() {
            continue;
        }
        let numbers: Vec<f64> = values.iter().filter_map(number).collect();
        let guess = keys(shape, leaf).iter().find_map(|key| words::guess(key, &numbers));
        let Some(guess) = guess else {
            let reason = "nothing known goes by this name".to_owned();
            left_out.push(LeftOut { value: path, reason });
            continue;
        };
        if !guess.unit.is_empty() && numbers.len() < values.len() {
            let reason = format!("{}, but not every value is a number", guess.why);
            left_out.push(LeftOut { value: path, reason });
            continue;
        }
        let point = SuggestedPoint {
            metric: guess.metric.to_owned(),
            unit: guess.unit.to_owned(),
            value: path,
            scale: guess.scale,
            confidence: guess.confidence,
            reason: guess.why,
        };
        let loser = match best.get_mut(guess.metric) {
            None => {
                best.insert(guess.metric, point);
                continue;
            }
            Some(kept) if kept.confidence < point.confidence => std::mem::replace(kept, point),
            Some(_) => point,
        };
        let reason = format!("another value is {} already", loser.metric);
        left_out.push(LeftOut { value: loser.value, reason });
    }
    (best.into_values().collect(), left_out)
}

/// What a value may be called: its key, then the keys around it; without any, the words of
/// the topic from the right.
fn keys(shape: &Shape<'_>, leaf: &Leaf) -> Vec<String> {
    if let Some(last) = leaf.last() {
        let mut keys = vec![last.clone()];
        // `{"temperature":{"value":21}}`
        if matches!(last.as_str(), "value" | "val" | "v") && leaf.len() > 1 {
            keys.push(leaf[leaf.len() - 2].clone());
        }
        return keys;
    }
    let fixed = (0..shape.levels()).rev().filter(|level| shape.fixed(*level));
    fixed.map(|level| shape.topics[0][level].to_owned()).collect()
}

fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// The key whose values are all times of this century, under a name for one; or the only one
/// whose values are all written as dates with times and zones, whatever its name.
fn time_key(shape: &Shape<'_>) -> Option<Leaf> {
    const NAMES: [&str; 11] = [
        "ts",
        "time",
        "timestamp",
        "datetime",
        "date_time",
        "t",
        "at",
        "shijian",
        "时间",
        "collecttime",
        "reported_at",
    ];
    let is_time = |value: &Json| match value {
        Json::String(text) if text.trim().parse::<f64>().is_err() => {
            text.trim().parse::<jiff::Timestamp>().is_ok()
        }
        value => number(value).is_some_and(|n| {
            (946_684_800.0..=4_102_444_800.0).contains(&n)
                || (946_684_800_000.0..=4_102_444_800_000.0).contains(&n)
        }),
    };
    let named =
        |leaf: &Leaf| leaf.last().is_some_and(|key| NAMES.contains(&key.to_lowercase().as_str()));
    let fits = |(leaf, values): &(&Leaf, &Vec<Json>)| named(leaf) && values.iter().all(is_time);
    let named = shape.leaves.iter().filter(fits).map(|(leaf, _)| leaf.clone()).min_by_key(Vec::len);
    let written = |value: &Json| value.is_string() && is_time(value);
    let mut dates = shape.leaves.iter().filter(|(_, values)| values.iter().all(written));
    let only = match (dates.next(), dates.next()) {
        (Some((leaf, values)), None) if !values.is_empty() => Some(leaf.clone()),
        _ => None,
    };
    named.or(only)
}
