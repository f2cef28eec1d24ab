//! `twin.v1.json`, read no deeper than the count asks for: it looks for the members it needs
//! in the order the server writes them.

use memchr::memmem;

use super::{
    postcard::{Frame, Value},
    site,
};

/// Reads one frame and hands each value on; nothing where it is not of this protocol.
pub fn read(frame: &[u8], mut value: impl FnMut(Frame, Value)) -> Option<Frame> {
    let kind = match frame.strip_prefix(b"{\"type\":\"")?.first()? {
        b's' => Frame::Snapshot,
        b'u' => Frame::Update,
        b'e' | b'b' => return Some(Frame::Trouble),
        _ => return Some(Frame::Other),
    };
    let mut rest = frame;
    while let Some(at) = memmem::find(rest, b"\"point\":\"") {
        rest = &rest[at + 9..];
        let entity = memchr::memchr(b'/', rest)?;
        let point = site::point(&rest[..entity]);
        rest = after(rest, b"\"v\":")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let seq = site::number(&rest[..digits])?;
        rest = after(rest, b"\"t\":\"")?;
        let sent_ms = time_ms(rest)?;
        if let Some(point) = point {
            value(kind, Value { point, seq, sent_ms });
        }
    }
    Some(kind)
}

fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    Some(&bytes[memmem::find(bytes, mark)? + mark.len()..])
}

/// `2026-01-01T00:00:00.123Z`, the fraction with any number of digits or none, in ms.
fn time_ms(text: &[u8]) -> Option<i64> {
    let field = |from: usize, to: usize| site::number(text.get(from..to)?).map(i64::from);
    let days = days(field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let secs = (field(11, 13)? * 60 + field(14, 16)?) * 60 + field(17, 19)?;
    let mut ms = 0;
    if text.get(19) == Some(&b'.') {
        let mut weight = 100;
        for byte in text[20..].iter().take_while(|byte| byte.is_ascii_digit()) {
            ms += i64::from(byte - b'0') * weight;
            weight /= 10;
        }
    }
    Some((days * 86_400 + secs) * 1000 + ms)
}

/// Days from 1970 to a date of the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use twin_protocol::json::{Point, ServerMessage};

    use super::*;

    #[test]
    fn reads_what_the_protocol_writes() {
        let point = |point: u32, seq: f64, t: &str| Point {
            point: format!("{}/power", site::entity(point)),
            v: twin_model::Value::Number(seq),
            unit: "kW".into(),
            t: t.into(),
            received: "2026-11-28T01:02:04Z".into(),
            q: twin_model::Quality::Good,
        };
        let points = vec![
            point(7, 3.0, "2026-11-28T01:02:03.5Z"),
            point(8, 12.0, "1970-01-01T00:00:00.042Z"),
        ];
        let text = serde_json::to_string(&ServerMessage::Update { seq: 1, points }).unwrap();
        let mut values = Vec::new();
        let frame = read(text.as_bytes(), |_, value| values.push(value));
        assert_eq!(frame, Some(Frame::Update));
        assert_eq!(
            values,
            [
                Value { point: 7, seq: 3, sent_ms: 1_795_827_723_500 },
                Value { point: 8, seq: 12, sent_ms: 42 },
            ]
        );
        let bye = serde_json::to_string(&ServerMessage::Bye { reason: "x".into() }).unwrap();
        assert_eq!(read(bye.as_bytes(), |_, _| ()), Some(Frame::Trouble));
    }
}
