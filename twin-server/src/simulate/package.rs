//! Reads what the simulator needs of a scene package: its entities and its walking graph.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use thiserror::Error;
use twin_model::{Entity, Scene, SceneError, walk::WalkGraph};

/// Why a scene package cannot be read.
#[derive(Debug, Error)]
pub enum PackageError {
    /// A file of the package could not be read.
    #[error("reading {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line or file is not the JSON it should be.
    #[error("{path}, line {line}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where in it, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The entities do not hold together.
    #[error("{path}")]
    Scene {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SceneError,
    },
}

/// Reads `entities.ndjson` and, where there is one, `graph.json`.
pub fn load(folder: &Path) -> Result<(Scene, WalkGraph), PackageError> {
    let path = folder.join("entities.ndjson");
    let read = |source| PackageError::Read { path: path.clone(), source };
    let mut entities = Vec::new();
    for (i, line) in BufReader::new(File::open(&path).map_err(read)?).lines().enumerate() {
        let line = line.map_err(read)?;
        if line.trim().is_empty() {
            continue;
        }
        let entity: Entity = serde_json::from_str(&line).map_err(|source| PackageError::Parse {
            path: path.clone(),
            line: i + 1,
            source,
        })?;
        entities.push(entity);
    }
    let scene = Scene::new(entities)
        .map_err(|source| PackageError::Scene { path: path.clone(), source })?;
    Ok((scene, load_graph(&folder.join("graph.json"))?))
}

fn load_graph(path: &Path) -> Result<WalkGraph, PackageError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(WalkGraph::default());
        }
        Err(source) => return Err(PackageError::Read { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&text).map_err(|source| PackageError::Parse {
        path: path.to_owned(),
        line: source.line(),
        source,
    })
}
