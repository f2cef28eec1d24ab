//! One tile's GLB.

use std::path::Path;

use gltf_json::{
    Accessor, Index, Material, Mesh, Node, Root, Scene,
    accessor::{ComponentType, GenericComponentType, Type},
    buffer::View,
    material::{AlphaMode, PbrBaseColorFactor, PbrMetallicRoughness, StrengthFactor},
    mesh::{Mode, Primitive, Semantic},
    validation::{Checked, USize64},
};
use serde_json::{Value, json};
use twin_model::{BoundingBox, EntityId};

use super::{
    TilesError, TilesSummary,
    buffers::Bin,
    edges::Segment,
    item::Item,
    metadata::{self, Row},
    primitive::{self, Merged},
    quantize::Grid,
};
use crate::mesh::MaterialClass;

/// How far a reader's single-precision arithmetic may put a vertex beside its place, m.
const READER_ERROR_M: f64 = 1.0e-3;

/// An encoded tile.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// Box around what a reader sees, local frame, m.
    pub(super) bounds: BoundingBox,
    /// Entities of which at least one triangle is left.
    pub(super) drawn: Vec<EntityId>,
    size: u64,
    triangles: u64,
    edges: u64,
    collapsed: u64,
    max_error_m: f64,
}

impl Content {
    /// Bytes of the GLB.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Counts the tile in the summary as one that is replaced by others.
    pub(super) fn add_shell_to(&self, summary: &mut TilesSummary) {
        summary.tiles += 1;
        summary.shells += 1;
        summary.shell_triangles += self.triangles;
        summary.shell_bytes += self.size;
        summary.bytes += self.size;
        summary.max_error_m = summary.max_error_m.max(self.max_error_m);
    }

    /// Counts the tile in the summary.
    pub(super) fn add_to(&self, summary: &mut TilesSummary) {
        summary.tiles += 1;
        summary.triangles += self.triangles;
        summary.edges += self.edges;
        summary.collapsed_triangles += self.collapsed;
        summary.bytes += self.size;
        summary.max_error_m = summary.max_error_m.max(self.max_error_m);
    }
}

/// The primitives of a tile, by material name, in the order they are written.
type Layers = Vec<(&'static str, Merged)>;

/// Encodes items, sorted by entity; nothing when none of them has a triangle left.
pub(super) fn encode(items: Vec<Item>, path: &Path) -> Result<Option<Content>, TilesError> {
    let Some(bounds) = items.iter().map(|item| item.bounds).reduce(|a, b| a.union(&b)) else {
        return Ok(None);
    };
    let grid = Grid::over(&bounds);
    let (rows, row_of) = rows(&items);
    let layers = layers(&items, &row_of, &grid);
    let mut used = vec![false; rows.len()];
    let mut content = Content {
        bytes: Vec::new(),
        bounds: grown(&bounds, grid.step_m() / 2.0 + READER_ERROR_M),
        drawn: Vec::new(),
        size: 0,
        triangles: 0,
        edges: 0,
        collapsed: 0,
        max_error_m: grid.step_m() / 2.0,
    };
    for (_, layer) in &layers {
        if layer.normals.is_empty() {
            content.edges += layer.indices.len() as u64 / 2;
        } else {
            content.triangles += layer.indices.len() as u64 / 3;
            layer.features.iter().for_each(|row| used[usize::from(*row)] = true);
        }
    }
    content.collapsed =
        items.iter().map(|item| item.triangles as u64).sum::<u64>() - content.triangles;
    if content.triangles == 0 {
        return Ok(None);
    }
    content.drawn = rows
        .iter()
        .zip(used)
        .filter(|(_, used)| *used)
        .map(|(row, _)| EntityId::new(row.entity.as_str()))
        .collect();
    // The meshes are merged: free them before the file is put together.
    drop(items);
    content.bytes = assemble(layers, &rows, &grid, path)?;
    content.size = content.bytes.len() as u64;
    Ok(Some(content))
}

fn grown(bounds: &BoundingBox, by: f64) -> BoundingBox {
    BoundingBox { min: bounds.min.map(|x| x - by), max: bounds.max.map(|x| x + by) }
}

/// The property table, and each item's row in it: pieces of one entity share a row.
fn rows(items: &[Item]) -> (Vec<Row>, Vec<u16>) {
    let mut rows: Vec<Row> = Vec::new();
    let mut row_of = Vec::with_capacity(items.len());
    for item in items {
        if rows.last().is_none_or(|row| row.entity != item.entity.as_str()) {
            rows.push(Row {
                entity: item.entity.to_string(),
                storey: item.storey.as_ref().map(ToString::to_string).unwrap_or_default(),
                kind: item.kind.as_str(),
            });
        }
        row_of.push((rows.len() - 1) as u16);
    }
    (rows, row_of)
}

fn layers(items: &[Item], row_of: &[u16], grid: &Grid) -> Layers {
    let surface = |class| primitive::surface(items, row_of, class, grid);
    let edges: Vec<Vec<Segment>> = items.iter().map(Item::segments).collect();
    let mut layers = vec![
        ("opaque", surface(MaterialClass::Opaque)),
        ("glass", surface(MaterialClass::Glass)),
        ("space", surface(MaterialClass::Space)),
        ("ground", surface(MaterialClass::Ground)),
        ("edge", primitive::lines(&edges, row_of, false, grid)),
        ("space_edge", primitive::lines(&edges, row_of, true, grid)),
    ];
    layers.retain(|(_, layer)| !layer.indices.is_empty());
    layers
}

fn assemble(layers: Layers, rows: &[Row], grid: &Grid, path: &Path) -> Result<Vec<u8>, TilesError> {
    let mut bin = Bin::default();
    let mut root = Root {
        extensions_used: vec![
            "EXT_mesh_features".into(),
            "EXT_structural_metadata".into(),
            "KHR_mesh_quantization".into(),
        ],
        extensions_required: vec!["KHR_mesh_quantization".into()],
        ..Root::default()
    };
    root.asset.generator = Some(concat!("bim-import ", env!("CARGO_PKG_VERSION")).into());
    for (name, layer) in layers {
        add_layer(name, layer, grid, &mut root, &mut bin);
    }
    let table = metadata::structural(rows, &mut bin);
    let mut extensions = gltf_json::extensions::root::Root::default();
    extensions.others.insert("EXT_structural_metadata".to_owned(), table);
    root.extensions = Some(extensions);
    root.scenes.push(Scene {
        extensions: None,
        extras: Default::default(),
        name: None,
        nodes: (0..root.nodes.len() as u32).map(Index::new).collect(),
    });
    root.scene = Some(Index::new(0));
    root.buffers.push(gltf_json::Buffer {
        byte_length: USize64::from(bin.bytes.len()),
        name: None,
        uri: None,
        extensions: None,
        extras: Default::default(),
    });
    root.buffer_views = bin.views;
    let json = serde_json::to_vec(&root)
        .map_err(|source| TilesError::Encode { path: path.to_path_buf(), source })?;
    container(json, bin.bytes)
}

/// The GLB around its two chunks.
fn container(mut json: Vec<u8>, mut bin: Vec<u8>) -> Result<Vec<u8>, TilesError> {
    json.resize(json.len().next_multiple_of(4), b' ');
    bin.resize(bin.len().next_multiple_of(4), 0);
    let length = 12 + 8 + json.len() + 8 + bin.len();
    let total = u32::try_from(length)
        .map_err(|_| TilesError::TooLarge { what: "a tile", limit: "a GLB (4 GiB)" })?;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(b"glTF");
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(total.to_le_bytes());
    for (kind, chunk) in [(b"JSON", json), (b"BIN\0", bin)] {
        // Both are shorter than the total, which fits.
        bytes.extend((chunk.len() as u32).to_le_bytes());
        bytes.extend(kind);
        bytes.extend(chunk);
    }
    Ok(bytes)
}

/// Adds one material, mesh and node.
fn add_layer(name: &str, layer: Merged, grid: &Grid, root: &mut Root, bin: &mut Bin) {
    let primitive = primitive_of(name, &layer, root, bin);
    let mesh = Index::push(
        &mut root.meshes,
        Mesh {
            extensions: None,
            extras: Default::default(),
            name: Some(name.to_owned()),
            primitives: vec![primitive],
            weights: None,
        },
    );
    root.nodes.push(Node {
        mesh: Some(mesh),
        name: Some(name.to_owned()),
        translation: Some(grid.translation),
        scale: Some([grid.scale; 3]),
        ..Node::default()
    });
}

fn primitive_of(name: &str, layer: &Merged, root: &mut Root, bin: &mut Bin) -> Primitive {
    use ComponentType::{I8, U16, U32};
    let count = layer.positions.len();
    let mut attributes = std::collections::BTreeMap::new();
    let mut add = |semantic, accessor: Accessor| {
        let index = Index::push(&mut root.accessors, accessor);
        attributes.insert(Checked::Valid(semantic), index);
    };
    let view = bin.vertices(&padded(&layer.positions, u16::to_le_bytes, 8), 8);
    let (min, max) = range(&layer.positions);
    add(
        Semantic::Positions,
        Accessor {
            min: Some(json!(min)),
            max: Some(json!(max)),
            ..accessor(view, count, U16, Type::Vec3, true)
        },
    );
    if !layer.normals.is_empty() {
        let view = bin.vertices(&padded(&layer.normals, i8::to_le_bytes, 4), 4);
        add(Semantic::Normals, accessor(view, count, I8, Type::Vec3, true));
        let view = bin.vertices(&padded(&layer.colors, u16::to_le_bytes, 8), 8);
        add(Semantic::Colors(0), accessor(view, count, U16, Type::Vec4, true));
    }
    let rows: Vec<[u16; 1]> = layer.features.iter().map(|row| [*row]).collect();
    let view = bin.vertices(&padded(&rows, u16::to_le_bytes, 4), 4);
    add(Semantic::Extras("FEATURE_ID_0".into()), accessor(view, count, U16, Type::Scalar, false));
    // 65,535 marks a restart of primitives in 16-bit indices.
    let (bytes, kind): (Vec<u8>, _) = if count < 65_535 {
        (layer.indices.iter().flat_map(|i| (*i as u16).to_le_bytes()).collect(), U16)
    } else {
        (layer.indices.iter().flat_map(|i| i.to_le_bytes()).collect(), U32)
    };
    let view = bin.indices(&bytes);
    let indices = accessor(view, layer.indices.len(), kind, Type::Scalar, false);
    let mut extensions = gltf_json::extensions::mesh::Primitive::default();
    let features = metadata::features(layer.feature_count);
    extensions.others.insert("EXT_mesh_features".to_owned(), features);
    Primitive {
        attributes,
        extensions: Some(extensions),
        extras: Default::default(),
        indices: Some(Index::push(&mut root.accessors, indices)),
        material: Some(Index::push(&mut root.materials, material(name))),
        mode: Checked::Valid(if layer.normals.is_empty() { Mode::Lines } else { Mode::Triangles }),
        targets: None,
    }
}

/// Items laid out at a stride, the rest zero.
fn padded<T: Copy, const N: usize, const SIZE: usize>(
    items: &[[T; N]],
    bytes_of: impl Fn(T) -> [u8; SIZE],
    stride: usize,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(items.len() * stride);
    for (n, item) in items.iter().enumerate() {
        for value in item {
            bytes.extend(bytes_of(*value));
        }
        bytes.resize((n + 1) * stride, 0);
    }
    bytes
}

/// Smallest and largest stored value along each axis.
fn range(positions: &[[u16; 3]]) -> ([u16; 3], [u16; 3]) {
    positions.iter().fold(([u16::MAX; 3], [0; 3]), |(min, max), p| {
        ([0, 1, 2].map(|i| min[i].min(p[i])), [0, 1, 2].map(|i| max[i].max(p[i])))
    })
}

fn accessor(
    view: Index<View>,
    count: usize,
    component: ComponentType,
    kind: Type,
    normalized: bool,
) -> Accessor {
    Accessor {
        buffer_view: Some(view),
        byte_offset: None,
        count: USize64::from(count),
        component_type: Checked::Valid(GenericComponentType(component)),
        extensions: None,
        extras: Default::default(),
        type_: Checked::Valid(kind),
        min: None::<Value>,
        max: None,
        name: None,
        normalized,
        sparse: None,
    }
}

/// The look in viewers other than ours, which chooses by the material's name.
fn material(name: &str) -> Material {
    let blended = matches!(name, "glass" | "space" | "space_edge");
    let color = match name {
        "edge" => [0.03, 0.03, 0.035, 1.0],
        "space" => [1.0, 1.0, 1.0, 0.15],
        "space_edge" => [0.3, 0.35, 0.4, 0.4],
        _ => [1.0; 4],
    };
    Material {
        name: Some(name.to_owned()),
        alpha_mode: Checked::Valid(if blended { AlphaMode::Blend } else { AlphaMode::Opaque }),
        // Models come with open shells and faces turned inside out.
        double_sided: true,
        pbr_metallic_roughness: PbrMetallicRoughness {
            base_color_factor: PbrBaseColorFactor(color),
            metallic_factor: StrengthFactor(0.0),
            roughness_factor: StrengthFactor(if name == "glass" { 0.2 } else { 0.9 }),
            ..PbrMetallicRoughness::default()
        },
        ..Material::default()
    }
}
