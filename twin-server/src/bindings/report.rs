//! The binding board as `/api/v1/bindings` and `twin-server check` show it.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    board::{BindingBoard, BoundStats, Ledger},
    orphan::Orphan,
};

/// What is bound, and what is not.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BindingReport {
    /// Messages received since the start.
    pub messages: u64,
    /// Readings made from them.
    pub readings: u64,
    /// The configured bindings, in file order.
    pub bindings: Vec<BindingSummary>,
    /// Topics that found their entity.
    pub bound: BoundList,
    /// Topics that no binding takes.
    pub unbound: TroubleList,
    /// Topics whose target fits several entities; their messages are not used.
    pub ambiguous: TroubleList,
    /// Topics whose target fits no entity of the scene.
    pub orphaned: TroubleList,
    /// Entities that a binding could name until the scene's last revision took them out,
    /// whether or not their devices still speak.
    pub removed: OrphanList,
    /// Payloads, or single points of them, that could not be read.
    pub rejected: TroubleList,
    /// Values kept with quality `uncertain`: out of range, changing too fast, or without
    /// a time that could be read.
    pub uncertain: TroubleList,
    /// Devices whose clock is wrong; what they send is kept, with quality `uncertain`.
    pub clocks: ClockList,
    /// Messages in order that gave no reading, as the configuration has it.
    pub skipped: TroubleList,
    /// Computed points that have no value, and why; as topic stands `computed NAME: POINT`.
    pub failed: TroubleList,
    /// Points that have been quiet for longer than their `stale_after`.
    pub silent: SilentList,
}

/// A configured binding.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BindingSummary {
    /// Its name.
    pub name: String,
    /// Its topic pattern.
    pub topic: String,
    /// Topics bound by it.
    pub topics: u64,
    /// Messages taken by it; none yet may be a topic misspelt.
    pub messages: u64,
    /// Samples that changed too little to be passed on (`deadband`).
    pub held: u64,
}

/// Bound topics, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BoundList {
    /// How many there are, listed or not.
    pub total: u64,
    /// The first of them.
    pub items: Vec<BoundTopic>,
}

/// A topic and the entity it speaks of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BoundTopic {
    /// The topic.
    pub topic: String,
    /// Name of the binding.
    pub binding: String,
    /// Id of the entity.
    pub entity: String,
    /// Messages received.
    pub messages: u64,
    /// When the last one came.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
}

/// Problems of one sort, latest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TroubleList {
    /// How often it happened.
    pub total: u64,
    /// How many of those are of topics that no longer fit the list.
    pub unlisted: u64,
    /// One entry a binding and topic.
    pub items: Vec<Trouble>,
}

/// What went wrong with a topic.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trouble {
    /// Name of the binding, where one took the topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// The topic.
    pub topic: String,
    /// How often.
    pub total: u64,
    /// When last.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// Why, the last time.
    pub reason: String,
    /// Start of the last payload.
    pub payload: String,
}

/// Clocks that are wrong, latest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClockList {
    /// How many samples came with a wrong time.
    pub total: u64,
    /// How many of those are of devices that no longer fit the list.
    pub unlisted: u64,
    /// One entry a binding and device.
    pub items: Vec<WrongClock>,
}

/// A device whose clock is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WrongClock {
    /// Name of the binding.
    pub binding: String,
    /// Id of the entity.
    pub entity: String,
    /// How many of its samples.
    pub total: u64,
    /// When last.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// How far the last source time was ahead of the time received, s; negative: behind.
    pub offset_secs: f64,
    /// Why that is too much.
    pub reason: String,
}

/// What bindings lost with the scene's last revision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrphanList {
    /// How many there are, listed or not.
    pub total: u64,
    /// The first of them.
    pub items: Vec<Orphan>,
}

/// Silent points, longest silence first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SilentList {
    /// How many there are, listed or not.
    pub total: u64,
    /// The first of them.
    pub items: Vec<SilentPoint>,
}

/// A point that should have spoken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SilentPoint {
    /// `entity/metric`.
    pub point: String,
    /// The topic it comes by.
    pub topic: String,
    /// When it last came.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// How long it may be silent, s.
    pub stale_after_secs: f64,
}

pub(super) fn build(board: &BindingBoard, now: Timestamp, limit: usize) -> BindingReport {
    let bound = board.all_bound();
    let list = |ledger: &parking_lot::Mutex<Ledger>| trouble_list(board, &ledger.lock(), limit);
    BindingReport {
        messages: board.messages.load(Relaxed),
        readings: board.readings.load(Relaxed),
        bindings: summaries(board, &bound),
        unbound: list(&board.unbound),
        ambiguous: list(&board.ambiguous),
        orphaned: list(&board.orphaned),
        removed: OrphanList {
            total: board.orphans.len() as u64,
            items: board.orphans.iter().take(limit).cloned().collect(),
        },
        rejected: list(&board.rejected),
        uncertain: list(&board.uncertain),
        clocks: clock_list(board, limit),
        skipped: list(&board.skipped),
        failed: list(&board.failed),
        silent: silent_list(board, &bound, now, limit),
        bound: bound_list(board, &bound, limit),
    }
}

fn summaries(board: &BindingBoard, bound: &[std::sync::Arc<BoundStats>]) -> Vec<BindingSummary> {
    let mut topics = vec![0; board.bindings.len()];
    for stats in bound {
        topics[stats.binding] += 1;
    }
    let summary = |(stats, topics): (&super::board::BindingStats, u64)| BindingSummary {
        name: stats.name.to_string(),
        topic: stats.topic.clone(),
        topics,
        messages: stats.messages.load(Relaxed),
        held: stats.held.load(Relaxed),
    };
    board.bindings.iter().zip(topics).map(summary).collect()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn bound_list(
    board: &BindingBoard,
    bound: &[std::sync::Arc<BoundStats>],
    limit: usize,
) -> BoundList {
    let mut items: Vec<&BoundStats> = bound.iter().map(AsRef::as_ref).collect();
    items.sort_unstable_by(|a, b| a.topic.cmp(&b.topic));
    let item = |stats: &BoundStats| BoundTopic {
        topic: stats.topic.to_string(),
        binding: board.bindings[stats.binding].name.to_string(),
        entity: stats.entity.to_string(),
        messages: stats.messages.load(Relaxed),
        last: at(stats.last.load(Relaxed)),
    };
    BoundList {
        total: bound.len() as u64,
        items: items.into_iter().take(limit).map(item).collect(),
    }
}

fn trouble_list(board: &BindingBoard, ledger: &Ledger, limit: usize) -> TroubleList {
    let mut items: Vec<Trouble> = ledger
        .entries
        .iter()
        .map(|((binding, topic), entry)| Trouble {
            binding: binding.map(|index| board.bindings[index].name.to_string()),
            topic: topic.to_string(),
            total: entry.messages,
            last: entry.last,
            reason: entry.reason.clone(),
            payload: entry.excerpt.clone(),
        })
        .collect();
    items.sort_unstable_by(|a, b| b.last.cmp(&a.last).then_with(|| a.topic.cmp(&b.topic)));
    items.truncate(limit);
    TroubleList { total: ledger.messages, unlisted: ledger.unlisted, items }
}

fn clock_list(board: &BindingBoard, limit: usize) -> ClockList {
    let ledger = board.clocks.lock();
    let mut items: Vec<WrongClock> = ledger
        .entries
        .iter()
        .map(|((binding, entity), entry)| WrongClock {
            binding: binding.map_or_else(String::new, |n| board.bindings[n].name.to_string()),
            entity: entity.to_string(),
            total: entry.messages,
            last: entry.last,
            #[allow(clippy::cast_precision_loss)] // centuries in ms are exact
            offset_secs: entry.offset_ms as f64 / 1e3,
            reason: entry.reason.clone(),
        })
        .collect();
    items.sort_unstable_by(|a, b| b.last.cmp(&a.last).then_with(|| a.entity.cmp(&b.entity)));
    items.truncate(limit);
    ClockList { total: ledger.messages, unlisted: ledger.unlisted, items }
}

fn silent_list(
    board: &BindingBoard,
    bound: &[std::sync::Arc<BoundStats>],
    now: Timestamp,
    limit: usize,
) -> SilentList {
    let mut silent: Vec<(i64, &BoundStats, &str, Duration)> = Vec::new();
    for stats in bound {
        let last = stats.last.load(Relaxed);
        let quiet = Duration::from_millis(now.as_millisecond().saturating_sub(last).max(0) as u64);
        for (metric, stale_after) in &board.bindings[stats.binding].points {
            if let Some(stale_after) = stale_after.filter(|limit| quiet > *limit) {
                silent.push((last, stats, metric, stale_after));
            }
        }
    }
    silent.sort_unstable_by(|a, b| (a.0, &a.1.topic, a.2).cmp(&(b.0, &b.1.topic, b.2)));
    let item =
        |&(last, stats, metric, stale_after): &(i64, &BoundStats, &str, Duration)| SilentPoint {
            point: format!("{}/{metric}", stats.entity),
            topic: stats.topic.to_string(),
            last: at(last),
            stale_after_secs: stale_after.as_secs_f64(),
        };
    SilentList { total: silent.len() as u64, items: silent.iter().take(limit).map(item).collect() }
}
