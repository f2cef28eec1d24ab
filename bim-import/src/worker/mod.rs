//! Tessellation in a process of its own. One element can hang the IFC engine for ever
//! and no thread can be stopped from outside, so geometry runs in a child: this very
//! program, started again as a *geometry worker*, watched by [`watchdog`].
//!
//! Every program that imports IFC must therefore call [`run_if_worker`] first thing in
//! `main`, or name a program that does in [`crate::Options::worker`].

mod child;
mod fault;
mod outcome;
mod protocol;
pub(crate) mod watchdog;

use std::{env, path::PathBuf};

pub(crate) use protocol::{Part, Shape};
pub use watchdog::WorkerError;

/// First argument of a worker. No command line of ours has a subcommand of this name.
pub(crate) const ARGUMENT: &str = "geometry-worker";
/// Set, to [`VERSION`], in a worker's environment.
pub(crate) const VARIABLE: &str = "BIM_IMPORT_WORKER";
/// What the parent and the worker must agree on.
pub(crate) const VERSION: &str = "3";

/// Turns this process into a geometry worker if it was started as one, and then never
/// returns; else does nothing. Call it before anything else in `main`: before threads,
/// logging and argument parsing.
///
/// A process counts as a worker only when its first argument is `geometry-worker` *and*
/// the variable `BIM_IMPORT_WORKER` is set to the protocol's version, both of which only
/// [`crate::import`] does; the argument alone, typed by a person, is left to the
/// program's own command line. A worker reads a task on standard input, writes binary
/// frames on standard output, touches no other file than the one it is told to read, and
/// ends when its standard input closes, so it does not outlive its parent.
///
/// For tests of the watchdog, `BIM_IMPORT_FAULT` makes a worker misbehave at one element:
/// `hang:12` (never returns from #12, or from what #12 is a copy of), `hang-openings:12`
/// (only while its openings are cut) or `crash:12` (aborts).
pub fn run_if_worker() {
    let is_argument = env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT);
    let is_version = env::var_os(VARIABLE).is_some_and(|version| version == VERSION);
    if is_argument && is_version {
        std::process::exit(child::run());
    }
}

/// The program to start as a worker: the one named, else the running one.
pub(crate) fn program(named: Option<&PathBuf>) -> std::io::Result<PathBuf> {
    named.map_or_else(env::current_exe, |program| Ok(program.clone()))
}
