//! What is not as it should be: the list an operator works from.

use std::collections::HashMap;

use twin_model::{EntityId, EntityKind, Quality, Value};

use super::{Point, PointIx, States, Store};

/// How soon somebody should look, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody should go there.
    High,
    /// Somebody should look.
    Medium,
    /// The data are not to be trusted.
    Low,
}

impl Severity {
    /// The severity's name in attributes and styles.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Why a point is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A door was opened by force.
    Forced,
    /// The device reports a fault.
    Fault,
    /// Smoke, gas or water where none should be.
    Alarm,
    /// A door is held open.
    Held,
    /// A state that is not as it should be, by its name or as the site says.
    Abnormal,
    /// The device says its value is not valid.
    Bad,
    /// Outside the declared range, or from a clock far off.
    Uncertain,
    /// The device, or its gateway, says that it is not connected.
    Offline,
    /// Silent for too long.
    Stale,
}

impl Reason {
    /// The reason's name in translations and attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forced => "forced",
            Self::Fault => "fault",
            Self::Alarm => "alarm",
            Self::Held => "held",
            Self::Abnormal => "abnormal",
            Self::Bad => "bad",
            Self::Uncertain => "uncertain",
            Self::Offline => "offline",
            Self::Stale => "stale",
        }
    }

    /// How soon somebody should look.
    pub fn severity(self) -> Severity {
        match self {
            Self::Forced | Self::Fault | Self::Alarm => Severity::High,
            Self::Held | Self::Abnormal | Self::Bad => Severity::Medium,
            Self::Uncertain | Self::Offline | Self::Stale => Severity::Low,
        }
    }
}

/// What is the matter with one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// The point.
    pub point: PointIx,
    /// What is the matter.
    pub reason: Reason,
    /// Since when, server time, ms since 1970.
    pub since_ms: i64,
    /// Whether it may have begun earlier: it stood when this page came, and of a state that
    /// is reported again and again the server tells the last report.
    pub at_least: bool,
}

/// What is the matter with a point, if anything. A fault that went silent stays a fault:
/// nobody said that it is over. What the site says of a state counts before its name.
pub fn reason_of(states: &States, point: &Point) -> Option<Reason> {
    let quality = point.quality()?;
    if quality == Quality::Bad {
        return Some(Reason::Bad);
    }
    let value = &point.reading.as_ref()?.value;
    let by_value = match (&*point.metric, value) {
        ("door", Value::Text(state)) if state == "forced" => Some(Reason::Forced),
        ("door", Value::Text(state)) if state == "held" => Some(Reason::Held),
        ("fault", Value::Bool(true)) => Some(Reason::Fault),
        ("fault", Value::Number(code)) if *code != 0.0 => Some(Reason::Fault),
        (_, Value::Text(state)) if state == "fault" => Some(Reason::Fault),
        ("smoke" | "gas" | "carbon_monoxide" | "leak", Value::Bool(true)) => Some(Reason::Alarm),
        ("tamper" | "battery_low", Value::Bool(true)) => Some(Reason::Abnormal),
        ("online", Value::Bool(false)) => Some(Reason::Offline),
        _ => None,
    };
    let judged = match states.is_normal(&point.metric, value) {
        Some(true) => None,
        Some(false) => by_value.or(Some(Reason::Abnormal)),
        None => by_value,
    };
    judged.or(match quality {
        Quality::Stale => Some(Reason::Stale),
        Quality::Uncertain => Some(Reason::Uncertain),
        _ => None,
    })
}

/// Silent entities beyond which they are listed by building.
const MAX_ENTITY_LINES: usize = 30;

/// One line of the list as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// Where somebody would look.
    pub entity: EntityId,
    /// One of the points it is about.
    pub point: PointIx,
    /// How many points it is about.
    pub points: usize,
    /// What is the matter.
    pub reason: Reason,
    /// Since when, of several the earliest, server time, ms since 1970.
    pub since_ms: i64,
    /// Whether it may have begun earlier.
    pub at_least: bool,
}

impl Line {
    fn of(entry: &Attention, entity: EntityId) -> Self {
        let &Attention { point, reason, since_ms, at_least } = entry;
        Self { entity, point, points: 1, reason, since_ms, at_least }
    }
}

fn group(entries: &[Attention], subject: impl Fn(&Attention) -> EntityId) -> Vec<Line> {
    let mut lines = HashMap::<(EntityId, Reason), Line>::new();
    for entry in entries {
        let entity = subject(entry);
        let fresh = Line { points: 0, ..Line::of(entry, entity.clone()) };
        let line = lines.entry((entity, entry.reason)).or_insert(fresh);
        line.points += 1;
        line.point = line.point.min(entry.point);
        line.since_ms = line.since_ms.min(entry.since_ms);
        line.at_least |= entry.at_least;
    }
    lines.into_values().collect()
}

/// Remembers since when: a fault that is reported again every second began once.
#[derive(Debug, Default)]
pub struct AttentionList {
    /// By point: what is the matter, and since when.
    known: HashMap<PointIx, Attention>,
    anew: u64,
    generation: u64,
}

impl AttentionList {
    /// Takes the points that changed; true where the list is another now.
    pub fn update(&mut self, store: &Store, changed: &[PointIx]) -> bool {
        let mut touched = false;
        let seen = (self.anew, self.generation);
        (self.anew, self.generation) = (store.anew, store.generation);
        if seen.0 == store.anew {
            for &ix in changed {
                touched |= self.classify(store, ix, false);
            }
        } else {
            touched = !std::mem::take(&mut self.known).is_empty();
        }
        if seen.1 != store.generation {
            for ix in 0..store.points.all().len() as PointIx {
                touched |= self.classify(store, ix, true);
            }
        }
        touched
    }

    /// Looks at a point anew; `found` is one that was as it is when the page came.
    fn classify(&mut self, store: &Store, ix: PointIx, found: bool) -> bool {
        let point = store.points.at(ix);
        let Some(reason) = reason_of(&store.states, point) else {
            return self.known.remove(&ix).is_some();
        };
        if self.known.get(&ix).is_some_and(|before| before.reason == reason) {
            return false;
        }
        let since_ms = point.reading.as_ref().map_or(0, |reading| match reason {
            Reason::Stale => reading.receive_ms + i64::from(point.stale_after_ms),
            _ => reading.source_ms,
        });
        // Silence is counted from the last sample, and that is known.
        let at_least = found && reason != Reason::Stale;
        self.known.insert(ix, Attention { point: ix, reason, since_ms, at_least });
        true
    }

    /// The list as it is shown: the most urgent first, what is not to be trusted last; of one
    /// urgency the newest first. Silent points are put together by entity, and where a
    /// gateway took many with it, by building: one cause, one line.
    pub fn lines(&self, store: &Store) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut low = Vec::new();
        for entry in self.known.values() {
            if entry.reason.severity() == Severity::Low {
                low.push(*entry);
            } else {
                lines.push(Line::of(entry, store.points.at(entry.point).entity.clone()));
            }
        }
        let mut grouped = group(&low, |entry| store.points.at(entry.point).entity.clone());
        if grouped.len() > MAX_ENTITY_LINES {
            grouped = group(&low, |entry| {
                let point = store.points.at(entry.point);
                let building =
                    point.at.and_then(|at| store.scene.enclosing(at, EntityKind::Building));
                building.map_or_else(|| point.entity.clone(), |at| store.scene.at(at).id.clone())
            });
        }
        lines.extend(grouped);
        lines.sort_by(|a, b| {
            let urgency = a.reason.severity().cmp(&b.reason.severity());
            urgency.then_with(|| b.since_ms.cmp(&a.since_ms)).then_with(|| a.point.cmp(&b.point))
        });
        lines
    }

    /// Every point on the list, in no order.
    pub fn entries(&self) -> impl Iterator<Item = &Attention> {
        self.known.values()
    }

    /// How many points there are of each severity: high, medium, low.
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for line in self.known.values() {
            counts[line.reason.severity() as usize] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::{super::test_support::*, *};

    #[test]
    fn the_most_urgent_comes_first_and_of_those_the_newest() {
        let mut store = store(&[
            ("d1", "door", "closed"),
            ("d2", "door", "forced"),
            ("l1", "fault", "true"),
            ("m1", "power", "3.5"),
        ]);
        let mut list = AttentionList::default();
        assert!(list.update(&store, &[]));
        let reasons = |list: &AttentionList, store: &Store| -> Vec<Reason> {
            list.lines(store).iter().map(|line| line.reason).collect()
        };
        assert_eq!(reasons(&list, &store), [Reason::Forced, Reason::Fault]);

        set(&mut store, "d1", "door", "held", 5_000);
        let changed = store.points.take_changed();
        assert!(list.update(&store, &changed));
        assert_eq!(reasons(&list, &store), [Reason::Forced, Reason::Fault, Reason::Held]);
        assert_eq!(list.lines(&store)[2].since_ms, 5_000);
        let at_least: Vec<bool> = list.lines(&store).iter().map(|line| line.at_least).collect();
        assert_eq!(at_least, [true, true, false], "what stood before may be older");

        set(&mut store, "d1", "door", "held", 6_000);
        let changed = store.points.take_changed();
        assert!(!list.update(&store, &changed), "said again is not news");
        assert_eq!(list.lines(&store)[2].since_ms, 5_000);

        set(&mut store, "d2", "door", "closed", 6_500);
        set(&mut store, "d2", "door", "forced", 6_600);
        let changed = store.points.take_changed();
        list.update(&store, &changed);
        set(&mut store, "d1", "door", "closed", 7_000);
        let changed = store.points.take_changed();
        assert!(list.update(&store, &changed));
        assert_eq!(list.counts(), [2, 0, 0]);
    }

    #[test]
    fn what_the_site_says_of_a_state_counts() {
        let mut store =
            store(&[("d1", "door", "held"), ("v1", "valve", "shut"), ("p1", "pump", "2")]);
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        assert_eq!(list.counts(), [0, 1, 0], "only the door's state is known by name");
        set(&mut store, "v1", "valve", "open", 4_000);
        let changed = store.points.take_changed();
        list.update(&store, &changed);

        let said = r#"{"items":[
            {"metric":"door","states":{"held":{"en":"Open","normal":true}}},
            {"metric":"valve","states":{"open":{"en":"Open","normal":false}}},
            {"metric":"pump","states":{"2":{"en":"Dry","normal":false},"1":{"normal":true}}}]}"#;
        store.set_states(serde_json::from_str::<super::super::StateList>(said).unwrap().into());
        assert!(list.update(&store, &[]));
        let mut seen: Vec<(String, Reason)> = list
            .lines(&store)
            .into_iter()
            .map(|line| (line.entity.as_str().to_owned(), line.reason))
            .collect();
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [("p1".to_owned(), Reason::Abnormal), ("v1".to_owned(), Reason::Abnormal)];
        assert_eq!(seen, expected);
        set(&mut store, "p1", "pump", "1", 9_000);
        let changed = store.points.take_changed();
        assert!(list.update(&store, &changed));
        assert_eq!(list.counts(), [0, 1, 0]);
    }

    #[test]
    fn smoke_and_water_are_urgent_and_who_is_offline_is_told() {
        let store = store(&[
            ("s1", "smoke", "true"),
            ("s2", "smoke", "false"),
            ("w1", "leak", "true"),
            ("t1", "tamper", "true"),
            ("z1", "online", "false"),
            ("z2", "online", "true"),
        ]);
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        let reasons: Vec<Reason> = list.lines(&store).iter().map(|line| line.reason).collect();
        use Reason::{Abnormal, Alarm, Offline};
        assert_eq!(reasons, [Alarm, Alarm, Abnormal, Offline]);
    }

    #[test]
    fn another_point_does_not_make_a_fault_younger() {
        let mut store = store(&[("d1", "door", "closed")]);
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        set(&mut store, "d1", "door", "forced", 5_000);
        let changed = store.points.take_changed();
        list.update(&store, &changed);
        set(&mut store, "d1", "door", "forced", 8_000);
        add(&mut store, &[("d2", "door", "held")]);
        list.update(&store, &[]);
        let lines = list.lines(&store);
        let since: Vec<_> = lines.iter().map(|line| (line.since_ms, line.at_least)).collect();
        assert_eq!(since, [(5_000, false), (0, true)]);
    }

    #[test]
    fn a_silent_meter_is_stale_but_a_silent_fault_stays_a_fault() {
        let mut store = store(&[("l1", "fault", "true"), ("m1", "power", "3.5")]);
        store.points.sweep(1_000_000);
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        assert_eq!(list.counts(), [1, 0, 1]);
        assert_eq!(list.lines(&store)[1].since_ms, STALE_AFTER_MS, "stale since its time ran out");
    }

    #[test]
    fn a_forced_door_stands_above_a_hundred_silent_points() {
        let names: Vec<String> = (0..100).map(|n| format!("m{n}")).collect();
        let mut points: Vec<(&str, &str, &str)> =
            names.iter().map(|name| (name.as_str(), "power", "1")).collect();
        points.extend([("m0", "energy", "1"), ("door", "door", "forced")]);
        let mut scene = vec![("T1", None, EntityKind::Building), ("door", None, EntityKind::Door)];
        scene.extend(names.iter().map(|name| (name.as_str(), Some(0), EntityKind::Meter)));
        let mut store = Store::default();
        store.set_scene(scene_of(&scene));
        add(&mut store, &points);
        set(&mut store, "door", "door", "forced", 50);
        store.points.sweep(20_000);
        set(&mut store, "m7", "power", "1", 25_000);
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        let lines = list.lines(&store);
        let seen: Vec<(&str, Reason, usize)> =
            lines.iter().map(|line| (line.entity.as_str(), line.reason, line.points)).collect();
        assert_eq!(seen, [("door", Reason::Forced, 1), ("T1", Reason::Stale, 100)]);
    }

    #[test]
    fn a_few_silent_entities_have_a_line_each() {
        let mut store = store(&[("a", "power", "1"), ("a", "energy", "1"), ("b", "power", "1")]);
        store.points.sweep(1_000_000);
        let mut list = AttentionList::default();
        list.update(&store, &[]);
        let mut counts: Vec<usize> = list.lines(&store).iter().map(|line| line.points).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 2]);
    }
}
