//! Geometries of FlatGeobuf, brought to longitude and latitude.

use flatgeobuf::{Geometry, GeometryType};
use geojson::{GeometryValue, Position};

use crate::crs::Crs;

/// Vertices of a file; parts may be named many times over, so that a small file holds more
/// than any memory does.
const MAX_VERTICES: usize = 30_000_000;
/// Collections inside each other.
const MAX_DEPTH: usize = 8;

/// Reads geometries of one file.
pub(super) struct Geometries<'a> {
    /// What all of them are, or unknown.
    kind: GeometryType,
    crs: &'a Crs,
    low: [f64; 2],
    high: [f64; 2],
    has_heights: bool,
    room: usize,
}

type Line = Vec<Position>;

impl<'a> Geometries<'a> {
    pub(super) fn new(kind: GeometryType, crs: &'a Crs) -> Self {
        let (low, high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        Self { kind, crs, low, high, has_heights: false, room: MAX_VERTICES }
    }

    pub(super) fn crs(&self) -> &Crs {
        self.crs
    }

    /// Whether any vertex has a height.
    pub(super) fn has_heights(&self) -> bool {
        self.has_heights
    }

    /// The middle of what was read, °.
    pub(super) fn center(&self) -> Option<[f64; 2]> {
        let middle = |axis: usize| (self.low[axis] + self.high[axis]) / 2.0;
        (self.low[0] <= self.high[0]).then(|| [middle(0), middle(1)])
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, the same words for the same fault: they are counted.
    pub(super) fn read(&mut self, geometry: &Geometry<'_>) -> Result<GeometryValue, String> {
        let kind = if self.kind == GeometryType::Unknown { geometry.type_() } else { self.kind };
        self.value(geometry, kind, 0)
    }

    fn value(
        &mut self,
        geometry: &Geometry<'_>,
        kind: GeometryType,
        depth: usize,
    ) -> Result<GeometryValue, String> {
        Ok(match kind {
            GeometryType::Point => {
                let coordinates = self.line(geometry)?.into_iter().next();
                let coordinates = coordinates.ok_or("a point without coordinates")?;
                GeometryValue::Point { coordinates }
            }
            GeometryType::MultiPoint => {
                GeometryValue::MultiPoint { coordinates: self.line(geometry)? }
            }
            GeometryType::LineString => {
                GeometryValue::LineString { coordinates: self.line(geometry)? }
            }
            GeometryType::MultiLineString => {
                GeometryValue::MultiLineString { coordinates: self.lines(geometry)? }
            }
            GeometryType::Polygon | GeometryType::Triangle => {
                GeometryValue::Polygon { coordinates: self.lines(geometry)? }
            }
            GeometryType::MultiPolygon => {
                let coordinates = match geometry.parts() {
                    Some(parts) => parts.iter().map(|part| self.lines(&part)).collect(),
                    None => self.lines(geometry).map(|rings| vec![rings]),
                };
                GeometryValue::MultiPolygon { coordinates: coordinates? }
            }
            GeometryType::GeometryCollection if depth < MAX_DEPTH => {
                let parts = geometry.parts().into_iter().flatten();
                let part = |part: Geometry<'_>| {
                    self.value(&part, part.type_(), depth + 1).map(geojson::Geometry::new)
                };
                GeometryValue::GeometryCollection {
                    geometries: parts.map(part).collect::<Result<_, String>>()?,
                }
            }
            GeometryType::GeometryCollection => {
                return Err(format!("a collection nested deeper than {MAX_DEPTH}"));
            }
            other => {
                let name = other.variant_name().unwrap_or("geometry of an unknown type");
                return Err(format!(
                    "a {name}, which is not drawn; convert curves and surfaces to polygons first, \
                     for example with `ogr2ogr -nlt CONVERT_TO_LINEAR`"
                ));
            }
        })
    }

    /// All vertices as they stand.
    fn line(&mut self, geometry: &Geometry<'_>) -> Result<Line, String> {
        let Some(xy) = geometry.xy() else { return Ok(Line::new()) };
        let count = xy.len() / 2;
        self.room = self
            .room
            .checked_sub(count)
            .ok_or_else(|| format!("a geometry beyond the {MAX_VERTICES} vertices of a file"))?;
        let z = geometry.z().filter(|z| z.len() == count);
        (0..count)
            .map(|n| {
                let z = z.map(|z| z.get(n));
                self.position(xy.get(2 * n), xy.get(2 * n + 1), z)
            })
            .collect()
    }

    /// Vertices, cut where parts end.
    fn lines(&mut self, geometry: &Geometry<'_>) -> Result<Vec<Line>, String> {
        let mut rest = self.line(geometry)?;
        let ends: Vec<usize> = geometry.ends().into_iter().flatten().map(|n| n as usize).collect();
        if ends.is_empty() {
            return Ok(vec![rest]);
        }
        let in_order = ends.windows(2).all(|pair| pair[0] <= pair[1]);
        if !in_order || ends.last() != Some(&rest.len()) {
            return Err("a geometry whose rings do not end where it does".into());
        }
        let mut lines = Vec::with_capacity(ends.len());
        for start in ends.iter().rev().skip(1).copied().chain([0]) {
            lines.push(rest.split_off(start));
        }
        lines.reverse();
        Ok(lines)
    }

    fn position(&mut self, x: f64, y: f64, z: Option<f64>) -> Result<Position, String> {
        let place = if x.is_finite() && y.is_finite() { self.crs.lon_lat(x, y) } else { None };
        let place = place.ok_or_else(|| {
            format!("a geometry with coordinates that have no place in {}", self.crs.name())
        })?;
        for (axis, value) in place.into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(value);
            self.high[axis] = self.high[axis].max(value);
        }
        // Zero means "on the ground", as in GeoJSON: many writers add it.
        let height = z.filter(|z| z.is_finite() && *z != 0.0).map(|z| self.crs.height_m(z));
        self.has_heights |= height.is_some();
        Ok(match height {
            Some(height) => Position::from([place[0], place[1], height]),
            None => Position::from(place),
        })
    }
}
