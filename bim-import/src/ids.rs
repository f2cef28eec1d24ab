//! Ids for what has no GlobalId of its own.

use sha2::{Digest, Sha256};
use twin_model::EntityId;

/// `x` and 21 letters from the file's name and the thing's path in it: the same again
/// when the file is imported again, wherever it lies.
pub fn derived(file_name: &str, path: &str) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(file_name.as_bytes());
    hash.update([0]);
    hash.update(path.as_bytes());
    EntityId::new(format!("x{}", &base64url(&hash.finalize())[..21]))
}

/// The name under which an id that is taken already is used again: `id~2`, `id~3`, …
pub(crate) fn unused(id: &str, is_taken: impl Fn(&str) -> bool) -> EntityId {
    if !is_taken(id) {
        return EntityId::from(id);
    }
    let numbered = (2u32..).map(|n| format!("{id}~{n}")).find(|candidate| !is_taken(candidate));
    EntityId::new(numbered.unwrap_or_default())
}

/// Lower-case hex of a hash.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |chunk: &[u8]| {
        let number = chunk.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        (0..=chunk.len())
            .map(|place| char::from(LETTERS[(number >> (18 - 6 * place) & 63) as usize]))
            .collect::<Vec<_>>()
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_repeat_and_differ() {
        let id = derived("a.geojson", "7/0");
        assert_eq!(id, derived("a.geojson", "7/0"));
        assert_ne!(id, derived("a.geojson", "7/1"));
        assert_ne!(id, derived("b.geojson", "7/0"));
        assert_eq!(id.as_str().len(), 22);
        assert_eq!(base64url(b"\x14\xfb\x9c\x03\xd9\x7e"), "FPucA9l-");
        assert_eq!(unused("a", |id| ["a", "a~2"].contains(&id)).as_str(), "a~3");
    }
}
