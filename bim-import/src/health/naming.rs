//! What people call things that their file gives no name.

use serde_json::Value;
use twin_model::Entity;

use super::{
    html::{Text, text},
    words,
};

/// Ids longer than this are shown by their first letters.
const MAX_ID: usize = 16;
const FIRST_LETTERS: usize = 8;

/// An entity's name; without one its address, else what it is and enough of its id to tell
/// it from others.
pub(super) fn name_of(entity: &Entity) -> Text {
    let id = entity.id.as_str();
    let name = entity.name.trim();
    if !name.is_empty() && name != id {
        return text(name, name);
    }
    if let Some(address) = address(entity) {
        return text(address.clone(), address);
    }
    let kind = words::kind(entity.kind);
    // Ids of OpenStreetMap say what they count.
    let id = match id.split_once(':') {
        Some((kind @ ("node" | "way" | "relation"), number)) => format!("{kind} {number}"),
        _ if id.chars().count() > MAX_ID => {
            format!("{}…", id.chars().take(FIRST_LETTERS).collect::<String>())
        }
        _ => id.to_owned(),
    };
    text(format!("未命名{}（{id}）", kind.zh), format!("Unnamed {} ({id})", kind.en))
}

/// Street and number, where its properties have them as OpenStreetMap writes them.
fn address(entity: &Entity) -> Option<String> {
    let find = |key: &str| {
        let mut found = entity.properties.values().filter_map(|set| set.get(key));
        let text = match found.next()? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    };
    let street = find("addr:street").or_else(|| find("addr:place"));
    match (street, find("addr:housenumber")) {
        (Some(street), Some(number)) => Some(format!("{street} {number}")),
        (Some(street), None) => Some(street),
        _ => find("addr:housename"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use twin_model::EntityKind;

    use super::*;

    fn building(id: &str, name: &str, properties: &[(&str, Value)]) -> Entity {
        let set: BTreeMap<String, Value> =
            properties.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Entity {
            id: id.into(),
            parent: None,
            kind: EntityKind::Building,
            ifc_class: None,
            global_id: None,
            name: name.into(),
            storey: None,
            bbox: None,
            properties: BTreeMap::from([("Properties".to_owned(), set)]),
            tags: vec![],
            source: 0,
        }
    }

    #[test]
    fn nothing_is_called_by_a_bare_id() {
        let name = |id: &str, name: &str, set: &[(&str, Value)]| name_of(&building(id, name, set));
        assert_eq!(name("way:7", "Tower", &[]).en, "Tower");
        let street = ("addr:street", json!("Rue Grimaldi"));
        let number = ("addr:housenumber", json!(5));
        assert_eq!(name("way:7", " ", &[street, number]).zh, "Rue Grimaldi 5");
        assert_eq!(name("way:7", "way:7", &[]).en, "Unnamed building (way 7)");
        assert_eq!(name("way:7", "", &[]).zh, "未命名建筑（way 7）");
        assert_eq!(name("2O2Fr$t4X7Zf8NOew3FLQD", "", &[]).en, "Unnamed building (2O2Fr$t4…)");
    }
}
