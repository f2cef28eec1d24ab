//! Projected coordinate systems by EPSG code, to WGS 84 and back.

use proj4rs::{Proj, transform::transform};
use thiserror::Error;

/// A coordinate system of a map.
#[derive(Debug)]
pub(crate) struct Crs {
    code: u16,
    proj: Proj,
    wgs84: Proj,
}

/// A coordinate system that cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CrsError {
    /// No code in the name.
    #[error("{0:?} names no EPSG code; give it as EPSG:25832")]
    NoCode(String),
    /// A code that is not known, or not one of a projected system.
    #[error("EPSG:{0} is not a projected coordinate system known here")]
    Unknown(u32),
}

impl Crs {
    /// The system a name means: `EPSG:25832`, `epsg 25832`, `urn:ogc:def:crs:EPSG::25832`.
    pub(crate) fn parse(name: &str) -> Result<Self, CrsError> {
        let no_code = || CrsError::NoCode(name.to_owned());
        let at = name.to_ascii_uppercase().find("EPSG").ok_or_else(no_code)?;
        let digits: String = name[at..].chars().filter(char::is_ascii_digit).take(8).collect();
        let code: u32 = digits.parse().map_err(|_| no_code())?;
        let unknown = CrsError::Unknown(code);
        let short = u16::try_from(code).map_err(|_| unknown.clone())?;
        let definition = crs_definitions::from_code(short).ok_or_else(|| unknown.clone())?;
        let proj = Proj::from_proj_string(definition.proj4).map_err(|_| unknown.clone())?;
        let wgs84 = Proj::from_proj_string("+proj=longlat +datum=WGS84 +no_defs");
        let wgs84 = wgs84.map_err(|_| unknown.clone())?;
        if proj.is_latlong() || !proj.has_inverse() {
            return Err(unknown);
        }
        Ok(Self { code: short, proj, wgs84 })
    }

    /// `EPSG:25832`.
    pub(crate) fn name(&self) -> String {
        format!("EPSG:{}", self.code)
    }

    /// Longitude and latitude, °, of a place given in metres of the map.
    pub(crate) fn to_wgs84(&self, eastings_m: f64, northings_m: f64) -> Option<[f64; 2]> {
        let unit = self.proj.to_meter();
        let mut point = (eastings_m / unit, northings_m / unit, 0.0);
        transform(&self.proj, &self.wgs84, &mut point).ok()?;
        let place = [point.0.to_degrees(), point.1.to_degrees()];
        let on_earth = place[0].abs() <= 180.0 && place[1].abs() <= 90.0;
        on_earth.then_some(place)
    }

    /// Eastings and northings, in the system's own unit, of a longitude and latitude in °.
    pub(crate) fn project(&self, lon_deg: f64, lat_deg: f64) -> Option<[f64; 2]> {
        let mut point = (lon_deg.to_radians(), lat_deg.to_radians(), 0.0);
        transform(&self.wgs84, &self.proj, &mut point).ok()?;
        (point.0.is_finite() && point.1.is_finite()).then_some([point.0, point.1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_places_are_where_they_are() {
        // Gauss-Krueger around 114° E: on the central meridian, 500 km of false easting.
        let crs = Crs::parse("EPSG:4547").unwrap();
        let [lon, lat] = crs.to_wgs84(500_000.0, 2_494_000.0).unwrap();
        assert!((lon - 114.0).abs() < 1e-9 && (lat - 22.54).abs() < 0.01, "{lon} {lat}");
        let [east, north] = crs.project(lon, lat).unwrap();
        assert!((east - 500_000.0).abs() < 1e-3 && (north - 2_494_000.0).abs() < 1e-3);
        // UTM 32: Karlsruhe's castle, 8.4044 E 49.0135 N.
        let crs = Crs::parse("urn:ogc:def:crs:EPSG::25832").unwrap();
        let [lon, lat] = crs.to_wgs84(456_448.0, 5_429_017.0).unwrap();
        assert!((lon - 8.4044).abs() < 1e-3 && (lat - 49.0135).abs() < 1e-3, "{lon} {lat}");
        assert_eq!(crs.name(), "EPSG:25832");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(Crs::parse("Gauss"), Err(CrsError::NoCode(_))));
        assert!(matches!(Crs::parse("EPSG:"), Err(CrsError::NoCode(_))));
        assert_eq!(Crs::parse("EPSG:99999").unwrap_err(), CrsError::Unknown(99_999));
        // Degrees are no map coordinates.
        assert_eq!(Crs::parse("EPSG:4326").unwrap_err(), CrsError::Unknown(4_326));
    }
}
