//! Text search over a million entities without an index structure: one lower-cased
//! text of everything searchable, scanned at memory speed.

use memchr::memmem;
use twin_model::Entity;

/// Separates an entity's fields; cannot be typed into a query.
const FIELD: char = '\u{1f}';

/// Searchable text of every entity, one after the other.
#[derive(Debug, Default)]
pub struct Search {
    text: String,
    /// Where each entity's text starts.
    starts: Vec<u64>,
}

impl Search {
    /// Appends the next entity's text: name, long name, tags, id, class.
    pub(super) fn push(&mut self, entity: &Entity, long_name: Option<&str>) {
        self.starts.push(self.text.len() as u64);
        let fields = [entity.name.as_str(), long_name.unwrap_or_default(), entity.id.as_str()]
            .into_iter()
            .chain(entity.ifc_class.as_deref())
            .chain(entity.tags.iter().map(String::as_str));
        for field in fields {
            self.text.push(FIELD);
            self.text.extend(field.chars().flat_map(char::to_lowercase));
        }
        self.text.push('\n');
    }

    /// Gives back what growing reserved too much.
    pub(super) fn finish(&mut self) {
        self.text.shrink_to_fit();
        self.starts.shrink_to_fit();
    }

    fn entity_text(&self, index: usize) -> &str {
        let end = self.starts.get(index + 1).map_or(self.text.len(), |&end| end as usize);
        &self.text[self.starts[index] as usize..end]
    }

    /// Entities from position `from` on that hold every word of the query, in file order.
    /// Case is ignored; an empty query finds nothing.
    pub fn find<'a>(&'a self, query: &str, from: u32) -> impl Iterator<Item = u32> + 'a {
        let query: String = query.to_lowercase().chars().filter(|c| !c.is_control()).collect();
        let mut words: Vec<String> = query.split_whitespace().map(str::to_owned).collect();
        // The longest word is likely the rarest: scan for it, check the others on the spot.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let mut next = from as usize;
        let finder = words.first().map(|word| memmem::Finder::new(word.as_bytes()).into_owned());
        std::iter::from_fn(move || {
            let finder = finder.as_ref()?;
            while let Some(&start) = self.starts.get(next) {
                let hit = start as usize + finder.find(&self.text.as_bytes()[start as usize..])?;
                let found = self.starts.partition_point(|&start| start as usize <= hit) - 1;
                next = found + 1;
                let text = self.entity_text(found);
                if words[1..].iter().all(|word| text.contains(word.as_str())) {
                    return u32::try_from(found).ok();
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use twin_model::EntityKind;

    use super::*;

    fn search(entities: &[(&str, &str, &str)]) -> Search {
        let mut search = Search::default();
        for (id, name, long_name) in entities {
            let entity = Entity {
                id: (*id).into(),
                parent: None,
                kind: EntityKind::Space,
                ifc_class: Some("IfcSpace".into()),
                global_id: None,
                name: (*name).into(),
                storey: None,
                bbox: None,
                properties: Default::default(),
                tags: vec![format!("space:{name}")],
                source: 0,
            };
            search.push(&entity, Some(long_name));
        }
        search.finish();
        search
    }

    #[test]
    fn finds_every_word_in_any_field_and_any_script() {
        let search = search(&[
            ("a1", "T1-03F-R02", "办公室 302 Office"),
            ("a2", "T1-03F-R03", "会议室 303 Meeting"),
            ("a3", "Ölraum", "OIL"),
        ]);
        let find = |query: &str| search.find(query, 0).collect::<Vec<_>>();
        assert_eq!(find("t1-03f"), [0, 1]);
        assert_eq!(find("办公"), [0]);
        assert_eq!(find("303 会议室"), [1]);
        assert_eq!(find("ölRAUM"), [2]);
        assert_eq!(find("ifcspace"), [0, 1, 2]);
        assert_eq!(find("space:t1-03f-r03"), [1]);
        assert_eq!(find("a2"), [1]);
        assert_eq!(find("office a2"), [] as [u32; 0]);
        assert_eq!(find("  "), [] as [u32; 0]);
        assert_eq!(find("\n"), [] as [u32; 0]);
        assert_eq!(search.find("t1", 1).collect::<Vec<_>>(), [1]);
        assert_eq!(search.find("t1", 9).count(), 0);
    }
}
