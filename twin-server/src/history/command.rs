//! `twin-server history export | import | info`.

mod export;
mod import;
pub(crate) mod lines;
pub(crate) mod parquet;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};

use super::{embedded::EmbeddedStore, retention::Retention};
use crate::config::{Config, HistoryPlace};

const AFTER_HELP: &str = "\
Examples:
  twin-server history info --config twin.toml
  twin-server history export --config twin.toml --from 2026-03-01T00:00:00Z --out march.csv
  twin-server history export --store data/history --points '*/power' --format jsonl
  twin-server history import --config twin.toml old-system.csv

Export and info read the store as it is at that moment, also while the server runs;
import needs the store for itself. Exit codes: 0 in order, 1 failed, 2 unusable arguments
or configuration, 3 some lines were not imported.";

/// Takes history out, puts it in, and tells about it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes samples to a file or to standard output, oldest first.
    Export(export::Args),
    /// Reads samples from a file; those that are there already are left as they are.
    Import(import::Args),
    /// Tells span, samples, size and gaps.
    Info(Place),
}

/// Which store.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// The configuration whose [history] names the store.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of the store.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// How samples are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a sample: point, t, v, q, received, unit.
    Csv,
    /// A JSON object a line, with the same fields.
    Jsonl,
    /// Columns; a value stands in v, v_text or v_bool.
    Parquet,
}

impl Format {
    /// By the name of a file.
    fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

impl Place {
    fn dir(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.store {
            return Ok(dir.clone());
        }
        let file = self.config.as_deref().unwrap_or(Path::new("twin.toml"));
        match Config::load(file)?.history.map(|history| history.place) {
            Some(HistoryPlace::Directory(dir)) => Ok(dir),
            Some(HistoryPlace::Database(_)) => {
                bail!("{}: history.url: only a store in a directory is read here", file.display())
            }
            None => bail!("{}: there is no [history], so nothing is kept", file.display()),
        }
    }

    /// How long the store keeps what; for ever where no configuration says.
    fn retention(&self) -> anyhow::Result<Retention> {
        let Some(file) = &self.config else { return Ok(Retention::forever()) };
        let history = Config::load(file)?.history;
        Ok(history.map_or_else(Retention::forever, |history| history.retention))
    }

    async fn open(&self) -> anyhow::Result<EmbeddedStore> {
        let dir = self.dir()?;
        Ok(tokio::task::spawn_blocking(move || EmbeddedStore::open_read_only(&dir))
            .await
            .context("opening the store")??)
    }
}

/// Runs one of the commands.
///
/// # Errors
/// Where the store cannot be opened, or a file not be read or written.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Export(args) => export::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Info(place) => info(&place).await,
    }
}

async fn info(place: &Place) -> anyhow::Result<ExitCode> {
    let store = place.open().await?;
    let info = store.info().await?;
    let out = &mut std::io::stdout().lock();
    writeln!(out, "store    {}", store.dir().display())?;
    match info.span {
        Some((first, last)) => writeln!(out, "span     {first} to {last}")?,
        None => writeln!(out, "span     empty")?,
    }
    writeln!(out, "points   {}", info.points)?;
    let samples = info.packed_samples + info.pending_samples;
    writeln!(out, "samples  {samples}, of them {} not packed yet", info.pending_samples)?;
    writeln!(out, "bytes    {}", info.file_bytes)?;
    if info.packed_samples > 0 {
        let each = |bytes: u64| bytes as f64 / info.packed_samples as f64;
        writeln!(
            out,
            "         {:.2} a packed sample: {:.2} for it, {:.2} to find it",
            each(info.chunk_bytes + info.run_bytes),
            each(info.chunk_bytes),
            each(info.run_bytes),
        )?;
    }
    writeln!(out, "gaps     {}", info.gaps.len())?;
    for gap in &info.gaps {
        writeln!(out, "         {} to {}", gap.start, gap.end)?;
    }
    Ok(ExitCode::SUCCESS)
}
