//! `twin-load`: what streaming costs beside others, and what faults do.
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use twin_e2e::{faults, load::stream};

/// Loads the server and breaks things around it.
#[derive(Parser)]
#[command(name = "twin-load", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  twin-load stream                                      all of it, about an hour
  twin-load stream --repetitions 1 --viewers 50 --only mosquitto,lossless
  twin-load faults                                      all of them, about half an hour
  twin-load faults --only kill --kills 20

Exit: 0 measured and every goal held, 1 a goal was missed, 2 unusable arguments, 3 it could
not be measured.";

#[derive(Subcommand)]
enum Command {
    /// Compare our stream with MQTT over WebSocket; writes stream.json.
    Stream(stream::Args),
    /// Break the server and what is around it; writes faults.json.
    Faults(faults::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Stream(args) => compare(&args),
        Command::Faults(args) => break_things(&args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("twin-load: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn compare(args: &stream::Args) -> Result<bool> {
    let report = stream::run(args, |line| println!("{line}"))?;
    println!("\n{}", report.table());
    let missed = report.missed();
    for line in &missed {
        println!("missed: {line}");
    }
    Ok(missed.is_empty())
}

fn break_things(args: &faults::Args) -> Result<bool> {
    let outcomes = faults::run(args, |outcome| println!("{}", outcome.lines()))?;
    Ok(outcomes.iter().all(faults::Outcome::passed))
}
