//! The parent's side: starts the worker, takes its frames, and ends it when an element
//! hangs. Elements that hang or crash are tried once more alone, then given up.

use std::{
    collections::HashMap,
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;
use thiserror::Error;
use twin_model::BoundingBox;

use super::protocol::{self, Frame, Shape, Task};
use crate::{
    resources,
    store::{Span, Store},
};

/// Frames waiting for the parent; the worker waits when there are more.
const FRAMES: usize = 256;

/// How long things may take: processor time where the system tells it, so that a busy
/// machine does not change what is imported, else by the clock. A worker that uses no
/// processor time at all for [`Limits::STALLED`] waits for nothing and is ended, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For one element.
    pub(crate) element: Duration,
    /// For one element tried again alone.
    pub(crate) retry: Duration,
    /// For all of a file.
    pub(crate) file: Duration,
}

impl Limits {
    /// After how long without any processor time a thread counts as stuck.
    const STALLED: Duration = Duration::from_secs(60);

    /// The limits for a file of so many bytes.
    pub(crate) fn for_file(bytes: u64, element: Duration) -> Self {
        let mib = bytes / (1 << 20);
        Self {
            element,
            retry: element.mul_f64(0.75),
            file: Duration::from_secs(16 + 2 * mib) + element,
        }
    }
}

/// Why a file has no geometry at all.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The worker's program could not be started.
    #[error("cannot start {program} to tessellate: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program does not do what a worker does.
    #[error(
        "{program} is no geometry worker: its main() must call bim_import::worker::run_if_worker() first"
    )]
    NotAWorker {
        /// The program.
        program: PathBuf,
    },
    /// The worker could not read the file.
    #[error("{0}")]
    Unreadable(String),
}

/// What became of an element that did not go the ordinary way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Drawn without its openings: cutting them did not end.
    WithoutOpenings,
    /// Did not end, and is not drawn.
    Hung,
    /// Ended the worker, and is not drawn.
    Crashed,
    /// The file's time was up.
    OutOfTime,
}

/// The geometry of a file.
#[derive(Debug)]
pub(crate) struct Geometry {
    /// Where what came of each element lies, by STEP instance name.
    shapes: FxHashMap<u32, Kept>,
    store: Store,
    /// Box around all geometry in the file's own coordinates, m.
    pub(crate) extent: Option<BoundingBox>,
    /// The elements that did not go the ordinary way.
    pub(crate) fates: HashMap<u32, Fate>,
    /// Why some elements were never taken up, if so.
    pub(crate) incomplete: Option<&'static str>,
    /// Largest size a worker reached, KiB.
    pub(crate) peak_kib: u64,
}

/// An element's shape, put aside.
#[derive(Clone, Copy, Debug)]
struct Kept {
    span: Span,
    is_drawn: bool,
}

impl Geometry {
    fn new(store: Store) -> Self {
        Self {
            shapes: FxHashMap::default(),
            store,
            extent: None,
            fates: HashMap::new(),
            incomplete: None,
            peak_kib: 0,
        }
    }

    fn keep(&mut self, id: u32, extent: Option<BoundingBox>, is_drawn: bool, shape: &[u8]) {
        self.extent = match (self.extent, extent) {
            (Some(known), Some(more)) => Some(known.union(&more)),
            (known, more) => known.or(more),
        };
        self.shapes.insert(id, Kept { span: self.store.push(shape), is_drawn });
    }

    /// What came of an element; nothing if it was never taken up.
    pub(crate) fn take(&mut self, id: u32) -> Option<Shape> {
        let kept = self.shapes.remove(&id)?;
        Some(Shape::decode(&self.store.read(kept.span)).unwrap_or_default())
    }
}

/// Tessellates a file under watch; shapes go into the store. `progress` is told elements done and to do.
pub(crate) fn tessellate(
    program: &Path,
    file: &Path,
    threads: u32,
    limits: Limits,
    store: Store,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Geometry, WorkerError> {
    let mut watch = Watch {
        program,
        file,
        threads,
        limits,
        started: Instant::now(),
        cpu_before: Duration::ZERO,
        total: 0,
        careful: false,
        geometry: Geometry::new(store),
        progress,
    };
    watch.all()?;
    Ok(watch.geometry)
}

struct Watch<'a> {
    program: &'a Path,
    file: &'a Path,
    threads: u32,
    limits: Limits,
    started: Instant,
    /// Processor time of workers that have ended.
    cpu_before: Duration,
    total: u64,
    /// Whether a worker has crashed: from then on they tell what they are at at once.
    careful: bool,
    geometry: Geometry,
    progress: &'a mut dyn FnMut(u64, u64),
}

/// How one worker ended.
enum End {
    Finished,
    /// These elements hang.
    Hung(Vec<u32>),
    /// It ended by itself, with these elements under way.
    Crashed(Vec<u32>),
    OutOfTime,
}

/// What a thread of the worker is at.
struct UnderWay {
    id: u32,
    tid: Option<u32>,
    spent: Spent,
}

/// Time spent on something since it was first asked about.
struct Spent {
    started: Instant,
    /// Processor time when first asked, and when last asked.
    cpu: Option<(Duration, Duration)>,
    /// When the processor time was last seen to grow.
    grew: Instant,
}

impl Spent {
    fn new() -> Self {
        let now = Instant::now();
        Self { started: now, cpu: None, grew: now }
    }

    /// Whether it is more than this much. `cpu` is the processor time so far, where known.
    fn exceeds(&mut self, limit: Duration, cpu: Option<Duration>) -> bool {
        let Some(cpu) = cpu else { return self.started.elapsed() > limit };
        let (first, last) = *self.cpu.get_or_insert((cpu, cpu));
        if cpu > last {
            self.cpu = Some((first, cpu));
            self.grew = Instant::now();
        }
        cpu.saturating_sub(first) > limit || self.grew.elapsed() > Limits::STALLED
    }
}

impl UnderWay {
    /// Whether it has taken more than its time.
    fn hangs(&mut self, pid: u32, limit: Duration) -> bool {
        // Asked some tenths of a second after it began, but a thread is seldom the
        // first to be asked: what is missed is small beside the limit.
        self.spent.exceeds(limit, self.tid.and_then(|tid| resources::thread_cpu(pid, tid)))
    }
}

impl Watch<'_> {
    fn all(&mut self) -> Result<(), WorkerError> {
        let mut hung = Vec::new();
        let mut crashed = Vec::new();
        loop {
            let skip: Vec<u32> =
                self.geometry.shapes.keys().chain(&hung).chain(&crashed).copied().collect();
            let task = self.task(skip, Vec::new(), true);
            match self.run(&task, self.limits.element)? {
                End::Finished => break,
                End::Hung(ids) => hung.extend(ids),
                // Which elements were under way is not known to the last: once more.
                End::Crashed(_) if !self.careful => self.careful = true,
                // Nothing under way: it fails by itself, and would again.
                End::Crashed(ids) if ids.is_empty() => {
                    self.geometry.incomplete = Some("the geometry worker ended by itself");
                    break;
                }
                End::Crashed(ids) => crashed.extend(ids),
                End::OutOfTime => {
                    self.geometry.incomplete = Some("the time for this file was up");
                    break;
                }
            }
        }
        crashed.sort_unstable();
        for id in crashed {
            // One of several under way was to blame; alone, each shows for itself.
            match self.alone(id, true)? {
                None => {}
                Some(Fate::Hung) => hung.push(id),
                Some(fate) => self.without_openings(id, fate)?,
            }
        }
        hung.sort_unstable();
        for id in hung {
            self.without_openings(id, Fate::Hung)?;
        }
        Ok(())
    }

    fn task(&self, skip: Vec<u32>, only: Vec<u32>, openings: bool) -> Task {
        let threads = if only.is_empty() { self.threads } else { 1 };
        let careful = self.careful;
        Task { path: self.file.to_owned(), skip, only, openings, threads, careful }
    }

    /// Tries one element again; nothing if it went well now.
    fn alone(&mut self, id: u32, openings: bool) -> Result<Option<Fate>, WorkerError> {
        let task = self.task(Vec::new(), vec![id], openings);
        Ok(match self.run(&task, self.limits.retry)? {
            End::Finished => None,
            End::Hung(_) => Some(Fate::Hung),
            End::Crashed(_) => Some(Fate::Crashed),
            End::OutOfTime => Some(Fate::OutOfTime),
        })
    }

    fn without_openings(&mut self, id: u32, fate: Fate) -> Result<(), WorkerError> {
        let retried = self.alone(id, false)?;
        let drawn = self.geometry.shapes.get(&id).is_some_and(|kept| kept.is_drawn);
        let fate = match retried {
            None if drawn => Fate::WithoutOpenings,
            Some(Fate::OutOfTime) if fate == Fate::Hung => Fate::Hung,
            _ => fate,
        };
        self.geometry.fates.insert(id, fate);
        Ok(())
    }

    /// Runs one worker to its end, whichever that is.
    fn run(&mut self, task: &Task, element: Duration) -> Result<End, WorkerError> {
        let start_error = |source| WorkerError::Start { program: self.program.to_owned(), source };
        let mut worker = Worker::start(self.program, task).map_err(start_error)?;
        let mut under_way: HashMap<u32, UnderWay> = HashMap::new();
        let mut ready = false;
        let mut last_frame = Instant::now();
        let mut last_check = Instant::now();
        let end = loop {
            match worker.frames.recv_timeout(Duration::from_millis(100)) {
                Ok(frame) => {
                    last_frame = Instant::now();
                    match self.take(frame, &mut under_way) {
                        Taken::Ready => ready = true,
                        Taken::More => {}
                        Taken::Finished => break End::Finished,
                        Taken::Failed(reason) => return Err(WorkerError::Unreadable(reason)),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if !ready && !worker.was_killed_by_signal() => {
                    return Err(WorkerError::NotAWorker { program: self.program.to_owned() });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    break End::Crashed(under_way.values().map(|at| at.id).collect());
                }
            }
            if last_check.elapsed() < Duration::from_millis(100) {
                continue;
            }
            last_check = Instant::now();
            if self.is_out_of_time(worker.pid()) {
                break End::OutOfTime;
            }
            // As long as one thread goes on, the worker does.
            let quiet = last_frame.elapsed() > Duration::from_millis(300);
            let pid = worker.pid();
            let hanging = under_way
                .values_mut()
                .map(|at| at.hangs(pid, element))
                .filter(|hangs| *hangs)
                .count();
            if quiet && hanging > 0 && hanging == under_way.len() {
                break End::Hung(under_way.values().map(|at| at.id).collect());
            }
        };
        self.cpu_before += resources::process_cpu(worker.pid()).unwrap_or_default();
        Ok(end)
    }

    fn take(&mut self, frame: Frame, under_way: &mut HashMap<u32, UnderWay>) -> Taken {
        match frame {
            Frame::Ready { elements } => {
                self.total = self.total.max(u64::from(elements));
                (self.progress)(self.geometry.shapes.len() as u64, self.total);
                return Taken::Ready;
            }
            Frame::Started { thread, tid, id } => {
                under_way.insert(thread, UnderWay { id, tid, spent: Spent::new() });
            }
            Frame::Done { thread, id, extent, is_drawn, shape } => {
                under_way.remove(&thread);
                self.geometry.keep(id, extent, is_drawn, &shape);
                (self.progress)(self.geometry.shapes.len() as u64, self.total);
            }
            Frame::Finished { peak_kib } => {
                let peak = peak_kib.unwrap_or_default();
                self.geometry.peak_kib = self.geometry.peak_kib.max(peak);
                return Taken::Finished;
            }
            Frame::Failed { reason } => return Taken::Failed(reason),
        }
        Taken::More
    }

    fn is_out_of_time(&self, pid: u32) -> bool {
        match resources::process_cpu(pid) {
            Some(cpu) => self.cpu_before + cpu > self.limits.file,
            None => self.started.elapsed() > self.limits.file,
        }
    }
}

enum Taken {
    Ready,
    More,
    Finished,
    Failed(String),
}

/// A running worker; ended when dropped.
struct Worker {
    child: Child,
    frames: Receiver<Frame>,
}

impl Worker {
    fn start(program: &Path, task: &Task) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg(super::ARGUMENT)
            .env(super::VARIABLE, super::VERSION)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // A program that is no worker may close its input at once; its end says enough.
        if let Some(mut input) = child.stdin.as_ref() {
            let _ = protocol::write(&mut input, task).and_then(|()| input.flush());
        }
        let (sender, frames) = mpsc::sync_channel(FRAMES);
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || {
                let mut output = BufReader::with_capacity(1 << 18, output);
                while let Ok(Some(frame)) = protocol::read(&mut output) {
                    if sender.send(frame).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, frames })
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asked when its output has ended: whether a signal ended it, as a crash does.
    fn was_killed_by_signal(&mut self) -> bool {
        for _ in 0..50 {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.code().is_none(),
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                Err(_) => return false,
            }
        }
        false
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
