//! Ids over a re-import. What has no GlobalId, or shares one, has an id that follows from
//! what it is; where that was edited, it keeps the id it has in the package that is
//! replaced: bindings, alarms and links go on to mean it.

mod matching;

use std::{path::Path, sync::Arc};

use hashbrown::{HashMap, HashSet};
use serde::Deserialize;
use twin_model::{BoundingBox, EntityId, EntityKind, SceneInfo, scene::Origin};

use self::matching::{Matching, Traits};
use super::{class, is_made, one_text, rename_all, unnumbered, unused};
use crate::{
    changes::{self, ChangesError},
    imported::{Imported, Note},
    target,
};

/// A source of the new revision.
pub(crate) struct Revised<'a> {
    /// Name of its file.
    pub(crate) file: &'a str,
    pub(crate) imported: &'a mut Imported,
    /// What is said of it besides what its reader said.
    pub(crate) notes: &'a mut Vec<Note>,
}

/// What an id of the old package looks like.
#[derive(Deserialize)]
struct Outline {
    id: EntityId,
    #[serde(default)]
    global_id: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// An entity of the old package, without its properties.
#[derive(Deserialize)]
struct Old {
    id: EntityId,
    #[serde(default)]
    parent: Option<EntityId>,
    kind: EntityKind,
    #[serde(default)]
    ifc_class: Option<String>,
    #[serde(default)]
    global_id: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    bbox: Option<BoundingBox>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    source: u32,
}

/// Which ids were not given by a file to one thing alone.
#[derive(Default)]
struct Unsure {
    /// Whether some were made here.
    made: bool,
    /// Those that several have, without their numbers.
    shared: HashSet<EntityId>,
}

impl Unsure {
    fn look(&mut self, id: &str, global_id: Option<&str>, tags: &[String]) {
        if is_made(id, global_id, tags) {
            self.made = true;
        } else if let Some(id) = unnumbered(id) {
            self.shared.insert(id.into());
        }
    }

    /// Whether one is looked at, and what the id is that it shares.
    fn base(
        &self,
        id: &EntityId,
        global_id: Option<&str>,
        tags: &[String],
    ) -> Option<Option<EntityId>> {
        if is_made(id.as_str(), global_id, tags) {
            return Some(None);
        }
        let shared = |id: &str| self.shared.get(id).cloned();
        let base = shared(id.as_str()).or_else(|| unnumbered(id.as_str()).and_then(shared));
        base.map(Some)
    }
}

/// Gives entities the ids of those of the package in `dir` that they are. Nothing happens
/// where there is none.
pub(crate) fn keep(
    dir: &Path,
    sources: &mut [Revised<'_>],
    origin: &Origin,
) -> Result<(), ChangesError> {
    if !target::is_package(dir) {
        return Ok(());
    }
    let info: SceneInfo = changes::read_json(&dir.join("scene.json"))?;
    let (mut new, mut old) = (Unsure::default(), Unsure::default());
    for entity in sources.iter().flat_map(|source| &source.imported.entities) {
        new.look(entity.id.as_str(), entity.global_id.as_deref(), &entity.tags);
    }
    let list = dir.join("entities.ndjson");
    changes::each_line(&list, |line: Outline| {
        old.look(line.id.as_str(), line.global_id.as_deref(), &line.tags);
    })?;
    new.shared.extend(old.shared);
    if new.shared.is_empty() && !(new.made && old.made) {
        return Ok(());
    }
    let files: Vec<&str> = info.sources.iter().map(|source| source.file.as_str()).collect();
    let heirs = successors(&files, &sources.iter().map(|source| source.file).collect::<Vec<_>>());
    let mut matching = Matching::default();
    let others = add_new(&mut matching, sources, &new);
    let shift = changes::shift(&info.origin, origin);
    let mut names = Names::default();
    changes::each_line(&list, |line: Old| {
        if let Some(base) = new.base(&line.id, line.global_id.as_deref(), &line.tags) {
            let file = heirs.get(line.source as usize).copied().flatten();
            matching.old.push(line.traits(base, file, shift, &mut names));
        }
    })?;
    drop(names);
    matching.run();
    let renamed = renamed(&matching, &others);
    if !renamed.is_empty() {
        let renamed = Arc::new(renamed);
        for source in sources {
            rename(source, &renamed);
        }
    }
    Ok(())
}

/// The number of the new file that each old one has become: the one of the same name. A
/// file that alone has a name of its own has become the one that alone has.
fn successors(old: &[&str], new: &[&str]) -> Vec<Option<u32>> {
    let mut free: Vec<usize> = (0..new.len()).collect();
    let mut found: Vec<Option<usize>> = old
        .iter()
        .map(|file| {
            let at = free.iter().position(|&at| new[at] == *file)?;
            Some(free.remove(at))
        })
        .collect();
    if let ([only], 1) = (free.as_slice(), found.iter().filter(|found| found.is_none()).count()) {
        found.iter_mut().filter(|found| found.is_none()).for_each(|found| *found = Some(*only));
    }
    found.into_iter().map(|found| u32::try_from(found?).ok()).collect()
}

/// One text for all ids and classes that are the same.
#[derive(Default)]
struct Names {
    ids: HashSet<EntityId>,
    classes: HashSet<Arc<str>>,
}

impl Names {
    fn id(&mut self, id: EntityId) -> EntityId {
        if let Some(known) = self.ids.get(&id) {
            return known.clone();
        }
        self.ids.insert(id.clone());
        id
    }

    fn class(&mut self, class: &str) -> Arc<str> {
        one_text(&mut self.classes, class)
    }
}

impl Old {
    fn traits(
        self,
        base: Option<EntityId>,
        file: Option<u32>,
        shift: [f64; 3],
        names: &mut Names,
    ) -> Traits {
        let class = self.ifc_class.as_deref().unwrap_or(self.kind.as_str());
        let moved = |corner: [f64; 3]| [0, 1, 2].map(|axis| corner[axis] + shift[axis]);
        Traits {
            id: self.id,
            base,
            file,
            class: names.class(class),
            name: self.name.into(),
            tag: tag(self.kind, &self.tags),
            parent: self.parent.map(|parent| names.id(parent)),
            bbox: self.bbox.map(|b| BoundingBox { min: moved(b.min), max: moved(b.max) }),
        }
    }
}

/// The tag that the file gives: it stands there alone and with the kind.
fn tag(kind: EntityKind, tags: &[String]) -> Option<Box<str>> {
    let own = tags.iter().find_map(|tag| {
        let tag = tag.strip_prefix(kind.as_str())?.strip_prefix(':')?;
        tags.iter().any(|other| other == tag).then_some(tag)
    });
    own.map(Into::into)
}

/// Adds what is looked at of the new revision; the ids of all else.
fn add_new(matching: &mut Matching, sources: &[Revised<'_>], unsure: &Unsure) -> HashSet<EntityId> {
    let mut names = Names::default();
    let mut others = HashSet::new();
    for (file, source) in (0u32..).zip(sources) {
        for entity in &source.imported.entities {
            let base = unsure.base(&entity.id, entity.global_id.as_deref(), &entity.tags);
            let Some(base) = base else {
                others.insert(entity.id.clone());
                continue;
            };
            matching.new.push(Traits {
                id: entity.id.clone(),
                base,
                file: Some(file),
                class: names.class(class(entity)),
                name: entity.name.as_str().into(),
                tag: tag(entity.kind, &entity.tags),
                parent: entity.parent.clone(),
                bbox: entity.bbox,
            });
        }
    }
    others
}

/// New ids for those that are not to have the one they have; `others` are taken.
fn renamed(matching: &Matching, others: &HashSet<EntityId>) -> HashMap<EntityId, EntityId> {
    let mut taken: HashSet<EntityId> = HashSet::new();
    let kept = |n: usize| matching.of_new(n).map(|old| &old.id).filter(|id| !others.contains(*id));
    taken.extend((0..matching.new.len()).filter_map(kept).cloned());
    let mut renamed = HashMap::new();
    for (n, new) in matching.new.iter().enumerate() {
        let id = match kept(n) {
            Some(id) => id.clone(),
            None => {
                let wanted = new.base.as_ref().unwrap_or(&new.id);
                let id = unused(wanted.as_str(), |id| taken.contains(id) || others.contains(id));
                taken.insert(id.clone());
                id
            }
        };
        if id != new.id {
            renamed.insert(new.id.clone(), id);
        }
    }
    renamed
}

fn rename(source: &mut Revised<'_>, renamed: &Arc<HashMap<EntityId, EntityId>>) {
    rename_all(source.imported, renamed);
    for note in source.notes.iter_mut().chain(&mut source.imported.notes) {
        // A GlobalId stands for whatever has it.
        let made = note.global_id.as_mut().filter(|id| is_made(id, None, &[]));
        if let Some(id) = made
            && let Some(new) = renamed.get(id.as_str())
        {
            *id = new.to_string();
        }
        if let Some(reason) = reworded(&note.reason, renamed) {
            note.reason = reason;
        }
    }
}

/// What is said of an id that is another now.
fn reworded(reason: &str, renamed: &HashMap<EntityId, EntityId>) -> Option<String> {
    const BEFORE: &str = "kept as ";
    let at = reason.find(BEFORE)? + BEFORE.len();
    let id = reason[at..].split([':', ' ']).next()?;
    let new = renamed.get(id)?;
    Some(format!("{}{new}{}", &reason[..at], &reason[at + id.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_alone_has_another_name_is_the_one_that_is_missing() {
        assert_eq!(successors(&["a", "b"], &["b", "a"]), [Some(1), Some(0)]);
        assert_eq!(successors(&["a", "b"], &["b", "c"]), [Some(1), Some(0)]);
        assert_eq!(successors(&["a", "b"], &["c", "d"]), [None, None]);
        assert_eq!(successors(&["a", "a"], &["a", "a"]), [Some(0), Some(1)]);
    }

    #[test]
    fn an_id_that_another_keeps_is_not_given_twice() {
        let traits = |id: &str, name: &str, x_m: f64| Traits {
            id: id.into(),
            base: None,
            file: Some(0),
            class: "Wall".into(),
            name: name.into(),
            tag: None,
            parent: None,
            bbox: Some(BoundingBox { min: [x_m; 3], max: [x_m + 1.0; 3] }),
        };
        // What was n1 is n2 now, and another n1 came, whose own id is what that keeps.
        let old = vec![traits("n1", "n2", 0.0)];
        let new = vec![traits("n2", "n2", 0.0), traits("n1", "n1", 50.0)];
        let mut matching = Matching::default();
        (matching.old, matching.new) = (old, new);
        matching.run();
        let renamed = renamed(&matching, &HashSet::new());
        assert_eq!(renamed["n2"].as_str(), "n1");
        assert_eq!(renamed["n1"].as_str(), "n1~2");
        let said = "its GlobalId occurs; it is kept as n2: Wall has it, too";
        let wanted = "its GlobalId occurs; it is kept as n1: Wall has it, too";
        assert_eq!(reworded(said, &renamed).as_deref(), Some(wanted));
    }
}
