//! The walking graph (`graph.json`): spaces, and the doors, stairs and lifts that
//! join them. Crowds move along it; evacuation will be computed on it.

use serde::{Deserialize, Serialize};

use crate::EntityId;

/// Spaces and how they connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WalkGraph {
    /// Places people can be in.
    pub spaces: Vec<WalkSpace>,
    /// Ways from one place to another.
    pub links: Vec<WalkLink>,
}

/// A place people can be in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalkSpace {
    /// The space's entity.
    pub entity: EntityId,
    /// Floor area, m².
    pub area_m2: f64,
    /// Middle of the floor in the local frame, m.
    pub center: [f64; 3],
}

/// A way through a door, up a stair or by lift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalkLink {
    /// The door, stair or lift.
    pub entity: EntityId,
    /// What one passes.
    pub via: Via,
    /// One end.
    pub from: EntityId,
    /// The other end; absent where it leads outdoors, which makes it an exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<EntityId>,
    /// Clear width, m, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_m: Option<f64>,
    /// Whether the file says so (space boundaries) or we read it off the geometry.
    pub derived: bool,
}

/// What a link passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// A door, gate or opening.
    Door,
    /// A stair.
    Stair,
    /// A ramp.
    Ramp,
    /// A lift; not to be used in a fire.
    Lift,
}
