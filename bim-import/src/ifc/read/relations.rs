//! How entities relate besides containing each other, as the set `Relations`: each
//! relation names the other entities by their ids, and stands at both ends.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde_json::{Value as Json, json};

use super::{
    super::{engine::records::Value, properties::Set, scan::Object},
    Reader,
    naming::Name,
};

/// Most ids that one relation of one entity lists. Its other end always names it.
const MAX_LISTED: usize = 2_000;

/// Which way things flow from one element to another.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Out,
    In,
    Either,
}

/// Positions of related entities, by relation, of each entity that has any.
#[derive(Default)]
pub(super) struct Related {
    by_entity: HashMap<usize, BTreeMap<&'static str, Vec<usize>>>,
}

impl Related {
    fn add(&mut self, from: usize, relation: &'static str, to: usize) {
        self.by_entity.entry(from).or_default().entry(relation).or_default().push(to);
    }

    /// Both ends of a relation.
    fn join(&mut self, from: usize, forth: &'static str, to: usize, back: &'static str) {
        if from != to {
            self.add(from, forth, to);
            self.add(to, back, from);
        }
    }

    /// The relations of one entity, with the others' ids.
    pub(super) fn take(&mut self, place: usize, names: &[Name]) -> Set {
        let mut set = Set::new();
        for (relation, mut others) in self.by_entity.remove(&place).unwrap_or_default() {
            others.sort_unstable();
            others.dedup();
            let total = others.len();
            others.truncate(MAX_LISTED);
            if total > others.len() {
                set.insert(format!("{relation}_total"), json!(total));
            }
            let ids = others.into_iter().map(|other| json!(names[other].id.as_str()));
            set.insert(relation.to_owned(), Json::Array(ids.collect()));
        }
        set
    }
}

impl Reader<'_> {
    /// All relations between a file's entities.
    pub(super) fn related(&self, objects: &[Object], places: &HashMap<u32, usize>) -> Related {
        let place = |id: &u32| places.get(id).copied();
        let mut related = Related::default();
        for (member, groups) in &self.inventory.groups {
            for group in groups.iter().filter_map(place) {
                // In IFC4 a zone is a kind of system.
                let class = &objects[group].class;
                let is_system = class.is_a("IfcSystem") && !class.is_a("IfcZone");
                let back = if is_system { "systems" } else { "zones" };
                if let Some(member) = place(member) {
                    related.join(group, "members", member, back);
                }
            }
        }
        for (system, served) in &self.inventory.served {
            if let (Some(system), Some(served)) = (place(system), place(served)) {
                related.join(system, "serves", served, "served_by");
            }
        }
        for (space, element, _) in &self.inventory.boundaries {
            if let (Some(space), Some(element)) = (place(space), place(element)) {
                related.join(space, "bounded_by", element, "bounds");
            }
        }
        for (filling, opening) in &self.inventory.opening_of_filling {
            let host = self.inventory.host_of_opening.get(opening).and_then(place);
            if let (Some(filling), Some(host)) = (place(filling), host) {
                related.join(filling, "stands_in", host, "holds");
            }
        }
        for (control, element) in &self.inventory.controls {
            if let (Some(control), Some(element)) = (place(control), place(element)) {
                related.join(control, "controls", element, "controlled_by");
            }
        }
        for (object, structure) in &self.inventory.references {
            if let (Some(object), Some(structure)) = (place(object), place(structure)) {
                related.join(object, "also_in", structure, "also_holds");
            }
        }
        self.relate_ports(&mut related, places);
        related
    }

    /// Elements whose ports meet: who feeds whom where the ports say so.
    fn relate_ports(&self, related: &mut Related, places: &HashMap<u32, usize>) {
        let element = |port: u32| {
            let nested = || self.inventory.parents.get(&port);
            places.get(self.inventory.element_of_port.get(&port).or_else(nested)?).copied()
        };
        for (one, other) in &self.inventory.joints {
            let (Some(from), Some(to)) = (element(*one), element(*other)) else { continue };
            match (self.flow(*one), self.flow(*other)) {
                (Flow::Out, Flow::In | Flow::Either) | (Flow::Either, Flow::In) => {
                    related.join(from, "feeds", to, "fed_by");
                }
                (Flow::In, Flow::Out | Flow::Either) | (Flow::Either, Flow::Out) => {
                    related.join(to, "feeds", from, "fed_by");
                }
                _ => related.join(from, "connected_to", to, "connected_to"),
            }
        }
    }

    fn flow(&self, port: u32) -> Flow {
        let record = self.records.get(port);
        match record.as_ref().and_then(|record| record.get(7)).and_then(Value::as_enum) {
            Some("SOURCE") => Flow::Out,
            Some("SINK") => Flow::In,
            _ => Flow::Either,
        }
    }
}
