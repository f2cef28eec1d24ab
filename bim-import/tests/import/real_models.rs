//! Every shared model against the boxes that IfcOpenShell found.

use std::{fs, path::Path};

use crate::support::{Folder, command, content, entities, ifc_models, json, shared, stderr};

/// A box may be off by this much, m.
const TOLERANCE_M: f64 = 0.05;

struct Reference {
    id: String,
    class: String,
    bbox: Vec<f64>,
}

fn reference(path: &Path) -> Vec<Reference> {
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        Reference {
            id: columns[0].into(),
            class: columns[1].into(),
            bbox: columns[3..9].iter().map(|number| number.parse().unwrap()).collect(),
        }
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn every_model_matches_its_reference() {
    let Some(models) = shared() else { return };
    let folder = Folder::new("reference");
    let mut compared = 0;
    let mut wrong = Vec::new();
    for model in ifc_models() {
        let name = model.file_stem().unwrap().to_string_lossy().into_owned();
        let out = folder.path(&name);
        let output = command(&[model], &out).args(["--frame", "source"]).output().unwrap();
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let report = json(&out.join("report.json"));
        let source = &report["sources"][0];
        let entities = entities(&out);
        let (mut missing, mut off) = (0, 0);
        let expected = reference(&models.join(format!("../reference/ifc/{name}.tsv")));
        for row in &expected {
            let bbox = entities.get(&row.id).and_then(|entity| entity["bbox"].as_array());
            let Some(bbox) = bbox else {
                missing += 1;
                wrong.push(format!("{name} {} {} is missing", row.class, row.id));
                continue;
            };
            let worst = bbox.iter().zip(&row.bbox).map(|(a, b)| (a.as_f64().unwrap() - b).abs());
            let worst = worst.fold(0.0, f64::max);
            if worst > TOLERANCE_M {
                off += 1;
                wrong.push(format!("{name} {} {} is off by {worst:.3} m", row.class, row.id));
            }
        }
        compared += expected.len();
        println!(
            "{name:40} {:5} elements, {missing} missing, {off} off, {} approximated, {} dropped, {} s",
            expected.len(),
            source["approximated"],
            source["dropped"],
            source["seconds"]
        );
    }
    assert!(compared > 6_000, "only {compared} elements compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_models_make_one_scene_twice_the_same() {
    let models = ifc_models();
    if models.is_empty() {
        return;
    }
    // The two slow ones are compared with their reference already.
    let quick: Vec<_> = models
        .into_iter()
        .filter(|path| {
            !["mini_project", "linden"].iter().any(|n| path.to_string_lossy().contains(n))
        })
        .collect();
    let folder = Folder::new("repeat");
    let (first, second) = (folder.path("first"), folder.path("second"));
    for out in [&first, &second] {
        let output = command(&quick, out).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let (a, b) = (content(&first), content(&second));
    let mut differing: Vec<_> = a.keys().filter(|name| a.get(*name) != b.get(*name)).collect();
    differing.sort();
    assert!(differing.is_empty() && a.len() == b.len(), "{differing:?}");
    // Several of these models are versions of one another: their GlobalIds meet.
    let entities = entities(&first);
    assert!(entities.keys().any(|id| id.ends_with("~2")));
    for (id, entity) in &entities {
        if let Some(parent) = entity["parent"].as_str() {
            assert!(entities.contains_key(parent), "{id} names {parent}");
        }
    }
}

/// What has a body and is not drawn stands in the report.
#[test]
fn nothing_vanishes_silently() {
    let Some(model) = crate::support::model("schependomlaan_window_frames_2x3") else { return };
    let folder = Folder::new("silent");
    let out = folder.path("scene");
    let output = command(&[model], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(&out.join("report.json"));
    let drops = report["sources"][0]["drops"].as_array().unwrap();
    let reasons = |id: &str| drops.iter().find(|drop| drop["global_id"] == id).cloned();
    let undrawn = entities(&out)
        .into_values()
        .filter(|entity| entity["ifc_class"] == "IfcWallStandardCase" && entity["bbox"].is_null());
    let mut count = 0;
    for entity in undrawn {
        let drop = reasons(entity["global_id"].as_str().unwrap());
        assert_eq!(drop.unwrap()["reason"], "its openings leave nothing of it");
        count += 1;
    }
    assert!(count > 0);
}
