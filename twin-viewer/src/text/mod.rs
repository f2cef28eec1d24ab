//! Words, numbers, units and ages, in both languages.

mod age;
mod lang;
mod number;
mod refusal;
mod title;
mod unit;

pub use age::{age, clock_time, date_time};
pub use lang::Lang;
pub use number::{measured, number};
pub use refusal::refusal;
pub use title::title;
pub use unit::unit;

use twin_model::Value;

use crate::store::States;

/// A value as a person reads it, without its unit: numbers with sensible digits, states
/// and yes/no by name, as the site calls them or else as the page does.
pub fn value(lang: Lang, states: &States, metric: &str, value: &Value) -> String {
    if let Some(label) = states.label(lang, metric, value) {
        return label.to_owned();
    }
    match value {
        Value::Number(value) if is_measured(metric) => measured(*value),
        Value::Number(value) => number(*value),
        Value::Bool(yes) => {
            let (word, plain) = if *yes { ("yes", "value.yes") } else { ("no", "value.no") };
            let own = lang.find(&format!("value.{metric}.{word}"));
            own.unwrap_or_else(|| lang.t(plain)).to_owned()
        }
        Value::Text(state) => {
            lang.find(&format!("state.{state}")).map_or_else(|| state.clone(), str::to_owned)
        }
    }
}

/// Whether a metric is measured, not counted.
fn is_measured(metric: &str) -> bool {
    let found = twin_model::metric::find(metric);
    found.is_some_and(|found| !found.unit.is_empty() && !found.unit.ends_with('}'))
}

/// A kind of entity by name.
pub fn kind(lang: Lang, kind: twin_model::EntityKind) -> &'static str {
    lang.find(&format!("kind.{}", kind.as_str())).unwrap_or(kind.as_str())
}

/// A metric by its name in this language; unknown ones go by the name they were given.
pub fn metric(lang: Lang, name: &str) -> String {
    match (twin_model::metric::find(name), lang) {
        (Some(known), Lang::Zh) => known.zh.to_owned(),
        (Some(known), Lang::En) => known.en.to_owned(),
        (None, _) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_like_words() {
        let none = &States::default();
        let text = |state: &str| Value::Text(state.into());
        assert_eq!(value(Lang::En, none, "temperature", &Value::Number(22.0)), "22.0");
        assert_eq!(value(Lang::En, none, "people", &Value::Number(22.0)), "22");
        assert_eq!(value(Lang::En, none, "door", &text("forced")), "Forced open");
        assert_eq!(value(Lang::Zh, none, "door", &text("closed")), "关闭");
        assert_eq!(
            value(Lang::En, none, "door", &text("ajar")),
            "ajar",
            "unknown states as they are"
        );
        assert_eq!(value(Lang::En, none, "fault", &Value::Bool(true)), "Fault");
        assert_eq!(value(Lang::Zh, none, "running", &Value::Bool(false)), "停止");
        assert_eq!(value(Lang::En, none, "occupied", &Value::Bool(true)), "Yes");
        assert_eq!(metric(Lang::Zh, "power"), "功率");
        assert_eq!(metric(Lang::Zh, "torque"), "torque");
    }
}
