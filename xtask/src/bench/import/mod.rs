//! `cargo xtask bench import`: whole imports against IfcOpenShell and web-ifc, over the
//! shared models and over synthetic ones of growing size. Runs are interleaved, so that a
//! busy machine slows all of them; processor time stands beside the clock.

mod measure;
mod repeat;
mod table;
mod tools;

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use serde::Serialize;

use self::{
    measure::{Cost, Outcome},
    tools::Tool,
};
use crate::{paths, report::note, shell};

/// What one run may take before it counts as not done.
const LIMIT: Duration = Duration::from_secs(900);
/// IfcOpenShell is not run on what is larger: it takes many minutes.
const IFCOPENSHELL_MB: u64 = 50;
/// Bytes that one element of the demo campus takes.
const CAMPUS_BYTES: u64 = 577;

/// Arguments of the import benchmark.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Sizes of the synthetic models of the import benchmark, MB; 0 for none
    #[arg(long, value_delimiter = ',', default_value = "25,50,100,200")]
    sizes: Vec<u64>,
    /// How often each import is run; the best counts
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Folder of the IFC files for the import benchmark; absent: `$TWIN_MODELS/ifc`
    #[arg(long)]
    models: Option<PathBuf>,
}

/// A model, which may consist of several files.
struct Model {
    name: String,
    files: Vec<PathBuf>,
    bytes: u64,
}

/// What one tool needed for one model.
#[derive(Serialize)]
struct Run {
    model: String,
    bytes: u64,
    synthetic: bool,
    tool: &'static str,
    /// Absent: it was not done.
    cost: Option<Cost>,
    elements: u64,
    triangles: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Runs the benchmark and writes `import.json` into `out`.
pub(super) fn run(args: &Args, out: &Path) -> Result<()> {
    shell::run(&mut shell::cargo_native("build", &["--bin", "bim-import"]))?;
    let work = paths::target().join("bench/import");
    fs::create_dir_all(&work).with_context(|| format!("creating {}", work.display()))?;
    let shared = shared_models(args)?;
    let mut tools = vec![Tool::ours(&work)];
    tools.extend(Tool::others(&work));
    let mut runs = Vec::new();
    for model in &shared {
        measure_all(model, &tools, args.rounds, false, &mut runs)?;
    }
    for &size in args.sizes.iter().filter(|size| **size > 0) {
        for model in [campus(size, &work)?, repeated(size, &shared, &work)?].into_iter().flatten() {
            measure_all(&model, &tools, args.rounds, true, &mut runs)?;
            // Hundreds of megabytes each.
            model.files.iter().try_for_each(fs::remove_file)?;
        }
    }
    table::print(&runs);
    let path = out.join("import.json");
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let json = serde_json::json!({
        "processors": processors,
        "ratios": table::ratios(&runs),
        "runs": runs,
    });
    fs::write(&path, serde_json::to_vec_pretty(&json)?)
        .with_context(|| format!("writing {}", path.display()))
}

fn shared_models(args: &Args) -> Result<Vec<Model>> {
    let shared = std::env::var_os("TWIN_MODELS")
        .map_or_else(|| paths::root().join("../shared/models"), PathBuf::from);
    let folder = args.models.clone().unwrap_or_else(|| shared.join("ifc"));
    let Ok(entries) = fs::read_dir(&folder) else {
        note(&format!("no models in {}: only synthetic ones are measured", folder.display()));
        return Ok(Vec::new());
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ifc"));
    files.sort();
    files.into_iter().map(|file| Model::new(file_name(&file), vec![file.canonicalize()?])).collect()
}

fn file_name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

impl Model {
    fn new(name: String, files: Vec<PathBuf>) -> Result<Self> {
        let sizes = files.iter().map(|file| Ok(fs::metadata(file)?.len()));
        let bytes = sizes.sum::<Result<u64>>()?;
        Ok(Self { name, files, bytes })
    }
}

/// The demo campus, grown to a size: many files of a few megabytes.
fn campus(megabytes: u64, work: &Path) -> Result<Option<Model>> {
    let folder = work.join(format!("campus-{megabytes}"));
    let elements = Some(megabytes * 1_000_000 / CAMPUS_BYTES);
    let options = demo_campus::Options { elements, ..demo_campus::Options::default() };
    let mut files = demo_campus::generate(&options, &folder)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ifc"));
    Model::new(format!("campus, {megabytes} MB"), files).map(Some)
}

/// The largest of the shared models that is a whole building, repeated in one file.
fn repeated(megabytes: u64, shared: &[Model], work: &Path) -> Result<Option<Model>> {
    const ORIGINAL: &str = "office_a_2x3";
    let Some(original) = shared.iter().find(|model| model.name == ORIGINAL) else {
        return Ok(None);
    };
    let text = fs::read_to_string(&original.files[0])?;
    let path = work.join(format!("{ORIGINAL}-{megabytes}.ifc"));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let copies = repeat::Model::parse(&text)?.write(megabytes * 1_000_000, &mut out)?;
    out.flush()?;
    Model::new(format!("{copies} × office, {megabytes} MB"), vec![path]).map(Some)
}

/// Runs all tools on a model in turn, as often as asked.
fn measure_all(
    model: &Model,
    tools: &[Tool],
    rounds: u32,
    synthetic: bool,
    runs: &mut Vec<Run>,
) -> Result<()> {
    note(&model.name);
    let first = runs.len();
    for round in 0..rounds.max(1) {
        for tool in tools {
            if tool.name == "IfcOpenShell" && model.bytes > IFCOPENSHELL_MB * 1_100_000 {
                continue;
            }
            let run = measure_one(model, tool, synthetic)?;
            let known = runs[first..].iter_mut().find(|known| known.tool == tool.name);
            match known.filter(|_| round > 0) {
                Some(known) => {
                    known.cost = match (known.cost, run.cost) {
                        (Some(a), Some(b)) => Some(a.best(b)),
                        (a, b) => a.or(b),
                    };
                }
                None => runs.push(run),
            }
        }
    }
    Ok(())
}

fn measure_one(model: &Model, tool: &Tool, synthetic: bool) -> Result<Run> {
    let outcome = measure::run(&mut tool.command(&model.files), LIMIT)?;
    let (cost, counts, failure) = match outcome {
        Outcome::Done(text, cost) => (Some(cost), tool.counts(&text)?, None),
        Outcome::NotDone(reason) => (None, (0, 0), Some(reason)),
    };
    let (elements, triangles) = counts;
    Ok(Run {
        model: model.name.clone(),
        bytes: model.bytes,
        synthetic,
        tool: tool.name,
        cost,
        elements,
        triangles,
        failure,
    })
}
