//! What the server's history answers.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{acknowledged::Sample, rig::Rig};
use crate::load::site;

/// Most samples asked for at a time.
const MAX_POINTS: usize = 100_000;

/// A point's series, as it is answered.
pub(super) fn series(rig: &Rig, point: u32, from_ms: i64, to_ms: i64) -> Result<Value> {
    let path = format!(
        "api/v1/points/{}%2Fpower/history?from={}&to={}&max_points={MAX_POINTS}",
        site::entity(point),
        time(from_ms)?,
        time(to_ms)?,
    );
    rig.json(&path)
}

fn time(ms: i64) -> Result<String> {
    Ok(jiff::Timestamp::from_millisecond(ms)?.to_string())
}

/// How often each sequence number is in an answer.
pub(super) fn counts(answer: &Value) -> Result<HashMap<u32, u32>> {
    let items = answer["items"].as_array().context("the history has no items")?;
    if items.len() >= MAX_POINTS {
        bail!("more than {MAX_POINTS} samples: they may be downsampled");
    }
    let mut counts = HashMap::new();
    for item in items {
        let seq = item["v"].as_f64().with_context(|| format!("{item} has no value"))?;
        *counts.entry(seq as u32).or_default() += 1;
    }
    Ok(counts)
}

/// How many of the samples the history lacks, and how many it has more than once.
pub(super) fn missing(rig: &Rig, points: u32, acknowledged: &[Sample]) -> Result<(usize, usize)> {
    let from_ms = acknowledged.iter().map(|sample| sample.sent_ms).min().unwrap_or(0) - 1000;
    let to_ms = acknowledged.iter().map(|sample| sample.sent_ms).max().unwrap_or(0) + 1000;
    let (mut missing, mut doubled) = (0, 0);
    for point in 0..points {
        let kept = counts(&series(rig, point, from_ms, to_ms)?)?;
        doubled += kept.values().filter(|count| **count > 1).count();
        missing += acknowledged
            .iter()
            .filter(|sample| sample.point == point && !kept.contains_key(&sample.seq))
            .count();
    }
    Ok((missing, doubled))
}
