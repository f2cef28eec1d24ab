//! The glTF document of one tile, and the GLB around it.

use std::{collections::BTreeMap, path::Path};

use glam::{Quat, Vec3};
use gltf_json::{
    Accessor, Index, Material, Mesh, Node, Root, Scene,
    accessor::{ComponentType, Type},
    material::{AlphaMode, PbrBaseColorFactor, PbrMetallicRoughness, StrengthFactor},
    mesh::{Mode, Primitive, Semantic},
    validation::{Checked, USize64},
};
use serde_json::{Value, json};

use super::{
    TilesError,
    buffers::{Bin, accessor, padded, range},
    instances::COPY_BYTES,
    metadata::{self, Row},
    primitive::Merged,
    quantize::Grid,
};

/// One draw call: a node, a mesh and a primitive.
pub(super) struct Layer {
    /// Of the material.
    pub(super) name: &'static str,
    pub(super) merged: Merged,
    /// Extent of its grid, m.
    pub(super) scale: f32,
    /// Where it stands, if in several places: which of the tile's [`Stand`]s.
    pub(super) stand: Option<usize>,
}

/// Where the copies of a shape stand, and whose they are.
#[derive(Debug, Default)]
pub(super) struct Stand {
    /// From the tile's zero, glTF axes, in units of the shape's grid.
    pub(super) translations: Vec<Vec3>,
    /// glTF axes.
    pub(super) rotations: Vec<Quat>,
    /// Rows of the property table.
    pub(super) rows: Vec<u16>,
}

/// The GLB of some layers.
pub(super) fn write(
    layers: Vec<Layer>,
    stands: &[Stand],
    rows: &[Row],
    grid: &Grid,
    path: &Path,
) -> Result<Vec<u8>, TilesError> {
    let mut document = Document::new(!stands.is_empty());
    // What goes to the graphics card as vertices lies together, then what goes as indices.
    let attributes: Vec<Attributes> = layers.iter().map(|layer| document.vertices(layer)).collect();
    let stands: Vec<Value> = stands.iter().map(|stand| document.stand(stand)).collect();
    for (layer, attributes) in layers.iter().zip(attributes) {
        document.node(layer, attributes, &stands, grid);
    }
    document.finish(rows, path)
}

type Attributes = BTreeMap<Checked<Semantic>, Index<Accessor>>;

struct Document {
    root: Root,
    bin: Bin,
}

impl Document {
    fn new(has_copies: bool) -> Self {
        let mut used = vec!["EXT_mesh_features", "EXT_structural_metadata"];
        let mut required = vec!["KHR_mesh_quantization"];
        if has_copies {
            used.extend(["EXT_instance_features", "EXT_mesh_gpu_instancing"]);
            // Who does not know it would show one copy in a wrong place, and none of the
            // others: better to say that the file cannot be shown.
            required.push("EXT_mesh_gpu_instancing");
        }
        used.push("KHR_mesh_quantization");
        let names = |names: Vec<&str>| {
            let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            names.sort_unstable();
            names
        };
        let mut root = Root {
            extensions_used: names(used),
            extensions_required: names(required),
            ..Root::default()
        };
        root.asset.generator = Some(concat!("bim-import ", env!("CARGO_PKG_VERSION")).into());
        Self { root, bin: Bin::default() }
    }

    /// Adds the vertices of a layer.
    fn vertices(&mut self, Layer { merged, stand, .. }: &Layer) -> Attributes {
        use ComponentType::{I8, U16};
        let Self { root, bin } = self;
        let count = merged.positions.len();
        let mut attributes = BTreeMap::new();
        let mut add = |semantic, accessor: Accessor| {
            let index = Index::push(&mut root.accessors, accessor);
            attributes.insert(Checked::Valid(semantic), index);
        };
        let view = bin.vertices(&padded(&merged.positions, u16::to_le_bytes, 8), 8);
        let (min, max) = range(&merged.positions);
        add(
            Semantic::Positions,
            Accessor {
                min: Some(json!(min)),
                max: Some(json!(max)),
                ..accessor(view, count, U16, Type::Vec3, true)
            },
        );
        if !merged.is_lines() {
            let view = bin.vertices(&padded(&merged.normals, i8::to_le_bytes, 4), 4);
            add(Semantic::Normals, accessor(view, count, I8, Type::Vec3, true));
            let view = bin.vertices(&padded(&merged.colors, u16::to_le_bytes, 8), 8);
            add(Semantic::Colors(0), accessor(view, count, U16, Type::Vec4, true));
        }
        if stand.is_none() {
            let rows: Vec<[u16; 1]> = merged.features.iter().map(|row| [*row]).collect();
            let view = bin.vertices(&padded(&rows, u16::to_le_bytes, 4), 4);
            let ids = accessor(view, count, U16, Type::Scalar, false);
            add(Semantic::Extras("FEATURE_ID_0".into()), ids);
        }
        attributes
    }

    /// Adds where copies stand; returns the extensions of a node that stands there.
    fn stand(&mut self, stand: &Stand) -> Value {
        use ComponentType::{F32, U16};
        let count = stand.rows.len();
        let mut bytes = Vec::with_capacity(count * COPY_BYTES);
        for ((translation, rotation), row) in
            stand.translations.iter().zip(&stand.rotations).zip(&stand.rows)
        {
            let numbers = translation.to_array().into_iter().chain(rotation.to_array());
            numbers.for_each(|number| bytes.extend(number.to_le_bytes()));
            bytes.extend(row.to_le_bytes());
            bytes.resize(bytes.len().next_multiple_of(COPY_BYTES), 0);
        }
        let view = self.bin.vertices(&bytes, COPY_BYTES);
        let low = stand.translations.iter().copied().reduce(Vec3::min).unwrap_or_default();
        let high = stand.translations.iter().copied().reduce(Vec3::max).unwrap_or_default();
        let mut add = |offset: usize, accessor: Accessor| {
            let byte_offset = Some(USize64::from(offset));
            Index::push(&mut self.root.accessors, Accessor { byte_offset, ..accessor }).value()
        };
        let translations = Accessor {
            min: Some(json!(low.to_array())),
            max: Some(json!(high.to_array())),
            ..accessor(view, count, F32, Type::Vec3, false)
        };
        json!({
            "EXT_mesh_gpu_instancing": { "attributes": {
                "TRANSLATION": add(0, translations),
                "ROTATION": add(12, accessor(view, count, F32, Type::Vec4, false)),
                "_FEATURE_ID_0": add(28, accessor(view, count, U16, Type::Scalar, false)),
            }},
            "EXT_instance_features": metadata::features(count),
        })
    }

    /// Adds a layer's node, mesh and material.
    fn node(&mut self, layer: &Layer, attributes: Attributes, stands: &[Value], grid: &Grid) {
        let primitive = self.primitive(layer, attributes);
        let mesh = Index::push(
            &mut self.root.meshes,
            Mesh {
                extensions: None,
                extras: Default::default(),
                name: Some(layer.name.to_owned()),
                primitives: vec![primitive],
                weights: None,
            },
        );
        let extensions = layer.stand.and_then(|stand| stands[stand].as_object()).cloned();
        self.root.nodes.push(Node {
            mesh: Some(mesh),
            name: Some(layer.name.to_owned()),
            translation: Some(grid.translation),
            scale: Some([layer.scale; 3]),
            extensions: extensions.map(|others| gltf_json::extensions::scene::Node { others }),
            ..Node::default()
        });
    }

    fn primitive(&mut self, layer: &Layer, attributes: Attributes) -> Primitive {
        use ComponentType::{U16, U32};
        let Layer { name, merged, stand, .. } = layer;
        // 65,535 marks a restart of primitives in 16-bit indices.
        let (bytes, kind): (Vec<u8>, _) = if merged.positions.len() < 65_535 {
            (merged.indices.iter().flat_map(|i| (*i as u16).to_le_bytes()).collect(), U16)
        } else {
            (merged.indices.iter().flat_map(|i| i.to_le_bytes()).collect(), U32)
        };
        let view = self.bin.indices(&bytes);
        let indices = accessor(view, merged.indices.len(), kind, Type::Scalar, false);
        let extensions = stand.is_none().then(|| {
            let mut extensions = gltf_json::extensions::mesh::Primitive::default();
            let features = metadata::features(merged.feature_count);
            extensions.others.insert("EXT_mesh_features".to_owned(), features);
            extensions
        });
        Primitive {
            attributes,
            extensions,
            extras: Default::default(),
            indices: Some(Index::push(&mut self.root.accessors, indices)),
            material: Some(self.material(name)),
            mode: Checked::Valid(if merged.is_lines() { Mode::Lines } else { Mode::Triangles }),
            targets: None,
        }
    }

    /// The material of a name.
    fn material(&mut self, name: &str) -> Index<Material> {
        let materials = &mut self.root.materials;
        match materials.iter().position(|known| known.name.as_deref() == Some(name)) {
            Some(known) => Index::new(known as u32),
            None => Index::push(materials, material(name)),
        }
    }

    /// The whole file.
    fn finish(self, rows: &[Row], path: &Path) -> Result<Vec<u8>, TilesError> {
        let Self { mut root, mut bin } = self;
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
