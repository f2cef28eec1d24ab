//! Doors and faults are marked over every layer: quietly while all is well.

use twin_model::Quality;

use crate::{
    bridge::{Paint, Pattern},
    store::{Point, PointIx, Reason, States, Store, reason_of},
};

/// An open door: lighter than its surroundings, no more.
pub const OPEN: [u8; 3] = [214, 222, 228];
/// A door held open: somebody should look.
pub const HELD: [u8; 3] = [255, 176, 32];
/// A forced door or a fault: somebody should go there.
pub const FORCED: [u8; 3] = [255, 59, 48];

const URGENT: Paint = Paint { color: Some(FORCED), pattern: Pattern::Dots, pulse: true };
const WAITING: Paint = Paint { color: Some(HELD), pattern: Pattern::Dots, pulse: false };
const OPENED: Paint = Paint { color: Some(OPEN), pattern: Pattern::None, pulse: false };
const SILENT: Paint = Paint { color: None, pattern: Pattern::Stripes, pulse: false };

/// Whether a point can be marked at all.
pub(crate) fn concerns(states: &States, point: &Point) -> bool {
    const KNOWN: [&str; 9] =
        ["door", "fault", "lift", "charging", "smoke", "gas", "carbon_monoxide", "leak", "tamper"];
    KNOWN.contains(&&*point.metric) || states.can_be_abnormal(&point.metric)
}

fn mark_of(states: &States, point: &Point) -> Option<(u8, Paint)> {
    match reason_of(states, point) {
        Some(Reason::Forced | Reason::Fault | Reason::Alarm) => return Some((3, URGENT)),
        Some(Reason::Held | Reason::Abnormal) => return Some((2, WAITING)),
        _ => {}
    }
    if &*point.metric != "door" {
        return None;
    }
    match point.quality()? {
        Quality::Stale | Quality::Bad => Some((1, SILENT)),
        _ if point.text() == Some("open") => Some((0, OPENED)),
        _ => None,
    }
}

/// The mark of an entity, from its most urgent point.
pub(crate) fn mark(store: &Store, points: &[PointIx]) -> Option<Paint> {
    let points = points.iter().map(|&ix| store.points.at(ix));
    let points = points.filter(|point| concerns(&store.states, point));
    let marks = points.filter_map(|point| mark_of(&store.states, point));
    marks.max_by_key(|(urgency, _)| *urgency).map(|(_, paint)| paint)
}
