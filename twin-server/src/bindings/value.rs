//! From an element of a payload to the value of a point.

use std::borrow::Cow;

use serde_json::Value as Json;
use twin_model::Value;

use super::{
    binding::{Place, Point},
    path::Node,
    scalar::{scalar_text, short},
};

/// Longest text that is a value, bytes. It is kept for every point, written to the history and
/// sent to every viewer: a state has a name, and no megabyte.
pub(super) const MAX_TEXT: usize = crate::live::MAX_TEXT_BYTES;
/// What is written where a number is none. As a state it would look good.
const NO_NUMBERS: [&str; 6] = ["nan", "inf", "-inf", "infinity", "-infinity", "+inf"];

/// An element of a payload: a node of a tree, or bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Element<'a> {
    Node(Node<'a>),
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    pub(super) fn node(&self) -> Option<&Node<'a>> {
        match self {
            Self::Node(node) => Some(node),
            Self::Bytes(_) => None,
        }
    }
}

/// What stands at a place; nothing where a path leads nowhere.
pub(super) fn fetch<'a>(
    place: &Place,
    element: &Element<'a>,
) -> Result<Option<Cow<'a, Json>>, String> {
    match (place, element) {
        (Place::Whole, Element::Node(node)) => Ok(Some(Cow::Borrowed(node.element))),
        (Place::At(path), Element::Node(node)) => Ok(path.at(node)?.map(Cow::Borrowed)),
        (Place::Register(register), Element::Bytes(bytes)) => {
            register.read(bytes).map(|value| Some(Cow::Owned(value)))
        }
        (Place::Within(path, form, register), Element::Node(node)) => match path.at(node)? {
            None => Ok(None),
            Some(Json::String(text)) => {
                register.read(&form.read(text)?).map(|value| Some(Cow::Owned(value)))
            }
            Some(other) => Err(format!("{} at {path} is no text of bytes", short(other))),
        },
        // The configuration allows no other pair.
        _ => Ok(None),
    }
}

/// A point's value in an element: nothing where it is absent and may be.
pub(super) fn value(point: &Point, element: &Element<'_>) -> Result<Option<Value>, String> {
    match fetch(&point.place, element)? {
        None if point.optional => Ok(None),
        None => Err(match &point.place {
            Place::At(path) | Place::Within(path, ..) => format!("nothing at {path}"),
            Place::Whole | Place::Register(_) | Place::Metric(_) => "no value".to_owned(),
        }),
        Some(json) if json.is_null() && point.optional => Ok(None),
        Some(json) => convert(point, &json).map(Some),
    }
}

/// A point's value for what a device sent, in JSON's words.
pub(super) fn convert(point: &Point, json: &Json) -> Result<Value, String> {
    if let Some(map) = &point.map {
        let code = scalar_text(json).ok_or_else(|| format!("{} is not a code", short(json)))?;
        return map
            .get(&code)
            .cloned()
            .ok_or_else(|| format!("the map has no entry for {}", short(json)));
    }
    match json {
        Json::Bool(yes) if point.is_number() => Err(format!("{yes} is not a number")),
        Json::Bool(yes) => Ok(Value::Bool(*yes)),
        Json::Number(number) => measured(point, number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) if point.is_number() => match text.trim().parse() {
            Ok(number) => measured(point, number),
            Err(_) => Err(format!("{} is not a number", short(json))),
        },
        // A retained message that is cleared is an empty one.
        Json::String(text) if text.is_empty() => Err("an empty text".to_owned()),
        Json::String(text) if NO_NUMBERS.contains(&text.to_ascii_lowercase().as_str()) => {
            Err(format!("{text} is not a finite number"))
        }
        Json::String(text) if text.len() > MAX_TEXT => {
            Err(format!("a text of {} bytes; at most {MAX_TEXT}", text.len()))
        }
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Null => Err("the device sent null".to_owned()),
        other => Err(format!("{} is not a single value", short(other))),
    }
}

fn measured(point: &Point, number: f64) -> Result<Value, String> {
    Value::number(point.conversion.apply(point.scale.apply(number)))
        .ok_or_else(|| format!("{number} is not a finite number"))
}

/// Why a value is doubted: it lies outside the point's declared range. States never do.
pub(super) fn out_of_range(point: &Point, value: &Value) -> Option<String> {
    let ([low, high], Value::Number(number)) = (point.range?, value) else { return None };
    (*number < low || *number > high)
        .then(|| format!("{} = {number} is outside [{low}, {high}]", point.metric))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::bindings::{
        decode::{Order, Register, RegisterType, TextForm},
        path::Path,
        scale::Linear,
    };

    fn point(path: &str) -> Point {
        let path = (!path.is_empty()).then(|| Path::parse(path).unwrap());
        Point {
            metric: "m".into(),
            unit: "".into(),
            place: path.map_or(Place::Whole, Place::At),
            range: None,
            stale_after: None,
            scale: Linear::default(),
            map: None,
            optional: false,
            conversion: Linear::default(),
            rate: None,
            deadband: None,
            max_silence: None,
            states: None,
        }
    }

    #[test]
    fn what_looks_like_a_value_and_is_none_is_refused() {
        let mut power = point("");
        power.unit = "kW".into();
        assert_eq!(read(&power, &json!(true)).unwrap_err(), "true is not a number");
        let state = point("");
        assert_eq!(read(&state, &json!(true)), Ok(Some(Value::Bool(true))));
        assert!(read(&state, &json!("NaN")).unwrap_err().contains("not a finite number"));
        assert!(read(&state, &json!("")).unwrap_err().contains("empty"));
        assert!(read(&state, &json!("x".repeat(1_025))).unwrap_err().contains("at most 1024"));
    }

    fn read(point: &Point, root: &Json) -> Result<Option<Value>, String> {
        value(point, &Element::Node(Node::whole(root)))
    }

    #[test]
    fn takes_values_out_of_json() {
        let root = json!({"a": {"b": [1.5, "open", true, "2.5", null]}});
        let take = |path: &str| read(&point(path), &root);
        assert_eq!(take("$.a.b[0]"), Ok(Some(Value::Number(1.5))));
        assert_eq!(take("$.a.b[1]"), Ok(Some(Value::Text("open".into()))));
        assert_eq!(take("$.a.b[2]"), Ok(Some(Value::Bool(true))));
        assert!(take("$.a.c").unwrap_err().contains("nothing at"));
        assert!(take("$.a.b[*]").unwrap_err().contains("several"));
        assert!(take("$.a.b[4]").unwrap_err().contains("null"));
        assert!(take("$.a").unwrap_err().contains("single value"));
        let long = |bytes: usize| read(&point(""), &json!("x".repeat(bytes)));
        assert!(long(MAX_TEXT).is_ok() && long(MAX_TEXT + 1).unwrap_err().contains("1025 bytes"));
        let with_unit = Point { unit: "kW".into(), ..point("$.a.b[3]") };
        assert_eq!(read(&with_unit, &root), Ok(Some(Value::Number(2.5))));
        let optional = Point { optional: true, ..point("$.a.c") };
        assert_eq!(read(&optional, &root), Ok(None));
    }

    #[test]
    fn scales_maps_and_checks() {
        let range = Some([0.0, 50.0]);
        let scaled = Point { scale: Linear::new(0.1, -40.0), range, ..point("") };
        let cold = read(&scaled, &json!(250)).unwrap().unwrap();
        assert_eq!(cold, Value::Number(-15.0));
        assert!(out_of_range(&scaled, &cold).unwrap().contains("[0, 50]"));
        let map = BTreeMap::from([("1".to_owned(), Value::Text("open".into()))]);
        let coded = Point { map: Some(map), ..point("") };
        assert_eq!(read(&coded, &json!(1)), Ok(Some(Value::Text("open".into()))));
        assert_eq!(read(&coded, &json!(1.0)), Ok(Some(Value::Text("open".into()))));
        assert_eq!(read(&coded, &json!("1")), Ok(Some(Value::Text("open".into()))));
        assert!(read(&coded, &json!(2)).is_err());
    }

    #[test]
    fn registers_are_taken_out_of_bytes_and_of_texts() {
        let register = Register {
            at: 1,
            width: 2,
            kind: RegisterType::Signed,
            order: Order::Abcd,
            bits: None,
            plus_33h: false,
        };
        let tenths = Linear::new(0.1, 0.0);
        let place = Place::Register(register.clone());
        let of_bytes = Point { place, scale: tenths, ..point("") };
        let bytes = Element::Bytes(&[0, 0xff, 0x38]);
        assert_eq!(value(&of_bytes, &bytes), Ok(Some(Value::Number(-20.0))));
        let path = Path::parse("$.data").unwrap();
        let place = Place::Within(path, TextForm::Base64, register);
        let of_text = Point { place, scale: tenths, ..point("") };
        assert_eq!(read(&of_text, &json!({"data": "AP84"})), Ok(Some(Value::Number(-20.0))));
        assert!(read(&of_text, &json!({"data": 1})).unwrap_err().contains("no text of bytes"));
        assert!(read(&of_text, &json!({})).unwrap_err().contains("nothing at $.data"));
    }
}
