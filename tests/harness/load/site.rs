//! The points that are published: one meter each, with an identifier as long as an IFC
//! GlobalId, since that is what a topic of a real site carries.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// Digits at the end of an identifier that tell its number.
const DIGITS: usize = 6;

/// Identifier of a point's entity.
pub fn entity(point: u32) -> String {
    format!("0load00000000000{point:06}")
}

/// Its topic.
pub fn topic(point: u32) -> String {
    format!("load/{}/power", entity(point))
}

/// The payload: the time it was meant to be sent, and the point's sequence number as its
/// value.
pub fn payload(out: &mut Vec<u8>, sent_ms: i64, seq: u32) {
    use std::io::Write as _;
    let _ = write!(out, "{{\"ts\":{sent_ms},\"v\":{seq}}}"); // a Vec takes every write
}

/// The point whose identifier ends here.
pub fn point(entity: &[u8]) -> Option<u32> {
    number(entity.get(entity.len().checked_sub(DIGITS)?..)?)
}

/// The point of a topic.
pub fn point_of_topic(topic: &[u8]) -> Option<u32> {
    point(topic.strip_suffix(b"/power")?)
}

/// Reads a payload: the intended time, ms since 1970, and the sequence number.
pub fn read_payload(payload: &[u8]) -> Option<(i64, u32)> {
    let rest = payload.strip_prefix(b"{\"ts\":")?;
    let (time, rest) = rest.split_at_checked(13)?;
    let seq = rest.strip_prefix(b",\"v\":")?.strip_suffix(b"}")?;
    Some((wide(time)?, number(seq)?))
}

/// A whole number in decimal digits.
pub fn number(digits: &[u8]) -> Option<u32> {
    u32::try_from(wide(digits)?).ok()
}

fn wide(digits: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    digits.iter().try_fold(0i64, |sum, byte| Some(sum * 10 + digit(byte)?))
}

/// Writes a scene package with a meter for every point, 100 to a storey.
pub fn write_package(folder: &Path, points: u32) -> Result<()> {
    use std::fmt::Write as _;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let scene = r#"{"revision":"load","origin":{},"unit":"metre","sources":[]}"#;
    fs::write(folder.join("scene.json"), scene)?;
    let mut entities = String::from("{\"id\":\"b\",\"kind\":\"building\",\"name\":\"B\"}\n");
    for storey in 0..points.div_ceil(100) {
        writeln!(
            entities,
            r#"{{"id":"s{storey}","parent":"b","kind":"storey","name":"{storey}F"}}"#
        )?;
    }
    for point in 0..points {
        let (id, storey) = (entity(point), point / 100);
        writeln!(
            entities,
            r#"{{"id":"{id}","global_id":"{id}","parent":"s{storey}","kind":"meter","name":"EM{point}"}}"#
        )?;
    }
    fs::write(folder.join("entities.ndjson"), entities)
        .with_context(|| format!("writing {}", folder.display()))
}

/// What binds the topics to the entities.
pub const BINDING: &str = r#"
[[binding]]
name = "load"
topic = "load/{id}/power"
entity = { global_id = "{id}" }
decode = "json"
time = "$.ts"
[[binding.point]]
metric = "power"
value = "$.v"
unit = "kW"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_payloads_read_back() {
        assert_eq!(entity(42).len(), 22);
        assert_eq!(point_of_topic(topic(1_999).as_bytes()), Some(1_999));
        assert_eq!(point_of_topic(b"$SYS/broker/uptime"), None);
        let mut out = Vec::new();
        payload(&mut out, 1_764_293_123_456, 17);
        assert_eq!(read_payload(&out), Some((1_764_293_123_456, 17)));
        assert_eq!(read_payload(b"{\"ts\":1,\"v\":2}"), None);
    }
}
