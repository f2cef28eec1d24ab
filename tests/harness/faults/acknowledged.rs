//! A publisher that notes which samples the broker has acknowledged: those are the ones that
//! may never be lost.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::load::{mqtt, now_us, publisher, site};

/// Pause between attempts to reach a broker that is away.
const RETRY: Duration = Duration::from_millis(50);

/// A sample that the broker has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) point: u32,
    pub(super) seq: u32,
    pub(super) sent_ms: i64,
}

/// What was published.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) acknowledged: Vec<Sample>,
    pub(super) sent: u64,
    pub(super) connections: u64,
}

/// Publishes QoS 1 until stopped; connects again whenever the broker is back.
#[derive(Debug)]
pub(super) struct Publisher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Kept>>,
}

impl Publisher {
    /// Publishes every point in turn, so many samples a second in all.
    pub(super) fn start(broker: SocketAddr, points: u32, per_second: u32) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || Line::new(points, per_second).run(broker, &stopped);
        let thread = std::thread::Builder::new()
            .name("acknowledged".to_owned())
            .spawn(run)
            .context("starting the publisher's thread")?;
        Ok(Self { stop, thread })
    }

    /// Stops, once what is under way is acknowledged or will not be.
    pub(super) fn stop(self) -> Result<Kept> {
        self.stop.store(true, Relaxed);
        match self.thread.join() {
            Ok(kept) => kept,
            Err(_) => bail!("the publisher panicked"),
        }
    }
}

struct Line {
    points: u32,
    per_second: u32,
    under_way: HashMap<u16, Sample>,
    received: Vec<u8>,
    kept: Kept,
}

impl Line {
    fn new(points: u32, per_second: u32) -> Self {
        let (under_way, received) = (HashMap::new(), Vec::new());
        Self { points, per_second, under_way, received, kept: Kept::default() }
    }

    fn run(mut self, broker: SocketAddr, stop: &AtomicBool) -> Result<Kept> {
        while !stop.load(Relaxed) {
            match publisher::open(broker, "acknowledged") {
                // A broker that goes away is what this publisher is for.
                Ok(mut stream) => drop(self.publish(&mut stream, stop)),
                Err(_) => std::thread::sleep(RETRY),
            }
        }
        Ok(self.kept)
    }

    fn publish(&mut self, stream: &mut TcpStream, stop: &AtomicBool) -> Result<()> {
        self.kept.connections += 1;
        self.under_way.clear();
        self.received.clear();
        let start_ms = now_us() / 1000;
        let (mut sent, mut packets) = (0u64, Vec::new());
        while !stop.load(Relaxed) {
            let due = (now_us() / 1000 - start_ms) as u64 * u64::from(self.per_second) / 1000;
            packets.clear();
            while sent < due {
                let sent_ms = start_ms + (sent * 1000 / u64::from(self.per_second)) as i64;
                self.next(&mut packets, sent_ms);
                sent += 1;
            }
            stream.write_all(&packets)?;
            self.receive(stream)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        let end_us = now_us() + 2_000_000;
        while !self.under_way.is_empty() && now_us() < end_us {
            self.receive(stream)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn next(&mut self, packets: &mut Vec<u8>, sent_ms: i64) {
        // Packet ids go round; one whose answer is long overdue is given up.
        let id = (self.kept.sent % 65_535) as u16 + 1;
        let point = (self.kept.sent % u64::from(self.points)) as u32;
        let seq = (self.kept.sent / u64::from(self.points)) as u32 + 1;
        let mut payload = Vec::with_capacity(48);
        site::payload(&mut payload, sent_ms, seq);
        mqtt::publish(packets, site::topic(point).as_bytes(), &payload, Some(id));
        self.under_way.insert(id, Sample { point, seq, sent_ms });
        self.kept.sent += 1;
    }

    fn receive(&mut self, stream: &mut TcpStream) -> Result<()> {
        let mut part = [0; 4096];
        stream.set_nonblocking(true)?;
        let result = stream.read(&mut part);
        stream.set_nonblocking(false)?;
        match result {
            Ok(0) => bail!("the broker closed the connection"),
            Ok(count) => self.received.extend(&part[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let mut bytes = self.received.as_slice();
        while let Some(packet) = mqtt::take(&mut bytes) {
            if let mqtt::Packet::PubAck(id) = packet {
                self.kept.acknowledged.extend(self.under_way.remove(&id));
            }
        }
        let left = bytes.len();
        self.received.drain(..self.received.len() - left);
        Ok(())
    }
}
