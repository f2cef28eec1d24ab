//! Every shared model against what IfcOpenShell found: elements, boxes, volumes, colours.
//! What differs must stand, with its cause, in the table of differences in
//! `docs/import.md`; what stands there and differs no more must go.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
    path::Path,
};

use serde_json::Value;

use crate::support::{Folder, command, ifc_models, shared, stderr};

/// A box may be off by this much, m.
const BOX_M: f64 = 0.01;
/// A volume may be off by this share; and by this much, the reference's last digit.
const VOLUME: (f64, f64) = (0.01, 2e-6);
/// A colour may be off by this much, of 255.
const COLOR: u8 = 2;
/// What IfcOpenShell paints an element without a colour of its own, by class.
const UNPAINTED: &[&str] = &[
    "b2b2b2ff", "e6e6e6ff", "a69999ff", "bfccbfb2", "8c4c26ff", "666666ff", "a6bfcc33", "bfcca6ff",
];

struct Reference {
    id: String,
    class: String,
    triangles: u64,
    bbox: [f64; 6],
    volume: f64,
    colors: Vec<String>,
}

fn reference(path: &Path) -> Option<Vec<Reference>> {
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let number = |column: usize| columns[column].parse::<f64>().unwrap();
        Reference {
            id: columns[0].into(),
            class: columns[1].into(),
            triangles: columns[2].parse().unwrap(),
            bbox: [3, 4, 5, 6, 7, 8].map(number),
            volume: number(9),
            colors: columns[10].split(',').map(str::to_owned).collect(),
        }
    };
    Some(fs::read_to_string(path).ok()?.lines().skip(1).map(row).collect())
}

/// Our measures by GlobalId.
fn measures(path: &Path) -> HashMap<String, Value> {
    let text = fs::read_to_string(path).unwrap();
    let parse = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        (value["global_id"].as_str().unwrap().to_owned(), value)
    };
    text.lines().map(parse).collect()
}

/// One thing that is not as the reference has it.
struct Difference {
    what: &'static str,
    class: String,
    id: String,
    detail: String,
    /// How bad, to put the worst first.
    size: f64,
}

#[derive(Default)]
struct Comparison {
    elements: usize,
    closed: usize,
    painted: usize,
    off_5_cm: usize,
    differences: Vec<Difference>,
}

impl Comparison {
    fn count(&self, what: &str) -> usize {
        self.differences.iter().filter(|difference| difference.what == what).count()
    }

    fn note(&mut self, what: &'static str, row: &Reference, size: f64, detail: String) {
        let (class, id) = (row.class.clone(), row.id.clone());
        self.differences.push(Difference { what, class, id, detail, size });
    }

    fn compare(&mut self, row: &Reference, ours: Option<&Value>) {
        self.elements += 1;
        let Some(ours) = ours else {
            return self.note("missing", row, 1.0, "no geometry".into());
        };
        self.boxes(row, ours);
        if ours["closed"].as_bool().unwrap() {
            self.closed += 1;
            self.volumes(row, ours);
        }
        // Openings are never drawn.
        if !row.class.starts_with("IfcOpening") {
            self.colors(row, ours);
        }
    }

    fn boxes(&mut self, row: &Reference, ours: &Value) {
        let bbox = ours["bbox"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
        let off = bbox.zip(row.bbox).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        self.off_5_cm += usize::from(off > 0.05);
        if off > BOX_M {
            self.note("box", row, off, format!("off by {off:.3} m"));
        }
    }

    fn volumes(&mut self, row: &Reference, ours: &Value) {
        let volume = ours["volume_m3"].as_f64().unwrap();
        let off = (volume - row.volume).abs();
        if off > VOLUME.0 * row.volume.abs() + VOLUME.1 {
            let triangles = ours["triangles"].as_u64().unwrap();
            let reason = if row.volume < 0.0 && volume > 0.0 {
                "faces point inwards in the file"
            } else if triangles == row.triangles {
                "the same triangles turned another way"
            } else {
                "other triangles"
            };
            let detail = format!(
                "{:.6} m³, not {:.6} ({triangles} triangles, not {}): {reason}?",
                volume, row.volume, row.triangles
            );
            self.note("volume", row, off / row.volume.abs().max(1e-9), detail);
        }
    }

    fn colors(&mut self, row: &Reference, ours: &Value) {
        let painted = row.colors.iter().filter(|color| !UNPAINTED.contains(&color.as_str()));
        let wanted: Vec<&String> = painted.collect();
        if wanted.is_empty() {
            return;
        }
        self.painted += 1;
        let found: Vec<&str> = ours["colors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|color| color.as_str().unwrap())
            .collect();
        let lacking: Vec<&&String> = wanted
            .iter()
            .filter(|wanted| !found.iter().any(|found| same_color(wanted, found)))
            .collect();
        if !lacking.is_empty() {
            self.note("colour", row, 1.0, format!("{lacking:?} not among {found:?}"));
        }
    }
}

fn same_color(a: &str, b: &str) -> bool {
    let channels =
        |text: &str| [0, 2, 4, 6].map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
    channels(a).iter().zip(channels(b)).all(|(a, b)| a.abs_diff(b) <= COLOR)
}

/// A line of the table of differences.
struct Known {
    model: String,
    what: String,
    class: String,
    /// GlobalIds, or empty: all of the class.
    ids: Vec<String>,
    used: bool,
}

/// The table between the two marks in `docs/import.md`: model, class or GlobalIds, what.
fn known_differences() -> Vec<Known> {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/import.md");
    let text = fs::read_to_string(docs).unwrap();
    let table = text.split("<!-- differences -->").nth(1).unwrap();
    let row = |line: &str| {
        let cells: Vec<String> =
            line.split('|').map(|cell| cell.trim().replace(['`', ','], " ")).collect();
        let words = cells[3].split_whitespace().filter(|word| !word.starts_with('('));
        let mut element = words.map(str::to_owned);
        Known {
            model: cells[1].trim().to_owned(),
            what: cells[2].trim().to_owned(),
            class: element.next().unwrap(),
            ids: element.collect(),
            used: false,
        }
    };
    table.lines().filter(|line| line.starts_with('|')).skip(2).map(row).collect()
}

fn is_known(known: &mut [Known], model: &str, difference: &Difference) -> bool {
    let explains = |line: &&mut Known| {
        line.model == model
            && line.what == difference.what
            && line.class == difference.class
            && (line.ids.is_empty() || line.ids.contains(&difference.id))
    };
    known.iter_mut().find(explains).is_some_and(|line| {
        line.used = true;
        true
    })
}

#[test]
fn every_model_matches_its_reference() {
    let Some(models) = shared() else { return };
    let folder = Folder::new("reference");
    let mut results = BTreeMap::new();
    let mut extra = Vec::new();
    for model in ifc_models() {
        let name = model.file_stem().unwrap().to_string_lossy().into_owned();
        let Some(rows) = reference(&models.join(format!("../reference/ifc/{name}.tsv"))) else {
            continue;
        };
        let (out, audit) = (folder.path(&name), folder.path(&format!("{name}.ndjson")));
        let mut import = command(&[model], &out);
        let output = import.args(["--frame", "source", "--audit"]).arg(&audit).output().unwrap();
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let mut ours = measures(&audit);
        let mut comparison = Comparison::default();
        for row in &rows {
            comparison.compare(row, ours.get(&row.id));
        }
        for row in &rows {
            ours.remove(&row.id);
        }
        extra.extend(ours.into_keys().map(|id| format!("{name} {id}")));
        results.insert(name, comparison);
    }
    let mut known = known_differences();
    let mut unexplained = table(&results, &mut known);
    println!("extra elements: {}", extra.len());
    unexplained
        .extend(extra.iter().map(|id| format!("{id} has geometry that the reference lacks")));
    unexplained.extend(known.iter().filter(|line| !line.used).map(|line| {
        format!("docs/import.md: {} {} {} differs no more", line.model, line.what, line.class)
    }));
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    limits(&results);
}

/// Prints what was compared, and the worst of each kind; what the docs do not explain.
fn table(results: &BTreeMap<String, Comparison>, known: &mut [Known]) -> Vec<String> {
    let mut text = String::new();
    let mut unexplained = Vec::new();
    writeln!(
        text,
        "{:34}{:>8}{:>8}{:>7}{:>7}{:>8}{:>8}{:>9}{:>8}",
        "model", "elements", "missing", ">1 cm", ">5 cm", "closed", "volume", "painted", "colour"
    )
    .unwrap();
    for (model, result) in results {
        writeln!(
            text,
            "{model:34}{:8}{:8}{:7}{:7}{:8}{:8}{:9}{:8}",
            result.elements,
            result.count("missing"),
            result.count("box"),
            result.off_5_cm,
            result.closed,
            result.count("volume"),
            result.painted,
            result.count("colour"),
        )
        .unwrap();
    }
    for (model, result) in results {
        let mut worst: Vec<&Difference> = result.differences.iter().collect();
        worst.sort_by(|a, b| b.size.total_cmp(&a.size));
        for (rank, difference) in worst.into_iter().enumerate() {
            let Difference { what, class, id, detail, .. } = difference;
            let line = format!("{model} {what} {class} {id}: {detail}");
            if rank < 5 {
                writeln!(text, "{line}").unwrap();
            }
            if !is_known(known, model, difference) {
                unexplained.push(line);
            }
        }
    }
    println!("{text}");
    unexplained
}

/// What may differ at most, explained or not.
fn limits(results: &BTreeMap<String, Comparison>) {
    let sum = |of: &dyn Fn(&Comparison) -> usize| results.values().map(of).sum::<usize>();
    let elements = sum(&|result| result.elements);
    assert!(elements > 6_900, "only {elements} elements compared");
    assert_eq!(sum(&|result| result.count("missing")), 0);
    assert_eq!(sum(&|result| result.count("box")), 0);
    let (volume, closed) = (sum(&|result| result.count("volume")), sum(&|result| result.closed));
    assert!(volume * 50 <= closed, "volumes: {volume} of {closed}");
    let (color, painted) = (sum(&|result| result.count("colour")), sum(&|result| result.painted));
    assert!(color * 100 <= painted, "colours: {color} of {painted}");
    println!(
        "{elements} elements; volume off: {volume} of {closed} closed; colour off: {color} of {painted} painted"
    );
}
