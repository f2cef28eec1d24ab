//! Decodes one tile: a GLB with quantised meshes, feature ids and the table that names
//! the features. Everything is checked against the buffer here, so that drawing and
//! picking can index freely.

use std::ops::Range;

use glam::{DAffine3, DMat3, DMat4, DQuat, DVec3};

use super::{
    content::{Class, Column, Content, IndexWidth, Part},
    glb_json::{Accessor, Node, OffsetType, Primitive, Property, Root},
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

struct Reader<'a> {
    root: &'a Root,
    bin: &'a [u8],
}

/// What an attribute must look like.
struct Layout {
    attribute: &'static str,
    component: u32,
    normalized: bool,
    shape: &'static str,
    size: usize,
    stride: usize,
    expected: &'static str,
}

const POSITION: Layout = Layout {
    attribute: "POSITION",
    component: 5123,
    normalized: true,
    shape: "VEC3",
    size: 6,
    stride: 8,
    expected: "normalised u16 VEC3, stride 8",
};
const NORMAL: Layout = Layout {
    attribute: "NORMAL",
    component: 5120,
    normalized: true,
    shape: "VEC3",
    size: 3,
    stride: 4,
    expected: "normalised i8 VEC3, stride 4",
};
const COLOR: Layout = Layout {
    attribute: "COLOR_0",
    component: 5123,
    normalized: true,
    shape: "VEC4",
    size: 8,
    stride: 8,
    expected: "normalised u16 VEC4, stride 8",
};
const FEATURE: Layout = Layout {
    attribute: "_FEATURE_ID_0",
    component: 5123,
    normalized: false,
    shape: "SCALAR",
    size: 2,
    stride: 4,
    expected: "u16 SCALAR, stride 4",
};

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
            for primitive in &mesh.primitives {
                parts.push(self.part(primitive, placement, features)?);
            }
        }
        for &child in &node.children {
            self.node(child, placement, depth + 1, features, parts)?;
        }
        Ok(())
    }

    fn part(
        &self,
        primitive: &Primitive,
        placement: DAffine3,
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
        let (positions, vertices) = self.attribute(primitive, &POSITION)?;
        let (ids, _) = self.attribute(primitive, &FEATURE)?;
        let optional = |layout| -> Result<Option<usize>, GlbError> {
            let (offset, count) = self.attribute(primitive, layout)?;
            if count == vertices { Ok(Some(offset)) } else { Err(GlbError::Range("attribute")) }
        };
        let (normals, colors) =
            if lines { (None, None) } else { (optional(&NORMAL)?, optional(&COLOR)?) };
        let (indices, index_count, index_width) = self.indices(primitive)?;
        let part = Part {
            class,
            placement,
            vertices,
            positions,
            normals,
            colors,
            features: ids,
            indices,
            index_count,
            index_width,
        };
        if (0..index_count).any(|at| part.index(self.bin, at) as usize >= vertices) {
            return Err(GlbError::Range("index"));
        }
        if (0..vertices).any(|vertex| part.feature(self.bin, vertex) >= features) {
            return Err(GlbError::Range("feature id"));
        }
        Ok(part)
    }

    fn attribute(
        &self,
        primitive: &Primitive,
        layout: &Layout,
    ) -> Result<(usize, usize), GlbError> {
        let wrong = |found: String| GlbError::Layout {
            attribute: layout.attribute,
            found,
            expected: layout.expected,
        };
        let index = *primitive
            .attributes
            .get(layout.attribute)
            .ok_or_else(|| wrong("there is none".to_owned()))?;
        let accessor = self.accessor(index)?;
        let (offset, stride, end) = self.view(accessor, index, layout.size)?;
        let fits = accessor.component_type == layout.component
            && accessor.normalized == layout.normalized
            && accessor.shape == layout.shape
            && stride == layout.stride
            && offset % 4 == 0;
        if !fits {
            let found = format!(
                "component {} {}, stride {stride}, offset {offset}",
                accessor.component_type, accessor.shape
            );
            return Err(wrong(found));
        }
        if accessor.count == 0 || offset + (accessor.count - 1) * stride + layout.size > end {
            return Err(GlbError::Missing { what: "accessor", index });
        }
        Ok((offset, accessor.count))
    }

    fn indices(&self, primitive: &Primitive) -> Result<(usize, usize, IndexWidth), GlbError> {
        let index = primitive.indices.ok_or(GlbError::Range("primitive without indices"))?;
        let accessor = self.accessor(index)?;
        let (size, width) = match accessor.component_type {
            5123 => (2, IndexWidth::U16),
            5125 => (4, IndexWidth::U32),
            other => {
                return Err(GlbError::Layout {
                    attribute: "indices",
                    found: format!("component {other}"),
                    expected: "u16 or u32",
                });
            }
        };
        let (offset, _, end) = self.view(accessor, index, size)?;
        let bytes = accessor.count.checked_mul(size).and_then(|bytes| bytes.checked_add(offset));
        if bytes.is_none_or(|bytes| bytes > end) || !offset.is_multiple_of(size) {
            return Err(GlbError::Missing { what: "accessor", index });
        }
        Ok((offset, accessor.count, width))
    }

    fn accessor(&self, index: usize) -> Result<&Accessor, GlbError> {
        self.root.accessors.get(index).ok_or(GlbError::Missing { what: "accessor", index })
    }

    /// Offset, stride and end of an accessor's bytes in the binary chunk.
    fn view(
        &self,
        accessor: &Accessor,
        index: usize,
        size: usize,
    ) -> Result<(usize, usize, usize), GlbError> {
        let missing = || GlbError::Missing { what: "accessor", index };
        let view = accessor.buffer_view.and_then(|view| self.root.buffer_views.get(view));
        let view = view.ok_or_else(missing)?;
        let end = view.byte_offset.checked_add(view.byte_length).ok_or_else(missing)?;
        let offset = view.byte_offset.checked_add(accessor.byte_offset).ok_or_else(missing)?;
        // A count that overflows the buffer is caught here, before any product of it.
        if end > self.bin.len() || accessor.count > self.bin.len() || offset > end {
            return Err(missing());
        }
        Ok((offset, view.byte_stride.unwrap_or(size), end))
    }

    fn table(&self) -> Result<(usize, [Column; 3]), GlbError> {
        let table = self.root.extensions.metadata.as_ref();
        let Some(table) = table.and_then(|metadata| metadata.property_tables.first()) else {
            return Err(GlbError::Missing { what: "property table", index: 0 });
        };
        let mut columns = [const { None }; 3];
        for (column, name) in columns.iter_mut().zip(["entity", "storey", "kind"]) {
            *column = table
                .properties
                .get(name)
                .map(|property| self.column(property, table.count))
                .transpose()?;
        }
        let [entity, storey, kind] = columns;
        let entity =
            entity.ok_or(GlbError::Missing { what: "property `entity` of table", index: 0 })?;
        Ok((table.count, [entity, storey.unwrap_or_default(), kind.unwrap_or_default()]))
    }

    fn column(&self, property: &Property, count: usize) -> Result<Column, GlbError> {
        let values = self.bytes(property.values)?;
        let index = property.string_offsets.unwrap_or(usize::MAX);
        let offsets = self.bytes(index)?;
        let width = match property.string_offset_type {
            OffsetType::U8 => 1,
            OffsetType::U16 => 2,
            OffsetType::U32 => 4,
        };
        let bytes = &self.bin[offsets];
        if bytes.len() / width <= count {
            return Err(GlbError::Missing { what: "string offsets in buffer view", index });
        }
        let read = |at: usize| {
            let mut word = [0; 4];
            word[..width].copy_from_slice(&bytes[at * width..(at + 1) * width]);
            u32::from_le_bytes(word)
        };
        let ends: Vec<u32> = (1..=count).map(read).collect();
        if !ends.is_sorted() || ends.last().is_some_and(|&end| end as usize > values.len()) {
            return Err(GlbError::Range("string offset"));
        }
        Ok(Column { values, ends })
    }

    fn bytes(&self, index: usize) -> Result<Range<usize>, GlbError> {
        let missing = GlbError::Missing { what: "buffer view", index };
        let Some(view) = self.root.buffer_views.get(index) else { return Err(missing) };
        let end = view.byte_offset.checked_add(view.byte_length);
        match end.filter(|&end| end <= self.bin.len()) {
            Some(end) => Ok(view.byte_offset..end),
            None => Err(missing),
        }
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
        }
    }

    fn sample() -> Vec<u8> {
        let edge = SamplePart { material: "edge", indices: vec![0, 1], ..square() };
        glb(&[square(), edge], &["wall", "tür"], &["", "s1"], 10.0)
    }

    #[test]
    fn reads_classes_names_and_places() {
        let content = decode(&sample()).unwrap();
        let classes: Vec<Class> = content.parts.iter().map(|part| part.class).collect();
        assert_eq!(classes, [Class::Opaque, Class::Edge]);
        assert_eq!(content.entity.get(&content.bin, 1), "tür");
        assert_eq!(content.storey.get(&content.bin, 0), "");
        assert_eq!(content.entity.get(&content.bin, 7), "");
        let part = &content.parts[0];
        assert_eq!(part.feature(&content.bin, 2), 1);
        // glTF's y is up: the third corner is 10 m above the second.
        assert_eq!(part.point(&content.bin, 2), DVec3::new(10.0, 0.0, 10.0));
    }

    #[test]
    fn refuses_what_it_could_not_index() {
        let outside = SamplePart { indices: vec![0, 1, 3], ..square() };
        let wrong = |part| decode(&glb(&[part], &["a", "b"], &["", ""], 1.0)).unwrap_err();
        assert_eq!(wrong(outside), GlbError::Range("index"));
        let nameless = SamplePart { features: vec![0, 1, 2], ..square() };
        assert_eq!(wrong(nameless), GlbError::Range("feature id"));
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
