//! The parent's side: starts the worker, takes its frames, and ends it when an element
//! hangs. Elements that hang or crash are tried once more alone, then given up.

use std::{
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use hashbrown::{HashMap, HashSet};
use thiserror::Error;

pub(crate) use super::outcome::{Cause, Fate, Geometry};
use super::{
    outcome::{Done, Troubled},
    protocol::{self, Frame, Task},
};
use crate::{ifc::engine::rewrite::Detail, resources, store::Store};

/// Frames waiting for the parent; the worker waits when there are more.
const FRAMES: usize = 256;

/// How long things may take: processor time where the system tells it, so that a busy
/// machine does not change what is imported, else by the clock. A worker that uses no
/// processor time at all for [`Limits::STALLED`] waits for nothing and is ended, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For one element.
    pub(crate) element: Duration,
    /// For one element tried again without its cuts.
    pub(crate) uncut: Duration,
    /// For all of a file.
    pub(crate) file: Duration,
    /// How much a worker may grow while it tessellates, KiB.
    pub(crate) memory_kib: u64,
}

impl Limits {
    /// After how long without any processor time a thread counts as stuck.
    const STALLED: Duration = Duration::from_secs(60);

    /// The limits for a file of so many bytes.
    pub(crate) fn for_file(bytes: u64, element: Duration) -> Self {
        let mib = bytes / (1 << 20);
        Self {
            element,
            uncut: element.mul_f64(0.3),
            file: Duration::from_secs(16 + 2 * mib) + element,
            memory_kib: (640 + 2 * mib) << 10,
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
    Hung(Vec<Alike>),
    /// It ended by itself, with these elements under way.
    Crashed(Vec<Alike>),
    /// It grew too large, with these elements under way.
    TooLarge(Vec<Alike>),
    OutOfTime,
}

/// Elements that are drawn as one: what happens to it happens to all.
type Alike = Vec<u32>;

/// What a thread of the worker is at.
struct UnderWay {
    id: u32,
    copies: Vec<u32>,
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
    fn all(&self) -> Alike {
        std::iter::once(self.id).chain(self.copies.iter().copied()).collect()
    }

    /// Whether it has taken more than its time.
    fn hangs(&mut self, pid: u32, limit: Duration) -> bool {
        // Asked some tenths of a second after it began, but a thread is seldom the
        // first to be asked: what is missed is small beside the limit.
        self.spent.exceeds(limit, self.tid.and_then(|tid| resources::thread_cpu(pid, tid)))
    }
}

/// What is known of a running worker.
struct Running {
    under_way: HashMap<u32, UnderWay>,
    started: Instant,
    /// When it had read the file and how large it was then, KiB.
    ready: Option<(Duration, u64)>,
    last_frame: Instant,
    last_check: Instant,
    hanging_since: Option<Instant>,
}

impl Running {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            under_way: HashMap::new(),
            started: now,
            ready: None,
            last_frame: now,
            last_check: now,
            hanging_since: None,
        }
    }

    fn is_ready(&mut self, pid: u32) {
        let size = resources::process_kib(pid).unwrap_or(u64::MAX);
        self.ready = Some((self.started.elapsed(), size));
    }

    fn under_way(&self) -> Vec<Alike> {
        self.under_way.values().map(UnderWay::all).collect()
    }

    /// Whether it is time to end it.
    fn check(&mut self, pid: u32, element: Duration, memory_kib: u64) -> Option<End> {
        let (starting, size) = self.ready?;
        let grown = resources::process_kib(pid).unwrap_or_default().saturating_sub(size);
        if grown > memory_kib {
            return Some(End::TooLarge(self.under_way()));
        }
        let hanging: Vec<Alike> = self
            .under_way
            .values_mut()
            .filter_map(|at| at.hangs(pid, element).then(|| at.all()))
            .collect();
        if hanging.is_empty() {
            self.hanging_since = None;
            return None;
        }
        let since = *self.hanging_since.get_or_insert_with(Instant::now);
        // As long as other threads go on, so does the worker, but not for longer than
        // another one would need to come as far.
        let quiet = self.last_frame.elapsed() > Duration::from_millis(200);
        let all = quiet && hanging.len() == self.under_way.len();
        (all || since.elapsed() > starting).then_some(End::Hung(hanging))
    }
}

impl Watch<'_> {
    fn all(&mut self) -> Result<(), WorkerError> {
        let (mut troubled, suspects) = self.everything()?;
        for ids in suspects {
            // One of several under way was to blame; alone, each shows for itself.
            let task = self.task(Vec::new(), ids.clone(), Detail::Full);
            let cause = match self.run(&task, self.limits.element)? {
                End::Finished => continue,
                End::Hung(_) => Cause::Hung,
                End::Crashed(_) => Cause::Crashed,
                End::TooLarge(_) => Cause::TooLarge,
                End::OutOfTime => Cause::OutOfTime,
            };
            troubled.extend(ids.into_iter().map(|id| (id, cause)));
        }
        troubled.sort_unstable_by_key(|(id, _)| *id);
        let left = self.again(troubled, Detail::Uncut, self.limits.uncut, Fate::Uncut)?;
        // A box takes a fraction of this, but it is the last that can be had, and a machine
        // that is lent to several counts what it gives to others as ours.
        let left = self.again(left, Detail::Box, self.limits.element, Fate::Boxed)?;
        self.geometry.fates.extend(left.into_iter().map(|(id, cause)| (id, Fate::Dropped(cause))));
        Ok(())
    }

    /// Tessellates all there is, leaving out what hangs; the elements that do, and those
    /// that may have ended a worker.
    fn everything(&mut self) -> Result<(Vec<Troubled>, Vec<Alike>), WorkerError> {
        let (mut hung, mut suspects) = (Vec::new(), Vec::<Alike>::new());
        loop {
            let done = self.geometry.shapes.keys().copied();
            let known = hung.iter().map(|(id, _)| *id);
            let known = known.chain(suspects.iter().flatten().copied());
            let task = self.task(done.chain(known).collect(), Vec::new(), Detail::Full);
            match self.run(&task, self.limits.element)? {
                End::Finished => break,
                End::Hung(ids) => {
                    hung.extend(ids.into_iter().flatten().map(|id| (id, Cause::Hung)));
                }
                // Which elements were under way is not known to the last: once more.
                End::Crashed(_) if !self.careful => self.careful = true,
                // Nothing under way: it fails by itself, and would again.
                End::Crashed(ids) | End::TooLarge(ids) if ids.is_empty() => {
                    self.geometry.incomplete = Some("the geometry worker ended by itself");
                    break;
                }
                End::Crashed(ids) | End::TooLarge(ids) => suspects.extend(ids),
                End::OutOfTime => {
                    self.geometry.incomplete = Some("the time for this file was up");
                    break;
                }
            }
        }
        suspects.sort_unstable();
        Ok((hung, suspects))
    }

    fn task(&self, skip: Vec<u32>, only: Vec<u32>, detail: Detail) -> Task {
        let threads = if only.is_empty() { self.threads } else { 1 };
        let careful = self.careful;
        Task { path: self.file.to_owned(), skip, only, detail, threads, careful }
    }

    /// Tries elements again in less detail; those are left of which still nothing came.
    fn again(
        &mut self,
        mut elements: Vec<Troubled>,
        detail: Detail,
        limit: Duration,
        fate: fn(Cause) -> Fate,
    ) -> Result<Vec<Troubled>, WorkerError> {
        // Few, and likely to end the worker.
        self.careful = true;
        let mut failed = Vec::new();
        while !elements.is_empty() {
            let ids: Vec<u32> = elements.iter().map(|(id, _)| *id).collect();
            for id in &ids {
                self.geometry.shapes.remove(id);
            }
            let task = self.task(Vec::new(), ids, detail);
            let (stuck, stop) = match self.run(&task, limit)? {
                End::Finished | End::OutOfTime => (HashSet::new(), true),
                End::Hung(ids) | End::Crashed(ids) | End::TooLarge(ids) => {
                    let nothing_done = ids.is_empty();
                    (ids.into_iter().flatten().collect(), nothing_done)
                }
            };
            let mut waiting = Vec::new();
            for (id, cause) in elements {
                match self.geometry.shapes.get(&id) {
                    Some(kept) if kept.is_drawn => {
                        self.geometry.fates.insert(id, fate(cause));
                    }
                    None if !stop && !stuck.contains(&id) => waiting.push((id, cause)),
                    _ => failed.push((id, cause)),
                }
            }
            elements = waiting;
        }
        Ok(failed)
    }

    /// Runs one worker to its end, whichever that is.
    fn run(&mut self, task: &Task, element: Duration) -> Result<End, WorkerError> {
        let start_error = |source| WorkerError::Start { program: self.program.to_owned(), source };
        let mut worker = Worker::start(self.program, task).map_err(start_error)?;
        let mut state = Running::new();
        let end = loop {
            match worker.frames.recv_timeout(Duration::from_millis(50)) {
                Ok(frame) => {
                    state.last_frame = Instant::now();
                    match self.take(frame, &mut state.under_way) {
                        Taken::Ready => state.is_ready(worker.pid()),
                        Taken::More => {}
                        Taken::Finished => break End::Finished,
                        Taken::Failed(reason) => return Err(WorkerError::Unreadable(reason)),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected)
                    if state.ready.is_none() && !worker.was_killed_by_signal() =>
                {
                    return Err(WorkerError::NotAWorker { program: self.program.to_owned() });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    break End::Crashed(state.under_way());
                }
            }
            if state.last_check.elapsed() < Duration::from_millis(50) {
                continue;
            }
            state.last_check = Instant::now();
            if self.is_out_of_time(worker.pid()) {
                break End::OutOfTime;
            }
            if let Some(end) = state.check(worker.pid(), element, self.limits.memory_kib) {
                break end;
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
            Frame::Started { thread, tid, id, copies } => {
                under_way.insert(thread, UnderWay { id, copies, tid, spent: Spent::new() });
            }
            Frame::Done { thread, id, extent, is_drawn, shape, copies } => {
                under_way.remove(&thread);
                let (shape, copies) = (&shape, &copies);
                self.geometry.keep(&Done { id, extent, is_drawn, shape, copies });
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
