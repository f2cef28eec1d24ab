//! Reading the file, and the checks that every section shares.

use std::{
    fmt, fs,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::Uri;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::{
    Config, ConfigError, HttpConfig, Problem, SceneConfig, computed,
    error::{Collector, line_of},
    history, mqtt, outward,
    raw::{Raw, RawHttp, RawSet},
    set::{BindingSet, Instead, fingerprint},
    shape::Labels,
};

/// How often the files are looked at unless told otherwise.
const WATCH: Duration = Duration::from_secs(2);

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// Where the file cannot be read, or anything in it cannot be used; all problems of
    /// the file are told at once, each with its line and key.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::load_with(file, None)
    }

    /// Reads and checks a configuration file as if one of the files it takes in had other
    /// content, or were there at all.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(file: &Path, instead: Option<Instead<'_>>) -> Result<Self, ConfigError> {
        // Before reading: an edit made meanwhile is then seen as one.
        let fingerprint = fingerprint(file);
        let text = fs::read_to_string(file)
            .map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
        let config = Self::parse_with(file, &text, instead)?;
        Ok(Self { fingerprint: Some(fingerprint), ..config })
    }

    /// Checks the text of a configuration file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        Self::parse_with(file, text, None)
    }

    fn parse_with(
        file: &Path,
        text: &str,
        instead: Option<Instead<'_>>,
    ) -> Result<Self, ConfigError> {
        let invalid =
            |problems: Vec<Problem>| ConfigError::Invalid { file: file.to_owned(), problems };
        let raw: Raw = parse_raw(text).map_err(|problem| invalid(vec![problem]))?;
        let dir = file.parent().unwrap_or(Path::new(""));
        let mut out = Collector::new(text);
        let mut warnings = Vec::new();
        let http = http(&raw.http, dir, &mut out);
        let rooms = outward::rooms(&raw.rooms, &mut out);
        let webhooks = outward::webhooks(&raw.webhooks, dir, &mut out);
        let mqtt = raw.mqtt.as_ref().and_then(|mqtt| mqtt::check(mqtt, dir, &mut out));
        let watch = watch(&raw.set, &mut out);
        let mut set = BindingSet::new(dir, instead);
        set.add(None, text, &raw.bindings, &raw.uses);
        set.add_folder()?;
        let computed = computed::check(&raw.computed, &mut out, &mut warnings);
        let republish = raw.republish.as_ref().and_then(|raw| {
            let taken = set.bindings.iter().map(|binding| binding.topic.filter());
            let watched = mqtt.iter().flat_map(|mqtt| mqtt.watch.iter().cloned());
            outward::republish(raw, taken.chain(watched), &mut out)
        });
        if republish.is_some() && raw.mqtt.is_none() {
            warnings.push("there is a [republish] but no [mqtt] to publish to".to_owned());
        }
        labels(&raw, &mut out);
        let history = raw.history.as_ref().and_then(|raw| history::check(raw, dir, &mut out));
        if let Some(group) = raw.mqtt.as_ref().and_then(|mqtt| mqtt.get_ref().share_group.as_ref())
            && raw.history.as_ref().is_none_or(|history| history.get_ref().url.is_none())
        {
            let message = "needs [history] url, a database that the servers share";
            out.add(group.span(), "mqtt.share_group", message);
        }
        warnings.append(&mut set.warnings);
        if raw.mqtt.is_none() && !set.bindings.is_empty() {
            warnings.push("there are bindings but no [mqtt], so nothing will arrive".to_owned());
        }
        out.problems.append(&mut set.problems);
        if !out.problems.is_empty() {
            out.problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            return Err(invalid(out.problems));
        }
        Ok(Self {
            file: file.to_owned(),
            scene: SceneConfig { package: dir.join(&raw.scene.package) },
            http,
            rooms,
            republish,
            webhooks,
            mqtt,
            history,
            bindings: set.bindings,
            computed,
            discoveries: set.discoveries,
            watch,
            fingerprint: None,
            warnings,
        })
    }
}

/// TOML to the raw form. The error names the key as well as the line.
pub(super) fn parse_raw<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let problem = |error: &toml::de::Error, key: String| Problem {
        file: None,
        line: error.span().map_or(0, |span| line_of(text, span.start)),
        key,
        message: error.message().replace('\n', " "),
    };
    let document = toml::Deserializer::parse(text).map_err(|e| problem(&e, String::new()))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        // A value with a span is, to serde, a struct of its own.
        let path = error.path().to_string().replace(".$__serde_spanned_private_value", "");
        let key = if path == "." { String::new() } else { path };
        problem(error.inner(), key)
    })
}

/// How often the files are looked at for changes; "0s" for never.
fn watch(raw: &RawSet, out: &mut Collector<'_>) -> Option<Duration> {
    let Some(text) = &raw.watch else { return Some(WATCH) };
    let every = duration(text, "bindings.watch", 0, 86_400, out)?;
    (!every.is_zero()).then_some(every)
}

fn labels(raw: &Raw, out: &mut Collector<'_>) {
    let mut labels = Labels::default();
    for (index, binding) in raw.bindings.iter().enumerate() {
        for (n, point) in binding.get_ref().points.iter().enumerate() {
            let (key, point) = (format!("binding[{index}].point[{n}]"), point.get_ref());
            labels.add(&point.metric, point.states.as_ref(), &key, out);
        }
    }
    for (index, computed) in raw.computed.iter().enumerate() {
        let (key, computed) = (format!("computed[{index}]"), computed.get_ref());
        labels.add(&computed.metric, computed.states.as_ref(), &key, out);
    }
}

fn http(raw: &RawHttp, dir: &Path, out: &mut Collector<'_>) -> HttpConfig {
    let mut http = HttpConfig {
        viewer: raw.viewer.as_ref().map(|path: &PathBuf| dir.join(path)),
        ..HttpConfig::default()
    };
    if let Some(listen) = raw.listen.as_ref().and_then(|l| address(l, "http.listen", out)) {
        http.listen = listen;
    }
    for (n, raw) in raw.allowed_origins.iter().enumerate() {
        let checked = origin(raw.get_ref());
        http.allowed_origins.extend(out.take(
            raw.span(),
            &format!("http.allowed_origins[{n}]"),
            checked,
        ));
    }
    set(&mut http.max_clients, &raw.max_clients, "http.max_clients", 1..=100_000, out);
    set(&mut http.max_hz, &raw.max_hz, "http.max_hz", 0.1..=60.0, out);
    let sizes = 1_024..=64 * 1024 * 1024;
    set(
        &mut http.max_message_bytes,
        &raw.max_message_bytes,
        "http.max_message_bytes",
        sizes.clone(),
        out,
    );
    set(&mut http.max_body_bytes, &raw.max_body_bytes, "http.max_body_bytes", sizes, out);
    let timeout = &raw.request_timeout;
    set_duration(&mut http.request_timeout, timeout, "http.request_timeout", 1, 3_600, out);
    set_duration(&mut http.ping_interval, &raw.ping_interval, "http.ping_interval", 1, 600, out);
    http
}

/// An origin as browsers send it: scheme, host, and the port where it is not the usual.
fn origin(text: &str) -> Result<String, String> {
    let parsed = text.parse::<Uri>().ok();
    let fits = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some()
            && !text.ends_with('/')
            && uri.path_and_query().is_none_or(|path| path == "/")
    });
    let error = || format!("{text:?}: expected an origin such as \"https://twin.example.com\"");
    if fits { Ok(text.to_owned()) } else { Err(error()) }
}

pub(super) fn address(
    raw: &Spanned<String>,
    key: &str,
    out: &mut Collector<'_>,
) -> Option<SocketAddr> {
    let parsed = raw
        .get_ref()
        .parse()
        .map_err(|_| format!("{:?}: expected ADDRESS:PORT, as in 127.0.0.1:8080", raw.get_ref()));
    out.take(raw.span(), key, parsed)
}

/// The content of a file that the configuration names.
pub(super) fn content(
    file: &Spanned<PathBuf>,
    key: &str,
    dir: &Path,
    out: &mut Collector<'_>,
) -> Option<Vec<u8>> {
    let path = dir.join(file.get_ref());
    let content = fs::read(&path).map_err(|error| format!("reading {}: {error}", path.display()));
    out.take(file.span(), key, content)
}

/// The same, of a password: editors end a file with a newline, which is no part of it.
pub(super) fn password(
    file: &Spanned<PathBuf>,
    key: &str,
    dir: &Path,
    out: &mut Collector<'_>,
) -> Option<Vec<u8>> {
    let mut password = content(file, key, dir, out)?;
    while password.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        password.pop();
    }
    Some(password)
}

/// Takes a number over where it is given and lies in its range.
pub(super) fn set<T: PartialOrd + fmt::Display + Copy>(
    value: &mut T,
    raw: &Option<Spanned<T>>,
    key: &str,
    allowed: RangeInclusive<T>,
    out: &mut Collector<'_>,
) {
    let Some(raw) = raw else { return };
    if allowed.contains(raw.get_ref()) {
        *value = *raw.get_ref();
    } else {
        let (low, high) = (allowed.start(), allowed.end());
        out.add(raw.span(), key, format!("{}: expected {low} to {high}", raw.get_ref()));
    }
}

/// The same for a duration such as `"90s"`, with bounds in seconds.
pub(super) fn set_duration(
    value: &mut Duration,
    raw: &Option<Spanned<String>>,
    key: &str,
    low_secs: u64,
    high_secs: u64,
    out: &mut Collector<'_>,
) {
    if let Some(raw) = raw
        && let Some(duration) = duration(raw, key, low_secs, high_secs, out)
    {
        *value = duration;
    }
}

/// Reads a duration such as `"90s"` or `"1h 30m"`.
pub(super) fn duration(
    raw: &Spanned<String>,
    key: &str,
    low_secs: u64,
    high_secs: u64,
    out: &mut Collector<'_>,
) -> Option<Duration> {
    let expected = || format!("{:?}: expected a duration such as \"90s\" or \"5m\"", raw.get_ref());
    let parsed = humantime::parse_duration(raw.get_ref()).map_err(|_| expected());
    let duration = out.take(raw.span(), key, parsed)?;
    let (low, high) = (Duration::from_secs(low_secs), Duration::from_secs(high_secs));
    if (low..=high).contains(&duration) {
        return Some(duration);
    }
    let show = humantime::format_duration;
    out.add(
        raw.span(),
        key,
        format!("{}: expected {} to {}", raw.get_ref(), show(low), show(high)),
    );
    None
}
