//! The configuration as TOML holds it, before anything is checked. Every value that
//! can be wrong carries its span, so that an error can name its line.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;
use twin_model::Quality;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) scene: RawScene,
    #[serde(default)]
    pub(super) http: RawHttp,
    pub(super) mqtt: Option<Spanned<RawMqtt>>,
    pub(super) history: Option<Spanned<RawHistory>>,
    #[serde(default)]
    pub(super) rooms: RawRooms,
    pub(super) republish: Option<Spanned<RawRepublish>>,
    #[serde(default, rename = "webhook")]
    pub(super) webhooks: Vec<Spanned<RawWebhook>>,
    #[serde(default, rename = "binding")]
    pub(super) bindings: Vec<Spanned<RawBinding>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScene {
    pub(super) package: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) viewer: Option<PathBuf>,
    #[serde(default)]
    pub(super) allowed_origins: Vec<Spanned<String>>,
    pub(super) max_clients: Option<Spanned<usize>>,
    pub(super) max_hz: Option<Spanned<f64>>,
    pub(super) max_message_bytes: Option<Spanned<usize>>,
    pub(super) max_body_bytes: Option<Spanned<usize>>,
    pub(super) request_timeout: Option<Spanned<String>>,
    pub(super) ping_interval: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMqtt {
    pub(super) url: Option<Spanned<String>>,
    pub(super) embedded: Option<Spanned<String>>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password_file: Option<Spanned<PathBuf>>,
    pub(super) ca_file: Option<Spanned<PathBuf>>,
    pub(super) client_id: Option<Spanned<String>>,
    pub(super) protocol: Option<Spanned<u8>>,
    pub(super) qos: Option<Spanned<u8>>,
    pub(super) keep_alive: Option<Spanned<String>>,
    pub(super) session_expiry: Option<Spanned<String>>,
    pub(super) max_packet_bytes: Option<Spanned<u32>>,
    pub(super) queue: Option<Spanned<usize>>,
    #[serde(default)]
    pub(super) watch: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHistory {
    pub(super) path: Option<PathBuf>,
    pub(super) url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRooms {
    pub(super) max: Option<Spanned<usize>>,
    pub(super) empty_after: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRepublish {
    pub(super) topic: Spanned<String>,
    #[serde(default)]
    pub(super) retain: bool,
    pub(super) qos: Option<Spanned<u8>>,
    pub(super) min_interval: Option<Spanned<String>>,
    pub(super) entities: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhook {
    pub(super) name: Option<String>,
    pub(super) url: Spanned<String>,
    pub(super) entities: Option<Vec<String>>,
    pub(super) metrics: Option<Vec<String>>,
    pub(super) quality: Option<Vec<Quality>>,
    pub(super) min_interval: Option<Spanned<String>>,
    pub(super) secret_file: Option<Spanned<PathBuf>>,
    pub(super) attempts: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBinding {
    pub(super) name: Option<String>,
    pub(super) topic: Spanned<String>,
    pub(super) entity: Spanned<RawTarget>,
    pub(super) decode: Option<Spanned<String>>,
    pub(super) time: Option<Spanned<String>>,
    #[serde(default, rename = "point")]
    pub(super) points: Vec<Spanned<RawPoint>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTarget {
    pub(super) tag: Option<Spanned<String>>,
    pub(super) global_id: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) property: Option<Spanned<String>>,
    pub(super) equals: Option<Spanned<String>>,
    pub(super) kind: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPoint {
    pub(super) metric: Spanned<String>,
    pub(super) value: Option<Spanned<String>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) range: Option<Spanned<[f64; 2]>>,
    pub(super) stale_after: Option<Spanned<String>>,
    pub(super) scale: Option<Spanned<f64>>,
    pub(super) offset: Option<Spanned<f64>>,
    pub(super) map: Option<Spanned<BTreeMap<String, RawMapped>>>,
    #[serde(default)]
    pub(super) optional: bool,
}

/// What an entry of `map` stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawMapped {
    Bool(bool),
    Number(f64),
    Text(String),
}
