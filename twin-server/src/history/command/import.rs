//! Samples into a store: each line is checked, and told with its number where it does not
//! fit; the others are kept.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};

use super::{Format, Opened, Place, lines::Line, parquet};
use crate::{history::Appended, reading::Reading};

/// Samples of one commit.
const BATCH: usize = 20_000;
/// Lines told one by one; of more there is the number.
const SHOWN: u64 = 20;
/// Longest line of JSON, bytes.
const MAX_LINE: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// The file; `point`, `t` and `v` are needed, `q`, `received`, `unit` and
    /// `stale_after_ms` may be left out.
    file: PathBuf,
    /// How samples are written; absent: by the file's name.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// What has become of the lines.
struct Import {
    store: Opened,
    file: PathBuf,
    batch: Vec<Reading>,
    total: Appended,
    refused: u64,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(format) = args.format.or_else(|| Format::of(&args.file)) else {
        bail!("{}: say with --format what it is: csv, jsonl or parquet", args.file.display());
    };
    let store = args.place.open_to_write().await?;
    let file = File::open(&args.file);
    let file = file.with_context(|| format!("{}: opening it", args.file.display()))?;
    let mut import = Import {
        store,
        file: args.file.clone(),
        batch: Vec::new(),
        total: Appended::default(),
        refused: 0,
    };
    match format {
        Format::Csv => import.csv(file).await?,
        Format::Jsonl => import.jsonl(file).await?,
        Format::Parquet => import.parquet(file).await?,
    }
    import.keep().await?;
    let Appended { kept, duplicates } = import.total;
    writeln!(
        std::io::stdout(),
        "{}: {kept} samples imported, {duplicates} were there already, {} lines refused",
        import.file.display(),
        import.refused
    )?;
    Ok(if import.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

impl Import {
    async fn csv(&mut self, file: File) -> anyhow::Result<()> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::new(file));
        let header = reader.headers()?.clone();
        for needed in ["point", "t", "v"] {
            if !header.iter().any(|column| column == needed) {
                bail!("{}:1: there is no column {needed:?}", self.file.display());
            }
        }
        let mut record = csv::StringRecord::new();
        loop {
            let line = reader.position().line();
            match reader.read_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let line = record.position().map_or(line, csv::Position::line);
                    self.take(line, Line::from_fields(&record, &header)).await?;
                }
                Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                    self.take(line, Err("it is not UTF-8".to_owned())).await?;
                }
                Err(error) => return Err(error).context(format!("{}", self.file.display())),
            }
        }
    }

    async fn jsonl(&mut self, file: File) -> anyhow::Result<()> {
        let mut reader = BufReader::new(file);
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)? == 0 {
                return Ok(());
            }
            if text.len() as u64 == MAX_LINE && !text.ends_with(b"\n") {
                skip_line(&mut reader)?;
                self.take(number, Err(format!("longer than {MAX_LINE} bytes"))).await?;
                continue;
            }
            if !text.iter().all(u8::is_ascii_whitespace) {
                let line = serde_json::from_slice(&text).map_err(|error| error.to_string());
                self.take(number, line).await?;
            }
        }
        Ok(())
    }

    async fn parquet(&mut self, file: File) -> anyhow::Result<()> {
        let name = self.file.display().to_string();
        let rows = parquet::rows(file).with_context(|| name.clone())?;
        for (number, row) in (1..).zip(rows) {
            let line = row.with_context(|| format!("{name}: row {number}"))?;
            self.take(number, line).await?;
        }
        Ok(())
    }

    async fn take(&mut self, number: u64, line: Result<Line, String>) -> anyhow::Result<()> {
        match line.and_then(Line::into_reading) {
            Ok(reading) => self.batch.push(reading),
            Err(reason) => self.refuse(number, &reason)?,
        }
        if self.batch.len() >= BATCH { self.keep().await } else { Ok(()) }
    }

    fn refuse(&mut self, number: u64, reason: &str) -> anyhow::Result<()> {
        self.refused += 1;
        if self.refused <= SHOWN {
            writeln!(std::io::stdout(), "{}:{number}: {reason}", Path::display(&self.file))?;
        }
        Ok(())
    }

    async fn keep(&mut self) -> anyhow::Result<()> {
        let appended = self.store.store().append(std::mem::take(&mut self.batch)).await?;
        self.total.kept += appended.kept;
        self.total.duplicates += appended.duplicates;
        Ok(())
    }
}

fn skip_line(reader: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(bytes.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
