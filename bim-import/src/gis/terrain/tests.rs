use serde_json::{Value, json};

use super::{asc, geotiff, *};
use crate::{
    frame::LocalFrame,
    gis::{geojson, ground::Ground},
};

/// A slope in UTM 32: height grows by 0.1 m a metre eastwards, from 100 m.
fn slope(columns: usize, rows: usize) -> String {
    let mut text = format!(
        "ncols {columns}\nnrows {rows}\nxllcorner 499995\nyllcorner 5399995\ncellsize 10\nNODATA_value -9999\n"
    );
    for _ in 0..rows {
        for column in 0..columns {
            text += &format!("{} ", 100 + column);
        }
        text.push('\n');
    }
    text
}

fn laid(text: &str) -> (LocalFrame, Terrain) {
    let grid = asc::read(text.as_bytes(), None, Some("EPSG:25832")).unwrap();
    let [lon, lat, _] = grid.fix().unwrap().wgs84;
    let frame = LocalFrame::from_wgs84(lon, lat, 100.0);
    let mut terrain = Terrain::default();
    terrain.add(0, Relief::placed(&grid, Some(&frame)).unwrap());
    (frame, terrain)
}

#[test]
fn a_grid_lies_where_its_system_says() {
    let (frame, terrain) = laid(&slope(41, 31));
    // The middle of the middle sample: 500,200 E, 5,400,150 N, 120 m.
    let crs = Crs::parse("EPSG:25832").unwrap();
    for (east, north, want) in [(500_200.0, 5_400_150.0, 120.0), (500_100.0, 5_400_090.0, 110.0)] {
        let [lon, lat] = crs.lon_lat(east, north).unwrap();
        let [x, y, z] = frame.to_local(lon, lat, want);
        let height = terrain.height(x, y).unwrap();
        assert!((height - z).abs() < 0.02, "{height} is not {z}");
    }
    assert_eq!(terrain.height(5_000.0, 0.0), None);
}

#[test]
fn maps_lie_on_the_slope_and_houses_stand_in_it() {
    let (frame, terrain) = laid(&slope(41, 31));
    let degrees = |x: f64, y: f64| {
        let [lon, lat, _] = frame.to_wgs84([x, y, 20.0]);
        json!([lon, lat])
    };
    let ring = |x: f64, y: f64, w: f64, h: f64| {
        json!([[
            degrees(x, y),
            degrees(x + w, y),
            degrees(x + w, y + h),
            degrees(x, y + h),
            degrees(x, y)
        ]])
    };
    let feature = |kind: &str, geometry: &str, coordinates: Value| {
        json!({"type": "Feature", "properties": {"kind": kind, "height": 10, "width": 6},
               "geometry": {"type": geometry, "coordinates": coordinates}})
    };
    let text = json!({"type": "FeatureCollection", "features": [
        feature("road", "LineString", json!([degrees(-100.0, 3.0), degrees(100.0, 7.0)])),
        feature("green", "Polygon", ring(-80.0, -60.0, 150.0, 40.0)),
        feature("building", "Polygon", ring(0.0, 20.0, 20.0, 10.0)),
    ]})
    .to_string();
    let ground = Ground { frame: &frame, terrain: &terrain };
    let imported = geojson::read_on(text.as_bytes(), "m.geojson", 1, ground).unwrap();
    assert!(imported.notes.is_empty(), "{:?}", imported.notes);
    let [road, green, house] = imported.meshes.as_slice() else { panic!() };
    let mut area = 0.0;
    for mesh in [road, green] {
        for position in &mesh.positions {
            let [x, y, z] = [0, 1, 2].map(|i| mesh.origin[i] + f64::from(position[i]));
            let above = z - terrain.height(x, y).unwrap();
            assert!((-0.2..0.0).contains(&above), "{above}");
        }
        for t in mesh.indices.chunks(3) {
            let at = |i: u32| mesh.positions[i as usize].map(f64::from);
            area += crate::vector::area(&[at(t[0]), at(t[1]), at(t[2])]);
        }
    }
    // Nothing is lost or doubled where pieces are cut: the road has round ends.
    assert!((area - 6_000.0 - 200.0 * 6.0 - 54.0).abs() < 5.0, "{area}");
    let bbox = imported.entities.iter().find(|e| e.id == house.entity).unwrap().bbox.unwrap();
    let low = terrain.height(0.0, 25.0).unwrap();
    assert!((bbox.min[2] - (low - 0.2)).abs() < 0.3 && (bbox.max[2] - (low + 10.0)).abs() < 0.3);
}

#[test]
fn holes_in_the_ground_stay_holes() {
    let text = slope(41, 31).replacen("120 ", "-9999 ", 31);
    let (_, terrain) = laid(&text);
    assert_eq!(terrain.height(0.0, 0.0), None);
    assert!(terrain.height(-100.0, 0.0).is_some());
}

/// What is cut along the cells lies on their edges but for rounding.
#[test]
fn edges_of_cells_belong_to_the_ground() {
    let (_, terrain) = laid(&slope(40, 30));
    let relief = &terrain.reliefs[0].1;
    // The rim is cut off askew: north of the map is not north of the frame.
    for (column, row) in (3..36).flat_map(|column| (3..26).map(move |row| (column, row))) {
        let [x, y] = relief.corner(column, row);
        let height = relief.height(x, y).unwrap();
        for [x, y] in [[x.next_up(), y], [x.next_down(), y], [x, y.next_up()], [x, y.next_down()]] {
            let beside = relief.height(x, y).unwrap();
            assert!((beside - height).abs() < 1e-9, "{column} {row}: {beside} {height}");
        }
    }
    let [west, south] = relief.corner(0, 0);
    assert_eq!(relief.height(west - 0.01 * relief.step_m(), south), None);
}

#[test]
fn a_grid_in_degrees_without_a_system_is_not_taken_for_metres_in_silence() {
    let text = slope(4, 3).replace("cellsize 10", "cellsize 0.001");
    let read = |text: &str| asc::read(text.as_bytes(), None, None).unwrap().notes;
    let near = ["xllcorner", "yllcorner"].iter().fold(text, |text, key| {
        let at = text.find(key).unwrap();
        let end = text[at..].find('\n').unwrap() + at;
        format!("{}{key} 6.1{}", &text[..at], &text[end..])
    });
    assert!(read(&near)[0].reason.contains("look like degrees"));
    assert!(read(&slope(4, 3)).is_empty());
}

#[test]
fn a_large_grid_is_made_coarser() {
    let (_, terrain) = laid(&slope(900, 700));
    let relief = &terrain.reliefs[0].1;
    let mut shape = Shape::default();
    relief.draw([0.0; 3], &mut shape);
    let triangles = shape.take_triangles().len();
    assert!((80_000..=122_000).contains(&triangles), "{triangles}");
    assert!(relief.step_m() > 10.0);
}

#[test]
fn broken_grids_are_refused() {
    let whole = slope(4, 3);
    let cut = &whole[..whole.len() - 12];
    for (text, part) in [
        ("", "ncols"),
        ("ncols 3\nnrows 1000000000\nxllcorner 0\nyllcorner 0\ncellsize 1\n1", "coarser"),
        ("ncols -3\n", "no size of a grid"),
        (cut, "ends after"),
        (&whole.replace("cellsize 10", "cellsize 0"), "not positive"),
        (&whole.replace("101 ", "high "), "no height"),
        (&whole.replace("ncols", "colours"), "not known"),
    ] {
        let error = asc::read(text.as_bytes(), None, None).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    // Degrees under a system of metres are not believed, and the other way round.
    let grid = asc::read(whole.as_bytes(), None, Some("EPSG:4326")).unwrap();
    assert!(grid.crs.is_none() && grid.notes[0].reason.contains("degrees are no metres"));
    let prj = r#"PROJCS["x",GEOGCS["y",AUTHORITY["EPSG","4258"]],AUTHORITY["EPSG","25832"]]"#;
    let grid = asc::read(whole.as_bytes(), Some(prj), None).unwrap();
    assert_eq!(grid.crs.unwrap().name(), "EPSG:25832");
    assert!(geotiff::read(b"II*\0\x08\0\0\0", None).is_err());
    assert!(geotiff::read(b"no tiff", None).is_err());
}

#[test]
fn a_geotiff_is_read_with_its_keys() {
    use tiff::{
        encoder::{TiffEncoder, colortype::Gray32Float},
        tags::Tag,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut image = encoder.new_image::<Gray32Float>(3, 2).unwrap();
    let tags = image.encoder();
    tags.write_tag(Tag::ModelPixelScaleTag, &[10.0, 10.0, 0.0][..]).unwrap();
    tags.write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, 84_000.0, 447_020.0, 0.0][..]).unwrap();
    let keys: [u16; 16] = [1, 1, 0, 3, 1_025, 0, 1, 1, 3_072, 0, 1, 28_992, 4_096, 0, 1, 5_709];
    tags.write_tag(Tag::GeoKeyDirectoryTag, &keys[..]).unwrap();
    tags.write_tag(Tag::GdalNodata, "-9999").unwrap();
    image.write_data(&[1.0, 2.0, 3.0, 4.0, -9_999.0, 6.0]).unwrap();
    let bytes = bytes.into_inner();
    let grid = geotiff::read(&bytes, None).unwrap();
    let crs = grid.crs.as_ref().unwrap();
    assert_eq!(crs.name(), "EPSG:28992");
    assert_eq!(crs.vertical().unwrap().name(), "NAP height (EPSG:5709)");
    assert_eq!((grid.first, grid.step), ([84_005.0, 447_015.0], [10.0, -10.0]));
    assert_eq!(grid.height_m(84_005.0, 447_015.0), Some(1.0));
    assert_eq!(grid.height_m(84_010.0, 447_015.0), Some(1.5));
    assert_eq!(grid.height_m(84_015.0, 447_006.0), None, "nothing was measured there");
    for end in 0..bytes.len() {
        let _ = geotiff::read(&bytes[..end], None);
    }
}

#[test]
fn triangles_become_ground_and_the_highest_counts() {
    // A slope of one in ten over 100 by 60 m, in two triangles, and a mound on it.
    let at = |x: f64, y: f64| [x, y, x / 10.0];
    let slope = [
        [at(0.0, 0.0), at(100.0, 0.0), at(100.0, 60.0)],
        [at(0.0, 0.0), at(0.0, 60.0), at(100.0, 60.0)],
    ];
    let mut triangles = slope.to_vec();
    let top = [50.0, 30.0, 25.0];
    let foot = [[40.0, 20.0, 4.0], [60.0, 20.0, 6.0], [60.0, 40.0, 6.0], [40.0, 40.0, 4.0]];
    triangles.extend((0..4).map(|i| [foot[i], foot[(i + 1) % 4], top]));
    // Small ones, so that it is laid out finely.
    triangles.extend(std::iter::repeat_n([at(0.0, 0.0), at(0.1, 0.0), at(0.0, 0.1)], 2_000));
    let relief = Relief::of_triangles(&triangles).unwrap();
    for (x, y) in [(10.0, 10.0), (90.0, 50.0), (33.3, 7.7)] {
        let height = relief.height(x, y).unwrap();
        assert!((height - x / 10.0).abs() < 1e-6, "{height} at {x}");
    }
    assert!(relief.height(50.0, 30.0).unwrap() > 20.0);
    assert_eq!(relief.height(-5.0, 30.0), None);
    assert!(Relief::of_triangles(&[]).is_none());
    assert!(Relief::of_triangles(&[[[0.0; 3]; 3]]).is_none());
    // Slivers from corner to corner, each within the whole box, would take for ever.
    let sliver = [at(0.0, 0.0), at(100.0, 60.0), at(100.0, 60.001)];
    let many = vec![sliver; 10_000];
    assert!(Relief::of_triangles(&many).is_none());
}
