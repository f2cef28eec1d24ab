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

/// A GLB in its two parts.
#[derive(Clone)]
struct Glb {
    json: Value,
    bin: Vec<u8>,
}

impl Glb {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        let json = serde_json::from_slice(&bytes[20..20 + length]).unwrap();
        Self { json, bin: bytes[28 + length..].to_vec() }
    }

    fn write(&self, path: &Path) {
        let mut json = self.json.to_string().into_bytes();
        json.resize(json.len().next_multiple_of(4), b' ');
        let mut bytes = b"glTF".to_vec();
        let total = 12 + 8 + json.len() + 8 + self.bin.len();
        bytes.extend([2, total as u32].into_iter().flat_map(u32::to_le_bytes));
        for (kind, chunk) in [(b"JSON", &json), (b"BIN\0", &self.bin)] {
            bytes.extend((chunk.len() as u32).to_le_bytes());
            bytes.extend(kind);
            bytes.extend(chunk);
        }
        fs::write(path, bytes).unwrap();
    }

    /// The nodes that stand in several places.
    fn copies(&mut self) -> Vec<&mut Value> {
        let nodes = self.json["nodes"].as_array_mut().unwrap().iter_mut();
        nodes.filter(|node| node["extensions"][INSTANCING].is_object()).collect()
    }

    /// The accessor of what the copies of the first such node have of a name.
    fn accessor(&mut self, name: &str) -> &mut Value {
        let index = self.copies()[0]["extensions"][INSTANCING]["attributes"][name].as_u64();
        &mut self.json["accessors"][index.unwrap() as usize]
    }

    /// The bytes of the first such node's copies: 32 each.
    fn places(&mut self) -> &mut [u8] {
        let view = self.accessor("TRANSLATION")["bufferView"].as_u64().unwrap() as usize;
        let view = &self.json["bufferViews"][view];
        let [from, length] = ["byteOffset", "byteLength"].map(|key| view[key].as_u64().unwrap());
        &mut self.bin[from as usize..(from + length) as usize]
    }

    /// Writes a number where the copies stand.
    fn put(&mut self, at: usize, number: f32) {
        self.places()[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
}

const INSTANCING: &str = "EXT_mesh_gpu_instancing";
const IDS: &str = "EXT_instance_features";

/// A way to spoil copies, and what our own rules have to say of it, all that they say.
type Spoiling = (&'static [&'static str], fn(&mut Glb));

const SPOILINGS: &[Spoiling] = &[
    // A kilometre away, as its accessor says, too.
    (&["vertices outside the box of root"], |glb| {
        glb.put(0, 1.0e3);
        glb.accessor("TRANSLATION")["max"][0] = json!(1.0e3);
    }),
    (&["a copy stands at NaN", "vertices outside the box"], |glb| glb.put(0, f32::NAN)),
    (&["a copy is turned by 0.5,"], |glb| glb.put(12, 0.5)),
    // The second copy says that it is the first.
    (&["featureCount is", "copies belong to"], |glb| glb.places().copy_within(28..30, 60)),
    (&["a feature id points past the property table"], |glb| glb.places()[28..30].fill(0xff)),
    (&["featureCount is 99 for"], |glb| {
        for node in glb.copies() {
            node["extensions"][IDS]["featureIds"][0]["featureCount"] = json!(99);
        }
    }),
    (&["feature ids name another table"], |glb| {
        for node in glb.copies() {
            node["extensions"][IDS]["featureIds"][0]["propertyTable"] = json!(1);
        }
    }),
    (&["a node with copies has no feature ids"], |glb| {
        for node in glb.copies() {
            node["extensions"].as_object_mut().unwrap().remove(IDS);
        }
    }),
    (&["values of different attributes"], |glb| {
        let count = glb.accessor("ROTATION")["count"].as_u64().unwrap();
        glb.accessor("ROTATION")["count"] = json!(count - 1);
    }),
    (&["does not require EXT_mesh_gpu_instancing"], |glb| {
        let required = glb.json["extensionsRequired"].as_array_mut().unwrap();
        required.retain(|name| name != INSTANCING);
    }),
];

#[test]
fn the_checks_notice_what_is_wrong_with_copies() {
    let (Some(tools), Some(models)) = (tools(), models()) else { return };
    let out = tempfile::tempdir().unwrap();
    let scene = out.path().join("scene");
    // Lamps and sockets by the dozen.
    import(&[models.join("ifc/duplex_electrical_2x3.ifc")], &scene);
    assert!(checked(&scene, &tools)["copied"].as_u64() > Some(0));
    let path = scene.join("tiles/0.glb");
    let good = Glb::read(&path);
    // What is written again here is accepted as long as nothing is changed.
    good.write(&path);
    checked(&scene, &tools);
    for (n, (wanted, spoil)) in SPOILINGS.iter().enumerate() {
        let mut glb = good.clone();
        spoil(&mut glb);
        glb.write(&path);
        let output = check(&scene.join("tiles"), &tools);
        assert_eq!(output.status.code(), Some(1), "{n}: {wanted:?} is not noticed");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors = report["errors"].as_array().unwrap().iter().filter_map(Value::as_str);
        // Khronos' validator sees numbers only; which copy they spoil is for our rules to say.
        let ours: Vec<&str> = errors.filter(|error| !error.contains(": ACCESSOR_")).collect();
        let is_said = |what: &&str| ours.iter().any(|error| error.contains(*what));
        let is_wanted = |error: &&str| wanted.iter().any(|what| error.contains(what));
        assert!(wanted.iter().all(is_said) && ours.iter().all(is_wanted), "{n}: {ours:#?}");
    }
}
