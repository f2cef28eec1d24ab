//! Every ready profile on example payloads: those of its vendor's documents and of public
//! captures, with the readings they have to give, and some that do not fit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;
use twin_model::Scene;
use twin_server::{
    bindings::Engine,
    config::{BUILT_IN, Config, ConfigError},
    ingest::Message,
};

/// A file of examples.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    source: Source,
    /// Whether the payloads are the source's own.
    documented: bool,
    #[serde(default)]
    with: BTreeMap<String, String>,
    /// Ids of entities and the tags they go by.
    entities: BTreeMap<String, String>,
    messages: Vec<Example>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    title: String,
    url: String,
    #[serde(rename = "section")]
    _section: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    topic: String,
    payload: Option<Json>,
    hex: Option<String>,
    /// By point: value and unit.
    expect: BTreeMap<String, (Json, String)>,
    /// The source time of all readings.
    time: Option<Timestamp>,
    /// A part of the reason on the board.
    refused: Option<String>,
}

impl Example {
    fn bytes(&self) -> Vec<u8> {
        match (&self.payload, &self.hex) {
            (Some(Json::String(text)), None) => text.clone().into_bytes(),
            (Some(json), None) => json.to_string().into_bytes(),
            (None, Some(hex)) => {
                let digits: String = hex.split_whitespace().collect();
                let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
                (0..digits.len()).step_by(2).map(pair).collect()
            }
            other => panic!("expected payload or hex: {other:?}"),
        }
    }
}

fn fixtures(profile: &str) -> Vec<(PathBuf, Fixture)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles").join(profile);
    let mut files: Vec<PathBuf> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let fixture = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()));
        (file, fixture.unwrap())
    };
    files.into_iter().map(read).collect()
}

fn engine(profile: &str, fixture: &Fixture) -> Engine {
    let with: Vec<String> =
        fixture.with.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
    let text = format!(
        "[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\n[[profile]]\nuse = {profile:?}\n\
         with = {{ {} }}\n",
        with.join(", ")
    );
    let config = Config::parse(Path::new("test.toml"), &text).unwrap();
    let entity = |(id, tag): (&String, &String)| {
        let entity = serde_json::json!({"id": id, "kind": "element", "name": "", "tags": [tag]});
        serde_json::from_value(entity).unwrap()
    };
    let scene = Scene::new(fixture.entities.iter().map(entity).collect()).unwrap();
    Engine::new(config.bindings, Arc::new(scene)).discovering(config.discoveries)
}

fn check(profile: &str, file: &Path, fixture: &Fixture) {
    let mut engine = engine(profile, fixture);
    for example in &fixture.messages {
        let at = format!("{}: {}", file.display(), example.topic);
        let before: u64 = engine.board().troubles().iter().map(|(_, count)| count).sum();
        let message = Message::new(&example.topic, example.bytes(), Timestamp::now());
        let mut readings = Vec::new();
        engine.accept(&message, &mut readings);
        engine.settle();
        let found: BTreeMap<String, (Json, String)> = readings
            .iter()
            .map(|reading| {
                let value = serde_json::to_value(&reading.sample.value).unwrap();
                let key = format!("{}/{}", reading.entity, reading.metric);
                (key, (value, reading.unit.to_string()))
            })
            .collect();
        // 1 and 1.0 are one number.
        let plain = |map: &BTreeMap<String, (Json, String)>| -> BTreeMap<String, String> {
            let text =
                |json: &Json| json.as_f64().map_or_else(|| json.to_string(), |n| n.to_string());
            map.iter().map(|(k, (v, unit))| (k.clone(), format!("{} {unit}", text(v)))).collect()
        };
        assert_eq!(plain(&found), plain(&example.expect), "{at}");
        if let Some(time) = example.time {
            assert!(readings.iter().all(|r| r.sample.source_time == time), "{at}: {readings:?}");
        }
        let report = engine.board().report();
        let after: u64 = engine.board().troubles().iter().map(|(_, count)| count).sum();
        let Some(reason) = &example.refused else {
            assert_eq!(before, after, "{at}: {report:?}");
            continue;
        };
        let lists = [&report.rejected, &report.uncertain, &report.orphaned, &report.unbound];
        let told = lists.iter().flat_map(|list| &list.items).any(|trouble| {
            trouble.topic == example.topic
                && trouble.reason.contains(reason)
                && trouble.binding.as_ref().is_none_or(|name| name.starts_with(profile))
        });
        assert!(after > before && told, "{at}: not told: {report:#?}");
    }
}

#[test]
fn every_profile_reads_its_examples_and_tells_what_does_not_fit() {
    for (profile, _) in BUILT_IN {
        let fixtures = fixtures(profile);
        let documented = fixtures.iter().any(|(_, fixture)| fixture.documented);
        let refused = fixtures.iter().flat_map(|(_, fixture)| &fixture.messages);
        assert!(documented, "{profile}: no example of the vendor's or of a capture");
        assert!(refused.clone().any(|one| one.refused.is_some()), "{profile}: nothing refused");
        for (file, fixture) in &fixtures {
            let source = &fixture.source;
            assert!(!source.title.is_empty(), "{}", file.display());
            assert!(
                !fixture.documented || source.url.starts_with("https://"),
                "{}",
                file.display()
            );
            check(profile, file, fixture);
        }
    }
}

#[test]
fn every_fixture_is_of_a_profile() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles");
    let names = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
    let found: BTreeSet<String> = fs::read_dir(dir).unwrap().map(|e| names(e).unwrap()).collect();
    let known: BTreeSet<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, known);
}

fn problems(dir: &Path, text: &str) -> Vec<String> {
    let text = format!("[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\n{text}");
    match Config::parse(&dir.join("twin.toml"), &text) {
        Ok(_) => Vec::new(),
        Err(error @ ConfigError::Invalid { .. }) => {
            error.to_string().lines().map(str::to_owned).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let one = |text: &str| {
        let found = problems(dir.path(), text);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    let unknown = one("[[profile]]\nuse = \"zigbee\"\n");
    assert!(unknown.contains("twin.toml:6: profile[0].use: \"zigbee\" is no profile"), "{unknown}");
    let parameter = one("[[profile]]\nuse = \"zigbee2mqtt\"\nwith = { prfix = \"x\" }\n");
    assert!(parameter.contains("profile[0].with.prfix") && parameter.contains("prefix"));
    // A value of a parameter that the profile's own line cannot take.
    let text = "[[profile]]\nuse = \"zigbee2mqtt\"\nwith = { stale_after = \"soon\" }\n";
    let value = problems(dir.path(), text).remove(0);
    assert!(value.contains("zigbee2mqtt.toml (built in):"), "{value}");
    assert!(value.contains("binding[0].point[0].stale_after") && value.contains("line 5 of"));
}

#[test]
fn an_entity_of_the_use_is_told_there_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[[profile]]\nuse = \"zigbee2mqtt\"\nentity = { tag = \"z:{dev}\" }\n";
    let found = problems(dir.path(), text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("twin.toml:7: profile[0].entity.tag: `{dev}`"), "{found:?}");
}

#[test]
fn a_profile_beside_the_configuration_goes_before_the_built_in_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("profiles")).unwrap();
    let file = dir.path().join("profiles/zigbee2mqtt.toml");
    let own = "title = \"mine\"\nsources = [\"here\"]\n[[binding]]\nname = \"own\"\n\
               topic = \"z/{d}\"\nentity = { tag = \"{d}\" }\n[[binding.point]]\nmetric = \"m\"\n\
               value = \"$.m\"\n";
    fs::write(&file, own).unwrap();
    let text = "[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\n[[profile]]\n\
                use = \"zigbee2mqtt\"\nname = \"flat\"\n";
    let config = Config::parse(&dir.path().join("twin.toml"), text).unwrap();
    assert_eq!(config.bindings.len(), 1);
    assert_eq!(&*config.bindings[0].name, "flat: own");
    fs::write(&file, own.replace("$.m", "m")).unwrap();
    let found = problems(dir.path(), "[[profile]]\nuse = \"zigbee2mqtt\"\n");
    assert!(
        found[0].contains("profiles/zigbee2mqtt.toml:9: binding[0].point[0].value"),
        "{found:?}"
    );
}

#[test]
fn files_beside_the_configuration_are_taken_in() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("bindings.d")).unwrap();
    let part = "[[binding]]\nname = \"b\"\ntopic = \"t\"\nentity = { tag = \"x\" }\n\
                [[binding.point]]\nmetric = \"m\"\nvalue = \"$.m\"\n";
    fs::write(dir.path().join("bindings.d/a.toml"), part).unwrap();
    let text = "[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\n";
    let load = || Config::parse(&dir.path().join("twin.toml"), text);
    assert_eq!(load().unwrap().bindings.len(), 1);
    fs::write(dir.path().join("bindings.d/b.toml"), part).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.contains("bindings.d/b.toml:1: binding[0].name") && error.contains("a.toml:1"));
    fs::write(dir.path().join("bindings.d/b.toml"), "[http]\n").unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.contains("bindings.d/b.toml:1") && error.contains("http"), "{error}");
}
