//! The `twin-server` binary: reads the command line, sets up logging, runs one command.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // The demo imports its campus with this very binary as the geometry worker.
    bim_import::worker::run_if_worker();
    let cli = cli::Cli::parse();
    cli::start_logging();
    match cli::run(cli) {
        Ok(code) => code,
        Err(error) => {
            // One line: what failed, and each cause after a colon.
            eprintln!("error: {}", twin_server::cause::line(&error));
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
