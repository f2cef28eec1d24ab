//! What a document draws, in its order: surfaces, names of surfaces elsewhere, and
//! prototypes with their places. Names are followed when all is read.

use std::{collections::BTreeMap, ops::Range};

use hashbrown::{HashMap, HashSet};

use super::super::{City, MAX_SURFACES, Role, Surface, is_footprint, lod, prototype::Place};
use crate::imported::{Note, Severity};

/// Names that lead to names.
const MAX_LINKS: usize = 16;
/// Steps over entries while names are followed: many may name the same large thing.
const MAX_STEPS: usize = 30_000_000;
/// Vertices that prototypes may add up to.
const MAX_VERTICES: usize = 150_000_000;
const IDENTITY: [f64; 16] =
    [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];

const NOT_THERE: &str = "surfaces are borrowed by a name that is not in the file";
const ELSEWHERE: &str = "surfaces are borrowed from other files, which are not read";
const LIBRARY: &str = "things are drawn by a file of their own (libraryObject), which is not read";
const NO_PLACE: &str = "prototypes have no reference point, or a matrix that is not of 16 numbers";
const EMPTY: &str = "prototypes have no surfaces";
const TOO_MANY: &str = "surfaces are borrowed or placed beyond the most a file may have";

/// Geometry of one object at one level of detail.
pub(super) struct Entry {
    pub(super) object: usize,
    pub(super) lod: f64,
    pub(super) in_solid: bool,
    /// Whether it is drawn only where it is placed.
    pub(super) is_prototype: bool,
    pub(super) what: What,
}

pub(super) enum What {
    Surface(Surface),
    /// Everything in the element of this name: `#id`.
    Link {
        target: String,
        role: Role,
        reversed: bool,
    },
    Instance(Instance),
}

/// A prototype at its place.
#[derive(Default)]
pub(super) struct Instance {
    /// Absent: as it is. Nothing within: not of 16 numbers.
    pub(super) matrix: Option<Option<[f64; 16]>>,
    pub(super) at: Option<[f64; 3]>,
    pub(super) is_library: bool,
    /// What it is made of.
    pub(super) entries: Range<usize>,
}

/// All of a document.
#[derive(Default)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    /// What named elements hold.
    named: HashMap<String, Range<usize>>,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Names everything since `first`, be it nothing. A name counts once: the first time.
    pub(super) fn name(&mut self, id: String, first: usize) {
        self.named.entry(id).or_insert(first..self.entries.len());
    }

    /// Gives each object the surfaces of its level of detail.
    pub(super) fn give(self, city: &mut City, parents: &[Option<usize>], wanted: lod::Wanted) {
        let mut own: Vec<Vec<usize>> = vec![Vec::new(); city.objects.len()];
        for (n, entry) in self.entries.iter().enumerate().filter(|(_, entry)| !entry.is_prototype) {
            own[entry.object].push(n);
        }
        for (object, own) in city.objects.iter_mut().zip(&own) {
            let levels = own.iter().map(|&n| self.entries[n].lod);
            object.lod = wanted.choose(levels.clone());
            object.is_footprint = is_footprint(&object.class, levels);
        }
        let chosen = city.objects.iter().map(|object| object.lod).collect();
        let mut giver = Giver {
            entries: &self,
            parents,
            chosen,
            steps: 0,
            surfaces: 0,
            faults: BTreeMap::new(),
        };
        for (number, own) in own.iter().enumerate() {
            giver.object(number, own, city);
        }
        for (reason, count) in giver.faults {
            city.notes.push(Note::source(Severity::Dropped, format!("{count} {reason}")));
        }
    }
}

/// A surface that a name led to.
struct Found {
    entry: usize,
    /// What the borrower calls it.
    role: Role,
    reversed: bool,
}

/// What names have led to so far.
#[derive(Default)]
struct Borrowed {
    found: Vec<Found>,
    seen: HashSet<usize>,
}

struct Giver<'a> {
    entries: &'a Entries,
    parents: &'a [Option<usize>],
    /// The level of detail that each object is drawn at.
    chosen: Vec<Option<f64>>,
    steps: usize,
    surfaces: usize,
    faults: BTreeMap<&'static str, usize>,
}

impl Giver<'_> {
    fn fault(&mut self, reason: &'static str) {
        *self.faults.entry(reason).or_default() += 1;
    }

    fn object(&mut self, number: usize, own: &[usize], city: &mut City) {
        let entries = &self.entries.entries;
        let level = self.chosen[number];
        let own = own.iter().copied().filter(|&n| Some(entries[n].lod) == level);
        let own: Vec<usize> = own.collect();
        let is_surface = |n: &&usize| matches!(entries[**n].what, What::Surface(_));
        let mut drawn: HashSet<usize> = own.iter().filter(is_surface).copied().collect();
        // Surfaces that a solid borrows enclose it as those that stand in it do.
        let mut enclosing: HashSet<usize> =
            drawn.iter().copied().filter(|&n| entries[n].in_solid).collect();
        let mut borrowed = Vec::new();
        let mut placed = Vec::new();
        for &n in &own {
            match &entries[n].what {
                What::Surface(_) => {}
                What::Link { target, role, reversed } => {
                    let mut lent = Borrowed::default();
                    self.follow(target, *role, *reversed, 0, &mut lent);
                    for found in lent.found {
                        if entries[n].in_solid || entries[found.entry].in_solid {
                            enclosing.insert(found.entry);
                        }
                        if !self.is_drawn(found.entry, number) && drawn.insert(found.entry) {
                            borrowed.push(found);
                        }
                    }
                }
                What::Instance(instance) => {
                    let surfaces = self.instance(instance, &mut city.vertices);
                    placed.extend(surfaces);
                }
            }
        }
        let solid = placed.is_empty() && drawn.iter().all(|n| enclosing.contains(n));
        let own = own.iter().filter_map(|&n| match &entries[n].what {
            What::Surface(surface) => Some(surface.clone()),
            _ => None,
        });
        let mut surfaces: Vec<Surface> = own.collect();
        for found in borrowed {
            surfaces.extend(self.surface(&found));
        }
        surfaces.append(&mut placed);
        let object = &mut city.objects[number];
        object.solid = solid && !surfaces.is_empty();
        object.surfaces = surfaces;
    }

    /// Whether a surface is drawn already, by the object it belongs to: the borrower
    /// itself, what it is part of, or a part of it.
    fn is_drawn(&self, entry: usize, borrower: usize) -> bool {
        let Entry { object, lod, is_prototype, .. } = &self.entries.entries[entry];
        let holds = |whole: usize, part: usize| {
            let up = |&at: &usize| self.parents[at];
            std::iter::successors(Some(part), up).any(|at| at == whole)
        };
        !is_prototype
            && self.chosen[*object] == Some(*lod)
            && (holds(borrower, *object) || holds(*object, borrower))
    }

    /// The surfaces that a name stands for.
    fn follow(
        &mut self,
        target: &str,
        role: Role,
        reversed: bool,
        depth: usize,
        into: &mut Borrowed,
    ) {
        let Some(id) = target.strip_prefix('#') else { return self.fault(ELSEWHERE) };
        let entries = self.entries;
        match entries.named.get(id) {
            Some(range) if depth < MAX_LINKS => {
                self.collect(range.clone(), role, reversed, depth, into);
            }
            Some(_) => self.fault(TOO_MANY),
            None => self.fault(NOT_THERE),
        }
    }

    fn collect(
        &mut self,
        range: Range<usize>,
        role: Role,
        reversed: bool,
        depth: usize,
        into: &mut Borrowed,
    ) {
        let entries = self.entries;
        for n in range {
            // Names that lead back, or to the same by many ways, come to an end.
            if !into.seen.insert(n) {
                continue;
            }
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return self.fault(TOO_MANY);
            }
            match &entries.entries[n].what {
                What::Surface(_) => into.found.push(Found { entry: n, role, reversed }),
                What::Link { target, role: own, reversed: turned } => {
                    let role = if role == Role::Unsaid { *own } else { role };
                    self.follow(target, role, reversed != *turned, depth + 1, into);
                }
                // Prototypes are placed by objects.
                What::Instance(_) => {}
            }
        }
    }

    /// A borrowed surface; nothing where there are too many, or where nothing is built.
    fn surface(&mut self, found: &Found) -> Option<Surface> {
        let What::Surface(surface) = &self.entries.entries[found.entry].what else { return None };
        if found.role == Role::Closure {
            return None;
        }
        self.surfaces += 1;
        if self.surfaces > MAX_SURFACES {
            self.fault(TOO_MANY);
            return None;
        }
        let mut surface = surface.clone();
        if found.role != Role::Unsaid {
            surface.role = found.role;
        }
        if found.reversed {
            surface.rings.iter_mut().for_each(|ring| ring.reverse());
        }
        Some(surface)
    }

    /// A prototype's surfaces at their place.
    fn instance(&mut self, instance: &Instance, vertices: &mut Vec<[f64; 3]>) -> Vec<Surface> {
        let mut made = Borrowed::default();
        self.collect(instance.entries.clone(), Role::Unsaid, false, 0, &mut made);
        let mut surfaces: Vec<Surface> =
            made.found.iter().filter_map(|found| self.surface(found)).collect();
        if surfaces.is_empty() {
            self.fault(if instance.is_library { LIBRARY } else { EMPTY });
            return surfaces;
        }
        let matrix = instance.matrix.unwrap_or(Some(IDENTITY));
        let Some((matrix, at)) = matrix.zip(instance.at) else {
            self.fault(NO_PLACE);
            return Vec::new();
        };
        if vertices.len() > MAX_VERTICES {
            self.fault(TOO_MANY);
            return Vec::new();
        }
        Place { matrix, at }.put(&mut surfaces, None, vertices);
        surfaces
    }
}
