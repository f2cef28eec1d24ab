use super::*;

fn entity(id: &str, kind: EntityKind, bbox: [f64; 6]) -> Entity {
    Entity {
        id: id.into(),
        parent: Some("building".into()),
        kind,
        ifc_class: None,
        global_id: None,
        name: id.into(),
        storey: None,
        bbox: Some(bbox.into()),
        properties: BTreeMap::new(),
        tags: Vec::new(),
        source: 0,
    }
}

fn graph(mut entities: Vec<Entity>, boundaries: &[(&str, &str)], passages: &[&str]) -> WalkGraph {
    let mut building = entity("building", EntityKind::Building, [0.0; 6]);
    (building.parent, building.bbox) = (None, None);
    entities.push(building);
    let boundaries: Vec<Boundary> = boundaries
        .iter()
        .map(|(space, element)| Boundary { space: (*space).into(), element: (*element).into() })
        .collect();
    build(&Plan {
        entities: &entities,
        floors: &HashMap::new(),
        boundaries: &boundaries,
        passages: &passages.iter().map(|id| EntityId::from(*id)).collect(),
    })
}

fn pairs(graph: &WalkGraph) -> Vec<(&str, &str, Option<&str>)> {
    graph
        .links
        .iter()
        .map(|link| {
            (link.entity.as_str(), link.from.as_str(), link.to.as_ref().map(EntityId::as_str))
        })
        .collect()
}

/// Two rooms side by side with a wall of 0.2 m, one above the first.
fn rooms() -> Vec<Entity> {
    vec![
        entity("a", EntityKind::Space, [0.0, 0.0, 0.0, 5.0, 4.0, 2.8]),
        entity("b", EntityKind::Space, [5.2, 0.0, 0.0, 10.0, 4.0, 2.8]),
        entity("above", EntityKind::Space, [0.0, 0.0, 3.0, 5.0, 4.0, 5.8]),
    ]
}

#[test]
fn doors_join_their_two_sides_and_lead_out() {
    let mut entities = rooms();
    entities.push(entity("inner", EntityKind::Door, [5.0, 1.0, 0.0, 5.2, 2.0, 2.1]));
    entities.push(entity("outer", EntityKind::Door, [-0.3, 1.0, 0.0, 0.0, 2.0, 2.1]));
    entities.push(entity("afar", EntityKind::Door, [50.0, 1.0, 0.0, 51.0, 1.1, 2.1]));
    let graph = graph(entities, &[], &[]);
    assert_eq!(pairs(&graph), [("inner", "a", Some("b")), ("outer", "a", None)]);
    assert!(graph.links.iter().all(|link| link.derived));
    assert_eq!(unreachable(&graph), [EntityId::from("above")]);
    assert_eq!(graph.spaces[0].area_m2, 20.0);
    assert_eq!(graph.spaces[0].center, [2.5, 2.0, 0.0]);
}

#[test]
fn what_the_file_states_counts_before_geometry() {
    let mut entities = rooms();
    // The door stands between a and b; the file says that it joins b and the room above.
    entities.push(entity("door", EntityKind::Door, [5.0, 1.0, 0.0, 5.2, 2.0, 2.1]));
    let graph = graph(entities, &[("above", "door"), ("b", "door")], &[]);
    assert_eq!(pairs(&graph), [("door", "above", Some("b"))]);
    assert!(!graph.links[0].derived);
}

#[test]
fn stairs_and_cabins_join_storeys() {
    let mut entities = rooms();
    entities.push(entity("stair", EntityKind::Stair, [1.0, 1.0, 0.0, 2.0, 3.0, 3.0]));
    entities.push(entity("lift", EntityKind::Lift, [3.0, 1.0, 0.0, 4.5, 2.5, 2.4]));
    let graph = graph(entities, &[], &[]);
    assert_eq!(pairs(&graph), [("stair", "a", Some("above")), ("lift", "a", Some("above"))]);
    assert_eq!((graph.links[0].via, graph.links[1].via), (Via::Stair, Via::Lift));
}

#[test]
fn an_inner_door_to_nowhere_is_no_exit_and_an_open_arch_is_a_door() {
    let mut entities = rooms();
    let mut inner = entity("shaft", EntityKind::Door, [2.0, 4.0, 0.0, 3.0, 4.2, 2.1]);
    let set = BTreeMap::from([("IsExternal".to_owned(), Json::Bool(false))]);
    inner.properties.insert("Pset_DoorCommon".into(), set);
    entities.push(inner);
    entities.push(entity("arch", EntityKind::Element, [5.0, 1.0, 0.0, 5.2, 3.0, 2.4]));
    entities.push(entity("hatch", EntityKind::Element, [5.0, 3.0, 1.0, 5.2, 3.9, 1.8]));
    let graph = graph(entities, &[], &["arch", "hatch"]);
    assert_eq!(pairs(&graph), [("arch", "a", Some("b"))]);
}
