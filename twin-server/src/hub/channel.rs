//! One live table and the groups of sessions that follow it. The present has one; every
//! replay room has one of its own, and another one after each jump of its clock.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;

use super::group::{Group, GroupKey, Runner};
use crate::live::Live;

/// A live table with its listeners.
#[derive(Debug)]
pub struct Channel {
    live: Arc<Live>,
    groups: Mutex<HashMap<GroupKey, Arc<Group>>>,
}

impl Channel {
    /// A channel nobody listens to yet.
    pub fn new(live: Arc<Live>) -> Arc<Self> {
        Arc::new(Self { live, groups: Mutex::default() })
    }

    /// What it streams.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// How many groups there are: sessions that differ in what they want, how often or in
    /// which form.
    pub fn groups(&self) -> usize {
        self.groups.lock().len()
    }

    /// The group of sessions with this key, and the way to hear of its frames.
    pub(super) fn join(
        self: &Arc<Self>,
        key: GroupKey,
    ) -> (Arc<Group>, tokio::sync::watch::Receiver<u64>) {
        let mut groups = self.groups.lock();
        match groups.entry(key) {
            Entry::Occupied(group) => (Arc::clone(group.get()), group.get().follow()),
            Entry::Vacant(vacant) => {
                let (changed, seen) = (self.live.follow(), self.live.seq());
                let group = Group::new(seen);
                let member = group.follow();
                let key = vacant.key().clone();
                vacant.insert(Arc::clone(&group));
                let runner = Runner {
                    live: Arc::clone(&self.live),
                    key: key.clone(),
                    group: Arc::clone(&group),
                    changed,
                    seen,
                    published: seen,
                };
                let channel = Arc::clone(self);
                // A join holds the same lock, so a group with a new member does not end.
                let retire = move |group: &Group| {
                    let mut groups = channel.groups.lock();
                    let empty = group.is_empty();
                    if empty {
                        groups.remove(&key);
                    }
                    empty
                };
                tokio::spawn(runner.run(retire));
                (group, member)
            }
        }
    }
}
