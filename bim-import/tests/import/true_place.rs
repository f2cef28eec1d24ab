//! City models, a map and a building in one scene, each at its true place: checked against
//! the coordinates in their files by PROJ, through Python.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::{Folder, command, model, shared, stderr};

/// How far a thing may stand from its true place, m.
const TOLERANCE_M: f64 = 1.0;

/// A Python with pyproj and osmium, made under the target folder once.
fn python() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("true-place-python");
    let python = home.join("bin/python");
    let run = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        if output.status.success() { Ok(()) } else { Err(stderr(&output)) }
    };
    let usable = || run(&python, &["-c", "import pyproj, osmium"]);
    if usable().is_err() {
        let home = home.to_str().ok_or("the target folder's name is no text")?;
        run(Path::new("python3"), &["-m", "venv", "--clear", home])?;
        run(&python, &["-m", "pip", "install", "--quiet", "pyproj", "osmium"])?;
        usable()?;
    }
    Ok(python)
}

#[test]
fn everything_stands_at_its_true_place() {
    let Some(models) = shared() else { return };
    let Some(building) = model("grf005_building_mapconv_ifc4") else { return };
    let python = match python() {
        Ok(python) => python,
        Err(reason) => return eprintln!("skipped: no Python with pyproj and osmium: {reason}"),
    };
    let folder = Folder::new("true-place");
    let out = folder.path("scene");
    let gis = ["delft.city.json", "zurich_subset_lod2.city.json", "monaco.osm.pbf"];
    let mut files: Vec<PathBuf> = vec![building.clone()];
    files.extend(gis.map(|name| models.join("gis").join(name)));
    let output = command(&files, &out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/true_place.py");
    let reference = models.join("../reference/ifc/grf005_building_mapconv_ifc4.tsv");
    let output = Command::new(python)
        .arg(script)
        .args([&models, &out, &building, &reference])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}");
    let least = [("delft", 560), ("zurich", 160), ("ifc", 500), ("monaco", 20)];
    for (line, (file, least)) in text.lines().zip(least) {
        let found: Value = serde_json::from_str(line).unwrap();
        assert_eq!(found["file"], file);
        assert!(found["compared"].as_u64().unwrap() >= least, "{line}");
        assert!(found["worst_m"].as_f64().unwrap() < TOLERANCE_M, "{line}");
    }
    assert_eq!(text.lines().count(), least.len());
}
