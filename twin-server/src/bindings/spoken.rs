//! What nodes and devices last said, so that their death can mark it.

use std::collections::HashMap;

use jiff::Timestamp;
use twin_model::{EntityId, Quality, Sample};

use super::{binding::Point, reader::reading};
use crate::reading::Reading;

/// By node or device: the latest of each point bound there. As large as the bindings' points
/// times the devices that a tracker keeps.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    latest: HashMap<Box<str>, Vec<Reading>>,
}

impl Spoken {
    pub(super) fn remember(
        &mut self,
        place: &str,
        entity: &EntityId,
        point: &Point,
        sample: Sample,
    ) {
        if !self.latest.contains_key(place) {
            self.latest.insert(place.into(), Vec::new());
        }
        let Some(latest) = self.latest.get_mut(place) else { return };
        let same = |held: &&mut Reading| held.metric == point.metric && held.entity == *entity;
        match latest.iter_mut().find(same) {
            Some(held) if held.sample.source_time <= sample.source_time => held.sample = sample,
            Some(_) => {}
            None => latest.push(reading(entity, point, sample)),
        }
    }

    /// Appends everything once more, stale from now on.
    pub(super) fn silence(&mut self, place: &str, now: Timestamp, readings: &mut Vec<Reading>) {
        let latest = self.latest.remove(place).unwrap_or_default();
        readings.extend(latest.into_iter().map(|mut held| {
            held.sample.quality = held.sample.quality.max(Quality::Stale);
            held.sample.source_time = now;
            held.sample.receive_time = now;
            held
        }));
    }
}
