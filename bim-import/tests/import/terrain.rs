//! A building, a street map and the ground under them, as a user would import them.

use serde_json::Value;

use crate::support::{Folder, command, entities, json, model, stderr};

/// The floor of the shared building in the Dutch grid, metres.
const PLACE: [f64; 2] = [149_626.0, 413_717.0];

#[test]
fn the_report_says_how_a_building_stands_to_the_terrain() {
    let Some(building) = model("grf005_building_mapconv_ifc4") else { return };
    let folder = Folder::new("terrain");
    // Level ground 2 m under the map's zero.
    let mut text = format!(
        "ncols 40\nnrows 40\nxllcorner {}\nyllcorner {}\ncellsize 10\n",
        PLACE[0] - 200.0,
        PLACE[1] - 200.0
    );
    text += &"-2 ".repeat(1_600);
    let ground = folder.write("ground.asc", text);
    folder.write("ground.prj", r#"PROJCS["RD",AUTHORITY["EPSG","28992"]]"#);
    let map = folder.write(
        "street.geojson",
        r#"{"type":"Feature","properties":{"kind":"road","width":6},"geometry":{"type":"LineString","coordinates":[[5.3090,51.7124],[5.3100,51.7124]]}}"#,
    );
    let out = folder.path("scene");
    let output = command(&[building, ground, map], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(&out.join("report.json"));
    let notes = report["sources"][0]["notes"].as_array().unwrap();
    let gaps: Vec<&str> = notes
        .iter()
        .filter_map(|note| note["reason"].as_str())
        .filter(|reason| reason.contains("the terrain there"))
        .collect();
    let [gap] = gaps.as_slice() else { panic!("{notes:?}") };
    println!("{gap}");
    let metres: f64 =
        gap.split_whitespace().filter_map(|word| word.parse().ok()).next_back().unwrap();
    assert!((metres - 2.0).abs() < 0.5 && gap.contains("above"), "{gap}");
    // The street lies on the ground, 2 m lower than the building's zero.
    let entities = entities(&out);
    let road = entities.values().find(|entity| entity["kind"] == "road").unwrap();
    let top = road["bbox"][5].as_f64().unwrap();
    assert!((top + 2.0).abs() < 0.2, "{top}");
    assert_eq!(report["sources"][1]["placed_by"], Value::from("coordinates in EPSG:28992"));
}
