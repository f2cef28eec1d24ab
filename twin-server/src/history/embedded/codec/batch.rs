//! What one commit brought, in the order it came: the write-ahead part of the store.

use super::{
    Damaged, Held, Raw, quality_code, quality_of,
    varint::{Reader, put, put_bytes, put_signed},
};

/// Below this packing does not pay.
const MIN_PACKED: usize = 256;
const PLAIN: u8 = 0;
const PACKED: u8 = 1;
/// Largest batch that is read back; larger ones are never written.
const MAX_BYTES: usize = 256 * 1024 * 1024;

const NUMBER: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const TEXT: u8 = 3;

/// Samples with their points, as bytes.
pub(in super::super) fn encode<'a>(samples: impl Iterator<Item = (u32, &'a Raw)>) -> Vec<u8> {
    let mut out = vec![PLAIN];
    let mut before = 0;
    for (point, raw) in samples {
        put(&mut out, u64::from(point));
        put_signed(&mut out, raw.source.wrapping_sub(before));
        put_signed(&mut out, raw.receive.wrapping_sub(raw.source));
        before = raw.source;
        let quality = quality_code(raw.quality) << 2;
        match &raw.value {
            Held::Number(number) => {
                out.push(quality | NUMBER);
                out.extend(number.to_le_bytes());
            }
            Held::Bool(yes) => out.push(quality | if *yes { TRUE } else { FALSE }),
            Held::Text(text) => {
                out.push(quality | TEXT);
                put_bytes(&mut out, text.as_bytes());
            }
        }
    }
    // The fastest level: it halves what is written, and these bytes live for minutes.
    if out.len() >= MIN_PACKED
        && let Ok(packed) = zstd::bulk::compress(&out[1..], 1)
    {
        out.clear();
        out.push(PACKED);
        out.extend(packed);
    }
    out
}

/// Reads them back.
pub(in super::super) fn decode(bytes: &[u8]) -> Result<Vec<(u32, Raw)>, Damaged> {
    let (way, bytes) = bytes.split_first().ok_or(Damaged)?;
    let unpacked;
    let mut reader = match *way {
        PLAIN => Reader(bytes),
        PACKED => {
            unpacked = unpack(bytes, MAX_BYTES)?;
            Reader(&unpacked)
        }
        _ => return Err(Damaged),
    };
    let mut samples = Vec::new();
    let mut before = 0i64;
    while !reader.is_empty() {
        let point = u32::try_from(reader.varint()?).map_err(|_| Damaged)?;
        let source = before.wrapping_add(reader.signed()?);
        let receive = source.wrapping_add(reader.signed()?);
        before = source;
        let tag = reader.byte()?;
        let value = match tag & 3 {
            NUMBER => {
                let bytes = reader.take(8)?.try_into().map_err(|_| Damaged)?;
                Held::Number(f64::from_le_bytes(bytes))
            }
            FALSE => Held::Bool(false),
            TRUE => Held::Bool(true),
            _ => Held::Text(text(reader.bytes()?)?),
        };
        let quality = quality_of(tag >> 2)?;
        samples.push((point, Raw { source, receive, value, quality }));
    }
    Ok(samples)
}

/// Unpacks, but never more than a bound: a damaged length is no reason to take all memory.
pub(super) fn unpack(bytes: &[u8], bound: usize) -> Result<Vec<u8>, Damaged> {
    let size = zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten().ok_or(Damaged)?;
    let size = usize::try_from(size).map_err(|_| Damaged)?;
    if size > bound {
        return Err(Damaged);
    }
    zstd::bulk::decompress(bytes, size).map_err(|_| Damaged)
}

pub(super) fn text(bytes: &[u8]) -> Result<std::sync::Arc<str>, Damaged> {
    std::str::from_utf8(bytes).map(Into::into).map_err(|_| Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_in_order() {
        let values =
            [Held::Number(21.5), Held::Bool(true), Held::Bool(false), Held::Text("開".into())];
        let samples: Vec<(u32, Raw)> = (0..400)
            .map(|n| {
                let value = values[n as usize % 4].clone();
                let quality = quality_of((n % 3) as u8).unwrap();
                (
                    n % 7,
                    Raw {
                        source: i64::from(n) * 1000 - 5,
                        receive: i64::from(n) * 1001,
                        value,
                        quality,
                    },
                )
            })
            .collect();
        for some in [&samples[..], &samples[..3], &[]] {
            let bytes = encode(some.iter().map(|(point, raw)| (*point, raw)));
            assert_eq!(decode(&bytes).unwrap(), some);
            for cut in 0..bytes.len().min(40) {
                let _ = decode(&bytes[..cut]); // an error, or less; never a panic
            }
        }
    }
}
