use flatgeobuf::{
    ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType,
    geozero::{self, ColumnValue, GeomProcessor, GeozeroGeometry, PropertyProcessor},
};
use serde_json::json;
use twin_model::{BoundingBox, EntityKind};

use super::{
    super::{stage::Stage, terrain::Terrain},
    *,
};
use crate::{frame::LocalFrame, imported::Imported};

/// Polygons of one feature, each an outline and holes, with heights.
struct Polygons(Vec<Vec<Vec<[f64; 3]>>>);

impl GeozeroGeometry for Polygons {
    fn process_geom<P: GeomProcessor>(&self, to: &mut P) -> geozero::error::Result<()> {
        to.multipolygon_begin(self.0.len(), 0)?;
        for (n, rings) in self.0.iter().enumerate() {
            to.polygon_begin(false, rings.len(), n)?;
            for (n, ring) in rings.iter().enumerate() {
                to.linestring_begin(false, ring.len(), n)?;
                for (n, [x, y, z]) in ring.iter().enumerate() {
                    to.coordinate(*x, *y, Some(*z), None, None, None, n)?;
                }
                to.linestring_end(false, n)?;
            }
            to.polygon_end(false, n)?;
        }
        to.multipolygon_end(0)
    }
}

fn square(at: [f64; 2], size: f64, z: f64) -> Vec<[f64; 3]> {
    [[0.0, 0.0], [size, 0.0], [size, size], [0.0, size], [0.0, 0.0]]
        .map(|[x, y]| [at[0] + x, at[1] + y, z])
        .to_vec()
}

/// A house of two wings, one with a yard, and a lake, in UTM 32 metres.
fn town(crs: FgbCrs<'_>, write_index: bool) -> Vec<u8> {
    const EAST: f64 = 456_000.0;
    const NORTH: f64 = 5_429_000.0;
    let options = FgbWriterOptions { crs, write_index, has_z: true, ..Default::default() };
    let mut file =
        FgbWriter::create_with_options("town", GeometryType::MultiPolygon, options).unwrap();
    for (name, kind) in [
        ("id", ColumnType::String),
        ("kind", ColumnType::String),
        ("height", ColumnType::Float),
        ("levels", ColumnType::UByte),
        ("listed", ColumnType::Bool),
        ("extra", ColumnType::Json),
        ("photo", ColumnType::Binary),
    ] {
        file.add_column(name, kind, |_, _| {});
    }
    let yard = square([EAST + 5.0, NORTH + 5.0], 10.0, 112.0);
    let house = Polygons(vec![
        vec![square([EAST, NORTH], 20.0, 112.0), yard],
        vec![square([EAST + 40.0, NORTH], 10.0, 112.0)],
    ]);
    file.add_feature_geom(house, |to| {
        to.property(0, "id", &ColumnValue::String("town-hall")).unwrap();
        to.property(1, "kind", &ColumnValue::String("building")).unwrap();
        to.property(2, "height", &ColumnValue::Float(12.3)).unwrap();
        to.property(3, "levels", &ColumnValue::UByte(4)).unwrap();
        to.property(4, "listed", &ColumnValue::Bool(true)).unwrap();
        to.property(5, "extra", &ColumnValue::Json("{\"a\":[1]}")).unwrap();
        to.property(6, "photo", &ColumnValue::Binary(&[1, 2, 3])).unwrap();
    })
    .unwrap();
    let lake = Polygons(vec![vec![square([EAST + 100.0, NORTH], 50.0, 0.0)]]);
    file.add_feature_geom(lake, |to| {
        to.property(0, "id", &ColumnValue::String("lake")).unwrap();
        to.property(1, "kind", &ColumnValue::String("water")).unwrap();
    })
    .unwrap();
    let mut bytes = Vec::new();
    file.write(&mut bytes).unwrap();
    bytes
}

fn utm() -> FgbCrs<'static> {
    FgbCrs { code: 25_832, ..Default::default() }
}

fn draw(features: Features) -> Imported {
    let [lon, lat] = features.center.unwrap();
    let frame = LocalFrame::from_wgs84(lon, lat, 110.0);
    let terrain = &Terrain::default();
    let stage = Stage { frame: Some(&frame), terrain, unmoved: false, file: "town.fgb", source: 2 };
    features.draw(&stage, &frame)
}

fn size(bbox: Option<BoundingBox>) -> [f64; 3] {
    bbox.unwrap().size().map(|metres| (metres * 10.0).round() / 10.0)
}

#[test]
fn features_are_those_of_geojson_with_heights_and_holes() {
    let features = read(&town(utm(), true), None).unwrap();
    assert_eq!(features.system.as_deref(), Some("EPSG:25832"));
    let notes: Vec<&str> = features.notes.iter().map(|note| note.reason.as_str()).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("does not say what its heights count from"), "{notes:?}");
    let imported = draw(features);
    assert_eq!(imported.entities[0].name, "town");
    let of = |id: &str| imported.entities.iter().find(|entity| entity.id.as_str() == id).unwrap();
    let (hall, lake) = (of("town-hall"), of("lake"));
    assert_eq!((hall.kind, lake.kind), (EntityKind::Building, EntityKind::Water));
    let properties = &hall.properties["Properties"];
    assert_eq!(properties["height"], 12.3);
    assert_eq!((&properties["levels"], &properties["listed"]), (&json!(4), &json!(true)));
    assert_eq!(properties["extra"], json!({"a": [1]}));
    assert!(!properties.contains_key("photo"));
    // Walls reach 20 cm into the ground; z is the height of the ground, 2 m up.
    let bbox = hall.bbox.unwrap();
    assert!((bbox.min[2] - 1.8).abs() < 0.01 && (bbox.max[2] - 14.3).abs() < 0.01, "{bbox:?}");
    let [x, y, _] = size(hall.bbox);
    assert!((x - 50.0).abs() < 0.5 && (y - 20.0).abs() < 0.7, "{x} {y}");
    let roof: f64 = imported
        .meshes
        .iter()
        .filter(|mesh| mesh.entity == hall.id)
        .flat_map(|mesh| {
            let at = |i: u32| mesh.positions[i as usize].map(f64::from);
            mesh.indices.chunks(3).map(move |t| [at(t[0]), at(t[1]), at(t[2])])
        })
        .map(|corners| crate::vector::area(&corners).max(0.0))
        .sum();
    // 20 × 20 less the yard of 10 × 10, and 10 × 10; UTM is 0.4 ‰ short here.
    assert!((roof - 400.0).abs() < 1.0, "{roof}");
    // A height of zero is on the ground, at the height of the frame.
    assert!(lake.bbox.unwrap().max[2].abs() < 0.2, "{:?}", lake.bbox);
}

#[test]
fn the_coordinate_system_comes_from_the_header_in_each_of_its_forms_or_from_the_user() {
    let wkt =
        "PROJCS[\"x\",GEOGCS[\"y\",AUTHORITY[\"EPSG\",\"4258\"]],AUTHORITY[\"EPSG\",\"25832\"]]";
    for crs in [
        FgbCrs { org: Some("epsg"), code: 25_832, ..Default::default() },
        FgbCrs { code_string: Some("25832"), ..Default::default() },
        FgbCrs { wkt: Some(wkt), ..Default::default() },
        FgbCrs { name: Some("EPSG:25832"), ..Default::default() },
    ] {
        let said = format!("{crs:?}");
        let features = read(&town(crs, false), None).unwrap();
        assert_eq!(features.system.as_deref(), Some("EPSG:25832"), "{said}");
    }
    let features = read(&town(utm(), false), Some("EPSG:25833+7837")).unwrap();
    assert_eq!(features.system.as_deref(), Some("EPSG:25833"));
    assert!(features.notes.iter().any(|note| note.reason.contains("DHHN2016")));
    let error = |crs| read(&town(crs, false), None).unwrap_err();
    assert!(error(FgbCrs::default()).contains("pass --crs"));
    let unknown = FgbCrs { code: 99_999, ..Default::default() };
    assert!(error(unknown).contains("EPSG:99999"), "{}", error(FgbCrs::default()));
}

#[test]
fn curves_are_counted_and_the_feature_stays() {
    let mut file = FgbWriter::create_with_options(
        "arcs",
        GeometryType::CircularString,
        FgbWriterOptions { crs: utm(), promote_to_multi: false, ..Default::default() },
    )
    .unwrap();
    struct Arc;
    impl GeozeroGeometry for Arc {
        fn process_geom<P: GeomProcessor>(&self, to: &mut P) -> geozero::error::Result<()> {
            to.circularstring_begin(3, 0)?;
            for n in 0..3 {
                to.xy(456_000.0 + f64::from(n), 5_429_000.0, n as usize)?;
            }
            to.circularstring_end(0)
        }
    }
    for _ in 0..2 {
        file.add_feature_geom(Arc, |to| {
            to.property(0, "kind", &ColumnValue::String("road")).unwrap();
        })
        .unwrap();
    }
    file.add_column("kind", ColumnType::String, |_, _| {});
    let mut bytes = Vec::new();
    file.write(&mut bytes).unwrap();
    let features = read(&bytes, None).unwrap();
    assert_eq!(features.features.len(), 2);
    let dropped: Vec<&Note> =
        features.notes.iter().filter(|note| note.severity == Severity::Dropped).collect();
    let [note] = dropped.as_slice() else { panic!("{dropped:?}") };
    assert!(note.reason.starts_with("2 × a CircularString"), "{}", note.reason);
}

#[test]
fn broken_files_end_in_words() {
    let whole = town(utm(), true);
    for end in 0..whole.len() {
        match read(&whole[..end], None) {
            Ok(features) => assert!(
                features.notes.iter().any(|n| n.reason.contains("it ends within feature")
                    || n.reason.contains("it says 2 features")),
                "cut at {end}"
            ),
            Err(reason) => assert!(!reason.is_empty()),
        }
    }
    // Any byte may be any other: a wrong length, type, offset or count.
    for at in 0..whole.len() {
        for byte in [0, 0x7f, 0xff, whole[at] ^ 1] {
            let mut broken = whole.clone();
            broken[at] = byte;
            if let Ok(features) = read(&broken, None)
                && features.center.is_some()
            {
                draw(features);
            }
        }
    }
    let mut newer = whole.clone();
    newer[3] = 9;
    assert!(read(&newer, None).unwrap_err().contains("version 9"));
    let mut long = whole;
    long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(read(&long, None).unwrap_err().contains("within its header"));
    assert_eq!(index_bytes(u64::MAX, 16), None);
    assert_eq!(index_bytes(2, 16), Some(3 * 40));
    assert_eq!(index_bytes(1_000, 0), Some(0));
}
