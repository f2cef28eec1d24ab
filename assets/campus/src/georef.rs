//! Where the campus lies: EPSG:4547 (CGCS2000, 3-degree Gauss-Kruger, central meridian 114° E) and WGS 84.

use crate::geometry::{P2, p2};

/// Eastings and northings of the campus origin, metres in EPSG:4547.
pub(crate) const ORIGIN: P2 = p2(494_856.0, 2_493_640.0);
/// Orthogonal height of the campus's ±0.00, metres.
pub(crate) const HEIGHT_M: f64 = 7.0;
/// From grid east to the campus's x axis, counter-clockwise, degrees.
pub(crate) const ROTATION_DEG: f64 = 7.5;

const CENTRAL_MERIDIAN_DEG: f64 = 114.0;
const FALSE_EASTING_M: f64 = 500_000.0;
const SEMI_MAJOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_222_101;

/// Campus metres to grid eastings and northings.
pub(crate) fn to_grid(local: P2) -> P2 {
    let (sin, cos) = ROTATION_DEG.to_radians().sin_cos();
    p2(ORIGIN.x + local.x * cos - local.y * sin, ORIGIN.y + local.x * sin + local.y * cos)
}

/// Campus metres to longitude and latitude, degrees. CGCS2000 and WGS 84 differ by centimetres, which
/// is below what is drawn here.
pub(crate) fn to_lon_lat(local: P2) -> (f64, f64) {
    let grid = to_grid(local);
    inverse_transverse_mercator(grid.x - FALSE_EASTING_M, grid.y)
}

/// Krüger's series to the third power of the third flattening: better than a millimetre within 3°.
fn inverse_transverse_mercator(easting: f64, northing: f64) -> (f64, f64) {
    let n = FLATTENING / (2.0 - FLATTENING);
    let radius = SEMI_MAJOR_M / (1.0 + n) * (1.0 + n * n / 4.0 + n.powi(4) / 64.0);
    let (xi, eta) = (northing / radius, easting / radius);
    let beta = [
        n / 2.0 - 2.0 / 3.0 * n * n + 37.0 / 96.0 * n.powi(3),
        n * n / 48.0 + n.powi(3) / 15.0,
        17.0 / 480.0 * n.powi(3),
    ];
    let delta = [
        2.0 * n - 2.0 / 3.0 * n * n - 2.0 * n.powi(3),
        7.0 / 3.0 * n * n - 8.0 / 5.0 * n.powi(3),
        56.0 / 15.0 * n.powi(3),
    ];
    let (mut xi1, mut eta1) = (xi, eta);
    for (index, b) in beta.iter().enumerate() {
        let k = 2.0 * (index + 1) as f64;
        xi1 -= b * (k * xi).sin() * (k * eta).cosh();
        eta1 -= b * (k * xi).cos() * (k * eta).sinh();
    }
    let chi = (xi1.sin() / eta1.cosh()).asin();
    let latitude = delta
        .iter()
        .enumerate()
        .fold(chi, |sum, (index, d)| sum + d * (2.0 * (index + 1) as f64 * chi).sin());
    let longitude = eta1.sinh().atan2(xi1.cos());
    (CENTRAL_MERIDIAN_DEG + longitude.to_degrees(), latitude.to_degrees())
}

/// Degrees, minutes, seconds, millionths of a second, as `IfcCompoundPlaneAngleMeasure` wants them.
pub(crate) fn compound_angle(degrees: f64) -> Vec<i64> {
    let millionths = (degrees * 3600.0 * 1e6).round() as i64;
    vec![
        millionths / 3_600_000_000,
        millionths / 60_000_000 % 60,
        millionths / 1_000_000 % 60,
        millionths % 1_000_000,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_where_proj_puts_it() {
        // cs2cs EPSG:4547 EPSG:4326
        let (lon, lat) = to_lon_lat(p2(0.0, 0.0));
        assert!((lon - 113.95).abs() < 1e-3, "{lon}");
        assert!((lat - 22.54).abs() < 5e-3, "{lat}");
    }

    #[test]
    fn a_compound_angle_adds_up() {
        let parts = compound_angle(113.950_123_4);
        let sum = parts[0] as f64
            + parts[1] as f64 / 60.0
            + parts[2] as f64 / 3600.0
            + parts[3] as f64 / 3.6e9;
        assert!((sum - 113.950_123_4).abs() < 1e-9);
    }
}
