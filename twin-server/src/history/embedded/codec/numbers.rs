//! A list of numbers, exactly: as decimals where that is what they are, else by the bits
//! in which each differs from the one before.

use super::{Damaged, ints, varint::Reader};

/// Most decimal places tried.
const MAX_PLACES: u8 = 9;
/// Integers beyond this are not exact as f64.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// Below 32: f64 decimals with so many places. From here on: decimals that were f32.
const SINGLE: u8 = 32;
const BITS: u8 = 64;

const POWERS: [f64; MAX_PLACES as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

fn double(scaled: i64, places: u8) -> f64 {
    scaled as f64 / POWERS[usize::from(places)]
}

/// The double that a device has that works in single precision.
fn single(scaled: i64, places: u8) -> f64 {
    f64::from(double(scaled, places) as f32)
}

/// The number as an integer of so many decimal places, where that gives back every bit.
fn scale(value: f64, places: u8, back: fn(i64, u8) -> f64) -> Option<i64> {
    let scaled = (value * POWERS[usize::from(places)]).round();
    if scaled.abs() >= MAX_EXACT {
        return None;
    }
    let scaled = scaled as i64;
    (back(scaled, places).to_bits() == value.to_bits()).then_some(scaled)
}

/// All numbers as integers, with the fewest decimal places that do.
fn decimals(values: &[f64], back: fn(i64, u8) -> f64) -> Option<(u8, Vec<i64>)> {
    let mut places = 0;
    'more: loop {
        let mut scaled = Vec::with_capacity(values.len());
        for &value in values {
            match scale(value, places, back) {
                Some(value) => scaled.push(value),
                None if places < MAX_PLACES => {
                    places += 1;
                    continue 'more;
                }
                None => return None,
            }
        }
        return Some((places, scaled));
    }
}

/// Appends the numbers; how many is for the reader to know.
pub(super) fn encode(values: &[f64], out: &mut Vec<u8>) {
    if let Some((places, scaled)) = decimals(values, double) {
        out.push(places);
        return ints::encode(&scaled, out);
    }
    if values.iter().all(|&value| f64::from(value as f32).to_bits() == value.to_bits())
        && let Some((places, scaled)) = decimals(values, single)
    {
        out.push(SINGLE + places);
        return ints::encode(&scaled, out);
    }
    out.push(BITS);
    let mut before = 0;
    let changes: Vec<u64> = values
        .iter()
        .map(|value| {
            let change = value.to_bits() ^ before;
            before = value.to_bits();
            change
        })
        .collect();
    // Byte by byte of significance: the upper ones are mostly zero, and pack to nothing.
    for byte in (0..8).rev() {
        out.extend(changes.iter().map(|change| (change >> (byte * 8)) as u8));
    }
}

/// Reads so many numbers back.
pub(super) fn decode(count: usize, bytes: &mut Reader<'_>) -> Result<Vec<f64>, Damaged> {
    let way = bytes.byte()?;
    if way == BITS {
        let planes = bytes.take(count.checked_mul(8).ok_or(Damaged)?)?;
        let mut before = 0;
        return Ok((0..count)
            .map(|n| {
                let change = (0..8)
                    .fold(0u64, |bits, plane| bits << 8 | u64::from(planes[plane * count + n]));
                before ^= change;
                f64::from_bits(before)
            })
            .collect());
    }
    let (places, back): (u8, fn(i64, u8) -> f64) =
        if way < SINGLE { (way, double) } else { (way - SINGLE, single) };
    if places > MAX_PLACES {
        return Err(Damaged);
    }
    let scaled = ints::decode(count, bytes)?;
    Ok(scaled.into_iter().map(|scaled| back(scaled, places)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(values: &[f64]) -> usize {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        let mut reader = Reader(&bytes);
        let read = decode(values.len(), &mut reader).unwrap();
        assert!(reader.is_empty());
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(values));
        bytes.len()
    }

    #[test]
    fn decimals_are_short_and_odd_numbers_exact() {
        let decimals: Vec<f64> = (0..100).map(|n| f64::from(200 + n % 7) / 10.0).collect();
        assert!(there_and_back(&decimals) < 115);
        let singles: Vec<f64> = decimals.iter().map(|&v| f64::from(v as f32)).collect();
        assert!(there_and_back(&singles) < 115);
        there_and_back(&[0.0, -0.0, f64::MIN, f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2]);
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(values in prop::collection::vec(any::<f64>(), 1..40)) {
            there_and_back(&values);
        }

        #[test]
        fn any_bytes_are_read_without_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            count in 1usize..100,
        ) {
            let _ = decode(count, &mut Reader(&bytes));
        }
    }
}
