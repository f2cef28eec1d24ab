//! `twin-server check`: is this configuration right, and what would it bind?

use std::{path::PathBuf, process::ExitCode};

/// Checks a configuration and dry-runs its bindings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Sample messages, one JSON object `{"topic","payload"}` a line.
    #[arg(long, value_name = "FILE.ndjson")]
    pub messages: Option<PathBuf>,
    /// Exit with 3 where a message is unbound, ambiguous or rejected.
    #[arg(long)]
    pub strict: bool,
}

/// Prints the findings.
pub fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("check is being wired")
}
