//! The command line: which commands there are, and which function runs each.

use std::{io::IsTerminal, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, fmt};
use twin_server::{
    accept::AcceptError, check, config::ConfigError, demo, history::command as history, manage,
    record, scene::LoadError, serve, simulate,
};

const AFTER_HELP: &str = "\
Examples:
  twin-server demo
  twin-server serve --config config/twin.toml --listen 0.0.0.0:8080
  twin-server check --config config/twin.toml --messages sample.ndjson
  twin-server simulate --scenario config/scenario.toml --broker mqtt://127.0.0.1:1883
  twin-server history export --config config/twin.toml --out history.csv

Environment:
  RUST_LOG   what to log, such as `info,mqtt5=warn` (the default) or `twin_server::mqtt=debug`

Exit codes:
  0  done            1  failed while running
  2  unusable arguments or configuration
  3  check --strict found messages that are not bound; history import refused lines";

/// Digital twin server: MQTT telemetry on a building model, live in the browser.
#[derive(Debug, Parser)]
#[command(name = "twin-server", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(serve::Args),
    /// Runs the demo campus: broker, simulator and server in one process.
    Demo(demo::Args),
    /// Checks a configuration and dry-runs its bindings.
    Check(check::Args),
    /// Lists ready profiles, and accepts suggested bindings.
    Bindings(manage::Args),
    /// Records messages of a broker, for `check` and `bindings accept`.
    Record(record::Args),
    /// Publishes believable telemetry for a scene to a broker.
    Simulate(simulate::Args),
    /// Exports, imports, and tells about what was kept.
    History(history::Args),
}

/// Logs to standard error, so that standard output stays a command's own.
pub(crate) fn start_logging() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,mqtt5=warn"));
    let colours = std::io::stderr().is_terminal();
    fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
}

/// Runs the command to its end on a runtime of its own.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => Box::pin(serve::run(args)).await,
            Command::Demo(args) => Box::pin(demo::run(args)).await,
            Command::Check(args) => check::run(args),
            Command::Bindings(args) => manage::run(args),
            Command::Record(args) => Box::pin(record::run(args)).await,
            Command::Simulate(args) => Box::pin(simulate::run(args)).await,
            Command::History(args) => Box::pin(history::run(args)).await,
        }
    })
}

/// The exit code an error deserves: 2 where the user's file is at fault, else 1.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let file_at_fault = error.chain().any(|cause| {
        cause.is::<ConfigError>()
            || cause.is::<LoadError>()
            || matches!(cause.downcast_ref(), Some(AcceptError::Config(_)))
    });
    if file_at_fault { 2 } else { 1 }
}
