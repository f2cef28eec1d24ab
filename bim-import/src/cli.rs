//! Arguments, progress and exit codes of `bim-import`.

mod diff;
mod progress;

use std::{
    io::{IsTerminal, Write, stderr, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use bim_import::{CrsChoice, Frame, ImportError, Options, Progress, Summary};
use clap::{Parser, Subcommand, ValueEnum};

use self::progress::{Bars, Lines};

const EXAMPLES: &str = "Examples:
  bim-import tower.ifc site.ifc town.city.json streets.osm.pbf ground.tif --out scene
  bim-import bridge.ifc --out scene --crs EPSG:25832
  bim-import tower.ifc town.city.json --out scene --crs town.city.json=EPSG:28992
  bim-import house.ifc --out scene --frame source --report house.json
  bim-import *.ifc --out scene --progress json
  bim-import diff scene-of-may scene-of-june

Exit codes:
  0  imported; the report may hold warnings
  2  unusable arguments
  3  nothing was imported: no file could be read, one that is cut off would take the
     place of a package, or the package could not be written";

/// Imports IFC and GIS files into one scene package: entities, 3D Tiles, a walking
/// graph and a report.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Files to import: IFC2x3, IFC4, IFC4x3 (STEP or ifcZIP), CityJSON, CityGML, GeoJSON, FlatGeobuf, OSM PBF, ASC grid, GeoTIFF
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Scene package to write; replaced whole if it is one already
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// Coordinate system of all files, or of one, whatever they name themselves; may be repeated
    #[arg(long, value_name = "[FILE=]EPSG:n")]
    crs: Vec<String>,
    /// Level of detail of city models: this one, else the next below [default: up to 2.2]
    #[arg(long, value_name = "LOD")]
    lod: Option<f64>,
    /// Coordinates of the scene
    #[arg(long, value_enum, default_value_t)]
    frame: FrameArgument,
    /// Writes the report here as well as into the package
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Writes box, volume, triangles and colours of every IFC element here, as JSON lines
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// How to show progress
    #[arg(long, value_enum, default_value_t)]
    progress: ProgressArgument,
    /// Processor time after which one element is given up
    #[arg(long, value_name = "SECONDS", default_value_t = 1.4)]
    element_timeout: f64,
}

impl Arguments {
    /// Where to; clap has seen to it that there is one.
    fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new(""))
    }
}

#[derive(Subcommand)]
enum Command {
    /// Lists what differs between two scene packages
    Diff(diff::Arguments),
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum FrameArgument {
    /// East, north, up at the first georeferenced file's place
    #[default]
    Local,
    /// Those of the files, unmoved
    Source,
}

#[derive(Clone, Copy, Default, PartialEq, ValueEnum)]
enum ProgressArgument {
    /// A bar on a terminal, nothing elsewhere
    #[default]
    Auto,
    /// JSON lines on standard output
    Json,
    /// Nothing
    None,
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).init();
    let arguments = Arguments::parse();
    if let Some(Command::Diff(arguments)) = &arguments.command {
        return diff::run(arguments);
    }
    if !(arguments.element_timeout > 0.0 && arguments.element_timeout <= 3_600.0) {
        say("error: --element-timeout must lie between 0 and 3600 seconds");
        return ExitCode::from(2);
    }
    match import(&arguments) {
        Ok(summary) => {
            conclude(&arguments, &summary);
            ExitCode::SUCCESS
        }
        Err(Failure { message, code }) => {
            if arguments.progress == ProgressArgument::Json {
                emit(&serde_json::json!({ "event": "failed", "error": message, "code": code }));
            }
            say(&format!("error: {message}"));
            ExitCode::from(code)
        }
    }
}

struct Failure {
    message: String,
    code: u8,
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let code = if error.is_usage() { 2 } else { 3 };
        Self { message: error.to_string(), code }
    }
}

/// What is written besides the package must have a place, and take none of the files'.
fn check_outputs(arguments: &Arguments) -> Result<(), Failure> {
    let unusable = |message: String| Err(Failure { message, code: 2 });
    let outputs = [("--report", &arguments.report), ("--audit", &arguments.audit)];
    for (name, path) in outputs.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?)))
    {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        if !path.parent().is_some_and(Path::is_dir) {
            return unusable(format!("{name}: there is no folder for {}", path.display()));
        }
        let there = whole(&path);
        if there.starts_with(whole(arguments.out())) {
            let path = path.display();
            return unusable(format!(
                "{name}: {path} lies in the folder of --out, which holds the package and nothing else"
            ));
        }
        let is_it = |file: &PathBuf| file.canonicalize().is_ok_and(|file| file == there);
        if arguments.files.iter().any(is_it) {
            let path = path.display();
            return unusable(format!("{name}: {path} is one of the files to import"));
        }
    }
    Ok(())
}

/// A path without links and detours, also of what is not there yet.
fn whole(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let in_folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.clone())
}

fn import(arguments: &Arguments) -> Result<Summary, Failure> {
    check_outputs(arguments)?;
    let crs = CrsChoice::parse(&arguments.crs, &arguments.files)
        .map_err(|message| Failure { message: format!("--crs: {message}"), code: 2 })?;
    let options = Options {
        frame: match arguments.frame {
            FrameArgument::Local => Frame::Local,
            FrameArgument::Source => Frame::Source,
        },
        crs,
        lod: arguments.lod,
        element_timeout_secs: arguments.element_timeout,
        audit: arguments.audit.clone(),
        ..Options::new(arguments.out())
    };
    let mut progress: Box<dyn Progress> = match arguments.progress {
        ProgressArgument::Json => Box::new(Lines::new(&arguments.files)),
        ProgressArgument::Auto if stderr().is_terminal() => Box::new(Bars::new(&arguments.files)),
        ProgressArgument::Auto | ProgressArgument::None => Box::new(()),
    };
    let summary = bim_import::import(&arguments.files, &options, progress.as_mut())?;
    if let Some(path) = &arguments.report {
        bim_import::write_report(path, &summary.report)
            .map_err(|error| Failure { message: error.to_string(), code: 2 })?;
    }
    Ok(summary)
}

/// One line for every file that is missing from the scene or cut off, one for the whole.
fn conclude(arguments: &Arguments, summary: &Summary) {
    for source in &summary.report.sources {
        if let Some(error) = &source.error {
            say(&format!("warning: {}: {error}", source.file));
        }
        if let Some(note) = source.cut_off_note() {
            say(&format!("warning: {}: {}", source.file, note.reason));
        }
        if source.too_far > 0 {
            let (file, count) = (&source.file, source.too_far);
            say(&format!(
                "warning: {file}: {count} of its elements lie too far from the others to be drawn"
            ));
        }
    }
    let report = &summary.report;
    let count = |of: fn(&bim_import::report::SourceReport) -> usize| -> usize {
        report.sources.iter().map(of).sum()
    };
    let text = format!(
        "{}: {} entities, {} with geometry, {} triangles in {} tiles; {} approximated, {} dropped; {:.1} s, {:.0} MiB",
        arguments.out().display(),
        summary.entities,
        count(|source| source.tessellated),
        report.tiles.triangles,
        report.tiles.tiles,
        count(|source| source.approximated),
        count(|source| source.dropped),
        report.seconds,
        report.peak_mib,
    );
    if arguments.progress == ProgressArgument::Json {
        emit(&serde_json::json!({
            "event": "done", "revision": summary.revision, "entities": summary.entities,
            "seconds": report.seconds,
        }));
    } else {
        say(&text);
    }
}

fn say(text: &str) {
    // Nobody left to tell when standard error is closed.
    let _ = writeln!(stderr(), "{text}");
}

fn emit(value: &serde_json::Value) {
    let _ = writeln!(stdout(), "{value}");
}
