//! Coordinate systems by EPSG code, to WGS 84 and back.

mod name;
mod vertical;

use proj4rs::{Proj, transform::transform};
use thiserror::Error;

use self::name::Named;
pub(crate) use self::{
    name::in_wkt as name_in_wkt,
    vertical::{Vertical, known_name as heights_name},
};
use crate::imported::{Note, Severity};

/// A coordinate system of a map: eastings and northings, or longitude and latitude; and,
/// where its name says, the system of its heights.
#[derive(Debug)]
pub(crate) struct Crs {
    /// Absent for CRS84.
    code: Option<u16>,
    proj: Proj,
    wgs84: Proj,
    vertical: Option<Vertical>,
}

/// A coordinate system that cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CrsError {
    /// No code in the name.
    #[error("{0:?} names no EPSG code; give it as EPSG:25832")]
    NoCode(String),
    /// A code that is not known, or not one of a projected or geographic system.
    #[error("EPSG:{0} is not a coordinate system known here")]
    Unknown(u32),
}

/// Says that `--crs` was used instead of the system that a source names itself, where that
/// is another one.
pub(crate) fn overridden(wanted: &str, own: Option<&str>) -> Option<Note> {
    let own = own.map(str::trim).filter(|own| !own.is_empty())?;
    let name = |text: &str| Crs::parse(text).map(|crs| crs.name());
    let used = name(wanted).ok()?;
    let own = name(own).unwrap_or_else(|_| format!("{own:?}"));
    let text = format!("--crs {used} was used instead of the system it names itself: {own}");
    (used != own).then(|| Note::source(Severity::Info, text))
}

const WGS84: &str = "+proj=longlat +datum=WGS84 +no_defs";

impl Crs {
    /// The system a name means: `EPSG:25832`, `EPSG:2056+5728`, `EPSG:7415` (compound),
    /// `urn:ogc:def:crs:EPSG::25832`, `https://www.opengis.net/def/crs/EPSG/0/7415`, `CRS84`.
    pub(crate) fn parse(name: &str) -> Result<Self, CrsError> {
        let (code, vertical) = match name::read(name) {
            Some(Named::Epsg(code, vertical)) => (code, vertical),
            Some(Named::Crs84) => return Self::new(None, WGS84, None),
            None => return Err(CrsError::NoCode(name.to_owned())),
        };
        let (code, vertical) = match vertical::split(code) {
            Some((horizontal, own)) => (horizontal, vertical.or(Some(own))),
            None => (code, vertical),
        };
        let unknown = CrsError::Unknown(code);
        let short = u16::try_from(code).map_err(|_| unknown.clone())?;
        let definition = crs_definitions::from_code(short).ok_or_else(|| unknown.clone())?;
        Self::new(Some(short), definition.proj4, vertical.and_then(Vertical::from_code))
    }

    fn new(code: Option<u16>, proj4: &str, vertical: Option<Vertical>) -> Result<Self, CrsError> {
        let unknown = CrsError::Unknown(code.unwrap_or_default().into());
        let proj = Proj::from_proj_string(proj4).map_err(|_| unknown.clone())?;
        let wgs84 = Proj::from_proj_string(WGS84).map_err(|_| unknown.clone())?;
        // A geocentric system is neither a map nor degrees.
        if proj.is_geocent() || !(proj.is_latlong() || proj.has_inverse()) {
            return Err(unknown);
        }
        Ok(Self { code, proj, wgs84, vertical })
    }

    /// `EPSG:25832`: the horizontal part only.
    pub(crate) fn name(&self) -> String {
        self.code.map_or_else(|| "CRS84".to_owned(), |code| format!("EPSG:{code}"))
    }

    /// What its heights count from, where its name says.
    pub(crate) fn vertical(&self) -> Option<&Vertical> {
        self.vertical.as_ref()
    }

    /// Whether its coordinates are longitude and latitude in degrees.
    pub(crate) fn is_geographic(&self) -> bool {
        self.proj.is_latlong()
    }

    /// Metres of one unit of its eastings and northings.
    pub(crate) fn unit_m(&self) -> f64 {
        if self.is_geographic() { 1.0 } else { self.proj.to_meter() }
    }

    /// A height in metres of one in the unit of the file's heights: that of the vertical
    /// system, else that of the map.
    pub(crate) fn height_m(&self, value: f64) -> f64 {
        self.vertical.map_or(value * self.unit_m(), |vertical| vertical.height_m(value))
    }

    /// Longitude and latitude, °, of a place given in metres of the map.
    pub(crate) fn to_wgs84(&self, eastings_m: f64, northings_m: f64) -> Option<[f64; 2]> {
        let unit = self.unit_m();
        self.lon_lat(eastings_m / unit, northings_m / unit)
    }

    /// Longitude and latitude, °, WGS 84, of a place in the system's own unit: eastings
    /// and northings, or longitude and latitude.
    pub(crate) fn lon_lat(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let mut point = match self.is_geographic() {
            true if x.abs() > 180.0 || y.abs() > 90.0 => return None,
            true => (x.to_radians(), y.to_radians(), 0.0),
            false => (x, y, 0.0),
        };
        transform(&self.proj, &self.wgs84, &mut point).ok()?;
        let place = [point.0.to_degrees(), point.1.to_degrees()];
        let on_earth = place[0].abs() <= 180.0 && place[1].abs() <= 90.0;
        on_earth.then_some(place)
    }

    /// Eastings and northings, in the system's own unit, of a longitude and latitude in °.
    pub(crate) fn project(&self, lon_deg: f64, lat_deg: f64) -> Option<[f64; 2]> {
        let mut point = (lon_deg.to_radians(), lat_deg.to_radians(), 0.0);
        transform(&self.wgs84, &self.proj, &mut point).ok()?;
        let turn = if self.is_geographic() { 1_f64.to_degrees() } else { 1.0 };
        let place = [point.0 * turn, point.1 * turn];
        place.iter().all(|value| value.is_finite()).then_some(place)
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
    fn compound_systems_are_split() {
        for (name, horizontal, vertical) in [
            ("https://www.opengis.net/def/crs/EPSG/0/7415", "EPSG:28992", "NAP height"),
            ("EPSG:2056+5728", "EPSG:2056", "LN02 height"),
            ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", "EPSG:25832", "DHHN2016 height"),
        ] {
            let crs = Crs::parse(name).unwrap();
            assert_eq!(crs.name(), horizontal);
            assert!(crs.vertical().unwrap().name().starts_with(vertical), "{name}");
        }
        assert!(Crs::parse("EPSG:2056").unwrap().vertical().is_none());
    }

    #[test]
    fn feet_and_depths_become_metres_above() {
        // Georgia West in US feet, with heights of NAVD88 in feet.
        let crs = Crs::parse("EPSG:2240+6360").unwrap();
        assert!((crs.unit_m() - 0.304_800_6).abs() < 1e-6);
        assert!((crs.height_m(1_000.0) - 304.800_6).abs() < 1e-3);
        let depth = Crs::parse("EPSG:25832+5715").unwrap();
        assert!((depth.height_m(10.0) + 10.0).abs() < 1e-9);
    }

    #[test]
    fn degrees_are_degrees() {
        let crs = Crs::parse("EPSG:4326").unwrap();
        assert!(crs.is_geographic());
        let [lon, lat] = crs.lon_lat(8.4, 49.0).unwrap();
        assert!((lon - 8.4).abs() < 1e-9 && (lat - 49.0).abs() < 1e-9);
        assert_eq!(crs.lon_lat(456_448.0, 5_429_017.0), None);
        assert_eq!(crs.height_m(12.0), 12.0);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(Crs::parse("Gauss"), Err(CrsError::NoCode(_))));
        assert!(matches!(Crs::parse("EPSG:"), Err(CrsError::NoCode(_))));
        assert_eq!(Crs::parse("EPSG:99999").unwrap_err(), CrsError::Unknown(99_999));
        // Earth-centred metres are no map coordinates.
        assert_eq!(Crs::parse("EPSG:4978").unwrap_err(), CrsError::Unknown(4_978));
    }
}
