//! What the classes of city models are to the twin, and how they look.

use twin_model::EntityKind;

use super::{super::style, Role};
use crate::mesh::MaterialClass;

/// The kind of a city object; `child` where it is part of another one.
pub(super) fn kind(class: &str, child: bool) -> EntityKind {
    match class {
        "Building" => EntityKind::Building,
        "BuildingPart" if !child => EntityKind::Building,
        "BuildingStorey" | "Storey" => EntityKind::Storey,
        "BuildingRoom" | "Room" => EntityKind::Space,
        "BuildingUnit" | "CityObjectGroup" => EntityKind::Zone,
        "BuildingFurniture" | "BridgeFurniture" | "TunnelFurniture" => EntityKind::Furniture,
        "Road" | "Railway" | "TransportSquare" | "Square" | "Track" | "TransportationComplex" => {
            EntityKind::Road
        }
        "WaterBody" | "Waterway" => EntityKind::Water,
        "PlantCover" | "SolitaryVegetationObject" => EntityKind::Green,
        "LandUse" | "TINRelief" | "ReliefFeature" => EntityKind::Terrain,
        "CityFurniture" => EntityKind::Landmark,
        _ => EntityKind::Element,
    }
}

/// How a kind of city object is drawn.
pub(super) fn material(kind: EntityKind) -> MaterialClass {
    match kind {
        EntityKind::Road | EntityKind::Water | EntityKind::Green | EntityKind::Terrain => {
            MaterialClass::Ground
        }
        EntityKind::Space => MaterialClass::Space,
        _ => MaterialClass::Opaque,
    }
}

/// The calm colour of a surface, sRGB; `seed` shades objects a little apart.
pub(super) fn color(kind: EntityKind, role: Role, seed: u64) -> [u8; 3] {
    let shade = (seed % 15) as u8;
    if material(kind) == MaterialClass::Ground {
        let look = style::Look::Plain;
        return style::colors(kind, look, &style::Properties::new(), seed).0.main;
    }
    match role {
        Role::Roof => [142 + shade, 131 + shade, 124 + shade],
        Role::Ground => [122, 120, 116],
        Role::Window => [122, 138, 150],
        Role::Door => [122, 104, 90],
        Role::Wall | Role::Unsaid | Role::Closure => [178 + shade, 174 + shade, 167 + shade],
    }
}

/// The role of a semantic surface by its type.
pub(super) fn role(class: &str) -> Role {
    match class {
        "RoofSurface" | "OuterCeilingSurface" => Role::Roof,
        "WallSurface" | "InteriorWallSurface" => Role::Wall,
        "GroundSurface" | "OuterFloorSurface" | "FloorSurface" => Role::Ground,
        "Window" | "WindowSurface" => Role::Window,
        "Door" | "DoorSurface" => Role::Door,
        "ClosureSurface" => Role::Closure,
        _ => Role::Unsaid,
    }
}
