//! Sparkplug B: nodes and devices that are born, speak by alias, and die.

mod metric;
mod node;
mod proto;
mod topic;

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use self::node::{Node, Outcome};
pub(super) use self::{
    metric::MetricValue,
    topic::{NAMESPACE, SparkplugTopic},
};

/// Edge nodes kept; messages of further ones are rejected.
const MAX_NODES: usize = 10_000;
/// Memory for births and for messages that wait, of all nodes together. A birth that finds no
/// room is rejected, and a message goes on without what it would have waited for.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// How often one node is asked for its births.
const ASK_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// A message to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
}

/// What happened to a node or one of its devices.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Absent: the node itself.
    pub(super) device: Option<Box<str>>,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Values(Arc<[MetricValue]>),
    /// Whatever it last said is no longer so.
    Death,
}

/// What a message, or time, led to at one node.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) group: Box<str>,
    pub(super) node: Box<str>,
    pub(super) events: Vec<Event>,
    pub(super) rejected: Vec<String>,
    pub(super) skipped: Option<String>,
}

/// Every edge node that has spoken.
#[derive(Debug)]
pub(super) struct Tracker {
    nodes: HashMap<(Box<str>, Box<str>), Node>,
    /// What the nodes hold, bytes.
    held: usize,
    max_bytes: usize,
    outgoing: Vec<Outgoing>,
}

impl Default for Tracker {
    fn default() -> Self {
        Self::within(MAX_BYTES)
    }
}

impl Tracker {
    fn within(max_bytes: usize) -> Self {
        Self { nodes: HashMap::new(), held: 0, max_bytes, outgoing: Vec::new() }
    }

    /// Takes one message. `ask` says whether a node may be asked to be born again.
    pub(super) fn accept(
        &mut self,
        topic: &SparkplugTopic<'_>,
        payload: &[u8],
        received: Timestamp,
        ask: bool,
    ) -> Happened {
        let key = (Box::from(topic.group), Box::from(topic.node));
        if self.nodes.len() >= MAX_NODES && !self.nodes.contains_key(&key) {
            let (group, node) = key;
            let rejected = vec![format!("more than {MAX_NODES} edge nodes")];
            return Happened { group, node, events: Vec::new(), rejected, skipped: None };
        }
        let node = self.nodes.entry(key.clone()).or_default();
        self.held -= node.held();
        let room = self.max_bytes.saturating_sub(self.held);
        let outcome = node.accept(topic, payload, received, room);
        self.held += node.held();
        Self::happened(node, key, outcome, received, ask, &mut self.outgoing)
    }

    /// Goes on where messages have been waited for long enough.
    pub(super) fn tick(&mut self, now: Timestamp, ask: bool) -> Vec<Happened> {
        let Self { nodes, outgoing, held, max_bytes } = self;
        let ticked = nodes.iter_mut().filter_map(|(key, node)| {
            *held -= node.held();
            let outcome = node.tick(now, max_bytes.saturating_sub(*held));
            *held += node.held();
            let nothing = outcome.events.is_empty() && outcome.rebirth.is_none();
            let happened = || Self::happened(node, key.clone(), outcome, now, ask, outgoing);
            (!nothing).then(happened)
        });
        ticked.collect()
    }

    /// What has to be published, taken.
    pub(super) fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    fn happened(
        node: &mut Node,
        key: (Box<str>, Box<str>),
        outcome: Outcome,
        now: Timestamp,
        ask: bool,
        outgoing: &mut Vec<Outgoing>,
    ) -> Happened {
        let Outcome { events, mut rejected, skipped, rebirth } = outcome;
        let (group, name) = key;
        if let Some(why) = rebirth {
            let due = node.asked.is_none_or(|asked| now.duration_since(asked) >= ASK_EVERY);
            if ask && due {
                node.asked = Some(now);
                let now_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
                outgoing.push(Outgoing {
                    topic: format!("{NAMESPACE}/{group}/NCMD/{name}"),
                    payload: proto::rebirth(now_ms),
                });
            }
            let asked = if ask { "asked to be born again" } else { "rebirth is switched off" };
            rejected.retain(|reason| *reason != why);
            rejected.push(format!("{why}; {asked}"));
        }
        Happened { group, node: name, events, rejected, skipped }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_bounds;
