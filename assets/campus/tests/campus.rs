//! What is promised about the generated campus, read back from its files.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use demo_campus::{Options, generate};

/// One instance line: its class and its text.
struct Line {
    id: u64,
    class: String,
    body: String,
}

/// All instances of a file; the writer puts one on a line.
fn lines(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).expect("the file was written");
    text.lines()
        .filter_map(|line| {
            let (id, rest) = line.strip_prefix('#')?.split_once('=')?;
            let (class, body) = rest.split_once('(')?;
            Some(Line {
                id: id.parse().expect("a number"),
                class: class.to_owned(),
                body: body.to_owned(),
            })
        })
        .collect()
}

/// Text literals of an instance, in order.
fn texts(body: &str) -> Vec<&str> {
    body.split('\'').skip(1).step_by(2).collect()
}

/// Numbers of the instances an instance refers to.
fn references(body: &str) -> Vec<u64> {
    let bare: String = body.split('\'').step_by(2).collect();
    bare.split('#')
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !c.is_ascii_digit())
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a number")
        })
        .collect()
}

fn demo() -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let dir = tempfile::tempdir().expect("a folder");
    let files = generate(&Options::default(), dir.path()).expect("generates");
    (dir, files)
}

fn ifc(files: &[std::path::PathBuf]) -> impl Iterator<Item = &std::path::PathBuf> {
    files.iter().filter(|path| path.extension().is_some_and(|e| e == "ifc"))
}

/// Elements and spaces, counted as `Options::elements` means them: they have a placement and are neither
/// openings nor the spatial frame.
fn elements(lines: &[Line]) -> u64 {
    let frame = ["IFCOPENINGELEMENT", "IFCSITE", "IFCBUILDING", "IFCBUILDINGSTOREY", "IFCPROJECT"];
    let placements: HashSet<u64> =
        lines.iter().filter(|l| l.class == "IFCLOCALPLACEMENT").map(|l| l.id).collect();
    let placed = |l: &&Line| {
        l.class != "IFCLOCALPLACEMENT"
            && !frame.contains(&l.class.as_str())
            && references(&l.body).iter().any(|r| placements.contains(r))
    };
    lines.iter().filter(placed).count() as u64
}

#[test]
fn the_same_options_give_the_same_bytes_and_another_seed_does_not() {
    let ((_a, first), (_b, second)) = (demo(), demo());
    assert_eq!(first.len(), second.len());
    for (a, b) in first.iter().zip(&second) {
        assert!(
            std::fs::read(a).expect("read") == std::fs::read(b).expect("read"),
            "{}",
            a.display()
        );
    }
    let other = tempfile::tempdir().expect("a folder");
    generate(&Options { seed: 2, ..Options::default() }, other.path()).expect("generates");
    let name = "surroundings.geojson";
    let theirs = std::fs::read(other.path().join(name)).expect("read");
    assert!(std::fs::read(first[0].with_file_name(name)).expect("read") != theirs);
}

#[test]
fn every_reference_is_defined_before_it_is_used() {
    let (_dir, files) = demo();
    for path in ifc(&files) {
        let mut known = HashSet::new();
        for line in lines(path) {
            for reference in references(&line.body) {
                assert!(
                    known.contains(&reference),
                    "{}: #{} of #{}",
                    path.display(),
                    reference,
                    line.id
                );
            }
            assert!(known.insert(line.id), "#{} twice", line.id);
        }
    }
}

#[test]
fn global_ids_and_tags_are_unique_in_the_whole_campus() {
    let (_dir, files) = demo();
    let (mut ids, mut tags, mut names) = (HashSet::new(), HashSet::new(), HashSet::new());
    for path in ifc(&files) {
        for line in lines(path) {
            let found = texts(&line.body);
            // Only what is rooted starts with a text of 22 characters.
            if line.body.starts_with('\'') && found[0].len() == 22 {
                let new = ids.insert(found[0].to_owned());
                // The files are one federated project on one site.
                let shared = ["IFCPROJECT", "IFCSITE"].contains(&line.class.as_str());
                assert!(new || shared, "{} {}", line.class, found[0]);
            }
            if line.class == "IFCSPACE" {
                assert!(names.insert(found[1].to_owned()), "space {}", found[1]);
            }
            for text in found.iter().filter(|text| is_tag(text)) {
                assert!(
                    line.class == "IFCSPACE" || tags.insert((*text).to_owned()),
                    "{} {text}",
                    line.class
                );
            }
        }
    }
    assert!(tags.len() > 1_000, "{}", tags.len());
}

/// `T1-03F-EM1`, but not a title that holds one.
fn is_tag(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 3 && parts[1].ends_with('F') && !text.contains(' ')
}

#[test]
fn the_promised_things_are_there() {
    let (_dir, files) = demo();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut storeys, mut bytes, mut total) = (Vec::new(), 0, 0);
    for path in ifc(&files) {
        let lines = lines(path);
        storeys.push(lines.iter().filter(|l| l.class == "IFCBUILDINGSTOREY").count());
        bytes += std::fs::metadata(path).expect("written").len();
        total += elements(&lines);
        for line in &lines {
            *counts.entry(line.class.clone()).or_default() += 1;
            for kind in [
                "'EVCharger'",
                "'Environment'",
                "'PeopleCounter'",
                ".GATE.",
                ".ENERGYMETER.",
                ".WATERMETER.",
            ] {
                if line.body.contains(kind) {
                    *counts.entry(kind.to_owned()).or_default() += 1;
                }
            }
        }
    }
    let of = |name: &str| counts.get(name).copied().unwrap_or(0);
    assert!(storeys.iter().filter(|count| **count > 20).count() >= 2, "two high-rises");
    for (name, least) in [
        ("IFCBUILDING", 8),
        ("IFCTRANSPORTELEMENT", 12),
        ("IFCPUMP", 8),
        ("'EVCharger'", 20),
        (".GATE.", 6),
        (".ENERGYMETER.", 80),
        (".WATERMETER.", 15),
        ("'Environment'", 150),
        ("'PeopleCounter'", 150),
        ("IFCSTAIR", 100),
        ("IFCSPACE", 1_000),
        ("IFCRELFILLSELEMENT", 300),
        ("IFCMAPPEDITEM", 5_000),
        ("IFCMAPCONVERSION", files.len() - 1),
    ] {
        assert!(of(name) >= least, "{name}: {} of {least}", of(name));
    }
    assert!((12_000..=25_000).contains(&total), "{total} elements");
    assert!(bytes < 25_000_000, "{bytes} bytes");
}

#[test]
fn every_space_has_a_way_to_the_open_air() {
    let (_dir, files) = demo();
    for path in ifc(&files) {
        let lines = lines(path);
        // Space boundaries join a space to a door, a stair or a lift; an external one is a way out.
        let mut ways: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut open: Vec<u64> = Vec::new();
        for line in lines.iter().filter(|l| l.class == "IFCRELSPACEBOUNDARY") {
            let [space, element] = references(&line.body)[..] else {
                panic!("a boundary joins two")
            };
            ways.entry(space).or_default().push(element);
            ways.entry(element).or_default().push(space);
            if line.body.contains(".EXTERNAL.") {
                open.push(element);
            }
        }
        let mut reached: HashSet<u64> = HashSet::new();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(ways.get(&next).into_iter().flatten());
            }
        }
        for space in lines.iter().filter(|l| l.class == "IFCSPACE") {
            assert!(
                reached.contains(&space.id),
                "{}: no way out of {:?}",
                path.display(),
                texts(&space.body)[1]
            );
        }
    }
}

#[test]
fn the_number_of_elements_asked_for_is_met_within_two_percent() {
    for wanted in [3_000, 9_000, 40_000] {
        let dir = tempfile::tempdir().expect("a folder");
        let files = generate(&Options { elements: Some(wanted), ..Options::default() }, dir.path())
            .expect("generates");
        let made: u64 = ifc(&files).map(|path| elements(&lines(path))).sum();
        assert!(made.abs_diff(wanted) as f64 <= 0.02 * wanted as f64, "{made} for {wanted}");
    }
}

#[test]
fn the_surroundings_leave_the_plot_free() {
    let (_dir, files) = demo();
    let text = std::fs::read_to_string(files.last().expect("some files")).expect("read");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let features = json["features"].as_array().expect("features");
    assert!(features.len() > 100);
    // The middle of the compound: no building's corner within 120 m of it.
    let (lon, lat) = (113.949_993, 22.540_382);
    for feature in features.iter().filter(|f| f["properties"]["kind"] == "building") {
        for corner in feature["geometry"]["coordinates"][0].as_array().expect("a ring") {
            let x = (corner[0].as_f64().expect("lon") - lon) * 102_800.0;
            let y = (corner[1].as_f64().expect("lat") - lat) * 110_750.0;
            assert!(x.hypot(y) > 120.0, "{}", feature["id"]);
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("taken");
    std::fs::write(&file, "").expect("written");
    let error =
        generate(&Options::default(), &file.join("campus")).expect_err("a file is in the way");
    assert!(error.to_string().contains("taken"), "{error}");
}
