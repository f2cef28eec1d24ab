//! An error on one line: what failed, and why, each said once.

/// What failed and each of its causes, after a colon. Errors of libraries often say their cause
/// themselves, for who prints no more than them: it is not said again.
pub fn line(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(ToString::to_string);
    let mut last = causes.next().unwrap_or_default();
    let mut line = last.clone();
    for cause in causes {
        if !last.contains(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
        last = cause;
    }
    line
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;
    use crate::scene::{Properties, load};

    #[test]
    fn says_each_cause_once() {
        let dir = tempfile::tempdir().unwrap();
        let told = || {
            let failed = load(dir.path(), Properties::OnDisk).map(drop);
            line(&failed.context("twin.toml: scene.package").unwrap_err())
        };
        let missing = told();
        assert!(missing.starts_with("twin.toml: scene.package: reading "), "{missing}");
        assert_eq!(missing.matches("os error").count(), 1, "{missing}");

        std::fs::write(dir.path().join("scene.json"), "{").unwrap();
        let broken = told();
        assert!(broken.contains("scene.json line 1: "), "{broken}");
        assert_eq!(broken.matches("EOF").count(), 1, "{broken}");

        let other = anyhow!("taken").context("port 80").context("listening");
        assert_eq!(line(&other), "listening: port 80: taken");
    }
}
