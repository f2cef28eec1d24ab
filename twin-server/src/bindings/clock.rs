//! Source times: RFC 3339 text, or seconds or milliseconds since 1970; and clocks that
//! are wrong.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    binding::Binding,
    value::{Element, fetch},
};
use crate::ingest::Message;

/// A source time before this (2000-01-01) comes from a clock that was never set.
const FIRST_PLAUSIBLE_SECS: i64 = 946_684_800;

/// Why a source time is doubted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doubt {
    /// There is none, or none that can be read.
    Unread(String),
    /// The device's clock is wrong: by how much it is ahead, and why that is too much.
    Clock(SignedDuration, String),
}

/// When the device measured, and why that may be doubted. A value with a bad time is
/// still a value: it is kept under the time received or said, and marked.
pub(super) fn source_time(
    binding: &Binding,
    element: &Element<'_>,
    message: &Message,
) -> (Timestamp, Option<Doubt>) {
    let received = message.received;
    let Some(place) = &binding.time else {
        let why = "a retained message without a time of its own: its age is unknown";
        return (received, message.retained.then(|| Doubt::Unread(why.to_owned())));
    };
    let read = fetch(place, element)
        .and_then(|value| value.ok_or_else(|| format!("no time at {place}")))
        .and_then(|value| parse(&value));
    match read {
        Err(reason) => (received, Some(Doubt::Unread(reason))),
        Ok(time) => (time, doubt(binding, time, message)),
    }
}

/// Whether a source time is too far from the time received. What the broker had retained
/// may be of any age.
pub(super) fn doubt(binding: &Binding, time: Timestamp, message: &Message) -> Option<Doubt> {
    let ahead = time.duration_since(message.received);
    let limits = &binding.clock;
    let why = if time.as_second() < FIRST_PLAUSIBLE_SECS {
        "was never set"
    } else if ahead > signed(limits.max_ahead) {
        "is ahead"
    } else if limits.max_behind.is_some_and(|most| -ahead > signed(most)) && !message.retained {
        "is behind"
    } else {
        return None;
    };
    Some(Doubt::Clock(ahead, format!("the device's clock {why}: it says {time}")))
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// From here on a number counts milliseconds: as seconds it would be the year 5138,
/// as milliseconds it is 1973.
const MILLIS_FROM: f64 = 1e11;

/// Reads a source time.
fn parse(value: &Value) -> Result<Timestamp, String> {
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
