//! The container of OpenStreetMap's PBF format: blobs of protocol buffers. Its six
//! messages are decoded here, field by field with every length checked, instead of by
//! generated code: that would bring a compiler for its schema into the build.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// The format's own limits, in bytes.
const MAX_HEADER: usize = 64 << 10;
const MAX_BLOB: usize = 32 << 20;

/// What is wrong with a file, in words.
pub(super) type Result<T> = std::result::Result<T, String>;

/// One block of a file, unpacked.
pub(super) enum Block {
    Header(Vec<u8>),
    Data(Vec<u8>),
}

/// The blocks of a file, one after the other; nothing of them is kept.
pub(super) struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Blocks<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("it ends within a block")?;
        self.rest = rest;
        Ok(taken)
    }

    fn block(&mut self) -> Result<Option<Block>> {
        let length = self.take(4)?;
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if length > MAX_HEADER {
            return Err("a block's header is larger than the format allows".into());
        }
        let (mut kind, mut size) = (&[][..], 0);
        let mut header = Message(self.take(length)?);
        while let Some((field, value)) = header.next()? {
            match (field, value) {
                (1, Field::Bytes(name)) => kind = name,
                (3, Field::Number(bytes)) => size = usize::try_from(bytes).unwrap_or(usize::MAX),
                _ => {}
            }
        }
        if size > MAX_BLOB {
            return Err("a block is larger than the format allows".into());
        }
        let blob = self.take(size)?;
        Ok(match kind {
            b"OSMHeader" => Some(Block::Header(unpack(blob)?)),
            b"OSMData" => Some(Block::Data(unpack(blob)?)),
            _ => None,
        })
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.block() {
                Ok(Some(block)) => return Some(Ok(block)),
                // Other kinds of blocks are to be skipped.
                Ok(None) => {}
                Err(error) => {
                    self.rest = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

fn unpack(blob: &[u8]) -> Result<Vec<u8>> {
    let mut message = Message(blob);
    while let Some((field, value)) = message.next()? {
        match (field, value) {
            (1, Field::Bytes(raw)) => return Ok(raw.to_vec()),
            (3, Field::Bytes(packed)) => {
                let mut unpacked = Vec::new();
                let mut decoder = ZlibDecoder::new(packed).take(MAX_BLOB as u64 + 1);
                decoder.read_to_end(&mut unpacked).map_err(|error| error.to_string())?;
                if unpacked.len() > MAX_BLOB {
                    return Err("a block unpacks to more than the format allows".into());
                }
                return Ok(unpacked);
            }
            (4..=7, Field::Bytes(_)) => {
                return Err("it is packed with LZMA, LZ4 or Zstandard; convert it with `osmium cat -f pbf,pbf_compression=zlib`".into());
            }
            _ => {}
        }
    }
    Err("a block holds nothing".into())
}

/// A message of fields.
#[derive(Clone, Copy)]
pub(super) struct Message<'a>(pub(super) &'a [u8]);

/// The value of a field. Fixed-width ones do not occur and are skipped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Skipped,
}

impl<'a> Message<'a> {
    /// The next field's number and value.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = number(&mut self.0)?;
        let field = u32::try_from(key >> 3).map_err(|_| "a field without number")?;
        let mut skip = |length: usize| -> Result<&'a [u8]> {
            let (taken, rest) =
                self.0.split_at_checked(length).ok_or("a field is longer than its message")?;
            self.0 = rest;
            Ok(taken)
        };
        let value = match key & 7 {
            0 => Field::Number(number(&mut self.0)?),
            1 => skip(8).map(|_| Field::Skipped)?,
            2 => {
                let length = number(&mut self.0)?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let (taken, rest) =
                    self.0.split_at_checked(length).ok_or("a field is longer than its message")?;
                self.0 = rest;
                Field::Bytes(taken)
            }
            5 => skip(4).map(|_| Field::Skipped)?,
            _ => return Err("a field of an unknown type".into()),
        };
        Ok(Some((field, value)))
    }
}

/// A variable-length number.
fn number(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for (n, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * n).min(63);
        if byte & 0x80 == 0 {
            *bytes = &bytes[n + 1..];
            return Ok(value);
        }
    }
    Err("a number does not end".into())
}

/// Packed numbers, one after the other; ends at what is none.
pub(super) fn numbers(mut bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    std::iter::from_fn(move || if bytes.is_empty() { None } else { number(&mut bytes).ok() })
}

/// Zigzag: small negative numbers stay short.
pub(super) fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Packed differences, summed.
pub(super) fn deltas(bytes: &[u8]) -> impl Iterator<Item = i64> + '_ {
    numbers(bytes).scan(0i64, |sum, delta| {
        *sum = sum.wrapping_add(signed(delta));
        Some(*sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decoded_as_the_format_says() {
        assert_eq!(numbers(&[0x96, 0x01, 0x05]).collect::<Vec<_>>(), [150, 5]);
        assert_eq!([0, 1, 2, 3].map(signed), [0, -1, 1, -2]);
        assert_eq!(deltas(&[4, 2, 1]).collect::<Vec<_>>(), [2, 3, 2]);
        // One that does not end ends the list.
        assert_eq!(numbers(&[0x01, 0xff, 0xff]).collect::<Vec<_>>(), [1]);
        assert_eq!(numbers(&[0xff; 12]).count(), 0);
    }

    #[test]
    fn lengths_are_not_believed() {
        for bytes in [
            &[0, 0][..],
            &[0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 9, 1],
            &[0, 0, 0, 2, 0x0a, 0x7f],
            &[0, 0, 0, 2, 0x18, 0x7f],
            &[0, 0, 0, 6, 0x18, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            let mut blocks = Blocks::new(bytes);
            assert!(matches!(blocks.next(), Some(Err(_))), "{bytes:?}");
            assert!(blocks.next().is_none());
        }
    }
}
