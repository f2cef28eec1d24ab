//! Every command a person types in this project: `cargo xtask demo | test | viewer | bench`.

mod bench;
mod bundle;
mod demo;
mod lock;
mod node;
mod packages;
mod paths;
mod report;
mod shell;
mod test;
mod toolchain;
mod viewer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and tests the digital twin.
#[derive(Parser)]
#[command(name = "cargo xtask", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  cargo xtask demo                          the demo campus, live, at a URL it prints
  cargo xtask demo --listen 0.0.0.0:8080    the same, for the whole network
  cargo xtask demo --time 18:30             the evening, whatever time it is
  cargo xtask test                          everything that must hold before a change lands
  cargo xtask test e2e                      one step of it
  cargo xtask viewer --optimize             the smallest bundle, for a release";

#[derive(Subcommand)]
enum Command {
    /// Build everything and run the demo campus.
    Demo(demo::Args),
    /// Run every check: format, lints, unit and end-to-end tests.
    Test(test::Args),
    /// Build the browser bundle.
    Viewer(viewer::Args),
    /// Run the benchmarks and write target/bench/*.json.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Viewer(args) => viewer::run(&args).map(|_| ()),
        Command::Bench(args) => bench::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}
