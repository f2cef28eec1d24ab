//! Imports of the shared models: repeatable, and silent about nothing.

use crate::support::{Folder, command, content, entities, ifc_models, json, stderr};

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
