//! Arithmetic of points, rings and polygons, in `f64`: what geometry needs before it is put
//! into tiles.

pub(crate) fn add(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(crate) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn scale(a: [f64; 3], by: f64) -> [f64; 3] {
    a.map(|value| value * by)
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Which side of the way from `a` to `b` a point lies on: positive on the left, by twice
/// the area of the triangle.
pub(crate) fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Area within a ring of corners, positive counter-clockwise, in the square of their unit;
/// seen from above, where they have heights.
pub(crate) fn area<const N: usize>(ring: &[[f64; N]]) -> f64 {
    let flat = |corner: [f64; N]| [corner[0], corner[1]];
    ring.windows(2).map(|pair| turn(flat(ring[0]), flat(pair[0]), flat(pair[1]))).sum::<f64>() / 2.0
}

/// Whether a point lies inside a ring, by the even-odd rule.
pub(crate) fn holds(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let mut inside = false;
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    inside
}

/// Newell's normal of a flat polygon, as long as twice its area.
pub(crate) fn newell(corners: &[[f64; 3]]) -> [f64; 3] {
    let Some(&first) = corners.first() else { return [0.0; 3] };
    corners
        .windows(2)
        .fold([0.0; 3], |sum, pair| add(sum, cross(sub(pair[0], first), sub(pair[1], first))))
}

pub(crate) fn length(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

/// The same direction, one long; along x where there is none.
pub(crate) fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = length(a);
    if length > 1e-12 { scale(a, 1.0 / length) } else { [1.0, 0.0, 0.0] }
}
