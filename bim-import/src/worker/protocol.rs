//! What parent and worker say to each other: frames of a little-endian `u32` length and
//! that many bytes of postcard.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use crate::ifc::engine::rewrite::Detail;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use twin_model::BoundingBox;

use crate::{packed, placement::Placement};

/// Longest frame accepted: an element of some 20 million vertices. What is longer is
/// taken for a torn stream.
const MAX_FRAME: u32 = 1 << 30;

/// Parent to worker, once.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    /// The IFC file.
    pub(super) path: PathBuf,
    /// Elements to leave out, by STEP instance name.
    pub(super) skip: Vec<u32>,
    /// If not empty: only these.
    pub(super) only: Vec<u32>,
    /// How faithfully to draw.
    pub(super) detail: Detail,
    /// How many elements at a time.
    pub(super) threads: u32,
    /// Whether each frame is sent at once, so that the elements under way are known when
    /// the worker crashes. Else they are sent a few at a time, which costs far less.
    pub(super) careful: bool,
}

/// Worker to parent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Frame {
    /// The file is scanned; these elements will be tessellated.
    Ready {
        /// How many.
        elements: u32,
    },
    /// A thread takes up an element.
    Started {
        /// Number of the thread.
        thread: u32,
        /// The system's id of it, where known.
        tid: Option<u32>,
        /// The element.
        id: u32,
        /// Those that are drawn with it.
        copies: Vec<u32>,
    },
    /// A thread is through with an element.
    Done {
        /// Number of the thread.
        thread: u32,
        /// The element.
        id: u32,
        /// Box around its usable vertices in the file's world frame, m.
        extent: Option<BoundingBox>,
        /// Whether anything is drawn.
        is_drawn: bool,
        /// The [`Shape`], encoded: the parent puts it aside as it is.
        #[serde(with = "packed::bytes")]
        shape: Vec<u8>,
        /// The elements that are this one, moved.
        copies: Vec<(u32, Placement)>,
    },
    /// All elements are done.
    Finished {
        /// Largest resident size of the worker, KiB, where known.
        peak_kib: Option<u64>,
    },
    /// The file could not be read at all.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What became of one element.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// Triangles by colour.
    pub(crate) parts: Vec<Part>,
    /// What the engine could not do as written.
    pub(crate) complaints: Vec<String>,
}

/// Triangles of one colour in the file's world frame, m, z up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    /// What positions count from, m.
    pub(crate) origin: [f64; 3],
    /// x, y, z of each vertex, m from `origin`.
    #[serde(with = "packed::f32s")]
    pub(crate) positions: Vec<f32>,
    /// x, y, z of each vertex's normal.
    #[serde(with = "packed::f32s")]
    pub(crate) normals: Vec<f32>,
    /// Triangles.
    #[serde(with = "packed::u32s")]
    pub(crate) indices: Vec<u32>,
    /// sRGB, straight alpha, 0 to 1.
    pub(crate) color: [f32; 4],
}

impl Shape {
    /// Box around its finite vertices, m.
    pub(super) fn extent(&self) -> Option<BoundingBox> {
        BoundingBox::around(self.vertices())
    }

    /// The same when it is moved.
    pub(super) fn extent_moved(&self, moved: &Placement) -> Option<BoundingBox> {
        BoundingBox::around(self.vertices().map(|vertex| moved.point(vertex)))
    }

    fn vertices(&self) -> impl Iterator<Item = [f64; 3]> + '_ {
        let vertices = self.parts.iter().flat_map(|part| {
            part.positions
                .chunks_exact(3)
                .map(|position| [0, 1, 2].map(|axis| part.origin[axis] + f64::from(position[axis])))
        });
        vertices.filter(|vertex| vertex.iter().all(|value| value.is_finite()))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let numbers = |part: &Part| part.positions.len() + part.normals.len() + part.indices.len();
        let bytes = self.parts.iter().map(|part| 4 * numbers(part) + 64).sum::<usize>() + 64;
        // Writing numbers into a growing list cannot fail.
        postcard::to_extend(self, Vec::with_capacity(bytes)).unwrap_or_default()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// Writes one frame.
pub(super) fn write(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|length| *length <= MAX_FRAME)
        .ok_or_else(|| io::Error::other("frame too long"))?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes)
}

/// Reads one frame; nothing at the end of the stream.
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    if length > MAX_FRAME {
        return Err(io::Error::other("not a frame"));
    }
    let mut bytes = vec![0; length as usize];
    input.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_and_torn_ones_are_refused() {
        let mut wire = Vec::new();
        write(&mut wire, &Frame::Started { thread: 1, tid: Some(7), id: 42, copies: vec![43] })
            .unwrap();
        write(&mut wire, &Frame::Finished { peak_kib: None }).unwrap();
        let mut input = wire.as_slice();
        assert!(matches!(
            read::<Frame>(&mut input).unwrap(),
            Some(Frame::Started { thread: 1, tid: Some(7), id: 42, .. })
        ));
        assert!(matches!(read::<Frame>(&mut input).unwrap(), Some(Frame::Finished { .. })));
        assert!(read::<Frame>(&mut input).unwrap().is_none());
        assert!(read::<Frame>(&mut &wire[..6]).is_err());
        // Text on standard output (a program that is no worker) is not taken for frames.
        assert!(read::<Frame>(&mut b"usage: something else entirely".as_slice()).is_err());
    }
}
