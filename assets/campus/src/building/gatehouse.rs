//! A gatehouse: one room with glass round it under a wide roof.

use super::Builder;
use super::facade::Hole;
use super::rooms::Partitions;
use crate::colour::{BRONZE, PALE_CONCRETE, SAND, WOOD};
use crate::geometry::{Mesh, Pose, Rect, p2};
use crate::ifc::Element;
use crate::plan::{DoorKind, Plan, Use};

pub(super) fn build(b: &mut Builder<'_, '_>) {
    b.enter("01F", 0.0, 3.2);
    let outline = Rect::centred(7.0, 4.4);
    let mut plan = Plan::default();
    let room = plan.cell(Use::Gate, outline);
    plan.exit(room, p2(3.5, 0.0), DoorKind::Exit, true);
    b.floor(outline, &[], PALE_CONCRETE);
    let doors = plan.exits();
    let spaces = b.rooms(&plan, Partitions { thick: 0.15, cut: true });
    b.electric_meter(p2(-3.0, 1.9), Some(spaces[room]), "EM-3P");
    b.solid_walls(outline, 2.3, 0.2, SAND, &doors, |bay| {
        (!bay.door).then_some(Hole { width: 1.7, height: 1.7, sill: 0.9, frame: BRONZE })
    });
    b.enter("RF", 3.2, 1.0);
    let roof = Mesh::new().cuboid([-5.2, -3.8, 0.0], [5.2, 3.8, 0.3]);
    let soffit = Mesh::new().cuboid([-5.0, -3.6, -0.08], [5.0, 3.6, 0.0]);
    b.add_mesh(
        &Element::new("IFCROOF", "Roof", "FLAT_ROOF"),
        Pose::at(0.0, 0.0, 0.0),
        &[(roof, BRONZE), (soffit, WOOD)],
    );
}
