//! From a payload to values: JSON, text or number, then the point's own conversions.

use serde_json::Value as Json;
use serde_json_path::JsonPath;
use twin_model::Value;

use super::{
    binding::{Decode, Point},
    target::scalar_text,
};

/// Reads a payload as JSON; text and number become the JSON scalar they would be.
pub(super) fn root(decode: Decode, payload: &[u8]) -> Result<Json, String> {
    let text =
        || std::str::from_utf8(payload).map(str::trim).map_err(|e| format!("not UTF-8: {e}"));
    match decode {
        Decode::Json => serde_json::from_slice(payload).map_err(|e| format!("not JSON: {e}")),
        Decode::Text => text().map(Json::from),
        Decode::Number => {
            let text = text()?;
            let number = text.parse::<f64>().map_err(|_| format!("{text:?} is not a number"))?;
            let number = serde_json::Number::from_f64(number);
            number.map(Json::from).ok_or_else(|| format!("{text} is not a finite number"))
        }
    }
}

/// The one value a path names.
pub(super) fn at<'j>(path: &JsonPath, root: &'j Json) -> Result<Option<&'j Json>, String> {
    path.query(root)
        .at_most_one()
        .map_err(|_| format!("{path} gives several values, where one is needed"))
}

/// A point's value in a payload: nothing where it is absent and may be.
pub(super) fn value(point: &Point, root: &Json) -> Result<Option<Value>, String> {
    let json = match &point.value {
        None => Some(root),
        Some(path) => at(path, root)?,
    };
    match json {
        None if point.optional => Ok(None),
        None => Err(match &point.value {
            Some(path) => format!("nothing at {path}"),
            None => "no value".to_owned(),
        }),
        Some(Json::Null) if point.optional => Ok(None),
        Some(json) => convert(point, json).map(Some),
    }
}

fn convert(point: &Point, json: &Json) -> Result<Value, String> {
    if let Some(map) = &point.map {
        let code = scalar_text(json).ok_or_else(|| format!("{} is not a code", short(json)))?;
        return map.get(&code).cloned().ok_or_else(|| format!("the map has no entry for {code:?}"));
    }
    match json {
        Json::Bool(yes) => Ok(Value::Bool(*yes)),
        Json::Number(number) => measured(point, number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) if point.is_number() => match text.trim().parse() {
            Ok(number) => measured(point, number),
            Err(_) => Err(format!("{} is not a number", short(json))),
        },
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Null => Err("the device sent null".to_owned()),
        other => Err(format!("{} is not a single value", short(other))),
    }
}

fn measured(point: &Point, number: f64) -> Result<Value, String> {
    Value::number(number * point.scale + point.offset)
        .ok_or_else(|| format!("{number} is not a finite number"))
}

/// Whether a value lies in the point's declared range; states always do.
pub(super) fn out_of_range(point: &Point, value: &Value) -> Option<String> {
    let ([low, high], Value::Number(number)) = (point.range?, value) else { return None };
    (*number < low || *number > high)
        .then(|| format!("{} = {number} is outside [{low}, {high}]", point.metric))
}

fn short(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn point(path: &str) -> Point {
        Point {
            metric: "m".into(),
            unit: "".into(),
            value: (!path.is_empty()).then(|| JsonPath::parse(path).unwrap()),
            range: None,
            stale_after: None,
            scale: 1.0,
            offset: 0.0,
            map: None,
            optional: false,
        }
    }

    #[test]
    fn takes_values_out_of_json() {
        let root = json!({"a": {"b": [1.5, "open", true, "2.5", null]}});
        let take = |path: &str| value(&point(path), &root);
        assert_eq!(take("$.a.b[0]"), Ok(Some(Value::Number(1.5))));
        assert_eq!(take("$.a.b[1]"), Ok(Some(Value::Text("open".into()))));
        assert_eq!(take("$.a.b[2]"), Ok(Some(Value::Bool(true))));
        assert!(take("$.a.c").unwrap_err().contains("nothing at"));
        assert!(take("$.a.b[*]").unwrap_err().contains("several"));
        assert!(take("$.a.b[4]").unwrap_err().contains("null"));
        assert!(take("$.a").unwrap_err().contains("single value"));
        let with_unit = Point { unit: "kW".into(), ..point("$.a.b[3]") };
        assert_eq!(value(&with_unit, &root), Ok(Some(Value::Number(2.5))));
        let optional = Point { optional: true, ..point("$.a.c") };
        assert_eq!(value(&optional, &root), Ok(None));
    }

    #[test]
    fn scales_maps_and_checks() {
        let scaled = Point { scale: 0.1, offset: -40.0, range: Some([0.0, 50.0]), ..point("") };
        let cold = value(&scaled, &json!(250)).unwrap().unwrap();
        assert_eq!(cold, Value::Number(-15.0));
        assert!(out_of_range(&scaled, &cold).unwrap().contains("[0, 50]"));
        let map = BTreeMap::from([("1".to_owned(), Value::Text("open".into()))]);
        let coded = Point { map: Some(map), ..point("") };
        assert_eq!(value(&coded, &json!(1)), Ok(Some(Value::Text("open".into()))));
        assert_eq!(value(&coded, &json!("1")), Ok(Some(Value::Text("open".into()))));
        assert!(value(&coded, &json!(2)).is_err());
    }

    #[test]
    fn reads_text_and_number_payloads() {
        assert_eq!(root(Decode::Number, b" 21.5\n"), Ok(json!(21.5)));
        assert_eq!(root(Decode::Text, b"open\n"), Ok(json!("open")));
        for bad in [&b"NaN"[..], b"", b"12,5", b"\xff"] {
            assert!(root(Decode::Number, bad).is_err(), "{bad:?}");
        }
        assert!(root(Decode::Json, b"{\"a\":").unwrap_err().starts_with("not JSON"));
        assert!(root(Decode::Json, &b"[".repeat(100_000)).is_err(), "deep nesting is refused");
    }
}
