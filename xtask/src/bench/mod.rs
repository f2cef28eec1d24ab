//! `cargo xtask bench`: runs the benchmarks; their numbers land in `target/bench/*.json`.

mod import;

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{packages, paths, report::step, shell};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only benchmarks with this name.
    name: Option<String>,
    #[command(flatten)]
    import: import::Args,
    /// For `stream` and `faults`: arguments of `twin-load`, after `--`.
    #[arg(last = true)]
    load: Vec<String>,
}

/// What `twin-load` does; only by name, since each takes long and wants the machine to itself.
const LOADS: [&str; 2] = ["stream", "faults"];

/// A benchmark and the selection it is in; the viewer's are built without Bevy.
const BENCHES: &[(&str, &[&str])] = &[
    ("fanout", &shell::NATIVE),
    ("latency", &shell::NATIVE),
    ("history", &shell::NATIVE),
    ("updates", &["--package", "twin-viewer", "--no-default-features"]),
    ("canvas", &["--package", "twin-viewer", "--no-default-features", "--features", "tiles"]),
];

/// Runs the benchmarks one after the other.
pub(crate) fn run(args: &Args) -> Result<()> {
    let out = paths::target().join("bench");
    fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;
    let wanted = |name: &str| args.name.as_deref().is_none_or(|wanted| wanted == name);
    if BENCHES.iter().any(|(name, _)| wanted(name)) {
        // Benches start the real server.
        step("build", || shell::run(&mut shell::cargo_native("build", &["--bin", "twin-server"])))?;
    }
    for (name, package) in BENCHES.iter().filter(|(name, _)| wanted(name)) {
        step(name, || {
            let bench = [&["bench"][..], package, &["--bench", name]].concat();
            shell::run(
                shell::cargo(&bench).env("TWIN_BENCH_OUT", &out).env("TWIN_BIN", paths::release()),
            )
        })?;
    }
    for load in LOADS.into_iter().filter(|load| args.name.as_deref() == Some(load)) {
        step(load, || twin_load(load, &args.load, &out))?;
    }
    if wanted("import") {
        step("import", || import::run(&args.import, &out))?;
    }
    Ok(())
}

/// Where Debian puts what lies about the time.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// Runs the load generator, or the fault runner that is built on it.
fn twin_load(command: &str, arguments: &[String], out: &Path) -> Result<()> {
    let purpose = format!("bench {command}");
    packages::ensure(&purpose, &["mosquitto", "/usr/sbin/mosquitto"], &["mosquitto"])?;
    if command == "stream" {
        packages::ensure(&purpose, &["nats-server", "/usr/sbin/nats-server"], &["nats-server"])?;
    } else {
        packages::ensure(&purpose, &FAKETIME, &["libfaketime"])?;
    }
    let binaries = ["--bin", "twin-server", "--bin", "twin-load"];
    shell::run(&mut shell::cargo_native("build", &binaries))?;
    let mut load = std::process::Command::new(paths::release().join("twin-load"));
    load.current_dir(paths::root()).arg(command);
    load.arg("--bin").arg(paths::release()).arg("--out").arg(out);
    shell::run(load.args(arguments))
}
