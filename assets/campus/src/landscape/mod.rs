//! The compound's ground: lawns, water, roads, paving, planting, gates.

mod furniture;
mod ground;
mod planting;
mod water;
mod yard;

use crate::colour::Colour;
use crate::geometry::{Mesh, P2, Pose, p2};
use crate::ifc::{Element, IfcFile, Item};
use crate::step::Ref;

/// Half the size of a compound's plot, metres.
pub(crate) const PLOT: (f64, f64) = (150.0, 120.0);

/// Where the main gate stands on the south side.
const GATE_X: f64 = 12.0;

/// Writes the site file of a compound whose middle is at `origin`.
pub(crate) fn build(ifc: &mut IfcFile<'_>, site: Ref, code: &str, origin: P2) {
    let placement = ifc.place_at(None, Pose::on(origin, 0.0));
    let mut grounds =
        Grounds { ifc, site, placement, code: code.to_owned(), gates: 0, chargers: 0 };
    ground::build(&mut grounds);
    planting::build(&mut grounds);
    furniture::build(&mut grounds);
    water::build(&mut grounds);
    yard::build(&mut grounds);
}

/// The site being laid out.
struct Grounds<'f, 'w> {
    ifc: &'f mut IfcFile<'w>,
    site: Ref,
    placement: Ref,
    code: String,
    gates: u32,
    chargers: u32,
}

impl Grounds<'_, '_> {
    fn put(&mut self, about: &Element<'_>, pose: Pose, shape: Ref) -> Ref {
        let placement = self.ifc.place_at(Some(self.placement), pose);
        let element = self.ifc.element(about, placement, Some(shape));
        self.ifc.contain(self.site, element);
        element
    }

    fn add(&mut self, about: &Element<'_>, items: &[Item]) -> Ref {
        let shape = self.ifc.shape(items);
        self.put(about, Pose::at(0.0, 0.0, 0.0), shape)
    }

    fn symbol(&mut self, key: &str, draw: impl FnOnce() -> Vec<(Mesh, Colour)>) -> Ref {
        self.ifc.symbol(key, |ifc| {
            draw().iter().map(|(mesh, colour)| ifc.mesh(mesh, *colour)).collect()
        })
    }

    /// A flat surface: an outline, `thick` deep, with its top at `top`.
    fn surface(
        &mut self,
        name: &str,
        object_type: &str,
        outline: &[P2],
        holes: &[Vec<P2>],
        top: f64,
        colour: Colour,
    ) -> Ref {
        const THICK: f64 = 0.2;
        let item = self.ifc.extrusion(outline, holes, top - THICK, THICK, Some(colour));
        self.add(&geographic(name, object_type), &[item])
    }

    /// A strip along a line.
    fn strip(
        &mut self,
        (name, object_type): (&str, &str),
        line: &[P2],
        (width, top): (f64, f64),
        closed: bool,
        colour: Colour,
    ) -> Ref {
        let mesh = Mesh::new().ribbon(line, (-width / 2.0, width / 2.0), (top - 0.2, top), closed);
        let item = self.ifc.mesh(&mesh, colour);
        self.add(&geographic(name, object_type), &[item])
    }
}

fn geographic<'a>(name: &'a str, object_type: &'a str) -> Element<'a> {
    Element::new("IFCGEOGRAPHICELEMENT", name, "USERDEFINED").of_type(object_type)
}

/// The pond's shore.
fn pond() -> Vec<P2> {
    let shore = [
        p2(-22.0, 4.0),
        p2(-14.0, -9.0),
        p2(2.0, -13.0),
        p2(16.0, -8.0),
        p2(27.0, -10.0),
        p2(33.0, 2.0),
        p2(24.0, 13.0),
        p2(10.0, 11.0),
        p2(-2.0, 17.0),
        p2(-16.0, 15.0),
    ];
    crate::geometry::smooth(&shore, 6, true)
}
