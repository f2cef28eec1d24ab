//! Cars, parked in the deck and in the yards: they give the eye a scale.

use crate::colour::{Colour, DARK, MIST, SAND, SPANDREL, STEEL, TERRACOTTA, WHITE};
use crate::geometry::{Mesh, rect};

/// The symbol of one of a few cars: its key and how it is drawn, driving along x.
pub(crate) fn car_symbol(index: usize) -> (&'static str, impl FnOnce() -> Vec<(Mesh, Colour)>) {
    const PAINTS: [(&str, Colour); 5] = [
        ("car, white", WHITE),
        ("car, grey", STEEL),
        ("car, sand", SAND),
        ("car, blue", MIST),
        ("car, red", TERRACOTTA),
    ];
    let (key, paint) = PAINTS[index % PAINTS.len()];
    (key, move || {
        let mut body = Mesh::new();
        body.push_loft(
            &rect(-2.2, -0.88, 2.2, 0.88).corners(),
            0.3,
            &rect(-2.15, -0.85, 2.1, 0.85).corners(),
            0.85,
        );
        let mut cabin = Mesh::new();
        cabin.push_loft(
            &rect(-1.7, -0.8, 1.2, 0.8).corners(),
            0.85,
            &rect(-1.2, -0.65, 0.55, 0.65).corners(),
            1.42,
        );
        let roof = rect(-1.15, -0.62, 0.5, 0.62);
        let lid = Mesh::new().prism(&roof.corners(), 1.42, 1.47);
        let wheels = [(-1.35, -0.8), (1.35, -0.8), (-1.35, 0.8), (1.35, 0.8)]
            .into_iter()
            .fold(Mesh::new(), |mesh, (x, y)| {
                mesh.bar([x, y - 0.1, 0.32], [x, y + 0.1, 0.32], 0.32, 8)
            });
        vec![(body.with(&lid), paint), (cabin, SPANDREL), (wheels, DARK)]
    })
}
