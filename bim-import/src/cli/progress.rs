//! How far the import is: bars on a terminal, JSON lines for programs; both with the
//! seconds that are left.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bim_import::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::emit;

/// How long is left, from how far the files are and how large they are.
struct Pace {
    started: Instant,
    sizes: Vec<f64>,
    /// How much of each file is read, 0 to 1.
    read: Vec<f64>,
    /// How much of the package is written, 0 to 1.
    written: f64,
}

impl Pace {
    /// What of an import is reading; the rest is writing.
    const READING: f64 = 0.8;
    /// Below this, a guess would jump about.
    const MIN_DONE: f64 = 0.02;

    fn new(files: &[PathBuf]) -> Self {
        // An empty file, or one that is not there, still takes its turn.
        let size = |file: &PathBuf| file.metadata().map_or(1.0, |about| about.len().max(1) as f64);
        Self {
            started: Instant::now(),
            sizes: files.iter().map(size).collect(),
            read: vec![0.0; files.len()],
            written: 0.0,
        }
    }

    fn set(&mut self, file: usize, done: u64, total: u64) {
        if let Some(read) = self.read.get_mut(file) {
            *read = done as f64 / total.max(1) as f64;
        }
    }

    /// How much of all is done, 0 to 1.
    fn done(&self) -> f64 {
        let all: f64 = self.sizes.iter().sum();
        let read: f64 = self.sizes.iter().zip(&self.read).map(|(size, read)| size * read).sum();
        Self::READING * read / all.max(1.0) + (1.0 - Self::READING) * self.written
    }

    /// Whole seconds; nothing while it is too early to tell.
    fn seconds_left(&self) -> Option<u64> {
        self.left_after(self.started.elapsed())
    }

    fn left_after(&self, elapsed: Duration) -> Option<u64> {
        let done = self.done();
        let left = elapsed.as_secs_f64() * (1.0 - done) / done;
        (done >= Self::MIN_DONE).then(|| left.round() as u64)
    }
}

/// JSON lines, at most ten a second for each file.
pub(super) struct Lines {
    pace: Pace,
    names: Vec<String>,
    last: Vec<Option<Instant>>,
    last_written: Option<Instant>,
}

/// Between two lines about the same thing.
const PAUSE: Duration = Duration::from_millis(100);

impl Lines {
    pub(super) fn new(files: &[PathBuf]) -> Self {
        let name = |file: &PathBuf| file.file_name().unwrap_or_default().display().to_string();
        Self {
            pace: Pace::new(files),
            names: files.iter().map(name).collect(),
            last: vec![None; files.len()],
            last_written: None,
        }
    }

    fn name(&self, file: usize) -> &str {
        self.names.get(file).map_or("", String::as_str)
    }
}

/// Whether a line is due, and notes it if so; the last one always is.
fn is_due(last: &mut Option<Instant>, done: u64, total: u64) -> bool {
    let due = done >= total || last.is_none_or(|last| last.elapsed() >= PAUSE);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl Progress for Lines {
    fn started(&mut self, _file: usize, name: &str) {
        emit(&json!({ "event": "started", "file": name }));
    }

    fn advanced(&mut self, file: usize, done: u64, total: u64) {
        self.pace.set(file, done, total);
        if self.last.get_mut(file).is_some_and(|last| is_due(last, done, total)) {
            emit(&json!({
                "event": "progress", "file": self.name(file), "done": done, "total": total,
                "seconds_left": self.pace.seconds_left(),
            }));
        }
    }

    fn finished(&mut self, file: usize) {
        self.pace.set(file, 1, 1);
        emit(&json!({
            "event": "read", "file": self.name(file), "seconds_left": self.pace.seconds_left(),
        }));
    }

    fn failed(&mut self, file: usize, reason: &str) {
        self.pace.set(file, 1, 1);
        emit(&json!({ "event": "unreadable", "file": self.name(file), "error": reason }));
    }

    fn writing(&mut self) {
        emit(&json!({ "event": "writing", "seconds_left": self.pace.seconds_left() }));
    }

    fn written(&mut self, done: u64, total: u64) {
        self.pace.written = done as f64 / total.max(1) as f64;
        if is_due(&mut self.last_written, done, total) {
            emit(&json!({
                "event": "written", "done": done, "total": total,
                "seconds_left": self.pace.seconds_left(),
            }));
        }
    }
}

/// A bar for every file being read, and one for all.
pub(super) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    open: Vec<(usize, ProgressBar)>,
    pace: Pace,
}

/// Steps of the bar for all: it shows the share that is done.
const STEPS: u64 = 1_000;

impl Bars {
    pub(super) fn new(files: &[PathBuf]) -> Self {
        let all = MultiProgress::new();
        let total = all.add(ProgressBar::new(STEPS));
        total.set_style(style("{percent:>3} % {bar:30} {elapsed} {msg}"));
        total.enable_steady_tick(Duration::from_millis(200));
        Self { all, total, open: Vec::new(), pace: Pace::new(files) }
    }

    fn bar(&self, file: usize) -> Option<&ProgressBar> {
        self.open.iter().find(|(number, _)| *number == file).map(|(_, bar)| bar)
    }

    fn show(&self, doing: &str) {
        self.total.set_position((self.pace.done() * STEPS as f64) as u64);
        let left = self.pace.seconds_left().map(|left| match left {
            0..100 => format!("about {left} s left"),
            _ => format!("about {} min left", left.div_ceil(60)),
        });
        self.total.set_message([doing, left.as_deref().unwrap_or_default()].join(" "));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Bars {
    fn started(&mut self, file: usize, name: &str) {
        let bar = self.all.add(ProgressBar::new(0));
        bar.set_style(style("{msg:28!} {bar:30} {pos}/{len} elements"));
        bar.set_message(name.to_owned());
        self.open.push((file, bar));
    }

    fn advanced(&mut self, file: usize, done: u64, total: u64) {
        self.pace.set(file, done, total);
        if let Some(bar) = self.bar(file) {
            bar.set_length(total);
            bar.set_position(done);
        }
        self.show("reading,");
    }

    fn finished(&mut self, file: usize) {
        self.pace.set(file, 1, 1);
        if let Some(bar) = self.bar(file) {
            bar.finish_and_clear();
        }
        self.open.retain(|(number, _)| *number != file);
        self.show("reading,");
    }

    fn failed(&mut self, file: usize, _reason: &str) {
        // What is wrong is said at the end, where the bars do not hide it.
        self.finished(file);
    }

    fn writing(&mut self) {
        self.show("writing,");
    }

    fn written(&mut self, done: u64, total: u64) {
        self.pace.written = done as f64 / total.max(1) as f64;
        self.show("writing,");
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.total.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_counts_bytes_and_the_writing() {
        let mut pace = Pace::new(&[PathBuf::from("a"), PathBuf::from("b")]);
        pace.sizes = vec![900.0, 100.0];
        let ten = Duration::from_secs(10);
        assert_eq!(pace.left_after(ten), None, "too early");
        pace.set(1, 1, 1);
        // A tenth of the bytes is 8 % of the work.
        assert_eq!(pace.left_after(ten), Some(115));
        pace.set(0, 450, 900);
        assert_eq!(pace.left_after(ten), Some(13));
        pace.set(0, 1, 1);
        assert_eq!(pace.left_after(ten * 2), Some(5));
        pace.written = 1.0;
        assert_eq!(pace.left_after(ten), Some(0));
    }
}
