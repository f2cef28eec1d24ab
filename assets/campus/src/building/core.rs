//! Stairs and lifts.

use super::{Builder, QUARTER};
use crate::colour::{CONCRETE, PALE_CONCRETE, STEEL};
use crate::geometry::{Mesh, P2, Pose, Rect, p2};
use crate::ifc::{Element, Tail, Value};
use crate::plan::{Plan, Use};
use crate::step::Ref;

impl Builder<'_, '_> {
    /// Joins this storey's stairwells to the stairs that come up from below, and its lift shafts to
    /// the lifts that stop here: with the doors' boundaries, that is the whole graph of ways.
    pub(super) fn join_upward(&mut self, plan: &Plan, spaces: &[Ref]) {
        let stairs = std::mem::take(&mut self.stairs);
        let lifts = self.lifts.clone();
        let mut served = Vec::new();
        for (cell, space) in plan.cells.iter().zip(spaces) {
            let centre = cell.parts[0].centre();
            let here = |known: &[(P2, Ref)]| {
                known.iter().find(|(at, _)| (*at - centre).length() < 0.1).map(|(_, item)| *item)
            };
            let passing = match cell.purpose {
                Use::Stair => here(&stairs),
                Use::LiftShaft => here(&lifts),
                _ => None,
            };
            if let Some(item) = passing {
                self.ifc.boundary(*space, item, false);
                served.push(item);
            } else if cell.purpose == Use::LiftShaft {
                self.shafts.push((centre, *space));
            }
        }
        self.ifc.refer(self.storey.item, served);
    }

    /// A dog-leg stair in a stairwell, from this storey to the next: two flights and a landing.
    pub(super) fn stair(&mut self, well: Rect, space: Ref) {
        let along_x = well.width() >= well.depth();
        let (length, width) =
            if along_x { (well.width(), well.depth()) } else { (well.depth(), well.width()) };
        let turn = if along_x { 0.0 } else { QUARTER };
        let pose = Pose::on(well.centre(), 0.0).turned(turn);
        let placement = self.ifc.place_at(Some(self.storey.placement), pose);
        let stair = self.ifc.element(
            &Element::new("IFCSTAIR", "Stair", "HALF_TURN_STAIR"),
            placement,
            None,
        );
        self.ifc.contain(space, stair);
        let risers = (self.storey.height / 0.17 / 2.0).ceil() as i64;
        let riser = self.storey.height / 2.0 / risers as f64;
        let clear = width - 0.4;
        let flight_width = (clear - 0.2) / 2.0;
        let tread = ((length - 2.4) / (risers - 1) as f64).clamp(0.2, 0.28);
        let run = tread * (risers - 1) as f64;
        let mut parts = Vec::new();
        for (index, z) in [0.0, self.storey.height / 2.0].into_iter().enumerate() {
            let side = if index == 0 { -1.0 } else { 1.0 };
            let key = format!("flight/{run:.2}/{flight_width:.2}/{riser:.4}/{risers}");
            let shape = self
                .symbol(&key, || vec![(flight(risers, riser, tread, flight_width), PALE_CONCRETE)]);
            let flight_pose = Pose {
                x: 0.0,
                y: side * (flight_width / 2.0 + 0.1),
                z,
                angle: if index == 0 { 0.0 } else { 2.0 * QUARTER },
            };
            let at = self.ifc.place_at(Some(placement), flight_pose);
            let about = Element::new("IFCSTAIRFLIGHT", "Flight", "STRAIGHT").tail(Tail::Flight {
                risers,
                riser,
                tread,
            });
            parts.push(self.ifc.element(&about, at, Some(shape)));
        }
        let depth = ((length - run) / 2.0).max(0.8);
        let key = format!("landing/{depth:.2}/{clear:.2}");
        let shape = self
            .ifc
            .symbol(&key, |ifc| vec![ifc.block([depth, clear, 0.16], -0.16, Some(CONCRETE))]);
        let at = self.ifc.place_at(
            Some(placement),
            Pose::at(run / 2.0 + depth / 2.0, 0.0, self.storey.height / 2.0),
        );
        parts.push(self.ifc.element(
            &Element::new("IFCSLAB", "Landing", "LANDING"),
            at,
            Some(shape),
        ));
        self.ifc.aggregate(stair, parts);
        self.ifc.boundary(space, stair, false);
        self.stairs.push((well.centre(), stair));
    }

    /// A lift car in its shaft, standing at this storey.
    pub(super) fn lift(&mut self, shaft: Rect, space: Ref, floors: f64) {
        let (w, d) = (shaft.width() - 0.6, shaft.depth() - 0.6);
        let key = format!("lift/{w:.2}/{d:.2}");
        let shape = self.symbol(&key, || {
            let (x, y) = (w / 2.0, d / 2.0);
            let car = Mesh::new()
                .cuboid([-x, -y, 0.0], [x, y, 0.1])
                .cuboid([-x, -y, 2.3], [x, y, 2.4])
                .cuboid([-x, y - 0.05, 0.1], [x, y, 2.3])
                .cuboid([-x, -y, 0.1], [-x + 0.05, y - 0.05, 2.3])
                .cuboid([x - 0.05, -y, 0.1], [x, y - 0.05, 2.3]);
            vec![(car, STEEL)]
        });
        let tag = self.tag("LF");
        let name = format!("Lift {tag}");
        let about = Element::new("IFCTRANSPORTELEMENT", &name, "ELEVATOR")
            .tagged(&tag)
            .of_type("Passenger lift");
        let lift = self.put(&about, Pose::on(shaft.centre(), 0.02), shape, Some(space));
        self.ifc.properties(
            lift,
            "Pset_TransportElementElevator",
            &[
                ("FireFightingLift", Value::Bool(false)),
                ("ClearWidth", Value::Real(w)),
                ("ClearDepth", Value::Real(d)),
            ],
        );
        self.ifc.properties(
            lift,
            "Pset_TwinLift",
            &[("ServedStoreys", Value::Real(floors)), ("RatedSpeed", Value::Real(2.5))],
        );
        self.ifc.boundary(space, lift, false);
        let centre = shaft.centre();
        let below: Vec<Ref> = self
            .shafts
            .iter()
            .filter(|(at, known)| (*at - centre).length() < 0.1 && *known != space)
            .map(|(_, known)| *known)
            .collect();
        for known in below {
            self.ifc.boundary(known, lift, false);
        }
        self.lifts.push((centre, lift));
    }
}

/// A flight rising along x, centred on its run.
fn flight(risers: i64, riser: f64, tread: f64, width: f64) -> Mesh {
    let run = tread * (risers - 1) as f64;
    let (y0, y1) = (-width / 2.0, width / 2.0);
    let mut mesh = Mesh::new();
    for step in 0..risers - 1 {
        let x = -run / 2.0 + tread * step as f64;
        let top = riser * (step + 1) as f64;
        let low = (top - riser - 0.18).max(0.0);
        mesh.push_prism(&[p2(x, y0), p2(x + tread, y0), p2(x + tread, y1), p2(x, y1)], low, top);
    }
    mesh
}
