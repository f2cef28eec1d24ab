//! The disk of the history is full, and then it is not.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{
    Args, Outcome, past,
    rig::{CONFLATED, PATIENCE, Rig},
};
use crate::{
    load::{crowd::Crowd, now_us},
    process::Launch,
};

const POINTS: u32 = 500;
const HZ: u32 = 2;
/// Size of the disk, MiB.
const DISK_MIB: u64 = 48;
/// How soon live values must be there, full disk or not.
const LIVE: Duration = Duration::from_secs(2);

/// A disk of its own in memory, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).context("the disk's folder")?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={DISK_MIB}m"), "twin-faults"]);
        let status = command.arg(folder).status().context("running mount")?;
        if !status.success() {
            bail!("a disk of its own needs root: mount ended with {status}");
        }
        Ok(Self(folder.to_owned()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Leaves no byte.
    fn fill(&self) -> Result<()> {
        let mut file = File::options().append(true).create(true).open(self.ballast())?;
        for size in [1 << 16, 1 << 12] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    fn relieve(&self) -> Result<()> {
        std::fs::remove_file(self.ballast()).context("removing the ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It goes with the folder's processes at the latest.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Whether every point gets newer values within [`LIVE`], watched for some time.
fn live(viewers: &mut Crowd, time: Duration) -> Result<(bool, String)> {
    let mut worst = 0;
    for _ in 0..(time.as_millis() / LIVE.as_millis()).max(1) {
        let since_ms = now_us() / 1000;
        viewers.run_for(LIVE)?;
        worst = worst.max(viewers.older_than(since_ms));
    }
    Ok((worst == 0, format!("{worst} points at most stood still for {} s", LIVE.as_secs())))
}

/// Samples that the history has of a point in a span.
fn kept(rig: &Rig, from_ms: i64, to_ms: i64) -> Result<usize> {
    Ok(past::counts(&past::series(rig, 0, from_ms, to_ms)?)?.len())
}

pub(super) fn run(args: &Args) -> Result<Outcome> {
    let mut disk = None;
    let mut rig = Rig::start(&args.bin, POINTS, |folder| {
        disk = Some(Disk::mount(&folder.join("data"))?);
        Ok(Launch::default())
    })?;
    let disk = disk.context("the disk")?;
    let publisher = rig.publish(HZ)?;
    let mut viewers = rig.crowd(CONFLATED, 2)?;
    let phase = args.phase()?.max(Duration::from_secs(6));
    let done = format!(
        "a disk of {DISK_MIB} MiB filled for {} s, {} samples/s",
        phase.as_secs(),
        POINTS * HZ
    );
    let mut outcome = Outcome::new("disk full", done);

    viewers.run_for(Duration::from_secs(3))?;
    let start_ms = now_us() / 1000 - 2000;
    let before = kept(&rig, start_ms, now_us() / 1000)?;
    outcome.check("before: samples are kept", before > 0, format!("{before} of one point"));
    disk.fill()?;
    let (lives, seen) = live(&mut viewers, phase)?;
    // What a commit leaves free is taken too.
    disk.fill()?;
    let full_ms = now_us() / 1000;
    let (still, seen_later) = live(&mut viewers, phase)?;
    outcome.check("full: live values go on", lives && still, format!("{seen}; then {seen_later}"));
    let (healthy, said) = rig.healthy()?;
    outcome.check("full: no panic", healthy, said);
    let lost = kept(&rig, full_ms + 1000, now_us() / 1000 - 1000)?;
    let told = rig.server.get("metrics")?;
    let told: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("twin_history") && !line.ends_with(" 0"))
        .collect();
    outcome.check("full: it was full", lost == 0, format!("{lost} samples of one point were kept"));

    disk.relieve()?;
    let freed_ms = now_us() / 1000;
    let mut after = 0;
    viewers.run_while(PATIENCE, |_| {
        let now_ms = now_us() / 1000;
        after = kept(&rig, freed_ms + 1000, now_ms).unwrap_or(0);
        after == 0
    })?;
    let secs = (now_us() / 1000 - freed_ms) as f64 / 1000.0;
    outcome.check(
        "freed: samples are kept again by itself",
        after > 0,
        format!("{after} of one point, {secs:.1} s after there was room"),
    );
    let (lives, seen) = live(&mut viewers, LIVE)?;
    outcome.check("freed: live values go on", lives, seen);
    let answer = past::series(&rig, 0, start_ms, now_us() / 1000)?;
    let gaps = answer["gaps"].as_array().cloned().unwrap_or_default();
    outcome.check("the gap is marked", covers(&gaps, full_ms), format!("gaps {gaps:?}"));
    publisher.stop()?;
    let (healthy, said) = rig.healthy()?;
    outcome.check("no panic at the end", healthy, said);
    outcome.figures = json!({ "metrics_while_full": told, "gaps": gaps, "recovery_secs": secs });
    Ok(outcome)
}

/// Whether a moment lies in one of the spans `{"from","to"}` or `[from, to]`.
fn covers(gaps: &[Value], ms: i64) -> bool {
    let time = |value: &Value| {
        let text = value.as_str()?;
        text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
    };
    gaps.iter().any(|gap| {
        let from = time(&gap["from"]).or_else(|| time(&gap[0]));
        let to = time(&gap["to"]).or_else(|| time(&gap[1]));
        from.zip(to).is_some_and(|(from, to)| from <= ms && ms <= to)
    })
}
