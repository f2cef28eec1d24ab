//! K: a kindergarten, two storeys under a folded roof.

use super::Builder;
use super::facade::Hole;
use super::rooms::Partitions;
use crate::colour::{OCHRE, PALE_CONCRETE, PLASTER, TILE, WHITE};
use crate::geometry::{Mesh, Pose, Rect, p2, rect};
use crate::ifc::Element;
use crate::plan::{DoorKind, Plan, Use, split_x};

const OUTLINE: Rect = rect(-18.0, -8.0, 18.0, 8.0);

pub(super) fn build(b: &mut Builder<'_, '_>) {
    for (number, z) in [(1, 0.0), (2, 3.6)] {
        b.enter(&format!("0{number}F"), z, 3.6);
        storey(b, number == 1);
    }
    b.enter("RF", 7.2, 3.0);
    let mut folds = Mesh::new();
    for index in 0..4 {
        let x = -18.6 + 9.3 * f64::from(index);
        folds.push_loft(
            &rect(x, -8.8, x + 9.3, 8.8).corners(),
            0.0,
            &rect(x + 4.6, -8.8, x + 4.7, 8.8).corners(),
            2.6,
        );
    }
    b.add_mesh(
        &Element::new("IFCROOF", "Folded roof", "GABLE_ROOF"),
        Pose::at(0.0, 0.0, 0.0),
        &[(folds, TILE)],
    );
}

fn storey(b: &mut Builder<'_, '_>, ground: bool) {
    let mut plan = Plan::default();
    let hall =
        plan.cell(if ground { Use::Lobby } else { Use::Corridor }, rect(-18.0, 2.0, 18.0, 4.6));
    for room in split_x(rect(-18.0, -8.0, 18.0, 2.0), 4) {
        let cell = plan.cell(Use::Classroom, room);
        plan.door(hall, cell, DoorKind::Single);
        if ground {
            plan.exit(cell, p2(room.centre().x, -8.0), DoorKind::Double, true);
        }
    }
    let stair = rect(-18.0, 4.6, -11.0, 8.0);
    let stair_cell = plan.cell(Use::Stair, stair);
    plan.guarded_door(hall, stair_cell, DoorKind::FireRated);
    let office = plan.cell(Use::Office, rect(-11.0, 4.6, 4.0, 8.0));
    plan.guarded_door(hall, office, DoorKind::Single);
    let toilet = plan.cell(Use::Toilet, rect(4.0, 4.6, 12.0, 8.0));
    plan.door(hall, toilet, DoorKind::Single);
    let electrical = rect(12.0, 4.6, 18.0, 8.0);
    let electrical_cell = plan.cell(Use::Electrical, electrical);
    plan.guarded_door(hall, electrical_cell, DoorKind::FireRated);
    if ground {
        plan.exit(hall, p2(18.0, 3.3), DoorKind::Double, true);
    }
    let holes = if ground { Vec::new() } else { vec![stair] };
    b.floor(OUTLINE, &holes, PALE_CONCRETE);
    let doors = plan.exits();
    let spaces = b.rooms(&plan, Partitions { thick: 0.15, cut: true });
    b.electric_riser(electrical, spaces[electrical_cell]);
    if ground {
        b.stair(stair, spaces[stair_cell]);
        b.water_meter(p2(8.0, 7.4), Some(spaces[toilet]));
    }
    b.solid_walls(OUTLINE, 3.0, 0.3, PLASTER, &doors, |bay| {
        let frame = if bay.index.is_multiple_of(2) { OCHRE } else { WHITE };
        (!bay.door && bay.side != 1).then_some(Hole { width: 1.8, height: 1.9, sill: 0.6, frame })
    });
}
