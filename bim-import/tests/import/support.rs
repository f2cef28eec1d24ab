//! What the tests share: where models are, how to run the program, how to read a package.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// A folder that vanishes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("bim-import-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder of shared models and references, if it is there; in CI it must be.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/models");
    let models = env::var_os("TWIN_MODELS").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    if models.join("ifc").is_dir() {
        return Some(models);
    }
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "no models at {}", models.display());
    eprintln!("skipped: no models at {}", models.display());
    None
}

pub(crate) fn ifc_models() -> Vec<PathBuf> {
    let Some(models) = shared() else { return Vec::new() };
    let entries = fs::read_dir(models.join("ifc")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ifc"));
    files.sort();
    files
}

pub(crate) fn model(name: &str) -> Option<PathBuf> {
    ifc_models().into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == name))
}

/// A STEP file of a schema with these records.
pub(crate) fn step(schema: &str, records: &str) -> String {
    format!(
        "ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('','',(''),(''),'','','');
FILE_SCHEMA(('{schema}'));
ENDSEC;
DATA;
{}
ENDSEC;
END-ISO-10303-21;
",
        records.trim_end()
    )
}

/// The program with these files and this folder.
pub(crate) fn command(files: &[PathBuf], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bim-import"));
    command.args(files).arg("--out").arg(out).args(["--progress", "none"]);
    command.env_remove("BIM_IMPORT_FAULT");
    command
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Imports a file of this content and expects one line that names it, with this word in it,
/// and no package.
pub(crate) fn is_refused(folder: &Folder, name: &str, content: impl AsRef<[u8]>, word: &str) {
    let out = folder.path("scene");
    let output = command(&[folder.write(name, content)], &out).output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{name}: {text}");
    assert!(text.contains(name) && text.contains(word), "{name}: {text}");
    assert_eq!(text.trim().lines().count(), 1, "{name}: {text}");
    assert!(!out.exists(), "{name} left a package");
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The entities of a package by GlobalId.
pub(crate) fn entities(package: &Path) -> HashMap<String, Value> {
    let text = fs::read_to_string(package.join("entities.ndjson")).unwrap();
    let parse = |line: &str| {
        let entity: Value = serde_json::from_str(line).unwrap();
        (entity["id"].as_str().unwrap().to_owned(), entity)
    };
    text.lines().map(parse).collect()
}

/// Every file of a package but the report, by name.
pub(crate) fn content(package: &Path) -> HashMap<PathBuf, Vec<u8>> {
    let mut files = HashMap::new();
    let mut open = vec![package.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().unwrap() != "report.json" {
                let name = path.strip_prefix(package).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}
