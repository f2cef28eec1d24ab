//! Where things are: the repository, and cargo's target directory.

use std::{env, path::PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let crate_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    crate_dir.parent().map(PathBuf::from).unwrap_or(crate_dir)
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, else `target/` in the repository.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where the release binaries lie.
pub(crate) fn release() -> PathBuf {
    target().join("release")
}

/// The browser bundle: beside the server's binary, where the server looks for it.
pub(crate) fn bundle() -> PathBuf {
    release().join("viewer")
}
