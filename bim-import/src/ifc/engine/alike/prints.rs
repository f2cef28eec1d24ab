//! Fingerprints of records: equal where all they say, and all that they refer to says, is
//! equal, whatever the records are called.

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::records::body;
use crate::ifc::engine::geometry::Engine;

/// Half of a SHA-256. Of shapes as many as there can be in a file, two that differ meet by
/// chance less often than memory fails, and nobody can make two that do: that would take
/// 2⁶⁴ attempts, to spoil a file of one's own.
pub(super) type Print = [u8; 16];

/// What is nested deeper is one of its kind.
const MAX_DEPTH: u32 = 400;
/// Points and directions are taken as they stand: most of a file, and seldom shared.
const INLINE: usize = 160;

/// The fingerprint of some bytes.
pub(super) fn of(text: &[u8]) -> Print {
    let mut print = Print::default();
    let hash = Sha256::digest(text);
    print.copy_from_slice(&hash[..16]);
    print
}

/// Fingerprints of a file's records; each is made once.
pub(super) struct Prints<'e> {
    engine: &'e Engine<'e>,
    known: FxHashMap<u32, Option<Print>>,
    /// Text of the records under way, the outermost first.
    text: Vec<u8>,
}

impl<'e> Prints<'e> {
    pub(super) fn new(engine: &'e Engine<'e>) -> Self {
        Self { engine, known: FxHashMap::default(), text: Vec::new() }
    }

    /// The fingerprint of a record; nothing where it cannot be told: something is missing
    /// or unreadable, refers to itself, or is nested too deep.
    pub(super) fn of(&mut self, id: u32) -> Option<Print> {
        self.text.clear();
        self.record(id, 0)
    }

    fn record(&mut self, id: u32, depth: u32) -> Option<Print> {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        if depth > MAX_DEPTH {
            // Not remembered: from elsewhere it may be nearer.
            return None;
        }
        // What comes back here goes in circles.
        self.known.insert(id, None);
        let start = self.text.len();
        let written = self.engine.record(id).and_then(|record| self.write(body(record)?, depth));
        let print = written.map(|()| {
            self.engine.write_look(id, &mut self.text);
            of(&self.text[start..])
        });
        self.text.truncate(start);
        self.known.insert(id, print);
        print
    }

    /// Appends a record's text, with what it refers to in place of names.
    fn write(&mut self, body: &[u8], depth: u32) -> Option<()> {
        let mut rest = body;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'#' | b'\'' | b'/')) {
            match rest[at] {
                b'\'' => {
                    let end = at + 1 + rest[at + 1..].iter().position(|byte| *byte == b'\'')?;
                    self.literal(&rest[..=end]);
                    rest = &rest[end + 1..];
                }
                // A comment, or nothing that belongs here.
                b'/' => return None,
                _ => {
                    self.literal(&rest[..at]);
                    rest = &rest[at + 1..];
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let id = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
                    rest = &rest[digits..];
                    self.child(id, depth)?;
                }
            }
        }
        self.literal(rest);
        Some(())
    }

    /// Appends text so that nothing else reads the same.
    fn literal(&mut self, text: &[u8]) {
        self.text.push(b'=');
        self.text.extend((text.len() as u64).to_le_bytes());
        self.text.extend(text);
    }

    fn child(&mut self, id: u32, depth: u32) -> Option<()> {
        let engine = self.engine;
        let leaf = engine.record(id).and_then(body).filter(|body| is_leaf(body));
        if let Some(leaf) = leaf {
            self.literal(leaf);
            return Some(());
        }
        let print = self.record(id, depth + 1)?;
        self.text.push(b'#');
        self.text.extend(print);
        Some(())
    }
}

fn is_leaf(body: &[u8]) -> bool {
    let named = body.starts_with(b"IFCCARTESIANPOINT(") || body.starts_with(b"IFCDIRECTION(");
    named && body.len() <= INLINE && !body.iter().any(|byte| matches!(byte, b'#' | b'\'' | b'/'))
}
