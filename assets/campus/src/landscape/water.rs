//! The lake's edge: a boardwalk to a pavilion, shrubs on the shore, a fountain on the plaza.

use super::{GATE_X, Grounds, geographic, pond};
use crate::colour::{
    BRONZE, DARK_WOOD, HEDGE, KERB, LEAF_DEEP, PAVING_WARM, TERRACOTTA, TILE, WATER, WOOD,
};
use crate::geometry::{Mesh, P2, Pose, along, circle, p2, smooth};
use crate::ifc::Element;

/// Where the pavilion stands in the lake.
const PAVILION: P2 = p2(6.0, 0.0);

pub(super) fn build(g: &mut Grounds<'_, '_>) {
    boardwalk(g);
    pavilion(g);
    shore(g);
    fountain(g);
}

fn boardwalk(g: &mut Grounds<'_, '_>) {
    let line = smooth(&[p2(-6.0, 26.0), p2(-2.0, 16.0), p2(4.0, 8.0), PAVILION], 6, false);
    let deck = Mesh::new().ribbon(&line, (-1.1, 1.1), (0.1, 0.28), false);
    let rails = Mesh::new().ribbon(&line, (-1.1, -1.0), (1.1, 1.18), false).ribbon(
        &line,
        (1.0, 1.1),
        (1.1, 1.18),
        false,
    );
    let posts = along(&line, 1.6, 0.5).into_iter().fold(rails, |mesh, (at, way)| {
        [-1.05, 1.05].into_iter().fold(mesh, |mesh, side| {
            let p = at + way.left() * side;
            mesh.cuboid([p.x - 0.04, p.y - 0.04, -0.6], [p.x + 0.04, p.y + 0.04, 1.1])
        })
    });
    let items = [g.ifc.mesh(&deck, WOOD), g.ifc.mesh(&posts, DARK_WOOD)];
    g.add(&geographic("Boardwalk", "Path"), &items);
}

fn pavilion(g: &mut Grounds<'_, '_>) {
    let shape = g.symbol("pavilion", || {
        let o = p2(0.0, 0.0);
        let deck = Mesh::new().prism(&circle(o, 4.6, 8), 0.05, 0.3);
        let posts = circle(o, 3.4, 8)
            .into_iter()
            .fold(Mesh::new(), |mesh, p| mesh.cylinder(p, 0.14, (0.3, 3.3), 8));
        let mut roof = Mesh::new();
        roof.push_loft(&circle(o, 5.2, 8), 3.2, &circle(o, 2.6, 8), 4.5);
        roof.push_loft(&circle(o, 2.6, 8), 4.5, &circle(o, 0.25, 8), 6.4);
        let ring =
            Mesh::new().prism(&circle(o, 3.7, 8), 3.05, 3.22).cone(o, (0.22, 0.05), (6.4, 7.2), 8);
        vec![(deck, WOOD), (posts, TERRACOTTA), (roof, TILE), (ring, BRONZE)]
    });
    g.put(
        &Element::new("IFCBUILDINGELEMENTPROXY", "Lake pavilion", "USERDEFINED")
            .of_type("Pavilion"),
        Pose::on(PAVILION, 0.0),
        shape,
    );
}

/// Low shrubs where the shore is not walked.
fn shore(g: &mut Grounds<'_, '_>) {
    let mut line = pond();
    line.push(line[0]);
    for (index, (at, way)) in along(&line, 2.3, 0.0).into_iter().enumerate() {
        if index.is_multiple_of(5)
            || (index / 9) % 2 == 0
            || (at.x > -8.0 && at.x < 4.0 && at.y > 10.0)
        {
            continue;
        }
        let tall = index.is_multiple_of(2);
        let shape = g.symbol(if tall { "reed" } else { "shrub" }, || {
            if tall {
                vec![(Mesh::new().lump([0.0, 0.0, 0.5], [0.5, 0.5, 0.75], 6, 0.4), LEAF_DEEP)]
            } else {
                vec![(Mesh::new().lump([0.0, 0.0, 0.3], [0.8, 0.7, 0.5], 7, 1.1), HEDGE)]
            }
        });
        let outward = way.left() * -1.1;
        g.put(
            &geographic("Shrub", "Green"),
            Pose::on(at + outward, 0.0).turned(index as f64),
            shape,
        );
    }
}

fn fountain(g: &mut Grounds<'_, '_>) {
    let c = p2(GATE_X, -84.0);
    g.surface("Fountain paving", "Paving", &circle(c, 8.0, 32), &[], 0.11, PAVING_WARM);
    let rim = Mesh::new().ribbon(&circle(c, 4.6, 32), (-0.3, 0.3), (0.0, 0.5), true);
    let rim = g.ifc.mesh(&rim, KERB);
    g.add(&geographic("Fountain rim", "Paving"), &[rim]);
    g.surface("Fountain", "Water", &circle(c, 4.3, 32), &[], 0.38, WATER);
    let bowl = Mesh::new().cone(c, (0.4, 0.3), (0.1, 1.1), 12).cone(c, (0.5, 1.5), (1.1, 1.45), 16);
    let bowl = g.ifc.mesh(&bowl, KERB);
    g.add(&geographic("Fountain bowl", "Paving"), &[bowl]);
}
