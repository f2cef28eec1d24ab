//! A server on a free port with a tiny scene, and clients for it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest},
};
use tokio_util::sync::CancellationToken;
use twin_model::{Quality, Sample, Value};
use twin_server::{
    history::{Recorder, Store},
    http::{self, App, Settings, Telemetry},
    hub::{self, Hub},
    live::{self, Live},
    reading::Reading,
    rooms::{self, Rooms},
    scene::{LoadedScene, Properties, load},
};

use super::socket::Socket;

const SCENE: &str = r#"{"revision":"r1","crs":"EPSG:4547","origin":{"wgs84":[114.0,22.5,10.0]},
"unit":"metre","sources":[{"file":"t1.ifc","format":"IFC4","sha256":"00"}]}"#;

const ENTITIES: &str = r#"{"id":"p","kind":"project","name":"Campus"}
{"id":"t1","parent":"p","kind":"building","name":"T1","properties":{"Attributes":{"LongName":"一号楼 Tower 1"}},"tags":["building:T1"]}
{"id":"t1f1","parent":"t1","kind":"storey","name":"01F"}
{"id":"r1","parent":"t1f1","kind":"space","name":"T1-01F-R01","storey":"t1f1","tags":["space:T1-01F-R01"]}
{"id":"em1","parent":"r1","kind":"meter","ifc_class":"IfcFlowMeter","name":"T1-01F-EM1","storey":"t1f1","bbox":[0,0,0,1,1,1],"tags":["T1-01F-EM1","meter:T1-01F-EM1"],"properties":{"Pset_Meter":{"Rated":5.5}}}
{"id":"w1","parent":"t1f1","kind":"element","ifc_class":"IfcWall","name":"wall","storey":"t1f1"}
{"id":"t2","parent":"p","kind":"building","name":"T2"}
{"id":"em2","parent":"t2","kind":"meter","name":"T2-01F-EM1"}
"#;

/// A running server and the live state behind it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) live: Arc<Live>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) dir: tempfile::TempDir,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn write(path: PathBuf, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Writes a small scene of this revision, with a tileset and a report.
pub(crate) fn write_package(dir: &Path, revision: &str) {
    let write = |path: &str, content: &str| write(dir.join(path), content);
    write("scene.json", &SCENE.replace("r1", revision));
    write("entities.ndjson", ENTITIES);
    write(
        "graph.json",
        r#"{"spaces":[{"entity":"r1","area_m2":30.5,"center":[0,0,0]}],"links":[]}"#,
    );
    write("report.json", r#"{"sources":[]}"#);
    let tileset = r#"{"asset":{"version":"1.1"},"root":{"content":{"uri":"0/0.glb"}}}"#;
    write("tiles/tileset.json", tileset);
    write("tiles/0/0.glb", &format!("glTF tile of {revision} ").repeat(2000));
}

/// A small scene in a folder of its own, with a viewer.
pub(crate) fn package() -> (tempfile::TempDir, Arc<LoadedScene>) {
    let dir = tempfile::tempdir().unwrap();
    write_package(dir.path(), "r1");
    let write = |path: &str, content: &str| write(dir.path().join(path), content);
    write("viewer/index.html", "<!doctype html><title>twin</title>");
    write("viewer/twin_viewer_bg.wasm", "plain wasm");
    write("viewer/twin_viewer_bg.wasm.br", "packed wasm");
    let loaded = load(dir.path(), Properties::OnDisk).unwrap();
    (dir, Arc::new(loaded))
}

/// Settings that only tests want.
pub(crate) struct Options {
    pub(crate) http: Settings,
    pub(crate) hub: hub::Settings,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) rooms: rooms::Settings,
}

impl Default for Options {
    fn default() -> Self {
        let http = Settings { listen: ([127, 0, 0, 1], 0).into(), ..Settings::default() };
        let (hub, rooms) = (hub::Settings::default(), rooms::Settings::default());
        Self { http, hub, store: None, rooms }
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let (dir, loaded) = package();
        Self::serve(options, dir, loaded).await
    }

    pub(crate) async fn serve(
        mut options: Options,
        dir: tempfile::TempDir,
        loaded: Arc<LoadedScene>,
    ) -> Self {
        http::recorder();
        let live = Arc::new(Live::new(loaded, live::Settings::default()));
        let history = options.store.clone().map(Recorder::new);
        let rooms = Rooms::new(Arc::clone(&live), options.store, options.rooms);
        let hub = Hub::with_rooms(rooms, options.hub);
        let listener = http::bind(options.http.listen).unwrap();
        let address = listener.local_addr().unwrap();
        options.http.listen = address;
        options.http.viewer = dir.path().join("viewer");
        let app =
            App::new(options.http, Arc::clone(&hub), Telemetry { history, ..Telemetry::default() });
        let stop = CancellationToken::new();
        let task = tokio::spawn(http::serve(listener, app, stop.clone()));
        Self { address, live, hub, dir, stop, task }
    }

    /// Stops as on SIGTERM.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    pub(crate) fn set(&self, entity: &str, metric: &str, value: f64) {
        self.live.apply(&[reading(entity, metric, Value::Number(value))]);
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.request(request.body(Full::default()).unwrap()).await
    }

    /// Sends JSON.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &serde_json::Value,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::from(body.to_string());
        self.request(request.body(body).unwrap()).await
    }

    pub(crate) async fn request(&self, request: Request<Full<Bytes>>) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        drop(sender);
        connection.await.unwrap().unwrap();
        Answer(Response::from_parts(parts, body))
    }

    pub(crate) async fn postcard(&self) -> Socket {
        Socket(self.open(twin_protocol::POSTCARD, None).await.unwrap())
    }

    pub(crate) async fn json(&self) -> Socket {
        Socket(self.open(twin_protocol::JSON, None).await.unwrap())
    }

    pub(crate) async fn open(
        &self,
        protocol: &str,
        origin: Option<&str>,
    ) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
        self.open_at("/api/v1/stream", protocol, origin).await
    }

    pub(crate) async fn open_at(
        &self,
        path: &str,
        protocol: &str,
        origin: Option<&str>,
    ) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let url = format!("ws://{}{path}", self.address);
        let mut request = url.into_client_request().unwrap();
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let (socket, _) = client_async(request, stream).await?;
        Ok(socket)
    }
}

/// A reading of now.
pub(crate) fn reading(entity: &str, metric: &str, value: Value) -> Reading {
    let now = Timestamp::now();
    Reading {
        entity: entity.into(),
        metric: metric.into(),
        unit: "kW".into(),
        stale_after: None,
        sample: Sample { value, source_time: now, receive_time: now, quality: Quality::Good },
    }
}

/// An HTTP answer, read whole.
pub(crate) struct Answer(pub(crate) Response<Bytes>);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.0.body()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.0.body()).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}
