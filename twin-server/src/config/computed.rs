//! `[[computed]]`: from raw TOML to checked computed points.

use std::{sync::Arc, time::Duration};

use toml::Spanned;

use super::{
    binding,
    error::Collector,
    load, point,
    raw::{RawComputed, RawInput},
    shape::Shape,
};
use crate::bindings::{Computed, Expr, Input, Of, Place, cycle};

/// Computed points of one file.
const MAX_RULES: usize = 500;
/// Inputs of one computed point.
const MAX_INPUTS: usize = 16;

/// Checks all of them, and that none waits for itself.
pub(super) fn check(
    raw: &[Spanned<RawComputed>],
    out: &mut Collector<'_>,
    warnings: &mut Vec<String>,
) -> Vec<Computed> {
    if let Some(over) = raw.get(MAX_RULES) {
        out.add(over.span(), "computed", format!("more than {MAX_RULES}"));
        return Vec::new();
    }
    let checked: Vec<Computed> =
        raw.iter().enumerate().filter_map(|(index, raw)| one(index, raw, out, warnings)).collect();
    for (index, rule) in checked.iter().enumerate() {
        if checked[..index].iter().any(|other| other.name == rule.name)
            && let Some(raw) = raw.get(index)
        {
            let why = format!("{:?} names two computed points", rule.name);
            out.add(raw.span(), &format!("computed[{index}].name"), why);
        }
    }
    if let Some(way) = cycle(&checked) {
        let first = raw.iter().enumerate().find(|(_, raw)| name(raw.get_ref()) == *way[0]);
        if let Some((index, first)) = first {
            let span = first.get_ref().expr.span();
            let why = format!("waits for itself: {}", way.join(" → "));
            out.add(span, &format!("computed[{index}].expr"), why);
        }
    }
    checked
}

fn name(raw: &RawComputed) -> String {
    raw.name.clone().unwrap_or_else(|| raw.metric.get_ref().clone())
}

fn one(
    index: usize,
    raw: &Spanned<RawComputed>,
    out: &mut Collector<'_>,
    warnings: &mut Vec<String>,
) -> Option<Computed> {
    let raw = raw.get_ref();
    let key = |name: &str| format!("computed[{index}].{name}");
    let metric = point::metric(&raw.metric, &key("metric"), out);
    let target = raw.entity.get_ref();
    let named = [&target.tag, &target.global_id, &target.name, &target.path, &target.property];
    let (target, kind) = if named.iter().all(|given| given.is_none()) && target.kind.is_some() {
        let kind = target.kind.as_ref()?;
        (None, binding::entity_kind(kind, &key("entity.kind"), out))
    } else {
        let target = binding::target(&raw.entity, &[], &key("entity"), out);
        if target.as_ref().is_some_and(crate::bindings::Target::needs_payload) {
            out.add(raw.entity.span(), &key("entity"), "there is no payload to take this from");
        }
        (Some(target?), None)
    };
    if raw.inputs.is_empty() || raw.inputs.len() > MAX_INPUTS {
        let why = format!(
            "expected 1 to {MAX_INPUTS}, as in inputs = {{ p = {{ metric = \"power\", of = \"below\" }} }}"
        );
        out.add(raw.expr.span(), &key("inputs"), why);
        return None;
    }
    let inputs: Vec<Input> = raw
        .inputs
        .iter()
        .filter_map(|(name, raw)| input(name, raw, &key(&format!("inputs.{name}")), out))
        .collect();
    let names: Vec<String> = raw.inputs.keys().cloned().collect();
    let expr = out.take(raw.expr.span(), &key("expr"), Expr::parse(raw.expr.get_ref(), &names));
    let mut min_interval = Duration::from_secs(1);
    load::set_duration(&mut min_interval, &raw.min_interval, &key("min_interval"), 0, 86_400, out);
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
    let point = shape.check(Place::Whole, &key, out, warnings);
    (metric && inputs.len() == names.len()).then_some(())?;
    let name = Arc::from(name(raw));
    Some(Computed { name, target, kind, inputs, expr: expr?, min_interval, point })
}

fn input(name: &str, raw: &Spanned<RawInput>, key: &str, out: &mut Collector<'_>) -> Option<Input> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(letters) {
        out.add(raw.span(), key, "expected a name of letters, digits and `_`");
        return None;
    }
    let raw = raw.get_ref();
    let of = match raw.of.as_ref().map(|of| of.get_ref().as_str()) {
        None | Some("own") => Of::Own,
        Some("below") => Of::Below,
        Some(other) => {
            let span = raw.of.as_ref().map_or(0..0, Spanned::span);
            out.add(
                span,
                &format!("{key}.of"),
                format!("{other:?}: expected \"own\" or \"below\""),
            );
            return None;
        }
    };
    let kind = match &raw.kind {
        None => None,
        Some(kind) => Some(binding::entity_kind(kind, &format!("{key}.kind"), out)?),
    };
    let metric = Arc::from(raw.metric.get_ref().as_str());
    Some(Input { name: name.to_owned(), metric, of, kind })
}
