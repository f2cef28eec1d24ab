//! Reads a scene package from disk.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::de::DeserializeOwned;
use thiserror::Error;
use twin_model::{
    Entity, EntityKind, Scene, SceneError, SceneInfo, changes::Changes, walk::WalkGraph,
};

use super::{
    LoadedScene, Search, Span, TilesError, Tour,
    seal::{self, Seal},
    tiles,
};

/// Whether entities keep their properties in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Properties {
    /// Read again from `entities.ndjson` when asked for.
    #[default]
    OnDisk,
    /// Kept: what bindings by property need.
    InMemory,
}

/// A scene package that cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file that cannot be read.
    #[error("reading {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path} line {line}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Entities that do not form a forest.
    #[error("{path}: {source}")]
    Scene {
        /// The entities' file.
        path: PathBuf,
        /// What is wrong.
        source: SceneError,
    },
    /// The package was written anew while the server runs.
    #[error("{path}: the scene package was replaced since it was loaded: restart the server")]
    Changed {
        /// The file that tells.
        path: PathBuf,
    },
    /// There is nothing to show.
    #[error(transparent)]
    Tiles(#[from] TilesError),
}

/// Reads the package in `dir`. `graph.json` and `changes.json` may be absent. What is wrong
/// with the tiles is in [`LoadedScene::tiles_error`]; everything else must be there.
///
/// # Errors
/// Names the file, and the line where one does not parse.
pub fn load(dir: &Path, properties: Properties) -> Result<LoadedScene, LoadError> {
    let path = dir.join("scene.json");
    let (text, identity) = seal::read(&path).map_err(|source| failed_to_read(&path, source))?;
    let info: SceneInfo = parse_json(&path, &text)?;
    let seal = Seal::new(path, info.revision.clone(), identity);
    let graph = dir.join("graph.json");
    let walk: WalkGraph = if graph.exists() { read_json(&graph)? } else { WalkGraph::default() };
    let removed = read_changes(dir, &info)?.map(|changes| changes.removed).unwrap_or_default();
    let mut reader = EntityReader::new(properties);
    let path = entities_path(dir);
    reader.read(&path)?;
    let EntityReader { entities, spans, long_names, elevations_m, mut search, .. } = reader;
    search.finish();
    let scene = Scene::new(entities).map_err(|source| LoadError::Scene { path, source })?;
    let mut by_kind = std::collections::HashMap::<_, Vec<u32>>::new();
    for (index, entity) in (0..).zip(scene.entities()) {
        by_kind.entry(entity.kind).or_default().push(index);
    }
    let areas_m2 = walk
        .spaces
        .iter()
        .filter_map(|space| Some((scene.index(space.entity.as_str())?, space.area_m2)))
        .collect();
    let tour = Tour::new(&scene);
    let tiles_error = tiles::check(dir).err();
    // Replaced meanwhile, it would be a scene of two revisions.
    if !seal.holds() {
        return Err(seal.broken());
    }
    Ok(LoadedScene {
        dir: dir.to_owned(),
        seal,
        tiles_error,
        info,
        scene: Arc::new(scene),
        walk,
        tour,
        search,
        by_kind,
        long_names,
        elevations_m,
        areas_m2,
        spans,
        properties,
        removed,
    })
}

/// What the revision that is shown changed; nothing where the package is a first one.
fn read_changes(dir: &Path, info: &SceneInfo) -> Result<Option<Changes>, LoadError> {
    let path = dir.join("changes.json");
    let changes = path.exists().then(|| read_json::<Changes>(&path)).transpose()?;
    Ok(changes.filter(|changes| changes.to == info.revision))
}

fn entities_path(dir: &Path) -> PathBuf {
    dir.join("entities.ndjson")
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let text = std::fs::read(path).map_err(|source| failed_to_read(path, source))?;
    parse_json(path, &text)
}

fn failed_to_read(path: &Path, source: io::Error) -> LoadError {
    LoadError::Read { path: path.to_owned(), source }
}

fn parse_json<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, LoadError> {
    serde_json::from_slice(text).map_err(|source| LoadError::Parse {
        path: path.to_owned(),
        line: source.line(),
        source,
    })
}

struct EntityReader {
    properties: Properties,
    entities: Vec<Entity>,
    spans: Vec<Span>,
    long_names: std::collections::HashMap<u32, Box<str>>,
    elevations_m: std::collections::HashMap<u32, f64>,
    search: Search,
}

impl EntityReader {
    fn new(properties: Properties) -> Self {
        Self {
            properties,
            entities: Vec::new(),
            spans: Vec::new(),
            long_names: Default::default(),
            elevations_m: Default::default(),
            search: Search::default(),
        }
    }

    fn read(&mut self, path: &Path) -> Result<(), LoadError> {
        let failed = |source| failed_to_read(path, source);
        let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
        let (mut line, mut offset) = (Vec::new(), 0);
        for number in 1.. {
            line.clear();
            let length = file.read_until(b'\n', &mut line).map_err(failed)?;
            if length == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                let entity = serde_json::from_slice(&line).map_err(|source| LoadError::Parse {
                    path: path.to_owned(),
                    line: number,
                    source,
                })?;
                // A line of 4 GiB does not parse above; the cast loses nothing.
                self.push(entity, Span { offset, length: length as u32 });
            }
            offset += length as u64;
        }
        Ok(())
    }

    fn push(&mut self, mut entity: Entity, span: Span) {
        let index = self.entities.len() as u32;
        let attribute = |name: &str| entity.properties.get("Attributes")?.get(name);
        let long_name = attribute("LongName")
            .and_then(|name| name.as_str())
            .filter(|name| !name.is_empty())
            .map(Box::<str>::from);
        if entity.kind == EntityKind::Storey
            && let Some(elevation_m) = attribute("Elevation").and_then(serde_json::Value::as_f64)
        {
            self.elevations_m.insert(index, elevation_m);
        }
        self.search.push(&entity, long_name.as_deref());
        if let Some(long_name) = long_name {
            self.long_names.insert(index, long_name);
        }
        if self.properties == Properties::OnDisk {
            entity.properties = Default::default();
        }
        self.entities.push(entity);
        self.spans.push(span);
    }
}

/// Reads one entity's line again.
pub(super) fn read_entity(loaded: &LoadedScene, index: u32) -> Result<Entity, LoadError> {
    let path = entities_path(&loaded.dir);
    let span = loaded.spans[index as usize];
    let mut line = vec![0; span.length as usize];
    let mut read = || {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(span.offset))?;
        file.read_exact(&mut line)
    };
    loaded.seal.check()?;
    let result = read();
    // What was read counts, and what could not be read is told, only of the loaded package.
    loaded.seal.check()?;
    result.map_err(|source| failed_to_read(&path, source))?;
    match serde_json::from_slice::<Entity>(&line) {
        Ok(entity) if entity.id == loaded.scene.at(index).id => Ok(entity),
        _ => Err(LoadError::Changed { path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(entities: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let scene = r#"{"revision":"r1","origin":{},"unit":"metre","sources":[]}"#;
        std::fs::write(dir.path().join("scene.json"), scene).unwrap();
        std::fs::write(dir.path().join("entities.ndjson"), entities).unwrap();
        dir
    }

    const TWO: &str = r#"{"id":"b","kind":"building","name":"T1","properties":{"Attributes":{"LongName":"一号楼"}}}

{"id":"m","parent":"b","kind":"meter","name":"EM1","properties":{"Pset":{"Rated":5}}}
"#;

    #[test]
    fn reads_properties_back_from_disk() {
        let dir = package(TWO);
        for properties in [Properties::OnDisk, Properties::InMemory] {
            let loaded = load(dir.path(), properties).unwrap();
            assert_eq!(loaded.scene().len(), 2);
            assert_eq!(loaded.entity(1).unwrap().properties["Pset"]["Rated"], 5);
            assert_eq!(loaded.long_name(0), Some("一号楼"));
            assert_eq!(loaded.search().find("一号", 0).collect::<Vec<_>>(), [0]);
            let in_memory = !loaded.scene().at(1).properties.is_empty();
            assert_eq!(in_memory, properties == Properties::InMemory);
        }
    }

    #[test]
    fn says_where_a_package_is_broken() {
        let missing = load(Path::new("nowhere"), Properties::OnDisk).unwrap_err().to_string();
        assert!(missing.contains("scene.json"), "{missing}");
        let bad = package("{\"id\":\"b\",\"kind\":\"building\"}\n{\"id\":3}\n");
        let bad = load(bad.path(), Properties::OnDisk).unwrap_err().to_string();
        assert!(bad.contains("entities.ndjson line 2"), "{bad}");
        let orphan = package("{\"id\":\"b\",\"kind\":\"building\",\"parent\":\"x\"}\n");
        let orphan = load(orphan.path(), Properties::OnDisk).unwrap_err().to_string();
        assert!(orphan.contains("names x as its parent"), "{orphan}");
    }

    #[test]
    fn notices_a_package_written_anew() {
        let dir = package(TWO);
        let loaded = load(dir.path(), Properties::OnDisk).unwrap();
        let other = TWO.replace("\"id\":\"m\"", "\"id\":\"n\"");
        std::fs::write(dir.path().join("entities.ndjson"), other).unwrap();
        assert!(matches!(loaded.entity(1), Err(LoadError::Changed { .. })));

        // The same ids at the same places, but of another model.
        let loaded = load(dir.path(), Properties::OnDisk).unwrap();
        assert!(loaded.entity(1).is_ok());
        let scene = std::fs::read_to_string(dir.path().join("scene.json")).unwrap();
        let draft = dir.path().join("draft.json");
        std::fs::write(&draft, scene.replace("r1", "r2")).unwrap();
        std::fs::rename(draft, dir.path().join("scene.json")).unwrap();
        assert!(matches!(loaded.entity(1), Err(LoadError::Changed { .. })));
        std::fs::remove_file(dir.path().join("entities.ndjson")).unwrap();
        assert!(matches!(loaded.entity(1), Err(LoadError::Changed { .. })), "not: missing");
    }
}
