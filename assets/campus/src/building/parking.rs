//! G: an open parking deck of three levels with chargers under a solar canopy.

use super::Builder;
use crate::colour::{ASPHALT, CHAMPAGNE, CONCRETE, MARKING, PALE_CONCRETE, PANEL, STEEL};
use crate::geometry::{Mesh, Pose, Rect, p2, rect};
use crate::ifc::Element;
use crate::plan::{DoorKind, Plan, Use};

const OUTLINE: Rect = rect(-30.0, -16.0, 30.0, 16.0);
const HEIGHT: f64 = 3.2;

pub(super) fn build(b: &mut Builder<'_, '_>) {
    for number in 1..=3 {
        b.enter(&format!("0{number}F"), HEIGHT * f64::from(number - 1), HEIGHT);
        deck(b, number);
    }
    b.enter("RF", HEIGHT * 3.0, 3.5);
    canopy(b);
}

fn deck(b: &mut Builder<'_, '_>, number: i32) {
    let stair = rect(23.0, 12.6, 30.0, 16.0);
    let mut plan = Plan::default();
    let hall = plan
        .cell_of(Use::Parking, vec![rect(-30.0, -16.0, 30.0, 12.6), rect(-30.0, 12.6, 20.0, 16.0)]);
    let stair_cell = plan.cell(Use::Stair, stair);
    plan.guarded_door(hall, stair_cell, DoorKind::FireRated);
    let electrical = rect(20.0, 12.6, 23.0, 16.0);
    let electrical_cell = plan.cell(Use::Electrical, electrical);
    plan.guarded_door(hall, electrical_cell, DoorKind::Single);
    if number == 1 {
        plan.exit(stair_cell, p2(30.0, 14.3), DoorKind::Exit, true);
        plan.exit(hall, p2(30.0, -4.0), DoorKind::Shutter, true);
    }
    let ramp_hole = rect(-22.0, -6.0, 10.0, -2.0);
    let holes = if number == 1 { Vec::new() } else { vec![stair, ramp_hole] };
    b.floor(OUTLINE, &holes, CONCRETE);
    let spaces = b.rooms(&plan, super::rooms::Partitions { thick: 0.2, cut: true });
    b.electric_riser(electrical, spaces[electrical_cell]);
    if number < 3 {
        b.stair(stair, spaces[stair_cell]);
        ramp(b);
    }
    columns(b);
    let guard = Mesh::new().ribbon(&OUTLINE.grown(-0.1).corners(), (-0.1, 0.1), (0.0, 1.0), true);
    b.add_mesh(
        &Element::new("IFCRAILING", "Guard", "GUARDRAIL"),
        Pose::at(0.0, 0.0, 0.0),
        &[(guard, PALE_CONCRETE)],
    );
    bay_markings(b);
    for i in 0..10 {
        b.charger(Pose::at(-25.0 + 2.5 * f64::from(i), 15.4, 0.0));
    }
    louvres(b);
    cars(b, number);
}

fn ramp(b: &mut Builder<'_, '_>) {
    let mut mesh = Mesh::new();
    let base =
        [[-22.0, -5.9, 0.02], [10.0, -5.9, HEIGHT], [10.0, -2.1, HEIGHT], [-22.0, -2.1, 0.02]];
    mesh.points.extend(base);
    mesh.points.extend(base.map(|p| [p[0], p[1], p[2] - 0.25]));
    mesh.faces.extend([
        [0, 1, 2],
        [0, 2, 3],
        [4, 6, 5],
        [4, 7, 6],
        [0, 4, 5],
        [0, 5, 1],
        [1, 5, 6],
        [1, 6, 2],
        [2, 6, 7],
        [2, 7, 3],
        [3, 7, 4],
        [3, 4, 0],
    ]);
    b.add_mesh(
        &Element::new("IFCRAMP", "Ramp", "STRAIGHT_RUN_RAMP"),
        Pose::at(0.0, 0.0, 0.0),
        &[(mesh, ASPHALT)],
    );
}

fn columns(b: &mut Builder<'_, '_>) {
    for x in [-27.0, -18.0, -9.0, 0.0, 9.0, 18.0, 27.0] {
        for y in [-15.0, -9.0, 4.0, 12.0] {
            let shape = b.ifc.symbol("deck column", |ifc| {
                vec![ifc.block([0.5, 0.5, HEIGHT - 0.25], 0.0, Some(PALE_CONCRETE))]
            });
            b.put(&Element::new("IFCCOLUMN", "Column", "COLUMN"), Pose::at(x, y, 0.0), shape, None);
        }
    }
}

fn bay_markings(b: &mut Builder<'_, '_>) {
    let mut lines = Mesh::new();
    for (y0, y1) in [(-15.6, -10.6), (7.4, 12.4)] {
        for i in 0..=20 {
            let x = -26.0 + 2.5 * f64::from(i);
            lines = lines.cuboid([x - 0.05, y0, 0.01], [x + 0.05, y1, 0.03]);
        }
    }
    b.add_mesh(
        &Element::new("IFCCOVERING", "Bay markings", "FLOORING"),
        Pose::at(0.0, 0.0, 0.0),
        &[(lines, MARKING)],
    );
}

/// Upright slats along the long sides.
fn louvres(b: &mut Builder<'_, '_>) {
    b.bays(OUTLINE, 5.0, &[], |bay| {
        let n = (bay.width / 0.6) as usize;
        let slats = (0..n).fold(Mesh::new(), |mesh, i| {
            let x = -bay.width / 2.0 + 0.6 * i as f64;
            if (i + bay.index) % 5 == 0 {
                mesh
            } else {
                mesh.cuboid([x, -0.35, 0.9], [x + 0.1, -0.1, bay.height + 0.9])
            }
        });
        if bay.side == 1 {
            return Vec::new();
        }
        vec![super::facade::Part {
            class: "IFCSHADINGDEVICE",
            kind: "LOUVRE",
            name: "Louvres",
            key: format!("deck louvre/{}", bay.index % 5),
            draw: vec![(slats, CHAMPAGNE)],
        }]
    });
}

/// About half of the bays are taken.
fn cars(b: &mut Builder<'_, '_>, number: i32) {
    for i in 0..20 {
        for (y, turn) in [(-13.1, 0.5), (9.9, -0.5)] {
            // The ground floor's bays behind the chargers stay readable.
            if !b.ifc.random.chance(if number == 1 { 0.45 } else { 0.3 }) {
                continue;
            }
            let (key, draw) = super::car_symbol(b.ifc.random.index(5));
            let shape = b.symbol(key, draw);
            let pose =
                Pose::at(-24.75 + 2.5 * f64::from(i), y, 0.03).turned(turn * std::f64::consts::PI);
            b.put(
                &Element::new("IFCBUILDINGELEMENTPROXY", "Car", "USERDEFINED").of_type("Car"),
                pose,
                shape,
                None,
            );
        }
    }
}

fn canopy(b: &mut Builder<'_, '_>) {
    b.slab(("Upper deck", "ROOF"), &OUTLINE.corners(), &[], (0.0, 0.3), CONCRETE);
    for y in [-9.0, 9.0] {
        let posts = (0..7).fold(Mesh::new(), |mesh, i| {
            let x = -27.0 + 9.0 * f64::from(i);
            mesh.cuboid([x - 0.12, y - 0.12, 0.0], [x + 0.12, y + 0.12, 2.9])
        });
        b.add_mesh(
            &Element::new("IFCCOLUMN", "Canopy posts", "COLUMN"),
            Pose::at(0.0, 0.0, 0.0),
            &[(posts, STEEL)],
        );
        for i in 0..9 {
            let shape = b.symbol("solar table", || {
                let mut table = Mesh::new();
                table.push_loft(
                    &rect(-3.0, -3.0, 3.0, 3.0).corners(),
                    0.0,
                    &rect(-3.0, -3.0, 3.0, 3.0).corners(),
                    0.12,
                );
                for point in &mut table.points {
                    point[2] += (point[1] + 3.0) * 0.12;
                }
                vec![(table, PANEL)]
            });
            let pose = Pose::at(-25.2 + 6.3 * f64::from(i), y, 2.8);
            b.put(
                &Element::new("IFCSOLARDEVICE", "Photovoltaic table", "SOLARPANEL"),
                pose,
                shape,
                None,
            );
        }
    }
}
