//! The import as a whole, for programs that embed it.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use thiserror::Error;

use crate::{
    audit,
    crs::{Crs, CrsError},
    ifc,
    options::Options,
    package::{self, PackageError},
    report::Report,
    resources, scene, target,
};

/// Is told how the import goes. All methods do nothing unless written.
pub trait Progress: Send {
    /// A file is taken up; `file` is its position among those given.
    fn started(&mut self, file: usize, name: &str) {
        let _ = (file, name);
    }
    /// So many of a file's elements are done.
    fn advanced(&mut self, file: usize, done: u64, total: u64) {
        let _ = (file, done, total);
    }
    /// A file is read.
    fn finished(&mut self, file: usize) {
        let _ = file;
    }
    /// A file could not be read, and why; the others go on.
    fn failed(&mut self, file: usize, reason: &str) {
        let _ = (file, reason);
    }
    /// All files are read; the package is being written.
    fn writing(&mut self) {}
    /// So many of the elements that are drawn are in their tiles.
    fn written(&mut self, done: u64, total: u64) {
        let _ = (done, total);
    }
}

/// Silence.
impl Progress for () {}

/// An import that came to nothing.
#[derive(Debug, Error)]
pub enum ImportError {
    /// No files.
    #[error("no files to import")]
    NoFiles,
    /// A file that is not there, or is a folder.
    #[error("{path}: {reason}")]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The coordinate system asked for is not usable.
    #[error("--crs: {0}")]
    Crs(#[from] CrsError),
    /// None of the files could be read; each with its reason.
    #[error("nothing could be imported: {}", .0.iter().map(|(file, why)| format!("{file} {why}")).collect::<Vec<_>>().join("; "))]
    Nothing(Vec<(String, String)>),
    /// Files that are cut off would take the place of a package.
    #[error(
        "{} and may be cut off; the package in {dir} stays as it is: choose another --out, or remove it",
        cut_off(.files)
    )]
    CutOff {
        /// What the report calls the files.
        files: Vec<String>,
        /// The package.
        dir: PathBuf,
    },
    /// The package could not be written.
    #[error(transparent)]
    Package(#[from] PackageError),
}

impl ImportError {
    /// Whether the arguments were unusable, and not the files' content.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::NoFiles | Self::Input { .. } | Self::Crs(_) => true,
            Self::Package(error) => {
                matches!(
                    error,
                    PackageError::NotAPackage(_)
                        | PackageError::Foreign { .. }
                        | PackageError::DeadLink(_)
                )
            }
            Self::Nothing(_) | Self::CutOff { .. } => false,
        }
    }
}

/// What an import came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Revision of the package written.
    pub revision: String,
    /// Entities in it.
    pub entities: usize,
    /// The report, as it stands in `report.json`.
    pub report: Report,
}

/// Imports files into one scene package.
///
/// Geometry runs in worker processes: the calling program must call
/// [`crate::worker::run_if_worker`] first thing in `main`, or name in [`Options::worker`]
/// one that does. Blocks; call it from a thread of its own in an async program.
///
/// # Errors
/// When an argument is unusable, when no file could be read, when one is cut off and there
/// is a package already, or when the package cannot be written. A file among several that
/// cannot be read is no error: it stands in the report.
pub fn import(
    files: &[PathBuf],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Summary, ImportError> {
    let started = Instant::now();
    let options = &Options { out: target::resolve(&options.out)?, ..options.clone() };
    target::tidy(&options.out);
    check(files, options)?;
    let store = package::store_beside(&options.out)?;
    let mut scene = scene::read(files, options, store, progress);
    // A full disk is said before anything is made of what it lost.
    scene.meshes.store().settle().map_err(|source| PackageError::Write {
        path: target::parent(&options.out).to_owned(),
        source,
    })?;
    let failed: Vec<(String, String)> = scene
        .sources
        .iter()
        .filter_map(|source| Some((source.report.file.clone(), source.report.error.clone()?)))
        .collect();
    if failed.len() == files.len() {
        return Err(ImportError::Nothing(failed));
    }
    spare(&options.out, &scene)?;
    if let Some(path) = &options.audit {
        write_audit(path, &mut scene)?;
    }
    tracing::debug!(seconds = started.elapsed().as_secs_f64(), "read and placed");
    progress.writing();
    let mut report = Report::default();
    let progress = Mutex::new(progress);
    let tell = |done, total| {
        progress.lock().unwrap_or_else(PoisonError::into_inner).written(done, total);
    };
    let written = package::write(&options.out, scene, &mut report, &tell, |report| {
        let workers = report.sources.iter().map(|source| source.worker_peak_mib);
        report.peak_mib =
            scene::mib(resources::peak_kib().unwrap_or_default()) + workers.fold(0.0, f64::max);
        report.seconds = started.elapsed().as_secs_f64();
    })?;
    Ok(Summary { revision: written.revision, entities: written.entities, report })
}

/// Keeps a package from part of a file: a copy that broke off is no new revision.
fn spare(dir: &Path, scene: &scene::Scene) -> Result<(), ImportError> {
    let cut_off = scene.sources.iter().filter(|source| source.report.cut_off);
    let files: Vec<String> = cut_off.map(|source| source.report.file.clone()).collect();
    if files.is_empty() || !target::is_package(dir) {
        return Ok(());
    }
    Err(ImportError::CutOff { files, dir: dir.to_owned() })
}

fn cut_off(files: &[String]) -> String {
    let end = if files.len() == 1 { "ends" } else { "end" };
    format!("{} {end} without {}", files.join(", "), ifc::read::END_OF_FILE)
}

/// Writes the report to a file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_report(path: &Path, report: &Report) -> Result<(), PackageError> {
    package::write_json(path, report, &mut sha2::Digest::new())
}

fn write_audit(path: &Path, scene: &mut scene::Scene) -> Result<(), PackageError> {
    let mut elements = Vec::new();
    for source in &mut scene.sources {
        for mut measured in std::mem::take(&mut source.imported.measured) {
            measured.source.clone_from(&source.file);
            elements.push(measured);
        }
    }
    audit::write(path, &elements)
        .map_err(|source| PackageError::Write { path: path.to_owned(), source })
}

fn check(files: &[PathBuf], options: &Options) -> Result<(), ImportError> {
    if files.is_empty() {
        return Err(ImportError::NoFiles);
    }
    for path in files {
        let input = |reason: String| ImportError::Input { path: path.clone(), reason };
        let metadata = std::fs::metadata(path).map_err(|error| input(error.to_string()))?;
        if metadata.is_dir() {
            return Err(input("is a folder; name the files in it".into()));
        }
        if !metadata.is_file() {
            // A pipe has no length and may have no end.
            return Err(input("is no regular file; save what it gives to one first".into()));
        }
    }
    for name in options.crs.names() {
        Crs::parse(name)?;
    }
    Ok(target::check(&options.out)?)
}
