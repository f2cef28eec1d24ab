//! The meshes of one feature.

use geojson::{GeometryValue, Position};
use twin_model::{BoundingBox, EntityId, EntityKind};

use super::{
    super::{
        area::{self, Rings},
        ground::{Ground, distance},
        ribbon,
        shape::Shape,
        style::{self, Look, Properties},
        upright,
    },
    feature::MAX_DEPTH,
};
use crate::{
    imported::Severity,
    mesh::{ElementMesh, MaterialClass},
};

/// Distance between the trees of a row, m.
const TREE_ROW_M: f64 = 8.0;
/// Trees or markers of one feature; the rest is reported.
const MAX_UPRIGHT: usize = 20_000;
/// How deep a building's walls reach below the ground, m: terrain lies a little lower.
const FOOT_M: f64 = 0.2;

/// What one feature gave.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) meshes: Vec<ElementMesh>,
    pub(super) bbox: Option<BoundingBox>,
    pub(super) notes: Vec<(Severity, String)>,
    /// Whether a building's height was worked out.
    pub(super) estimated: bool,
}

/// Draws a feature's geometry.
pub(super) fn draw(
    ground: &Ground<'_>,
    entity: &EntityId,
    kind: EntityKind,
    look: Look,
    properties: &Properties,
    geometry: &GeometryValue,
) -> Drawn {
    let seed = style::seed(entity);
    let (colors, refused) = style::colors(kind, look, properties, seed);
    let mut pen = Pen {
        ground,
        kind,
        look,
        properties,
        seed,
        main: Shape::default(),
        flat: Shape::default(),
        trunk: Shape::default(),
        uprights: 0,
        drawn: Drawn::default(),
    };
    if let Some(text) = refused {
        pen.note(Severity::Approximated, format!("{text:?} is no colour like #8090a0"));
    }
    pen.geometry(geometry, 0);
    pen.settle();
    let Pen { main, trunk, mut drawn, .. } = pen;
    // Trees are ground, too: leaves have no edges worth a line.
    let solid = matches!(
        kind,
        EntityKind::Building | EntityKind::Landmark | EntityKind::Element | EntityKind::Charger
    );
    let class = if solid { MaterialClass::Opaque } else { MaterialClass::Ground };
    for (shape, color) in [(main, colors.main), (trunk, colors.trunk)] {
        if let Some((mesh, bbox)) = shape.finish(entity, class, color) {
            drawn.bbox = Some(drawn.bbox.map_or(bbox, |before| before.union(&bbox)));
            drawn.meshes.push(mesh);
        }
    }
    if drawn.meshes.is_empty() && !drawn.notes.iter().any(|(s, _)| *s == Severity::Dropped) {
        drawn.notes.push((Severity::Dropped, "has nothing to draw".into()));
    }
    drawn
}

/// Whether an outline is drawn up: a building, or a part of one.
fn is_built(kind: EntityKind, look: Look) -> bool {
    kind == EntityKind::Building || (kind == EntityKind::Element && look == Look::Plain)
}

struct Pen<'a> {
    ground: &'a Ground<'a>,
    kind: EntityKind,
    look: Look,
    properties: &'a Properties,
    seed: u64,
    main: Shape,
    /// What lies on the ground.
    flat: Shape,
    trunk: Shape,
    uprights: usize,
    drawn: Drawn,
}

impl Pen<'_> {
    fn note(&mut self, severity: Severity, reason: String) {
        self.drawn.notes.push((severity, reason));
    }

    /// Lays what is flat on the terrain.
    fn settle(&mut self) {
        let mut flat = std::mem::take(&mut self.flat);
        if !self.ground.terrain.drape(&mut flat, style::layer_m(self.kind, self.look)) {
            let reason = "too large to follow the terrain: it lies flat";
            self.note(Severity::Approximated, reason.into());
        }
        self.main.append(flat);
    }

    fn geometry(&mut self, geometry: &GeometryValue, depth: usize) {
        match geometry {
            GeometryValue::Point { coordinates } => self.point(coordinates),
            GeometryValue::MultiPoint { coordinates } => {
                coordinates.iter().for_each(|point| self.point(point));
            }
            GeometryValue::LineString { coordinates } => self.line(coordinates),
            GeometryValue::MultiLineString { coordinates } => {
                coordinates.iter().for_each(|line| self.line(line));
            }
            GeometryValue::Polygon { coordinates } => self.polygon(coordinates),
            GeometryValue::MultiPolygon { coordinates } => {
                coordinates.iter().for_each(|polygon| self.polygon(polygon));
            }
            GeometryValue::GeometryCollection { geometries } if depth < MAX_DEPTH => {
                for geometry in geometries {
                    self.geometry(&geometry.value, depth + 1);
                }
            }
            GeometryValue::GeometryCollection { .. } => {
                self.note(Severity::Dropped, format!("collections nest deeper than {MAX_DEPTH}"));
            }
        }
    }

    fn point(&mut self, position: &Position) {
        match self.ground.point(position) {
            Ok(at) => self.upright(at),
            Err(reason) => self.note(Severity::Dropped, reason),
        }
    }

    fn upright(&mut self, at: [f64; 3]) {
        if self.uprights == MAX_UPRIGHT {
            self.note(Severity::Dropped, format!("has more than {MAX_UPRIGHT} points"));
        }
        self.uprights += 1;
        if self.uprights > MAX_UPRIGHT {
            return;
        }
        // A green point is a tree, whatever else it says.
        if self.look == Look::Trees || self.kind == EntityKind::Green {
            let (height, crown) = style::tree_size(self.properties);
            let seed = style::mix(self.seed.wrapping_add(self.uprights as u64));
            upright::tree(at, height, crown, seed, &mut self.trunk, &mut self.main);
        } else {
            upright::marker(at, &mut self.main);
        }
    }

    fn line(&mut self, positions: &[Position]) {
        let path = match self.ground.line(positions) {
            Ok(path) => path,
            Err(reason) => return self.note(Severity::Dropped, reason),
        };
        if path.points.len() < 2 {
            return self.note(Severity::Dropped, "a line of fewer than two places".into());
        }
        self.thinned(path.thinned);
        if self.look == Look::Trees {
            return self.tree_row(&path.points);
        }
        if self.look == Look::Barrier {
            let size = style::barrier(self.properties);
            return ribbon::wall(&path.points, size, &mut self.main);
        }
        if is_built(self.kind, self.look) {
            return self.note(Severity::Dropped, "a building's outline must be a polygon".into());
        }
        let width = style::width(self.kind, self.properties);
        let up = style::layer_m(self.kind, self.look);
        let round = self.kind == EntityKind::Road;
        ribbon::lay(&path.points, width, up, round, &mut self.flat);
    }

    fn tree_row(&mut self, line: &[[f64; 3]]) {
        let mut next = 0.0;
        let mut passed = 0.0;
        for pair in line.windows(2) {
            let span = distance(pair[0], pair[1]);
            while next <= passed + span && self.uprights <= MAX_UPRIGHT {
                let t = (next - passed) / span;
                self.upright([0, 1, 2].map(|i| pair[0][i] + (pair[1][i] - pair[0][i]) * t));
                next += TREE_ROW_M;
            }
            passed += span;
        }
    }

    fn polygon(&mut self, polygon: &[Vec<Position>]) {
        let rings = match self.rings(polygon) {
            Ok(rings) => rings,
            Err(reason) => return self.note(Severity::Dropped, reason),
        };
        let flat = match area::flat(&rings) {
            Ok(flat) => flat,
            Err(reason) => return self.note(Severity::Dropped, reason),
        };
        if flat.broken {
            let reason = "the outline crosses itself or its holes: its inside is a guess";
            self.note(Severity::Approximated, reason.into());
        }
        let given = self.properties.contains_key("height");
        if is_built(self.kind, self.look) || (self.kind == EntityKind::Landmark && given) {
            match style::reach(self.properties) {
                Ok(reach) => {
                    self.drawn.estimated |= reach.estimated;
                    let bottom = if reach.bottom_m > 0.0 { reach.bottom_m } else { -FOOT_M };
                    area::extrude(&flat, &rings, bottom, reach.top_m, &mut self.main);
                }
                Err(reason) => self.note(Severity::Dropped, reason),
            }
        } else {
            area::lay(&flat, style::layer_m(self.kind, self.look), &mut self.flat);
        }
    }

    fn rings(&mut self, polygon: &[Vec<Position>]) -> Result<Rings, String> {
        let mut rings = Rings::new();
        for (n, positions) in polygon.iter().enumerate() {
            match self.ground.ring(positions)? {
                Some(ring) => {
                    self.thinned(ring.thinned);
                    rings.push(ring.points);
                }
                None if n == 0 => return Err("the outline has fewer than three corners".into()),
                None => {
                    let reason = "a hole with fewer than three corners is left out";
                    self.note(Severity::Approximated, reason.into());
                }
            }
        }
        if rings.is_empty() { Err("a polygon without outline".into()) } else { Ok(rings) }
    }

    fn thinned(&mut self, thinned: bool) {
        if thinned {
            let reason = "vertices closer to the line than centimetres are left out";
            self.note(Severity::Approximated, reason.into());
        }
    }
}
