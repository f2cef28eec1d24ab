//! The demo campus: what the rest of the product relies on.

use crate::support::{Folder, command, entities, json, stderr};

#[test]
fn the_demo_campus_is_whole() {
    let folder = Folder::new("campus");
    let files =
        demo_campus::generate(&demo_campus::Options::default(), &folder.path("files")).unwrap();
    let out = folder.path("scene");
    let output = command(&files, &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(&out.join("report.json"));
    for source in report["sources"].as_array().unwrap() {
        assert!(source["error"].is_null(), "{source}");
        assert_eq!(source["dropped"], 0, "{source}");
        assert_eq!(source["approximated"], 0, "{source}");
    }
    assert_eq!(report["graph"]["causes"], serde_json::json!([]));
    let scene = json(&out.join("scene.json"));
    assert_eq!(scene["crs"], "EPSG:4547");
    let entities = entities(&out);
    let count = |kind: &str| entities.values().filter(|entity| entity["kind"] == kind).count();
    for kind in
        ["storey", "space", "door", "lift", "meter", "sensor", "pump", "charger", "road", "green"]
    {
        assert!(count(kind) > 0, "no {kind}");
    }
    // Every lift takes people from storey to storey.
    let graph = json(&out.join("graph.json"));
    let links = graph["links"].as_array().unwrap();
    for (id, lift) in entities.iter().filter(|(_, entity)| entity["kind"] == "lift") {
        assert!(links.iter().any(|link| link["entity"] == id.as_str()), "{}", lift["name"]);
    }
    // What is bound by tag carries it, with its kind.
    let meters = entities.values().filter(|entity| entity["kind"] == "meter");
    for meter in meters {
        let tags = meter["tags"].as_array().unwrap();
        assert!(tags.iter().any(|tag| tag.as_str().unwrap().starts_with("meter:")), "{meter}");
    }
}
