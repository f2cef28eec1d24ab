//! Sessions that ask for the same points, at the same rate, in the same form, share one
//! encoding: a group collects and encodes once, and its members send the same bytes.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::Message;
use tokio::{sync::watch, time::Instant};

use super::Format;
use crate::{live::Live, scene::Intervals};

/// What makes sessions equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    pub(super) format: Format,
    /// Subtrees of interest; absent for the whole scene.
    pub(super) interest: Option<Intervals>,
    /// Time between two frames, at least.
    pub(super) interval: Duration,
}

/// One tick's changes, encoded.
#[derive(Debug)]
pub(super) struct Frame {
    /// Who holds everything up to here, may apply this frame.
    pub(super) from: u64,
    /// What one holds after it.
    pub(super) seq: u64,
    pub(super) messages: Vec<Message>,
}

/// A group's newest frame. Only the newest: a member that misses one catches up from the
/// live state by itself, so a slow member costs the others nothing.
pub(super) type Frames = watch::Receiver<Option<Arc<Frame>>>;

/// Sends frames until the last member has gone and `retire` agrees to end the group.
///
/// `changed` and `seen` are from before the first member looked at the live state, so that
/// nothing falls between its snapshot and the first frame.
pub(super) async fn run(
    live: Arc<Live>,
    key: GroupKey,
    mut changed: watch::Receiver<u64>,
    mut seen: u64,
    frames: watch::Sender<Option<Arc<Frame>>>,
    retire: impl Fn(&watch::Sender<Option<Arc<Frame>>>) -> bool,
) {
    let mut published = seen;
    loop {
        tokio::select! {
            _ = changed.changed() => {}
            () = frames.closed() => {
                if retire(&frames) {
                    return;
                }
                continue;
            }
        }
        changed.mark_unchanged();
        let started = Instant::now();
        let changes = live.changes_since(seen, key.interest.as_ref());
        if !changes.points.is_empty() {
            // Members hold definitions up to `published`: nothing of theirs changed since.
            let updates = key.format.updates(published, changes.seq, &changes.points);
            let messages = updates.into_iter().map(|(message, _)| message).collect();
            frames.send_replace(Some(Arc::new(Frame {
                from: published,
                seq: changes.seq,
                messages,
            })));
            published = changes.seq;
        }
        seen = changes.seq;
        // The first change after a pause goes out at once; later ones wait their interval.
        tokio::select! {
            () = tokio::time::sleep_until(started + key.interval) => {}
            () = frames.closed() => {}
        }
    }
}
