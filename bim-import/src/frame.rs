//! The scene's local frame: one tangent plane (x east, y north, z up, metres) for all
//! sources, in double precision. This is the one place where geodetic coordinates
//! become local ones.

use crate::vector::dot;

/// Semi-major axis of the WGS 84 ellipsoid, m.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// Flattening of the WGS 84 ellipsoid.
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// First eccentricity squared.
const ECCENTRICITY_2: f64 = FLATTENING * (2.0 - FLATTENING);

/// East, north, up at one place on the WGS 84 ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalFrame {
    wgs84: [f64; 3],
    ecef: [f64; 3],
    /// Unit vectors east, north, up in earth-centred axes.
    axes: [[f64; 3]; 3],
}

impl LocalFrame {
    /// The frame whose origin is at a longitude and latitude in degrees and an
    /// ellipsoidal height in metres.
    pub fn from_wgs84(lon_deg: f64, lat_deg: f64, height_m: f64) -> Self {
        let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
        let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
        Self {
            wgs84: [lon_deg, lat_deg, height_m],
            ecef: ecef(lon_deg, lat_deg, height_m),
            axes: [
                [-sin_lon, cos_lon, 0.0],
                [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
                [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
            ],
        }
    }

    /// Where the origin is: longitude °, latitude °, ellipsoidal height m.
    pub fn wgs84(&self) -> [f64; 3] {
        self.wgs84
    }

    /// A place given by longitude °, latitude ° and height m, in this frame, m.
    ///
    /// ```
    /// let frame = bim_import::frame::LocalFrame::from_wgs84(114.05, 22.54, 10.0);
    /// let [east, north, up] = frame.to_local(114.05, 22.541, 10.0);
    /// assert!(east.abs() < 1e-6 && (north - 110.75).abs() < 0.05 && up.abs() < 0.01);
    /// ```
    pub fn to_local(&self, lon_deg: f64, lat_deg: f64, height_m: f64) -> [f64; 3] {
        let place = ecef(lon_deg, lat_deg, height_m);
        let offset = [0, 1, 2].map(|axis| place[axis] - self.ecef[axis]);
        self.axes.map(|unit| dot(unit, offset))
    }

    /// Longitude °, latitude ° and height m of a place in this frame, m.
    pub fn to_wgs84(&self, local: [f64; 3]) -> [f64; 3] {
        let [x, y, z] = [0, 1, 2].map(|axis| {
            let moved: f64 = (0..3).map(|unit| self.axes[unit][axis] * local[unit]).sum();
            self.ecef[axis] + moved
        });
        let across = x.hypot(y);
        let mut lat = z.atan2(across * (1.0 - ECCENTRICITY_2));
        let mut height = 0.0;
        // Near the ground each round gains three digits.
        for _ in 0..4 {
            let (sin, cos) = lat.sin_cos();
            let normal = SEMI_MAJOR_M / (1.0 - ECCENTRICITY_2 * sin * sin).sqrt();
            height = across * cos + z * sin - SEMI_MAJOR_M * SEMI_MAJOR_M / normal;
            lat = z.atan2(across * (1.0 - ECCENTRICITY_2 * normal / (normal + height)));
        }
        [y.atan2(x).to_degrees(), lat.to_degrees(), height]
    }

    /// Turns directions of another frame into directions of this one: row-major.
    pub(crate) fn rotation_from(&self, other: &Self) -> [[f64; 3]; 3] {
        self.axes.map(|mine| other.axes.map(|theirs| dot(mine, theirs)))
    }

    /// Column-major 4×4 matrix from this frame to earth-centred, earth-fixed metres:
    /// the root transform of a georeferenced tileset.
    pub fn ecef_transform(&self) -> [f64; 16] {
        let [e, n, u] = self.axes;
        let o = self.ecef;
        [e[0], e[1], e[2], 0.0, n[0], n[1], n[2], 0.0, u[0], u[1], u[2], 0.0, o[0], o[1], o[2], 1.0]
    }
}

fn ecef(lon_deg: f64, lat_deg: f64, height_m: f64) -> [f64; 3] {
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
    let normal = SEMI_MAJOR_M / (1.0 - ECCENTRICITY_2 * sin_lat * sin_lat).sqrt();
    [
        (normal + height_m) * cos_lat * cos_lon,
        (normal + height_m) * cos_lat * sin_lon,
        (normal * (1.0 - ECCENTRICITY_2) + height_m) * sin_lat,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn east_north_up_point_where_they_should() {
        let frame = LocalFrame::from_wgs84(8.4362, 49.1002, 110.0);
        let near = |got: [f64; 3], want: [f64; 3]| {
            for axis in 0..3 {
                assert!((got[axis] - want[axis]).abs() < 0.01, "{got:?} is not {want:?}");
            }
        };
        near(frame.to_local(8.4362, 49.1002, 110.0), [0.0; 3]);
        near(frame.to_local(8.4362, 49.1002, 125.0), [0.0, 0.0, 15.0]);
        // One thousandth of a degree at this latitude, from the meridian's and the
        // prime vertical's radius of curvature.
        near(frame.to_local(8.4372, 49.1002, 110.0), [73.022, 0.0, 0.0]);
        near(frame.to_local(8.4362, 49.1012, 110.0), [0.0, 111.215, 0.0]);
    }

    #[test]
    fn there_and_back_is_the_same_place() {
        let frame = LocalFrame::from_wgs84(114.05, 22.54, 12.0);
        for local in [[0.0; 3], [12_000.0, -34_000.0, 250.0], [-5.0, 40_000.0, -30.0]] {
            let [lon, lat, height] = frame.to_wgs84(local);
            let again = frame.to_local(lon, lat, height);
            assert!((0..3).all(|i| (again[i] - local[i]).abs() < 1e-5), "{local:?} {again:?}");
        }
    }

    #[test]
    fn matrix_takes_the_origin_to_its_place_on_earth() {
        let matrix = LocalFrame::from_wgs84(0.0, 0.0, 100.0).ecef_transform();
        assert_eq!(&matrix[12..], [6_378_237.0, 0.0, 0.0, 1.0]);
        // At longitude 0 and latitude 0, up is x, east is y and north is z.
        assert_eq!(&matrix[0..3], [0.0, 1.0, 0.0]);
        assert_eq!(&matrix[4..7], [0.0, 0.0, 1.0]);
        assert_eq!(&matrix[8..11], [1.0, 0.0, 0.0]);
    }
}
