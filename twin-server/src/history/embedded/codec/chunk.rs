//! Runs of many points as one block of bytes: a directory, then the times, the delays and
//! the values of all runs, each stream packed by itself. One run is read without
//! decoding the others.

use std::sync::Arc;

use twin_model::Quality;

use super::{
    Damaged, Held, Raw, Run,
    batch::{text, unpack},
    ints, numbers, quality_code, quality_of,
    varint::{Reader, put, put_bytes, put_signed},
};

/// A block, and the CRC-32 of all of it in its last four bytes: a bit that flipped on the disk
/// would otherwise be another value.
const VERSION: u8 = 2;
/// As written before, without the sum.
const VERSION_WITHOUT_SUM: u8 = 1;
/// Bytes of the sum.
const SUM: usize = 4;
/// How hard streams are packed; twice the work of the fastest, a tenth smaller.
const LEVEL: i32 = 3;
/// Largest stream that is read back.
const MAX_STREAM: usize = 64 * 1024 * 1024;
/// Most samples of one run that are read back.
const MAX_RUN: usize = 1 << 24;

/// Sorts of values.
const NUMBERS: u8 = 0;
const NAMED: u8 = 1;

/// Times, delays, values.
const STREAMS: usize = 3;

/// Runs as bytes; each must hold a sample.
pub(in super::super) fn encode(runs: &[Run]) -> Vec<u8> {
    let mut directory = Vec::new();
    let mut streams: [Vec<u8>; STREAMS] = Default::default();
    put(&mut directory, runs.len() as u64);
    let mut point_before = 0;
    for run in runs {
        let samples = &run.samples;
        put_signed(&mut directory, i64::from(run.point) - point_before);
        point_before = i64::from(run.point);
        put(&mut directory, samples.len() as u64);
        let starts = streams.each_ref().map(Vec::len);
        let sources: Vec<i64> = samples.iter().map(|raw| raw.source).collect();
        let delays: Vec<i64> =
            samples.iter().map(|raw| raw.receive.wrapping_sub(raw.source)).collect();
        ints::encode(&sources, &mut streams[0]);
        ints::encode(&delays, &mut streams[1]);
        encode_values(samples, &mut streams[2]);
        for (stream, start) in streams.iter().zip(starts) {
            put(&mut directory, (stream.len() - start) as u64);
        }
        encode_qualities(samples, &mut directory);
    }
    let mut out = vec![VERSION];
    for stream in std::iter::once(&directory).chain(&streams) {
        // Only a wrong level could fail, and it is ours.
        put_bytes(&mut out, &zstd::bulk::compress(stream, LEVEL).unwrap_or_default());
    }
    let sum = crc32fast::hash(&out);
    out.extend(sum.to_le_bytes());
    out
}

/// What a block holds behind its version, once its sum is right.
fn checked(bytes: &[u8]) -> Result<&[u8], Damaged> {
    match *bytes.first().ok_or(Damaged)? {
        VERSION_WITHOUT_SUM => Ok(&bytes[1..]),
        VERSION => {
            let (block, sum) = bytes.split_last_chunk::<SUM>().ok_or(Damaged)?;
            let right = crc32fast::hash(block) == u32::from_le_bytes(*sum);
            block.get(1..).filter(|_| right).ok_or(Damaged)
        }
        _ => Err(Damaged),
    }
}

fn encode_values(samples: &[Raw], out: &mut Vec<u8>) {
    let numbers: Option<Vec<f64>> = samples
        .iter()
        .map(|raw| match raw.value {
            Held::Number(number) => Some(number),
            _ => None,
        })
        .collect();
    if let Some(numbers) = numbers {
        out.push(NUMBERS);
        return numbers::encode(&numbers, out);
    }
    out.push(NAMED);
    let mut names: Vec<&Held> = Vec::new();
    let mut places = Vec::with_capacity(samples.len());
    for raw in samples {
        let place = names.iter().rposition(|name| **name == raw.value).unwrap_or_else(|| {
            names.push(&raw.value);
            names.len() - 1
        });
        places.push(place as u64);
    }
    put(out, names.len() as u64);
    for name in names {
        match name {
            Held::Bool(yes) => out.push(u8::from(*yes)),
            Held::Number(number) => {
                out.push(2);
                out.extend(number.to_le_bytes());
            }
            Held::Text(text) => {
                out.push(3);
                put_bytes(out, text.as_bytes());
            }
        }
    }
    places.into_iter().for_each(|place| put(out, place));
}

fn decode_values(count: usize, reader: &mut Reader<'_>) -> Result<Vec<Held>, Damaged> {
    if reader.byte()? == NUMBERS {
        let numbers = numbers::decode(count, reader)?;
        return Ok(numbers.into_iter().map(Held::Number).collect());
    }
    let mut names = Vec::new();
    for _ in 0..reader.length()? {
        names.push(match reader.byte()? {
            0 => Held::Bool(false),
            1 => Held::Bool(true),
            2 => {
                let bytes = reader.take(8)?.try_into().map_err(|_| Damaged)?;
                Held::Number(f64::from_le_bytes(bytes))
            }
            _ => Held::Text(text(reader.bytes()?)?),
        });
    }
    (0..count)
        .map(|_| {
            let place = usize::try_from(reader.varint()?).map_err(|_| Damaged)?;
            names.get(place).cloned().ok_or(Damaged)
        })
        .collect()
}

/// Qualities by how long each lasts; mostly one.
fn encode_qualities(samples: &[Raw], out: &mut Vec<u8>) {
    for same in samples.chunk_by(|a, b| a.quality == b.quality) {
        out.push(quality_code(same[0].quality));
        put(out, same.len() as u64);
    }
}

fn decode_qualities(
    count: usize,
    directory: &mut Reader<'_>,
) -> Result<Vec<(Quality, usize)>, Damaged> {
    let mut spans = Vec::new();
    let mut left = count;
    while left > 0 {
        let quality = quality_of(directory.byte()?)?;
        let length = usize::try_from(directory.varint()?).map_err(|_| Damaged)?;
        if length == 0 || length > left {
            return Err(Damaged);
        }
        spans.push((quality, length));
        left -= length;
    }
    Ok(spans)
}

/// Where a run's bytes lie.
#[derive(Debug)]
struct Entry {
    point: u32,
    count: usize,
    starts: [usize; STREAMS],
    lengths: [usize; STREAMS],
    qualities: Vec<(Quality, usize)>,
}

/// A block, unpacked, and read run by run.
#[derive(Debug)]
pub(in super::super) struct Chunk {
    entries: Vec<Entry>,
    streams: [Vec<u8>; STREAMS],
}

impl Chunk {
    /// Unpacks a block.
    pub(in super::super) fn open(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader(checked(bytes)?);
        let directory = unpack(reader.bytes()?, MAX_STREAM)?;
        let mut streams: [Vec<u8>; STREAMS] = Default::default();
        for stream in &mut streams {
            *stream = unpack(reader.bytes()?, MAX_STREAM)?;
        }
        let entries = read_directory(&directory, &streams)?;
        Ok(Self { entries, streams })
    }

    /// Which runs there are: place, point and number of samples.
    pub(in super::super) fn entries(&self) -> impl Iterator<Item = (usize, u32, usize)> + '_ {
        self.entries.iter().enumerate().map(|(place, entry)| (place, entry.point, entry.count))
    }

    /// The runs of one point, by place.
    pub(in super::super) fn of_point(&self, point: u32) -> impl Iterator<Item = usize> + '_ {
        let entries = self.entries.iter().enumerate();
        entries.filter(move |(_, entry)| entry.point == point).map(|(place, _)| place)
    }

    /// One run.
    pub(in super::super) fn run(&self, place: usize) -> Result<Run, Damaged> {
        let entry = self.entries.get(place).ok_or(Damaged)?;
        let stream = |n: usize| {
            let (start, length) = (entry.starts[n], entry.lengths[n]);
            self.streams[n].get(start..start + length).map(Reader).ok_or(Damaged)
        };
        let sources = ints::decode(entry.count, &mut stream(0)?)?;
        let delays = ints::decode(entry.count, &mut stream(1)?)?;
        let values = decode_values(entry.count, &mut stream(2)?)?;
        let qualities = entry
            .qualities
            .iter()
            .flat_map(|&(quality, count)| std::iter::repeat_n(quality, count));
        let samples = sources
            .into_iter()
            .zip(delays)
            .zip(values.into_iter().zip(qualities))
            .map(|((source, delay), (value, quality))| Raw {
                source,
                receive: source.wrapping_add(delay),
                value,
                quality,
            })
            .collect();
        Ok(Run { point: entry.point, samples })
    }

    /// All runs, as they were written.
    pub(in super::super) fn runs(&self) -> Result<Vec<Run>, Damaged> {
        (0..self.entries.len()).map(|place| self.run(place)).collect()
    }
}

fn read_directory(bytes: &[u8], streams: &[Vec<u8>; STREAMS]) -> Result<Vec<Entry>, Damaged> {
    let mut directory = Reader(bytes);
    let count = directory.length()?;
    let mut entries = Vec::with_capacity(count);
    let mut point = 0i64;
    let mut starts = [0usize; STREAMS];
    for _ in 0..count {
        point = point.wrapping_add(directory.signed()?);
        let count = usize::try_from(directory.varint()?).map_err(|_| Damaged)?;
        if count == 0 || count > MAX_RUN {
            return Err(Damaged);
        }
        let mut lengths = [0; STREAMS];
        let mut ends = starts;
        for ((length, end), stream) in lengths.iter_mut().zip(&mut ends).zip(streams) {
            *length = usize::try_from(directory.varint()?).map_err(|_| Damaged)?;
            *end = end.checked_add(*length).filter(|end| *end <= stream.len()).ok_or(Damaged)?;
        }
        let qualities = decode_qualities(count, &mut directory)?;
        let point = u32::try_from(point).map_err(|_| Damaged)?;
        entries.push(Entry { point, count, starts, lengths, qualities });
        starts = ends;
    }
    Ok(entries)
}

/// A text once for all its samples, as a reader wants it; kept by whoever builds runs.
#[derive(Debug, Default)]
pub(in super::super) struct Names(std::collections::HashSet<Arc<str>>);

impl Names {
    /// Most texts shared; states are few, and what is no state need not be.
    const MAX: usize = 4096;

    pub(in super::super) fn share(&mut self, value: &mut Held) {
        if let Held::Text(text) = value {
            if let Some(known) = self.0.get(text) {
                *text = Arc::clone(known);
            } else if self.0.len() < Self::MAX {
                self.0.insert(Arc::clone(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held() -> impl Strategy<Value = Held> {
        prop_oneof![
            any::<i16>().prop_map(|n| Held::Number(f64::from(n) / 10.0)),
            any::<f64>().prop_map(Held::Number),
            any::<bool>().prop_map(Held::Bool),
            "[a-c門]{0,3}".prop_map(|text| Held::Text(text.into())),
        ]
    }

    fn raw() -> impl Strategy<Value = Raw> {
        (any::<i64>(), 0..10_000i64, held(), 0..4u8).prop_map(|(source, delay, value, quality)| {
            Raw {
                source,
                receive: source.wrapping_add(delay),
                value,
                quality: quality_of(quality).unwrap(),
            }
        })
    }

    fn runs() -> impl Strategy<Value = Vec<Run>> {
        let run = (any::<u32>(), prop::collection::vec(raw(), 1..20));
        prop::collection::vec(run.prop_map(|(point, samples)| Run { point, samples }), 0..6)
    }

    proptest! {
        #[test]
        fn any_runs_come_back(runs in runs()) {
            let chunk = Chunk::open(&encode(&runs)).unwrap();
            prop_assert_eq!(chunk.runs().unwrap(), runs);
        }

        #[test]
        fn a_flipped_bit_is_noticed(runs in runs(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = encode(&runs);
            let at = 1 + at.index(bytes.len() - 1);
            bytes[at] ^= 1 << bit;
            prop_assert!(Chunk::open(&bytes).is_err());
        }

        #[test]
        fn blocks_without_a_sum_are_read_too(runs in runs()) {
            let mut bytes = encode(&runs);
            bytes[0] = VERSION_WITHOUT_SUM;
            bytes.truncate(bytes.len() - SUM);
            prop_assert_eq!(Chunk::open(&bytes).unwrap().runs().unwrap(), runs);
        }

        #[test]
        fn damage_is_an_error(runs in runs(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut bytes = encode(&runs);
            let at = at.index(bytes.len());
            bytes[at] = with;
            if let Ok(chunk) = Chunk::open(&bytes) {
                let _ = chunk.runs();
            }
        }
    }

    /// What the store is for: a thousand meters a minute apart, a little late each.
    #[test]
    fn slow_numbers_take_few_bytes() {
        let runs: Vec<Run> = (0..64)
            .map(|point| {
                let mut state = u64::from(point) + 1;
                let mut noise = move |below: u64| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 33) % below
                };
                let mut value = 200 + noise(100) as i64;
                let samples = (0..128)
                    .map(|n| {
                        value += noise(5) as i64 - 2;
                        let source = 1_700_000_000_000 + n * 60_000 + i64::from(point) * 937;
                        let receive = source + 8 + noise(12) as i64;
                        let value = Held::Number(value as f64 / 10.0);
                        Raw { source, receive, value, quality: Quality::Good }
                    })
                    .collect();
                Run { point, samples }
            })
            .collect();
        let bytes = encode(&runs).len() as f64 / (64.0 * 128.0);
        assert!(bytes < 1.2, "{bytes} bytes a sample");
    }
}
