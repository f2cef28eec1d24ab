//! What an entity is called on the page.

use super::Lang;
use crate::store::Entry;

/// Its name, or else what it is and the start of its id: a GlobalId says nothing to anybody,
/// and all of it leaves room for nothing else.
pub fn title(lang: Lang, entry: &Entry) -> String {
    const SHOWN: usize = 8;
    if let Some(name) = entry.called() {
        return name.to_owned();
    }
    let kind = super::kind(lang, entry.kind);
    let id = entry.id.as_str();
    match id.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{kind} {}…", &id[..end]),
        None => format!("{kind} {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_is_called_by_its_kind() {
        let entry = |name: &str| -> Entry {
            let text =
                format!(r#"{{"id":"1xS3BCk291UvgP2a6eflK","kind":"building","name":"{name}"}}"#);
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(title(Lang::En, &entry("Tower")), "Tower");
        let kind = Lang::Zh.find("kind.building").unwrap();
        assert_eq!(title(Lang::Zh, &entry(" ")), format!("{kind} 1xS3BCk2…"));
    }
}
