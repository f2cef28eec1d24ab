//! Geometry that the engine drops or draws wrongly by itself, against exact volumes.

use std::f64::consts::PI;

use crate::{
    small::{ELEMENT, file, import},
    support::Folder,
};

/// Imports an element and compares its volume, m³, and its largest corner.
fn check(folder: &Folder, name: &str, body: &str, volume: f64, corner: [f64; 3]) {
    let outcome = import(folder, name, &file("IFC4", body));
    let Some(element) = outcome.of(ELEMENT) else { panic!("{name}: {}", outcome.source) };
    let found = element["volume_m3"].as_f64().unwrap();
    assert!((found / volume - 1.0).abs() < 0.01, "{name}: {found} m³, not {volume}");
    assert_eq!(element["closed"], true, "{name}");
    for (axis, wanted) in corner.into_iter().enumerate() {
        let found = element["bbox"][3 + axis].as_f64().unwrap();
        assert!((found - wanted).abs() < 0.01, "{name}: axis {axis} ends at {found}, not {wanted}");
    }
    let complaints = [outcome.said("approximations", ELEMENT), outcome.said("drops", ELEMENT)];
    assert_eq!(complaints.concat(), Vec::<String>::new(), "{name}");
}

#[test]
fn profiles_that_the_engine_lacks_are_drawn() {
    let folder = Folder::new("profiles");
    let extruded =
        |profile: &str| format!("#30=IFCEXTRUDEDAREASOLID(#31,#11,#14,2.);\n#31={profile};");
    let turned = "#40=IFCAXIS2PLACEMENT2D(#41,#42);
#41=IFCCARTESIANPOINT((1.,2.));
#42=IFCDIRECTION((0.,1.));";
    let ellipse = extruded("IFCELLIPSEPROFILEDEF(.AREA.,$,#40,0.8,0.3)") + turned;
    check(&folder, "ellipse", &ellipse, PI * 0.24 * 2.0, [1.3, 2.8, 2.0]);
    let trapezium = extruded("IFCTRAPEZIUMPROFILEDEF(.AREA.,$,#15,2.,1.,0.5,1.3)");
    check(&folder, "trapezium", &trapezium, 1.5, [1.3, 0.25, 2.0]);
    let line = "#40=IFCPOLYLINE((#41,#42,#43));
#41=IFCCARTESIANPOINT((0.,0.));
#42=IFCCARTESIANPOINT((2.,0.));
#43=IFCCARTESIANPOINT((2.,1.));";
    let ribbon = extruded("IFCCENTERLINEPROFILEDEF(.AREA.,$,#40,0.1)") + line;
    check(&folder, "centre line", &ribbon, 0.6, [2.05, 1.0, 2.0]);
    let z = extruded("IFCZSHAPEPROFILEDEF(.AREA.,$,#15,0.4,0.2,0.02,0.03,$,$)");
    check(&folder, "z", &z, (0.4 * 0.02 + 2.0 * 0.19 * 0.03) * 2.0, [0.2, 0.2, 2.0]);
    let c = extruded("IFCCSHAPEPROFILEDEF(.AREA.,$,#15,0.4,0.2,0.02,0.05,0.02)");
    let rounded = 0.0164 - (4.0 - PI) * (0.04f64.powi(2) - 0.02f64.powi(2));
    check(&folder, "c", &c, rounded * 2.0, [0.1, 0.2, 2.0]);
}

#[test]
fn pipes_with_corners_keep_their_width() {
    let folder = Folder::new("pipes");
    let path = "#40=IFCPOLYLINE((#41,#42,#43,#44));
#41=IFCCARTESIANPOINT((0.,0.,0.));
#42=IFCCARTESIANPOINT((2.,0.,0.));
#43=IFCCARTESIANPOINT((2.,1.,0.));
#44=IFCCARTESIANPOINT((2.,1.,1.));";
    let solid = PI * 0.01 * 4.0;
    for (name, item, volume) in [
        ("pipe", "IFCSWEPTDISKSOLID(#40,0.1,$,$,$)", solid),
        ("hollow", "IFCSWEPTDISKSOLID(#40,0.1,0.05,$,$)", solid * 0.75),
        ("polygonal", "IFCSWEPTDISKSOLIDPOLYGONAL(#40,0.1,$,$,$,$)", solid),
        // Each bend of 90° saves twice its radius and costs a quarter of a circle.
        (
            "bent",
            "IFCSWEPTDISKSOLIDPOLYGONAL(#40,0.1,$,$,$,0.3)",
            PI * 0.01 * (4.0 - 2.0 * 0.3 * (2.0 - PI / 2.0)),
        ),
    ] {
        check(&folder, name, &format!("#30={item};\n{path}"), volume, [2.1, 1.1, 1.0]);
    }
}

#[test]
fn solids_of_construction_are_drawn_and_cut() {
    let folder = Folder::new("solids");
    for (name, item, volume, corner) in [
        ("cylinder", "IFCRIGHTCIRCULARCYLINDER(#11,2.,1.)", PI * 2.0, [1.0, 1.0, 2.0]),
        ("cone", "IFCRIGHTCIRCULARCONE(#11,2.,1.)", PI * 2.0 / 3.0, [1.0, 1.0, 2.0]),
        ("pyramid", "IFCRECTANGULARPYRAMID(#11,1.,2.,3.)", 2.0, [1.0, 2.0, 3.0]),
    ] {
        let body = format!("#30=IFCCSGSOLID(#31);\n#31={item};");
        check(&folder, name, &body, volume, corner);
    }
    // A quarter of a cylinder taken from the corner of a block.
    let cut = "#30=IFCBOOLEANRESULT(.DIFFERENCE.,#31,#32);
#31=IFCBLOCK(#11,2.,2.,2.);
#32=IFCRIGHTCIRCULARCYLINDER(#11,3.,0.5);";
    check(&folder, "cut", cut, 8.0 - PI * 0.25 / 4.0 * 2.0, [2.0, 2.0, 2.0]);
}

#[test]
fn places_along_an_alignment_are_found_without_the_engine() {
    let folder = Folder::new("alignment");
    // A line that climbs 3 m on 4 m: 5 m along it lead to its end.
    let body = "#30=IFCBLOCK(#11,1.,1.,1.);
#60=IFCPOLYLINE((#61,#62));
#61=IFCCARTESIANPOINT((0.,0.,0.));
#62=IFCCARTESIANPOINT((400.,0.,300.));
#63=IFCPOINTBYDISTANCEEXPRESSION(IFCLENGTHMEASURE(50.),2.,$,$,#60);
#64=IFCAXIS2PLACEMENTLINEAR(#63,$,$);
#65=IFCLINEARPLACEMENT($,#64,$);";
    let text = file("IFC4X3_ADD2", body).replacen("'tested',$,$,#13", "'tested',$,$,#65", 1);
    let outcome = import(&folder, "line", &text);
    let bbox: Vec<f64> = outcome.of(ELEMENT).unwrap()["bbox"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect();
    // At (40, 2, 30), turned so that x climbs along the line: the block's z leans back.
    let wanted = [39.4, 2.0, 30.0, 40.8, 3.0, 31.4];
    let off = bbox.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off < 0.001, "{bbox:?}");
}

#[test]
fn flanges_slope_about_their_middles() {
    let folder = Folder::new("slopes");
    let extruded =
        |profile: &str| format!("#30=IFCEXTRUDEDAREASOLID(#31,#11,#14,2.);\n#31={profile};");
    // Depth, width, web, flange, and how the flanges' inner sides slope.
    let (d, w, web, flange, angle) = (0.2, 0.1, 0.01, 0.015, 0.1_f64);
    let slope = angle.tan();
    let body =
        extruded(&format!("IFCUSHAPEPROFILEDEF(.AREA.,$,#15,{d},{w},{web},{flange},$,$,{angle})"));
    let area = d * web + 2.0 * (w - web) * (flange - web / 2.0 * slope);
    check(&folder, "channel", &body, area * 2.0, [0.05, 0.1, 2.0]);
    let body = extruded(&format!("IFCLSHAPEPROFILEDEF(.AREA.,$,#15,0.2,$,0.02,$,$,{angle})"));
    // Both inner sides meet on the diagonal, at (m, m).
    let (x, thick) = (0.1, 0.02);
    let m = (thick - x) / (1.0 + slope);
    let half = (m + x) * (m + x) / 2.0 + (x - m) * (thick - slope * (x + m) / 2.0);
    check(&folder, "angle", &body, half * 4.0, [0.1, 0.1, 2.0]);
}

#[test]
fn solids_between_two_outlines_are_drawn() {
    let folder = Folder::new("lofts");
    let turned = "#30=IFCREVOLVEDAREASOLIDTAPERED(#31,#11,#33,1.5707963267948966,#32);
#31=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,0.4,0.2);
#32=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,0.2,0.2);
#33=IFCAXIS1PLACEMENT(#34,#35);
#34=IFCCARTESIANPOINT((-1.,0.,0.));
#35=IFCDIRECTION((0.,1.,0.));";
    // Guldin: the area, 0.06 m² in the mean, on a quarter of a circle of 1 m.
    check(&folder, "turned", turned, 0.06 * PI / 2.0, [0.2, 0.1, 0.0]);
    let spine = "#30=IFCSECTIONEDSPINE(#31,(#40,#41),(#11,#42));
#31=IFCCOMPOSITECURVE((#32),.F.);
#32=IFCCOMPOSITECURVESEGMENT(.CONTINUOUS.,.T.,#33);
#33=IFCPOLYLINE((#12,#43));
#40=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,0.2,0.2);
#41=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,0.4,0.4);
#42=IFCAXIS2PLACEMENT3D(#43,$,$);
#43=IFCCARTESIANPOINT((0.,0.,3.));";
    check(&folder, "spine", spine, 0.04 + 0.16 + 0.08, [0.2, 0.2, 3.0]);
}

/// The area of an element that is no solid, m².
fn area(folder: &Folder, name: &str, body: &str) -> f64 {
    let outcome = import(folder, name, &file("IFC4", body));
    let Some(element) = outcome.of(ELEMENT) else { panic!("{name}: {}", outcome.source) };
    element["area_m2"].as_f64().unwrap()
}

#[test]
fn surfaces_that_stand_for_themselves_are_drawn() {
    let folder = Folder::new("surfaces");
    let bounded = "#30=IFCCURVEBOUNDEDPLANE(#31,#32,(#33));
#31=IFCPLANE(#11);
#32=IFCPOLYLINE((#40,#41,#42,#43,#40));
#33=IFCPOLYLINE((#44,#45,#46,#47,#44));
#40=IFCCARTESIANPOINT((0.,0.));
#41=IFCCARTESIANPOINT((2.,0.));
#42=IFCCARTESIANPOINT((2.,1.));
#43=IFCCARTESIANPOINT((0.,1.));
#44=IFCCARTESIANPOINT((0.2,0.2));
#45=IFCCARTESIANPOINT((0.7,0.2));
#46=IFCCARTESIANPOINT((0.7,0.7));
#47=IFCCARTESIANPOINT((0.2,0.7));";
    let trimmed = "#30=IFCRECTANGULARTRIMMEDSURFACE(#31,0.,1.,2.,4.,.T.,.T.);\n#31=IFCPLANE(#11);";
    let arched = "#30=IFCRECTANGULARTRIMMEDSURFACE(#31,0.,0.,1.5707963267948966,2.,.T.,.T.);
#31=IFCCYLINDRICALSURFACE(#11,1.);";
    let cone = "#30=IFCSURFACEOFREVOLUTION(#31,#11,#34);
#31=IFCARBITRARYOPENPROFILEDEF(.CURVE.,$,#32);
#32=IFCPOLYLINE((#40,#41));
#34=IFCAXIS1PLACEMENT(#12,#35);
#35=IFCDIRECTION((0.,1.,0.));
#40=IFCCARTESIANPOINT((1.,0.));
#41=IFCCARTESIANPOINT((0.,2.));";
    for (name, body, wanted) in [
        ("bounded", bounded, 1.75),
        ("trimmed", trimmed, 6.0),
        ("arched", arched, PI),
        ("cone", cone, PI * 5.0_f64.sqrt()),
    ] {
        let found = area(&folder, name, body);
        assert!((found / wanted - 1.0).abs() < 0.01, "{name}: {found} m², not {wanted}");
    }
}

/// A quarter of a cylinder as a rational B-spline surface `#40`, twice as high as wide.
fn quarter(radius: f64) -> String {
    format!(
        "#40=IFCRATIONALBSPLINESURFACEWITHKNOTS(2,1,((#41,#44),(#42,#45),(#43,#46)),.UNSPECIFIED.,.F.,.F.,.F.,(3,3),(2,2),(0.,1.),(0.,1.),.UNSPECIFIED.,((1.,1.),({w:?},{w:?}),(1.,1.)));
#41=IFCCARTESIANPOINT(({radius:?},0.,0.));
#42=IFCCARTESIANPOINT(({radius:?},{radius:?},0.));
#43=IFCCARTESIANPOINT((0.,{radius:?},0.));
#44=IFCCARTESIANPOINT(({radius:?},0.,{height:?}));
#45=IFCCARTESIANPOINT(({radius:?},{radius:?},{height:?}));
#46=IFCCARTESIANPOINT((0.,{radius:?},{height:?}));",
        w = std::f64::consts::FRAC_1_SQRT_2,
        height = 2.0 * radius,
    )
}

#[test]
fn spline_surfaces_are_as_fine_as_their_curvature_and_size_ask_for() {
    let folder = Folder::new("splines");
    let mut triangles = Vec::new();
    for radius in [1.0, 100.0] {
        let body = quarter(radius).replace("#40", "#30");
        let outcome = import(&folder, &format!("patch {radius}"), &file("IFC4", &body));
        let element = outcome.of(ELEMENT).unwrap();
        let (found, wanted) = (element["area_m2"].as_f64().unwrap(), PI * radius * radius);
        assert!((found / wanted - 1.0).abs() < 0.002, "{found} m², not {wanted}");
        triangles.push(element["triangles"].as_u64().unwrap());
        let said = outcome.said("approximations", ELEMENT);
        assert!(said.len() == 1 && said[0].starts_with("its B-spline surface"), "{said:?}");
    }
    // One way it is straight, which takes no more of them.
    assert!(triangles[0] < 400 && triangles[1] > triangles[0], "{triangles:?}");
    // As the surface of a face it is the engine's, and said to be coarse.
    let faces = "#30=IFCSHELLBASEDSURFACEMODEL((#31));
#31=IFCOPENSHELL((#32));
#32=IFCADVANCEDFACE((#33),#40,.T.);
#33=IFCFACEOUTERBOUND(#34,.T.);
#34=IFCPOLYLOOP((#41,#43,#46,#44));\n"
        .to_owned()
        + &quarter(1.0);
    let outcome = import(&folder, "face", &file("IFC4", &faces));
    let said = outcome.said("approximations", ELEMENT);
    assert!(said.iter().any(|reason| reason.contains("B-spline")), "{said:?} {}", outcome.source);
}
