//! Things that are one thing in several places.

use std::collections::HashSet;

use glam::{DMat3, DVec3, EulerRot};

use super::{
    instances::COPY_BYTES,
    test_reader::{Seen, Tile, read_tile},
    tests::{cube, tiles, write_to},
    *,
};
use crate::mesh::MaterialClass;

/// Something with a seat, legs and a glass back, that looks other in a mirror: 288 vertices
/// in two colours and a pane.
fn chair(entity: &str, at: DVec3, turn: DMat3) -> Vec<ElementMesh> {
    let part = |x: f64, y: f64, z: f64, size: f32, class, rgba| {
        let mut mesh = cube(entity, [0.0; 3], size, class);
        let shift = DVec3::new(x, y, z);
        for p in &mut mesh.positions {
            *p = (turn * (DVec3::from(p.map(f64::from)) + shift)).as_vec3().to_array();
        }
        for n in &mut mesh.normals {
            *n = (turn * DVec3::from(n.map(f64::from))).as_vec3().to_array();
        }
        ElementMesh { origin: at.to_array(), rgba, ..mesh }
    };
    let legs = (0..10).map(|n| {
        let n = f64::from(n);
        part(n * 0.03, n * n * 0.004, n * 0.05, 0.04, MaterialClass::Opaque, [40, 40, 40, 255])
    });
    // One mesh of all legs: what is written of a colour is one mesh.
    let legs = legs.reduce(|mut all, leg| {
        let first = all.positions.len() as u32;
        all.positions.extend(leg.positions);
        all.normals.extend(leg.normals);
        all.indices.extend(leg.indices.iter().map(|index| first + index));
        all
    });
    let seat = part(0.0, 0.0, 0.4, 0.45, MaterialClass::Opaque, [160, 90, 30, 255]);
    let pane = part(0.1, 0.5, 0.5, 0.4, MaterialClass::Glass, [200, 220, 255, 90]);
    [seat, pane].into_iter().chain(legs).collect()
}

fn turned(n: u32) -> DMat3 {
    let angle = f64::from(n) * 0.77;
    match n % 3 {
        0 => DMat3::IDENTITY,
        1 => DMat3::from_rotation_z(angle),
        _ => DMat3::from_euler(EulerRot::ZYX, angle, 0.3, -1.2),
    }
}

fn place(n: u32) -> DVec3 {
    DVec3::new(f64::from(n % 8) * 7.31, f64::from(n / 8) * 4.07, f64::from(n % 5) * 3.0)
}

fn name(n: u32) -> String {
    format!("chair-{n:03}")
}

fn chairs(count: u32) -> Vec<ElementMesh> {
    (0..count).flat_map(|n| chair(&name(n), place(n), turned(n))).collect()
}

fn copied(tile: &Tile) -> Vec<&Seen> {
    tile.seen.iter().filter(|seen| seen.copies > 0).collect()
}

#[test]
fn chairs_are_written_once_and_stand_where_they_stood() {
    let dir = tempfile::tempdir().unwrap();
    let mut meshes = chairs(40);
    // Equal, but for a mirror; for a colour; for a leg.
    let mirror = DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0));
    meshes.extend(chair("mirrored", DVec3::new(3.0, 2.0, 1.0), mirror));
    let mut red = chair("red", DVec3::new(3.0, 1.0, 1.0), DMat3::IDENTITY);
    red[0].rgba = [255, 0, 0, 255];
    let mut longer = chair("longer", DVec3::new(3.0, 3.0, 1.0), DMat3::IDENTITY);
    longer[2].positions[7][1] += 0.001;
    meshes.extend(red.into_iter().chain(longer));
    let summary = write_to(dir.path(), meshes.clone());
    assert_eq!((summary.features, summary.shapes, summary.copies), (43, 1, 40));
    assert_eq!(summary.triangles, 43 * 144);
    // Where a leg is longer, it has more of them.
    assert!((43 * 144..43 * 146).contains(&summary.edges), "{}", summary.edges);
    assert!(summary.max_error_m < 0.005, "{}", summary.max_error_m);
    let tile = read_tile(&dir.path().join("0.glb"));
    let layers = copied(&tile);
    let names: Vec<_> = layers.iter().map(|seen| seen.material.as_str()).collect();
    assert_eq!(names, ["opaque", "glass", "edge"]);
    for seen in layers {
        assert_eq!((seen.copies, seen.feature_count), (40, 40));
        let rows: HashSet<u16> = seen.features.iter().copied().collect();
        let wanted: HashSet<String> = (0..40).map(name).collect();
        assert_eq!(
            rows.iter()
                .map(|row| tile.rows[usize::from(*row)]["entity"].clone())
                .collect::<HashSet<_>>(),
            wanted
        );
        for (p, row) in seen.positions.iter().zip(&seen.features) {
            let entity = &tile.rows[usize::from(*row)]["entity"];
            let of_it = meshes.iter().filter(|mesh| mesh.entity.as_str() == entity);
            let off = of_it.flat_map(|mesh| {
                let origin = DVec3::from(mesh.origin);
                mesh.positions.iter().map(move |own| origin + DVec3::from(own.map(f64::from)))
            });
            let off = off.map(|own| (own - DVec3::from(*p)).abs().max_element());
            let off = off.fold(f64::INFINITY, f64::min);
            assert!(off <= summary.max_error_m, "{entity}: {off} at {p:?}");
        }
    }
    tiles(dir.path());
}

#[test]
fn copies_make_a_file_smaller_and_the_picture_no_other() {
    let (once, often) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut meshes = chairs(60);
    let copies = write_to(once.path(), meshes.clone());
    // One leg is longer by a millimetre, each by another: no two are equal.
    for (n, mesh) in meshes.iter_mut().enumerate() {
        mesh.positions[n % 24][2] += 0.001 * (n + 1) as f32;
    }
    let merged = write_to(often.path(), meshes);
    assert_eq!((copies.copies, merged.copies, merged.shapes), (60, 0, 0));
    let same = |s: &TilesSummary| (s.tiles, s.features, s.triangles, s.collapsed_triangles);
    assert_eq!(same(&copies), same(&merged));
    assert!(copies.bytes * 5 < merged.bytes, "{} of {}", copies.bytes, merged.bytes);
    let [one, two] = [&once, &often].map(|dir| read_tile(&dir.path().join("0.glb")));
    let drawn = |tile: &Tile, name: &str| -> usize {
        let layers = tile.seen.iter().filter(|seen| seen.material == name);
        layers.map(|seen| seen.indices.len() * seen.copies.max(1)).sum()
    };
    for name in ["opaque", "glass"] {
        assert_eq!(drawn(&one, name), drawn(&two, name));
    }
}

#[test]
fn what_would_save_little_is_merged() {
    let dir = tempfile::tempdir().unwrap();
    let summary = write_to(dir.path(), chairs(3));
    assert_eq!((summary.features, summary.shapes), (3, 0));
    // A thousand crates of a few vertices each are worth it.
    let crates = (0..1_000).map(|n| {
        let at = [f64::from(n % 40) * 2.0, f64::from(n / 40) * 2.0, 0.5];
        cube(&format!("crate-{n}"), at, 0.7, MaterialClass::Opaque)
    });
    let summary = write_to(dir.path(), crates.collect());
    assert_eq!((summary.shapes, summary.copies), (1, 1_000));
    assert!(summary.bytes < 1_000 * (COPY_BYTES as u64 + 70) + 10_000, "{}", summary.bytes);
}

#[test]
fn a_tile_has_few_shapes_and_takes_those_that_save_most() {
    let dir = tempfile::tempdir().unwrap();
    let mut meshes = Vec::new();
    for kind in 0..20_u32 {
        // The later the kind, the more of it there is.
        for n in 0..50 + kind {
            let at =
                place(n) + DVec3::new(60.0 * f64::from(kind % 5), 60.0 * f64::from(kind / 5), 0.0);
            let mut own = chair(&format!("{kind:02}-{n:03}"), at, turned(n));
            own.iter_mut().for_each(|mesh| mesh.rgba[0] ^= kind as u8);
            meshes.extend(own);
        }
    }
    let summary = write_to(dir.path(), meshes);
    assert!(summary.shapes >= 2, "{summary:?}");
    for (_, content) in tiles(dir.path()) {
        let content = content.unwrap();
        let shapes: HashSet<String> = copied(&content)
            .iter()
            .map(|seen| content.rows[usize::from(seen.features[0])]["entity"][..2].to_owned())
            .collect();
        assert!(shapes.len() <= instances::MAX_SHAPES, "{shapes:?}");
        // All are as large: what there is most of saves most.
        let count =
            |kind: &str| content.rows.iter().filter(|row| row["entity"].starts_with(kind)).count();
        let least = shapes.iter().map(|kind| count(kind)).min().unwrap_or(0);
        let rest = (0..20).map(|kind| format!("{kind:02}")).filter(|kind| !shapes.contains(kind));
        assert!(rest.map(|kind| count(&kind)).max() <= Some(least));
    }
}

#[test]
fn the_order_of_turned_copies_does_not_change_a_byte() {
    let mut meshes = chairs(50);
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = write_to(first.path(), meshes.clone());
    meshes.reverse();
    let two = write_to(second.path(), meshes);
    assert_eq!(one, two);
    let [a, b] = [&first, &second].map(|dir| fs::read(dir.path().join("0.glb")).unwrap());
    assert!(one.shapes == 1 && a == b);
}

#[test]
fn broken_numbers_are_equal_to_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut meshes = chairs(40);
    for mesh in &mut meshes {
        // A vertex that no triangle uses once it has been cleaned.
        mesh.positions.push([f32::NAN; 3]);
        mesh.indices.extend([0, 1, mesh.positions.len() as u32 - 1]);
    }
    let summary = write_to(dir.path(), meshes);
    assert_eq!((summary.features, summary.shapes, summary.triangles), (40, 0, 40 * 144));
}
