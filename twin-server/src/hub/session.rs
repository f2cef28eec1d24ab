//! One WebSocket client.

use std::{sync::Arc, time::Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::SinkExt;
use tokio::time::MissedTickBehavior;
use twin_protocol::{ClientMessage, Control, ErrorCode, Interest, Move, Subscribe, json};

use super::{Format, Hub, Refusal, Wish, bucket::Bucket, encode, follower::Follower, length};
use crate::rooms::{Membership, Room};

/// Why a session ends.
enum End {
    /// The client closed, or its connection broke.
    Gone,
    /// The server has a reason to close.
    Close { code: u16, reason: String },
}

struct Session {
    hub: Arc<Hub>,
    socket: WebSocket,
    format: Format,
    place: Membership,
    /// Whether the client named a room, and so knows of clocks.
    knows_rooms: bool,
    /// Epoch of the last `hello`.
    epoch: String,
    wish: Option<Wish>,
    follower: Option<Follower>,
    bucket: Bucket,
    heard: Instant,
}

/// Serves a client until it goes or the hub closes.
pub(super) async fn run(hub: Arc<Hub>, socket: WebSocket, format: Format, room: Option<Arc<Room>>) {
    let now = Instant::now();
    let bucket = Bucket::new(hub.settings.messages_per_second, now);
    let knows_rooms = room.is_some();
    // A room that ended since it was looked up is left at once, by the same way as later.
    let place = room.and_then(|room| room.enter(format.as_str()));
    let place = place.unwrap_or_else(|| hub.rooms.enter_live(format.as_str()));
    let mut session = Session {
        hub,
        socket,
        format,
        place,
        knows_rooms,
        epoch: String::new(),
        wish: None,
        follower: None,
        bucket,
        heard: now,
    };
    if let Err(End::Close { code, reason }) = session.serve().await {
        let _ = session.send(session.format.bye(&reason)).await; // it may have gone already
        let close = CloseFrame { code, reason: reason.into() };
        let _ = session.send(Message::Close(Some(close))).await;
    }
}

impl Session {
    async fn serve(&mut self) -> Result<(), End> {
        self.look(None).await?;
        let mut ping = tokio::time::interval(self.hub.settings.ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.hub.stop.clone();
        loop {
            let follower = self.follower.as_mut();
            let news = async {
                match follower {
                    Some(follower) => follower.ready().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Err(End::Close {
                    code: close_code::AWAY,
                    reason: "the server is stopping; connect again in a moment".into(),
                }),
                message = self.socket.recv() => self.receive(message).await?,
                () = self.place.changed() => self.look(None).await?,
                () = news => self.deliver().await?,
                _ = ping.tick() => self.ping().await?,
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.send_all(std::iter::once(message)).await
    }

    /// Several messages with one write to the socket.
    async fn send_all(&mut self, messages: impl Iterator<Item = Message>) -> Result<(), End> {
        let (socket, counters) = (&mut self.socket, &self.hub.counters);
        let sending = async {
            for message in messages {
                counters.sent(&message);
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        match tokio::time::timeout(self.hub.settings.send_timeout, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn deliver(&mut self) -> Result<(), End> {
        let Some(follower) = &mut self.follower else { return Ok(()) };
        let out = follower.take();
        self.hub.counters.noted(std::mem::take(&mut follower.noted));
        if out.is_empty() {
            return Ok(());
        }
        self.send_all(out.into_iter().map(|out| out.message)).await
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
        let settings = self.hub.settings;
        let refusal = match message {
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
            Some(Err(error)) => return self.broken_frame(&error).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(_)) if !self.bucket.take(self.heard) => Err((
                ErrorCode::TooFast,
                format!("more than {} messages a second; send fewer", settings.messages_per_second),
            )),
            Some(Ok(message)) if length(&message) > settings.max_message_bytes => Err((
                ErrorCode::OutOfRange,
                format!(
                    "the message has {} bytes; it may have {}",
                    length(&message),
                    settings.max_message_bytes
                ),
            )),
            Some(Ok(Message::Text(text))) if self.format == Format::Json => {
                self.on_json(&text).await?
            }
            Some(Ok(Message::Binary(bytes))) if self.format != Format::Json => {
                self.on_postcard(&bytes).await?
            }
            Some(Ok(_)) => Err((
                ErrorCode::Malformed,
                match self.format {
                    Format::Json => "twin.v1.json is sent in text frames".to_owned(),
                    _ => "twin.v1.postcard is sent in binary frames".to_owned(),
                },
            )),
        };
        match refusal {
            Ok(()) => Ok(()),
            Err((code, message)) => {
                self.hub.counters.refusals.increment(1);
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
        let message = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => {
                let message = format!("not a twin.v1.json message: {error}");
                return Ok(Err((ErrorCode::Malformed, message)));
            }
        };
        match message {
            json::ClientMessage::Ping { t } => {
                self.send(encode::pong_json(t)).await?;
                Ok(Ok(()))
            }
            json::ClientMessage::Subscribe { entities, max_hz, lossless, resume, room } => {
                let interest = match entities {
                    json::Entities::All(_) => Interest::All,
                    json::Entities::Subtrees(entities) => Interest::Subtrees(entities),
                };
                let resume =
                    resume.map(|at| twin_protocol::Resume { epoch: at.epoch, seq: at.seq });
                let subscribe = Subscribe { interest, max_hz, lossless, resume };
                self.subscribe(subscribe, room).await
            }
            json::ClientMessage::Join { room } => self.join(&room).await,
            json::ClientMessage::Control(control) => match control.action() {
                Ok(action) => self.control(Control { action, key: control.key }).await,
                Err(missing) => Ok(Err((ErrorCode::Malformed, missing.to_owned()))),
            },
            json::ClientMessage::Move { add, remove } => self.move_to(Move { add, remove }).await,
        }
    }

    async fn on_postcard(&mut self, frame: &[u8]) -> Result<Result<(), Refusal>, End> {
        match ClientMessage::decode(frame) {
            Ok(ClientMessage::Ping(ping)) => {
                self.send(self.format.pong(ping.t)).await?;
                Ok(Ok(()))
            }
            Ok(ClientMessage::Subscribe(subscribe)) => self.subscribe(subscribe, None).await,
            Ok(ClientMessage::Join(join)) => self.join(&join.room).await,
            Ok(ClientMessage::Control(control)) => self.control(control).await,
            Ok(ClientMessage::Move(to)) => self.move_to(to).await,
            Err(error) => Ok(Err((ErrorCode::Malformed, error.to_string()))),
        }
    }

    async fn subscribe(
        &mut self,
        subscribe: Subscribe,
        room: Option<String>,
    ) -> Result<Result<(), Refusal>, End> {
        let Subscribe { interest, max_hz, lossless, resume } = subscribe;
        let scene = Arc::clone(self.hub.live().scene());
        let wish = match Wish::new(&scene, &self.hub.settings, &interest, max_hz, lossless) {
            Ok(wish) => wish,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(room) = room
            && let Err(refusal) = self.enter(&room)
        {
            return Ok(Err(refusal));
        }
        self.wish = Some(wish);
        self.follower = None;
        self.look(resume).await?;
        Ok(Ok(()))
    }

    async fn join(&mut self, room: &str) -> Result<Result<(), Refusal>, End> {
        if let Err(refusal) = self.enter(room) {
            return Ok(Err(refusal));
        }
        self.look(None).await?;
        Ok(Ok(()))
    }

    fn enter(&mut self, id: &str) -> Result<(), Refusal> {
        self.knows_rooms = true;
        let room = self.hub.rooms.get(id).and_then(|room| room.enter(self.format.as_str()));
        self.place = room.ok_or_else(|| {
            let message = format!("there is no room {id:?}; /api/v1/rooms lists them");
            (ErrorCode::UnknownRoom, message)
        })?;
        Ok(())
    }

    async fn control(&mut self, control: Control) -> Result<Result<(), Refusal>, End> {
        self.knows_rooms = true;
        // The clock that answers comes to everyone in the room, by the way clocks come.
        let room = Arc::clone(self.place.room());
        let done = room.control(control.action, &control.key).await;
        Ok(done.map(|_| ()).map_err(|error| (error.code(), error.to_string())))
    }

    async fn move_to(&mut self, to: Move) -> Result<Result<(), Refusal>, End> {
        let Some(wish) = &self.wish else {
            let message = "subscribe first; a move changes a subscription".to_owned();
            return Ok(Err((ErrorCode::Unsupported, message)));
        };
        let scene = Arc::clone(self.hub.live().scene());
        let wish = match wish.moved(&scene, &to.add, &to.remove) {
            Ok(wish) => wish,
            Err(refusal) => return Ok(Err(refusal)),
        };
        while self.follower.as_ref().is_some_and(|follower| !follower.is_whole()) {
            self.deliver().await?;
        }
        let interest = wish.interest(&scene);
        self.wish = Some(wish);
        if let (Some(follower), Some(interest)) = (&mut self.follower, interest) {
            follower.change_interest(interest);
        }
        Ok(Ok(()))
    }

    /// Looks at the room: what it shows may be another epoch, its clock another time, or
    /// it may have ended, which leads back to the present.
    async fn look(&mut self, resume: Option<twin_protocol::Resume>) -> Result<(), End> {
        let mut view = self.place.view();
        if let Some(reason) = view.ended {
            self.place = self.hub.rooms.enter_live(self.format.as_str());
            view = self.place.view();
            if self.knows_rooms {
                let message = format!("the room has ended: {reason}; this is the present");
                self.send(self.format.error(ErrorCode::UnknownRoom, message)).await?;
            }
        }
        let live = Arc::clone(view.channel.live());
        let scene = Arc::clone(live.scene());
        if self.epoch != live.epoch() {
            self.epoch = live.epoch().to_owned();
            self.follower = None;
            self.send(self.format.hello(live.epoch(), &scene.info().revision)).await?;
        }
        if self.knows_rooms {
            self.send(self.format.clock(&view.clock.now())).await?;
        }
        if let (None, Some(wish)) = (&self.follower, &self.wish) {
            let key = wish.key(&scene, self.format, view.has_samples);
            let known = resume.filter(|at| at.epoch == live.epoch()).map(|at| at.seq);
            self.follower = Some(Follower::new(view.channel, key, known));
        }
        Ok(())
    }
}
