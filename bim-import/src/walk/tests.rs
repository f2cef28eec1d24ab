use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::*;
use crate::mesh::{ElementMesh, MaterialClass};

fn entity(id: &str, kind: EntityKind, bbox: [f64; 6]) -> Entity {
    Entity {
        id: id.into(),
        parent: Some("building".into()),
        kind,
        ifc_class: None,
        global_id: None,
        name: id.into(),
        storey: Some("storey".into()),
        bbox: Some(bbox.into()),
        properties: BTreeMap::new(),
        tags: Vec::new(),
        source: 0,
    }
}

fn walled(mut wall: Entity) -> Entity {
    wall.ifc_class = Some("IfcWall".into());
    wall
}

/// The box of an entity as a mesh, turned about the vertical through zero.
fn mesh(entity: &Entity, turn: f64) -> ElementMesh {
    let bbox = entity.bbox.unwrap();
    let (sin, cos) = turn.sin_cos();
    let corner = |n: usize| {
        let pick = |axis: usize| if n >> axis & 1 == 0 { bbox.min[axis] } else { bbox.max[axis] };
        let (x, y) = (pick(0), pick(1));
        [(x * cos - y * sin) as f32, (x * sin + y * cos) as f32, pick(2) as f32]
    };
    let quads =
        [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    ElementMesh {
        entity: entity.id.clone(),
        storey: entity.storey.clone(),
        class: MaterialClass::Opaque,
        origin: [0.0; 3],
        positions: (0..8).map(corner).collect(),
        normals: vec![[0.0; 3]; 8],
        indices: quads.iter().flat_map(|[a, b, c, d]| [*a, *b, *c, *a, *c, *d]).collect(),
        rgba: [255; 4],
    }
}

#[derive(Default)]
struct Given<'a> {
    boundaries: &'a [(&'a str, &'a str)],
    passages: &'a [&'a str],
    /// Whether spaces have floors and walls are looked at: turned by this angle.
    drawn: Option<f64>,
}

fn walk(mut entities: Vec<Entity>, given: &Given<'_>) -> Walk {
    let mut building = entity("building", EntityKind::Building, [0.0; 6]);
    (building.parent, building.bbox, building.storey) = (None, None, None);
    let mut storey = entity("storey", EntityKind::Storey, [0.0; 6]);
    (storey.bbox, storey.storey) = (None, None);
    entities.extend([building, storey]);
    let boundaries: Vec<Boundary> = given
        .boundaries
        .iter()
        .map(|(space, element)| Boundary {
            space: (*space).into(),
            element: (*element).into(),
            is_external: false,
        })
        .collect();
    let mut footing = Footing::default();
    let mut floors = HashMap::new();
    if let Some(turn) = given.drawn {
        for entity in entities.iter_mut().filter(|entity| entity.bbox.is_some()) {
            let mesh = mesh(entity, turn);
            footing.add(entity, &mesh);
            let at = |n: usize| [f64::from(mesh.positions[n][0]), f64::from(mesh.positions[n][1])];
            if entity.kind == EntityKind::Space {
                let triangles = vec![[at(0), at(1), at(3)], [at(0), at(3), at(2)]];
                floors
                    .insert(entity.id.clone(), Floor { triangles, z: entity.bbox.unwrap().min[2] });
            }
            entity.bbox =
                BoundingBox::around(mesh.positions.iter().map(|position| position.map(f64::from)));
        }
    }
    build(Plan {
        entities: &entities,
        floors: &floors,
        boundaries: &boundaries,
        passages: &given.passages.iter().map(|id| EntityId::from(*id)).collect(),
        fillings: &HashMap::new(),
        footing,
        aside: &Aside::default(),
    })
}

fn pairs(walk: &Walk) -> Vec<(&str, &str, Option<&str>)> {
    let links = walk.graph.links.iter();
    links
        .map(|link| {
            (link.entity.as_str(), link.from.as_str(), link.to.as_ref().map(EntityId::as_str))
        })
        .collect()
}

fn unreached(walk: &Walk) -> Vec<&str> {
    walk.unreached.iter().flat_map(|lost| &lost.spaces).map(String::as_str).collect()
}

fn with(mut entity: Entity, property: &str, value: Json) -> Entity {
    let set = BTreeMap::from([(property.to_owned(), value)]);
    entity.properties.insert("Pset_DoorCommon".into(), set);
    entity
}

/// Two rooms side by side with a wall of 0.2 m, one above the first.
fn rooms() -> Vec<Entity> {
    vec![
        entity("a", EntityKind::Space, [0.0, 0.0, 0.0, 5.0, 4.0, 2.8]),
        entity("b", EntityKind::Space, [5.2, 0.0, 0.0, 10.0, 4.0, 2.8]),
        entity("above", EntityKind::Space, [0.0, 0.0, 3.0, 5.0, 4.0, 5.8]),
    ]
}

/// The outer walls of a hall, 12 by 5 m.
fn hall() -> Vec<Entity> {
    let wall = |id: &str, bbox| walled(entity(id, EntityKind::Element, bbox));
    vec![
        wall("south", [-0.3, -0.3, 0.0, 12.3, 0.0, 3.0]),
        wall("north", [-0.3, 5.0, 0.0, 12.3, 5.3, 3.0]),
        wall("west", [-0.3, -0.3, 0.0, 0.0, 5.3, 3.0]),
        wall("east", [12.0, -0.3, 0.0, 12.3, 5.3, 3.0]),
    ]
}

#[test]
fn doors_join_their_two_sides_and_lead_out() {
    let mut entities = rooms();
    entities.push(entity("inner", EntityKind::Door, [5.0, 1.0, 0.0, 5.2, 2.0, 2.1]));
    entities.push(entity("outer", EntityKind::Door, [-0.3, 1.0, 0.0, 0.0, 2.0, 2.1]));
    let walk = walk(entities, &Given::default());
    assert_eq!(pairs(&walk), [("inner", "a", Some("b")), ("outer", "a", None)]);
    assert!(walk.graph.links.iter().all(|link| link.derived));
    assert_eq!(unreached(&walk), ["above"]);
    let room = &walk.graph.spaces[0];
    assert_eq!((room.area_m2, room.center), (20.0, [2.5, 2.0, 0.0]));
    // From the middle of a to the outer door; from b through the inner one.
    assert!((room.exit_distance_m.unwrap() - 2.65f64.hypot(0.5)).abs() < 1e-3, "{room:?}");
    assert!(walk.graph.spaces[1].exit_distance_m.unwrap() > 7.0);
}

#[test]
fn what_the_file_states_counts_before_geometry() {
    let mut entities = rooms();
    // The door stands between a and b; the file says that it joins b and the room above.
    entities.push(entity("door", EntityKind::Door, [5.0, 1.0, 0.0, 5.2, 2.0, 2.1]));
    let boundaries = &[("above", "door"), ("b", "door")];
    let walk = walk(entities, &Given { boundaries, ..Given::default() });
    assert_eq!(pairs(&walk), [("door", "b", Some("above"))]);
    assert!(!walk.graph.links[0].derived);
}

#[test]
fn stairs_and_cabins_join_storeys_and_only_stairs_are_ways_out() {
    let mut entities = rooms();
    entities.push(entity("stair", EntityKind::Stair, [1.0, 1.0, 0.0, 2.0, 3.0, 3.0]));
    entities.push(entity("lift", EntityKind::Lift, [3.0, 1.0, 0.0, 4.5, 2.5, 2.4]));
    entities.push(entity("outer", EntityKind::Door, [-0.3, 1.0, 0.0, 0.0, 2.0, 2.1]));
    let both = walk(entities.clone(), &Given::default());
    assert_eq!(
        pairs(&both),
        [("stair", "a", Some("above")), ("lift", "a", Some("above")), ("outer", "a", None)]
    );
    assert_eq!((both.graph.links[0].via, both.graph.links[1].via), (Via::Stair, Via::Lift));
    assert!(both.by_lift_only.is_empty());
    entities.retain(|entity| entity.kind != EntityKind::Stair);
    let lift = walk(entities, &Given::default());
    assert_eq!(lift.by_lift_only, [EntityId::from("above")]);
    assert_eq!(unreached(&lift), ["b"]);
}

#[test]
fn an_inner_door_to_nowhere_is_no_exit_and_an_open_arch_is_a_door() {
    let mut entities = rooms();
    let inner = entity("shaft", EntityKind::Door, [2.0, 4.0, 0.0, 3.0, 4.2, 2.1]);
    entities.push(with(inner, "IsExternal", Json::Bool(false)));
    entities.push(entity("arch", EntityKind::Element, [5.0, 1.0, 0.0, 5.2, 3.0, 2.4]));
    entities.push(entity("hatch", EntityKind::Element, [5.0, 3.0, 1.0, 5.2, 3.9, 1.8]));
    let walk = walk(entities, &Given { passages: &["arch", "hatch"], ..Given::default() });
    assert_eq!(pairs(&walk), [("arch", "a", Some("b"))]);
    assert_eq!(walk.idle_doors[0].0, EntityId::from("shaft"));
    assert_eq!(walk.unreached[0].reason, "no door of the model leads outdoors");
}

/// A hall with two rooms and, between them, a corridor that is no space.
fn corridor() -> Vec<Entity> {
    let mut entities = hall();
    let wall = |id: &str, bbox| walled(entity(id, EntityKind::Element, bbox));
    entities.extend([
        wall("left", [5.0, 0.0, 0.0, 5.2, 5.0, 3.0]),
        wall("right", [6.8, 0.0, 0.0, 7.0, 5.0, 3.0]),
        entity("a", EntityKind::Space, [0.0, 0.0, 0.0, 5.0, 5.0, 2.8]),
        entity("b", EntityKind::Space, [7.0, 0.0, 0.0, 12.0, 5.0, 2.8]),
        entity("a-door", EntityKind::Door, [5.0, 1.0, 0.0, 5.2, 2.0, 2.1]),
        entity("b-door", EntityKind::Door, [6.8, 1.0, 0.0, 7.0, 2.0, 2.1]),
        entity("out", EntityKind::Door, [5.5, -0.3, 0.0, 6.5, 0.0, 2.1]),
    ]);
    entities
}

#[test]
fn a_corridor_without_space_is_a_part_of_its_storey_however_the_house_is_turned() {
    for turn in [0.0, 0.5, 0.8] {
        let walk = walk(corridor(), &Given { drawn: Some(turn), ..Given::default() });
        let expected = [
            ("a-door", "a", Some("storey#1")),
            ("b-door", "b", Some("storey#1")),
            ("out", "storey#1", None),
        ];
        assert_eq!(pairs(&walk), expected, "turned by {turn}");
        assert!(unreached(&walk).is_empty());
        let part = &walk.graph.spaces[2];
        assert_eq!(part.part_of, Some("storey".into()));
        // 1.6 by 5 m, in cells of 0.2 m less those of the walls.
        assert!((4.0..8.1).contains(&part.area_m2), "{part:?}");
        assert!(walk.graph.links[2].width_m.is_some_and(|width| (width - 1.0).abs() < 0.05));
    }
}

#[test]
fn a_storey_without_any_space_is_joined_by_its_doors() {
    let mut entities = corridor();
    entities.retain(|entity| entity.kind != EntityKind::Space);
    let walk = walk(entities, &Given { drawn: Some(0.3), ..Given::default() });
    assert_eq!(walk.graph.spaces.len(), 3, "two rooms and the corridor");
    assert_eq!(walk.graph.links.len(), 3);
    assert!(unreached(&walk).is_empty());
}

#[test]
fn spaces_that_touch_are_open_to_each_other_unless_a_wall_is_between() {
    let mut entities = vec![
        entity("kitchen", EntityKind::Space, [0.0, 0.0, 0.0, 5.0, 4.0, 2.8]),
        entity("living", EntityKind::Space, [5.0, 0.0, 0.0, 10.0, 4.0, 2.8]),
        // Drawn to the middle of the wall behind it.
        entity("bath", EntityKind::Space, [10.0, 0.0, 0.0, 12.0, 4.0, 2.8]),
        walled(entity("wall", EntityKind::Element, [9.9, 0.0, 0.0, 10.1, 4.0, 2.8])),
    ];
    let open = walk(entities.clone(), &Given { drawn: Some(0.4), ..Given::default() });
    assert_eq!(pairs(&open), [("kitchen", "kitchen", Some("living"))]);
    assert_eq!(open.graph.links[0].via, Via::Opening);
    assert!((open.graph.links[0].width_m.unwrap() - 4.0).abs() < 0.5);
    entities.push(walled(entity("new", EntityKind::Element, [4.9, 0.0, 0.0, 5.1, 3.7, 2.8])));
    let shut = walk(entities, &Given { drawn: Some(0.4), ..Given::default() });
    assert!(pairs(&shut).is_empty(), "{:?}", pairs(&shut));
}

#[test]
fn a_room_drawn_twice_is_one_place() {
    let mut entities = rooms();
    entities.insert(0, entity("gross", EntityKind::Space, [-0.2, -0.2, 0.0, 5.2, 4.2, 2.8]));
    entities.push(entity("inner", EntityKind::Door, [5.0, 1.0, 0.0, 5.2, 2.0, 2.1]));
    entities.push(entity("outer", EntityKind::Door, [-0.2, 1.0, 0.0, 0.0, 2.0, 2.1]));
    let walk = walk(entities, &Given::default());
    assert_eq!(
        pairs(&walk),
        [("inner", "a", Some("b")), ("gross", "gross", Some("a")), ("outer", "a", None)]
    );
    assert_eq!(walk.twins, [("gross".into(), "a".into())]);
    assert_eq!(walk.graph.spaces[0].exit_distance_m, walk.graph.spaces[1].exit_distance_m);
}

#[test]
fn a_door_to_a_balcony_is_no_exit() {
    let mut entities = rooms();
    for (id, z) in [("out", 0.0), ("balcony", 3.0)] {
        let door = entity(id, EntityKind::Door, [-0.3, 1.0, z, 0.0, 2.0, z + 2.1]);
        entities.push(with(door, "IsExternal", Json::Bool(true)));
    }
    let walk = walk(entities, &Given::default());
    assert_eq!(pairs(&walk), [("out", "a", None)]);
    assert_eq!(walk.balcony_doors, [EntityId::from("balcony")]);
    assert_eq!(unreached(&walk), ["b", "above"]);
}
