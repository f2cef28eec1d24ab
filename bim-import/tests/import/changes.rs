//! The difference between two revisions lists exactly the edits, and importing the same
//! again changes nothing.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

use crate::support::{Folder, command, content, entities, json, model, stderr};

fn import(file: &Path, out: &Path) {
    let output = command(&[file.to_owned()], out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

fn ids(changes: &Value, list: &str) -> BTreeSet<String> {
    let items = changes[list].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// Replaces what must occur exactly once.
fn edit(text: &mut String, from: &str, to: &str) {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    *text = text.replace(from, to);
}

const KITCHEN: &str = "2e9pghUJbBqR4jTInsONQT";
const LIVING_ROOM: &str = "0xY$LvXaDEswJDk_VU74C_";
const BEDDING: &str = "3_4VN63S96DfWiJjgG8j1C";
const CUBE: &str = "2F44QMqSH3TOkM$SZoqCBe";
const SECOND: &str = "0000000000000000000001";
const GROUND_FLOOR: &str = "1Ano2ZUxnEIvVQ_beukl8b";

/// The record of an entity by its GlobalId, whole.
fn record(text: &str, global_id: &str) -> String {
    let line = text.lines().find(|line| line.contains(&format!("('{global_id}'")));
    line.unwrap().to_owned()
}

#[test]
fn the_difference_lists_exactly_the_edits() {
    let Some(model) = model("bs_building_architecture_ifc4") else { return };
    let folder = Folder::new("changes");
    let old = fs::read_to_string(model).unwrap();
    let file = folder.write("house.ifc", &old);
    let out = folder.path("scene");
    import(&file, &out);
    assert!(!out.join("changes.json").exists(), "there was nothing to compare with");
    let kept = folder.path("kept");
    import(&file, &kept);

    let mut new = old;
    edit(&mut new, "#1,'living room',", "#1,'lounge',");
    edit(&mut new, "'The ground floor, forming the base level of the building.'", "'edited'");
    let bedding = record(&new, BEDDING);
    edit(&mut new, &bedding, "");
    // The cube goes half a metre along the file's x axis; a second one stays where it was.
    let cube = record(&new, CUBE);
    let second = cube.replace(CUBE, SECOND).replace("#482=", "#900003=");
    let moved = cube.replace("#488", "#900002")
        + "#900000=IFCCARTESIANPOINT((-5300.000000000004,-5799.999999999992,1300.));
#900001=IFCAXIS2PLACEMENT3D(#900000,$,$);
#900002=IFCLOCALPLACEMENT(#25,#900001);
";
    edit(&mut new, &cube, &(moved + &second));
    folder.write("house.ifc", &new);
    import(&file, &out);

    let changes = json(&out.join("changes.json"));
    assert_eq!(ids(&changes, "added"), set(&[SECOND]));
    assert_eq!(ids(&changes, "removed"), set(&[BEDDING]));
    assert_eq!(ids(&changes, "renamed"), set(&[LIVING_ROOM]));
    assert_eq!(ids(&changes, "moved"), set(&[CUBE]));
    assert_eq!(ids(&changes, "edited"), set(&[GROUND_FLOOR]));
    for list in ["reshaped", "reparented", "reclassified"] {
        assert_eq!(ids(&changes, list), set(&[]), "{list}");
    }
    assert_eq!(changes["renamed"][0]["from"], "living room");
    let by: Vec<f64> = serde_json::from_value(changes["moved"][0]["by_m"].clone()).unwrap();
    assert!((by[0].hypot(by[1]) - 0.5).abs() < 0.002 && by[2].abs() < 0.001, "{by:?}");
    let property = &changes["edited"][0]["properties"];
    assert_eq!(property.as_array().unwrap().len(), 1, "{property}");
    assert_eq!(property[0]["name"], "Description");
    assert_eq!(property[0]["to"], "edited");
    assert_eq!(changes["from"], json(&kept.join("scene.json"))["revision"]);
    assert_eq!(changes["to"], json(&out.join("scene.json"))["revision"]);
    let counts = &json(&out.join("report.json"))["changes"]["counts"];
    assert_eq!(counts["removed"], 1);
    assert!(entities(&out).contains_key(KITCHEN));

    // The same from the command line, over the two packages.
    let diff = Command::new(env!("CARGO_BIN_EXE_bim-import"))
        .arg("diff")
        .args([&kept, &out])
        .arg("--json")
        .output()
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&diff.stdout).unwrap(), changes);
    let back = Command::new(env!("CARGO_BIN_EXE_bim-import"))
        .arg("diff")
        .args([&out, &kept])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&back.stdout).into_owned();
    assert!(text.contains(&format!("added        {BEDDING}")), "{text}");
    assert!(text.contains(&format!("removed      {SECOND}")), "{text}");

    // Importing it again leaves every byte as it is, the list included.
    let before = content(&out);
    import(&file, &out);
    assert!(content(&out) == before, "a repeated import changed the package");
}

#[test]
fn folders_that_are_no_packages_are_refused() {
    let folder = Folder::new("changes-none");
    let output = Command::new(env!("CARGO_BIN_EXE_bim-import"))
        .arg("diff")
        .args([folder.path("a"), folder.path("b")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("scene.json"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

/// A broken package does not stop the one that replaces it.
#[test]
fn a_broken_old_package_is_said_and_replaced() {
    let Some(model) = model("bs_building_architecture_ifc4") else { return };
    let folder = Folder::new("changes-broken");
    let out = folder.path("scene");
    import(&model, &out);
    fs::write(out.join("scene.json"), "{").unwrap();
    import(&model, &out);
    let report = json(&out.join("report.json"));
    let error = report["changes"]["error"].as_str().unwrap();
    assert!(error.contains("scene.json line 1"), "{error}");
    assert!(!out.join("changes.json").exists());
}

#[test]
fn what_somebody_put_beside_is_never_lost() {
    let Some(file) = model("bs_building_architecture_ifc4") else { return };
    let folder = Folder::new("lost");
    let out = folder.path("scene");
    import(&file, &out);
    let own = out.join("house.ifc");
    fs::copy(&file, &own).unwrap();
    let refused = command(std::slice::from_ref(&own), &out).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("house.ifc"), "{}", stderr(&refused));
    // Nor is a file to import taken for the report.
    let taken = folder.path("model.ifc");
    fs::rename(&own, &taken).unwrap();
    for (option, to) in [("--report", &taken), ("--audit", &taken), ("--report", &own.join("x"))] {
        let refused =
            command(std::slice::from_ref(&taken), &out).arg(option).arg(to).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{option} {}", to.display());
    }
    assert_eq!(fs::read(&taken).unwrap(), fs::read(&file).unwrap());
    import(&taken, &out);
}
