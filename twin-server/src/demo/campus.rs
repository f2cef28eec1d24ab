//! The campus on disk: generated and imported once, kept until generator or importer change.

use std::{
    env, fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use bim_import::{Options, Progress};

/// Changes with the source of generator and importer; see `build.rs`.
const FINGERPRINT: &str = env!("TWIN_DEMO_FINGERPRINT");

/// Where programs keep what they can make again.
pub(super) fn cache_folder() -> anyhow::Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let found = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))
    };
    found.context("no cache folder is known to the system: give one with --data DIR")
}

/// The scene package of the campus, made now or found from an earlier start.
pub(super) fn prepare(data: &Path, elements: Option<u64>) -> anyhow::Result<PathBuf> {
    let scene = data.join("scene");
    let stamp = data.join("scene.stamp");
    let wanted = format!("{FINGERPRINT} elements={elements:?}\n");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted)
        && scene.join("scene.json").is_file()
    {
        tracing::info!("campus: {}", scene.display());
        return Ok(scene);
    }
    let started = Instant::now();
    let source = data.join("source");
    tracing::info!("making the campus in {}: this is done once", data.display());
    let options = demo_campus::Options { elements, ..demo_campus::Options::default() };
    let files = demo_campus::generate(&options, &source)?;
    let mut progress = Shown::new(&files);
    let summary = bim_import::import(&files, &Options::new(&scene), &mut progress)
        .with_context(|| format!("importing the campus into {}", scene.display()))?;
    progress.end();
    let failed: Vec<String> = summary
        .report
        .sources
        .iter()
        .filter_map(|source| Some(format!("{}: {}", source.file, source.error.as_ref()?)))
        .collect();
    if !failed.is_empty() {
        bail!("importing the campus: {}", failed.join("; "));
    }
    // Only a package that is whole is stamped; an interrupted import is made again.
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))?;
    tracing::info!(
        entities = summary.entities,
        seconds = started.elapsed().as_secs(),
        "campus imported"
    );
    Ok(scene)
}

/// One line that is written over on a terminal, one line a file elsewhere.
struct Shown {
    names: Vec<String>,
    taken_up: usize,
    terminal: bool,
    last: Instant,
}

impl Shown {
    fn new(files: &[PathBuf]) -> Self {
        let name = |file: &PathBuf| file.file_name().unwrap_or_default().display().to_string();
        Self {
            names: files.iter().map(name).collect(),
            taken_up: 0,
            terminal: std::io::stderr().is_terminal(),
            last: Instant::now(),
        }
    }

    /// Writes over the line; a terminal that went away is not worth an error.
    fn line(&mut self, text: &str) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K{text}");
        }
    }

    fn end(&mut self) {
        self.line("");
    }
}

impl Progress for Shown {
    fn started(&mut self, _file: usize, name: &str) {
        // Several are read at a time, the largest first.
        self.taken_up += 1;
        let text = format!("importing {name} ({}/{})", self.taken_up, self.names.len());
        if self.terminal { self.line(&text) } else { tracing::info!("{text}") }
    }

    fn advanced(&mut self, file: usize, done: u64, total: u64) {
        if self.last.elapsed().as_millis() < 100 {
            return;
        }
        self.last = Instant::now();
        let name = self.names.get(file).cloned().unwrap_or_default();
        let (nth, of) = (self.taken_up, self.names.len());
        self.line(&format!("importing {name} ({nth}/{of}) · {done} of {total} elements"));
    }

    fn writing(&mut self) {
        self.line("writing the scene package");
    }
}
