//! `twin-server simulate`: believable telemetry for a scene.

use std::{path::PathBuf, process::ExitCode};

/// Publishes telemetry.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file.
    #[arg(long, value_name = "FILE")]
    pub scenario: PathBuf,
    /// The broker to publish to.
    #[arg(long, value_name = "URL")]
    pub broker: String,
}

/// Runs until interrupted.
pub async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("simulate is being wired")
}
