//! A WebSocket client without a copy or an allocation per frame.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// How long a server may take to answer while a viewer connects.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer to the upgrade that is read, bytes.
const MAX_ANSWER: usize = 8192;

/// A frame's operation.
pub mod op {
    /// Goes on with the message before.
    pub const CONTINUE: u8 = 0;
    /// Text.
    pub const TEXT: u8 = 1;
    /// Bytes.
    pub const BINARY: u8 = 2;
    /// The end.
    pub const CLOSE: u8 = 8;
    /// To be answered.
    pub const PING: u8 = 9;
    /// The answer.
    pub const PONG: u8 = 10;
}

/// Connects and upgrades; returns the socket and what it sent after its answer.
pub fn connect(server: SocketAddr, path: &str, protocol: &str) -> Result<(TcpStream, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)
        .with_context(|| format!("connecting to {server}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dHdpbi1sb2FkLXZpZXdlcg==\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    let end = loop {
        let mut part = [0; 1024];
        let count = stream.read(&mut part).context("the answer to the upgrade")?;
        answer.extend(&part[..count]);
        if let Some(at) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if count == 0 || answer.len() > MAX_ANSWER {
            bail!("{server} did not upgrade: {}", String::from_utf8_lossy(&answer));
        }
    };
    if !answer.starts_with(b"HTTP/1.1 101") {
        bail!("{server} did not upgrade: {}", String::from_utf8_lossy(&answer));
    }
    Ok((stream, answer.split_off(end)))
}

/// A frame of a client: masked, as it must be, with a key that leaves the bytes as they are.
pub fn frame(operation: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | operation];
    match payload.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        long => {
            out.push(0x80 | 126);
            out.extend((long as u16).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
    out
}

/// Takes one frame of a server off the front; nothing where it is not complete.
pub fn take<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match second & 0x7f {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
        short => (usize::from(short), rest),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((first & 0x0f, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_frames_of_every_length() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let mut bytes = vec![0x82];
            match length {
                0..126 => bytes.push(length as u8),
                126..65_536 => {
                    bytes.push(126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            bytes.extend(vec![7; length]);
            assert!(take(&mut &bytes[..bytes.len() - 1]).is_none());
            let mut left = bytes.as_slice();
            let (operation, payload) = take(&mut left).unwrap();
            assert_eq!((operation, payload.len(), left.len()), (op::BINARY, length, 0));
        }
    }

    #[test]
    fn masks_with_nothing() {
        assert_eq!(frame(op::TEXT, b"hi"), b"\x81\x82\x00\x00\x00\x00hi");
        assert_eq!(frame(op::BINARY, &[1; 200])[..4], [0x82, 0xfe, 0, 200]);
    }
}
