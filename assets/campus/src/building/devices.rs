//! Meters, sensors and machines: everything telemetry is bound to.

use super::Builder;
use crate::colour::{BOARD, CHARGER, Colour, DARK, MACHINE, METER, PIPE_BLUE, STEEL, TEXTILE};
use crate::geometry::{Mesh, P2, Pose, Rect, p2};
use crate::ifc::{Element, Value};
use crate::plan::{Plan, Use};
use crate::step::Ref;

impl Builder<'_, '_> {
    /// People counters and air sensors for a plan's spaces: by use, and air in some only.
    pub(super) fn people_counters_and_air(&mut self, plan: &Plan, spaces: &[Ref]) {
        for (index, (cell, space)) in plan.cells.iter().zip(spaces).enumerate() {
            let at = cell.parts[0].centre();
            if cell.purpose.counted() {
                self.people_counter(at, *space);
            }
            let every = if cell.purpose == Use::Office { 3 } else { 1 };
            if cell.purpose.monitored() && index % every == 0 {
                self.air_sensor(at + p2(0.8, 0.0), *space);
            }
        }
    }

    fn device(
        &mut self,
        about: &Element<'_>,
        pose: Pose,
        space: Option<Ref>,
        maker: &str,
        model: &str,
        draw: impl FnOnce() -> Vec<(Mesh, Colour)>,
    ) -> Ref {
        let key = format!("device/{}/{model}", about.class);
        let shape = self.symbol(&key, draw);
        let device = self.put(about, pose, shape, space);
        self.ifc.properties(
            device,
            "Pset_ManufacturerTypeInformation",
            &[("Manufacturer", Value::Label(maker)), ("ModelReference", Value::Label(model))],
        );
        device
    }

    fn people_counter(&mut self, at: P2, space: Ref) {
        let tag = self.tag("CC");
        let name = format!("People counter {tag}");
        let about =
            Element::new("IFCSENSOR", &name, "USERDEFINED").tagged(&tag).of_type("PeopleCounter");
        let z = self.storey.height - 0.4;
        self.device(&about, Pose::on(at, z), Some(space), "Lumen", "PC-3D", || {
            vec![(Mesh::new().cuboid([-0.12, -0.06, 0.0], [0.12, 0.06, 0.07]), DARK)]
        });
    }

    fn air_sensor(&mut self, at: P2, space: Ref) {
        let tag = self.tag("ENV");
        let name = format!("Air sensor {tag}");
        let about =
            Element::new("IFCSENSOR", &name, "USERDEFINED").tagged(&tag).of_type("Environment");
        let z = self.storey.height - 0.4;
        self.device(&about, Pose::on(at, z), Some(space), "Aere", "AQ-4", || {
            vec![(Mesh::new().cuboid([-0.07, -0.07, 0.0], [0.07, 0.07, 0.05]), METER)]
        });
    }

    /// The storey's switchboard with its electricity meter, against the back of a room.
    pub(super) fn electric_riser(&mut self, room: Rect, space: Ref) {
        let at = p2(room.centre().x, room.y1 - 0.35);
        let name = format!("Distribution board {}", self.storey.name);
        let about = Element::new("IFCELECTRICDISTRIBUTIONBOARD", &name, "DISTRIBUTIONBOARD");
        self.device(&about, Pose::on(at, 0.1), Some(space), "Stroma", "DB-24", || {
            vec![
                (Mesh::new().cuboid([-0.4, -0.12, 0.0], [0.4, 0.12, 1.9]), BOARD),
                (
                    Mesh::new()
                        .cuboid([-0.36, -0.14, 0.3], [-0.01, -0.12, 1.8])
                        .cuboid([0.01, -0.14, 0.3], [0.36, -0.12, 1.8]),
                    METER,
                ),
            ]
        });
        self.electric_meter(at - p2(0.7, 0.0), Some(space), "EM-3P");
    }

    /// An electricity meter on the wall.
    pub(super) fn electric_meter(&mut self, at: P2, space: Option<Ref>, model: &str) -> Ref {
        let tag = self.tag("EM");
        let name = format!("Electricity meter {tag}");
        let about = Element::new("IFCFLOWMETER", &name, "ENERGYMETER")
            .tagged(&tag)
            .of_type("Electricity meter");
        self.device(&about, Pose::on(at, 1.3), space, "Stroma", model, || {
            vec![
                (Mesh::new().cuboid([-0.14, -0.08, 0.0], [0.14, 0.08, 0.4]), METER),
                (Mesh::new().cuboid([-0.09, -0.1, 0.2], [0.09, -0.08, 0.32]), DARK),
            ]
        })
    }

    /// A water meter on a riser.
    pub(super) fn water_meter(&mut self, at: P2, space: Option<Ref>) -> Ref {
        let tag = self.tag("WM");
        let name = format!("Water meter {tag}");
        let about =
            Element::new("IFCFLOWMETER", &name, "WATERMETER").tagged(&tag).of_type("Water meter");
        self.device(&about, Pose::on(at, 0.9), space, "Brook", "WM-40", || {
            vec![
                (Mesh::new().bar([-0.35, 0.0, 0.0], [0.35, 0.0, 0.0], 0.05, 8), PIPE_BLUE),
                (Mesh::new().cylinder(p2(0.0, 0.0), 0.11, (-0.05, 0.16), 12), METER),
            ]
        })
    }

    /// A pump with its motor on a plinth, along x.
    pub(super) fn pump(&mut self, at: P2, space: Ref) -> Ref {
        let tag = self.tag("PU");
        let name = format!("Pump {tag}");
        let about =
            Element::new("IFCPUMP", &name, "ENDSUCTION").tagged(&tag).of_type("Booster pump");
        self.device(&about, Pose::on(at, 0.0), Some(space), "Brook", "BP-65", || {
            vec![
                (Mesh::new().cuboid([-0.9, -0.35, 0.0], [0.9, 0.35, 0.2]), STEEL),
                (Mesh::new().bar([-0.75, 0.0, 0.55], [0.15, 0.0, 0.55], 0.26, 10), MACHINE),
                (
                    Mesh::new()
                        .bar([0.2, 0.0, 0.55], [0.6, 0.0, 0.55], 0.32, 10)
                        .bar([0.4, 0.0, 0.8], [0.4, 0.0, 2.4], 0.09, 8)
                        .bar([0.6, 0.0, 0.55], [1.3, 0.0, 0.55], 0.11, 8),
                    PIPE_BLUE,
                ),
            ]
        })
    }

    /// A charging post, its face towards −y.
    pub(super) fn charger(&mut self, pose: Pose) -> Ref {
        let tag = self.tag("EV");
        let name = format!("EV charger {tag}");
        let about = Element::new("IFCELECTRICAPPLIANCE", &name, "USERDEFINED")
            .tagged(&tag)
            .of_type("EVCharger");
        self.device(&about, pose, None, "Volta", "AC-22", || {
            vec![
                (Mesh::new().cuboid([-0.2, -0.12, 0.0], [0.2, 0.12, 1.5]), CHARGER),
                (Mesh::new().cuboid([-0.14, -0.14, 1.0], [0.14, -0.12, 1.35]), DARK),
                (Mesh::new().cuboid([-0.2, -0.16, 0.6], [-0.1, -0.12, 0.95]), TEXTILE),
            ]
        })
    }
}
