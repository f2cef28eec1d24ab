//! The worker's side: scan the file, tessellate element by element, report each.

use std::{
    io::{self, BufWriter, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use hashbrown::HashSet;

use super::{
    fault::Fault,
    protocol::{self, Frame, Part, Shape, Task},
};
use crate::{
    ifc::engine::geometry::{self, Engine, Group, Job, Memo, Prepared, Tessellated},
    resources,
};

/// Runs the task on standard input; the process's exit code.
pub(super) fn run() -> i32 {
    let Ok(Some(task)) = protocol::read::<Task>(&mut io::stdin().lock()) else { return 2 };
    // The parent holds our input open; when it closes, nobody waits for us any more.
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(3);
    });
    // Panics are caught and reported as frames; their text would only be noise.
    std::panic::set_hook(Box::new(|_| {}));
    let frames = Arc::new(Frames::new(task.careful));
    if !task.careful {
        // Ends with the process.
        let frames = Arc::clone(&frames);
        thread::spawn(move || frames.flush_now_and_then());
    }
    work(&task, &frames);
    0
}

/// How long a frame may wait for more to go with it: much less than what an element may
/// take, so the one that announces an element that hangs is with the parent in time.
const PAUSE: Duration = Duration::from_millis(20);

/// The way to the parent.
struct Frames {
    out: Mutex<BufWriter<io::Stdout>>,
    careful: bool,
}

impl Frames {
    fn new(careful: bool) -> Self {
        Self { out: Mutex::new(BufWriter::with_capacity(1 << 18, io::stdout())), careful }
    }

    /// Sends a frame, waiting while the parent has enough to read. Without a parent there
    /// is nothing left to do for this process.
    fn send(&self, frame: &Frame) {
        // A crash would take unsent frames with it.
        self.write(|out| {
            protocol::write(&mut *out, frame)?;
            if self.careful { out.flush() } else { Ok(()) }
        });
    }

    fn flush(&self) {
        self.write(Write::flush);
    }

    fn flush_now_and_then(&self) {
        loop {
            thread::sleep(PAUSE);
            self.flush();
        }
    }

    fn write(&self, write: impl FnOnce(&mut BufWriter<io::Stdout>) -> io::Result<()>) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if write(&mut out).is_err() {
            std::process::exit(3);
        }
    }
}

fn work(task: &Task, frames: &Frames) {
    let failed = |reason: String| {
        frames.send(&Frame::Failed { reason });
        frames.flush();
    };
    let bytes = match std::fs::read(&task.path) {
        Ok(bytes) => bytes,
        Err(error) => return failed(error.to_string()),
    };
    geometry::prepare_threads(task.threads);
    let gave_up = || failed("the geometry engine gave up on the file".into());
    let prepare = AssertUnwindSafe(|| Prepared::read(bytes, task.detail));
    let Ok(file) = catch_unwind(prepare) else { return gave_up() };
    let Ok(engine) = catch_unwind(AssertUnwindSafe(|| Engine::open(&file))) else {
        return gave_up();
    };
    let skip: HashSet<u32> = task.skip.iter().copied().collect();
    let only: HashSet<u32> = task.only.iter().copied().collect();
    let wanted =
        |job: &&Job| !skip.contains(&job.id) && (only.is_empty() || only.contains(&job.id));
    let jobs: Vec<&Job> = engine.jobs().iter().filter(wanted).collect();
    let groups = engine.groups(&jobs, task.threads);
    frames.send(&Frame::Ready { elements: u32::try_from(jobs.len()).unwrap_or(u32::MAX) });
    let shared = Shared {
        engine: &engine,
        groups: &groups,
        next: AtomicUsize::new(0),
        frames,
        fault: Fault::from_environment(),
    };
    thread::scope(|scope| {
        for number in 0..task.threads.max(1) {
            let shared = &shared;
            let thread = thread::Builder::new().stack_size(geometry::STACK_BYTES);
            if thread.spawn_scoped(scope, move || tessellate_jobs(number, shared)).is_err() {
                // The threads there are do the work; with none, this one.
                if number == 0 {
                    tessellate_jobs(number, shared);
                }
                break;
            }
        }
    });
    frames.send(&Frame::Finished { peak_kib: resources::peak_kib() });
    frames.flush();
}

struct Shared<'a> {
    engine: &'a Engine<'a>,
    groups: &'a [Group],
    next: AtomicUsize,
    frames: &'a Frames,
    fault: Fault,
}

/// Takes up one element after the other until none is left.
fn tessellate_jobs(number: u32, shared: &Shared<'_>) {
    let tid = resources::thread_id();
    let mut memo = Memo::default();
    while let Some(group) = shared.groups.get(shared.next.fetch_add(1, Ordering::Relaxed)) {
        let Group { job, copies } = group;
        shared.frames.send(&Frame::Started {
            thread: number,
            tid,
            id: job.id,
            copies: copies.iter().map(|(id, _)| *id).collect(),
        });
        let engine = shared.engine;
        shared.fault.strike(group, engine.cuts_openings(job.id), engine.detail());
        let shape = catch_unwind(AssertUnwindSafe(|| engine.tessellate(job, &mut memo)))
            .unwrap_or_else(|_| {
                memo = Memo::default();
                Tessellated::complaining("the geometry engine gave up on it")
            });
        let shape = Shape::from(shape);
        shared.frames.send(&Frame::Done {
            thread: number,
            id: job.id,
            extent: shape.extent(),
            is_drawn: !shape.parts.is_empty(),
            shape: shape.encode(),
            copies: copies.clone(),
        });
    }
}

impl From<Tessellated> for Shape {
    fn from(tessellated: Tessellated) -> Self {
        let part = |part: geometry::Part| Part {
            origin: part.origin,
            positions: part.positions,
            normals: part.normals,
            indices: part.indices,
            color: part.color,
        };
        Self {
            parts: tessellated.parts.into_iter().map(part).collect(),
            complaints: tessellated.complaints,
        }
    }
}
