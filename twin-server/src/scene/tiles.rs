//! Whether the tiles are there that the package's tileset names. Values go out without them,
//! but there is nothing to show them on.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;

/// Tiles that cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TilesError {
    /// The tileset is not there, or is none.
    #[error("{path}: {reason}; import the model again")]
    Tileset {
        /// The tileset's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The tileset names files that are not there.
    #[error(
        "{first} is missing ({missing} of {named} files of the tileset); import the model again"
    )]
    Missing {
        /// The first of them.
        first: PathBuf,
        /// How many are missing.
        missing: usize,
        /// How many the tileset names.
        named: usize,
    },
}

/// `tileset.json`, as far as it names files.
#[derive(Deserialize)]
struct Tileset {
    root: Tile,
}

#[derive(Deserialize)]
struct Tile {
    content: Option<Content>,
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(default)]
    children: Vec<Tile>,
}

#[derive(Deserialize)]
struct Content {
    uri: String,
}

/// Looks for every file that the tileset of the package in `dir` names.
pub(super) fn check(dir: &Path) -> Result<(), TilesError> {
    let folder = dir.join("tiles");
    let path = folder.join("tileset.json");
    let failed = |reason| TilesError::Tileset { path: path.clone(), reason };
    let text = fs::read(&path).map_err(|error| failed(error.to_string()))?;
    let tileset: Tileset =
        serde_json::from_slice(&text).map_err(|error| failed(format!("not a tileset: {error}")))?;
    let (mut first, mut missing, mut named) = (None, 0, 0);
    let mut open = vec![&tileset.root];
    while let Some(tile) = open.pop() {
        for content in tile.content.iter().chain(&tile.contents) {
            named += 1;
            let file = folder.join(&content.uri);
            if !file.is_file() {
                missing += 1;
                first.get_or_insert(file);
            }
        }
        open.extend(tile.children.iter().rev());
    }
    first.map_or(Ok(()), |first| Err(TilesError::Missing { first, missing, named }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_missing_file_and_how_many() {
        let dir = tempfile::tempdir().unwrap();
        let tiles = dir.path().join("tiles");
        let told = || check(dir.path()).unwrap_err().to_string();
        assert!(told().contains("tileset.json"), "{}", told());

        fs::create_dir(&tiles).unwrap();
        for garbage in ["glTF", "{}", r#"{"root":[]}"#] {
            fs::write(tiles.join("tileset.json"), garbage).unwrap();
            assert!(told().contains("tileset.json: not a tileset: "), "{}", told());
        }

        let tileset = r#"{"root":{"content":{"uri":"0.glb"},"children":[
            {"contents":[{"uri":"0-0.glb"}],"children":[{"content":{"uri":"0-0-0.glb"}}]},
            {"children":[]},{"content":{"uri":"0-2.glb"}}]}}"#;
        fs::write(tiles.join("tileset.json"), tileset).unwrap();
        fs::write(tiles.join("0.glb"), "glTF").unwrap();
        let expected = TilesError::Missing { first: tiles.join("0-0.glb"), missing: 3, named: 4 };
        assert_eq!(check(dir.path()), Err(expected));
        assert!(told().contains("0-0.glb is missing (3 of 4 files"), "{}", told());
        for name in ["0-0.glb", "0-0-0.glb", "0-2.glb"] {
            fs::write(tiles.join(name), "glTF").unwrap();
        }
        assert_eq!(check(dir.path()), Ok(()));

        fs::write(tiles.join("tileset.json"), r#"{"root":{}}"#).unwrap();
        assert_eq!(check(dir.path()), Ok(()), "an empty scene");
    }
}
