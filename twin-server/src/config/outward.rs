//! `[rooms]`, `[republish]` and `[[webhook]]`: what goes out.

use std::{fs, path::Path, time::Duration};

use axum::http::Uri;
use toml::Spanned;

use super::{
    error::Collector,
    load,
    raw::{RawRepublish, RawRooms, RawWebhook},
};
use crate::{
    republish::{self, TopicTemplate, overlap},
    rooms, webhooks,
};

const DAY_SECS: u64 = 24 * 3_600;

pub(super) fn rooms(raw: &RawRooms, out: &mut Collector<'_>) -> rooms::Settings {
    let mut rooms = rooms::Settings::default();
    load::set(&mut rooms.max_rooms, &raw.max, "rooms.max", 0..=1_000, out);
    let empty_after = &raw.empty_after;
    load::set_duration(&mut rooms.empty_after, empty_after, "rooms.empty_after", 0, DAY_SECS, out);
    rooms
}

/// Checks where points are published to: never where anything of ours listens, or they
/// would come in again.
pub(super) fn republish(
    raw: &Spanned<RawRepublish>,
    taken: impl Iterator<Item = String>,
    out: &mut Collector<'_>,
) -> Option<republish::Settings> {
    let raw = raw.get_ref();
    let parsed = TopicTemplate::parse(raw.topic.get_ref());
    let topic = out.take(raw.topic.span(), "republish.topic", parsed);
    let (mut qos, mut min_interval) = (0, Duration::from_secs(1));
    load::set(&mut qos, &raw.qos, "republish.qos", 0..=1, out);
    let interval = &raw.min_interval;
    load::set_duration(&mut min_interval, interval, "republish.min_interval", 0, DAY_SECS, out);
    let topic = topic?;
    let own = topic.filter();
    for filter in taken.filter(|filter| overlap(&own, filter)) {
        let message = format!(
            "meets {filter:?}, which a binding or [mqtt] watch listens to: what is published \
             would come in again; publish elsewhere"
        );
        out.add(raw.topic.span(), "republish.topic", message);
    }
    let (retain, entities) = (raw.retain, raw.entities.clone());
    Some(republish::Settings { topic, retain, qos, min_interval, entities })
}

/// Checks the hooks, whose names tell them apart.
pub(super) fn webhooks(
    raw: &[Spanned<RawWebhook>],
    dir: &Path,
    out: &mut Collector<'_>,
) -> Vec<webhooks::Settings> {
    let mut hooks: Vec<webhooks::Settings> = Vec::with_capacity(raw.len());
    for (number, raw) in raw.iter().enumerate() {
        let key = format!("webhook[{number}]");
        let Some(hook) = webhook(raw.get_ref(), &key, dir, out) else { continue };
        if hooks.iter().any(|other| other.name == hook.name) {
            let message = format!("{:?} names two webhooks; give each a `name`", hook.name);
            out.add(raw.span(), &format!("{key}.name"), message);
        }
        hooks.push(hook);
    }
    hooks
}

fn webhook(
    raw: &RawWebhook,
    key: &str,
    dir: &Path,
    out: &mut Collector<'_>,
) -> Option<webhooks::Settings> {
    let url = out.take(raw.url.span(), &format!("{key}.url"), address(raw.url.get_ref()));
    let (mut min_interval, mut attempts) = (Duration::from_secs(1), 8);
    let interval = &raw.min_interval;
    let interval_key = format!("{key}.min_interval");
    load::set_duration(&mut min_interval, interval, &interval_key, 0, DAY_SECS, out);
    load::set(&mut attempts, &raw.attempts, &format!("{key}.attempts"), 1..=100, out);
    let secret = raw.secret_file.as_ref().and_then(|file| {
        let path = dir.join(file.get_ref());
        let secret = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()));
        let secret = secret.map(|secret| secret.trim_ascii_end().to_vec()).and_then(|secret| {
            let short = || format!("{}: expected 16 bytes or more", path.display());
            (secret.len() >= 16).then_some(secret).ok_or_else(short)
        });
        out.take(file.span(), &format!("{key}.secret_file"), secret)
    });
    let url = url?;
    let host = || url.host().unwrap_or_default().to_owned();
    Some(webhooks::Settings {
        name: raw.name.clone().unwrap_or_else(host),
        entities: raw.entities.clone(),
        metrics: raw.metrics.clone(),
        quality: raw.quality.clone(),
        min_interval,
        secret,
        attempts,
        url,
    })
}

/// An address that can be posted to.
fn address(text: &str) -> Result<Uri, String> {
    let expected = || format!("{text:?}: expected an address such as \"https://example.com/hook\"");
    let url: Uri = text.parse().map_err(|_| expected())?;
    let web = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    match url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        _ if !web => Err(expected()),
        true => Err("an address with a password in it would end up in logs; sign with \
                     `secret_file` instead"
            .to_owned()),
        false => Ok(url),
    }
}
