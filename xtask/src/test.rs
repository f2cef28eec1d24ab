//! `cargo xtask test`: everything that must hold before a change lands, in the order in
//! which a mistake is cheapest to find.

use std::{path::PathBuf, time::Instant};

use anyhow::Result;

use crate::{
    node, packages, paths,
    report::{note, step},
    shell,
    toolchain::Toolchain,
    viewer,
};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these steps; all of them when none is named.
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Step {
    /// `cargo fmt --check`.
    Format,
    /// Clippy over all code, native and for the browser, warnings are errors.
    Lint,
    /// The browser bundle builds.
    Viewer,
    /// Unit and integration tests of every crate.
    Unit,
    /// The real binary, a real broker, a real browser.
    E2e,
}

const ALL: [Step; 5] = [Step::Format, Step::Lint, Step::Viewer, Step::Unit, Step::E2e];

/// Runs the steps; stops at the first that fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let steps = if args.steps.is_empty() { &ALL[..] } else { &args.steps };
    for one in steps {
        match one {
            Step::Format => step("format", format)?,
            Step::Lint => step("lint", lint)?,
            Step::Viewer => viewer::run(&viewer::Args::default()).map(|_| ())?,
            Step::Unit => step("unit and integration tests", unit)?,
            Step::E2e => step("end-to-end tests", e2e)?,
        }
    }
    note(&format!("all green after {} s", start.elapsed().as_secs()));
    Ok(())
}

fn format() -> Result<()> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))
}

/// Features of the viewer that its native checks need: everything but Bevy and the page,
/// which exist only in a browser.
const PURE_VIEWER: &[&str] =
    &["--package", "twin-viewer", "--no-default-features", "--features", "tiles"];

fn lint() -> Result<()> {
    let clippy = |what: &[&str]| {
        let deny = ["--all-targets", "--", "--deny", "warnings"];
        shell::run(&mut shell::cargo(&[&["clippy"], what, &deny].concat()))
    };
    clippy(&shell::NATIVE)?;
    clippy(PURE_VIEWER)?;
    match Toolchain::find(None)?.cargo_clippy() {
        Some(mut browser) => {
            shell::run(browser.args(["--package", "twin-viewer", "--", "--deny", "warnings"]))
        }
        None => {
            note("no clippy for the browser here: only rustc checks the viewer's browser half");
            Ok(())
        }
    }
}

fn unit() -> Result<()> {
    packages::ensure("the broker tests", &["mosquitto"], &["mosquitto"])?;
    packages::ensure_postgres("the tests of the scaled history")?;
    let tools = node::tools()?;
    shell::run(shell::cargo_native("test", &[]).envs(models()).env("TWIN_NODE_TOOLS", &tools))?;
    shell::run(&mut shell::cargo(&[&["test", "--release"], PURE_VIEWER].concat()))
}

fn e2e() -> Result<()> {
    packages::ensure("the end-to-end tests", &["mosquitto"], &["mosquitto"])?;
    packages::ensure("the end-to-end tests", &["chromedriver"], &["chromium", "chromium-driver"])?;
    packages::ensure_font("Noto Sans CJK", &["fonts-noto-cjk"])?;
    let tools = node::tools()?;
    // The integration tests' build is what puts the binaries in place.
    shell::run(&mut shell::cargo_native("test", &["--no-run"]))?;
    // One at a time: a software-rendered browser takes all the cores there are.
    let tests = [
        &["--test", "live_thread", "--test", "cesium", "--test", "faults"][..],
        &["--", "--ignored", "--test-threads=1"],
    ]
    .concat();
    shell::run(
        shell::cargo_native("test", &tests)
            .envs(models())
            .env("TWIN_BIN", paths::release())
            .env("TWIN_NODE_TOOLS", &tools)
            .env("TWIN_VIEWER", paths::bundle()),
    )
}

/// Where the shared models are, unless the caller says so.
fn models() -> Option<(&'static str, PathBuf)> {
    let default = paths::root().join("../shared/models");
    (std::env::var_os("TWIN_MODELS").is_none() && default.exists())
        .then_some(("TWIN_MODELS", default))
}
