//! One measurement: a system, what its viewers speak, and a load.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    cpu,
    crowd::{Crowd, Sums},
    publisher::{Plan, Publisher},
    systems::{Running, System},
    viewer::Form,
};

/// A system and how its viewers follow it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Contender {
    /// Name in tables.
    pub name: &'static str,
    /// What runs.
    pub system: System,
    /// What viewers speak.
    pub form: Form,
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Points published.
    pub points: u32,
    /// Times a second that each is.
    pub hz: u32,
    /// Viewers of all of them.
    pub viewers: usize,
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} points x {} Hz, {} viewers", self.points, self.hz, self.viewers)
    }
}

/// How and where measurements are made.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Where `twin-server` lies.
    pub binaries: PathBuf,
    /// Time before counting begins.
    pub warm_up: Duration,
    /// Time counted.
    pub window: Duration,
    /// Processor of the servers.
    pub server_core: usize,
    /// Connections the points are published over.
    pub connections: usize,
}

/// How long stragglers are waited for after the last update was sent.
const DRAIN: Duration = Duration::from_secs(20);
/// Silence after which no straggler is expected.
const SILENCE: Duration = Duration::from_secs(2);

/// What was measured. Counts of updates and CPU are of the window, loss, duplicates and
/// reordering of the whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Time counted, s.
    pub window_secs: f64,
    /// CPU time of everything the system needs, s.
    pub cpu_secs: f64,
    /// The same by process.
    pub cpu_secs_by_process: Vec<(&'static str, f64)>,
    /// Updates published.
    pub published: u64,
    /// Updates that reached viewers, summed over them.
    pub delivered: u64,
    /// CPU time for each of these, µs.
    pub cpu_us_per_update: f64,
    /// CPU time for each update published and viewer, delivered or not, µs.
    pub cpu_us_per_offered: f64,
    /// Bytes read from the viewers' sockets.
    pub bytes: u64,
    /// These for each update published and viewer, delivered or not.
    pub bytes_per_offered: f64,
    /// WebSocket frames read.
    pub frames: u64,
    /// From the intended time to the viewer, ms.
    pub p50_ms: f64,
    /// The same, 99th percentile.
    pub p99_ms: f64,
    /// Updates that never came, of lossless viewers; of others, points left at an old value.
    pub lost: u64,
    /// The same as a share of what should have come.
    pub lost_share: f64,
    /// Updates that came twice.
    pub duplicates: u64,
    /// Updates that came after a younger one of their point.
    pub reordered: u64,
    /// Snapshots sent to viewers that could not follow.
    pub snapshots: u64,
    /// Viewers that did not stay, and why.
    pub gone: Vec<String>,
    /// CPU time of generator and viewers as a share of their processor.
    pub generator_share: f64,
    /// By how much the publisher itself was late, 99th percentile, ms.
    pub publisher_late_p99_ms: f64,
    /// Resident memory of the system's processes at the end of the window, KiB.
    pub resident_kib: u64,
}

struct Moment {
    at: Instant,
    cpu_secs: Vec<f64>,
    own_cpu_secs: f64,
    published: u64,
    sums: Sums,
}

impl Bench {
    /// Starts the system, measures, and ends it.
    pub fn measure(&self, contender: Contender, load: Load) -> Result<Measured> {
        let what = || format!("{}, {load}", contender.name);
        let running = contender.system.start(&self.binaries, self.server_core, load.points);
        let running = running.with_context(what)?;
        let mut crowd = Crowd::connect(&running.door, contender.form, load.viewers, load.points)
            .with_context(what)?;
        let plan = Plan { points: load.points, hz: load.hz, connections: self.connections };
        let publisher = Publisher::start(running.broker, plan).with_context(what)?;
        crowd.run_for(self.warm_up)?;

        crowd.latency.recording = true;
        let before = moment(&running, &publisher, &crowd)?;
        crowd.run_for(self.window)?;
        let after = moment(&running, &publisher, &crowd)?;
        crowd.latency.recording = false;
        let resident_kib = running.resident_kib()?;

        let published = publisher.stop().with_context(what)?;
        let lossless = contender.form.lossless();
        drain(&mut crowd, &published.last, lossless)?;
        let (lost, share) = lost(&crowd, &published.last, lossless);
        let mut measured = difference(&running, &before, &after);
        let sums = crowd.sums();
        measured.cpu_us_per_update = measured.cpu_secs * 1e6 / measured.delivered.max(1) as f64;
        let offered = measured.published * load.viewers as u64;
        measured.cpu_us_per_offered = measured.cpu_secs * 1e6 / offered.max(1) as f64;
        measured.bytes_per_offered = measured.bytes as f64 / offered.max(1) as f64;
        measured.p50_ms = crowd.latency.percentile_ms(50.0);
        measured.p99_ms = crowd.latency.percentile_ms(99.0);
        (measured.lost, measured.lost_share) = (lost, share);
        (measured.duplicates, measured.reordered) = (sums.duplicates, sums.reordered);
        measured.snapshots = sums.traffic.snapshots;
        measured.gone = crowd.gone();
        measured.publisher_late_p99_ms = published.late_p99_ms;
        measured.resident_kib = resident_kib;
        Ok(measured)
    }
}

fn moment(running: &Running, publisher: &Publisher, crowd: &Crowd) -> Result<Moment> {
    Ok(Moment {
        at: Instant::now(),
        cpu_secs: running.cpu_secs()?,
        own_cpu_secs: cpu::secs(std::process::id())?,
        published: publisher.sent(),
        sums: crowd.sums(),
    })
}

fn difference(running: &Running, before: &Moment, after: &Moment) -> Measured {
    let window_secs = (after.at - before.at).as_secs_f64();
    let by_process: Vec<(&'static str, f64)> = running
        .paid
        .iter()
        .zip(before.cpu_secs.iter().zip(&after.cpu_secs))
        .map(|((name, _), (before, after))| (*name, after - before))
        .collect();
    Measured {
        window_secs,
        cpu_secs: by_process.iter().map(|(_, secs)| secs).sum(),
        cpu_secs_by_process: by_process,
        published: after.published - before.published,
        delivered: after.sums.delivered - before.sums.delivered,
        cpu_us_per_update: 0.0,
        cpu_us_per_offered: 0.0,
        bytes: after.sums.traffic.bytes - before.sums.traffic.bytes,
        bytes_per_offered: 0.0,
        frames: after.sums.traffic.frames - before.sums.traffic.frames,
        p50_ms: 0.0,
        p99_ms: 0.0,
        lost: 0,
        lost_share: 0.0,
        duplicates: 0,
        reordered: 0,
        snapshots: 0,
        gone: Vec::new(),
        generator_share: (after.own_cpu_secs - before.own_cpu_secs) / window_secs,
        publisher_late_p99_ms: 0.0,
        resident_kib: 0,
    }
}

/// Reads until everything has come, or nothing comes any more.
fn drain(crowd: &mut Crowd, last: &[u32], lossless: bool) -> Result<()> {
    let end = Instant::now() + DRAIN;
    let mut quiet_since = Instant::now();
    let mut bytes = crowd.sums().traffic.bytes;
    while lost(crowd, last, lossless).0 > 0 && Instant::now() < end {
        crowd.run_for(Duration::from_millis(50))?;
        let now = crowd.sums().traffic.bytes;
        if now != bytes {
            (bytes, quiet_since) = (now, Instant::now());
        } else if quiet_since.elapsed() > SILENCE {
            break;
        }
    }
    Ok(())
}

/// What has not come, and its share.
fn lost(crowd: &Crowd, last: &[u32], lossless: bool) -> (u64, f64) {
    let viewers = crowd.viewers().len() as u64;
    let (lost, all) = if lossless {
        let all = last.iter().map(|&last| u64::from(last)).sum::<u64>() * viewers;
        (all.saturating_sub(crowd.sums().distinct), all)
    } else {
        let behind = crowd.viewers().iter().map(|viewer| viewer.tally().behind(last)).sum();
        (behind, last.len() as u64 * viewers)
    };
    (lost, lost as f64 / all.max(1) as f64)
}
