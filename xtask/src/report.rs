//! What a person sees while xtask works: each step named before it runs, and how long it took.
#![expect(clippy::print_stdout, reason = "printing is what this module is for")]

use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs one named step and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("▶ {name}");
    let start = Instant::now();
    let result = work()?;
    println!("  {name}: {}", seconds(start.elapsed()));
    Ok(result)
}

/// Says something in passing.
pub(crate) fn note(text: &str) {
    println!("  {text}");
}

/// Says why the command failed, on one line a cause.
pub(crate) fn failure(error: &anyhow::Error) {
    eprintln!("✗ {error:#}");
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_easy_to_read() {
        assert_eq!(seconds(Duration::from_millis(1540)), "1.5 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }
}
