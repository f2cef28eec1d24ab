//! `[rooms]` and `[republish]`: what goes out.

use std::time::Duration;

use toml::Spanned;

use super::{
    error::Collector,
    load,
    raw::{RawRepublish, RawRooms},
};
use crate::{
    republish::{self, TopicTemplate, overlap},
    rooms,
};

const DAY_SECS: u64 = 24 * 3_600;

pub(super) fn rooms(raw: &RawRooms, out: &mut Collector<'_>) -> rooms::Settings {
    let mut rooms = rooms::Settings::default();
    load::set(&mut rooms.max_rooms, &raw.max, "rooms.max", 0..=1_000, out);
    let empty_after = &raw.empty_after;
    load::set_duration(&mut rooms.empty_after, empty_after, "rooms.empty_after", 0, DAY_SECS, out);
    rooms
}

/// Checks where points are published to: never where anything of ours listens, or they
/// would come in again.
pub(super) fn republish(
    raw: &Spanned<RawRepublish>,
    taken: impl Iterator<Item = String>,
    out: &mut Collector<'_>,
) -> Option<republish::Settings> {
    let raw = raw.get_ref();
    let parsed = TopicTemplate::parse(raw.topic.get_ref());
    let topic = out.take(raw.topic.span(), "republish.topic", parsed);
    let (mut qos, mut min_interval) = (0, Duration::from_secs(1));
    load::set(&mut qos, &raw.qos, "republish.qos", 0..=1, out);
    let interval = &raw.min_interval;
    load::set_duration(&mut min_interval, interval, "republish.min_interval", 0, DAY_SECS, out);
    let topic = topic?;
    let own = topic.filter();
    for filter in taken.filter(|filter| overlap(&own, filter)) {
        let message = format!(
            "meets {filter:?}, which a binding or [mqtt] watch listens to: what is published \
             would come in again; publish elsewhere"
        );
        out.add(raw.topic.span(), "republish.topic", message);
    }
    let (retain, entities) = (raw.retain, raw.entities.clone());
    Some(republish::Settings { topic, retain, qos, min_interval, entities })
}
