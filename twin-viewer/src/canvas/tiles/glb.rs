//! Decodes one tile: a GLB with quantised meshes, feature ids and the table that names
//! the features. Everything is checked against the buffer here, so that drawing and
//! picking can index freely.

use glam::{DAffine3, DMat3, DMat4, DQuat, DVec3};

use super::{
    content::{self, Class, Content, Owners, Part},
    glb_json::{Copies, Node, Primitive, Root},
    glb_view::{
        COLOR, COPY_FEATURE, COPY_ROTATION, COPY_TRANSLATION, FEATURE, NORMAL, POSITION, Reader,
    },
};

/// Why a tile cannot be shown.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GlbError {
    /// The container is not a GLB 2.0.
    #[error("not a GLB: {0}")]
    Container(&'static str),
    /// The JSON chunk does not parse.
    #[error("GLB JSON: {0}")]
    Json(String),
    /// Something refers to a part that is not there, or lies outside the buffer.
    #[error("GLB {what} {index} is missing or lies outside the buffer")]
    Missing {
        /// What kind of thing.
        what: &'static str,
        /// Its index.
        index: usize,
    },
    /// An attribute is not laid out as our tiles lay it out.
    #[error("GLB attribute {attribute}: {found}, expected {expected}")]
    Layout {
        /// Name of the attribute.
        attribute: &'static str,
        /// What was found.
        found: String,
        /// What the viewer draws.
        expected: &'static str,
    },
    /// An index or a feature id points past the end.
    #[error("GLB {0} points past the end")]
    Range(&'static str),
    /// A copy of a mesh stands nowhere: numbers that are none, or a rotation of no turn.
    #[error("GLB copy {0} stands nowhere")]
    Nowhere(usize),
}

/// Reads a tile.
pub fn decode(glb: &[u8]) -> Result<Content, GlbError> {
    let (json, bin) = chunks(glb)?;
    let root: Root =
        serde_json::from_slice(json).map_err(|error| GlbError::Json(error.to_string()))?;
    let reader = Reader { root: &root, bin };
    let (features, [entity, storey, kind]) = reader.table()?;
    let mut parts = Vec::new();
    let roots: Vec<usize> = match root.scenes.get(root.scene) {
        Some(scene) => scene.nodes.clone(),
        None => (0..root.nodes.len()).collect(),
    };
    for node in roots {
        reader.node(node, Y_UP_TO_Z_UP, 0, features, &mut parts)?;
    }
    Ok(Content { bin: bin.to_vec(), parts, features, entity, storey, kind })
}

/// glTF's (x, y, z) is the local frame's (x, z, -y).
const Y_UP_TO_Z_UP: DAffine3 = DAffine3 {
    matrix3: DMat3::from_cols(
        DVec3::new(1.0, 0.0, 0.0),
        DVec3::new(0.0, 0.0, 1.0),
        DVec3::new(0.0, -1.0, 0.0),
    ),
    translation: DVec3::ZERO,
};

/// Deepest node tree accepted; ours are flat.
const MAX_DEPTH: usize = 16;

fn chunks(glb: &[u8]) -> Result<(&[u8], &[u8]), GlbError> {
    let word = |at: usize| -> Option<usize> {
        let bytes = glb.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    if glb.get(..4) != Some(b"glTF") || word(4) != Some(2) {
        return Err(GlbError::Container("no glTF 2 header"));
    }
    let (mut json, mut bin, mut at) = (None, None, 12);
    while let (Some(length), Some(kind)) = (word(at), word(at + 4)) {
        let chunk = at + 8..(at + 8).saturating_add(length);
        let data = glb.get(chunk.clone()).ok_or(GlbError::Container("a chunk is cut short"))?;
        match kind {
            0x4E4F_534A => json = Some(data),
            0x004E_4942 => bin = Some(data),
            _ => {}
        }
        at = chunk.end;
    }
    Ok((json.ok_or(GlbError::Container("no JSON chunk"))?, bin.unwrap_or_default()))
}

impl Reader<'_> {
    fn node(
        &self,
        index: usize,
        parent: DAffine3,
        depth: usize,
        features: usize,
        parts: &mut Vec<Part>,
    ) -> Result<(), GlbError> {
        let missing = GlbError::Missing { what: "node", index };
        let node = self.root.nodes.get(index).filter(|_| depth < MAX_DEPTH).ok_or(missing)?;
        let placement = parent * local(node);
        if let Some(index) = node.mesh {
            let mesh = self.root.meshes.get(index);
            let mesh = mesh.ok_or(GlbError::Missing { what: "mesh", index })?;
            let copies = node.extensions.copies.as_ref();
            let copies = copies.map(|copies| self.copies(copies)).transpose()?;
            for primitive in &mesh.primitives {
                parts.push(self.part(primitive, placement, copies, features)?);
            }
        }
        for &child in &node.children {
            self.node(child, placement, depth + 1, features, parts)?;
        }
        Ok(())
    }

    /// Where the copies of a mesh stand, which lies in one piece.
    fn copies(&self, Copies { attributes }: &Copies) -> Result<Owners, GlbError> {
        if attributes.contains_key("SCALE") {
            return Err(GlbError::Layout {
                attribute: "SCALE",
                found: "there is one".to_owned(),
                expected: "copies as large as the first",
            });
        }
        let (at, count) = self.attribute(attributes, &COPY_TRANSLATION)?;
        for (layout, offset) in
            [(COPY_ROTATION, content::ROTATION), (COPY_FEATURE, content::COPY_FEATURE)]
        {
            let found = self.attribute(attributes, &layout)?;
            if found != (at + offset, count) {
                return Err(layout.wrong(format!("{} from offset {}", found.1, found.0)));
            }
        }
        Ok(Owners::Copies(at, count))
    }

    fn part(
        &self,
        primitive: &Primitive,
        placement: DAffine3,
        copies: Option<Owners>,
        features: usize,
    ) -> Result<Part, GlbError> {
        let name = primitive.material.and_then(|index| self.root.materials.get(index));
        let class = Class::from_name(name.map_or("", |material| &material.name));
        let lines = class.is_lines();
        if primitive.mode != if lines { 1 } else { 4 } {
            return Err(GlbError::Layout {
                attribute: "mode",
                found: primitive.mode.to_string(),
                expected: "1 (lines) for edges, else 4 (triangles)",
            });
        }
        let (positions, vertices) = self.attribute(&primitive.attributes, &POSITION)?;
        let each = |layout| -> Result<usize, GlbError> {
            let (offset, count) = self.attribute(&primitive.attributes, layout)?;
            if count == vertices { Ok(offset) } else { Err(GlbError::Range("attribute")) }
        };
        let (normals, colors) =
            if lines { (None, None) } else { (Some(each(&NORMAL)?), Some(each(&COLOR)?)) };
        let owners = copies.map_or_else(|| each(&FEATURE).map(Owners::Vertices), Ok)?;
        let (indices, index_count, index_width) = self.indices(primitive)?;
        let part = Part {
            class,
            placement,
            vertices,
            positions,
            normals,
            colors,
            owners,
            indices,
            index_count,
            index_width,
        };
        if (0..index_count).any(|at| part.index(self.bin, at) as usize >= vertices) {
            return Err(GlbError::Range("index"));
        }
        // One of a part's copies, or one of its vertices: all that differ in their owner.
        let owned = match owners {
            Owners::Vertices(_) => vertices,
            Owners::Copies(_, count) => count,
        };
        if (0..owned).any(|n| part.feature(self.bin, n.min(part.copies() - 1), n) >= features) {
            return Err(GlbError::Range("feature id"));
        }
        match (0..part.copies()).find(|&copy| !self.stands(&part, copy)) {
            Some(copy) => Err(GlbError::Nowhere(copy)),
            None => Ok(part),
        }
    }

    fn stands(&self, part: &Part, copy: usize) -> bool {
        let Some(copy) = part.copy(self.bin, copy) else { return true };
        let turns = (copy.rotation.length() - 1.0).abs() < 1.0e-3;
        copy.translation.is_finite() && turns
    }
}

fn local(node: &Node) -> DAffine3 {
    if let Some(matrix) = node.matrix {
        return DAffine3::from_mat4(DMat4::from_cols_array(&matrix));
    }
    DAffine3::from_scale_rotation_translation(
        node.scale.map_or(DVec3::ONE, DVec3::from),
        node.rotation.map_or(DQuat::IDENTITY, DQuat::from_array),
        node.translation.map_or(DVec3::ZERO, DVec3::from),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tiles::sample::{SamplePart, glb};

    fn square() -> SamplePart {
        SamplePart {
            material: "opaque",
            positions: vec![[0, 0, 0], [65_535, 0, 0], [65_535, 65_535, 0]],
            indices: vec![0, 1, 2],
            features: vec![1, 1, 1],
            copies: Vec::new(),
        }
    }

    /// A square that stands in two places: where it was written, and 20 m up, turned by a
    /// quarter about the vertical.
    fn two_squares() -> SamplePart {
        let (half, in_place) = (std::f32::consts::FRAC_1_SQRT_2, [0.0, 0.0, 0.0, 1.0]);
        let copies = vec![([0.0; 3], in_place, 1), ([0.0, 2.0, 0.0], [0.0, half, 0.0, half], 0)];
        SamplePart { features: Vec::new(), copies, ..square() }
    }

    fn sample() -> Vec<u8> {
        let edge = SamplePart { material: "edge", indices: vec![0, 1], ..square() };
        glb(&[square(), edge, two_squares()], &["wall", "tür"], &["", "s1"], 10.0)
    }

    fn wrong(part: SamplePart) -> GlbError {
        decode(&glb(&[part], &["a", "b"], &["", ""], 1.0)).unwrap_err()
    }

    #[test]
    fn reads_classes_names_and_places() {
        let content = decode(&sample()).unwrap();
        let classes: Vec<Class> = content.parts.iter().map(|part| part.class).collect();
        assert_eq!(classes, [Class::Opaque, Class::Edge, Class::Opaque]);
        assert_eq!(content.entity.get(&content.bin, 1), "tür");
        assert_eq!(content.storey.get(&content.bin, 0), "");
        assert_eq!(content.entity.get(&content.bin, 7), "");
        let part = &content.parts[0];
        assert_eq!(part.feature(&content.bin, 0, 2), 1);
        // glTF's y is up: the third corner is 10 m above the second.
        assert_eq!(part.point(&content.bin, &part.placement, 2), DVec3::new(10.0, 0.0, 10.0));
        assert_eq!((part.copies(), part.copy(&content.bin, 0)), (1, None));
    }

    #[test]
    fn reads_where_copies_stand_and_whose_they_are() {
        let content = decode(&sample()).unwrap();
        let part = &content.parts[2];
        assert_eq!(part.copies(), 2);
        assert_eq!([0, 1].map(|copy| part.feature(&content.bin, copy, 2)), [1, 0]);
        let corner = |copy| part.point(&content.bin, &part.placed(&content.bin, copy), 2);
        assert_eq!(corner(0), DVec3::new(10.0, 0.0, 10.0));
        // East has become north, as seen from above.
        assert!((corner(1) - DVec3::new(0.0, 10.0, 30.0)).length() < 1e-5, "{}", corner(1));
    }

    #[test]
    fn refuses_copies_that_are_not_laid_out_as_ours() {
        let ours = two_squares;
        let copy =
            |copy| SamplePart { copies: vec![([0.0; 3], [0.0, 0.0, 0.0, 1.0], 0), copy], ..ours() };
        let turn = [0.0, 0.0, 0.0, 1.0];
        assert_eq!(wrong(copy(([0.0; 3], turn, 2))), GlbError::Range("feature id"));
        assert_eq!(wrong(copy(([0.0; 3], [0.0; 4], 1))), GlbError::Nowhere(1));
        assert_eq!(wrong(copy(([f32::NAN; 3], turn, 1))), GlbError::Nowhere(1));
        let renamed = |from: &str, to: &str| {
            let mut bytes = glb(&[ours()], &["a", "b"], &["", ""], 1.0);
            let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            decode(&bytes).unwrap_err().to_string()
        };
        let missing = renamed("ROTATION", "ROTATED_");
        assert!(missing.contains("ROTATION: there is none"), "{missing}");
        let scaled = renamed("_FEATURE_ID_0\":", "SCALE\":0,\"XYZ\":");
        assert!(scaled.contains("SCALE: there is one"), "{scaled}");
        let apart = renamed("\"byteOffset\":28", "\"byteOffset\":24");
        assert!(apart.contains("behind each rotation"), "{apart}");
    }

    #[test]
    fn refuses_what_it_could_not_index() {
        let outside = SamplePart { indices: vec![0, 1, 3], ..square() };
        assert_eq!(wrong(outside), GlbError::Range("index"));
        let nameless = SamplePart { features: vec![0, 1, 2], ..square() };
        assert_eq!(wrong(nameless), GlbError::Range("feature id"));
        let fewer = SamplePart { features: vec![0, 1], ..square() };
        assert!(matches!(wrong(fewer), GlbError::Range(_) | GlbError::Layout { .. }));
    }

    #[test]
    fn no_cut_and_no_flipped_byte_panics() {
        let whole = sample();
        for length in 0..whole.len() {
            let _ = decode(&whole[..length]);
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            for value in [0, 1, 0x7f, 0xff, b'9'] {
                broken[at] = value;
                let _ = decode(&broken);
            }
        }
    }
}
