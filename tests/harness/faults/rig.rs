//! Broker and server of a fault, and the questions all faults ask.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    broker::Mosquitto,
    load::{
        crowd::Crowd,
        publisher::{Plan, Publisher},
        site,
        systems::{HISTORY, twin_config},
        viewer::{Door, Form},
    },
    process::Launch,
    server::Server,
    wait,
};

/// How long anything may take that is not measured.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A viewer as the product's own is.
pub(super) const CONFLATED: Form = Form::Postcard { max_hz: 10.0, lossless: false };

/// A broker that keeps what a session misses, as docs/configuration.md asks for: nothing of
/// it is dropped, and as much is under way as the session allows.
const KEEPING: &str = "max_queued_messages 0\nmax_inflight_messages 0\n";

/// A broker and a server behind it.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) server: Server,
    pub(super) broker: Mosquitto,
    pub(super) folder: tempfile::TempDir,
    points: u32,
}

impl Rig {
    /// Starts both; the server keeps its history in `data/history` of the folder, and its
    /// session at the broker.
    pub(super) fn start(
        binaries: &Path,
        points: u32,
        launch: impl FnOnce(&Path) -> Result<Launch>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the fault")?;
        site::write_package(&folder.path().join("scene"), points)?;
        let broker = Mosquitto::start_with(folder.path(), KEEPING, Launch::default())?;
        let mqtt = format!("url = \"mqtt://127.0.0.1:{}\"\nclient_id = \"twin\"", broker.port);
        let config = twin_config(&mqtt, HISTORY);
        let launch = launch(folder.path())?;
        let server = Server::start_with(binaries, folder.path(), &config, launch)?;
        let rig = Self { server, broker, folder, points };
        rig.ready(PATIENCE)?;
        Ok(rig)
    }

    pub(super) fn plain(binaries: &Path, points: u32) -> Result<Self> {
        Self::start(binaries, points, |_| Ok(Launch::default()))
    }

    /// Waits until the server says it is ready; how long that took.
    pub(super) fn ready(&self, limit: Duration) -> Result<Duration> {
        let start = Instant::now();
        wait::until(limit, "the server to be ready", || Ok(self.server.get("readyz").ok()))?;
        Ok(start.elapsed())
    }

    pub(super) fn broker_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.broker.port))
    }

    pub(super) fn door(&self) -> Door {
        let address = SocketAddr::from(([127, 0, 0, 1], self.server.port));
        Door { address, path: "/api/v1/stream" }
    }

    pub(super) fn crowd(&self, form: Form, viewers: usize) -> Result<Crowd> {
        Crowd::connect(&self.door(), form, viewers, self.points)
    }

    /// Publishes every point so many times a second, QoS 0.
    pub(super) fn publish(&self, hz: u32) -> Result<Publisher> {
        let plan = Plan { points: self.points, hz, connections: 4 };
        Publisher::start(self.broker_address(), plan)
    }

    /// A JSON answer.
    pub(super) fn json(&self, path: &str) -> Result<Value> {
        let text = self.server.get(path).with_context(|| format!("GET /{path}"))?;
        serde_json::from_str(&text).with_context(|| format!("reading /{path}"))
    }

    /// Whether the server runs and has not panicked; what it said if so.
    pub(super) fn healthy(&mut self) -> Result<(bool, String)> {
        let output = self.server.output();
        let panic = output.lines().find(|line| line.contains("panicked"));
        Ok(match (self.server.runs()?, panic) {
            (_, Some(line)) => (false, line.to_owned()),
            (false, None) => {
                (false, format!("it ended: {}", output.lines().last().unwrap_or_default()))
            }
            (true, None) => (true, "it runs, without a panic".to_owned()),
        })
    }
}
