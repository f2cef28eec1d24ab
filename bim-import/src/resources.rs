//! What a process and its threads use, as far as the system tells (Linux does; elsewhere
//! these are unknown and callers fall back to the clock).

use std::{fs, time::Duration};

/// Length of a tick of `/proc/*/stat`: the kernel's interface fixes it at 100 a second.
const TICKS_PER_SEC: u64 = 100;

/// Largest resident size of this process so far, KiB.
pub(crate) fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Resident size of a process, KiB.
pub(crate) fn process_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The system's id of the calling thread.
pub(crate) fn thread_id() -> Option<u32> {
    let link = fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

/// Processor time a process has used, all threads together.
pub(crate) fn process_cpu(pid: u32) -> Option<Duration> {
    cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Processor time one thread of a process has used.
pub(crate) fn thread_cpu(pid: u32, tid: u32) -> Option<Duration> {
    cpu(&fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?)
}

fn cpu(stat: &str) -> Option<Duration> {
    // The name in parentheses may hold spaces; user and system time are the 12th and
    // 13th field behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    let total = ticks.next()?? + ticks.next()??;
    Some(Duration::from_millis(total * 1_000 / TICKS_PER_SEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_behind_an_awkward_name() {
        let stat = "77 (a) b (c)) R 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu("garbage"), None);
    }
}
