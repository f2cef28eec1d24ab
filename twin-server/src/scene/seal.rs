//! Whether the package on disk is still the one that was loaded. An import replaces a package
//! whole, also one that is served. From then on its files are of another scene than the one in
//! memory, and no reader can tell: names of tiles and ids of entities are the same ones.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::SystemTime,
};

use parking_lot::Mutex;
use serde::Deserialize;

use super::LoadError;

/// Tells a file from another one that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    modified: Option<SystemTime>,
    length: u64,
    /// Device and inode.
    #[cfg(unix)]
    node: (u64, u64),
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            #[cfg(unix)]
            node: {
                use std::os::unix::fs::MetadataExt;
                (metadata.dev(), metadata.ino())
            },
        }
    }
}

/// A file's content, and which file it is of.
pub(super) fn read(path: &Path) -> io::Result<(Vec<u8>, Identity)> {
    let mut file = File::open(path)?;
    let identity = Identity::from(&file.metadata()?);
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok((content, identity))
}

/// Remembers the `scene.json` that was loaded. Every import writes it anew, so that looking
/// at this one file tells of all of them.
#[derive(Debug)]
pub(super) struct Seal {
    path: PathBuf,
    revision: String,
    known: Mutex<Identity>,
    told: AtomicBool,
}

impl Seal {
    pub(super) fn new(path: PathBuf, revision: String, known: Identity) -> Self {
        Self { path, revision, known: Mutex::new(known), told: AtomicBool::new(false) }
    }

    /// Whether the package is the loaded one. The log says when that changes.
    ///
    /// # Errors
    /// [`LoadError::Changed`] where it was replaced, or is gone.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        if self.holds() {
            if self.told.swap(false, Relaxed) {
                tracing::info!("{}: the loaded package is in its place again", self.path.display());
            }
            return Ok(());
        }
        let changed = self.broken();
        if !self.told.swap(true, Relaxed) {
            tracing::warn!("{changed}; until then its files are not given out");
        }
        Err(changed)
    }

    /// What to say where it does not hold.
    pub(super) fn broken(&self) -> LoadError {
        LoadError::Changed { path: self.path.clone() }
    }

    pub(super) fn holds(&self) -> bool {
        let found = self.path.metadata().map(|metadata| Identity::from(&metadata));
        match found {
            Ok(found) if found == *self.known.lock() => true,
            Ok(_) => self.is_same_again(),
            Err(_) => false,
        }
    }

    /// Equal input gives equal bytes: the same revision, imported again, replaces nothing.
    fn is_same_again(&self) -> bool {
        #[derive(Deserialize)]
        struct Revision {
            revision: String,
        }
        let Ok((content, found)) = read(&self.path) else { return false };
        let is_same = serde_json::from_slice::<Revision>(&content)
            .is_ok_and(|scene| scene.revision == self.revision);
        if is_same {
            *self.known.lock() = found;
        }
        is_same
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(dir: &Path, revision: &str) {
        fs::create_dir(dir).unwrap();
        let scene = format!(r#"{{"revision":"{revision}"}}"#);
        fs::write(dir.join("scene.json"), scene).unwrap();
    }

    #[test]
    fn another_package_breaks_it_and_the_same_again_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let [dir, new, old] = ["scene", "new", "old"].map(|name| folder.path().join(name));
        write(&dir, "r1");
        let path = dir.join("scene.json");
        let (_, identity) = read(&path).unwrap();
        let seal = Seal::new(path, "r1".into(), identity);
        assert!(seal.check().is_ok());

        write(&new, "r1");
        fs::rename(&dir, folder.path().join("first")).unwrap();
        assert!(matches!(seal.check(), Err(LoadError::Changed { .. })), "gone");
        fs::rename(&new, &dir).unwrap();
        assert!(seal.check().is_ok(), "the same revision");

        write(&new, "r2");
        fs::rename(&dir, &old).unwrap();
        fs::rename(&new, &dir).unwrap();
        let error = seal.check().unwrap_err().to_string();
        assert!(error.contains("scene.json") && error.contains("restart the server"), "{error}");
        assert!(seal.check().is_err(), "and it stays so");
        fs::remove_dir_all(&dir).unwrap();
        fs::rename(&old, &dir).unwrap();
        assert!(seal.check().is_ok(), "until the loaded one is back");
    }
}
