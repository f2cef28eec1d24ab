//! The configuration: one TOML file, read raw, then checked into types that cannot
//! hold nonsense. Relative paths in it are relative to the file.

mod binding;
mod computed;
mod error;
mod history;
mod load;
mod mqtt;
mod outward;
mod place;
mod point;
mod profile;
mod raw;
mod set;
mod shape;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use error::{ConfigError, Problem};
pub use history::{HistoryConfig, HistoryPlace};
pub use mqtt::{BrokerChoice, MqttConfig, Protocol};
pub use profile::{BUILT_IN, ProfileInfo, ProfileParameter, profiles};
pub(crate) use set::one_binding;
pub use set::{ACCEPTED, Fingerprint, Instead, fingerprint};

use crate::{
    bindings::{Binding, By, Computed, Discovery},
    republish, rooms,
    scene::Properties,
    webhooks,
};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// `[scene]`.
    pub scene: SceneConfig,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[rooms]`.
    pub rooms: rooms::Settings,
    /// `[republish]`; absent: nothing is published.
    pub republish: Option<republish::Settings>,
    /// `[[webhook]]`, in file order.
    pub webhooks: Vec<webhooks::Settings>,
    /// `[mqtt]`; absent: the server shows the model without telemetry.
    pub mqtt: Option<MqttConfig>,
    /// `[history]`; absent: nothing of the past is kept.
    pub history: Option<HistoryConfig>,
    /// `[[binding]]`, and what `[[profile]]` comes to: those of the file itself first, then
    /// those of the files beside it.
    pub bindings: Vec<Binding>,
    /// `[[computed]]`, in file order.
    pub computed: Vec<Computed>,
    /// Dialects in which devices announce their own topics.
    pub discoveries: Vec<Discovery>,
    /// How often the files are looked at for changed bindings; absent: never.
    pub watch: Option<Duration>,
    /// What the files looked like when they were read; absent where the text came from
    /// elsewhere.
    pub fingerprint: Option<Fingerprint>,
    /// What is allowed but probably not meant; log it at the start.
    pub warnings: Vec<String>,
}

impl Config {
    /// How the scene has to be loaded: bindings that go by a property need all of them.
    pub fn scene_properties(&self) -> Properties {
        let by_property = |binding: &Binding| matches!(binding.target.by, By::Property { .. });
        if self.bindings.iter().any(by_property) {
            Properties::InMemory
        } else {
            Properties::OnDisk
        }
    }
}

/// `[scene]`: which model is shown.
#[derive(Clone, Debug)]
pub struct SceneConfig {
    /// Directory of a scene package, absolute or relative to the working directory.
    pub package: PathBuf,
}

/// `[http]`: the HTTP and WebSocket server and its limits.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Directory of the viewer bundle; absent: `viewer/` beside the binary.
    pub viewer: Option<PathBuf>,
    /// Origins besides the server's own whose pages may open the stream.
    pub allowed_origins: Vec<String>,
    /// WebSocket clients at one time; one more is refused with 503.
    pub max_clients: usize,
    /// Fastest update rate a client may ask for, Hz.
    pub max_hz: f64,
    /// Largest message a WebSocket client may send, bytes.
    pub max_message_bytes: usize,
    /// Largest request body, bytes.
    pub max_body_bytes: usize,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How often a WebSocket client is pinged; two missed answers end the session.
    pub ping_interval: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            viewer: None,
            allowed_origins: Vec::new(),
            max_clients: 256,
            max_hz: 30.0,
            max_message_bytes: 64 * 1024,
            max_body_bytes: 64 * 1024,
            request_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(15),
        }
    }
}
