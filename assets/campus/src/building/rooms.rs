//! From a plan to spaces, partitions and doors.

use std::collections::HashMap;

use super::{Builder, on_line, symbols};
use crate::colour::{PARTITION, SPACE};
use crate::geometry::{P2, Pose};
use crate::ifc::{Element, Tail, Value};
use crate::plan::{Cell, DoorKind, Link, Plan, Use, door_place};
use crate::step::Ref;

/// How a storey's partitions are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partitions {
    pub(super) thick: f64,
    /// Doors in real openings; else the wall is built in pieces beside them, which costs an importer
    /// no boolean operation (towers have thousands).
    pub(super) cut: bool,
}

/// A door as placed.
struct Placed {
    /// Distance from the wall's middle.
    offset: f64,
    at: P2,
    link: Link,
}

impl Builder<'_, '_> {
    /// Builds everything a plan says and returns its spaces, in the order of its cells.
    pub(super) fn rooms(&mut self, plan: &Plan, style: Partitions) -> Vec<Ref> {
        let spaces = self.spaces(plan);
        let mut seen = Vec::new();
        for a in 0..plan.cells.len() {
            for b in a + 1..plan.cells.len() {
                let edges = plan.touching(a, b);
                if edges.is_empty() {
                    continue;
                }
                let links: Vec<Link> = plan
                    .links
                    .iter()
                    .filter(|l| (l.from, l.to) == (a, Some(b)) || (l.from, l.to) == (b, Some(a)))
                    .copied()
                    .collect();
                seen.extend(links.iter().map(|l| (l.from, l.to)));
                self.partitions(&edges, &links, &spaces, style);
            }
        }
        for link in plan.links.iter().filter(|link| link.to.is_none()) {
            self.outer_door(plan, link, &spaces);
        }
        self.people_counters_and_air(plan, &spaces);
        self.join_upward(plan, &spaces);
        spaces
    }

    fn spaces(&mut self, plan: &Plan) -> Vec<Ref> {
        let mut numbers: HashMap<char, u32> = HashMap::new();
        let floor = self.storey.name.trim_end_matches('F').trim_start_matches('0').to_owned();
        let mut spaces = Vec::with_capacity(plan.cells.len());
        for (index, cell) in plan.cells.iter().enumerate() {
            let letter = cell.purpose.letter();
            let number = numbers.entry(letter).or_insert(0);
            *number += 1;
            let name = format!("{}-{}-{letter}{number:02}", self.code, self.storey.name);
            let (zh, en) = cell.purpose.label();
            let long = format!("{zh} {floor}{:02} {en}", index + 1);
            spaces.push(self.space(cell, &name, &long));
        }
        self.ifc.aggregate(self.storey.item, spaces.clone());
        spaces
    }

    fn space(&mut self, cell: &Cell, name: &str, long: &str) -> Ref {
        let height = self.clear_height();
        let items: Vec<_> = cell
            .parts
            .iter()
            .map(|part| self.ifc.extrusion(&part.corners(), &[], 0.0, height, Some(SPACE)))
            .collect();
        let shape = self.ifc.shape(&items);
        let placement = self.ifc.place_at(Some(self.storey.placement), Pose::at(0.0, 0.0, 0.0));
        let space = self.ifc.space(name, long, cell.purpose.label().1, placement, shape, false);
        let area = cell.parts.iter().map(|part| part.area()).sum();
        let perimeter = cell.parts.iter().map(|part| 2.0 * (part.width() + part.depth())).sum();
        self.ifc.space_quantities(space, area, perimeter, height);
        self.ifc.properties(
            space,
            "Pset_SpaceCommon",
            &[
                ("IsExternal", Value::Bool(false)),
                (
                    "PubliclyAccessible",
                    Value::Bool(matches!(cell.purpose, Use::Lobby | Use::Shop | Use::Hall)),
                ),
            ],
        );
        space
    }

    fn clear_height(&self) -> f64 {
        (self.storey.height - 0.3).max(2.2)
    }

    /// The walls where two cells touch, with their doors.
    fn partitions(
        &mut self,
        edges: &[(P2, P2)],
        links: &[Link],
        spaces: &[Ref],
        style: Partitions,
    ) {
        let mut doors: Vec<(usize, Placed)> = Vec::new();
        for link in links {
            let Some((at, _)) = door_place(edges, link.near) else { continue };
            let Some(host) = edges.iter().position(|(a, b)| ((*a + *b) * 0.5 - at).length() < 1e-6)
            else {
                continue;
            };
            doors.push((host, Placed { offset: 0.0, at, link: *link }));
        }
        for (index, (a, b)) in edges.iter().enumerate() {
            let here: Vec<&Placed> =
                doors.iter().filter(|(host, _)| *host == index).map(|(_, door)| door).collect();
            if style.cut {
                self.cut_wall(*a, *b, &here, spaces, style.thick);
            } else {
                self.pieced_wall(*a, *b, &here, spaces, style.thick);
            }
        }
    }

    fn wall(&mut self, a: P2, b: P2, thick: f64) -> Option<Ref> {
        let length = (b - a).length();
        if length < 0.08 {
            return None;
        }
        let height = self.clear_height() + 0.05;
        let pose = on_line((a + b) * 0.5, b - a);
        let key = format!("partition/{length:.3}/{thick:.2}/{height:.2}");
        let shape = self
            .ifc
            .symbol(&key, |ifc| vec![ifc.block([length, thick, height], 0.0, Some(PARTITION))]);
        let wall =
            self.put(&Element::new("IFCWALL", "Partition", "PARTITIONING"), pose, shape, None);
        self.wall_properties(wall, false);
        Some(wall)
    }

    pub(super) fn wall_properties(&mut self, wall: Ref, external: bool) {
        self.ifc.properties(
            wall,
            "Pset_WallCommon",
            &[
                ("IsExternal", Value::Bool(external)),
                ("LoadBearing", Value::Bool(external)),
                ("FireRating", Value::Label(if external { "REI 120" } else { "EI 60" })),
            ],
        );
    }

    fn cut_wall(&mut self, a: P2, b: P2, doors: &[&Placed], spaces: &[Ref], thick: f64) {
        let length = (b - a).length();
        let height = self.clear_height() + 0.05;
        let pose = on_line((a + b) * 0.5, b - a);
        let item = self.ifc.block([length, thick, height], 0.0, Some(PARTITION));
        let wall = self.add(&Element::new("IFCWALL", "Partition", "PARTITIONING"), pose, &[item]);
        self.wall_properties(wall, false);
        for door in doors {
            let (width, leaf_height) = symbols::door_size(door.link.kind);
            let block =
                self.ifc.block([width.min(length - 0.1), thick + 0.2, leaf_height], 0.0, None);
            let shape = self.ifc.shape(&[block]);
            let door_pose = Pose { x: door.at.x, y: door.at.y, ..pose };
            let placement = self.ifc.place_at(Some(self.storey.placement), door_pose);
            let opening = self.ifc.cut(wall, placement, shape);
            let filling = self.door(&door.link, door_pose, spaces, leaf_height);
            self.ifc.fill(opening, filling);
        }
    }

    fn pieced_wall(&mut self, a: P2, b: P2, doors: &[&Placed], spaces: &[Ref], thick: f64) {
        let way = (b - a).unit();
        let mut from = a;
        for door in doors {
            let (width, _) = symbols::door_size(door.link.kind);
            let middle = door.at + way * door.offset;
            self.wall(from, middle - way * (width / 2.0), thick);
            let height = self.clear_height();
            self.door(&door.link, on_line(middle, way), spaces, height);
            from = middle + way * (width / 2.0);
        }
        self.wall(from, b, thick);
    }

    /// A door with its two space boundaries. `height` above the leaf's own is closed by a panel.
    fn door(&mut self, link: &Link, pose: Pose, spaces: &[Ref], height: f64) -> Ref {
        let (width, leaf) = symbols::door_size(link.kind);
        let key = format!("door/{:?}/{height:.2}", link.kind);
        let shape = self.symbol(&key, || symbols::door(link.kind, height));
        let tag = self.tag("D");
        let name = format!("{} {tag}", symbols::door_name(link.kind));
        let operation = match link.kind {
            DoorKind::Lift => "SLIDING_TO_LEFT",
            DoorKind::Double | DoorKind::Entrance => "DOUBLE_DOOR_SINGLE_SWING",
            DoorKind::Shutter => "ROLLINGUP",
            _ => "SINGLE_SWING_LEFT",
        };
        let about = Element::new("IFCDOOR", &name, "DOOR")
            .tagged(&tag)
            .of_type(symbols::door_name(link.kind))
            .tail(Tail::Door { height: leaf, width, kind: "DOOR", operation });
        let door = self.put(&about, pose, shape, None);
        self.door_properties(door, link);
        self.ifc.boundary(spaces[link.from], door, link.to.is_none());
        if let Some(to) = link.to {
            self.ifc.boundary(spaces[to], door, false);
        }
        door
    }

    fn door_properties(&mut self, door: Ref, link: &Link) {
        let fire = matches!(link.kind, DoorKind::FireRated);
        let external = link.to.is_none();
        self.ifc.properties(
            door,
            "Pset_DoorCommon",
            &[
                ("IsExternal", Value::Bool(external)),
                ("FireExit", Value::Bool(external || fire)),
                ("FireRating", Value::Label(if fire { "EI 60" } else { "-" })),
                ("SelfClosing", Value::Bool(fire)),
            ],
        );
        if link.access_controlled {
            self.ifc.properties(
                door,
                "Pset_TwinAccess",
                &[
                    ("AccessControlled", Value::Bool(true)),
                    ("Reader", Value::Label("Card, both sides")),
                ],
            );
        }
    }

    fn outer_door(&mut self, plan: &Plan, link: &Link, spaces: &[Ref]) {
        let Some(at) = link.near else { return };
        // The outer edge runs along x unless the point lies on a side that runs along y.
        let on_side = plan.cells[link.from].parts.iter().any(|p| {
            ((p.x0 - at.x).abs() < 1e-6 || (p.x1 - at.x).abs() < 1e-6) && at.y > p.y0 && at.y < p.y1
        });
        let way = if on_side { P2 { x: 0.0, y: 1.0 } } else { P2 { x: 1.0, y: 0.0 } };
        let (_, height) = symbols::door_size(link.kind);
        self.door(link, on_line(at, way), spaces, height);
    }
}
