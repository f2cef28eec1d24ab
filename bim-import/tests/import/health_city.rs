//! The page about cities: what is drawn where, what lies elsewhere, and what was laid at the
//! origin for want of a place.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Folder, command, json as read_json, model, stderr};

/// A city of boxes, each `[x, y]` m from a corner of a zone; without a system where the code
/// is 0.
fn city(name: &str, epsg: u32, boxes: &[[i64; 2]]) -> Value {
    let mut vertices = Vec::new();
    let mut objects = serde_json::Map::new();
    for (n, [x, y]) in boxes.iter().enumerate() {
        let first = vertices.len();
        for z in [0, 9] {
            vertices.extend([[0, 0], [20, 0], [20, 12], [0, 12]].map(|[a, b]| [x + a, y + b, z]));
        }
        let face = |corners: [usize; 4]| json!([corners.map(|corner| first + corner)]);
        let shell = [
            face([3, 2, 1, 0]),
            face([4, 5, 6, 7]),
            face([0, 1, 5, 4]),
            face([1, 2, 6, 5]),
            face([2, 3, 7, 6]),
            face([3, 0, 4, 7]),
        ];
        let geometry = json!([{"type": "Solid", "lod": "1", "boundaries": [shell]}]);
        objects.insert(format!("{name}-{n}"), json!({"type": "Building", "geometry": geometry}));
    }
    let system = format!("https://www.opengis.net/def/crs/EPSG/0/{epsg}");
    let metadata = if epsg == 0 { json!({}) } else { json!({"referenceSystem": system}) };
    json!({
        "type": "CityJSON", "version": "2.0", "metadata": metadata,
        "transform": {"scale": [1.0, 1.0, 1.0], "translate": [500_000.0, 5_400_000.0, 0.0]},
        "vertices": vertices, "CityObjects": objects,
    })
}

fn page(files: &[std::path::PathBuf], out: &Path, more: &[&str]) -> String {
    let output = command(files, out).args(more).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    fs::read_to_string(out.join("report.html")).unwrap()
}

#[track_caller]
fn says(page: &str, words: &[&str]) {
    for words in words {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn shapes_of_a_city_are_in_the_overview_and_what_lies_elsewhere_is_told() {
    let folder = Folder::new("health-city");
    let here: Vec<[i64; 2]> = (0..130).map(|n| [n % 12 * 60, n / 12 * 60]).collect();
    let files = [
        folder.write("here.city.json", city("here", 32_632, &here).to_string()),
        folder.write("away.city.json", city("away", 32_634, &[[0, 0], [60, 0]]).to_string()),
    ];
    let out = folder.path("scene");
    let page = page(&files, &out, &[]);
    says(
        &page,
        &[
            "<dt><span lang=\"zh-Hans\">建筑</span><span lang=\"en\">Buildings</span></dt><dd>132</dd>",
            "of which 0 with contents",
            "<b>130 ×</b> <span lang=\"zh-Hans\">只有一个外形",
            "One shape, nothing inside: see the overview",
            "<b>2 ×</b> <span lang=\"zh-Hans\">远离其余部分",
            "and 30 more: see report.json",
            "Not in this picture: Unnamed building (away-0) (",
        ],
    );
    assert_eq!(page.matches("<img src=\"data:image/png;base64,").count(), 1, "the overview");
    assert!(!page.contains("Nothing to draw") && !page.contains("没有可画的内容"));
    // 12 degrees of longitude at 48.7 degrees north.
    let away = page.split("Unnamed building (away-0) (").nth(1).unwrap();
    let away: f64 = away.split(" km").next().unwrap().parse().unwrap();
    assert!((870.0..890.0).contains(&away), "{away} km");
    // Wherever the page says how far, it says the same.
    let note = fs::read_to_string(out.join("report.json")).unwrap();
    assert!(note.contains(&format!("{away} km from the scene's origin at the first")), "{away} km");
    says(&page, &[&format!("up to {away} km from the scene&#39;s origin")]);
    says(&page, &[&format!("stands {away} km from the scene&#39;s origin")]);
    // Where the picture shows the other place, what stands at the origin is said to do so.
    let files = [files[1].clone(), files[0].clone()];
    let turned = self::page(&files, &folder.path("turned"), &[]);
    says(&turned, &["Not in this picture: Unnamed building (away-0) (at the scene&#39;s origin)"]);
    says(&turned, &["stands 8"]);
    assert_eq!(turned.matches(" away from it").count(), 0);
    // The other place is not what the picture is of: it is not blank.
    assert!(page.len() < 200_000, "{} bytes", page.len());
}

#[test]
fn what_is_too_far_to_be_drawn_is_missing_and_the_page_says_why() {
    let folder = Folder::new("health-far-city");
    // The same coordinates in a zone of another continent.
    let files = [
        folder.write("here.city.json", city("here", 32_632, &[[0, 0], [60, 0]]).to_string()),
        folder
            .write("far.city.json", city("far", 32_610, &[[0, 0], [60, 0], [120, 0]]).to_string()),
    ];
    let out = folder.path("scene");
    let output = command(&files, &out).output().unwrap();
    assert!(stderr(&output).contains("3 dropped"), "{}", stderr(&output));
    let report = read_json(&out.join("report.json"));
    let counts = ["tessellated", "dropped", "too_far"].map(|name| &report["sources"][1][name]);
    assert_eq!(counts, [&json!(0), &json!(3), &json!(3)]);
    assert_eq!(report["sources"][0]["dropped"], 0);
    let note = report["sources"][1]["notes"].to_string();
    assert!(note.contains("too far to be drawn") && !note.contains("to see it well"), "{note}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let place = page.split("Place on earth").nth(1).unwrap();
    assert!(place.split("</h3>").next().unwrap().contains(">Missing<"));
    says(
        &page,
        &[
            "1 file too far to be drawn",
            "<b>far.city.json</b> ",
            "3 elements more than 2000 km from the scene&#39;s origin, not drawn anywhere",
            "<b>3 ×</b> <span lang=\"zh-Hans\">位于或延伸到",
        ],
    );
    assert!(!page.contains("Nothing of it has geometry"));
    assert!(!page.contains("Elements read but not to be seen"), "they are missing");
}

#[test]
fn a_city_without_a_system_among_placed_models_is_to_be_checked() {
    let folder = Folder::new("health-stray");
    let files = [
        folder.write("known.city.json", city("known", 32_632, &[[0, 0]]).to_string()),
        folder.write("lost.city.json", city("lost", 0, &[[0, 0]]).to_string()),
    ];
    let page = page(&files, &folder.path("scene"), &[]);
    let place = page.split("Place on earth").nth(1).unwrap();
    let state = place.split("</h3>").next().unwrap();
    assert!(state.contains(">Check<"), "{state}");
    says(
        &page,
        &["1 file without a place", "<b>lost.city.json</b>", "laid at the scene&#39;s origin"],
    );
    assert!(!page.contains("<b>known.city.json</b>"));
}

#[test]
fn a_system_that_the_user_overrides_is_noted() {
    let folder = Folder::new("health-crs");
    let file = folder.write("a.city.json", city("a", 32_632, &[[0, 0]]).to_string());
    let out = folder.path("scene");
    let text = "--crs EPSG:25832 was used instead of the system it names itself: EPSG:32632";
    let page = page(std::slice::from_ref(&file), &out, &["--crs", "EPSG:25832"]);
    says(&page, &[text, "使用了 --crs EPSG:25832，而不是文件自己注明的 EPSG:32632"]);
    let report = read_json(&out.join("report.json"));
    let notes = report["sources"][0]["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["reason"] == text), "{notes:?}");
    // The same system is no other one.
    let output = command(&[file], &out).args(["--crs", "EPSG:32632"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!fs::read_to_string(out.join("report.html")).unwrap().contains("was used instead"));
    // A building model says it, too.
    let Some(model) = model("duplex_a_2x3_georef") else { return };
    let output = command(&[model], &folder.path("ifc")).args(["--crs", "EPSG:25832"]).output();
    assert!(output.unwrap().status.success());
    let page = fs::read_to_string(folder.path("ifc").join("report.html")).unwrap();
    says(&page, &["--crs EPSG:25832 was used instead of the system it names itself: EPSG:2169"]);
}

#[test]
fn triangles_are_counted_and_changes_are_promised_only_where_they_are() {
    let folder = Folder::new("health-counts");
    let out = folder.path("scene");
    let file = folder.write("a.city.json", city("a", 32_632, &[[0, 0]]).to_string());
    let first = page(std::slice::from_ref(&file), &out, &[]);
    let report = read_json(&out.join("report.json"));
    assert_eq!(report["sources"][0]["triangles"], 12);
    assert_eq!(report["tiles"]["triangles"], 12);
    says(&first, &["<td class=\"n\">12</td>", ". 1 tile, vertices within"]);
    assert!(!first.contains("changes.json"));
    let again = page(std::slice::from_ref(&file), &out, &[]);
    assert!(first == again, "an import that is repeated writes another page");
    folder.write("a.city.json", city("a", 32_632, &[[0, 0], [50, 0]]).to_string());
    assert!(page(std::slice::from_ref(&file), &out, &[]).contains("changes.json"));
    assert!(out.join("changes.json").is_file());
    // And again, since the list of the last revision is kept.
    assert!(page(&[file], &out, &[]).contains("changes.json"));
    let boxes = fs::read_to_string(out.join("entities.ndjson")).unwrap();
    let bbox = boxes.split("\"bbox\":[").nth(1).unwrap().split(']').next().unwrap();
    let digits = |number: &str| number.split_once('.').map_or(0, |(_, after)| after.len());
    assert!(bbox.split(',').all(|number| digits(number) <= 4), "{bbox}");
}
