//! What the states of a point are called, in both languages, and which of them are normal.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use twin_model::Value;
use utoipa::ToSchema;

use super::{binding::Binding, scalar::scalar_text};

/// One state of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateLabel {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// Whether it is as it should be; absent: neither good nor bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal: Option<bool>,
}

/// The states of a metric by name, as values have them.
pub type States = BTreeMap<String, StateLabel>;

/// The states of every metric that has some: those of all bindings and computed points
/// together. A state means the same wherever it comes from; the configuration is refused
/// where two places call it differently.
pub type Catalog = BTreeMap<Arc<str>, States>;

/// Collects the states of some points.
pub fn catalog<'a>(
    points: impl IntoIterator<Item = (&'a Arc<str>, &'a Option<Arc<States>>)>,
) -> Catalog {
    let mut catalog = Catalog::new();
    for (metric, states) in points {
        let Some(states) = states else { continue };
        let known = catalog.entry(Arc::clone(metric)).or_default();
        known.extend(states.iter().map(|(name, label)| (name.clone(), label.clone())));
    }
    catalog
}

/// The metrics and states of some bindings.
pub(super) fn of_bindings(
    bindings: &[Binding],
) -> impl Iterator<Item = (&Arc<str>, &Option<Arc<States>>)> {
    bindings.iter().flat_map(|binding| &binding.points).map(|point| (&point.metric, &point.states))
}

/// Why a value is doubted: it is none of the states declared.
pub(super) fn unknown(metric: &str, states: Option<&States>, value: &Value) -> Option<String> {
    let states = states?;
    let name = state_name(value);
    if states.contains_key(&name) {
        return None;
    }
    let known: Vec<&str> = states.keys().map(String::as_str).take(20).collect();
    let name: String = name.chars().take(60).collect();
    Some(format!("{metric} = {name:?} is none of {}", known.join(", ")))
}

/// The name of a state: its text, `true` and `false`, or its number.
pub fn state_name(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => scalar_text(&serde_json::Value::from(*number)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_outside_is_told() {
        let label = |en: &str| StateLabel { zh: "开".into(), en: en.into(), normal: Some(true) };
        let states = States::from([("1".into(), label("on")), ("true".into(), label("yes"))]);
        assert_eq!(unknown("m", Some(&states), &Value::Number(1.0)), None);
        assert_eq!(unknown("m", Some(&states), &Value::Bool(true)), None);
        assert_eq!(unknown("m", None, &Value::Bool(true)), None);
        let reason = unknown("door", Some(&states), &Value::Text("ajar".into()));
        assert_eq!(reason.as_deref(), Some("door = \"ajar\" is none of 1, true"));
    }
}
