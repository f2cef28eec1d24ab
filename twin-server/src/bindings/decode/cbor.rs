//! CBOR (RFC 8949), read into the tree that JSON gives.

use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value as Json};

/// Deepest nesting, as JSON's own limit.
const MAX_DEPTH: usize = 128;
/// Tags of unsigned and negative big numbers.
const BIG_POSITIVE: u64 = 2;
const BIG_NEGATIVE: u64 = 3;

/// Reads one data item; bytes left over are an error.
pub(super) fn read(payload: &[u8]) -> Result<Json, String> {
    let mut rest = payload;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH)
        .map_err(|error| format!("not CBOR: {}", reason(&error)))?;
    if !rest.is_empty() {
        return Err(format!("not CBOR: {} bytes after the value", rest.len()));
    }
    tree(value)
}

fn reason(error: &ciborium::de::Error<std::io::Error>) -> String {
    use ciborium::de::Error;
    match error {
        Error::Io(_) => "it ends in the middle of a value".to_owned(),
        Error::Syntax(at) => format!("byte {at} begins no value"),
        Error::RecursionLimitExceeded => format!("nested deeper than {MAX_DEPTH}"),
        Error::Semantic(_, what) => what.clone(),
    }
}

/// Bytes become hex text, and a number that JSON has no form for (NaN, infinity) its name:
/// whoever wants a number there is told what stood there instead.
fn tree(value: Cbor) -> Result<Json, String> {
    Ok(match value {
        Cbor::Null => Json::Null,
        Cbor::Bool(yes) => Json::Bool(yes),
        Cbor::Text(text) => Json::String(text),
        Cbor::Bytes(bytes) => Json::String(super::bytes::to_hex(&bytes)),
        Cbor::Integer(integer) => integer_number(i128::from(integer)),
        Cbor::Float(number) => float(number),
        Cbor::Array(items) => {
            Json::Array(items.into_iter().map(tree).collect::<Result<_, String>>()?)
        }
        Cbor::Map(entries) => Json::Object(object(entries)?),
        Cbor::Tag(BIG_POSITIVE, value) => big(*value, false)?,
        Cbor::Tag(BIG_NEGATIVE, value) => big(*value, true)?,
        // Times, URIs and the like are what their content says.
        Cbor::Tag(_, value) => tree(*value)?,
        _ => return Err("a kind of value that is not known here".to_owned()),
    })
}

fn integer_number(integer: i128) -> Json {
    match (u64::try_from(integer), i64::try_from(integer)) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        #[allow(clippy::cast_precision_loss)]
        _ => float(integer as f64),
    }
}

fn float(number: f64) -> Json {
    Number::from_f64(number).map_or_else(|| Json::String(number.to_string()), Json::Number)
}

fn big(value: Cbor, negative: bool) -> Result<Json, String> {
    let bytes = value.into_bytes().map_err(|_| "a big number that is no bytes".to_owned())?;
    if bytes.len() > 128 {
        return Err(format!("a number of {} bytes", bytes.len()));
    }
    let size = bytes.iter().fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte));
    Ok(float(if negative { -1.0 - size } else { size }))
}

fn object(entries: Vec<(Cbor, Cbor)>) -> Result<Map<String, Json>, String> {
    let mut object = Map::new();
    for (key, value) in entries {
        let key = match key {
            Cbor::Text(text) => text,
            // SenML and many devices name their fields by number.
            Cbor::Integer(number) => i128::from(number).to_string(),
            Cbor::Bytes(bytes) => super::bytes::to_hex(&bytes),
            Cbor::Bool(yes) => yes.to_string(),
            _ => return Err("a map whose key is neither text nor number".to_owned()),
        };
        object.insert(key, tree(value)?);
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bindings::decode::bytes::from_hex;

    fn read_hex(hex: &str) -> Result<Json, String> {
        read(&from_hex(hex).unwrap())
    }

    /// From RFC 8949, appendix A.
    #[test]
    fn the_examples_of_the_standard() {
        for (hex, expected) in [
            ("00", json!(0)),
            ("1bffffffffffffffff", json!(u64::MAX)),
            ("c249010000000000000000", json!(18446744073709551616.0)),
            ("3863", json!(-100)),
            ("c349010000000000000000", json!(-18446744073709551617.0)),
            ("f93e00", json!(1.5)),
            ("fb3ff199999999999a", json!(1.1)),
            ("f97e00", json!("NaN")),
            ("f5", json!(true)),
            ("f7", json!(null)),
            ("c074323031332d30332d32315432303a30343a30305a", json!("2013-03-21T20:04:00Z")),
            ("c11a514b67b0", json!(1_363_896_240)),
            ("4401020304", json!("01020304")),
            ("6449455446", json!("IETF")),
            ("8301820203820405", json!([1, [2, 3], [4, 5]])),
            ("a201020304", json!({"1": 2, "3": 4})),
            ("a26161016162820203", json!({"a": 1, "b": [2, 3]})),
            ("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]])),
            ("bf6346756ef563416d7421ff", json!({"Fun": true, "Amt": -2})),
            ("5f42010243030405ff", json!("0102030405")),
        ] {
            assert_eq!(read_hex(hex), Ok(expected), "{hex}");
        }
    }

    #[test]
    fn what_is_no_value_is_told() {
        assert!(read_hex("").unwrap_err().contains("ends in the middle"));
        assert!(read_hex("0000").unwrap_err().contains("1 bytes after"));
        assert!(read_hex("8201").unwrap_err().contains("ends in the middle"));
        assert!(read_hex("ff").unwrap_err().contains("not CBOR"));
        assert!(read_hex("a1810102").unwrap_err().contains("key"));
        assert!(read(&[0x81].repeat(100_000)).unwrap_err().contains("deeper than 128"));
        // Claims four billion elements, and has none.
        assert!(read_hex("9affffffff").is_err());
        assert!(read_hex("5affffffff").is_err());
    }
}
