//! Fewer samples that still show what happened: of each bucket of time the least, the
//! greatest and the last. Every one is a sample that was measured, at its time.

use std::ops::Range;

use twin_model::Sample;

/// Takes samples in order and keeps no more than a bound, in one pass: all of them until
/// they are too many, from then on those that stand for their buckets.
#[derive(Debug)]
pub(crate) struct Downsampler {
    range: Range<i64>,
    max_points: usize,
    all: Vec<(i64, Sample)>,
    buckets: Option<Vec<Bucket>>,
}

/// What stands for a bucket, each with its place in the order of samples.
#[derive(Clone, Debug, Default)]
struct Bucket {
    low: Option<(usize, Sample)>,
    high: Option<(usize, Sample)>,
    last: Option<(usize, Sample)>,
    seen: usize,
}

impl Bucket {
    fn push(&mut self, sample: Sample) {
        let n = self.seen;
        self.seen += 1;
        // States have no order; of them the last stands for the bucket.
        if let Some(value) = sample.value.as_f64() {
            let least = |held: &Sample| held.value.as_f64().is_none_or(|held| value < held);
            let most = |held: &Sample| held.value.as_f64().is_none_or(|held| value > held);
            if self.low.as_ref().is_none_or(|(_, held)| least(held)) {
                self.low = Some((n, sample.clone()));
            }
            if self.high.as_ref().is_none_or(|(_, held)| most(held)) {
                self.high = Some((n, sample.clone()));
            }
        }
        self.last = Some((n, sample));
    }

    fn finish(self) -> impl Iterator<Item = Sample> {
        let mut kept: Vec<(usize, Sample)> =
            [self.low, self.high, self.last].into_iter().flatten().collect();
        kept.sort_by_key(|(n, _)| *n);
        kept.dedup_by_key(|(n, _)| *n);
        kept.into_iter().map(|(_, sample)| sample)
    }
}

impl Downsampler {
    /// For samples with places within a range, at most so many (at least 4).
    pub(crate) fn new(range: Range<i64>, max_points: usize) -> Self {
        Self { range, max_points: max_points.max(4), all: Vec::new(), buckets: None }
    }

    /// Takes the next sample and its place.
    pub(crate) fn push(&mut self, order: i64, sample: Sample) {
        if let Some(buckets) = &mut self.buckets {
            let place = bucket(&self.range, buckets.len(), order);
            buckets[place].push(sample);
            return;
        }
        self.all.push((order, sample));
        if self.all.len() > self.max_points {
            let mut buckets = vec![Bucket::default(); self.max_points / 3];
            for (order, sample) in self.all.drain(..) {
                let place = bucket(&self.range, buckets.len(), order);
                buckets[place].push(sample);
            }
            self.all.shrink_to_fit();
            self.buckets = Some(buckets);
        }
    }

    /// What is kept, oldest first, and whether something was left out.
    pub(crate) fn finish(self) -> (Vec<Sample>, bool) {
        match self.buckets {
            None => (self.all.into_iter().map(|(_, sample)| sample).collect(), false),
            Some(buckets) => (buckets.into_iter().flat_map(Bucket::finish).collect(), true),
        }
    }
}

/// Which of so many equal parts of a range a place lies in.
fn bucket(range: &Range<i64>, buckets: usize, order: i64) -> usize {
    let length = (i128::from(range.end) - i128::from(range.start)).max(1);
    let into = (i128::from(order) - i128::from(range.start)).clamp(0, length - 1);
    (into * buckets as i128 / length) as usize
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use twin_model::{Quality, Value};

    use super::*;

    fn sample(ms: i64, value: Value) -> Sample {
        let time = Timestamp::from_millisecond(ms).unwrap();
        Sample { value, source_time: time, receive_time: time, quality: Quality::Good }
    }

    fn run(values: &[f64], max_points: usize) -> (Vec<f64>, bool) {
        let mut out = Downsampler::new(0..values.len() as i64, max_points);
        for (n, &value) in values.iter().enumerate() {
            out.push(n as i64, sample(n as i64, Value::Number(value)));
        }
        let (samples, less) = out.finish();
        assert!(samples.windows(2).all(|pair| pair[0].source_time < pair[1].source_time));
        (samples.iter().map(|sample| sample.value.as_f64().unwrap()).collect(), less)
    }

    #[test]
    fn few_stay_as_they_are_and_many_keep_their_extremes() {
        assert_eq!(run(&[1.0, 2.0, 3.0, 4.0], 4), (vec![1.0, 2.0, 3.0, 4.0], false));
        // One spike among a thousand is still there, and so is the last.
        let mut values = vec![5.0; 1000];
        values[321] = 99.0;
        values[654] = -7.0;
        values[999] = 6.0;
        let (kept, less) = run(&values, 30);
        assert!(less && kept.len() <= 30, "{}", kept.len());
        assert!(kept.contains(&99.0) && kept.contains(&-7.0));
        assert_eq!(kept.last(), Some(&6.0));
    }

    #[test]
    fn of_states_the_last_of_each_bucket_stands() {
        let mut out = Downsampler::new(0..10, 6);
        for n in 0..10 {
            out.push(n, sample(n, Value::Text(format!("s{n}"))));
        }
        let (kept, less) = out.finish();
        assert!(less);
        let texts: Vec<_> = kept.into_iter().map(|sample| sample.value).collect();
        assert_eq!(texts, [Value::Text("s4".into()), Value::Text("s9".into())]);
    }
}
