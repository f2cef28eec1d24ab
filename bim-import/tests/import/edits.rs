//! Whatever is edited, and in whatever order and with whatever numbers a program writes the
//! file anew: ids stay, and the difference lists exactly the edits.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use proptest::prelude::*;
use serde_json::Value;

use crate::{
    edits_model::{Edit, Identity, Revisions, geojson, ifc, revisions},
    support::{Folder, command, content, entities, json, stderr},
};

fn import(file: &Path, out: &Path) {
    let output = command(&[file.to_owned()], out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

/// The id of each thing, by its key.
fn ids(package: &Path) -> BTreeMap<usize, String> {
    let key = |entity: &Value| {
        let sets = &entity["properties"];
        let key = ["P", "Properties"].iter().find_map(|set| sets[set]["Key"].as_u64())?;
        Some((key as usize, entity["id"].as_str().unwrap().to_owned()))
    };
    entities(package).values().filter_map(key).collect()
}

fn listed(changes: &Value, list: &str) -> BTreeSet<String> {
    let items = changes[list].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// What `changes.json` must list, by list.
type Lists = BTreeMap<&'static str, BTreeSet<String>>;

/// The same for both formats: what was edited is said of the ids that it had before.
fn expected(
    case: &Revisions,
    old: &BTreeMap<usize, String>,
    new: &BTreeMap<usize, String>,
    is_ifc: bool,
) -> Lists {
    let of = |keys: BTreeSet<usize>, ids: &BTreeMap<usize, String>| -> BTreeSet<String> {
        keys.iter().map(|key| ids[key].clone()).collect()
    };
    let edited = |edit: Edit| of(case.keys(edit), old);
    let mut lists = Lists::from([
        ("added", of(case.added(), new)),
        ("removed", edited(Edit::Remove)),
        ("renamed", edited(Edit::Rename)),
        ("moved", edited(Edit::Move)),
        ("edited", edited(Edit::Value)),
        ("reshaped", BTreeSet::new()),
        ("reparented", BTreeSet::new()),
        ("reclassified", BTreeSet::new()),
    ]);
    if is_ifc {
        lists.insert("reparented", edited(Edit::Home));
        lists.insert("reclassified", edited(Edit::Class));
    } else {
        // A feature's name is one of its properties.
        lists.get_mut("edited").unwrap().extend(edited(Edit::Rename));
    }
    lists
}

fn check(folder: &Folder, name: &str, case: &Revisions, texts: [String; 2]) {
    let is_ifc = name.ends_with(".ifc");
    let out = folder.path("scene");
    let _ = std::fs::remove_dir_all(&out);
    let [before, after] = texts;
    import(&folder.write(name, before), &out);
    let old = ids(&out);
    assert_eq!(old.len(), case.before.len());
    let home = |package: &Path| {
        let all = entities(package);
        let found =
            all.values().find(|entity| entity["kind"] == "storey" && entity["global_id"].is_null());
        found.map(|entity| entity["id"].as_str().unwrap().to_owned())
    };
    let old_home = home(&out);
    let file = folder.write(name, after);
    import(&file, &out);
    let new = ids(&out);
    for (key, id) in &new {
        assert_eq!(id, old.get(key).unwrap_or(id), "thing {key}");
    }
    assert_eq!(home(&out), old_home);
    let report = json(&out.join("report.json"));
    if report["changes"].is_null() {
        // The same bytes: nothing can have been done.
        assert!(case.edits.is_empty() && case.added().is_empty() && !case.is_home_renamed);
        return;
    }
    let changes = json(&out.join("changes.json"));
    let mut lists = expected(case, &old, &new, is_ifc);
    if case.is_home_renamed {
        lists.get_mut("renamed").unwrap().extend(old_home);
    }
    for (list, wanted) in lists {
        assert_eq!(listed(&changes, list), wanted, "{list}: {changes:#}");
    }
    // The same once more is the same to the byte, whatever ids were kept.
    let package = content(&out);
    import(&file, &out);
    assert!(content(&out) == package, "a repeated import changed the package");
}

/// Without the package before, ids follow from the things alone: what was not edited has
/// the same id in a package made elsewhere.
fn check_elsewhere(folder: &Folder, name: &str, case: &Revisions, texts: [String; 2]) {
    let packages = ["a", "b"].map(|name| folder.path(name));
    for (text, package) in texts.into_iter().zip(&packages) {
        let _ = std::fs::remove_dir_all(package);
        import(&folder.write(name, text), package);
    }
    let [old, new] = packages.map(|package| ids(&package));
    let is_copied = |id: &Identity| {
        case.after.iter().filter(|thing| thing.identity == *id && *id != Identity::None).count() > 1
    };
    for thing in &case.after {
        // What is in a container that has no id is called after that, too.
        let is_edited = case.edits.iter().any(|(key, _)| *key == thing.key)
            || case.is_home_renamed && thing.home == 2;
        if let Some(id) = old.get(&thing.key)
            && !is_edited
            && !is_copied(&thing.identity)
            && !matches!(thing.identity, Identity::Shared(_))
        {
            assert_eq!(new[&thing.key], *id, "thing {}", thing.key);
        }
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 60, ..Default::default() }
}

fn ifc_texts(case: &Revisions) -> [String; 2] {
    let second = if case.is_home_renamed { "attic" } else { "3" };
    [ifc(&case.before, "3", None), ifc(&case.after, second, Some(case.seed))]
}

fn geojson_texts(case: &Revisions) -> [String; 2] {
    [geojson(&case.before, None), geojson(&case.after, Some(case.seed))]
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn edits_of_a_building_are_listed_and_ids_stay(case in revisions()) {
        let folder = Folder::new("edits-ifc");
        check(&folder, "a.ifc", &case, ifc_texts(&case));
    }

    #[test]
    fn edits_of_a_map_are_listed_and_ids_stay(mut case in revisions()) {
        // A map knows neither.
        case.edits.retain(|(_, edit)| !matches!(edit, Edit::Class | Edit::Home));
        case.is_home_renamed = false;
        let folder = Folder::new("edits-map");
        check(&folder, "a.geojson", &case, geojson_texts(&case));
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn a_building_has_the_same_ids_elsewhere(case in revisions()) {
        let folder = Folder::new("edits-ifc-elsewhere");
        check_elsewhere(&folder, "a.ifc", &case, ifc_texts(&case));
    }

    #[test]
    fn a_map_has_the_same_ids_elsewhere(case in revisions()) {
        let folder = Folder::new("edits-map-elsewhere");
        check_elsewhere(&folder, "a.geojson", &case, geojson_texts(&case));
    }
}

/// A file that alone changed its name is the one that it was.
#[test]
fn a_file_with_another_name_keeps_its_ids() {
    let folder = Folder::new("edits-renamed");
    let out = folder.path("scene");
    let ids = |name: &str| {
        import(&folder.write(name, MAP), &out);
        entities(&out).into_keys().collect::<BTreeSet<_>>()
    };
    assert_eq!(ids("a.geojson"), ids("b.geojson"));
}

const MAP: &str = r#"{"type":"FeatureCollection","features":[
{"type":"Feature","properties":{"kind":"building"},"geometry":{"type":"Polygon","coordinates":[[[0,0],[0.0001,0],[0.0001,0.0001],[0,0]]]}},
{"type":"Feature","properties":{"kind":"green"},"geometry":{"type":"Point","coordinates":[0.001,0.001]}}]}"#;
