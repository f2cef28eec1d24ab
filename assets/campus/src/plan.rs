//! Floor plans: cells that touch, and the doors that join them.

use crate::geometry::{P2, Rect, p2, rect};

/// What a cell is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Office,
    OpenOffice,
    Meeting,
    Lobby,
    Corridor,
    Stair,
    LiftShaft,
    Toilet,
    Electrical,
    Plant,
    Store,
    Living,
    Bedroom,
    Bathroom,
    Shop,
    Hall,
    Classroom,
    Control,
    Parking,
    Gate,
}

impl Use {
    /// Chinese and English name.
    pub(crate) fn label(self) -> (&'static str, &'static str) {
        match self {
            Use::Office => ("办公室", "Office"),
            Use::OpenOffice => ("开放办公", "Open office"),
            Use::Meeting => ("会议室", "Meeting room"),
            Use::Lobby => ("大堂", "Lobby"),
            Use::Corridor => ("走廊", "Corridor"),
            Use::Stair => ("楼梯间", "Stairwell"),
            Use::LiftShaft => ("电梯井", "Lift shaft"),
            Use::Toilet => ("卫生间", "Toilet"),
            Use::Electrical => ("配电间", "Electrical room"),
            Use::Plant => ("设备机房", "Plant room"),
            Use::Store => ("储藏间", "Store"),
            Use::Living => ("客厅", "Living room"),
            Use::Bedroom => ("卧室", "Bedroom"),
            Use::Bathroom => ("浴室", "Bathroom"),
            Use::Shop => ("商铺", "Shop"),
            Use::Hall => ("大厅", "Hall"),
            Use::Classroom => ("教室", "Classroom"),
            Use::Control => ("控制室", "Control room"),
            Use::Parking => ("停车区", "Parking"),
            Use::Gate => ("岗亭", "Guard room"),
        }
    }

    /// The letter its code starts with.
    pub(crate) fn letter(self) -> char {
        match self {
            Use::Corridor => 'C',
            Use::Lobby => 'L',
            Use::Stair => 'S',
            Use::LiftShaft => 'E',
            Use::Toilet | Use::Bathroom => 'W',
            Use::Electrical | Use::Plant | Use::Store => 'M',
            _ => 'R',
        }
    }

    /// Whether people are counted here.
    pub(crate) fn counted(self) -> bool {
        matches!(
            self,
            Use::Lobby
                | Use::Corridor
                | Use::OpenOffice
                | Use::Meeting
                | Use::Shop
                | Use::Hall
                | Use::Classroom
                | Use::Parking
        )
    }

    /// Whether the air is measured here.
    pub(crate) fn monitored(self) -> bool {
        matches!(
            self,
            Use::Lobby
                | Use::Office
                | Use::OpenOffice
                | Use::Meeting
                | Use::Shop
                | Use::Hall
                | Use::Classroom
                | Use::Electrical
                | Use::Plant
                | Use::Control
        )
    }
}

/// One room: touching rectangles that make one space.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) parts: Vec<Rect>,
    pub(crate) purpose: Use,
}

/// How two cells, or a cell and the open air, are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoorKind {
    Single,
    Double,
    FireRated,
    Lift,
    /// The leaves of a main entrance, glass.
    Entrance,
    /// A plain door to the open air.
    Exit,
    /// Garage and plant doors.
    Shutter,
}

/// A door in a plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) from: usize,
    /// `None`: the open air.
    pub(crate) to: Option<usize>,
    pub(crate) kind: DoorKind,
    /// On the outer edge where `to` is `None`; else near where the door should stand.
    pub(crate) near: Option<P2>,
    pub(crate) access_controlled: bool,
}

/// A storey's plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) cells: Vec<Cell>,
    pub(crate) links: Vec<Link>,
}

impl Plan {
    /// Adds a cell of one rectangle.
    pub(crate) fn cell(&mut self, purpose: Use, part: Rect) -> usize {
        self.cell_of(purpose, vec![part])
    }

    /// Adds a cell of several touching rectangles.
    pub(crate) fn cell_of(&mut self, purpose: Use, parts: Vec<Rect>) -> usize {
        self.cells.push(Cell { parts, purpose });
        self.cells.len() - 1
    }

    /// A door between two cells, in the middle of where they touch.
    pub(crate) fn door(&mut self, from: usize, to: usize, kind: DoorKind) {
        self.links.push(Link { from, to: Some(to), kind, near: None, access_controlled: false });
    }

    /// A door between two cells under access control.
    pub(crate) fn guarded_door(&mut self, from: usize, to: usize, kind: DoorKind) {
        self.links.push(Link { from, to: Some(to), kind, near: None, access_controlled: true });
    }

    /// A door to the open air at a point of the cell's outer edge.
    pub(crate) fn exit(&mut self, from: usize, near: P2, kind: DoorKind, access_controlled: bool) {
        self.links.push(Link { from, to: None, kind, near: Some(near), access_controlled });
    }

    /// Where two cells touch.
    pub(crate) fn touching(&self, a: usize, b: usize) -> Vec<(P2, P2)> {
        let (a, b) = (&self.cells[a], &self.cells[b]);
        a.parts.iter().flat_map(|p| b.parts.iter().filter_map(|q| p.shared_edge(*q))).collect()
    }

    /// Where the doors to the open air stand.
    pub(crate) fn exits(&self) -> Vec<P2> {
        self.links.iter().filter(|link| link.to.is_none()).filter_map(|link| link.near).collect()
    }
}

/// Splits a rectangle along x into equal parts.
pub(crate) fn split_x(r: Rect, count: usize) -> Vec<Rect> {
    let step = r.width() / count as f64;
    (0..count)
        .map(|i| rect(r.x0 + step * i as f64, r.y0, r.x0 + step * (i + 1) as f64, r.y1))
        .collect()
}

/// Splits a rectangle along y into equal parts.
pub(crate) fn split_y(r: Rect, count: usize) -> Vec<Rect> {
    let step = r.depth() / count as f64;
    (0..count)
        .map(|i| rect(r.x0, r.y0 + step * i as f64, r.x1, r.y0 + step * (i + 1) as f64))
        .collect()
}

/// The core of a high-rise: lift lobby between two rows of lifts, two stairs, toilets, electrical and
/// water shafts, inside `Rect::centred(14, 14)`; the ring corridor round it is one space with the lobby.
/// Returns the corridor.
pub(crate) fn tower_core(plan: &mut Plan, ring: f64, corridor: Use) -> usize {
    let outer = 7.0 + ring;
    let hall = plan.cell_of(
        corridor,
        vec![
            rect(-outer, 7.0, outer, outer),
            rect(-outer, -outer, outer, -7.0),
            rect(-outer, -7.0, -7.0, 7.0),
            rect(7.0, -7.0, outer, 7.0),
            rect(-7.0, -1.5, 7.0, 1.5),
        ],
    );
    for (y0, y1) in [(1.5, 4.2), (-4.2, -1.5)] {
        for shaft in split_x(rect(-4.8, y0, 4.8, y1), 4) {
            let shaft = plan.cell(Use::LiftShaft, shaft);
            plan.door(hall, shaft, DoorKind::Lift);
        }
        for (x0, x1) in [(-7.0, -4.8), (4.8, 7.0)] {
            let store = plan.cell(Use::Store, rect(x0, y0, x1, y1));
            plan.door(hall, store, DoorKind::Single);
        }
    }
    for (y0, y1, service) in [(4.2, 7.0, Use::Electrical), (-7.0, -4.2, Use::Plant)] {
        let stair = plan.cell(Use::Stair, rect(-7.0, y0, -0.8, y1));
        let toilet = plan.cell(Use::Toilet, rect(-0.8, y0, 3.6, y1));
        let service_room = plan.cell(service, rect(3.6, y0, 7.0, y1));
        // One of the two stairs is locked from the corridor; the other is the free way out.
        if service == Use::Electrical {
            plan.guarded_door(hall, stair, DoorKind::FireRated);
        } else {
            plan.door(hall, stair, DoorKind::FireRated);
        }
        plan.door(hall, toilet, DoorKind::Single);
        plan.door(hall, service_room, DoorKind::FireRated);
    }
    hall
}

/// The four wings round a ring corridor, laid like a pinwheel so that every room reaches the ring.
pub(crate) fn pinwheel(half: f64, ring: f64, rooms: usize) -> Vec<Rect> {
    let inner = 7.0 + ring;
    let mut out = Vec::new();
    out.extend(split_x(rect(-half, inner, inner, half), rooms));
    out.extend(split_y(rect(inner, -inner, half, half), rooms));
    out.extend(split_x(rect(-inner, -half, half, -inner), rooms));
    out.extend(split_y(rect(-half, -half, -inner, inner), rooms));
    out
}

/// The middle of the segment nearest to a wish, else of the longest.
pub(crate) fn door_place(edges: &[(P2, P2)], near: Option<P2>) -> Option<(P2, P2)> {
    let middle = |(a, b): &(P2, P2)| p2(f64::midpoint(a.x, b.x), f64::midpoint(a.y, b.y));
    let key = |edge: &(P2, P2)| match near {
        Some(wish) => -(middle(edge) - wish).length(),
        None => (edge.1 - edge.0).length(),
    };
    let edge = edges.iter().max_by(|a, b| key(a).total_cmp(&key(b)))?;
    Some((middle(edge), (edge.1 - edge.0).unit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_of_a_pinwheel_reaches_the_ring() {
        let mut plan = Plan::default();
        let ring = tower_core(&mut plan, 2.0, Use::Corridor);
        for room in pinwheel(18.0, 2.0, 2) {
            let room = plan.cell(Use::Office, room);
            assert!(!plan.touching(ring, room).is_empty());
        }
        for link in &plan.links {
            let to = link.to.expect("all lead inside");
            assert!(!plan.touching(link.from, to).is_empty(), "{link:?}");
        }
    }
}
