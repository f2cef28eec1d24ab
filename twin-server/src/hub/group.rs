//! Sessions that ask for the same points, at the same rate, in the same form, share one
//! encoding: a group collects and encodes once, and its members send the same bytes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::extract::ws::Message;
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use super::{
    Format,
    encode::{FRAME, FRAME_BYTES},
};
use crate::{
    live::{Live, Tapped},
    scene::Intervals,
};

/// Frames that a group of lossless sessions keeps for members that are a little behind,
/// bytes. Who is further behind reads the samples itself.
const KEPT_BYTES: usize = 1024 * 1024;
/// How long a lossless group gathers samples before it encodes them, at least and at most:
/// the more members, the more a frame costs, and the longer it waits for more.
const GATHER_MS: (u64, u64) = (5, 25);
/// Members that make a group gather for one millisecond more.
const MEMBERS_PER_MS: u64 = 10;

/// How often a session wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    /// The latest values, with this time between two frames at least.
    Latest(Duration),
    /// Every sample.
    Lossless,
}

/// What makes sessions equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    pub(super) format: Format,
    /// Subtrees of interest; absent for the whole scene.
    pub(super) interest: Option<Arc<Intervals>>,
    pub(super) pace: Pace,
}

impl GroupKey {
    pub(super) fn wants(&self, tapped: &Tapped) -> bool {
        self.interest.as_ref().is_none_or(|interest| interest.contains(tapped.entity_place))
    }
}

/// Some changes, encoded.
#[derive(Debug)]
pub(super) struct Frame {
    /// Who holds everything up to here, may apply this frame.
    pub(super) from: u64,
    /// Nothing of the interest happened between `from` and here.
    pub(super) quiet: u64,
    /// What one holds after it.
    pub(super) seq: u64,
    pub(super) message: Message,
}

/// A group's newest frames.
#[derive(Debug)]
pub(super) struct Group {
    frames: Mutex<VecDeque<Arc<Frame>>>,
    published: watch::Sender<u64>,
}

impl Group {
    pub(super) fn new(seq: u64) -> Arc<Self> {
        Arc::new(Self { frames: Mutex::default(), published: watch::Sender::new(seq) })
    }

    /// Wakes a member whenever there is a frame.
    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Whether the last member has gone.
    pub(super) fn is_empty(&self) -> bool {
        self.published.is_closed()
    }

    /// Frames that end after `cursor`, oldest first.
    pub(super) fn after(&self, cursor: u64) -> Vec<Arc<Frame>> {
        let frames = self.frames.lock();
        let first = frames.partition_point(|frame| frame.seq <= cursor);
        frames.range(first..).cloned().collect()
    }

    fn publish(&self, frames: Vec<Frame>, keep: Keep) {
        let Some(seq) = frames.last().map(|frame| frame.seq) else { return };
        let mut held = self.frames.lock();
        if keep == Keep::Newest {
            held.clear();
        }
        held.extend(frames.into_iter().map(Arc::new));
        let bytes = |held: &VecDeque<Arc<Frame>>| -> usize {
            held.iter().map(|frame| super::length(&frame.message)).sum()
        };
        let mut kept = bytes(&held);
        while keep == Keep::Bytes(KEPT_BYTES) && kept > KEPT_BYTES && held.len() > 1 {
            kept -= held.pop_front().map_or(0, |frame| super::length(&frame.message));
        }
        drop(held);
        self.published.send_replace(seq);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Newest,
    Bytes(usize),
}

/// A group's task: what it follows and how far it has come.
pub(super) struct Runner {
    pub(super) live: Arc<Live>,
    pub(super) key: GroupKey,
    pub(super) group: Arc<Group>,
    /// From before the first member looked at the live state, so that nothing falls
    /// between its snapshot and the first frame; as is `seen`.
    pub(super) changed: watch::Receiver<u64>,
    pub(super) seen: u64,
    pub(super) published: u64,
}

impl Runner {
    /// Makes frames until the last member has gone and `retire` agrees to end the group.
    pub(super) async fn run(mut self, retire: impl Fn(&Group) -> bool) {
        loop {
            tokio::select! {
                changed = self.changed.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = self.group.published.closed() => {
                    if retire(&self.group) {
                        return;
                    }
                    continue;
                }
            }
            match self.key.pace {
                Pace::Latest(interval) => {
                    // The first change after a pause goes out at once; later ones wait.
                    let next = Instant::now() + interval;
                    self.changed.mark_unchanged();
                    self.latest();
                    self.wait(next).await;
                }
                Pace::Lossless => {
                    let members = self.group.published.receiver_count() as u64;
                    let gather = (GATHER_MS.0 + members / MEMBERS_PER_MS).min(GATHER_MS.1);
                    self.wait(Instant::now() + Duration::from_millis(gather)).await;
                    self.changed.mark_unchanged();
                    self.samples();
                }
            }
        }
    }

    async fn wait(&self, until: Instant) {
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.group.published.closed() => {}
        }
    }

    /// The latest values of what changed, as one set of frames that replaces the last.
    fn latest(&mut self) {
        let format = self.key.format;
        let until = self.live.seq();
        let mut frames = Vec::new();
        // What changes while this goes on belongs to the next round.
        while self.seen < until {
            let changes = self.live.changes_that_fit(
                self.seen,
                self.key.interest.as_deref(),
                |latest| format.weigh_latest(latest),
                FRAME,
            );
            if !changes.points.is_empty() {
                let points = changes.points.iter().map(|(latest, _)| latest);
                // Members hold definitions up to `published`: nothing of theirs changed since.
                let message = format.update(self.published, changes.seq, points);
                frames.push(Frame {
                    from: self.published,
                    quiet: self.seen,
                    seq: changes.seq,
                    message,
                });
                self.published = changes.seq;
            }
            self.seen = changes.seq;
        }
        self.group.publish(frames, Keep::Newest);
    }

    /// Every sample since the last time.
    fn samples(&mut self) {
        let (key, format) = (&self.key, self.key.format);
        let mut frames = Vec::new();
        loop {
            let weigh = |latest: &_| format.weigh_latest(latest);
            let wanted = |tapped: &Tapped| key.wants(tapped);
            let cut = self.live.samples_since(self.seen, u64::MAX, wanted, weigh, FRAME_BYTES);
            let Some(cut) = cut else {
                // Fell behind the tape. Members see the gap by the frame's `from`.
                self.seen = self.live.seq();
                self.published = self.seen;
                break;
            };
            if cut.reached == self.seen {
                break;
            }
            if !cut.samples.is_empty() {
                let points = cut.samples.iter().map(|tapped| &tapped.latest);
                let message = format.update(self.published, cut.reached, points);
                frames.push(Frame {
                    from: self.published,
                    quiet: self.seen,
                    seq: cut.reached,
                    message,
                });
                self.published = cut.reached;
            }
            self.seen = cut.reached;
        }
        self.group.publish(frames, Keep::Bytes(KEPT_BYTES));
    }
}
