//! Files made to hold, swell or fell an import. Each ends in a clear line, or is read with
//! a line of the report, within bounded memory and processor time.

use std::{fmt::Write as _, process::Command};

use crate::{
    small::{BYSTANDER, ELEMENT, file},
    support::{Folder, command, entities, json, stderr},
};

/// Address space of the importer and of each worker, KiB: far more than any row needs, far
/// less than one that runs away takes.
const MEMORY_KIB: u64 = 12 << 20;
/// Processor time of each of them, s. The slowest row takes a tenth of it.
const SECONDS: u64 = 60;

#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// It ends with 3 and a line that says this.
    Refused(&'static str),
    /// It is read, and the report says this.
    Says(&'static str),
    /// It is read, and nothing need be said.
    Read,
}
use Expect::{Read, Refused, Says};

/// The usual command, under limits that the system enforces.
fn limited(import: &Command) -> Command {
    let mut limited = Command::new("sh");
    let script = format!("ulimit -v {MEMORY_KIB} && ulimit -t {SECONDS} && exec \"$@\"");
    limited.args(["-c", &script, "sh"]).arg(import.get_program()).args(import.get_args());
    limited.env_remove("BIM_IMPORT_FAULT");
    limited
}

/// A file's name, what is in it, and what must come out.
pub(crate) type Row = (String, Vec<u8>, Expect);

pub(crate) fn check(set: &str, rows: Vec<Row>) {
    let folder = Folder::new(set);
    for (name, bytes, expect) in rows {
        let out = folder.path("scene");
        let model = folder.write(&name, bytes);
        let import = command(std::slice::from_ref(&model), &out);
        let output = limited(&import).output().unwrap();
        let (code, text) = (output.status.code(), stderr(&output));
        if let Refused(word) = expect {
            assert_eq!(code, Some(3), "{name}: {text}");
            assert!(text.contains(&name) && text.contains(word), "{name}: {text}");
            assert!(!text.contains("fault in the importer"), "{name}: {text}");
            assert!(!out.exists(), "{name} left a package");
        } else {
            assert_eq!(code, Some(0), "{name}: {text}");
            let source = json(&out.join("report.json"))["sources"][0].to_string();
            if let Says(word) = expect {
                assert!(source.contains(word), "{name}: {source}");
            }
            if name.ends_with(".ifc") {
                let entities = entities(&out);
                assert!(entities[BYSTANDER]["bbox"].is_array(), "{name}: {source}");
            }
            std::fs::remove_dir_all(&out).unwrap();
        }
        std::fs::remove_file(model).unwrap();
    }
}

/// Rows of a file whose element is drawn by item `#30`.
fn elements(rows: &[(&str, &str, Expect)]) -> Vec<Row> {
    let row = |(name, body, expect): &(&str, &str, Expect)| {
        (format!("{name}.ifc"), file("IFC4", body).into_bytes(), *expect)
    };
    rows.iter().map(row).collect()
}

const BLOCK: &str = "#30=IFCBLOCK(#11,1.,1.,1.);";
/// The element once more, placed by `#40`.
const AT_40: &str = "#20=IFCBUILDINGELEMENTPROXY('1000000000000000000001',$,'t',$,$,#40,#21,$,$);";

#[test]
fn what_refers_to_itself_is_read_once() {
    let chain = |count: u32, link: &dyn Fn(u32) -> String| -> String {
        let mut text = String::from(BLOCK);
        (0..count).for_each(|n| writeln!(text, "{}", link(1_000 + n)).unwrap());
        text
    };
    let fan = |count: usize, id: &str| vec![id; count].join(",");
    let placements = chain(30_000, &|id| format!("#{id}=IFCLOCALPLACEMENT(#{},#11);", id + 1));
    let wholes = chain(30_000, &|id| {
        format!(
            "#{id}=IFCELEMENTASSEMBLY('w{id}',$,$,$,$,$,$,$,$,$);\n#{n}=IFCRELAGGREGATES('r{id}',$,$,$,#{id},(#{o}));",
            n = id + 100_000,
            o = id + 1
        )
    });
    let ring = wholes.clone() + "#900=IFCRELAGGREGATES('r',$,$,$,#30999,(#1000));";
    let booleans = chain(20_000, &|id| format!("#{id}=IFCBOOLEANRESULT(.UNION.,#{},#26);", id + 1));
    let complex = format!(
        "{BLOCK}#40=IFCRELDEFINESBYPROPERTIES('r',$,$,$,(#20),#41);#41=IFCPROPERTYSET('p',$,'P',$,(#42));#42=IFCCOMPLEXPROPERTY('c',$,'u',({}));",
        fan(1_000, "#42")
    );
    let units = format!(
        "{BLOCK}#40=IFCRELDEFINESBYPROPERTIES('r',$,$,$,(#20),#41);#41=IFCPROPERTYSET('p',$,'P',$,(#42));#42=IFCPROPERTYSINGLEVALUE('v',$,IFCLENGTHMEASURE(1.),#43);#43=IFCDERIVEDUNIT(({}),.LENGTHUNIT.,$,$);#44=IFCDERIVEDUNITELEMENT(#43,1);",
        fan(500, "#44")
    );
    let materials = format!(
        "{BLOCK}#40=IFCRELASSOCIATESMATERIAL('r',$,$,$,(#20),#41);#41=IFCMATERIALLIST(({}));",
        fan(1_000, "#41")
    );
    let pairs = format!(
        "{BLOCK}#40=IFCRELDEFINESBYPROPERTIES('r',$,$,$,({}),({}));",
        fan(50_000, "#20"),
        fan(50_000, "#41")
    );
    let rows: &[(&str, &str, Expect)] = &[
        (
            "placement-in-itself",
            &format!("{BLOCK}{AT_40}#40=IFCLOCALPLACEMENT(#40,#11);"),
            Says(ELEMENT),
        ),
        (
            "placement-ring",
            &format!(
                "{BLOCK}{AT_40}#40=IFCLOCALPLACEMENT(#41,#11);#41=IFCLOCALPLACEMENT(#42,#11);#42=IFCLOCALPLACEMENT(#40,#11);"
            ),
            Read,
        ),
        ("placement-chain", &format!("{placements}{AT_40}#40=IFCLOCALPLACEMENT(#1000,#11);"), Read),
        (
            "container-in-itself",
            &format!("{BLOCK}#40=IFCRELCONTAINEDINSPATIALSTRUCTURE('r',$,$,$,(#20),#20);"),
            Read,
        ),
        (
            "part-of-its-part",
            &format!(
                "{BLOCK}#40=IFCRELAGGREGATES('r',$,$,$,#20,(#23));#41=IFCRELAGGREGATES('s',$,$,$,#23,(#20));"
            ),
            Says("it contains itself"),
        ),
        ("assembly-chain", &wholes, Says("lies deeper in other things")),
        ("assembly-ring", &ring, Says("it contains itself")),
        ("opening-in-itself", &format!("{BLOCK}#40=IFCRELVOIDSELEMENT('r',$,$,$,#20,#20);"), Read),
        ("boolean-of-itself", "#30=IFCBOOLEANRESULT(.DIFFERENCE.,#30,#30);", Says(ELEMENT)),
        (
            "booleans-of-each-other",
            "#30=IFCBOOLEANRESULT(.UNION.,#31,#26);#31=IFCBOOLEANRESULT(.UNION.,#30,#26);",
            Says(ELEMENT),
        ),
        ("boolean-chain", &booleans, Read),
        ("solids-of-each-other", "#30=IFCCSGSOLID(#31);#31=IFCCSGSOLID(#30);", Says(ELEMENT)),
        (
            "map-of-itself",
            "#30=IFCMAPPEDITEM(#31,#33);#31=IFCREPRESENTATIONMAP(#11,#22);#33=IFCCARTESIANTRANSFORMATIONOPERATOR3D($,$,#12,$,$);",
            Says(ELEMENT),
        ),
        (
            "curve-of-itself",
            "#30=IFCSWEPTDISKSOLID(#31,0.1,$,$,$);#31=IFCCOMPOSITECURVE((#32,#32,#32),.F.);#32=IFCCOMPOSITECURVESEGMENT(.CONTINUOUS.,.T.,#31);",
            Says(ELEMENT),
        ),
        ("property-of-itself", &complex, Read),
        ("unit-of-itself", &units, Read),
        ("material-of-itself", &materials, Read),
        ("pairs", &pairs, Says("pairs were left out")),
    ];
    check("circles", elements(rows));
}

#[test]
fn numbers_without_measure_are_told_or_left_out() {
    let nested = format!(
        "{BLOCK}#40=IFCWALL('w',$,{}1{},$,$,$,$,$,$);",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    let points: String = ["(1.E300,-1.E300,1.E300)"; 4].join(",");
    let rows: &[(&str, &str, Expect)] = &[
        ("infinite", "#30=IFCBLOCK(#11,1.E400,1.,1.);", Says(ELEMENT)),
        ("huge", "#30=IFCBLOCK(#11,1.E300,1.E300,1.E300);", Says(ELEMENT)),
        ("not-a-number", "#30=IFCBLOCK(#11,NaN,1.,1.);", Says(ELEMENT)),
        ("negative", "#30=IFCBLOCK(#11,-1.,0.,1.);", Read),
        (
            "far",
            "#30=IFCBLOCK(#40,1.,1.,1.);#40=IFCAXIS2PLACEMENT3D(#41,$,$);#41=IFCCARTESIANPOINT((1.E300,1.E300,1.E300));",
            Says(ELEMENT),
        ),
        (
            "no-direction",
            "#30=IFCEXTRUDEDAREASOLID(#31,#11,#40,1.);#31=IFCRECTANGLEPROFILEDEF(.AREA.,$,#15,1.,1.);#40=IFCDIRECTION((0.,0.,0.));",
            Read,
        ),
        (
            "huge-points",
            &format!(
                "#30=IFCTRIANGULATEDFACESET(#31,$,.T.,((1,2,3),(2,3,4)),$);#31=IFCCARTESIANPOINTLIST3D(({points}));"
            ),
            Says(ELEMENT),
        ),
        (
            "far-index",
            "#30=IFCTRIANGULATEDFACESET(#31,$,.T.,((1,2,1000000000),(0,-1,2147483647)),$);#31=IFCCARTESIANPOINTLIST3D(((0.,0.,0.),(1.,0.,0.),(0.,1.,0.)));",
            Says(ELEMENT),
        ),
        (
            "huge-degree",
            "#30=IFCSWEPTDISKSOLID(#31,0.1,$,$,$);#31=IFCBSPLINECURVEWITHKNOTS(1000000000,(#12,#32),.UNSPECIFIED.,.F.,.F.,(1000000000,1000000000),(0.,1.),.UNSPECIFIED.);#32=IFCCARTESIANPOINT((1.,0.,0.));",
            Says(ELEMENT),
        ),
        (
            "huge-knots",
            "#30=IFCSWEPTDISKSOLID(#31,0.1,$,$,$);#31=IFCBSPLINECURVEWITHKNOTS(1,(#12,#32),.UNSPECIFIED.,.F.,.F.,(2147483647,2147483647),(0.,1.),.UNSPECIFIED.);#32=IFCCARTESIANPOINT((1.,0.,0.));",
            Read,
        ),
        ("huge-arc", "#30=IFCSWEPTDISKSOLID(#31,0.1,$,0.,1.E300);#31=IFCCIRCLE(#11,1.E9);", Read),
        ("deep-list", &nested, Read),
        ("unit-of-nothing", &format!("{BLOCK}#3=IFCSIUNIT(*,.LENGTHUNIT.,.EXA.,.METRE.);"), Read),
    ];
    check("numbers", elements(rows));
}

#[test]
fn records_that_break_the_rules_cost_themselves() {
    let rows: &[(&str, &str, Expect)] = &[
        (
            "escapes",
            &*format!(
                "{BLOCK}#40=IFCWALL('w1',$,'\\X2\\4E00',$,$,$,$,$,$);#41=IFCWALL('w2',$,'\\S\\',$,$,$,$,$,$);#42=IFCWALL('w3',$,'\\X\\',$,$,$,$,$,$);#43=IFCWALL('w4',$,'\\X4\\FFFFFFFF\\X0\\',$,$,$,$,$,$);"
            ),
            Read,
        ),
        ("open-string", &format!("{BLOCK}#40=IFCWALL('w1',$,'never closed,$,$,$,$,$,$);"), Read),
        ("open-comment", &format!("{BLOCK}/* never closed"), Read),
        (
            "same-number",
            &format!("{BLOCK}#30=IFCBLOCK(#11,2.,1.,1.);"),
            Says("instance name of an earlier one"),
        ),
        (
            "odd-numbers",
            &format!(
                "{BLOCK}#0=IFCWALL('w0',$,$,$,$,$,$,$,$);#-1=IFCWALL('w1',$,$,$,$,$,$,$,$);#4294967295=IFCWALL('w2',$,$,$,$,$,$,$,$);#99999999999999999999=IFCWALL('w3',$,$,$,$,$,$,$,$);#=IFCWALL();"
            ),
            Read,
        ),
        (
            "few-attributes",
            &format!(
                "{BLOCK}#40=IFCWALL();#41=IFCDOOR('d');#42=IFCSITE('s',$,$,$,$,$,$,$,$,(),($),$,$,$);#43=IFCMAPCONVERSION();#44=IFCPROJECTEDCRS();#45=IFCRELAGGREGATES();"
            ),
            Read,
        ),
        (
            "wrong-kinds",
            &format!(
                "{BLOCK}#40=IFCWALL(1.,#11,(#12),.T.,'x',*,#2,$,$);#41=IFCRELAGGREGATES('r',$,$,$,'#1',1.);#42=IFCLOCALPLACEMENT(#20,#20);"
            ),
            Read,
        ),
        (
            "same-globalid",
            &{
                let mut text = String::from(BLOCK);
                (0..60_000).for_each(|n| {
                    writeln!(text, "#{}=IFCWALL('same',$,$,$,$,$,$,$,$);", 1_000 + n).unwrap();
                });
                text
            },
            Says("its GlobalId occurs more than once in the file"),
        ),
    ];
    check("records", elements(rows));
}
