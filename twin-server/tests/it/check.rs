//! `twin-server check`, the real binary: what it prints, and its exit codes.

use std::{fs, path::Path, process::Command};

const CONFIG: &str = r#"
[scene]
package = "scene"
[mqtt]
url = "mqtt://127.0.0.1"
[[binding]]
name = "meters"
topic = "m/{meter}"
entity = { tag = "meter:{meter}" }
  [[binding.point]]
  metric = "power"
  value = "$.p"
"#;

const ENTITIES: &str = r#"{"id":"A","kind":"meter","tags":["meter:1"]}
{"id":"B","kind":"meter","tags":["meter:2"]}
{"id":"C","kind":"meter","tags":["meter:2"]}
"#;

fn project(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("scene")).unwrap();
    let scene = r#"{"revision":"r1","origin":{},"unit":"metre","sources":[]}"#;
    fs::write(dir.path().join("scene/scene.json"), scene).unwrap();
    fs::write(dir.path().join("scene/entities.ndjson"), ENTITIES).unwrap();
    fs::create_dir(dir.path().join("scene/tiles")).unwrap();
    tileset(dir.path(), r#"{"asset":{"version":"1.1"},"root":{}}"#);
    fs::write(dir.path().join("twin.toml"), config).unwrap();
    dir
}

fn tileset(dir: &Path, content: &str) {
    fs::write(dir.join("scene/tiles/tileset.json"), content).unwrap();
}

/// Exit code, standard output, standard error.
fn check(dir: &Path, more: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twin-server"));
    let output = command
        .current_dir(dir)
        .args(["check", "--config", "twin.toml"])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn tells_what_a_binding_reaches_and_what_is_ambiguous() {
    let dir = project(CONFIG);
    let (code, out, err) = check(dir.path(), &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("binding \"meters\": 3 entities in reach"), "{out}");
    assert!(out.contains("ambiguous: 2 entities carry meter:2"), "{out}");
}

#[test]
fn dry_runs_messages() {
    let dir = project(CONFIG);
    let lines = r#"{"topic":"m/1","payload":{"p":1}}
{"topic":"m/1","payload":"{\"p\":2}"}

{"topic":"m/2","payload":{"p":1}}
{"topic":"m/3","payload":{"p":1}}
{"topic":"x","payload":""}
{"topic":"m/1","payload":"no json"}
"#;
    fs::write(dir.path().join("sample.ndjson"), lines).unwrap();
    let (code, out, err) = check(dir.path(), &["--messages", "sample.ndjson"]);
    assert_eq!(code, 0, "{err}");
    for line in [
        "6 messages gave 2 readings",
        "bound: 1 topics\n  m/1 → A (meters)",
        "unbound: 1 times\n  x: 1 ×",
        "ambiguous: 1 times\n  m/2 (meters): 1 × 2 entities have tag meter:2, such as B and C",
        "orphaned: 1 times\n  m/3 (meters): 1 × no entity of the scene has tag meter:3",
        "rejected: 1 times\n  m/1 (meters): 1 × not JSON",
    ] {
        assert!(out.contains(line), "{line}\nnot in\n{out}");
    }
    let (code, ..) = check(dir.path(), &["--messages", "sample.ndjson", "--strict"]);
    assert_eq!(code, 3);
}

#[test]
fn exit_codes_tell_whose_fault_it_is() {
    let dir = project(&CONFIG.replace("metric", "metrik"));
    let (code, out, err) = check(dir.path(), &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.starts_with("error: twin.toml:11: binding[0].point[0].metrik: unknown"), "{err}");

    let dir = project(&CONFIG.replace("\"scene\"", "\"elsewhere\""));
    let (code, _, err) = check(dir.path(), &[]);
    assert_eq!(code, 2);
    assert!(err.contains("twin.toml: scene.package") && err.contains("elsewhere"), "{err}");
    assert_eq!(err.matches("os error").count(), 1, "said once: {err}");

    let dir = project(CONFIG);
    let (code, _, err) = check(dir.path(), &["--messages", "gone.ndjson"]);
    assert_eq!(code, 1);
    assert!(err.contains("gone.ndjson"), "{err}");

    let lines =
        "{\"topic\":\"door\",\"payload\":open}\n{\"topic\":\"m/1\",\"payload\":{\"p\":1}}\n";
    fs::write(dir.path().join("bad.ndjson"), lines).unwrap();
    let (code, out, err) = check(dir.path(), &["--messages", "bad.ndjson"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 messages gave 1 readings"), "the others count: {out}");
    assert!(out.contains("unreadable: 1 lines") && out.contains("bad.ndjson line 1"), "{out}");
    let (code, ..) = check(dir.path(), &["--messages", "bad.ndjson", "--strict"]);
    assert_eq!(code, 3);
}

#[test]
fn a_package_without_its_tiles_is_broken() {
    let dir = project(CONFIG);
    let one = r#"{"root":{"content":{"uri":"0.glb"},"children":[{"content":{"uri":"1.glb"}}]}}"#;
    for (content, said) in [
        ("glTF", "tileset.json: not a tileset: expected value"),
        (one, "0.glb is missing (2 of 2 files of the tileset); import the model again"),
    ] {
        tileset(dir.path(), content);
        let (code, out, err) = check(dir.path(), &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("twin.toml: scene.package: scene/tiles/"), "{err}");
        assert!(err.contains(said), "{err}");
        assert_eq!(err.matches(said).count(), 1, "{err}");
    }
    for name in ["0.glb", "1.glb"] {
        fs::write(dir.path().join("scene/tiles").join(name), "glTF").unwrap();
    }
    let (code, _, err) = check(dir.path(), &[]);
    assert_eq!(code, 0, "{err}");
    fs::remove_dir_all(dir.path().join("scene/tiles")).unwrap();
    let (code, _, err) = check(dir.path(), &[]);
    assert_eq!(code, 2);
    assert!(err.contains("scene/tiles/tileset.json: No such file"), "{err}");
}
