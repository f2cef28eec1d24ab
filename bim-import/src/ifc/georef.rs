//! Where on earth a file says it is: IfcMapConversion with IfcProjectedCRS, the IFC2x3
//! property sets of the same content, or the site's latitude and longitude.

use super::{
    engine::records::{Record, Records, Value},
    scan::Inventory,
};

/// What the file says, lengths in metres. Either half may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GeoReference {
    /// Map coordinates of the file's origin.
    pub(crate) map: Option<MapConversion>,
    /// Longitude and latitude of the site.
    pub(crate) site: Option<SiteLocation>,
}

/// Position and heading in a projected coordinate system.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MapConversion {
    /// Name of the coordinate system as written, `EPSG:25832`; may be missing.
    pub(crate) crs: Option<String>,
    /// What its heights count from, as written; may be missing.
    pub(crate) heights: Option<String>,
    /// Map coordinates of the file's origin, m.
    pub(crate) eastings_m: f64,
    /// Map coordinates of the file's origin, m.
    pub(crate) northings_m: f64,
    /// Height of the file's origin, m.
    pub(crate) height_m: f64,
    /// Direction of the file's x axis in the map: cosine and sine from east.
    pub(crate) x_axis: [f64; 2],
    /// Map metres per model metre as the file has it; near 1 where it makes sense.
    pub(crate) scale: f64,
    /// The conversion's lengths are without a unit of their own and were taken as metres
    /// although the project counts in another unit.
    pub(crate) assumed_metres: bool,
}

/// Position by latitude and longitude.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SiteLocation {
    /// STEP instance name of the site whose placement is meant.
    pub(crate) site: u32,
    /// Longitude, °, WGS 84.
    pub(crate) lon_deg: f64,
    /// Latitude, °, WGS 84.
    pub(crate) lat_deg: f64,
    /// Elevation, m.
    pub(crate) elevation_m: f64,
    /// Direction of true north in the file's x and y.
    pub(crate) true_north: [f64; 2],
}

/// Reads both halves. `metres` is what one of the project's length unit is in metres.
pub(super) fn read(records: &Records<'_>, inventory: &Inventory, metres: f64) -> GeoReference {
    let map = map_conversion(records, inventory, metres)
        .or_else(|| from_property_sets(records, inventory, metres));
    let site = inventory
        .georeference
        .sites
        .iter()
        .find_map(|&site| site_location(records, inventory, site, metres));
    GeoReference { map, site }
}

fn map_conversion(
    records: &Records<'_>,
    inventory: &Inventory,
    metres: f64,
) -> Option<MapConversion> {
    let geo = &inventory.georeference;
    let conversion = records.get(*geo.conversions.first()?)?;
    let system = records
        .follow(&conversion, 1)
        .filter(|target| target.ifc_type.as_str() == "IFCPROJECTEDCRS")
        .or_else(|| records.get(*geo.systems.first()?));
    let unit = system.as_ref().and_then(|system| system.get_ref(6));
    let parts = Parts {
        crs: system.as_ref().and_then(|system| system.get_string(0)).map(str::to_owned),
        heights: system
            .as_ref()
            .and_then(|system| system.get_string(3))
            .filter(|heights| !heights.trim().is_empty())
            .map(str::to_owned),
        unit: unit.and_then(|unit| Some(super::units::named(records, unit)?.factor)),
        eastings: conversion.get_float(2)?,
        northings: conversion.get_float(3)?,
        height: conversion.get_float(4).unwrap_or(0.0),
        x_axis: [conversion.get_float(5), conversion.get_float(6)],
        scale: conversion.get_float(7),
    };
    parts.build(metres)
}

/// What both spellings of a map conversion hold, in the file's units.
struct Parts {
    crs: Option<String>,
    heights: Option<String>,
    unit: Option<f64>,
    eastings: f64,
    northings: f64,
    height: f64,
    x_axis: [Option<f64>; 2],
    scale: Option<f64>,
}

impl Parts {
    fn build(self, metres: f64) -> Option<MapConversion> {
        let finite = [self.eastings, self.northings, self.height].iter().all(|v| v.is_finite());
        if !finite {
            return None;
        }
        // By the standard the map counts in the project's unit where it names none. Files
        // in millimetres commonly mean metres: then eastings would be a few hundred metres
        // where every projected system of use has them in the hundreds of kilometres.
        let in_project_unit = self.eastings.abs().max(self.northings.abs()) * metres;
        let assumed_metres = self.unit.is_none()
            && metres < 0.5
            && in_project_unit < 20_000.0
            && in_project_unit > 0.0;
        let unit = self.unit.unwrap_or(if assumed_metres { 1.0 } else { metres });
        let x_axis = match self.x_axis {
            [Some(x), Some(y)] if x.hypot(y) > 1e-9 => [x / x.hypot(y), y / x.hypot(y)],
            _ => [1.0, 0.0],
        };
        Some(MapConversion {
            crs: self.crs,
            heights: self.heights,
            eastings_m: self.eastings * unit,
            northings_m: self.northings * unit,
            height_m: self.height * unit,
            x_axis,
            scale: self.scale.unwrap_or(unit.recip() * metres) * unit / metres,
            assumed_metres,
        })
    }
}

/// `ePset_MapConversion` and `ePset_ProjectedCRS`, how IFC2x3 files say the same.
fn from_property_sets(
    records: &Records<'_>,
    inventory: &Inventory,
    metres: f64,
) -> Option<MapConversion> {
    let named = |name: &str| {
        inventory.georeference.property_sets.iter().find_map(|&id| {
            let record = records.get(id)?;
            record.get_string(2)?.eq_ignore_ascii_case(name).then_some(record)
        })
    };
    let conversion = named("ePset_MapConversion")?;
    let system = named("ePset_ProjectedCRS");
    let value = |set: &Record, name: &str| -> Option<Value> {
        set.get_refs(4)?.into_iter().find_map(|id| {
            let property = records.get(id)?;
            property.get_string(0)?.eq_ignore_ascii_case(name).then(|| property.get(2).cloned())?
        })
    };
    let float = |name: &str| value(&conversion, name).and_then(|value| value.as_float());
    let text = |name: &str| {
        value(system.as_ref()?, name)?
            .as_string()
            .map(str::to_owned)
            .filter(|text| !text.is_empty())
    };
    let unit = match text("MapUnit").map(|unit| unit.to_ascii_uppercase()) {
        Some(unit) if unit.contains("MILLI") => Some(0.001),
        Some(unit) if unit.contains("FOOT") || unit.contains("FEET") => Some(0.3048),
        Some(unit) if unit.contains("MET") => Some(1.0),
        _ => None,
    };
    Parts {
        crs: text("Name"),
        heights: text("VerticalDatum"),
        unit,
        eastings: float("Eastings")?,
        northings: float("Northings")?,
        height: float("OrthogonalHeight").unwrap_or(0.0),
        x_axis: [float("XAxisAbscissa"), float("XAxisOrdinate")],
        scale: float("Scale"),
    }
    .build(metres)
}

fn site_location(
    records: &Records<'_>,
    inventory: &Inventory,
    site: u32,
    metres: f64,
) -> Option<SiteLocation> {
    let record = records.get(site)?;
    let lat_deg = compound_angle(record.get(9)?)?;
    let lon_deg = compound_angle(record.get(10)?)?;
    // Zero, zero is what exporters write for "unknown", and nobody builds there.
    if (lat_deg == 0.0 && lon_deg == 0.0) || lat_deg.abs() > 90.0 || lon_deg.abs() > 180.0 {
        return None;
    }
    let elevation = record.get_float(11).filter(|height| height.is_finite()).unwrap_or(0.0);
    Some(SiteLocation {
        site,
        lon_deg,
        lat_deg,
        elevation_m: elevation * metres,
        true_north: true_north(records, inventory).unwrap_or([0.0, 1.0]),
    })
}

/// Degrees, minutes, seconds and millionths of a second, all of one sign.
fn compound_angle(value: &Value) -> Option<f64> {
    let parts: Vec<f64> = value.as_list()?.iter().filter_map(Value::as_float).collect();
    let at = |index: usize| parts.get(index).copied().unwrap_or(0.0);
    let negative = parts.iter().any(|part| *part < 0.0);
    let size = at(0).abs() + at(1).abs() / 60.0 + (at(2).abs() + at(3).abs() / 1e6) / 3_600.0;
    (!parts.is_empty()).then_some(if negative { -size } else { size })
}

fn true_north(records: &Records<'_>, inventory: &Inventory) -> Option<[f64; 2]> {
    inventory.contexts.iter().find_map(|&context| {
        let direction = records.follow(&records.get(context)?, 5)?;
        let ratios = direction.get_list(0)?;
        let [x, y] = [ratios.first()?.as_float()?, ratios.get(1)?.as_float()?];
        let length = x.hypot(y);
        (length > 1e-9).then(|| [x / length, y / length])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_keep_their_sign_and_their_millionths() {
        let list = |parts: &[i64]| Value::List(parts.iter().map(|p| Value::Integer(*p)).collect());
        let near = |parts: &[i64], degrees: f64| {
            assert!((compound_angle(&list(parts)).unwrap() - degrees).abs() < 1e-9, "{parts:?}");
        };
        near(&[49, 6, 0], 49.1);
        near(&[-87, -38, -21, -838_500], -(87.0 + 38.0 / 60.0 + 21.838_5 / 3_600.0));
        near(&[0, -30, 0], -0.5);
        assert_eq!(compound_angle(&list(&[])), None);
    }

    fn parts(unit: Option<f64>, eastings: f64, scale: Option<f64>) -> Parts {
        let x_axis = [Some(0.0), Some(2.0)];
        Parts {
            crs: None,
            heights: None,
            unit,
            eastings,
            northings: 0.0,
            height: 0.0,
            x_axis,
            scale,
        }
    }

    #[test]
    fn map_units_and_scale_meet_in_metres() {
        // A model in millimetres in a map in metres: the scale says so, or is left out.
        let with = parts(Some(1.0), 458_870.0, Some(0.001)).build(0.001).unwrap();
        assert_eq!((with.eastings_m, with.x_axis), (458_870.0, [0.0, 1.0]));
        assert!((with.scale - 1.0).abs() < 1e-12);
        let without = parts(Some(1.0), 458_870.0, None).build(0.001).unwrap();
        assert!((without.scale - 1.0).abs() < 1e-12);
        // No map unit: metres where the project's millimetres would make no sense.
        let bare = parts(None, 458_870.0, None).build(0.001).unwrap();
        assert_eq!((bare.eastings_m, bare.assumed_metres), (458_870.0, true));
        // Feet throughout.
        let feet = parts(Some(0.3048), 1_000.0, Some(1.0)).build(0.3048).unwrap();
        assert!((feet.eastings_m - 304.8).abs() < 1e-9 && (feet.scale - 1.0).abs() < 1e-12);
    }
}
