//! Reads a tile back with another reader, for the tests.

use std::{collections::BTreeMap, fs, path::Path};

use glam::{DQuat, DVec3};

/// What a reader sees of one primitive.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) material: String,
    /// Of every copy, one behind the other.
    pub(super) positions: Vec<[f64; 3]>,
    /// sRGB, straight alpha.
    pub(super) colors: Vec<[u8; 4]>,
    pub(super) features: Vec<u16>,
    /// Of the first copy.
    pub(super) indices: Vec<u32>,
    pub(super) feature_count: u64,
    /// Places that it stands in; none where it is no shape.
    pub(super) copies: usize,
}

/// A GLB as read back: primitives and the rows of the property table.
pub(super) struct Tile {
    pub(super) seen: Vec<Seen>,
    pub(super) rows: Vec<BTreeMap<String, String>>,
}

pub(super) fn read_tile(path: &Path) -> Tile {
    let bytes = fs::read(path).unwrap();
    let glb = gltf::Glb::from_slice(&bytes).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&glb.json).unwrap();
    let bin = glb.bin.unwrap();
    let document = gltf::Gltf::from_slice_without_validation(&bytes).unwrap();
    let seen = document.nodes().map(|node| read_node(&node, &json, &bin)).collect();
    let table = &json["extensions"]["EXT_structural_metadata"]["propertyTables"][0];
    let mut rows = vec![BTreeMap::new(); table["count"].as_u64().unwrap() as usize];
    for (name, property) in table["properties"].as_object().unwrap() {
        let offsets = view(&json, &bin, property["stringOffsets"].as_u64().unwrap());
        let values = view(&json, &bin, property["values"].as_u64().unwrap());
        let offsets: Vec<usize> = offsets
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes(b.try_into().unwrap()) as usize)
            .collect();
        assert_eq!(offsets.len(), rows.len() + 1);
        for (n, row) in rows.iter_mut().enumerate() {
            let text = std::str::from_utf8(&values[offsets[n]..offsets[n + 1]]).unwrap();
            row.insert(name.clone(), text.to_owned());
        }
    }
    Tile { seen, rows }
}

fn view<'a>(json: &serde_json::Value, bin: &'a [u8], index: u64) -> &'a [u8] {
    let view = &json["bufferViews"][index as usize];
    let start = view["byteOffset"].as_u64().unwrap() as usize;
    assert_eq!(start % 8, 0, "columns are aligned");
    &bin[start..start + view["byteLength"].as_u64().unwrap() as usize]
}

fn read_node(node: &gltf::Node<'_>, json: &serde_json::Value, bin: &[u8]) -> Seen {
    let (translation, _, scale) = node.transform().decomposed();
    let primitive = node.mesh().unwrap().primitives().next().unwrap();
    let raw = |semantic: &gltf::Semantic, size: usize| -> Vec<Vec<u8>> {
        let Some(accessor) = primitive.get(semantic) else { return Vec::new() };
        let view = accessor.view().unwrap();
        let stride = view.stride().unwrap();
        assert_eq!(stride % 4, 0);
        (0..accessor.count()).map(|n| bin[view.offset() + n * stride..][..size].to_vec()).collect()
    };
    let stored: Vec<[u16; 3]> = raw(&gltf::Semantic::Positions, 6)
        .iter()
        .map(|b| [0, 2, 4].map(|i| u16::from_le_bytes([b[i], b[i + 1]])))
        .collect();
    let accessor = primitive.get(&gltf::Semantic::Positions).unwrap();
    for axis in 0..3 {
        let values = stored.iter().map(|p| p[axis]);
        assert_eq!(accessor.min().unwrap()[axis], values.clone().min().unwrap());
        assert_eq!(accessor.max().unwrap()[axis], values.max().unwrap());
    }
    let copies = node.extension_value("EXT_mesh_gpu_instancing");
    let stands = copies.map_or(vec![(DVec3::ZERO, DQuat::IDENTITY, 0)], |copies| {
        read_copies(json, bin, &copies["attributes"])
    });
    // Back to east, north, up.
    let [zero, scale] = [translation, scale].map(|numbers| DVec3::from(numbers.map(f64::from)));
    let place = |p: &[u16; 3], at: DVec3, turn: DQuat| {
        let p = DVec3::from(p.map(f64::from)) / 65_535.0;
        let [x, y, z] = (zero + scale * (turn * p + at)).to_array();
        [x, -z, y]
    };
    let positions =
        stands.iter().flat_map(|(at, turn, _)| stored.iter().map(|p| place(p, *at, *turn)));
    let positions = positions.collect();
    let mut features: Vec<u16> = raw(&gltf::Semantic::Extras("FEATURE_ID_0".into()), 2)
        .iter()
        .map(|b| u16::from_le_bytes([b[0], b[1]]))
        .collect();
    let ids = if copies.is_some() {
        assert!(features.is_empty() && primitive.extension_value("EXT_mesh_features").is_none());
        features = stands.iter().flat_map(|(.., row)| vec![*row; stored.len()]).collect();
        node.extension_value("EXT_instance_features").unwrap()
    } else {
        primitive.extension_value("EXT_mesh_features").unwrap()
    };
    Seen {
        material: primitive.material().name().unwrap().to_owned(),
        positions,
        colors: (primitive.reader(|_| Some(bin)).read_colors(0).into_iter())
            .flat_map(|colors| colors.into_rgba_f32().map(srgb))
            .collect(),
        features,
        indices: primitive.reader(|_| Some(bin)).read_indices().unwrap().into_u32().collect(),
        feature_count: ids["featureIds"][0]["featureCount"].as_u64().unwrap(),
        copies: copies.map_or(0, |_| stands.len()),
    }
}

/// What a screen shows of a linear colour.
fn srgb([r, g, b, a]: [f32; 4]) -> [u8; 4] {
    let curve =
        |x: f32| if x <= 0.003_130_8 { x * 12.92 } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
    [curve(r), curve(g), curve(b), a].map(|x| (x * 255.0).round() as u8)
}

/// Translation, rotation and row of each copy.
fn read_copies(
    json: &serde_json::Value,
    bin: &[u8],
    attributes: &serde_json::Value,
) -> Vec<(DVec3, DQuat, u16)> {
    let at = |name: &str| {
        let accessor = &json["accessors"][attributes[name].as_u64().unwrap() as usize];
        let view = &json["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize];
        let number = |value: &serde_json::Value| value.as_u64().unwrap_or(0) as usize;
        let start = number(&view["byteOffset"]) + number(&accessor["byteOffset"]);
        (start, number(&view["byteStride"]), number(&accessor["count"]))
    };
    let float = |at: usize| f64::from(f32::from_le_bytes(bin[at..at + 4].try_into().unwrap()));
    let (places, stride, count) = at("TRANSLATION");
    let (turns, ids) = (at("ROTATION").0, at("_FEATURE_ID_0").0);
    let copy = |n: usize| {
        let place = |i: usize| float(places + n * stride + i * 4);
        let turn = |i: usize| float(turns + n * stride + i * 4);
        let id = ids + n * stride;
        (
            DVec3::new(place(0), place(1), place(2)),
            DQuat::from_xyzw(turn(0), turn(1), turn(2), turn(3)),
            u16::from_le_bytes([bin[id], bin[id + 1]]),
        )
    };
    (0..count).map(copy).collect()
}
