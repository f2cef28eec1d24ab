//! A list of integers as differences, in whichever way makes them shortest.

use super::{
    Damaged,
    varint::{Reader, put, put_signed, zigzag},
};

/// How a list is told.
#[derive(Clone, Copy)]
enum Way {
    /// Each as it differs from the smallest: noise about a level.
    Level = 0,
    /// Each as it differs from the one before: what drifts.
    Step = 1,
    /// As its step differs from the usual step: what ticks, with jitter.
    Beat = 2,
    /// As its step differs from the step before: what ticks ever slower or faster.
    Bend = 3,
}

/// About how many bits the numbers need.
fn cost(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.map(|number| u64::from(64 - number.leading_zeros())).sum()
}

/// Appends a list; its length is for the reader to know.
pub(super) fn encode(values: &[i64], out: &mut Vec<u8>) {
    let Some((&first, rest)) = values.split_first() else { return };
    let low = values.iter().copied().min().unwrap_or(first);
    let steps: Vec<i64> = values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let beat = middle(&steps);
    let bends = || {
        steps.iter().scan(0, |before, &step| {
            let bend = step.wrapping_sub(*before);
            *before = step;
            Some(bend)
        })
    };
    let ways = [
        (Way::Step, cost(steps.iter().map(|&step| zigzag(step)))),
        (Way::Beat, cost(steps.iter().map(|&step| zigzag(step.wrapping_sub(beat))))),
        (Way::Bend, cost(bends().map(zigzag))),
        (Way::Level, cost(rest.iter().map(|value| value.wrapping_sub(low) as u64))),
    ];
    let way = ways.into_iter().min_by_key(|&(_, bits)| bits).map_or(Way::Step, |(way, _)| way);
    out.push(way as u8);
    match way {
        Way::Level => {
            put_signed(out, low);
            values.iter().for_each(|value| put(out, value.wrapping_sub(low) as u64));
        }
        Way::Step => {
            put_signed(out, first);
            steps.iter().for_each(|&step| put_signed(out, step));
        }
        Way::Beat => {
            put_signed(out, first);
            put_signed(out, beat);
            steps.iter().for_each(|step| put_signed(out, step.wrapping_sub(beat)));
        }
        Way::Bend => {
            put_signed(out, first);
            bends().for_each(|bend| put_signed(out, bend));
        }
    }
}

/// The median: one late message does not bend the beat.
fn middle(steps: &[i64]) -> i64 {
    let mut sorted = steps.to_vec();
    let at = sorted.len() / 2;
    if sorted.is_empty() { 0 } else { *sorted.select_nth_unstable(at).1 }
}

/// Reads so many integers back.
pub(super) fn decode(count: usize, bytes: &mut Reader<'_>) -> Result<Vec<i64>, Damaged> {
    if count == 0 {
        return Ok(Vec::new());
    }
    // Every integer takes a byte at least.
    if count > bytes.0.len() {
        return Err(Damaged);
    }
    let way = bytes.byte()?;
    let mut values = Vec::with_capacity(count);
    let start = bytes.signed()?;
    if way == Way::Level as u8 {
        for _ in 0..count {
            values.push(start.wrapping_add(bytes.varint()? as i64));
        }
        return Ok(values);
    }
    let beat = if way == Way::Beat as u8 { bytes.signed()? } else { 0 };
    let (mut value, mut step) = (start, 0i64);
    values.push(value);
    for _ in 1..count {
        let told = bytes.signed()?;
        step = match way {
            1 => told,
            2 => told.wrapping_add(beat),
            3 => told.wrapping_add(step),
            _ => return Err(Damaged),
        };
        value = value.wrapping_add(step);
        values.push(value);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(values: &[i64]) -> usize {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        let mut reader = Reader(&bytes);
        assert_eq!(decode(values.len(), &mut reader).unwrap(), values);
        assert!(reader.is_empty());
        bytes.len()
    }

    #[test]
    fn what_is_regular_is_short() {
        let ticks: Vec<i64> = (0..100).map(|n| 1_700_000_000_000 + n * 60_000).collect();
        assert!(there_and_back(&ticks) < 115);
        let jitter: Vec<i64> = (0..100).map(|n| 5_000 + n * 1_000 + n * 7919 % 13).collect();
        assert!(there_and_back(&jitter) < 115);
        let level: Vec<i64> = (0..100).map(|n| 1_000_000 + n * 31 % 100).collect();
        // Steps of -69 take two bytes.
        assert!(there_and_back(&level) < 140);
    }

    proptest! {
        #[test]
        fn any_list_comes_back(values in prop::collection::vec(any::<i64>(), 0..50)) {
            there_and_back(&values);
        }

        #[test]
        fn any_bytes_are_read_without_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            count in 0usize..100,
        ) {
            let _ = decode(count, &mut Reader(&bytes));
        }
    }
}
