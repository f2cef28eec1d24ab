//! What is left of many samples: of each minute or hour the least, the greatest and the
//! last, as they were measured, with count and sum.

use std::collections::BTreeMap;

use super::{
    Damaged, Held, Raw, Run,
    chunk::{self, Chunk},
    ints, numbers,
    varint::{Reader, put, put_bytes},
};

/// How coarse a rollup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::history) enum Level {
    Minute = 1,
    Hour = 2,
}

impl Level {
    pub(in crate::history) const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// Length of a bucket, ms.
    pub(in crate::history) fn bucket(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
        }
    }

    /// What one row holds, ms: a day of minutes, thirty days of hours.
    pub(in crate::history) fn window(self) -> i64 {
        match self {
            Self::Minute => 86_400_000,
            Self::Hour => 30 * 86_400_000,
        }
    }
}

/// One bucket.
#[derive(Clone, Debug, Default, PartialEq)]
struct Bucket {
    /// Those that stand for it, by place: least, greatest, last.
    samples: Vec<Raw>,
    count: i64,
    sum: f64,
}

/// Buckets of one point in one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::history) struct Rollup {
    buckets: BTreeMap<i64, Bucket>,
}

fn number(raw: &Raw) -> Option<f64> {
    match raw.value {
        Held::Number(number) => Some(number),
        Held::Bool(yes) => Some(f64::from(u8::from(yes))),
        Held::Text(_) => None,
    }
}

impl Bucket {
    /// Drops those that stand for nothing any more.
    fn thin(&mut self) {
        self.samples.sort_by_key(Raw::order);
        let last = self.samples.len().saturating_sub(1);
        let mut keep = vec![last];
        let numbers = || {
            let numbered = self.samples.iter().enumerate();
            numbered.filter_map(|(n, raw)| Some((n, number(raw)?)))
        };
        // The first of equals: it was there first.
        keep.extend(numbers().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(n, _)| n));
        keep.extend(numbers().rev().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(n, _)| n));
        let mut n = 0;
        self.samples.retain(|_| {
            n += 1;
            keep.contains(&(n - 1))
        });
    }
}

impl Rollup {
    /// Adds samples, each once, to buckets of a length in the unit of their times.
    pub(in crate::history) fn add<'a>(
        &mut self,
        length: i64,
        samples: impl Iterator<Item = &'a Raw>,
    ) {
        let mut touched = Vec::new();
        for raw in samples {
            let place = raw.order().div_euclid(length);
            let bucket = self.buckets.entry(place).or_default();
            bucket.count += 1;
            bucket.sum += number(raw).unwrap_or_default();
            bucket.samples.push(raw.clone());
            if touched.last() != Some(&place) {
                touched.push(place);
            }
            if bucket.samples.len() > 64 {
                bucket.thin();
            }
        }
        for place in touched {
            if let Some(bucket) = self.buckets.get_mut(&place) {
                bucket.thin();
            }
        }
    }

    /// The samples that stand for the rest, by place.
    pub(in crate::history) fn samples(&self) -> impl DoubleEndedIterator<Item = &Raw> {
        self.buckets.values().flat_map(|bucket| &bucket.samples)
    }

    pub(in crate::history) fn encode(&self) -> Vec<u8> {
        let samples: Vec<Raw> = self.samples().cloned().collect();
        let places: Vec<i64> = self.buckets.keys().copied().collect();
        let lengths: Vec<i64> = self.buckets.values().map(|b| b.samples.len() as i64).collect();
        let counts: Vec<i64> = self.buckets.values().map(|bucket| bucket.count).collect();
        let sums: Vec<f64> = self.buckets.values().map(|bucket| bucket.sum).collect();
        let mut out = Vec::new();
        put(&mut out, places.len() as u64);
        if places.is_empty() {
            return out;
        }
        for list in [&places, &lengths, &counts] {
            ints::encode(list, &mut out);
        }
        numbers::encode(&sums, &mut out);
        put_bytes(&mut out, &chunk::encode(&[Run { point: 0, samples }]));
        out
    }

    pub(in crate::history) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader(bytes);
        let count = reader.length()?;
        if count == 0 {
            return Ok(Self::default());
        }
        let places = ints::decode(count, &mut reader)?;
        let lengths = ints::decode(count, &mut reader)?;
        let counts = ints::decode(count, &mut reader)?;
        let sums = numbers::decode(count, &mut reader)?;
        let run = Chunk::open(reader.bytes()?)?.run(0)?;
        let mut samples = run.samples.into_iter();
        let mut buckets = BTreeMap::new();
        for (((place, length), count), sum) in places.into_iter().zip(lengths).zip(counts).zip(sums)
        {
            let length = usize::try_from(length).map_err(|_| Damaged)?;
            let samples = samples.by_ref().take(length).collect();
            buckets.insert(place, Bucket { samples, count, sum });
        }
        Ok(Self { buckets })
    }
}

#[cfg(test)]
mod tests {
    use twin_model::Quality;

    use super::*;

    fn raw(ms: i64, value: f64) -> Raw {
        Raw { source: ms, receive: ms + 3, value: Held::Number(value), quality: Quality::Good }
    }

    #[test]
    fn keeps_extremes_last_count_and_sum_whatever_the_order_of_adding() {
        let samples: Vec<Raw> =
            (0..600).map(|n| raw(n * 500, ((n * 7919) % 1000) as f64 / 10.0)).collect();
        let mut at_once = Rollup::default();
        at_once.add(Level::Minute.bucket(), samples.iter());
        let mut by_parts = Rollup::default();
        for part in [&samples[300..], &samples[..100], &samples[100..300]] {
            by_parts.add(Level::Minute.bucket(), part.iter());
            by_parts = Rollup::decode(&by_parts.encode()).unwrap();
        }
        assert_eq!(by_parts.buckets.len(), 5);
        for (place, bucket) in &at_once.buckets {
            let within: Vec<&Raw> =
                samples.iter().filter(|raw| raw.order() / 60_000 == *place).collect();
            let values: Vec<f64> = within.iter().map(|raw| number(raw).unwrap()).collect();
            let kept: Vec<f64> = bucket.samples.iter().map(|raw| number(raw).unwrap()).collect();
            let least = values.iter().copied().fold(f64::MAX, f64::min);
            let most = values.iter().copied().fold(f64::MIN, f64::max);
            assert!(kept.contains(&least) && kept.contains(&most) && kept.len() <= 3);
            assert_eq!(kept.last(), values.last());
            assert_eq!(bucket.count, 120);
            let other = &by_parts.buckets[place];
            assert_eq!((other.count, &other.samples), (bucket.count, &bucket.samples));
            assert!((other.sum - values.iter().sum::<f64>()).abs() < 1e-6);
        }
    }

    #[test]
    fn of_states_the_last_is_kept() {
        let mut rollup = Rollup::default();
        let state = |ms, text: &str| Raw { value: Held::Text(text.into()), ..raw(ms, 0.0) };
        rollup.add(
            Level::Hour.bucket(),
            [state(1, "open"), state(9, "shut"), state(5, "ajar")].iter(),
        );
        let kept: Vec<Raw> = rollup.samples().cloned().collect();
        assert_eq!(kept, [state(9, "shut")]);
        assert_eq!(Rollup::decode(&rollup.encode()).unwrap(), rollup);
    }
}
