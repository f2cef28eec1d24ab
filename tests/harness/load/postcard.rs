//! `twin.v1.postcard`, read no deeper than the count asks for. That it reads what the
//! protocol writes is a test below; the messages themselves are `twin-protocol`'s.

use super::site;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The latest values, all of them or a part.
    Snapshot,
    /// What changed.
    Update,
    /// The server says goodbye or refuses something.
    Trouble,
    /// Anything else.
    Other,
}

/// One value of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The load generator's point.
    pub point: u32,
    /// Its sequence number.
    pub seq: u32,
    /// Source time, ms since 1970.
    pub sent_ms: i64,
}

/// Reads frames of one session.
#[derive(Debug, Default)]
pub struct Reader {
    /// The server's numbers of points → the generator's.
    numbers: Vec<u32>,
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let raw = self.varint()?;
        Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.bytes(usize::try_from(length).ok()?)
    }

    /// A value that is a sequence number: whole, and not negative.
    fn number(&mut self) -> Option<u32> {
        let number = match self.varint()? {
            1 => f64::from(f32::from_le_bytes(*self.bytes(4)?.first_chunk()?)),
            2 => f64::from_le_bytes(*self.bytes(8)?.first_chunk()?),
            _ => return None,
        };
        (number >= 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
    }
}

impl Reader {
    /// Reads one frame and hands each value on; nothing where it is not of this protocol.
    pub fn read(&mut self, frame: &[u8], mut value: impl FnMut(Frame, Value)) -> Option<Frame> {
        let mut cursor = Cursor(frame);
        let kind = match cursor.varint()? {
            1 => Frame::Snapshot,
            2 => Frame::Update,
            4 | 5 => return Some(Frame::Trouble),
            _ => return Some(Frame::Other),
        };
        cursor.varint()?; // sequence
        if kind == Frame::Snapshot {
            cursor.varint()?; // part
            cursor.varint()?; // parts
        }
        let base_ms = cursor.signed()?;
        for _ in 0..cursor.varint()? {
            self.define(&mut cursor)?;
        }
        for _ in 0..cursor.varint()? {
            let number = cursor.varint()? as usize;
            let seq = cursor.number()?;
            let sent_ms = base_ms + cursor.signed()?;
            cursor.signed()?; // receive time
            cursor.varint()?; // quality
            value(kind, Value { point: *self.numbers.get(number)?, seq, sent_ms });
        }
        cursor.0.is_empty().then_some(kind)
    }

    fn define(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let number = usize::try_from(cursor.varint()?).ok()?;
        let point = site::point(cursor.text()?).unwrap_or(u32::MAX);
        cursor.text()?; // metric
        cursor.text()?; // unit
        cursor.varint()?; // silence
        if self.numbers.len() <= number {
            self.numbers.resize(number + 1, u32::MAX);
        }
        self.numbers[number] = point;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use twin_protocol::{PointDef, PointUpdate, ServerMessage, Snapshot, Update, WireQuality};

    use super::*;

    fn update(point: u32, seq: f64) -> PointUpdate {
        PointUpdate {
            point,
            value: (&twin_model::Value::Number(seq)).into(),
            source_offset_ms: -3,
            receive_offset_ms: 0,
            quality: WireQuality::Good,
        }
    }

    fn definition(point: u32, number: u32) -> PointDef {
        PointDef {
            point: number,
            entity: site::entity(point),
            metric: "power".into(),
            unit: "kW".into(),
            stale_after_ms: 90_000,
        }
    }

    fn read(reader: &mut Reader, message: ServerMessage) -> (Option<Frame>, Vec<Value>) {
        let mut values = Vec::new();
        let frame = reader.read(&message.encode(), |_, value| values.push(value));
        (frame, values)
    }

    #[test]
    fn reads_what_the_protocol_writes() {
        let mut reader = Reader::default();
        let snapshot = Snapshot {
            seq: 1,
            part: 0,
            parts: 1,
            base_time_ms: 1_764_293_123_456,
            defined: vec![definition(17, 1)],
            points: vec![update(1, 5.0)],
        };
        let (frame, values) = read(&mut reader, ServerMessage::Snapshot(snapshot));
        assert_eq!(frame, Some(Frame::Snapshot));
        assert_eq!(values, [Value { point: 17, seq: 5, sent_ms: 1_764_293_123_453 }]);
        let later = Update {
            seq: 900,
            base_time_ms: 3,
            defined: vec![definition(300, 0)],
            points: vec![update(0, 16_777_217.0), update(1, 6.0)],
        };
        let (frame, values) = read(&mut reader, ServerMessage::Update(later));
        assert_eq!(frame, Some(Frame::Update));
        let found: Vec<_> = values.iter().map(|value| (value.point, value.seq)).collect();
        assert_eq!(found, [(300, 16_777_217), (17, 6)]);
    }

    #[test]
    fn refuses_what_is_cut() {
        let update = Update { seq: 1, base_time_ms: 0, defined: vec![], points: vec![] };
        let bytes = ServerMessage::Update(update).encode();
        assert_eq!(Reader::default().read(&bytes[..2], |_, _| ()), None);
        assert_eq!(Reader::default().read(&[], |_, _| ()), None);
    }
}
