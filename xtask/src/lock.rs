//! Which version of a package `Cargo.lock` holds.

use std::fs;

use anyhow::{Context, Result};

use crate::paths;

/// The locked version of a package.
pub(crate) fn version(package: &str) -> Result<String> {
    let path = paths::root().join("Cargo.lock");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    find(&text, package).with_context(|| format!("{package} is not in {}", path.display()))
}

fn find(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.next()?;
    Some(lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_locked_version() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\n";
        assert_eq!(find(lock, "a").as_deref(), Some("1.2.3"));
        assert_eq!(find(lock, "b"), None);
        assert_eq!(version("wasm-bindgen").unwrap(), version("wasm-bindgen-cli-support").unwrap());
    }
}
