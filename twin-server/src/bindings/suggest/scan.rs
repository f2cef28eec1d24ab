//! What things of the scene are called, made ready to be asked for by any text.

use std::collections::HashMap;

use twin_model::Scene;

/// Properties that are looked into, by words in their names: those that tell one thing
/// from another.
const IDENTIFYING: [&str; 10] =
    ["serial", "tag", "mark", "number", "id", "code", "asset", "reference", "barcode", "编号"];
/// Values of properties kept; more are left out.
const MAX_VALUES: usize = 1_000_000;
/// Longest value of a property that could be a level of a topic, bytes.
const MAX_VALUE: usize = 64;

/// How an entity is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Known<'s> {
    /// By a tag: this before the text.
    Tag(&'s str),
    /// By a property: set and name.
    Property(&'s str, &'s str),
    /// By its id.
    Id,
    /// By its name.
    Name,
}

impl Known<'_> {
    /// How sure it is that equal texts mean the same thing.
    pub(super) fn trust(&self) -> f64 {
        match self {
            Self::Tag("") => 0.97,
            Self::Tag(_) => 0.98,
            Self::Id => 0.98,
            Self::Property(..) => 0.93,
            Self::Name => 0.88,
        }
    }
}

/// The names of things in a scene.
#[derive(Debug)]
pub(super) struct SceneScan<'s> {
    pub(super) scene: &'s Scene,
    by_text: HashMap<&'s str, Vec<(Known<'s>, u32)>>,
    by_number: HashMap<String, Vec<(Known<'s>, u32)>>,
}

impl<'s> SceneScan<'s> {
    pub(super) fn new(scene: &'s Scene) -> Self {
        let mut by_text: HashMap<&str, Vec<(Known<'_>, u32)>> = HashMap::new();
        let mut by_number: HashMap<String, Vec<(Known<'_>, u32)>> = HashMap::new();
        let mut values = 0;
        for (index, entity) in (0..).zip(scene.entities()) {
            // What a template would read as a place to fill in cannot be written in one.
            for tag in entity.tags.iter().filter(|tag| !tag.contains(['{', '}'])) {
                by_text.entry(tag).or_default().push((Known::Tag(""), index));
                for (at, _) in tag.match_indices(':') {
                    let (prefix, text) = tag.split_at(at + 1);
                    by_text.entry(text).or_default().push((Known::Tag(prefix), index));
                }
            }
            for (set, properties) in entity.properties.iter().filter(|(set, _)| !set.contains('.'))
            {
                for (name, value) in properties {
                    let lower = name.to_lowercase();
                    if !IDENTIFYING.iter().any(|word| lower.contains(word)) || values >= MAX_VALUES
                    {
                        continue;
                    }
                    let known = Known::Property(set, name);
                    match value {
                        serde_json::Value::String(text) if text.len() <= MAX_VALUE => {
                            by_text.entry(text).or_default().push((known, index));
                        }
                        serde_json::Value::Number(number) => {
                            by_number.entry(number.to_string()).or_default().push((known, index));
                        }
                        _ => continue,
                    }
                    values += 1;
                }
            }
        }
        Self { scene, by_text, by_number }
    }

    /// Every way in which a text names exactly one entity.
    pub(super) fn named(&self, text: &str) -> Vec<(Known<'s>, u32)> {
        let mut found: Vec<(Known<'_>, u32)> = Vec::new();
        found.extend(self.by_text.get(text).into_iter().flatten().cloned());
        found.extend(self.by_number.get(text).into_iter().flatten().cloned());
        if let [one] = self.scene.named(text) {
            found.push((Known::Name, *one));
        }
        found.extend(self.scene.index(text).map(|index| (Known::Id, index)));
        found.sort_unstable();
        let twice =
            |known: &Known<'_>| found.iter().filter(|(other, _)| other == known).count() > 1;
        let unique: Vec<_> = found.iter().filter(|(known, _)| !twice(known)).cloned().collect();
        unique
    }

    /// Whether anything goes by a text.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.by_text.contains_key(text)
            || self.by_number.contains_key(text)
            || !self.scene.named(text).is_empty()
            || self.scene.index(text).is_some()
    }
}
