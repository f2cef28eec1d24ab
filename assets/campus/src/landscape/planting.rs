//! Trees, hedges and beds.

use super::ground::{ring, walks};
use super::{GATE_X, Grounds, geographic, pond};
use crate::colour::{BARK, BLOSSOM, Colour, HEDGE, LEAF, LEAF_DEEP, LEAF_LIGHT};
use crate::geometry::{Mesh, P2, Pose, along, inside, p2, rect};

/// Where no tree may stand: buildings, courts, plazas.
fn taken(p: P2) -> bool {
    let built = [
        rect(-114.0, 6.0, -38.0, 90.0),
        rect(44.0, 44.0, 100.0, 86.0),
        rect(-114.0, -54.0, -46.0, 6.0),
        rect(-130.0, -102.0, -48.0, -56.0),
        rect(-12.0, -102.0, 36.0, -68.0),
        rect(18.0, -68.0, 56.0, -44.0),
        rect(-10.0, 72.0, 40.0, 101.0),
        rect(58.0, -98.0, 128.0, 36.0),
        rect(-54.0, -102.0, -10.0, -54.0),
    ];
    built.iter().any(|r| p.x > r.x0 && p.x < r.x1 && p.y > r.y0 && p.y < r.y1) || inside(&pond(), p)
}

pub(super) fn build(g: &mut Grounds<'_, '_>) {
    let mut closed = ring();
    closed.push(closed[0]);
    for (offset, step) in [(6.2, 9.0), (-6.2, 9.0)] {
        for (at, way) in along(&closed, step, 3.0) {
            let place = at + way.left() * offset;
            let gate = (place.x - GATE_X).abs() < 11.0 && place.y < 0.0
                || (place.y - 20.0).abs() < 9.0 && place.x < 0.0
                || (place.y + 20.0).abs() < 9.0 && place.x > 0.0;
            let bays = place.x > 120.0 && place.x < 133.0 && place.y > -76.0 && place.y < 13.0;
            if !gate && !bays {
                tree(g, place, 0, 1.0);
            }
        }
    }
    for walk in walks() {
        for (index, (at, way)) in along(&walk, 7.0, 4.0).into_iter().enumerate() {
            let side = if index.is_multiple_of(2) { 3.4 } else { -3.6 };
            let place = at + way.left() * side;
            if !taken(place) {
                let kind = if index % 7 == 3 { 3 } else { 1 + index % 2 };
                tree(g, place, kind, 0.9);
            }
        }
    }
    groves(g);
}

fn groves(g: &mut Grounds<'_, '_>) {
    let mut placed: Vec<P2> = Vec::new();
    for _ in 0..900 {
        let place = p2(g.ifc.random.range(-124.0, 124.0), g.ifc.random.range(-94.0, 94.0));
        let on_walk = walks().iter().flatten().any(|p| (*p - place).length() < 3.5);
        if taken(place)
            || on_walk
            || placed.iter().any(|p| (*p - place).length() < 6.0)
            || placed.len() > 110
        {
            continue;
        }
        placed.push(place);
        let kind = g.ifc.random.index(4);
        let size = g.ifc.random.range(0.75, 1.15);
        tree(g, place, kind, size);
    }
}

/// One tree out of a few sizes of four species.
fn tree(g: &mut Grounds<'_, '_>, at: P2, species: usize, size: f64) {
    let step = (size * 5.0).round() / 5.0;
    let turn = g.ifc.random.range(0.0, std::f64::consts::TAU);
    let turn = (turn * 4.0).round() / 4.0;
    let key = format!("tree/{species}/{step:.1}");
    let shape = g.symbol(&key, || draw_tree(species, step));
    let name = ["Camphor tree", "Maple", "Osmanthus", "Cherry"][species % 4];
    g.put(&geographic(name, "Tree"), Pose::on(at, 0.0).turned(turn), shape);
}

fn draw_tree(species: usize, s: f64) -> Vec<(Mesh, Colour)> {
    let colour = [LEAF, LEAF_LIGHT, LEAF_DEEP, BLOSSOM][species % 4];
    let (height, radius) = [(7.5, 2.6), (6.5, 2.2), (4.6, 1.9), (4.8, 2.1)][species % 4];
    let (h, r) = (height * s, radius * s);
    let trunk = Mesh::new().cone(p2(0.0, 0.0), (0.2 * s, 0.12 * s), (0.0, h * 0.5), 5);
    let crown = Mesh::new()
        .lump([0.0, 0.0, h * 0.62], [r, r, h * 0.36], 7, species as f64)
        .lump([r * 0.5, r * 0.2, h * 0.5], [r * 0.65, r * 0.6, h * 0.2], 6, 1.0 + species as f64)
        .lump(
            [-r * 0.45, -r * 0.35, h * 0.54],
            [r * 0.6, r * 0.6, h * 0.2],
            6,
            2.0 + species as f64,
        );
    vec![(trunk, BARK), (crown, colour)]
}

/// A clipped hedge along a line.
pub(super) fn hedge(g: &mut Grounds<'_, '_>, line: &[P2]) {
    let mesh = Mesh::new().ribbon(line, (-0.4, 0.4), (0.0, 0.9), false);
    let item = g.ifc.mesh(&mesh, HEDGE);
    g.add(&geographic("Hedge", "Green"), &[item]);
}
