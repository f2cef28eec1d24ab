//! `twin-server demo`: the demo campus in one process.

use std::{net::SocketAddr, process::ExitCode};

/// Runs the demo campus.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// Runs until interrupted.
pub async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("demo is being wired")
}
