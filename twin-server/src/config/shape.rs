//! What bound and computed points have in common: unit, range, rate, deadband, states.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use toml::Spanned;
use twin_model::metric;

use super::{
    error::{Collector, line_of},
    load,
    raw::{RawDeadband, RawState},
};
use crate::bindings::{Deadband, Linear, Place, Point, StateLabel, States, check_unit};

/// Longest silence a point may be allowed, s: a year.
const MAX_SILENCE_SECS: u64 = 31_536_000;
/// States of one enumeration.
const MAX_STATES: usize = 256;

/// The keys as they stand in the file.
pub(super) struct Shape<'r> {
    pub(super) metric: &'r Spanned<String>,
    pub(super) unit: Option<&'r Spanned<String>>,
    pub(super) range: Option<&'r Spanned<[f64; 2]>>,
    pub(super) stale_after: Option<&'r Spanned<String>>,
    pub(super) rate: Option<&'r Spanned<f64>>,
    pub(super) deadband: Option<&'r Spanned<RawDeadband>>,
    pub(super) max_silence: Option<&'r Spanned<String>>,
    pub(super) states: Option<&'r Spanned<BTreeMap<String, RawState>>>,
}

impl Shape<'_> {
    /// A point of this shape, neither scaled nor mapped.
    pub(super) fn check(
        &self,
        place: Place,
        key: &impl Fn(&str) -> String,
        out: &mut Collector<'_>,
        warnings: &mut Vec<String>,
    ) -> Point {
        let mut silence = |raw: Option<&Spanned<String>>, name: &str| {
            raw.and_then(|text| load::duration(text, &key(name), 1, MAX_SILENCE_SECS, out))
        };
        let stale_after = silence(self.stale_after, "stale_after");
        let max_silence = silence(self.max_silence, "max_silence");
        self.check_silence(stale_after, max_silence, &key("max_silence"), out);
        if let (Some(states), true) = (self.states, self.deadband.is_some() || self.rate.is_some())
        {
            let why = "name states; `rate` and `deadband` are for numbers";
            out.add(states.span(), &key("states"), why);
        }
        Point {
            metric: self.metric.get_ref().as_str().into(),
            unit: self.check_unit(&key("unit"), out, warnings),
            place,
            range: self.check_range(&key("range"), out),
            stale_after,
            scale: Linear::default(),
            conversion: Linear::default(),
            map: None,
            optional: false,
            rate: self.check_rate(&key("rate"), out),
            deadband: self.check_deadband(&key("deadband"), out),
            max_silence,
            states: self.check_states(&key("states"), out),
        }
    }

    /// The unit given, else the one the product shows the metric in; none for states.
    fn check_unit(
        &self,
        key: &str,
        out: &mut Collector<'_>,
        warnings: &mut Vec<String>,
    ) -> Arc<str> {
        let known = metric::find(self.metric.get_ref()).map(|metric| metric.unit);
        let Some(unit) = self.unit else {
            let known = known.filter(|_| self.states.is_none());
            return known.unwrap_or_default().into();
        };
        out.take(unit.span(), key, check_unit(unit.get_ref()));
        if let Some(known) = known.filter(|known| !known.is_empty() && *known != unit.get_ref()) {
            warnings.push(format!(
                "line {}: {key}: {} is in {:?} here, and in {known:?} everywhere else; \
                 if the device sends {:?}, say `unit_in = {:?}` and leave `unit` out",
                line_of(out.text(), unit.span().start),
                self.metric.get_ref(),
                unit.get_ref(),
                unit.get_ref(),
                unit.get_ref(),
            ));
        }
        unit.get_ref().as_str().into()
    }

    fn check_silence(
        &self,
        stale_after: Option<Duration>,
        max_silence: Option<Duration>,
        key: &str,
        out: &mut Collector<'_>,
    ) {
        let Some(raw) = self.max_silence else { return };
        if self.deadband.is_none() {
            out.add(raw.span(), key, "needs `deadband`: without one every sample is passed on");
        }
        if let (Some(stale), Some(silence)) = (stale_after, max_silence)
            && silence >= stale
        {
            out.add(raw.span(), key, "expected less than `stale_after`, or it would look stale");
        }
    }

    fn check_range(&self, key: &str, out: &mut Collector<'_>) -> Option<[f64; 2]> {
        let raw = self.range?;
        let [low, high] = *raw.get_ref();
        if !(low.is_finite() && high.is_finite() && low < high) {
            let why = format!("[{low}, {high}]: expected [low, high] with low < high");
            out.add(raw.span(), key, why);
        }
        Some([low, high])
    }

    fn check_rate(&self, key: &str, out: &mut Collector<'_>) -> Option<f64> {
        let raw = self.rate?;
        let rate = *raw.get_ref();
        if !(rate.is_finite() && rate > 0.0) {
            out.add(raw.span(), key, format!("{rate}: expected a change a second above 0"));
        }
        Some(rate)
    }

    fn check_deadband(&self, key: &str, out: &mut Collector<'_>) -> Option<Deadband> {
        let raw = self.deadband?;
        let positive = |number: &f64| number.is_finite() && *number > 0.0;
        let deadband = match raw.get_ref() {
            RawDeadband::Absolute(number) => Some(*number).filter(positive).map(Deadband::Absolute),
            RawDeadband::Percent(text) => text
                .strip_suffix('%')
                .and_then(|number| number.trim().parse().ok())
                .filter(|number| positive(number) && *number < 100.0)
                .map(Deadband::Percent),
        };
        if deadband.is_none() {
            out.add(raw.span(), key, "expected a number above 0, or a percentage such as \"2%\"");
        }
        deadband
    }

    fn check_states(&self, key: &str, out: &mut Collector<'_>) -> Option<Arc<States>> {
        let raw = self.states?;
        let states = raw.get_ref();
        if states.is_empty() || states.len() > MAX_STATES {
            let why = format!(
                "expected 1 to {MAX_STATES} states, such as \
                 open = {{ zh = \"开\", en = \"Open\", normal = true }}"
            );
            out.add(raw.span(), key, why);
        }
        if let Some(unit) = self.unit.filter(|unit| !unit.get_ref().is_empty()) {
            out.add(unit.span(), &key.replace("states", "unit"), "`states` have no unit");
        }
        let label = |(name, state): (&String, &RawState)| {
            let RawState { zh, en, normal } = state.clone();
            (name.clone(), StateLabel { zh, en, normal })
        };
        Some(Arc::new(states.iter().map(label).collect()))
    }
}

/// Refuses a state that two places call differently: pictures and lists show one label.
#[derive(Default)]
pub(super) struct Labels<'r> {
    known: BTreeMap<(&'r str, &'r str), &'r RawState>,
}

impl<'r> Labels<'r> {
    /// Adds the states of one point.
    pub(super) fn add(
        &mut self,
        metric: &'r Spanned<String>,
        states: Option<&'r Spanned<BTreeMap<String, RawState>>>,
        key: &str,
        out: &mut Collector<'_>,
    ) {
        let Some(states) = states else { return };
        for (name, label) in states.get_ref() {
            let known = self.known.entry((metric.get_ref(), name)).or_insert(label);
            if *known != label {
                let why = format!(
                    "{name:?} of {:?} is {:?} ({:?}) in another place of this file",
                    metric.get_ref(),
                    known.en,
                    known.zh,
                );
                out.add(states.span(), &format!("{key}.states"), why);
            }
        }
    }
}
