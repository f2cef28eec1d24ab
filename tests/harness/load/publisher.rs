//! Publishers that send when they meant to (open loop): a server that is slow does not slow
//! them down, and the time counted from is the time intended, not the time sent.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{mqtt, now_us, site, tally::Latency};

/// How long a broker may leave a publisher waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is published.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many points.
    pub points: u32,
    /// Times a second that each sends.
    pub hz: u32,
    /// Connections the points are spread over.
    pub connections: usize,
}

/// A running publisher.
#[derive(Debug)]
pub struct Publisher {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<Result<Published>>,
}

/// What was published.
#[derive(Debug)]
pub struct Published {
    /// Last sequence number of every point.
    pub last: Vec<u32>,
    /// By how much sends were late, 99th percentile, ms.
    pub late_p99_ms: f64,
}

impl Publisher {
    /// Connects and starts sending. Every millisecond it sends what is due then, so that
    /// intended times are whole milliseconds, as the payload carries them.
    pub fn start(broker: SocketAddr, plan: Plan) -> Result<Self> {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut streams = Vec::new();
        for number in 0..plan.connections {
            streams.push(open(broker, &format!("publisher-{number}"))?);
        }
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || run(streams, plan, &stopped, &counted))
            .context("starting the publisher's thread")?;
        Ok(Self { stop, sent, thread })
    }

    /// Updates sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Stops sending.
    pub fn stop(self) -> Result<Published> {
        self.stop.store(true, Relaxed);
        match self.thread.join() {
            Ok(published) => published,
            Err(_) => bail!("the publisher panicked"),
        }
    }
}

/// Opens an MQTT connection.
pub fn open(broker: SocketAddr, name: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&broker, PATIENCE)
        .with_context(|| format!("connecting to {broker}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut packet = Vec::new();
    mqtt::connect(&mut packet, name);
    stream.write_all(&packet)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).with_context(|| format!("{broker} to answer"))?;
    match mqtt::take(&mut &answer[..]) {
        Some(mqtt::Packet::ConnAck(0)) => Ok(stream),
        other => bail!("{broker} refused: {other:?}"),
    }
}

fn run(
    mut streams: Vec<TcpStream>,
    plan: Plan,
    stop: &AtomicBool,
    sent: &AtomicU64,
) -> Result<Published> {
    let topics: Vec<String> = (0..plan.points).map(site::topic).collect();
    let per_second = u64::from(plan.points) * u64::from(plan.hz);
    let mut buffers = vec![Vec::with_capacity(64 * 1024); streams.len()];
    let mut payload = Vec::with_capacity(64);
    let mut late = Latency::new()?;
    late.recording = true;
    let start_ms = now_us() / 1000 + 2;
    let mut message = 0u64;
    while !stop.load(Relaxed) {
        let now = now_us();
        loop {
            let intended_ms = start_ms + (message * 1000 / per_second) as i64;
            if intended_ms * 1000 > now {
                break;
            }
            let point = (message % u64::from(plan.points)) as usize;
            let seq = (message / u64::from(plan.points)) as u32 + 1;
            payload.clear();
            site::payload(&mut payload, intended_ms, seq);
            let buffer = &mut buffers[point % plan.connections];
            mqtt::publish(buffer, topics[point].as_bytes(), &payload, None);
            late.record(now, intended_ms);
            message += 1;
        }
        for (stream, buffer) in streams.iter_mut().zip(&mut buffers) {
            if !buffer.is_empty() {
                stream.write_all(buffer).context("publishing")?;
                buffer.clear();
            }
        }
        sent.store(message, Relaxed);
        let next_us = (now_us() / 1000 + 1) * 1000;
        std::thread::sleep(Duration::from_micros((next_us - now_us()).max(0) as u64));
    }
    let points = u64::from(plan.points);
    let last = (0..points).map(|point| ((message + points - 1 - point) / points) as u32).collect();
    Ok(Published { last, late_p99_ms: late.percentile_ms(99.0) })
}
