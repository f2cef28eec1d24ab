//! The stream as server-sent events (HTML Living Standard, 9.2): the JSON messages over
//! plain HTTP, with an id to resume from.

use std::sync::Arc;

use axum::extract::ws::Message;
use bytes::Bytes;
use tokio::time::{Interval, MissedTickBehavior};
use twin_protocol::{Interest, Resume};

use super::{Format, Hub, Refusal, Seat, Wish, follower::Follower};
use crate::rooms::{Membership, Room};

/// After how long a client that lost its connection comes back, ms.
const RETRY_MS: u32 = 2000;

/// One client's events. Made from as the client takes them: what it does not take is not
/// kept for it.
#[derive(Debug)]
pub struct Events {
    hub: Arc<Hub>,
    place: Membership,
    knows_rooms: bool,
    wish: Wish,
    resume: Option<Resume>,
    epoch: String,
    follower: Option<Follower>,
    ping: Interval,
    ended: bool,
    sessions: metrics::Gauge,
    #[expect(dead_code, reason = "held, and given back when dropped")]
    seat: Seat,
}

/// What a client of events asks for.
#[derive(Debug)]
pub struct Ask {
    /// Which entities.
    pub interest: Interest,
    /// Most updates a second.
    pub max_hz: f32,
    /// Which room; absent: the present.
    pub room: Option<Arc<Room>>,
    /// The id of the last event received.
    pub resume: Option<Resume>,
}

impl Events {
    /// Events for a client.
    ///
    /// # Errors
    /// As [`Wish::new`].
    pub fn new(hub: Arc<Hub>, seat: Seat, ask: Ask) -> Result<Self, Refusal> {
        let scene = Arc::clone(hub.live().scene());
        let wish = Wish::new(&scene, &hub.settings, &ask.interest, ask.max_hz, false)?;
        let knows_rooms = ask.room.is_some();
        let place = ask.room.and_then(|room| room.enter("events"));
        let place = place.unwrap_or_else(|| hub.rooms.enter_live("events"));
        let mut ping = tokio::time::interval(hub.settings.ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let sessions = metrics::gauge!("twin_stream_sessions", "format" => "events");
        sessions.increment(1.0);
        Ok(Self {
            hub,
            place,
            knows_rooms,
            wish,
            resume: ask.resume,
            epoch: String::new(),
            follower: None,
            ping,
            ended: false,
            sessions,
            seat,
        })
    }

    /// What to send next; nothing at the end. Dropping it loses nothing.
    pub async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if self.epoch.is_empty() {
            let mut out = format!("retry: {RETRY_MS}\n\n").into_bytes();
            self.look(&mut out);
            return Some(out.into());
        }
        let stop = self.hub.stop.clone();
        loop {
            let mut out = Vec::new();
            let follower = self.follower.as_mut();
            let news = async {
                match follower {
                    Some(follower) => follower.ready().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {
                    self.ended = true;
                    let reason = "the server is stopping; connect again in a moment";
                    self.event(&mut out, &Format::Json.bye(reason), None);
                }
                () = self.place.changed() => self.look(&mut out),
                () = news => self.take(&mut out),
                // A comment, so that a connection that broke is noticed.
                _ = self.ping.tick() => out.extend(b":\n\n"),
            }
            if !out.is_empty() {
                return Some(out.into());
            }
        }
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        let Some(follower) = &mut self.follower else { return };
        let taken = follower.take();
        self.hub.counters.noted(std::mem::take(&mut follower.noted));
        for outgoing in taken {
            self.event(out, &outgoing.message, outgoing.seq);
        }
    }

    fn look(&mut self, out: &mut Vec<u8>) {
        let mut view = self.place.view();
        if view.ended.is_some() {
            self.place = self.hub.rooms.enter_live("events");
            view = self.place.view();
        }
        let live = Arc::clone(view.channel.live());
        let scene = Arc::clone(live.scene());
        if self.epoch != live.epoch() {
            self.epoch = live.epoch().to_owned();
            self.follower = None;
            let hello = Format::Json.hello(live.epoch(), &scene.info().revision);
            self.event(out, &hello, None);
        }
        if self.knows_rooms {
            self.event(out, &Format::Json.clock(&view.clock.now()), None);
        }
        if self.follower.is_none() {
            let key = self.wish.key(&scene, Format::Json, view.has_samples);
            let resume = self.resume.take().filter(|at| at.epoch == live.epoch());
            let resume = resume.map(|at| at.seq);
            self.follower = Some(Follower::new(view.channel, key, resume));
        }
    }

    fn event(&self, out: &mut Vec<u8>, message: &Message, seq: Option<u64>) {
        let Message::Text(text) = message else { return };
        self.hub.counters.sent(message);
        if let Some(seq) = seq {
            out.extend(format!("id: {}:{seq}\n", self.epoch).as_bytes());
        }
        // JSON has no line breaks of its own.
        out.extend(b"data: ");
        out.extend(text.as_bytes());
        out.extend(b"\n\n");
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.sessions.decrement(1.0);
    }
}
