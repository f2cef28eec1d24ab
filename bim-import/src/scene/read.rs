//! One file: what it is, what it says, and its geometry.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use twin_model::Entity;

use super::{IfcSource, Pending, Read, lock, mib, twins::Twin};
use crate::{
    Frame, Options, Progress, archive,
    crs::Crs,
    format::Format,
    gis, ids, ifc,
    imported::{Note, Severity},
    placing,
    report::SourceReport,
    store::{Aside, Store},
    target,
    worker::{
        self,
        watchdog::{self, Limits},
    },
};

/// Does what should never panic, and says so if it does: of the sources of a scene, only
/// the one at fault shall be lost.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        format!("could not be read because of a fault in the importer: {}", words(&*panic))
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let owned = || panic.downcast_ref::<String>().map(String::as_str);
    panic.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("no reason given")
}

/// The text of a small file, if there is one.
fn fs_text(path: &Path) -> Option<String> {
    const MAX_BYTES: u64 = 64 << 10;
    let small = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= MAX_BYTES);
    if small { std::fs::read_to_string(path).ok() } else { None }
}

/// What a file is called, wherever it lies.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file to read, and how.
pub(super) struct Request<'a> {
    pub(super) position: usize,
    pub(super) path: &'a Path,
    /// What the report calls it.
    pub(super) label: &'a str,
    pub(super) options: &'a Options,
    /// The coordinate system that counts, whatever the file names.
    pub(super) crs: Option<&'a str>,
    pub(super) threads: u32,
    pub(super) store: &'a Store,
}

pub(super) fn read_one(request: &Request<'_>, progress: &Mutex<&mut dyn Progress>) -> Pending {
    let &Request { position, path, .. } = request;
    let started = Instant::now();
    let file = name(path);
    lock(progress).started(position, &file);
    let mut report = SourceReport { file: request.label.to_owned(), ..SourceReport::default() };
    let mut notes = Vec::new();
    let mut sha256 = String::new();
    let read = match std::fs::read(path) {
        Err(error) => Read::Failed(format!("cannot be read: {error}")),
        Ok(bytes) => {
            sha256 = ids::hex(&Sha256::digest(&bytes));
            let mut tell = |done: u64, total: u64| lock(progress).advanced(position, done, total);
            let reading = || read_bytes(request, &file, bytes, &mut report, &mut notes, &mut tell);
            guarded(reading).unwrap_or_else(Read::Failed)
        }
    };
    report.seconds = started.elapsed().as_secs_f64();
    match &read {
        Read::Failed(reason) => lock(progress).failed(position, reason),
        _ => lock(progress).finished(position),
    }
    Pending { file, sha256, read, report, notes }
}

/// Passes over a file that holds the same bytes as another one.
pub(super) fn twin(
    request: &Request<'_>,
    first: &str,
    found: &Twin,
    progress: &Mutex<&mut dyn Progress>,
) -> Pending {
    let file = name(request.path);
    lock(progress).started(request.position, &file);
    lock(progress).finished(request.position);
    let placed_by = format!("{first}, which is the same file");
    let text = format!("is the same as {first}, byte for byte: it is read once");
    Pending {
        report: SourceReport {
            file: request.label.to_owned(),
            placed_by,
            ..SourceReport::default()
        },
        file,
        sha256: ids::hex(&found.digest),
        read: Read::Twin,
        notes: vec![Note::source(Severity::Info, text)],
    }
}

/// Reads a file as what it is.
fn read_bytes(
    request: &Request<'_>,
    file: &str,
    bytes: Vec<u8>,
    report: &mut SourceReport,
    notes: &mut Vec<Note>,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Read {
    match Format::detect(request.path, &bytes) {
        Format::Ifc => read_ifc(request, file, &bytes, report, notes, tell),
        Format::IfcZip => read_archive(request, file, bytes, report, notes, tell),
        Format::Gis(kind) => {
            report.format = kind.name().into();
            let options = request.options;
            let prj = fs_text(&request.path.with_extension("prj"));
            if let Some(crs) = request.crs.filter(|_| kind.is_in_degrees()) {
                let text = format!(
                    "--crs {crs} is not used: {} is in longitude and latitude by its format",
                    kind.name()
                );
                notes.push(Note::source(Severity::Info, text));
            }
            let wishes = gis::Wishes { crs: request.crs, lod: options.lod, prj: prj.as_deref() };
            match gis::Layer::read(kind, bytes, file, wishes) {
                Ok(layer) => Read::Gis(Box::new(layer)),
                Err(error) => Read::Failed(error.to_string()),
            }
        }
        Format::Unsupported(reason) => Read::Failed(reason.to_owned()),
    }
}

/// Unpacks an ifcZIP and reads what was in it, under the archive's name.
fn read_archive(
    request: &Request<'_>,
    file: &str,
    packed: Vec<u8>,
    report: &mut SourceReport,
    notes: &mut Vec<Note>,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Read {
    // The worker reads it, too, and gone it is when both are done.
    let unpacked = match archive::unpack(&packed, target::parent(&request.options.out)) {
        Ok(unpacked) => unpacked,
        Err(reason) => return Read::Failed(reason),
    };
    drop(packed);
    let path = unpacked.path();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Read::Failed(format!("cannot be unpacked: {error}")),
    };
    if Format::detect(path, &bytes) != Format::Ifc {
        return Read::Failed(
            "holds an .ifc file that is none: it does not start with ISO-10303-21".into(),
        );
    }
    let read = read_ifc(&Request { path, ..*request }, file, &bytes, report, notes, tell);
    if !report.format.is_empty() {
        report.format.push_str(" in ifcZIP");
    }
    read
}

fn read_ifc(
    request: &Request<'_>,
    file: &str,
    bytes: &[u8],
    report: &mut SourceReport,
    notes: &mut Vec<Note>,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Read {
    let source = u32::try_from(request.position).unwrap_or(u32::MAX);
    let limits = Limits::for_file(
        bytes.len() as u64,
        Duration::from_secs_f64(request.options.element_timeout_secs),
    );
    let mut aside = Aside::default();
    // The worker tessellates while the meaning is read here.
    let (semantics, geometry) = thread::scope(|scope| {
        let geometry = scope.spawn(|| {
            let program = worker::program(request.options.worker.as_ref())
                .map_err(|source| worker::WorkerError::Start { program: PathBuf::new(), source })?;
            let store = request.store.clone();
            watchdog::tessellate(&program, request.path, request.threads, limits, store, tell)
        });
        let semantics = {
            let mut put_aside = |entity: &mut Entity| aside.put(entity, request.store);
            ifc::read::read(bytes, file, source, &mut put_aside)
        };
        (semantics, geometry.join())
    });
    let mut semantics = match semantics {
        Ok(semantics) => semantics,
        Err(error) => return Read::Failed(error.to_string()),
    };
    report.format.clone_from(&semantics.schema);
    report.unit = unit_name(semantics.metres);
    let geometry = match geometry {
        Ok(Ok(geometry)) => geometry,
        Ok(Err(error)) => return Read::Failed(error.to_string()),
        Err(_) => return Read::Failed("reading its geometry failed inside the importer".into()),
    };
    report.worker_peak_mib = mib(geometry.peak_kib);
    if let Some(reason) = geometry.incomplete {
        let text = format!("its geometry is incomplete: {reason}");
        notes.push(Note::source(Severity::Dropped, text));
    }
    let extent = geometry.extent;
    let wanted = request.crs.and_then(|name| Crs::parse(name).ok());
    let fix = if request.options.frame == Frame::Local {
        placing::fix(&semantics.georeference, extent, semantics.site_origin, wanted.as_ref(), notes)
    } else {
        None
    };
    report.cut_off = semantics.is_cut_off;
    notes.append(&mut semantics.notes);
    Read::Ifc(Box::new(IfcSource { semantics, aside, geometry, extent, fix }))
}

/// What a length unit is called, by what it is in metres.
fn unit_name(metres: f64) -> String {
    const NAMED: [(f64, &str); 6] =
        [(1.0, "m"), (0.1, "dm"), (0.01, "cm"), (0.001, "mm"), (0.3048, "ft"), (0.0254, "in")];
    let named = NAMED.iter().find(|(size, _)| (metres / size - 1.0).abs() < 1e-5);
    named.map_or_else(|| format!("{metres} m"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_reason_of_one_source() {
        assert_eq!(guarded(|| 7), Ok(7));
        let empty: &[u8] = &[];
        let reason = guarded(|| empty[0]).unwrap_err();
        assert!(reason.contains("fault in the importer: index out of bounds"), "{reason}");
    }
}
