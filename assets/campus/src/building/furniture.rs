//! Furniture of lobbies, offices and classrooms.

use super::Builder;
use crate::colour::{DARK, TEXTILE, WHITE, WOOD};
use crate::geometry::{Mesh, P2, Pose, Rect, p2};
use crate::ifc::Element;
use crate::step::Ref;

impl Builder<'_, '_> {
    /// Rows of desks with chairs in an office.
    pub(super) fn desks(&mut self, room: Rect, space: Ref) {
        let inner = room.grown(-1.4);
        let (columns, rows) =
            ((inner.width() / 3.2).floor() as usize, (inner.depth() / 3.0).floor() as usize);
        for column in 0..columns.min(4) {
            for row in 0..rows.min(3) {
                let at =
                    p2(inner.x0 + 1.6 + 3.2 * column as f64, inner.y0 + 1.5 + 3.0 * row as f64);
                self.desk(at, space);
            }
        }
    }

    fn desk(&mut self, at: P2, space: Ref) {
        let shape = self.symbol("desk", || {
            let top = Mesh::new().cuboid([-0.8, -0.4, 0.7], [0.8, 0.4, 0.75]);
            let legs = Mesh::new()
                .cuboid([-0.75, -0.38, 0.0], [-0.7, 0.38, 0.7])
                .cuboid([0.7, -0.38, 0.0], [0.75, 0.38, 0.7]);
            let screen = Mesh::new()
                .cuboid([-0.35, 0.1, 0.9], [0.35, 0.14, 1.3])
                .cuboid([-0.04, 0.1, 0.75], [0.04, 0.14, 0.9]);
            vec![(top, WOOD), (legs, WHITE), (screen, DARK)]
        });
        self.put(
            &Element::new("IFCFURNITURE", "Desk", "DESK"),
            Pose::on(at, 0.0),
            shape,
            Some(space),
        );
        let shape = self.symbol("chair", || {
            let seat = Mesh::new()
                .cuboid([-0.24, -0.24, 0.42], [0.24, 0.24, 0.5])
                .cuboid([-0.22, -0.26, 0.55], [0.22, -0.2, 1.0]);
            vec![(seat, TEXTILE), (Mesh::new().cylinder(p2(0.0, 0.0), 0.05, (0.0, 0.42), 6), DARK)]
        });
        self.put(
            &Element::new("IFCFURNITURE", "Chair", "CHAIR"),
            Pose::on(at - p2(0.0, 0.75), 0.0),
            shape,
            Some(space),
        );
    }

    /// A sofa group with a low table.
    pub(super) fn sofas(&mut self, at: P2, space: Ref) {
        let shape = self.symbol("sofa", || {
            let body = Mesh::new()
                .cuboid([-1.0, -0.4, 0.12], [1.0, 0.4, 0.42])
                .cuboid([-1.0, 0.25, 0.42], [1.0, 0.4, 0.8])
                .cuboid([-1.0, -0.4, 0.42], [-0.85, 0.25, 0.6])
                .cuboid([0.85, -0.4, 0.42], [1.0, 0.25, 0.6]);
            vec![(body, TEXTILE)]
        });
        for (dy, turn) in [(1.1, 0.0), (-1.1, std::f64::consts::PI)] {
            let pose = Pose::on(at + p2(0.0, dy), 0.0).turned(turn);
            self.put(&Element::new("IFCFURNITURE", "Sofa", "SOFA"), pose, shape, Some(space));
        }
        let shape = self.symbol("low table", || {
            vec![(Mesh::new().cuboid([-0.6, -0.35, 0.3], [0.6, 0.35, 0.36]), WOOD)]
        });
        self.put(
            &Element::new("IFCFURNITURE", "Low table", "TABLE"),
            Pose::on(at, 0.0),
            shape,
            Some(space),
        );
    }

    /// A reception desk.
    pub(super) fn reception(&mut self, pose: Pose, space: Ref) {
        let shape = self.symbol("reception", || {
            vec![
                (Mesh::new().cuboid([-2.2, -0.4, 0.0], [2.2, 0.35, 1.05]), WOOD),
                (Mesh::new().cuboid([-2.3, -0.45, 1.05], [2.3, 0.4, 1.12]), WHITE),
            ]
        });
        self.put(
            &Element::new("IFCFURNITURE", "Reception", "USERDEFINED").of_type("Reception desk"),
            pose,
            shape,
            Some(space),
        );
    }
}
