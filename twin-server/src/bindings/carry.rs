//! What a changed set of bindings takes over from the one before: counts, so that figures
//! do not fall back; bound topics, so that who is silent stays known; and the problems that
//! the change has not solved.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;

use super::{
    binding::Binding,
    board::{BoundStats, Ledger},
    engine::Engine,
};

impl Engine {
    /// Takes over from another engine what still holds: everything of the bindings that
    /// are the same in both. Call it before the first message.
    pub fn take_over(&self, old: &Engine) {
        let same = unchanged(&old.bindings, &self.bindings);
        let (new, old) = (&*self.board, &*old.board);
        for (from, to) in [(&old.messages, &new.messages), (&old.readings, &new.readings)] {
            to.fetch_add(from.load(Relaxed), Relaxed);
        }
        for (&before, &now) in &same {
            let messages = old.bindings[before].messages.load(Relaxed);
            new.bindings[now].messages.fetch_add(messages, Relaxed);
        }
        let mut carried = new.carried.lock();
        for stats in old.all_bound() {
            let Some(&binding) = same.get(&stats.binding) else { continue };
            let key = (binding, stats.topic.clone(), stats.entity.clone());
            let stats = BoundStats {
                topic: stats.topic.clone(),
                binding,
                entity: stats.entity.clone(),
                messages: AtomicU64::new(stats.messages.load(Relaxed)),
                last: AtomicI64::new(stats.last.load(Relaxed)),
            };
            carried.insert(key, Arc::new(stats));
        }
        let taken = |topic: &str| {
            self.bindings.iter().any(|binding| binding.topic.captures(topic).is_some())
        };
        for (from, to) in [
            (&old.unbound, &new.unbound),
            (&old.ambiguous, &new.ambiguous),
            (&old.orphaned, &new.orphaned),
            (&old.rejected, &new.rejected),
            (&old.uncertain, &new.uncertain),
            (&old.clocks, &new.clocks),
            (&old.skipped, &new.skipped),
        ] {
            carry(from, to, &same, &taken);
        }
        *new.seen.lock() = std::mem::take(&mut *old.seen.lock());
    }
}

/// The bindings that say the same in two sets: the place in the new one by that in the old.
fn unchanged(old: &[Binding], new: &[Binding]) -> HashMap<usize, usize> {
    let text = |binding: &Binding| format!("{binding:?}");
    let new: HashMap<String, usize> = new.iter().map(text).zip(0..).collect();
    let place = |(before, binding)| Some((before, *new.get(&text(binding))?));
    old.iter().enumerate().filter_map(place).collect()
}

fn carry(
    from: &Mutex<Ledger>,
    to: &Mutex<Ledger>,
    same: &HashMap<usize, usize>,
    taken: &impl Fn(&str) -> bool,
) {
    let (mut from, mut to) = (from.lock(), to.lock());
    to.messages += from.messages;
    to.unlisted += from.unlisted;
    for ((binding, topic), entry) in std::mem::take(&mut from.entries) {
        let binding = match binding {
            Some(before) => match same.get(&before) {
                Some(now) => Some(*now),
                None => continue,
            },
            None if taken(&topic) => continue,
            None => None,
        };
        to.entries.insert((binding, topic), entry);
    }
}
