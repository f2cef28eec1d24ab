//! What a whole process costs: the clock, processor time, and memory of all its children.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde::Serialize;

/// Between two looks at the memory.
const SAMPLE: Duration = Duration::from_millis(20);

/// What one run cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Cost {
    /// By the clock, s.
    pub(super) wall_s: f64,
    /// Of all its processors and children, s; absent where the system does not tell.
    pub(super) cpu_s: Option<f64>,
    /// Largest resident memory of the process and its children together, MiB.
    pub(super) peak_mib: Option<f64>,
}

impl Cost {
    /// The cheaper of two runs, each figure for itself: noise only ever adds.
    pub(super) fn best(self, other: Self) -> Self {
        let least = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.min(b));
        Self {
            wall_s: self.wall_s.min(other.wall_s),
            cpu_s: least(self.cpu_s, other.cpu_s),
            peak_mib: least(self.peak_mib, other.peak_mib),
        }
    }
}

/// How a run ended.
pub(super) enum Outcome {
    /// What it printed on standard output, and its cost.
    Done(String, Cost),
    /// It failed, or took longer than it may.
    NotDone(String),
}

/// Runs a command to its end or to the time limit.
pub(super) fn run(command: &mut Command, limit: Duration) -> Result<Outcome> {
    let before = children_cpu();
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let output = child.stdout.take();
    let reader = thread::spawn(move || output.map(std::io::read_to_string));
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > limit {
            // Fails only where it ended in this moment.
            let _ = child.kill();
            child.wait()?;
            break None;
        }
        peak = peak.max(tree_kib(child.id()));
        thread::sleep(SAMPLE);
    };
    let wall_s = started.elapsed().as_secs_f64();
    let Some(status) = status else {
        return Ok(Outcome::NotDone(format!("not done after {:.0} s", limit.as_secs_f64())));
    };
    let text = reader.join().ok().flatten().transpose()?.unwrap_or_default();
    if !status.success() {
        return Ok(Outcome::NotDone(format!("ended with {status}")));
    }
    let cpu_s = before.zip(children_cpu()).map(|(before, after)| after - before);
    let peak_mib = (peak > 0).then(|| peak as f64 / 1_024.0);
    Ok(Outcome::Done(text, Cost { wall_s, cpu_s, peak_mib }))
}

/// Processor time of all children of this process that were waited for, s.
fn children_cpu() -> Option<f64> {
    /// The kernel's interface fixes the length of a tick.
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    // User and system time of children are the 14th and 15th field behind the name.
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    (ticks.len() == 2).then(|| (ticks[0] + ticks[1]) / TICKS_PER_SEC)
}

/// Resident memory of a process and everything below it, KiB.
fn tree_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let own = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0);
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children =
        tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).flat_map(
            |list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>(),
        );
    own + children.map(tree_kib).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_costed_and_a_hanging_one_ended() {
        let mut busy = Command::new("sh");
        busy.args(["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done"]);
        let Outcome::Done(text, cost) = run(&mut busy, Duration::from_secs(60)).unwrap() else {
            panic!("it ends");
        };
        assert_eq!(text.trim(), "done");
        assert!(cost.wall_s > 0.0);
        let hang = run(Command::new("sleep").arg("600"), Duration::from_millis(60)).unwrap();
        assert!(matches!(hang, Outcome::NotDone(_)));
        let failed = run(&mut Command::new("false"), Duration::from_secs(60)).unwrap();
        assert!(matches!(failed, Outcome::NotDone(_)));
    }
}
