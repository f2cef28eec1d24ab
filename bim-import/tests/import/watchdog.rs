//! Elements that hang or crash the geometry worker, on a real model: the rest is there,
//! and the report says what happened to the one.

use std::path::Path;

use serde_json::Value;

use crate::support::{Folder, command, entities, json, model, stderr};

struct Victim {
    instance: String,
    global_id: String,
}

/// The first wall that an IfcRelVoidsElement cuts.
fn cut_wall(model: &Path) -> Victim {
    let text = std::fs::read_to_string(model).unwrap();
    let flat: String = text.replace(['\n', '\r'], "");
    let records: std::collections::HashMap<&str, &str> = flat
        .split(';')
        .filter_map(|record| record.trim().strip_prefix('#')?.split_once('='))
        .map(|(id, body)| (id.trim(), body.trim()))
        .collect();
    let mut ids: Vec<&&str> = records.keys().collect();
    ids.sort_by_key(|id| id.parse::<u32>().unwrap_or(0));
    let voids = ids.iter().filter(|id| records[**id].starts_with("IFCRELVOIDSELEMENT"));
    let host = voids
        .filter_map(|id| records[*id].split('#').nth(2)?.split(',').next())
        .find(|host| records.get(host).is_some_and(|body| body.starts_with("IFCWALL")))
        .unwrap();
    let global_id = records[host].split('\'').nth(1).unwrap();
    Victim { instance: host.into(), global_id: global_id.into() }
}

struct Outcome {
    source: Value,
    drawn: bool,
    others: usize,
}

fn import_with(fault: &str, name: &str) -> Option<(Victim, Outcome)> {
    let model = model("fzk_haus_ac20_ifc4")?;
    let victim = cut_wall(&model);
    let folder = Folder::new(name);
    let out = folder.path("scene");
    let output = command(&[model], &out)
        .args(["--element-timeout", "0.8", "--frame", "source"])
        .env("BIM_IMPORT_FAULT", format!("{fault}:{}", victim.instance))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let entities = entities(&out);
    let outcome = Outcome {
        source: json(&out.join("report.json"))["sources"][0].clone(),
        drawn: !entities[&victim.global_id]["bbox"].is_null(),
        others: entities.values().filter(|entity| !entity["bbox"].is_null()).count(),
    };
    Some((victim, outcome))
}

fn reason(list: &Value, global_id: &str) -> String {
    let lines = list.as_array().unwrap();
    let line = lines.iter().find(|line| line["global_id"] == global_id);
    line.unwrap_or_else(|| panic!("{global_id} is not in {list}"))["reason"].to_string()
}

#[test]
fn an_element_that_hangs_is_drawn_as_a_box_and_the_rest_is_there() {
    let Some((victim, outcome)) = import_with("hang", "hang") else { return };
    assert!(outcome.drawn);
    assert_eq!(outcome.others, 107);
    let reason = reason(&outcome.source["approximations"], &victim.global_id);
    assert!(reason.contains("drawn as a box") && reason.contains("did not end"), "{reason}");
}

#[test]
fn an_element_whose_openings_hang_is_drawn_without_them() {
    let Some((victim, outcome)) = import_with("hang-openings", "openings") else { return };
    assert!(outcome.drawn);
    assert_eq!(outcome.others, 107);
    let reason = reason(&outcome.source["approximations"], &victim.global_id);
    assert!(reason.contains("without its openings"), "{reason}");
}

#[test]
fn an_element_that_crashes_the_worker_is_drawn_as_a_box_and_the_rest_is_there() {
    let Some((victim, outcome)) = import_with("crash", "crash") else { return };
    assert!(outcome.drawn);
    assert_eq!(outcome.others, 107);
    let reason = reason(&outcome.source["approximations"], &victim.global_id);
    assert!(reason.contains("drawn as a box") && reason.contains("ended the"), "{reason}");
}
