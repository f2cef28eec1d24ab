//! Where a package goes: what may be replaced, and how it is, so that nobody ever finds
//! half of one, not even after a power cut.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{changes, package::PackageError};

/// The name of the file that makes a folder a scene package.
pub(crate) const MARKER: &str = "scene.json";
/// All that a package may hold. Whatever else lies in one was put there by somebody.
const PARTS: [&str; 8] = [
    MARKER,
    "entities.ndjson",
    "graph.json",
    "report.json",
    "report.html",
    "tiles",
    changes::SHAPES,
    changes::CHANGES,
];

/// The folder that a path means: where a link leads, so that the link stays one.
pub(crate) fn resolve(dir: &Path) -> Result<PathBuf, PackageError> {
    let failed = |source| PackageError::Write { path: dir.to_owned(), source };
    match dir.canonicalize() {
        Ok(real) => Ok(real),
        Err(_) if dir.is_symlink() => Err(PackageError::DeadLink(dir.to_owned())),
        Err(_) => std::path::absolute(dir).map_err(failed),
    }
}

/// Refuses a folder that may not be replaced: one that holds anything but a package.
pub(crate) fn check(dir: &Path) -> Result<(), PackageError> {
    let unusable = || PackageError::NotAPackage(dir.to_owned());
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(_) => return Err(unusable()),
    };
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name());
    let mut names: Vec<_> = entries.map(name).collect::<io::Result<_>>().map_err(|_| unusable())?;
    names.sort();
    let is_part = |name: &&OsString| PARTS.iter().any(|part| **name == *part);
    // One file of that name is anybody's; a package that lost some of its parts is one still.
    let is_package = is_package(dir) && names.iter().filter(is_part).count() > 1;
    if !names.is_empty() && !is_package {
        return Err(unusable());
    }
    let foreign = names.iter().find(|name| !is_part(name));
    foreign.map_or(Ok(()), |name| {
        let name = name.to_string_lossy().into_owned();
        Err(PackageError::Foreign { dir: dir.to_owned(), name })
    })
}

/// Whether there is a package already, of a folder that may be replaced.
pub(crate) fn is_package(dir: &Path) -> bool {
    dir.join(MARKER).is_file()
}

/// Ends what imports into a folder left beside it when they were killed: drafts go, and a
/// package that was set aside already comes back where the new one never took its place.
/// What belongs to an import that still runs is locked, and stays.
pub(crate) fn tidy(dir: &Path) {
    let Ok(entries) = fs::read_dir(parent(dir)) else { return };
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        let path = parent(dir).join(&name);
        let is = |word| name.as_encoded_bytes().starts_with(prefix(dir, word).as_encoded_bytes());
        let is_dead = || lock(&path).is_ok();
        if is(OLD) && is_dead() && !dir.exists() {
            // Where it cannot come back it is still there for people to find.
            let _ = fs::rename(&path, dir);
        } else if (is(NEW) || is(OLD)) && is_dead() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// A package being written.
const NEW: &str = "new";
/// A folder that a draft will be; nobody else touches it before it is locked.
const EMPTY: &str = "empty";
/// The package that a new one takes the place of.
const OLD: &str = "old";

/// `.NAME.WORD-`, before the number of the process.
fn prefix(dir: &Path, word: &str) -> OsString {
    let name = dir.file_name().unwrap_or_default();
    [OsStr::new("."), name, OsStr::new("."), OsStr::new(word), OsStr::new("-")]
        .into_iter()
        .collect()
}

fn beside(dir: &Path, word: &str) -> PathBuf {
    let mut name = prefix(dir, word);
    name.push(std::process::id().to_string());
    parent(dir).join(name)
}

/// Holds a folder for as long as the file is open, or this process runs.
fn lock(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    file.try_lock()?;
    Ok(file)
}

/// A folder that vanishes again unless it takes the place of the wanted one.
pub(crate) struct Draft {
    path: PathBuf,
    /// Tells other imports that it is not to be tidied away. Absent where the system does
    /// not lock folders; it does not open them either, so that nothing is tidied there.
    lock: Option<File>,
}

impl Draft {
    /// An empty one beside the wanted folder.
    pub(crate) fn beside(dir: &Path) -> Result<Self, PackageError> {
        let (empty, path) = (beside(dir, EMPTY), beside(dir, NEW));
        let _ = fs::remove_dir_all(&path);
        make_dir(&empty)?;
        let lock = lock(&empty).ok();
        fs::rename(&empty, &path)
            .map_err(|source| PackageError::Write { path: path.clone(), source })?;
        Ok(Self { path, lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the place of what was there.
    pub(crate) fn replace(mut self, dir: &Path) -> Result<(), PackageError> {
        let failed = |source| PackageError::Write { path: dir.to_owned(), source };
        let old = beside(dir, OLD);
        let held = dir.exists().then(|| lock(dir).ok());
        if held.is_some() {
            fs::rename(dir, &old).map_err(failed)?;
        }
        if let Err(source) = fs::rename(&self.path, dir) {
            if held.is_some() {
                // Better the old package than none; the error says that the new one failed.
                let _ = fs::rename(&old, dir);
            }
            return Err(failed(source));
        }
        self.lock = None;
        if held.is_some() {
            let _ = fs::remove_dir_all(&old);
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it has taken its place.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The folder that another one stands in.
pub(crate) fn parent(dir: &Path) -> &Path {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Makes a folder and those it stands in.
pub(crate) fn make_dir(path: &Path) -> Result<(), PackageError> {
    fs::create_dir_all(path).map_err(|source| PackageError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(dir: &Path, content: &str) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join(MARKER), content).unwrap();
        fs::write(dir.join("entities.ndjson"), "").unwrap();
    }

    #[test]
    fn only_a_package_or_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("scene");
        assert!(check(&base).is_ok());
        fs::create_dir_all(&base).unwrap();
        assert!(check(&base).is_ok());
        fs::write(base.join("thesis.txt"), "").unwrap();
        assert!(matches!(check(&base), Err(PackageError::NotAPackage(_))));
        fs::write(base.join(MARKER), "{}").unwrap();
        assert!(matches!(check(&base), Err(PackageError::NotAPackage(_))), "of another");
        fs::write(base.join("entities.ndjson"), "").unwrap();
        let foreign = check(&base).unwrap_err().to_string();
        assert!(foreign.contains("thesis.txt"), "{foreign}");
        assert!(check(&base.join("thesis.txt")).is_err());
        fs::remove_file(base.join("thesis.txt")).unwrap();
        assert!(check(&base).is_ok());
    }

    #[test]
    fn what_a_killed_import_left_is_tidied_and_what_runs_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("scene");
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap().flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        // Killed between the two renames: only the old package is left, set aside.
        package(&folder.path().join(".scene.old-1"), "old");
        package(&folder.path().join(".scene.new-1"), "half");
        package(&folder.path().join(".scene2.new-1"), "of another");
        tidy(&dir);
        assert_eq!(fs::read_to_string(dir.join(MARKER)).unwrap(), "old");
        assert_eq!(names(), [".scene2.new-1", "scene"]);

        let draft = Draft::beside(&dir).unwrap();
        package(draft.path(), "new");
        package(&folder.path().join(".scene.old-1"), "older");
        tidy(&dir);
        assert!(draft.path().is_dir(), "it is being written");
        assert!(!folder.path().join(".scene.old-1").exists());
        draft.replace(&dir).unwrap();
        assert_eq!(fs::read_to_string(dir.join(MARKER)).unwrap(), "new");
        assert_eq!(names(), [".scene2.new-1", "scene"]);
        drop(Draft::beside(&dir).unwrap());
        assert_eq!(names(), [".scene2.new-1", "scene"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(matches!(resolve(&link), Err(PackageError::DeadLink(_))));
        package(&real, "old");
        let dir = resolve(&link).unwrap();
        let draft = Draft::beside(&dir).unwrap();
        package(draft.path(), "new");
        draft.replace(&dir).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(link.join(MARKER)).unwrap(), "new");
        assert!(resolve(&folder.path().join("none")).unwrap().ends_with("none"));
    }
}
