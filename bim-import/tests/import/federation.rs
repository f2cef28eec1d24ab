//! Several files of one building make one building.

use serde_json::Value;

use crate::support::{Folder, command, entities, json, model, stderr};

#[test]
fn architecture_and_electrical_model_share_their_storeys_and_stand_together() {
    let files = [model("duplex_a_2x3_georef"), model("duplex_electrical_2x3")];
    let [Some(architecture), Some(electrical)] = files else { return };
    let folder = Folder::new("federation");
    let out = folder.path("scene");
    let output = command(&[architecture, electrical], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let entities = entities(&out);
    let of = |kind: &str| entities.values().filter(|e| e["kind"] == kind).collect::<Vec<_>>();
    for (kind, count) in [("project", 1), ("site", 1), ("building", 1), ("storey", 4)] {
        assert_eq!(of(kind).len(), count, "{kind}: {:?}", of(kind));
    }
    assert_eq!(of("space").len(), 21, "the roof is one space");
    // Every lamp stands on a storey of the architect's, within the building's footprint.
    let level = |name: &str| of("storey").into_iter().find(|s| s["name"] == name).unwrap().clone();
    let on = |storey: &Value| {
        let lamps = entities.values().filter(|e| e["source"] == 1 && e["bbox"].is_array());
        lamps.filter(|lamp| lamp["storey"] == storey["id"]).count()
    };
    assert!(on(&level("Level 1")) > 20 && on(&level("Level 2")) > 20);
    let walls = entities.values().filter(|e| e["ifc_class"] == "IfcWallStandardCase");
    let range = |boxes: Vec<&Value>, axis: usize| {
        let at = |bbox: &&Value, n: usize| bbox["bbox"][n].as_f64().unwrap();
        let low = boxes.iter().map(|bbox| at(bbox, axis)).fold(f64::INFINITY, f64::min);
        let high = boxes.iter().map(|bbox| at(bbox, axis + 3)).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let walls: Vec<&Value> = walls.filter(|wall| wall["bbox"].is_array()).collect();
    let lamps: Vec<&Value> =
        entities.values().filter(|e| e["source"] == 1 && e["bbox"].is_array()).collect();
    for axis in 0..2 {
        let (walls, lamps) = (range(walls.clone(), axis), range(lamps.clone(), axis));
        assert!(walls.0 - 0.3 < lamps.0 && lamps.1 < walls.1 + 0.3, "{walls:?} {lamps:?}");
    }
    // Each merge is said, with its rule; no reference leads to what was merged.
    let report = json(&out.join("report.json"));
    let notes = report["sources"][1]["notes"].as_array().unwrap();
    let reasons: Vec<&str> = notes.iter().map(|note| note["reason"].as_str().unwrap()).collect();
    let merges = reasons.iter().filter(|reason| reason.contains("of an earlier source: ")).count();
    assert_eq!(merges, 7, "{reasons:?}");
    for (id, entity) in &entities {
        let relations = entity["properties"]["Relations"].as_object();
        let related = relations.into_iter().flatten().filter_map(|(_, ids)| ids.as_array());
        let named = [&entity["parent"], &entity["storey"]].into_iter().chain(related.flatten());
        for other in named.filter_map(Value::as_str) {
            assert!(entities.contains_key(other), "{id} names {other}");
        }
    }
}
