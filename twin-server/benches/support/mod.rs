//! The server in a process of its own, a broker, a generator and viewers.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// A process that ends with the bench.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Broker and server.
pub(crate) struct Rig {
    pub(crate) server: SocketAddr,
    pub(crate) broker: SocketAddr,
    /// `mosquitto`, or `embedded` where there is none.
    pub(crate) broker_kind: &'static str,
    server_process: Process,
    _broker_process: Option<Process>,
    _dir: tempfile::TempDir,
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn mosquitto(dir: &Path, broker: SocketAddr) -> Option<Process> {
    if std::env::var_os("TWIN_BENCH_EMBEDDED").is_some() {
        return None;
    }
    let config = dir.join("mosquitto.conf");
    let text = format!("listener {} 127.0.0.1\nallow_anonymous true\n", broker.port());
    std::fs::write(&config, text).unwrap();
    ["mosquitto", "/usr/sbin/mosquitto"].iter().find_map(|program| {
        let mut command = Command::new(program);
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok().map(Process)
    })
}

/// A building with so many meters, 100 to a storey.
fn write_package(dir: &Path, meters: usize) {
    let scene = r#"{"revision":"bench","origin":{},"unit":"metre","sources":[]}"#;
    std::fs::write(dir.join("scene.json"), scene).unwrap();
    let mut entities = String::from("{\"id\":\"b\",\"kind\":\"building\",\"name\":\"B\"}\n");
    for storey in 0..meters.div_ceil(100) {
        entities += &format!(
            "{{\"id\":\"s{storey}\",\"parent\":\"b\",\"kind\":\"storey\",\"name\":\"{storey}F\"}}\n"
        );
    }
    for meter in 0..meters {
        // As long as an IFC GlobalId.
        entities += &format!(
            "{{\"id\":\"0meter0000000000{meter:06}\",\"parent\":\"s{}\",\"kind\":\"meter\",\"name\":\"EM{meter}\",\"tags\":[\"meter:EM{meter}\"]}}\n",
            meter / 100
        );
    }
    std::fs::write(dir.join("entities.ndjson"), entities).unwrap();
}

fn config(broker: SocketAddr, embedded: bool) -> String {
    let mqtt = if embedded {
        format!("embedded = \"{broker}\"")
    } else {
        format!("url = \"mqtt://{broker}\"")
    };
    format!(
        r#"
[scene]
package = "."
[http]
listen = "127.0.0.1:0"
[mqtt]
{mqtt}
[[binding]]
name = "meters"
topic = "bench/{{meter}}/state"
entity = {{ tag = "meter:{{meter}}" }}
decode = "json"
time = "$.ts"
[[binding.point]]
metric = "power"
value = "$.p_kw"
unit = "kW"
range = [0, 500]
stale_after = "90s"
"#
    )
}

impl Rig {
    /// Starts broker and server with a scene of so many meters.
    pub(crate) async fn start(meters: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_package(dir.path(), meters);
        let broker = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let broker_process = mosquitto(dir.path(), broker);
        let embedded = broker_process.is_none();
        let file = dir.path().join("twin.toml");
        std::fs::write(&file, config(broker, embedded)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_twin-server"))
            .args(["serve", "--config"])
            .arg(&file)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let server_process = Process(child);
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/');
        let server: SocketAddr = address.parse().expect("the server prints its address");
        let broker_kind = if embedded { "embedded" } else { "mosquitto" };
        let rig = Self {
            server,
            broker,
            broker_kind,
            server_process,
            _broker_process: broker_process,
            _dir: dir,
        };
        while !rig.get("/readyz").await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        rig
    }

    /// CPU time of the server process, s.
    pub(crate) fn server_cpu_secs(&self) -> f64 {
        let stat = format!("/proc/{}/stat", self.server_process.0.id());
        let stat = std::fs::read_to_string(stat).expect("the bench runs on Linux");
        // Fields count from after the command's closing parenthesis; ticks are 1/100 s.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks as f64 / 100.0
    }

    /// Resident memory of the server process, MiB.
    pub(crate) fn server_rss_mib(&self) -> f64 {
        let status = format!("/proc/{}/status", self.server_process.0.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.server).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.server);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A counter of the server.
    pub(crate) async fn counter(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics").await;
        let line = metrics.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    pub(crate) async fn viewer(&self, protocol: &str) -> WebSocketStream<TcpStream> {
        let stream = TcpStream::connect(self.server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://{}/api/v1/stream", self.server);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        client_async(request, stream).await.unwrap().0
    }
}

/// Publishes one value of every meter a second, evenly, until aborted. Speaks just enough
/// MQTT 3.1.1, so that the generator costs little.
pub(crate) async fn publish(broker: SocketAddr, meters: usize) {
    const TICKS: usize = 100;
    let mut stream = TcpStream::connect(broker).await.unwrap();
    stream.set_nodelay(true).unwrap();
    // CONNECT: protocol MQTT level 4, clean session, no keep alive, client id "gen".
    stream.write_all(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03gen").await.unwrap();
    stream.read_exact(&mut [0; 4]).await.unwrap();
    let mut tick = interval(Duration::from_secs(1) / TICKS as u32);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut packets = Vec::new();
    for round in 0u64.. {
        tick.tick().await;
        packets.clear();
        let slot = round as usize % TICKS;
        for meter in (slot..meters).step_by(TICKS) {
            let value = ((round as usize * 7 + meter) % 4000) as f64 / 10.0;
            let payload = format!("{{\"ts\":\"{}\",\"p_kw\":{value}}}", Timestamp::now());
            packet(&mut packets, &format!("bench/EM{meter}/state"), payload.as_bytes());
        }
        stream.write_all(&packets).await.unwrap();
    }
}

fn packet(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
    let mut length = 2 + topic.len() + payload.len();
    out.push(0x30);
    while length > 127 {
        out.push((length % 128) as u8 | 0x80);
        length /= 128;
    }
    out.push(length as u8);
    out.extend((topic.len() as u16).to_be_bytes());
    out.extend(topic.as_bytes());
    out.extend(payload);
}

/// Waits until a value of every meter has arrived.
pub(crate) async fn warm(rig: &Rig, meters: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while rig.counter("twin_live_points ").await < meters as f64 {
        assert!(Instant::now() < deadline, "not every meter arrived within a minute");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Prints a result and keeps it in `target/bench/`.
pub(crate) fn report(name: &str, result: &serde_json::Value) {
    let text = serde_json::to_string_pretty(result).unwrap();
    println!("{name}: {text}");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(PathBuf::from).unwrap();
    let dir = target.join("bench");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("{name}.json")), text).unwrap();
}

/// Bytes of a data frame.
pub(crate) fn size(message: &Message) -> usize {
    match message {
        Message::Binary(bytes) => bytes.len(),
        Message::Text(text) => text.len(),
        _ => 0,
    }
}
