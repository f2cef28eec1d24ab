//! P: shops and community rooms on two storeys under a sawtooth roof.

use super::Builder;
use super::facade::Hole;
use super::rooms::Partitions;
use crate::colour::{BRONZE, CLEAR_GLASS, PALE_CONCRETE, SEAM, TERRACOTTA, WOOD};
use crate::geometry::{Mesh, Pose, Rect, p2, rect};
use crate::ifc::Element;
use crate::plan::{DoorKind, Plan, Use, split_x};

const OUTLINE: Rect = rect(-25.0, -14.0, 25.0, 14.0);
const STYLE: Partitions = Partitions { thick: 0.15, cut: true };

pub(super) fn build(b: &mut Builder<'_, '_>) {
    for (number, z) in [(1, 0.0), (2, 4.5)] {
        b.enter(&format!("0{number}F"), z, 4.5);
        storey(b, number);
    }
    b.enter("RF", 9.0, 4.0);
    sawtooth(b);
}

fn storey(b: &mut Builder<'_, '_>, number: usize) {
    let mut plan = Plan::default();
    let ground = number == 1;
    let hall = plan.cell_of(
        if ground { Use::Lobby } else { Use::Corridor },
        vec![rect(-25.0, -2.0, 25.0, 2.0)],
    );
    for room in split_x(rect(-25.0, -14.0, 25.0, -2.0), 5) {
        let cell = plan.cell(if ground { Use::Shop } else { Use::Classroom }, room);
        plan.door(hall, cell, DoorKind::Double);
        if ground {
            plan.exit(cell, p2(room.centre().x, -14.0), DoorKind::Double, true);
        }
    }
    let stair = rect(-25.0, 2.0, -21.8, 9.0);
    let stair_cell = plan.cell(Use::Stair, stair);
    plan.guarded_door(hall, stair_cell, DoorKind::FireRated);
    let shaft = rect(-21.8, 2.0, -19.4, 4.6);
    let shaft_cell = plan.cell(Use::LiftShaft, shaft);
    plan.door(hall, shaft_cell, DoorKind::Lift);
    let electrical = rect(-19.4, 2.0, -16.0, 6.0);
    let electrical_cell = plan.cell(Use::Electrical, electrical);
    plan.guarded_door(hall, electrical_cell, DoorKind::FireRated);
    let toilet = plan.cell(Use::Toilet, rect(-16.0, 2.0, -10.0, 6.0));
    plan.door(hall, toilet, DoorKind::Single);
    let big = plan.cell(Use::Hall, rect(-10.0, 2.0, 25.0, 14.0));
    plan.guarded_door(hall, big, DoorKind::Double);
    if ground {
        plan.exit(hall, p2(-25.0, 0.0), DoorKind::Double, true);
        plan.exit(hall, p2(25.0, 0.0), DoorKind::Double, true);
    }
    let holes = if ground { Vec::new() } else { vec![stair, shaft] };
    b.floor(OUTLINE, &holes, PALE_CONCRETE);
    let doors = plan.exits();
    let spaces = b.rooms(&plan, STYLE);
    b.electric_riser(electrical, spaces[electrical_cell]);
    if ground {
        b.stair(stair, spaces[stair_cell]);
        b.lift(shaft, spaces[shaft_cell], 2.0);
        b.water_meter(p2(-13.0, 5.0), Some(spaces[toilet]));
    }
    b.solid_walls(OUTLINE, 5.0, 0.3, TERRACOTTA, &doors, |bay| {
        (!bay.door).then_some(Hole { width: 3.4, height: 2.8, sill: 0.6, frame: BRONZE })
    });
}

fn sawtooth(b: &mut Builder<'_, '_>) {
    for index in 0..5 {
        let x = -25.0 + 10.0 * f64::from(index);
        let teeth = [p2(0.0, 0.0), p2(10.0, 0.0), p2(0.0, 3.2)];
        let mut tooth = Mesh::new();
        let y = 14.6;
        let base = tooth.points.len() as u32;
        for side in [-y, y] {
            tooth.points.extend(teeth.iter().map(|p| [x + p.x, side, p.y]));
        }
        tooth.faces.extend(
            [
                [0, 1, 2],
                [3, 5, 4],
                [0, 3, 4],
                [0, 4, 1],
                [1, 4, 5],
                [1, 5, 2],
                [2, 5, 3],
                [2, 3, 0],
            ]
            .map(|f: [u32; 3]| f.map(|i| i + base)),
        );
        b.add_mesh(
            &Element::new("IFCROOF", "Sawtooth", "USERDEFINED").of_type("Sawtooth roof"),
            Pose::at(0.0, 0.0, 0.0),
            &[(tooth, SEAM)],
        );
        let glass = Mesh::new().cuboid([x - 0.06, -13.6, 0.5], [x - 0.01, 13.6, 2.9]);
        b.add_mesh(
            &Element::new("IFCPLATE", "North light", "SHEET"),
            Pose::at(0.0, 0.0, 0.0),
            &[(glass, CLEAR_GLASS)],
        );
    }
    let canopy = Mesh::new().cuboid([-25.0, -17.5, -5.4], [25.0, -14.0, -5.15]);
    let posts = (0..6).fold(Mesh::new(), |mesh, i| {
        let x = -24.5 + 9.8 * f64::from(i);
        mesh.cuboid([x - 0.1, -17.2, -9.0], [x + 0.1, -17.0, -5.4])
    });
    b.add_mesh(
        &Element::new("IFCROOF", "Canopy", "FLAT_ROOF"),
        Pose::at(0.0, 0.0, 0.0),
        &[(canopy, WOOD), (posts, BRONZE)],
    );
}
