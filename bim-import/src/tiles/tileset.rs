//! `tileset.json`: the tree, its boxes and errors.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twin_model::BoundingBox;

use super::{TilesError, contents::WrittenTile, write_file};

/// Writes `tileset.json`.
pub(super) fn write(
    path: &Path,
    root: &WrittenTile,
    root_transform: Option<[f64; 16]>,
    hash: &mut Sha256,
) -> Result<(), TilesError> {
    let mut tree = tile(root);
    if let Some(matrix) = root_transform {
        tree["transform"] = json!(matrix);
    }
    let document = json!({
        "asset": {
            "version": "1.1",
            "generator": concat!("bim-import ", env!("CARGO_PKG_VERSION")),
        },
        "geometricError": round(root.largest),
        "schema": schema(),
        "root": tree,
    });
    let mut bytes = serde_json::to_vec(&document)
        .map_err(|source| TilesError::Encode { path: path.to_path_buf(), source })?;
    bytes.push(b'\n');
    hash.update(&bytes);
    write_file(path, &bytes)
}

fn tile(tile: &WrittenTile) -> Value {
    let mut value = json!({
        "boundingVolume": { "box": bounding_box(tile.bounds) },
        "geometricError": round(tile.geometric_error),
        "refine": if tile.replaces { "REPLACE" } else { "ADD" },
    });
    if let Some(content) = &tile.content {
        value["content"] = json!({ "uri": content });
    }
    let mut properties = serde_json::Map::new();
    if tile.content.is_some() {
        properties.insert("bytes".into(), json!(tile.bytes));
    }
    if let Some(building) = &tile.building {
        properties.insert("building".into(), json!(building));
    }
    if !tile.storeys.is_empty() {
        properties.insert("storeys".into(), json!(tile.storeys));
    }
    if !properties.is_empty() {
        value["metadata"] = json!({ "class": "tile", "properties": properties });
    }
    if !tile.children.is_empty() {
        value["children"] = tile.children.iter().map(self::tile).collect();
    }
    value
}

/// What is told of a tile before its content is there.
fn schema() -> Value {
    json!({
        "id": "twin_tiles",
        "classes": { "tile": { "name": "Tile", "properties": {
            "bytes": {
                "name": "Bytes", "description": "Length of the content",
                "type": "SCALAR", "componentType": "UINT64",
            },
            "building": {
                "name": "Building", "description": "Id of the building that all of it is part of",
                "type": "STRING",
            },
            "storeys": {
                "name": "Storeys", "description": "Ids of the storeys that all of it stands in",
                "type": "STRING", "array": true,
            },
        }}},
    })
}

/// Centre and half axes. A scene without geometry gets a box of one metre at the origin:
/// a bounding volume must have a size.
fn bounding_box(bounds: Option<BoundingBox>) -> [f64; 12] {
    let bounds = bounds.unwrap_or(BoundingBox { min: [-0.5; 3], max: [0.5; 3] });
    let [x, y, z] = bounds.center();
    let [dx, dy, dz] = bounds.size().map(|extent| extent / 2.0);
    [x, y, z, dx, 0.0, 0.0, 0.0, dy, 0.0, 0.0, 0.0, dz]
}

/// Millimetres are enough for an error, and keep the file readable.
fn round(metres: f64) -> f64 {
    (metres * 1000.0).round() / 1000.0
}
