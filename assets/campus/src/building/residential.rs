//! T2 and R1–R3: dwellings along a corridor, balconies, coloured spandrels.

use super::facade::{Bay, Hole, Part};
use super::rooms::Partitions;
use super::{Builder, on_line, symbols};
use crate::colour::{
    BRONZE, CLAY, CLEAR_GLASS, Colour, GRAPHITE, MEADOW, MIST, OCHRE, PALE_CONCRETE, PLASTER, ROOF,
    SAGE, SAND, TERRACOTTA, TILE, WHITE,
};
use crate::geometry::{Mesh, P2, Pose, Rect, p2, rect};
use crate::ifc::Element;
use crate::plan::{DoorKind, Plan, Use};
use crate::step::Ref;

/// One residential plan: half of the length and of the depth, corridor, dwellings on the south side.
#[derive(Debug, Clone, Copy)]
struct Layout {
    half_length: f64,
    half_depth: f64,
    dwellings: usize,
    lifts: usize,
}

const TOWER: Layout = Layout { half_length: 20.0, half_depth: 10.0, dwellings: 4, lifts: 3 };
const SLAB: Layout = Layout { half_length: 28.0, half_depth: 7.5, dwellings: 5, lifts: 2 };
/// The upper storeys of the terraced house.
const TERRACED: Layout = Layout { half_length: 20.0, half_depth: 7.5, dwellings: 4, lifts: 2 };
/// Thickness of the slabs' outer walls.
const WALL: f64 = 0.3;
const CORRIDOR: f64 = 1.0;
/// Half the width of the core on the north side.
const CORE: f64 = 6.0;

pub(super) fn tower(b: &mut Builder<'_, '_>) {
    let style = Partitions { thick: 0.15, cut: false };
    let mut z = 0.0;
    for number in 1..=22 {
        let height = if number == 1 { 4.2 } else { 3.1 };
        b.enter(&format!("{number:02}F"), z, height);
        let outline = storey(b, TOWER, number, style);
        let doors = entrances(TOWER, number);
        b.bays(outline, 3.334, &doors, |bay| tower_bay(bay, number));
        if number > 1 {
            balconies(b, TOWER, (3.0, 0.15), number, WHITE);
        }
        z += height;
    }
    b.enter("RF", z, 4.0);
    flat_roof(b, TOWER);
}

pub(super) fn slab(b: &mut Builder<'_, '_>, storeys: u32, variant: usize) {
    let wall = [PLASTER, SAND, CLAY][variant % 3];
    let accent = [TERRACOTTA, SAGE, WHITE][variant % 3];
    let mut layout = SLAB;
    for number in 1..=storeys as usize {
        let z = 3.0 * (number - 1) as f64;
        b.enter(&format!("{number:02}F"), z, 3.0);
        let top = number == storeys as usize;
        if variant == 2 && number + 1 == storeys as usize {
            layout = TERRACED;
            terraces(b, accent);
        }
        // Real openings at the ground floor; above, partitions in pieces spare an importer a thousand cuts.
        let style = Partitions { thick: 0.12, cut: number == 1 };
        let outline = storey(b, layout, number, style);
        let doors = entrances(layout, number);
        let colour = if number == 1 { accent } else { wall };
        b.solid_walls(outline, 2.8, WALL, colour, &doors, slab_window);
        if number > 1 {
            balconies(b, layout, (2.6, WALL), number, if top { accent } else { wall });
        }
    }
    b.enter("RF", 3.0 * f64::from(storeys), 4.0);
    if variant == 2 {
        flat_roof(b, layout);
    } else {
        pitched_roof(b, layout, if variant == 0 { TILE } else { GRAPHITE }, wall);
    }
}

/// The roofs of the storeys below, where the upper two step back: a terrace with beds at each end.
fn terraces(b: &mut Builder<'_, '_>, colour: Colour) {
    let (inner, outer, depth) =
        (TERRACED.half_length + WALL, SLAB.half_length + WALL, SLAB.half_depth + WALL);
    for side in [-1.0, 1.0] {
        let (x0, x1) = if side < 0.0 { (-outer, -inner) } else { (inner, outer) };
        let plate = rect(x0, -depth, x1, depth);
        b.slab(("Terrace", "ROOF"), &plate.corners(), &[], (0.05, 0.3), PALE_CONCRETE);
        let rail =
            Mesh::new().ribbon(&plate.grown(-0.12).corners(), (-0.08, 0.08), (0.05, 1.05), true);
        b.add_mesh(
            &Element::new("IFCRAILING", "Terrace railing", "BALUSTRADE"),
            Pose::at(0.0, 0.0, 0.0),
            &[(rail, colour)],
        );
        let bed = plate.grown(-1.2);
        let green = Mesh::new()
            .cuboid([bed.x0, bed.y0, 0.05], [bed.x1, bed.y0 + 3.0, 0.55])
            .cuboid([bed.x0, bed.y1 - 3.0, 0.05], [bed.x1, bed.y1, 0.55]);
        b.add_mesh(
            &Element::new("IFCGEOGRAPHICELEMENT", "Roof garden", "USERDEFINED").of_type("Green"),
            Pose::at(0.0, 0.0, 0.0),
            &[(green, MEADOW)],
        );
    }
}

fn entrances(layout: Layout, number: usize) -> Vec<P2> {
    if number == 1 {
        vec![p2(-layout.half_length, 0.0), p2(layout.half_length, 0.0)]
    } else {
        Vec::new()
    }
}

/// Floor, rooms, stairs, lifts and meters of a storey; returns its outline.
fn storey(b: &mut Builder<'_, '_>, layout: Layout, number: usize, style: Partitions) -> Rect {
    let outline = Rect::centred(2.0 * layout.half_length, 2.0 * layout.half_depth);
    let mut plan = Plan::default();
    let purpose = if number == 1 { Use::Lobby } else { Use::Corridor };
    let corridor =
        plan.cell(purpose, rect(-layout.half_length, -CORRIDOR, layout.half_length, CORRIDOR));
    let core = core(&mut plan, layout, corridor, number == 1);
    for (unit, south) in dwellings(layout) {
        dwelling(&mut plan, corridor, unit, south);
    }
    for at in entrances(layout, number) {
        plan.exit(corridor, at, DoorKind::Exit, true);
    }
    let holes: Vec<Rect> = if number > 1 {
        core.iter()
            .filter(|(use_, _, _)| matches!(use_, Use::Stair | Use::LiftShaft))
            .map(|(_, r, _)| *r)
            .collect()
    } else {
        Vec::new()
    };
    b.floor(outline, &holes, PALE_CONCRETE);
    let spaces = b.rooms(&plan, style);
    for (purpose, part, cell) in core {
        fit_out(b, purpose, part, spaces[cell], number);
    }
    outline
}

fn fit_out(b: &mut Builder<'_, '_>, purpose: Use, part: Rect, space: Ref, number: usize) {
    match purpose {
        Use::Stair => b.stair(part, space),
        Use::LiftShaft if number == 1 => b.lift(part, space, 22.0),
        Use::Electrical => b.electric_riser(part, space),
        Use::Plant if number % 3 == 1 => {
            b.water_meter(part.centre(), Some(space));
        }
        _ => {}
    }
}

/// Stairs, lifts and risers on the north side of the corridor.
fn core(plan: &mut Plan, layout: Layout, corridor: usize, ground: bool) -> Vec<(Use, Rect, usize)> {
    let depth = 6.2_f64.min(layout.half_depth - CORRIDOR);
    let (y0, y1) = (CORRIDOR, CORRIDOR + depth);
    let mut out = Vec::new();
    let mut add = |plan: &mut Plan, purpose: Use, part: Rect, kind: DoorKind| {
        let cell = plan.cell(purpose, part);
        if kind == DoorKind::FireRated && ground {
            plan.guarded_door(corridor, cell, kind);
        } else {
            plan.door(corridor, cell, kind);
        }
        out.push((purpose, part, cell));
    };
    add(plan, Use::Stair, rect(-CORE, y0, -CORE + 2.8, y1), DoorKind::FireRated);
    add(plan, Use::Stair, rect(CORE - 2.8, y0, CORE, y1), DoorKind::FireRated);
    let middle = 2.0 * (CORE - 2.8);
    let width = (middle - 2.2) / layout.lifts as f64;
    let x = -CORE + 2.8;
    for lift in 0..layout.lifts {
        let x0 = x + width * lift as f64;
        add(plan, Use::LiftShaft, rect(x0, y0, x0 + width, y0 + 2.6), DoorKind::Lift);
    }
    let x0 = x + width * layout.lifts as f64;
    add(plan, Use::Electrical, rect(x0, y0, x0 + 1.1, y1), DoorKind::Single);
    add(plan, Use::Plant, rect(x0 + 1.1, y0, x0 + 2.2, y1), DoorKind::Single);
    out
}

/// The dwellings' rectangles, and whether they face south.
fn dwellings(layout: Layout) -> Vec<(Rect, bool)> {
    let width = 2.0 * layout.half_length / layout.dwellings as f64;
    let mut out: Vec<(Rect, bool)> = (0..layout.dwellings)
        .map(|i| {
            let x0 = -layout.half_length + width * i as f64;
            (rect(x0, -layout.half_depth, x0 + width, -CORRIDOR), true)
        })
        .collect();
    let wing = layout.half_length - CORE;
    let north = if wing > 16.0 { 2 } else { 1 };
    for side in [-1.0, 1.0] {
        for i in 0..north {
            let step = wing / f64::from(north);
            let (a, b) = (CORE + step * f64::from(i), CORE + step * f64::from(i + 1));
            let (x0, x1) = if side < 0.0 { (-b, -a) } else { (a, b) };
            out.push((rect(x0, CORRIDOR, x1, layout.half_depth), false));
        }
    }
    out
}

/// Hall with living room (one space), bathroom, one or two bedrooms.
fn dwelling(plan: &mut Plan, corridor: usize, unit: Rect, south: bool) {
    let w = unit.width();
    let d = unit.depth();
    // In the dwelling's own terms: x along the corridor, y away from it.
    let at = |x0: f64, y0: f64, x1: f64, y1: f64| {
        if south {
            rect(unit.x0 + x0, unit.y1 - y1, unit.x0 + x1, unit.y1 - y0)
        } else {
            rect(unit.x0 + x0, unit.y0 + y0, unit.x0 + x1, unit.y0 + y1)
        }
    };
    let hall = 2.6;
    let beds = if w > 11.5 { 2 } else { 1 };
    let living = if beds == 2 { w * 0.38 } else { w * 0.56 };
    let home =
        plan.cell_of(Use::Living, vec![at(0.0, 0.0, w - 2.6, hall), at(0.0, hall, living, d)]);
    let bath = plan.cell(Use::Bathroom, at(w - 2.6, 0.0, w, hall));
    plan.door(home, bath, DoorKind::Single);
    let step = (w - living) / f64::from(beds);
    for i in 0..beds {
        let x0 = living + step * f64::from(i);
        let bed = plan.cell(Use::Bedroom, at(x0, hall, x0 + step, d));
        plan.door(home, bed, DoorKind::Single);
    }
    plan.door(corridor, home, DoorKind::Single);
}

/// Pier, coloured spandrel and window in one bay of the tower.
fn tower_bay(bay: &Bay, number: usize) -> Vec<Part> {
    let (half, height) = (bay.width / 2.0, bay.height);
    if bay.door {
        return Vec::new();
    }
    let accent = match (bay.index * 5 + number * 3 + bay.side * 2) % 11 {
        0 => TERRACOTTA,
        1 | 2 => OCHRE,
        3 => SAGE,
        4 => MIST,
        _ => PLASTER,
    };
    let sill = if bay.side.is_multiple_of(2) { 0.5 } else { 0.9 };
    let wide = if bay.side.is_multiple_of(2) { half - 0.35 } else { half - 0.8 };
    let top = height - 0.5;
    let frame = Mesh::new()
        .cuboid([-half, -0.15, 0.0], [-wide, 0.15, height])
        .cuboid([wide, -0.15, 0.0], [half, 0.15, height])
        .cuboid([-wide, -0.15, top], [wide, 0.15, height]);
    let spandrel = Mesh::new().cuboid([-wide, -0.08, 0.0], [wide, 0.12, sill]);
    let window: Vec<(Mesh, Colour)> = symbols::window(2.0 * wide, top - sill, BRONZE)
        .into_iter()
        .map(|(mesh, colour)| (mesh.moved([0.0, 0.0, sill]), colour))
        .collect();
    vec![
        Part {
            class: "IFCWALL",
            kind: "ELEMENTEDWALL",
            name: "Facade bay",
            key: format!("t2 bay/{}/{}", bay.side % 2, accent.name),
            draw: vec![(frame, PLASTER), (spandrel, accent)],
        },
        Part {
            class: "IFCWINDOW",
            kind: "WINDOW",
            name: "Window",
            key: format!("t2 window/{}", bay.side % 2),
            draw: window,
        },
    ]
}

fn slab_window(bay: &Bay) -> Option<Hole> {
    let long = bay.side.is_multiple_of(2);
    if bay.door || (!long && bay.index.is_multiple_of(2)) {
        return None;
    }
    let hole = Hole { width: 1.5, height: 1.6, sill: 0.9, frame: BRONZE };
    Some(if bay.side == 0 && bay.index.is_multiple_of(2) {
        Hole { width: 2.0, height: 2.4, sill: 0.1, frame: BRONZE }
    } else {
        hole
    })
}

/// Balconies on the south side, one a dwelling (and a second for wide ones), in rhythm.
fn balconies(
    b: &mut Builder<'_, '_>,
    layout: Layout,
    (length, out): (f64, f64),
    number: usize,
    colour: Colour,
) {
    for (unit, south) in dwellings(layout) {
        let shift = if number.is_multiple_of(2) { -0.9 } else { 0.9 };
        let x = unit.centre().x + if south { shift } else { 0.0 } - 1.2;
        let (y, way) =
            if south { (unit.y0 - out, p2(1.0, 0.0)) } else { (unit.y1 + out, p2(-1.0, 0.0)) };
        let key = format!("balcony/{length:.1}/{}", colour.name);
        let half = length / 2.0 + 0.5;
        let shape = b.symbol(&key, || {
            let plate = Mesh::new().cuboid([-half, -1.6, -0.18], [half, -0.02, 0.0]);
            vec![(plate, colour)]
        });
        b.put(&Element::new("IFCSLAB", "Balcony", "FLOOR"), on_line(p2(x, y), way), shape, None);
        let shape = b.symbol(&format!("balustrade/{length:.1}"), || {
            let glass = Mesh::new()
                .cuboid([-half + 0.04, -1.56, 0.0], [half - 0.04, -1.53, 1.0])
                .cuboid([-half + 0.04, -1.53, 0.0], [-half + 0.07, -0.02, 1.0])
                .cuboid([half - 0.07, -1.53, 0.0], [half - 0.04, -0.02, 1.0]);
            let rail = Mesh::new()
                .cuboid([-half + 0.02, -1.59, 1.0], [half - 0.02, -1.51, 1.06])
                .cuboid([-half + 0.02, -1.51, 1.0], [-half + 0.09, -0.02, 1.06])
                .cuboid([half - 0.09, -1.51, 1.0], [half - 0.02, -0.02, 1.06]);
            vec![(glass, CLEAR_GLASS), (rail, BRONZE)]
        });
        b.put(
            &Element::new("IFCRAILING", "Balustrade", "BALUSTRADE"),
            on_line(p2(x, y), way),
            shape,
            None,
        );
    }
}

fn flat_roof(b: &mut Builder<'_, '_>, layout: Layout) {
    let outline = Rect::centred(2.0 * layout.half_length, 2.0 * layout.half_depth);
    b.slab(("Roof", "ROOF"), &outline.grown(0.4).corners(), &[], (0.0, 0.3), ROOF);
    let parapet =
        Mesh::new().ribbon(&outline.grown(0.2).corners(), (-0.15, 0.15), (0.0, 1.2), true);
    b.add_mesh(
        &Element::new("IFCWALL", "Parapet", "PARAPET"),
        Pose::at(0.0, 0.0, 0.0),
        &[(parapet, PLASTER)],
    );
    let house = Mesh::new().cuboid([-CORE, 1.0, 0.0], [CORE, 7.0, 3.6]);
    let cap = Mesh::new().cuboid([-CORE - 0.4, 0.6, 3.6], [CORE + 0.4, 7.4, 3.85]);
    b.add_mesh(
        &Element::new("IFCWALL", "Lift machine house", "SOLIDWALL"),
        Pose::at(0.0, 0.0, 0.0),
        &[(house, PLASTER), (cap, TERRACOTTA)],
    );
}

fn pitched_roof(b: &mut Builder<'_, '_>, layout: Layout, colour: Colour, wall: Colour) {
    let (x, y) = (layout.half_length + 0.7, layout.half_depth + 0.9);
    let ridge = 3.4;
    let mut gable = Mesh::new();
    gable.push_loft(
        &rect(-x, -y, x, y).corners(),
        0.0,
        &rect(-x + 4.0, -0.05, x - 4.0, 0.05).corners(),
        ridge,
    );
    b.add_mesh(
        &Element::new("IFCROOF", "Roof", "HIP_ROOF"),
        Pose::at(0.0, 0.0, 0.0),
        &[(gable, colour)],
    );
    for i in -2..=2 {
        let at = f64::from(i) * 9.0;
        let dormer = Mesh::new().cuboid([at - 1.1, -y + 1.2, 0.2], [at + 1.1, -2.0, 2.2]);
        let lid = Mesh::new().cuboid([at - 1.3, -y + 1.0, 2.2], [at + 1.3, -1.8, 2.35]);
        b.add_mesh(
            &Element::new("IFCROOF", "Dormer", "USERDEFINED").of_type("Dormer"),
            Pose::at(0.0, 0.0, 0.0),
            &[(dormer, wall), (lid, colour)],
        );
    }
}
