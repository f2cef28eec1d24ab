//! Terrain from height grids: read in their own coordinates, laid out as a regular grid in
//! the scene's frame, drawn, and used to set maps on.

pub(super) mod asc;
mod drape;
pub(super) mod geotiff;
mod relief;
#[cfg(test)]
mod tests;

use twin_model::{BoundingBox, Entity, EntityId, EntityKind};

pub(super) use self::relief::Relief;
use super::{shape::Shape, stage::Stage, style};
use crate::{
    crs::{self, Crs},
    ids,
    imported::{Imported, Note, Severity},
    mesh::MaterialClass,
    placing::Fix,
};

/// Samples of one file; larger ones are to be made coarser first.
pub(super) const MAX_SAMPLES: usize = 100_000_000;
/// How far the terrain lies under what is set on it, m: the layers of maps lie between.
pub(super) const UNDER_M: f64 = 0.3;

/// Heights on a regular grid, rows from north to south.
#[derive(Debug)]
pub(crate) struct Grid {
    pub(super) crs: Option<Crs>,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// The middle of the first sample.
    pub(super) first: [f64; 2],
    /// From one sample to the next; negative where rows go down.
    pub(super) step: [f64; 2],
    /// In the file's unit; NaN where nothing was measured.
    pub(super) heights: Vec<f32>,
    pub(super) notes: Vec<Note>,
}

impl Grid {
    /// Names the system by what the file says, unless the user says otherwise.
    pub(super) fn name_system(&mut self, own: Option<&str>, wanted: Option<&str>) {
        self.notes.extend(wanted.and_then(|wanted| crs::overridden(wanted, own)));
        let Some(name) = wanted.or(own) else {
            // Metres of a map are no fractions: no terrain is a few metres wide.
            if self.looks_like_degrees() && self.step.iter().all(|step| step.abs() < 0.1) {
                let text = "it names no coordinate system and was taken for metres, but its coordinates look like degrees: pass --crs";
                self.notes.push(Note::source(Severity::Approximated, text));
            }
            return;
        };
        match Crs::parse(name) {
            Ok(crs) => self.crs = Some(crs),
            Err(error) => {
                let text = format!("its coordinate system is not used: {error} (or pass --crs)");
                self.notes.push(Note::source(Severity::Info, text));
            }
        }
        let degrees = self.looks_like_degrees();
        if let Some(crs) = self.crs.take_if(|crs| crs.is_geographic() != degrees) {
            let text = format!(
                "its coordinates are not those of {}: degrees are no metres; it is not placed by them",
                crs.name()
            );
            self.notes.push(Note::source(Severity::Approximated, text));
        }
    }

    /// Whether all of it lies where degrees can.
    fn looks_like_degrees(&self) -> bool {
        [0.0, 1.0].into_iter().all(|end| {
            let last = [self.columns, self.rows].map(|n| n.saturating_sub(1) as f64 * end);
            [0, 1]
                .into_iter()
                .all(|axis| (self.first[axis] + self.step[axis] * last[axis]).abs() <= 180.0)
        })
    }

    /// Height in metres at a place in the file's coordinates, between its four samples.
    fn height_m(&self, x: f64, y: f64) -> Option<f64> {
        let column = (x - self.first[0]) / self.step[0];
        let row = (y - self.first[1]) / self.step[1];
        let (last_column, last_row) = (self.columns as f64 - 1.0, self.rows as f64 - 1.0);
        let within =
            (-0.5..=last_column + 0.5).contains(&column) && (-0.5..=last_row + 0.5).contains(&row);
        if !within {
            return None;
        }
        let (column, row) = (column.clamp(0.0, last_column), row.clamp(0.0, last_row));
        let (i, j) = (column.floor() as usize, row.floor() as usize);
        let (i2, j2) = ((i + 1).min(self.columns - 1), (j + 1).min(self.rows - 1));
        let (u, v) = (column - i as f64, row - j as f64);
        let corners = [
            (i, j, (1.0 - u) * (1.0 - v)),
            (i2, j, u * (1.0 - v)),
            (i, j2, (1.0 - u) * v),
            (i2, j2, u * v),
        ];
        // A sample that does not count may be missing.
        let counts = corners.into_iter().filter(|(.., weight)| *weight > 0.0);
        let weighted = |(i, j, weight): (usize, usize, f64)| {
            f64::from(self.heights[j * self.columns + i]) * weight
        };
        let height: f64 = counts.map(weighted).sum();
        height.is_finite().then(|| self.crs.as_ref().map_or(height, |crs| crs.height_m(height)))
    }

    fn middle(&self) -> [f64; 2] {
        let half = |count: usize| (count - 1) as f64 / 2.0;
        [
            self.first[0] + self.step[0] * half(self.columns),
            self.first[1] + self.step[1] * half(self.rows),
        ]
    }

    /// Where it is: its middle, at its median height.
    pub(super) fn fix(&self) -> Option<Fix> {
        let crs = self.crs.as_ref()?;
        let [x, y] = self.middle();
        let [lon, lat] = crs.lon_lat(x, y)?;
        let stride = (self.heights.len() / 100_000).max(1);
        let mut known: Vec<f32> =
            self.heights.iter().step_by(stride).copied().filter(|h| h.is_finite()).collect();
        let half = known.len() / 2;
        if known.is_empty() {
            return None;
        }
        let median = *known.select_nth_unstable_by(half, f32::total_cmp).1;
        Some(Fix::on_map([lon, lat, crs.height_m(median.into())], crs))
    }

    /// Draws it as one piece of ground.
    pub(super) fn draw(mut self, stage: &Stage<'_>) -> Imported {
        let mut notes = std::mem::take(&mut self.notes);
        let own;
        let relief = match stage.terrain.of(stage.source) {
            Some(relief) => relief,
            None => {
                own = Relief::new(&self, stage.frame);
                &own
            }
        };
        let mut shift = [0.0; 3];
        if stage.frame.is_none() || self.crs.is_none() {
            let [x, y] = self.middle();
            shift = stage.shift(Some([x, y, 0.0]), &mut notes);
        }
        let site = stage.site(None);
        let (entity, meshes) = drawn(relief, &site, shift, stage);
        let text = format!(
            "{} × {} samples, drawn every {:.1} m",
            self.columns,
            self.rows,
            relief.step_m()
        );
        notes.push(Note::source(Severity::Info, text));
        if meshes.is_empty() {
            let text = "no sample of it is near the scene's origin, or none has a height";
            notes.push(Note::source(Severity::Dropped, text));
        }
        Imported { entities: vec![site, entity], meshes, notes, ..Imported::default() }
    }
}

fn drawn(
    relief: &Relief,
    site: &Entity,
    shift: [f64; 3],
    stage: &Stage<'_>,
) -> (Entity, Vec<crate::mesh::ElementMesh>) {
    let id = ids::derived(stage.file, "terrain");
    let mut shape = Shape::default();
    relief.draw([shift[0], shift[1], shift[2] - UNDER_M], &mut shape);
    let look = style::Look::Plain;
    let color = style::colors(EntityKind::Terrain, look, &style::Properties::new(), 0).0.main;
    let finished = shape.finish(&id, MaterialClass::Ground, color);
    let (mesh, bbox) = finished.map_or((None, None), |(mesh, bbox)| (Some(mesh), Some(bbox)));
    let entity = entity(id, site, bbox);
    (entity, mesh.into_iter().collect())
}

fn entity(id: EntityId, site: &Entity, bbox: Option<BoundingBox>) -> Entity {
    Entity {
        id,
        parent: Some(site.id.clone()),
        kind: EntityKind::Terrain,
        ifc_class: None,
        global_id: None,
        name: site.name.clone(),
        storey: None,
        bbox,
        properties: Default::default(),
        tags: Vec::new(),
        source: site.source,
    }
}

/// All terrain of a scene, in its frame.
#[derive(Debug, Default)]
pub(crate) struct Terrain {
    /// By the position of their source.
    reliefs: Vec<(u32, Relief)>,
}

impl Terrain {
    /// Adds ground that a reader laid out itself.
    pub(super) fn add(&mut self, source: u32, relief: Relief) {
        self.reliefs.push((source, relief));
    }

    /// What a source has laid out.
    pub(super) fn of(&self, source: u32) -> Option<&Relief> {
        self.reliefs.iter().find(|(n, _)| *n == source).map(|(_, relief)| relief)
    }

    /// Height of the ground at a place of the frame, m; nothing where there is no terrain.
    pub(crate) fn height(&self, x: f64, y: f64) -> Option<f64> {
        self.reliefs.iter().find_map(|(_, relief)| relief.height(x, y))
    }

    /// Lays flat pieces on the ground. `lift` is how far they lie above it, m. False where
    /// they are too large to be cut along the ground and stay as they are.
    pub(super) fn drape(&self, shape: &mut Shape, lift: f64) -> bool {
        self.reliefs.iter().all(|(_, relief)| drape::drape(relief, shape, lift))
    }
}
