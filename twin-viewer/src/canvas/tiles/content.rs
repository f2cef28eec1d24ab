//! What stands in a tile: its parts as ranges of the binary chunk, and the names of its
//! features. [`super::glb`] checks every range, so that drawing and picking index freely.

use std::ops::Range;

use glam::{DAffine3, DQuat, DVec3};

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

/// Whose the vertices of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Each belongs to a feature of its own: offset of the ids, `u16`, stride 4.
    Vertices(usize),
    /// All of them to one feature, and as often again as there are copies: offset of the
    /// copies, [`COPY_BYTES`] each, and their number.
    Copies(usize, usize),
}

/// Bytes of a copy: translation `f32` × 3, rotation `f32` × 4, feature id `u16`, padding.
pub const COPY_BYTES: usize = 32;
/// Where the rotation and the feature id stand in a copy.
pub(super) const ROTATION: usize = 12;
pub(super) const COPY_FEATURE: usize = 28;

/// Where one copy of a part stands: turned, then moved, in normalised positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Copy {
    /// Unit quaternion.
    pub rotation: DQuat,
    /// In units of the part's grid.
    pub translation: DVec3,
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
    /// Whose its vertices are, and in how many places they stand.
    pub owners: Owners,
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
        let indices = self.parts.iter().map(Part::index_bytes).sum::<usize>();
        let columns = [&self.entity, &self.storey, &self.kind];
        let ends: usize = columns.iter().map(|column| column.ends.len() * 4).sum();
        self.bin.len() + ends + self.vertices().len() + indices
    }

    /// The part of the binary chunk that holds what is drawn as vertices. The padding of the
    /// last vertex may lie behind the end of the chunk.
    pub fn vertices(&self) -> Range<usize> {
        let drawn = || self.parts.iter().filter(|part| part.index_count > 0);
        let start = drawn().map(Part::stream_start).min().unwrap_or(0);
        start..drawn().map(Part::stream_end).max().unwrap_or(0)
    }
}

impl Part {
    /// The index at a place in the index list.
    pub fn index(&self, bin: &[u8], at: usize) -> u32 {
        match self.index_width {
            IndexWidth::U16 => u32::from(u16_at(bin, self.indices + at * 2)),
            IndexWidth::U32 => f32_at(bin, self.indices + at * 4).to_bits(),
        }
    }

    /// In how many places it stands.
    pub fn copies(&self) -> usize {
        match self.owners {
            Owners::Vertices(_) => 1,
            Owners::Copies(_, count) => count,
        }
    }

    /// Feature a vertex of a copy belongs to.
    pub fn feature(&self, bin: &[u8], copy: usize, vertex: usize) -> usize {
        usize::from(match self.owners {
            Owners::Vertices(at) => u16_at(bin, at + vertex * 4),
            Owners::Copies(at, _) => u16_at(bin, at + copy * COPY_BYTES + COPY_FEATURE),
        })
    }

    /// Where a copy stands; nothing for a part that stands where it was written.
    pub fn copy(&self, bin: &[u8], copy: usize) -> Option<Copy> {
        let Owners::Copies(at, _) = self.owners else { return None };
        let at = at + copy * COPY_BYTES;
        let number = |n: usize| f64::from(f32_at(bin, at + n * 4));
        let translation = DVec3::new(number(0), number(1), number(2));
        let rotation = DQuat::from_xyzw(number(3), number(4), number(5), number(6));
        Some(Copy { rotation, translation })
    }

    /// The local frame from normalised positions of a copy.
    pub fn placed(&self, bin: &[u8], copy: usize) -> DAffine3 {
        self.copy(bin, copy).map_or(self.placement, |copy| {
            self.placement * DAffine3::from_rotation_translation(copy.rotation, copy.translation)
        })
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
        let (Owners::Vertices(owners) | Owners::Copies(owners, _)) = self.owners;
        let streams = [Some(self.positions), self.normals, self.colors, Some(owners)];
        streams.into_iter().flatten().min().unwrap_or(0)
    }

    /// Where its vertex data ends, the padding of the last vertex included.
    pub fn stream_end(&self) -> usize {
        let ends = |starts: [Option<usize>; 2], stride: usize| {
            starts.into_iter().flatten().map(move |start| start + self.vertices * stride)
        };
        let wide = ends([Some(self.positions), self.colors], 8);
        let owners = match self.owners {
            Owners::Vertices(at) => at + self.vertices * 4,
            Owners::Copies(at, count) => at + count * COPY_BYTES,
        };
        wide.chain(ends([self.normals, None], 4)).chain([owners]).max().unwrap_or(0)
    }

    /// Where a vertex is in the local frame, m, of a copy that is placed there.
    pub fn point(&self, bin: &[u8], placed: &DAffine3, vertex: usize) -> DVec3 {
        placed.transform_point3(DVec3::from(self.position(bin, vertex).map(f64::from)))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
