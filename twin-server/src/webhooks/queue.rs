//! Samples that wait to be posted.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use twin_protocol::json;

use crate::{hub::json_point, live::Tapped};

/// Samples that wait for one hook at most; then the oldest go.
const WAITING: usize = 10_000;
/// Samples in one post.
const IN_A_POST: usize = 1_000;

/// The queue of one hook.
#[derive(Debug, Default)]
pub(super) struct Queue {
    samples: VecDeque<Tapped>,
    dropped: u64,
    /// What was dropped when the last post was made.
    told: u64,
}

/// A post that is made once and tried until it is taken, byte for byte the same.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) body: Bytes,
    pub(super) points: usize,
    pub(super) attempts: u32,
}

#[derive(Serialize)]
struct Body<'a> {
    webhook: &'a str,
    id: &'a str,
    epoch: &'a str,
    /// Sequence of the last sample.
    seq: u64,
    /// When the post was made.
    t: String,
    /// Samples that were dropped since the post before.
    dropped: u64,
    points: Vec<json::Point>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Samples dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn extend(&mut self, samples: Vec<Tapped>) {
        self.samples.extend(samples);
        while self.samples.len() > WAITING {
            self.samples.pop_front();
            self.dropped += 1;
        }
    }

    /// The next post, of the oldest samples.
    pub(super) fn next(&mut self, webhook: &str, epoch: &str) -> Option<Delivery> {
        let count = self.samples.len().min(IN_A_POST);
        let seq = self.samples.get(count.checked_sub(1)?)?.seq;
        let id = format!("{epoch}-{seq}");
        let points = self.samples.drain(..count).map(|tapped| json_point(&tapped.latest)).collect();
        let dropped = self.dropped - self.told;
        self.told = self.dropped;
        let body =
            Body { webhook, id: &id, epoch, seq, t: Timestamp::now().to_string(), dropped, points };
        // Fails only on maps with keys that are not text; there are none.
        let body = serde_json::to_vec(&body).unwrap_or_default().into();
        Some(Delivery { id, body, points: count, attempts: 0 })
    }
}
