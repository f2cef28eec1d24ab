//! The property table of a tile: which entity each feature id is.

use serde_json::{Value, json};

use super::buffers::Bin;

/// One row: an entity with geometry in the tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) entity: String,
    /// Empty when it stands in none.
    pub(super) storey: String,
    pub(super) kind: &'static str,
}

/// `EXT_structural_metadata` of the whole GLB.
pub(super) fn structural(rows: &[Row], bin: &mut Bin) -> Value {
    let mut properties = serde_json::Map::new();
    let columns: [(&str, Vec<&str>); 3] = [
        ("entity", rows.iter().map(|row| row.entity.as_str()).collect()),
        ("storey", rows.iter().map(|row| row.storey.as_str()).collect()),
        ("kind", rows.iter().map(|row| row.kind).collect()),
    ];
    for (name, values) in columns {
        // A column of nothing but empty strings would need a view of no bytes, which glTF
        // does not allow; the class says that what is absent is empty.
        if values.iter().any(|value| !value.is_empty()) {
            properties.insert(name.into(), strings(&values, bin));
        }
    }
    json!({
        "schema": {
            "id": "twin",
            "classes": { "element": { "name": "Element", "properties": {
                "entity": {
                    "name": "Entity", "description": "Id of the scene entity",
                    "type": "STRING", "required": true,
                },
                "storey": {
                    "name": "Storey", "description": "Id of the storey it stands in, or empty",
                    "type": "STRING", "noData": "", "default": "",
                },
                "kind": {
                    "name": "Kind", "description": "What the entity is: door, meter, element",
                    "type": "STRING", "required": true,
                },
            }}},
        },
        "propertyTables": [{ "class": "element", "count": rows.len(), "properties": properties }],
    })
}

fn strings(values: &[&str], bin: &mut Bin) -> Value {
    let mut text = Vec::new();
    let mut offsets = Vec::with_capacity((values.len() + 1) * 4);
    offsets.extend(0_u32.to_le_bytes());
    for value in values {
        text.extend_from_slice(value.as_bytes());
        // A tile holds at most 65,535 rows; the GLB's own length check covers the rest.
        offsets.extend((text.len() as u32).to_le_bytes());
    }
    let values = bin.column(&text);
    let offsets = bin.column(&offsets);
    json!({
        "values": values.value(),
        "stringOffsets": offsets.value(),
        "stringOffsetType": "UINT32",
    })
}

/// `EXT_mesh_features` of one primitive.
pub(super) fn features(feature_count: usize) -> Value {
    json!({ "featureIds": [{ "featureCount": feature_count, "attribute": 0, "propertyTable": 0 }] })
}
