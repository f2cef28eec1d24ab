//! T1: thirty storeys of offices over a podium of four, a curtain wall with fins, two setbacks, a crown.

use super::facade::{Bay, Part};
use super::rooms::Partitions;
use super::{Builder, on_line};
use crate::colour::{
    BARK, BRONZE, CHAMPAGNE, CLEAR_GLASS, CONCRETE, Colour, GRAPHITE, LAWN, LEAF, PALE_CONCRETE,
    ROOF, SAND, SPANDREL, STEEL, TOWER_GLASS,
};
use crate::geometry::{Mesh, P2, Pose, Rect, p2, rect};
use crate::ifc::Element;
use crate::plan::{DoorKind, Plan, Use, pinwheel, split_x, tower_core};
use crate::step::Ref;

const PODIUM_STOREYS: usize = 4;
const STOREYS: usize = 30;
const RING: f64 = 2.0;
const PODIUM: Rect = rect(-30.0, -28.0, 30.0, 24.0);
const STYLE: Partitions = Partitions { thick: 0.12, cut: false };

/// Half the side of the square plan at a storey (1 is the ground floor).
fn half_side(storey: usize) -> f64 {
    match storey {
        0..=15 => 18.0,
        16..=24 => 16.5,
        _ => 15.0,
    }
}

pub(super) fn build(b: &mut Builder<'_, '_>) {
    basement(b);
    let mut z = 0.0;
    for number in 1..=STOREYS {
        let height = if number == 1 { 6.0 } else { 4.0 };
        b.enter(&format!("{number:02}F"), z, height);
        if number <= PODIUM_STOREYS {
            podium_storey(b, number);
        } else {
            typical_storey(b, number);
        }
        z += height;
    }
    b.enter("RF", z, 6.0);
    crown(b);
}

/// Stairs, lifts, meters: what every storey has in the core.
fn core_parts(
    b: &mut Builder<'_, '_>,
    plan: &Plan,
    spaces: &[Ref],
    lifts: bool,
    stairs: bool,
    water: bool,
) {
    for (cell, space) in plan.cells.iter().zip(spaces) {
        let part = cell.parts[0];
        match cell.purpose {
            Use::Stair if stairs => b.stair(part, *space),
            Use::LiftShaft if lifts => b.lift(part, *space, STOREYS as f64),
            Use::Electrical => b.electric_riser(part, *space),
            Use::Plant if water && part.area() < 20.0 => {
                b.water_meter(part.centre(), Some(*space));
            }
            _ => {}
        }
    }
}

fn core_holes() -> Vec<Rect> {
    vec![
        rect(-4.8, 1.5, 4.8, 4.2),
        rect(-4.8, -4.2, 4.8, -1.5),
        rect(-7.0, 4.2, -0.8, 7.0),
        rect(-7.0, -7.0, -0.8, -4.2),
    ]
}

fn basement(b: &mut Builder<'_, '_>) {
    b.enter("B1F", -5.0, 5.0);
    let outline = rect(-24.0, -18.0, 24.0, 18.0);
    b.floor(outline, &[], CONCRETE);
    let mut plan = Plan::default();
    let hall = tower_core(&mut plan, RING, Use::Corridor);
    let pumps = plan.cell(Use::Plant, rect(-24.0, -9.0, -9.0, 18.0));
    let switch = plan.cell(Use::Electrical, rect(9.0, -18.0, 24.0, 9.0));
    let store = plan.cell(Use::Store, rect(-9.0, 9.0, 24.0, 18.0));
    let chillers = plan.cell(Use::Plant, rect(-24.0, -18.0, 9.0, -9.0));
    for room in [pumps, switch, chillers] {
        plan.guarded_door(hall, room, DoorKind::FireRated);
    }
    plan.door(hall, store, DoorKind::Double);
    let spaces = b.rooms(&plan, STYLE);
    b.solid_walls(outline.grown(0.3), 6.0, 0.3, CONCRETE, &[], |_| None);
    core_parts(b, &plan, &spaces, false, true, true);
    for i in 0..4 {
        b.pump(p2(-20.0, -4.0 + 3.0 * f64::from(i)), spaces[pumps]);
    }
    b.electric_meter(p2(16.0, 8.6), Some(spaces[switch]), "EM-MAIN");
    b.water_meter(p2(-12.0, 4.0), Some(spaces[pumps]));
}

fn podium_storey(b: &mut Builder<'_, '_>, number: usize) {
    let ground = number == 1;
    b.floor(PODIUM, &if ground { Vec::new() } else { core_holes() }, PALE_CONCRETE);
    let mut plan = Plan::default();
    let use_ = if ground { Use::Lobby } else { Use::Corridor };
    let hall = tower_core(&mut plan, RING, use_);
    // The ring grows to the south front as one lobby.
    plan.cells[hall].parts.push(rect(-9.0, -28.0, 9.0, -9.0));
    let purpose = if ground {
        Use::Shop
    } else if number == 2 {
        Use::Meeting
    } else {
        Use::OpenOffice
    };
    let mut rooms = split_x(rect(-30.0, 9.0, 30.0, 24.0), 4)[1..3].to_vec();
    rooms.extend([rect(-30.0, -28.0, -9.0, -9.5), rect(9.0, -28.0, 30.0, -9.5)]);
    rooms.extend([rect(-30.0, -9.5, -9.0, 9.0), rect(9.0, -9.5, 30.0, 9.0)]);
    let mut offices = Vec::new();
    for room in rooms {
        let cell = plan.cell(purpose, room);
        plan.guarded_door(hall, cell, DoorKind::Double);
        offices.push((cell, room));
    }
    for (x0, x1, beside) in [(-30.0, -15.0, offices[0].0), (15.0, 30.0, offices[1].0)] {
        let cell = plan.cell(purpose, rect(x0, 9.0, x1, 24.0));
        plan.door(beside, cell, DoorKind::Double);
    }
    if ground {
        plan.exit(hall, p2(-4.5, -28.0), DoorKind::Entrance, true);
        plan.exit(hall, p2(1.5, -28.0), DoorKind::Entrance, true);
        for (cell, x) in [(offices[0].0, -7.5), (offices[1].0, 7.5)] {
            plan.exit(cell, p2(x, 24.0), DoorKind::Entrance, true);
        }
    }
    let doors = plan.exits();
    let spaces = b.rooms(&plan, STYLE);
    core_parts(b, &plan, &spaces, ground, true, number.is_multiple_of(4));
    if ground {
        b.reception(Pose::at(0.0, -12.0, 0.0), spaces[hall]);
        for x in [-6.0, 6.0] {
            b.sofas(p2(x, -20.0), spaces[hall]);
        }
    } else if number > 2 {
        for (cell, room) in &offices {
            b.desks(*room, spaces[*cell]);
        }
    }
    b.bays(PODIUM, 3.0, &doors, |bay| podium_bay(bay, ground));
    if ground {
        entrance_canopy(b);
    }
    if number == PODIUM_STOREYS {
        podium_roof(b);
        roof_garden(b);
    }
}

fn podium_roof(b: &mut Builder<'_, '_>) {
    let hole = Rect::centred(36.0, 36.0).corners().to_vec();
    b.slab(
        ("Podium roof", "ROOF"),
        &PODIUM.grown(0.6).corners(),
        &[hole],
        (b.storey.height + 0.3, 0.3),
        SAND,
    );
    let parapet = Mesh::new().ribbon(&PODIUM.grown(0.4).corners(), (-0.15, 0.15), (0.0, 1.1), true);
    let z = b.storey.height + 0.3;
    b.add_mesh(
        &Element::new("IFCRAILING", "Parapet", "BALUSTRADE"),
        Pose::at(0.0, 0.0, z),
        &[(parapet, CHAMPAGNE)],
    );
}

/// Lawns, hedges and small trees on the podium.
fn roof_garden(b: &mut Builder<'_, '_>) {
    let z = b.storey.height + 0.3;
    for (index, bed) in [
        rect(-27.0, -26.0, 27.0, -20.5),
        rect(-28.0, -18.0, -21.0, 18.0),
        rect(21.0, -18.0, 28.0, 18.0),
    ]
    .into_iter()
    .enumerate()
    {
        let lawn = Mesh::new().prism(&bed.corners(), 0.0, 0.35);
        b.add_mesh(
            &Element::new("IFCGEOGRAPHICELEMENT", "Roof lawn", "USERDEFINED").of_type("Green"),
            Pose::at(0.0, 0.0, z),
            &[(lawn, LAWN)],
        );
        let line = bed.grown(-1.6);
        let count = (line.width().max(line.depth()) / 6.0) as usize;
        for i in 0..=count {
            let s = i as f64 / count as f64;
            let at = p2(
                line.x0 + line.width() * if index == 0 { s } else { 0.5 },
                line.y0 + line.depth() * if index == 0 { 0.5 } else { s },
            );
            let shape = b.symbol("roof tree", || {
                vec![
                    (Mesh::new().cone(p2(0.0, 0.0), (0.1, 0.06), (0.2, 1.7), 5), BARK),
                    (Mesh::new().lump([0.0, 0.0, 2.5], [1.2, 1.2, 1.2], 7, 0.5), LEAF),
                ]
            });
            b.put(
                &Element::new("IFCGEOGRAPHICELEMENT", "Roof tree", "USERDEFINED").of_type("Tree"),
                Pose::on(at, z),
                shape,
                None,
            );
        }
    }
}

/// The roof over the main entrance.
fn entrance_canopy(b: &mut Builder<'_, '_>) {
    let roof = Mesh::new().cuboid([-10.0, -35.0, 4.6], [7.0, -28.4, 4.95]);
    let posts = [-9.0, 6.0]
        .into_iter()
        .fold(Mesh::new(), |mesh, x| mesh.cylinder(p2(x, -34.0), 0.22, (0.0, 4.6), 10));
    b.add_mesh(
        &Element::new("IFCROOF", "Entrance canopy", "FLAT_ROOF"),
        Pose::at(0.0, 0.0, 0.0),
        &[(roof, BRONZE), (posts, CHAMPAGNE)],
    );
}

/// Stone piers between glass.
fn podium_bay(bay: &Bay, ground: bool) -> Vec<Part> {
    let (half, height) = (bay.width / 2.0, bay.height);
    let pier = Mesh::new().cuboid([-half, -0.35, 0.0], [-half + 0.5, 0.15, height]);
    let band = Mesh::new().cuboid([-half + 0.5, -0.25, height - 0.7], [half, 0.1, height]);
    let stone = Part {
        class: "IFCWALL",
        kind: "ELEMENTEDWALL",
        name: "Stone pier",
        key: "t1 pier".into(),
        draw: vec![(pier, SAND), (band, SAND)],
    };
    if bay.door {
        return vec![stone];
    }
    let pane = Mesh::new().cuboid([-half + 0.5, -0.03, 0.0], [half, 0.03, height - 0.7]);
    let colour = if ground { CLEAR_GLASS } else { TOWER_GLASS };
    let key = if ground { "t1 shop window" } else { "t1 podium window" };
    vec![
        stone,
        Part {
            class: "IFCPLATE",
            kind: "CURTAIN_PANEL",
            name: "Glass panel",
            key: key.into(),
            draw: vec![(pane, colour)],
        },
    ]
}

fn typical_storey(b: &mut Builder<'_, '_>, number: usize) {
    let half = half_side(number);
    let outline = Rect::centred(2.0 * half, 2.0 * half);
    b.floor(outline, &core_holes(), PALE_CONCRETE);
    if half < half_side(number - 1) {
        let below = half_side(number - 1);
        let hole = outline.grown(-0.3).corners().to_vec();
        b.slab(
            ("Setback terrace", "ROOF"),
            &Rect::centred(2.0 * below, 2.0 * below).corners(),
            &[hole],
            (0.05, 0.3),
            SAND,
        );
        let rail = Mesh::new().ribbon(
            &Rect::centred(2.0 * below - 0.3, 2.0 * below - 0.3).corners(),
            (-0.08, 0.08),
            (0.05, 1.15),
            true,
        );
        b.add_mesh(
            &Element::new("IFCRAILING", "Terrace railing", "BALUSTRADE"),
            Pose::at(0.0, 0.0, 0.0),
            &[(rail, CHAMPAGNE)],
        );
    }
    let mut plan = Plan::default();
    let hall = tower_core(&mut plan, RING, Use::Corridor);
    let mut offices = Vec::new();
    for (index, room) in pinwheel(half, RING, 2).into_iter().enumerate() {
        let purpose = if index.is_multiple_of(4) {
            Use::OpenOffice
        } else if index == 3 {
            Use::Meeting
        } else {
            Use::Office
        };
        let cell = plan.cell(purpose, room);
        if index == 0 {
            plan.guarded_door(hall, cell, DoorKind::Single);
        } else {
            plan.door(hall, cell, DoorKind::Single);
        }
        offices.push((cell, room));
    }
    let spaces = b.rooms(&plan, STYLE);
    core_parts(b, &plan, &spaces, false, true, number.is_multiple_of(4));
    if number % 10 == 2 {
        for (cell, room) in &offices {
            b.desks(*room, spaces[*cell]);
        }
    }
    b.bays(outline, 3.0, &[], curtain_bay);
}

/// A unit of the curtain wall: spandrel, pane, two fins.
fn curtain_bay(bay: &Bay) -> Vec<Part> {
    let (half, height) = (bay.width / 2.0, bay.height);
    let pane = Mesh::new().cuboid([-half, -0.03, 0.9], [half, 0.03, height]);
    let spandrel = Mesh::new().cuboid([-half, -0.06, -0.1], [half, 0.05, 0.9]);
    let fins = Mesh::new()
        .cuboid([-half - 0.07, -0.55, -0.1], [-half + 0.07, -0.06, height - 0.1])
        .cuboid([-0.05, -0.35, -0.1], [0.05, -0.06, height - 0.1]);
    vec![
        Part {
            class: "IFCPLATE",
            kind: "CURTAIN_PANEL",
            name: "Curtain wall unit",
            key: "t1 unit".into(),
            draw: vec![(pane, TOWER_GLASS), (spandrel, SPANDREL)],
        },
        Part {
            class: "IFCMEMBER",
            kind: "MULLION",
            name: "Fin",
            key: "t1 fin".into(),
            draw: vec![(fins, CHAMPAGNE)],
        },
    ]
}

fn crown(b: &mut Builder<'_, '_>) {
    let half = half_side(STOREYS);
    let outline = Rect::centred(2.0 * half, 2.0 * half);
    b.slab(("Roof", "ROOF"), &outline.corners(), &[], (0.0, 0.3), ROOF);
    let plant = Rect::centred(18.0, 16.0);
    b.add_mesh(
        &Element::new("IFCWALL", "Plant screen", "SOLIDWALL"),
        Pose::at(0.0, 0.0, 0.0),
        &[(Mesh::new().prism(&plant.corners(), 0.0, 5.0), GRAPHITE)],
    );
    for (x, y) in [(-5.0, 0.0), (0.0, 0.0), (5.0, 0.0)] {
        let tower = Mesh::new().cone(p2(0.0, 0.0), (1.8, 1.5), (5.0, 7.0), 12);
        b.add_mesh(
            &Element::new("IFCCOOLINGTOWER", "Cooling tower", "MECHANICALFORCEDDRAFT"),
            Pose::at(x, y, 0.0),
            &[(tower, STEEL)],
        );
    }
    crown_fins(b, outline);
    let mast = Mesh::new().cone(p2(0.0, 0.0), (0.35, 0.08), (5.0, 24.0), 8);
    b.add_mesh(
        &Element::new("IFCMEMBER", "Mast", "POST"),
        Pose::at(0.0, 5.5, 0.0),
        &[(mast, CHAMPAGNE)],
    );
}

/// Fins that go on above the roof, tallest at the corners, with a ring that ties them.
fn crown_fins(b: &mut Builder<'_, '_>, outline: Rect) {
    let colour: Colour = CHAMPAGNE;
    for (a, e) in outline.sides() {
        let way = (e - a).unit();
        let length = (e - a).length();
        let count = (length / 1.5).round() as usize;
        for index in 0..=count {
            let s = index as f64 / count as f64;
            let top = 6.5 + 5.0 * (2.0 * s - 1.0).powi(2);
            let key = format!("t1 crown/{top:.2}");
            let shape = b.symbol(&key, || {
                vec![(Mesh::new().cuboid([-0.07, -0.55, -0.1], [0.07, -0.06, top]), colour)]
            });
            let at: P2 = a + way * (length * s);
            b.put(
                &Element::new("IFCMEMBER", "Crown fin", "MULLION"),
                on_line(at, way),
                shape,
                None,
            );
        }
    }
    for z in [2.2, 6.2] {
        let ring =
            Mesh::new().ribbon(&outline.grown(0.2).corners(), (-0.12, 0.12), (z, z + 0.3), true);
        b.add_mesh(
            &Element::new("IFCMEMBER", "Crown ring", "MEMBER"),
            Pose::at(0.0, 0.0, 0.0),
            &[(ring, BRONZE)],
        );
    }
    let glass = Mesh::new().ribbon(&outline.corners(), (-0.03, 0.03), (0.0, 4.5), true);
    b.add_mesh(
        &Element::new("IFCPLATE", "Crown glass", "CURTAIN_PANEL"),
        Pose::at(0.0, 0.0, 0.0),
        &[(glass, TOWER_GLASS)],
    );
}
