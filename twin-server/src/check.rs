//! `twin-server check`: is this configuration right, and what would it bind?

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    bindings::{
        BindingBoard, BindingReport, Engine, HasScene, Orphan, Suggestion, Suggestions,
        TroubleList, from_hex, orphans,
    },
    config::Config,
    ingest::Message,
    scene::{self, LoadError},
};

/// Longest line of a message file, bytes.
const MAX_LINE: u64 = 4 * 1024 * 1024;
/// Entries shown of each list.
const SHOWN: usize = 20;

const AFTER_HELP: &str = "\
Examples:
  twin-server check --config twin.toml
  mosquitto_sub -h broker -t 'campus/#' -F %j -W 30 > sample.ndjson
  twin-server check --config twin.toml --messages sample.ndjson --strict
  twin-server record --broker mqtt://broker --topic 'campus/#' --for 60s --out sample.ndjson
  twin-server check --config twin.toml --messages sample.ndjson --suggest

A line of the message file is {\"topic\": …, \"payload\": …}; the payload is a string, or
the JSON itself; {\"topic\", \"hex\"} where it is no text. Lines that are none of these are
skipped and told.";

/// Checks a configuration and dry-runs its bindings.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Sample messages, one JSON object `{"topic","payload"}` a line.
    #[arg(long, value_name = "FILE.ndjson")]
    pub messages: Option<PathBuf>,
    /// Exit with 3 where a message is unbound, ambiguous, orphaned, rejected or unreadable.
    #[arg(long)]
    pub strict: bool,
    /// Suggest bindings for the topics of the sample that none takes, as TOML.
    #[arg(long, requires = "messages")]
    pub suggest: bool,
}

/// Prints the findings to standard output.
///
/// # Errors
/// Where the configuration, the scene or the message file cannot be used.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let loaded = scene::load(&config.scene.package, config.scene_properties())
        .with_context(|| format!("{}: scene.package", config.file.display()))?;
    if let Some(error) = loaded.tiles_error() {
        return Err(LoadError::from(error.clone()))
            .with_context(|| format!("{}: scene.package", config.file.display()));
    }
    let out = &mut io::stdout().lock();
    writeln!(
        out,
        "{}: {} bindings; scene of {} entities",
        config.file.display(),
        config.bindings.len(),
        loaded.scene().len()
    )?;
    for warning in &config.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    print_reach(out, &config, &loaded)?;
    let lost = orphans(&config.bindings, loaded.scene(), loaded.removed());
    for orphan in lost.iter().take(SHOWN) {
        let Orphan { binding, entity, wanted, .. } = orphan;
        writeln!(out, "orphaned: {binding} lost {entity} ({wanted}) with the last revision")?;
    }
    print_more(out, lost.len() as u64, lost.len())?;
    let Some(messages) = &args.messages else { return Ok(ExitCode::SUCCESS) };
    let scene: Arc<dyn HasScene> = Arc::new(loaded);
    let (board, unreadable) = dry_run(&config, Arc::clone(&scene), messages)?;
    let report = board.report();
    print_report(out, &report)?;
    unreadable.print(out)?;
    if args.suggest {
        print_suggestions(out, &board.suggest(scene.scene()))?;
    }
    let troubles = [&report.unbound, &report.ambiguous, &report.orphaned, &report.rejected];
    let clean = unreadable.lines == 0 && troubles.iter().all(|list| list.total == 0);
    Ok(if args.strict && !clean { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

fn print_reach(out: &mut impl Write, config: &Config, scene: &dyn HasScene) -> io::Result<()> {
    for binding in &config.bindings {
        let reach = binding.target.reach(scene.scene());
        write!(out, "binding {:?}: {} entities in reach", binding.name, reach.entities)?;
        if reach.entities == 0 {
            write!(out, " (nothing in the scene carries what `entity` asks for)")?;
        }
        writeln!(out)?;
        for (text, entities) in reach.ambiguous.iter().take(SHOWN) {
            writeln!(out, "  ambiguous: {entities} entities carry {text}")?;
        }
        let more = reach.ambiguous.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(out, "  … and {more} more")?;
        }
    }
    Ok(())
}

/// A line of the message file.
#[derive(Deserialize)]
struct Line {
    topic: String,
    payload: Option<Json>,
    /// A payload that is no text.
    hex: Option<String>,
}

impl Line {
    fn into_message(self, received: Timestamp) -> Result<Message, String> {
        let payload = match (self.payload, self.hex) {
            (Some(Json::String(text)), None) => text.into_bytes(),
            (Some(other), None) => other.to_string().into_bytes(),
            (None, Some(hex)) => from_hex(&hex)?,
            _ => return Err("expected either payload or hex".to_owned()),
        };
        Ok(Message::new(self.topic, payload, received))
    }
}

/// What the bindings make of the messages, and which lines are no messages, with the reason.
pub(crate) fn dry_run(
    config: &Config,
    scene: Arc<dyn HasScene>,
    messages: &Path,
) -> anyhow::Result<(Arc<BindingBoard>, Unreadable)> {
    let at = |number: usize| format!("{} line {number}", messages.display());
    let file = File::open(messages).with_context(|| format!("reading {}", messages.display()))?;
    let mut file = BufReader::new(file);
    let mut engine = Engine::new(config.bindings.clone(), scene)
        .with_computed(config.computed.clone())
        .discovering(config.discoveries.clone());
    let (mut readings, mut unreadable) = (Vec::new(), Unreadable::default());
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = io::Read::take(&mut file, MAX_LINE).read_until(b'\n', &mut line);
        if read.with_context(|| at(number))? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Line>(&line) {
            Ok(parsed) => {
                readings.clear();
                let now = Timestamp::now();
                match parsed.into_message(now) {
                    Ok(message) => {
                        engine.accept(&message, &mut readings);
                        engine.settle();
                        engine.tick(now, &mut readings);
                    }
                    Err(error) => unreadable.note(|| format!("{}: {error}", at(number))),
                }
            }
            Err(error) => unreadable.note(|| format!("{}: {error}", at(number))),
        }
    }
    Ok((Arc::clone(engine.board()), unreadable))
}

/// Lines that are no messages: how many, and what the first of them are.
#[derive(Default)]
pub(crate) struct Unreadable {
    lines: u64,
    first: Vec<String>,
}

impl Unreadable {
    fn note(&mut self, what: impl FnOnce() -> String) {
        self.lines += 1;
        if self.first.len() < SHOWN {
            self.first.push(what());
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if self.lines == 0 {
            return Ok(());
        }
        writeln!(out, "unreadable: {} lines, expected {{\"topic\",\"payload\"}}", self.lines)?;
        for line in &self.first {
            writeln!(out, "  {line}")?;
        }
        print_more(out, self.lines, self.first.len())
    }
}

fn print_report(out: &mut impl Write, report: &BindingReport) -> io::Result<()> {
    writeln!(out, "\n{} messages gave {} readings", report.messages, report.readings)?;
    writeln!(out, "bound: {} topics", report.bound.total)?;
    for topic in report.bound.items.iter().take(SHOWN) {
        writeln!(out, "  {} → {} ({})", topic.topic, topic.entity, topic.binding)?;
    }
    print_more(out, report.bound.total, report.bound.items.len())?;
    print_troubles(out, "unbound", &report.unbound)?;
    print_troubles(out, "ambiguous", &report.ambiguous)?;
    print_troubles(out, "orphaned", &report.orphaned)?;
    print_troubles(out, "rejected", &report.rejected)?;
    print_troubles(out, "uncertain", &report.uncertain)?;
    print_troubles(out, "skipped", &report.skipped)?;
    print_troubles(out, "computed without a value", &report.failed)?;
    writeln!(out, "wrong clocks: {} times", report.clocks.total)?;
    for clock in report.clocks.items.iter().take(SHOWN) {
        let (entity, binding, secs) = (&clock.entity, &clock.binding, clock.offset_secs);
        writeln!(out, "  {entity} ({binding}): {} × by {secs} s; {}", clock.total, clock.reason)?;
    }
    for binding in report.bindings.iter().filter(|binding| binding.messages == 0) {
        writeln!(out, "no usable message for binding {:?} ({})", binding.name, binding.topic)?;
    }
    Ok(())
}

fn print_suggestions(out: &mut impl Write, found: &Suggestions) -> io::Result<()> {
    writeln!(out, "\n# {} suggestions for {} unbound topics", found.items.len(), found.topics)?;
    for suggestion in &found.items {
        let Suggestion { confidence, reason, topics, placed, .. } = suggestion;
        writeln!(out, "\n# {confidence:.2}, {placed} of {topics} topics: {reason}")?;
        for left in &suggestion.left_out {
            writeln!(out, "# left out: {}: {}", left.value, left.reason)?;
        }
        out.write_all(suggestion.toml.as_bytes())?;
    }
    for unplaced in &found.unplaced {
        let topics = unplaced.topics;
        writeln!(out, "# nothing for {} ({topics} topics): {}", unplaced.example, unplaced.reason)?;
    }
    Ok(())
}

fn print_troubles(out: &mut impl Write, name: &str, list: &TroubleList) -> io::Result<()> {
    writeln!(out, "{name}: {} times", list.total)?;
    for trouble in list.items.iter().take(SHOWN) {
        let binding = trouble.binding.as_ref().map(|name| format!(" ({name})"));
        let binding = binding.unwrap_or_default();
        writeln!(out, "  {}{binding}: {} × {}", trouble.topic, trouble.total, trouble.reason)?;
    }
    print_more(out, list.items.len() as u64, list.items.len())
}

fn print_more(out: &mut impl Write, total: u64, listed: usize) -> io::Result<()> {
    let more = total.saturating_sub(listed.min(SHOWN) as u64);
    if more > 0 {
        writeln!(out, "  … and {more} more")?;
    }
    Ok(())
}
