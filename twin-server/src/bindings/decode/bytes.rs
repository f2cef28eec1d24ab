//! Payloads that are bytes: hex text, base64 text, and whether they are the frame meant.

/// Longest payload of registers, bytes.
const MAX_BYTES: usize = 64 * 1024;

/// How a text holds bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// Two digits a byte; spaces, colons and dashes between bytes are allowed.
    Hex,
    /// Base64, with or without padding.
    Base64,
}

impl TextForm {
    /// The bytes of a text.
    pub(crate) fn read(self, text: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Hex => from_hex(text),
            Self::Base64 => from_base64(text),
        }
    }
}

/// What a frame of bytes must be; anything else is rejected with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its first bytes.
    pub starts_with: Vec<u8>,
    /// Its length.
    pub length: Option<usize>,
    /// How it proves to be whole.
    pub checksum: Option<Checksum>,
}

/// How a frame proves to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Modbus RTU: CRC-16 of all before, low byte first, in the last two bytes.
    ModbusCrc,
    /// DL/T 645: the sum of all from the first 68H on, in the byte before the last, 16H.
    Dlt645,
}

impl Frame {
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("{} bytes; registers take at most {MAX_BYTES}", bytes.len()));
        }
        if !bytes.starts_with(&self.starts_with) {
            let begins = to_hex(&bytes[..bytes.len().min(self.starts_with.len())]);
            let wanted = to_hex(&self.starts_with);
            return Err(format!("begins with {begins:?}, where {wanted} was expected"));
        }
        if let Some(length) = self.length.filter(|length| *length != bytes.len()) {
            return Err(format!("{} bytes, where {length} were expected", bytes.len()));
        }
        match self.checksum {
            None => Ok(()),
            Some(Checksum::ModbusCrc) => modbus(bytes),
            Some(Checksum::Dlt645) => dlt645(bytes),
        }
    }
}

fn modbus(bytes: &[u8]) -> Result<(), String> {
    let Some((body, sent)) = bytes.split_last_chunk::<2>() else {
        return Err("too short for a CRC".to_owned());
    };
    let crc = body.iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xa001 } else { crc >> 1 }
        })
    });
    let sent = u16::from_le_bytes(*sent);
    if crc == sent {
        Ok(())
    } else {
        Err(format!("its CRC is {sent:04x}, its bytes give {crc:04x}"))
    }
}

fn dlt645(bytes: &[u8]) -> Result<(), String> {
    let start = bytes.iter().position(|byte| *byte == 0x68);
    let frame = start.map(|start| &bytes[start..]).unwrap_or_default();
    let [body @ .., sent, 0x16] = frame else {
        return Err("no DL/T 645 frame: it begins with 68 and ends with 16".to_owned());
    };
    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if sum == *sent {
        Ok(())
    } else {
        Err(format!("its sum is {sent:02x}, its bytes give {sum:02x}"))
    }
}

/// Bytes of hex text.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if text.len() > 4 * MAX_BYTES {
        return Err(format!("{} characters of hex; at most {}", text.len(), 4 * MAX_BYTES));
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high: Option<u32> = None;
    for (at, c) in text.char_indices() {
        match (c.to_digit(16), high) {
            (Some(digit), None) => high = Some(digit),
            (Some(digit), Some(first)) => {
                high = None;
                bytes.push((first << 4 | digit) as u8);
            }
            // A separator stands between bytes, never inside one.
            (None, None) if matches!(c, ' ' | ':' | '-' | '\t' | '\r' | '\n') => {}
            _ => return Err(format!("not hex: {c:?} at character {at}")),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err("not hex: an odd number of digits".to_owned()),
    }
}

/// Hex text of bytes, lower case.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    use base64::{
        Engine as _,
        alphabet::STANDARD,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    if text.len() > 2 * MAX_BYTES {
        return Err(format!("{} characters of base64; at most {}", text.len(), 2 * MAX_BYTES));
    }
    ANY_PADDING.decode(text.trim()).map_err(|error| format!("not base64: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_as_people_write_it() {
        for text in ["0103ff", " 01 03 FF\n", "01:03:ff", "0x0103FF", "01-03-ff"] {
            assert_eq!(from_hex(text), Ok(vec![1, 3, 255]), "{text}");
        }
        assert_eq!(from_hex(""), Ok(vec![]));
        for bad in ["0", "0 1", "zz", "01 0", "01\u{fffd}"] {
            assert!(from_hex(bad).unwrap_err().contains("not hex"), "{bad}");
        }
        assert_eq!(to_hex(&[1, 0xaf]), "01af");
    }

    #[test]
    fn base64_is_read_with_and_without_padding() {
        assert_eq!(TextForm::Base64.read("AQP/"), Ok(vec![1, 3, 255]));
        assert_eq!(TextForm::Base64.read("AQ=="), Ok(vec![1]));
        assert_eq!(TextForm::Base64.read("AQ"), Ok(vec![1]));
        assert!(TextForm::Base64.read("A?").unwrap_err().contains("not base64"));
    }

    #[test]
    fn a_frame_proves_to_be_whole() {
        // Slave 1 answers two registers; a DL/T 645 request for the address of a meter.
        let modbus = from_hex("01 03 04 00 06 00 05 DA 31").unwrap();
        let mut dlt = from_hex("FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16").unwrap();
        let frame = |checksum| Frame { checksum: Some(checksum), ..Frame::default() };
        assert_eq!(frame(Checksum::ModbusCrc).check(&modbus), Ok(()));
        assert_eq!(frame(Checksum::Dlt645).check(&dlt), Ok(()));
        let mut bent = modbus.clone();
        bent[4] ^= 1;
        assert!(frame(Checksum::ModbusCrc).check(&bent).unwrap_err().contains("CRC"));
        let last = dlt.len() - 2;
        dlt[last] ^= 1;
        assert!(frame(Checksum::Dlt645).check(&dlt).unwrap_err().contains("sum"));
        assert!(frame(Checksum::Dlt645).check(&modbus).unwrap_err().contains("no DL/T 645"));
        assert!(frame(Checksum::ModbusCrc).check(&[1]).unwrap_err().contains("short"));
        let begins = Frame { starts_with: vec![1, 4], ..Frame::default() };
        assert!(begins.check(&modbus).unwrap_err().contains("begins with \"0103\""));
        let long = Frame { length: Some(7), ..Frame::default() };
        assert!(long.check(&modbus).unwrap_err().contains("9 bytes"));
    }
}
