use serde_json::json;
use twin_model::EntityKind;

use super::{
    super::{stage::Stage, terrain::Terrain},
    *,
};
use crate::{frame::LocalFrame, imported::Imported, mesh::MaterialClass};

fn no_terrain() -> &'static Terrain {
    static NONE: std::sync::LazyLock<Terrain> = std::sync::LazyLock::new(Terrain::default);
    &NONE
}

fn stage(frame: Option<&LocalFrame>) -> Stage<'_> {
    Stage { frame, terrain: no_terrain(), unmoved: false, file: "town.city.json", source: 1 }
}

fn read(text: &Value, crs: Option<&str>, lod: Option<f64>) -> City {
    let bytes = text.to_string();
    cityjson::read(bytes.as_bytes(), "town.city.json", crs, Wanted::new(lod)).unwrap()
}

/// A box of 10 × 8 × 6 m whose faces look outwards, as one shell.
fn cube() -> Value {
    json!([
        [[0, 3, 2, 1]],
        [[4, 5, 6, 7]],
        [[0, 1, 5, 4]],
        [[1, 2, 6, 5]],
        [[2, 3, 7, 6]],
        [[3, 0, 4, 7]]
    ])
}

fn corners() -> Value {
    let corner = |i: usize| {
        let [x, y] = [[0, 0], [10_000, 0], [10_000, 8_000], [0, 8_000]][i % 4];
        json!([x, y, if i < 4 { 0 } else { 6_000 }])
    };
    (0..8).map(corner).collect()
}

fn model(objects: Value) -> Value {
    json!({
        "type": "CityJSON", "version": "2.0",
        "transform": {"scale": [0.001, 0.001, 0.001], "translate": [84_700.0, 447_500.0, 1.5]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"},
        "CityObjects": objects, "vertices": corners(),
    })
}

fn reasons(imported: &Imported, severity: Severity) -> Vec<&str> {
    let is = |note: &&Note| note.severity == severity;
    imported.notes.iter().filter(is).map(|note| note.reason.as_str()).collect()
}

fn volume(imported: &Imported, id: &str) -> f64 {
    let meshes = imported.meshes.iter().filter(|mesh| mesh.entity.as_str() == id);
    let of = |mesh: &crate::mesh::ElementMesh| -> f64 {
        let at = |i: u32| {
            let p = mesh.positions[i as usize];
            [0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(p[axis]))
        };
        let one = |t: &[u32]| {
            let [a, b, c] = [at(t[0]), at(t[1]), at(t[2])];
            (a[0] * (b[1] * c[2] - b[2] * c[1])
                + a[1] * (b[2] * c[0] - b[0] * c[2])
                + a[2] * (b[0] * c[1] - b[1] * c[0]))
                / 6.0
        };
        mesh.indices.chunks(3).map(one).sum()
    };
    meshes.map(of).sum()
}

#[test]
fn a_building_stands_at_its_place_with_its_properties_and_parts() {
    let turned: Vec<Value> = cube()
        .as_array()
        .unwrap()
        .iter()
        .map(|face| {
            let mut ring = face[0].as_array().unwrap().clone();
            ring.reverse();
            json!([ring])
        })
        .collect();
    let city = read(
        &model(json!({
            "house": {"type": "Building", "attributes": {"name": "Town hall", "storeys": 2, "old": null},
                      "children": ["part"]},
            "part": {"type": "BuildingPart", "geometry": [
                {"type": "Solid", "lod": "1.2", "boundaries": [cube()]}]},
            "turned": {"type": "Building", "geometry": [
                {"type": "Solid", "lod": 1, "boundaries": [turned]}]},
        })),
        None,
        None,
    );
    let fix = city.fix().unwrap();
    assert_eq!(fix.crs.as_deref(), Some("EPSG:28992"));
    let frame = LocalFrame::from_wgs84(fix.wgs84[0], fix.wgs84[1], 0.0);
    let imported = city.draw(&stage(Some(&frame)));
    let [site, house, part, turned] = imported.entities.as_slice() else { panic!() };
    assert_eq!((site.kind, site.name.as_str()), (EntityKind::Site, "town"));
    assert_eq!((house.id.as_str(), house.name.as_str()), ("house", "Town hall"));
    assert_eq!(house.properties["Attributes"]["storeys"], 2);
    assert!(!house.properties["Attributes"].contains_key("old") && house.bbox.is_none());
    assert_eq!(house.tags, ["house", "building:Town hall"]);
    assert_eq!((part.kind, part.parent.as_ref()), (EntityKind::Element, Some(&house.id)));
    assert_eq!(part.properties["CityObject"]["LevelOfDetail"], 1.2);
    let bbox = part.bbox.unwrap();
    // The map's north is a little off the true one.
    for (got, want) in bbox.size().into_iter().zip([10.0, 8.0, 6.0]) {
        assert!((got - want).abs() < 0.2, "{bbox:?}");
    }
    assert!((bbox.min[2] - 1.5).abs() < 0.01, "{bbox:?}");
    // Walls, roof and floor have colours of their own.
    assert_eq!(imported.meshes.iter().filter(|mesh| mesh.entity == part.id).count(), 3);
    for id in [&part.id, &turned.id] {
        let volume = volume(&imported, id.as_str());
        assert!((volume - 480.0).abs() < 1.0, "{id}: {volume}");
    }
    assert_eq!(
        reasons(&imported, Severity::Approximated),
        ["1 solids were inside out and were turned"]
    );
}

#[test]
fn the_wanted_level_is_drawn_and_semantics_and_materials_give_colours() {
    let mut text = model(json!({
        "a": {"type": "Building", "geometry": [
            {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]},
            {"type": "Solid", "lod": "2.2", "boundaries": [cube()],
             "semantics": {"surfaces": [{"type": "RoofSurface"}, {"type": "ClosureSurface"}],
                           "values": [[null, 0, 1, null, null, null]]},
             "material": {"": {"values": [[0, null, null, null, null, null]]}}},
            {"type": "Solid", "lod": "3", "boundaries": [cube()]}]},
    }));
    text["appearance"] = json!({"materials": [{"name": "red", "diffuseColor": [1.0, 0.0, 0.5]}]});
    let faces = |lod| {
        let imported = read(&text, None, lod).draw(&stage(None));
        let triangles: usize = imported.meshes.iter().map(|mesh| mesh.indices.len() / 3).sum();
        (triangles, imported)
    };
    assert_eq!(faces(Some(0.0)).0, 2);
    assert_eq!(faces(Some(3.0)).0, 12);
    let (triangles, imported) = faces(None);
    assert_eq!(triangles, 10, "the closure is not drawn");
    assert!(imported.meshes.iter().any(|mesh| mesh.rgba == [255, 0, 128, 255]));
    assert_eq!(imported.meshes.len(), 3, "red floor, roof, walls");
}

#[test]
fn templates_are_drawn_at_their_places() {
    let mut text = model(json!({
        "tree": {"type": "SolitaryVegetationObject", "geometry": [
            {"type": "GeometryInstance", "template": 0, "boundaries": [6],
             "transformationMatrix": [2, 0, 0, 1, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]}]},
        "lost": {"type": "CityFurniture", "geometry": [
            {"type": "GeometryInstance", "template": 7, "boundaries": [0],
             "transformationMatrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}]},
    }));
    text["geometry-templates"] = json!({
        "templates": [{"type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 2]]]}],
        "vertices-templates": [[0, 0, 0], [1, 0, 0], [0, 0, 3]],
    });
    text["metadata"] = json!({});
    let imported = read(&text, None, None).draw(&stage(None));
    let tree = imported.entities.iter().find(|entity| entity.id.as_str() == "tree").unwrap();
    assert_eq!(tree.bbox.unwrap().size(), [2.0, 0.0, 6.0]);
    assert_eq!(
        reasons(&imported, Severity::Dropped),
        ["1 × an instance without place, matrix or template"]
    );
}

#[test]
fn sequences_number_their_vertices_anew() {
    let head = json!({"type": "CityJSON", "version": "2.0", "CityObjects": {}, "vertices": [],
        "transform": {"scale": [0.001, 0.001, 0.001], "translate": [0.0, 0.0, 0.0]}});
    let feature = |id: &str| {
        json!({"type": "CityJSONFeature", "id": id, "vertices": corners(), "CityObjects": {
            id: {"type": "Building", "geometry": [
                {"type": "Solid", "lod": "1", "boundaries": [cube()]}]}}})
    };
    let text = format!("{head}\n{}\n{}\n", feature("a"), feature("b"));
    let city = cityjson::read(text.as_bytes(), "s.city.jsonl", None, Wanted::default()).unwrap();
    let imported = city.draw(&stage(None));
    for id in ["a", "b"] {
        assert!((volume(&imported, id) - 480.0).abs() < 1e-3);
    }
    let cut = format!("{head}\n{}\n{{\"type\":", feature("a"));
    let city = cityjson::read(cut.as_bytes(), "s.city.jsonl", None, Wanted::default()).unwrap();
    assert!(city.notes.iter().any(|note| note.reason.starts_with("document 3 and what follows")));
}

#[test]
fn broken_models_are_reported_and_not_believed() {
    let objects = json!({
        "far": {"type": "Building", "geometry": [{"type": "MultiSurface", "boundaries": [[[0, 1, 99]]]}]},
        "text": {"type": "Building", "geometry": [{"type": "MultiSurface", "boundaries": [[["x"]]]}]},
        "odd": {"type": 7},
        "line": {"type": "Road", "geometry": [{"type": "MultiLineString", "boundaries": [[0, 1]]}]},
        "ring": {"type": "Building", "parents": ["gnir"]},
        "gnir": {"type": "Building", "parents": ["ring", "nobody"]},
        "orphan": {"type": "BuildingPart", "parents": ["nobody"]},
    });
    let imported = read(&model(objects), None, None).draw(&stage(None));
    let dropped = reasons(&imported, Severity::Dropped).join("\n");
    for part in [
        "1 × a surface with numbers that are no vertices",
        "1 × a geometry whose boundaries are no lists of vertex numbers",
        "cannot be read",
        "1 × points or lines instead of surfaces",
    ] {
        assert!(dropped.contains(part), "{part} not in {dropped}");
    }
    assert!(imported.meshes.is_empty());
    assert!(twin_model::Scene::new(imported.entities).is_ok());
    for text in ["", "[]", "{\"type\":\"CityJSON\",\"vertices\":[[1]]}", "{\"type\":\"Feature\"}"] {
        assert!(cityjson::read(text.as_bytes(), "x", None, Wanted::default()).is_err(), "{text}");
    }
}

#[test]
fn degrees_are_never_metres() {
    let lot = |crs: &str, at: [f64; 2]| {
        let mut text = model(json!({"a": {"type": "Building", "geometry": [
            {"type": "Solid", "lod": "1", "boundaries": [cube()]}]}}));
        text["metadata"] = json!({"referenceSystem": crs});
        text["transform"] = json!({"scale": [1e-8, 1e-8, 0.001], "translate": [at[0], at[1], 0.0]});
        read(&text, None, None)
    };
    // A projected system over degrees is not believed.
    let city = lot("EPSG:28992", [4.36, 52.01]);
    assert!(city.fix().is_none());
    assert!(city.notes.iter().any(|note| note.reason.contains("look like degrees")));
    // A geographic one is, in the order of the authority.
    let fix = lot("EPSG:4979", [52.01, 4.36]).fix().unwrap();
    assert!((fix.wgs84[0] - 4.36).abs() < 1e-3 && (fix.wgs84[1] - 52.01).abs() < 1e-3);
    let fix = lot("EPSG:4326", [114.05, 22.54]).fix().unwrap();
    assert!((fix.wgs84[0] - 114.05).abs() < 1e-3, "a longitude beyond 90 cannot be a latitude");
    let fix = lot("OGC:CRS84", [4.36, 52.01]).fix().unwrap();
    assert!((fix.wgs84[0] - 4.36).abs() < 1e-3);
}

#[test]
fn ground_is_seen_from_above() {
    let city = read(
        &model(json!({"road": {"type": "Road", "geometry": [
            {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 3, 2, 1]]]}]}})),
        None,
        None,
    );
    let imported = city.draw(&stage(None));
    let [mesh] = imported.meshes.as_slice() else { panic!() };
    assert_eq!(mesh.class, MaterialClass::Ground);
    assert!(mesh.normals.iter().all(|normal| normal[2] > 0.99));
}

#[test]
fn footprints_are_drawn_up_and_seen_flat_only_when_asked_for() {
    let flat = json!({"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]});
    let solid = json!({"type": "Solid", "lod": "1.2", "boundaries": [cube()]});
    let text = model(json!({
        "high": {"type": "Building", "attributes": {"measuredHeight": 12.5}, "geometry": [flat]},
        "whole": {"type": "Building", "attributes": {"storeysAboveGround": 3},
                  "children": ["part"], "geometry": [flat]},
        "part": {"type": "BuildingPart", "parents": ["whole"], "geometry": [flat]},
        "low": {"type": "Building", "geometry": [flat]},
        "both": {"type": "Building", "geometry": [flat, solid]},
        "inside": {"type": "BuildingPart", "parents": ["both"], "geometry": [flat]},
        "road": {"type": "Road", "geometry": [flat]},
    }));
    let imported = read(&text, Some("EPSG:28992"), None).draw(&stage(None));
    for (id, expected) in
        [("high", 80.0 * 12.5), ("part", 80.0 * 9.0), ("both", 480.0), ("low", 0.0)]
    {
        assert!((volume(&imported, id) - expected).abs() < 0.01, "{id}: {}", volume(&imported, id));
    }
    let has = |id: &str| imported.meshes.iter().any(|mesh| mesh.entity.as_str() == id);
    assert!(has("road") && !has("whole") && !has("inside") && !has("low"));
    let dropped: Vec<&str> = reasons(&imported, Severity::Dropped);
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    assert!(reasons(&imported, Severity::Approximated).len() == 2);
    assert!(!reasons(&imported, Severity::Approximated).iter().any(|r| r.contains("inside out")));
    // Who wants level 0 of what has more gets it.
    let imported = read(&text, None, Some(0.0)).draw(&stage(None));
    let of_both = imported.meshes.iter().filter(|mesh| mesh.entity.as_str() == "both");
    let triangles: usize = of_both.map(|mesh| mesh.indices.len() / 3).sum();
    assert_eq!(triangles, 2);
}

#[test]
fn what_is_no_surface_is_counted() {
    let text = model(json!({"a": {"type": "Building", "geometry": [
        {"type": "Solid", "lod": "1", "boundaries": [cube(), cube()]},
        {"type": "MultiLineString", "lod": "1", "boundaries": [[0, 1]]},
        {"type": "MultiPoint", "lod": "1", "boundaries": [0]}]}}));
    let imported = read(&text, None, None).draw(&stage(None));
    let said = reasons(&imported, Severity::Info);
    for part in ["1 × MultiLineString beside", "1 × MultiPoint beside", "1 hollows inside solids"]
    {
        assert!(said.iter().any(|reason| reason.starts_with(part)), "{part}: {said:?}");
    }
}
