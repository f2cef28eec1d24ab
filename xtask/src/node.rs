//! The npm packages that check our tiles: the formats' own validators, and CesiumJS, which
//! must be able to open them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{packages, paths, report, shell};

/// Installs the packages of `tests/node/package.json` where they are missing or older;
/// returns the folder that holds `node_modules`.
pub(crate) fn tools() -> Result<PathBuf> {
    let source = paths::root().join("tests/node");
    let out = paths::target().join("node-tools");
    packages::ensure("validating tiles", &["npm"], &["nodejs", "npm"])?;
    fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;
    let changed = copy_if_changed(&source.join("package.json"), &out.join("package.json"))?;
    let lock = source.join("package-lock.json");
    let locked = lock.exists();
    let changed = (locked && copy_if_changed(&lock, &out.join("package-lock.json"))?) || changed;
    if changed || !out.join("node_modules").exists() {
        report::note("installing the validators and CesiumJS from npm");
        let verb = if locked { "ci" } else { "install" };
        let quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
        shell::run(Command::new("npm").arg(verb).args(quiet).current_dir(&out))
            .inspect_err(|_| drop(fs::remove_file(out.join("package.json"))))?;
    }
    Ok(out)
}

fn copy_if_changed(from: &Path, to: &Path) -> Result<bool> {
    let new = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(false);
    }
    fs::write(to, new).with_context(|| format!("writing {}", to.display()))?;
    Ok(true)
}
