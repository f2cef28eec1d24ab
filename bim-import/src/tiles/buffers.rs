//! The binary chunk of a GLB while it grows, and the views into it.

use gltf_json::{
    Index,
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
