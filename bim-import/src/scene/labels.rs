//! What files are called in the report: by their name, and where several have one name by as
//! much of their path as tells them apart.

use std::path::{Component, Path, PathBuf};

use hashbrown::{HashMap, HashSet};

/// A label for each file; only files given twice have the same.
pub(super) fn of(files: &[PathBuf]) -> Vec<String> {
    let mut labels: Vec<String> = files.iter().map(|file| last(file, 1)).collect();
    let longest = files.iter().map(|file| file.components().count()).max().unwrap_or_default();
    for parts in 2..=longest {
        let shared = shared(&labels, files);
        if !shared.contains(&true) {
            break;
        }
        for ((label, file), _) in labels.iter_mut().zip(files).zip(shared).filter(|(_, is)| *is) {
            *label = last(file, parts);
        }
    }
    labels
}

/// Which of some labels another file has, too.
fn shared(labels: &[String], files: &[PathBuf]) -> Vec<bool> {
    let mut uses: HashMap<&String, HashSet<&PathBuf>> = HashMap::new();
    for (label, file) in labels.iter().zip(files) {
        uses.entry(label).or_default().insert(file);
    }
    labels.iter().map(|label| uses[label].len() > 1).collect()
}

/// The last parts of a path, with slashes on every system.
fn last(file: &Path, parts: usize) -> String {
    let named = |component: &Component<'_>| !matches!(component, Component::RootDir);
    let all: Vec<_> = file.components().filter(named).map(Component::as_os_str).collect();
    let parts = &all[all.len().saturating_sub(parts)..];
    parts.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_told_apart_by_their_folders() {
        let labels = |files: &[&str]| of(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(labels(&["/a/m.ifc", "n.ifc"]), ["m.ifc", "n.ifc"]);
        assert_eq!(labels(&["/a/m.ifc", "/b/m.ifc", "c.ifc"]), ["a/m.ifc", "b/m.ifc", "c.ifc"]);
        let deep = ["/1/x/m.ifc", "/2/x/m.ifc", "/y/m.ifc", "m.ifc"];
        assert_eq!(labels(&deep), ["1/x/m.ifc", "2/x/m.ifc", "y/m.ifc", "m.ifc"]);
        assert_eq!(labels(&["/a/m.ifc", "/a/m.ifc"]), ["m.ifc", "m.ifc"]);
    }
}
