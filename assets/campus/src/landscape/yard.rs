//! What makes the yards used: parked and driving cars, charging bays, umbrellas, planters, crossings.

use super::ground::ring;
use super::{GATE_X, Grounds, geographic};
use crate::building::car_symbol;
use crate::colour::{
    ASPHALT, CHARGER, DARK, LAWN, LEAF, MARKING, MEADOW, PANEL, PAVING_WARM, STEEL, TERRACOTTA,
    WHITE, WOOD,
};
use crate::geometry::{Mesh, Pose, along, ellipse, p2, rect};
use crate::ifc::{Element, Value};

const QUARTER: f64 = std::f64::consts::FRAC_PI_2;

pub(super) fn build(g: &mut Grounds<'_, '_>) {
    parking_strip(g);
    driving(g);
    cafe(g);
    planters(g);
    crossings(g);
    meadows(g);
}

fn car(g: &mut Grounds<'_, '_>, pose: Pose, index: usize) {
    let (key, draw) = car_symbol(index);
    let shape = g.symbol(key, draw);
    g.put(
        &Element::new("IFCBUILDINGELEMENTPROXY", "Car", "USERDEFINED").of_type("Car"),
        pose,
        shape,
    );
}

/// Bays along the east side of the ring road, eight of them with chargers under a solar roof.
fn parking_strip(g: &mut Grounds<'_, '_>) {
    let (x0, x1) = (126.6, 132.6);
    g.surface("Visitor parking", "Road", &rect(x0, -72.0, x1, 10.0).corners(), &[], 0.045, ASPHALT);
    let lines = (0..=32).fold(Mesh::new(), |mesh, i| {
        let y = -71.0 + 2.5 * f64::from(i);
        mesh.cuboid([x0 + 0.3, y - 0.05, 0.02], [x1 - 0.4, y + 0.05, 0.07])
    });
    let lines = g.ifc.mesh(&lines, MARKING);
    g.add(&geographic("Bay markings", "Road"), &[lines]);
    for i in 0..32 {
        let y = -69.75 + 2.5 * f64::from(i);
        if g.ifc.random.chance(0.6) {
            let kind = g.ifc.random.index(5);
            car(g, Pose::at(129.4, y, 0.05), kind);
        }
        if i % 2 == 0 && i < 16 {
            charger(g, Pose::at(126.9, y + 1.25, 0.0).turned(QUARTER));
        }
    }
    let roof = Mesh::new().cuboid([125.8, -71.5, 2.9], [131.6, -31.5, 3.1]);
    let posts = (0..5).fold(Mesh::new(), |mesh, i| {
        let y = -71.0 + 9.8 * f64::from(i);
        mesh.cuboid([126.1, y - 0.1, 0.0], [126.3, y + 0.1, 2.9])
    });
    let items = [g.ifc.mesh(&roof, PANEL), g.ifc.mesh(&posts, STEEL)];
    g.add(&Element::new("IFCSOLARDEVICE", "Charging canopy", "SOLARPANEL"), &items);
}

fn charger(g: &mut Grounds<'_, '_>, pose: Pose) {
    g.chargers += 1;
    let tag = format!("{}-01F-EV{}", g.code, g.chargers);
    let name = format!("EV charger {tag}");
    let shape = g.symbol("charger", || {
        vec![
            (Mesh::new().cuboid([-0.2, -0.12, 0.0], [0.2, 0.12, 1.5]), CHARGER),
            (Mesh::new().cuboid([-0.14, -0.14, 1.0], [0.14, -0.12, 1.35]), DARK),
        ]
    });
    let about = Element::new("IFCELECTRICAPPLIANCE", &name, "USERDEFINED")
        .tagged(&tag)
        .of_type("EVCharger");
    let charger = g.put(&about, pose, shape);
    g.ifc.properties(
        charger,
        "Pset_ManufacturerTypeInformation",
        &[("Manufacturer", Value::Label("Volta")), ("ModelReference", Value::Label("AC-22"))],
    );
}

/// Cars on the ring road, keeping right.
fn driving(g: &mut Grounds<'_, '_>) {
    let mut line = ring();
    line.push(line[0]);
    for (index, (at, way)) in along(&line, 61.0, 23.0).into_iter().enumerate() {
        let (side, turn) =
            if index.is_multiple_of(2) { (-1.75, 0.0) } else { (1.75, std::f64::consts::PI) };
        car(g, Pose::on(at + way.left() * side, 0.06).turned(way.angle() + turn), index);
    }
}

/// Tables under umbrellas on the market square.
fn cafe(g: &mut Grounds<'_, '_>) {
    for i in 0..8 {
        let shape = g.symbol(if i % 2 == 0 { "umbrella" } else { "umbrella, light" }, || {
            let pole = Mesh::new().cylinder(p2(0.0, 0.0), 0.04, (0.0, 2.5), 6).cylinder(
                p2(0.0, 0.0),
                0.55,
                (0.7, 0.75),
                10,
            );
            let cloth = Mesh::new().cone(p2(0.0, 0.0), (1.7, 0.1), (2.2, 2.75), 8);
            let stools = [(0.9, 0.0), (-0.9, 0.0), (0.0, 0.9), (0.0, -0.9)]
                .into_iter()
                .fold(Mesh::new(), |mesh, (x, y)| mesh.cylinder(p2(x, y), 0.2, (0.0, 0.45), 8));
            vec![
                (pole, STEEL),
                (cloth, if i % 2 == 0 { WHITE } else { TERRACOTTA }),
                (stools, WOOD),
            ]
        });
        let pose = Pose::at(-101.0 + 6.0 * f64::from(i), -46.5 + 2.0 * f64::from(i % 2), 0.08);
        g.put(&Element::new("IFCFURNITURE", "Café table", "TABLE"), pose, shape);
    }
}

/// Raised beds with a tree, in two rows on the plazas.
fn planters(g: &mut Grounds<'_, '_>) {
    let mut places = Vec::new();
    for i in 0..4 {
        let y = -95.0 + 7.4 * f64::from(i);
        places.extend([p2(-4.0, y), p2(28.0, y)]);
    }
    for i in 0..5 {
        places.push(p2(-44.0, 14.0 + 14.0 * f64::from(i)));
        places.push(p2(-104.0 + 13.0 * f64::from(i), 13.0));
    }
    for i in 0..4 {
        places.push(p2(50.0 + 14.0 * f64::from(i), 49.5));
    }
    for place in places {
        let shape = g.symbol("planter", || {
            let bed = Mesh::new().cuboid([-1.5, -1.5, 0.0], [1.5, 1.5, 0.5]);
            let soil = Mesh::new().cuboid([-1.3, -1.3, 0.5], [1.3, 1.3, 0.58]);
            let trunk = Mesh::new().cone(p2(0.0, 0.0), (0.14, 0.09), (0.5, 2.8), 5);
            let crown = Mesh::new().lump([0.0, 0.0, 3.9], [1.6, 1.6, 1.6], 8, 0.3).lump(
                [0.5, 0.3, 3.2],
                [1.1, 1.0, 0.9],
                7,
                1.3,
            );
            vec![(bed, PAVING_WARM), (soil, LAWN), (trunk, WOOD), (crown, LEAF)]
        });
        g.put(&geographic("Planter", "Tree"), Pose::on(place, 0.05), shape);
    }
}

/// Zebra crossings from the gates over the ring road.
fn crossings(g: &mut Grounds<'_, '_>) {
    for (at, turn) in [
        (p2(GATE_X, -104.0), 0.0),
        (p2(-136.0, 20.0), QUARTER),
        (p2(136.0, -20.0), QUARTER),
        (p2(14.0, 104.0), 0.0),
    ] {
        let stripes = (0..7).fold(Mesh::new(), |mesh, i| {
            let x = -3.0 + f64::from(i);
            mesh.cuboid([x - 0.28, -3.0, 0.0], [x + 0.28, 3.0, 0.095])
        });
        let stripes = stripes.rotated(turn).moved([at.x, at.y, 0.0]);
        let item = g.ifc.mesh(&stripes, MARKING);
        g.add(&geographic("Crossing", "Road"), &[item]);
    }
}

/// Patches of taller grass in the lawn.
fn meadows(g: &mut Grounds<'_, '_>) {
    for (x, y, rx, ry) in [
        (-40.0, 32.0, 9.0, 6.0),
        (40.0, 32.0, 8.0, 11.0),
        (-18.0, -34.0, 10.0, 6.0),
        (36.0, -32.0, 9.0, 5.0),
        (-20.0, 60.0, 9.0, 12.0),
        (44.0, -84.0, 7.0, 10.0),
        (112.0, 92.0, 14.0, 5.0),
    ] {
        g.surface("Meadow", "Green", &ellipse(p2(x, y), rx, ry, 28), &[], 0.03, MEADOW);
    }
}
