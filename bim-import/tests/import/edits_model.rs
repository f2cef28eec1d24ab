//! Small models that are edited at random, and what must be said of the edits.

use std::{collections::BTreeSet, fmt::Write as _};

use proptest::prelude::*;

use crate::support::step;

/// How a thing is identified in its file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Identity {
    /// By an id of its own.
    Own(String),
    /// By one that others have, too.
    Shared(String),
    /// Not at all.
    None,
}

/// Distance between things, m; they are two metres wide.
const STEP_M: f64 = 8.0;
/// Where things begin that are added, m: nobody can take one for a thing that moved.
const ADDED_M: f64 = 300.0;

/// A thing in a file. `key` is what the test knows it by: it never changes.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) key: usize,
    pub(crate) identity: Identity,
    pub(crate) class: usize,
    pub(crate) name: String,
    pub(crate) home: usize,
    pub(crate) x_m: f64,
    pub(crate) value: u32,
}

/// What one author did to one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edit {
    Remove,
    Rename,
    Move,
    Value,
    Class,
    Home,
}

/// A file before and after.
#[derive(Clone, Debug)]
pub(crate) struct Revisions {
    pub(crate) before: Vec<Thing>,
    pub(crate) after: Vec<Thing>,
    /// What was done, by key; what was added has none.
    pub(crate) edits: Vec<(usize, Edit)>,
    /// Whether the container that has no id got another name.
    pub(crate) is_home_renamed: bool,
    /// Decides the order and the numbers of records after.
    pub(crate) seed: u64,
}

impl Revisions {
    /// Keys of what was edited in this way.
    pub(crate) fn keys(&self, edit: Edit) -> BTreeSet<usize> {
        self.edits.iter().filter(|(_, done)| *done == edit).map(|(key, _)| *key).collect()
    }

    /// Keys of what was added.
    pub(crate) fn added(&self) -> BTreeSet<usize> {
        let first = self.before.len();
        self.after.iter().map(|thing| thing.key).filter(|key| *key >= first).collect()
    }
}

/// Three names for all, and some have none.
const NAMES: [&str; 4] = ["Chair", "Pump", "Door", ""];

/// Any file, and any edits of it.
pub(crate) fn revisions() -> impl Strategy<Value = Revisions> {
    let thing = (0..6usize, 0..3usize, 0..NAMES.len(), 0..4usize);
    let edit = (any::<prop::sample::Index>(), 0..6usize, 0..4usize);
    let added = (0..6usize, 0..3usize, 0..NAMES.len(), 0..4usize);
    (
        prop::collection::vec(thing, 3..10),
        prop::collection::vec(edit, 0..5),
        prop::collection::vec(added, 0..3),
        any::<bool>(),
        any::<u64>(),
    )
        .prop_map(|(things, edits, added, is_home_renamed, seed)| {
            let before: Vec<Thing> = things.into_iter().enumerate().map(thing_of).collect();
            let mut after = before.clone();
            let mut done: Vec<(usize, Edit)> = Vec::new();
            for (index, edit, to) in edits {
                let key = index.index(before.len());
                if done.iter().all(|(other, _)| *other != key) {
                    done.push((key, apply(&mut after, key, edit, to)));
                }
            }
            for (n, parts) in added.into_iter().enumerate() {
                let mut thing = thing_of((before.len() + n, parts));
                thing.x_m += ADDED_M;
                if matches!(thing.identity, Identity::Shared(_)) {
                    // By its id it would be the one that another edit took away.
                    thing.identity = Identity::None;
                } else if parts.0 == 5 {
                    // A copy that kept the id of what it was copied from.
                    let spared = |thing: &&Thing| {
                        matches!(thing.identity, Identity::Own(_))
                            && done.iter().all(|(key, _)| *key != thing.key)
                    };
                    if let Some(Thing { identity: Identity::Own(id), .. }) =
                        before.iter().find(spared)
                    {
                        thing.identity = Identity::Own(id.clone());
                    }
                }
                after.push(thing);
            }
            Revisions { before, after, edits: done, is_home_renamed, seed }
        })
}

fn thing_of((key, (identity, class, name, home)): (usize, (usize, usize, usize, usize))) -> Thing {
    let identity = match identity {
        0 | 5 => Identity::Own(format!("own-{key:018}")),
        1 => Identity::Shared("shared-000000000000001".into()),
        _ => Identity::None,
    };
    let x_m = STEP_M * key as f64;
    Thing { key, identity, class, name: NAMES[name].into(), home, x_m, value: 0 }
}

fn apply(things: &mut Vec<Thing>, key: usize, edit: usize, to: usize) -> Edit {
    let at = things.iter().position(|thing| thing.key == key).unwrap();
    let thing = &mut things[at];
    match edit {
        0 => {
            things.remove(at);
            Edit::Remove
        }
        1 => {
            let next = NAMES.iter().position(|name| *name == thing.name).unwrap() + 1;
            thing.name =
                if to == 0 { format!("named {key}") } else { NAMES[next % NAMES.len()].into() };
            Edit::Rename
        }
        // A thing without name is only known again where it still touches itself.
        2 => {
            thing.x_m += 0.5 * (1 + to % 3) as f64;
            Edit::Move
        }
        3 => {
            thing.value += 1;
            Edit::Value
        }
        4 => {
            thing.class = (thing.class + 1) % 3;
            Edit::Class
        }
        _ => {
            thing.home = (thing.home + 1 + to % 3) % 4;
            Edit::Home
        }
    }
}

/// Numbers that look like chance and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        for n in (1..items.len()).rev() {
            items.swap(n, self.below(n + 1));
        }
        items
    }
}

const CLASSES: [&str; 3] = ["IFCWALL", "IFCCOLUMN", "IFCBEAM"];

/// The things as IFC: four containers, of which a storey and a room have no GlobalId. With
/// a seed, records stand in any order and have any numbers.
pub(crate) fn ifc(things: &[Thing], second: &str, seed: Option<u64>) -> String {
    let mut records: Vec<(usize, String)> = [
        (1, "IFCPROJECT('project-00000000000001',$,'P',$,$,$,$,(#10),#2)".to_owned()),
        (2, "IFCUNITASSIGNMENT((#3))".into()),
        (3, "IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.)".into()),
        (4, "IFCBUILDING('building-0000000000001',$,'B',$,$,$,$,$,.ELEMENT.,$,$,$)".into()),
        (5, "IFCBUILDINGSTOREY('storey-000000000000001',$,'1',$,$,$,$,$,.ELEMENT.,0.)".into()),
        (6, "IFCBUILDINGSTOREY('storey-000000000000002',$,'2',$,$,$,$,$,.ELEMENT.,3.)".into()),
        (7, format!("IFCBUILDINGSTOREY($,$,'{second}',$,$,$,$,$,.ELEMENT.,6.)")),
        (8, "IFCSPACE($,$,'room',$,$,$,$,$,.ELEMENT.,.INTERNAL.,$)".into()),
        (9, "IFCRELAGGREGATES('r1',$,$,$,#1,(#4))".into()),
        (10, "IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-5,#11,$)".into()),
        (11, "IFCAXIS2PLACEMENT3D(#12,$,$)".into()),
        (12, "IFCCARTESIANPOINT((0.,0.,0.))".into()),
        (13, "IFCRELAGGREGATES('r2',$,$,$,#4,(#5,#6,#7))".into()),
        (14, "IFCRELAGGREGATES('r3',$,$,$,#5,(#8))".into()),
        (15, "IFCBLOCK(#11,2.,2.,1.)".into()),
        (16, "IFCSHAPEREPRESENTATION(#10,'Body','CSG',(#15))".into()),
    ]
    .into();
    for thing in things {
        records.extend(product(thing));
    }
    for home in 0..4 {
        let inside: Vec<String> = things
            .iter()
            .filter(|thing| thing.home == home)
            .map(|thing| format!("#{}", number(thing)))
            .collect();
        if !inside.is_empty() {
            let what = format!(
                "IFCRELCONTAINEDINSPATIALSTRUCTURE('c{home}',$,$,$,({}),#{})",
                inside.join(","),
                home + 5
            );
            records.push((20 + home, what));
        }
    }
    written(records, seed)
}

fn number(thing: &Thing) -> usize {
    100 + 20 * thing.key
}

fn product(thing: &Thing) -> Vec<(usize, String)> {
    let first = number(thing);
    let at = |n: usize| first + n;
    let global_id = match &thing.identity {
        Identity::Own(id) | Identity::Shared(id) => format!("'{id}'"),
        Identity::None => "$".into(),
    };
    let (class, name) = (CLASSES[thing.class], &thing.name);
    let (place, shape, key) = (at(1), at(4), thing.key);
    vec![
        (first, format!("{class}({global_id},$,'{name}',$,$,#{place},#{shape},$,$)")),
        (at(1), format!("IFCLOCALPLACEMENT($,#{})", at(2))),
        (at(2), format!("IFCAXIS2PLACEMENT3D(#{},$,$)", at(3))),
        (at(3), format!("IFCCARTESIANPOINT(({:?},0.,0.))", thing.x_m)),
        (at(4), "IFCPRODUCTDEFINITIONSHAPE($,$,(#16))".into()),
        (at(5), format!("IFCRELDEFINESBYPROPERTIES('d{key}',$,$,$,(#{first}),#{})", at(6))),
        (at(6), format!("IFCPROPERTYSET('s{key}',$,'P',$,(#{},#{}))", at(7), at(8))),
        (at(7), format!("IFCPROPERTYSINGLEVALUE('Key',$,IFCINTEGER({key}),$)")),
        (at(8), format!("IFCPROPERTYSINGLEVALUE('Value',$,IFCINTEGER({}),$)", thing.value)),
    ]
}

fn written(mut records: Vec<(usize, String)>, seed: Option<u64>) -> String {
    if let Some(seed) = seed {
        let mut dice = Dice(seed);
        records = dice.shuffled(records);
        let mut numbers = dice.shuffled((1..=records.len() * 3).collect());
        numbers.truncate(records.len());
        let to = |old: usize| {
            let at = records.iter().position(|(number, _)| *number == old).unwrap();
            numbers[at]
        };
        let renumbered =
            records.iter().map(|(number, text)| (to(*number), renumbered(text, to))).collect();
        records = renumbered;
    }
    let mut file = String::new();
    for (number, text) in records {
        writeln!(file, "#{number}={text};").unwrap();
    }
    step("IFC4", &file)
}

fn renumbered(text: &str, to: impl Fn(usize) -> usize) -> String {
    let mut pieces = text.split('#');
    let mut out = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        write!(out, "#{}{}", to(piece[..end].parse().unwrap()), &piece[end..]).unwrap();
    }
    out
}

/// The things as footprints of buildings in GeoJSON, in any order with a seed. Classes and
/// containers do not count.
pub(crate) fn geojson(things: &[Thing], seed: Option<u64>) -> String {
    const DEGREES: f64 = 1.0 / 111_320.0;
    let feature = |thing: &Thing| {
        let (west, east) = (thing.x_m * DEGREES, (thing.x_m + 2.0) * DEGREES);
        let north = 2.0 * DEGREES;
        let ring = [[west, 0.0], [east, 0.0], [east, north], [west, north], [west, 0.0]];
        let mut feature = serde_json::json!({
            "type": "Feature",
            "properties": {"kind": "building", "height": 3, "Key": thing.key, "Value": thing.value},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        });
        if !thing.name.is_empty() {
            feature["properties"]["name"] = thing.name.as_str().into();
        }
        if let Identity::Own(id) | Identity::Shared(id) = &thing.identity {
            feature["id"] = id.as_str().into();
        }
        feature
    };
    let mut features: Vec<serde_json::Value> = things.iter().map(feature).collect();
    if let Some(seed) = seed {
        features = Dice(seed).shuffled(features);
    }
    serde_json::json!({"type": "FeatureCollection", "features": features}).to_string()
}
