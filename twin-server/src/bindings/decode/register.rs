//! One value among bytes: a Modbus register, a field of a LoRaWAN frame, a number of a
//! DL/T 645 meter.

use serde_json::{Number, Value as Json};

/// Most bytes of one number.
const MAX_WIDTH: usize = 8;

/// Where a value stands in bytes, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// First byte, from 0.
    pub at: usize,
    /// Its bytes.
    pub width: usize,
    /// How they are written.
    pub kind: RegisterType,
    /// How they follow each other.
    pub order: Order,
    /// Only these bits of it: the lowest, counted from the least significant, and how many.
    pub bits: Option<(u8, u8)>,
    /// Whether each byte was sent with 33H added (DL/T 645).
    pub plus_33h: bool,
}

/// How the bytes of a value are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterType {
    /// Unsigned.
    Unsigned,
    /// Two's complement.
    Signed,
    /// IEEE 754, 4 or 8 bytes.
    Float,
    /// Two decimal digits a byte.
    Bcd,
    /// The same, with the sign in the highest bit.
    SignedBcd,
    /// ASCII or UTF-8, to the first NUL.
    Text,
}

/// How bytes follow each other, in the letters of Modbus' users for the number 0xAABBCCDD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// AA BB CC DD: big-endian.
    #[default]
    Abcd,
    /// DD CC BB AA: little-endian.
    Dcba,
    /// BB AA DD CC: words in order, bytes of each swapped.
    Badc,
    /// CC DD AA BB: words swapped.
    Cdab,
}

impl Register {
    /// Takes the value out: a number, or text.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Json, String> {
        let end = self.at.saturating_add(self.width);
        let field = bytes.get(self.at..end).ok_or_else(|| {
            format!("bytes {} to {end} of {}: the payload is shorter", self.at, bytes.len())
        })?;
        if self.kind == RegisterType::Text {
            return self.text(field);
        }
        let mut ordered = [0; MAX_WIDTH];
        let ordered = &mut ordered[MAX_WIDTH - field.len()..];
        ordered.copy_from_slice(field);
        self.arrange(ordered);
        let raw = ordered.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        match self.kind {
            RegisterType::Unsigned => Ok(self.take_bits(raw).into()),
            RegisterType::Signed => Ok(sign(raw, field.len() * 8).into()),
            RegisterType::Float => float(raw, field.len()),
            RegisterType::Bcd => bcd(raw, field.len()).map(Json::from),
            RegisterType::SignedBcd => {
                let sign = 1 << (field.len() * 8 - 1);
                let size = bcd(raw & !sign, field.len())?;
                let size = i64::try_from(size).unwrap_or(i64::MAX);
                Ok(if raw & sign == 0 { size } else { -size }.into())
            }
            RegisterType::Text => Err("text is no number".to_owned()),
        }
    }

    /// Most significant byte first, and without what DL/T 645 adds.
    fn arrange(&self, bytes: &mut [u8]) {
        if self.plus_33h {
            bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_sub(0x33));
        }
        if matches!(self.order, Order::Dcba | Order::Cdab) {
            bytes.reverse();
        }
        if matches!(self.order, Order::Badc | Order::Cdab) {
            bytes.chunks_exact_mut(2).for_each(|word| word.swap(0, 1));
        }
    }

    fn take_bits(&self, raw: u64) -> u64 {
        match self.bits {
            None => raw,
            Some((lowest, count)) => {
                let mask = if count >= 64 { u64::MAX } else { (1 << count) - 1 };
                raw.checked_shr(lowest.into()).unwrap_or(0) & mask
            }
        }
    }

    fn text(&self, field: &[u8]) -> Result<Json, String> {
        let mut field = field.to_vec();
        self.arrange(&mut field);
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        let text = std::str::from_utf8(&field[..end]).map_err(|e| format!("not UTF-8: {e}"))?;
        Ok(text.trim().into())
    }
}

fn sign(raw: u64, bits: usize) -> i64 {
    let unused = 64_usize.saturating_sub(bits);
    ((raw << unused) as i64) >> unused
}

fn float(raw: u64, width: usize) -> Result<Json, String> {
    let number = match width {
        // Through its decimal form: 21.3 stays 21.3, not 21.299999237.
        4 => f32::from_bits(raw as u32).to_string().parse().unwrap_or(f64::NAN),
        _ => f64::from_bits(raw),
    };
    Number::from_f64(number).map(Json::from).ok_or_else(|| format!("{number} is no measurement"))
}

fn bcd(raw: u64, width: usize) -> Result<u64, String> {
    (0..width * 2).rev().try_fold(0, |sum, nibble| match raw >> (nibble * 4) & 15 {
        digit @ 0..=9 => Ok(sum * 10 + digit),
        other => Err(format!("{other:X} is no decimal digit (BCD)")),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::bindings::decode::bytes::from_hex;

    fn register(kind: RegisterType, width: usize) -> Register {
        Register { at: 0, width, kind, order: Order::Abcd, bits: None, plus_33h: false }
    }

    fn read(register: &Register, hex: &str) -> Result<Json, String> {
        register.read(&from_hex(hex).unwrap())
    }

    #[test]
    fn numbers_of_every_width() {
        for (kind, hex, expected) in [
            (RegisterType::Unsigned, "ff", json!(255)),
            (RegisterType::Signed, "ff", json!(-1)),
            (RegisterType::Unsigned, "ff38", json!(65336)),
            (RegisterType::Signed, "ff38", json!(-200)),
            (RegisterType::Signed, "800000", json!(-8_388_608)),
            (RegisterType::Unsigned, "ffffffffffffffff", json!(u64::MAX)),
            (RegisterType::Signed, "8000000000000000", json!(i64::MIN)),
            (RegisterType::Float, "41aa6666", json!(21.3)),
            (RegisterType::Float, "4035666666666666", json!(21.4)),
            (RegisterType::Bcd, "00123456", json!(123_456)),
            (RegisterType::SignedBcd, "800123", json!(-123)),
            (RegisterType::Bcd, "9999999999999999", json!(9_999_999_999_999_999_u64)),
        ] {
            assert_eq!(read(&register(kind, hex.len() / 2), hex), Ok(expected), "{kind:?} {hex}");
        }
        assert_eq!(read(&register(RegisterType::Text, 4), "41420043"), Ok(json!("AB")));
    }

    #[test]
    fn orders_as_modbus_users_name_them() {
        for (order, hex) in [
            (Order::Abcd, "aabbccdd"),
            (Order::Dcba, "ddccbbaa"),
            (Order::Badc, "bbaaddcc"),
            (Order::Cdab, "ccddaabb"),
        ] {
            let register = Register { order, ..register(RegisterType::Unsigned, 4) };
            assert_eq!(read(&register, hex), Ok(json!(0xaabb_ccdd_u32)), "{order:?}");
        }
    }

    /// DL/T 645-2007: positive active energy (00 01 00 00), 0.01 kWh, lowest byte first.
    #[test]
    fn a_number_of_a_dlt645_meter() {
        let frame = "68 12 34 56 78 90 12 68 91 08 33 33 34 33 AB 89 67 45 00 16";
        let energy = Register {
            at: 14,
            order: Order::Dcba,
            plus_33h: true,
            ..register(RegisterType::Bcd, 4)
        };
        assert_eq!(read(&energy, frame), Ok(json!(12_345_678)));
    }

    #[test]
    fn bits_and_what_does_not_fit() {
        let bits = |bits| Register { bits: Some(bits), ..register(RegisterType::Unsigned, 2) };
        assert_eq!(read(&bits((4, 3)), "0150"), Ok(json!(5)));
        assert_eq!(read(&bits((15, 1)), "8000"), Ok(json!(1)));
        assert!(read(&bits((0, 1)), "80").unwrap_err().contains("shorter"));
        let bcd = register(RegisterType::Bcd, 1);
        assert!(read(&bcd, "1A").unwrap_err().contains("A is no decimal digit"));
        let float = register(RegisterType::Float, 4);
        assert!(read(&float, "7fc00000").unwrap_err().contains("no measurement"));
    }

    proptest! {
        #[test]
        fn integers_come_back_in_every_order(number in any::<u32>(), order in 0..4_usize) {
            let order = [Order::Abcd, Order::Dcba, Order::Badc, Order::Cdab][order];
            let big = number.to_be_bytes();
            let [a, b, c, d] = big;
            let sent = match order {
                Order::Abcd => [a, b, c, d],
                Order::Dcba => [d, c, b, a],
                Order::Badc => [b, a, d, c],
                Order::Cdab => [c, d, a, b],
            };
            let register = Register { order, ..register(RegisterType::Unsigned, 4) };
            prop_assert_eq!(register.read(&sent), Ok(json!(number)));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..12), at in 0..14_usize,
            width in 1..=8_usize, kind in 0..6_usize, lowest in 0..70_u8, count in 0..70_u8) {
            use RegisterType::{Bcd, Float, Signed, SignedBcd, Text, Unsigned};
            let kind = [Unsigned, Signed, Float, Bcd, SignedBcd, Text][kind];
            let register = Register { at, bits: Some((lowest, count)), ..register(kind, width) };
            let _ = register.read(&bytes);
        }
    }
}
