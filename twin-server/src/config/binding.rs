//! `[[binding]]`: from raw TOML to checked bindings.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use serde_json_path::JsonPath;
use toml::Spanned;
use twin_model::{EntityKind, Value, metric};

use super::{
    error::{Collector, line_of},
    load,
    raw::{RawBinding, RawMapped, RawPoint, RawTarget},
};
use crate::bindings::{Binding, By, Decode, Point, Target, Template, TopicPattern};

/// Values of `decode` that the documentation names and this version does not read.
const LATER: [&str; 4] = ["csv", "sparkplug-b", "cbor", "hex"];

/// Checks one binding; nothing where a problem keeps it from being used.
pub(super) fn check(
    index: usize,
    raw: &Spanned<RawBinding>,
    out: &mut Collector<'_>,
    warnings: &mut Vec<String>,
) -> Option<Binding> {
    let span = raw.span();
    let raw = raw.get_ref();
    let key = |name: &str| format!("binding[{index}].{name}");
    let topic = TopicPattern::parse(raw.topic.get_ref());
    let topic = out.take(raw.topic.span(), &key("topic"), topic);
    let decode = decode(raw.decode.as_ref(), &key("decode"), out);
    let time = raw.time.as_ref().and_then(|path| json_path(path, &key("time"), out));
    let (topic, decode) = (topic?, decode?);
    if let (Some(path), true) = (&raw.time, decode != Decode::Json) {
        out.add(path.span(), &key("time"), "a JSONPath needs `decode = \"json\"`");
    }
    let target = target(&raw.entity, topic.names(), &key("entity"), out);
    if raw.points.is_empty() {
        out.add(span.clone(), &key("point"), "expected at least one [[binding.point]]");
    }
    let points: Vec<Point> = raw
        .points
        .iter()
        .enumerate()
        .filter_map(|(n, raw)| point(raw, decode, &key(&format!("point[{n}]")), out, warnings))
        .collect();
    unique_metrics(&raw.points, &key("point"), out);
    let name = raw.name.clone().unwrap_or_else(|| topic.as_str().to_owned());
    Some(Binding { name: name.into(), topic, target: target?, decode, time, points })
}

fn decode(raw: Option<&Spanned<String>>, key: &str, out: &mut Collector<'_>) -> Option<Decode> {
    let Some(raw) = raw else { return Some(Decode::Json) };
    match raw.get_ref().as_str() {
        "json" => Some(Decode::Json),
        "text" => Some(Decode::Text),
        "number" => Some(Decode::Number),
        other => {
            let why = if LATER.contains(&other) {
                format!("{other:?} is not supported yet; expected \"json\", \"text\" or \"number\"")
            } else {
                format!("{other:?}: expected \"json\", \"text\" or \"number\"")
            };
            out.add(raw.span(), key, why);
            None
        }
    }
}

fn json_path(raw: &Spanned<String>, key: &str, out: &mut Collector<'_>) -> Option<JsonPath> {
    let parsed = JsonPath::parse(raw.get_ref()).map_err(|error| {
        format!("{:?} is not a JSONPath such as `$.p_kw`: {}", raw.get_ref(), error.message())
    });
    out.take(raw.span(), key, parsed)
}

fn target(
    raw: &Spanned<RawTarget>,
    names: &[Box<str>],
    key: &str,
    out: &mut Collector<'_>,
) -> Option<Target> {
    let span = raw.span();
    let raw = raw.get_ref();
    let kind = match &raw.kind {
        None => None,
        Some(kind) => Some(entity_kind(kind, &format!("{key}.kind"), out)?),
    };
    let mut template = |text: &Spanned<String>, name: &str| {
        let parsed = Template::parse(text.get_ref(), names);
        out.take(text.span(), &format!("{key}.{name}"), parsed)
    };
    let given = [&raw.tag, &raw.global_id, &raw.name, &raw.path, &raw.property];
    if given.iter().filter(|value| value.is_some()).count() != 1 {
        out.add(span, key, "expected exactly one of tag, global_id, name, path or property");
        return None;
    }
    if raw.equals.is_some() != raw.property.is_some() {
        out.add(
            span,
            key,
            "`property` and `equals` belong together: \
             { property = \"Pset_Device.SerialNumber\", equals = \"{device}\" }",
        );
        return None;
    }
    let by = if let Some(tag) = &raw.tag {
        By::Tag(template(tag, "tag")?)
    } else if let Some(id) = &raw.global_id {
        By::GlobalId(template(id, "global_id")?)
    } else if let Some(name) = &raw.name {
        By::Name(template(name, "name")?)
    } else if let Some(path) = &raw.path {
        By::Path(path_templates(path, names, &format!("{key}.path"), out)?)
    } else {
        let (property, equals) = (raw.property.as_ref()?, raw.equals.as_ref()?);
        let equals = template(equals, "equals")?;
        let Some((set, name)) = property.get_ref().split_once('.') else {
            let key = format!("{key}.property");
            out.add(property.span(), &key, "expected SET.PROPERTY, as in Pset_Device.SerialNumber");
            return None;
        };
        By::Property { set: set.into(), name: name.into(), equals }
    };
    Some(Target { by, kind })
}

fn path_templates(
    raw: &Spanned<String>,
    names: &[Box<str>],
    key: &str,
    out: &mut Collector<'_>,
) -> Option<Vec<Template>> {
    let parsed: Result<Vec<_>, _> =
        raw.get_ref().split('/').map(|part| Template::parse(part, names)).collect();
    out.take(raw.span(), key, parsed)
}

fn entity_kind(raw: &Spanned<String>, key: &str, out: &mut Collector<'_>) -> Option<EntityKind> {
    let kind = serde_json::from_value(serde_json::Value::from(raw.get_ref().as_str()));
    let kind = kind.map_err(|_| {
        format!(
            "{:?} is no kind of entity; expected one such as \"space\" or \"door\"",
            raw.get_ref()
        )
    });
    out.take(raw.span(), key, kind)
}

fn point(
    raw: &Spanned<RawPoint>,
    decode: Decode,
    key: &str,
    out: &mut Collector<'_>,
    warnings: &mut Vec<String>,
) -> Option<Point> {
    let raw_span = raw.span();
    let raw = raw.get_ref();
    let key = |name: &str| format!("{key}.{name}");
    let name = raw.metric.get_ref();
    if name.is_empty() || name.contains(['/', ' ']) {
        out.add(raw.metric.span(), &key("metric"), "expected a name without `/` and spaces");
        return None;
    }
    let value = match (&raw.value, decode) {
        (Some(path), Decode::Json) => Some(json_path(path, &key("value"), out)?),
        (None, Decode::Json) => {
            out.add(raw_span, &key("value"), "expected a JSONPath such as `$.p_kw`");
            return None;
        }
        (Some(path), _) => {
            out.add(
                path.span(),
                &key("value"),
                "a JSONPath needs `decode = \"json\"`; text and \
                 number take the whole payload",
            );
            return None;
        }
        (None, _) => None,
    };
    let mut stale_after = None;
    if let Some(text) = &raw.stale_after {
        stale_after = load::duration(text, &key("stale_after"), 1, 31_536_000, out);
    }
    Some(Point {
        metric: name.as_str().into(),
        unit: unit(raw, &key("unit"), out, warnings),
        value,
        range: range(raw.range.as_ref(), &key("range"), out),
        stale_after,
        scale: finite(raw.scale.as_ref(), 1.0, &key("scale"), out),
        offset: finite(raw.offset.as_ref(), 0.0, &key("offset"), out),
        map: map(raw, &key("map"), out),
        optional: raw.optional,
    })
}

/// The unit given, else the one the product shows the metric in.
fn unit(
    raw: &RawPoint,
    key: &str,
    out: &mut Collector<'_>,
    warnings: &mut Vec<String>,
) -> Arc<str> {
    let known = metric::find(raw.metric.get_ref()).map(|metric| metric.unit);
    match &raw.unit {
        None => known.unwrap_or_default().into(),
        Some(unit) => {
            if let Some(known) = known.filter(|known| !known.is_empty() && *known != unit.get_ref())
            {
                warnings.push(format!(
                    "line {}: {key}: {} is in {:?} here, and in {known:?} everywhere else; \
                     convert it with `scale` and `offset`",
                    line_of(out.text(), unit.span().start),
                    raw.metric.get_ref(),
                    unit.get_ref(),
                ));
            }
            unit.get_ref().as_str().into()
        }
    }
}

fn range(raw: Option<&Spanned<[f64; 2]>>, key: &str, out: &mut Collector<'_>) -> Option<[f64; 2]> {
    let [low, high] = *raw?.get_ref();
    if !(low.is_finite() && high.is_finite() && low < high) {
        out.add(raw?.span(), key, format!("[{low}, {high}]: expected [low, high] with low < high"));
    }
    Some([low, high])
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

fn unique_metrics(points: &[Spanned<RawPoint>], key: &str, out: &mut Collector<'_>) {
    for (n, point) in points.iter().enumerate() {
        let metric = &point.get_ref().metric;
        if points[..n].iter().any(|other| other.get_ref().metric.get_ref() == metric.get_ref()) {
            let message = format!("{:?} stands twice in this binding", metric.get_ref());
            out.add(metric.span(), &format!("{key}[{n}].metric"), message);
        }
    }
}
