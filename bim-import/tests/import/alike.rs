//! Elements that are alike are drawn once, and each stands where the file says, with lines
//! of its own in the report.

use serde_json::Value;

use crate::{
    small::{BYSTANDER, ELEMENT, file, import},
    support::{Folder, command, entities, json, stderr},
};

/// The same block as the element, by records of its own: turned, five metres on.
const TURNED: &str = "3000000000000000000003";
/// Once more, from there, and part of an assembly.
const PART: &str = "4000000000000000000004";
/// The element's block in another colour.
const RED: &str = "5000000000000000000005";

fn blocks() -> String {
    let block = |id: &str, base: u32, placement: &str| {
        let n = |offset: u32| base + offset;
        format!(
            "#{base}=IFCBUILDINGELEMENTPROXY('{id}',$,'{id}',$,$,{placement},#{},$,$);
#{}=IFCPRODUCTDEFINITIONSHAPE($,$,(#{}));
#{}=IFCSHAPEREPRESENTATION(#10,'Body','SolidModel',(#{}));
#{}=IFCEXTRUDEDAREASOLID(#{},#11,#14,3.);
#{}=IFCARBITRARYCLOSEDPROFILEDEF(.AREA.,$,#50);\n",
            n(1),
            n(1),
            n(2),
            n(2),
            n(3),
            n(3),
            n(4),
            n(4)
        )
    };
    [
        "#30=IFCEXTRUDEDAREASOLID(#49,#11,#14,3.);
#49=IFCARBITRARYCLOSEDPROFILEDEF(.AREA.,$,#50);
#50=IFCPOLYLINE((#51,#52,#53,#54,#51));
#51=IFCCARTESIANPOINT((0.,0.));
#52=IFCCARTESIANPOINT((1.,0.));
#53=IFCCARTESIANPOINT((1.,2.));
#54=IFCCARTESIANPOINT((0.,2.));
#31=IFCLOCALPLACEMENT(#13,#32);
#32=IFCAXIS2PLACEMENT3D(#33,#14,#34);
#33=IFCCARTESIANPOINT((5.,0.,0.));
#34=IFCDIRECTION((0.,1.,0.));
#35=IFCLOCALPLACEMENT(#31,#32);
#36=IFCELEMENTASSEMBLY('6000000000000000000006',$,'assembly',$,$,#31,$,$,$,$);
#37=IFCRELAGGREGATES('7000000000000000000007',$,$,$,#36,(#120));
#40=IFCSTYLEDITEM(#133,(#41),$);
#41=IFCSURFACESTYLE($,.BOTH.,(#42));
#42=IFCSURFACESTYLERENDERING(#43,0.,$,$,$,$,$,$,.FLAT.);
#43=IFCCOLOURRGB($,1.,0.,0.);\n",
        &block(TURNED, 110, "#31"),
        &block(PART, 120, "#35"),
        &block(RED, 130, "#13"),
    ]
    .concat()
}

fn is_box(found: &Value, wanted: [f64; 6]) {
    let found: Vec<f64> =
        found.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    let near = found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-3);
    assert!(near, "{found:?} is not {wanted:?}");
}

/// Each block and where it stands.
const PLACES: [(&str, [f64; 6]); 4] = [
    (ELEMENT, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]),
    (TURNED, [3.0, 0.0, 0.0, 5.0, 1.0, 3.0]),
    (PART, [4.0, 3.0, 0.0, 5.0, 5.0, 3.0]),
    (RED, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]),
];

#[test]
fn each_stands_where_the_file_says_in_its_own_colour() {
    let folder = Folder::new("alike");
    let outcome = import(&folder, "blocks", &file("IFC4", &blocks()));
    for (id, place) in PLACES {
        let element = outcome.of(id).unwrap();
        is_box(&element["bbox"], place);
        assert!((element["volume_m3"].as_f64().unwrap() - 6.0).abs() < 1e-4, "{id}");
        assert_eq!(outcome.said("approximations", id), Vec::<String>::new());
    }
    let colors = |id: &str| outcome.of(id).unwrap()["colors"].to_string();
    assert_eq!(colors(ELEMENT), colors(PART));
    assert_eq!(colors(RED), r#"["ff0000ff"]"#);
}

#[test]
fn what_happens_to_the_drawn_one_is_said_of_each() {
    let folder = Folder::new("alike-fault");
    let model = folder.write("blocks.ifc", file("IFC4", &blocks()));
    for (fault, words) in [("hang:120", "did not end"), ("crash:120", "ended the")] {
        let out = folder.path("scene");
        let output = command(std::slice::from_ref(&model), &out)
            .args(["--element-timeout", "0.4", "--frame", "source"])
            .env("BIM_IMPORT_FAULT", fault)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let approximations = json(&out.join("report.json"))["sources"][0]["approximations"].clone();
        let lines = approximations.as_array().unwrap();
        let of = |id: &str| lines.iter().filter(|line| line["global_id"] == id).count();
        assert_eq!([ELEMENT, TURNED, PART].map(of), [1, 1, 1], "{approximations}");
        assert_eq!([RED, BYSTANDER].map(of), [0, 0], "{approximations}");
        let all = |line: &Value| {
            let reason = line["reason"].as_str().unwrap();
            reason.contains("drawn as a box") && reason.contains(words)
        };
        assert!(lines.iter().all(all), "{approximations}");
        let entities = entities(&out);
        for (id, place) in PLACES {
            is_box(&entities[id]["bbox"], place);
        }
        std::fs::remove_dir_all(&out).unwrap();
    }
}
