//! Hundreds of buildings: what is loaded of them from afar, and that one storey can be
//! loaded alone.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use serde_json::Value;

use crate::support::{Folder, command, json, stderr, step};

const STOREYS: usize = 3;
/// Triangles of a storey's outside, and of the desks in it.
const FACADE: usize = 642;
const DESKS: usize = 240;
/// Triangles that the shell of a building may have: 500, and 60 a storey.
const SHELL: usize = 500 + 60 * STOREYS;
/// What a triangle of a shell takes at most, bytes, with its part of the file's JSON.
const SHELL_TRIANGLE_BYTES: usize = 35;

/// A mesh as `IfcTriangulatedFaceSet` under these numbers.
fn face_set(text: &mut String, first: usize, points: &[[f64; 3]], triangles: &[[usize; 3]]) {
    let points: Vec<String> =
        points.iter().map(|[x, y, z]| format!("({x:.3},{y:.3},{z:.3})")).collect();
    let triangles: Vec<String> =
        triangles.iter().map(|[a, b, c]| format!("({},{},{})", a + 1, b + 1, c + 1)).collect();
    writeln!(text, "#{first}=IFCCARTESIANPOINTLIST3D(({}));", points.join(",")).unwrap();
    writeln!(
        text,
        "#{}=IFCTRIANGULATEDFACESET(#{first},$,$,({}),$);",
        first + 1,
        triangles.join(",")
    )
    .unwrap();
    writeln!(
        text,
        "#{}=IFCSHAPEREPRESENTATION(#9,'Body','Tessellation',(#{}));",
        first + 2,
        first + 1
    )
    .unwrap();
    writeln!(text, "#{}=IFCREPRESENTATIONMAP(#6,#{});", first + 3, first + 2).unwrap();
}

/// Twenty metres square and three high: panels of which every other is set back, and a roof.
fn facade() -> (Vec<[f64; 3]>, Vec<[usize; 3]>) {
    let (mut points, mut triangles) = (Vec::new(), Vec::new());
    for (side, column, row) in
        (0..4).flat_map(|side| (0..20).flat_map(move |c| (0..4).map(move |r| (side, c, r))))
    {
        let first = points.len();
        let back = f64::from(column % 2) * 0.1;
        for (u, v) in [(0, 0), (1, 0), (1, 1), (0, 1)] {
            let (along, z) = (f64::from(column + u) - 10.0, f64::from(row + v) * 0.75);
            let out = 10.0 - back;
            let (x, y) = [(along, -out), (out, along), (-along, out), (-out, -along)][side];
            points.push([x, y, z]);
        }
        triangles.extend([[first, first + 1, first + 2], [first, first + 2, first + 3]]);
    }
    let first = points.len();
    points.extend([[-10.0, -10.0, 3.0], [10.0, -10.0, 3.0], [10.0, 10.0, 3.0], [-10.0, 10.0, 3.0]]);
    triangles.extend([[first, first + 1, first + 2], [first, first + 2, first + 3]]);
    (points, triangles)
}

fn desks() -> (Vec<[f64; 3]>, Vec<[usize; 3]>) {
    let (mut points, mut triangles) = (Vec::new(), Vec::new());
    for desk in 0..20 {
        let first = points.len();
        let (x, y) = (f64::from(desk % 5) * 3.0 - 7.0, f64::from(desk / 5) * 3.0 - 7.0);
        for corner in 0..8 {
            let at = |bit: usize, size: f64| if corner >> bit & 1 == 1 { size } else { 0.0 };
            points.push([x + at(0, 1.6), y + at(1, 0.8), at(2, 0.7)]);
        }
        for [a, b, c, d] in
            [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
        {
            triangles.extend([[a, b, c], [a, c, d]].map(|t| t.map(|corner| first + corner)));
        }
    }
    (points, triangles)
}

/// A GlobalId of 22 characters that no other has.
fn id(what: char, number: usize) -> String {
    format!("0{what}{number:020}")
}

/// Buildings on a grid 60 m apart, fifteen a row; storeys of the first have six times the
/// desks.
fn city(buildings: usize) -> String {
    let mut text = String::from(
        "#1=IFCPROJECT('0Project00000000000000',$,'City',$,$,$,$,(#9),#7);
#2=IFCSITE('0Site00000000000000000',$,'Site',$,$,$,$,$,.ELEMENT.,$,$,$,$,$);
#3=IFCRELAGGREGATES('0RelSite00000000000000',$,$,$,#1,(#2));
#5=IFCCARTESIANPOINT((0.,0.,0.));
#6=IFCAXIS2PLACEMENT3D(#5,$,$);
#7=IFCUNITASSIGNMENT((#8));
#8=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#9=IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,#6,$);
#10=IFCCARTESIANTRANSFORMATIONOPERATOR3D($,$,#5,$,$);\n",
    );
    let (points, triangles) = facade();
    assert_eq!(triangles.len(), FACADE);
    face_set(&mut text, 20, &points, &triangles);
    let (points, triangles) = desks();
    assert_eq!(triangles.len(), DESKS);
    face_set(&mut text, 30, &points, &triangles);
    let mut next = 100;
    let mut line = |content: String| {
        writeln!(text, "#{next}={content};").unwrap();
        next += 1;
        format!("#{}", next - 1)
    };
    let mut all = Vec::new();
    for building in 0..buildings {
        let (x, y) = ((building % 15) as f64 * 60.0, (building / 15) as f64 * 60.0);
        let mut storeys = Vec::new();
        for storey in 0..STOREYS {
            let number = building * 10 + storey;
            let z = storey as f64 * 3.0;
            let at = line(format!("IFCCARTESIANPOINT(({x:.1},{y:.1},{z:.1}))"));
            let at = line(format!("IFCAXIS2PLACEMENT3D({at},$,$)"));
            let at = line(format!("IFCLOCALPLACEMENT($,{at})"));
            let mut element = |class: &str, map: usize, number: usize| {
                let item = line(format!("IFCMAPPEDITEM(#{map},#10)"));
                let shape = line(format!(
                    "IFCSHAPEREPRESENTATION(#9,'Body','MappedRepresentation',({item}))"
                ));
                let shape = line(format!("IFCPRODUCTDEFINITIONSHAPE($,$,({shape}))"));
                let id = id(if map == 23 { 'F' } else { 'D' }, number);
                line(format!("{class}('{id}',$,'{class}',$,$,{at},{shape},$,$)"))
            };
            let mut elements = vec![element("IFCWALL", 23, number)];
            let desks = if building == 0 { 6 } else { 1 };
            for copy in 0..desks {
                let desk = element("IFCFURNITURE", 33, number * 10 + copy);
                elements.push(desk);
            }
            let name = id('S', number);
            let this = line(format!(
                "IFCBUILDINGSTOREY('{name}',$,'S{storey}',$,$,{at},$,$,.ELEMENT.,{z:.1})"
            ));
            let (rel, elements) = (id('C', number), elements.join(","));
            line(format!("IFCRELCONTAINEDINSPATIALSTRUCTURE('{rel}',$,$,$,({elements}),{this})"));
            storeys.push(this);
        }
        let name = id('B', building);
        let this = line(format!("IFCBUILDING('{name}',$,'B{building}',$,$,$,$,$,.ELEMENT.,$,$,$)"));
        let (rel, storeys) = (id('A', building), storeys.join(","));
        line(format!("IFCRELAGGREGATES('{rel}',$,$,$,{this},({storeys}))"));
        all.push(this);
    }
    line(format!("IFCRELAGGREGATES('0RelBuildings000000000',$,$,$,#2,({}))", all.join(",")));
    step("IFC4", &text)
}

/// The two parts of a tile's GLB.
fn content(package: &Path, tile: &Value) -> (Value, Vec<u8>) {
    let uri = tile["content"]["uri"].as_str().unwrap();
    let bytes = fs::read(package.join("tiles").join(uri)).unwrap();
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let json = serde_json::from_slice(&bytes[20..20 + length]).unwrap();
    (json, bytes[28 + length..].to_vec())
}

/// Triangles that a tile draws, those of copies each time.
fn triangles(package: &Path, tile: &Value) -> u64 {
    let (json, _) = content(package, tile);
    let count = |accessor: &Value| {
        json["accessors"][accessor.as_u64().unwrap() as usize]["count"].as_u64().unwrap()
    };
    let drawn = json["nodes"].as_array().unwrap().iter().map(|node| {
        let mesh = &json["meshes"][node["mesh"].as_u64().unwrap() as usize];
        let primitive = &mesh["primitives"][0];
        let is_lines = primitive["mode"] == 1;
        let copies =
            node.pointer("/extensions/EXT_mesh_gpu_instancing/attributes/TRANSLATION").map(count);
        if is_lines { 0 } else { count(&primitive["indices"]) / 3 * copies.unwrap_or(1) }
    });
    drawn.sum()
}

/// What the property table of a tile's GLB says: the values of a column.
fn column(package: &Path, tile: &Value, name: &str) -> BTreeSet<String> {
    let (json, bin) = content(package, tile);
    let table = &json["extensions"]["EXT_structural_metadata"]["propertyTables"][0];
    let view = |key: &str| {
        let view = &json["bufferViews"][table["properties"][name][key].as_u64().unwrap() as usize];
        let number = |key: &str| view[key].as_u64().unwrap() as usize;
        &bin[number("byteOffset")..number("byteOffset") + number("byteLength")]
    };
    let ends: Vec<usize> = view("stringOffsets")
        .chunks_exact(4)
        .map(|four| u32::from_le_bytes(four.try_into().unwrap()) as usize)
        .collect();
    let text = std::str::from_utf8(view("values")).unwrap();
    ends.windows(2).map(|ends| text[ends[0]..ends[1]].to_owned()).collect()
}

fn children(tile: &Value) -> &[Value] {
    tile["children"].as_array().map_or(&[], Vec::as_slice)
}

fn property<'a>(tile: &'a Value, name: &str) -> &'a Value {
    &tile["metadata"]["properties"][name]
}

fn bytes(tile: &Value) -> u64 {
    property(tile, "bytes").as_u64().unwrap_or(0)
}

/// A tile's number and those of all below.
fn whole(tile: &Value, number: &dyn Fn(&Value) -> u64) -> u64 {
    number(tile) + children(tile).iter().map(|child| whole(child, number)).sum::<u64>()
}

#[test]
fn hundreds_of_buildings_are_few_bytes_from_afar() {
    const BUILDINGS: usize = 200;
    let folder = Folder::new("city");
    let file = folder.write("city.ifc", city(BUILDINGS));
    let package = folder.path("scene");
    let output = command(&[file], &package).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report = &json(&package.join("report.json"))["tiles"];
    let elements = BUILDINGS * STOREYS * (FACADE + DESKS) + STOREYS * 5 * DESKS;
    assert_eq!(report["triangles"], elements);
    let tileset = json(&package.join("tiles/tileset.json"));
    let root = &tileset["root"];
    assert_eq!(root["refine"], "ADD");
    let groups = children(root);
    assert!((BUILDINGS / 12..=BUILDINGS / 5).contains(&groups.len()), "{}", groups.len());
    assert_eq!(report["shells"], groups.len() + BUILDINGS);
    let far: u64 = groups.iter().map(bytes).sum();
    let all = whole(root, &bytes);
    println!("{all} bytes in all, {far} from afar in {} tiles", groups.len());
    // Held against the number of buildings, not against all bytes: the better what lies below
    // is written (what is alike once), the larger a part of them are the shells.
    let coarse = BUILDINGS * SHELL / 4;
    assert!(far < (coarse * SHELL_TRIANGLE_BYTES) as u64, "{far} for {coarse} triangles");
    let drawn = |tile: &Value| triangles(&package, tile);
    let far: u64 = groups.iter().map(drawn).sum();
    assert!(far <= coarse as u64, "{far} of {coarse}");
    let mut seen = BTreeSet::new();
    for group in groups {
        assert_eq!(group["refine"], "REPLACE");
        assert!(children(group).len() <= 12);
        for building in children(group) {
            assert_eq!(building["refine"], "REPLACE");
            assert!(building["geometricError"].as_f64() <= group["geometricError"].as_f64());
            let error = building["geometricError"].as_f64().unwrap();
            assert!((2.5..4.0).contains(&error), "{error}");
            let name = property(building, "building").as_str().unwrap().to_owned();
            assert!(bytes(building) < (SHELL * SHELL_TRIANGLE_BYTES) as u64, "{name}");
            // A shell is at most so many triangles; below it stands all that it stands for.
            let shell = drawn(building);
            assert!(shell <= SHELL as u64, "{name}: {shell} of {SHELL}");
            let below: u64 = children(building).iter().map(|tile| whole(tile, &drawn)).sum();
            let desks = if name == id('B', 0) { 6 } else { 1 };
            assert_eq!(below as usize, STOREYS * (FACADE + desks * DESKS), "{name}");
            seen.insert(name);
        }
    }
    assert_eq!(seen, (0..BUILDINGS).map(|number| id('B', number)).collect());
    // A click on a shell gives a storey, from both distances; nobody sees the desks.
    let names = |tile: &Value, name| column(&package, tile, name);
    let group = groups.iter().find(|group| names(group, "entity").contains(&id('S', 0))).unwrap();
    let first = children(group).iter().find(|tile| *property(tile, "building") == id('B', 0));
    let first = first.unwrap();
    let storeys: BTreeSet<String> = (0..STOREYS).map(|number| id('S', number)).collect();
    assert_eq!((names(first, "entity"), names(first, "storey")), (storeys.clone(), storeys));
    assert_eq!(names(first, "kind"), BTreeSet::from(["storey".to_owned()]));
    // Its storeys are large enough to stand in a tile each, and alone in it.
    assert_eq!(children(first).len(), STOREYS);
    for (number, storey) in children(first).iter().enumerate() {
        let alone = BTreeSet::from([id('S', number)]);
        assert_eq!(*property(storey, "storeys"), Value::from(vec![id('S', number)]));
        assert_eq!(names(storey, "storey"), alone);
        assert_eq!(names(storey, "entity").len(), 7);
    }
}

#[test]
fn shells_are_the_same_bytes_again() {
    let folder = Folder::new("city-again");
    let file = folder.write("city.ifc", city(14));
    let tiles = |name: &str| {
        let package = folder.path(name);
        let output = command(std::slice::from_ref(&file), &package).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        crate::support::content(&package.join("tiles"))
    };
    let once = tiles("one");
    assert!(once.len() > 14, "{}", once.len());
    assert_eq!(once, tiles("two"));
}
