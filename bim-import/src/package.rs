//! Writes a scene package: into a folder beside the wanted one, then swapped in, so that
//! nobody ever finds half of one.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    thread,
};

use hashbrown::{HashMap, HashSet};
use sha2::{Digest, Sha256};
use thiserror::Error;
use twin_model::{
    Entity, EntityId,
    scene::{Origin, SceneInfo, Source as SceneSource},
};

use crate::{
    changes,
    health::{self, Pictures},
    ids,
    mesh::ElementMesh,
    placing,
    report::{ChangesReport, GraphReport, Report, TilesReport},
    scene::{Scene, Source},
    store::{Aside, MeshStore, Store, StoredMesh},
    target::{self, Draft, MARKER},
    tiles::{self, TilesError},
    walk::{self, Walk, footing::Footing},
};

/// A package that could not be written.
#[derive(Debug, Error)]
pub enum PackageError {
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The wanted folder holds something else.
    #[error("{0} exists and is not a scene package; choose another --out or remove it")]
    NotAPackage(PathBuf),
    /// The wanted folder is a package, and more.
    #[error(
        "{dir} holds {name}, which is no part of a scene package and would be lost; choose \
         another --out or move it"
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// What somebody put there.
        name: String,
    },
    /// The wanted folder is a link that leads nowhere.
    #[error("{0} is a link to a folder that is not there")]
    DeadLink(PathBuf),
    /// The tiles could not be written.
    #[error(transparent)]
    Tiles(#[from] TilesError),
}

/// Writes the package. `conclude` adds to the report what is known only at the end.
pub(crate) fn write(
    dir: &Path,
    scene: Scene,
    report: &mut Report,
    tell: tiles::Tell<'_>,
    conclude: impl FnOnce(&mut Report),
) -> Result<Written, PackageError> {
    target::check(dir)?;
    let draft = Draft::beside(dir)?;
    let written = fill(draft.path(), scene, report, dir, tell)?;
    conclude(report);
    write_json(&draft.path().join("report.json"), report, &mut Sha256::new())?;
    draft.replace(dir)?;
    Ok(written)
}

/// What stands in the package.
pub(crate) struct Written {
    pub(crate) revision: String,
    pub(crate) entities: usize,
}

fn fill(
    dir: &Path,
    scene: Scene,
    report: &mut Report,
    old: &Path,
    tell: tiles::Tell<'_>,
) -> Result<Written, PackageError> {
    let Scene { sources, frame, crs, meshes: store } = scene;
    let origin = frame.as_ref().map(|frame| placing::origin(frame, crs.as_ref()));
    let infos = sources.iter().map(source_info).collect();
    let mut parts = merge(sources, report);
    let meshes = std::mem::take(&mut parts.meshes);
    let shapes = changes::shapes(&meshes, store.shift());
    let root = frame
        .as_ref()
        .map(crate::frame::LocalFrame::ecef_transform)
        .or_else(|| moved_by(store.shift()));
    let mut pictures = Pictures::of(&parts.entities, &meshes);
    pictures.limit(&meshes);
    let kinds = parts.entities.iter().map(|entity| (entity.id.clone(), entity.kind)).collect();
    let homes = tiles::Homes::of(&parts.entities);
    // Tiles take what processors are left while the graph, which is one thread's, is built.
    let see = |meshes: &[&ElementMesh]| pictures.draw(meshes, store.shift());
    let (tiles, listed) = thread::scope(|scope| {
        let tiles = scope.spawn(|| {
            let watch = tiles::Watch { tell, see: &see };
            let to = dir.join("tiles");
            let written = tiles::write_stored(&to, meshes, &store, &kinds, &homes, root, watch);
            tracing::debug!("tiles written");
            written
        });
        let listed = list(dir, &mut parts, &shapes, store.store());
        tracing::debug!("walking graph and entities written");
        (tiles.join(), listed)
    });
    // The tiles tell when the store has failed, and then the list is no more than cut off.
    let summary = tiles.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let (walk, mut hash) = listed?;
    report.graph = graph_report(walk);
    hash.update(summary.sha256);
    report.tiles = tiles_report(summary);
    let mut info = SceneInfo {
        revision: String::new(),
        crs: crs.map(|crs| crs.name()),
        origin: origin.unwrap_or_else(Origin::default),
        unit: "metre".into(),
        sources: infos,
    };
    hash.update(serde_json::to_vec(&info).unwrap_or_default());
    info.revision = ids::hex(&hash.finalize())[..16].to_owned();
    report.revision.clone_from(&info.revision);
    write_json(&dir.join(MARKER), &info, &mut Sha256::new())?;
    report.changes = note_changes(dir, old, &parts, &store, &shapes, &info)?;
    let health = health::Scene {
        info: &info,
        report,
        entities: &parts.entities,
        boundaries: &parts.boundaries,
        has_changes: dir.join(changes::CHANGES).is_file(),
    };
    let path = dir.join("report.html");
    health::page(&health, &pictures)
        .and_then(|page| fs::write(&path, page))
        .map_err(|source| PackageError::Write { path, source })?;
    tracing::debug!("health page written");
    Ok(Written { revision: info.revision, entities: parts.entities.len() })
}

/// Builds the walking graph and writes everything that is listed by entity. Gives the graph
/// and the hash of what was written.
fn list(
    dir: &Path,
    parts: &mut Parts,
    shapes: &changes::Shapes,
    store: &Store,
) -> Result<(Walk, Sha256), PackageError> {
    let mut hash = Sha256::new();
    let walk = walk::build(walk::Plan {
        entities: &parts.entities,
        floors: &parts.floors,
        boundaries: &parts.boundaries,
        passages: &parts.passages,
        fillings: &parts.fillings,
        footing: std::mem::take(&mut parts.footing),
        aside: &parts.aside,
    });
    tracing::debug!("walking graph built");
    walk::annotate(&mut parts.entities, &walk);
    write_entities(&dir.join("entities.ndjson"), parts, store, &mut hash)?;
    write_json(&dir.join("graph.json"), &walk.graph, &mut hash)?;
    changes::write_shapes(dir, &parts.entities, shapes, &mut hash)
        .map_err(|source| PackageError::Write { path: dir.join(changes::SHAPES), source })?;
    Ok((walk, hash))
}

/// Lists what differs from the package that stands in the place of this one. The same
/// revision again keeps the list it has: repeating an import changes nothing, and the list
/// goes on to say what the last new revision brought.
fn note_changes(
    dir: &Path,
    old: &Path,
    parts: &Parts,
    store: &MeshStore,
    shapes: &changes::Shapes,
    info: &SceneInfo,
) -> Result<Option<ChangesReport>, PackageError> {
    if !target::is_package(old) {
        return Ok(None);
    }
    let path = dir.join(changes::CHANGES);
    if changes::revision(old).as_ref() == Some(&info.revision) {
        return match fs::copy(old.join(changes::CHANGES), &path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(PackageError::Write { path, source })
            }
            _ => Ok(None),
        };
    }
    let mut line = Vec::new();
    let properties = |entity: &Entity| {
        line.clear();
        let whole = parts.aside.write(entity, store.store(), &mut line).ok();
        let whole = whole.and_then(|()| serde_json::from_slice::<Entity>(&line).ok());
        // What cannot be read back has failed the package before: see `store`.
        whole.map(|entity| entity.properties).unwrap_or_default()
    };
    let mut changes = match changes::since(old, &parts.entities, shapes, &info.origin, properties) {
        Ok(changes) => changes,
        // A new model is worth more than the difference to a broken one.
        Err(error) => return Ok(Some(ChangesReport::failed(&error))),
    };
    changes.to.clone_from(&info.revision);
    write_json(&path, &changes, &mut Sha256::new())?;
    Ok(Some(ChangesReport::of(&changes)))
}

/// A temporary file for a scene's geometry, beside the package that it will be part of:
/// where there is room for one, there is for the other.
pub(crate) fn store_beside(dir: &Path) -> Result<Store, PackageError> {
    let parent = target::parent(dir);
    target::make_dir(parent)?;
    Store::create(parent).map_err(|source| PackageError::Write { path: parent.to_owned(), source })
}

/// Moves tiles that count from another place than the frame's origin back.
fn moved_by(shift: [f64; 3]) -> Option<[f64; 16]> {
    let [x, y, z] = shift;
    let matrix = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, x, y, z, 1.0];
    (shift != [0.0; 3]).then_some(matrix)
}

fn source_info(source: &Source) -> SceneSource {
    SceneSource {
        file: source.file.clone(),
        format: source.report.format.clone(),
        sha256: source.sha256.clone(),
    }
}

/// All sources' parts in one.
struct Parts {
    entities: Vec<Entity>,
    aside: Aside,
    meshes: Vec<StoredMesh>,
    floors: HashMap<EntityId, crate::imported::Floor>,
    boundaries: Vec<crate::imported::Boundary>,
    passages: HashSet<EntityId>,
    fillings: HashMap<EntityId, EntityId>,
    footing: Footing,
}

impl Parts {
    /// With room for all sources, and no more: lists that double as they grow would be
    /// what decides how much memory a large scene takes.
    fn with_room(sources: &[Source]) -> Self {
        let all = || sources.iter().map(|source| &source.imported);
        Self {
            entities: Vec::with_capacity(all().map(|one| one.entities.len()).sum()),
            aside: Aside::with_room(all().map(|one| &one.aside)),
            meshes: Vec::with_capacity(all().map(|one| one.stored.len()).sum()),
            floors: HashMap::with_capacity(all().map(|one| one.floors.len()).sum()),
            boundaries: Vec::with_capacity(all().map(|one| one.boundaries.len()).sum()),
            passages: HashSet::with_capacity(all().map(|one| one.passages.len()).sum()),
            fillings: HashMap::with_capacity(all().map(|one| one.fillings.len()).sum()),
            footing: Footing::with_room(all().map(|one| &one.footing)),
        }
    }
}

fn merge(sources: Vec<Source>, report: &mut Report) -> Parts {
    let mut parts = Parts::with_room(&sources);
    for source in sources {
        parts.entities.extend(source.imported.entities);
        parts.aside.extend(source.imported.aside);
        parts.meshes.extend(source.imported.stored);
        parts.floors.extend(source.imported.floors);
        parts.boundaries.extend(source.imported.boundaries);
        parts.passages.extend(source.imported.passages);
        parts.fillings.extend(source.imported.fillings);
        parts.footing.extend(source.imported.footing);
        report.sources.push(source.report);
    }
    parts
}

fn graph_report(walk: Walk) -> GraphReport {
    let ids = |ids: Vec<EntityId>| ids.iter().map(ToString::to_string).collect();
    let exits = walk.graph.links.iter().filter(|link| link.to.is_none()).count();
    let unreachable = walk.unreached.iter().flat_map(|lost| lost.spaces.iter().cloned());
    GraphReport {
        spaces: walk.graph.spaces.iter().filter(|space| space.part_of.is_none()).count(),
        parts_of_storeys: walk.graph.spaces.iter().filter(|space| space.part_of.is_some()).count(),
        links: walk.graph.links.len() - exits,
        exits,
        unreachable: unreachable.collect(),
        causes: walk.unreached,
        only_by_lift: ids(walk.by_lift_only),
        balcony_doors: ids(walk.balcony_doors),
        disputed_exits: ids(walk.disputed_exits),
        idle_doors: walk.idle_doors.iter().map(|(door, why)| format!("{door}: {why}")).collect(),
        same_place: walk.twins.iter().map(|(twin, first)| format!("{twin} = {first}")).collect(),
        is_partial: walk.is_partial,
    }
}

fn tiles_report(summary: tiles::TilesSummary) -> TilesReport {
    TilesReport {
        tiles: summary.tiles,
        features: summary.features,
        triangles: summary.triangles,
        shapes: summary.shapes,
        copies: summary.copies,
        shells: summary.shells,
        shell_triangles: summary.shell_triangles,
        shell_bytes: summary.shell_bytes,
        edges: summary.edges,
        bytes: summary.bytes,
        dropped_triangles: summary.dropped_triangles,
        collapsed_triangles: summary.collapsed_triangles,
        max_error_m: summary.max_error_m,
        undrawn: summary.undrawn.iter().map(ToString::to_string).collect(),
    }
}

fn write_entities(
    path: &Path,
    parts: &Parts,
    store: &Store,
    hash: &mut Sha256,
) -> Result<(), PackageError> {
    let failed = |source| PackageError::Write { path: path.to_owned(), source };
    let mut out = BufWriter::with_capacity(1 << 18, File::create(path).map_err(failed)?);
    let mut line = Vec::new();
    for entity in &parts.entities {
        line.clear();
        parts.aside.write(entity, store, &mut line).map_err(failed)?;
        line.push(b'\n');
        hash.update(&line);
        out.write_all(&line).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

/// Writes a JSON file that people may want to read.
pub(crate) fn write_json(
    path: &Path,
    value: &impl serde::Serialize,
    hash: &mut Sha256,
) -> Result<(), PackageError> {
    let failed = |source| PackageError::Write { path: path.to_owned(), source };
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    hash.update(&text);
    fs::write(path, text).map_err(failed)
}
