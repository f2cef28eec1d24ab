//! One subscription on its way to one client, whatever carries it: what it was sent, and
//! what is to be sent next. It holds no queue: what the client has missed is read again,
//! from the live table or from the tape of samples, when the client can take it.

use std::sync::Arc;

use axum::extract::ws::Message;
use tokio::sync::watch;

use super::{
    Channel,
    encode::{FRAME, FRAME_BYTES},
    group::{Frame, Group, GroupKey, Pace},
};
use crate::{
    live::{Latest, Tapped},
    scene::Intervals,
};

/// A message for the client.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) message: Message,
    /// A client that got this far resumes here; absent within a snapshot.
    pub(super) seq: Option<u64>,
}

/// What the follower did beside sending, to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) snapshot: bool,
    pub(super) catch_up: bool,
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Follower {
    channel: Arc<Channel>,
    key: GroupKey,
    group: Arc<Group>,
    news: watch::Receiver<u64>,
    /// The client holds everything of its interest up to here.
    cursor: u64,
    state: State,
    /// Points that were sent newer than `cursor` says.
    ahead: Ahead,
    pub(super) noted: Noted,
}

#[derive(Debug)]
enum State {
    /// Shared frames, as they come.
    Following,
    /// What changed since `cursor` goes first.
    Behind,
    /// Points one after the other, as they are when their turn comes.
    Parts(Parts),
}

/// A snapshot, or the points of subtrees that were added, in parts that are read one at a
/// time: a client that drains slowly holds one part in memory.
#[derive(Debug)]
struct Parts {
    /// Of which points; absent for all.
    interest: Option<Arc<Intervals>>,
    /// A snapshot replaces what the client holds; added points come as updates.
    snapshot: bool,
    seq: u64,
    /// Where each part ends, by number of point.
    ends: Vec<u32>,
    next: usize,
}

/// Samples that a lossless client got with a snapshot before their turn on the tape.
#[derive(Debug, Default)]
struct Ahead {
    interest: Option<Arc<Intervals>>,
    /// Points below each number were read at this sequence.
    read_at: Vec<(u32, u64)>,
}

impl Ahead {
    fn until(&self) -> u64 {
        self.read_at.iter().map(|&(_, seq)| seq).max().unwrap_or(0)
    }

    fn sent(&self, tapped: &Tapped) -> bool {
        let number = tapped.latest.definition.point;
        let part = self.read_at.iter().find(|&&(end, _)| number < end);
        part.is_some_and(|&(_, seq)| tapped.seq <= seq)
            && self.interest.as_ref().is_none_or(|set| set.contains(tapped.entity_place))
    }
}

impl Follower {
    /// A subscription that goes on from `resume`, or begins with a snapshot.
    pub(super) fn new(channel: Arc<Channel>, key: GroupKey, resume: Option<u64>) -> Self {
        // Listens before it looks, so that nothing falls between.
        let (group, news) = channel.join(key.clone());
        let mut follower = Self {
            channel,
            key,
            group,
            news,
            cursor: 0,
            state: State::Behind,
            ahead: Ahead::default(),
            noted: Noted::default(),
        };
        let known = resume.filter(|&seq| seq <= follower.channel.live().seq());
        match known {
            Some(seq) => follower.cursor = seq,
            None => follower.begin_snapshot(),
        }
        follower
    }

    /// Whether a snapshot or a move is over, so that the next move may begin.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self.state, State::Parts(_)) && self.ahead.until() <= self.cursor
    }

    /// Goes on with another interest. What it adds is sent, and nothing else twice.
    pub(super) fn change_interest(&mut self, interest: Arc<Intervals>) {
        let Some(before) = self.key.interest.replace(Arc::clone(&interest)) else { return };
        let (group, news) = self.channel.join(self.key.clone());
        (self.group, self.news) = (group, news);
        let added = Some(Arc::new(interest.without(&before)));
        self.begin_parts(added, false);
    }

    fn begin_snapshot(&mut self) {
        self.noted.snapshot = true;
        self.begin_parts(self.key.interest.clone(), true);
    }

    fn begin_parts(&mut self, interest: Option<Arc<Intervals>>, snapshot: bool) {
        let format = self.key.format;
        let weigh = |definition: &_, sample: &_| format.weigh(definition, sample);
        let (seq, ends) = self.channel.live().cuts(interest.as_deref(), weigh, FRAME);
        self.ahead = Ahead { interest: interest.clone(), read_at: Vec::new() };
        self.state = State::Parts(Parts { interest, snapshot, seq, ends, next: 0 });
    }

    /// Resolves when [`Follower::take`] may have something. Dropping it loses nothing.
    pub(super) async fn ready(&mut self) {
        // Fails only when the group is gone, and it stays as long as it has a member.
        if matches!(self.state, State::Following) && self.news.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What to send next, about [`FRAME_BYTES`] at most where it is not shared.
    pub(super) fn take(&mut self) -> Vec<Outgoing> {
        match &mut self.state {
            State::Parts(_) => self.part(),
            State::Behind => self.behind().into_iter().collect(),
            State::Following => self.shared(),
        }
    }

    fn part(&mut self) -> Vec<Outgoing> {
        let State::Parts(parts) = &mut self.state else { return Vec::new() };
        let (live, format) = (self.channel.live(), self.key.format);
        let start = parts.next.checked_sub(1).map_or(0, |before| parts.ends[before]);
        let end = parts.ends[parts.next];
        let (read_at, points) = live.run(parts.interest.as_deref(), start..end);
        self.ahead.read_at.push((end, read_at));
        parts.next += 1;
        let last = parts.next == parts.ends.len();
        let mut out = Vec::with_capacity(2);
        if parts.snapshot {
            let part = [parts.next as u32 - 1, parts.ends.len() as u32];
            let message = format.snapshot(parts.seq, part, &points);
            out.push(Outgoing { message, seq: last.then_some(parts.seq) });
        } else if !points.is_empty() {
            let message = format.update(0, self.cursor, points.iter());
            out.push(Outgoing { message, seq: None });
        }
        if last {
            if parts.snapshot {
                self.cursor = parts.seq;
            } else {
                let message = format.moved(self.cursor);
                out.push(Outgoing { message, seq: Some(self.cursor) });
            }
            // Parts were read one after the other; what follows brings all to one moment.
            self.state = State::Behind;
        }
        out
    }

    /// Frames of the group that go on from where the client is.
    fn shared(&mut self) -> Vec<Outgoing> {
        self.news.borrow_and_update();
        let frames = self.group.after(self.cursor);
        let mut out = Vec::with_capacity(frames.len());
        let mut bytes = 0;
        for frame in frames {
            if !self.fits(&frame) {
                if frame.from > self.cursor {
                    self.noted.catch_up = true;
                }
                self.state = State::Behind;
                break;
            }
            if bytes > FRAME_BYTES {
                // The rest with the next call, which must not wait for another frame.
                self.news.mark_changed();
                break;
            }
            bytes += super::length(&frame.message);
            self.cursor = frame.seq;
            out.push(Outgoing { message: frame.message.clone(), seq: Some(frame.seq) });
        }
        out
    }

    fn fits(&self, frame: &Frame) -> bool {
        match self.key.pace {
            // Holds latest values: more than the client needs does no harm.
            Pace::Latest(_) => frame.from <= self.cursor,
            Pace::Lossless => {
                (frame.from..=frame.quiet).contains(&self.cursor)
                    && self.ahead.until() <= self.cursor
            }
        }
    }

    /// An encoding of its own, for a client that is not where the others are.
    fn behind(&mut self) -> Option<Outgoing> {
        let points = match self.key.pace {
            Pace::Latest(_) => self.changes(),
            Pace::Lossless => match self.samples() {
                Some(points) => points,
                None => {
                    self.noted.catch_up = true;
                    self.begin_snapshot();
                    return None;
                }
            },
        };
        let (known, points) = points;
        if points.is_empty() {
            return None;
        }
        let message = self.key.format.update(known, self.cursor, points.iter());
        Some(Outgoing { message, seq: Some(self.cursor) })
    }

    /// The latest values that changed, and up to where definitions are known.
    fn changes(&mut self) -> (u64, Vec<Latest>) {
        let (live, format, known) = (self.channel.live(), self.key.format, self.cursor);
        let weigh = |latest: &_| format.weigh_latest(latest);
        let changes = live.changes_that_fit(known, self.key.interest.as_deref(), weigh, FRAME);
        self.cursor = changes.seq;
        if changes.whole {
            self.state = State::Following;
            self.ahead = Ahead::default();
        }
        (known, changes.points.into_iter().map(|(latest, _)| latest).collect())
    }

    /// The samples up to where the group's frames go on; nothing where they are gone.
    fn samples(&mut self) -> Option<(u64, Vec<Latest>)> {
        let (live, format, known) = (self.channel.live(), self.key.format, self.cursor);
        // Up to the end of the frame the client is in the middle of, and no further, so
        // that the next shared one fits; with none to meet, up to what was published.
        let frames = self.group.after(known);
        let meet = frames.iter().find(|frame| frame.seq >= self.ahead.until());
        let until = match (frames.first(), meet) {
            (Some(first), _) if first.from > known && self.ahead.until() < first.from => first.from,
            (_, Some(frame)) => frame.seq,
            (_, None) => self.ahead.until().max(*self.news.borrow()),
        };
        let (key, ahead) = (&self.key, &self.ahead);
        let wanted = |tapped: &Tapped| key.wants(tapped) && !ahead.sent(tapped);
        let weigh = |latest: &_| format.weigh_latest(latest);
        let cut = live.samples_since(known, until, wanted, weigh, FRAME_BYTES)?;
        self.cursor = cut.reached;
        if cut.reached >= until {
            self.state = State::Following;
            // Frames may have come meanwhile that nothing will announce again.
            self.news.mark_changed();
        }
        if self.ahead.until() <= self.cursor {
            self.ahead = Ahead::default();
        }
        Some((known, cut.samples.into_iter().map(|tapped| tapped.latest).collect()))
    }
}
