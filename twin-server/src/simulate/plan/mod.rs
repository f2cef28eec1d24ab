//! The site as the simulator sees it: spaces and the ways between them, and the devices
//! that have a topic. Read once from the scene; nothing changes in it afterwards.

mod reader;

use std::sync::Arc;

use reader::Reader;
use twin_model::{Entity, Scene, walk::WalkGraph};

use super::schedule::Use;

/// Position of a space in [`Plan::spaces`].
pub type SpaceIx = usize;

/// A place people can be in.
#[derive(Clone, Debug)]
pub struct Space {
    /// Its code.
    pub name: String,
    /// Floor area, m².
    pub area_m2: f64,
    /// Middle of the floor, local frame, m.
    pub center: [f64; 3],
    /// What people do there.
    pub usage: Use,
    /// Position in [`Plan::storeys`].
    pub storey: Option<usize>,
}

/// A storey of a building.
#[derive(Clone, Debug)]
pub struct Storey {
    /// Position in [`Plan::buildings`].
    pub building: usize,
    /// Name, which is also its topic level.
    pub name: String,
    /// What a lift shows there: −1 for B1F, 3 for 03F.
    pub floor: f64,
}

/// A way between two spaces, or from one outdoors.
#[derive(Clone, Debug)]
pub struct Way {
    /// One end.
    pub a: SpaceIx,
    /// The other end; `None` is outdoors.
    pub b: Option<SpaceIx>,
    /// What one passes.
    pub through: Through,
}

/// What one passes on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// A door of [`Plan::doors`].
    Door(usize),
    /// A stair or ramp.
    Stair,
    /// A lift of [`Plan::lifts`].
    Lift(usize),
    /// An opening, or a door that sends nothing.
    Opening,
}

/// A thing with a topic.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its IFC Tag.
    pub tag: String,
    /// Where its telemetry goes.
    pub topic: Arc<str>,
    /// Its own chance.
    pub seed: u64,
    /// The space it stands in.
    pub space: Option<SpaceIx>,
    /// The storey it stands in.
    pub storey: Option<usize>,
    /// The building it stands in.
    pub building: Option<usize>,
}

/// A door or gate.
#[derive(Clone, Debug)]
pub struct Door {
    /// Topic and place.
    pub device: Device,
    /// Whether it is a gate of the site: people pass it on the way in and out.
    pub gate: bool,
    /// Whether it leads outdoors.
    pub exit: bool,
}

/// A lift and the storeys it stops at, lowest first.
#[derive(Clone, Debug)]
pub struct Lift {
    /// Topic and place.
    pub device: Device,
    /// Positions in [`Plan::storeys`].
    pub stops: Vec<usize>,
}

/// A meter and what it measures.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Topic and place.
    pub device: Device,
    /// Floor area it serves by use, m².
    pub serves: Vec<(Use, f64)>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Names of buildings.
    pub buildings: Vec<String>,
    /// All storeys.
    pub storeys: Vec<Storey>,
    /// All spaces.
    pub spaces: Vec<Space>,
    /// All ways.
    pub ways: Vec<Way>,
    /// Doors and gates.
    pub doors: Vec<Door>,
    /// Electric meters.
    pub electric: Vec<Meter>,
    /// Water meters.
    pub water: Vec<Meter>,
    /// Environment sensors.
    pub environment: Vec<Device>,
    /// Crowd counters; `space` is always there.
    pub counters: Vec<Device>,
    /// Lifts.
    pub lifts: Vec<Lift>,
    /// Pumps.
    pub pumps: Vec<Device>,
    /// Chargers.
    pub chargers: Vec<Device>,
    /// What could not be used, for the log: never dropped in silence.
    pub notes: Vec<String>,
}

impl Plan {
    /// Reads a scene. Devices come in the order of the file, so that equal scenes give equal plans.
    pub fn new(scene: &Scene, graph: &WalkGraph, topic_root: &str) -> Self {
        let mut reader = Reader::new(scene, topic_root);
        reader.places(graph);
        reader.devices();
        reader.ways(graph);
        reader.finish()
    }

    /// How many devices have a topic.
    pub fn devices(&self) -> usize {
        self.doors.len()
            + self.electric.len()
            + self.water.len()
            + self.environment.len()
            + self.counters.len()
            + self.lifts.len()
            + self.pumps.len()
            + self.chargers.len()
    }
}

/// A text attribute the importer keeps in the set `Attributes`.
pub fn attribute<'e>(entity: &'e Entity, key: &str) -> Option<&'e str> {
    entity.properties.get("Attributes")?.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use twin_model::walk::{Via, WalkLink, WalkSpace};

    use super::{reader::floor_number, *};
    use crate::simulate::fixture;

    #[test]
    fn devices_get_the_agreed_topics() {
        let plan = fixture::plan();
        assert_eq!(&*plan.electric[0].device.topic, "campus/T1/01F/meter/T1-01F-EM1/state");
        assert_eq!(&*plan.water[0].device.topic, "campus/T1/01F/water/T1-01F-WM1/state");
        assert_eq!(&*plan.counters[0].topic, "campus/T1/01F/crowd/T1-01F-L/count");
        assert_eq!(&*plan.lifts[0].device.topic, "campus/T1/01F/lift/T1-01F-LF1/state");
        let exits: Vec<&str> =
            plan.doors.iter().filter(|d| d.exit).map(|d| d.device.tag.as_str()).collect();
        assert_eq!(exits, ["T1-01F-D1"]);
        assert!(plan.doors.iter().any(|d| d.gate));
        assert_eq!(plan.lifts[0].stops.len(), 3);
    }

    #[test]
    fn a_meter_serves_its_storey_and_the_only_one_its_building() {
        let plan = fixture::plan();
        let area = |meter: &Meter| meter.serves.iter().map(|(_, area)| area).sum::<f64>();
        let total: f64 = plan.spaces.iter().map(|s| s.area_m2).sum();
        assert!(area(&plan.electric[0]) < total);
        assert_eq!(area(&plan.water[0]), total);
    }

    #[test]
    fn parts_of_a_storey_without_space_are_places_on_the_way() {
        let (scene, mut graph) = fixture::scene();
        let mut part = WalkSpace::new("T1/02F#1".into(), 40.0, [5.0, 9.0, 7.0]);
        part.part_of = Some("T1/02F".into());
        graph.spaces.push(part);
        for end in ["T1-02F-C", "T1-02F-R01"] {
            let to = Some(end.into());
            graph.links.push(WalkLink::new("way".into(), Via::Door, "T1/02F#1".into(), to));
        }
        let before = fixture::plan();
        let plan = Plan::new(&scene, &graph, "campus");
        assert_eq!((plan.ways.len(), &plan.notes), (before.ways.len() + 2, &before.notes));
        let part = plan.spaces.last().unwrap();
        assert_eq!((part.name.as_str(), part.usage), ("T1/02F#1", Use::Passage));
        assert_eq!(part.storey.map(|storey| plan.storeys[storey].name.as_str()), Some("02F"));

        let lost = Some("T9/02F#1".into());
        graph.links.push(WalkLink::new("way".into(), Via::Door, "T1/02F#1".into(), lost));
        let plan = Plan::new(&scene, &graph, "campus");
        assert_eq!(plan.notes.last().unwrap(), "1 links of graph.json lead to unknown spaces");
    }

    #[test]
    fn floors_are_read_off_codes() {
        let codes = [("B2F", Some(-2.0)), ("01F", Some(1.0)), ("12", Some(12.0)), ("RF", None)];
        for (name, floor) in codes {
            assert_eq!(floor_number(name), floor, "{name}");
        }
    }
}
