//! The binary chunk of a GLB while it grows, and the views into it.

use gltf_json::{
    Accessor, Index,
    accessor::{ComponentType, GenericComponentType, Type},
    buffer::{Stride, Target, View},
    validation::{Checked, USize64},
};

/// One chunk of bytes and its views.
#[derive(Debug, Default)]
pub(super) struct Bin {
    pub(super) bytes: Vec<u8>,
    pub(super) views: Vec<View>,
}

impl Bin {
    /// Adds vertex data of `stride` bytes an item.
    pub(super) fn vertices(&mut self, bytes: &[u8], stride: usize) -> Index<View> {
        self.push(bytes, 4, Some(stride), Some(Target::ArrayBuffer))
    }

    /// Adds indices.
    pub(super) fn indices(&mut self, bytes: &[u8]) -> Index<View> {
        self.push(bytes, 4, None, Some(Target::ElementArrayBuffer))
    }

    /// Adds a column of a property table, which begins at a multiple of eight.
    pub(super) fn column(&mut self, bytes: &[u8]) -> Index<View> {
        self.push(bytes, 8, None, None)
    }

    fn push(
        &mut self,
        bytes: &[u8],
        align: usize,
        stride: Option<usize>,
        target: Option<Target>,
    ) -> Index<View> {
        self.bytes.resize(self.bytes.len().next_multiple_of(align), 0);
        let view = View {
            buffer: Index::new(0),
            byte_length: USize64::from(bytes.len()),
            byte_offset: Some(USize64::from(self.bytes.len())),
            byte_stride: stride.map(Stride),
            name: None,
            target: target.map(Checked::Valid),
            extensions: None,
            extras: Default::default(),
        };
        self.bytes.extend_from_slice(bytes);
        Index::push(&mut self.views, view)
    }
}

/// Items laid out at a stride, the rest zero.
pub(super) fn padded<T: Copy, const N: usize, const SIZE: usize>(
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
pub(super) fn range(positions: &[[u16; 3]]) -> ([u16; 3], [u16; 3]) {
    positions.iter().fold(([u16::MAX; 3], [0; 3]), |(min, max), p| {
        ([0, 1, 2].map(|i| min[i].min(p[i])), [0, 1, 2].map(|i| max[i].max(p[i])))
    })
}

/// An accessor of a whole view.
pub(super) fn accessor(
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
        min: None,
        max: None,
        name: None,
        normalized,
        sparse: None,
    }
}
