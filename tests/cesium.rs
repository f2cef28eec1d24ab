//! Our tiles in CesiumJS: they open without a complaint, stand where the file says they do,
//! and whoever clicks an element gets its GlobalId, also where it is one of many copies of a
//! shape.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use twin_e2e::{browser::Browser, files::Files, prerequisite, scene, tiles, wait};

/// Software rendering on two cores: generous, since none of this measures speed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A house in UTM zone 60 south, with a cube of one metre at the file's origin.
const HOUSE: &str = "ifc/bs_building_architecture_ifc4.ifc";
const CUBE: &str = "2F44QMqSH3TOkM$SZoqCBe";
/// The middle of the cube's top: (0.5, 0.5, 1.0) in the file, through its map conversion
/// (729013.3488297 E, 9063992.6846974 N, 1.3 m, turned by 60°) into EPSG:32760, and from
/// there to WGS 84 by PROJ 9.
const CUBE_TOP: [f64; 3] = [179.080_145_022_801_73, -8.462_193_776_660_026, 2.3];

/// Two flats with a roof, outer walls and windows that are seen from outside.
const DUPLEX: &str = "ifc/duplex_a_2x3_georef.ifc";

/// What is looked at in the Duplex: GlobalId, kind, and from which side. In the file's own
/// coordinates its walls stand along the axes.
const SEEN: &[(&str, &str, [f64; 3])] = &[
    ("3ThA22djr8AQQ9eQMA5s7I", "element", [0.0, 0.0, 1.0]),
    ("0jf0rYHfX3RAB3bSIRjmoa", "element", [0.0, -1.0, 0.0]),
    ("1hOSvn6df7F8_7GcBWlRGQ", "door", [1.0, 0.0, 0.0]),
    ("1hOSvn6df7F8_7GcBWlR72", "window", [0.0, 1.0, 0.0]),
];
/// The same on earth, where its map conversion turns it: the roof, a skylight and a terrace
/// from above.
const SEEN_FROM_ABOVE: &[(&str, &str, [f64; 3])] = &[
    ("3ThA22djr8AQQ9eQMA5s7I", "element", [0.0, 0.0, 1.0]),
    ("1Eo2$BaHX42AEkDvQQDocD", "window", [0.0, 0.0, 1.0]),
    ("1CZILmCaHETO8tf3SgGEWh", "element", [0.0, 0.0, 1.0]),
];

/// Cupboards of one shape that hang side by side in the Duplex's kitchens, which are each
/// other turned by half: GlobalId, and the middle of the box that IfcOpenShell finds in the
/// file. Seen from the kitchen, the first is on the right.
const CUPBOARDS: [[(&str, [f64; 3]); 3]; 2] = [
    [
        ("0iEHWY1$XA8eQeeULq4jKO", [4.834, -7.2578, 1.7]),
        ("0iEHWY1$XA8eQeeULq4jMl", [5.834, -7.2578, 1.7]),
        ("0iEHWY1$XA8eQeeULq4ien", [6.834, -7.2578, 1.7]),
    ],
    [
        ("0iEHWY1$XA8eQeeULq4jOM", [3.966, -10.5422, 1.7]),
        ("0iEHWY1$XA8eQeeULq4jQJ", [2.966, -10.5422, 1.7]),
        ("0iEHWY1$XA8eQeeULq4jTB", [1.966, -10.5422, 1.7]),
    ],
];
const CUPBOARD_WIDTH_M: f64 = 1.0;
const CUPBOARD_DEPTH_M: f64 = 0.3444;

/// Wires and lamps of the same two flats, and sockets of one shape, each with the way it
/// faces: one for every quarter turn.
const ELECTRICAL: &str = "ifc/duplex_electrical_2x3.ifc";
const SOCKETS: &[(&str, [f64; 3])] = &[
    ("1K7eM1Qof1dOc9$mY9I4CD", [-1.0, 0.0, 0.0]),
    ("1K7eM1Qof1dOc9$mY9I4DA", [0.0, -1.0, 0.0]),
    ("1K7eM1Qof1dOc9$mY9I4DJ", [1.0, 0.0, 0.0]),
    ("1K7eM1Qof1dOc9$mY9I4D6", [0.0, 1.0, 0.0]),
];

/// How far the place that is clicked may lie beside where it should be, m: CesiumJS reads it
/// off a depth buffer, and doors lie a little behind their handles.
const BESIDE_M: f64 = 0.06;

/// A building of a quarter of a million triangles, and a place on its roof.
const LARGE: &str = "ifc/mini_project_2x3.ifc";
const LARGE_TOP: [f64; 3] = [18.5, 14.9, 8.0];

/// A browser with CesiumJS in it, and the folder whose scenes it shows.
struct Cesium {
    browser: Browser,
    files: Files,
    binaries: PathBuf,
    models: PathBuf,
    folder: tempfile::TempDir,
}

impl Cesium {
    async fn start() -> Result<Option<Self>> {
        let (Some(models), Some(binaries), Some(tools)) = (
            prerequisite("TWIN_MODELS"),
            prerequisite("TWIN_BIN"),
            prerequisite("TWIN_NODE_TOOLS"),
        ) else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("cesium");
        let cesium = tools.join("node_modules/cesium/Build/Cesium");
        ensure!(cesium.is_dir(), "CesiumJS is not installed at {}", cesium.display());
        let files =
            Files::serve(&[("page", &page), ("cesium", &cesium), ("scenes", folder.path())])?;
        let browser = Browser::start(folder.path(), 320, 240).await?;
        browser.open(&files.url("page/index.html")).await?;
        wait::until_async(PATIENCE, "CesiumJS", || async {
            let ready = browser.script("return window.pageReady === true").await?;
            Ok((ready == json!(true)).then_some(()))
        })
        .await?;
        Ok(Some(Self { browser, files, binaries, models, folder }))
    }

    /// Imports a model and shows its tiles.
    async fn show(&self, model: &str, name: &str, arguments: &[&str]) -> Result<Package> {
        let out = self.folder.path().join(name);
        let model = self.models.join(model);
        let package = scene::import_with(&self.binaries, &model, &out, arguments)?;
        let url = self.files.url(&format!("scenes/{name}/scene/tiles/tileset.json"));
        let opened = self.browser.script(&format!("return openTileset({})", json!(url))).await?;
        ensure!(opened["version"] == "1.1", "{opened}");
        Package::read(&package)
    }

    /// What is seen from one place towards another; nothing may have failed until then.
    async fn pick(&self, wgs84: &Value, from: [f64; 3], to: [f64; 3]) -> Result<Value> {
        let script = format!("return pickAlong({wgs84}, {}, {})", json!(from), json!(to));
        let seen = self.browser.script(&script).await?;
        ensure!(seen["failures"] == json!([]), "CesiumJS complains: {}", seen["failures"]);
        Ok(seen)
    }
}

/// What the test knows of a scene package without its tiles.
struct Package {
    folder: PathBuf,
    wgs84: Value,
    entities: Vec<Value>,
}

impl Package {
    fn read(folder: &Path) -> Result<Self> {
        let info: Value = serde_json::from_slice(&fs::read(folder.join("scene.json"))?)?;
        let text = fs::read_to_string(folder.join("entities.ndjson"))?;
        let entities = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let wgs84 = info["origin"]["wgs84"].clone();
        Ok(Self { folder: folder.to_path_buf(), wgs84, entities })
    }

    fn entity(&self, id: &str) -> Result<&Value> {
        self.entities.iter().find(|entity| entity["id"] == id).context(id.to_owned())
    }

    /// The middle of the side of an entity's box that faces a direction.
    fn side(&self, id: &str, direction: [f64; 3]) -> Result<[f64; 3]> {
        let bbox: [f64; 6] = serde_json::from_value(self.entity(id)?["bbox"].clone())?;
        Ok([0, 1, 2].map(|axis| {
            let (low, high) = (bbox[axis], bbox[axis + 3]);
            (low + high) / 2.0 + direction[axis] * (high - low) / 2.0
        }))
    }

    /// Fails unless these are copies of one shape in the tiles: else nothing is tested.
    fn expect_copies(&self, ids: &[&str]) -> Result<()> {
        let shapes = tiles::copies(&self.folder)?;
        let are_copies = shapes.iter().any(|shape| ids.iter().all(|id| shape.contains(*id)));
        ensure!(are_copies, "{ids:?} are no copies of one shape: {shapes:?}");
        Ok(())
    }
}

/// A place some way along a direction.
fn along(from: [f64; 3], direction: [f64; 3], metres: f64) -> [f64; 3] {
    [0, 1, 2].map(|axis| from[axis] + metres * direction[axis])
}

/// The direction from one place to another, and how far that is.
fn way(from: [f64; 3], to: [f64; 3]) -> ([f64; 3], f64) {
    let way = [0, 1, 2].map(|axis| to[axis] - from[axis]);
    let metres = way[0].hypot(way[1]).hypot(way[2]);
    (way.map(|part| part / metres), metres)
}

/// Metres between two places on earth, near enough for places near each other.
fn metres_apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    let across = (a[0] - b[0]) * 111_320.0 * a[1].to_radians().cos();
    let along = (a[1] - b[1]) * 110_600.0;
    across.hypot(along).hypot(a[2] - b[2])
}

/// One browser for all: starting it is most of the time in software rendering.
#[ignore = "takes a browser: cargo xtask test e2e"]
#[tokio::test]
async fn our_tiles_open_in_cesium_and_whoever_clicks_gets_the_global_id() -> Result<()> {
    let Some(cesium) = Cesium::start().await? else { return Ok(()) };
    stands_at_its_place_on_earth(&cesium).await?;
    // On earth, and without a georeference, as far from it as can be.
    gives_global_ids(&cesium, "on-earth", &[], SEEN_FROM_ABOVE).await?;
    gives_global_ids(&cesium, "unplaced", &["--frame", "source"], SEEN).await?;
    tells_turned_copies_apart(&cesium).await?;
    shows_a_shell_from_afar(&cesium).await
}

/// A building too large for one tile: far away a storey of its shell is clicked, nearby an
/// element, in the same direction.
async fn shows_a_shell_from_afar(cesium: &Cesium) -> Result<()> {
    let package = cesium.show(LARGE, "large", &["--frame", "source"]).await?;
    let seen_from = async |metres: f64| -> Result<Value> {
        let [x, y, _] = LARGE_TOP;
        cesium.pick(&package.wgs84, [x, y, LARGE_TOP[2] + metres], LARGE_TOP).await
    };
    let far = seen_from(3_000.0).await?;
    ensure!(far["kind"] == "storey", "{far}");
    let storey = package.entity(far["entity"].as_str().context("nothing is seen")?)?;
    ensure!(storey["ifc_class"] == "IfcBuildingStorey", "{storey}");
    let near = seen_from(8.0).await?;
    let element = package.entity(near["entity"].as_str().context("nothing is seen")?)?;
    ensure!(element["bbox"].is_array() && near["kind"] != "storey", "{near}");
    Ok(())
}

async fn stands_at_its_place_on_earth(cesium: &Cesium) -> Result<()> {
    cesium.show(HOUSE, "house", &[]).await?;
    // Nothing but the numbers from the file tells the camera where to look.
    let place = json!(CUBE_TOP);
    let seen = cesium.pick(&place, [0.0, 0.0, 6.0], [0.0, 0.0, 0.0]).await?;
    ensure!(seen["entity"] == CUBE, "{seen}");
    let at: [f64; 3] = serde_json::from_value(seen["wgs84"].clone())?;
    ensure!(metres_apart(at, CUBE_TOP) < 0.05, "{at:?} is not {CUBE_TOP:?}");
    // 0.4 m from the middle along the file's own axis is on the cube; 0.6 m is beside it.
    let turned = |by: f64| [by * 60_f64.to_radians().cos(), by * 60_f64.to_radians().sin(), 6.0];
    for (by, hit) in [(0.4, true), (0.6, false), (-0.6, false)] {
        let from = turned(by);
        let seen = cesium.pick(&place, from, [from[0], from[1], 0.0]).await?;
        ensure!((seen["entity"] == CUBE) == hit, "{by} m from the middle: {seen}");
    }
    Ok(())
}

async fn gives_global_ids(
    cesium: &Cesium,
    name: &str,
    arguments: &[&str],
    wanted: &[(&str, &str, [f64; 3])],
) -> Result<()> {
    let package = cesium.show(DUPLEX, name, arguments).await?;
    ensure!(package.wgs84.is_null() != arguments.is_empty(), "{name}: {}", package.wgs84);
    for &(id, kind, direction) in wanted {
        let to = package.side(id, direction)?;
        let from = [0, 1, 2].map(|axis| to[axis] + 2.0 * direction[axis]);
        let seen = cesium.pick(&package.wgs84, from, to).await?;
        ensure!(seen["entity"] == id, "{name}: {id} from {from:?}: {seen}");
        ensure!(seen["kind"] == kind, "{name}: {seen}");
        let storey = package.entity(id)?["storey"].as_str().unwrap_or_default();
        ensure!(seen["storey"] == storey, "{name}: {seen}");
        let local: [f64; 3] = serde_json::from_value(seen["local"].clone())?;
        let behind = (0..3).map(|axis| (to[axis] - local[axis]) * direction[axis]).sum::<f64>();
        ensure!((-0.05..0.5).contains(&behind), "{name}: {id} is {behind} m inside its box");
    }
    tells_cupboards_apart(cesium, &package).await?;
    // Past the roof there is only sky.
    let past = package.side(SEEN[0].0, [3.0, 0.0, 1.0])?;
    let sky = cesium.pick(&package.wgs84, [past[0], past[1], past[2] + 5.0], past).await?;
    ensure!(sky["entity"].is_null(), "{name}: {sky}");
    Ok(())
}

/// Clicks near both ends of each cupboard, a hand's breadth from its neighbours.
async fn tells_cupboards_apart(cesium: &Cesium, package: &Package) -> Result<()> {
    package
        .expect_copies(&CUPBOARDS.as_flattened().iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
    for row in CUPBOARDS {
        // Where it stands on earth the file's own numbers are turned.
        let middle = |(id, known)| match package.wgs84 {
            Value::Null => Ok(known),
            _ => package.side(id, [0.0; 3]),
        };
        let (sideways, _) = way(middle(row[0])?, middle(row[2])?);
        let front = [-sideways[1], sideways[0], 0.0];
        let click = async |(id, known), metres| -> Result<Value> {
            let door = along(middle((id, known))?, front, CUPBOARD_DEPTH_M / 2.0);
            let to = along(door, sideways, metres);
            let seen = cesium.pick(&package.wgs84, along(to, front, 1.5), to).await?;
            if seen["entity"] == id {
                let (_, beside) = way(serde_json::from_value(seen["local"].clone())?, to);
                ensure!(beside < BESIDE_M, "{id} is {beside} m beside {to:?}: {seen}");
            }
            Ok(seen)
        };
        for cupboard in row {
            for metres in [-0.35, 0.35] {
                let seen = click(cupboard, metres).await?;
                ensure!(seen["entity"] == cupboard.0, "{cupboard:?}, {metres} m: {seen}");
            }
        }
        // Past the last there is no other.
        let past = click(row[2], CUPBOARD_WIDTH_M / 2.0 + 0.1).await?;
        ensure!(row.iter().all(|(id, _)| past["entity"] != *id), "{past}");
    }
    Ok(())
}

/// One shape in all four quarters: copies that were turned the wrong way round would show
/// their backs, beside where they are.
async fn tells_turned_copies_apart(cesium: &Cesium) -> Result<()> {
    let package = cesium.show(ELECTRICAL, "electrical", &["--frame", "source"]).await?;
    package.expect_copies(&SOCKETS.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
    for &(id, faces) in SOCKETS {
        let to = package.side(id, faces)?;
        let seen = cesium.pick(&package.wgs84, along(to, faces, 1.0), to).await?;
        ensure!(seen["entity"] == id, "{id}: {seen}");
        let (_, beside) = way(serde_json::from_value(seen["local"].clone())?, to);
        ensure!(beside < BESIDE_M / 2.0, "{id} is {beside} m beside {to:?}: {seen}");
    }
    Ok(())
}
