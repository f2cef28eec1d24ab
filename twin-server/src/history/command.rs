//! `twin-server history export | import | info`.

mod export;
mod import;
pub(crate) mod lines;
pub(crate) mod parquet;

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{
    Store,
    embedded::{EmbeddedStore, Tuning},
    postgres::PostgresStore,
    retention::Retention,
};
use crate::config::{Config, HistoryConfig, HistoryPlace};

const AFTER_HELP: &str = "\
Examples:
  twin-server history info --config twin.toml
  twin-server history export --config twin.toml --from 2026-03-01T00:00:00Z --out march.csv
  twin-server history export --store data/history --points '*/power' --format jsonl
  twin-server history import --config twin.toml old-system.csv

Export and info read the store as it is at that moment, also while the server runs.
Import into a directory needs the store for itself; into a database it does not. Exit codes: 0 in order, 1 failed, 2 unusable arguments
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

/// A store, and which it is.
enum Opened {
    Directory(EmbeddedStore),
    Database(PostgresStore),
}

impl Opened {
    fn store(&self) -> &dyn Store {
        match self {
            Self::Directory(store) => store,
            Self::Database(store) => store,
        }
    }
}

impl Place {
    /// Where the store is, and how long it keeps what: for ever where no configuration says.
    fn history(&self) -> anyhow::Result<HistoryConfig> {
        if let Some(dir) = &self.store {
            let place = HistoryPlace::Directory(dir.clone());
            return Ok(HistoryConfig { place, retention: Retention::forever() });
        }
        let file = self.config.as_deref().unwrap_or(Path::new("twin.toml"));
        match Config::load(file)?.history {
            Some(history) => Ok(history),
            None => bail!("{}: there is no [history], so nothing is kept", file.display()),
        }
    }

    async fn open(&self) -> anyhow::Result<Opened> {
        Ok(match self.history()?.place {
            HistoryPlace::Directory(dir) => {
                let open = move || EmbeddedStore::open_read_only(&dir);
                let store =
                    tokio::task::spawn_blocking(open).await.context("opening the store")??;
                Opened::Directory(store)
            }
            HistoryPlace::Database(options) => {
                Opened::Database(PostgresStore::open_read_only(&options).await?)
            }
        })
    }

    async fn open_to_write(&self) -> anyhow::Result<Opened> {
        let HistoryConfig { place, retention } = self.history()?;
        Ok(match place {
            HistoryPlace::Directory(dir) => {
                let open = move || EmbeddedStore::open(&dir, retention, Tuning::default());
                let store =
                    tokio::task::spawn_blocking(open).await.context("opening the store")??;
                Opened::Directory(store)
            }
            HistoryPlace::Database(options) => {
                Opened::Database(PostgresStore::open(&options, &retention).await?)
            }
        })
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
    let out = &mut std::io::stdout().lock();
    match place.open().await? {
        Opened::Directory(store) => directory(&store, out).await?,
        Opened::Database(store) => database(&store, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn directory(store: &EmbeddedStore, out: &mut impl io::Write) -> anyhow::Result<()> {
    let info = store.info().await?;
    writeln!(out, "store    {}", store.dir().display())?;
    span(info.span, out)?;
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
    gaps(&info.gaps, out)
}

async fn database(store: &PostgresStore, out: &mut impl io::Write) -> anyhow::Result<()> {
    let info = store.info().await?;
    writeln!(out, "store    {}", store.name())?;
    span(info.span, out)?;
    writeln!(out, "points   {}", info.points)?;
    writeln!(out, "samples  {}", info.samples)?;
    writeln!(out, "bytes    {}", info.bytes)?;
    if info.samples > 0 {
        let each = info.bytes as f64 / info.samples as f64;
        writeln!(out, "         {each:.1} a sample with its indexes")?;
    }
    writeln!(out, "rollups  {} bytes", info.rollup_bytes)?;
    gaps(&info.gaps, out)
}

fn span(span: Option<(Timestamp, Timestamp)>, out: &mut impl io::Write) -> anyhow::Result<()> {
    match span {
        Some((first, last)) => writeln!(out, "span     {first} to {last}")?,
        None => writeln!(out, "span     empty")?,
    }
    Ok(())
}

fn gaps(gaps: &[Range<Timestamp>], out: &mut impl io::Write) -> anyhow::Result<()> {
    writeln!(out, "gaps     {}", gaps.len())?;
    for gap in gaps {
        writeln!(out, "         {} to {}", gap.start, gap.end)?;
    }
    Ok(())
}
