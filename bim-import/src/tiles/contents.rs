//! Writes the contents of a tree of tiles: several tiles at a time, each read from the
//! store, encoded, written and forgotten again.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use hashbrown::HashSet;
use sha2::{Digest, Sha256};
use twin_model::{BoundingBox, EntityId};

use super::{
    TilesError, TilesSummary, Watch,
    glb::{self, Content},
    item::Item,
    slot::Slot,
    tree::Tile,
    write_file,
};
use crate::store::MeshStore;

/// Tiles encoded at a time at most: each holds its geometry a few times over.
const MAX_THREADS: usize = 8;

/// A tile whose content, if any, is on disk.
#[derive(Debug)]
pub(super) struct WrittenTile {
    /// Everything in this tile and below, m; absent when there is nothing.
    pub(super) bounds: Option<BoundingBox>,
    /// File name of the content.
    pub(super) content: Option<String>,
    /// How wrong the view is while the children are not shown, m: the diagonal of the
    /// largest thing that is missing, or how far beside its place what they replace is.
    pub(super) geometric_error: f64,
    /// Diagonal of the largest thing in this tile and below, m.
    pub(super) largest: f64,
    /// Whether the children replace the content; else they add to it.
    pub(super) replaces: bool,
    /// Bytes of the content.
    pub(super) bytes: u64,
    pub(super) building: Option<EntityId>,
    pub(super) storeys: Vec<EntityId>,
    pub(super) children: Vec<WrittenTile>,
}

/// A tile's content to write.
struct Job {
    file: String,
    slots: Vec<Slot>,
    /// Whether it is drawn only until what it stands for is there.
    is_shell: bool,
}

/// A tile while its content is being written: its job stands at the same place in the list.
struct Outline {
    own: f64,
    job: usize,
    replaced_m: Option<f64>,
    building: Option<EntityId>,
    storeys: Vec<EntityId>,
    children: Vec<Outline>,
}

/// A tile's content, written.
struct Done {
    content: Content,
    sha256: [u8; 32],
}

/// What became of a job; nothing while it has not been taken up.
type Outcome = Option<Result<Option<Done>, TilesError>>;

/// Writes the GLB of every tile of a tree.
pub(super) fn write(
    tree: Tile,
    dir: &Path,
    store: &MeshStore,
    watch: Watch<'_>,
    summary: &mut TilesSummary,
    drawn: &mut HashSet<EntityId>,
    hash: &mut Sha256,
) -> Result<WrittenTile, TilesError> {
    let mut jobs = Vec::new();
    let outline = outline(tree, "0", &mut jobs);
    let mut results = run(&jobs, dir, store, watch);
    let mut contents = Vec::with_capacity(jobs.len());
    for (job, result) in jobs.into_iter().zip(&mut results) {
        let done = result.take().transpose()?.flatten();
        contents.push(done.map(|done| {
            hash.update(job.file.as_bytes());
            hash.update(done.sha256);
            if job.is_shell {
                done.content.add_shell_to(summary);
            } else {
                done.content.add_to(summary);
                drawn.extend(done.content.drawn.iter().cloned());
            }
            (job.file, done.content)
        }));
    }
    Ok(written(outline, &mut contents))
}

fn outline(mut tile: Tile, name: &str, jobs: &mut Vec<Job>) -> Outline {
    let own = tile.items.iter().map(Slot::size).fold(0.0, f64::max);
    tile.items.sort_by(|a, b| a.entity.cmp(&b.entity));
    let job = jobs.len();
    let is_shell = tile.replaced_m.is_some();
    jobs.push(Job { file: format!("{name}.glb"), slots: tile.items, is_shell });
    let children = tile.children.into_iter().enumerate();
    let children =
        children.map(|(n, child)| outline(child, &format!("{name}-{n}"), jobs)).collect();
    let (replaced_m, building, storeys) = (tile.replaced_m, tile.building, tile.storeys);
    Outline { own, job, replaced_m, building, storeys, children }
}

/// Works the jobs off side by side; the results stand in the order of the jobs.
fn run(jobs: &[Job], dir: &Path, store: &MeshStore, watch: Watch<'_>) -> Vec<Outcome> {
    let results: Mutex<Vec<Outcome>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let total = jobs.iter().map(|job| job.slots.len()).sum::<usize>() as u64;
    let work = || {
        while let Some((number, job)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, jobs.get(n)?)))
        {
            let result = write_one(job, dir, store, watch);
            let more = job.slots.len();
            (watch.tell)((done.fetch_add(more, Ordering::Relaxed) + more) as u64, total);
            results.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(result);
        }
    };
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 1..processors.min(MAX_THREADS).min(jobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn write_one(
    job: &Job,
    dir: &Path,
    store: &MeshStore,
    watch: Watch<'_>,
) -> Result<Option<Done>, TilesError> {
    let path = dir.join(&job.file);
    let items: Vec<Item> = job.slots.iter().map(|slot| slot.load(store)).collect();
    if !job.is_shell {
        let meshes: Vec<_> = items.iter().flat_map(|item| &item.meshes).collect();
        (watch.see)(&meshes);
    }
    let Some(mut content) = glb::encode(items, &path)? else { return Ok(None) };
    // The bytes are many, and wanted only here.
    let bytes = std::mem::take(&mut content.bytes);
    write_file(&path, &bytes)?;
    Ok(Some(Done { content, sha256: Sha256::digest(&bytes).into() }))
}

fn written(outline: Outline, contents: &mut [Option<(String, Content)>]) -> WrittenTile {
    let content = contents[outline.job].take();
    let children: Vec<WrittenTile> =
        outline.children.into_iter().map(|child| written(child, contents)).collect();
    let below = children.iter().map(|child| child.largest).fold(0.0, f64::max);
    let bounds = children.iter().filter_map(|child| child.bounds);
    let bounds = bounds.chain(content.as_ref().map(|(_, content)| content.bounds));
    // A shell is never shown when its storeys would leave more to be seen.
    let below_m = children.iter().map(|child| child.geometric_error).fold(0.0, f64::max);
    WrittenTile {
        bounds: bounds.reduce(|a, b| a.union(&b)),
        geometric_error: outline.replaced_m.map_or(below, |moved_m| moved_m.max(below_m)),
        replaces: outline.replaced_m.is_some(),
        bytes: content.as_ref().map_or(0, |(_, content)| content.size()),
        content: content.map(|(file, _)| file),
        building: outline.building,
        storeys: outline.storeys,
        largest: outline.own.max(below),
        children: children.into_iter().filter(|child| child.bounds.is_some()).collect(),
    }
}
