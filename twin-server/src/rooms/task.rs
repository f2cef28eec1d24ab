//! The task that runs a replay room: moves the player along with the clock, and does what
//! is asked of the clock.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use twin_protocol::{ClockAction, ClockMode};

use super::{
    RoomError, Rooms,
    clock::Clock,
    player::{Moved, Player},
    room::{ClockView, Command, Room, View},
    step::{self, Found, Interest},
};
use crate::{
    history::{HistoryError, Store},
    hub::Channel,
};

/// Time between two moments shown. Who wants fewer asks for fewer.
const FRAME: Duration = Duration::from_millis(50);
/// How often a running clock is told.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether anybody is left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Task {
    pub(super) room: Arc<Room>,
    pub(super) rooms: Weak<Rooms>,
    pub(super) store: Arc<dyn Store>,
    pub(super) player: Player,
    pub(super) clock: Clock,
    pub(super) interest: Interest,
    pub(super) empty_after: Duration,
    pub(super) channel: Arc<Channel>,
    pub(super) told: Instant,
}

/// The view of a replay.
pub(super) fn view(
    room: &Arc<str>,
    channel: &Arc<Channel>,
    player: &Player,
    clock: &Clock,
    note: String,
) -> View {
    let clock = ClockView {
        room: Arc::clone(room),
        mode: ClockMode::Replay,
        time: player.shown(),
        server_time: Timestamp::now(),
        speed: clock.speed(),
        paused: clock.paused(),
        range: Some([*clock.range().start(), *clock.range().end()]),
        note,
    };
    View {
        channel: Arc::clone(channel),
        clock,
        has_samples: false,
        foreign_points: player.foreign(),
        ended: None,
    }
}

impl Task {
    /// Runs until the room is empty for too long, removed, or the server stops.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.room.stop.clone();
        let reason = loop {
            tokio::select! {
                () = stop.cancelled() => break "it was removed",
                Some(first) = commands.recv() => {
                    let mut waiting = vec![first];
                    while let Ok(more) = commands.try_recv() {
                        waiting.push(more);
                    }
                    self.commands(waiting).await;
                }
                _ = frames.tick(), if !self.clock.paused() => self.frame().await,
                _ = looks.tick() => {
                    if self.room.close(Some(self.empty_after)) {
                        break "nobody was in it";
                    }
                }
            }
        };
        self.room.close(None);
        self.room.end(reason);
        if let Some(rooms) = self.rooms.upgrade() {
            rooms.forget(self.room.id());
        }
    }

    /// Does what was asked, in order. Of jumps that follow one another only the last is
    /// made: whoever drags a slider sends many.
    async fn commands(&mut self, waiting: Vec<Command>) {
        let mut jumping = Vec::new();
        let mut waiting = waiting.into_iter().peekable();
        while let Some((action, reply)) = waiting.next() {
            let next_jumps = matches!(waiting.peek(), Some((ClockAction::Seek(_), _)));
            if matches!(action, ClockAction::Seek(_)) && next_jumps {
                jumping.push(reply);
                continue;
            }
            let done = self.act(action).await.map_err(|error| error.to_string());
            for reply in std::iter::once(reply).chain(jumping.drain(..)) {
                let answer = done.clone().map_err(|reason| RoomError::History { reason });
                let _ = reply.send(answer.map(|()| self.room.view().clock));
            }
        }
    }

    async fn act(&mut self, action: ClockAction) -> Result<(), HistoryError> {
        let now = Instant::now();
        let (moved, note) = match action {
            ClockAction::Play if self.clock.is_at_end(now) => {
                (Moved::Along, "the recording ends here".to_owned())
            }
            ClockAction::Play => {
                self.clock.play(now);
                (Moved::Along, String::new())
            }
            ClockAction::Speed(speed) => {
                self.clock.set_speed(speed, now);
                (Moved::Along, String::new())
            }
            ClockAction::Pause => {
                self.clock.pause(now);
                (self.player.settle_at(self.clock.at(now)).await?, String::new())
            }
            ClockAction::Seek(ms) => {
                let to = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
                (self.jump(to).await?, String::new())
            }
            ClockAction::StepForward | ClockAction::StepBack => self.step(action).await?,
        };
        self.publish(moved, note);
        Ok(())
    }

    async fn jump(&mut self, to: Timestamp) -> Result<Moved, HistoryError> {
        let range = self.clock.range();
        let to = to.clamp(*range.start(), *range.end());
        let moved = self.player.jump(to).await?;
        // The time it took to read is not time that was shown.
        self.clock.set(to, Instant::now());
        Ok(moved)
    }

    async fn step(&mut self, action: ClockAction) -> Result<(Moved, String), HistoryError> {
        self.clock.pause(Instant::now());
        let (start, end) = (*self.clock.range().start(), *self.clock.range().end());
        let (store, from) = (Arc::clone(&self.store), self.player.shown());
        let found = match action {
            ClockAction::StepBack => step::previous(&*store, &self.interest, from, start).await?,
            _ => step::next(&*store, &self.interest, from, end).await?,
        };
        Ok(match found {
            Found::Event(at) => (self.jump(at).await?, String::new()),
            Found::NotUpTo(at) => {
                let note = format!("no event between {from} and {at}; step again to go on");
                (self.jump(at).await?, note)
            }
            Found::Nothing => (self.player.settle_at(from).await?, "no further event".to_owned()),
        })
    }

    async fn frame(&mut self) {
        let now = Instant::now();
        match self.advance(now).await {
            Ok(moved) if self.clock.is_at_end(now) => {
                self.clock.pause(now);
                self.publish(moved, "the recording ends here".to_owned());
            }
            Ok(Moved::Along) if self.told.elapsed() < TELL_EVERY => {}
            Ok(moved) => self.publish(moved, String::new()),
            Err(error) => {
                tracing::warn!(room = self.room.id(), "replay: {error}");
                self.clock.set(self.player.shown(), now);
                self.clock.pause(now);
                self.publish(Moved::Along, error.to_string());
            }
        }
    }

    async fn advance(&mut self, now: Instant) -> Result<Moved, HistoryError> {
        let moved = self.player.advance(self.clock.at(now)).await?;
        self.player.prefetch(self.clock.speed(), *self.clock.range().end()).await?;
        Ok(moved)
    }

    fn publish(&mut self, moved: Moved, note: String) {
        if moved == Moved::Anew {
            self.channel = Channel::new(Arc::clone(self.player.live()));
        }
        self.told = Instant::now();
        let room = self.room.view().clock.room;
        self.room.show(view(&room, &self.channel, &self.player, &self.clock, note));
    }
}
