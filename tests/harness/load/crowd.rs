//! Many viewers on one thread.
//!
//! It looks at its sockets once a millisecond, like a network card that moderates its
//! interrupts: so a server does not pay for waking a client that sits on the same machine,
//! which it would not on a network, and the client pays for few reads.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Interest, Poll, Token};

use super::{
    tally::Latency,
    viewer::{Door, Form, Traffic, Viewer},
};

/// Time between two looks.
const PACE: Duration = Duration::from_millis(1);
/// What one read may bring, bytes.
const SCRATCH: usize = 256 * 1024;

/// Viewers that are read together.
#[derive(Debug)]
pub struct Crowd {
    poll: Poll,
    events: Events,
    scratch: Vec<u8>,
    viewers: Vec<Viewer>,
    /// Of every update of every viewer.
    pub latency: Latency,
}

/// Sums over a crowd.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Bytes, reads, frames, snapshots.
    pub traffic: Traffic,
    /// Updates that arrived.
    pub delivered: u64,
    /// Updates that arrived for the first time.
    pub distinct: u64,
    /// Updates that had arrived before.
    pub duplicates: u64,
    /// Updates that arrived after a younger one.
    pub reordered: u64,
}

impl Crowd {
    /// Connects so many viewers.
    pub fn connect(door: &Door, form: Form, count: usize, points: u32) -> Result<Self> {
        let poll = Poll::new().context("setting up epoll")?;
        let mut viewers = Vec::with_capacity(count);
        for number in 0..count {
            let mut viewer = Viewer::connect(door, form, &format!("viewer-{number}"), points)
                .with_context(|| format!("viewer {number}"))?;
            poll.registry().register(&mut viewer.stream, Token(number), Interest::READABLE)?;
            viewers.push(viewer);
        }
        let (events, latency) = (Events::with_capacity(1024), Latency::new()?);
        Ok(Self { poll, events, scratch: vec![0; SCRATCH], viewers, latency })
    }

    /// Reads until a time.
    pub fn run_until(&mut self, end: Instant) -> Result<()> {
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok(());
            }
            self.look()?;
            let next = (start + PACE).min(end);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Reads for some time.
    pub fn run_for(&mut self, time: Duration) -> Result<()> {
        self.run_until(Instant::now() + time)
    }

    /// Reads until something holds.
    pub fn run_while(
        &mut self,
        limit: Duration,
        mut goes_on: impl FnMut(&Self) -> bool,
    ) -> Result<bool> {
        let end = Instant::now() + limit;
        while goes_on(self) {
            if Instant::now() >= end {
                return Ok(false);
            }
            self.run_for(PACE * 10)?;
        }
        Ok(true)
    }

    fn look(&mut self) -> Result<()> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(Duration::ZERO))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            bail!("epoll: {error}");
        }
        for event in &self.events {
            if let Some(viewer) = self.viewers.get_mut(event.token().0) {
                viewer.read(&mut self.scratch, &mut self.latency);
            }
        }
        Ok(())
    }

    /// The viewers.
    pub fn viewers(&self) -> &[Viewer] {
        &self.viewers
    }

    /// Their own ports.
    pub fn ports(&self) -> Vec<u16> {
        self.viewers.iter().map(Viewer::port).collect()
    }

    /// When the newest update that reached each of them was meant to be sent, ms since 1970;
    /// 0 where one has none.
    pub fn newest_ms(&self) -> i64 {
        self.viewers.iter().map(|viewer| viewer.tally().newest_ms()).min().unwrap_or(0)
    }

    /// Points, summed over viewers, that have no update from after a time, ms since 1970.
    pub fn older_than(&self, ms: i64) -> u64 {
        self.viewers.iter().map(|viewer| viewer.tally().older_than(ms)).sum()
    }

    /// What all of them got so far.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for viewer in &self.viewers {
            let (traffic, tally) = (viewer.traffic(), viewer.tally());
            sums.traffic.bytes += traffic.bytes;
            sums.traffic.reads += traffic.reads;
            sums.traffic.frames += traffic.frames;
            sums.traffic.snapshots += traffic.snapshots;
            sums.delivered += tally.delivered;
            sums.distinct += tally.distinct;
            sums.duplicates += tally.duplicates;
            sums.reordered += tally.reordered;
        }
        sums
    }

    /// Why viewers are gone, if some are.
    pub fn gone(&self) -> Vec<String> {
        self.viewers.iter().filter_map(|viewer| viewer.ended().map(str::to_owned)).collect()
    }
}
