//! The fault runner: breaks what a site breaks, under load, and says what was seen.

pub mod acknowledged;
pub mod clock;
pub mod full;
pub mod kill;
pub mod malformed;
pub mod past;
pub mod restart;
pub mod rig;
pub mod stalled;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use serde::Serialize;

/// Breaks the server and what is around it.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where `twin-server` lies.
    #[arg(long, default_value = "target/release")]
    pub bin: PathBuf,
    /// Where `faults.json` goes.
    #[arg(long, default_value = "target/bench")]
    pub out: PathBuf,
    /// Only faults whose name holds one of these words.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Times the server is killed.
    #[arg(long, default_value_t = 200)]
    pub kills: u32,
    /// Times the broker is restarted.
    #[arg(long, default_value_t = 50)]
    pub restarts: u32,
    /// Pairs of phases, with and without the fault, where latencies are compared.
    #[arg(long, default_value_t = 5)]
    pub pairs: u32,
    /// Length of such a phase, s.
    #[arg(long, default_value_t = 8.0)]
    pub seconds: f64,
    /// What the random moments come from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Args {
    /// A short form of everything, for a test.
    pub fn short(bin: &Path, out: &Path) -> Self {
        Self {
            bin: bin.to_owned(),
            out: out.to_owned(),
            only: Vec::new(),
            kills: 5,
            restarts: 2,
            pairs: 1,
            seconds: 2.0,
            seed: 1,
        }
    }

    fn phase(&self) -> Result<Duration> {
        Ok(Duration::try_from_secs_f64(self.seconds)?)
    }
}

/// What became of one fault.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub fault: &'static str,
    /// What was done.
    pub done: String,
    /// What was looked at, what was seen, and whether it is as it must be.
    pub checks: Vec<Check>,
    /// Figures, for programs.
    pub figures: serde_json::Value,
}

/// One thing that must hold.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What must hold.
    pub asked: String,
    /// What was seen.
    pub seen: String,
    /// Whether it holds.
    pub passed: bool,
    /// Whether it is a matter of speed, which a busy machine may spoil.
    pub timed: bool,
}

impl Outcome {
    fn new(fault: &'static str, done: String) -> Self {
        Self { fault, done, checks: Vec::new(), figures: serde_json::Value::Null }
    }

    fn check(&mut self, asked: &str, passed: bool, seen: String) {
        self.checks.push(Check { asked: asked.to_owned(), seen, passed, timed: false });
    }

    fn timed(&mut self, asked: &str, passed: bool, seen: String) {
        self.checks.push(Check { asked: asked.to_owned(), seen, passed, timed: true });
    }

    /// Whether everything holds.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// Whether everything holds that does not depend on how busy the machine is.
    pub fn sound(&self) -> bool {
        self.checks.iter().all(|check| check.passed || check.timed)
    }

    /// For people.
    pub fn lines(&self) -> String {
        let word = |passed| if passed { "PASS" } else { "FAIL" };
        let mut lines = format!("{} {}: {}", word(self.passed()), self.fault, self.done);
        for check in &self.checks {
            lines += &format!("\n  {} {}: {}", word(check.passed), check.asked, check.seen);
        }
        lines
    }
}

type Fault = fn(&Args) -> Result<Outcome>;

/// All there are.
pub const FAULTS: &[(&str, Fault)] = &[
    ("kill -9", kill::run),
    ("broker restart", restart::run),
    ("malformed payloads", malformed::run),
    ("stalled viewer, 10 Hz", stalled::conflated),
    ("stalled viewer, lossless", stalled::lossless),
    ("disk full", full::run),
    ("clock jump", clock::run),
];

/// Runs the faults asked for; each outcome goes to `progress` and, with those before it, into
/// `faults.json`.
pub fn run(args: &Args, mut progress: impl FnMut(&Outcome)) -> Result<Vec<Outcome>> {
    let wanted =
        |name: &str| args.only.is_empty() || args.only.iter().any(|word| name.contains(&**word));
    let mut outcomes = Vec::new();
    for (name, fault) in FAULTS.iter().filter(|(name, _)| wanted(name)) {
        let outcome = fault(args).with_context(|| (*name).to_owned())?;
        progress(&outcome);
        outcomes.push(outcome);
        write(&args.out, &outcomes)?;
    }
    Ok(outcomes)
}

fn write(out: &Path, outcomes: &[Outcome]) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    let path = out.join("faults.json");
    let text = serde_json::to_string_pretty(outcomes)?;
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
