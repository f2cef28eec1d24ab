//! One WebSocket client.

use std::{sync::Arc, time::Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio::{sync::broadcast, time::MissedTickBehavior};
use twin_protocol::{ClientMessage, ErrorCode, Interest, MAX_SNAPSHOT_POINTS, Subscribe, json};

use super::{Format, Frames, Hub, bucket::Bucket, encode, group::GroupKey};
use crate::{
    live::{Changes, Tapped},
    scene::Intervals,
};

/// Slowest rate a client may ask for.
const MIN_HZ: f32 = 0.01;

/// Why a session ends.
enum End {
    /// The client closed, or its connection broke.
    Gone,
    /// The server has a reason to close.
    Close { code: u16, reason: String },
}

/// A refusal that the client is told of.
type Refusal = (ErrorCode, String);

struct Session {
    hub: Arc<Hub>,
    socket: WebSocket,
    format: Format,
    feed: Option<Feed>,
    bucket: Bucket,
    heard: Instant,
}

/// What the session sends by itself.
struct Feed {
    interest: Option<Intervals>,
    /// The client holds every change of its interest up to here.
    cursor: u64,
    source: Source,
}

enum Source {
    /// The group's frames.
    Conflated(Frames),
    /// Every sample.
    Lossless(broadcast::Receiver<Arc<[Tapped]>>),
}

/// Something to send.
enum News {
    Frame,
    Samples(Arc<[Tapped]>),
    /// Samples were lost: the client is too slow for every one of them.
    Lost,
}

impl Feed {
    async fn news(&mut self) -> News {
        match &mut self.source {
            // Fails only when the group is gone, and it stays as long as it has a member.
            Source::Conflated(frames) => match frames.changed().await {
                Ok(()) => News::Frame,
                Err(_) => std::future::pending().await,
            },
            Source::Lossless(tap) => match tap.recv().await {
                Ok(samples) => News::Samples(samples),
                Err(broadcast::error::RecvError::Lagged(_)) => News::Lost,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            },
        }
    }
}

/// Bytes of a message's payload; none for control frames.
fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

/// Serves a client until it goes or the hub closes.
pub(super) async fn run(hub: Arc<Hub>, socket: WebSocket, format: Format) {
    let now = Instant::now();
    let bucket = Bucket::new(hub.settings.messages_per_second, now);
    let mut session = Session { hub, socket, format, feed: None, bucket, heard: now };
    if let Err(End::Close { code, reason }) = session.serve().await {
        let _ = session.send(session.format.bye(&reason)).await; // it may have gone already
        let close = CloseFrame { code, reason: reason.into() };
        let _ = session.send(Message::Close(Some(close))).await;
    }
}

impl Session {
    async fn serve(&mut self) -> Result<(), End> {
        let live = Arc::clone(self.hub.live());
        let revision = live.scene().info().revision.clone();
        self.send(self.format.hello(live.epoch(), &revision)).await?;
        let mut ping = tokio::time::interval(self.hub.settings.ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.hub.stop.clone();
        loop {
            let feed = self.feed.as_mut();
            let news = async {
                match feed {
                    Some(feed) => feed.news().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Err(End::Close {
                    code: close_code::AWAY,
                    reason: "the server is stopping; connect again in a moment".into(),
                }),
                message = self.socket.recv() => self.receive(message).await?,
                news = news => self.deliver(news).await?,
                _ = ping.tick() => self.ping().await?,
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let bytes = length(&message);
        match tokio::time::timeout(self.hub.settings.send_timeout, self.socket.send(message)).await
        {
            Ok(Ok(())) => {
                metrics::counter!("twin_stream_frames").increment(1);
                metrics::counter!("twin_stream_bytes").increment(bytes as u64);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > self.hub.settings.silent_after {
            tracing::debug!("a client was silent for too long");
            return Err(End::Gone);
        }
        self.send(Message::Ping(Default::default())).await
    }

    async fn receive(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        self.heard = Instant::now();
        let refusal = match message {
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
            Some(Err(error)) => return self.broken_frame(&error).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(_)) if !self.bucket.take(self.heard) => Err((
                ErrorCode::TooFast,
                format!(
                    "more than {} messages a second; send fewer",
                    self.hub.settings.messages_per_second
                ),
            )),
            Some(Ok(message)) if length(&message) > self.hub.settings.max_message_bytes => Err((
                ErrorCode::OutOfRange,
                format!(
                    "the message has {} bytes; it may have {}",
                    length(&message),
                    self.hub.settings.max_message_bytes
                ),
            )),
            Some(Ok(Message::Text(text))) if self.format == Format::Json => {
                self.on_json(&text).await?
            }
            Some(Ok(Message::Binary(bytes))) if self.format == Format::Postcard => {
                self.on_postcard(&bytes).await?
            }
            Some(Ok(_)) => Err((
                ErrorCode::Malformed,
                match self.format {
                    Format::Json => "twin.v1.json is sent in text frames".to_owned(),
                    Format::Postcard => "twin.v1.postcard is sent in binary frames".to_owned(),
                },
            )),
        };
        match refusal {
            Ok(()) => Ok(()),
            Err((code, message)) => {
                metrics::counter!("twin_stream_refusals").increment(1);
                self.send(self.format.error(code, message)).await
            }
        }
    }

    /// The frame broke the WebSocket protocol, or is far over our limit: nothing after it
    /// can be read, so the client is told why, if it still listens, and the connection ends.
    async fn broken_frame(&mut self, error: &axum::Error) -> Result<(), End> {
        let reason = format!(
            "cannot read the frame ({error}); messages hold at most {} bytes",
            self.hub.settings.max_message_bytes
        );
        self.send(self.format.error(ErrorCode::Malformed, reason)).await?;
        let reason = "unreadable frame".to_owned();
        Err(End::Close { code: close_code::SIZE, reason })
    }

    async fn on_json(&mut self, text: &str) -> Result<Result<(), Refusal>, End> {
        Ok(match serde_json::from_str(text) {
            Ok(json::ClientMessage::Ping { t }) => {
                self.send(encode::pong_json(t)).await?;
                Ok(())
            }
            Ok(json::ClientMessage::Subscribe { entities, max_hz, lossless, resume }) => {
                let interest = match entities {
                    json::Entities::All(_) => Interest::All,
                    json::Entities::Subtrees(entities) => Interest::Subtrees(entities),
                };
                let resume =
                    resume.map(|at| twin_protocol::Resume { epoch: at.epoch, seq: at.seq });
                self.subscribe(Subscribe { interest, max_hz, lossless, resume }).await?
            }
            Err(error) => {
                Err((ErrorCode::Malformed, format!("not a twin.v1.json message: {error}")))
            }
        })
    }

    async fn on_postcard(&mut self, frame: &[u8]) -> Result<Result<(), Refusal>, End> {
        Ok(match ClientMessage::decode(frame) {
            Ok(ClientMessage::Ping(ping)) => {
                self.send(encode::pong_postcard(ping.t)).await?;
                Ok(())
            }
            Ok(ClientMessage::Subscribe(subscribe)) => self.subscribe(subscribe).await?,
            Err(error) => Err((ErrorCode::Malformed, error.to_string())),
        })
    }

    async fn subscribe(&mut self, subscribe: Subscribe) -> Result<Result<(), Refusal>, End> {
        let key = match self.group_key(&subscribe) {
            Ok(key) => key,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let interest = key.interest.clone();
        let live = Arc::clone(self.hub.live());
        // Listens before it looks, so that nothing falls between.
        let source = if subscribe.lossless {
            Source::Lossless(live.tap())
        } else {
            Source::Conflated(self.hub.join(key))
        };
        let resumed = subscribe
            .resume
            .filter(|at| at.epoch == live.epoch() && at.seq <= live.seq())
            .map(|at| at.seq);
        self.feed = Some(Feed { interest, cursor: resumed.unwrap_or(0), source });
        match resumed {
            Some(_) => self.catch_up().await?,
            None => self.snapshot().await?,
        }
        Ok(Ok(()))
    }

    fn group_key(&self, subscribe: &Subscribe) -> Result<GroupKey, Refusal> {
        let limit = self.hub.settings.max_hz;
        if !(MIN_HZ..=limit).contains(&subscribe.max_hz) {
            let message =
                format!("max_hz is {}; it must be from {MIN_HZ} to {limit}", subscribe.max_hz);
            return Err((ErrorCode::OutOfRange, message));
        }
        let loaded = self.hub.live().scene();
        let interest = match &subscribe.interest {
            Interest::All => None,
            Interest::Subtrees(ids) => {
                let find = |id: &String| {
                    loaded.scene().index(id).ok_or_else(|| {
                        let message = format!(
                            "entity {id:?} is not in scene {}; /api/v1/entities lists them",
                            loaded.info().revision
                        );
                        (ErrorCode::UnknownEntity, message)
                    })
                };
                let roots = ids.iter().map(find).collect::<Result<Vec<_>, _>>()?;
                Some(loaded.tour().intervals(roots))
            }
        };
        let interval = std::time::Duration::from_millis((1000.0 / subscribe.max_hz).round() as u64);
        Ok(GroupKey { format: self.format, interest, interval })
    }

    /// Sends every point of the interest, in parts that are read one at a time: a client
    /// that drains slowly holds one part in memory.
    async fn snapshot(&mut self) -> Result<(), End> {
        metrics::counter!("twin_stream_snapshots").increment(1);
        let Some(feed) = &mut self.feed else { return Ok(()) };
        let live = Arc::clone(self.hub.live());
        let (seq, points) = live.covered(feed.interest.as_ref());
        feed.cursor = seq;
        let parts = points.len().div_ceil(MAX_SNAPSHOT_POINTS).max(1);
        for part in 0..parts {
            let from = part * MAX_SNAPSHOT_POINTS;
            let to = points.len().min(from + MAX_SNAPSHOT_POINTS);
            let latest = live.latest(&points[from..to]);
            let message = self.format.snapshot(seq, [part as u32, parts as u32], &latest);
            self.send(message).await?;
        }
        match &self.feed {
            // Parts were read one after the other; this brings all to one moment, so that
            // no later frame can hold an older value than a part did.
            Some(Feed { source: Source::Conflated(_), .. }) => self.catch_up().await,
            // Every sample since the snapshot follows by itself.
            _ => Ok(()),
        }
    }

    /// Sends what changed since the session's cursor, each point once.
    async fn catch_up(&mut self) -> Result<(), End> {
        let Some(feed) = &mut self.feed else { return Ok(()) };
        let live = Arc::clone(self.hub.live());
        let changes = live.changes_since(feed.cursor, feed.interest.as_ref());
        self.send_changes(&changes).await
    }

    async fn send_changes(&mut self, changes: &Changes) -> Result<(), End> {
        let Some(feed) = &mut self.feed else { return Ok(()) };
        let messages = self.format.updates(feed.cursor, changes.seq, &changes.points);
        if messages.is_empty() {
            feed.cursor = changes.seq;
        }
        for (message, reached) in messages {
            self.send(message).await?;
            if let Some(feed) = &mut self.feed {
                feed.cursor = reached;
            }
        }
        Ok(())
    }

    async fn deliver(&mut self, news: News) -> Result<(), End> {
        match news {
            News::Frame => self.deliver_frame().await,
            News::Samples(samples) => self.deliver_samples(&samples).await,
            News::Lost => {
                metrics::counter!("twin_stream_catch_ups").increment(1);
                self.snapshot().await
            }
        }
    }

    async fn deliver_frame(&mut self) -> Result<(), End> {
        let Some(Feed { cursor, source: Source::Conflated(frames), .. }) = &mut self.feed else {
            return Ok(());
        };
        let Some(frame) = frames.borrow_and_update().clone() else { return Ok(()) };
        if frame.from > *cursor {
            // Frames went by while the socket was not drained.
            metrics::counter!("twin_stream_catch_ups").increment(1);
            return self.behind().await;
        }
        if frame.seq > *cursor {
            *cursor = frame.seq;
            for message in &frame.messages {
                self.send(message.clone()).await?;
            }
        }
        Ok(())
    }
}

impl Session {
    /// After missed frames: what changed meanwhile, or a snapshot where that is too much.
    async fn behind(&mut self) -> Result<(), End> {
        let Some(feed) = &mut self.feed else { return Ok(()) };
        let live = Arc::clone(self.hub.live());
        let changes = live.changes_since(feed.cursor, feed.interest.as_ref());
        if changes.points.len() > MAX_SNAPSHOT_POINTS {
            return self.snapshot().await;
        }
        self.send_changes(&changes).await
    }

    /// Every sample of the interest that is not in what was sent before.
    async fn deliver_samples(&mut self, samples: &[Tapped]) -> Result<(), End> {
        let Some(feed) = &mut self.feed else { return Ok(()) };
        let wanted = |tapped: &&Tapped| {
            let news = tapped.seq > feed.cursor || (tapped.late && tapped.seq == feed.cursor);
            let covered =
                feed.interest.as_ref().is_none_or(|set| set.contains(tapped.entity_place));
            news && covered
        };
        let wanted: Vec<&Tapped> = samples.iter().filter(wanted).collect();
        for chunk in wanted.chunks(MAX_SNAPSHOT_POINTS) {
            let Some(feed) = &mut self.feed else { return Ok(()) };
            let known = feed.cursor;
            feed.cursor = chunk.iter().map(|tapped| tapped.seq).fold(known, u64::max);
            let latest = chunk.iter().map(|tapped| &tapped.latest);
            let message = self.format.update(known, feed.cursor, latest);
            self.send(message).await?;
        }
        Ok(())
    }
}
