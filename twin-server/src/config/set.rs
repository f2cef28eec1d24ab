//! The set of bindings of a configuration: its own, those of the files in `bindings.d`
//! beside it, and those that its profiles come to.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use toml::Spanned;

use super::{
    ConfigError, Problem, binding,
    error::{Collector, line_of},
    load::parse_raw,
    profile,
    raw::{RawBinding, RawPart, RawUse},
    shape::Labels,
};
use crate::bindings::{Binding, Discovery};

/// Folder beside the configuration whose `*.toml` hold more bindings.
const FOLDER: &str = "bindings.d";
/// Folder beside the configuration whose profiles go before the built-in ones.
pub(super) const PROFILES: &str = "profiles";
/// Where accepted suggestions are written, relative to the configuration.
pub const ACCEPTED: &str = "bindings.d/accepted.toml";

/// A file that is taken to say something else than what is on disk.
#[derive(Clone, Copy, Debug)]
pub struct Instead<'a> {
    /// The file.
    pub file: &'a Path,
    /// What it would say.
    pub text: &'a str,
}

/// Bindings as they are collected from their files.
pub(super) struct BindingSet<'a> {
    dir: &'a Path,
    instead: Option<Instead<'a>>,
    pub(super) bindings: Vec<Binding>,
    pub(super) discoveries: Vec<Discovery>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// Where each name given by a person was first given.
    names: HashMap<Arc<str>, String>,
}

impl<'a> BindingSet<'a> {
    pub(super) fn new(dir: &'a Path, instead: Option<Instead<'a>>) -> Self {
        Self {
            dir,
            instead,
            bindings: Vec::new(),
            discoveries: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// Adds what one file says; no file is the configuration itself.
    pub(super) fn add(
        &mut self,
        file: Option<&Path>,
        text: &str,
        bindings: &[Spanned<RawBinding>],
        uses: &[Spanned<RawUse>],
    ) {
        let mut out = Collector::new(text);
        let mut warnings = Vec::new();
        let mut labels = Labels::default();
        for (index, raw) in bindings.iter().enumerate() {
            let checked = binding::check(index, raw, &mut out, &mut warnings);
            // Those of the configuration itself are compared with its computed points too.
            let points = if file.is_some() { &raw.get_ref().points[..] } else { &[] };
            for (n, point) in points.iter().enumerate() {
                let (key, point) = (format!("binding[{index}].point[{n}]"), point.get_ref());
                labels.add(&point.metric, point.states.as_ref(), &key, &mut out);
            }
            if let Some(name) = &raw.get_ref().name {
                let key = format!("binding[{index}].name");
                self.name(file, name, raw.span().start, &key, &mut out);
            }
            self.bindings.extend(checked);
        }
        let place = file.map(|file| format!("{}: ", file.display())).unwrap_or_default();
        self.warnings.extend(warnings.into_iter().map(|warning| format!("{place}{warning}")));
        for (index, raw) in uses.iter().enumerate() {
            self.put_to_use(file, index, raw, &mut out);
        }
        self.problems.extend(
            out.problems
                .into_iter()
                .map(|problem| Problem { file: file.map(Path::to_owned), ..problem }),
        );
    }

    fn put_to_use(
        &mut self,
        file: Option<&Path>,
        index: usize,
        raw: &Spanned<RawUse>,
        out: &mut Collector<'_>,
    ) {
        let key = format!("profile[{index}]");
        let given = &raw.get_ref().name;
        let name = given.as_ref().unwrap_or(&raw.get_ref().profile);
        self.name(file, name.get_ref(), name.span().start, &format!("{key}.name"), out);
        let line = line_of(out.text(), raw.span().start);
        let Some(expanded) = profile::expand(self.dir, raw.get_ref(), &key, out) else { return };
        let place = match file {
            Some(file) => format!("{}:{line}", file.display()),
            None => format!("line {line} of the configuration"),
        };
        self.problems.extend(expanded.problems.into_iter().map(|problem| Problem {
            message: format!("{} (used in {place})", problem.message),
            ..problem
        }));
        self.warnings.extend(expanded.warnings);
        self.bindings.extend(expanded.bindings);
        self.discoveries.extend(expanded.discovery);
    }

    /// Notes a name, and tells where it was given before.
    fn name(
        &mut self,
        file: Option<&Path>,
        name: &str,
        start: usize,
        key: &str,
        out: &mut Collector<'_>,
    ) {
        let line = line_of(out.text(), start);
        let place = match file {
            Some(file) => format!("{}:{line}", file.display()),
            None => format!("line {line}"),
        };
        if let Some(before) = self.names.get(name) {
            out.add(start..start, key, format!("{name:?} names two; the other is in {before}"));
            return;
        }
        self.names.insert(name.into(), place);
    }

    /// Adds the files of the folder beside the configuration, by name.
    ///
    /// # Errors
    /// Where the folder, or a file in it, cannot be read.
    pub(super) fn add_folder(&mut self) -> Result<(), ConfigError> {
        let mut files = toml_files(&self.dir.join(FOLDER))?;
        if let Some(instead) = self.instead.filter(|instead| !files.contains(&instead.file.into()))
        {
            files.push(instead.file.to_owned());
            files.sort_unstable();
        }
        for file in files {
            let text = match self.instead {
                Some(instead) if instead.file == file => instead.text.to_owned(),
                _ => fs::read_to_string(&file)
                    .map_err(|source| ConfigError::Read { file: file.clone(), source })?,
            };
            match parse_raw::<RawPart>(&text) {
                Ok(part) => self.add(Some(&file), &text, &part.bindings, &part.uses),
                Err(problem) => self.problems.push(Problem { file: Some(file), ..problem }),
            }
        }
        Ok(())
    }
}

/// Checks the text of one `[[binding]]`.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn one_binding(text: &str) -> Result<Binding, String> {
    let part: RawPart = parse_raw(text).map_err(|problem| problem.message)?;
    let mut out = Collector::new(text);
    let checked =
        part.bindings.first().map(|raw| binding::check(0, raw, &mut out, &mut Vec::new()));
    match (checked.flatten(), out.problems.first()) {
        (Some(binding), None) => Ok(binding),
        (_, Some(problem)) => Err(format!("{}: {}", problem.key, problem.message)),
        (None, None) => Err("no binding".to_owned()),
    }
}

/// The `*.toml` of a folder, by name; none where there is no such folder.
fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let read = |source| ConfigError::Read { file: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(read)?.path();
        // Editors keep their own files beside the one that is edited.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if path.extension().is_some_and(|extension| extension == "toml") && !hidden {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// What the files of a configuration look like from outside: their sizes and times of
/// change. Taken by asking, since network file systems send no notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Vec<(PathBuf, u64, Option<SystemTime>)>);

/// The fingerprint of a configuration and of the files it takes in now. A file that cannot
/// be looked at is left out: reading it will tell why.
pub fn fingerprint(file: &Path) -> Fingerprint {
    let dir = file.parent().unwrap_or(Path::new(""));
    let mut files = vec![file.to_owned()];
    for folder in [FOLDER, PROFILES] {
        files.extend(toml_files(&dir.join(folder)).unwrap_or_default());
    }
    let look = |path: PathBuf| {
        let found = fs::metadata(&path).ok()?;
        Some((path, found.len(), found.modified().ok()))
    };
    Fingerprint(files.into_iter().filter_map(look).collect())
}
