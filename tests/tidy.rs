//! The project's own rules, checked: what the documents promise about the code holds.

#![allow(clippy::unwrap_used, reason = "a file that cannot be read fails the test, with its name")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The crates of the workspace, as their folders.
const CRATES: &[&str] = &[
    "twin-model",
    "twin-protocol",
    "bim-import",
    "twin-server",
    "twin-viewer",
    "xtask",
    "assets/campus",
    "tests",
];

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found
}

/// Top-level modules of a crate: files and folders directly below `src`.
fn modules(krate: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(krate).join("src")) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() || path.extension().is_some_and(|ext| ext == "rs"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !["lib", "main"].contains(&name.as_str()))
        .collect()
}

#[test]
fn the_architecture_names_every_crate_and_module() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut missing = Vec::new();
    for krate in CRATES {
        assert!(root().join(krate).join("Cargo.toml").exists(), "{krate} is not a crate");
        let heading = format!("### `{krate}`");
        let Some(start) = text.find(&heading) else {
            missing.push(heading);
            continue;
        };
        let section = &text[start + heading.len()..];
        let section = &section[..section.find("\n### ").unwrap_or(section.len())];
        missing.extend(
            modules(krate)
                .into_iter()
                .filter(|module| !section.contains(&format!("`{module}`")))
                .map(|module| format!("{krate}: {module}")),
        );
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name: {missing:#?}");
}

#[test]
fn every_member_is_listed() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find(|line| line.starts_with("members")).unwrap();
    assert_eq!(members.matches('"').count() / 2, CRATES.len(), "{members}");
}

/// Longest file we accept; the aim is 300 lines.
const MAX_LINES: usize = 500;

#[test]
fn files_stay_readable() {
    let too_long: Vec<String> = CRATES
        .iter()
        .flat_map(|krate| rust_files(&root().join(krate)))
        .filter(|path| !path.starts_with(root().join("target")))
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            (lines > MAX_LINES).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(too_long.is_empty(), "split these: {too_long:#?}");
}

/// Where tests are one binary, each file a module of it.
const ONE_BINARY: &[&str] = &["bim-import/tests/import", "twin-server/tests/it"];

/// A file that `main.rs` does not name compiles nowhere, and its tests never run.
#[test]
fn every_file_of_tests_is_run() {
    let mut left_out = Vec::new();
    for folder in ONE_BINARY {
        let folder = root().join(folder);
        let main = fs::read_to_string(folder.join("main.rs")).unwrap();
        let modules: Vec<&str> = main.lines().filter(|line| line.starts_with("mod ")).collect();
        assert!(!modules.is_empty(), "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            if name != "main" && !modules.contains(&format!("mod {name};").as_str()) {
                left_out.push(file);
            }
        }
    }
    assert!(left_out.is_empty(), "no module of their main.rs: {left_out:#?}");
    let beside = fs::read_dir(root().join("twin-server/tests")).unwrap();
    let beside: Vec<PathBuf> = beside
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect();
    assert!(beside.is_empty(), "these link the whole server once more: {beside:#?}");
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut documents: Vec<PathBuf> = fs::read_dir(root())
        .unwrap()
        .chain(fs::read_dir(root().join("docs")).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "md"))
        .collect();
    documents.sort();
    assert!(documents.len() >= 4);
    let mut broken = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            let outside = link.contains("://") || path.is_empty();
            if !outside && !document.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
