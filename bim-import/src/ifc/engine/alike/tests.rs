use super::super::{
    geometry::{Engine, Memo, Prepared, STACK_BYTES},
    rewrite::Detail,
};
use crate::placement::Placement;

/// Two walls, `#100` and `#200`, each with an opening, drawn by records of their own that
/// say the same; the second stands five metres on and is turned by a right angle. What
/// stands in `changed` is replaced.
fn file(changed: &[(&str, &str)]) -> Vec<u8> {
    let wall = |base: u32, axes: &str| {
        let n = |offset: u32| format!("#{}", base + offset);
        format!(
            "{}=IFCWALL('{base}',$,'Wall {base}',$,$,{},{},$,$);
{}=IFCLOCALPLACEMENT(#13,{});
{}={axes};
{}=IFCPRODUCTDEFINITIONSHAPE($,$,({}));
{}=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',({}));
{}=IFCEXTRUDEDAREASOLID({},#11,#14,3.);
{}=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,4.,0.2);
{}=IFCSTYLEDITEM({},({}),$);
{}=IFCSURFACESTYLE($,.BOTH.,({}));
{}=IFCSURFACESTYLERENDERING({},0.,$,$,$,$,$,$,.FLAT.);
{}=IFCCOLOURRGB($,0.5,0.25,0.75);
{}=IFCOPENINGELEMENT('o{base}',$,'Opening',$,$,{},{},$,$);
{}=IFCLOCALPLACEMENT({},{});
{}=IFCAXIS2PLACEMENT3D({},$,$);
{}=IFCCARTESIANPOINT((1.,0.,1.));
{}=IFCPRODUCTDEFINITIONSHAPE($,$,({}));
{}=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',({}));
{}=IFCEXTRUDEDAREASOLID({},#11,#14,1.5);
{}=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,1.,0.4);
{}=IFCRELVOIDSELEMENT('r{base}',$,$,$,{},{});
",
            n(0),
            n(1),
            n(3),
            n(1),
            n(2),
            n(2),
            n(3),
            n(4),
            n(4),
            n(5),
            n(5),
            n(6),
            n(6),
            n(7),
            n(5),
            n(8),
            n(8),
            n(9),
            n(9),
            n(10),
            n(10),
            n(20),
            n(21),
            n(24),
            n(21),
            n(1),
            n(22),
            n(22),
            n(23),
            n(23),
            n(24),
            n(25),
            n(25),
            n(26),
            n(26),
            n(27),
            n(27),
            n(28),
            n(0),
            n(20),
        )
    };
    let mut text = format!(
        "ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION((''),'2;1');\nFILE_NAME('','',(''),(''),'','','');\nFILE_SCHEMA(('IFC4'));\nENDSEC;\nDATA;
#1=IFCPROJECT('0000000000000000000001',$,'P',$,$,$,$,(#10),#2);
#2=IFCUNITASSIGNMENT((#3));
#3=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#10=IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,#11,$);
#11=IFCAXIS2PLACEMENT3D(#12,$,$);
#12=IFCCARTESIANPOINT((0.,0.,0.));
#13=IFCLOCALPLACEMENT($,#11);
#14=IFCDIRECTION((0.,0.,1.));
#15=IFCAXIS2PLACEMENT2D(#16,$);
#16=IFCCARTESIANPOINT((0.,0.));
#17=IFCDIRECTION((0.,1.,0.));
#18=IFCCARTESIANPOINT((5.,0.,3.));
{}{}ENDSEC;\nEND-ISO-10303-21;\n",
        wall(100, "IFCAXIS2PLACEMENT3D(#12,#14,$)"),
        wall(200, "IFCAXIS2PLACEMENT3D(#18,#14,#17)"),
    );
    for (from, to) in changed {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    text.into_bytes()
}

/// The groups of a file, by STEP instance names.
fn groups(file: Vec<u8>) -> Vec<Vec<u32>> {
    let prepared = Prepared::read(file, Detail::Full);
    let engine = Engine::open(&prepared);
    let jobs: Vec<_> = engine.jobs().iter().collect();
    let groups = engine.groups(&jobs, 2);
    let names = groups.iter().map(|group| {
        let copies = group.copies.iter().map(|(id, _)| *id);
        std::iter::once(group.job.id).chain(copies).collect()
    });
    names.collect()
}

fn are_alike(changed: &[(&str, &str)]) -> bool {
    groups(file(changed)).contains(&vec![100, 200])
}

#[test]
fn elements_are_alike_by_what_their_records_say() {
    assert_eq!(groups(file(&[])), [vec![100, 200], vec![120, 220]]);
    // Names, and where they stand, are their own.
    assert!(are_alike(&[("'Wall 200'", "'Another'")]));
    assert!(are_alike(&[(
        "#18=IFCCARTESIANPOINT((5.,0.,3.))",
        "#18=IFCCARTESIANPOINT((7.,1.,0.))"
    )]));
    // How a file places an opening does not matter, only where it ends up.
    assert!(are_alike(&[
        ("#221=IFCLOCALPLACEMENT(#201,#222)", "#221=IFCLOCALPLACEMENT(#13,#222)"),
        ("#222=IFCAXIS2PLACEMENT3D(#223,$,$)", "#222=IFCAXIS2PLACEMENT3D(#223,#14,#17)"),
        ("#223=IFCCARTESIANPOINT((1.,0.,1.))", "#223=IFCCARTESIANPOINT((5.,1.,4.))"),
    ]));
}

#[test]
fn whatever_shows_tells_them_apart() {
    for (from, to) in [
        (
            "#205=IFCEXTRUDEDAREASOLID(#206,#11,#14,3.)",
            "#205=IFCEXTRUDEDAREASOLID(#206,#11,#14,3.01)",
        ),
        (
            "#206=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,4.,0.2)",
            "#206=IFCCIRCLEPROFILEDEF(.AREA.,$,#15,0.2)",
        ),
        ("#200=IFCWALL(", "#200=IFCSLAB("),
        // Another colour, none, and the same in a record that styles something else.
        ("#210=IFCCOLOURRGB($,0.5,0.25,0.75)", "#210=IFCCOLOURRGB($,0.5,0.25,0.7)"),
        ("#207=IFCSTYLEDITEM(#205,(#208),$)", "#207=IFCSTYLEDITEM($,(#208),$)"),
        // Another opening, in another place, or none.
        (
            "#227=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,1.,0.4)",
            "#227=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,1.1,0.4)",
        ),
        ("#223=IFCCARTESIANPOINT((1.,0.,1.))", "#223=IFCCARTESIANPOINT((1.,0.,1.001))"),
        ("#228=IFCRELVOIDSELEMENT('r200',$,$,$,#200,#220);", ""),
        // What cannot be told for sure: a ring, a record that is not there, a comment, and
        // a place that only the engine can find.
        (
            "#203=IFCPRODUCTDEFINITIONSHAPE($,$,(#204))",
            "#203=IFCPRODUCTDEFINITIONSHAPE($,$,(#204,#203))",
        ),
        (
            "#203=IFCPRODUCTDEFINITIONSHAPE($,$,(#204))",
            "#203=IFCPRODUCTDEFINITIONSHAPE($,$,(#204,#999))",
        ),
        ("#204=IFCSHAPEREPRESENTATION(#10,'Body'", "#204=IFCSHAPEREPRESENTATION(/*#1*/#10,'Body'"),
        ("#201=IFCLOCALPLACEMENT(#13,#202)", "#201=IFCLOCALPLACEMENT(#201,#202)"),
        ("#201=IFCLOCALPLACEMENT(#13,#202)", "#201=IFCGRIDPLACEMENT(#13,#202,$)"),
    ] {
        assert!(!are_alike(&[(from, to)]), "{to}");
    }
}

#[test]
fn a_mirrored_copy_of_a_map_is_not_the_map() {
    let mapped = |operator: &str| {
        vec![
            (
                "#204=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#205))".to_owned(),
                format!(
                    "#204=IFCSHAPEREPRESENTATION(#10,'Body','MappedRepresentation',(#230));
#230=IFCMAPPEDITEM(#231,#232);
#231=IFCREPRESENTATIONMAP(#11,#233);
#232={operator};
#233=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#205))"
                ),
            ),
            (
                "#104=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#105))".to_owned(),
                "#104=IFCSHAPEREPRESENTATION(#10,'Body','MappedRepresentation',(#130));
#130=IFCMAPPEDITEM(#131,#132);
#131=IFCREPRESENTATIONMAP(#11,#133);
#132=IFCCARTESIANTRANSFORMATIONOPERATOR3D($,$,#12,1.,$);
#133=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#105))"
                    .to_owned(),
            ),
        ]
    };
    for (operator, alike) in [
        ("IFCCARTESIANTRANSFORMATIONOPERATOR3D($,$,#12,1.,$)", true),
        ("IFCCARTESIANTRANSFORMATIONOPERATOR3D($,$,#12,1.01,$)", false),
        // The second axis backwards: a mirror.
        (
            "IFCCARTESIANTRANSFORMATIONOPERATOR3D($,#19,#12,1.,$);\n#19=IFCDIRECTION((0.,-1.,0.))",
            false,
        ),
    ] {
        let changed = mapped(operator);
        let changed: Vec<_> = changed.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(are_alike(&changed), alike, "{operator}");
    }
}

/// Largest distance between the corners of the boxes of an element as the engine draws it
/// and as a moved copy, m; nothing if either has other parts or colours.
fn apart(engine: &Engine<'_>, id: u32, first: u32, moved: &Placement) -> Option<f64> {
    let job = |id: u32| engine.jobs().iter().find(|job| job.id == id);
    let (own, copied) = (
        engine.tessellate(job(id)?, &mut Memo::default()),
        engine.tessellate(job(first)?, &mut Memo::default()),
    );
    if own.parts.len() != copied.parts.len() || own.complaints != copied.complaints {
        return None;
    }
    let mut apart = 0.0_f64;
    for (own, copied) in own.parts.iter().zip(&copied.parts) {
        if own.color != copied.color || own.indices.len() != copied.indices.len() {
            return None;
        }
        let places = |part: &super::super::geometry::Part, moved: &Placement| {
            let mut low = [f64::INFINITY; 3];
            let mut high = [f64::NEG_INFINITY; 3];
            for point in part.positions.as_chunks::<3>().0 {
                let point = [0, 1, 2].map(|axis| part.origin[axis] + f64::from(point[axis]));
                for (axis, value) in moved.point(point).into_iter().enumerate() {
                    low[axis] = low[axis].min(value);
                    high[axis] = high[axis].max(value);
                }
            }
            [low, high].concat()
        };
        let (own, copied) = (places(own, &Placement::IDENTITY), places(copied, moved));
        apart = own.iter().zip(copied).map(|(a, b)| (a - b).abs()).fold(apart, f64::max);
    }
    Some(apart)
}

/// Draws every copy of a file by the engine, too.
fn compare(file: Vec<u8>) -> usize {
    let prepared = Prepared::read(file, Detail::Full);
    let engine = Engine::open(&prepared);
    let jobs: Vec<_> = engine.jobs().iter().collect();
    let mut copies = 0;
    for group in engine.groups(&jobs, 1) {
        for (id, moved) in &group.copies {
            let apart = apart(&engine, *id, group.job.id, moved);
            assert!(apart.is_some_and(|metres| metres < 1e-3), "#{id}: {apart:?}");
            copies += 1;
        }
    }
    copies
}

#[test]
fn a_copy_is_what_the_engine_would_draw() {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let test = || {
        assert_eq!(compare(file(&[])), 2);
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/models/ifc");
        let models = std::env::var_os("TWIN_MODELS")
            .map_or_else(|| models.into(), |models| std::path::Path::new(&models).join("ifc"));
        for (name, least) in [("fzk_haus_ac20_ifc4", 5), ("duplex_a_2x3_georef", 50)] {
            if let Ok(bytes) = std::fs::read(models.join(format!("{name}.ifc"))) {
                let copies = compare(bytes);
                assert!(copies >= least, "{name}: {copies}");
            }
        }
    };
    thread.spawn(test).unwrap().join().unwrap();
}
