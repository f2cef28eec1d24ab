//! Samples out of a store.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, ensure};
use jiff::Timestamp;

use super::{
    Format, Place,
    lines::{Line, Sink},
};
use crate::history::{Store, retention::fits};

/// Samples read at a time.
const PAGE: usize = 20_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Begin of the range, RFC 3339; absent: the first sample.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// End of the range, RFC 3339, not part of it; absent: the last sample and all.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only these points: ENTITY/METRIC, with * for anything; may be given more than once.
    #[arg(long, value_name = "PATTERN")]
    points: Vec<String>,
    /// How samples are written; absent: by the name of --out, else CSV.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File to write; absent: standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (from, to) = (args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(Timestamp::MAX));
    ensure!(from < to, "--from ({from}) must be before --to ({to})");
    let by_name = args.out.as_deref().and_then(Format::of);
    let format = args.format.or(by_name).unwrap_or(Format::Csv);
    let store = args.place.open().await?;
    let out: Box<dyn Write + Send> = match &args.out {
        Some(file) => {
            let created = File::create(file);
            Box::new(created.with_context(|| format!("{}: creating it", file.display()))?)
        }
        None => Box::new(io::stdout()),
    };
    let mut sink = Sink::new(format, BufWriter::new(out))?;
    let written = copy(store.store(), from, to, &args.points, &mut sink).await?;
    sink.finish()?;
    tracing::info!(samples = written, "exported");
    Ok(ExitCode::SUCCESS)
}

async fn copy<W: Write + Send>(
    store: &dyn Store,
    from: Timestamp,
    to: Timestamp,
    patterns: &[String],
    sink: &mut Sink<W>,
) -> anyhow::Result<u64> {
    let mut after = None;
    let mut written = 0;
    loop {
        let page = store.page(from..to, after, PAGE).await?;
        for past in &page.samples {
            let line = Line::from(past);
            if patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, &line.point)) {
                sink.put(line)?;
                written += 1;
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(written),
        }
    }
}
