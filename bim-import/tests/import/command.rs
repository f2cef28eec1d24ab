//! What the command line promises: progress for programs, coordinate systems by file, the
//! same file given twice.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::{
    small,
    support::{Folder, command, content, entities, json, stderr},
};

/// A grid of four heights whose lower left corner lies at a place of a map.
fn grid(x: u32, y: u32) -> String {
    format!("ncols 2\nnrows 2\nxllcorner {x}\nyllcorner {y}\ncellsize 10\n1 2\n3 4\n")
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    let names = events.iter().map(|event| event["event"].as_str().unwrap());
    names.filter(|name| !["progress", "written"].contains(name)).collect()
}

fn sources(package: &Path) -> Value {
    json(&package.join("report.json"))["sources"].take()
}

#[test]
fn progress_for_programs_says_how_it_ends() {
    let folder = Folder::new("progress-ends");
    let good = folder.write("good.ifc", small::file("IFC4", "#30=IFCBLOCK(#11,1.,1.,1.);"));
    let bad = folder.write("bad.ifc", "no model");
    let out = folder.path("out");
    let run = |files: &[PathBuf]| {
        let mut import = Command::new(env!("CARGO_BIN_EXE_bim-import"));
        import.args(files).args(["--progress", "json", "--out"]).arg(&out).output().unwrap()
    };

    let events_of_both = events(&run(&[good, bad.clone()]));
    let mut seen = names(&events_of_both);
    assert_eq!(seen.split_off(seen.len() - 2), ["writing", "done"]);
    seen.sort_unstable();
    assert_eq!(seen, ["read", "started", "started", "unreadable"]);
    let unreadable = events_of_both.iter().find(|event| event["event"] == "unreadable").unwrap();
    assert_eq!(unreadable["file"], "bad.ifc");

    let output = run(std::slice::from_ref(&bad));
    assert_eq!(output.status.code(), Some(3));
    let events_of_bad = events(&output);
    let last = events_of_bad.last().unwrap();
    assert_eq!((&last["event"], &last["code"]), (&"failed".into(), &3.into()));
    assert!(last["error"].as_str().unwrap().contains("bad.ifc"), "{last}");

    let output = run(&[folder.path("missing.ifc")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(names(&events(&output)), ["failed"]);
}

#[test]
fn the_same_file_twice_is_read_once() {
    let folder = Folder::new("same-twice");
    let text = small::file("IFC4", "#30=IFCBLOCK(#11,1.,1.,1.);");
    let first = folder.write("first.ifc", &text);
    let copy = folder.write("copy.ifc", &text);
    let (once, twice) = (folder.path("once"), folder.path("twice"));
    assert!(command(std::slice::from_ref(&first), &once).status().unwrap().success());
    assert!(command(&[first.clone(), copy, first], &twice).status().unwrap().success());
    assert_eq!(entities(&once), entities(&twice));
    let sources = sources(&twice);
    for twin in [&sources[1], &sources[2]] {
        assert_eq!((&twin["error"], &twin["read"]), (&Value::Null, &0.into()), "{twin}");
        let note = twin["notes"][0]["reason"].as_str().unwrap();
        assert!(note.contains("the same as first.ifc"), "{note}");
    }
}

#[test]
fn each_file_may_have_a_coordinate_system_of_its_own() {
    let folder = Folder::new("crs-by-file");
    // Berlin in UTM 33, and Delft in the Dutch system.
    let east = folder.write("east.asc", grid(389_000, 5_820_000));
    let west = folder.write("west.asc", grid(84_000, 447_000));
    let out = folder.path("out");
    let import = |crs: &[&str]| {
        let mut import = command(&[east.clone(), west.clone()], &out);
        import.args(crs.iter().flat_map(|crs| ["--crs", crs])).output().unwrap()
    };
    assert!(import(&["EPSG:25833", "west.asc=EPSG:28992"]).status.success());
    let placed: Vec<_> = (0..2).map(|n| sources(&out)[n]["placed_by"].clone()).collect();
    assert!(placed[0].as_str().unwrap().contains("EPSG:25833"), "{placed:?}");
    assert!(placed[1].as_str().unwrap().contains("EPSG:28992"), "{placed:?}");

    for (crs, word) in [
        (&["nord.asc=EPSG:28992"][..], "nord.asc is none of the files"),
        (&["EPSG:25833", "EPSG:28992"], "name the file"),
        (&["west.asc=EPSG:28992", "west.asc=EPSG:25833"], "has two"),
        (&["west.asc=EPSG:28992x"], "names no EPSG code"),
        (&["west.asc="], "west.asc= names no coordinate system"),
        (&["="], "names no file before the ="),
        (&["west.asc=EPSG:28992=x"], "names no EPSG code"),
        (&["EPSG:-1"], "names no EPSG code"),
    ] {
        let output = import(crs);
        assert_eq!(output.status.code(), Some(2), "{crs:?}");
        assert!(stderr(&output).contains(word), "{crs:?}: {}", stderr(&output));
    }
}

#[test]
fn a_system_that_a_format_does_not_take_is_noted() {
    let folder = Folder::new("crs-not-used");
    let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":
        {"building":"yes","height":9},"geometry":{"type":"Polygon","coordinates":
        [[[6.1,49.6],[6.101,49.6],[6.101,49.601],[6.1,49.6]]]}}]}"#;
    let file = folder.write("town.geojson", text);
    let out = folder.path("out");
    let mut import = command(&[file], &out);
    assert!(import.args(["--crs", "town.geojson=EPSG:2169"]).status().unwrap().success());
    let notes = sources(&out)[0]["notes"].to_string();
    assert!(notes.contains("--crs EPSG:2169 is not used"), "{notes}");
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_not_read() {
    let folder = Folder::new("no-end");
    let output = command(&["/dev/zero".into()], &folder.path("out")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no regular file"), "{}", stderr(&output));
}

#[test]
fn files_of_one_name_are_told_apart_by_the_ends_of_their_paths() {
    let folder = Folder::new("crs-by-folder");
    let files = ["north", "south"].map(|name| {
        fs::create_dir(folder.path(name)).unwrap();
        let place = if name == "north" { grid(389_000, 5_820_000) } else { grid(84_000, 447_000) };
        folder.write(&format!("{name}/ground.asc"), place)
    });
    let out = folder.path("out");
    let import = |crs: &str| {
        command(&files, &out).args(["--crs", "EPSG:25833", "--crs", crs]).output().unwrap()
    };
    let output = import("ground.asc=EPSG:28992");
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("ground.asc means two files: name their folders"), "{text}");
    // As the report calls it.
    assert!(import("south/ground.asc=EPSG:28992").status.success());
    let sources = sources(&out);
    assert_eq!(sources[1]["file"], "south/ground.asc");
    let placed: Vec<_> = (0..2).map(|n| sources[n]["placed_by"].as_str().unwrap()).collect();
    assert!(placed[0].contains("EPSG:25833") && placed[1].contains("EPSG:28992"), "{placed:?}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("north/ground.asc · south/ground.asc"), "the heading");
    assert!(page.contains("<title>Model health · north/ground.asc + 1</title>"));
}

#[test]
fn nothing_else_is_written_into_the_package() {
    let folder = Folder::new("report-inside");
    let file = folder.write("a.ifc", small::file("IFC4", "#30=IFCBLOCK(#11,1.,1.,1.);"));
    let out = folder.path("out");
    let import = |option: &str, path: &Path| {
        command(std::slice::from_ref(&file), &out).arg(option).arg(path).output().unwrap()
    };
    // Where there is none yet, a file of its name would stand in its way.
    assert_eq!(import("--report", &out).status.code(), Some(2));
    assert!(import("--report", &folder.path("report.json")).status.success());
    let before = content(&out);
    for (option, path) in [
        ("--report", out.join("mine.json")),
        ("--report", out.join("report.json")),
        ("--audit", out.join("tiles/audit.ndjson")),
        ("--audit", folder.path("out/../out/audit.ndjson")),
    ] {
        let output = import(option, &path);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(option) && text.contains("in the folder of --out"), "{text}");
    }
    assert!(before == content(&out));
}
