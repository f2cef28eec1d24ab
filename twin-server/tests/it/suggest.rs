//! Suggested bindings: from topics and payloads to bindings that then bind them.

use std::{collections::HashSet, path::Path, sync::Arc};

use jiff::Timestamp;
use twin_model::Scene;
use twin_server::{
    accept::{self, Choice},
    bindings::{BindingBoard, Engine, Suggestions},
    config::Config,
    ingest::Message,
};

fn scene(entities: &[(&str, &str, &str, &[&str])]) -> Arc<Scene> {
    let entity = |(id, kind, name, tags): &(&str, &str, &str, &[&str])| {
        let entity = serde_json::json!({"id": id, "kind": kind, "name": name, "tags": tags});
        serde_json::from_value(entity).unwrap()
    };
    Arc::new(Scene::new(entities.iter().map(entity).collect()).unwrap())
}

fn meters() -> Arc<Scene> {
    scene(&[
        ("a", "meter", "", &["meter:EM-01"]),
        ("b", "meter", "", &["meter:EM-02"]),
        ("c", "meter", "", &["meter:EM-03-12"]),
        ("s", "storey", "03F", &[]),
        ("r", "space", "R-101", &["space:R-101"]),
        ("q", "space", "R-102", &["space:R-102"]),
    ])
}

fn message(topic: &str, payload: &str) -> Message {
    Message::new(topic, payload.to_owned(), Timestamp::now())
}

fn board(scene: &Arc<Scene>, bindings: &str, messages: &[(&str, &str)]) -> Arc<BindingBoard> {
    let config = config(bindings);
    let mut engine = Engine::new(config.bindings, scene.clone());
    for (topic, payload) in messages {
        engine.accept(&message(topic, payload), &mut Vec::new());
    }
    engine.board().clone()
}

fn config(bindings: &str) -> Config {
    let text = format!("[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\n{bindings}");
    Config::parse(Path::new("test.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn suggestions(scene: &Arc<Scene>, messages: &[(&str, &str)]) -> Suggestions {
    board(scene, "", messages).suggest(scene)
}

const METER: &str = r#"{"ts":1777863721,"p_kw":12.5,"e_wh":5000,"fw":"1.2"}"#;

#[test]
fn meters_by_tag_are_one_suggestion_with_a_reason() {
    let scene = meters();
    let messages = [
        ("campus/T1/03F/meter/EM-01/state", METER),
        ("campus/T1/04F/meter/EM-02/state", METER),
        ("campus/T2/03F/meter/EM-03-12/state", METER),
        ("campus/T2/03F/meter/EM-99/state", METER),
    ];
    let found = suggestions(&scene, &messages);
    assert_eq!(found.items.len(), 1, "{found:#?}");
    let one = &found.items[0];
    assert_eq!(one.topic, "campus/+/+/meter/{meter}/state");
    assert_eq!((one.topics, one.placed), (4, 3));
    assert!(one.confidence > 0.5 && one.confidence < 0.8, "{}", one.confidence);
    assert!(
        one.reason.contains("level 5 `EM-01` equals tag meter:EM-01, and so in 3 of 4"),
        "{}",
        one.reason
    );
    assert!(one.reason.contains("`p_kw` looks like power in kW"), "{}", one.reason);
    assert_eq!(one.left_out.len(), 1, "the firmware");
    assert!(one.toml.contains("time = \"$.ts\""), "{}", one.toml);
    // What is suggested then does what was promised.
    let bound = board(&scene, &one.toml, &messages).report();
    assert_eq!((bound.bound.total, bound.readings, bound.rejected.total), (3, 6, 0));
    assert_eq!(bound.orphaned.total, 1);
}

#[test]
fn single_values_take_their_meaning_from_the_topic() {
    let scene = meters();
    let messages = [
        ("env/R-101/temperature", "21.5"),
        ("env/R-102/temperature", "22.5"),
        ("env/R-101/humidity", "45"),
        ("env/R-102/humidity", "50"),
        ("env/R-101/door", "open"),
        ("env/R-102/door", "closed"),
    ];
    let found = suggestions(&scene, &messages);
    let topics: HashSet<&str> = found.items.iter().map(|one| one.topic.as_str()).collect();
    let expected = ["env/{env}/temperature", "env/{env}/humidity", "env/{env}/door"];
    assert_eq!(topics, HashSet::from(expected), "{found:#?}");
    let all: String = found.items.iter().map(|one| one.toml.as_str()).collect();
    let bound = board(&scene, &all, &messages).report();
    assert_eq!((bound.bound.total, bound.readings), (6, 6));
}

#[test]
fn levels_together_may_be_a_tag() {
    let scene = scene(&[
        ("a", "meter", "", &["meter:T1-01F-EM1"]),
        ("b", "meter", "", &["meter:T1-02F-EM1"]),
        ("c", "meter", "", &["meter:T2-01F-EM7"]),
    ]);
    let messages = [
        ("x/T1/01F/EM1", r#"{"power":1}"#),
        ("x/T1/02F/EM1", r#"{"power":2}"#),
        ("x/T2/01F/EM7", r#"{"power":3}"#),
    ];
    let found = suggestions(&scene, &messages);
    assert_eq!(found.items.len(), 1, "{found:#?}");
    assert_eq!(board(&scene, &found.items[0].toml, &messages).report().bound.total, 3);
}

#[test]
fn no_two_readings_of_one_point_are_suggested() {
    let scene = meters();
    // Two payloads of one meter with a power each: the second finds the point taken.
    let messages = [
        ("a/EM-01/state", r#"{"p_kw":1}"#),
        ("a/EM-02/state", r#"{"p_kw":1}"#),
        ("b/EM-01", r#"{"power":1,"gonglv":2,"temp":20}"#),
        ("b/EM-02", r#"{"power":1,"gonglv":2,"temp":21}"#),
        ("c/03F/one", r#"{"temp":1}"#),
        ("c/03F/two", r#"{"temp":1}"#),
    ];
    let found = suggestions(&scene, &messages);
    let all: String = found.items.iter().map(|one| one.toml.as_str()).collect();
    let config = config(&all);
    let mut engine = Engine::new(config.bindings, scene.clone());
    let mut readings = Vec::new();
    for (topic, payload) in &messages {
        engine.accept(&message(topic, payload), &mut readings);
    }
    let keys: Vec<String> = readings.iter().map(|r| format!("{}/{}", r.entity, r.metric)).collect();
    let unique: HashSet<&String> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len(), "{keys:?}");
    assert!(keys.contains(&"a/power".to_owned()) && keys.contains(&"a/temperature".to_owned()));
    let left: Vec<&str> =
        found.items.iter().flat_map(|one| &one.left_out).map(|left| left.reason.as_str()).collect();
    assert!(left.iter().any(|why| why.contains("has a reading already")), "{left:?}");
    assert!(left.iter().any(|why| why.contains("another value is power")), "{left:?}");
    // Bound points are taken too.
    let bound = board(&scene, &found.items[0].toml, &messages).suggest(&scene);
    assert!(bound.items.iter().all(|one| one.topic != found.items[0].topic));
}

#[test]
fn what_cannot_be_placed_is_told_with_the_reason() {
    let found = suggestions(
        &meters(),
        &[("strange/thing/1", "21"), ("strange/thing/2", "22"), ("pictures/R-101", "{\"broken")],
    );
    assert!(found.items.is_empty());
    let why = |example: &str| {
        let found = found.unplaced.iter().find(|one| one.example == example).unwrap();
        found.reason.clone()
    };
    assert!(why("strange/thing/1").contains("no level is a tag"));
    assert!(why("pictures/R-101").contains("neither JSON"));
}

#[test]
fn accepted_suggestions_are_written_once_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("twin.toml");
    std::fs::write(&file, "[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\n").unwrap();
    let scene = meters();
    let messages = [("m/EM-01", r#"{"p_kw":1}"#), ("m/EM-02", r#"{"p_kw":1}"#)];
    let found = suggestions(&scene, &messages);
    let sure = Choice { min_confidence: Some(0.99), ..Choice::default() };
    assert!(sure.of(found.items.clone()).unwrap_err().contains("the surest is "));
    let named = Choice { names: vec!["x".to_owned()], ..Choice::default() };
    assert!(named.of(found.items.clone()).unwrap_err().contains("is not suggested"));
    let all = Choice { all: true, ..Choice::default() };
    let chosen = all.of(found.items).unwrap();
    let written = accept::write(&file, &chosen).unwrap();
    assert!(written.ends_with("bindings.d/accepted.toml"));
    assert_eq!(Config::load(&file).unwrap().bindings.len(), 1);
    // A second time the name is taken: refused, and the file is as it was.
    let before = std::fs::read_to_string(&written).unwrap();
    let error = accept::write(&file, &chosen).unwrap_err().to_string();
    assert!(error.contains("bindings.d/accepted.toml") && error.contains("names two"), "{error}");
    assert_eq!(std::fs::read_to_string(&written).unwrap(), before);
}

/// A hundred thousand topics of five shapes become five suggestions at most.
#[test]
fn many_topics_are_few_suggestions() {
    let tags: Vec<String> = (0..2_000).map(|n| format!("meter:M{n}")).collect();
    let entities = tags.iter().enumerate().map(|(n, tag)| {
        let entity =
            serde_json::json!({"id": format!("e{n}"), "kind": "meter", "name": "", "tags": [tag]});
        serde_json::from_value(entity).unwrap()
    });
    let scene = Arc::new(Scene::new(entities.collect()).unwrap());
    let mut engine = Engine::new(Vec::new(), scene.clone());
    for n in 0..100_000 {
        let topic = match n % 50 {
            0 => format!("site/b{}/meter/M{}/state", n % 7, n / 50),
            shape => format!("noise/{}/{n}", shape % 3),
        };
        engine.accept(&message(&topic, r#"{"p_kw":1.5,"seq":1}"#), &mut Vec::new());
    }
    let found = engine.board().suggest(&scene);
    assert_eq!(found.topics, 100_000);
    assert_eq!(found.items.len(), 1, "{:#?}", found.items.len());
    assert_eq!(found.items[0].placed, 2_000);
    assert!(found.unplaced.len() <= 4, "{:#?}", found.unplaced);
}
