//! What came of each element's geometry, in numbers that compare with other tools: box,
//! volume, triangles, colours. One JSON line per element (`--audit FILE`).

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use serde::Serialize;
use twin_model::BoundingBox;

use crate::{
    mesh::{ElementMesh, Hull},
    vector::sub,
};

/// A surface whose area vectors sum to less than this share of its area is closed: only
/// then does its volume not depend on where one measures from.
const CLOSED: f64 = 1e-3;

/// The geometry of one element, in the scene's frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Name of the file it comes from.
    pub source: String,
    /// Its GlobalId; without one, the id given by us.
    pub global_id: String,
    /// IFC class.
    pub class: String,
    /// Triangles of all its colours.
    pub triangles: usize,
    /// min x, y, z and max x, y, z, m.
    #[serde(rename = "bbox")]
    pub bbox: [f64; 6],
    /// Signed volume, m³; means something only where `closed`.
    pub volume_m3: f64,
    /// Surface, m².
    pub area_m2: f64,
    /// Whether the surface has no hole (in the sense that its area vectors cancel out).
    pub closed: bool,
    /// sRGB and straight alpha as hexadecimal digits, sorted, each once.
    pub colors: Vec<String>,
}

/// Adds up the parts of one element.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    bbox: Option<BoundingBox>,
    /// What volumes are measured from: near the element.
    base: Option<[f64; 3]>,
    hull: Hull,
    triangles: usize,
    colors: Vec<String>,
}

impl Gauge {
    /// Adds one part.
    pub(crate) fn add(&mut self, mesh: &ElementMesh) {
        let [r, g, b, a] = mesh.rgba;
        self.colors.push(format!("{r:02x}{g:02x}{b:02x}{a:02x}"));
        let world = |index: u32| {
            let position = mesh.positions[index as usize];
            [0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(position[axis]))
        };
        for corners in mesh.indices.chunks_exact(3) {
            self.triangle([world(corners[0]), world(corners[1]), world(corners[2])]);
        }
    }

    fn triangle(&mut self, points: [[f64; 3]; 3]) {
        let base = *self.base.get_or_insert(points[0]);
        let around = BoundingBox::around(points);
        self.bbox = match (self.bbox, around) {
            (Some(known), Some(more)) => Some(known.union(&more)),
            (known, more) => known.or(more),
        };
        self.triangles += 1;
        self.hull.add(points.map(|point| sub(point, base)));
    }

    /// What it came to; nothing without triangles.
    pub(crate) fn read(mut self, global_id: String, class: String) -> Option<Measured> {
        let BoundingBox { min, max } = self.bbox?;
        self.colors.sort();
        self.colors.dedup();
        let round = |value: f64, digits: f64| (value * digits).round() / digits;
        Some(Measured {
            source: String::new(),
            global_id,
            class,
            triangles: self.triangles,
            bbox: [min[0], min[1], min[2], max[0], max[1], max[2]].map(|v| round(v, 1e5)),
            volume_m3: round(self.hull.volume, 1e9),
            area_m2: round(self.hull.area, 1e6),
            closed: self.hull.is_closed(CLOSED),
            colors: self.colors,
        })
    }
}

/// Writes one JSON line per element.
pub(crate) fn write(path: &Path, elements: &[Measured]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for element in elements {
        serde_json::to_writer(&mut out, element)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::MaterialClass;

    fn tetrahedron(faces: &[u32]) -> ElementMesh {
        ElementMesh {
            entity: "t".into(),
            storey: None,
            class: MaterialClass::Opaque,
            // Far from zero, where a volume measured from the origin would be noise.
            origin: [5.0e6, 4.0e5, 0.0],
            positions: vec![[0.0; 3], [3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]],
            normals: Vec::new(),
            indices: faces.to_vec(),
            rgba: [255, 0, 10, 255],
        }
    }

    #[test]
    fn a_closed_mesh_has_its_volume_wherever_it_stands() {
        let mut gauge = Gauge::default();
        gauge.add(&tetrahedron(&[0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3]));
        let measured = gauge.read("id".into(), "IfcWall".into()).unwrap();
        assert!(measured.closed);
        assert!((measured.volume_m3 - 1.0).abs() < 1e-6, "{}", measured.volume_m3);
        assert_eq!(measured.colors, ["ff000aff"]);
        assert_eq!(measured.bbox[3], 5.0e6 + 3.0);
    }

    #[test]
    fn a_mesh_with_a_face_missing_is_open() {
        let mut gauge = Gauge::default();
        gauge.add(&tetrahedron(&[0, 2, 1, 0, 1, 3, 0, 3, 2]));
        assert!(!gauge.read("id".into(), "IfcWall".into()).unwrap().closed);
        assert!(Gauge::default().read("id".into(), "IfcWall".into()).is_none());
    }
}
