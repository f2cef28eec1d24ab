//! `[history]`: where samples are kept, and for how long.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use toml::Spanned;

use super::{
    error::Collector,
    load::{content, duration, password, set},
    raw::RawHistory,
};
use crate::history::{
    postgres::PostgresOptions,
    retention::{Class, Retention},
};

/// Smallest budget, bytes: less holds no history worth the name.
const MIN_BYTES: u64 = 64 * 1024 * 1024;

/// Where and how samples are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryConfig {
    /// Where.
    pub place: HistoryPlace,
    /// For how long.
    pub retention: Retention,
}

/// Where samples are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryPlace {
    /// In a directory, by the embedded store.
    Directory(PathBuf),
    /// In a PostgreSQL database.
    Database(Box<PostgresOptions>),
}

/// Checks the section.
pub(super) fn check(
    raw: &Spanned<RawHistory>,
    dir: &Path,
    out: &mut Collector<'_>,
) -> Option<HistoryConfig> {
    let place = match raw.get_ref() {
        RawHistory { path: Some(_), url: Some(_), .. } => {
            out.add(raw.span(), "history", "give either `path` or `url`, not both");
            return None;
        }
        RawHistory { path: None, url: None, .. } => {
            out.add(raw.span(), "history", "expected `path` (a directory) or `url`");
            return None;
        }
        RawHistory { path: Some(path), .. } => {
            let keys = [
                (&raw.get_ref().password_file, "password_file"),
                (&raw.get_ref().ca_file, "ca_file"),
            ];
            for (file, key) in keys {
                if let Some(file) = file {
                    out.add(file.span(), &format!("history.{key}"), "is for `url`, not for `path`");
                }
            }
            HistoryPlace::Directory(dir.join(path))
        }
        RawHistory { url: Some(url), .. } => database(raw.get_ref(), url, dir, out)?,
    };
    Some(HistoryConfig { place, retention: retention(raw.get_ref(), out) })
}

fn database(
    raw: &RawHistory,
    url: &Spanned<String>,
    dir: &Path,
    out: &mut Collector<'_>,
) -> Option<HistoryPlace> {
    let secret =
        raw.password_file.as_ref().and_then(|f| password(f, "history.password_file", dir, out));
    let ca = raw.ca_file.as_ref().and_then(|file| content(file, "history.ca_file", dir, out));
    let options = PostgresOptions::parse(url.get_ref(), secret, ca);
    out.take(url.span(), "history.url", options).map(Box::new).map(HistoryPlace::Database)
}

fn retention(raw: &RawHistory, out: &mut Collector<'_>) -> Retention {
    let mut retention = Retention::default();
    if raw.url.is_some() {
        // How large a database of its own may be only who runs it knows.
        retention.max_bytes = u64::MAX;
    }
    set(&mut retention.max_bytes, &raw.max_bytes, "history.max_bytes", MIN_BYTES..=u64::MAX, out);
    let spans = [&raw.raw, &raw.minute, &raw.hour];
    retention.usual = class("history", retention.usual, spans, out);
    for (n, raw) in raw.classes.iter().enumerate() {
        let key = format!("history.class[{n}]");
        let raw = raw.get_ref();
        if raw.metrics.get_ref().is_empty() {
            let message = "expected at least one metric, such as [\"power\", \"energy*\"]";
            out.add(raw.metrics.span(), &format!("{key}.metrics"), message);
        }
        let metrics = raw.metrics.get_ref().clone();
        let usual = Class { metrics, ..retention.usual.clone() };
        retention.classes.push(class(&key, usual, [&raw.raw, &raw.minute, &raw.hour], out));
    }
    retention
}

/// How long each is kept; what is not said is as usual. Coarser is kept no shorter.
fn class(
    key: &str,
    mut class: Class,
    [raw, minute, hour]: [&Option<Spanned<String>>; 3],
    out: &mut Collector<'_>,
) -> Class {
    let mut at_least = Some(Duration::ZERO);
    let parts = [
        ("raw", &mut class.raw, raw),
        ("minute", &mut class.minute, minute),
        ("hour", &mut class.hour, hour),
    ];
    for (name, kept, said) in parts {
        let key = format!("{key}.{name}");
        if let Some(said) = said
            && let Some(read) = span(said, &key, out)
        {
            *kept = read;
            if longer(at_least, *kept) {
                let message = "is kept shorter than what is finer; say the same or longer";
                out.add(said.span(), &key, message);
            }
        } else if longer(at_least, *kept) {
            *kept = at_least;
        }
        at_least = *kept;
    }
    class
}

/// Whether the first lasts longer; nothing is for ever.
fn longer(one: Option<Duration>, other: Option<Duration>) -> bool {
    other.is_some_and(|other| one.is_none_or(|one| one > other))
}

/// `"forever"`, or a duration of a day at least.
fn span(raw: &Spanned<String>, key: &str, out: &mut Collector<'_>) -> Option<Option<Duration>> {
    if raw.get_ref() == "forever" {
        return Some(None);
    }
    duration(raw, key, 86_400, 200 * 366 * 86_400, out).map(Some)
}
