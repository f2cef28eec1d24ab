//! Elements made to hold an import: each becomes a line of the report and something to
//! see, and what stands beside it is drawn as always.

use std::fmt::Write as _;

use crate::{
    small::{BYSTANDER, ELEMENT, Outcome, file, import},
    support::Folder,
};

/// Every element is there in some form, and the report says in which.
fn check(outcome: &Outcome, reason: &str) {
    assert_eq!(outcome.of(BYSTANDER).unwrap()["volume_m3"], 6.0);
    let element = outcome.of(ELEMENT).expect("the element is drawn somehow");
    assert!(element["triangles"].as_u64().unwrap() > 0);
    let said = outcome.said("approximations", ELEMENT);
    assert!(said.iter().any(|line| line.contains(reason)), "{said:?}");
}

fn bbox(outcome: &Outcome) -> Vec<f64> {
    let bbox = outcome.of(ELEMENT).unwrap()["bbox"].as_array().unwrap().clone();
    bbox.iter().map(|value| value.as_f64().unwrap()).collect()
}

/// A helix of a million points.
fn helix() -> String {
    let mut rows = String::new();
    for step in 0..1_000_000 {
        let angle = f64::from(step) * 0.01;
        let (sin, cos) = angle.sin_cos();
        let comma = if step == 0 { "" } else { "," };
        write!(rows, "{comma}({cos:.4},{sin:.4},{:.5})", f64::from(step) * 1e-4).unwrap();
    }
    format!("#40=IFCINDEXEDPOLYCURVE(#41,$,.F.);\n#41=IFCCARTESIANPOINTLIST3D(({rows}));\n")
}

#[test]
fn a_pipe_of_a_million_pieces_is_thinned() {
    let folder = Folder::new("hostile-pipe");
    let text = file("IFC4", &format!("#30=IFCSWEPTDISKSOLID(#40,0.01,$,$,$);\n{}", helix()));
    let outcome = import(&folder, "pipe", &text);
    check(&outcome, "1000000 points was thinned");
    let bbox = bbox(&outcome);
    assert!((bbox[5] - 100.0).abs() < 0.1 && (bbox[0] + 1.01).abs() < 0.01, "{bbox:?}");
}

#[test]
fn a_sweep_of_a_million_pieces_becomes_a_box() {
    let folder = Folder::new("hostile-sweep");
    let solid = "#30=IFCFIXEDREFERENCESWEPTAREASOLID(#31,#11,#40,$,$,#14);
#31=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,0.4,0.2);";
    let outcome = import(&folder, "sweep", &file("IFC4", &format!("{solid}\n{}", helix())));
    check(&outcome, "drawn as a box");
    let bbox = bbox(&outcome);
    assert!((bbox[5] - 100.0).abs() < 0.5 && (bbox[0] + 1.0).abs() < 0.3, "{bbox:?}");
}

#[test]
fn a_boolean_of_a_thousand_cuts_is_drawn_uncut() {
    let folder = Folder::new("hostile-boolean");
    let mut body = String::from("#50=IFCBLOCK(#11,10.,10.,1.);\n");
    let mut last = 50;
    for cut in 0..1_000u32 {
        let id = 1_000 + cut * 6;
        let (x, y) = (f64::from(cut % 32) * 0.31, f64::from(cut / 32) * 0.31);
        let (sin, cos) = f64::from(cut).sin_cos();
        write!(
            body,
            "#{id}=IFCBOOLEANRESULT(.DIFFERENCE.,#{last},#{a});
#{a}=IFCRIGHTCIRCULARCYLINDER(#{b},3.,0.37);
#{b}=IFCAXIS2PLACEMENT3D(#{c},#{d},$);
#{c}=IFCCARTESIANPOINT(({x:.3},{y:.3},-1.));
#{d}=IFCDIRECTION(({:.4},{:.4},1.));
",
            sin * 0.3,
            cos * 0.3,
            a = id + 1,
            b = id + 2,
            c = id + 3,
            d = id + 4,
        )
        .unwrap();
        last = id;
    }
    write!(body, "#30=IFCBOOLEANRESULT(.UNION.,#{last},#51);\n#51=IFCBLOCK(#11,1.,1.,0.5);")
        .unwrap();
    let outcome = import(&folder, "boolean", &file("IFC4", &body));
    check(&outcome, "drawn without its openings and cuts");
    assert_eq!(bbox(&outcome), [0.0, 0.0, 0.0, 10.0, 10.0, 1.0]);
}

#[test]
fn a_surface_of_degree_twenty_is_drawn() {
    let folder = Folder::new("hostile-nurbs");
    let mut points = String::new();
    let mut rows = Vec::new();
    for i in 0..21u32 {
        let mut row = Vec::new();
        for j in 0..21u32 {
            let id = 1_000 + i * 21 + j;
            let z = f64::from((i * 7 + j * 3) % 5) * 0.5;
            writeln!(points, "#{id}=IFCCARTESIANPOINT(({i}.,{j}.,{z:?}));").unwrap();
            row.push(format!("#{id}"));
        }
        rows.push(format!("({})", row.join(",")));
    }
    let surface = format!(
        "#30=IFCBSPLINESURFACEWITHKNOTS(20,20,({}),.UNSPECIFIED.,.F.,.F.,.F.,(21,21),(21,21),(0.,1.),(0.,1.),.UNSPECIFIED.);\n{points}",
        rows.join(",")
    );
    let outcome = import(&folder, "nurbs", &file("IFC4", &surface));
    let bbox = bbox(&outcome);
    assert!((bbox[3] - 20.0).abs() < 0.01 && (bbox[4] - 20.0).abs() < 0.01, "{bbox:?}");
    assert!(bbox[2] >= 0.0 && bbox[5] <= 2.0, "outside its control points: {bbox:?}");
}
