//! The doors that hostile bytes come in by: payloads of every decoder, JSONPaths, CEL, and
//! the configuration. For the fuzz targets in `fuzz/` and the test that replays their
//! corpus; hidden, because it is no part of what the library offers.

use std::{
    path::Path as File,
    sync::{Arc, LazyLock},
};

use jiff::Timestamp;
use twin_model::Scene;

use crate::{
    bindings::{Binding, Computed, Engine, Expr, Path},
    config::Config,
    ingest::Message,
};

/// One entity for every target, and the bindings that take the payloads.
const CONFIG: &str = include_str!("fuzz.toml");

/// What every engine starts from; read once, since that takes longer than a message.
static START: LazyLock<Result<Start, String>> = LazyLock::new(Start::read);

struct Start {
    bindings: Vec<Binding>,
    computed: Vec<Computed>,
    scene: Arc<Scene>,
}

impl Start {
    fn read() -> Result<Self, String> {
        let config = Config::parse(File::new("fuzz.toml"), CONFIG).map_err(|e| e.to_string())?;
        let entity = serde_json::json!({"id": "M", "kind": "meter", "name": "", "tags": ["m"]});
        let entity = serde_json::from_value(entity).map_err(|error| error.to_string())?;
        let scene = Arc::new(Scene::new(vec![entity]).map_err(|error| error.to_string())?);
        Ok(Self { bindings: config.bindings, computed: config.computed, scene })
    }
}

/// What reads the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A JSON payload of a list of devices, with times and registers in texts.
    Json,
    /// Delimited text with a header.
    Csv,
    /// CBOR of the same shape as JSON.
    Cbor,
    /// Hex text of registers.
    Hex,
    /// Sparkplug B: messages one after the other, each with a byte for its topic before it.
    Sparkplug,
    /// A JSONPath, a line end, and JSON.
    Path,
    /// A CEL expression over the input `p`.
    Expression,
    /// A configuration file.
    Config,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Json,
        Self::Csv,
        Self::Cbor,
        Self::Hex,
        Self::Sparkplug,
        Self::Path,
        Self::Expression,
        Self::Config,
    ];

    /// The name of its fuzz target and of the folder of its corpus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Cbor => "cbor",
            Self::Hex => "hex",
            Self::Sparkplug => "sparkplug",
            Self::Path => "path",
            Self::Expression => "expression",
            Self::Config => "config",
        }
    }

    /// Reads the bytes; how many readings, values or bindings came of them.
    ///
    /// # Errors
    /// Where there were none, with what is said of it.
    pub fn open(self, bytes: &[u8]) -> Result<usize, String> {
        match self {
            Self::Json | Self::Csv | Self::Cbor | Self::Hex => {
                messages([(self.name().to_owned(), bytes)])
            }
            Self::Sparkplug => messages(sparkplug(bytes)),
            Self::Path => path(bytes),
            Self::Expression => expression(bytes),
            Self::Config => {
                let config = Config::parse(File::new("twin.toml"), text(bytes)?);
                config.map(|config| config.bindings.len()).map_err(|error| error.to_string())
            }
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Sends payloads by their topics.
fn messages<'b>(messages: impl IntoIterator<Item = (String, &'b [u8])>) -> Result<usize, String> {
    let start = START.as_ref().map_err(Clone::clone)?;
    let mut engine = Engine::new(start.bindings.clone(), start.scene.clone())
        .with_computed(start.computed.clone());
    let mut readings = Vec::new();
    for (topic, payload) in messages {
        let received = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(500_000);
        let message = Message::new(topic, payload.to_vec(), received);
        engine.accept(&message, &mut readings);
        engine.tick(message.received, &mut readings);
    }
    if readings.is_empty() {
        Err(format!("{:?}", engine.board().report().rejected))
    } else {
        Ok(readings.len())
    }
}

/// A byte tells the topic, the next one the length; at most 64 messages.
fn sparkplug(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
    const TOPICS: [&str; 8] =
        ["NBIRTH/N", "NDATA/N", "NDEATH/N", "NCMD/N", "DBIRTH/N/D", "DDATA/N/D", "DDEATH/N/D", "X"];
    let mut messages = Vec::new();
    while let [topic, length, rest @ ..] = bytes {
        let (payload, after) = rest.split_at(rest.len().min(usize::from(*length)));
        messages.push((format!("spBv1.0/G/{}", TOPICS[usize::from(topic % 8)]), payload));
        bytes = after;
        if messages.len() == 64 {
            break;
        }
    }
    messages
}

fn path(bytes: &[u8]) -> Result<usize, String> {
    let (path, json) = text(bytes)?.split_once('\n').ok_or("no JSON")?;
    let path = Path::parse(path)?;
    let json = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok(path.count(&json))
}

fn expression(bytes: &[u8]) -> Result<usize, String> {
    let expr = Expr::parse(text(bytes)?, &["p".to_owned()])?;
    expr.try_with_numbers(&[1.0, -2.5, 1e300]).map(|_| 1)
}
