//! Doors and open passages: the two places on their sides.

use twin_model::{Entity, EntityId, walk::Via};

use super::{
    Builder, Link, around, declared::WIDTHS_M, exits::Candidate, footing::Rectangle, parts::Beyond,
};

/// How far in front of a door its space may begin: half a thick wall, a threshold, m.
const REACH_M: f64 = 0.8;
/// An unfilled opening lower than this is a hatch or a window, m.
const PASSAGE_HEIGHT_M: f64 = 1.8;
/// An unfilled opening that starts higher above the floor is not stepped through, m.
const SILL_M: f64 = 0.3;

/// What lies on one side of a door.
struct Side {
    space: Option<usize>,
    /// Points in front of the door, beyond the wall, the nearest first.
    probes: Vec<[f64; 2]>,
}

/// An end of a way through a door.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Place(usize),
    Outdoors,
    Unknown,
}

impl<'a> Builder<'a> {
    /// Joins what a door joins.
    pub(super) fn door(&mut self, entity: &'a Entity) {
        let opening = self.plan.fillings.get(&entity.id);
        let mut stated = self.stated.by(&entity.id).to_vec();
        for space in opening.map_or(&[][..], |opening| self.stated.by(opening)) {
            if !stated.contains(space) {
                stated.push(*space);
            }
        }
        let mut named = [Some(&entity.id), opening].into_iter().flatten();
        let is_external = self.plan.declared(entity).is_external;
        let leads_out =
            is_external == Some(true) || named.any(|id| self.stated.external.contains(id));
        let Some(rectangle) = self.doorway(entity, opening) else {
            self.undrawn(entity, &stated, leads_out);
            return;
        };
        let sides = self.sides(&rectangle);
        let found = [sides[0].space, sides[1].space];
        let (ends, derived) = match stated[..] {
            [] => (found, true),
            [one] => {
                let own = self.same[one];
                // The stated space is on one side; what lies on the other decides.
                let other = match found {
                    [Some(space), _] if space == own => 1,
                    [_, Some(space)] if space == own => 0,
                    [None, Some(_)] => 1,
                    _ => 0,
                };
                // A space drawn there counts before the word "external": it may be a porch.
                let beyond = found[other].filter(|space| *space != own);
                let mut ends = [Some(one); 2];
                ends[other] = beyond;
                (ends, beyond.is_some())
            }
            [a, b] => ([Some(a), Some(b)], false),
            // More than two: those that stand where the door is.
            _ => {
                let mut picked: Vec<usize> = stated
                    .iter()
                    .copied()
                    .filter(|space| found.contains(&Some(self.same[*space])))
                    .collect();
                picked.extend(
                    stated.iter().filter(|space| !found.contains(&Some(self.same[**space]))),
                );
                ([Some(picked[0]), Some(picked[1])], false)
            }
        };
        if let ([Some(a), Some(b)], true) = (ends, derived)
            && a == b
        {
            self.walk.idle_doors.push((entity.id.clone(), "it stands within one space"));
            return;
        }
        let resolved = [0, 1].map(|side| match ends[side] {
            Some(space) => End::Place(space),
            None if leads_out => End::Outdoors,
            None => self.beyond(entity, &sides[side], rectangle.z[0]),
        });
        self.join(entity, resolved, derived, &rectangle);
    }

    /// A door without geometry joins what the file says, and nothing else.
    fn undrawn(&mut self, entity: &'a Entity, stated: &[usize], leads_out: bool) {
        let at = |builder: &Self| stated.first().map_or([0.0; 3], |space| builder.center(*space));
        match *stated {
            [a, b, ..] => {
                let at = at(self);
                self.link(entity, Via::Door, [a, b], at, false);
            }
            [a] if leads_out => {
                let at = at(self);
                self.exit(entity, a, at, false);
            }
            _ => self.walk.idle_doors.push((
                entity.id.clone(),
                "it has no geometry, and the file names no two spaces for it",
            )),
        }
    }

    /// What lies on a side without space.
    fn beyond(&mut self, entity: &'a Entity, side: &Side, z: f64) -> End {
        let Some(storey) = &entity.storey else { return End::Unknown };
        match self.part_at(storey, &side.probes, z) {
            Beyond::Outdoors => End::Outdoors,
            Beyond::Part(node) => End::Place(self.spaces.len() + node),
            Beyond::Unknown => End::Unknown,
        }
    }

    fn join(&mut self, entity: &'a Entity, ends: [End; 2], derived: bool, rectangle: &Rectangle) {
        let [x, y] = rectangle.center;
        let at = [x, y, rectangle.z[0]];
        let is_external = self.plan.declared(entity).is_external;
        match ends {
            [End::Place(a), End::Place(b)] if a == b => {
                self.walk.idle_doors.push((entity.id.clone(), "it stands within one space"));
            }
            [End::Place(a), End::Place(b)] => self.link(entity, Via::Door, [a, b], at, derived),
            [End::Place(a), End::Outdoors] | [End::Outdoors, End::Place(a)] => {
                if is_external == Some(false) {
                    self.walk.disputed_exits.push(entity.id.clone());
                }
                self.exit(entity, a, at, derived);
            }
            // What the plan does not tell is outdoors, unless the door says otherwise.
            [End::Place(a), End::Unknown] | [End::Unknown, End::Place(a)] => {
                if is_external == Some(false) {
                    let why = "it is inside, and nothing is behind it";
                    self.walk.idle_doors.push((entity.id.clone(), why));
                } else {
                    self.exit(entity, a, at, derived);
                }
            }
            _ => match &entity.storey {
                // No walls around it: the storey is all there is to tell.
                Some(storey) if is_external != Some(false) => {
                    let whole = self.spaces.len() + self.parts.whole(storey, at);
                    self.exit(entity, whole, at, true);
                }
                _ => {
                    let why = "no space and no enclosed part of a storey is on either side of it";
                    self.walk.idle_doors.push((entity.id.clone(), why));
                }
            },
        }
    }

    fn link(
        &mut self,
        entity: &'a Entity,
        via: Via,
        [from, to]: [usize; 2],
        at: [f64; 3],
        derived: bool,
    ) {
        // In the order of the places, whichever way the door is drawn.
        let (from, to) = (from.min(to), from.max(to));
        let width_m = self.clear_width(entity);
        if let (Some(&a), Some(&b)) = (self.same.get(from), self.same.get(to)) {
            self.passed.entry((a.min(b), a.max(b))).or_default().push([at[0], at[1]]);
        }
        self.links.push(Link { entity: &entity.id, via, from, to, at, width_m, derived });
    }

    fn exit(&mut self, entity: &'a Entity, from: usize, at: [f64; 3], derived: bool) {
        let width_m = self.clear_width(entity);
        let building = self.building(entity);
        self.exits.push(Candidate { entity, building, from, at, width_m, derived });
    }

    /// An opening without door.
    pub(super) fn passage(&mut self, entity: &'a Entity) {
        let Some(rectangle) = self.rectangle(entity) else { return };
        if rectangle.z[1] - rectangle.z[0] < PASSAGE_HEIGHT_M {
            return;
        }
        let stated = self.stated.by(&entity.id).to_vec();
        let (ends, derived) = match stated[..] {
            [a, b] => ([Some(a), Some(b)], false),
            _ => (self.sides(&rectangle).map(|side| side.space), true),
        };
        let [Some(a), Some(b)] = ends else { return };
        // One steps through it, not over a parapet.
        let floor = self.spaces[a].z();
        let [x, y] = rectangle.center;
        let is_step = !floor.is_finite() || rectangle.z[0] - floor < SILL_M;
        if self.same[a] != self.same[b] && is_step && !self.is_passed([a, b], [x, y]) {
            self.link(entity, Via::Door, [a, b], [x, y, rectangle.z[0]], derived);
        }
    }

    /// Whether a door or opening is known there: each layer of a wall has its own.
    fn is_passed(&self, [a, b]: [usize; 2], [x, y]: [f64; 2]) -> bool {
        let key = (self.same[a].min(self.same[b]), self.same[a].max(self.same[b]));
        self.passed.get(&key).into_iter().flatten().any(|at| (at[0] - x).hypot(at[1] - y) < 0.8)
    }

    /// The rectangle of a door: where its leaf is, as its opening lies in the wall.
    fn doorway(&self, entity: &Entity, opening: Option<&EntityId>) -> Option<Rectangle> {
        let opening = opening.and_then(|opening| self.plan.footing.rectangle(opening));
        let Some(mut door) = self.rectangle(entity) else { return opening };
        // A leaf drawn open has no direction; an opening as deep as wide has none, either.
        let slender = |rectangle: &Rectangle| rectangle.half[1] < 0.8 * rectangle.half[0];
        if let Some(opening) = opening.filter(slender) {
            if !slender(&door) {
                door.center = opening.center;
            }
            door.along = opening.along;
            door.half = [opening.half[0], door.half[1].min(opening.half[1]).max(0.02)];
        }
        Some(door)
    }

    fn sides(&self, rectangle: &Rectangle) -> [Side; 2] {
        let depth = rectangle.half[1].min(0.5);
        let near = self.grid.near(&self.spaces, &around(rectangle, 0.0), depth + REACH_M);
        [-1.0, 1.0].map(|sign| {
            let space = [0.0, 0.5, -0.5].into_iter().find_map(|beside| {
                let steps = (0..).map(|step| 0.05 + 0.1 * f64::from(step));
                let mut steps = steps.take_while(|distance| *distance < depth + REACH_M);
                steps.find_map(|distance| {
                    let point = rectangle.point(beside * rectangle.half[0], sign * distance);
                    self.space_at(&near, point, rectangle.z)
                })
            });
            let probe =
                |step: u32| rectangle.point(0.0, sign * (depth + 0.3 + 0.2 * f64::from(step)));
            Side { space, probes: (0..6).map(probe).collect() }
        })
    }

    /// Clear width of a door, as declared or as drawn, m.
    fn clear_width(&self, entity: &Entity) -> Option<f64> {
        let drawn = || {
            let width = 2.0 * self.plan.footing.rectangle(&entity.id)?.half[0];
            Some(width).filter(|width| WIDTHS_M.contains(width))
        };
        self.plan.declared(entity).door_width_m.or_else(drawn).map(super::tidy)
    }
}
