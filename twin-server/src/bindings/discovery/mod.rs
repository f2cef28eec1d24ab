//! Devices that announce their own topics: Home Assistant's MQTT discovery. An
//! announcement becomes a binding, written as a person would write it and checked like
//! one; what cannot be followed is refused with the reason.

mod template;
mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use self::words::either;
use super::{binding::Binding, scalar::scalar_text};
use crate::config;

/// Announcements that are followed; further ones are refused, with that reason.
const MAX_FOUND: usize = 10_000;
/// Longest announcement, bytes.
const MAX_ANNOUNCEMENT: usize = 64 * 1024;

/// A dialect of a profile in which devices announce themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Name of the profile's use; binding names begin with it.
    pub name: String,
    /// First levels of the announcements' topics.
    pub prefix: String,
    /// Tag of the entity, with `{device}`, `{node}`, `{object}`, `{unique_id}` and
    /// `{device_name}` of the announcement in it.
    pub tag: String,
    /// Silence after which values are stale.
    pub stale_after: Option<String>,
}

impl Discovery {
    /// The topic filters of its announcements.
    pub fn filters(&self) -> [String; 2] {
        [format!("{}/+/+/config", self.prefix), format!("{}/+/+/+/config", self.prefix)]
    }
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It announces nothing.
    NotMine,
    /// It announces what is known, or nothing to measure and says so.
    Known,
    /// The bindings change by it.
    News,
    /// It cannot be followed, and why.
    Refused(String),
    /// The same, where it stood for a binding before.
    Lost(String),
}

/// One announcement that is followed.
#[derive(Clone, Debug)]
struct Found {
    /// Whose value it is, and what it measures.
    point: (String, String),
    toml: String,
    binding: Binding,
}

/// The announcements that are followed.
#[derive(Clone, Debug, Default)]
pub(super) struct Discovered {
    dialects: Vec<Discovery>,
    found: BTreeMap<Box<str>, Found>,
}

/// Where an announcement was made.
struct Place<'t> {
    component: &'t str,
    node: &'t str,
    object: &'t str,
}

impl Discovered {
    pub(super) fn new(dialects: Vec<Discovery>) -> Self {
        Self { dialects, found: BTreeMap::new() }
    }

    /// The dialects it listens for.
    pub(super) fn dialects(&self) -> &[Discovery] {
        &self.dialects
    }

    /// Takes over what another one follows, as far as its dialects are the same.
    pub(super) fn take_over(&mut self, old: &Self) {
        let same = |topic: &str| {
            let dialect = old.dialects.iter().find(|dialect| place(dialect, topic).is_some());
            dialect.is_some_and(|dialect| self.dialects.contains(dialect))
        };
        let kept = old.found.iter().filter(|(topic, _)| same(topic));
        self.found = kept.map(|(topic, found)| (topic.clone(), found.clone())).collect();
    }

    /// The bindings of all announcements.
    pub(super) fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.found.values().map(|found| &found.binding)
    }

    /// Looks whether a message is an announcement, and follows it.
    pub(super) fn note(&mut self, topic: &str, payload: &[u8]) -> Noted {
        let mine = |dialect: &&Discovery| place(dialect, topic).is_some();
        let Some(dialect) = self.dialects.iter().find(mine) else { return Noted::NotMine };
        let Some(place) = place(dialect, topic) else { return Noted::NotMine };
        if payload.trim_ascii().is_empty() {
            // An empty announcement takes the one before it back.
            return if self.found.remove(topic).is_some() { Noted::News } else { Noted::Known };
        }
        let taken = |point: &(String, String)| {
            self.found.iter().any(|(other, found)| **other != *topic && found.point == *point)
        };
        let found = match read(dialect, &place, payload, taken) {
            Ok(found) => found,
            Err(reason) => {
                // What was announced before no longer holds.
                return match self.found.remove(topic) {
                    Some(_) => Noted::Lost(reason),
                    None => Noted::Refused(reason),
                };
            }
        };
        if self.found.get(topic).is_some_and(|known| known.toml == found.toml) {
            return Noted::Known;
        }
        if self.found.len() >= MAX_FOUND && !self.found.contains_key(topic) {
            return Noted::Refused(format!("{MAX_FOUND} announcements are followed already"));
        }
        self.found.insert(topic.into(), found);
        Noted::News
    }
}

/// `PREFIX/COMPONENT/[NODE/]OBJECT/config`.
fn place<'t>(dialect: &Discovery, topic: &'t str) -> Option<Place<'t>> {
    let rest = topic.strip_prefix(dialect.prefix.as_str())?.strip_prefix('/')?;
    let rest = rest.strip_suffix("/config")?;
    let levels: Vec<&str> = rest.split('/').collect();
    match *levels {
        [component, object] => Some(Place { component, node: "", object }),
        [component, node, object] => Some(Place { component, node, object }),
        _ => None,
    }
}

fn read(
    dialect: &Discovery,
    place: &Place<'_>,
    payload: &[u8],
    taken: impl Fn(&(String, String)) -> bool,
) -> Result<Found, String> {
    if payload.len() > MAX_ANNOUNCEMENT {
        return Err(format!("an announcement has at most {MAX_ANNOUNCEMENT} bytes"));
    }
    let json: Json = serde_json::from_slice(payload)
        .map_err(|e| format!("the announcement is not JSON: {e}"))?;
    let Json::Object(json) = json else {
        return Err("the announcement is no JSON object".to_owned());
    };
    let binary = match place.component {
        "sensor" => false,
        "binary_sensor" | "switch" => true,
        other => return Err(format!("a {other} is nothing measured; it is not followed")),
    };
    let text = |long: &str, short: &str| either(&json, long, short).and_then(Json::as_str);
    let topic = text("state_topic", "stat_t").ok_or("it announces no state_topic")?;
    let topic = whole(topic, text("~", "~"))?;
    let template = text("value_template", "val_tpl").unwrap_or("{{ value }}");
    let path = template::path(template)?;
    let class = text("device_class", "dev_cla").unwrap_or_default();
    let given = text("unit_of_measurement", "unit_of_meas").unwrap_or_default();
    let known = words::unit(given.trim());
    let (unit, scale, offset) =
        known.ok_or_else(|| format!("the unit {given:?} is not known here"))?;
    let tag = tag(dialect, place, &json)?;
    let own = slug(place.object);
    let known = if binary { words::binary_metric(class) } else { words::metric(class) };
    let metric = known.map_or(own.clone(), str::to_owned);
    let mut point = (tag, metric);
    if taken(&point) {
        // Energy today and energy in all are of one class, and two values.
        point.1 = own;
    }
    if taken(&point) {
        return Err(format!("{} of {} is announced twice", point.1, point.0));
    }
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let name = format!("{}: {}/{}", dialect.name, place.node, place.object);
    let mut toml = format!("[[binding]]\nname = {}\n", quoted(&name.replace(": /", ": ")));
    toml += &format!("topic = {}\nentity = {{ tag = {} }}\n", quoted(&topic), quoted(&point.0));
    let decode = match (path.is_empty(), unit.is_empty()) {
        (false, _) => "json",
        (true, false) => "number",
        (true, true) => "text",
    };
    toml +=
        &format!("decode = {}\n[[binding.point]]\nmetric = {}\n", quoted(decode), quoted(&point.1));
    if !path.is_empty() {
        // A device says what it has to say; others of its values share the topic.
        toml += &format!("value = {}\noptional = true\n", quoted(&path));
    }
    // The device knows best how often it speaks.
    let expires = either(&json, "expire_after", "exp_aft").and_then(Json::as_u64);
    let expires = expires.filter(|secs| *secs > 0).map(|secs| format!("{secs}s"));
    if let Some(stale_after) = expires.as_ref().or(dialect.stale_after.as_ref()) {
        toml += &format!("stale_after = {}\n", quoted(stale_after));
    }
    if binary {
        let (off, on) = words::states(class);
        let code = |long: &str, short: &str, usual: &str| {
            let given = either(&json, long, short);
            given.and_then(scalar_text).unwrap_or_else(|| usual.to_owned())
        };
        let value = |value: &twin_model::Value| match value {
            twin_model::Value::Bool(yes) => yes.to_string(),
            twin_model::Value::Text(text) => quoted(text),
            twin_model::Value::Number(number) => number.to_string(),
        };
        toml += &format!(
            "map = {{ {} = {}, {} = {} }}\n",
            quoted(&code("payload_on", "pl_on", "ON")),
            value(&on),
            quoted(&code("payload_off", "pl_off", "OFF")),
            value(&off)
        );
    } else if !unit.is_empty() {
        toml += &format!("unit = {}\n", quoted(unit));
        if (scale, offset) != (1.0, 0.0) {
            toml += &format!("scale = {}\n", toml::Value::from(scale));
            toml += &format!("offset = {}\n", toml::Value::from(offset));
        }
    }
    let binding = config::one_binding(&toml)?;
    Ok(Found { point, toml, binding })
}

/// A topic with `~`, at its begin or end, replaced by what stands for it. It is one topic: with a
/// wildcard in it a device would take what others say.
fn whole(topic: &str, base: Option<&str>) -> Result<String, String> {
    let topic = match base {
        None => topic.to_owned(),
        Some(base) => match (topic.strip_prefix('~'), topic.strip_suffix('~')) {
            (Some(rest), _) => format!("{base}{rest}"),
            (None, Some(rest)) => format!("{rest}{base}"),
            (None, None) => topic.to_owned(),
        },
    };
    if topic.contains(['+', '#', '{', '}']) {
        return Err(format!("the state_topic {topic:?} is no single topic"));
    }
    Ok(topic)
}

/// The tag of the entity, with what the announcement says put in.
fn tag(dialect: &Discovery, place: &Place<'_>, json: &Map<String, Json>) -> Result<String, String> {
    let device = either(json, "device", "dev").and_then(Json::as_object);
    let device_key =
        |long: &str, short: &str| device.and_then(|device| either(device, long, short));
    let first = device_key("identifiers", "ids").and_then(|ids| match ids {
        Json::Array(ids) => ids.first().and_then(Json::as_str),
        other => other.as_str(),
    });
    let unique = either(json, "unique_id", "uniq_id").and_then(Json::as_str);
    let values = [
        ("{device}", first),
        ("{device_name}", device_key("name", "name").and_then(Json::as_str)),
        ("{unique_id}", unique),
        ("{node}", Some(place.node).filter(|node| !node.is_empty())),
        ("{object}", Some(place.object)),
    ];
    let mut tag = dialect.tag.clone();
    for (name, value) in values {
        if tag.contains(name) {
            let value = value.ok_or_else(|| format!("it says no {name} to find its entity by"))?;
            if value.contains(['{', '}']) {
                return Err(format!("{name} is {value:?}; braces cannot name an entity"));
            }
            tag = tag.replace(name, value);
        }
    }
    Ok(tag)
}

/// A name of an object as the name of a metric.
fn slug(object: &str) -> String {
    let clean = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    object.chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect() -> Discovery {
        Discovery {
            name: "ha".to_owned(),
            prefix: "homeassistant".to_owned(),
            tag: "ha:{device}".to_owned(),
            stale_after: None,
        }
    }

    #[test]
    fn announcements_are_followed_changed_and_taken_back() {
        let mut discovered = Discovered::new(vec![dialect()]);
        let topic = "homeassistant/sensor/plug/energy/config";
        let total = br#"{"~":"tele/p","stat_t":"~/SENSOR","uniq_id":"1","dev":{"ids":["A1"]},"unit_of_meas":"Wh","dev_cla":"energy","val_tpl":"{{value_json['E']['Total']}}"}"#;
        assert_eq!(discovered.note(topic, total), Noted::News);
        assert_eq!(discovered.note(topic, total), Noted::Known);
        let toml = discovered.found[topic].toml.clone();
        assert!(toml.contains("topic = \"tele/p/SENSOR\""), "{toml}");
        assert!(toml.contains("tag = \"ha:A1\"") && toml.contains("scale = 0.001"), "{toml}");
        // Another value of one class gets a name of its own.
        let today = String::from_utf8_lossy(total).replace("Total", "Today");
        assert!(!toml.contains("stale_after"), "{toml}");
        let other = "homeassistant/sensor/plug/energy_today/config";
        assert_eq!(discovered.note(other, today.as_bytes()), Noted::News);
        assert_eq!(discovered.found[other].point.1, "energy_today");
        assert_eq!(discovered.note(topic, b""), Noted::News);
        assert_eq!(discovered.bindings().count(), 1);
        assert_eq!(discovered.note("homeassistant/sensor/plug/energy", b"1"), Noted::NotMine);
    }

    #[test]
    fn alarms_have_names_and_devices_say_when_they_are_silent() {
        let mut discovered = Discovered::new(vec![dialect()]);
        for (class, metric) in
            [("smoke", "smoke"), ("moisture", "leak"), ("battery", "battery_low")]
        {
            let topic = format!("homeassistant/binary_sensor/{class}/config");
            let payload = format!(
                r#"{{"stat_t":"d/{class}","dev":{{"ids":"A"}},"dev_cla":"{class}","exp_aft":60}}"#
            );
            assert_eq!(discovered.note(&topic, payload.as_bytes()), Noted::News);
            let found = &discovered.found[&*topic];
            assert_eq!(found.point.1, metric);
            assert!(found.toml.contains("stale_after = \"60s\""), "{}", found.toml);
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told() {
        let mut discovered = Discovered::new(vec![dialect()]);
        let mut refused =
            |topic: &str, payload: &str| match discovered.note(topic, payload.as_bytes()) {
                Noted::Refused(reason) => reason,
                other => panic!("{other:?}"),
            };
        let sensor = "homeassistant/sensor/x/config";
        assert!(refused(sensor, "x").contains("not JSON"));
        assert!(refused(sensor, "{}").contains("no state_topic"));
        assert!(refused("homeassistant/light/x/config", "{}").contains("a light is nothing"));
        let filter = r#"{"state_topic":"t","value_template":"{{ value_json.x | float }}"}"#;
        assert!(refused(sensor, filter).contains("filters are not followed"));
        let unit = r#"{"state_topic":"t","unit_of_measurement":"furlong"}"#;
        assert!(refused(sensor, unit).contains("\"furlong\" is not known"));
        assert!(refused(sensor, r#"{"state_topic":"t"}"#).contains("no {device}"));
        for wide in ["#", "a/+/b", "{x}/b"] {
            let wide = format!(r#"{{"state_topic":"{wide}","dev":{{"ids":"A"}}}}"#);
            assert!(refused(sensor, &wide).contains("no single topic"));
        }
        // Repeated for each mark, 60 KB would become nearly a gigabyte.
        let marks =
            format!(r#"{{"~":"{}","stat_t":"{}"}}"#, "a".repeat(30_000), "~".repeat(30_000));
        assert!(refused(sensor, &marks).len() < 100_000);
    }

    #[test]
    fn a_refused_announcement_changes_the_bindings_only_where_it_stood_for_one() {
        let mut discovered = Discovered::new(vec![dialect()]);
        let topic = "homeassistant/sensor/plug/power/config";
        assert!(matches!(discovered.note(topic, b"x"), Noted::Refused(_)));
        let good = br#"{"stat_t":"p/~","~":"q","dev":{"ids":"A1"},"unit_of_meas":"W"}"#;
        assert_eq!(discovered.note(topic, good), Noted::News);
        assert!(discovered.found[topic].toml.contains("topic = \"p/q\""));
        assert!(matches!(discovered.note(topic, b"x"), Noted::Lost(_)));
        assert_eq!(discovered.bindings().count(), 0);
    }
}
