//! As much MQTT 3.1.1 as a publisher and a viewer need, written and read by hand: a client
//! library would cost more than what it measures.

/// Appends a CONNECT with a clean session and no keep-alive.
pub fn connect(out: &mut Vec<u8>, client_id: &str) {
    connect_with(out, client_id, true);
}

/// Appends a CONNECT; without `clean` the broker keeps the session.
pub fn connect_with(out: &mut Vec<u8>, client_id: &str, clean: bool) {
    head(out, 0x10, 12 + client_id.len());
    out.extend(b"\x00\x04MQTT\x04");
    out.push(if clean { 0x02 } else { 0x00 });
    out.extend([0, 0]);
    text(out, client_id.as_bytes());
}

/// Appends a SUBSCRIBE with QoS 0 and packet id 1.
pub fn subscribe(out: &mut Vec<u8>, filter: &str) {
    head(out, 0x82, 5 + filter.len());
    out.extend([0, 1]);
    text(out, filter.as_bytes());
    out.push(0);
}

/// Appends a PUBLISH; with a packet id it asks for an acknowledgement (QoS 1).
pub fn publish(out: &mut Vec<u8>, topic: &[u8], payload: &[u8], packet_id: Option<u16>) {
    let id = if packet_id.is_some() { 2 } else { 0 };
    head(out, if packet_id.is_some() { 0x32 } else { 0x30 }, 2 + topic.len() + id + payload.len());
    text(out, topic);
    if let Some(id) = packet_id {
        out.extend(id.to_be_bytes());
    }
    out.extend(payload);
}

fn head(out: &mut Vec<u8>, first: u8, mut length: usize) {
    out.push(first);
    while length > 127 {
        out.push((length % 128) as u8 | 0x80);
        length /= 128;
    }
    out.push(length as u8);
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend(bytes);
}

/// A packet from a broker.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The connection stands; anything but 0 is a refusal.
    ConnAck(u8),
    /// A subscription stands; 0x80 is a refusal.
    SubAck(u8),
    /// A message with QoS 1 is safe.
    PubAck(u16),
    /// A message.
    Publish {
        /// Its topic.
        topic: &'a [u8],
        /// Its payload.
        payload: &'a [u8],
    },
    /// Anything else.
    Other,
}

/// Takes one packet off the front; nothing where it is not complete.
pub fn take<'a>(bytes: &mut &'a [u8]) -> Option<Packet<'a>> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    let (body, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(packet(first, body).unwrap_or(Packet::Other))
}

fn packet(first: u8, body: &[u8]) -> Option<Packet<'_>> {
    Some(match first >> 4 {
        2 => Packet::ConnAck(*body.get(1)?),
        3 => {
            let (length, rest) = body.split_first_chunk()?;
            let (topic, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            let skip = if first & 0x06 == 0 { 0 } else { 2 };
            Packet::Publish { topic, payload: rest.get(skip..)? }
        }
        4 => Packet::PubAck(u16::from_be_bytes(*body.first_chunk()?)),
        9 => Packet::SubAck(*body.get(2)?),
        _ => Packet::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let mut out = Vec::new();
        let long = vec![b'x'; 300];
        publish(&mut out, b"a/b", b"1", None);
        publish(&mut out, b"c", &long, Some(7));
        let mut bytes = out.as_slice();
        assert_eq!(take(&mut bytes), Some(Packet::Publish { topic: b"a/b", payload: b"1" }));
        let cut = &bytes[..bytes.len() - 1];
        assert_eq!(take(&mut &cut[..]), None);
        assert_eq!(take(&mut bytes), Some(Packet::Publish { topic: b"c", payload: &long }));
        assert_eq!(take(&mut bytes), None);
    }

    #[test]
    fn writes_the_bytes_of_the_standard() {
        let mut out = Vec::new();
        connect(&mut out, "gen");
        assert_eq!(out, b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03gen");
        out.clear();
        subscribe(&mut out, "#");
        assert_eq!(out, b"\x82\x06\x00\x01\x00\x01#\x00");
        let mut answers = &b"\x20\x02\x00\x00\x90\x03\x00\x01\x00\x40\x02\x00\x09"[..];
        assert_eq!(take(&mut answers), Some(Packet::ConnAck(0)));
        assert_eq!(take(&mut answers), Some(Packet::SubAck(0)));
        assert_eq!(take(&mut answers), Some(Packet::PubAck(9)));
    }
}
