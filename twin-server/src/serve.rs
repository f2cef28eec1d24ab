//! `twin-server serve`: wires configuration, ingest, live state and HTTP together.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

/// Runs the server.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Address to listen on instead of the configured one.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// Runs until interrupted.
pub async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("serve is being wired")
}
