//! What stands in a tile: its parts as ranges of the binary chunk, and the names of its
//! features. [`super::glb`] checks every range, so that drawing and picking index freely.

use std::ops::Range;

use glam::{DAffine3, DVec3};

/// How a part is drawn; the names of the materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Solid things.
    Opaque,
    /// Ground, roads, green, water.
    Ground,
    /// Glass and other authored transparency.
    Glass,
    /// Volumes of spaces.
    Space,
    /// Crease and boundary edges, as lines.
    Edge,
    /// The edges of spaces.
    SpaceEdge,
}

impl Class {
    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "ground" => Self::Ground,
            "glass" => Self::Glass,
            "space" => Self::Space,
            "edge" => Self::Edge,
            "space_edge" => Self::SpaceEdge,
            _ => Self::Opaque,
        }
    }

    /// Whether it is lines, and not triangles.
    pub fn is_lines(self) -> bool {
        matches!(self, Self::Edge | Self::SpaceEdge)
    }
}

/// Width of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexWidth {
    /// `u16`
    U16,
    /// `u32`
    U32,
}

/// One primitive: offsets count from the start of [`Content::bin`], bytes.
#[derive(Clone, Debug)]
pub struct Part {
    /// How it is drawn.
    pub class: Class,
    /// Local frame (x east, y north, z up, m) from normalised positions (0..1).
    pub placement: DAffine3,
    /// Vertices.
    pub vertices: usize,
    /// Positions: `u16` × 3, stride 8.
    pub positions: usize,
    /// Normals: `i8` × 3, stride 4; edges have none.
    pub normals: Option<usize>,
    /// Linear colours: `u16` × 4; edges have none.
    pub colors: Option<usize>,
    /// Feature ids: `u16`, stride 4.
    pub features: usize,
    /// Indices.
    pub indices: usize,
    /// How many indices.
    pub index_count: usize,
    /// How wide.
    pub index_width: IndexWidth,
}

/// Strings of one property, one a feature.
#[derive(Clone, Debug, Default)]
pub struct Column {
    pub(super) values: Range<usize>,
    /// Ends of the strings, from the start of `values`; the first starts at 0.
    pub(super) ends: Vec<u32>,
}

impl Column {
    /// The string of a feature; empty where the column has none or is not UTF-8.
    pub fn get<'a>(&self, bin: &'a [u8], feature: usize) -> &'a str {
        let Some(&end) = self.ends.get(feature) else { return "" };
        let start = if feature == 0 { 0 } else { self.ends[feature - 1] };
        let range = self.values.start + start as usize..self.values.start + end as usize;
        bin.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

/// A decoded tile.
#[derive(Debug)]
pub struct Content {
    /// The binary chunk, as it came.
    pub bin: Vec<u8>,
    /// What to draw.
    pub parts: Vec<Part>,
    /// Features named by the property table.
    pub features: usize,
    /// Entity id of each feature.
    pub entity: Column,
    /// Id of the storey a feature stands in, or empty.
    pub storey: Column,
    /// Kind of each feature's entity.
    pub kind: Column,
}

impl Content {
    /// Bytes it takes here, and on the GPU as much of it as is drawn.
    pub fn weight(&self) -> usize {
        let drawn = |part: &Part| (part.stream_end() - part.stream_start()) + part.index_bytes();
        let columns = [&self.entity, &self.storey, &self.kind];
        let ends: usize = columns.iter().map(|column| column.ends.len() * 4).sum();
        self.bin.len() + ends + self.parts.iter().map(drawn).sum::<usize>()
    }
}

impl Part {
    /// The index at a place in the index list.
    pub fn index(&self, bin: &[u8], at: usize) -> u32 {
        match self.index_width {
            IndexWidth::U16 => u32::from(u16_at(bin, self.indices + at * 2)),
            IndexWidth::U32 => {
                let at = self.indices + at * 4;
                u32::from_le_bytes([bin[at], bin[at + 1], bin[at + 2], bin[at + 3]])
            }
        }
    }

    /// Feature a vertex belongs to.
    pub fn feature(&self, bin: &[u8], vertex: usize) -> usize {
        usize::from(u16_at(bin, self.features + vertex * 4))
    }

    /// Quantised position of a vertex, 0..1 on each axis.
    pub fn position(&self, bin: &[u8], vertex: usize) -> [f32; 3] {
        let at = self.positions + vertex * 8;
        [0, 2, 4].map(|axis| f32::from(u16_at(bin, at + axis)) / 65_535.0)
    }

    /// Bytes its indices take.
    pub fn index_bytes(&self) -> usize {
        self.index_count * if self.index_width == IndexWidth::U16 { 2 } else { 4 }
    }

    /// Where its vertex data starts in the binary chunk.
    pub fn stream_start(&self) -> usize {
        let streams = [Some(self.positions), self.normals, self.colors, Some(self.features)];
        streams.into_iter().flatten().min().unwrap_or(0)
    }

    /// Where its vertex data ends, the padding of the last vertex included.
    pub fn stream_end(&self) -> usize {
        let ends = |starts: [Option<usize>; 2], stride: usize| {
            starts.into_iter().flatten().map(move |start| start + self.vertices * stride)
        };
        let wide = ends([Some(self.positions), self.colors], 8);
        wide.chain(ends([self.normals, Some(self.features)], 4)).max().unwrap_or(0)
    }

    /// Where a vertex is in the local frame, m.
    pub fn point(&self, bin: &[u8], vertex: usize) -> DVec3 {
        let [x, y, z] = self.position(bin, vertex);
        self.placement.transform_point3(DVec3::new(f64::from(x), f64::from(y), f64::from(z)))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}
