//! HTTP: the API, the tiles, the viewer's files and the way into the stream.

mod bindings;
mod compress;
mod entities;
mod error;
mod events;
mod files;
mod guard;
mod health;
mod history;
mod openapi;
mod params;
mod rooms;
mod scene;
mod server;
mod state;
mod stream;
mod viewer;
mod webhooks;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{
    bindings::BoardCell, history::Recorder, hub::Hub, live::Live, mqtt::MqttStatus,
    reload::Reloader, scene::LoadedScene, webhooks::Webhooks,
};
use compress::Cache;
use error::ApiError;
use files::Files;
use guard::Guard;
pub use health::recorder;
pub use server::{bind, serve};

/// Settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the viewer's bundle.
    pub viewer: PathBuf,
    /// Origins whose pages may open the stream, besides our own and this machine's.
    pub allowed_origins: Vec<String>,
    /// How long a request may take, header included.
    pub request_timeout: Duration,
    /// Largest request body, bytes.
    pub max_body_bytes: usize,
    /// Most TCP connections at a time; more wait in the system's queue.
    pub max_connections: usize,
    /// Compressed tiles kept in memory, bytes.
    pub tile_cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            viewer: PathBuf::from("viewer"),
            allowed_origins: Vec::new(),
            request_timeout: Duration::from_secs(30),
            max_body_bytes: 64 * 1024,
            max_connections: 1024,
            tile_cache_bytes: 256 * 1024 * 1024,
        }
    }
}

/// What the API tells of what comes in and goes out; empty where nothing is configured.
#[derive(Clone, Default)]
pub struct Telemetry {
    /// How the connection to the broker stands.
    pub status: Option<Arc<dyn Fn() -> MqttStatus + Send + Sync>>,
    /// What is bound, and what is not.
    pub board: Option<Arc<BoardCell>>,
    /// Puts a changed set of bindings to work.
    pub reloader: Option<Arc<Reloader>>,
    /// What is posted elsewhere.
    pub webhooks: Webhooks,
    /// What keeps the past; absent where no history is configured.
    pub history: Option<Arc<Recorder>>,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("board", &self.board).finish_non_exhaustive()
    }
}

/// Everything a handler needs.
#[derive(Debug)]
pub struct App {
    loaded: Arc<LoadedScene>,
    live: Arc<Live>,
    hub: Arc<Hub>,
    telemetry: Telemetry,
    settings: Settings,
    guard: Guard,
    cache: Arc<Cache>,
    tiles: Files,
    package: Files,
    viewer: Files,
}

impl App {
    /// Ties the parts together.
    pub fn new(settings: Settings, hub: Arc<Hub>, telemetry: Telemetry) -> Arc<Self> {
        let live = Arc::clone(hub.live());
        let loaded = Arc::clone(live.scene());
        let cache = Arc::new(Cache::new(settings.tile_cache_bytes));
        let of_scene =
            |root: PathBuf| Files::of_scene(root, Arc::clone(&cache), Arc::clone(&loaded));
        Arc::new(Self {
            guard: Guard::new(settings.listen.ip(), &settings.allowed_origins),
            tiles: of_scene(loaded.dir().join("tiles")),
            package: of_scene(loaded.dir().to_owned()),
            viewer: Files::new(settings.viewer.clone(), Arc::clone(&cache)),
            cache,
            loaded,
            live,
            hub,
            telemetry,
            settings,
        })
    }

    /// The hub whose sessions come in by HTTP.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

/// Every route but the viewer's files, which are what no route takes.
fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/docs", get(openapi::page))
        .route("/api/v1/docs.js", get(openapi::script))
        .route("/api/v1/docs.css", get(openapi::style))
        .route("/api/v1/scene", get(scene::scene))
        .route("/api/v1/scene/index", get(scene::index))
        .route("/api/v1/scene/report", get(scene::report))
        .route("/api/v1/scene/report.html", get(scene::report_page))
        .route("/api/v1/scene/graph", get(scene::graph))
        .route("/api/v1/scene/changes", get(scene::changes))
        .route("/api/v1/entities", get(entities::list))
        .route("/api/v1/entities/{id}", get(entities::get))
        .route("/api/v1/points/{id}/history", get(history::by_id))
        .route("/api/v1/points/{entity}/{metric}/history", get(history::by_path))
        .route("/api/v1/state", get(state::state))
        .route("/api/v1/bindings", get(bindings::board))
        .route("/api/v1/bindings/profiles", get(bindings::profiles))
        .route("/api/v1/bindings/reload", post(bindings::reload))
        .route("/api/v1/bindings/suggestions", get(bindings::suggestions))
        .route("/api/v1/bindings/suggestions/accept", post(bindings::accept))
        .route("/api/v1/states", get(state::states))
        .route("/api/v1/stream", get(stream::stream))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/webhooks", get(webhooks::list))
        .route("/api/v1/rooms", get(rooms::list).post(rooms::create))
        .route("/api/v1/rooms/{id}", get(rooms::get).patch(rooms::patch).delete(rooms::delete))
        .route("/tiles/{revision}/{*path}", get(scene::tile))
}

/// The whole HTTP side.
pub fn router(app: Arc<App>) -> Router {
    routes()
        .fallback(fallback)
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), limits))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::check_host))
        .layer(middleware::from_fn(guard::security_headers))
        .with_state(app)
}

/// A request that takes too long, or brings too much, gets an answer that says so.
async fn limits(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > app.settings.max_body_bytes) {
        return ApiError::too_large(app.settings.max_body_bytes).into_response();
    }
    tokio::time::timeout(app.settings.request_timeout, next.run(request))
        .await
        .unwrap_or_else(|_| ApiError::timeout().into_response())
}

async fn fallback(State(app): State<Arc<App>>, uri: Uri, request: Request) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") || path.starts_with("/tiles/") {
        let message = format!("nothing is at {path}; /api/v1/docs lists what there is");
        return ApiError::not_found(message).into_response();
    }
    if !matches!(*request.method(), axum::http::Method::GET | axum::http::Method::HEAD) {
        return ApiError::method_not_allowed().into_response();
    }
    viewer::serve(&app, path, request.headers()).await
}
