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
    #[serde(default, rename = "bindings")]
    pub(super) set: RawSet,
    #[serde(default, rename = "profile")]
    pub(super) uses: Vec<Spanned<RawUse>>,
    #[serde(default, rename = "binding")]
    pub(super) bindings: Vec<Spanned<RawBinding>>,
    #[serde(default)]
    pub(super) computed: Vec<Spanned<RawComputed>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawComputed {
    pub(super) name: Option<String>,
    pub(super) entity: Spanned<RawTarget>,
    pub(super) metric: Spanned<String>,
    pub(super) expr: Spanned<String>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, Spanned<RawInput>>,
    pub(super) min_interval: Option<Spanned<String>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) range: Option<Spanned<[f64; 2]>>,
    pub(super) stale_after: Option<Spanned<String>>,
    pub(super) rate: Option<Spanned<f64>>,
    pub(super) deadband: Option<Spanned<RawDeadband>>,
    pub(super) max_silence: Option<Spanned<String>>,
    pub(super) states: Option<Spanned<BTreeMap<String, RawState>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    pub(super) metric: Spanned<String>,
    pub(super) of: Option<Spanned<String>>,
    pub(super) kind: Option<Spanned<String>>,
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
    pub(super) share_group: Option<Spanned<String>>,
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
    pub(super) url: Option<Spanned<String>>,
    pub(super) password_file: Option<Spanned<PathBuf>>,
    pub(super) ca_file: Option<Spanned<PathBuf>>,
    pub(super) raw: Option<Spanned<String>>,
    pub(super) minute: Option<Spanned<String>>,
    pub(super) hour: Option<Spanned<String>>,
    pub(super) max_bytes: Option<Spanned<u64>>,
    #[serde(default, rename = "class")]
    pub(super) classes: Vec<Spanned<RawClass>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClass {
    pub(super) metrics: Spanned<Vec<String>>,
    pub(super) raw: Option<Spanned<String>>,
    pub(super) minute: Option<Spanned<String>>,
    pub(super) hour: Option<Spanned<String>>,
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
    pub(super) csv: Option<Spanned<RawCsv>>,
    pub(super) frame: Option<Spanned<RawFrame>>,
    pub(super) each: Option<Spanned<String>>,
    pub(super) when: Option<Spanned<BTreeMap<String, RawWanted>>>,
    pub(super) time: Option<Spanned<String>>,
    pub(super) time_register: Option<Spanned<RawRegister>>,
    pub(super) max_ahead: Option<Spanned<String>>,
    pub(super) max_behind: Option<Spanned<String>>,
    pub(super) rebirth: Option<Spanned<bool>>,
    #[serde(default, rename = "point")]
    pub(super) points: Vec<Spanned<RawPoint>>,
}

/// `[bindings]`: how the set of bindings is kept up to date.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSet {
    pub(super) watch: Option<Spanned<String>>,
}

/// `[[profile]]`: a ready profile, put to use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUse {
    #[serde(rename = "use")]
    pub(super) profile: Spanned<String>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) entity: Option<Spanned<RawTarget>>,
    #[serde(default, rename = "with")]
    pub(super) parameters: BTreeMap<String, Spanned<String>>,
}

/// A file of `bindings.d`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPart {
    #[serde(default, rename = "profile")]
    pub(super) uses: Vec<Spanned<RawUse>>,
    #[serde(default, rename = "binding")]
    pub(super) bindings: Vec<Spanned<RawBinding>>,
}

/// A profile: bindings with parameters, and where its vendor describes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub(super) title: String,
    pub(super) about: Option<String>,
    pub(super) sources: Vec<String>,
    #[serde(default, rename = "parameter")]
    pub(super) parameters: BTreeMap<String, RawParameter>,
    pub(super) discovery: Option<RawDiscovery>,
    #[serde(default, rename = "binding")]
    pub(super) bindings: Vec<Spanned<RawBinding>>,
}

/// A dialect in which devices announce their own topics.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDiscovery {
    pub(super) dialect: Spanned<String>,
    pub(super) prefix: Spanned<String>,
    pub(super) tag: Spanned<String>,
    pub(super) stale_after: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParameter {
    pub(super) default: Option<String>,
    pub(super) about: String,
}

#[derive(Clone, Debug, Deserialize)]
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
    pub(super) register: Option<Spanned<RawRegister>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) unit_in: Option<Spanned<String>>,
    pub(super) range: Option<Spanned<[f64; 2]>>,
    pub(super) stale_after: Option<Spanned<String>>,
    pub(super) scale: Option<Spanned<f64>>,
    pub(super) offset: Option<Spanned<f64>>,
    pub(super) map: Option<Spanned<BTreeMap<String, RawMapped>>>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) rate: Option<Spanned<f64>>,
    pub(super) deadband: Option<Spanned<RawDeadband>>,
    pub(super) max_silence: Option<Spanned<String>>,
    pub(super) states: Option<Spanned<BTreeMap<String, RawState>>>,
}

/// Absolute, or `"2%"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawDeadband {
    Absolute(f64),
    Percent(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawState {
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) normal: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCsv {
    pub(super) delimiter: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) header: bool,
    pub(super) columns: Option<Spanned<Vec<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFrame {
    pub(super) starts_with: Option<Spanned<String>>,
    pub(super) length: Option<Spanned<usize>>,
    pub(super) checksum: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegister {
    pub(super) at: Spanned<usize>,
    #[serde(rename = "type")]
    pub(super) kind: Spanned<String>,
    pub(super) bytes: Option<Spanned<usize>>,
    pub(super) order: Option<Spanned<String>>,
    pub(super) bits: Option<Spanned<[u8; 2]>>,
    #[serde(default)]
    pub(super) plus_33h: bool,
    pub(super) text: Option<Spanned<String>>,
}

/// What `when` may find at a path.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawWanted {
    One(RawMapped),
    Several(Vec<RawMapped>),
}

/// What an entry of `map` stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawMapped {
    Bool(bool),
    Number(f64),
    Text(String),
}
