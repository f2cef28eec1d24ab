//! The binding board: what is bound, and everything that is not, with counts and the
//! last example. Every list is bounded; what no longer fits is still counted.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use twin_model::EntityId;

use super::{
    binding::Binding,
    computed::Computed,
    orphan::Orphan,
    report::{self, BindingReport},
    states::{self, Catalog},
    suggest::Seen,
};

/// Entries one list of problems keeps; problems of further topics are only counted.
const MAX_ENTRIES: usize = 1_000;
/// Longest part of a payload that is shown, bytes.
const MAX_EXCERPT: usize = 200;
/// Longest part of a topic or a reason that is kept, bytes.
const MAX_TEXT: usize = 512;

/// Shared by ingest, which writes it, and the API, which reads it.
#[derive(Debug)]
pub struct BindingBoard {
    pub(super) states: Mutex<Arc<Catalog>>,
    pub(super) bindings: Vec<BindingStats>,
    pub(super) orphans: Vec<Orphan>,
    pub(super) bound: Mutex<Vec<Arc<BoundStats>>>,
    /// Topics that the set of bindings before this one had bound, and that have not spoken
    /// since; by binding, topic and entity.
    pub(super) carried: Mutex<HashMap<BoundKey, Arc<BoundStats>>>,
    /// Topics that no binding takes, to suggest bindings for.
    pub(super) seen: Mutex<Seen>,
    pub(super) unbound: Mutex<Ledger>,
    pub(super) ambiguous: Mutex<Ledger>,
    pub(super) orphaned: Mutex<Ledger>,
    pub(super) rejected: Mutex<Ledger>,
    pub(super) uncertain: Mutex<Ledger>,
    pub(super) clocks: Mutex<Ledger>,
    pub(super) skipped: Mutex<Ledger>,
    pub(super) failed: Mutex<Ledger>,
    pub(super) messages: AtomicU64,
    pub(super) readings: AtomicU64,
}

/// What tells a bound topic from all others.
pub(super) type BoundKey = (usize, Box<str>, EntityId);

/// What the board keeps of a binding.
#[derive(Debug)]
pub(super) struct BindingStats {
    pub(super) name: Arc<str>,
    pub(super) topic: String,
    pub(super) points: Vec<(Arc<str>, Option<Duration>)>,
    pub(super) messages: AtomicU64,
    /// Samples that a deadband kept back.
    pub(super) held: AtomicU64,
}

/// A topic that found its entity.
#[derive(Debug)]
pub(super) struct BoundStats {
    pub(super) topic: Box<str>,
    pub(super) binding: usize,
    pub(super) entity: EntityId,
    pub(super) messages: AtomicU64,
    /// Milliseconds since 1970.
    pub(super) last: AtomicI64,
}

/// Problems of one sort, by binding and topic.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) messages: u64,
    pub(super) unlisted: u64,
    pub(super) entries: HashMap<(Option<usize>, Box<str>), Entry>,
}

/// One line of a ledger.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) messages: u64,
    pub(super) last: Timestamp,
    pub(super) reason: String,
    pub(super) excerpt: String,
    /// Of a clock: how far it was ahead, ms.
    pub(super) offset_ms: i64,
}

/// A problem as ingest tells it.
pub(super) struct Trouble<'a> {
    pub(super) binding: Option<usize>,
    pub(super) topic: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) received: Timestamp,
}

impl Ledger {
    pub(super) fn note(&mut self, trouble: &Trouble<'_>, reason: &str) {
        self.note_as(trouble, trouble.topic, reason, 0);
    }

    /// Under another name than the topic: a device, where one topic brings several.
    pub(super) fn note_as(
        &mut self,
        trouble: &Trouble<'_>,
        name: &str,
        reason: &str,
        offset_ms: i64,
    ) {
        self.messages += 1;
        let full = self.entries.len() >= MAX_ENTRIES;
        let key = (trouble.binding, cut(name, MAX_TEXT).into_boxed_str());
        if full && !self.entries.contains_key(&key) {
            self.unlisted += 1;
            return;
        }
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            messages: 0,
            last: trouble.received,
            reason: String::new(),
            excerpt: String::new(),
            offset_ms: 0,
        });
        entry.messages += 1;
        entry.last = trouble.received;
        entry.reason = cut(reason, MAX_TEXT);
        entry.excerpt = excerpt(trouble.payload);
        entry.offset_ms = offset_ms;
    }
}

impl BindingBoard {
    /// An empty board for some bindings, and what they lost with the scene's last revision.
    pub fn new(bindings: &[Binding], orphans: Vec<Orphan>) -> Self {
        let stats = |binding: &Binding| BindingStats {
            name: binding.name.clone(),
            topic: binding.topic.as_str().to_owned(),
            points: binding.points.iter().map(|p| (p.metric.clone(), p.stale_after)).collect(),
            messages: AtomicU64::new(0),
            held: AtomicU64::new(0),
        };
        Self {
            states: Mutex::new(Arc::new(states::catalog(states::of_bindings(bindings)))),
            bindings: bindings.iter().map(stats).collect(),
            orphans,
            bound: Mutex::default(),
            carried: Mutex::default(),
            seen: Mutex::default(),
            unbound: Mutex::default(),
            ambiguous: Mutex::default(),
            orphaned: Mutex::default(),
            rejected: Mutex::default(),
            uncertain: Mutex::default(),
            clocks: Mutex::default(),
            skipped: Mutex::default(),
            failed: Mutex::default(),
            messages: AtomicU64::new(0),
            readings: AtomicU64::new(0),
        }
    }

    pub(super) fn bind(&self, stats: Arc<BoundStats>) {
        let key = (stats.binding, stats.topic.clone(), stats.entity.clone());
        if let Some(before) = self.carried.lock().remove(&key) {
            stats.messages.fetch_add(before.messages.load(Relaxed), Relaxed);
            stats.last.fetch_max(before.last.load(Relaxed), Relaxed);
        }
        self.bound.lock().push(stats);
    }

    /// Every bound topic, also those that have not spoken to this set of bindings.
    pub(super) fn all_bound(&self) -> Vec<Arc<BoundStats>> {
        let mut bound = self.bound.lock().clone();
        bound.extend(self.carried.lock().values().cloned());
        bound
    }

    pub(super) fn taken(&self, binding: usize) {
        self.bindings[binding].messages.fetch_add(1, Relaxed);
    }

    pub(super) fn heard(&self, bound: &BoundStats, received: Timestamp) {
        bound.messages.fetch_add(1, Relaxed);
        bound.last.store(received.as_millisecond(), Relaxed);
    }

    /// What states are called, by metric.
    pub fn states(&self) -> Arc<Catalog> {
        Arc::clone(&self.states.lock())
    }

    /// Adds what computed points may be.
    pub(super) fn add_states(&self, computed: &[Computed]) {
        let mut held = self.states.lock();
        let mut all = Catalog::clone(&held);
        let more = computed.iter().map(|rule| (&rule.point.metric, &rule.point.states));
        for (metric, states) in states::catalog(more) {
            all.entry(metric).or_default().extend(states);
        }
        *held = Arc::new(all);
    }

    /// How often each sort of trouble has come up, with its name.
    pub fn troubles(&self) -> [(&'static str, u64); 7] {
        [
            ("unbound", &self.unbound),
            ("ambiguous", &self.ambiguous),
            ("orphaned", &self.orphaned),
            ("rejected", &self.rejected),
            ("uncertain", &self.uncertain),
            ("clock", &self.clocks),
            ("failed", &self.failed),
        ]
        .map(|(sort, ledger)| (sort, ledger.lock().messages))
    }

    /// The board as the API shows it, up to 1,000 entries a list.
    pub fn report(&self) -> BindingReport {
        report::build(self, Timestamp::now(), MAX_ENTRIES)
    }
}

/// The start of a text, cut at a character.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes)])
}

/// The start of a payload, with what is not text shown as such.
fn excerpt(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(&payload[..payload.len().min(MAX_EXCERPT + 4)]);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&text, MAX_EXCERPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_bounded_and_still_counts() {
        let mut ledger = Ledger::default();
        for n in 0..MAX_ENTRIES + 5 {
            let topic = format!("t/{n}");
            let payload = [b'x'; 5_000];
            let trouble = Trouble {
                binding: None,
                topic: &topic,
                payload: &payload,
                received: Timestamp::UNIX_EPOCH,
            };
            ledger.note(&trouble, "why");
        }
        assert_eq!(ledger.entries.len(), MAX_ENTRIES);
        assert_eq!((ledger.messages, ledger.unlisted), (1_005, 5));
        assert!(ledger.entries.values().all(|entry| entry.excerpt.len() <= MAX_EXCERPT + 3));
    }

    #[test]
    fn excerpts_are_one_line_of_text() {
        assert_eq!(excerpt(b"a\n\xffb"), "a \u{fffd}b");
        let wide = "阀".repeat(200);
        assert!(excerpt(wide.as_bytes()).ends_with('…'));
    }
}
