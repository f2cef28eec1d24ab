//! The real server in a process of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::PATIENCE;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_twin-server");

/// A server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts one, and waits until it is ready.
    pub(crate) fn start(config: &Path) -> Self {
        let mut command = Command::new(PROGRAM);
        Self::run(command.args(["serve", "--config"]).arg(config)).expect("it prints its address")
    }

    /// Starts one by a command that becomes the server, and waits until it is ready. Nothing
    /// where the command ends before it prints an address.
    pub(crate) fn run(command: &mut Command) -> Option<Self> {
        let begun = Instant::now();
        let command = command.env("RUST_LOG", "warn").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| {
            let address = line.trim().strip_prefix("http://")?.trim_end_matches('/');
            Some(address.parse().expect("an address"))
        });
        let Some(address) = address else {
            child.wait().unwrap();
            return None;
        };
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        while !server.get("/readyz").starts_with("HTTP/1.1 200") {
            assert!(begun.elapsed() < PATIENCE, "not ready: {}", server.get("/readyz"));
            std::thread::sleep(Duration::from_millis(20));
        }
        server.ready_after = begun.elapsed();
        Some(server)
    }

    /// The whole answer, head and body.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The body of an answer, as JSON.
    pub(crate) fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Writes a scene of so many meters: `m0` with the tag `EM0`, and so on.
pub(crate) fn meters(dir: &Path, count: u64) {
    let scene = r#"{"revision":"r1","origin":{},"unit":"metre","sources":[]}"#;
    std::fs::write(dir.join("scene.json"), scene).unwrap();
    let meter =
        |n| format!("{{\"id\":\"m{n}\",\"kind\":\"meter\",\"name\":\"\",\"tags\":[\"EM{n}\"]}}\n");
    let entities: String = (0..count).map(meter).collect();
    std::fs::write(dir.join("entities.ndjson"), entities).unwrap();
}

/// The configuration of a server of [`meters`], which keeps what they have counted.
pub(crate) struct Metering<'t> {
    /// Of the broker.
    pub(crate) port: u16,
    /// Further lines of `[mqtt]`.
    pub(crate) mqtt: &'t str,
    /// The lines of `[history]`.
    pub(crate) history: &'t str,
    /// Further bindings and computed points.
    pub(crate) more: &'t str,
}

impl Metering<'_> {
    /// Writes it beside the scene; where it is.
    pub(crate) fn write(&self, dir: &Path, name: &str) -> PathBuf {
        let Self { port, mqtt, history, more } = self;
        let text = format!(
            r#"
[scene]
package = "."
[http]
listen = "127.0.0.1:0"
[mqtt]
url = "mqtt://127.0.0.1:{port}"
{mqtt}
[history]
{history}
[[binding]]
topic = "site/{{meter}}/energy"
entity = {{ tag = "{{meter}}" }}
time = "$.ts"
[[binding.point]]
metric = "energy"
value = "$.n"
unit = "kW.h"
{more}
"#
        );
        let file = dir.join(format!("{name}.toml"));
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Where a meter tells what it has counted: `m0` on the topic of 0.
    pub(crate) fn topic(meter: u64) -> String {
        format!("site/EM{meter}/energy")
    }

    /// What it tells there now.
    pub(crate) fn counted(n: u64) -> String {
        format!("{{\"ts\":\"{}\",\"n\":{n}}}", Timestamp::now())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
