//! Sends a simulation's messages to a broker: evenly, and again after every break.

use std::time::Duration;

use anyhow::{Context, bail};
use rumqttc_v4::{
    AsyncClient, ClientError, Event, EventLoop, MqttOptions, Packet, PublishOptions, QoS,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::telemetry::{Message, Simulation};

/// Where to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User and password, where the URL has them.
    pub login: Option<(String, String)>,
}

impl Broker {
    /// Reads `mqtt://[user:password@]host[:port]`.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let wrong = || format!("--broker expects mqtt://[user:password@]host[:port], found {url}");
        let rest = url.strip_prefix("mqtt://").with_context(wrong)?.trim_end_matches('/');
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => {
                let (user, password) = login.split_once(':').with_context(wrong)?;
                (Some((user.to_owned(), password.to_owned())), address)
            }
            None => (None, rest),
        };
        let (host, port) = match address.rsplit_once(':') {
            // An IPv6 address without a port ends in `]`.
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().ok().with_context(wrong)?)
            }
            _ => (address, 1883),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains('/') {
            bail!(wrong());
        }
        Ok(Self { host: host.to_owned(), port, login })
    }
}

/// Requests waiting for the connection; beyond it a message is dropped and counted.
const QUEUE: usize = 4_096;
/// A tick's messages leave in this many portions.
const PORTIONS: usize = 20;
const TICK: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Publishes until the task is dropped.
pub async fn publish(simulation: Simulation, broker: Broker, qos: u8) -> anyhow::Result<()> {
    let qos = if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    // Two simulators on one broker must not throw each other out.
    let id = format!("twin-simulator-{:08x}", std::process::id());
    let mut options = MqttOptions::new(id, (broker.host.clone(), broker.port));
    options.set_keep_alive(20);
    options.set_inflight(1_000);
    if let Some((user, password)) = &broker.login {
        options.set_credentials(user.clone(), password.clone());
    }
    let (client, events) = AsyncClient::builder(options).capacity(QUEUE).build();
    // Polling and publishing from one task can deadlock.
    tokio::select! {
        () = keep_connected(events, &broker) => Ok(()),
        result = pump(simulation, client, qos) => result,
    }
}

/// Polls the connection for ever; after an error it waits, longer each time.
async fn keep_connected(mut events: EventLoop, broker: &Broker) {
    let mut backoff = Duration::from_millis(250);
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                backoff = Duration::from_millis(250);
                tracing::info!(host = broker.host, port = broker.port, "simulator connected");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(
                    "simulator lost {}:{}: {error}; again in {backoff:?}",
                    broker.host,
                    broker.port
                );
                sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

async fn pump(mut simulation: Simulation, client: AsyncClient, qos: QoS) -> anyhow::Result<()> {
    let mut ticks = interval(TICK / PORTIONS as u32);
    // After a pause (a suspended laptop) time goes on from where it is.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    let mut dropped = Dropped::default();
    loop {
        ticks.tick().await;
        let millis = i64::try_from(last.elapsed().as_millis()).unwrap_or(i64::MAX).max(1);
        if millis < TICK.as_millis() as i64 {
            continue;
        }
        last = Instant::now();
        let messages = simulation.tick(millis);
        let portion = messages.len().div_ceil(PORTIONS).max(1);
        for portion in messages.chunks(portion) {
            for message in portion {
                send(&client, message, qos, &mut dropped)?;
            }
            ticks.tick().await;
        }
        dropped.report();
    }
}

/// What did not fit into the queue: newer values follow, so nothing is kept.
#[derive(Debug, Default)]
struct Dropped {
    now: u64,
    total: u64,
}

impl Dropped {
    fn report(&mut self) {
        if self.now > 0 {
            self.total += self.now;
            tracing::warn!(now = self.now, total = self.total, "simulator dropped messages");
            self.now = 0;
        }
    }
}

fn send(
    client: &AsyncClient,
    message: &Message,
    qos: QoS,
    dropped: &mut Dropped,
) -> anyhow::Result<()> {
    let payload = message.payload.clone();
    match client.try_publish(&*message.topic, payload, PublishOptions::new(qos)) {
        Ok(_) => Ok(()),
        Err(ClientError::RequestChannelFull(_)) => {
            dropped.now += 1;
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("publishing to {}", message.topic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broker_urls() {
        let broker = |host: &str, port, login: Option<(&str, &str)>| Broker {
            host: host.to_owned(),
            port,
            login: login.map(|(u, p)| (u.to_owned(), p.to_owned())),
        };
        let good = [
            ("mqtt://127.0.0.1:1884", broker("127.0.0.1", 1884, None)),
            ("mqtt://broker/", broker("broker", 1883, None)),
            ("mqtt://[::1]:99", broker("::1", 99, None)),
            ("mqtt://[::1]", broker("::1", 1883, None)),
            ("mqtt://a:b@h", broker("h", 1883, Some(("a", "b")))),
        ];
        for (url, expected) in good {
            assert_eq!(Broker::parse(url).unwrap(), expected, "{url}");
        }
        for wrong in ["", "127.0.0.1", "http://x", "mqtt://", "mqtt://h:x", "mqtt://u@h"] {
            assert!(Broker::parse(wrong).is_err(), "{wrong}");
        }
    }
}
