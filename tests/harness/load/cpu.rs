//! What a process costs, as the kernel counts it.

use anyhow::{Context, Result};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    time::clock_getcpuclockid,
    unistd::Pid,
};

/// CPU time of a process and all its threads since its start, s: the same `utime + stime` as
/// in `/proc/PID/stat`, without rounding to hundredths.
pub fn secs(pid: u32) -> Result<f64> {
    let pid = Pid::from_raw(i32::try_from(pid)?);
    let clock = clock_getcpuclockid(pid).with_context(|| format!("the CPU clock of {pid}"))?;
    let time = clock.now().with_context(|| format!("the CPU time of {pid}"))?;
    Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
}

/// Resident memory of a process, KiB.
pub fn resident_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|text| text.parse().ok()).with_context(|| format!("{path} has no VmRSS"))
}

/// Keeps this thread, and those it starts from now on, on one processor.
pub fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core).with_context(|| format!("processor {core}"))?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("using processor {core}"))
}

/// Name of the processor, and how many there are.
pub fn describe() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> = info
        .lines()
        .filter(|line| line.starts_with("model name"))
        .filter_map(|line| line.split(": ").nth(1))
        .collect();
    format!("{} × {}", names.len(), names.first().unwrap_or(&"unknown processor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_time_this_process_works() {
        let before = secs(std::process::id()).unwrap();
        let mut sum = 0u64;
        while secs(std::process::id()).unwrap() - before < 0.01 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        assert!(resident_kib(std::process::id()).unwrap() > 100);
        // Above the greatest process id of Linux, 2^22.
        assert!(secs(5_000_000).is_err());
    }
}
