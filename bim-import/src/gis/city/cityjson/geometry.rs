//! Geometries: nested lists of vertex numbers, with lists of the same shape that say what
//! each surface is and looks like.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use super::super::{Role, Surface, kind, lod, prototype::Place};

/// Vertices that templates may add up to; with those of the file they are numbered in 32 bits.
const MAX_VERTICES: usize = 50_000_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Geometry {
    #[serde(rename = "type")]
    kind: String,
    lod: Option<Value>,
    boundaries: Option<Box<RawValue>>,
    semantics: Option<Semantics>,
    material: Option<BTreeMap<String, Material>>,
    template: Option<usize>,
    #[serde(rename = "transformationMatrix")]
    matrix: Option<Vec<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Semantics {
    surfaces: Vec<Semantic>,
    values: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Semantic {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Material {
    value: Option<usize>,
    values: Value,
}

/// What the file's materials look like.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Appearance {
    materials: Vec<Look>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Look {
    #[serde(rename = "diffuseColor")]
    diffuse: Option<[f64; 3]>,
}

impl Appearance {
    pub(super) fn is_empty(&self) -> bool {
        self.materials.is_empty()
    }

    fn color(&self, material: usize) -> Option<[u8; 3]> {
        let diffuse = self.materials.get(material)?.diffuse?;
        Some(diffuse.map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8))
    }
}

impl Geometry {
    pub(super) fn is_instance(&self) -> bool {
        self.kind == "GeometryInstance"
    }

    /// Its type, in the file's words.
    pub(super) fn name(&self) -> &str {
        if self.kind.is_empty() { "geometry without a type" } else { &self.kind }
    }

    /// Shells inside others: hollows that nobody sees.
    pub(super) fn hollows(&self) -> usize {
        let text = self.boundaries.as_ref().map_or("[]", |raw| raw.get());
        let count = |shells: &Vec<IgnoredAny>| shells.len().saturating_sub(1);
        match self.kind.as_str() {
            "Solid" => serde_json::from_str(text).map_or(0, |shells| count(&shells)),
            "MultiSolid" | "CompositeSolid" => serde_json::from_str::<Vec<Vec<IgnoredAny>>>(text)
                .map_or(0, |solids| solids.iter().map(count).sum()),
            _ => 0,
        }
    }

    pub(super) fn has_surfaces(&self) -> bool {
        self.is_solid()
            || self.is_instance()
            || matches!(self.kind.as_str(), "MultiSurface" | "CompositeSurface")
    }

    pub(super) fn is_solid(&self) -> bool {
        matches!(self.kind.as_str(), "Solid" | "MultiSolid" | "CompositeSolid")
    }

    /// Its shells, each with where its values stand. Inner shells are hollows that nobody
    /// sees.
    fn shells(&self) -> Result<Vec<(Shell, Vec<usize>)>, serde_json::Error> {
        let text = self.boundaries.as_ref().map_or("[]", |raw| raw.get());
        Ok(match self.kind.as_str() {
            "Solid" => {
                let shells: Vec<Shell> = serde_json::from_str(text)?;
                shells.into_iter().take(1).map(|shell| (shell, vec![0])).collect()
            }
            "MultiSolid" | "CompositeSolid" => {
                let solids: Vec<Vec<Shell>> = serde_json::from_str(text)?;
                let outer = |(i, shells): (usize, Vec<Shell>)| {
                    shells.into_iter().next().map(|shell| (shell, vec![i, 0]))
                };
                solids.into_iter().enumerate().filter_map(outer).collect()
            }
            _ => vec![(serde_json::from_str(text)?, Vec::new())],
        })
    }

    pub(super) fn level(&self, templates: Option<&[Self]>) -> f64 {
        let template = || templates?.get(self.template?)?.lod.as_ref();
        match self.lod.as_ref().or_else(template) {
            Some(Value::String(text)) => lod::level(text),
            Some(Value::Number(number)) => lod::level(&number.to_string()),
            _ => 0.0,
        }
    }

    fn theme(&self) -> Option<&Material> {
        self.material.as_ref()?.values().next()
    }
}

/// Surfaces, their rings, and the vertices of these.
type Shell = Vec<Vec<Vec<u32>>>;

/// The value of one surface in lists that follow the boundaries. A null list says nothing
/// of all below it.
fn value(lists: Option<&Value>, way: &[usize], surface: usize) -> Option<usize> {
    let list = way.iter().try_fold(lists?, |list, step| list.get(step))?;
    usize::try_from(list.get(surface)?.as_u64()?).ok()
}

/// Takes the surfaces out of geometries.
pub(super) struct Collector<'a> {
    pub(super) vertices: &'a mut Vec<[f64; 3]>,
    /// Where the document's own vertices start.
    pub(super) base: usize,
    pub(super) templates: Option<(&'a [Geometry], &'a [[f64; 3]])>,
    pub(super) appearance: &'a Appearance,
    /// How many more surfaces are taken.
    pub(super) room: usize,
    pub(super) surfaces: Vec<Surface>,
    pub(super) faults: BTreeMap<&'static str, usize>,
}

/// Where the numbers of a geometry's lists point.
#[derive(Clone, Copy)]
struct Vertices {
    base: usize,
    count: usize,
}

impl Collector<'_> {
    pub(super) fn fault(&mut self, reason: &'static str, count: usize) {
        *self.faults.entry(reason).or_default() += count;
    }

    pub(super) fn geometry(&mut self, geometry: &Geometry) {
        if geometry.is_instance() {
            return self.instance(geometry);
        }
        let vertices = Vertices { base: self.base, count: self.vertices.len() - self.base };
        self.surfaces_of(geometry, vertices);
    }

    fn surfaces_of(&mut self, geometry: &Geometry, vertices: Vertices) {
        let Ok(shells) = geometry.shells() else {
            return self.fault("a geometry whose boundaries are no lists of vertex numbers", 1);
        };
        let roles = geometry.semantics.as_ref().map(|semantics| &semantics.values);
        let looks = geometry.theme().map(|material| &material.values);
        for (shell, way) in shells {
            for (i, rings) in shell.into_iter().enumerate() {
                let semantic = value(roles, &way, i).and_then(|n| {
                    geometry.semantics.as_ref().and_then(|semantics| semantics.surfaces.get(n))
                });
                let role = semantic.map_or(Role::Unsaid, |semantic| kind::role(&semantic.kind));
                let look = value(looks, &way, i).or_else(|| geometry.theme()?.value);
                self.surface(rings, role, look, vertices);
            }
        }
    }

    fn surface(
        &mut self,
        mut rings: Vec<Vec<u32>>,
        role: Role,
        look: Option<usize>,
        vertices: Vertices,
    ) {
        if role == Role::Closure {
            return;
        }
        if self.surfaces.len() >= self.room {
            return self.fault("surfaces beyond the most a file may have", 1);
        }
        for index in rings.iter_mut().flatten() {
            if *index as usize >= vertices.count {
                return self.fault("a surface with numbers that are no vertices", 1);
            }
            *index += vertices.base as u32;
        }
        if rings.is_empty() {
            return self.fault("a surface without outline", 1);
        }
        let color = look.and_then(|look| self.appearance.color(look));
        self.surfaces.push(Surface { role, color, rings });
    }

    /// Draws a template at its place: its own vertices, turned by the matrix, from the
    /// vertex that the instance names.
    fn instance(&mut self, geometry: &Geometry) {
        let numbers = geometry.boundaries.as_ref().map_or("[]", |raw| raw.get());
        let numbers: Vec<u32> = serde_json::from_str(numbers).unwrap_or_default();
        let at = numbers.first().and_then(|n| self.vertices[self.base..].get(*n as usize));
        let at = at.copied();
        let matrix: Option<[f64; 16]> = match &geometry.matrix {
            Some(numbers) => numbers.as_slice().try_into().ok(),
            None => None,
        };
        let template = self
            .templates
            .and_then(|(templates, vertices)| Some((templates.get(geometry.template?)?, vertices)));
        let (Some(at), Some(matrix), Some((template, points))) = (at, matrix, template) else {
            return self.fault("an instance without place, matrix or template", 1);
        };
        if self.surfaces.len() >= self.room || self.vertices.len() > MAX_VERTICES {
            return self.fault("instances beyond the most a file may have", 1);
        }
        let before = self.surfaces.len();
        self.surfaces_of(template, Vertices { base: 0, count: points.len() });
        let place = Place { matrix, at };
        place.put(&mut self.surfaces[before..], Some(points), self.vertices);
    }
}
