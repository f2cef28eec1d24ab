//! `[mqtt]`: which broker, and how to talk to it.

use std::{fmt, net::SocketAddr, path::Path, time::Duration};

use axum::http::Uri;
use toml::Spanned;

use super::{error::Collector, load, raw::RawMqtt};
use crate::bindings::TopicPattern;

/// `[mqtt]`, checked.
#[derive(Clone)]
pub struct MqttConfig {
    /// The broker to connect to, or to run.
    pub broker: BrokerChoice,
    /// User name and password.
    pub credentials: Option<(String, Vec<u8>)>,
    /// Certificates (PEM) to trust instead of the system's, for `mqtts://`.
    pub ca: Option<Vec<u8>>,
    /// A name of its own lets the broker keep messages while the server is away;
    /// absent: a random one and no session.
    pub client_id: Option<String>,
    /// The group of servers that share the keeping of samples; absent: all are kept here.
    pub share_group: Option<String>,
    /// MQTT version.
    pub protocol: Protocol,
    /// Quality of service asked for: 0 or 1.
    pub qos: u8,
    /// How often an idle connection is probed.
    pub keep_alive: Duration,
    /// How long the broker keeps the session of a client that is away (MQTT 5, with `client_id`).
    pub session_expiry: Duration,
    /// Largest packet accepted, bytes; a larger one ends the connection.
    pub max_packet_bytes: u32,
    /// Messages waiting between connection and decoder; when full, reading from the
    /// broker pauses.
    pub queue: usize,
    /// Topic filters followed besides the bindings' own, to find unbound topics.
    pub watch: Vec<String>,
}

impl fmt::Debug for MqttConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password: configurations end up in logs.
        f.debug_struct("MqttConfig")
            .field("broker", &self.broker)
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .field("client_id", &self.client_id)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// Where the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerChoice {
    /// One that runs elsewhere.
    Remote {
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
        /// Whether to speak TLS (`mqtts://`).
        tls: bool,
    },
    /// One inside this process, listening here.
    Embedded(SocketAddr),
}

impl BrokerChoice {
    /// Reads `mqtt://host[:port]` or `mqtts://host[:port]`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse_url(url: &str) -> Result<Self, String> {
        let expected = |why: &str| {
            Err(format!("{url:?}: {why}; expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"))
        };
        let uri: Uri = match url.parse() {
            Ok(uri) => uri,
            Err(_) => return expected("not a URL"),
        };
        let (tls, default_port) = match uri.scheme_str() {
            Some("mqtt" | "tcp") => (false, 1883),
            Some("mqtts" | "ssl") => (true, 8883),
            _ => return expected("unknown scheme"),
        };
        let Some(authority) = uri.authority() else { return expected("no host") };
        if authority.as_str().contains('@') {
            return Err("a URL with a password in it ends up in logs; use `user` and \
                 `password_file`"
                .to_owned());
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return expected("a path means nothing here");
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return expected("no host");
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            // What follows the host, if anything, was then not a port.
            None if authority.as_str() == authority.host() => default_port,
            None => return expected("unusable port"),
        };
        Ok(Self::Remote { host, port, tls })
    }
}

impl fmt::Display for BrokerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote { host, port, tls } => {
                let scheme = if *tls { "mqtts" } else { "mqtt" };
                let open = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{}{host}{}:{port}", open.0, open.1)
            }
            Self::Embedded(addr) => write!(f, "mqtt://{addr} (embedded)"),
        }
    }
}

/// MQTT version on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT 3.1.1.
    V4,
    /// MQTT 5.
    V5,
}

impl MqttConfig {
    /// A configuration for a broker, everything else as by default.
    pub fn new(broker: BrokerChoice) -> Self {
        Self {
            broker,
            credentials: None,
            ca: None,
            client_id: None,
            share_group: None,
            protocol: Protocol::V5,
            qos: 1,
            keep_alive: Duration::from_secs(30),
            session_expiry: Duration::from_secs(3_600),
            max_packet_bytes: 1024 * 1024,
            queue: 4_096,
            watch: Vec::new(),
        }
    }
}

/// Checks `[mqtt]`.
pub(super) fn check(
    raw: &Spanned<RawMqtt>,
    dir: &Path,
    out: &mut Collector<'_>,
) -> Option<MqttConfig> {
    let span = raw.span();
    let raw = raw.get_ref();
    let broker = broker(raw, span, out)?;
    let mut config = MqttConfig::new(broker);
    config.credentials = credentials(raw, dir, out);
    config.ca = raw.ca_file.as_ref().and_then(|file| load::content(file, "mqtt.ca_file", dir, out));
    if let Some(id) = &raw.client_id {
        if id.get_ref().is_empty() || id.get_ref().len() > 65_535 {
            out.add(id.span(), "mqtt.client_id", "expected 1 to 65,535 bytes");
        }
        config.client_id = Some(id.get_ref().clone());
    }
    if let Some(protocol) = &raw.protocol {
        match protocol.get_ref() {
            4 => config.protocol = Protocol::V4,
            5 => config.protocol = Protocol::V5,
            other => out.add(
                protocol.span(),
                "mqtt.protocol",
                format!("{other}: expected 4 (MQTT 3.1.1) or 5"),
            ),
        }
    }
    load::set(&mut config.qos, &raw.qos, "mqtt.qos", 0..=1, out);
    load::set(
        &mut config.max_packet_bytes,
        &raw.max_packet_bytes,
        "mqtt.max_packet_bytes",
        1_024..=268_435_455,
        out,
    );
    load::set(&mut config.queue, &raw.queue, "mqtt.queue", 16..=1_000_000, out);
    load::set_duration(&mut config.keep_alive, &raw.keep_alive, "mqtt.keep_alive", 1, 65_535, out);
    load::set_duration(
        &mut config.session_expiry,
        &raw.session_expiry,
        "mqtt.session_expiry",
        0,
        31_536_000,
        out,
    );
    config.watch = watch(raw, out);
    if let Some(group) = &raw.share_group {
        share_group(group, &config, out);
        config.share_group = Some(group.get_ref().clone());
    }
    Some(config)
}

/// A member keeps what it is handed, so the broker has to know it again, and to wait for it.
fn share_group(group: &Spanned<String>, config: &MqttConfig, out: &mut Collector<'_>) {
    let mut add = |message: &str| out.add(group.span(), "mqtt.share_group", message);
    if group.get_ref().is_empty() || group.get_ref().contains(['/', '+', '#', '\0']) {
        add("expected a name without /, + and #");
    }
    if matches!(config.broker, BrokerChoice::Embedded(_)) {
        add("needs a broker of its own (`url`) that several servers reach");
    }
    if config.client_id.is_none() {
        add("needs a `client_id`, another one for each server");
    }
    if config.protocol != Protocol::V5 {
        add("needs `protocol = 5`: MQTT 3.1.1 knows no shared subscriptions");
    }
    if config.qos != 1 {
        add("needs `qos = 1`");
    }
}

fn broker(
    raw: &RawMqtt,
    span: std::ops::Range<usize>,
    out: &mut Collector<'_>,
) -> Option<BrokerChoice> {
    match (&raw.url, &raw.embedded) {
        (Some(url), None) => {
            out.take(url.span(), "mqtt.url", BrokerChoice::parse_url(url.get_ref()))
        }
        (None, Some(addr)) => load::address(addr, "mqtt.embedded", out).map(BrokerChoice::Embedded),
        (Some(_), Some(addr)) => {
            out.add(addr.span(), "mqtt.embedded", "give either `url` or `embedded`, not both");
            None
        }
        (None, None) => {
            out.add(
                span,
                "mqtt",
                "expected `url` (a broker) or `embedded` (an address to run \
                 one at)",
            );
            None
        }
    }
}

fn credentials(raw: &RawMqtt, dir: &Path, out: &mut Collector<'_>) -> Option<(String, Vec<u8>)> {
    match (&raw.user, &raw.password_file) {
        (Some(user), file) => {
            let password = file.as_ref();
            let password = password.and_then(|f| load::password(f, "mqtt.password_file", dir, out));
            Some((user.get_ref().clone(), password.unwrap_or_default()))
        }
        (None, Some(file)) => {
            out.add(file.span(), "mqtt.password_file", "a password needs `user` too");
            None
        }
        (None, None) => None,
    }
}

fn watch(raw: &RawMqtt, out: &mut Collector<'_>) -> Vec<String> {
    let mut filters = Vec::new();
    for filter in &raw.watch {
        let parsed = TopicPattern::parse(filter.get_ref());
        filters.extend(out.take(filter.span(), "mqtt.watch", parsed).map(|p| p.filter()));
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_broker_urls() {
        let parse = |url| BrokerChoice::parse_url(url).map(|broker| broker.to_string());
        assert_eq!(parse("mqtt://127.0.0.1"), Ok("mqtt://127.0.0.1:1883".into()));
        assert_eq!(parse("mqtts://broker.example:9000"), Ok("mqtts://broker.example:9000".into()));
        assert_eq!(parse("mqtts://[::1]"), Ok("mqtts://[::1]:8883".into()));
        for bad in
            ["", "broker", "http://x", "mqtt://", "mqtt://x/y", "mqtt://x:99999", "mqtt://x:"]
        {
            assert!(parse(bad).unwrap_err().contains("expected mqtt://"), "{bad}");
        }
        assert!(parse("mqtt://user:secret@x").unwrap_err().contains("password_file"));
    }
}
