//! Names of the property sets that the importer writes itself, and where a file's own set of
//! such a name goes.

use serde_json::Value as Json;
use twin_model::changes::Properties;

/// Holds the attributes of the schema, and those of city objects.
pub(crate) const ATTRIBUTES: &str = "Attributes";
/// Holds the classes that classifications give.
pub(crate) const CLASSIFICATION: &str = "Classification";
/// Holds layers, profiles and constituents.
pub(crate) const MATERIAL: &str = "Material";
/// Names other entities by their ids.
pub(crate) const RELATIONS: &str = "Relations";
/// Says what the type of an element is.
pub(crate) const TYPE: &str = "Type";
/// Holds what the walking graph found.
pub(crate) const WALKING: &str = "Walking";

/// All of them.
const RESERVED: [&str; 6] = [ATTRIBUTES, CLASSIFICATION, MATERIAL, RELATIONS, TYPE, WALKING];
/// What the name of a file's set ends in that would else be one of ours.
const APART: &str = " (Pset)";

/// Under which name a set of a file is kept: its own, unless that is one of ours, in which a
/// reader could not tell what the file says from what the importer found.
pub(crate) fn of_file(name: &str) -> String {
    if RESERVED.contains(&name) { format!("{name}{APART}") } else { name.to_owned() }
}

/// An attribute of the schema.
pub(crate) fn attribute<'a>(properties: &'a Properties, name: &str) -> Option<&'a Json> {
    properties.get(ATTRIBUTES)?.get(name)
}

/// Whether a set says what a file declares of an element: attributes and the file's sets, but
/// not those that pretend to be ours.
pub(crate) fn declares(name: &str) -> bool {
    name == ATTRIBUTES || !RESERVED.contains(&name.strip_suffix(APART).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_files_and_our_own_are_told_apart() {
        assert_eq!(of_file("Pset_DoorCommon"), "Pset_DoorCommon");
        for name in RESERVED {
            assert_ne!(of_file(name), name);
            assert!(!declares(&of_file(name)), "{name}");
        }
        assert!(declares("Attributes") && declares("Pset_DoorCommon") && declares("A (Pset)"));
        assert!(!declares("Walking") && !declares("Material"));
    }
}
