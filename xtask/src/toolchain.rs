//! Finding a toolchain that compiles to WebAssembly, in this order: the installed rustup
//! target, `rustup target add`, Debian's rustc-web with the standard library from source.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{packages, paths, report, shell};

/// The target triple of the browser bundle.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// How long `rustup target add` may take before we look elsewhere.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// Oldest compiler that builds this project.
const MINIMUM: (u32, u32) = (1, 95);

const DEBIAN_PACKAGES: &[&str] =
    &["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld"];

/// A way to compile to WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The toolchain that runs xtask, with rustup's precompiled standard library.
    Rustup,
    /// Debian's compiler; the standard library is built from source.
    Debian {
        /// Name of the linker, `wasm-ld-22`.
        linker: String,
    },
}

impl Toolchain {
    /// The toolchain asked for, or the first that can be had.
    pub(crate) fn find(wanted: Option<Wanted>) -> Result<Self> {
        match wanted {
            Some(Wanted::Rustup) => rustup()
                .context("rustup has no wasm32-unknown-unknown target here and could not add it"),
            Some(Wanted::Debian) => debian(),
            None => match rustup() {
                Some(found) => Ok(found),
                None => debian().context(
                    "no way to compile to WebAssembly: `rustup target add \
                     wasm32-unknown-unknown` failed, and so did Debian's packages",
                ),
            },
        }
    }

    /// Each toolchain keeps its own target directory: their artifacts do not mix.
    pub(crate) fn target_dir(&self) -> std::path::PathBuf {
        paths::target().join(match self {
            Self::Rustup => "rustup-wasm",
            Self::Debian { .. } => "debian-wasm",
        })
    }

    /// `cargo build` for the browser, before its package and profile are named.
    pub(crate) fn cargo_build(&self) -> Command {
        let mut command = match self {
            Self::Rustup => shell::cargo(&["build", "--target", TARGET]),
            Self::Debian { linker } => debian_cargo(linker),
        };
        command.env("CARGO_TARGET_DIR", self.target_dir());
        command
    }

    /// `cargo clippy` for the browser; absent where the toolchain brings no clippy.
    pub(crate) fn cargo_clippy(&self) -> Option<Command> {
        match self {
            Self::Rustup => {
                let mut command = shell::cargo(&["clippy", "--target", TARGET]);
                command.env("CARGO_TARGET_DIR", self.target_dir());
                Some(command)
            }
            Self::Debian { .. } => None,
        }
    }

    /// For people.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Rustup => "rustup's wasm32-unknown-unknown target",
            Self::Debian { .. } => "Debian's rustc-web, standard library from source",
        }
    }
}

/// A toolchain by name, for `--toolchain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Wanted {
    /// The rustup target, added if it can be.
    Rustup,
    /// Debian's rustc-web.
    Debian,
}

fn rustup() -> Option<Toolchain> {
    let installed = shell::output(Command::new("rustup").args(["target", "list", "--installed"]))?;
    if installed.lines().any(|line| line.trim() == TARGET) {
        return Some(Toolchain::Rustup);
    }
    report::note("rustup has no wasm32-unknown-unknown target yet: adding it");
    shell::succeeds_within(Command::new("rustup").args(["target", "add", TARGET]), RUSTUP_LIMIT)
        .then_some(Toolchain::Rustup)
}

fn debian() -> Result<Toolchain> {
    let ready = || new_enough("/usr/bin/rustc") && linker().is_some() && has_source();
    if !ready() {
        packages::install("compiling to WebAssembly", DEBIAN_PACKAGES)?;
    }
    if !new_enough("/usr/bin/rustc") {
        bail!("Debian's rustc-web here is older than {}.{}", MINIMUM.0, MINIMUM.1);
    }
    if linker().is_none() {
        // The unversioned `lld` may be older than the compiler's LLVM.
        packages::install("linking WebAssembly", &["lld-22"])?;
    }
    let linker = linker().context("no wasm-ld found after installing lld")?;
    Ok(Toolchain::Debian { linker })
}

fn debian_cargo(linker: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("/usr/bin/cargo");
    command
        .args(["build", "-Z", "build-std=std,panic_abort", "--target", TARGET])
        .current_dir(paths::root())
        .env("PATH", format!("/usr/bin:{path}"))
        // `build-std` is unstable; Debian ships a stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    for inherited in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME"] {
        command.env_remove(inherited);
    }
    command
}

fn new_enough(rustc: &str) -> bool {
    shell::output(Command::new(rustc).arg("--version"))
        .and_then(|text| version(&text))
        .is_some_and(|found| found >= MINIMUM)
}

/// Reads `rustc 1.96.0 (…)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn has_source() -> bool {
    shell::output(Command::new("/usr/bin/rustc").args(["--print", "sysroot"]))
        .is_some_and(|root| Path::new(&root).join("lib/rustlib/src/rust/library").exists())
}

/// The newest `wasm-ld` of Debian's versioned packages.
fn linker() -> Option<String> {
    (19..=30)
        .rev()
        .map(|version| format!("wasm-ld-{version}"))
        .find(|name| shell::which(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_compiler_versions() {
        assert_eq!(version("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some((1, 96)));
        assert_eq!(version("nonsense"), None);
        assert!(version("rustc 1.63.0 (x)").unwrap() < MINIMUM);
    }
}
