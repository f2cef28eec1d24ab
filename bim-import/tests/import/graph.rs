//! The walking graph of every shared model, against what its space boundaries say. The
//! boundaries are read here from the text of the file, not by the importer.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::support::{Folder, command, entities, ifc_models, json, stderr};

/// The records of a STEP file: keyword and arguments by instance name.
type Records = HashMap<u32, (String, Vec<String>)>;

fn records(text: &str) -> Records {
    text.split(";")
        .filter_map(|statement| {
            let (name, rest) = statement.trim().strip_prefix('#')?.split_once('=')?;
            let (keyword, arguments) = rest.trim().split_once('(')?;
            let arguments = arguments.trim_end().strip_suffix(')')?;
            Some((name.trim().parse().ok()?, (keyword.trim().to_uppercase(), split(arguments))))
        })
        .collect()
}

/// Splits at commas outside of strings and brackets.
fn split(arguments: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted) = (vec![String::new()], 0, false);
    for letter in arguments.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(letter);
    }
    parts
}

fn reference(argument: &str) -> Option<u32> {
    argument.trim().strip_prefix('#')?.parse().ok()
}

/// For each door by GlobalId the spaces its boundaries, or its opening's, name.
fn stated(records: &Records) -> HashMap<String, BTreeSet<String>> {
    let of = |keyword: &'static str| {
        records.values().filter(move |(name, _)| name == keyword).map(|(_, arguments)| arguments)
    };
    let is_door = |id: u32| records[&id].0.starts_with("IFCDOOR");
    let global_id = |id: u32| records[&id].1[0].trim().trim_matches('\'').to_owned();
    let fillings: HashMap<u32, u32> = of("IFCRELFILLSELEMENT")
        .filter_map(|relation| Some((reference(&relation[4])?, reference(&relation[5])?)))
        .collect();
    let mut stated: HashMap<String, BTreeSet<String>> = HashMap::new();
    let boundaries = of("IFCRELSPACEBOUNDARY")
        .chain(of("IFCRELSPACEBOUNDARY1STLEVEL"))
        .chain(of("IFCRELSPACEBOUNDARY2NDLEVEL"));
    for boundary in boundaries {
        let (Some(space), Some(element)) = (reference(&boundary[4]), reference(&boundary[5]))
        else {
            continue;
        };
        let element = fillings.get(&element).copied().unwrap_or(element);
        if records[&space].0 == "IFCSPACE" && is_door(element) {
            stated.entry(global_id(element)).or_default().insert(global_id(space));
        }
    }
    stated
}

/// Places from which an exit is reached, by following the links.
fn reached(links: &[Value]) -> HashSet<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut reached: HashSet<String> =
        links.iter().filter(|link| link["to"].is_null()).map(|link| text(&link["from"])).collect();
    loop {
        let before = reached.len();
        for link in links.iter().filter(|link| link["to"].is_string()) {
            let ends = [text(&link["from"]), text(&link["to"])];
            if ends.iter().any(|end| reached.contains(end)) {
                reached.extend(ends);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}

#[test]
fn doors_join_the_spaces_that_their_boundaries_name_and_every_space_is_accounted_for() {
    let folder = Folder::new("graph");
    let (mut compared, mut doors, mut spaces, mut lost) = (0, 0, 0, 0);
    for model in ifc_models() {
        let text = String::from_utf8_lossy(&std::fs::read(&model).unwrap()).into_owned();
        let records = records(&text);
        let has = |keyword: &str| records.values().any(|(name, _)| name.starts_with(keyword));
        if !has("IFCSPACE") && !has("IFCDOOR") {
            continue;
        }
        let name = model.file_stem().unwrap().to_string_lossy().into_owned();
        let out = folder.path(&name);
        let output = command(&[model], &out).output().unwrap();
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let (graph, report) = (json(&out.join("graph.json")), json(&out.join("report.json")));
        let (links, report) = (graph["links"].as_array().unwrap(), &report["graph"]);
        let entities = entities(&out);

        // What the boundaries name.
        let by_door = |door: &str| links.iter().filter(|l| l["entity"] == door).collect::<Vec<_>>();
        for (door, expected) in stated(&records) {
            let found = by_door(&door);
            assert_eq!(found.len(), 1, "{name}: {door} is one way");
            let ends = [&found[0]["from"], &found[0]["to"]];
            let ends: BTreeSet<String> =
                ends.iter().filter_map(|end| end.as_str().map(str::to_owned)).collect();
            match expected.len() {
                1 => assert!(ends.is_superset(&expected), "{name} {door}: {ends:?} {expected:?}"),
                2 => assert_eq!(ends, expected, "{name} {door}"),
                _ => assert!(ends.is_subset(&expected), "{name} {door}: {ends:?} {expected:?}"),
            }
            assert_eq!(
                found[0]["derived"] == false,
                expected.len() > 1 || ends.len() == 1,
                "{door}"
            );
            compared += 1;
        }

        // Each door is a way, or the report says why not.
        let listed = |list: &Value, id: &str| {
            list.as_array().unwrap().iter().any(|line| line.as_str().unwrap().starts_with(id))
        };
        for (id, entity) in entities.iter().filter(|(_, entity)| entity["kind"] == "door") {
            let known = !by_door(id).is_empty()
                || listed(&report["idle_doors"], id)
                || listed(&report["balcony_doors"], id);
            assert!(known, "{name}: nothing is said of door {id} {}", entity["name"]);
            doors += 1;
        }

        // Each space reaches an exit, or the report says why not.
        let reached = reached(links);
        let causes: HashSet<String> = report["causes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|cause| cause["reason"].as_str().unwrap().len() > 10)
            .flat_map(|cause| cause["spaces"].as_array().unwrap())
            .map(|space| space.as_str().unwrap().to_owned())
            .collect();
        let nodes: Vec<&Value> = graph["spaces"].as_array().unwrap().iter().collect();
        let node = |id: &str| nodes.iter().find(|node| node["entity"] == id).copied();
        for (id, _) in entities.iter().filter(|(_, entity)| entity["kind"] == "space") {
            assert!(node(id).is_some(), "{name}: space {id} is not in the graph");
            assert_eq!(reached.contains(id), !causes.contains(id), "{name}: space {id}");
            spaces += 1;
            lost += usize::from(causes.contains(id));
        }
        // Ways are whole: their ends are places, their lengths and widths are of this world.
        for link in links {
            for end in [&link["from"], &link["to"]].into_iter().filter_map(Value::as_str) {
                assert!(node(end).is_some(), "{name}: {link}");
            }
            assert!((0.0..500.0).contains(&link["length_m"].as_f64().unwrap()), "{name}: {link}");
            let is_door = entities.get(link["entity"].as_str().unwrap()).unwrap()["kind"] == "door";
            if is_door && !name.starts_with("schependom") {
                let width = link["width_m"].as_f64().unwrap();
                assert!((0.4..4.0).contains(&width), "{name}: {link}");
            }
        }
        println!(
            "{name:40} {} spaces, {} parts of storeys, {} links, {} exits, {} unreachable",
            report["spaces"],
            report["parts_of_storeys"],
            report["links"],
            report["exits"],
            causes.len()
        );
    }
    if spaces > 0 {
        println!("{compared} doors with boundaries, {doors} doors, {spaces} spaces, {lost} lost");
        assert!(compared > 120 && doors > 200 && spaces > 200, "{compared} {doors} {spaces}");
        // Shafts, a roof, two rooms in a file without doors, one space of another file.
        assert!(lost <= 6, "{lost} spaces reach no exit");
    }
}
