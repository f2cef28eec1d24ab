//! Which entity a topic's samples belong to, and how it is found in the scene.

use std::collections::{BTreeSet, HashMap};

use twin_model::{EntityKind, Scene};

use super::{path::Node, scalar::scalar_text, template::Template};

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

impl Target {
    fn templates(&self) -> &[Template] {
        match &self.by {
            By::Tag(text) | By::GlobalId(text) | By::Name(text) => std::slice::from_ref(text),
            By::Property { equals, .. } => std::slice::from_ref(equals),
            By::Path(path) => path,
        }
    }

    /// Whether the topic alone does not tell the entity: the payload has to.
    pub fn needs_payload(&self) -> bool {
        self.templates().iter().any(Template::needs_payload)
    }

    /// Whether it asks for the name or number of an element of `each`.
    pub fn needs_key(&self) -> bool {
        self.templates().iter().any(Template::needs_key)
    }

    /// Whether it asks for a level of the topic.
    pub(super) fn needs_level(&self, level: usize) -> bool {
        self.templates().iter().any(|template| template.needs_level(level))
    }

    /// The texts to look for; one, but for a path.
    ///
    /// # Errors
    /// Where the payload does not tell them.
    pub(super) fn fill(
        &self,
        captures: &[impl AsRef<str>],
        node: Option<&Node<'_>>,
    ) -> Result<Vec<String>, String> {
        self.templates().iter().map(|template| template.fill(captures, node)).collect()
    }

    /// Every entity that fits the texts, with the words for what was looked for.
    pub(super) fn find(
        &self,
        scene: &Scene,
        properties: &PropertyIndex,
        texts: &[String],
    ) -> (String, Vec<u32>) {
        let text = texts.last().map(String::as_str).unwrap_or_default();
        let (wanted, mut found) = match &self.by {
            By::Tag(_) => (format!("tag {text}"), scene.tagged(text).to_vec()),
            By::GlobalId(_) => {
                (format!("global_id {text}"), scene.index(text).into_iter().collect())
            }
            By::Name(_) => (format!("name {text}"), scene.named(text).to_vec()),
            By::Path(_) => (format!("path {}", texts.join("/")), at_path(scene, texts)),
            By::Property { set, name, .. } => {
                let index = properties.by_value.get(&(set.clone(), name.clone()));
                let found = index.and_then(|index| index.get(text)).cloned();
                (format!("property {set}.{name} = {text}"), found.unwrap_or_default())
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
