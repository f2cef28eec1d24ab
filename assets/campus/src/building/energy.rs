//! E: the energy centre: pumps and tanks, transformers and switchgear, chillers, a chimney.

use super::Builder;
use super::facade::Hole;
use super::rooms::Partitions;
use crate::colour::{
    BOARD, BRICK, CONCRETE, GRAPHITE, MACHINE, PIPE_BLUE, PIPE_GREEN, ROOF, STEEL,
};
use crate::geometry::{Mesh, Pose, Rect, p2, rect};
use crate::ifc::{Element, Value};
use crate::plan::{DoorKind, Plan, Use};

const OUTLINE: Rect = rect(-16.0, -9.0, 16.0, 9.0);

pub(super) fn build(b: &mut Builder<'_, '_>) {
    b.enter("01F", 0.0, 6.0);
    let mut plan = Plan::default();
    let hall = plan.cell(Use::Corridor, rect(-16.0, -1.2, 16.0, 1.2));
    let pumps = plan.cell(Use::Plant, rect(-16.0, -9.0, 0.0, -1.2));
    let chillers = plan.cell(Use::Plant, rect(0.0, -9.0, 16.0, -1.2));
    let switch = plan.cell(Use::Electrical, rect(-16.0, 1.2, 0.0, 9.0));
    let control = plan.cell(Use::Control, rect(0.0, 1.2, 9.0, 9.0));
    let store = plan.cell(Use::Store, rect(9.0, 1.2, 16.0, 9.0));
    for room in [pumps, chillers, switch, control] {
        plan.guarded_door(hall, room, DoorKind::FireRated);
    }
    plan.door(hall, store, DoorKind::Double);
    plan.exit(hall, p2(-16.0, 0.0), DoorKind::Exit, true);
    plan.exit(hall, p2(16.0, 0.0), DoorKind::Exit, true);
    plan.exit(pumps, p2(-8.0, -9.0), DoorKind::Shutter, true);
    plan.exit(chillers, p2(8.0, -9.0), DoorKind::Shutter, true);
    b.floor(OUTLINE, &[], CONCRETE);
    let doors = plan.exits();
    let spaces = b.rooms(&plan, Partitions { thick: 0.2, cut: true });
    pump_room(b, spaces[pumps]);
    electrical_room(b, spaces[switch]);
    chiller_room(b, spaces[chillers]);
    b.desks(rect(0.0, 1.2, 9.0, 9.0), spaces[control]);
    b.solid_walls(OUTLINE, 4.0, 0.35, BRICK, &doors, |bay| {
        (!bay.door && bay.side != 3 && bay.side != 1).then_some(Hole {
            width: 2.6,
            height: 1.2,
            sill: 4.0,
            frame: GRAPHITE,
        })
    });
    b.enter("RF", 6.0, 4.0);
    roof(b);
}

fn pump_room(b: &mut Builder<'_, '_>, space: crate::step::Ref) {
    for i in 0..6 {
        b.pump(p2(-14.0, -8.0 + 1.1 * f64::from(i)), space);
    }
    for i in 0..2 {
        let tank = Mesh::new().cylinder(p2(0.0, 0.0), 1.3, (0.2, 3.6), 16);
        let pose = Pose::at(-3.2, -7.2 + 3.4 * f64::from(i), 0.0);
        let tank =
            b.add_mesh(&Element::new("IFCTANK", "Break tank", "STORAGE"), pose, &[(tank, STEEL)]);
        b.ifc.properties(tank, "Pset_TankTypeCommon", &[("NominalCapacity", Value::Real(16.0))]);
    }
    for (z, y) in [(2.4, -5.0), (3.0, -4.6)] {
        let pipe = Mesh::new().bar([-15.4, y, z], [-1.0, y, z], 0.12, 10);
        b.add_mesh(
            &Element::new("IFCPIPESEGMENT", "Header", "RIGIDSEGMENT"),
            Pose::at(0.0, 0.0, 0.0),
            &[(pipe, PIPE_BLUE)],
        );
    }
    b.water_meter(p2(-1.2, -2.2), Some(space));
    b.water_meter(p2(-2.4, -2.2), Some(space));
}

fn electrical_room(b: &mut Builder<'_, '_>, space: crate::step::Ref) {
    for i in 0..2 {
        let body = Mesh::new()
            .cuboid([-1.1, -0.8, 0.2], [1.1, 0.8, 2.0])
            .cuboid([-0.9, -0.6, 2.0], [0.9, 0.6, 2.3]);
        let pose = Pose::at(-13.0 + 4.0 * f64::from(i), 6.6, 0.0);
        b.add_mesh(
            &Element::new("IFCTRANSFORMER", "Transformer", "VOLTAGE"),
            pose,
            &[(body, MACHINE)],
        );
    }
    for i in 0..8 {
        let shape = b.symbol("switchgear", || {
            vec![(Mesh::new().cuboid([-0.4, -0.4, 0.0], [0.4, 0.4, 2.2]), BOARD)]
        });
        let pose = Pose::at(-14.0 + 0.85 * f64::from(i), 2.4, 0.0);
        b.put(
            &Element::new("IFCELECTRICDISTRIBUTIONBOARD", "Switchgear", "SWITCHBOARD"),
            pose,
            shape,
            Some(space),
        );
    }
    for i in 0..4 {
        b.electric_meter(p2(-5.0 + 0.8 * f64::from(i), 8.6), Some(space), "EM-MAIN");
    }
}

fn chiller_room(b: &mut Builder<'_, '_>, space: crate::step::Ref) {
    for i in 0..2 {
        let y = -7.0 + 3.2 * f64::from(i);
        let shells = Mesh::new().bar([2.0, y, 0.9], [6.4, y, 0.9], 0.55, 14).bar(
            [2.0, y, 2.0],
            [6.4, y, 2.0],
            0.45,
            14,
        );
        b.add_mesh(
            &Element::new("IFCCHILLER", "Chiller", "WATERCOOLED"),
            Pose::at(0.0, 0.0, 0.0),
            &[(shells, MACHINE)],
        );
        let boiler = Mesh::new().cuboid([10.0, y - 0.9, 0.1], [13.5, y + 0.9, 2.4]);
        b.add_mesh(
            &Element::new("IFCBOILER", "Boiler", "WATER"),
            Pose::at(0.0, 0.0, 0.0),
            &[(boiler, STEEL)],
        );
        let pipe = Mesh::new().bar([6.4, y, 2.0], [10.0, y, 2.0], 0.12, 8);
        b.add_mesh(
            &Element::new("IFCPIPESEGMENT", "Heating pipe", "RIGIDSEGMENT"),
            Pose::at(0.0, 0.0, 0.0),
            &[(pipe, PIPE_GREEN)],
        );
    }
    b.electric_meter(p2(15.6, -5.0), Some(space), "EM-3P");
}

fn roof(b: &mut Builder<'_, '_>) {
    b.slab(("Roof", "ROOF"), &OUTLINE.grown(0.3).corners(), &[], (0.0, 0.3), ROOF);
    let parapet =
        Mesh::new().ribbon(&OUTLINE.grown(0.15).corners(), (-0.15, 0.15), (0.0, 0.9), true);
    b.add_mesh(
        &Element::new("IFCWALL", "Parapet", "PARAPET"),
        Pose::at(0.0, 0.0, 0.0),
        &[(parapet, BRICK)],
    );
    for i in 0..3 {
        let tower = Mesh::new().cuboid([-1.5, -1.5, 0.3], [1.5, 1.5, 2.6]).cone(
            p2(0.0, 0.0),
            (1.2, 1.0),
            (2.6, 3.3),
            14,
        );
        let pose = Pose::at(4.0 + 4.2 * f64::from(i), -4.5, 0.0);
        b.add_mesh(
            &Element::new("IFCCOOLINGTOWER", "Cooling tower", "MECHANICALFORCEDDRAFT"),
            pose,
            &[(tower, STEEL)],
        );
    }
    let chimney = Mesh::new().cone(p2(0.0, 0.0), (1.1, 0.8), (-6.0, 18.0), 16);
    let bands = Mesh::new().cone(p2(0.0, 0.0), (0.95, 0.94), (14.5, 15.2), 16);
    b.add_mesh(
        &Element::new("IFCCHIMNEY", "Chimney", "NOTDEFINED"),
        Pose::at(18.5, 5.0, 0.0),
        &[(chimney, BRICK), (bands, CONCRETE)],
    );
}
