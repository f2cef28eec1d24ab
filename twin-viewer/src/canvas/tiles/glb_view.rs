//! Typed ways into the binary chunk of a GLB: attributes, indices, columns of strings.
//! Nothing is handed out that does not lie in the chunk.

use std::{collections::HashMap, ops::Range};

use super::{
    content::{COPY_BYTES, Column, IndexWidth},
    glb::GlbError,
    glb_json::{Accessor, OffsetType, Primitive, Property, Root},
};

/// A GLB that is read.
pub(super) struct Reader<'a> {
    pub(super) root: &'a Root,
    pub(super) bin: &'a [u8],
}

/// What an attribute must look like.
pub(super) struct Layout {
    attribute: &'static str,
    component: u32,
    normalized: bool,
    shape: &'static str,
    size: usize,
    stride: usize,
    expected: &'static str,
}

pub(super) const POSITION: Layout = Layout {
    attribute: "POSITION",
    component: 5123,
    normalized: true,
    shape: "VEC3",
    size: 6,
    stride: 8,
    expected: "normalised u16 VEC3, stride 8",
};
pub(super) const NORMAL: Layout = Layout {
    attribute: "NORMAL",
    component: 5120,
    normalized: true,
    shape: "VEC3",
    size: 3,
    stride: 4,
    expected: "normalised i8 VEC3, stride 4",
};
pub(super) const COLOR: Layout = Layout {
    attribute: "COLOR_0",
    component: 5123,
    normalized: true,
    shape: "VEC4",
    size: 8,
    stride: 8,
    expected: "normalised u16 VEC4, stride 8",
};
pub(super) const FEATURE: Layout = Layout {
    attribute: "_FEATURE_ID_0",
    component: 5123,
    normalized: false,
    shape: "SCALAR",
    size: 2,
    stride: 4,
    expected: "u16 SCALAR, stride 4",
};

pub(super) const COPY_TRANSLATION: Layout = Layout {
    attribute: "TRANSLATION",
    component: 5126,
    normalized: false,
    shape: "VEC3",
    size: 12,
    stride: COPY_BYTES,
    expected: "f32 VEC3, stride 32",
};
pub(super) const COPY_ROTATION: Layout = Layout {
    attribute: "ROTATION",
    component: 5126,
    normalized: false,
    shape: "VEC4",
    size: 16,
    stride: COPY_BYTES,
    expected: "f32 VEC4, stride 32, behind each translation",
};
pub(super) const COPY_FEATURE: Layout = Layout {
    stride: COPY_BYTES,
    expected: "u16 SCALAR, stride 32, behind each rotation",
    ..FEATURE
};

impl Layout {
    /// The complaint about what was found instead.
    pub(super) fn wrong(&self, found: String) -> GlbError {
        GlbError::Layout { attribute: self.attribute, found, expected: self.expected }
    }
}

impl Reader<'_> {
    /// Offset and number of an attribute's items.
    pub(super) fn attribute(
        &self,
        attributes: &HashMap<String, usize>,
        layout: &Layout,
    ) -> Result<(usize, usize), GlbError> {
        let index = *attributes
            .get(layout.attribute)
            .ok_or_else(|| layout.wrong("there is none".to_owned()))?;
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
            return Err(layout.wrong(found));
        }
        if accessor.count == 0 || offset + (accessor.count - 1) * stride + layout.size > end {
            return Err(GlbError::Missing { what: "accessor", index });
        }
        Ok((offset, accessor.count))
    }

    /// Offset, number and width of a primitive's indices.
    pub(super) fn indices(
        &self,
        primitive: &Primitive,
    ) -> Result<(usize, usize, IndexWidth), GlbError> {
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

    /// Rows of the property table, and its columns: entity, storey, kind.
    pub(super) fn table(&self) -> Result<(usize, [Column; 3]), GlbError> {
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
