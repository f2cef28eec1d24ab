//! What the tiles of a scene package say of elements that are drawn as copies of one shape.

use std::{collections::BTreeSet, fs, ops::Range, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The entities that are drawn as copies, by shape, of all tiles.
pub fn copies(package: &Path) -> Result<BTreeSet<BTreeSet<String>>> {
    let mut shapes = BTreeSet::new();
    for file in fs::read_dir(package.join("tiles"))? {
        let path = file?.path();
        if path.extension().is_some_and(|end| end == "glb") {
            let glb = Glb::read(&path).with_context(|| path.display().to_string())?;
            shapes.extend(glb.copies().with_context(|| path.display().to_string())?);
        }
    }
    Ok(shapes)
}

/// A GLB in its two parts.
struct Glb {
    json: Value,
    bin: Vec<u8>,
}

impl Glb {
    fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path)?;
        let length = bytes.get(12..16).context("no GLB")?.try_into().map(u32::from_le_bytes)?;
        let (json, bin) = bytes[20..].split_at_checked(length as usize).context("cut short")?;
        Ok(Self { json: serde_json::from_slice(json)?, bin: bin.get(8..).unwrap_or(&[]).to_vec() })
    }

    /// One set a node: a shape of several materials has several nodes, of the same entities.
    fn copies(&self) -> Result<BTreeSet<BTreeSet<String>>> {
        let entities = self.entities()?;
        let nodes = self.json["nodes"].as_array().context("no nodes")?.iter();
        let ids = nodes.filter_map(|node| {
            node.pointer("/extensions/EXT_mesh_gpu_instancing/attributes/_FEATURE_ID_0")
        });
        ids.map(|accessor| {
            let rows = self.rows(&self.json["accessors"][index(accessor)?])?;
            let entity = |row: u16| entities.get(usize::from(row)).cloned().context("no such row");
            rows.into_iter().map(entity).collect()
        })
        .collect()
    }

    /// The column `entity` of the property table.
    fn entities(&self) -> Result<Vec<String>> {
        let table = &self.json["extensions"]["EXT_structural_metadata"]["propertyTables"][0];
        let column = &table["properties"]["entity"];
        let values = &self.bin[self.view(&column["values"])?];
        let offsets = &self.bin[self.view(&column["stringOffsets"])?];
        let offsets = offsets.chunks_exact(4).map(|four| Ok(u32::from_le_bytes(four.try_into()?)));
        let offsets = offsets.collect::<Result<Vec<u32>>>()?;
        let text = |ends: &[u32]| {
            let text = values.get(ends[0] as usize..ends[1] as usize).context("cut short")?;
            Ok(String::from_utf8(text.to_vec())?)
        };
        offsets.windows(2).map(text).collect()
    }

    /// The feature ids that an accessor holds.
    fn rows(&self, accessor: &Value) -> Result<Vec<u16>> {
        if accessor["componentType"] != 5123 {
            bail!("feature ids of another type: {accessor}");
        }
        let view = &accessor["bufferView"];
        let stride = index(&self.json["bufferViews"][index(view)?]["byteStride"])?;
        let first = self.view(view)?.start + accessor["byteOffset"].as_u64().unwrap_or(0) as usize;
        let id = |n: usize| {
            let at = first + n * stride;
            let two = self.bin.get(at..at + 2).context("cut short")?;
            Ok(u16::from_le_bytes(two.try_into()?))
        };
        (0..index(&accessor["count"])?).map(id).collect()
    }

    /// Where a buffer view lies.
    fn view(&self, number: &Value) -> Result<Range<usize>> {
        let view = &self.json["bufferViews"][index(number)?];
        let from = view["byteOffset"].as_u64().unwrap_or(0) as usize;
        let to = from + index(&view["byteLength"])?;
        if to > self.bin.len() {
            bail!("a view past the end");
        }
        Ok(from..to)
    }
}

fn index(number: &Value) -> Result<usize> {
    Ok(usize::try_from(number.as_u64().context("no number")?)?)
}
