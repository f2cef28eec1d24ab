//! What the site says of the states of its points, how they are called and which are normal:
//! `/api/v1/states`.

use std::collections::HashMap;

use serde::Deserialize;
use twin_model::Value;

use crate::text::Lang;

/// The answer of `/api/v1/states`.
#[derive(Debug, Default, Deserialize)]
pub struct StateList {
    items: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
struct Metric {
    metric: String,
    states: HashMap<String, Label>,
}

#[derive(Debug, Deserialize)]
struct Label {
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
    #[serde(default)]
    normal: Option<bool>,
}

/// Labels by metric and state.
#[derive(Debug, Default)]
pub struct States(HashMap<String, HashMap<String, Label>>);

impl From<StateList> for States {
    fn from(list: StateList) -> Self {
        Self(list.items.into_iter().map(|item| (item.metric, item.states)).collect())
    }
}

impl States {
    fn find(&self, metric: &str, value: &Value) -> Option<&Label> {
        let states = self.0.get(metric)?;
        match value {
            Value::Text(state) => states.get(state),
            Value::Bool(yes) => states.get(if *yes { "true" } else { "false" }),
            Value::Number(number) => states.get(&number.to_string()),
        }
    }

    /// Whether a value is as it should be, where the site says so.
    pub fn is_normal(&self, metric: &str, value: &Value) -> Option<bool> {
        self.find(metric, value)?.normal
    }

    /// Whether the site says of any value of a metric that it is not as it should be.
    pub fn can_be_abnormal(&self, metric: &str) -> bool {
        let states = self.0.get(metric);
        states.is_some_and(|states| states.values().any(|label| label.normal == Some(false)))
    }

    /// What the site calls a value, if it does.
    pub fn label(&self, lang: Lang, metric: &str, value: &Value) -> Option<&str> {
        let label = self.find(metric, value)?;
        let text = match lang {
            Lang::Zh => &label.zh,
            Lang::En => &label.en,
        };
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sites_words_come_first() {
        let list = r#"{"items":[{"metric":"mode","states":{
            "3":{"zh":"除湿","en":"Drying"},"open":{"zh":"","en":"Gate up","normal":true},
            "true":{"zh":"开","en":"On"}}}],"next":null}"#;
        let states = States::from(serde_json::from_str::<StateList>(list).unwrap());
        let say = |lang, value: Value| crate::text::value(lang, &states, "mode", &value);
        assert_eq!(say(Lang::Zh, Value::Number(3.0)), "除湿");
        assert_eq!(say(Lang::En, Value::Bool(true)), "On");
        assert_eq!(say(Lang::En, Value::Text("open".into())), "Gate up");
        // Without a label of the site, the page's own words, and then the value itself.
        assert_eq!(say(Lang::Zh, Value::Text("open".into())), Lang::Zh.t("state.open"));
        assert_eq!(say(Lang::Zh, Value::Number(4.0)), "4");
        assert_eq!(crate::text::value(Lang::En, &states, "x", &Value::Number(3.0)), "3");
    }
}
