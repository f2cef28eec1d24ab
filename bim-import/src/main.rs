//! The command line of the importer.

use std::process::ExitCode;

mod cli;

/// Tessellation makes and drops many small lists on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bim_import::worker::run_if_worker();
    cli::run()
}
