//! Buildings: what they share here, each kind in its own file.

mod car;
mod community;
mod core;
mod devices;
mod energy;
mod facade;
mod furniture;
mod gatehouse;
mod kindergarten;
mod office_tower;
mod parking;
mod residential;
mod rooms;
mod symbols;

pub(crate) use car::car_symbol;
use std::collections::HashMap;
use std::f64::consts::FRAC_PI_2;

use crate::colour::Colour;
use crate::geometry::{Mesh, P2, Pose, Rect};
use crate::ifc::{Element, IfcFile, Item};
use crate::step::Ref;

/// A building of the compound, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// `T1`, in other compounds `C2T1`.
    pub(crate) code: String,
    pub(crate) kind: Kind,
    pub(crate) pose: Pose,
}

/// The kinds of buildings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    OfficeTower,
    ResidentialTower,
    /// Storeys and a variant of colours.
    Slab(u32, usize),
    Community,
    Kindergarten,
    Energy,
    Parking,
    Gatehouse,
}

impl Kind {
    /// Chinese and English name of the building.
    pub(crate) fn long_name(self) -> &'static str {
        match self {
            Kind::OfficeTower => "一号楼 Tower 1",
            Kind::ResidentialTower => "二号楼 Tower 2",
            Kind::Slab(_, 0) => "柏苑 Cypress House",
            Kind::Slab(_, 1) => "枫苑 Maple House",
            Kind::Slab(..) => "桂苑 Osmanthus House",
            Kind::Community => "社区中心 Community centre",
            Kind::Kindergarten => "幼儿园 Kindergarten",
            Kind::Energy => "能源中心 Energy centre",
            Kind::Parking => "停车楼 Parking deck",
            Kind::Gatehouse => "门岗 Gatehouse",
        }
    }
}

/// Writes a building into a file of its own.
pub(crate) fn build(ifc: &mut IfcFile<'_>, site: Ref, about: &Site) {
    let (building, placement) = ifc.building(site, &about.code, about.kind.long_name(), about.pose);
    let mut b = Builder {
        ifc,
        code: about.code.clone(),
        building,
        placement,
        storeys: Vec::new(),
        storey: Storey { name: String::new(), item: building, placement, height: 3.0 },
        tags: HashMap::new(),
        stairs: Vec::new(),
        lifts: Vec::new(),
        shafts: Vec::new(),
    };
    match about.kind {
        Kind::OfficeTower => office_tower::build(&mut b),
        Kind::ResidentialTower => residential::tower(&mut b),
        Kind::Slab(storeys, variant) => residential::slab(&mut b, storeys, variant),
        Kind::Community => community::build(&mut b),
        Kind::Kindergarten => kindergarten::build(&mut b),
        Kind::Energy => energy::build(&mut b),
        Kind::Parking => parking::build(&mut b),
        Kind::Gatehouse => gatehouse::build(&mut b),
    }
    b.end();
}

/// The storey being built.
#[derive(Debug, Clone)]
struct Storey {
    name: String,
    item: Ref,
    placement: Ref,
    height: f64,
}

/// Builds one building, storey by storey from below.
struct Builder<'f, 'w> {
    ifc: &'f mut IfcFile<'w>,
    code: String,
    building: Ref,
    placement: Ref,
    storeys: Vec<Ref>,
    storey: Storey,
    tags: HashMap<&'static str, u32>,
    /// Stairs that lead up from the storey below: the next storey's stairwells border them too.
    stairs: Vec<(P2, Ref)>,
    /// Lifts already placed: every landing borders its lift.
    lifts: Vec<(P2, Ref)>,
    /// Shafts below the storey where their lift is placed.
    shafts: Vec<(P2, Ref)>,
}

impl Builder<'_, '_> {
    /// Starts a storey: `B1F`, `01F`, `RF`.
    fn enter(&mut self, name: &str, elevation: f64, height: f64) {
        self.ifc.flush();
        self.ifc.enter(name);
        self.tags.clear();
        let long = match name.trim_end_matches('F') {
            "R" => "屋面 Roof".to_owned(),
            "B1" => "地下一层 Basement 1".to_owned(),
            number => format!("{0}层 Level {0}", number.trim_start_matches('0')),
        };
        let (item, placement) = self.ifc.storey(self.placement, name, &long, elevation);
        self.storeys.push(item);
        self.storey = Storey { name: name.to_owned(), item, placement, height };
    }

    fn end(&mut self) {
        self.ifc.flush();
        let storeys = std::mem::take(&mut self.storeys);
        self.ifc.aggregate(self.building, storeys);
    }

    /// The next tag of this code on this storey: `T1-03F-EM1`.
    fn tag(&mut self, code: &'static str) -> String {
        let number = self.tags.entry(code).or_insert(0);
        *number += 1;
        format!("{}-{}-{code}{number}", self.code, self.storey.name)
    }

    /// Puts an element with a shape of its own on this storey.
    fn add(&mut self, about: &Element<'_>, pose: Pose, items: &[Item]) -> Ref {
        let shape = self.ifc.shape(items);
        self.put(about, pose, shape, None)
    }

    /// Puts an element drawn as a repeated symbol on this storey, or into one of its spaces.
    fn put(&mut self, about: &Element<'_>, pose: Pose, shape: Ref, space: Option<Ref>) -> Ref {
        let placement = self.ifc.place_at(Some(self.storey.placement), pose);
        let element = self.ifc.element(about, placement, Some(shape));
        self.ifc.contain(space.unwrap_or(self.storey.item), element);
        element
    }

    /// A symbol out of coloured meshes.
    fn symbol(&mut self, key: &str, draw: impl FnOnce() -> Vec<(Mesh, Colour)>) -> Ref {
        self.ifc.symbol(key, |ifc| {
            draw().iter().map(|(mesh, colour)| ifc.mesh(mesh, *colour)).collect()
        })
    }

    /// An element out of coloured meshes of its own.
    fn add_mesh(&mut self, about: &Element<'_>, pose: Pose, parts: &[(Mesh, Colour)]) -> Ref {
        let items: Vec<Item> =
            parts.iter().map(|(mesh, colour)| self.ifc.mesh(mesh, *colour)).collect();
        self.add(about, pose, &items)
    }

    /// A floor slab with its top at the storey's zero (or at `top`).
    fn slab(
        &mut self,
        (name, kind): (&str, &'static str),
        outline: &[P2],
        holes: &[Vec<P2>],
        (top, thick): (f64, f64),
        colour: Colour,
    ) -> Ref {
        let item = self.ifc.extrusion(outline, holes, top - thick, thick, Some(colour));
        let slab = self.add(&Element::new("IFCSLAB", name, kind), Pose::at(0.0, 0.0, 0.0), &[item]);
        self.ifc.properties(
            slab,
            "Pset_SlabCommon",
            &[
                ("LoadBearing", crate::ifc::Value::Bool(true)),
                ("FireRating", crate::ifc::Value::Label("REI 120")),
            ],
        );
        slab
    }

    /// A slab over a rectangle.
    fn floor(&mut self, outline: Rect, holes: &[Rect], colour: Colour) {
        let holes: Vec<Vec<P2>> =
            holes.iter().map(|hole| hole.grown(-0.1).corners().to_vec()).collect();
        self.slab(("Floor slab", "FLOOR"), &outline.corners(), &holes, (0.0, 0.25), colour);
    }
}

/// The pose of something on a wall line: at a point, with its x axis along a direction.
fn on_line(at: P2, along: P2) -> Pose {
    Pose::on(at, 0.0).turned(along.angle())
}

/// A quarter turn, for what is drawn along x and stands along y.
const QUARTER: f64 = FRAC_PI_2;
