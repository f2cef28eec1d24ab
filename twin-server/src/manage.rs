//! `twin-server bindings`: which profiles there are, and accepting suggested bindings.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, anyhow};

use crate::{
    accept::{self, Choice},
    bindings::HasScene,
    check,
    config::{self, Config},
    scene::{self, Properties},
};

const AFTER_HELP: &str = "\
Examples:
  twin-server bindings profiles
  twin-server record --broker mqtt://broker --topic 'campus/#' --for 60s --out sample.ndjson
  twin-server bindings accept --config twin.toml --messages sample.ndjson --min-confidence 0.8
  twin-server bindings accept --config twin.toml --messages sample.ndjson 'meter state'

Accepted bindings are appended to bindings.d/accepted.toml beside the configuration. A
server that runs takes them up by itself (see [bindings] watch).";

/// Lists profiles and accepts suggestions.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Prints the ready profiles, their parameters and sources.
    Profiles,
    /// Writes suggested bindings to bindings.d/accepted.toml.
    Accept(AcceptArgs),
}

#[derive(Debug, clap::Args)]
struct AcceptArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Recorded messages that the suggestions are made from.
    #[arg(long, value_name = "FILE.ndjson")]
    messages: PathBuf,
    /// Accept every suggestion.
    #[arg(long, conflicts_with_all = ["min_confidence", "names"])]
    all: bool,
    /// Accept suggestions that are at least so certain, 0 to 1.
    #[arg(long, value_name = "0..1")]
    min_confidence: Option<f64>,
    /// Names of suggestions to accept.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Runs one of the actions.
///
/// # Errors
/// Where a file cannot be used, or no suggestion is meant.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Profiles => print_profiles(&mut io::stdout().lock()),
        Action::Accept(args) => accept_some(args),
    }
}

fn print_profiles(out: &mut impl Write) -> anyhow::Result<ExitCode> {
    for profile in config::profiles().map_err(|error| anyhow!(error))? {
        writeln!(out, "{}: {}", profile.name, profile.title)?;
        if let Some(about) = &profile.about {
            writeln!(out, "  {about}")?;
        }
        for parameter in &profile.parameters {
            let default = match &parameter.default {
                Some(default) => format!(" (default {default:?})"),
                None => " (required)".to_owned(),
            };
            writeln!(out, "  {}{default}: {}", parameter.name, parameter.about)?;
        }
        for source in &profile.sources {
            writeln!(out, "  after {source}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn accept_some(args: AcceptArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    // Properties too: some of them tell which device is which.
    let loaded = scene::load(&config.scene.package, Properties::InMemory)
        .with_context(|| format!("{}: scene.package", config.file.display()))?;
    let scene: Arc<dyn HasScene> = Arc::new(loaded);
    let (board, _) = check::dry_run(&config, Arc::clone(&scene), &args.messages)?;
    let suggestions = board.suggest(scene.scene());
    let choice = Choice { names: args.names, min_confidence: args.min_confidence, all: args.all };
    let chosen = choice.of(suggestions.items).map_err(|error| anyhow!(error))?;
    let file = accept::write(&args.config, &chosen)?;
    let out = &mut io::stdout().lock();
    for suggestion in &chosen {
        let (name, placed) = (&suggestion.name, suggestion.placed);
        writeln!(out, "accepted {name:?} ({:.2}): {placed} topics", suggestion.confidence)?;
    }
    writeln!(out, "written to {}", file.display())?;
    Ok(ExitCode::SUCCESS)
}
