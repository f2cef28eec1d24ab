//! Maps, city models, grids and archives made to hold, swell or fell an import.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

use crate::{
    archives::archive,
    limits::{
        Expect::{Read, Refused, Says},
        Row, check,
    },
};

fn row(name: &str, content: impl Into<Vec<u8>>, expect: crate::limits::Expect) -> Row {
    (name.to_owned(), content.into(), expect)
}

/// Every format cut off in the middle, and as noise.
#[test]
fn what_is_cut_off_or_noise_is_refused_with_its_name() {
    let noise: Vec<u8> =
        (0..5_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let cut = |text: &str| text.as_bytes()[..text.len() / 2].to_vec();
    let with = |head: &[u8]| [head, &noise].concat();
    check(
        "cut",
        vec![
            row("cut.city.json", cut(CITY), Refused("EOF while parsing")),
            row(
                "noise.city.json",
                noise.clone(),
                Refused("noise.city.json cannot be read as CityJSON"),
            ),
            row("cut.geojson", cut(LANDMARK), Refused("EOF while parsing")),
            row("noise.geojson", noise.clone(), Refused("noise.geojson cannot be read as GeoJSON")),
            row(
                "cut.gml",
                "<CityModel><cityObjectMember><Building>",
                Refused("ends within an element"),
            ),
            row("noise.gml", with(b"<CityModel>"), Refused("noise.gml cannot be read as CityGML")),
            row("noise.xml", noise.clone(), Refused("XML without a CityModel")),
            row(
                "cut.asc",
                "ncols 3\nnrows 3\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2 3 4",
                Refused("ends after 4 of 9 heights"),
            ),
            row("noise.asc", noise.clone(), Refused("noise.asc cannot be read as ASC grid")),
            row(
                "cut.tif",
                tiff(64, 64, 4 * 64 * 64)[..200].to_vec(),
                Refused("cut.tif cannot be read as GeoTIFF"),
            ),
            row("noise.tif", with(b"II*\0"), Refused("noise.tif cannot be read as GeoTIFF")),
            row("cut.osm.pbf", blob(9, &[1; 5]), Refused("cut.osm.pbf cannot be read as OSM PBF")),
            row("noise.osm.pbf", noise.clone(), Refused("noise.osm.pbf cannot be read as OSM PBF")),
            row("noise.ifczip", with(b"PK\x03\x04"), Refused("damaged zip archive")),
            row("noise.ifc", with(b"ISO-10303-21;DATA;"), Refused("no IFC project")),
            row("noise.xyz", noise.clone(), Refused("no format read here")),
        ],
    );
}

const LANDMARK: &str = r#"{"type":"Feature","properties":{"kind":"landmark"},"geometry":{"type":"Point","coordinates":[114.05,22.5]}}"#;
const CITY: &str = r#"{"type":"CityJSON","version":"2.0","CityObjects":{"b":{"type":"Building","geometry":[{"type":"MultiSurface","lod":"1","boundaries":[[[0,1,2]]]}]}},"vertices":[[0,0,0],[9,0,0],[9,9,0]]}"#;

#[test]
fn maps_that_lie_are_told() {
    let shape = |properties: &str, kind: &str, coordinates: &str| {
        format!(
            r#"{{"type":"FeatureCollection","features":[{LANDMARK},{{"type":"Feature","properties":{properties},"geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}]}}"#
        )
    };
    let ring = "[[[114.05,22.5],[114.06,22.5],[114.06,22.51],[114.05,22.5]]]";
    let nested = format!(
        "{}{LANDMARK}{}",
        r#"{"type":"GeometryCollection","geometries":["#.repeat(50_000),
        "]}".repeat(50_000)
    );
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    check(
        "maps",
        vec![
            row(
                "one-number.geojson",
                shape(r#"{"kind":"road"}"#, "LineString", "[[114.05],[114.06]]"),
                Says("fewer than two numbers"),
            ),
            row(
                "huge.geojson",
                shape(r#"{"kind":"green"}"#, "Polygon", "[[[1e300,0],[0,1e300],[1,1],[1e300,0]]]"),
                Says("no longitude and latitude"),
            ),
            row(
                "infinite.geojson",
                shape(r#"{"kind":"green"}"#, "Point", "[1e400,0]"),
                Says("number out of range"),
            ),
            row(
                "tall.geojson",
                shape(r#"{"kind":"building","height":1e300,"min_height":-1e300}"#, "Polygon", ring),
                Says("feature 1"),
            ),
            row(
                "wide.geojson",
                shape(
                    r#"{"kind":"road","width":1e300}"#,
                    "LineString",
                    "[[114.05,22.5],[114.06,22.5]]",
                ),
                Read,
            ),
            row("nested.geojson", nested, Refused("recursion limit exceeded")),
            row("deep.geojson", shape("{}", "Polygon", &deep), Says("feature 1 cannot be read")),
            row(
                "lies.osm.pbf",
                [&u32::MAX.to_be_bytes()[..], b"xx"].concat(),
                Refused("header is larger than the format allows"),
            ),
            row("long.osm.pbf", blob(u64::MAX >> 8, &[]), Refused("larger than the format allows")),
            row("bomb.osm.pbf", bomb(), Refused("unpacks to more than the format allows")),
        ],
    );
}

#[test]
fn city_models_that_lie_are_told() {
    let laughs = (1..10).fold(String::from("<!ENTITY l0 'lol'>"), |text, n| {
        format!("{text}<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10))
    });
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    // Three hundred trees of a thousand surfaces each, all in one place.
    let surfaces = vec!["[[0,1,2]]"; 1_000].join(",");
    let tree = r#"{"type":"SolitaryVegetationObject","geometry":[{"type":"GeometryInstance","template":0,"boundaries":[0],"transformationMatrix":[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]}]}"#;
    let trees: Vec<String> = (0..300).map(|n| format!(r#""t{n}":{tree}"#)).collect();
    let forest = format!(
        r#"{{"type":"CityJSON","version":"2.0","CityObjects":{{{}}},"vertices":[[0,0,0]],"geometry-templates":{{"templates":[{{"type":"MultiSurface","lod":"2","boundaries":[{surfaces}]}}],"vertices-templates":[[0,0,0],[1,0,0],[0,1,0]]}}}}"#,
        trees.join(",")
    );
    check(
        "cities",
        vec![
            row("laughs.gml", format!("<?xml version='1.0'?><!DOCTYPE CityModel [{laughs}]><CityModel>&l9;</CityModel>"), Refused("declares a document type")),
            row("outside.gml", "<!DOCTYPE CityModel [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><CityModel>&x;</CityModel>", Refused("declares a document type")),
            row("nested.gml", "<CityModel>".repeat(100_000), Refused("nest deeper than 128")),
            row("index.city.json", CITY.replace("[[[0,1,2]]]", "[[[0,1,1000000000]]]"), Says("×")),
            row("deep.city.json", CITY.replace("[[[0,1,2]]]", &deep), Says("no lists of vertex numbers")),
            row("huge.city.json", CITY.replace("[9,9,0]", "[1e300,-1e300,1e300]"), Read),
            row("scaled.city.json", CITY.replace(r#""CityObjects""#, r#""transform":{"scale":[1e300,1e300,1e300],"translate":[1e300,0,0]},"CityObjects""#), Read),
            row("family.city.json", CITY.replace(r#""type":"Building""#, r#""type":"Building","parents":["b"],"children":["b"]"#), Says("it contains itself")),
            row("forest.city.json", forest, Says("surfaces beyond the most a file may have")),
        ],
    );
}

#[test]
fn grids_and_archives_that_lie_are_refused() {
    let asc = |head: &str| format!("{head}\nxllcorner 0\nyllcorner 0\n1 2 3 4\n");
    let mut ring = tiff(2, 2, 16);
    // The directory's successor is itself.
    let end = 8 + 2 + 12 * usize::from(u16::from_le_bytes([ring[8], ring[9]]));
    ring[end..end + 4].copy_from_slice(&8u32.to_le_bytes());
    let blanks = vec![b' '; 80 << 20];
    let many: Vec<(String, &[u8])> = (0..20_000).map(|n| (format!("{n}.png"), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> =
        many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    check(
        "grids",
        vec![
            row(
                "wide.asc",
                asc("ncols 1000000000\nnrows 2\ncellsize 1"),
                Refused("2000000000 samples"),
            ),
            row(
                "endless.asc",
                asc("ncols 1e300\nnrows 2\ncellsize 1"),
                Refused("no size of a grid"),
            ),
            row(
                "claims.asc",
                asc("ncols 10000\nnrows 10000\ncellsize 1"),
                Refused("ends after 4 of 100000000"),
            ),
            row("nothing.asc", asc("ncols 2\nnrows 2\ncellsize nan"), Refused("cellsize")),
            row("tiny.asc", asc("ncols 2\nnrows 2\ncellsize 1e-300"), Read),
            row("vast.asc", asc("ncols 2\nnrows 2\ncellsize 1e300"), Read),
            row("wide.tif", tiff(u32::MAX, u32::MAX, 16), Refused("samples; make it coarser")),
            row(
                "claims.tif",
                tiff(9_000, 9_000, 16),
                Refused("claims.tif cannot be read as GeoTIFF"),
            ),
            row("strip.tif", tiff(2, 2, u32::MAX), Refused("strip.tif cannot be read as GeoTIFF")),
            row("ring.tif", ring, Refused("cycle")),
            row("bomb.ifczip", archive(&[("a.ifc", &blanks)]), Refused("no honest model")),
            row("many.zip", archive(&many), Refused("holds 20000 files")),
        ],
    );
}

/// A block of map data that says it has so many bytes.
fn blob(size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0x0a, 7];
    header.extend(b"OSMData");
    header.push(0x18);
    let mut rest = size;
    while rest > 0x7f {
        header.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    header.push(rest as u8);
    [&(header.len() as u32).to_be_bytes(), &header[..], content].concat()
}

/// A block of 200 MB of nothing.
fn bomb() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![0; 200 << 20]).unwrap();
    let packed = encoder.finish().unwrap();
    let mut content = vec![0x1a];
    let mut rest = packed.len();
    while rest > 0x7f {
        content.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    content.push(rest as u8);
    content.extend(packed);
    blob(content.len() as u64, &content)
}

/// A height grid of one strip of zeros that says it has so many bytes.
fn tiff(columns: u32, rows: u32, strip: u32) -> Vec<u8> {
    let doubles = |values: &[f64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    const ENTRIES: u32 = 11;
    let behind = 8 + 2 + 12 * ENTRIES + 4;
    let data = [doubles(&[1.0, 1.0, 0.0]), doubles(&[0.0; 6])].concat();
    let entries: [(u16, u16, u32, u32); ENTRIES as usize] = [
        (256, 4, 1, columns),
        (257, 4, 1, rows),
        (258, 3, 1, 32),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, behind + data.len() as u32),
        (278, 4, 1, rows),
        (279, 4, 1, strip),
        (339, 3, 1, 3),
        (33_550, 12, 3, behind),
        (33_922, 12, 6, behind + 24),
    ];
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((ENTRIES as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(data);
    file.extend(vec![0; strip.min(4 << 20) as usize]);
    file
}
