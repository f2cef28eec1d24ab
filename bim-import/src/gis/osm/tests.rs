use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use twin_model::EntityKind;

use super::{
    super::{stage::Stage, terrain::Terrain},
    *,
};
use crate::{frame::LocalFrame, imported::Imported, mesh::MaterialClass};

const LON: f64 = 7.42;
const LAT: f64 = 43.73;

/// A file as the format has it, small enough to be written by hand.
#[derive(Default)]
struct Writer {
    strings: Vec<String>,
    nodes: Vec<u8>,
    ways: Vec<u8>,
    relations: Vec<u8>,
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn bytes_field(field: u64, bytes: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

fn number_field(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn packed(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut out = Vec::new();
    values.into_iter().for_each(|value| varint(value, &mut out));
    out
}

fn differences(values: &[i64]) -> Vec<u8> {
    let mut last = 0;
    packed(values.iter().map(|value| zigzag(value - std::mem::replace(&mut last, *value))))
}

impl Writer {
    fn string(&mut self, text: &str) -> u64 {
        if self.strings.is_empty() {
            self.strings.push(String::new());
        }
        let known = self.strings.iter().position(|string| string == text);
        known.unwrap_or_else(|| {
            self.strings.push(text.to_owned());
            self.strings.len() - 1
        }) as u64
    }

    fn tags(&mut self, tags: &[(&str, &str)], out: &mut Vec<u8>) {
        let keys: Vec<u64> = tags.iter().map(|(key, _)| self.string(key)).collect();
        let values: Vec<u64> = tags.iter().map(|(_, value)| self.string(value)).collect();
        bytes_field(2, &packed(keys), out);
        bytes_field(3, &packed(values), out);
    }

    /// A node some metres east and north of the middle.
    fn node(&mut self, id: i64, east: f64, north: f64, tags: &[(&str, &str)]) {
        let mut out = Vec::new();
        number_field(1, zigzag(id), &mut out);
        self.tags(tags, &mut out);
        let units = |degrees: f64| zigzag((degrees * 1e7).round() as i64);
        number_field(8, units(LAT + north / 111_100.0), &mut out);
        number_field(9, units(LON + east / 80_550.0), &mut out);
        bytes_field(1, &out, &mut self.nodes);
    }

    fn square(&mut self, id: i64, at: f64, size: f64) {
        for (n, [x, y]) in [[0.0, 0.0], [size, 0.0], [size, size], [0.0, size]].iter().enumerate() {
            self.node(id + n as i64, at + x, at + y, &[]);
        }
    }

    fn way(&mut self, id: u64, refs: &[i64], tags: &[(&str, &str)]) {
        let mut out = Vec::new();
        number_field(1, id, &mut out);
        self.tags(tags, &mut out);
        bytes_field(8, &differences(refs), &mut out);
        bytes_field(3, &out, &mut self.ways);
    }

    fn relation(&mut self, id: u64, members: &[(i64, &str)], tags: &[(&str, &str)]) {
        let mut out = Vec::new();
        number_field(1, id, &mut out);
        self.tags(tags, &mut out);
        let roles: Vec<u64> = members.iter().map(|(_, role)| self.string(role)).collect();
        bytes_field(8, &packed(roles), &mut out);
        let ids: Vec<i64> = members.iter().map(|(id, _)| *id).collect();
        bytes_field(9, &differences(&ids), &mut out);
        bytes_field(10, &packed(members.iter().map(|_| 1)), &mut out);
        bytes_field(4, &out, &mut self.relations);
    }

    fn finish(self) -> Vec<u8> {
        let mut table = Vec::new();
        self.strings.iter().for_each(|text| bytes_field(1, text.as_bytes(), &mut table));
        let mut data = Vec::new();
        bytes_field(1, &table, &mut data);
        for group in [self.nodes, self.ways, self.relations] {
            bytes_field(2, &group, &mut data);
        }
        let mut file = Vec::new();
        blob("OSMHeader", &[], &mut file);
        blob("OSMData", &data, &mut file);
        file
    }
}

fn blob(kind: &str, content: &[u8], file: &mut Vec<u8>) {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    let mut blob = Vec::new();
    bytes_field(3, &encoder.finish().unwrap(), &mut blob);
    let mut header = Vec::new();
    bytes_field(1, kind.as_bytes(), &mut header);
    number_field(3, blob.len() as u64, &mut header);
    file.extend((header.len() as u32).to_be_bytes());
    file.extend(header);
    file.extend(blob);
}

fn draw(bytes: &[u8]) -> Imported {
    let frame = LocalFrame::from_wgs84(LON, LAT, 0.0);
    let stage = Stage {
        frame: Some(&frame),
        terrain: &Terrain::default(),
        unmoved: false,
        file: "town.osm.pbf",
        source: 0,
    };
    read(bytes).unwrap().draw(&stage, &frame)
}

fn entity<'a>(imported: &'a Imported, id: &str) -> &'a twin_model::Entity {
    imported.entities.iter().find(|entity| entity.id.as_str() == id).unwrap()
}

#[test]
fn buildings_stand_on_their_holes_and_parts_stand_for_them() {
    let mut osm = Writer::default();
    osm.square(1, 0.0, 40.0);
    osm.square(11, 10.0, 20.0);
    osm.square(21, 100.0, 10.0);
    // The outline of the court is two open ways; its hole is a closed one.
    osm.way(1, &[1, 2, 3], &[]);
    osm.way(2, &[1, 4, 3], &[]);
    osm.way(3, &[11, 12, 13, 14, 11], &[]);
    osm.relation(
        5,
        &[(1, "outer"), (2, "outer"), (3, "inner")],
        &[("type", "multipolygon"), ("building", "yes"), ("building:levels", "5")],
    );
    osm.way(7, &[21, 22, 23, 24, 21], &[("building", "yes"), ("name", "Tower"), ("ref", "B7")]);
    osm.way(
        8,
        &[21, 22, 23, 24, 21],
        &[("building:part", "yes"), ("height", "30"), ("building:min_level", "2")],
    );
    let imported = draw(&osm.finish());
    let court = entity(&imported, "relation:5");
    assert!((court.bbox.unwrap().max[2] - 16.0).abs() < 0.01);
    let mesh = imported.meshes.iter().find(|mesh| mesh.entity == court.id).unwrap();
    let top: f64 = (mesh.indices.chunks(3))
        .filter(|t| mesh.normals[t[0] as usize][2] > 0.5)
        .map(|t| {
            let at = |i: u32| mesh.positions[i as usize].map(f64::from);
            crate::vector::area(&[at(t[0]), at(t[1]), at(t[2])])
        })
        .sum();
    assert!((top - 1_200.0).abs() < 5.0, "{top}");
    let (whole, part) = (entity(&imported, "way:7"), entity(&imported, "way:8"));
    assert_eq!((whole.kind, whole.bbox), (EntityKind::Building, None));
    assert!(whole.tags.contains(&"building:B7".to_owned()), "{:?}", whole.tags);
    assert_eq!((part.kind, part.parent.as_ref()), (EntityKind::Element, Some(&whole.id)));
    let bbox = part.bbox.unwrap();
    assert!((bbox.min[2] - 6.4).abs() < 0.01 && (bbox.max[2] - 30.0).abs() < 0.01, "{bbox:?}");
}

#[test]
fn roads_barriers_points_and_green_are_what_they_are() {
    let mut osm = Writer::default();
    osm.square(1, 0.0, 40.0);
    osm.node(30, 5.0, 5.0, &[("emergency", "fire_hydrant"), ("ref", "H1")]);
    osm.node(31, 6.0, 5.0, &[("man_made", "surveillance")]);
    osm.node(32, 7.0, 5.0, &[("emergency", "assembly_point"), ("name", "Court")]);
    osm.node(33, 8.0, 5.0, &[("natural", "tree")]);
    osm.node(34, 8.0, 6.0, &[("shop", "bakery")]);
    osm.node(35, 9.0, 6.0, &[("amenity", "charging_station")]);
    osm.way(1, &[1, 2], &[("highway", "residential"), ("lanes", "2")]);
    osm.way(2, &[1, 2, 3, 4, 1], &[("barrier", "wall"), ("height", "3")]);
    osm.way(3, &[1, 2, 3, 4, 1], &[("leisure", "park")]);
    osm.way(4, &[1, 2], &[("highway", "primary"), ("tunnel", "yes")]);
    osm.way(5, &[1, 2], &[("natural", "coastline")]);
    osm.way(6, &[1, 2, 99], &[("waterway", "stream")]);
    osm.way(7, &[1, 2, 3, 4, 1], &[("highway", "service"), ("junction", "circular")]);
    let imported = draw(&osm.finish());
    let kind = |id: &str| entity(&imported, id).kind;
    assert_eq!(["node:30", "node:31", "node:32"].map(kind), [EntityKind::Landmark; 3]);
    assert_eq!(kind("node:35"), EntityKind::Charger);
    assert_eq!(kind("node:33"), EntityKind::Green);
    assert!(entity(&imported, "node:30").tags.contains(&"landmark:H1".to_owned()));
    assert!(
        imported.entities.iter().all(|e| !["node:34", "way:4", "way:5"].contains(&e.id.as_str()))
    );
    let size = |id: &str| entity(&imported, id).bbox.unwrap().size();
    assert!((size("way:1")[1] - 6.5).abs() < 0.2, "two lanes: {:?}", size("way:1"));
    assert!((size("way:2")[2] - 3.2).abs() < 0.05, "{:?}", size("way:2"));
    // A roundabout is a road round nothing, not a square.
    let ring = imported.meshes.iter().find(|mesh| mesh.entity.as_str() == "way:7").unwrap();
    let area: f64 = (ring.indices.chunks(3))
        .map(|t| {
            let at = |i: u32| ring.positions[i as usize].map(f64::from);
            crate::vector::area(&[at(t[0]), at(t[1]), at(t[2])])
        })
        .sum();
    assert!(area < 1_000.0, "{area}");
    let wall = imported.meshes.iter().find(|mesh| mesh.entity.as_str() == "way:2").unwrap();
    assert_eq!(wall.class, MaterialClass::Opaque);
    let notes: Vec<&str> = imported.notes.iter().map(|note| note.reason.as_str()).collect();
    for part in ["1 roads and waterways in tunnels", "1 coastlines", "1 things lack nodes"] {
        assert!(notes.iter().any(|note| note.starts_with(part)), "{part} not in {notes:?}");
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_or_less_and_never_a_panic() {
    let mut osm = Writer::default();
    osm.square(1, 0.0, 40.0);
    osm.way(1, &[1, 2, 3, 4, 1], &[("building", "yes")]);
    osm.relation(2, &[(1, "outer")], &[("type", "multipolygon"), ("landuse", "grass")]);
    let whole = osm.finish();
    assert!(read(&whole).is_ok());
    for end in 0..whole.len() {
        let _ = read(&whole[..end]);
        let mut bent = whole.clone();
        bent[end] ^= 0xff;
        let _ = read(&bent);
    }
    // A block that unpacks to more than it may.
    let mut bomb = Vec::new();
    blob("OSMHeader", &[], &mut bomb);
    blob("OSMData", &vec![0; 40 << 20], &mut bomb);
    assert!(read(&bomb).err().unwrap().contains("unpacks to more"));
}

#[test]
fn what_lies_off_the_earth_is_not_in_the_file() {
    let mut osm = Writer::default();
    osm.square(1, 0.0, 20.0);
    osm.square(11, 3e12, 20.0);
    osm.way(1, &[1, 2, 3, 4, 1], &[("building", "yes")]);
    osm.way(2, &[1, 2, 13, 4, 1], &[("building", "yes")]);
    osm.way(3, &[11, 12, 13, 14, 11], &[("building:part", "yes"), ("height", "9")]);
    let imported = draw(&osm.finish());
    let ids: Vec<&str> = imported.entities.iter().map(|e| e.id.as_str()).collect();
    assert!(ids.contains(&"way:1") && !ids.contains(&"way:3"), "{ids:?}");
    let notes: Vec<&str> = imported.notes.iter().map(|note| note.reason.as_str()).collect();
    assert!(notes.iter().any(|note| note.contains("lack nodes")), "{notes:?}");
}
