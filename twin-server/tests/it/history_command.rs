//! `twin-server history`: what goes out comes in again, in every format.

use std::{
    path::Path,
    process::{Command, Output},
};

fn history(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_twin-server"))
        .arg("history")
        .args(args)
        .current_dir(dir)
        .env("RUST_LOG", "error")
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

const FILE: &str = "\
point,t,v,q,received,unit
m1/power,2026-03-01T08:00:00Z,21.5,good,2026-03-01T08:00:00.02Z,kW
m1/power,2026-03-01T08:01:00Z,much,,,kW
d1/door,2026-03-01T08:00:30+00:00,\"wide, \"\"open\"\"\",,,
d1/locked,2026-03-01T08:00:40Z,true,bad,,
no-slash,2026-03-01T08:00:00Z,1,,,
m1/power,yesterday,1,,,
m1/power,2026-03-01T08:02:00Z,,,,
m1/power,2026-03-01T08:03:00Z,0.30000000000000004,,,kW
";

#[test]
fn lines_are_checked_and_every_format_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("old.csv"), FILE).unwrap();
    let imported = history(&["import", "--store", "a", "old.csv"], dir);
    let said = String::from_utf8(imported.stdout.clone()).unwrap();
    assert_eq!(imported.status.code(), Some(3), "{said}{:?}", imported.stderr);
    assert!(said.contains("5 samples imported, 0 were there already, 3 lines refused"), "{said}");
    assert!(said.contains("old.csv:6: \"no-slash\" is no point"), "{said}");
    assert!(said.contains("old.csv:7: t: \"yesterday\" is no time"), "{said}");
    assert!(said.contains("old.csv:8: v is missing"), "{said}");

    let first = text(&history(&["export", "--store", "a"], dir));
    assert_eq!(first.lines().count(), 6, "{first}");
    assert!(first.contains("m1/power,2026-03-01T08:00:00Z,21.5,good,2026-03-01T08:00:00.02Z,kW,0"));
    assert!(first.contains("0.30000000000000004"));
    for format in ["csv", "jsonl", "parquet"] {
        let file = format!("out.{format}");
        text(&history(&["export", "--store", "a", "--out", &file], dir));
        let told = text(&history(&["import", "--store", format, &file], dir));
        assert!(told.contains("5 samples imported"), "{told}");
        assert_eq!(text(&history(&["export", "--store", format], dir)), first, "{format}");
        let again = text(&history(&["import", "--store", format, &file], dir));
        assert!(again.contains("0 samples imported, 5 were there already"), "{again}");
    }
    let some = ["export", "--store", "a", "--points", "m1/*", "--to", "2026-03-01T08:01:00Z"];
    assert_eq!(text(&history(&some, dir)).lines().count(), 2);
    let info = text(&history(&["info", "--store", "a"], dir));
    assert!(info.contains("samples  5") && info.contains("points   3"), "{info}");
}

#[test]
fn a_store_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = history(&["export", "--store", "nowhere"], dir.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nowhere"), "{said}");
}
