//! Repeated pieces: doors, windows, and their sizes. Each is drawn about its own origin: x along the
//! wall, outside towards −y, z up from the floor.

use crate::colour::{
    BRONZE, CLEAR_GLASS, Colour, DARK, DOOR, GLASS, GRAPHITE, PARTITION, STEEL, STEEL_DOOR, WHITE,
};
use crate::geometry::Mesh;
use crate::plan::DoorKind;

/// Width and height of a door with its frame, metres.
pub(super) fn door_size(kind: DoorKind) -> (f64, f64) {
    match kind {
        DoorKind::Single => (1.0, 2.15),
        DoorKind::Double => (1.8, 2.2),
        DoorKind::FireRated | DoorKind::Exit => (1.2, 2.2),
        DoorKind::Lift => (1.3, 2.3),
        DoorKind::Entrance => (3.0, 2.8),
        DoorKind::Shutter => (4.0, 3.2),
    }
}

/// What a door is called.
pub(super) fn door_name(kind: DoorKind) -> &'static str {
    match kind {
        DoorKind::Single => "Door",
        DoorKind::Double => "Double door",
        DoorKind::FireRated => "Fire door",
        DoorKind::Lift => "Landing door",
        DoorKind::Entrance => "Entrance door",
        DoorKind::Exit => "Exit door",
        DoorKind::Shutter => "Roller shutter",
    }
}

/// A door; above its own height up to `height` a panel closes the wall.
pub(super) fn door(kind: DoorKind, height: f64) -> Vec<(Mesh, Colour)> {
    let (width, leaf) = door_size(kind);
    let half = width / 2.0;
    let (frame_colour, leaf_colour) = match kind {
        DoorKind::Single | DoorKind::Double => (WHITE, DOOR),
        DoorKind::FireRated | DoorKind::Exit => (GRAPHITE, STEEL_DOOR),
        DoorKind::Lift => (DARK, STEEL),
        DoorKind::Entrance => (BRONZE, CLEAR_GLASS),
        DoorKind::Shutter => (GRAPHITE, STEEL),
    };
    let frame = Mesh::new()
        .cuboid([-half, -0.09, 0.0], [-half + 0.08, 0.09, leaf])
        .cuboid([half - 0.08, -0.09, 0.0], [half, 0.09, leaf])
        .cuboid([-half + 0.08, -0.09, leaf - 0.08], [half - 0.08, 0.09, leaf]);
    let mut leaves = Mesh::new();
    let inner = half - 0.08;
    if matches!(kind, DoorKind::Double | DoorKind::Entrance | DoorKind::Lift) {
        leaves = leaves
            .cuboid([-inner, -0.03, 0.01], [-0.01, 0.03, leaf - 0.08])
            .cuboid([0.01, -0.03, 0.01], [inner, 0.03, leaf - 0.08]);
    } else {
        leaves = leaves.cuboid([-inner, -0.03, 0.01], [inner, 0.03, leaf - 0.08]);
    }
    let mut parts = vec![(frame, frame_colour), (leaves, leaf_colour)];
    if height > leaf + 0.05 {
        parts.push((Mesh::new().cuboid([-half, -0.06, leaf], [half, 0.06, height]), PARTITION));
    }
    parts
}

/// A window with a frame and, above a width, a middle bar. Its sill is its zero.
pub(super) fn window(width: f64, height: f64, frame: Colour) -> Vec<(Mesh, Colour)> {
    let half = width / 2.0;
    let bar = 0.07;
    let mut bars = Mesh::new().frame((width, height), bar, 0.06);
    if width > 1.2 {
        bars = bars.cuboid([-bar / 2.0, -0.06, bar], [bar / 2.0, 0.06, height - bar]);
    }
    let pane = Mesh::new().cuboid([-half + bar, -0.012, bar], [half - bar, 0.012, height - bar]);
    vec![(bars, frame), (pane, GLASS)]
}
