use serde_json::json;

use super::*;
use crate::mesh::{ElementMesh, MaterialClass};

const LON: f64 = 114.05;
const LAT: f64 = 22.54;

fn frame() -> LocalFrame {
    LocalFrame::from_wgs84(LON, LAT, 12.0)
}

/// Degrees of longitude and latitude for metres east and north.
fn degrees(x: f64, y: f64) -> Value {
    json!([LON + x / 102_840.0, LAT + y / 110_750.0])
}

fn ring(corners: &[(f64, f64)]) -> Value {
    corners.iter().chain(&corners[..1]).map(|(x, y)| degrees(*x, *y)).collect()
}

fn feature(properties: Value, kind: &str, coordinates: Value) -> Value {
    json!({ "type": "Feature", "properties": properties, "geometry": { "type": kind, "coordinates": coordinates } })
}

fn read_all(features: Vec<Value>) -> Imported {
    let text = json!({ "type": "FeatureCollection", "features": features }).to_string();
    read(text.as_bytes(), "around.geojson", 3, &frame()).unwrap()
}

fn area(mesh: &ElementMesh) -> f64 {
    let at = |i: u32| mesh.positions[i as usize].map(f64::from);
    let up = |t: &[u32]| crate::vector::area(&[at(t[0]), at(t[1]), at(t[2])]);
    mesh.indices.chunks(3).map(up).sum()
}

fn dropped(imported: &Imported) -> Vec<&str> {
    let is_dropped = |note: &&Note| note.severity == Severity::Dropped;
    imported.notes.iter().filter(is_dropped).map(|note| note.reason.as_str()).collect()
}

#[test]
fn a_building_stands_where_and_as_high_as_it_says() {
    let outline = [(0.0, 0.0), (20.0, 0.0), (20.0, 10.0), (0.0, 10.0)];
    let mut tower = feature(
        json!({"kind": "building", "name": "Tower", "height": 30, "color": "#204060", "empty": null}),
        "Polygon",
        json!([ring(&outline)]),
    );
    tower["id"] = json!("tower-1");
    let imported = read_all(vec![tower]);
    assert!(imported.notes.is_empty(), "{:?}", imported.notes);
    let [site, entity] = imported.entities.as_slice() else { panic!("{:?}", imported.entities) };
    assert_eq!((site.kind, site.name.as_str(), site.source), (EntityKind::Site, "around", 3));
    assert_eq!(entity.id.as_str(), "tower-1");
    assert_eq!(entity.parent.as_ref(), Some(&site.id));
    assert_eq!(entity.tags, ["tower-1", "building:Tower"]);
    assert_eq!(entity.properties["Properties"]["height"], 30);
    assert!(!entity.properties["Properties"].contains_key("empty"));
    let bbox = entity.bbox.unwrap();
    for (got, want) in [bbox.min, bbox.max].iter().flatten().zip([0.0, 0.0, -0.2, 20.0, 10.0, 30.0])
    {
        assert!((got - want).abs() < 0.02, "{bbox:?}");
    }
    let [mesh] = imported.meshes.as_slice() else { panic!() };
    assert_eq!((mesh.class, mesh.rgba), (MaterialClass::Opaque, [32, 64, 96, 255]));
}

#[test]
fn a_missing_height_is_estimated_and_said() {
    let outline = json!([ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)])]);
    let imported = read_all(vec![
        feature(json!({"building": "yes", "building:levels": "4"}), "Polygon", outline.clone()),
        feature(json!({"building": "yes"}), "Polygon", outline),
    ]);
    assert!((imported.entities[1].bbox.unwrap().max[2] - 12.8).abs() < 0.01);
    assert!((imported.entities[2].bbox.unwrap().max[2] - 6.4).abs() < 0.01);
    assert_eq!(imported.notes.len(), 1);
    assert!(imported.notes[0].reason.starts_with("2 buildings have no `height`"));
}

#[test]
fn flat_kinds_lie_in_layers_and_keep_their_holes() {
    let outer = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)];
    let hole = [(20.0, 20.0), (20.0, 60.0), (60.0, 60.0), (60.0, 20.0)];
    let rings = json!([ring(&outer), ring(&hole)]);
    let imported = read_all(
        ["terrain", "water", "green", "road"]
            .map(|kind| feature(json!({ "kind": kind }), "Polygon", rings.clone()))
            .to_vec(),
    );
    let heights: Vec<f64> =
        imported.entities[1..].iter().map(|entity| entity.bbox.unwrap().max[2]).collect();
    assert!(heights.windows(2).all(|pair| pair[1] - pair[0] > 0.015), "{heights:?}");
    for mesh in &imported.meshes {
        assert_eq!(mesh.class, MaterialClass::Ground);
        assert!((area(mesh) - 8_400.0).abs() < 10.0, "{}", area(mesh));
    }
}

#[test]
fn lines_points_and_collections_are_drawn_by_kind() {
    let line = json!([degrees(0.0, 0.0), degrees(100.0, 0.0)]);
    let imported = read_all(vec![
        feature(json!({"kind": "road", "width": 8}), "LineString", line.clone()),
        feature(json!({"waterway": "stream"}), "MultiLineString", json!([line])),
        feature(json!({"natural": "tree", "height": 10}), "Point", degrees(5.0, 5.0)),
        feature(json!({"natural": "tree_row"}), "LineString", line),
        feature(json!({"kind": "landmark"}), "Point", degrees(50.0, 50.0)),
        json!({"type": "Feature", "properties": {"kind": "green"}, "geometry": {
        "type": "GeometryCollection", "geometries": [
            {"type": "Point", "coordinates": degrees(1.0, 1.0)},
            {"type": "Polygon", "coordinates": [ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)])]},
        ]}}),
    ]);
    assert!(imported.notes.is_empty(), "{:?}", imported.notes);
    let boxes: Vec<[f64; 3]> =
        imported.entities[1..].iter().map(|entity| entity.bbox.unwrap().size()).collect();
    // 100 m by 8 m, and a disc of twelve sides at either end.
    assert!((area(&imported.meshes[0]) - 896.0).abs() < 3.0, "{}", area(&imported.meshes[0]));
    assert!((boxes[0][1] - 8.0).abs() < 0.05 && boxes[1][1] < 2.5, "{boxes:?}");
    assert!(boxes[2][2] > 8.0 && boxes[2][2] < 12.0, "{boxes:?}");
    assert!(boxes[3][0] > 95.0, "{boxes:?}");
    assert!((boxes[4][2] - 3.4).abs() < 0.01, "{boxes:?}");
    assert!(boxes[5][2] > 4.0 && boxes[5][0] > 8.9, "{boxes:?}");
}

#[test]
fn normals_are_unit_and_face_with_the_triangles() {
    let imported = read_all(vec![
        feature(json!({"natural": "tree"}), "Point", degrees(5.0, 5.0)),
        feature(json!({"kind": "landmark"}), "Point", degrees(5.0, 5.0)),
        feature(
            json!({"kind": "building", "height": 5, "min_height": 2}),
            "Polygon",
            json!([ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)])]),
        ),
    ]);
    for mesh in &imported.meshes {
        for t in mesh.indices.chunks(3) {
            let [a, b, c] = [t[0], t[1], t[2]].map(|i| mesh.positions[i as usize]);
            let u = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
            let v = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
            let face =
                [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
            for i in t {
                let n = mesh.normals[*i as usize];
                assert!((n.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-3);
                assert!((0..3).map(|k| n[k] * face[k]).sum::<f32>() > 0.0, "{n:?} {face:?}");
            }
        }
    }
}

#[test]
fn ids_are_stable_unique_and_come_from_the_feature() {
    let point = |id: Value| {
        let mut value = feature(json!({"kind": "landmark"}), "Point", degrees(0.0, 0.0));
        value["id"] = id;
        value
    };
    let with = |ids: &[Value]| {
        let imported = read_all(ids.iter().cloned().map(point).collect());
        let names: Vec<String> =
            imported.entities[1..].iter().map(|entity| entity.id.to_string()).collect();
        (names, imported.notes)
    };
    let (names, notes) = with(&[json!("a"), json!("a"), json!("a~2"), json!(7), json!("way/1")]);
    assert_eq!(&names[..2], ["a", "a~2"]);
    assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 5);
    assert!(names[2..].iter().all(|name| name.starts_with('x') && name.len() == 22), "{names:?}");
    assert_eq!(notes.len(), 1);
    // Adding a feature before the others moves no id that comes from the file.
    let (later, _) = with(&[json!("new"), json!(7), json!("way/1")]);
    assert_eq!(later[1..], names[3..]);
}

#[test]
fn broken_features_are_reported_and_the_others_drawn() {
    let good = feature(json!({"kind": "landmark"}), "Point", degrees(0.0, 0.0));
    let imported = read_all(vec![
        json!({"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [[1]]}}),
        json!("nonsense"),
        feature(json!({"kind": "green"}), "Polygon", json!([])),
        feature(json!({"kind": "green"}), "Polygon", json!([[]])),
        feature(
            json!({"kind": "green"}),
            "Polygon",
            json!([[degrees(0.0, 0.0), degrees(1.0, 0.0)]]),
        ),
        feature(json!({"kind": "road"}), "LineString", json!([degrees(0.0, 0.0)])),
        feature(json!({"kind": "green"}), "Point", json!([500_000.0, 2_500_000.0])),
        feature(json!({"kind": "green"}), "Point", json!([LON + 2.0, LAT])),
        feature(json!({}), "LineString", json!([degrees(0.0, 0.0), degrees(1.0, 0.0)])),
        feature(
            json!({"kind": "building", "height": -5}),
            "Polygon",
            json!([ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)])]),
        ),
        feature(json!({"kind": "road"}), "LineString", json!([])),
        feature(json!({"kind": "landmark"}), "Point", json!([LON])),
        good,
    ]);
    assert_eq!(imported.meshes.len(), 1);
    let dropped = dropped(&imported);
    assert_eq!(dropped.len(), 12, "{dropped:#?}");
    for index in 0..12 {
        let named = format!("feature {index}");
        assert!(dropped.iter().any(|reason| reason.contains(&named)), "{named}: {dropped:#?}");
    }
}

#[test]
fn a_self_crossing_outline_is_approximated() {
    let imported = read_all(vec![feature(
        json!({"kind": "green"}),
        "Polygon",
        json!([ring(&[(0.0, 0.0), (30.0, 0.0), (30.0, 20.0), (10.0, -10.0)])]),
    )]);
    let note = &imported.notes[0];
    assert_eq!((imported.meshes.len(), note.severity), (1, Severity::Approximated), "{note:?}");
}

#[test]
fn numbers_beyond_json_are_an_error_or_a_line_of_the_report() {
    for number in ["NaN", "Infinity", "1e999"] {
        let text = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"kind":"landmark"}},"geometry":{{"type":"Point","coordinates":[{number},0]}}}}]}}"#
        );
        match read(text.as_bytes(), "f", 0, &frame()) {
            Err(GisError::Parse { .. }) => {}
            Ok(imported) => assert_eq!(dropped(&imported).len(), 1, "{number}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_antimeridian_does_not_tear_an_outline() {
    let frame = LocalFrame::from_wgs84(180.0, -16.5, 0.0);
    let text = json!(feature(
        json!({"kind": "green"}),
        "Polygon",
        json!([[
            [179.999, -16.5],
            [-179.999, -16.5],
            [-179.999, -16.499],
            [179.999, -16.499],
            [179.999, -16.5]
        ]]),
    ))
    .to_string();
    let imported = read(text.as_bytes(), "f", 0, &frame).unwrap();
    let width = imported.entities[1].bbox.unwrap().size()[0];
    assert!((width - 213.5).abs() < 1.0, "{width}");
}

#[test]
fn a_million_vertices_are_thinned_and_drawn() {
    let circle: Vec<Value> = (0..=1_000_000)
        .map(|i| {
            let angle = std::f64::consts::TAU * f64::from(i % 1_000_000) / 1e6;
            degrees(angle.cos() * 300.0, angle.sin() * 300.0)
        })
        .collect();
    let imported = read_all(vec![feature(json!({"kind": "water"}), "Polygon", json!([circle]))]);
    assert_eq!(imported.notes.len(), 1, "{:?}", imported.notes);
    let expected = std::f64::consts::PI * 300.0 * 300.0;
    assert!((area(&imported.meshes[0]) / expected - 1.0).abs() < 0.005);
    assert!(imported.meshes[0].indices.len() < 3 * 20_000);
}

#[test]
fn a_million_vertices_of_noise_are_refused_in_time() {
    let noise: Vec<Value> = (0..1_000_000_u32)
        .map(|i| {
            let (x, y) = (i.wrapping_mul(2_654_435_761) % 9_973, i.wrapping_mul(40_503) % 9_967);
            degrees(f64::from(x) / 10.0, f64::from(y) / 10.0)
        })
        .collect();
    let imported = read_all(vec![feature(json!({"kind": "water"}), "Polygon", json!([noise]))]);
    assert!(dropped(&imported)[0].contains("vertices"), "{:?}", imported.notes);
}

#[test]
fn other_reference_systems_are_refused_by_name() {
    let with = |crs: Value| {
        let text = json!({"type": "FeatureCollection", "features": [], "crs": crs}).to_string();
        read(text.as_bytes(), "plan.geojson", 0, &frame())
    };
    let named = |name: &str| json!({"type": "name", "properties": {"name": name}});
    assert!(with(named("urn:ogc:def:crs:OGC:1.3:CRS84")).is_ok());
    assert!(with(named("EPSG:4326")).is_ok());
    assert!(with(Value::Null).is_ok());
    let error = with(named("urn:ogc:def:crs:EPSG::4547")).unwrap_err().to_string();
    assert!(error.contains("EPSG::4547"), "{error}");
    assert!(with(json!({"type": "link"})).is_err());
}

#[test]
fn what_is_no_geojson_is_an_error_and_never_a_panic() {
    for text in ["", "{", "[]", "null", "{}", r#"{"type":"FeatureCollection"}"#, "\u{feff}"] {
        assert!(read(text.as_bytes(), "f", 0, &frame()).is_err(), "{text:?}");
    }
    assert!(read(b"\xff\xfe\x00", "f", 0, &frame()).is_err());
    // A lone geometry is read; a lone object of another type is reported.
    let alone =
        read(br#"{"type":"Point","coordinates":[114.05,22.54]}"#, "f", 0, &frame()).unwrap();
    assert_eq!(alone.entities[1].kind, EntityKind::Landmark);
    let other = read(br#"{"type":"Topology"}"#, "f", 0, &frame()).unwrap();
    assert_eq!(dropped(&other).len(), 1);
}

#[test]
fn the_middle_of_a_file_is_found() {
    let text = json!({"type": "FeatureCollection", "features": [
        feature(json!({}), "Point", json!([114.0, 22.0])),
        feature(json!({}), "Point", json!([115.0, 23.0])),
        feature(json!({}), "Point", json!([5e6, 2e6])),
        feature(json!({}), "Point", json!([7.0])),
    ]})
    .to_string();
    assert_eq!(center(text.as_bytes(), "f").unwrap(), Some([114.5, 22.5]));
    assert_eq!(center(br#"{"type":"FeatureCollection","features":[]}"#, "f").unwrap(), None);
}
