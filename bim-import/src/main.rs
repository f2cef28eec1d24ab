//! The command line of the importer.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    bim_import::worker::run_if_worker();
    cli::run()
}
