//! Outer walls: bays along the sides of a storey.

use super::{Builder, on_line, symbols};
use crate::colour::Colour;
use crate::geometry::{Mesh, P2, Rect};
use crate::ifc::{Element, Tail, Value};

/// One bay of a facade, as the style that fills it sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bay {
    /// Side of the outline, from the south counter-clockwise.
    pub(super) side: usize,
    pub(super) index: usize,
    pub(super) width: f64,
    pub(super) height: f64,
    /// A door to the open air stands here.
    pub(super) door: bool,
}

/// Something standing in a bay, drawn once for each size and key.
pub(super) struct Part {
    pub(super) class: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) key: String,
    pub(super) draw: Vec<(Mesh, Colour)>,
}

/// A window in a solid wall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hole {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) sill: f64,
    pub(super) frame: Colour,
}

impl Builder<'_, '_> {
    /// Fills the sides of an outline with bays of about `bay` metres. `style` says what stands in each;
    /// its parts are drawn about the middle of the bay, outside towards −y.
    pub(super) fn bays(
        &mut self,
        outline: Rect,
        bay: f64,
        doors: &[P2],
        style: impl Fn(&Bay) -> Vec<Part>,
    ) {
        for (side, (a, b)) in outline.sides().into_iter().enumerate() {
            let length = (b - a).length();
            let count = (length / bay).round().max(1.0) as usize;
            let width = length / count as f64;
            let way = (b - a).unit();
            for index in 0..count {
                let middle = a + way * (width * (index as f64 + 0.5));
                let door = doors.iter().any(|d| (*d - middle).length() < width / 2.0 + 0.01);
                let about = Bay { side, index, width, height: self.storey.height, door };
                for part in style(&about) {
                    let key = format!("{}/{width:.3}/{:.2}", part.key, about.height);
                    let shape = self.symbol(&key, || part.draw);
                    let element = Element::new(part.class, part.name, part.kind);
                    let element = if part.class == "IFCWINDOW" {
                        element.tail(Tail::Window { height: about.height - 1.2, width })
                    } else {
                        element
                    };
                    self.put(&element, on_line(middle, way), shape, None);
                }
            }
        }
    }

    /// Solid outer walls round an outline, their inner faces on it, with windows in real openings; one
    /// wall a side.
    pub(super) fn solid_walls(
        &mut self,
        outline: Rect,
        bay: f64,
        thick: f64,
        colour: Colour,
        doors: &[P2],
        hole: impl Fn(&Bay) -> Option<Hole>,
    ) {
        for (side, (a, b)) in outline.sides().into_iter().enumerate() {
            let way = (b - a).unit();
            let length = (b - a).length();
            let pose = on_line((a + b) * 0.5 - way.left() * (thick / 2.0), way);
            // Side walls stop at the long ones, so that no two lie in each other.
            let built = if side.is_multiple_of(2) { length + 2.0 * thick } else { length };
            let item = self.ifc.block([built, thick, self.storey.height], 0.0, Some(colour));
            let wall = self.add(&Element::new("IFCWALL", "Outer wall", "SOLIDWALL"), pose, &[item]);
            self.wall_properties(wall, true);
            let count = (length / bay).round().max(1.0) as usize;
            let width = length / count as f64;
            for index in 0..count {
                let offset = width * (index as f64 + 0.5);
                let middle = a + way * offset;
                let door = doors.iter().any(|d| (*d - middle).length() < width / 2.0 + 0.01);
                let about = Bay { side, index, width, height: self.storey.height, door };
                if let Some(hole) = hole(&about) {
                    self.window_in(wall, middle, way, thick, hole);
                }
            }
            for door in doors
                .iter()
                .filter(|d| ((**d - a).length() + (**d - b).length() - length).abs() < 0.01)
            {
                self.gap_in(wall, *door, way, thick);
            }
        }
    }

    fn window_in(&mut self, wall: crate::step::Ref, middle: P2, way: P2, thick: f64, hole: Hole) {
        let mut pose = on_line(middle - way.left() * (thick / 2.0), way);
        pose.z = hole.sill;
        let block = self.ifc.block([hole.width, thick + 0.2, hole.height], 0.0, None);
        let shape = self.ifc.shape(&[block]);
        let placement = self.ifc.place_at(Some(self.storey.placement), pose);
        let opening = self.ifc.cut(wall, placement, shape);
        let key = format!("window/{:.2}/{:.2}/{}", hole.width, hole.height, hole.frame.name);
        let shape = self.symbol(&key, || symbols::window(hole.width, hole.height, hole.frame));
        let about = Element::new("IFCWINDOW", "Window", "WINDOW")
            .tail(Tail::Window { height: hole.height, width: hole.width });
        let window = self.put(&about, pose, shape, None);
        self.ifc.properties(
            window,
            "Pset_WindowCommon",
            &[("IsExternal", Value::Bool(true)), ("GlazingAreaFraction", Value::Real(0.8))],
        );
        self.ifc.fill(opening, window);
    }

    /// A hole for a door to the open air; the door itself comes with the plan.
    fn gap_in(&mut self, wall: crate::step::Ref, at: P2, way: P2, thick: f64) {
        let (width, height) = if self.storey.height > 4.5 { (4.0, 3.2) } else { (1.8, 2.3) };
        let pose = on_line(at - way.left() * (thick / 2.0), way);
        let block = self.ifc.block([width, thick + 0.2, height], 0.0, None);
        let shape = self.ifc.shape(&[block]);
        let placement = self.ifc.place_at(Some(self.storey.placement), pose);
        self.ifc.cut(wall, placement, shape);
    }
}
