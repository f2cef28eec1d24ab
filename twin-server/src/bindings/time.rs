//! Source times: RFC 3339 text, or seconds or milliseconds since 1970.

use jiff::Timestamp;
use serde_json::Value;

/// From here on a number counts milliseconds: as seconds it would be the year 5138,
/// as milliseconds it is 1973.
const MILLIS_FROM: f64 = 1e11;

/// Reads a source time.
pub(super) fn parse(value: &Value) -> Result<Timestamp, String> {
    match value {
        Value::Number(number) => epoch(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => epoch(number),
            Err(_) => text
                .trim()
                .parse()
                .map_err(|_| format!("the time {text:?} is neither RFC 3339 nor epoch s or ms")),
        },
        other => Err(format!("the time {other} is neither text nor number")),
    }
}

fn epoch(number: f64) -> Result<Timestamp, String> {
    let millis = if number.abs() < MILLIS_FROM { number * 1e3 } else { number };
    // A cast saturates, and what is out of range is then refused below.
    #[allow(clippy::cast_possible_truncation)]
    let micros = (millis * 1e3).round() as i64;
    let refuse = || format!("the time {number} is outside the calendar");
    if !number.is_finite() {
        return Err(refuse());
    }
    Timestamp::from_microsecond(micros).map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_text_seconds_and_milliseconds() {
        let expected: Timestamp = "2026-05-04T03:02:01.5Z".parse().unwrap();
        for value in [
            json!("2026-05-04T03:02:01.5Z"),
            json!("2026-05-04T11:02:01.500+08:00"),
            json!(1_777_863_721.5),
            json!(1_777_863_721_500_u64),
            json!("1777863721500"),
        ] {
            assert_eq!(parse(&value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for value in [json!("noon"), json!("2026-05-04 11:02:01"), json!(1e300), json!(null)] {
            assert!(parse(&value).is_err(), "{value}");
        }
    }
}
