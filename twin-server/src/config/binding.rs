//! `[[binding]]`: from raw TOML to checked bindings.

use std::sync::Arc;

use toml::Spanned;
use twin_model::EntityKind;

use super::{
    error::Collector,
    load, place, point,
    raw::{RawBinding, RawMapped, RawTarget, RawWanted},
};
use crate::bindings::{
    Binding, By, ClockLimits, Condition, Decode, Path, Place, Point, Target, Template, TopicPattern,
};

/// Longest a clock may be allowed to be off, s: ten years.
const MAX_OFF_SECS: u64 = 10 * 31_557_600;

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
    let decode = place::decode(raw, &key, out);
    let (topic, decode) = (topic?, decode?);
    let mut names = topic.names().to_vec();
    if let Decode::SparkplugB(sparkplug) = &decode {
        place::sparkplug_topic(&raw.topic, &key("topic"), out);
        names.extend(sparkplug.any_level.then(|| "device".into()));
    }
    let target = target(&raw.entity, &names, &key("entity"), out);
    if let Some(target) = &target {
        payload_target(raw, target, &decode, &key("entity"), out);
    }
    let clock = clock(raw, &key, out);
    if raw.points.is_empty() {
        out.add(span.clone(), &key("point"), "expected at least one [[binding.point]]");
    }
    let points: Vec<Point> = raw
        .points
        .iter()
        .enumerate()
        .filter_map(|(n, raw)| {
            point::check(raw, &decode, &key(&format!("point[{n}]")), out, warnings)
        })
        .collect();
    point::unique_metrics(&raw.points, &key("point"), out);
    let name = raw.name.clone().unwrap_or_else(|| topic.as_str().to_owned());
    Some(Binding {
        name: Arc::from(name),
        topic,
        target: target?,
        each: each(raw, &decode, &key("each"), out),
        when: when(raw, &decode, &key("when"), out),
        time: time(raw, &decode, &key, out),
        clock,
        decode,
        points,
    })
}

/// A JSONPath, where the decoder gives a tree for it to walk.
fn tree_path(
    raw: &Spanned<String>,
    decode: &Decode,
    key: &str,
    out: &mut Collector<'_>,
) -> Option<Path> {
    if !decode.is_tree() {
        out.add(raw.span(), key, place::NO_TREE);
        return None;
    }
    out.take(raw.span(), key, Path::parse(raw.get_ref()))
}

fn each(raw: &RawBinding, decode: &Decode, key: &str, out: &mut Collector<'_>) -> Option<Path> {
    let raw = raw.each.as_ref()?;
    let path = tree_path(raw, decode, key, out)?;
    if path.is_of_message() {
        out.add(raw.span(), key, "is of the whole message as it is: `$`, not `$$`");
    }
    Some(path)
}

fn when(raw: &RawBinding, decode: &Decode, key: &str, out: &mut Collector<'_>) -> Vec<Condition> {
    let Some(raw) = &raw.when else { return Vec::new() };
    if !decode.is_tree() {
        out.add(raw.span(), key, place::NO_TREE);
        return Vec::new();
    }
    let text = |value: &RawMapped| match value {
        RawMapped::Bool(yes) => yes.to_string(),
        RawMapped::Number(number) => number.to_string(),
        RawMapped::Text(text) => text.clone(),
    };
    let condition = |(path, wanted): (&String, &RawWanted)| {
        let path = out.take(raw.span(), key, Path::parse(path))?;
        let any_of = match wanted {
            RawWanted::One(one) => vec![text(one)],
            RawWanted::Several(several) => several.iter().map(text).collect(),
        };
        Some(Condition { path, any_of })
    };
    raw.get_ref().iter().filter_map(condition).collect()
}

fn time(
    raw: &RawBinding,
    decode: &Decode,
    key: &impl Fn(&str) -> String,
    out: &mut Collector<'_>,
) -> Option<Place> {
    match (&raw.time, &raw.time_register) {
        (time, Some(register)) => {
            let key = key("time_register");
            place::register_place(register, time.as_ref(), decode, &key, out)
        }
        (Some(path), None) => tree_path(path, decode, &key("time"), out).map(Place::At),
        (None, None) => None,
    }
}

fn clock(raw: &RawBinding, key: &impl Fn(&str) -> String, out: &mut Collector<'_>) -> ClockLimits {
    let mut limits = ClockLimits::default();
    for (given, name) in [(&raw.max_ahead, "max_ahead"), (&raw.max_behind, "max_behind")] {
        let Some(text) = given else { continue };
        let sent = raw.decode.as_ref().is_some_and(|name| name.get_ref() == "sparkplug-b");
        if raw.time.is_none() && raw.time_register.is_none() && !sent {
            out.add(text.span(), &key(name), "needs `time`: without it the time received counts");
        }
        let Some(limit) = load::duration(text, &key(name), 1, MAX_OFF_SECS, out) else { continue };
        match name {
            "max_ahead" => limits.max_ahead = limit,
            _ => limits.max_behind = Some(limit),
        }
    }
    limits
}

/// Where the payload tells the entity: that it can.
fn payload_target(
    raw: &RawBinding,
    target: &Target,
    decode: &Decode,
    key: &str,
    out: &mut Collector<'_>,
) {
    let span = raw.entity.span();
    if target.needs_payload() && !decode.is_tree() {
        out.add(span, key, place::NO_TREE);
    } else if target.needs_key() && raw.each.is_none() && !matches!(decode, Decode::Csv(_)) {
        out.add(span, key, "`{@key}` is the name or number of an element, and needs `each`");
    }
}

/// The entity a binding is for.
pub(super) fn target(
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

/// A kind of entity by its name.
pub(super) fn entity_kind(
    raw: &Spanned<String>,
    key: &str,
    out: &mut Collector<'_>,
) -> Option<EntityKind> {
    let kind = serde_json::from_value(serde_json::Value::from(raw.get_ref().as_str()));
    let kind = kind.map_err(|_| {
        format!(
            "{:?} is no kind of entity; expected one such as \"space\" or \"door\"",
            raw.get_ref()
        )
    });
    out.take(raw.span(), key, kind)
}
