//! The faults of `twin-load faults`, in short: what must hold on any machine, however busy.
//! What depends on its speed is printed and left to the bench.

use anyhow::{Result, ensure};
use twin_e2e::{faults, prerequisite};

fn survives(fault: &str) -> Result<()> {
    let Some(binaries) = prerequisite("TWIN_BIN") else { return Ok(()) };
    let out = tempfile::tempdir()?;
    let mut args = faults::Args::short(&binaries, out.path());
    args.only = vec![fault.to_owned()];
    let outcomes = faults::run(&args, |outcome| eprintln!("{}", outcome.lines()))?;
    ensure!(!outcomes.is_empty(), "there is no fault {fault:?}");
    for outcome in outcomes {
        ensure!(outcome.sound(), "{}", outcome.lines());
    }
    Ok(())
}

#[ignore = "needs Mosquitto and the server's binary: cargo xtask test e2e"]
#[test]
fn broker_restarts() -> Result<()> {
    survives("broker restart")
}

#[ignore = "needs Mosquitto and the server's binary: cargo xtask test e2e"]
#[test]
fn malformed_payloads() -> Result<()> {
    survives("malformed payloads")
}

#[ignore = "needs Mosquitto and the server's binary: cargo xtask test e2e"]
#[test]
fn stalled_viewers() -> Result<()> {
    survives("stalled viewer")
}
