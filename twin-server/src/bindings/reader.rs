//! One message of one binding: its payload, the elements of it, and their readings.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use serde_json::Value as Json;
use twin_model::{EntityId, Quality, Sample};

use super::{
    binding::{Binding, Point},
    board::{BindingBoard, Trouble},
    clock::{self, Doubt},
    decode::{self, Body},
    filter::Filter,
    path::Node,
    scalar::scalar_text,
    states,
    value::{self, Element},
};
use crate::{ingest::Message, reading::Reading};

/// Most elements of one message; further ones are rejected, with that reason.
const MAX_ELEMENTS: usize = 10_000;

/// A message and the binding that takes it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) board: &'a BindingBoard,
    pub(super) index: usize,
    pub(super) binding: &'a Binding,
    pub(super) message: &'a Message,
}

impl Reader<'_> {
    /// Appends the readings of every element. `whose` tells the entity of an element, or
    /// nothing, having put the reason on the board.
    pub(super) fn read(
        &self,
        filter: &mut Filter,
        readings: &mut Vec<Reading>,
        mut whose: impl FnMut(&Element<'_>) -> Option<EntityId>,
    ) {
        let root = match decode::body(&self.binding.decode, &self.message.payload) {
            Ok(Body::Tree(root)) => root,
            Ok(Body::Bytes(bytes)) => {
                let element = Element::Bytes(&bytes);
                if let Some(entity) = whose(&element) {
                    self.element(&element, &entity, filter, readings);
                }
                return;
            }
            Err(reason) => return self.reject(&reason),
        };
        for (key, element) in self.elements(&root) {
            let node = Node { message: &root, element, key: &key };
            if !self.wanted(&node) {
                continue;
            }
            let element = Element::Node(node);
            if let Some(entity) = whose(&element) {
                self.element(&element, &entity, filter, readings);
            }
        }
    }

    /// The elements of a message with their names.
    fn elements<'j>(&self, root: &'j Json) -> Vec<(Cow<'static, str>, &'j Json)> {
        let (found, total) = match (&self.binding.each, root) {
            (Some(each), _) => each.elements(root, MAX_ELEMENTS),
            (None, Json::Array(rows)) if self.binding.decode.has_rows() => {
                let numbered = rows.iter().enumerate();
                (numbered.map(|(n, row)| (n.to_string(), row)).collect(), rows.len())
            }
            _ => return vec![(Cow::Borrowed(""), root)],
        };
        if total > found.len() {
            self.reject(&format!("{total} elements; only the first {MAX_ELEMENTS} are used"));
        }
        if let (Some(each), 0) = (&self.binding.each, total) {
            self.skip(&format!("no element at {each}"));
        }
        found.into_iter().map(|(key, element)| (Cow::Owned(key), element)).collect()
    }

    /// Whether an element says what `when` asks for.
    fn wanted(&self, node: &Node<'_>) -> bool {
        let unmet = self.binding.when.iter().find(|condition| {
            let found = condition.path.at(node).ok().flatten().and_then(scalar_text);
            !found.is_some_and(|text| condition.any_of.contains(&text))
        });
        if let Some(condition) = unmet {
            self.skip(&format!("{} is not {}", condition.path, condition.any_of.join(" or ")));
        }
        unmet.is_none()
    }

    fn element(
        &self,
        element: &Element<'_>,
        entity: &EntityId,
        filter: &mut Filter,
        readings: &mut Vec<Reading>,
    ) {
        let (source_time, doubt) = clock::source_time(self.binding, element, self.message);
        if let Some(doubt) = &doubt {
            self.doubt_time(entity, doubt);
        }
        let mut found = false;
        for (at, point) in self.binding.points.iter().enumerate() {
            let value = match value::value(point, element) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(reason) => {
                    self.reject(&format!("{}: {reason}", point.metric));
                    found = true;
                    continue;
                }
            };
            found = true;
            let quality = if doubt.is_some() { Quality::Uncertain } else { Quality::Good };
            let receive_time = self.message.received;
            let sample = Sample { value, source_time, receive_time, quality };
            self.point(at, sample, entity, filter, readings);
        }
        if !found {
            self.skip("none of its points is there, and all are optional");
        }
    }

    /// What is asked of every value before it is passed on.
    pub(super) fn point(
        &self,
        at: usize,
        mut sample: Sample,
        entity: &EntityId,
        filter: &mut Filter,
        readings: &mut Vec<Reading>,
    ) {
        let points = &self.binding.points;
        let point = &points[at];
        let outside = value::out_of_range(point, &sample.value)
            .or_else(|| states::unknown(&point.metric, point.states.as_deref(), &sample.value));
        if let Some(reason) = outside {
            sample.quality = sample.quality.max(Quality::Uncertain);
            self.doubt(&reason);
        }
        if Filter::concerns(point) {
            if let Some(reason) = filter.too_fast(entity, points, at, &mut sample) {
                self.doubt(&reason);
            }
            if !filter.passes(entity, points, at, &sample) {
                self.board.bindings[self.index].held.fetch_add(1, Relaxed);
                return;
            }
        }
        readings.push(reading(entity, point, sample));
    }

    pub(super) fn doubt_time(&self, entity: &EntityId, doubt: &Doubt) {
        match doubt {
            Doubt::Unread(reason) => self.doubt(reason),
            Doubt::Clock(ahead, reason) => {
                let offset_ms = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX);
                let mut clocks = self.board.clocks.lock();
                clocks.note_as(&self.trouble(), entity.as_str(), reason, offset_ms);
            }
        }
    }

    pub(super) fn reject(&self, reason: &str) {
        self.board.rejected.lock().note(&self.trouble(), reason);
    }

    pub(super) fn skip(&self, reason: &str) {
        self.board.skipped.lock().note(&self.trouble(), reason);
    }

    fn doubt(&self, reason: &str) {
        self.board.uncertain.lock().note(&self.trouble(), reason);
    }

    pub(super) fn trouble(&self) -> Trouble<'_> {
        trouble(Some(self.index), self.message)
    }
}

pub(super) fn reading(entity: &EntityId, point: &Point, sample: Sample) -> Reading {
    Reading {
        entity: entity.clone(),
        metric: Arc::clone(&point.metric),
        unit: Arc::clone(&point.unit),
        stale_after: point.stale_after,
        sample,
    }
}

pub(super) fn trouble(binding: Option<usize>, message: &Message) -> Trouble<'_> {
    Trouble {
        binding,
        topic: &message.topic,
        payload: &message.payload,
        received: message.received,
    }
}
