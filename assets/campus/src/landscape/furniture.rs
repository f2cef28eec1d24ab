//! Gates, walls, lamps, benches.

use super::ground::{ring, walks};
use super::planting::hedge;
use super::{GATE_X, Grounds, PLOT, geographic};
use crate::colour::{BRONZE, DARK, GRAPHITE, SAND, TERRACOTTA, WHITE, WOOD};
use crate::geometry::{Mesh, P2, Pose, along, p2};
use crate::ifc::{Element, Tail, Value};

pub(super) fn build(g: &mut Grounds<'_, '_>) {
    boundary(g);
    gates(g);
    lamps(g);
    benches(g);
    hoops(g);
    for x in [-11.5, 35.5] {
        hedge(g, &[p2(x, -98.0), p2(x, -72.0)]);
    }
}

/// A low wall with a fence on it, open at the drives.
fn boundary(g: &mut Grounds<'_, '_>) {
    let (x, y) = (PLOT.0 - 2.0, PLOT.1 - 2.0);
    let runs = [
        (p2(-x, -y), p2(GATE_X - 12.0, -y)),
        (p2(GATE_X + 12.0, -y), p2(x, -y)),
        (p2(x, -y), p2(x, -32.0)),
        (p2(x, -8.0), p2(x, y)),
        (p2(x, y), p2(-x, y)),
        (p2(-x, y), p2(-x, 32.0)),
        (p2(-x, 8.0), p2(-x, -y)),
    ];
    for (a, b) in runs {
        let wall = Mesh::new().ribbon(&[a, b], (-0.18, 0.18), (-0.2, 0.7), false);
        let rails = Mesh::new().ribbon(&[a, b], (-0.03, 0.03), (1.0, 1.06), false).ribbon(
            &[a, b],
            (-0.03, 0.03),
            (1.9, 1.96),
            false,
        );
        let way = (b - a).unit();
        let count = ((b - a).length() / 3.0).floor() as usize;
        let posts = (0..=count).fold(rails, |mesh, i| {
            let p = a + way * (3.0 * i as f64);
            mesh.cuboid([p.x - 0.05, p.y - 0.05, 0.7], [p.x + 0.05, p.y + 0.05, 2.1])
        });
        let items = [g.ifc.mesh(&wall, SAND), g.ifc.mesh(&posts, GRAPHITE)];
        g.add(&Element::new("IFCWALL", "Boundary wall", "SOLIDWALL"), &items);
    }
}

fn gates(g: &mut Grounds<'_, '_>) {
    for (at, turn) in [
        (p2(GATE_X, -118.0), 0.0),
        (p2(-148.0, 20.0), std::f64::consts::FRAC_PI_2),
        (p2(148.0, -20.0), std::f64::consts::FRAC_PI_2),
    ] {
        portal(g, Pose::on(at, 0.0).turned(turn));
        for offset in [-3.6, 3.6] {
            barrier(g, Pose::on(at + p2(offset, 0.0).turned(turn), 0.0).turned(turn));
        }
        for offset in [-9.2, 9.2] {
            wicket(g, Pose::on(at + p2(offset, 0.0).turned(turn), 0.0).turned(turn));
        }
    }
}

fn portal(g: &mut Grounds<'_, '_>, pose: Pose) {
    let shape = g.symbol("portal", || {
        let piers = Mesh::new()
            .cuboid([-8.0, -1.0, 0.0], [-7.0, 1.0, 6.0])
            .cuboid([7.0, -1.0, 0.0], [8.0, 1.0, 6.0]);
        let roof = Mesh::new().cuboid([-12.0, -2.2, 6.0], [12.0, 2.2, 6.45]);
        let wings = Mesh::new()
            .cuboid([-12.0, -0.5, 0.0], [-10.6, 0.5, 6.0])
            .cuboid([10.6, -0.5, 0.0], [12.0, 0.5, 6.0]);
        vec![(piers, SAND), (roof, BRONZE), (wings, TERRACOTTA)]
    });
    g.put(
        &Element::new("IFCBUILDINGELEMENTPROXY", "Gate portal", "USERDEFINED").of_type("Portal"),
        pose,
        shape,
    );
}

fn gate(
    g: &mut Grounds<'_, '_>,
    name: &str,
    pose: Pose,
    size: (f64, f64),
    key: &str,
    draw: impl FnOnce() -> Vec<(Mesh, crate::colour::Colour)>,
) {
    g.gates += 1;
    let tag = format!("{}-01F-G{}", g.code, g.gates);
    let shape = g.symbol(key, draw);
    let title = format!("{name} {tag}");
    let about =
        Element::new("IFCDOOR", &title, "GATE").tagged(&tag).of_type(name).tail(Tail::Door {
            height: size.1,
            width: size.0,
            kind: "GATE",
            operation: "SINGLE_SWING_LEFT",
        });
    let gate = g.put(&about, pose, shape);
    g.ifc.properties(
        gate,
        "Pset_TwinAccess",
        &[("AccessControlled", Value::Bool(true)), ("Reader", Value::Label("Plate and card"))],
    );
}

fn barrier(g: &mut Grounds<'_, '_>, pose: Pose) {
    gate(g, "Vehicle gate", pose, (6.0, 1.1), "barrier", || {
        let post = Mesh::new().cuboid([-3.2, -0.2, 0.0], [-2.8, 0.2, 1.15]);
        let arm = Mesh::new().cuboid([-2.8, -0.05, 0.95], [3.0, 0.05, 1.07]);
        vec![(post, GRAPHITE), (arm, WHITE)]
    });
}

fn wicket(g: &mut Grounds<'_, '_>, pose: Pose) {
    gate(g, "Pedestrian gate", pose, (1.6, 2.1), "wicket", || {
        let mut bars = Mesh::new();
        for i in 0..8 {
            let x = -0.75 + 0.2 * f64::from(i);
            bars = bars.cuboid([x, -0.03, 0.1], [x + 0.05, 0.03, 2.0]);
        }
        let rails = Mesh::new()
            .cuboid([-0.8, -0.04, 0.1], [0.8, 0.04, 0.18])
            .cuboid([-0.8, -0.04, 1.95], [0.8, 0.04, 2.03]);
        vec![(bars, GRAPHITE), (rails, BRONZE)]
    });
}

fn lamps(g: &mut Grounds<'_, '_>) {
    let mut closed = ring();
    closed.push(closed[0]);
    let road: Vec<(P2, P2)> =
        along(&closed, 24.0, 8.0).into_iter().map(|(p, w)| (p + w.left() * 4.6, w)).collect();
    for (at, way) in road {
        let shape = g.symbol("road lamp", || {
            let pole = Mesh::new()
                .cone(p2(0.0, 0.0), (0.09, 0.05), (0.0, 7.5), 6)
                .cuboid([-0.03, -2.0, 7.42], [0.03, 0.0, 7.5]);
            vec![
                (pole, GRAPHITE),
                (Mesh::new().cuboid([-0.14, -2.4, 7.38], [0.14, -1.6, 7.46]), WHITE),
            ]
        });
        let pose = Pose::on(at, 0.0).turned(way.angle());
        g.put(&Element::new("IFCLIGHTFIXTURE", "Road lamp", "DIRECTIONSOURCE"), pose, shape);
    }
    for walk in walks() {
        for (at, way) in along(&walk, 14.0, 9.0) {
            let shape = g.symbol("path lamp", || {
                let pole = Mesh::new().cylinder(p2(0.0, 0.0), 0.05, (0.0, 3.2), 6);
                vec![(pole, DARK), (Mesh::new().cylinder(p2(0.0, 0.0), 0.16, (3.2, 3.6), 8), WHITE)]
            });
            let pose = Pose::on(at + way.left() * 2.0, 0.0);
            g.put(&Element::new("IFCLIGHTFIXTURE", "Path lamp", "POINTSOURCE"), pose, shape);
        }
    }
}

fn benches(g: &mut Grounds<'_, '_>) {
    for walk in walks() {
        for (at, way) in along(&walk, 18.0, 6.0) {
            let shape = g.symbol("bench", || {
                let seat = Mesh::new()
                    .cuboid([-0.9, -0.25, 0.4], [0.9, 0.25, 0.47])
                    .cuboid([-0.9, 0.22, 0.5], [0.9, 0.28, 0.9]);
                let legs = Mesh::new()
                    .cuboid([-0.75, -0.2, 0.0], [-0.68, 0.25, 0.4])
                    .cuboid([0.68, -0.2, 0.0], [0.75, 0.25, 0.4]);
                vec![(seat, WOOD), (legs, GRAPHITE)]
            });
            let pose =
                Pose::on(at - way.left() * 2.0, 0.0).turned(way.angle() + std::f64::consts::PI);
            g.put(
                &Element::new("IFCFURNITURE", "Bench", "USERDEFINED").of_type("Bench"),
                pose,
                shape,
            );
        }
    }
}

fn hoops(g: &mut Grounds<'_, '_>) {
    for (x, turn) in [(21.5, 0.0), (52.5, std::f64::consts::PI)] {
        let shape = g.symbol("hoop", || {
            let post = Mesh::new()
                .cuboid([-0.1, -0.1, 0.0], [0.1, 0.1, 3.4])
                .cuboid([0.0, -0.06, 3.2], [1.4, 0.06, 3.34]);
            vec![(post, GRAPHITE), (Mesh::new().cuboid([1.4, -0.9, 2.9], [1.46, 0.9, 3.95]), WHITE)]
        });
        g.put(
            &geographic("Basketball hoop", "Sports"),
            Pose::at(x, -56.0, 0.0).turned(turn),
            shape,
        );
    }
}
