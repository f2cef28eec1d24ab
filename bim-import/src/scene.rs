//! Sources become one scene: files are read side by side, put into one frame, and their
//! ids made unique.

mod far;
mod labels;
mod read;
mod twins;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use twin_model::{BoundingBox, EntityKind, scene::Origin};

use self::read::{Request, guarded, read_one, twin};
use crate::{
    Frame, Options, Progress,
    crs::Crs,
    federation::{self, Federation},
    frame::LocalFrame,
    gis, ids,
    ifc::{self, read::Semantics},
    imported::{Imported, Note, Severity},
    placement::Placement,
    placing::{self, Fix},
    report::SourceReport,
    sets,
    store::{Aside, MeshStore, Store},
    worker::watchdog::Geometry,
};

/// A file on its way into the scene.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) sha256: String,
    pub(crate) report: SourceReport,
    pub(crate) imported: Imported,
}

/// Everything read, in one frame.
pub(crate) struct Scene {
    pub(crate) sources: Vec<Source>,
    pub(crate) frame: Option<LocalFrame>,
    pub(crate) crs: Option<Crs>,
    /// Where the sources' meshes lie.
    pub(crate) meshes: MeshStore,
}

/// A file read, but not placed yet.
enum Read {
    Ifc(Box<IfcSource>),
    Gis(Box<gis::Layer>),
    /// The same bytes as another file: there is nothing in it that the scene has not.
    Twin,
    Failed(String),
}

struct IfcSource {
    semantics: Semantics,
    aside: Aside,
    geometry: Geometry,
    extent: Option<BoundingBox>,
    fix: Option<Fix>,
}

struct Pending {
    file: String,
    sha256: String,
    read: Read,
    report: SourceReport,
    notes: Vec<Note>,
}

/// Reads all files, their geometry into the store.
pub(crate) fn read(
    files: &[PathBuf],
    options: &Options,
    store: Store,
    progress: &mut dyn Progress,
) -> Scene {
    let wanted = options.crs.of_all().and_then(|name| Crs::parse(name).ok());
    let mut pending = read_all(files, options, &store, progress);
    align_sites(&mut pending);
    compare_heights(&mut pending);
    let georeferenced = options.frame == Frame::Local;
    let first = pending
        .iter()
        .find_map(|source| match &source.read {
            Read::Ifc(ifc) => ifc.fix.clone(),
            _ => None,
        })
        .or_else(|| first_layer(&pending, true))
        .or_else(|| first_layer(&pending, false));
    let frame = first.as_ref().filter(|_| georeferenced).map(|fix| placing::frame_at(fix.wgs84));
    let named = first.and_then(|fix| fix.crs).and_then(|name| Crs::parse(&name).ok());
    let crs = wanted.or(named).filter(|_| frame.is_some());
    let layers = (0u32..).zip(&pending).filter_map(|(number, source)| match &source.read {
        Read::Gis(layer) => Some((number, &**layer)),
        _ => None,
    });
    let terrain = gis::Layer::terrain(layers, frame.as_ref());
    let ground = Ground { frame: frame.as_ref(), terrain: &terrain };
    let mut meshes =
        if frame.is_some() { MeshStore::local(store) } else { MeshStore::near_first(store) };
    let mut drawn = draw_all(pending, ground, options, &mut meshes);
    make_unique(&mut drawn);
    let origin = frame.as_ref().map(|frame| placing::origin(frame, crs.as_ref()));
    keep_ids(&mut drawn, &options.out, &origin.unwrap_or_default());
    let sources = drawn.into_iter().map(conclude).collect();
    Scene { sources, frame, crs, meshes }
}

/// Draws sources side by side; the results stand in the order of the sources.
fn draw_all(
    pending: Vec<Pending>,
    ground: Ground<'_>,
    options: &Options,
    meshes: &mut MeshStore,
) -> Vec<Drawn> {
    let numbered = (0u32..).zip(pending);
    if ground.frame.is_none() {
        // The first mesh decides where the others count from.
        return numbered.map(|(n, source)| draw(n, source, ground, options, meshes)).collect();
    }
    let queue = Mutex::new(numbered);
    let done = Mutex::new(Vec::new());
    let work = || {
        let mut meshes = meshes.clone();
        loop {
            // The queue must not stay locked while its source is drawn.
            let next = lock(&queue).next();
            let Some((number, source)) = next else { break };
            let drawn = draw(number, source, ground, options, &mut meshes);
            lock(&done).push((number, drawn));
        }
    };
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    thread::scope(|scope| {
        for _ in 1..processors {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, drawn)| drawn).collect()
}

/// What sources are placed on.
#[derive(Clone, Copy)]
struct Ground<'a> {
    frame: Option<&'a LocalFrame>,
    terrain: &'a gis::Terrain,
}

/// Puts the files of one project that count from one origin where the best placed of them
/// stands: latitude and longitude of a site are written by hand, and differ between them or
/// are left at the program's default, on another continent.
fn align_sites(pending: &mut [Pending]) {
    const NEAR_M: f64 = 2.0;
    const ELSEWHERE_M: f64 = 100_000.0;
    let ifc = pending.iter().enumerate().filter_map(|(position, source)| match &source.read {
        Read::Ifc(ifc) => {
            let fix = ifc.fix.clone();
            Some((position, project_name(&ifc.semantics)?, fix, ifc.extent))
        }
        _ => None,
    });
    let ifc: Vec<_> = ifc.collect();
    let origin = |fix: &Fix, frame: &LocalFrame| {
        let [x, y, z] = fix.wgs84;
        frame.to_local(x, y, z)
    };
    for (position, name, own, extent) in &ifc {
        if own.as_ref().is_some_and(|own| own.crs.is_some()) {
            continue;
        }
        let best = ifc.iter().filter(|(other, theirs, fix, their_extent)| {
            let Some(fix) = fix else { return false };
            let leads = fix.crs.is_some() || other < position;
            leads && theirs == name && federation::share_footprint(*extent, *their_extent) && {
                let frame = placing::frame_at(fix.wgs84);
                let (a, b) = (origin(fix, &frame), own.as_ref().map(|own| origin(own, &frame)));
                let apart = b.map(|b| (a[0] - b[0]).hypot(a[1] - b[1]).max((a[2] - b[2]).abs()));
                // A kilometre away is another building; a continent away is no place.
                apart.is_none_or(|metres| !(NEAR_M..ELSEWHERE_M).contains(&metres))
            }
        });
        let best = best.max_by_key(|(other, _, fix, _)| {
            let is_mapped = fix.as_ref().is_some_and(|fix| fix.crs.is_some());
            (is_mapped, std::cmp::Reverse(*other))
        });
        let Some((other, _, fix, _)) = best else { continue };
        if fix == own {
            continue;
        }
        let text = format!(
            "it is of the same project as {} and drawn in the same coordinates: it was put where that stands",
            pending[*other].report.file
        );
        let source = &mut pending[*position];
        source.notes.push(Note::source(Severity::Info, text));
        if let Read::Ifc(ifc) = &mut source.read {
            ifc.fix = fix.clone();
        }
    }
}

/// Says where sources count their heights from different surfaces.
fn compare_heights(pending: &mut [Pending]) {
    let heights = |source: &Pending| match &source.read {
        Read::Ifc(ifc) => ifc.fix.as_ref()?.heights.clone(),
        Read::Gis(layer) => layer.fix.as_ref()?.heights.clone(),
        Read::Twin | Read::Failed(_) => None,
    };
    let first =
        pending.iter().find_map(|source| Some((source.report.file.clone(), heights(source)?)));
    let Some((file, known)) = first else { return };
    for source in pending {
        if let Some(other) = heights(source).filter(|other| *other != known) {
            let text = format!(
                "its heights count from {other}, those of {file} from {known}: they may stand apart by what lies between these surfaces"
            );
            source.notes.push(Note::source(Severity::Info, text));
        }
    }
}

/// Name and long name of a file's project, where it has both.
fn project_name(semantics: &Semantics) -> Option<String> {
    let project = semantics.entities.iter().find(|entity| entity.kind == EntityKind::Project)?;
    let long_name = sets::attribute(&project.properties, "LongName")?.as_str()?;
    (!project.name.is_empty()).then(|| format!("{} {long_name}", project.name))
}

/// Where the first GIS file is, with heights or without.
fn first_layer(pending: &[Pending], with_heights: bool) -> Option<Fix> {
    pending.iter().find_map(|source| match &source.read {
        Read::Gis(layer) if layer.has_heights() == with_heights => layer.fix.clone(),
        _ => None,
    })
}

/// Reads files side by side, as many as there are processors; the largest first, since
/// the last one to end decides how long it takes.
fn read_all(
    files: &[PathBuf],
    options: &Options,
    store: &Store,
    progress: &mut dyn Progress,
) -> Vec<Pending> {
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    let lanes = processors.min(files.len()).max(1);
    let threads = u32::try_from((processors / lanes).max(1)).unwrap_or(1);
    let mut order: Vec<usize> = (0..files.len()).collect();
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    order.sort_by_key(|&position| std::cmp::Reverse(size(&files[position])));
    let (twins, labels) = (twins::of(files), labels::of(files));
    let next = AtomicUsize::new(0);
    let progress = Mutex::new(progress);
    let done: Mutex<Vec<(usize, Pending)>> = Mutex::new(Vec::with_capacity(files.len()));
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some(&position) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let path = &files[position];
                    let crs = options.crs.of(path);
                    let label = &labels[position];
                    let request = Request { position, path, label, options, crs, threads, store };
                    let source = match twins.get(&position) {
                        Some(found) => twin(&request, &labels[found.first], found, &progress),
                        None => read_one(&request, &progress),
                    };
                    lock(&done).push((position, source));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, source)| source).collect()
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn mib(kib: u64) -> f64 {
    (kib as f64 / 1_024.0 * 10.0).round() / 10.0
}

/// A source in the frame, with ids of its own.
struct Drawn {
    source: Source,
    notes: Vec<Note>,
}

/// Puts a source into the frame.
fn draw(
    number: u32,
    pending: Pending,
    Ground { frame, terrain }: Ground<'_>,
    options: &Options,
    meshes: &mut MeshStore,
) -> Drawn {
    let Pending { file, sha256, read, mut report, mut notes } = pending;
    let started = Instant::now();
    let drawing = || match read {
        Read::Twin => Imported::default(),
        Read::Failed(reason) => {
            report.error = Some(reason);
            Imported::default()
        }
        Read::Ifc(ifc) => {
            let placement = if options.frame == Frame::Source {
                report.placed_by = "source coordinates".into();
                Placement::IDENTITY
            } else {
                report.placed_by = placed_by(frame, ifc.fix.as_ref());
                let on_map = ifc.fix.as_ref().filter(|fix| fix.crs.is_some());
                notes.extend(on_map.map(|fix| placing::heights_note(fix.heights.as_deref())));
                placing::place(frame, ifc.fix.as_ref(), ifc.extent, &mut notes)
            };
            let measure = options.audit.is_some();
            let aside = ifc.aside;
            let joined =
                ifc::shapes::join(ifc.semantics, ifc.geometry, &placement, measure, meshes);
            let mut imported = Imported { aside, ..joined };
            imported.notes.extend(gis::gap::notes(&imported.entities, terrain));
            imported
        }
        Read::Gis(layer) => {
            let unmoved = options.frame == Frame::Source;
            report.placed_by =
                if unmoved { "source coordinates".into() } else { layer.placed_by() };
            layer.draw(&file, number, frame, terrain, unmoved).unwrap_or_else(|error| {
                report.error = Some(error.to_string());
                Imported::default()
            })
        }
    };
    let mut imported = guarded(drawing).unwrap_or_else(|reason| {
        report.error = Some(reason);
        Imported::default()
    });
    let away_m = frame.and_then(|_| placing::nearest_m(&imported.entities));
    notes.extend(away_m.and_then(placing::far_note));
    imported.stow(meshes);
    for entity in &mut imported.entities {
        imported.aside.put(entity, meshes.store());
    }
    report.seconds += started.elapsed().as_secs_f64();
    Drawn { source: Source { file, sha256, report, imported }, notes }
}

/// Makes the ids of every source the scene's.
fn make_unique(sources: &mut [Drawn]) {
    let mut taken = Federation::default();
    let last = sources.len().saturating_sub(1);
    for (n, Drawn { source, notes }) in sources.iter_mut().enumerate() {
        ids::make_unique(&mut source.imported, &taken, notes);
        // Nobody asks what the last one holds.
        if n < last {
            taken.add(&source.imported);
        }
    }
}

/// Gives entities the ids that they have in the package that is replaced.
fn keep_ids(sources: &mut [Drawn], old: &Path, origin: &Origin) {
    let sources = sources.iter_mut().map(|Drawn { source, notes }| ids::kept::Revised {
        file: &source.file,
        imported: &mut source.imported,
        notes,
    });
    // Where the old package cannot be read, the comparison with it says so.
    let _ = ids::kept::keep(old, &mut sources.collect::<Vec<_>>(), origin);
}

/// Counts what a source holds.
fn conclude(drawn: Drawn) -> Source {
    let Drawn { mut source, mut notes } = drawn;
    notes.append(&mut source.imported.notes);
    source.report.count(&source.imported);
    let too_far = far::notes(&source.imported);
    source.report.too_far = too_far.len();
    source.report.tessellated -= too_far.len().min(source.report.tessellated);
    notes.extend(too_far);
    source.report.add_notes(notes);
    source
}

fn placed_by(frame: Option<&LocalFrame>, fix: Option<&Fix>) -> String {
    match (frame, fix) {
        (Some(_), Some(Fix { crs: Some(crs), .. })) => format!("map conversion in {crs}"),
        (Some(frame), Some(fix)) if placing::is_believed(frame, fix) => {
            "the site's latitude and longitude".into()
        }
        _ => placing::NOWHERE.into(),
    }
}
