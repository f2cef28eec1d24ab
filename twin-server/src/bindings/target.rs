//! Which entity a topic's samples belong to, and how it is found in the scene.

use std::collections::{BTreeSet, HashMap};

use twin_model::{EntityKind, Scene};

use super::template::Template;

/// The `entity` of a binding.
#[derive(Clone, Debug)]
pub struct Target {
    /// What is compared.
    pub by: By,
    /// Only entities of this kind.
    pub kind: Option<EntityKind>,
}

/// What a target is compared with.
#[derive(Clone, Debug)]
pub enum By {
    /// One of the entity's tags.
    Tag(Template),
    /// The entity's id: its GlobalId, or the name made up for a source without one.
    GlobalId(Template),
    /// The entity's name.
    Name(Template),
    /// Names from an ancestor down to the entity; levels between may be left out.
    Path(Vec<Template>),
    /// A property of the entity.
    Property {
        /// Property set: `Pset_Device`.
        set: Box<str>,
        /// Property in it: `SerialNumber`.
        name: Box<str>,
        /// What it must say.
        equals: Template,
    },
}

/// A property by its set and name.
type PropertyName = (Box<str>, Box<str>);
/// Entities by the value of one property.
type ByValue = HashMap<String, Vec<u32>>;

/// Indexes over the scene that only some targets need.
#[derive(Debug, Default)]
pub(super) struct PropertyIndex {
    by_value: HashMap<PropertyName, ByValue>,
}

impl PropertyIndex {
    /// Prepares a target: reads its property off every entity, once.
    pub(super) fn prepare(&mut self, target: &Target, scene: &Scene) {
        let By::Property { set, name, .. } = &target.by else { return };
        self.by_value.entry((set.clone(), name.clone())).or_insert_with(|| {
            let mut found: HashMap<String, Vec<u32>> = HashMap::new();
            for (index, entity) in (0..).zip(scene.entities()) {
                let value = entity.properties.get(&**set).and_then(|set| set.get(&**name));
                if let Some(text) = value.and_then(scalar_text) {
                    found.entry(text).or_default().push(index);
                }
            }
            found
        });
    }
}

/// A JSON scalar as the text a topic level would hold.
pub(super) fn scalar_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        // As a person writes it: 1.0 is the code "1".
        serde_json::Value::Number(number) if number.is_f64() => {
            number.as_f64().map(|number| number.to_string())
        }
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

impl Target {
    /// Every entity that fits, with the words for what was looked for.
    pub(super) fn resolve(
        &self,
        scene: &Scene,
        properties: &PropertyIndex,
        captures: &[&str],
    ) -> (String, Vec<u32>) {
        let (wanted, mut found) = match &self.by {
            By::Tag(tag) => {
                let tag = tag.fill(captures);
                (format!("tag {tag}"), scene.tagged(&tag).to_vec())
            }
            By::GlobalId(id) => {
                let id = id.fill(captures);
                (format!("global_id {id}"), scene.index(&id).into_iter().collect())
            }
            By::Name(name) => {
                let name = name.fill(captures);
                (format!("name {name}"), scene.named(&name).to_vec())
            }
            By::Path(path) => {
                let names: Vec<String> = path.iter().map(|name| name.fill(captures)).collect();
                (format!("path {}", names.join("/")), at_path(scene, &names))
            }
            By::Property { set, name, equals } => {
                let value = equals.fill(captures);
                let index = properties.by_value.get(&(set.clone(), name.clone()));
                let found = index.and_then(|index| index.get(&value)).cloned();
                (format!("property {set}.{name} = {value}"), found.unwrap_or_default())
            }
        };
        if let Some(kind) = self.kind {
            found.retain(|index| scene.at(*index).kind == kind);
        }
        let kind = self.kind.map(|kind| format!(" ({})", kind.as_str())).unwrap_or_default();
        (wanted + &kind, found)
    }
}

/// What a target could bind in a scene, whatever topics come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// How many entities one of its texts would name.
    pub entities: usize,
    /// Texts that name more than one, with how many.
    pub ambiguous: Vec<(String, usize)>,
}

impl Target {
    /// A dry run without messages: every text in the scene that a topic could name.
    pub fn reach(&self, scene: &Scene) -> Reach {
        let mut by_text: HashMap<String, BTreeSet<u32>> = HashMap::new();
        for (index, entity) in (0..).zip(scene.entities()) {
            if self.kind.is_some_and(|kind| kind != entity.kind) {
                continue;
            }
            let mut add = |template: &Template, text: &str, key: String| {
                if template.fits(text) {
                    by_text.entry(key).or_default().insert(index);
                }
            };
            match &self.by {
                By::Tag(tag) => entity.tags.iter().for_each(|text| add(tag, text, text.clone())),
                By::GlobalId(id) => add(id, entity.id.as_str(), entity.id.to_string()),
                By::Name(name) => add(name, &entity.name, entity.name.clone()),
                By::Path(path) => {
                    // The names above tell apart what the last name alone does not.
                    let names = scene.path(index).into_iter().map(|at| scene.at(at).name.as_str());
                    let key = names.collect::<Vec<_>>().join("/");
                    path.last().into_iter().for_each(|last| add(last, &entity.name, key.clone()));
                }
                By::Property { set, name, equals } => {
                    let value = entity.properties.get(&**set).and_then(|set| set.get(&**name));
                    if let Some(text) = value.and_then(scalar_text) {
                        add(equals, &text, text.clone());
                    }
                }
            }
        }
        let entities: BTreeSet<u32> = by_text.values().flatten().copied().collect();
        let mut ambiguous: Vec<(String, usize)> = by_text
            .into_iter()
            .filter(|(_, found)| found.len() > 1)
            .map(|(text, found)| (text, found.len()))
            .collect();
        ambiguous.sort_unstable();
        Reach { entities: entities.len(), ambiguous }
    }
}

/// Entities named as the last part, whose ancestors carry the other names in order.
fn at_path(scene: &Scene, names: &[String]) -> Vec<u32> {
    let Some((last, above)) = names.split_last() else { return Vec::new() };
    let fits = |index: &u32| {
        let mut ancestors = std::iter::successors(scene.parent(*index), |at| scene.parent(*at));
        above.iter().rev().all(|name| ancestors.any(|at| scene.at(at).name == *name))
    };
    scene.named(last).iter().copied().filter(fits).collect()
}
