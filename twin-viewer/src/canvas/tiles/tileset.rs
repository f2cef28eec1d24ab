//! Reads `tileset.json` (3D Tiles 1.1, explicit tree, box volumes) into a flat list.

use glam::{DMat4, DVec3};
use serde::Deserialize;

/// Why a tileset cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TilesetError {
    /// The JSON does not parse.
    #[error("tileset.json: {0}")]
    Json(String),
    /// A tile has no box, or one that is not 12 numbers.
    #[error("tileset.json: tile {0} has no bounding box")]
    NoBox(usize),
    /// More tiles, or a deeper tree, than a scene can have.
    #[error("tileset.json: more than {MAX_TILES} tiles, or deeper than {MAX_DEPTH} levels")]
    TooMany,
}

/// Most tiles of one tileset.
const MAX_TILES: usize = 200_000;
/// Deepest tree.
const MAX_DEPTH: usize = 32;

/// An axis-aligned box in the local frame, m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Smallest corner.
    pub min: DVec3,
    /// Largest corner.
    pub max: DVec3,
}

impl Bounds {
    /// The smallest box that holds both.
    pub fn union(&self, other: &Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// The middle.
    pub fn center(&self) -> DVec3 {
        (self.min + self.max) / 2.0
    }

    /// Distance of a point from the box; 0 inside.
    pub fn distance(&self, point: DVec3) -> f64 {
        (point - point.clamp(self.min, self.max)).length()
    }

    /// The corners.
    pub fn corners(&self) -> [DVec3; 8] {
        std::array::from_fn(|i| {
            let pick = |bit: usize, low: f64, high: f64| if i >> bit & 1 == 0 { low } else { high };
            DVec3::new(
                pick(0, self.min.x, self.max.x),
                pick(1, self.min.y, self.max.y),
                pick(2, self.min.z, self.max.z),
            )
        })
    }
}

/// One tile of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// What it and its children fill, local frame.
    pub bounds: Bounds,
    /// How wrong the view is without the children, m.
    pub geometric_error: f64,
    /// URL of the GLB, relative to the tileset.
    pub content: Option<String>,
    /// Whether the children replace the content; else they add to it.
    pub replaces: bool,
    /// Length of the content, where it is told.
    pub bytes: Option<u64>,
    /// Whether it is a building by itself, or part of one.
    pub in_building: bool,
    /// Where all of it stands in storeys, or in none: those.
    pub storeys: Option<Vec<String>>,
    /// Positions of the children in [`Tileset::tiles`].
    pub children: Vec<usize>,
}

impl Tile {
    /// A tile of nothing.
    pub fn empty(bounds: Bounds) -> Self {
        Self {
            bounds,
            geometric_error: 0.0,
            content: None,
            replaces: false,
            bytes: None,
            in_building: false,
            storeys: None,
            children: Vec::new(),
        }
    }
}

/// A tileset: tile 0 is the root; a parent stands before its children.
#[derive(Clone, Debug, PartialEq)]
pub struct Tileset {
    /// The tiles.
    pub tiles: Vec<Tile>,
}

#[derive(Deserialize)]
struct TilesetJson {
    root: TileJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TileJson {
    #[serde(default)]
    bounding_volume: Volume,
    #[serde(default)]
    geometric_error: f64,
    content: Option<ContentJson>,
    #[serde(default)]
    children: Vec<TileJson>,
    transform: Option<[f64; 16]>,
    refine: Option<Refine>,
    metadata: Option<MetadataJson>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Refine {
    #[default]
    Add,
    Replace,
}

#[derive(Default, Deserialize)]
struct MetadataJson {
    #[serde(default)]
    properties: TileProperties,
}

/// What our importer tells of a tile.
#[derive(Default, Deserialize)]
struct TileProperties {
    bytes: Option<u64>,
    building: Option<String>,
    storeys: Option<Vec<String>>,
}

/// What a tile has from the one above it.
#[derive(Clone, Copy, Default)]
struct Above {
    transform: DMat4,
    refine: Refine,
    in_building: bool,
    /// Whether the one above is a building by itself, so that what names no storey has none.
    is_building: bool,
    depth: usize,
}

#[derive(Default, Deserialize)]
struct Volume {
    #[serde(rename = "box", default)]
    bounds: Vec<f64>,
}

#[derive(Deserialize)]
struct ContentJson {
    uri: String,
}

/// Reads a tileset. The root's transform places the local frame on the globe; the
/// viewer stays in the local frame and leaves it out.
pub fn parse(json: &[u8]) -> Result<Tileset, TilesetError> {
    let TilesetJson { mut root } =
        serde_json::from_slice(json).map_err(|error| TilesetError::Json(error.to_string()))?;
    root.transform = None;
    let mut tiles = Vec::new();
    flatten(root, Above::default(), &mut tiles)?;
    Ok(Tileset { tiles })
}

fn flatten(json: TileJson, above: Above, tiles: &mut Vec<Tile>) -> Result<usize, TilesetError> {
    let index = tiles.len();
    if index >= MAX_TILES || above.depth >= MAX_DEPTH {
        return Err(TilesetError::TooMany);
    }
    let transform = json.transform;
    let transform =
        transform.map_or(above.transform, |own| above.transform * DMat4::from_cols_array(&own));
    let bounds =
        bounds(&json.bounding_volume.bounds, transform).ok_or(TilesetError::NoBox(index))?;
    let refine = json.refine.unwrap_or(above.refine);
    let told = json.metadata.unwrap_or_default().properties;
    let is_building = told.building.is_some();
    let in_building = is_building || above.in_building;
    let names_all = is_building || above.is_building;
    tiles.push(Tile {
        geometric_error: json.geometric_error.max(0.0),
        content: json.content.map(|content| content.uri),
        replaces: refine == Refine::Replace,
        bytes: told.bytes,
        in_building,
        storeys: told.storeys.or(names_all.then(Vec::new)),
        ..Tile::empty(bounds)
    });
    let depth = above.depth + 1;
    let below = Above { transform, refine, in_building, is_building, depth };
    for child in json.children {
        let child = flatten(child, below, tiles)?;
        tiles[index].children.push(child);
    }
    Ok(index)
}

fn bounds(numbers: &[f64], transform: DMat4) -> Option<Bounds> {
    if numbers.len() != 12 || numbers.iter().any(|number| !number.is_finite()) {
        return None;
    }
    let vector = |at: usize| DVec3::from_slice(&numbers[at..]);
    let center = transform.transform_point3(vector(0));
    let half: DVec3 =
        [3, 6, 9].iter().map(|&at| transform.transform_vector3(vector(at)).abs()).sum();
    Some(Bounds { min: center - half, max: center + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_tree_and_leaves_the_globe_out() {
        let json = r#"{"asset":{"version":"1.1"},"geometricError":100,"root":{
            "transform":[1,0,0,0, 0,1,0,0, 0,0,1,0, 6e6,0,0,1],
            "boundingVolume":{"box":[10,0,5, 10,0,0, 0,20,0, 0,0,5]},
            "geometricError":16,"refine":"ADD","content":{"uri":"0.glb"},
            "children":[{"boundingVolume":{"box":[5,0,5, 5,0,0, 0,5,0, 0,0,5]},"geometricError":0}]}}"#;
        let tileset = parse(json.as_bytes()).unwrap();
        assert_eq!(tileset.tiles.len(), 2);
        assert_eq!(tileset.tiles[0].children, [1]);
        assert_eq!(tileset.tiles[0].content.as_deref(), Some("0.glb"));
        assert_eq!(tileset.tiles[0].bounds.min, DVec3::new(0.0, -20.0, 0.0));
        assert_eq!(tileset.tiles[0].bounds.max, DVec3::new(20.0, 20.0, 10.0));
    }

    #[test]
    fn knows_what_replaces_what_and_where_it_stands() {
        let json = br#"{"root":{"boundingVolume":{"box":[0,0,0,9,0,0,0,9,0,0,0,9]},"refine":"ADD",
            "children":[{"boundingVolume":{"box":[0,0,0,9,0,0,0,9,0,0,0,9]},"refine":"REPLACE",
                "metadata":{"class":"tile","properties":{"bytes":7,"building":"b","storeys":["s"]}},
                "children":[
                    {"boundingVolume":{"box":[0,0,0,9,0,0,0,9,0,0,0,9]},"refine":"ADD",
                     "metadata":{"class":"tile","properties":{"storeys":["s"]}},
                     "children":[{"boundingVolume":{"box":[0,0,0,9,0,0,0,9,0,0,0,9]}}]},
                    {"boundingVolume":{"box":[0,0,0,9,0,0,0,9,0,0,0,9]}}]}]}}"#;
        let tiles = parse(json).unwrap().tiles;
        let told = tiles.iter().map(|tile| (tile.replaces, tile.in_building, &tile.storeys));
        let (none, storey, no_storey) = (None, Some(vec!["s".to_owned()]), Some(Vec::new()));
        assert!(told.eq([
            (false, false, &none),
            (true, true, &storey),
            (false, true, &storey),
            (false, true, &none),
            // Says nothing itself: replaced like the one above, and in none of its storeys.
            (true, true, &no_storey),
        ]));
        assert_eq!((tiles[0].bytes, tiles[1].bytes), (None, Some(7)));
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(matches!(parse(b"{"), Err(TilesetError::Json(_))));
        let no_box = br#"{"root":{"boundingVolume":{"sphere":[0,0,0,1]}}}"#;
        assert_eq!(parse(no_box), Err(TilesetError::NoBox(0)));
    }

    #[test]
    fn distance_from_a_box() {
        let bounds = Bounds { min: DVec3::ZERO, max: DVec3::splat(2.0) };
        assert_eq!(bounds.distance(DVec3::splat(1.0)), 0.0);
        assert_eq!(bounds.distance(DVec3::new(5.0, 1.0, 6.0)), 5.0);
    }
}
