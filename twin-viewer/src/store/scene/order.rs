//! The order in which people look for things.

use std::cmp::Ordering;

use twin_model::EntityKind;

use super::{EntityIx, SceneIndex};

impl SceneIndex {
    /// Places before things; storeys top first, since that is how a building stands; the
    /// rest by name, numbers in it as numbers.
    pub(super) fn order(&self, a: EntityIx, b: EntityIx) -> Ordering {
        let (one, two) = (self.at(a), self.at(b));
        let levels = || self.level[b as usize].total_cmp(&self.level[a as usize]);
        rank(one.kind)
            .cmp(&rank(two.kind))
            .then_with(levels)
            .then_with(|| natural(&one.name, &two.name))
    }
}

/// Places before things, outer before inner.
pub(super) fn rank(kind: EntityKind) -> u8 {
    match kind {
        EntityKind::Project => 0,
        EntityKind::Site => 1,
        EntityKind::Building => 2,
        EntityKind::Storey => 3,
        EntityKind::Space => 4,
        EntityKind::Zone => 5,
        EntityKind::Lift | EntityKind::Door => 6,
        EntityKind::Meter | EntityKind::Sensor | EntityKind::Pump | EntityKind::Charger => 7,
        _ => 8,
    }
}

/// Compares names the way people count: `9F` before `10F`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (digits_a, digits_b) = (leading_digits(a), leading_digits(b));
        let step = match (digits_a, digits_b) {
            ("", "") => {
                let (mut one, mut two) = (a.chars(), b.chars());
                let order = one.next().cmp(&two.next());
                if a.is_empty() && b.is_empty() {
                    return Ordering::Equal;
                }
                (a, b) = (one.as_str(), two.as_str());
                order
            }
            ("", _) | (_, "") => return a.cmp(b),
            _ => {
                let (one, two) =
                    (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
                let order = one.len().cmp(&two.len()).then_with(|| one.cmp(two));
                (a, b) = (&a[digits_a.len()..], &b[digits_b.len()..]);
                order
            }
        };
        if step != Ordering::Equal {
            return step;
        }
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        for (a, b) in [("9F", "10F"), ("T1-2", "T1-10"), ("a", "b"), ("a", "a1"), ("a01", "a2")] {
            assert_eq!(natural(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(natural(b, a), Ordering::Greater, "{b} {a}");
        }
        assert_eq!(natural("01F", "1F"), Ordering::Equal);
    }
}
