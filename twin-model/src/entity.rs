//! Entities: the nodes of the scene graph, one line each in `entities.ndjson`.

use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Name of an entity that stays the same over a re-import: its IFC GlobalId, or,
/// for sources without one, a hash of source and path.
///
/// Cheap to clone: sessions, points and tables all hold it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityId(Arc<str>);

impl EntityId {
    /// Wraps a name; the importer is the only place that makes up new ones.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for EntityId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl Borrow<str> for EntityId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What an entity is to the people who use the twin; the exact IFC class stands
/// beside it in [`Entity::ifc_class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// The root of a source (IfcProject).
    Project,
    /// A site or plot (IfcSite).
    Site,
    /// A building, also one known only by its footprint.
    Building,
    /// A building storey.
    Storey,
    /// A room, corridor or open area that people can be in (IfcSpace).
    Space,
    /// A group of spaces (IfcZone).
    Zone,
    /// A distribution system (IfcSystem).
    System,
    /// A door, gate or turnstile.
    Door,
    /// A window.
    Window,
    /// A stair or stair flight.
    Stair,
    /// A ramp.
    Ramp,
    /// A lift, escalator or moving walk (IfcTransportElement).
    Lift,
    /// An energy, water, gas or heat meter (IfcFlowMeter).
    Meter,
    /// A sensor (IfcSensor).
    Sensor,
    /// A controller, actuator or alarm.
    Controller,
    /// A pump.
    Pump,
    /// A charger for electric vehicles.
    Charger,
    /// Any other plant: boilers, chillers, fans, tanks, boards, lamps.
    Equipment,
    /// Pipes, ducts, cables and their fittings.
    Distribution,
    /// Furniture and furnishing.
    Furniture,
    /// Any other building element: wall, slab, roof, column, beam.
    Element,
    /// Ground.
    Terrain,
    /// A road, path or railway.
    Road,
    /// Greenery: lawns, trees, parks.
    Green,
    /// Water.
    Water,
    /// A point of interest outdoors: hydrant, camera, assembly point.
    Landmark,
}

impl EntityKind {
    /// The kind's name as it stands in files and in tags (`meter:E-101`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Site => "site",
            Self::Building => "building",
            Self::Storey => "storey",
            Self::Space => "space",
            Self::Zone => "zone",
            Self::System => "system",
            Self::Door => "door",
            Self::Window => "window",
            Self::Stair => "stair",
            Self::Ramp => "ramp",
            Self::Lift => "lift",
            Self::Meter => "meter",
            Self::Sensor => "sensor",
            Self::Controller => "controller",
            Self::Pump => "pump",
            Self::Charger => "charger",
            Self::Equipment => "equipment",
            Self::Distribution => "distribution",
            Self::Furniture => "furniture",
            Self::Element => "element",
            Self::Terrain => "terrain",
            Self::Road => "road",
            Self::Green => "green",
            Self::Water => "water",
            Self::Landmark => "landmark",
        }
    }
}

/// Axis-aligned box in the scene's local frame: metres, x east, y north, z up.
/// Written as `[min_x, min_y, min_z, max_x, max_y, max_z]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 6]", into = "[f64; 6]")]
pub struct BoundingBox {
    /// Smallest corner, m.
    pub min: [f64; 3],
    /// Largest corner, m.
    pub max: [f64; 3],
}

impl BoundingBox {
    /// The box around some points, or nothing where there are none.
    pub fn around(points: impl IntoIterator<Item = [f64; 3]>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        Some(points.fold(Self { min: first, max: first }, |bbox, point| {
            bbox.union(&Self { min: point, max: point })
        }))
    }

    /// The smallest box that holds both.
    // Called for every vertex of an import: not worth a call into another crate.
    #[inline]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            min: [0, 1, 2].map(|axis| self.min[axis].min(other.min[axis])),
            max: [0, 1, 2].map(|axis| self.max[axis].max(other.max[axis])),
        }
    }

    /// The middle of the box, m.
    pub fn center(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| (self.min[axis] + self.max[axis]) / 2.0)
    }

    /// Edge lengths, m.
    pub fn size(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.max[axis] - self.min[axis])
    }

    /// Whether the two boxes, the first grown by `margin_m` on every side, touch.
    pub fn touches(&self, other: &Self, margin_m: f64) -> bool {
        (0..3).all(|axis| {
            self.min[axis] - margin_m <= other.max[axis]
                && other.min[axis] <= self.max[axis] + margin_m
        })
    }
}

impl From<[f64; 6]> for BoundingBox {
    fn from([a, b, c, d, e, f]: [f64; 6]) -> Self {
        Self { min: [a, b, c], max: [d, e, f] }
    }
}

impl From<BoundingBox> for [f64; 6] {
    fn from(BoundingBox { min, max }: BoundingBox) -> Self {
        [min[0], min[1], min[2], max[0], max[1], max[2]]
    }
}

/// One node of the scene graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Stable name; see [`EntityId`].
    pub id: EntityId,
    /// The entity that contains this one; absent for roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<EntityId>,
    /// What it is to a person.
    pub kind: EntityKind,
    /// Exact IFC class (`IfcWallStandardCase`), absent for GIS sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ifc_class: Option<String>,
    /// IFC GlobalId as written in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_id: Option<String>,
    /// Name as written in the file; may be empty.
    #[serde(default)]
    pub name: String,
    /// The storey the entity stands in, where it stands in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storey: Option<EntityId>,
    /// Box around the entity's own geometry; absent where nothing is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<BoundingBox>,
    /// Property sets and quantities: set name → property → JSON value. Quantities
    /// are in SI units; attributes such as `Description` stand in the set `Attributes`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// Names to bind by: `E-101`, `meter:E-101`, `brick:Electrical_Meter`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Which of the scene's sources it came from, an index into [`crate::SceneInfo::sources`].
    #[serde(default)]
    pub source: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_written_as_its_name() {
        for kind in [EntityKind::Project, EntityKind::Meter, EntityKind::Landmark] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn box_is_six_numbers_in_json() {
        let bbox = BoundingBox::around([[1.0, 5.0, -1.0], [0.0, 6.0, 2.0]]).unwrap();
        assert_eq!(serde_json::to_string(&bbox).unwrap(), "[0.0,5.0,-1.0,1.0,6.0,2.0]");
        assert_eq!(bbox.center(), [0.5, 5.5, 0.5]);
        assert!(bbox.touches(&BoundingBox { min: [1.1, 5.0, 0.0], max: [2.0, 6.0, 2.0] }, 0.2));
        assert!(!bbox.touches(&BoundingBox { min: [1.1, 5.0, 0.0], max: [2.0, 6.0, 2.0] }, 0.05));
    }
}
