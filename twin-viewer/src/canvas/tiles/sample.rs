//! A small tile made by hand, for tests and benches.

use super::content::Content;

/// One class of a sample tile: material, positions (0..65535 on each axis), indices, and
/// the feature of each vertex.
#[derive(Clone)]
pub struct SamplePart {
    /// Material name.
    pub material: &'static str,
    /// Quantised positions, in glTF's axes (y up).
    pub positions: Vec<[u16; 3]>,
    /// Triangles, or lines for edges.
    pub indices: Vec<u32>,
    /// Feature of each vertex, where it stands in one place.
    pub features: Vec<u16>,
    /// Where it stands, if in several.
    pub copies: Vec<SampleCopy>,
}

/// One place of several: translation and rotation in glTF's axes, translation in sizes of
/// the quantised cube; and whose the copy is.
pub type SampleCopy = ([f32; 3], [f32; 4], u16);

/// A GLB as the importer writes it. `scale_m` is the size of the quantised cube.
pub fn glb(parts: &[SamplePart], entities: &[&str], storeys: &[&str], scale_m: f64) -> Vec<u8> {
    let mut bin: Vec<u8> = Vec::new();
    let mut views = Vec::new();
    let mut accessors = Vec::new();
    let (mut nodes, mut meshes, mut materials) = (Vec::new(), Vec::new(), Vec::new());
    let mut view = |bin: &mut Vec<u8>, bytes: Vec<u8>, stride: Option<usize>| {
        bin.resize(bin.len().next_multiple_of(4), 0);
        let stride = stride.map_or(String::new(), |stride| format!(r#","byteStride":{stride}"#));
        views.push(format!(
            r#"{{"buffer":0,"byteOffset":{},"byteLength":{}{stride}}}"#,
            bin.len(),
            bytes.len()
        ));
        bin.extend(bytes);
        views.len() - 1
    };
    for (index, part) in parts.iter().enumerate() {
        let count = part.positions.len();
        let mut accessor = |(view, offset): (usize, usize),
                            component: u32,
                            normalized: bool,
                            shape: &str,
                            count: usize| {
            accessors.push(format!(
                r#"{{"bufferView":{view},"byteOffset":{offset},"componentType":{component},"normalized":{normalized},"type":"{shape}","count":{count}}}"#
            ));
            accessors.len() - 1
        };
        let padded = |[x, y, z]: [u16; 3]| [x, y, z, 0].map(u16::to_le_bytes).concat();
        let positions = part.positions.iter().copied().flat_map(padded).collect();
        let mut put = |bytes, stride| (view(&mut bin, bytes, stride), 0);
        let positions = accessor(put(positions, Some(8)), 5123, true, "VEC3", count);
        let mut attributes = format!(r#""POSITION":{positions}"#);
        if part.copies.is_empty() {
            let features = part.features.iter().flat_map(|id| [*id, 0].map(u16::to_le_bytes));
            let features = put(features.flatten().collect(), Some(4));
            let features = accessor(features, 5123, false, "SCALAR", part.features.len());
            attributes += &format!(r#","_FEATURE_ID_0":{features}"#);
        }
        let lines = part.material.ends_with("edge");
        if !lines {
            let normals = put([0, 127, 0, 0].repeat(count), Some(4));
            let normals = accessor(normals, 5120, true, "VEC3", count);
            let color = [200, 180, 160, 255].map(|byte: u16| (byte * 257).to_le_bytes()).concat();
            let colors = accessor(put(color.repeat(count), Some(8)), 5123, true, "VEC4", count);
            attributes += &format!(r#","NORMAL":{normals},"COLOR_0":{colors}"#);
        }
        let indices = part.indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let indices = accessor(put(indices, None), 5125, false, "SCALAR", part.indices.len());
        let mut extensions = String::new();
        if !part.copies.is_empty() {
            let (view, _) = put(part.copies.iter().flat_map(copy_bytes).collect(), Some(32));
            let count = part.copies.len();
            let translation = accessor((view, 0), 5126, false, "VEC3", count);
            let rotation = accessor((view, 12), 5126, false, "VEC4", count);
            let id = accessor((view, 28), 5123, false, "SCALAR", count);
            extensions = format!(
                r#","extensions":{{"EXT_mesh_gpu_instancing":{{"attributes":{{"TRANSLATION":{translation},"ROTATION":{rotation},"_FEATURE_ID_0":{id}}}}}}}"#
            );
        }
        let mode = if lines { 1 } else { 4 };
        nodes.push(format!(
            r#"{{"mesh":{index},"scale":[{scale_m},{scale_m},{scale_m}]{extensions}}}"#
        ));
        meshes.push(format!(
            r#"{{"primitives":[{{"attributes":{{{attributes}}},"indices":{indices},"material":{index},"mode":{mode}}}]}}"#
        ));
        materials.push(format!(r#"{{"name":"{}"}}"#, part.material));
    }
    let mut column = |name: &str, texts: &[&str]| {
        let values = view(&mut bin, texts.concat().into_bytes(), None);
        let mut end = 0;
        let ends = texts.iter().map(|text| {
            end += text.len() as u32;
            end
        });
        let offsets = std::iter::once(0).chain(ends).flat_map(u32::to_le_bytes).collect();
        let offsets = view(&mut bin, offsets, None);
        format!(
            r#""{name}":{{"values":{values},"stringOffsets":{offsets},"stringOffsetType":"UINT32"}}"#
        )
    };
    let kinds = vec!["element"; entities.len()];
    let columns =
        [column("entity", entities), column("storey", storeys), column("kind", &kinds)].join(",");
    let scene: Vec<String> = (0..parts.len()).map(|node| node.to_string()).collect();
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"scene":0,"scenes":[{{"nodes":[{}]}}],"nodes":[{}],"meshes":[{}],"materials":[{}],"accessors":[{}],"bufferViews":[{}],"buffers":[{{"byteLength":{}}}],"extensions":{{"EXT_structural_metadata":{{"propertyTables":[{{"class":"element","count":{},"properties":{{{columns}}}}}]}}}}}}"#,
        scene.join(","),
        nodes.join(","),
        meshes.join(","),
        materials.join(","),
        accessors.join(","),
        views.join(","),
        bin.len(),
        entities.len(),
    );
    container(json.into_bytes(), bin)
}

fn copy_bytes((translation, rotation, feature): &SampleCopy) -> Vec<u8> {
    let numbers = translation.iter().chain(rotation).flat_map(|number| number.to_le_bytes());
    numbers.chain([*feature, 0].map(u16::to_le_bytes).into_iter().flatten()).collect()
}

fn container(mut json: Vec<u8>, mut bin: Vec<u8>) -> Vec<u8> {
    json.resize(json.len().next_multiple_of(4), b' ');
    bin.resize(bin.len().next_multiple_of(4), 0);
    let word = |value: usize| (value as u32).to_le_bytes();
    let mut out = b"glTF".to_vec();
    out.extend(word(2));
    out.extend(word(28 + json.len() + bin.len()));
    out.extend(word(json.len()));
    out.extend(b"JSON");
    out.extend(json);
    out.extend(word(bin.len()));
    out.extend(b"BIN\0");
    out.extend(bin);
    out
}

/// A sheet of `side` × `side` squares, each a feature of its own, bent so that no two lie
/// in one plane; `storeys` storeys share them row by row. For measuring.
pub fn sheet(side: u16, storeys: usize) -> Content {
    let step = u16::MAX / side;
    let (mut positions, mut indices, mut features) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..side {
        for column in 0..side {
            let first = positions.len() as u32;
            for (x, z) in [(0, 0), (1, 0), (1, 1), (0, 1)] {
                let (x, z) = ((column + x) * step, (row + z) * step);
                let height = ((u32::from(x) * 7 + u32::from(z) * 3) % 9_000) as u16;
                positions.push([x, height, z]);
                features.push(row * side + column);
            }
            indices.extend([0, 1, 2, 0, 2, 3].map(|corner| first + corner));
        }
    }
    let count = usize::from(side) * usize::from(side);
    let names: Vec<String> = (0..count).map(|at| format!("entity-{at:017}")).collect();
    let storey: Vec<String> = (0..count).map(|at| format!("storey-{}", at % storeys)).collect();
    let part = SamplePart { material: "opaque", positions, indices, features, copies: Vec::new() };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let storey: Vec<&str> = storey.iter().map(String::as_str).collect();
    let bytes = glb(&[part], &names, &storey, 500.0);
    super::glb::decode(&bytes).unwrap_or_else(|error| unreachable!("the sample decodes: {error}"))
}

/// A heap of boxes of one size, `side` × `side` of them, each turned another way and a
/// feature of its own, over a floor that is written in place.
pub fn heap(side: u16) -> Content {
    let corner = |n: u32| [n & 1, n >> 1 & 1, n >> 2].map(|bit| bit as u16 * 60_000);
    let faces =
        [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]];
    let indices = faces.into_iter().flat_map(|[a, b, c, d]| [a, b, c, a, c, d]);
    let edges = [0, 1, 1, 3, 3, 2, 2, 0, 4, 5, 5, 7, 7, 6, 6, 4, 0, 4, 1, 5, 2, 6, 3, 7];
    let copies = (0..side * side).map(|n| {
        let (angle, lean) = (f32::from(n) * 0.37, f32::from(n % 7) * 0.2);
        let turn = glam::Quat::from_euler(glam::EulerRot::YXZ, angle, lean, 0.1);
        let at = [n % side, n % 5, n / side].map(|x| f32::from(x) * 1.1 + 0.5);
        (at, turn.to_array(), n)
    });
    let boxes = SamplePart {
        material: "opaque",
        positions: (0..8).map(corner).collect(),
        indices: indices.collect(),
        features: Vec::new(),
        copies: copies.collect(),
    };
    let lines = SamplePart { material: "edge", indices: edges.to_vec(), ..boxes.clone() };
    let floor = SamplePart {
        material: "ground",
        positions: vec![[0; 3], [u16::MAX, 0, 0], [u16::MAX, 0, u16::MAX]],
        indices: vec![0, 1, 2],
        features: vec![side * side; 3],
        copies: Vec::new(),
    };
    let names: Vec<String> = (0..=side * side).map(|n| format!("box-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let storeys = vec![""; names.len()];
    let bytes = glb(&[boxes, lines, floor], &names, &storeys, 3.0);
    super::glb::decode(&bytes).unwrap_or_else(|error| unreachable!("the sample decodes: {error}"))
}
