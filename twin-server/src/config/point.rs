//! `[[binding.point]]`: from raw TOML to checked points.

use std::{collections::BTreeMap, ops::Range};

use toml::Spanned;
use twin_model::Value;

use super::{
    error::Collector,
    place,
    raw::{RawMapped, RawPoint},
    shape::Shape,
};
use crate::bindings::{Decode, Linear, Path, Place, Point, unit_conversion};

/// Checks one point; nothing where a problem keeps it from being used.
pub(super) fn check(
    raw: &Spanned<RawPoint>,
    decode: &Decode,
    key: &str,
    out: &mut Collector<'_>,
    warnings: &mut Vec<String>,
) -> Option<Point> {
    let raw_span = raw.span();
    let raw = raw.get_ref();
    let key = |name: &str| format!("{key}.{name}");
    if !metric(&raw.metric, &key("metric"), out) {
        return None;
    }
    let place = place(raw_span, raw, decode, &key, out)?;
    let shape = Shape {
        metric: &raw.metric,
        unit: raw.unit.as_ref(),
        range: raw.range.as_ref(),
        stale_after: raw.stale_after.as_ref(),
        rate: raw.rate.as_ref(),
        deadband: raw.deadband.as_ref(),
        max_silence: raw.max_silence.as_ref(),
        states: raw.states.as_ref(),
    };
    let mut point = shape.check(place, &key, out, warnings);
    point.scale = Linear::new(
        finite(raw.scale.as_ref(), 1.0, &key("scale"), out),
        finite(raw.offset.as_ref(), 0.0, &key("offset"), out),
    );
    if let Some(scale) = raw.scale.as_ref().filter(|scale| *scale.get_ref() == 0.0) {
        out.add(scale.span(), &key("scale"), "0 would make every value the same");
    }
    if let Some(unit_in) = &raw.unit_in {
        let conversion = unit_conversion(unit_in.get_ref(), &point.unit);
        let conversion = out.take(unit_in.span(), &key("unit_in"), conversion);
        point.conversion = conversion.unwrap_or_default();
    }
    point.map = map(raw, &key("map"), out);
    point.optional = raw.optional;
    Some(point)
}

/// Whether a metric has a name that can be part of a point's.
pub(super) fn metric(raw: &Spanned<String>, key: &str, out: &mut Collector<'_>) -> bool {
    let fits = !raw.get_ref().is_empty() && !raw.get_ref().contains(['/', ' ']);
    if !fits {
        out.add(raw.span(), key, "expected a name without `/` and spaces");
    }
    fits
}

/// Where the value stands.
fn place(
    span: Range<usize>,
    raw: &RawPoint,
    decode: &Decode,
    key: &impl Fn(&str) -> String,
    out: &mut Collector<'_>,
) -> Option<Place> {
    if let Some(register) = &raw.register {
        let value = raw.value.as_ref();
        return place::register_place(register, value, decode, &key("register"), out);
    }
    let refuse = |out: &mut Collector<'_>, span, name, why: &str| {
        out.add(span, &key(name), why);
        None
    };
    match &raw.value {
        Some(name) if matches!(decode, Decode::SparkplugB(_)) => {
            Some(Place::Metric(name.get_ref().as_str().into()))
        }
        None if matches!(decode, Decode::SparkplugB(_)) => {
            refuse(out, span, "value", "expected the name of a Sparkplug metric")
        }
        Some(path) if decode.is_tree() => {
            out.take(path.span(), &key("value"), Path::parse(path.get_ref())).map(Place::At)
        }
        Some(path) => refuse(out, path.span(), "value", place::NO_TREE),
        None if decode.is_tree() => {
            refuse(out, span, "value", "expected a JSONPath such as `$.p_kw`")
        }
        None if decode.is_bytes() => refuse(out, span, "register", place::NO_REGISTER),
        None => Some(Place::Whole),
    }
}

fn finite(raw: Option<&Spanned<f64>>, default: f64, key: &str, out: &mut Collector<'_>) -> f64 {
    let Some(raw) = raw else { return default };
    if !raw.get_ref().is_finite() {
        out.add(raw.span(), key, "expected a finite number");
    }
    *raw.get_ref()
}

fn map(raw: &RawPoint, key: &str, out: &mut Collector<'_>) -> Option<BTreeMap<String, Value>> {
    let map = raw.map.as_ref()?;
    let span: Range<usize> = map.span();
    if map.get_ref().is_empty() {
        out.add(span.clone(), key, "expected entries such as \"1\" = \"open\"");
    }
    if raw.scale.is_some() || raw.offset.is_some() {
        out.add(span.clone(), key, "`map` names states; `scale` and `offset` are for numbers");
    }
    let mut mapped = BTreeMap::new();
    for (code, value) in map.get_ref() {
        let value = match value {
            RawMapped::Bool(yes) => Value::Bool(*yes),
            RawMapped::Text(text) => Value::Text(text.clone()),
            RawMapped::Number(number) => match Value::number(*number) {
                Some(value) => value,
                None => {
                    out.add(span.clone(), key, format!("{code:?}: expected a finite number"));
                    continue;
                }
            },
        };
        mapped.insert(code.clone(), value);
    }
    Some(mapped)
}

/// Names the metrics that stand twice in a binding.
pub(super) fn unique_metrics(points: &[Spanned<RawPoint>], key: &str, out: &mut Collector<'_>) {
    for (n, point) in points.iter().enumerate() {
        let metric = &point.get_ref().metric;
        if points[..n].iter().any(|other| other.get_ref().metric.get_ref() == metric.get_ref()) {
            let message = format!("{:?} stands twice in this binding", metric.get_ref());
            out.add(metric.span(), &format!("{key}[{n}].metric"), message);
        }
    }
}
