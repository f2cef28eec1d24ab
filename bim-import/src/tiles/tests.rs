//! Writes small tilesets and reads them back with another reader.

use std::{collections::BTreeMap, path::Path};

use super::{
    test_reader::{Tile, read_tile},
    *,
};
use crate::{
    mesh::MaterialClass,
    vector::{cross, length, sub},
};

pub(super) fn cube(entity: &str, at: [f64; 3], size: f32, class: MaterialClass) -> ElementMesh {
    let mut mesh = ElementMesh {
        entity: entity.into(),
        storey: Some("storey-1".into()),
        class,
        origin: at,
        positions: Vec::new(),
        normals: Vec::new(),
        indices: Vec::new(),
        rgba: [128, 128, 128, 255],
    };
    for axis in 0..3 {
        for side in [0.0, 1.0] {
            let first = mesh.positions.len() as u32;
            let mut normal = [0.0; 3];
            normal[axis] = side * 2.0 - 1.0;
            for (u, v) in [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)] {
                let mut p = [0.0; 3];
                p[axis] = side * size;
                p[(axis + 1) % 3] = u * size;
                p[(axis + 2) % 3] = v * size;
                mesh.positions.push(p);
                mesh.normals.push(normal);
            }
            let turn = if side > 0.5 { [0, 1, 2, 0, 2, 3] } else { [0, 2, 1, 0, 3, 2] };
            mesh.indices.extend(turn.map(|i| first + i));
        }
    }
    mesh
}

pub(super) fn write_to(dir: &Path, meshes: Vec<ElementMesh>) -> TilesSummary {
    let kinds = meshes.iter().map(|mesh| (mesh.entity.clone(), EntityKind::Door)).collect();
    write(dir, meshes, &kinds, None).unwrap()
}

fn tileset(dir: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(dir.join("tileset.json")).unwrap()).unwrap()
}

/// Every tile of a tileset, parents first, with the checks that hold for any of them.
pub(super) fn tiles(dir: &Path) -> Vec<(serde_json::Value, Option<Tile>)> {
    let mut open = vec![tileset(dir)["root"].clone()];
    let mut found = Vec::new();
    while let Some(tile) = open.pop() {
        for child in tile["children"].as_array().into_iter().flatten() {
            assert!(child["geometricError"].as_f64() <= tile["geometricError"].as_f64());
            open.push(child.clone());
        }
        let content = tile["content"]["uri"].as_str().map(|uri| read_tile(&dir.join(uri)));
        if let Some(content) = &content {
            let volume: Vec<f64> = tile["boundingVolume"]["box"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(serde_json::Value::as_f64)
                .collect();
            for p in content.seen.iter().flat_map(|seen| &seen.positions) {
                for axis in 0..3 {
                    assert!((p[axis] - volume[axis]).abs() <= volume[3 + axis * 4], "{p:?}");
                }
            }
        }
        found.push((tile, content));
    }
    found
}

#[test]
fn a_cube_comes_back_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut pane = cube("a", [10.0, 20.0, 4.0], 0.5, MaterialClass::Glass);
    pane.rgba = [0, 255, 128, 100];
    let summary = write_to(
        dir.path(),
        vec![
            cube("b", [100.5, -20.25, 3.0], 2.0, MaterialClass::Opaque),
            cube("a", [10.0, 20.0, 3.0], 1.0, MaterialClass::Opaque),
            pane,
        ],
    );
    assert_eq!((summary.tiles, summary.features, summary.triangles), (1, 2, 36));
    assert_eq!(summary.edges, 36);
    assert!(summary.undrawn.is_empty() && summary.dropped.is_empty());
    let tile = read_tile(&dir.path().join("0.glb"));
    let names: Vec<_> = tile.seen.iter().map(|seen| seen.material.as_str()).collect();
    assert_eq!(names, ["opaque", "glass", "edge"]);
    assert_eq!(tile.rows[0]["entity"], "a");
    assert_eq!(tile.rows[1]["entity"], "b");
    assert_eq!(tile.rows[1]["kind"], "door");
    assert_eq!(tile.rows[0]["storey"], "storey-1");
    let opaque = &tile.seen[0];
    assert_eq!(opaque.feature_count, 2);
    assert_eq!(opaque.positions.len(), 48);
    assert_eq!(tile.seen[1].feature_count, 1);
    assert_eq!(tile.seen[1].colors[0], [0, 255, 128, 100]);
    for (p, feature) in opaque.positions.iter().zip(&opaque.features) {
        let (at, size) =
            if *feature == 0 { ([10.0, 20.0, 3.0], 1.0) } else { ([100.5, -20.25, 3.0], 2.0) };
        for axis in 0..3 {
            let off = (p[axis] - at[axis]).abs().min((p[axis] - at[axis] - size).abs());
            assert!(off <= summary.max_error_m + 1e-4, "{p:?}");
        }
    }
    tiles(dir.path());
}

#[test]
fn every_authored_shade_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let shades = 0..=255_u8;
    let painted = |shade: u8| ElementMesh {
        rgba: [shade, 255 - shade, shade / 2, shade],
        ..cube(&format!("{shade:03}"), [f64::from(shade), 0.0, 0.0], 0.5, MaterialClass::Opaque)
    };
    write_to(dir.path(), shades.clone().map(painted).collect());
    let seen = read_tile(&dir.path().join("0.glb")).seen.remove(0);
    let mut found = BTreeMap::new();
    for (feature, color) in seen.features.iter().zip(seen.colors) {
        assert_eq!(*found.entry(*feature).or_insert(color), color);
    }
    let wanted = shades.map(|shade| [shade, 255 - shade, shade / 2, shade]);
    assert!(found.into_values().eq(wanted));
}

#[test]
fn the_order_of_meshes_does_not_change_a_byte() {
    let mut meshes: Vec<_> = (0..12_000)
        .map(|n| {
            let at = [f64::from(n % 80) * 3.0, f64::from(n / 80) * 3.0, 0.0];
            // Three meshes an entity.
            cube(&format!("e{}", n / 3), at, 1.0 + (n % 7) as f32 * 0.2, MaterialClass::Opaque)
        })
        .collect();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = write_to(first.path(), meshes.clone());
    meshes.reverse();
    let two = write_to(second.path(), meshes);
    assert_eq!(one, two);
    assert!(one.tiles > 1);
    let mut names: Vec<_> =
        fs::read_dir(first.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len() as u64, one.tiles + 1);
    for name in names {
        let [a, b] = [&first, &second].map(|dir| fs::read(dir.path().join(&name)).unwrap());
        assert!(a == b, "{name:?} differs");
    }
}

#[test]
fn large_things_stand_in_parents() {
    let dir = tempfile::tempdir().unwrap();
    let meshes: Vec<_> = (0..8_000)
        .map(|n| {
            let size = if n % 100 == 0 { 20.0 } else { 0.5 };
            let at = [f64::from(n % 80) * 4.0, f64::from(n / 80) * 4.0, 0.0];
            cube(&format!("e{n:04}"), at, size, MaterialClass::Opaque)
        })
        .collect();
    write_to(dir.path(), meshes);
    let root = read_tile(&dir.path().join("0.glb"));
    let large = root.rows.iter().filter(|row| row["entity"].ends_with("00")).count();
    assert_eq!(large, 80);
    for (tile, content) in tiles(dir.path()) {
        let triangles: usize = content
            .iter()
            .flat_map(|tile| &tile.seen)
            .filter(|seen| seen.material == "opaque")
            .map(|seen| seen.indices.len() / 3)
            .sum();
        assert!(triangles <= item::TILE_TRIANGLES * 5 / 4);
        assert_eq!(tile["children"].is_null(), tile["geometricError"] == 0.0);
    }
}

#[test]
fn more_features_than_sixteen_bits_are_spread_over_tiles() {
    let dir = tempfile::tempdir().unwrap();
    // One triangle each, all in one place: only the number of rows forces a split.
    let meshes = (0..70_000)
        .map(|n| ElementMesh {
            entity: format!("e{n}").as_str().into(),
            storey: None,
            class: MaterialClass::Opaque,
            origin: [0.0; 3],
            positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            indices: vec![0, 1, 2],
            rgba: [200, 200, 200, 255],
        })
        .collect();
    let summary = write_to(dir.path(), meshes);
    assert_eq!(summary.features, 70_000);
    let mut seen = std::collections::HashSet::new();
    for (_, content) in tiles(dir.path()) {
        let content = content.unwrap();
        assert!(content.rows.len() <= 65_535);
        assert!(content.rows.iter().all(|row| !row.contains_key("storey")));
        for row in content.rows {
            assert!(seen.insert(row["entity"].clone()), "twice");
        }
    }
    assert_eq!(seen.len(), 70_000);
}

#[test]
fn nothing_gives_a_valid_empty_tileset() {
    let dir = tempfile::tempdir().unwrap();
    let summary = write_to(dir.path(), Vec::new());
    assert_eq!(TilesSummary { sha256: [0; 32], ..summary }, TilesSummary::default());
    let json = tileset(dir.path());
    assert_eq!(json["asset"]["version"], "1.1");
    assert_eq!(json["root"]["boundingVolume"]["box"].as_array().unwrap().len(), 12);
    assert!(json["root"].get("content").is_none() && json["root"].get("children").is_none());
}

#[test]
fn broken_triangles_are_left_out_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut mesh = cube("a", [0.0; 3], 1.0, MaterialClass::Opaque);
    mesh.positions.extend([[f32::NAN, 0.0, 0.0], [1.0e30, 0.0, 0.0]]);
    mesh.indices.extend([0, 1, 24]); // NaN
    mesh.indices.extend([0, 1, 25]); // far away
    mesh.indices.extend([0, 1, 999]); // no such vertex
    mesh.indices.extend([0, 0, 1]); // no area
    mesh.indices.extend([0, 1]); // half a triangle
    mesh.normals.truncate(4);
    let mut gone = cube("gone", [0.0; 3], 1.0, MaterialClass::Opaque);
    gone.origin = [f64::INFINITY, 0.0, 0.0];
    let summary = write_to(dir.path(), vec![mesh, gone]);
    assert_eq!(summary.dropped, [("a".into(), 5), ("gone".into(), 12)]);
    assert_eq!(summary.dropped_triangles, 17);
    assert_eq!(summary.undrawn, [EntityId::from("gone")]);
    assert_eq!(summary.triangles, 12);
    assert_eq!(tiles(dir.path()).len(), 1);
}

#[test]
fn wide_ground_is_cut_without_losing_area_or_precision() {
    let dir = tempfile::tempdir().unwrap();
    let mesh = ElementMesh {
        entity: "ground".into(),
        storey: None,
        class: MaterialClass::Ground,
        origin: [100.0, -50.0, 0.0],
        positions: vec![
            [0.0; 3],
            [2_000.0, 0.0, 0.0],
            [2_000.0, 1_500.0, 30.0],
            [0.0, 1_500.0, 30.0],
        ],
        normals: vec![[0.0, 0.0, 1.0]; 4],
        indices: vec![0, 1, 2, 0, 2, 3],
        rgba: [90, 100, 90, 255],
    };
    let kinds = HashMap::from([("ground".into(), EntityKind::Building)]);
    let summary = write(dir.path(), vec![mesh], &kinds, None).unwrap();
    assert!(summary.max_error_m < 0.005, "{}", summary.max_error_m);
    assert_eq!(summary.features, 1);
    let (mut area, mut outline) = (0.0, 0.0);
    for (_, content) in tiles(dir.path()) {
        for seen in content.iter().flat_map(|tile| &tile.seen) {
            let at = |i: u32| seen.positions[i as usize];
            if seen.material == "edge" {
                outline +=
                    seen.indices.chunks(2).map(|l| length(sub(at(l[0]), at(l[1])))).sum::<f64>();
            } else {
                area += seen
                    .indices
                    .chunks(3)
                    .map(|t| {
                        let [a, b, c] = [at(t[0]), at(t[1]), at(t[2])];
                        length(cross(sub(b, a), sub(c, a))) / 2.0
                    })
                    .sum::<f64>();
            }
        }
    }
    let side = (1_500.0_f64.powi(2) + 30.0 * 30.0).sqrt();
    assert!((area / (2_000.0 * side) - 1.0).abs() < 1e-4, "{area}");
    assert!((outline - 2.0 * (2_000.0 + side)).abs() < 0.5, "{outline}");
}

#[test]
fn a_mesh_of_nothing_but_giant_triangles_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut mesh = cube("broken", [0.0; 3], 1.0, MaterialClass::Opaque);
    let reach = |n: u32| ((n * 7_919) % 2_003) as f32 * 500.0;
    for n in 0..100_000_u32 {
        let first = mesh.positions.len() as u32;
        mesh.positions.extend([
            [reach(n), 0.0, reach(n + 1)],
            [-reach(n + 2), reach(n + 3), 0.0],
            [0.0, -reach(n + 4), -reach(n + 5)],
        ]);
        mesh.normals.extend([[0.0, 0.0, 1.0]; 3]);
        mesh.indices.extend([first, first + 1, first + 2]);
    }
    let summary = write_to(dir.path(), vec![mesh]);
    assert!(summary.triangles <= 100_012, "{summary:?}");
    // Coarse, and said so.
    assert!(summary.max_error_m > 1.0);
}

#[test]
fn a_dense_element_is_cut_and_stays_one_feature_a_tile() {
    let dir = tempfile::tempdir().unwrap();
    let mut mesh = cube("dense", [0.0; 3], 1.0, MaterialClass::Opaque);
    let one = mesh.clone();
    for n in 1..12_000_u32 {
        let first = mesh.positions.len() as u32;
        let shift = [(n % 100) as f32 * 2.0, (n / 100) as f32 * 2.0, 0.0];
        mesh.positions
            .extend(one.positions.iter().map(|p| [p[0] + shift[0], p[1] + shift[1], p[2]]));
        mesh.normals.extend(&one.normals);
        mesh.indices.extend(one.indices.iter().map(|i| first + i));
    }
    let summary = write_to(dir.path(), vec![mesh]);
    assert_eq!(summary.features, 1);
    assert_eq!(summary.triangles, 144_000);
    // Dense meshes keep one edge per two triangles: here those of half the cubes.
    assert_eq!(summary.edges, 72_000);
    for (_, content) in tiles(dir.path()) {
        let content = content.unwrap();
        assert_eq!(content.rows.len(), 1);
        assert!(content.seen[0].indices.len() / 3 <= item::TILE_TRIANGLES * 5 / 4);
    }
}

#[test]
fn spaces_are_outlined_apart_from_things() {
    let dir = tempfile::tempdir().unwrap();
    let kinds = HashMap::from([("room".into(), EntityKind::Space)]);
    let meshes = vec![
        cube("room", [0.0; 3], 3.0, MaterialClass::Space),
        cube("lawn", [5.0, 0.0, 0.0], 3.0, MaterialClass::Ground),
    ];
    write(dir.path(), meshes, &kinds, Some([1.0; 16])).unwrap();
    let tile = read_tile(&dir.path().join("0.glb"));
    let names: Vec<_> = tile.seen.iter().map(|seen| seen.material.as_str()).collect();
    assert_eq!(names, ["space", "ground", "space_edge"]);
    assert_eq!(tile.rows[0]["kind"], "element");
    assert_eq!(tileset(dir.path())["root"]["transform"].as_array().unwrap().len(), 16);
}
