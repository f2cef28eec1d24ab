//! Reads the site off a scene and its walking graph.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use twin_model::{
    Entity, EntityKind, Scene,
    walk::{Via, WalkGraph},
};

use super::{Device, Door, Lift, Meter, Plan, Space, SpaceIx, Storey, Through, Way, attribute};
use crate::simulate::{rng::hash, schedule::Use};

/// What is read so far.
pub(super) struct Reader<'a> {
    scene: &'a Scene,
    topic_root: &'a str,
    plan: Plan,
    building_of: HashMap<u32, usize>,
    storey_of: HashMap<u32, usize>,
    space_of: HashMap<u32, SpaceIx>,
    /// Parts of storeys without a space, by their names: the graph alone knows them.
    part_of: HashMap<&'a str, SpaceIx>,
    door_of: HashMap<u32, usize>,
    lift_of: HashMap<u32, usize>,
    topics: HashSet<Arc<str>>,
    untagged: BTreeMap<&'static str, usize>,
}

/// Where an entity stands.
#[derive(Clone, Copy, Default)]
struct Place {
    space: Option<SpaceIx>,
    storey: Option<usize>,
    building: Option<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(scene: &'a Scene, topic_root: &'a str) -> Self {
        Self {
            scene,
            topic_root,
            plan: Plan::default(),
            building_of: HashMap::new(),
            storey_of: HashMap::new(),
            space_of: HashMap::new(),
            part_of: HashMap::new(),
            door_of: HashMap::new(),
            lift_of: HashMap::new(),
            topics: HashSet::new(),
            untagged: BTreeMap::new(),
        }
    }

    pub(super) fn places(&mut self, graph: &'a WalkGraph) {
        for (index, entity) in (0..).zip(self.scene.entities()) {
            if entity.kind == EntityKind::Building {
                self.building_of.insert(index, self.plan.buildings.len());
                self.plan.buildings.push(entity.name.clone());
            }
        }
        let mut in_building: HashMap<usize, usize> = HashMap::new();
        for (index, entity) in (0..).zip(self.scene.entities()) {
            if entity.kind != EntityKind::Storey {
                continue;
            }
            let Some(building) = self.ancestor(index, &self.building_of) else { continue };
            let count = in_building.entry(building).or_default();
            *count += 1;
            let floor = floor_number(&entity.name).unwrap_or(*count as f64);
            self.storey_of.insert(index, self.plan.storeys.len());
            self.plan.storeys.push(Storey { building, name: entity.name.clone(), floor });
        }
        let walk: HashMap<&str, _> = graph.spaces.iter().map(|s| (s.entity.as_str(), s)).collect();
        for (index, entity) in (0..).zip(self.scene.entities()) {
            let known = walk.get(entity.id.as_str());
            if entity.kind != EntityKind::Space && known.is_none() {
                continue;
            }
            let (area_m2, center) = match (known, entity.bbox) {
                (Some(walk), _) => (walk.area_m2, walk.center),
                (None, Some(bbox)) => (bbox.size()[0] * bbox.size()[1], bbox.center()),
                (None, None) => (20.0, [0.0; 3]),
            };
            let storey = self.place(index).storey;
            let usage = self.usage(index, entity);
            self.space_of.insert(index, self.plan.spaces.len());
            self.plan.spaces.push(Space {
                name: entity.name.clone(),
                area_m2: area_m2.max(1.0),
                center,
                usage,
                storey,
            });
        }
        self.parts(graph);
    }

    /// The places that are no entity: parts of a storey that nobody made a space of. People
    /// pass through them on their way.
    fn parts(&mut self, graph: &'a WalkGraph) {
        for part in &graph.spaces {
            let id = part.entity.as_str();
            let Some(storey) = part.part_of.as_ref().filter(|_| self.scene.index(id).is_none())
            else {
                continue;
            };
            let storey = self.scene.index(storey.as_str());
            self.part_of.insert(id, self.plan.spaces.len());
            self.plan.spaces.push(Space {
                name: id.to_owned(),
                area_m2: part.area_m2.max(1.0),
                center: part.center,
                usage: Use::Passage,
                storey: storey.and_then(|storey| self.storey_of.get(&storey).copied()),
            });
        }
    }

    /// The use a space is named for, else the one its building is named for, else offices.
    fn usage(&self, index: u32, entity: &Entity) -> Use {
        let named = |entity: &Entity| {
            ["LongName", "ObjectType", "Description"]
                .iter()
                .filter_map(|key| attribute(entity, key))
                .chain([entity.name.as_str()])
                .find_map(Use::of_name)
        };
        named(entity)
            .or_else(|| {
                self.scene
                    .path(index)
                    .into_iter()
                    .map(|i| self.scene.at(i))
                    .filter(|e| e.kind == EntityKind::Building)
                    .find_map(named)
            })
            .unwrap_or(Use::Office)
    }

    /// The nearest ancestor (or the entity itself) that a table knows.
    fn ancestor(&self, index: u32, table: &HashMap<u32, usize>) -> Option<usize> {
        let mut open = Some(index);
        while let Some(index) = open {
            if let Some(found) = table.get(&index) {
                return Some(*found);
            }
            open = self.scene.parent(index);
        }
        None
    }

    fn place(&self, index: u32) -> Place {
        let storey = self.ancestor(index, &self.storey_of).or_else(|| {
            let id = self.scene.at(index).storey.as_ref()?;
            self.storey_of.get(&self.scene.index(id.as_str())?).copied()
        });
        Place {
            space: self.ancestor(index, &self.space_of),
            storey,
            building: storey
                .map(|s| self.plan.storeys[s].building)
                .or_else(|| self.ancestor(index, &self.building_of)),
        }
    }

    pub(super) fn devices(&mut self) {
        for (index, entity) in (0..).zip(self.scene.entities()) {
            match entity.kind {
                EntityKind::Meter => self.meter(index, entity),
                EntityKind::Door => self.door(index, entity),
                EntityKind::Sensor => self.sensor(index, entity),
                EntityKind::Lift => {
                    if let Some(device) = self.device(index, entity, "lift") {
                        self.lift_of.insert(index, self.plan.lifts.len());
                        self.plan.lifts.push(Lift { device, stops: Vec::new() });
                    }
                }
                EntityKind::Pump => {
                    if let Some(device) = self.device(index, entity, "pump") {
                        self.plan.pumps.push(device);
                    }
                }
                EntityKind::Charger => {
                    if let Some(device) = self.device(index, entity, "ev") {
                        self.plan.chargers.push(device);
                    }
                }
                _ => {}
            }
        }
    }

    fn meter(&mut self, index: u32, entity: &Entity) {
        let water = entity.tags.iter().any(|tag| tag == "brick:Water_Meter")
            || attribute(entity, "PredefinedType") == Some("WATERMETER");
        let class = if water { "water" } else { "meter" };
        if let Some(device) = self.device(index, entity, class) {
            let meters = if water { &mut self.plan.water } else { &mut self.plan.electric };
            meters.push(Meter { device, serves: Vec::new() });
        }
    }

    fn door(&mut self, index: u32, entity: &Entity) {
        if let Some(device) = self.device(index, entity, "door") {
            let gate = attribute(entity, "PredefinedType") == Some("GATE")
                || (device.building.is_none() && device.storey.is_none());
            self.door_of.insert(index, self.plan.doors.len());
            self.plan.doors.push(Door { device, gate, exit: false });
        }
    }

    fn sensor(&mut self, index: u32, entity: &Entity) {
        match attribute(entity, "ObjectType") {
            Some("PeopleCounter") => self.counter(index),
            Some("Environment") => {
                if let Some(device) = self.device(index, entity, "env") {
                    self.plan.environment.push(device);
                }
            }
            _ => *self.untagged.entry("sensor of no known ObjectType").or_default() += 1,
        }
    }

    /// A crowd counter speaks for its space, under the space's name.
    fn counter(&mut self, index: u32) {
        let place = self.place(index);
        let Some(space) = place.space else {
            *self.untagged.entry("crowd counter outside any space").or_default() += 1;
            return;
        };
        let name = self.plan.spaces[space].name.clone();
        let topic = self.topic(place, "crowd", &name, "count");
        if self.topics.insert(topic.clone()) {
            self.plan.counters.push(Device {
                seed: hash(&name),
                tag: name,
                topic,
                space: Some(space),
                storey: place.storey,
                building: place.building,
            });
        }
    }

    fn device(&mut self, index: u32, entity: &Entity, class: &'static str) -> Option<Device> {
        let prefix = format!("{}:", entity.kind.as_str());
        let tag = attribute(entity, "Tag")
            .or_else(|| entity.tags.iter().find_map(|tag| tag.strip_prefix(&prefix)))
            .filter(|tag| !tag.is_empty());
        let Some(tag) = tag else {
            *self.untagged.entry(entity.kind.as_str()).or_default() += 1;
            return None;
        };
        let place = self.place(index);
        let topic = self.topic(place, class, tag, "state");
        if !self.topics.insert(topic.clone()) {
            self.plan.notes.push(format!("{topic} belongs to two devices: the second is left out"));
            return None;
        }
        Some(Device {
            tag: tag.to_owned(),
            topic,
            seed: hash(tag),
            space: place.space,
            storey: place.storey,
            building: place.building,
        })
    }

    fn topic(&self, place: Place, class: &str, name: &str, last: &str) -> Arc<str> {
        let building = place.building.map_or("site", |b| self.plan.buildings[b].as_str());
        let storey = place.storey.map_or("ground", |s| self.plan.storeys[s].name.as_str());
        let [building, storey, name] = [building, storey, name].map(topic_level);
        format!("{}/{building}/{storey}/{class}/{name}/{last}", self.topic_root).into()
    }

    pub(super) fn ways(&mut self, graph: &WalkGraph) {
        let mut lost = 0;
        for link in &graph.links {
            let find = |id: &str| match self.scene.index(id) {
                Some(index) => self.space_of.get(&index).copied(),
                None => self.part_of.get(id).copied(),
            };
            let (from, to) =
                (find(link.from.as_str()), link.to.as_ref().map(|to| find(to.as_str())));
            let (Some(a), None | Some(Some(_))) = (from, to) else {
                lost += 1;
                continue;
            };
            let entity = self.scene.index(link.entity.as_str());
            let device = |table: &HashMap<u32, usize>| entity.and_then(|e| table.get(&e)).copied();
            let through = match link.via {
                Via::Door => device(&self.door_of).map_or(Through::Opening, Through::Door),
                Via::Opening => Through::Opening,
                Via::Stair | Via::Ramp | Via::Escalator => Through::Stair,
                Via::Lift => device(&self.lift_of).map_or(Through::Stair, Through::Lift),
            };
            let b = to.flatten();
            match through {
                Through::Door(door) if b.is_none() => self.plan.doors[door].exit = true,
                Through::Lift(lift) => {
                    let spaces = [Some(a), b].into_iter().flatten();
                    let stops = spaces.filter_map(|s| self.plan.spaces[s].storey);
                    self.plan.lifts[lift].stops.extend(stops);
                }
                _ => {}
            }
            self.plan.ways.push(Way { a, b, through });
        }
        if lost > 0 {
            self.plan.notes.push(format!("{lost} links of graph.json lead to unknown spaces"));
        }
    }

    pub(super) fn finish(mut self) -> Plan {
        for (what, count) in &self.untagged {
            self.plan.notes.push(format!("{count} × {what}: no tag or place to publish under"));
        }
        let storeys = &self.plan.storeys;
        for lift in &mut self.plan.lifts {
            if lift.stops.len() < 2 {
                let building = lift.device.building;
                lift.stops =
                    (0..storeys.len()).filter(|s| Some(storeys[*s].building) == building).collect();
            }
            lift.stops.sort_by(|a, b| storeys[*a].floor.total_cmp(&storeys[*b].floor));
            lift.stops.dedup();
        }
        let mut electric = std::mem::take(&mut self.plan.electric);
        let mut water = std::mem::take(&mut self.plan.water);
        share_areas(&self.plan, &mut electric);
        share_areas(&self.plan, &mut water);
        self.plan.electric = electric;
        self.plan.water = water;
        self.plan
    }
}

/// Gives each meter the floor it serves: the only one of a building all of it, else its
/// storey, shared with the other meters of that storey.
fn share_areas(plan: &Plan, meters: &mut [Meter]) {
    let mut per_building: HashMap<Option<usize>, usize> = HashMap::new();
    let mut per_storey: HashMap<Option<usize>, usize> = HashMap::new();
    for meter in meters.iter() {
        *per_building.entry(meter.device.building).or_default() += 1;
        *per_storey.entry(meter.device.storey).or_default() += 1;
    }
    let mut by_storey: HashMap<usize, BTreeMap<Use, f64>> = HashMap::new();
    for space in &plan.spaces {
        if let Some(storey) = space.storey {
            *by_storey.entry(storey).or_default().entry(space.usage).or_default() += space.area_m2;
        }
    }
    for meter in meters {
        let alone = per_building[&meter.device.building] == 1 && meter.device.building.is_some();
        let storeys: Vec<usize> = match (alone, meter.device.storey) {
            (true, _) => (0..plan.storeys.len())
                .filter(|s| Some(plan.storeys[*s].building) == meter.device.building)
                .collect(),
            (false, storey) => storey.into_iter().collect(),
        };
        let share = if alone { 1.0 } else { 1.0 / per_storey[&meter.device.storey] as f64 };
        let mut areas: BTreeMap<Use, f64> = BTreeMap::new();
        for (usage, area) in storeys.iter().filter_map(|s| by_storey.get(s)).flatten() {
            *areas.entry(*usage).or_default() += area * share;
        }
        meter.serves = areas.into_iter().collect();
        if meter.serves.is_empty() {
            // A meter in the open or on a storey without spaces: a small plant.
            meter.serves.push((Use::Plant, 60.0));
        }
    }
}

/// A name as one topic level: what MQTT gives a meaning to is replaced.
fn topic_level(name: &str) -> String {
    if name.is_empty() {
        return "-".to_owned();
    }
    name.replace(['/', '+', '#', '\0'], "_")
}

/// `B1F` → −1, `03F` → 3; names that are not floor codes have none.
pub(super) fn floor_number(name: &str) -> Option<f64> {
    let code = name.strip_suffix('F').unwrap_or(name);
    match code.strip_prefix('B') {
        Some(below) => below.parse::<u16>().ok().map(|n| -f64::from(n)),
        None => code.parse::<u16>().ok().map(f64::from),
    }
}
