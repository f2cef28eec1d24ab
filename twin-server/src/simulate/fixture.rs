//! A small site for tests: one office tower of three storeys, a pump room and a gate.

use std::collections::BTreeMap;

use serde_json::Value;
use twin_model::{
    BoundingBox, Entity, EntityId, EntityKind, Scene,
    walk::{Via, WalkGraph, WalkLink, WalkSpace},
};

use super::plan::Plan;

fn entity(id: &str, parent: Option<&str>, kind: EntityKind, attributes: &[(&str, &str)]) -> Entity {
    let set: BTreeMap<String, Value> =
        attributes.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect();
    let mut tags = Vec::new();
    if let Some((_, tag)) = attributes.iter().find(|(k, _)| *k == "Tag") {
        tags.extend([(*tag).to_owned(), format!("{}:{tag}", kind.as_str())]);
    }
    if kind == EntityKind::Space {
        tags.push(format!("space:{id}"));
    }
    Entity {
        id: id.into(),
        parent: parent.map(EntityId::from),
        kind,
        ifc_class: None,
        global_id: None,
        name: id.rsplit('/').next().unwrap_or(id).to_owned(),
        storey: None,
        bbox: None,
        properties: BTreeMap::from([("Attributes".to_owned(), set)]),
        tags,
        source: 0,
    }
}

fn device(parent: &str, kind: EntityKind, tag: &str, more: &[(&str, &str)]) -> Entity {
    let attributes: Vec<_> = [("Tag", tag)].into_iter().chain(more.iter().copied()).collect();
    entity(&format!("e-{tag}"), Some(parent), kind, &attributes)
}

/// The scene and its walking graph.
pub(crate) fn scene() -> (Scene, WalkGraph) {
    use EntityKind::{Building, Charger, Door, Lift, Meter, Pump, Sensor, Site, Space, Storey};
    let mut all = vec![entity("S", None, Site, &[]), entity("T1", Some("S"), Building, &[])];
    let mut graph = WalkGraph::default();
    all.push(device("S", Door, "SITE-00F-G1", &[("PredefinedType", "GATE")]));
    all.push(device("S", Charger, "SITE-00F-EV1", &[]));
    for floor in ["01F", "02F", "03F"] {
        let storey = format!("T1/{floor}");
        all.push(entity(&storey, Some("T1"), Storey, &[]));
        all.push(device(&storey, Meter, &format!("T1-{floor}-EM1"), &[]));
        let hub = if floor == "01F" { "L" } else { "C" };
        let rooms = [(hub, "大堂 Lobby"), ("R01", "办公室 Office"), ("R02", "办公室 Office")];
        for (i, (code, long)) in rooms.into_iter().enumerate() {
            let id = format!("T1-{floor}-{code}");
            all.push(entity(&id, Some(&storey), Space, &[("LongName", long)]));
            let level: f64 = floor[..2].parse::<f64>().unwrap_or(0.0) * 3.5;
            let center = [10.0 * i as f64, 0.0, level];
            graph.spaces.push(WalkSpace::new(id.as_str().into(), 60.0, center));
            let counter = format!("T1-{floor}-CC{i}");
            all.push(device(&id, Sensor, &counter, &[("ObjectType", "PeopleCounter")]));
            if i > 0 {
                let door = format!("T1-{floor}-D{}", i + 1);
                all.push(device(&storey, Door, &door, &[]));
                let hub = format!("T1-{floor}-{hub}");
                link(&mut graph, &format!("e-{door}"), Via::Door, &hub, Some(&id));
            }
        }
    }
    all.push(device("T1-02F-R01", Sensor, "T1-02F-ENV1", &[("ObjectType", "Environment")]));
    all.push(device("T1/01F", Door, "T1-01F-D1", &[]));
    link(&mut graph, "e-T1-01F-D1", Via::Door, "T1-01F-L", None);
    all.push(device("T1/01F", Meter, "T1-01F-WM1", &[("PredefinedType", "WATERMETER")]));
    for tag in ["T1-01F-PU1", "T1-01F-PU2"] {
        all.push(device("T1/01F", Pump, tag, &[]));
    }
    all.push(device("T1/01F", Lift, "T1-01F-LF1", &[]));
    for (a, b) in [("T1-01F-L", "T1-02F-C"), ("T1-02F-C", "T1-03F-C"), ("T1-01F-L", "T1-03F-C")] {
        link(&mut graph, "e-T1-01F-LF1", Via::Lift, a, Some(b));
    }
    for e in &mut all {
        e.bbox = Some(BoundingBox { min: [0.0; 3], max: [1.0; 3] });
    }
    (Scene::new(all).unwrap(), graph)
}

fn link(graph: &mut WalkGraph, entity: &str, via: Via, from: &str, to: Option<&str>) {
    let to = to.map(EntityId::from);
    graph.links.push(WalkLink::new(entity.into(), via, from.into(), to));
}

/// The plan of the scene.
pub(crate) fn plan() -> Plan {
    let (scene, graph) = scene();
    Plan::new(&scene, &graph, "campus")
}

/// The same tower with two lifts in shafts of their own, each entered by a door.
pub(crate) fn two_lifts() -> Plan {
    let (scene, mut graph) = scene();
    graph.links.retain(|link| link.via != Via::Lift);
    let mut entities = scene.entities().to_vec();
    for (shaft, lift) in [("A", "T1-01F-LF1"), ("B", "T1-01F-LF2")] {
        if shaft == "B" {
            entities.push(device("T1/01F", EntityKind::Lift, lift, &[]));
        }
        for (floor, hub) in [("01F", "L"), ("02F", "C"), ("03F", "C")] {
            let id = format!("T1-{floor}-{shaft}");
            let long = [("LongName", "电梯井 Lift shaft")];
            entities.push(entity(&id, Some(&format!("T1/{floor}")), EntityKind::Space, &long));
            let level: f64 = floor[..2].parse::<f64>().unwrap_or(0.0) * 3.5;
            let center = [0.0, 3.0, level];
            graph.spaces.push(WalkSpace::new(id.as_str().into(), 5.0, center));
            link(&mut graph, "opening", Via::Door, &format!("T1-{floor}-{hub}"), Some(&id));
        }
        for (a, b) in [("01F", "02F"), ("02F", "03F")] {
            let [a, b] = [a, b].map(|floor| format!("T1-{floor}-{shaft}"));
            link(&mut graph, &format!("e-{lift}"), Via::Lift, &a, Some(&b));
        }
    }
    Plan::new(&Scene::new(entities).unwrap(), &graph, "campus")
}
