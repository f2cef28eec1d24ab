//! Lawns, water, roads, paths and paving.

use super::{GATE_X, Grounds, PLOT, pond};
use crate::colour::{
    ASPHALT, COURT, COURT_EDGE, KERB, LAWN, MARKING, PATH, PAVING, PAVING_WARM, RUBBER, WATER,
};
use crate::geometry::{Mesh, P2, Rect, along, p2, rect, rounded, smooth};

/// The ring road's middle line.
pub(super) fn ring() -> Vec<P2> {
    rounded(rect(-136.0, -104.0, 136.0, 104.0), 26.0, 10)
}

/// Walks through the garden.
pub(super) fn walks() -> Vec<Vec<P2>> {
    let walk = |points: &[(f64, f64)]| {
        smooth(&points.iter().map(|(x, y)| p2(*x, *y)).collect::<Vec<_>>(), 8, false)
    };
    vec![
        walk(&[
            (12.0, -72.0),
            (8.0, -48.0),
            (-8.0, -28.0),
            (-30.0, -12.0),
            (-34.0, 8.0),
            (-20.0, 24.0),
            (4.0, 26.0),
            (22.0, 22.0),
            (40.0, 12.0),
            (44.0, -8.0),
            (30.0, -22.0),
            (6.0, -27.0),
            (-8.5, -28.0),
        ]),
        walk(&[(-34.0, 8.0), (-48.0, 10.0), (-60.0, 6.0)]),
        walk(&[(22.0, 22.0), (30.0, 40.0), (48.0, 48.0)]),
        walk(&[(44.0, -8.0), (52.0, -14.0), (60.0, -12.0)]),
        walk(&[(4.0, 26.0), (2.0, 50.0), (8.0, 72.0), (14.0, 98.0)]),
        walk(&[(40.0, 12.0), (50.0, 16.0), (56.0, 18.0)]),
    ]
}

/// Short ways from the doors to the walks and the ring road.
fn lanes() -> Vec<Vec<P2>> {
    [
        vec![(56.0, 18.0), (65.0, 22.5)],
        vec![(121.5, 25.5), (132.6, 26.0)],
        vec![(60.0, -12.0), (60.0, -24.0), (65.5, -25.5)],
        vec![(122.5, -28.5), (127.0, -28.6)],
        vec![(60.0, -24.0), (57.0, -42.0), (56.5, -68.0), (62.8, -72.2)],
        vec![(56.5, -68.0), (44.0, -74.0), (33.5, -78.0)],
        vec![(119.2, -80.0), (131.0, -84.0)],
        vec![(-16.0, -62.8), (-6.0, -62.0), (9.5, -62.0)],
    ]
    .into_iter()
    .map(|points| smooth(&points.into_iter().map(|(x, y)| p2(x, y)).collect::<Vec<_>>(), 5, false))
    .collect()
}

pub(super) fn build(g: &mut Grounds<'_, '_>) {
    let plot = rect(-PLOT.0, -PLOT.1, PLOT.0, PLOT.1);
    g.surface("Lawn", "Lawn", &plot.corners(), &[pond()], 0.0, LAWN);
    g.surface("Lake", "Water", &pond(), &[], -0.25, WATER);
    let shore = pond();
    g.strip(("Shore", "Paving"), &shore, (0.7, 0.12), true, KERB);
    roads(g);
    paving(g);
    for (index, walk) in walks().into_iter().enumerate() {
        let width = if index == 0 { 3.0 } else { 2.4 };
        g.strip(("Walk", "Path"), &walk, (width, 0.06), false, PATH);
    }
    for lane in lanes() {
        g.strip(("Path", "Path"), &lane, (2.0, 0.055), false, PATH);
    }
    court(g);
    g.surface(
        "Play ground",
        "Paving",
        &rounded(rect(-50.0, -98.0, -15.0, -77.0), 5.0, 5),
        &[],
        0.08,
        RUBBER,
    );
}

fn roads(g: &mut Grounds<'_, '_>) {
    let ring = ring();
    g.strip(("Ring road", "Road"), &ring, (7.0, 0.05), true, ASPHALT);
    for side in [-3.65, 3.65] {
        let mesh = Mesh::new().ribbon(&ring, (side - 0.15, side + 0.15), (-0.1, 0.16), true);
        let item = g.ifc.mesh(&mesh, KERB);
        g.add(&super::geographic("Kerb", "Paving"), &[item]);
    }
    dashes(g, &ring);
    for (name, line) in [
        ("South drive", vec![p2(GATE_X, -120.0), p2(GATE_X, -100.5)]),
        ("West drive", vec![p2(-150.0, 20.0), p2(-132.5, 20.0)]),
        ("East drive", vec![p2(150.0, -20.0), p2(132.5, -20.0)]),
    ] {
        g.strip((name, "Road"), &line, (12.0, 0.055), false, ASPHALT);
    }
}

fn dashes(g: &mut Grounds<'_, '_>, line: &[P2]) {
    let mut closed = line.to_vec();
    closed.push(line[0]);
    let mut marks = Mesh::new();
    for (at, way) in along(&closed, 6.0, 1.0) {
        marks = marks.ribbon(&[at, at + way * 2.4], (-0.07, 0.07), (0.03, 0.09), false);
    }
    let item = g.ifc.mesh(&marks, MARKING);
    g.add(&super::geographic("Lane markings", "Road"), &[item]);
}

fn paving(g: &mut Grounds<'_, '_>) {
    g.surface(
        "Entrance plaza",
        "Paving",
        &rounded(rect(-10.0, -100.0, 34.0, -70.0), 6.0, 5),
        &[],
        0.07,
        PAVING,
    );
    g.surface(
        "Tower plaza",
        "Paving",
        &rounded(rect(-112.0, 8.0, -40.0, 88.0), 6.0, 5),
        &[],
        0.07,
        PAVING,
    );
    g.surface(
        "Market square",
        "Paving",
        &rounded(rect(-112.0, -52.0, -48.0, 4.0), 5.0, 5),
        &[],
        0.075,
        PAVING_WARM,
    );
    g.surface(
        "Residential court",
        "Paving",
        &rounded(rect(46.0, 46.0, 98.0, 84.0), 5.0, 5),
        &[],
        0.07,
        PAVING,
    );
    g.surface(
        "Energy yard",
        "Paving",
        &rounded(rect(-8.0, 74.0, 38.0, 99.0), 3.0, 4),
        &[],
        0.065,
        PAVING,
    );
    g.surface(
        "Parking forecourt",
        "Paving",
        &rounded(rect(-128.0, -100.0, -50.0, -58.0), 4.0, 4),
        &[],
        0.065,
        ASPHALT,
    );
    for i in 0..7 {
        let x = -7.5 + 6.2 * f64::from(i);
        g.surface(
            "Paving band",
            "Paving",
            &Rect { x0: x, y0: -98.0, x1: x + 0.8, y1: -72.0 }.corners(),
            &[],
            0.09,
            PAVING_WARM,
        );
    }
}

fn court(g: &mut Grounds<'_, '_>) {
    let outer = rect(20.0, -66.0, 54.0, -46.0);
    g.surface("Basketball court", "Sports", &outer.corners(), &[], 0.06, COURT_EDGE);
    let inner = outer.grown(-2.5);
    g.surface("Basketball court", "Sports", &inner.corners(), &[], 0.08, COURT);
    let c = inner.centre();
    let mut lines =
        Mesh::new().ribbon(&inner.grown(-0.3).corners(), (-0.05, 0.05), (0.05, 0.1), true);
    lines = lines.ribbon(&crate::geometry::circle(c, 1.8, 24), (-0.05, 0.05), (0.05, 0.1), true);
    lines = lines.ribbon(
        &[p2(c.x, inner.y0 + 0.3), p2(c.x, inner.y1 - 0.3)],
        (-0.05, 0.05),
        (0.05, 0.1),
        false,
    );
    let item = g.ifc.mesh(&lines, MARKING);
    g.add(&super::geographic("Court lines", "Sports"), &[item]);
}
