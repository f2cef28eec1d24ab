//! From a payload to what values are taken out of: a tree, or bytes.

mod bytes;
mod cbor;
mod csv;
mod register;

use std::borrow::Cow;

use serde_json::Value as Json;

pub use bytes::{Checksum, Frame, TextForm};
pub(crate) use bytes::{from_hex, to_hex};
pub use csv::Csv;
pub use register::{Order, Register, RegisterType};

use super::binding::Decode;

/// A decoded payload.
#[derive(Debug)]
pub(super) enum Body<'p> {
    /// A tree; text and number are the scalar they would be in JSON.
    Tree(Json),
    /// Bytes.
    Bytes(Cow<'p, [u8]>),
}

/// Reads a payload.
pub(super) fn body<'p>(decode: &Decode, payload: &'p [u8]) -> Result<Body<'p>, String> {
    let tree = match decode {
        Decode::Json => serde_json::from_slice(payload).map_err(|e| format!("not JSON: {e}"))?,
        Decode::Text => Json::from(text(payload)?),
        Decode::Number => number(text(payload)?)?,
        Decode::Csv(shape) => csv::read(shape, payload)?,
        Decode::Cbor => cbor::read(payload)?,
        Decode::Hex(frame) => {
            let bytes = bytes::from_hex(text(payload)?)?;
            frame.check(&bytes)?;
            return Ok(Body::Bytes(bytes.into()));
        }
        Decode::Binary(frame) => {
            frame.check(payload)?;
            return Ok(Body::Bytes(payload.into()));
        }
        Decode::SparkplugB(_) => return Err("the topic is none of Sparkplug B".to_owned()),
    };
    Ok(Body::Tree(tree))
}

fn text(payload: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(payload).map(str::trim).map_err(|error| format!("not UTF-8: {error}"))
}

fn number(text: &str) -> Result<Json, String> {
    let number = text
        .parse::<f64>()
        .map_err(|_| format!("{} is not a number", super::scalar::short(&Json::from(text))))?;
    let number = serde_json::Number::from_f64(number);
    number.map(Json::from).ok_or_else(|| format!("{text} is not a finite number"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(decode: &Decode, payload: &[u8]) -> Result<Json, String> {
        match body(decode, payload)? {
            Body::Tree(tree) => Ok(tree),
            Body::Bytes(_) => Err("bytes".to_owned()),
        }
    }

    #[test]
    fn reads_text_and_number_payloads() {
        assert_eq!(tree(&Decode::Number, b" 21.5\n"), Ok(json!(21.5)));
        assert_eq!(tree(&Decode::Text, b"open\n"), Ok(json!("open")));
        for bad in [&b"NaN"[..], b"", b"12,5", b"\xff"] {
            assert!(tree(&Decode::Number, bad).is_err(), "{bad:?}");
        }
        assert!(tree(&Decode::Json, b"{\"a\":").unwrap_err().starts_with("not JSON"));
        assert!(tree(&Decode::Json, &b"[".repeat(100_000)).is_err(), "deep nesting is refused");
    }
}
