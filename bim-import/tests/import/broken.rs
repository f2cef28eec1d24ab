//! Files that are cut off, garbage, cyclic or of another kind: a clear word, no panic,
//! and never half a package.

use std::{fs, path::Path};

use crate::{
    small,
    support::{Folder, command, content, entities, is_refused, json, model, stderr},
};

const HEAD: &str = "ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION((''),'2;1');\nFILE_NAME('','',(''),(''),'','','');\nFILE_SCHEMA(('IFC4'));\nENDSEC;\nDATA;\n";
const TAIL: &str = "ENDSEC;\nEND-ISO-10303-21;\n";

#[test]
fn what_is_no_model_is_refused_in_one_line() {
    let folder = Folder::new("refused");
    let cases = [
        ("empty.ifc", "", "is empty"),
        ("garbage.ifc", "\u{1}\u{2} no model", "is not an IFC file"),
        ("city.json", r#"{"type":"CityJSON","version":"2.0"}"#, "CityJSON"),
        ("nothing.ifc", &format!("{HEAD}{TAIL}"), "no IFC project"),
        (
            "other.ifc",
            "ISO-10303-21;HEADER;FILE_SCHEMA(('AUTOMOTIVE_DESIGN'));ENDSEC;DATA;ENDSEC;",
            "AUTOMOTIVE_DESIGN",
        ),
    ];
    for (name, content, word) in cases {
        is_refused(&folder, name, content, word);
    }
}

#[test]
fn unusable_arguments_end_with_two() {
    let folder = Folder::new("usage");
    let out = folder.path("scene");
    let file =
        folder.write("a.ifc", format!("{HEAD}#1=IFCPROJECT('g',$,'P',$,$,$,$,$,$);\n{TAIL}"));
    let folder_as_file = folder.path("scene-that-is-not");
    fs::create_dir_all(folder_as_file.join("precious")).unwrap();
    let cases = [
        (command(&[folder.path("none.ifc")], &out), "none.ifc"),
        (command(std::slice::from_ref(&folder_as_file), &out), "is a folder"),
        (command(std::slice::from_ref(&file), &folder_as_file), "not a scene package"),
        (
            {
                let mut with_crs = command(&[file], &out);
                with_crs.args(["--crs", "EPSG:nonsense"]);
                with_crs
            },
            "EPSG",
        ),
    ];
    for (mut command, word) in cases {
        let output = command.output().unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(word), "{text}");
    }
    assert!(folder_as_file.join("precious").is_dir());
    assert!(!out.exists());
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let folder = Folder::new("mixed");
    let out = folder.path("scene");
    let good = folder.write(
        "good.ifc",
        format!("{HEAD}#1=IFCPROJECT('2yqbJeTNn4IeiStFWGpVPB',$,'P',$,$,$,$,$,$);\n{TAIL}"),
    );
    let bad = folder.write("bad.ifc", "nonsense");
    let output = command(&[bad, good], &out).output().unwrap();
    assert!(output.status.success());
    assert!(stderr(&output).contains("bad.ifc"));
    let report = json(&out.join("report.json"));
    assert!(report["sources"][0]["error"].as_str().unwrap().contains("not an IFC file"));
    assert_eq!(entities(&out).len(), 1);
}

/// Containers in a ring, a parent that is not there, a GlobalId used twice, none at all.
#[test]
fn a_tangled_tree_becomes_a_tree() {
    let folder = Folder::new("tangled");
    let out = folder.path("scene");
    let data = "#1=IFCPROJECT('0000000000000000000001',$,'P',$,$,$,$,$,$);
#2=IFCBUILDING('0000000000000000000002',$,'A',$,$,$,$,$,.ELEMENT.,$,$,$);
#3=IFCBUILDING('0000000000000000000003',$,'B',$,$,$,$,$,.ELEMENT.,$,$,$);
#4=IFCWALL('0000000000000000000003',$,'W',$,$,$,$,'7',$);
#5=IFCWALL($,$,'nameless',$,$,$,$,$,$);
#6=IFCRELAGGREGATES('r1',$,$,$,#2,(#3));
#7=IFCRELAGGREGATES('r2',$,$,$,#3,(#2));
#8=IFCRELCONTAINEDINSPATIALSTRUCTURE('r3',$,$,$,(#4,#5),#99);
#9=IFCRELAGGREGATES('r4',$,$,$,#5,(#5));
#10=IFCWALL('broken
";
    let file = folder.write("tangled.ifc", format!("{HEAD}{data}{TAIL}"));
    let output = command(&[file], &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let entities = entities(&out);
    for id in ["0000000000000000000003", "0000000000000000000003~2"] {
        assert!(entities.contains_key(id), "{id}");
    }
    for (id, entity) in &entities {
        let mut at = entity;
        for _ in 0..10 {
            let Some(parent) = at["parent"].as_str() else { break };
            at = &entities[parent];
        }
        assert!(at["parent"].is_null(), "{id} hangs on a ring");
    }
    let tags = entities["0000000000000000000003~2"]["tags"].as_array().unwrap().clone();
    assert!(tags.contains(&"7".into()) && tags.contains(&"element:7".into()));
}

/// A real file cut off anywhere: read as far as it goes, and said so.
#[test]
fn a_file_cut_off_is_read_as_far_as_it_goes() {
    let Some(model) = model("bs_building_architecture_ifc4") else { return };
    let bytes = fs::read(model).unwrap();
    let folder = Folder::new("cut");
    for tenths in [1, 4, 7, 9] {
        let file = folder.write("cut.ifc", &bytes[..bytes.len() * tenths / 10]);
        let out = folder.path(&format!("scene-{tenths}"));
        let output = command(&[file], &out).output().unwrap();
        match output.status.code() {
            Some(0) => {
                let source = &json(&out.join("report.json"))["sources"][0];
                let drops = source["drops"].to_string();
                assert!(drops.contains("cut off"), "{tenths}: {drops}");
                assert_eq!(source["cut_off"], true);
            }
            Some(3) => assert!(stderr(&output).contains("cut.ifc"), "{tenths}"),
            other => panic!("{tenths}: exit {other:?}: {}", stderr(&output)),
        }
    }
}

/// A copy that broke off is no new revision: it is said on the command line and on the page,
/// and takes the place of nothing.
#[test]
fn a_file_cut_off_is_said_and_replaces_nothing() {
    let folder = Folder::new("cut-replaces");
    let whole = small::file("IFC4", "#30=IFCBLOCK(#11,1.,1.,1.);");
    let half = whole.split("ENDSEC;\nEND-ISO").next().unwrap();
    let file = folder.write("north.ifc", &whole);
    let out = folder.path("scene");
    let import = |out: &Path| command(std::slice::from_ref(&file), out).output().unwrap();
    assert!(import(&out).status.success());
    let source = json(&out.join("report.json"))["sources"][0].clone();
    assert!(source.get("cut_off").is_none(), "{source}");
    let before = content(&out);

    fs::write(&file, half).unwrap();
    let output = import(&out);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    for words in ["north.ifc ends without END-ISO-10303-21", "scene stays as it is", "--out"] {
        assert!(text.contains(words), "{text}");
    }
    assert!(before == content(&out), "the package was touched");

    let fresh = folder.path("fresh");
    let output = import(&fresh);
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    let wanted = "warning: north.ifc: ends without END-ISO-10303-21 and may be cut off; ";
    let line =
        text.lines().find(|line| line.starts_with(wanted)).unwrap_or_else(|| panic!("{text}"));
    assert!(line.ends_with(" records were read"), "{line}");
    assert_eq!(json(&fresh.join("report.json"))["sources"][0]["dropped"], 0);
    let page = fs::read_to_string(fresh.join("report.html")).unwrap();
    for words in [
        "<b><span lang=\"zh-Hans\">1 个文件被截断</span><span lang=\"en\">1 file is cut off</span></b>",
        "Files that are cut off",
        "<b>north.ifc</b> <span lang=\"zh-Hans\">结尾缺少 END-ISO-10303-21，可能被截断；已读入 ",
        "A file is cut off: spaces, ways and exits may be missing.",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("is missing"));
    let first = page.split("<li class=\"check ").nth(1).unwrap();
    assert!(first.starts_with("bad") && first.contains("Files that are cut off"));
    let ways = page.split("<li class=\"check ").find(|check| check.contains("Ways out")).unwrap();
    assert!(!ways.starts_with("fine"));
}
