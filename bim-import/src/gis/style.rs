//! What a feature is, and how it is drawn, from its properties: our own (`kind`, `height`,
//! `width`, `color`), else OpenStreetMap's.

use serde_json::{Map, Value};
use twin_model::{EntityId, EntityKind};

/// Height of a storey where only their number is known, m.
pub(super) const STOREY_M: f64 = 3.2;
/// Storeys where nothing is known.
const DEFAULT_STOREYS: f64 = 2.0;
/// Thickness of a roof without walls, m.
const ROOF_M: f64 = 0.4;
/// Width of a lane, m.
const LANE_M: f64 = 3.25;
/// Nothing built is higher, m.
const MAX_HEIGHT_M: f64 = 1_000.0;
/// No road is wider, m.
const MAX_WIDTH_M: f64 = 200.0;

/// A feature's properties.
pub(super) type Properties = Map<String, Value>;

/// How a feature's place is drawn beyond its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// As its kind says.
    Plain,
    /// Points are trees.
    Trees,
    /// Lines stand upright: walls, fences, hedges.
    Barrier,
    /// Less than a street: a footpath, a track; below the others where they cross.
    Minor,
}

/// Keys that make a thing drawn.
const TELLING: [&str; 13] = [
    "building",
    "building:part",
    "highway",
    "railway",
    "waterway",
    "natural",
    "landuse",
    "leisure",
    "amenity",
    "barrier",
    "emergency",
    "man_made",
    "aeroway",
];

/// Whether a key may make a thing drawn.
pub(super) fn is_telling(key: &[u8]) -> bool {
    TELLING.iter().any(|known| known.as_bytes() == key)
}

/// Whether a key may make a point drawn.
pub(super) fn is_point_key(key: &[u8]) -> bool {
    matches!(key, b"emergency" | b"man_made" | b"natural" | b"amenity" | b"barrier")
}

/// Whether a point is drawn: what people look for in an emergency, trees, and chargers.
pub(super) fn is_point(properties: &Properties) -> bool {
    text(properties, "natural") == Some("tree") || landmark(properties).is_some()
}

/// Things at a point that an operator binds to or looks for.
fn landmark(properties: &Properties) -> Option<EntityKind> {
    let is =
        |key: &str, values: &[&str]| text(properties, key).is_some_and(|v| values.contains(&v));
    if is("amenity", &["charging_station"]) {
        return Some(EntityKind::Charger);
    }
    let emergency = text(properties, "emergency").is_some_and(|v| !matches!(v, "no" | "yes"));
    let gate = is("barrier", &["gate", "lift_gate", "swing_gate", "bollard", "turnstile"]);
    (emergency || gate || is("man_made", &["surveillance"])).then_some(EntityKind::Landmark)
}

/// What a feature is; nothing when its properties do not say.
pub(super) fn classify(properties: &Properties) -> Option<(EntityKind, Look)> {
    let own = text(properties, "kind").and_then(|kind| match kind {
        "building" => Some(EntityKind::Building),
        "road" => Some(EntityKind::Road),
        "green" => Some(EntityKind::Green),
        "water" => Some(EntityKind::Water),
        "landmark" => Some(EntityKind::Landmark),
        "terrain" => Some(EntityKind::Terrain),
        "charger" => Some(EntityKind::Charger),
        "barrier" => Some(EntityKind::Element),
        _ => None,
    });
    let guessed = guess(properties);
    match own {
        None => guessed,
        Some(EntityKind::Green) => {
            let trees = text(properties, "species").is_some();
            Some((EntityKind::Green, if trees { Look::Trees } else { look(guessed) }))
        }
        Some(EntityKind::Element) => Some((EntityKind::Element, Look::Barrier)),
        Some(kind) => Some((kind, look(guessed))),
    }
}

fn look(guessed: Option<(EntityKind, Look)>) -> Look {
    guessed.map_or(Look::Plain, |(_, look)| look)
}

/// Reads the keys that OpenStreetMap uses.
fn guess(properties: &Properties) -> Option<(EntityKind, Look)> {
    let is =
        |key: &str, values: &[&str]| text(properties, key).is_some_and(|v| values.contains(&v));
    let has = |key: &str| text(properties, key).is_some_and(|value| value != "no");
    if has("building") || has("building:part") {
        return Some((EntityKind::Building, Look::Plain));
    }
    if has("highway") {
        let minor = ["footway", "path", "cycleway", "steps", "track", "bridleway", "pedestrian"];
        let look = if is("highway", &minor) { Look::Minor } else { Look::Plain };
        return Some((EntityKind::Road, look));
    }
    let rails = ["rail", "light_rail", "tram", "subway", "narrow_gauge", "funicular", "monorail"];
    if is("railway", &rails) || is("amenity", &["parking"]) {
        return Some((EntityKind::Road, Look::Plain));
    }
    if let Some(kind) = landmark(properties) {
        return Some((kind, Look::Plain));
    }
    if is("barrier", &["hedge"]) {
        return Some((EntityKind::Green, Look::Barrier));
    }
    let upright = ["wall", "fence", "city_wall", "retaining_wall", "guard_rail", "handrail"];
    if is("barrier", &upright) {
        return Some((EntityKind::Element, Look::Barrier));
    }
    if has("waterway") || is("natural", &["water", "bay"]) || is("landuse", &["basin", "reservoir"])
    {
        return Some((EntityKind::Water, Look::Plain));
    }
    if is("natural", &["tree", "tree_row"]) {
        return Some((EntityKind::Green, Look::Trees));
    }
    let greens = [
        ("natural", &["wood", "scrub", "grassland", "heath", "grass"][..]),
        (
            "landuse",
            &[
                "grass",
                "forest",
                "meadow",
                "orchard",
                "recreation_ground",
                "village_green",
                "cemetery",
                "allotments",
                "vineyard",
                "flowerbed",
            ],
        ),
        ("leisure", &["park", "garden", "pitch", "playground", "golf_course"]),
    ];
    if greens.iter().any(|(key, values)| is(key, values)) {
        return Some((EntityKind::Green, Look::Plain));
    }
    let ground =
        has("landuse") || has("aeroway") || is("natural", &["sand", "beach", "bare_rock", "scree"]);
    ground.then_some((EntityKind::Terrain, Look::Plain))
}

/// A text property that says something.
pub(super) fn text<'a>(properties: &'a Properties, key: &str) -> Option<&'a str> {
    properties.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// A measure in metres: a number, or text such as `12`, `12.5 m`.
fn metres(properties: &Properties, key: &str) -> Option<f64> {
    number(properties.get(key)?)
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => length(text.trim()),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// `12`, `12.5 m`, `40 ft`, `40'`, `40'6"`, in metres.
fn length(text: &str) -> Option<f64> {
    const FOOT_M: f64 = 0.3048;
    if let Some((feet, inches)) = text.split_once('\'') {
        let inches = inches.trim().trim_end_matches('"');
        let inches: f64 = if inches.is_empty() { 0.0 } else { inches.parse().ok()? };
        return Some((feet.trim().parse::<f64>().ok()? + inches / 12.0) * FOOT_M);
    }
    if let Some(feet) = text.strip_suffix("ft") {
        return Some(feet.trim_end().parse::<f64>().ok()? * FOOT_M);
    }
    text.trim_end_matches('m').trim_end().parse().ok()
}

/// From where to where above the ground a building reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reach {
    pub(super) bottom_m: f64,
    pub(super) top_m: f64,
    /// Whether the height was worked out rather than given.
    pub(super) estimated: bool,
}

/// A building's reach; `Err` names a height that is none.
pub(super) fn reach(properties: &Properties) -> Result<Reach, String> {
    let storeys = |key: &str| metres(properties, key).map(|levels| levels * STOREY_M);
    let bottom_m =
        metres(properties, "min_height").or_else(|| storeys("building:min_level")).unwrap_or(0.0);
    let given = metres(properties, "height");
    let roof_m = metres(properties, "roof:height").or_else(|| storeys("roof:levels"));
    // Levels count from the ground, those that are missing below included.
    let by_levels = storeys("building:levels")
        .or_else(|| storeys("levels"))
        .map(|walls| walls + roof_m.unwrap_or(0.0))
        .filter(|top| *top > bottom_m);
    let low = ["garage", "garages", "shed", "hut", "roof", "carport", "kiosk", "service"];
    let small = text(properties, "building").is_some_and(|building| low.contains(&building));
    let usual = if small { STOREY_M } else { DEFAULT_STOREYS * STOREY_M };
    let top_m = given.or(by_levels).unwrap_or(bottom_m + usual);
    // A roof on posts.
    let bottom_m = if text(properties, "building") == Some("roof") && bottom_m == 0.0 {
        (top_m - ROOF_M).max(0.0)
    } else {
        bottom_m
    };
    if !(0.0..MAX_HEIGHT_M).contains(&bottom_m) || top_m <= bottom_m || top_m > MAX_HEIGHT_M {
        return Err(format!("a building from {bottom_m} m to {top_m} m cannot be drawn"));
    }
    Ok(Reach { bottom_m, top_m, estimated: given.is_none() })
}

/// A tree's height and the width of its crown, m.
pub(super) fn tree_size(properties: &Properties) -> (f64, f64) {
    let height = metres(properties, "height").filter(|h| (0.5..120.0).contains(h)).unwrap_or(7.0);
    let crown = metres(properties, "diameter_crown").filter(|w| (0.2..60.0).contains(w));
    (height, crown.unwrap_or(height * 0.6))
}

/// How wide a line is drawn, m.
pub(super) fn width(kind: EntityKind, properties: &Properties) -> f64 {
    let given = metres(properties, "width").filter(|w| *w > 0.0 && *w <= MAX_WIDTH_M);
    let lanes = metres(properties, "lanes").filter(|n| (1.0..=16.0).contains(n));
    given.or(lanes.map(|n| n * LANE_M)).unwrap_or_else(|| {
        let class = ["highway", "waterway", "railway"].iter().find_map(|key| text(properties, key));
        match class.unwrap_or_default() {
            "motorway" => 14.0,
            "trunk" | "river" => 12.0,
            "primary" => 10.0,
            "secondary" => 9.0,
            "tertiary" | "canal" => 8.0,
            "service" | "living_street" => 4.5,
            "track" | "rail" | "tram" => 3.0,
            "footway" | "path" | "cycleway" | "steps" | "bridleway" | "stream" | "ditch" => 2.2,
            _ if kind == EntityKind::Water => 4.0,
            _ => 6.0,
        }
    })
}

/// Height and thickness of a barrier, m.
pub(super) fn barrier(properties: &Properties) -> [f64; 2] {
    let [height, width] = match text(properties, "barrier").unwrap_or_default() {
        "hedge" => [1.5, 0.8],
        "city_wall" => [6.0, 1.2],
        "fence" => [1.6, 0.08],
        "guard_rail" | "handrail" => [1.0, 0.08],
        _ => [1.8, 0.25],
    };
    let given = |key: &str, most: f64| metres(properties, key).filter(|m| *m > 0.0 && *m <= most);
    [given("height", 60.0).unwrap_or(height), given("width", 20.0).unwrap_or(width)]
}

/// How far a flat kind lies from the ground, m: apart, so that crossing areas do not
/// flicker; buildings and people stand at zero.
pub(super) fn layer_m(kind: EntityKind, look: Look) -> f64 {
    match kind {
        EntityKind::Terrain => -0.15,
        EntityKind::Water => -0.10,
        EntityKind::Green => -0.08,
        EntityKind::Road if look == Look::Minor => -0.06,
        EntityKind::Road => -0.04,
        _ => -0.02,
    }
}

/// Colours of one feature, sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colors {
    pub(super) main: [u8; 3],
    pub(super) trunk: [u8; 3],
}

/// The colour a feature asks for, else the calm one of its kind; `Err` holds the text that
/// is no colour, with the calm one. `seed` shades buildings a little apart.
pub(super) fn colors(
    kind: EntityKind,
    look: Look,
    properties: &Properties,
    seed: u64,
) -> (Colors, Option<String>) {
    let shade = (seed % 15) as u8;
    let main = match (kind, look) {
        (EntityKind::Building, _) => [178 + shade, 174 + shade, 167 + shade],
        (EntityKind::Road, Look::Minor) => [118, 116, 112],
        (EntityKind::Road, _) => [82, 84, 88],
        (EntityKind::Element, Look::Barrier) => [142, 139, 133],
        (EntityKind::Element, _) => [178 + shade, 174 + shade, 167 + shade],
        (EntityKind::Green, Look::Trees) => [86 + shade / 2, 108 + shade / 2, 80],
        (EntityKind::Green, _) => [98, 112, 90],
        (EntityKind::Water, _) => [86, 106, 124],
        (EntityKind::Landmark, _) => [156, 164, 172],
        _ => [108, 107, 103],
    };
    let trunk = [98, 86, 74];
    match text(properties, "color") {
        None => (Colors { main, trunk }, None),
        Some(wanted) => match hex(wanted) {
            Some(main) => (Colors { main, trunk }, None),
            None => (Colors { main, trunk }, Some(wanted.to_owned())),
        },
    }
}

/// A number from an id that is the same in every run.
pub(super) fn seed(entity: &EntityId) -> u64 {
    // FNV-1a, mixed once more so that the low bytes differ for similar ids.
    let hash = entity.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hash)
}

/// The next of such numbers.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    number ^ (number >> 27)
}

/// `#rrggbb` or `#rgb`.
fn hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    let digit = |i: usize| digits.as_bytes().get(i).and_then(|b| (*b as char).to_digit(16));
    let pair = |i: usize| Some((digit(i)? * 16 + digit(i + 1)?) as u8);
    match digits.len() {
        6 => Some([pair(0)?, pair(2)?, pair(4)?]),
        3 => Some([digit(0)?, digit(1)?, digit(2)?].map(|d| (d * 17) as u8)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn properties(value: Value) -> Properties {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn kinds_are_said_or_guessed() {
        let cases = [
            (json!({"kind": "water", "building": "yes"}), Some(EntityKind::Water)),
            (json!({"building": "yes"}), Some(EntityKind::Building)),
            (json!({"building": "no", "landuse": "grass"}), Some(EntityKind::Green)),
            (json!({"highway": "residential"}), Some(EntityKind::Road)),
            (json!({"waterway": "stream"}), Some(EntityKind::Water)),
            (json!({"landuse": "industrial"}), Some(EntityKind::Terrain)),
            (json!({"kind": "nonsense"}), None),
            (json!({"kind": 7}), None),
        ];
        for (value, kind) in cases {
            assert_eq!(classify(&properties(value.clone())).map(|(k, _)| k), kind, "{value}");
        }
        let tree = properties(json!({"kind": "green", "natural": "tree"}));
        assert_eq!(classify(&tree), Some((EntityKind::Green, Look::Trees)));
    }

    #[test]
    fn heights_are_read_or_estimated_or_refused() {
        let given = reach(&properties(json!({"height": "12.5 m", "min_height": 3})));
        assert_eq!(given, Ok(Reach { bottom_m: 3.0, top_m: 12.5, estimated: false }));
        let levels = reach(&properties(json!({"building:levels": "5"}))).unwrap();
        assert_eq!((levels.top_m, levels.estimated), (16.0, true));
        for bad in [json!({"height": -1}), json!({"height": 1e9}), json!({"min_height": 1200})] {
            assert!(reach(&properties(bad.clone())).is_err(), "{bad}");
        }
    }

    #[test]
    fn colours_are_hex_or_reported() {
        let of = |text: &str| {
            colors(EntityKind::Road, Look::Plain, &properties(json!({ "color": text })), 0)
        };
        assert_eq!(of("#0aF").0.main, [0, 170, 255]);
        assert_eq!(of("#102030").0.main, [16, 32, 48]);
        assert_eq!(of("red").1.as_deref(), Some("red"));
        assert_eq!(of("#ääää").1.as_deref(), Some("#ääää"));
    }
}
