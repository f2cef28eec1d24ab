//! Sparkplug B through the engine: what nodes and devices said becomes readings of the
//! bindings that take them.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use twin_model::{Quality, Sample};

use super::{
    binding::Place,
    clock,
    engine::{Engine, MAX_PLANS, Whose, entity},
    reader::{Reader, trouble},
    sparkplug::{Happened, MetricValue, SparkplugTopic, What},
    value,
};
use crate::{ingest::Message, reading::Reading};

impl Engine {
    pub(super) fn sparkplug(
        &mut self,
        topic: &SparkplugTopic<'_>,
        message: &Message,
        readings: &mut Vec<Reading>,
    ) {
        let ask = self.may_ask();
        let Some(tracker) = &mut self.sparkplug else { return };
        let happened = tracker.accept(topic, &message.payload, message.received, ask);
        self.happened(&happened, message, readings);
        self.send_outgoing();
    }

    pub(super) fn tick_sparkplug(&mut self, now: Timestamp, readings: &mut Vec<Reading>) {
        let ask = self.may_ask();
        let Some(tracker) = &mut self.sparkplug else { return };
        for happened in tracker.tick(now, ask) {
            let topic = SparkplugTopic::place(&happened.group, &happened.node, None);
            let message = Message::new(topic, Vec::new(), now);
            self.happened(&happened, &message, readings);
        }
        self.send_outgoing();
    }

    /// Whether every binding that takes Sparkplug allows that nodes are asked.
    fn may_ask(&self) -> bool {
        let mut sparkplug = self.bindings.iter().filter_map(|binding| binding.decode.sparkplug());
        sparkplug.all(|sparkplug| sparkplug.rebirth)
    }

    fn send_outgoing(&mut self) {
        let Some(tracker) = &mut self.sparkplug else { return };
        for message in tracker.take_outgoing() {
            if let Some(outgoing) = &self.outgoing {
                // Where there is no room the node is asked the next time.
                let _ = outgoing.try_send(message);
            }
        }
    }

    fn happened(&mut self, happened: &Happened, message: &Message, readings: &mut Vec<Reading>) {
        for reason in &happened.rejected {
            self.board.rejected.lock().note(&trouble(None, message), reason);
        }
        if let Some(reason) = &happened.skipped {
            self.board.skipped.lock().note(&trouble(None, message), reason);
        }
        for event in &happened.events {
            let device = event.device.as_deref();
            let place = SparkplugTopic::place(&happened.group, &happened.node, device);
            match &event.what {
                What::Death => self.spoken.silence(&place, message.received, readings),
                What::Values(values) => {
                    let levels = (&*happened.group, &*happened.node, device);
                    self.said(&place, levels, values, message, readings);
                }
            }
        }
    }

    fn said(
        &mut self,
        place: &str,
        levels: (&str, &str, Option<&str>),
        values: &[MetricValue],
        message: &Message,
        readings: &mut Vec<Reading>,
    ) {
        let places = match self.places.get(place) {
            Some(places) => Arc::clone(places),
            None => self.plan_place(place, levels),
        };
        if places.is_empty() {
            let why = "no binding takes this node or device";
            self.board.unbound.lock().note(&trouble(None, message), why);
        }
        let by_name: HashMap<&str, &MetricValue> =
            values.iter().map(|value| (&*value.name, value)).collect();
        for (index, whose) in &*places {
            let binding = &self.bindings[*index];
            let reader = Reader { board: &self.board, index: *index, binding, message };
            let Some(entity) = entity(&reader, whose) else { continue };
            self.board.taken(*index);
            for (at, point) in binding.points.iter().enumerate() {
                let Place::Metric(name) = &point.place else { continue };
                // Data messages hold what changed: a metric that is not there is in order.
                let Some(metric) = by_name.get(&**name) else { continue };
                let value = match value::convert(point, &metric.value) {
                    Ok(value) => value,
                    Err(_) if metric.value.is_null() && point.optional => continue,
                    Err(reason) => {
                        reader.reject(&format!("{}: {reason}", point.metric));
                        continue;
                    }
                };
                let source_time = metric.time.unwrap_or(message.received);
                let doubt = clock::doubt(binding, source_time, message);
                let doubtful = if doubt.is_some() { Quality::Uncertain } else { Quality::Good };
                if let Some(doubt) = &doubt {
                    reader.doubt_time(&entity, doubt);
                }
                let quality = metric.quality.max(doubtful);
                let receive_time = message.received;
                let sample = Sample { value, source_time, receive_time, quality };
                self.spoken.remember(place, &entity, point, sample.clone());
                reader.point(at, sample, &entity, &mut self.filters[*index], readings);
            }
        }
    }

    /// What bindings make of a node or device.
    fn plan_place(
        &mut self,
        place: &str,
        (_, _, device): (&str, &str, Option<&str>),
    ) -> Arc<[(usize, Whose)]> {
        let mut places = Vec::new();
        for (index, binding) in self.bindings.iter().enumerate() {
            let Some(sparkplug) = binding.decode.sparkplug() else { continue };
            let Some(mut captures) = binding.topic.captures(place) else { continue };
            if sparkplug.any_level {
                if device.is_none() && binding.target.needs_level(captures.len()) {
                    continue;
                }
                captures.push(device.unwrap_or_default());
            }
            let Ok(texts) = binding.target.fill(&captures, None) else { continue };
            places.push((index, self.finder.find(index, binding, place, &texts)));
        }
        let places: Arc<[(usize, Whose)]> = places.into();
        // Devices can die and others be born for ever: beyond a number of them a place is
        // worked out every time.
        if self.places.len() < MAX_PLANS {
            for (_, whose) in &*places {
                if let Whose::Bound(stats) = whose {
                    self.board.bind(Arc::clone(stats));
                }
            }
            self.places.insert(place.into(), Arc::clone(&places));
        }
        places
    }
}
