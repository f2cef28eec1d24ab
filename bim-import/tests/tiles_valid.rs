//! The tiles of real models and of surroundings, checked by tools that are not ours:
//! Khronos' gltf-validator, 3d-tiles-tools, and the rules in `tests/node` that neither has.
//!
//! Needs node, and the folder `TWIN_NODE_TOOLS` with what `tests/node/package.json` pins;
//! `cargo xtask test` sees to both.

#![allow(clippy::unwrap_used, reason = "a missing tool or file fails the test, with its name")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

/// The tools' folder; nothing, with a message, where they are not installed. CI fails.
fn tools() -> Option<PathBuf> {
    let tools = env::var_os("TWIN_NODE_TOOLS").map(PathBuf::from);
    if tools.is_none() {
        assert!(env::var("CI").as_deref() != Ok("true"), "TWIN_NODE_TOOLS is not set");
        eprintln!("skipped: TWIN_NODE_TOOLS names no folder with the tools of tests/node");
    }
    tools
}

/// The folder of real models; as [`tools`].
fn models() -> Option<PathBuf> {
    let models = env::var_os("TWIN_MODELS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/models"),
        PathBuf::from,
    );
    if !models.is_dir() {
        assert!(env::var("CI").as_deref() != Ok("true"), "{} is missing", models.display());
        eprintln!("skipped: no models at {}", models.display());
        return None;
    }
    Some(models)
}

fn import(files: &[PathBuf], out: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_bim-import"))
        .args(files)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{files:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn check(tiles: &Path, tools: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node/check-tiles.mjs");
    Command::new("node").arg(script).arg(tiles).env("TWIN_NODE_TOOLS", tools).output().unwrap()
}

/// What the checks counted; fails on any error they found.
fn checked(scene: &Path, tools: &Path) -> Value {
    let output = check(&scene.join("tiles"), tools);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}: {text}\n{}",
        scene.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&text).unwrap()
}

/// A city block in GeoJSON, with every kind that is drawn.
fn surroundings() -> Value {
    let at = |x: f64, y: f64| json!([8.436 + x / 73_000.0, 49.1 + y / 111_200.0]);
    let block = |x: f64, y: f64, w: f64, h: f64| {
        json!([[at(x, y), at(x + w, y), at(x + w, y + h), at(x, y + h), at(x, y)]])
    };
    let feature = |properties: Value, kind: &str, coordinates: Value| {
        json!({ "type": "Feature", "properties": properties,
            "geometry": { "type": kind, "coordinates": coordinates } })
    };
    let mut features = vec![
        feature(json!({"kind": "terrain"}), "Polygon", block(-900.0, -900.0, 1_800.0, 1_800.0)),
        feature(json!({"kind": "green"}), "Polygon", block(100.0, 0.0, 80.0, 60.0)),
        feature(
            json!({"kind": "water", "name": "池塘 Pond"}),
            "Polygon",
            block(200.0, 0.0, 30.0, 30.0),
        ),
        feature(json!({"kind": "landmark"}), "Point", at(-10.0, -10.0)),
        feature(
            json!({"highway": "residential"}),
            "LineString",
            json!([at(-400.0, -20.0), at(0.0, -20.0), at(300.0, 100.0)]),
        ),
    ];
    for n in 0..400 {
        let (x, y) = (f64::from(n % 20) * 40.0 - 400.0, f64::from(n / 20) * 40.0 - 400.0);
        features.push(feature(
            json!({"kind": "building", "height": 6 + n % 25}),
            "Polygon",
            block(x, y, 14.0, 11.0),
        ));
        features.push(feature(json!({"natural": "tree"}), "Point", at(x + 20.0, y + 5.0)));
    }
    json!({ "type": "FeatureCollection", "features": features })
}

#[test]
fn real_models_give_tiles_that_other_tools_accept() {
    let (Some(tools), Some(models)) = (tools(), models()) else { return };
    let out = tempfile::tempdir().unwrap();
    let names = [
        "bs_building_architecture_ifc4",
        "bs_infra_bridge_ifc4",
        "duplex_a_2x3_georef",
        "duplex_electrical_2x3",
        "earthworks_12d_georef_4x3",
        // Too large for one tile: a shell stands for it.
        "mini_project_2x3",
        "office_a_2x3",
    ];
    for name in names {
        let scene = out.path().join(name);
        import(&[models.join("ifc").join(format!("{name}.ifc"))], &scene);
        let counts = checked(&scene, &tools);
        assert!(counts["features"].as_u64() > Some(0), "{name}: {counts}");
    }
}

#[test]
fn surroundings_give_tiles_that_other_tools_accept() {
    let Some(tools) = tools() else { return };
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("surroundings.geojson");
    fs::write(&file, surroundings().to_string()).unwrap();
    let scene = out.path().join("scene");
    import(&[file], &scene);
    let counts = checked(&scene, &tools);
    // The terrain is wider than a tile, and stands in several.
    assert!(counts["features"].as_u64() >= Some(805), "{counts}");
    assert!(counts["contents"].as_u64() > Some(1), "{counts}");
}

#[test]
fn the_checks_notice_what_is_wrong() {
    let Some(tools) = tools() else { return };
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("surroundings.geojson");
    fs::write(&file, surroundings().to_string()).unwrap();
    let scene = out.path().join("scene");
    import(&[file], &scene);
    let path = scene.join("tiles/tileset.json");
    let good: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let spoil = |change: &dyn Fn(&mut Value)| {
        let mut tileset = good.clone();
        change(&mut tileset);
        fs::write(&path, tileset.to_string()).unwrap();
        let output = check(&scene.join("tiles"), &tools);
        assert_eq!(output.status.code(), Some(1), "{tileset}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let small = spoil(&|tileset| tileset["root"]["boundingVolume"]["box"][3] = json!(1.0));
    assert!(small.contains("outside the box of root"), "{small}");
    let version = spoil(&|tileset| tileset["asset"]["version"] = json!("1.0"));
    assert!(version.contains("/asset/version"), "{version}");
    fs::write(&path, good.to_string()).unwrap();
    // A feature id that no row of the table belongs to.
    let glb = fs::read_dir(scene.join("tiles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "glb"))
        .unwrap();
    let bytes = fs::read(&glb).unwrap();
    let key = b"\"featureCount\":";
    let count = bytes.windows(key.len()).position(|part| part == key).unwrap() + key.len();
    let mut broken = bytes.clone();
    broken[count] = if broken[count] == b'9' { b'8' } else { b'9' };
    fs::write(&glb, broken).unwrap();
    let output = check(&scene.join("tiles"), &tools);
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && report.contains("featureCount"), "{report}");
}

/// The first GLB of a scene with copies, its bytes, and where the place of a copy lies in them.
fn with_copies(scene: &Path) -> (PathBuf, Vec<u8>, usize) {
    let files = fs::read_dir(scene.join("tiles")).unwrap().map(|entry| entry.unwrap().path());
    let copies = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        let length = u32::from_le_bytes(bytes.get(12..16)?.try_into().unwrap()) as usize;
        let json: Value = serde_json::from_slice(bytes.get(20..20 + length)?).unwrap();
        let key = "EXT_mesh_gpu_instancing";
        let node =
            json["nodes"].as_array()?.iter().find(|node| node["extensions"][key].is_object())?;
        let accessor = node["extensions"][key]["attributes"]["TRANSLATION"].as_u64()? as usize;
        let view = json["accessors"][accessor]["bufferView"].as_u64()? as usize;
        let offset = json["bufferViews"][view]["byteOffset"].as_u64()? as usize;
        Some((path, bytes, 28 + length + offset))
    };
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension() == Some("glb".as_ref())).collect();
    files.sort();
    files.into_iter().find_map(copies).expect("no tile has copies")
}

#[test]
fn the_checks_notice_what_is_wrong_with_copies() {
    let (Some(tools), Some(models)) = (tools(), models()) else { return };
    let out = tempfile::tempdir().unwrap();
    let scene = out.path().join("scene");
    // Lamps and sockets by the dozen.
    import(&[models.join("ifc/duplex_electrical_2x3.ifc")], &scene);
    assert!(checked(&scene, &tools)["copied"].as_u64() > Some(0));
    let (path, good, place) = with_copies(&scene);
    let spoil = |wanted: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let output = check(&scene.join("tiles"), &tools);
        let report = String::from_utf8_lossy(&output.stdout);
        // Where Khronos' validator notices it first, our own rules are not asked.
        let noticed = report.contains(wanted) || report.contains("ACCESSOR_");
        assert!(!output.status.success() && noticed, "{wanted}: {report}");
    };
    let put = |bytes: &mut Vec<u8>, at: usize, number: f32| {
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    };
    spoil("outside the box", &|bytes| put(bytes, place, 1.0e6));
    spoil("a copy stands at", &|bytes| put(bytes, place + 4, f32::NAN));
    spoil("a copy is turned by", &|bytes| put(bytes, place + 12, 0.5));
    // Two copies of one entity.
    spoil("entities", &|bytes| bytes.copy_within(place + 28..place + 30, place + 60));
    spoil("points past the property table", &|bytes| bytes[place + 28..place + 30].fill(0xff));
    fs::write(&path, &good).unwrap();
    checked(&scene, &tools);
}
