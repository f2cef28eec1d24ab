//! What differs between two scene packages: read from their folders, compared entity by
//! entity.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use thiserror::Error;
use twin_model::{
    Entity, EntityId, SceneInfo,
    changes::{Changes, Comparison, Properties, Shape},
    scene::Origin,
};

use crate::{frame::LocalFrame, store::StoredMesh, target, tiles::Surface};

/// The shapes of a package's entities, for the next comparison.
pub(crate) const SHAPES: &str = "shapes.ndjson";
/// The last difference between a package and what stood in its place before.
pub(crate) const CHANGES: &str = "changes.json";
/// A line longer than this is no entity: nothing that large could be shown or bound.
const MAX_LINE: u64 = 64 << 20;

/// Shapes by entity, as [`Comparison`] takes them.
pub(crate) type Shapes = HashMap<EntityId, Shape>;

/// Packages that cannot be compared.
#[derive(Debug, Error)]
pub enum ChangesError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder without `scene.json`.
    #[error("{0} is no scene package: there is no scene.json in it")]
    NotAPackage(PathBuf),
    /// A file that is not what it should be.
    #[error("{path} line {line}: {reason}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// One line of `shapes.ndjson`.
#[derive(Serialize, Deserialize)]
struct ShapeLine {
    id: EntityId,
    #[serde(flatten)]
    shape: Shape,
}

/// The difference between two packages.
///
/// # Errors
/// When a folder is no package, or one of its files cannot be read.
pub fn between(old: &Path, new: &Path) -> Result<Changes, ChangesError> {
    if let Some(other) = [old, new].into_iter().find(|dir| !target::is_package(dir)) {
        return Err(ChangesError::NotAPackage(other.to_owned()));
    }
    let info: SceneInfo = read_json(&new.join("scene.json"))?;
    let mut entities: Vec<Entity> = Vec::new();
    each_line(&new.join("entities.ndjson"), |entity| entities.push(entity))?;
    let shapes = read_shapes(new)?;
    let own = |entity: &Entity| entity.properties.clone();
    let mut changes = since(old, &entities, &shapes, &info.origin, own)?;
    changes.to = info.revision;
    Ok(changes)
}

/// The revision of a package, where it can be told.
pub(crate) fn revision(dir: &Path) -> Option<String> {
    read_json::<SceneInfo>(&dir.join("scene.json")).ok().map(|info| info.revision)
}

/// The difference between a package on disk and one that is about to take its place; its
/// `to` is left empty. `properties` gives those of an entity of the new one.
pub(crate) fn since(
    old: &Path,
    entities: &[Entity],
    shapes: &Shapes,
    origin: &Origin,
    mut properties: impl FnMut(&Entity) -> Properties,
) -> Result<Changes, ChangesError> {
    let info: SceneInfo = read_json(&old.join("scene.json"))?;
    let old_shapes = read_shapes(old)?;
    let mut comparison = Comparison::new(entities, shapes, shift(&info.origin, origin));
    each_line(&old.join("entities.ndjson"), |entity: Entity| {
        comparison.old(&entity, old_shapes.get(&entity.id), &mut properties);
    })?;
    Ok(comparison.finish(&info.revision, ""))
}

/// Where one origin stands in the frame of another, m. Frames within a kilometre are
/// parallel enough for the tolerance; those without a place on earth are the same.
pub(crate) fn shift(old: &Origin, new: &Origin) -> [f64; 3] {
    match (old.wgs84, new.wgs84) {
        (Some([lon, lat, height]), Some(new)) if old.wgs84 != Some(new) => {
            LocalFrame::from_wgs84(new[0], new[1], new[2]).to_local(lon, lat, height)
        }
        _ => [0.0; 3],
    }
}

/// The shape of each entity that has a surface: area and middle of all its meshes. What
/// the meshes count from lies at `shift`, m.
pub(crate) fn shapes(meshes: &[StoredMesh], shift: [f64; 3]) -> Shapes {
    // A tenth of a millimetre is a hundredth of what counts as a change.
    let round = |metres: f64| (metres * 1e4).round() / 1e4 + 0.0;
    let mut surfaces: HashMap<&EntityId, Surface> = HashMap::new();
    for mesh in meshes {
        let sum = surfaces.entry(&mesh.entity).or_default();
        sum.area += mesh.surface.area;
        sum.moment = [0, 1, 2].map(|axis| sum.moment[axis] + mesh.surface.moment[axis]);
    }
    surfaces.retain(|_, sum| sum.area > 0.0);
    let shape = |(id, Surface { area, moment }): (&EntityId, Surface)| {
        let center = [0, 1, 2].map(|axis| round(moment[axis] / area + shift[axis]));
        (id.clone(), Shape { area_m2: round(area), center })
    };
    surfaces.into_iter().map(shape).collect()
}

/// Writes the shapes into a package, in the order of its entities.
pub(crate) fn write_shapes(
    dir: &Path,
    entities: &[Entity],
    shapes: &Shapes,
    hash: &mut Sha256,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 18, File::create(dir.join(SHAPES))?);
    for entity in entities {
        if let Some(&shape) = shapes.get(&entity.id) {
            let mut line = serde_json::to_vec(&ShapeLine { id: entity.id.clone(), shape })?;
            line.push(b'\n');
            hash.update(&line);
            out.write_all(&line)?;
        }
    }
    out.flush()
}

/// The shapes of a package; none for packages older than they are.
fn read_shapes(dir: &Path) -> Result<Shapes, ChangesError> {
    let path = dir.join(SHAPES);
    let mut shapes = Shapes::new();
    if path.exists() {
        each_line(&path, |line: ShapeLine| {
            shapes.insert(line.id, line.shape);
        })?;
    }
    Ok(shapes)
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ChangesError> {
    let failed = |source| ChangesError::Read { path: path.to_owned(), source };
    let file = BufReader::new(File::open(path).map_err(failed)?);
    serde_json::from_reader(file).map_err(|error| ChangesError::Parse {
        path: path.to_owned(),
        line: error.line(),
        reason: error.to_string(),
    })
}

pub(crate) fn each_line<T: DeserializeOwned>(
    path: &Path,
    take: impl FnMut(T),
) -> Result<(), ChangesError> {
    let failed = |source| ChangesError::Read { path: path.to_owned(), source };
    let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    parse_lines(file, path, take)
}

/// Reads JSON lines of one type; empty ones are skipped, `path` is for the error.
pub(crate) fn parse_lines<T: DeserializeOwned>(
    mut lines: impl BufRead,
    path: &Path,
    mut take: impl FnMut(T),
) -> Result<(), ChangesError> {
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = io::Read::take(&mut lines, MAX_LINE).read_until(b'\n', &mut text);
        let read = read.map_err(|source| ChangesError::Read { path: path.to_owned(), source })?;
        if read == 0 {
            break;
        }
        if !text.trim_ascii().is_empty() {
            take(serde_json::from_slice(&text).map_err(|error| ChangesError::Parse {
                path: path.to_owned(),
                line,
                reason: error.to_string(),
            })?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mesh::{ElementMesh, MaterialClass},
        store::{MeshStore, Store},
    };

    #[test]
    fn a_shape_does_not_depend_on_how_it_is_cut() {
        let mesh = |positions: &[[f32; 3]], indices: &[u32]| ElementMesh {
            entity: "a".into(),
            storey: None,
            class: MaterialClass::Opaque,
            origin: [10.0, 0.0, 0.0],
            positions: positions.to_vec(),
            normals: vec![[0.0, 0.0, 1.0]; positions.len()],
            indices: indices.to_vec(),
            rgba: [255; 4],
        };
        let corners = [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 2.0, 0.0], [0.0, 2.0, 0.0]];
        let shapes = |meshes: &[ElementMesh]| {
            let mut store = MeshStore::local(Store::create(&std::env::temp_dir()).unwrap());
            let stored: Vec<_> = meshes.iter().map(|mesh| store.stow(mesh.clone())).collect();
            super::shapes(&stored, [1.0, 0.0, 0.0])
        };
        let one = shapes(&[mesh(&corners, &[0, 1, 2, 0, 2, 3])]);
        let other = shapes(&[mesh(&corners, &[0, 1, 3]), mesh(&corners, &[1, 2, 3])]);
        assert_eq!(one, other);
        assert_eq!(one["a"], Shape { area_m2: 4.0, center: [12.0, 1.0, 0.0] });
        assert!(shapes(&[mesh(&corners, &[0, 1, 9]), mesh(&[], &[])]).is_empty());
    }

    #[test]
    fn a_new_origin_is_no_move() {
        let at = |lon: f64| Origin { wgs84: Some([lon, 49.0, 0.0]), projected: None };
        let [east, north, _] = shift(&at(8.001), &at(8.0));
        assert!((east - 73.1).abs() < 0.1 && north.abs() < 0.01, "{east} {north}");
        assert_eq!(shift(&at(8.0), &Origin::default()), [0.0; 3]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let read = |text: &str| parse_lines(text.as_bytes(), Path::new("f"), |_: ShapeLine| {});
        assert!(read("\n\n").is_ok());
        let error = read("\n{\"id\":3}\n").unwrap_err().to_string();
        assert!(error.starts_with("f line 2: "), "{error}");
    }
}
