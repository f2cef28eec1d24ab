//! `cargo xtask bench`: runs the benchmarks; their numbers land in `target/bench/*.json`.

mod import;

use std::fs;

use anyhow::{Context, Result};

use crate::{paths, report::step, shell};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only benchmarks with this name.
    name: Option<String>,
    #[command(flatten)]
    import: import::Args,
}

/// A benchmark and the package it is in; the viewer's are built without Bevy.
const BENCHES: &[(&str, &[&str])] = &[
    ("fanout", &["--package", "twin-server"]),
    ("latency", &["--package", "twin-server"]),
    ("history", &["--package", "twin-server"]),
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
        step("build", || {
            shell::run(&mut shell::cargo(&["build", "--release", "--package", "twin-server"]))
        })?;
    }
    for (name, package) in BENCHES.iter().filter(|(name, _)| wanted(name)) {
        step(name, || {
            let bench = [&["bench"][..], package, &["--bench", name]].concat();
            shell::run(
                shell::cargo(&bench).env("TWIN_BENCH_OUT", &out).env("TWIN_BIN", paths::release()),
            )
        })?;
    }
    if wanted("import") {
        step("import", || import::run(&args.import, &out))?;
    }
    Ok(())
}
