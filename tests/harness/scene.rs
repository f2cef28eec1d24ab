//! A scene imported from a real model by the real importer.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// Imports a model with `bim-import` and returns the scene package's folder.
pub fn import(binaries: &Path, model: &Path, out: &Path) -> Result<PathBuf> {
    import_with(binaries, model, out, &[])
}

/// The same with more arguments.
pub fn import_with(
    binaries: &Path,
    model: &Path,
    out: &Path,
    arguments: &[&str],
) -> Result<PathBuf> {
    let scene = out.join("scene");
    let output = Command::new(binaries.join("bim-import"))
        .arg(model)
        .arg("--out")
        .arg(&scene)
        .args(arguments)
        .output()
        .context("starting bim-import")?;
    if !output.status.success() {
        bail!("bim-import: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(scene)
}
