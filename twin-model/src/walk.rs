//! The walking graph (`graph.json`): spaces, and the doors, stairs and lifts that
//! join them. Crowds move along it; evacuation is computed on it.

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
    /// The space's entity. Where a storey has parts without a space (a corridor nobody
    /// modelled), the part is a place too: `{storey}#{n}`, or the storey itself where its
    /// parts cannot be told apart.
    pub entity: EntityId,
    /// The storey of which this is a part without a space; absent for spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<EntityId>,
    /// Floor area, m².
    pub area_m2: f64,
    /// Middle of the floor in the local frame, m.
    pub center: [f64; 3],
    /// How many people it is made for, where the file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occupants: Option<f64>,
    /// Length of the shortest way to an exit without lifts, m; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_distance_m: Option<f64>,
}

impl WalkSpace {
    /// A place of which nothing but its floor is known.
    pub fn new(entity: EntityId, area_m2: f64, center: [f64; 3]) -> Self {
        Self { entity, part_of: None, area_m2, center, occupants: None, exit_distance_m: None }
    }
}

/// A way through a door, up a stair or by lift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalkLink {
    /// The door, stair or lift; for an open side between two spaces that nothing stands
    /// in, the space it leads from.
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
    /// Length of the way from the middle of one end through it to the middle of the other
    /// (of an exit: to the door), m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_m: Option<f64>,
    /// Where it is passed, in the local frame, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<[f64; 3]>,
    /// Fire rating as the file writes it: `EI30`, `60`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fire_rating: Option<String>,
    /// How a door moves, in IFC's words: `SINGLE_SWING_LEFT`, `SLIDING_TO_RIGHT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swing: Option<String>,
    /// Whether the file says so (space boundaries) or we read it off the geometry.
    pub derived: bool,
}

impl WalkLink {
    /// A way of which nothing but its ends is known.
    pub fn new(entity: EntityId, via: Via, from: EntityId, to: Option<EntityId>) -> Self {
        Self {
            entity,
            via,
            from,
            to,
            width_m: None,
            length_m: None,
            at: None,
            fire_rating: None,
            swing: None,
            derived: true,
        }
    }
}

/// What a link passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// A door or gate, or an opening in a wall.
    Door,
    /// An open side: two spaces with nothing between them, or two that are one place.
    Opening,
    /// A stair.
    Stair,
    /// A ramp.
    Ramp,
    /// An escalator or moving walk: a stair when it stands still.
    Escalator,
    /// A lift; not to be used in a fire.
    Lift,
}
