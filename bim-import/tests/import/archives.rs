//! ifcZIP, as a user would import it: the model in it, or one line about what is wrong.

use std::{
    fs,
    io::{Cursor, Write},
};

use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    small::{BYSTANDER, file},
    support::{Folder, command, content, entities, is_refused, json, stderr},
};

pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_packed_model_is_the_model() {
    let folder = Folder::new("packed");
    let text = file("IFC4", "#30=IFCBLOCK(#11,1.,1.,1.);");
    let packed = archive(&[("textures/wood.png", b"x"), ("Haus/model.ifc", text.as_bytes())]);
    let import = |name: &str, bytes: &[u8]| {
        let model = folder.write(name, bytes);
        let out = folder.path(&format!("{name}.scene"));
        let output = command(&[model], &out).output().unwrap();
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        out
    };
    let plain = import("house.ifc", text.as_bytes());
    let unpacked = import("house.ifczip", &packed);
    let source = json(&unpacked.join("report.json"))["sources"][0].clone();
    assert_eq!(source["file"], "house.ifczip");
    assert_eq!(source["format"], "IFC4 in ifcZIP");
    assert_eq!(
        source["tessellated"],
        json(&plain.join("report.json"))["sources"][0]["tessellated"]
    );
    assert_eq!(entities(&unpacked), entities(&plain));
    let tiles = |package| {
        let mut files = content(package);
        files.retain(|name, _| name.starts_with("tiles"));
        files
    };
    assert_eq!(tiles(&unpacked), tiles(&plain));
    assert!(entities(&unpacked)[BYSTANDER]["bbox"].is_array());
    // What was unpacked is gone.
    let left: Vec<_> =
        fs::read_dir(folder.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn what_is_no_packed_model_is_refused_in_one_line() {
    let folder = Folder::new("packed-badly");
    let model = file("IFC4", "#30=IFCBLOCK(#11,1.,1.,1.);").into_bytes();
    let good = archive(&[("a.ifc", &model)]);
    let blanks = vec![b' '; 80 << 20];
    let cases: &[(&str, &[u8], &str)] = &[
        ("garbage.ifczip", b"no archive", "is no zip archive"),
        ("half.ifczip", &good[..good.len() / 2], "damaged zip archive"),
        ("two.zip", &archive(&[("a.ifc", &model), ("b.ifc", &model)]), "several models"),
        ("xml.ifczip", &archive(&[("a.ifcXML", b"<ifc/>")]), "holds ifcXML"),
        ("pictures.zip", &archive(&[("a.png", b"")]), "without an .ifc file"),
        ("other.ifczip", &archive(&[("a.ifc", b"no model")]), "an .ifc file that is none"),
        ("packed-twice.ifczip", &archive(&[("a.ifc", &good)]), "an .ifc file that is none"),
        ("bomb.ifczip", &archive(&[("a.ifc", &blanks)]), "no honest model"),
    ];
    for (name, bytes, word) in cases {
        is_refused(&folder, name, bytes, word);
    }
}
