//! Several files of one building make one building.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{self, Folder, command, entities, model, stderr};

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
    let report = support::json(&out.join("report.json"));
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

/// Where the campus's zero lies in its map, eastings, northings and height, m; and how far
/// its x axis is turned from east.
const CAMPUS: [f64; 3] = [494_856.0, 2_493_640.0, 7.0];
const TURN_DEG: f64 = 7.5;
/// Height of the ground round it, m.
const GROUND_M: f64 = 6.5;
/// A door of the energy centre.
const DOOR: &str = "0iSLfdi68ol3okCU7zi7OB";

/// Pipes of the kindergarten by another author: the same map, building and storey by name
/// only. Its first element has a GlobalId that the energy centre uses.
fn pipes() -> String {
    let block = |id: u32, global_id: &str, x: f64, y: f64| {
        format!(
            "#{id}=IFCFLOWTERMINAL('{global_id}',$,'Basin',$,$,#13,#{},$);
#{}=IFCPRODUCTDEFINITIONSHAPE($,$,(#{}));
#{}=IFCSHAPEREPRESENTATION(#10,'Body','CSG',(#{}));
#{}=IFCBLOCK(#{},2.,2.,1.);
#{}=IFCAXIS2PLACEMENT3D(#{},$,$);
#{}=IFCCARTESIANPOINT(({x:.1},{y:.1},0.));
",
            id + 1,
            id + 1,
            id + 2,
            id + 2,
            id + 3,
            id + 3,
            id + 4,
            id + 4,
            id + 5,
            id + 5
        )
    };
    let (sin, cos) = TURN_DEG.to_radians().sin_cos();
    let records = format!(
        "#1=IFCPROJECT('3000000000000000000001',$,'Pipes',$,$,$,$,(#10),#2);
#2=IFCUNITASSIGNMENT((#3));
#3=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#4=IFCPROJECTEDCRS('EPSG:4547',$,$,'EPSG:5737',$,$,#3);
#5=IFCMAPCONVERSION(#10,#4,{},{},{:.1},{cos},{sin},1.);
#10=IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,#11,$);
#11=IFCAXIS2PLACEMENT3D(#12,$,$);
#12=IFCCARTESIANPOINT((0.,0.,0.));
#13=IFCLOCALPLACEMENT($,#11);
#20=IFCBUILDING('3000000000000000000002',$,'K',$,$,#13,$,$,.ELEMENT.,$,$,$);
#21=IFCBUILDINGSTOREY('3000000000000000000003',$,'01F',$,$,#13,$,$,.ELEMENT.,0.);
#22=IFCRELAGGREGATES('3000000000000000000004',$,$,$,#1,(#20));
#23=IFCRELAGGREGATES('3000000000000000000005',$,$,$,#20,(#21));
#24=IFCRELCONTAINEDINSPATIALSTRUCTURE('3000000000000000000006',$,$,$,(#30,#40),#21);
{}{}",
        CAMPUS[0],
        CAMPUS[1],
        CAMPUS[2],
        block(30, DOOR, -34.0, -68.0),
        block(40, "3000000000000000000007", -31.0, -65.0),
    );
    support::step("IFC4", &records)
}

/// A house, a footprint and the ground, in the campus's map.
fn city(heights: u32, objects: &Value, vertices: &[[f64; 3]]) -> String {
    let system = format!(
        "http://www.opengis.net/def/crs-compound?1=http://www.opengis.net/def/crs/EPSG/0/4547&2=http://www.opengis.net/def/crs/EPSG/0/{heights}"
    );
    let vertices: Vec<[i64; 3]> =
        vertices.iter().map(|v| v.map(|metres| (metres * 1_000.0).round() as i64)).collect();
    json!({
        "type": "CityJSON", "version": "2.0", "metadata": {"referenceSystem": system},
        "transform": {"scale": [0.001, 0.001, 0.001], "translate": [CAMPUS[0], CAMPUS[1], 0.0]},
        "CityObjects": objects, "vertices": vertices,
    })
    .to_string()
}

/// The corners of a rectangle in metres east and north of the campus's zero.
fn corners([x, y]: [f64; 2], [width, depth]: [f64; 2], z: f64) -> [[f64; 3]; 4] {
    [[0.0, 0.0], [width, 0.0], [width, depth], [0.0, depth]].map(|[dx, dy]| [x + dx, y + dy, z])
}

fn surroundings(folder: &Folder) -> Vec<PathBuf> {
    let mut vertices = corners([150.0, 100.0], [10.0, 8.0], GROUND_M).to_vec();
    vertices.extend(corners([150.0, 100.0], [10.0, 8.0], GROUND_M + 6.0));
    vertices.extend(corners([180.0, 100.0], [10.0, 10.0], GROUND_M));
    // The earth bends: the ground is many triangles.
    let mut ground = Vec::new();
    for (i, j) in (0..20).flat_map(|i| (0..20).map(move |j| (f64::from(i), f64::from(j)))) {
        let n = vertices.len();
        let corner = [-1_500.0 + 150.0 * i, -1_500.0 + 150.0 * j];
        vertices.extend(corners(corner, [150.0, 150.0], GROUND_M));
        ground.extend([json!([[n, n + 1, n + 2]]), json!([[n, n + 2, n + 3]])]);
    }
    let objects = json!({
        "house": {"type": "Building", "geometry": [{"type": "Solid", "lod": "1", "boundaries": [[
            [[0, 3, 2, 1]], [[4, 5, 6, 7]], [[0, 1, 5, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 6]], [[3, 0, 4, 7]]]]}]},
        "ground": {"type": "TINRelief", "geometry": [{"type": "CompositeSurface", "lod": "1",
            "boundaries": ground}]},
        "shed": {"type": "Building", "attributes": {"measuredHeight": 3.5}, "geometry": [
            {"type": "MultiSurface", "lod": "0", "boundaries": [[[8, 9, 10, 11]]]}]},
    });
    let town = folder.write("town.city.json", city(5_737, &objects, &vertices));
    let old = json!({"house": {"type": "Building", "geometry": [
        {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2, 3]]]}]}});
    let old = city(5_736, &old, &corners([-150.0, 100.0], [10.0, 10.0], GROUND_M));
    let old = folder.write("old.city.json", old);
    vec![town, old]
}

#[test]
fn what_two_exports_of_one_building_hold_stands_once() {
    let folder = Folder::new("two-exports");
    let first = pipes();
    let second = first.replace("DATA;", "DATA; /* exported again */");
    assert_ne!(first, second);
    let alone = folder.path("alone");
    let files = [folder.write("may.ifc", first), folder.write("june.ifc", second)];
    let output = command(&files[..1], &alone).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let out = folder.path("both");
    let output = command(&files, &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(entities(&out), entities(&alone));
    let report = support::json(&out.join("report.json"));
    assert_eq!(report["sources"][1]["read"], 0, "all of it is in the first");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    let row = "<td>Basin (IfcFlowTerminal)</td><td>june.ifc</td><td>Basin (IfcFlowTerminal)</td><td>may.ifc</td>";
    assert!(page.contains(row) && page.contains("GlobalId、类别与范围均相同"));
    assert!(!page.contains("~2</code>"));
}

#[test]
fn buildings_their_city_and_the_ground_make_one_scene() {
    let folder = Folder::new("one-scene");
    let made = folder.path("campus");
    demo_campus::generate(&demo_campus::Options::default(), &made).unwrap();
    let mut files: Vec<PathBuf> = ["E.ifc", "K.ifc", "GH1.ifc"].map(|name| made.join(name)).into();
    files.push(folder.write("K-pipes.ifc", pipes()));
    files.extend(surroundings(&folder));
    files.push(made.join("surroundings.geojson"));
    let out = folder.path("scene");
    let output = command(&files, &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));

    // One entity an id; whatever is named is there.
    let lines = std::fs::read_to_string(out.join("entities.ndjson")).unwrap();
    let entities = entities(&out);
    assert_eq!(lines.lines().count(), entities.len());
    for (id, entity) in &entities {
        for other in [&entity["parent"], &entity["storey"]].into_iter().filter_map(Value::as_str) {
            assert!(entities.contains_key(other), "{id} names {other}");
        }
    }
    let report = support::json(&out.join("report.json"));
    let sources = report["sources"].as_array().unwrap();
    let said = |file: &str| -> Vec<&str> {
        let source = sources.iter().find(|source| source["file"] == file).unwrap();
        assert!(source["error"].is_null(), "{source}");
        let lists =
            ["notes", "approximations", "drops"].map(|list| source[list].as_array().unwrap());
        lists.into_iter().flatten().map(|note| note["reason"].as_str().unwrap()).collect()
    };
    let says = |file: &str, parts: &[&str]| {
        let said = said(file);
        let fits = |reason: &&&str| parts.iter().all(|part| reason.contains(part));
        assert!(said.iter().filter(fits).count() > 0, "{file}: {parts:?} not in {said:#?}");
    };

    // Building and storey are one by name and place; the project is another one.
    let called = |kind: &str, name: &str| {
        let is = |entity: &&Value| entity["kind"] == kind && entity["name"] == name;
        entities.values().filter(is).cloned().collect::<Vec<_>>()
    };
    let [building] = called("building", "K").try_into().unwrap();
    says("K-pipes.ifc", &["of an earlier source", "its name and stands in its place"]);
    says("K-pipes.ifc", &["of an earlier source", "name and height"]);
    let basins = called("distribution", "Basin");
    assert_eq!(basins.len(), 2, "{:?}", entities.values().find(|e| e["name"] == "Basin"));
    for basin in &basins {
        let storey = &entities[basin["storey"].as_str().unwrap()];
        assert_eq!((&storey["name"], &storey["parent"]), (&json!("01F"), &building["id"]));
        assert_eq!(storey["source"], 1);
    }
    // Two things of one id are two, and the report says so.
    assert_eq!(entities[DOOR]["kind"], "door");
    assert_eq!(entities[&format!("{DOOR}~2")]["name"], "Basin");
    says("K-pipes.ifc", &["used by an earlier source"]);
    assert_eq!(entities["house~2"]["kind"], "building");
    says("old.city.json", &["used by an earlier source"]);

    // True places: of the door by its own coordinates, of the house by its map's.
    let middle = |entity: &Value| {
        let at = |n: usize| entity["bbox"][n].as_f64().unwrap();
        [0, 1, 2].map(|axis| (at(axis) + at(axis + 3)) / 2.0)
    };
    let alone = folder.path("alone");
    let mut import = command(&files[..1], &alone);
    assert!(import.args(["--frame", "source"]).output().unwrap().status.success());
    let [x, y, z] = middle(&support::entities(&alone)[DOOR]);
    let (sin, cos) = TURN_DEG.to_radians().sin_cos();
    let door = [x * cos - y * sin, x * sin + y * cos, z + CAMPUS[2]];
    let house = [155.0, 104.0, GROUND_M + 3.0];
    let (seen_door, seen_house) = (middle(&entities[DOOR]), middle(&entities["house"]));
    for axis in 0..3 {
        let want = door[axis] - house[axis];
        let got = seen_door[axis] - seen_house[axis];
        // The map's north differs from the true one by 0.02 degrees.
        assert!((got - want).abs() < 0.1, "axis {axis}: {got} is not {want}");
    }

    // What heights count from is said, and where they count from something else.
    assert_eq!(support::json(&out.join("scene.json"))["crs"], "EPSG:4547");
    for file in ["E.ifc", "K-pipes.ifc", "town.city.json"] {
        says(file, &["its heights count from Yellow Sea 1985 height (EPSG:5737)"]);
        assert!(!said(file).iter().any(|reason| reason.contains("may stand apart")), "{file}");
    }
    says("old.city.json", &["Yellow Sea 1956", "of E.ifc from Yellow Sea 1985", "may stand apart"]);

    // Buildings meet the ground half a metre under their floors; maps lie on it.
    for file in ["E.ifc", "K.ifc", "GH1.ifc"] {
        says(file, &["the floor of 01F lies 0.5", "above the terrain there"]);
    }
    says("town.city.json", &["the ground that maps are set on"]);
    says("town.city.json", &["1 buildings have only a footprint", "measured height"]);
    let shed = &entities["shed"]["bbox"];
    assert!((shed[5].as_f64().unwrap() - shed[2].as_f64().unwrap() - 3.5).abs() < 0.01);
    let ground = seen_house[2] - 3.0;
    let top = |entity: &Value| entity["bbox"][5].as_f64().unwrap();
    let near = |entity: &&Value| {
        let at = |n: usize| entity["bbox"][n].as_f64().is_some_and(|metres| metres.abs() < 1_000.0);
        [0, 1, 3, 4].into_iter().all(at)
    };
    let flat = entities.values().filter(|e| e["kind"] == "road" || e["kind"] == "green");
    let flat: Vec<&Value> = flat.filter(near).filter(|e| e["source"] == 6).collect();
    assert!(flat.len() > 5, "{}", flat.len());
    for entity in flat {
        let above = top(entity) - ground;
        // Trees stand on it, and are greener than high.
        let lies = above.abs() < 0.5 || entity["kind"] == "green";
        assert!(lies && above > -0.5, "{above}: {entity}");
    }
    assert!((top(&entities["ground"]) - ground + 0.3).abs() < 0.1, "the terrain is drawn under it");
}
