//! `twin-server serve`: wires configuration, ingest, live state and HTTP together.

mod keeping;

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    bindings::By,
    config::{BrokerChoice, Config, HttpConfig, MqttConfig},
    history::{
        Store,
        memory::{self, Memory},
    },
    http::{self, App, Telemetry},
    hub::{self, Hub},
    ingest::{Ingest, MAX_UNSAFE_BATCHES, Sharing},
    live::{self, Live},
    reload::Reloader,
    republish,
    rooms::Rooms,
    scene::{self, LoadedScene, Properties},
    webhooks::Webhooks,
};

/// Batches of readings between ingest and live state; when full, ingest waits, and behind
/// it the broker.
const READING_BATCHES: usize = 64;

/// Samples kept in memory to replay from, where no history is configured.
const MEMORY_SAMPLES: usize = 500_000;

/// Runs the server.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Address to listen on instead of the configured one.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// Runs until interrupted.
///
/// # Errors
/// Where the configuration or the scene cannot be used, or the address is taken.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut config = Config::load(&args.config)?;
    if let Some(listen) = args.listen {
        config.http.listen = listen;
    }
    let server = Server::start(config).await?;
    writeln!(std::io::stdout(), "{}", server.url()).context("printing the address")?;
    interrupted().await;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for ctrl-c or SIGTERM.
pub async fn interrupted() {
    let ctrl_c = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!("ctrl-c is not heard: {error}");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!("SIGTERM is not heard: {error}");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
    tracing::info!("stopping");
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    live: Arc<Live>,
    stop: CancellationToken,
    ingest: Option<Ingest>,
    http: JoinHandle<()>,
    writer: JoinHandle<()>,
    keeper: Option<JoinHandle<()>>,
    /// Remembers the last hours where no history is kept.
    memory: Option<JoinHandle<()>>,
    republish: Option<JoinHandle<()>>,
}

impl Server {
    /// Loads the scene, listens, and connects to the broker; the broker may be away.
    ///
    /// # Errors
    /// Where the scene cannot be used, the address is taken, or MQTT cannot be set up.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        http::recorder(); // before anything counts
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let loaded = Arc::new(load_scene(&config).await?);
        let listener = http::bind(config.http.listen)
            .with_context(|| format!("listening on {}", config.http.listen))?;
        let address = listener.local_addr().context("the address listened on")?;

        let live = Arc::new(Live::new(Arc::clone(&loaded), live::Settings::default()));
        let shares = config.mqtt.as_ref().is_some_and(|mqtt| mqtt.share_group.is_some());
        let (recorder, leads) = match &config.history {
            Some(history) => {
                let (recorder, leads) = keeping::open(history, &live, shares).await?;
                (Some(recorder), Some(leads))
            }
            None => (None, None),
        };
        let (keeper, kept) = match &recorder {
            Some(recorder) => {
                // As many as ingest lets out: handing on never waits.
                let (accepted, batches) = mpsc::channel(MAX_UNSAFE_BATCHES);
                (Some(tokio::spawn(Arc::clone(recorder).run(batches))), Some(accepted))
            }
            None => (None, None),
        };
        let (kept, sharing) = match (kept, leads) {
            (Some(kept), Some(leads)) if shares => {
                let (keep, batches) = mpsc::channel(READING_BATCHES);
                tokio::spawn(live::hand_on_unshown(Arc::clone(&live), batches, kept));
                (None, Some(Sharing { keep, leads }))
            }
            (kept, _) => (kept, None),
        };
        let (readings, received) = mpsc::channel(READING_BATCHES);
        let writer = tokio::spawn(live::write(Arc::clone(&live), received, kept));
        let ingest = match &config.mqtt {
            Some(mqtt) => {
                let scene = Arc::clone(loaded.scene());
                let known = Arc::clone(&live);
                let known = Arc::new(move || known.readings());
                let ingest =
                    Ingest::start_in_group(mqtt, &config, scene, readings, sharing, known).await;
                Some(ingest.context("setting up MQTT")?)
            }
            None => None,
        };
        let stop = CancellationToken::new();
        let webhooks = Webhooks::start(&live, config.webhooks.clone(), &stop)?;
        let (store, memory): (Arc<dyn Store>, _) = match &recorder {
            Some(recorder) => (Arc::clone(recorder.store()), None),
            None => {
                let store = Arc::new(Memory::new(MEMORY_SAMPLES));
                let task = memory::record(Arc::clone(&live), Arc::clone(&store));
                (store, Some(tokio::spawn(task)))
            }
        };
        let telemetry = Telemetry {
            webhooks,
            status: ingest.as_ref().map(|ingest| Arc::new(ingest.status_reader()) as _),
            board: ingest.as_ref().map(|ingest| Arc::clone(&ingest.board)),
            history: recorder,
            reloader: ingest.as_ref().map(|ingest| Arc::clone(&ingest.reloader)),
        };
        let rooms = Rooms::new(Arc::clone(&live), Some(store), config.rooms);
        let hub = Hub::with_rooms(rooms, hub_settings(&config.http));
        let app = App::new(http_settings(&config.http, address), hub, telemetry);
        let republish = match (&config.republish, &config.mqtt) {
            (Some(settings), Some(mqtt)) => {
                let mqtt = reachable(mqtt, ingest.as_ref());
                let (live, settings) = (Arc::clone(&live), settings.clone());
                let started = republish::start(live, &mqtt, settings, stop.clone());
                Some(started.context("setting up [republish]")?)
            }
            _ => None,
        };
        if let Some(ingest) = &ingest {
            follow_edits(&ingest.reloader, config.watch, &stop);
        }
        let http = tokio::spawn(http::serve(listener, app, stop.clone()));
        tracing::info!("serving {}", loaded.dir().display());
        Ok(Self { address, live, stop, ingest, http, writer, keeper, memory, republish })
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to open in a browser.
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        let shown = if ip.is_unspecified() { "127.0.0.1".to_owned() } else { ip.to_string() };
        let shown = if shown.contains(':') { format!("[{shown}]") } else { shown };
        format!("http://{shown}:{}/", self.address.port())
    }

    /// The live state.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Ends in order: sessions are told, then ingest hands over what it has.
    pub async fn stop(self) {
        self.stop.cancel();
        let ended = self.http.await;
        if let Some(republish) = self.republish
            && republish.await.is_err()
        {
            tracing::warn!("the republishing task did not end in order");
        }
        if let Some(ingest) = self.ingest {
            ingest.stop().await;
        }
        // Ingest held the only sender; the writer ends with the last batch.
        let written = tokio::time::timeout(Duration::from_secs(5), self.writer).await;
        if let Some(memory) = self.memory {
            memory.abort();
        }
        // And so does the keeper, once all of it is in the store.
        let kept = match self.keeper {
            Some(keeper) => tokio::time::timeout(Duration::from_secs(5), keeper).await,
            None => Ok(Ok(())),
        };
        if ended.is_err() || !matches!((written, kept), (Ok(Ok(())), Ok(Ok(())))) {
            tracing::warn!("a part of the server did not end in order");
        }
    }
}

/// The broker as others reach it: an embedded one may have been given a free port.
fn reachable(mqtt: &MqttConfig, ingest: Option<&Ingest>) -> MqttConfig {
    let mut mqtt = mqtt.clone();
    if let Some(broker) = ingest.and_then(|ingest| ingest.broker.as_ref()) {
        mqtt.broker = BrokerChoice::Embedded(broker.addr());
    }
    mqtt
}

/// Reloads the bindings when their files change, and on SIGHUP.
fn follow_edits(reloader: &Arc<Reloader>, watch: Option<Duration>, stop: &CancellationToken) {
    if let Some(every) = watch {
        tokio::spawn(Arc::clone(reloader).watch(every, stop.clone()));
    }
    #[cfg(unix)]
    tokio::spawn(Arc::clone(reloader).on_hangup(stop.clone()));
}

/// Loads on a thread of its own: a large package takes seconds.
async fn load_scene(config: &Config) -> anyhow::Result<LoadedScene> {
    let by_property =
        config.bindings.iter().any(|binding| matches!(binding.target.by, By::Property { .. }));
    let properties = if by_property { Properties::InMemory } else { Properties::OnDisk };
    let package = config.scene.package.clone();
    let load = move || scene::load(&package, properties);
    let loaded = tokio::task::spawn_blocking(load).await.context("loading the scene")??;
    tracing::info!(
        revision = loaded.info().revision,
        entities = loaded.scene().len(),
        "scene loaded"
    );
    if let Some(error) = loaded.tiles_error() {
        tracing::error!("{error}; values are served without what is missing");
    }
    Ok(loaded)
}

fn hub_settings(config: &HttpConfig) -> hub::Settings {
    hub::Settings {
        max_clients: config.max_clients,
        max_hz: config.max_hz as f32,
        max_message_bytes: config.max_message_bytes,
        ping_every: config.ping_interval,
        // Two pings without an answer, and some grace.
        silent_after: config.ping_interval * 5 / 2,
        ..hub::Settings::default()
    }
}

fn http_settings(config: &HttpConfig, address: SocketAddr) -> http::Settings {
    http::Settings {
        listen: address,
        viewer: config.viewer.clone().unwrap_or_else(default_viewer),
        allowed_origins: config.allowed_origins.clone(),
        request_timeout: config.request_timeout,
        max_body_bytes: config.max_body_bytes,
        ..http::Settings::default()
    }
}

/// `viewer/` beside the binary.
fn default_viewer() -> PathBuf {
    let binary = std::env::current_exe().unwrap_or_default();
    binary.parent().unwrap_or(Path::new(".")).join("viewer")
}
