//! A changed set of bindings, put to work without a restart. The files are read and
//! checked first; only a set that is right replaces the one at work, so that a bad edit
//! changes nothing but what is told of it.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot},
    time,
};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::{
    bindings::{Binding, By, Discovery, Engine, HasScene, minimal_filters},
    config::{Config, ConfigError, Fingerprint, fingerprint},
    ingest::{Swap, sharing_engine},
};

/// The MQTT topic filters of a configuration.
pub fn filters(config: &Config) -> Vec<String> {
    let bound = config.bindings.iter().map(Binding::filter);
    let announced = config.discoveries.iter().flat_map(Discovery::filters);
    let watched = config.mqtt.iter().flat_map(|mqtt| mqtt.watch.iter().cloned());
    minimal_filters(bound.chain(announced).chain(watched))
}

/// Why a changed set of bindings is not at work.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The files cannot be read, or say something that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It needs what only a start can do.
    #[error("{0}")]
    NeedsRestart(String),
    /// Ingest has ended.
    #[error("ingest has stopped, so there is nothing to put bindings to work in")]
    Stopped,
}

/// What is wrong with an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where the key is missing.
    pub line: usize,
    /// Path of the key: `binding[2].point[0].range`.
    pub key: String,
    /// What stands there and what was expected.
    pub message: String,
}

impl ReloadError {
    /// The single faults, with their places.
    pub fn faults(&self) -> Vec<Fault> {
        let Self::Config(ConfigError::Invalid { file, problems }) = self else {
            return Vec::new();
        };
        let fault = |problem: &crate::config::Problem| Fault {
            file: problem.file.as_ref().unwrap_or(file).display().to_string(),
            line: problem.line,
            key: problem.key.clone(),
            message: problem.message.clone(),
        };
        problems.iter().map(fault).collect()
    }
}

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReloadReport {
    /// Bindings at work now.
    pub bindings: usize,
    /// Names of those that are new; computed points are told as `computed NAME`.
    pub added: Vec<String>,
    /// Names of those that say something else than before.
    pub changed: Vec<String>,
    /// Names of those that are gone.
    pub removed: Vec<String>,
    /// Sections of the configuration that changed too, and wait for a restart.
    pub needs_restart: Vec<String>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

/// The set of bindings at work, and how the last attempt to change it ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SetStatus {
    /// Bindings at work.
    pub bindings: usize,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Sets put to work since the start.
    pub reloads: u64,
    /// Why the files as they are now are not at work; absent where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A reload that changed nothing.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Failure {
    /// When it was tried.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why it was not done.
    pub message: String,
    /// The single faults, with their places.
    pub faults: Vec<Fault>,
}

/// Puts a changed set of bindings to work.
pub struct Reloader {
    file: PathBuf,
    scene: Arc<dyn HasScene>,
    swaps: mpsc::Sender<Swap>,
    /// Where the other set goes, of a server that keeps a share.
    shared: Option<mpsc::Sender<Swap>>,
    /// The configuration at work; held while a reload is under way, so that two follow one
    /// another.
    at_work: tokio::sync::Mutex<Config>,
    status: Mutex<SetStatus>,
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Reloader {
    /// A reloader for a configuration that is at work.
    pub fn new(config: Config, scene: Arc<dyn HasScene>, swaps: mpsc::Sender<Swap>) -> Self {
        let status = SetStatus {
            bindings: config.bindings.len(),
            since: Timestamp::now(),
            reloads: 0,
            failure: None,
        };
        Self {
            file: config.file.clone(),
            scene,
            swaps,
            shared: None,
            at_work: tokio::sync::Mutex::new(config),
            status: Mutex::new(status),
        }
    }

    /// Also for what keeps a share.
    #[must_use]
    pub(crate) fn with_share(self, shared: Option<mpsc::Sender<Swap>>) -> Self {
        Self { shared, ..self }
    }

    /// How the set stands.
    pub fn status(&self) -> SetStatus {
        self.status.lock().clone()
    }

    /// The configuration file.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// The scene that bindings find their entities in.
    pub fn scene(&self) -> &Arc<dyn HasScene> {
        &self.scene
    }

    /// The bindings at work.
    pub async fn bindings(&self) -> Vec<Binding> {
        self.at_work.lock().await.bindings.clone()
    }

    /// Reads the files again and puts their bindings to work; what is wrong with them is
    /// logged, kept in the status, and given back, and the bindings at work stay.
    ///
    /// # Errors
    /// Where the files cannot be used.
    pub async fn reload(&self) -> Result<ReloadReport, ReloadError> {
        let done = self.try_reload().await;
        let mut status = self.status.lock();
        match &done {
            Ok(report) => {
                status.bindings = report.bindings;
                status.since = Timestamp::now();
                status.reloads += 1;
                status.failure = None;
                let (added, changed) = (report.added.len(), report.changed.len());
                let removed = report.removed.len();
                tracing::info!(added, changed, removed, "bindings reloaded");
                for warning in &report.warnings {
                    tracing::warn!("{warning}");
                }
                for section in &report.needs_restart {
                    tracing::warn!("[{section}] changed too; that waits for a restart");
                }
            }
            Err(error) => {
                tracing::error!("the bindings stay as they were: {error}");
                let (message, faults) = (error.to_string(), error.faults());
                status.failure = Some(Failure { at: Timestamp::now(), message, faults });
            }
        }
        drop(status);
        done
    }

    async fn try_reload(&self) -> Result<ReloadReport, ReloadError> {
        let mut at_work = self.at_work.lock().await;
        let (file, scene) = (self.file.clone(), Arc::clone(&self.scene));
        let shares = self.shared.is_some();
        let read = move || {
            let config = Config::load(&file)?;
            check_properties(&config, &*scene)?;
            // Indexes over the scene take their time; not on a thread that serves others.
            let shared = shares.then(|| sharing_engine(&config, Arc::clone(&scene)));
            let engine = Engine::new(config.bindings.clone(), scene);
            let engine = engine
                .with_computed(config.computed.clone())
                .discovering(config.discoveries.clone());
            Ok::<_, ReloadError>((config, engine, shared))
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|_| ReloadError::Stopped)?;
        let (config, engine, shared) = read?;
        let report = compare(&at_work, &config);
        let watch = config.mqtt.iter().flat_map(|mqtt| mqtt.watch.iter().cloned()).collect();
        put_to_work(&self.swaps, engine, watch).await?;
        if let (Some(swaps), Some(engine)) = (&self.shared, shared) {
            put_to_work(swaps, engine, Vec::new()).await?;
        }
        // What waits for a restart is not at work yet, and is told again next time.
        at_work.bindings = config.bindings;
        at_work.computed = config.computed;
        at_work.discoveries = config.discoveries;
        if let (Some(mqtt), Some(read)) = (&mut at_work.mqtt, config.mqtt) {
            mqtt.watch = read.watch;
        }
        Ok(report)
    }

    /// Reloads whenever the files change, until told to stop. They are looked at every so
    /// often, and read once two looks in a row agree: a file is not read half written.
    pub async fn watch(self: Arc<Self>, every: Duration, stop: CancellationToken) {
        let look = |file: PathBuf| tokio::task::spawn_blocking(move || fingerprint(&file));
        let mut known = self.at_work.lock().await.fingerprint.clone();
        if known.is_none() {
            known = look(self.file.clone()).await.ok();
        }
        let mut last: Option<Fingerprint> = known.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = time::sleep(every) => {}
            }
            let now = look(self.file.clone()).await.ok();
            if now != known && now == last {
                known = now.clone();
                // What is wrong with it was logged, and stands in the status.
                let _ = self.reload().await;
            }
            last = now;
        }
    }

    /// Reloads on SIGHUP, until told to stop.
    #[cfg(unix)]
    pub async fn on_hangup(self: Arc<Self>, stop: CancellationToken) {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => return tracing::warn!("SIGHUP is not heard: {error}"),
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                heard = hangups.recv() => if heard.is_none() { return },
            }
            let _ = self.reload().await;
        }
    }
}

/// Hands an engine over, and waits until it is at work.
async fn put_to_work(
    swaps: &mpsc::Sender<Swap>,
    engine: Engine,
    watch: Vec<String>,
) -> Result<(), ReloadError> {
    let (done, at_work_now) = oneshot::channel();
    swaps.send(Swap { engine, watch, done }).await.map_err(|_| ReloadError::Stopped)?;
    at_work_now.await.map_err(|_| ReloadError::Stopped)
}

/// A binding by property needs properties in memory, which only a start can load.
fn check_properties(config: &Config, scene: &dyn HasScene) -> Result<(), ReloadError> {
    let by_property = |binding: &&Binding| matches!(binding.target.by, By::Property { .. });
    match config.bindings.iter().find(by_property) {
        Some(binding) if !scene.has_properties() => Err(ReloadError::NeedsRestart(format!(
            "binding {:?} goes by a property, and the server started without one that does: \
             restart it once, to load the properties of the scene",
            binding.name
        ))),
        _ => Ok(()),
    }
}

/// What a configuration has bindings and computed points say, by name.
fn said(config: &Config) -> Vec<(String, String)> {
    let bindings = config.bindings.iter().map(|one| (one.name.to_string(), format!("{one:?}")));
    let computed = config.computed.iter();
    let computed = computed.map(|one| (format!("computed {}", one.name), format!("{one:?}")));
    bindings.chain(computed).collect()
}

/// What a new configuration changes.
fn compare(old: &Config, new: &Config) -> ReloadReport {
    let (before, after) = (said(old), said(new));
    let known: HashMap<&str, &str> = before.iter().map(|(name, text)| (&**name, &**text)).collect();
    let stays: HashSet<&str> = after.iter().map(|(name, _)| &**name).collect();
    let mut report = ReloadReport { bindings: new.bindings.len(), ..ReloadReport::default() };
    for (name, text) in &after {
        match known.get(&**name) {
            None => report.added.push(name.clone()),
            Some(before) if *before != text => report.changed.push(name.clone()),
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(name, _)| !stays.contains(&**name));
    report.removed = gone.map(|(name, _)| name.clone()).collect();
    // The address may have been given on the command line.
    let http = |config: &Config| {
        let listen = old.http.listen;
        format!("{:?}", crate::config::HttpConfig { listen, ..config.http.clone() })
    };
    let sections = [
        ("scene", format!("{:?}", old.scene) != format!("{:?}", new.scene)),
        ("http", http(old) != http(new)),
        ("mqtt", format!("{:?}", old.mqtt) != format!("{:?}", new.mqtt)),
        ("history", format!("{:?}", old.history) != format!("{:?}", new.history)),
        ("rooms", format!("{:?}", old.rooms) != format!("{:?}", new.rooms)),
        ("republish", format!("{:?}", old.republish) != format!("{:?}", new.republish)),
        ("webhook", format!("{:?}", old.webhooks) != format!("{:?}", new.webhooks)),
    ];
    let changed = sections.iter().filter(|(_, changed)| *changed);
    report.needs_restart = changed.map(|(name, _)| (*name).to_owned()).collect();
    report.warnings.clone_from(&new.warnings);
    report
}
