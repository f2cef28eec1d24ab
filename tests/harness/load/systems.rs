//! The systems compared, each on a processor of its own.

use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{cpu, site, viewer::Door};
use crate::{
    broker::Mosquitto,
    process::{Launch, Process},
    server::Server,
    wait,
};

const START: Duration = Duration::from_secs(20);

/// A system that takes MQTT and serves viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// Our server behind a Mosquitto.
    Twin,
    /// The same, and it keeps every sample.
    TwinHistory,
    /// Our server with the broker it can run inside.
    TwinEmbedded,
    /// Mosquitto's own WebSocket listener.
    Mosquitto,
    /// nats-server with MQTT and WebSocket.
    Nats,
}

/// A system that runs.
#[derive(Debug)]
pub struct Running {
    /// Where publishers connect.
    pub broker: SocketAddr,
    /// Where viewers connect.
    pub door: Door,
    /// What is paid for: names and processes.
    pub paid: Vec<(&'static str, u32)>,
    server: Option<Server>,
    _broker: Option<Mosquitto>,
    _nats: Option<Process>,
    _folder: tempfile::TempDir,
}

impl System {
    /// Starts it on a processor, with a scene of so many points.
    pub fn start(self, binaries: &Path, core: usize, points: u32) -> Result<Running> {
        let folder = tempfile::tempdir().context("a folder for the system")?;
        let launch = Launch::on_core(core);
        match self {
            Self::Twin => twin(binaries, launch, points, folder, ""),
            Self::TwinHistory => twin(binaries, launch, points, folder, HISTORY),
            Self::TwinEmbedded => embedded(binaries, launch, points, folder),
            Self::Mosquitto => mosquitto(launch, folder),
            Self::Nats => nats(&launch, folder),
        }
    }
}

impl Running {
    /// CPU time of each process, s.
    pub fn cpu_secs(&self) -> Result<Vec<f64>> {
        self.paid.iter().map(|(_, pid)| cpu::secs(*pid)).collect()
    }

    /// Resident memory of all processes, KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        self.paid.iter().map(|(_, pid)| cpu::resident_kib(*pid)).sum()
    }

    /// Our server, where it is one.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Configuration of our server for the load's points. `mqtt` is its `[mqtt]` table.
pub fn twin_config(mqtt: &str, more: &str) -> String {
    let binding = site::BINDING;
    format!(
        "[scene]\npackage = \"scene\"\n[http]\nlisten = \"{{listen}}\"\nmax_clients = 1024\n\
         [mqtt]\n{mqtt}\n{more}\n{binding}"
    )
}

/// Where the history lies, for those who keep one.
pub const HISTORY: &str = "[history]\npath = \"data/history\"";

fn twin(
    binaries: &Path,
    launch: Launch,
    points: u32,
    folder: tempfile::TempDir,
    more: &str,
) -> Result<Running> {
    let broker = Mosquitto::start_with(folder.path(), "", launch.clone())?;
    let pid = broker.id().context("Mosquitto has ended")?;
    let mqtt = format!("url = \"mqtt://127.0.0.1:{}\"", broker.port);
    let config = twin_config(&mqtt, more);
    let address = local(broker.port);
    let mut running = served(binaries, launch, points, folder, &config, address)?;
    running.paid.push(("mosquitto", pid));
    running._broker = Some(broker);
    Ok(running)
}

fn embedded(
    binaries: &Path,
    launch: Launch,
    points: u32,
    folder: tempfile::TempDir,
) -> Result<Running> {
    let broker = local(wait::free_port()?);
    let config = twin_config(&format!("embedded = \"{broker}\""), "");
    served(binaries, launch, points, folder, &config, broker)
}

/// Our server, ready.
fn served(
    binaries: &Path,
    launch: Launch,
    points: u32,
    folder: tempfile::TempDir,
    config: &str,
    broker: SocketAddr,
) -> Result<Running> {
    site::write_package(&folder.path().join("scene"), points)?;
    let server = Server::start_with(binaries, folder.path(), config, launch)?;
    wait::until(START, "the server to be ready", || Ok(server.get("readyz").ok()))?;
    let paid = vec![("twin-server", server.id().context("the server has ended")?)];
    let door = Door { address: local(server.port), path: "/api/v1/stream" };
    let server = Some(server);
    Ok(Running { broker, door, paid, server, _broker: None, _nats: None, _folder: folder })
}

fn mosquitto(launch: Launch, folder: tempfile::TempDir) -> Result<Running> {
    let port = wait::free_port()?;
    let more = format!("listener {port} 127.0.0.1\nprotocol websockets\n");
    let broker = Mosquitto::start_with(folder.path(), &more, launch)?;
    wait::until(START, "Mosquitto's WebSocket listener", || {
        Ok(TcpStream::connect(local(port)).ok())
    })?;
    Ok(Running {
        broker: local(broker.port),
        door: Door { address: local(port), path: "/mqtt" },
        paid: vec![("mosquitto", broker.id().context("Mosquitto has ended")?)],
        server: None,
        _broker: Some(broker),
        _nats: None,
        _folder: folder,
    })
}

fn nats(launch: &Launch, folder: tempfile::TempDir) -> Result<Running> {
    let [client, mqtt, websocket] = [wait::free_port()?, wait::free_port()?, wait::free_port()?];
    let store = folder.path().join("jetstream");
    let config = folder.path().join("nats.conf");
    let text = format!(
        "server_name: load\nlisten: \"127.0.0.1:{client}\"\n\
         jetstream {{ store_dir: \"{}\" }}\n\
         mqtt {{ listen: \"127.0.0.1:{mqtt}\" }}\n\
         websocket {{ listen: \"127.0.0.1:{websocket}\", no_tls: true }}\n",
        store.display()
    );
    std::fs::write(&config, text)?;
    let mut command = launch.command(&program("nats-server"));
    command.arg("-c").arg(&config);
    let mut process = Process::start(&mut command, &folder.path().join("nats.log"))?;
    for port in [mqtt, websocket] {
        wait::until(START, "nats-server to listen", || {
            if let Some(status) = process.ended()? {
                bail!("nats-server ended with {status}: {}", process.output());
            }
            Ok(TcpStream::connect(local(port)).ok())
        })?;
    }
    Ok(Running {
        broker: local(mqtt),
        door: Door { address: local(websocket), path: "/mqtt" },
        paid: vec![("nats-server", process.id())],
        server: None,
        _broker: None,
        _nats: Some(process),
        _folder: folder,
    })
}

/// Where Debian puts servers, if it is there.
fn program(name: &str) -> PathBuf {
    let path = Path::new("/usr/sbin").join(name);
    if path.exists() { path } else { name.into() }
}

/// What the servers compared call themselves.
pub fn versions() -> Vec<String> {
    let ask = |name: &str, argument: &str| {
        let output = Command::new(program(name)).arg(argument).output().ok()?;
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        Some(String::from_utf8_lossy(&text).lines().next()?.trim().to_owned())
    };
    [("mosquitto", "-h"), ("nats-server", "--version")]
        .iter()
        .map(|(name, argument)| ask(name, argument).unwrap_or_else(|| format!("no {name}")))
        .collect()
}
