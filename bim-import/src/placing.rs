//! Where each source stands in the scene: one local frame for all, taken from the first
//! source that says where on earth it is.

use twin_model::{BoundingBox, Entity, scene::Origin};

use crate::{
    crs::{self, Crs, CrsError, Vertical},
    frame::LocalFrame,
    ifc::georef::{GeoReference, MapConversion, SiteLocation},
    imported::{Note, Severity},
    placement::Placement,
    tiles,
};

/// Sources farther apart than this do not make one picture, which the report says.
pub(crate) const MAX_DISTANCE_M: f64 = 100_000.0;
/// No map counts this many metres, zone numbers before the eastings included.
const NO_MAP_M: f64 = 1.0e8;
/// Beyond this, coordinates of a source without georeference are map coordinates in all
/// but name, and are moved to the origin.
const FAR_M: f64 = 5_000.0;

/// How the report says that nothing placed a source.
pub(crate) const NOWHERE: &str = "nothing: at the scene's origin";

/// A source's own coordinates tied to the earth.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fix {
    /// A point of the source, m.
    anchor: [f64; 3],
    /// The same point: longitude °, latitude °, height m.
    pub(crate) wgs84: [f64; 3],
    /// Direction of the source's x axis, counter-clockwise from true east.
    heading_rad: f64,
    /// The coordinate system it was read in.
    pub(crate) crs: Option<String>,
    /// What its heights count from, where it says.
    pub(crate) heights: Option<String>,
}

/// Says what the heights of a source on a map count from.
pub(crate) fn heights_note(heights: Option<&str>) -> Note {
    let text = match heights {
        Some(name) => format!(
            "its heights count from {name}; they are taken as they are, no geoid is applied"
        ),
        None => "it does not say what its heights count from; they are taken as they are".into(),
    };
    Note::source(Severity::Info, text)
}

impl Fix {
    /// A source whose every place is known on earth: its middle, and its system.
    pub(crate) fn at(wgs84: [f64; 3], crs: Option<String>) -> Self {
        Self { anchor: [0.0; 3], wgs84, heading_rad: 0.0, crs, heights: None }
    }

    /// The same in a system, which may say what heights count from.
    pub(crate) fn on_map(wgs84: [f64; 3], crs: &Crs) -> Self {
        Self { heights: crs.vertical().map(Vertical::name), ..Self::at(wgs84, Some(crs.name())) }
    }
}

/// How far the nearest of a box lies from the scene's origin, m: what is meant wherever the
/// report tells a distance.
pub(crate) fn from_origin_m(bbox: &BoundingBox) -> f64 {
    let away = [0, 1, 2].map(|axis| bbox.min[axis].max(-bbox.max[axis]).max(0.0));
    away.iter().map(|metres| metres * metres).sum::<f64>().sqrt()
}

/// How far the nearest thing of a source lies from the scene's origin, m; nothing where
/// nothing of it has geometry.
pub(crate) fn nearest_m(entities: &[Entity]) -> Option<f64> {
    let boxes = entities.iter().filter_map(|entity| entity.bbox.as_ref());
    boxes.map(from_origin_m).reduce(f64::min)
}

/// What the report says of a source that stands this far from the first one, if it is too
/// far to be seen with it.
pub(crate) fn far_note(away_m: f64) -> Option<Note> {
    let away_km = away_m / 1_000.0;
    let text = if away_m < tiles::REACH_M {
        format!(
            "it stands at its true place, {away_km:.0} km from the scene's origin at the first georeferenced source; import it as a scene of its own to see it well"
        )
    } else {
        format!(
            "by its coordinates it stands {away_km:.0} km from the scene's origin at the first georeferenced source: too far to be drawn; see whether they name the right system, and longitude before latitude, or import it as a scene of its own"
        )
    };
    (away_m > MAX_DISTANCE_M).then(|| Note::source(Severity::Info, text))
}

/// Ties a source to the earth, if it says how. `extent` is the box around its geometry
/// and `site_origin` the place that its latitude and longitude mean, both in its own
/// coordinates.
pub(crate) fn fix(
    georeference: &GeoReference,
    extent: Option<BoundingBox>,
    site_origin: [f64; 3],
    wanted: Option<&Crs>,
    notes: &mut Vec<Note>,
) -> Option<Fix> {
    let by_map =
        georeference.map.as_ref().and_then(|map| match by_map(map, extent, wanted, notes) {
            Ok(fix) => Some(fix),
            Err(reason) => {
                notes.push(Note::source(
                    Severity::Info,
                    format!("its map conversion is not used: {reason}"),
                ));
                None
            }
        });
    by_map.or_else(|| georeference.site.as_ref().map(|site| by_site(site, site_origin)))
}

fn by_map(
    map: &MapConversion,
    extent: Option<BoundingBox>,
    wanted: Option<&Crs>,
    notes: &mut Vec<Note>,
) -> Result<Fix, String> {
    notes.extend(wanted.and_then(|crs| crs::overridden(&crs.name(), map.crs.as_deref())));
    let own;
    let crs = match (wanted, &map.crs) {
        (Some(crs), _) => crs,
        (None, Some(name)) => {
            own = Crs::parse(name).map_err(|error: CrsError| format!("{error} (or pass --crs)"))?;
            &own
        }
        (None, None) => return Err("it names no coordinate system; pass --crs".into()),
    };
    if crs.is_geographic() {
        return Err(format!("{} counts in degrees, not in metres", crs.name()));
    }
    if map.assumed_metres {
        let text = "its map conversion names no unit and was taken as metres";
        notes.push(Note::source(Severity::Info, text));
    }
    let mut scale = map.scale;
    if !(0.95..=1.05).contains(&scale) {
        let text =
            format!("its map conversion scales by {scale}, which was taken for a unit and ignored");
        notes.push(Note::source(Severity::Info, text));
        scale = 1.0;
    }
    let origin = [map.eastings_m, map.northings_m, map.height_m];
    let in_mm = origin.iter().any(|value| value.abs() > NO_MAP_M);
    if in_mm {
        let text = "its map conversion says metres and was taken as millimetres: no map is so wide";
        notes.push(Note::source(Severity::Approximated, text));
    }
    let [eastings_m, northings_m, height_m] =
        if in_mm { origin.map(|value| value / 1_000.0) } else { origin };
    let anchor = anchor(extent);
    let [cos, sin] = map.x_axis;
    let at = |x: f64, y: f64| {
        let east = eastings_m + scale * (cos * x - sin * y);
        let north = northings_m + scale * (sin * x + cos * y);
        let place = crs.to_wgs84(east, north)?;
        // Far outside its area a projection gives places that it would not come from.
        let back = crs.project(place[0], place[1])?.map(|value| value * crs.unit_m());
        ((back[0] - east).hypot(back[1] - north) < 1.0).then_some(place)
    };
    let outside = || format!("its coordinates lie outside {}", crs.name());
    let [lon, lat] = at(anchor[0], anchor[1]).ok_or_else(outside)?;
    let height = height_m + anchor[2];
    // Where 100 m along the x axis leads tells the heading against true east, grid
    // convergence included.
    let [lon2, lat2] = at(anchor[0] + 100.0, anchor[1]).ok_or_else(outside)?;
    let [east, north, _] = LocalFrame::from_wgs84(lon, lat, height).to_local(lon2, lat2, height);
    Ok(Fix {
        anchor,
        wgs84: [lon, lat, height],
        heading_rad: north.atan2(east),
        crs: Some(crs.name()),
        heights: crs
            .vertical()
            .map(Vertical::name)
            .or_else(|| map.heights.as_deref().map(crs::heights_name)),
    })
}

fn by_site(site: &SiteLocation, origin: [f64; 3]) -> Fix {
    let [x, y] = site.true_north;
    Fix {
        anchor: origin,
        wgs84: [site.lon_deg, site.lat_deg, site.elevation_m],
        heading_rad: std::f64::consts::FRAC_PI_2 - y.atan2(x),
        crs: None,
        heights: None,
    }
}

/// The middle of the geometry on the source's ground, to the metre.
fn anchor(extent: Option<BoundingBox>) -> [f64; 3] {
    let Some(extent) = extent else { return [0.0; 3] };
    let [x, y, _] = extent.center();
    // Heights within a building's reach count from the source's own zero.
    let z = if extent.min[2].abs() < 100.0 { 0.0 } else { extent.min[2] };
    [x.round(), y.round(), z.round()]
}

/// To the decimetre: rounding to more would sink a site into the ground around it.
fn tidy_height(metres: f64) -> f64 {
    (metres * 10.0).round() / 10.0
}

/// The frame whose origin is at a source's place, rounded so that a small change of the
/// source does not move the scene.
pub(crate) fn frame_at(wgs84: [f64; 3]) -> LocalFrame {
    let tidy = |degrees: f64| (degrees * 1e5).round() / 1e5;
    LocalFrame::from_wgs84(tidy(wgs84[0]), tidy(wgs84[1]), tidy_height(wgs84[2]))
}

/// The origin as `scene.json` states it.
pub(crate) fn origin(frame: &LocalFrame, crs: Option<&Crs>) -> Origin {
    let [lon, lat, height] = frame.wgs84();
    let map = crs.filter(|crs| !crs.is_geographic());
    let projected = map.and_then(|crs| crs.project(lon, lat));
    let tidy = |metres: f64| (metres * 1e4).round() / 1e4;
    Origin {
        wgs84: Some(frame.wgs84()),
        projected: projected.map(|[east, north]| [tidy(east), tidy(north), height]),
    }
}

/// How far a source is from the frame's origin, m.
fn distance(frame: &LocalFrame, fix: &Fix) -> f64 {
    let [lon, lat, height] = fix.wgs84;
    let [x, y, z] = frame.to_local(lon, lat, height);
    (x * x + y * y + z * z).sqrt()
}

/// Whether a source is put where it says that it is. A map conversion means what it says.
/// Latitude and longitude of a site are often those of the author's office.
pub(crate) fn is_believed(frame: &LocalFrame, fix: &Fix) -> bool {
    fix.crs.is_some() || distance(frame, fix) <= MAX_DISTANCE_M
}

/// Puts a source into the frame, or says why it stands at the origin instead.
pub(crate) fn place(
    frame: Option<&LocalFrame>,
    fix: Option<&Fix>,
    extent: Option<BoundingBox>,
    notes: &mut Vec<Note>,
) -> Placement {
    if let (Some(frame), Some(fix)) = (frame, fix) {
        if is_believed(frame, fix) {
            return Placement::on_earth(frame, fix.anchor, fix.wgs84, fix.heading_rad);
        }
        let text = format!(
            "by its site's latitude and longitude it is {:.0} km from the scene's origin, which is at the first georeferenced source; it was put at the origin instead",
            distance(frame, fix) / 1_000.0
        );
        notes.push(Note::source(Severity::Info, text));
    } else {
        let text = "it does not say where on earth it is; it was put at the scene's origin";
        notes.push(Note::source(Severity::Info, text));
    }
    let center = extent.map_or([0.0; 3], |extent| extent.center());
    if center.iter().all(|value| value.abs() < FAR_M) {
        return Placement::IDENTITY;
    }
    let away = center.map(|value| if value.abs() < FAR_M { 0.0 } else { -value.round() });
    let metres = away.map(|metres| metres as i64);
    let text = format!("its coordinates are far from zero; it was moved by {metres:?} m");
    notes.push(Note::source(Severity::Info, text));
    Placement::IDENTITY.moved(away)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion() -> MapConversion {
        MapConversion {
            crs: Some("EPSG:4547".into()),
            heights: Some("Yellow Sea 1985".into()),
            eastings_m: 505_000.0,
            northings_m: 2_494_000.0,
            height_m: 12.0,
            x_axis: [0.0, 1.0],
            scale: 1.0,
            assumed_metres: false,
        }
    }

    #[test]
    fn two_sources_meet_where_their_maps_do() {
        let mut notes = Vec::new();
        let near = GeoReference { map: Some(conversion()), site: None };
        let mut moved = conversion();
        moved.eastings_m += 40.0;
        moved.x_axis = [1.0, 0.0];
        let other = GeoReference { map: Some(moved), site: None };
        let [a, b] = [near, other].map(|g| fix(&g, None, [0.0; 3], None, &mut notes).unwrap());
        let frame = frame_at(a.wgs84);
        let [a, b] = [a, b].map(|fix| place(Some(&frame), Some(&fix), None, &mut notes));
        // 40 m north in the first source's map is along its own x axis... turned a quarter:
        // its x points north, so the point 40 m east in the map is at y = -40 of it.
        let same = (a.point([0.0, -40.0, 3.0]), b.point([0.0, 0.0, 3.0]));
        assert!((0..3).all(|i| (same.0[i] - same.1[i]).abs() < 0.01), "{same:?}");
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn millimetres_that_call_themselves_metres_are_seen_and_nonsense_is_refused() {
        let mut notes = Vec::new();
        let map = |factor: f64| MapConversion {
            eastings_m: 505_000.0 * factor,
            northings_m: 2_494_000.0 * factor,
            height_m: 12.0 * factor,
            ..conversion()
        };
        let mut place = |factor: f64| {
            let georeference = GeoReference { map: Some(map(factor)), site: None };
            fix(&georeference, None, [0.0; 3], None, &mut notes)
        };
        let (metres, millimetres) = (place(1.0).unwrap(), place(1_000.0).unwrap());
        assert!((0..3).all(|i| (metres.wgs84[i] - millimetres.wgs84[i]).abs() < 1e-9));
        assert_eq!(place(30.0), None, "75,000 km north of the equator");
        assert_eq!(notes.len(), 2, "{notes:?}");
    }

    #[test]
    fn an_unknown_system_falls_back_to_the_site() {
        let mut notes = Vec::new();
        let map = MapConversion { crs: Some("Kraków 65".into()), ..conversion() };
        let site = SiteLocation {
            site: 1,
            lon_deg: 8.4,
            lat_deg: 49.0,
            elevation_m: 110.0,
            true_north: [1.0, 0.0],
        };
        let both = GeoReference { map: Some(map), site: Some(site) };
        let fix = fix(&both, None, [0.0; 3], None, &mut notes).unwrap();
        assert_eq!(fix.wgs84, [8.4, 49.0, 110.0]);
        assert_eq!(notes.len(), 1);
        let frame = frame_at(fix.wgs84);
        let placed = place(Some(&frame), Some(&fix), None, &mut notes);
        // True north along the source's x: its x axis points north.
        let [x, y, _] = placed.point([10.0, 0.0, 0.0]);
        assert!(x.abs() < 0.01 && (y - 10.0).abs() < 0.01, "{x} {y}");
    }
}
