//! What a record says, as a number: with all that it refers to, and without the numbers of
//! records, which any program may choose anew.

use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};

use super::engine::records::{Record, Records, Value};
use crate::ids;

/// Hashes of records, each made once.
#[derive(Default)]
pub(super) struct Contents {
    known: FxHashMap<u32, [u8; 16]>,
}

/// One step of a walk that needs no stack of calls: records may nest as deep as they like.
enum Step {
    Enter(u32),
    Leave(u32, Record),
}

impl Contents {
    /// The hash of a record: of a placement without what it is relative to, of a
    /// representation without its context.
    pub(super) fn of(&mut self, records: &Records<'_>, root: u32) -> [u8; 16] {
        let mut steps = vec![Step::Enter(root)];
        let mut open = FxHashSet::default();
        while let Some(step) = steps.pop() {
            match step {
                Step::Enter(id) => {
                    // What refers to itself is hashed without that reference.
                    if self.known.contains_key(&id) || !open.insert(id) {
                        continue;
                    }
                    let Some(record) = records.get(id) else {
                        self.known.insert(id, [0; 16]);
                        continue;
                    };
                    let mut inner = Vec::new();
                    said(&record).for_each(|value| references(value, &mut inner));
                    steps.push(Step::Leave(id, record));
                    steps.extend(inner.into_iter().rev().map(Step::Enter));
                }
                Step::Leave(id, record) => {
                    let mut hash = Sha256::new();
                    hash.update(record.ifc_type.as_str().as_bytes());
                    said(&record).for_each(|value| self.add(value, &mut hash));
                    open.remove(&id);
                    self.known.insert(id, ids::short(&hash.finalize()));
                }
            }
        }
        self.known.get(&root).copied().unwrap_or_default()
    }

    fn add(&self, value: &Value, hash: &mut Sha256) {
        match value {
            Value::EntityRef(id) => {
                hash.update(b"#");
                hash.update(self.known.get(id).copied().unwrap_or_default());
            }
            Value::String(text) => quoted(b"'", text, hash),
            Value::Binary(text) => quoted(b"\"", text, hash),
            Value::Enum(text) => quoted(b".", text, hash),
            // `1` and `1.` are one number.
            Value::Integer(number) => self.number(*number as f64, hash),
            Value::Float(number) => self.number(*number, hash),
            Value::List(values) => {
                hash.update(b"(");
                values.iter().for_each(|value| self.add(value, hash));
                hash.update(b")");
            }
            Value::Typed { name, value } => {
                quoted(b":", name, hash);
                self.add(value, hash);
            }
            Value::Null => hash.update(b"$"),
            Value::Derived => hash.update(b"*"),
        }
    }

    fn number(&self, number: f64, hash: &mut Sha256) {
        hash.update(b"n");
        // Zero has two signs.
        hash.update((number + 0.0).to_bits().to_le_bytes());
    }
}

fn quoted(mark: &[u8], text: &str, hash: &mut Sha256) {
    hash.update(mark);
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// The attributes of a record that say what it is, and not what it stands in.
fn said(record: &Record) -> impl Iterator<Item = &Value> {
    let class = record.ifc_type.as_str();
    let is_relative = class.ends_with("PLACEMENT") && class != "IFCGRIDPLACEMENT"
        || class.ends_with("REPRESENTATION");
    record.attributes.iter().skip(usize::from(is_relative))
}

fn references(value: &Value, found: &mut Vec<u32>) {
    match value {
        Value::EntityRef(id) => found.push(*id),
        Value::List(values) => values.iter().for_each(|value| references(value, found)),
        Value::Typed { value, .. } => references(value, found),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str, id: u32) -> [u8; 16] {
        Contents::default().of(&Records::scan(text.as_bytes(), |_| {}), id)
    }

    #[test]
    fn numbers_of_records_do_not_count_and_what_they_say_does() {
        let one = hash("#1=IFCCARTESIANPOINT((1.,2.));#2=IFCPOLYLINE((#1,#1));", 2);
        let other = hash(
            "#7=IFCPOLYLINE((#9,#8));#8=IFCCARTESIANPOINT((1.0,2));\n#9=IFCCARTESIANPOINT((1.,2.));",
            7,
        );
        assert_eq!(one, other);
        assert_ne!(one, hash("#1=IFCCARTESIANPOINT((1.,3.));#2=IFCPOLYLINE((#1,#1));", 2));
        assert_ne!(one, hash("#1=IFCCARTESIANPOINT((1.,2.));#2=IFCPOLYLINE((#1));", 2));
    }

    #[test]
    fn what_a_placement_is_relative_to_and_contexts_do_not_count() {
        let placed = |above: &str, x: &str| {
            hash(
                &format!(
                    "#1=IFCLOCALPLACEMENT({above},#2);#2=IFCAXIS2PLACEMENT3D(#3,$,$);#3=IFCCARTESIANPOINT(({x},0.,0.));"
                ),
                1,
            )
        };
        assert_eq!(placed("$", "1."), placed("#9", "1."));
        assert_ne!(placed("$", "1."), placed("$", "2."));
    }

    #[test]
    fn rings_and_chains_of_any_length_end() {
        assert_eq!(hash("#1=IFCX(#2);#2=IFCX(#1);", 1), hash("#5=IFCX(#6);#6=IFCX(#5);", 5));
        let chain: String = (1..60_000).map(|n| format!("#{n}=IFCX(#{});", n + 1)).collect();
        assert_ne!(hash(&chain, 1), hash(&chain, 2));
        assert_eq!(hash("", 1), [0; 16]);
    }
}
