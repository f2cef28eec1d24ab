//! What is known of one edge node: its births, whether it lives, and the order of its
//! messages.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use prost::Message as _;

use super::{
    Event, What,
    metric::{Births, MAX_METRICS},
    proto::{Metric, Payload, Value},
    topic::{Kind, SparkplugTopic},
};

/// Messages that may wait for one that overtook them.
const WINDOW: u8 = 16;
/// How long they wait.
const WAIT: SignedDuration = SignedDuration::from_secs(2);
/// Devices of one node.
const MAX_DEVICES: usize = 1_000;

/// One edge node.
#[derive(Debug, Default)]
pub(super) struct Node {
    alive: bool,
    bd_seq: Option<u64>,
    /// What the next message counts.
    next: u8,
    /// By device; the node itself is the one without a name.
    births: HashMap<Box<str>, Births>,
    waiting: BTreeMap<u8, Waiting>,
    waiting_since: Option<Timestamp>,
    pub(super) asked: Option<Timestamp>,
    /// What births and waiting messages take, bytes, and may take.
    held: usize,
    room: usize,
}

/// A message that came too early.
#[derive(Debug)]
struct Waiting {
    kind: Kind,
    device: Option<Box<str>>,
    payload: Payload,
    /// What it takes while it waits.
    bytes: usize,
}

/// What a message led to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) events: Vec<Event>,
    /// Why messages, or metrics of them, could not be used.
    pub(super) rejected: Vec<String>,
    /// Why a message in order gives nothing.
    pub(super) skipped: Option<String>,
    /// Why the node has to be born again.
    pub(super) rebirth: Option<String>,
}

impl Node {
    pub(super) fn accept(
        &mut self,
        topic: &SparkplugTopic<'_>,
        payload: &[u8],
        received: Timestamp,
        room: usize,
    ) -> Outcome {
        let mut out = Outcome::default();
        self.room = room;
        let sent = payload.len();
        let payload = match Payload::decode(payload) {
            Ok(mut payload) => {
                let metrics = payload.metrics.len();
                if metrics > MAX_METRICS {
                    let cut = metrics - MAX_METRICS;
                    out.rejected.push(format!("{cut} metrics too many in one message"));
                    payload.metrics.truncate(MAX_METRICS);
                    payload.metrics.shrink_to_fit();
                }
                payload
            }
            Err(error) => {
                out.rejected.push(format!("not Sparkplug B: {error}"));
                return out;
            }
        };
        // Texts and properties take up to twelve times what they take on the way.
        let bytes = 12 * sent + payload.metrics.len() * size_of::<Metric>();
        let device = topic.device.map(Box::from);
        match (topic.kind, &device) {
            (Kind::Command, _) => out.skipped = Some("a command, and no data".to_owned()),
            (Kind::Birth, None) => self.node_birth(&payload, &mut out),
            (Kind::Death, None) => self.node_death(&payload, &mut out),
            _ if !self.alive => {
                let why = "its node has not been born yet";
                out.rejected.push(why.to_owned());
                out.rebirth = Some(why.to_owned());
            }
            (kind, _) => {
                self.in_order(Waiting { kind, device, payload, bytes }, received, &mut out);
            }
        }
        out
    }

    /// What it holds, bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Works out anew what is held, after births or waiting messages have changed.
    fn weigh(&mut self) {
        let births: usize = self.births.iter().map(|(device, births)| weight(device, births)).sum();
        let waiting: usize = self.waiting.values().map(|message| message.bytes).sum();
        self.held = births + waiting;
    }

    /// Ends waiting that has lasted too long.
    pub(super) fn tick(&mut self, now: Timestamp, room: usize) -> Outcome {
        let mut out = Outcome::default();
        self.room = room;
        if self.waiting_since.is_some_and(|since| now.duration_since(since) > WAIT) {
            self.give_up(&mut out);
        }
        out
    }

    fn node_birth(&mut self, payload: &Payload, out: &mut Outcome) {
        let devices: Vec<Box<str>> =
            self.births.keys().filter(|device| !device.is_empty()).cloned().collect();
        // What was born before has to be born again.
        for device in devices {
            out.events.push(Event { device: Some(device), what: What::Death });
        }
        self.births.clear();
        self.alive = true;
        self.bd_seq = bd_seq(payload);
        self.next = seq(payload).unwrap_or(0).wrapping_add(1);
        let first = self.next;
        self.waiting.retain(|seq, _| seq.wrapping_sub(first) < WINDOW);
        self.waiting_since = None;
        self.weigh();
        self.birth(None, payload, out);
        self.drain(out);
    }

    fn node_death(&mut self, payload: &Payload, out: &mut Outcome) {
        let of = bd_seq(payload);
        if let (Some(of), Some(born)) = (of, self.bd_seq)
            && of != born
        {
            // The will of a connection before this one, delivered late.
            out.skipped = Some(format!("the death of birth {of}, where {born} lives"));
            return;
        }
        self.alive = false;
        self.waiting.clear();
        self.waiting_since = None;
        for device in self.births.drain().map(|(device, _)| device) {
            let device = Some(device).filter(|device| !device.is_empty());
            out.events.push(Event { device, what: What::Death });
        }
        self.weigh();
    }

    /// Takes a message in its place, or keeps it until those before it have come.
    fn in_order(&mut self, message: Waiting, received: Timestamp, out: &mut Outcome) {
        let Some(seq) = seq(&message.payload) else {
            // Not as the standard has it, and no reason to lose values.
            return self.take(message, out);
        };
        let ahead = seq.wrapping_sub(self.next);
        if ahead == 0 {
            self.next = self.next.wrapping_add(1);
            self.take(message, out);
            self.drain(out);
        } else if ahead <= WINDOW {
            self.waiting.insert(seq, message);
            self.weigh();
            let since = *self.waiting_since.get_or_insert(received);
            let full = self.waiting.len() >= usize::from(WINDOW) || self.held > self.room;
            if full || received.duration_since(since) > WAIT {
                self.give_up(out);
            }
        } else if ahead >= u8::MAX - WINDOW {
            // Once more, or very late: values carry their own times.
            self.take(message, out);
        } else {
            out.rebirth = Some(format!("messages are missing: {seq} after {}", self.last()));
            self.next = seq.wrapping_add(1);
            self.waiting.clear();
            self.waiting_since = None;
            self.weigh();
            self.take(message, out);
        }
    }

    fn last(&self) -> u8 {
        self.next.wrapping_sub(1)
    }

    fn drain(&mut self, out: &mut Outcome) {
        while let Some(message) = self.waiting.remove(&self.next) {
            self.next = self.next.wrapping_add(1);
            self.weigh();
            self.take(message, out);
        }
        if self.waiting.is_empty() {
            self.waiting_since = None;
        }
    }

    /// Goes on without what is missing.
    fn give_up(&mut self, out: &mut Outcome) {
        let mut waiting: Vec<(u8, Waiting)> =
            std::mem::take(&mut self.waiting).into_iter().collect();
        self.waiting_since = None;
        self.weigh();
        let next = self.next;
        waiting.sort_by_key(|(seq, _)| seq.wrapping_sub(next));
        if let Some((seq, _)) = waiting.first() {
            out.rebirth = Some(format!("messages are missing: {seq} after {}", self.last()));
        }
        for (seq, message) in waiting {
            self.next = seq.wrapping_add(1);
            self.take(message, out);
        }
    }

    fn take(&mut self, message: Waiting, out: &mut Outcome) {
        let Waiting { kind, device, payload, bytes: _ } = message;
        match kind {
            Kind::Birth => self.birth(device, &payload, out),
            Kind::Data => self.data(device, &payload, out),
            Kind::Death => {
                self.births.remove(device.as_deref().unwrap_or_default());
                self.weigh();
                out.events.push(Event { device, what: What::Death });
            }
            Kind::Command => {}
        }
    }

    fn birth(&mut self, device: Option<Box<str>>, payload: &Payload, out: &mut Outcome) {
        let name: Box<str> = device.clone().unwrap_or_default();
        if self.births.len() > MAX_DEVICES && !self.births.contains_key(&name) {
            out.rejected.push(format!("more than {MAX_DEVICES} devices of one node"));
            return;
        }
        let births = Births::of(&payload.metrics);
        let before = self.births.get(&name).map_or(0, |before| weight(&name, before));
        if self.held - before + weight(&name, &births) > self.room {
            let why = "the births of all nodes take as much memory as they may";
            out.rejected.push(why.to_owned());
            return;
        }
        self.births.insert(name, births);
        self.weigh();
        self.data(device, payload, out);
    }

    fn data(&mut self, device: Option<Box<str>>, payload: &Payload, out: &mut Outcome) {
        let Some(births) = self.births.get(device.as_deref().unwrap_or_default()) else {
            let why = "its device has not been born yet";
            out.rejected.push(why.to_owned());
            out.rebirth = Some(why.to_owned());
            return;
        };
        let mut values = Vec::with_capacity(payload.metrics.len());
        let mut unknown = None;
        for metric in &payload.metrics {
            match births.value(metric, payload.timestamp) {
                Ok(value) => values.push(value),
                Err(why) => unknown = Some(why),
            }
        }
        if let Some(why) = unknown {
            out.rejected.push(why.clone());
            out.rebirth = Some(why);
        }
        out.events.push(Event { device, what: What::Values(Arc::from(values)) });
    }
}

/// What the births of a device take, bytes.
fn weight(device: &str, births: &Births) -> usize {
    device.len() + births.bytes()
}

fn seq(payload: &Payload) -> Option<u8> {
    u8::try_from(payload.seq?).ok()
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    let named = |metric: &&Metric| metric.name.as_deref() == Some("bdSeq");
    match payload.metrics.iter().find(named)?.value {
        Some(Value::Long(number)) => Some(number),
        Some(Value::Int(number)) => Some(number.into()),
        _ => None,
    }
}
