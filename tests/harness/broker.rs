//! A real Mosquitto.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use rumqttc::{AsyncClient, MqttOptions, PublishOptions};

use crate::{
    process::{Launch, Process},
    wait,
};

const START: Duration = Duration::from_secs(10);

/// A Mosquitto of the test's own; can be stopped and started again on the same port.
#[derive(Debug)]
pub struct Mosquitto {
    /// Its port on loopback.
    pub port: u16,
    folder: PathBuf,
    more: String,
    launch: Launch,
    process: Option<Process>,
}

impl Mosquitto {
    /// Starts one on a free port.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, "", Launch::default())
    }

    /// The same with more lines of configuration, and started in a way of one's own.
    pub fn start_with(folder: &Path, more: &str, launch: Launch) -> Result<Self> {
        let (folder, more) = (folder.to_owned(), more.to_owned());
        let mut broker = Self { port: wait::free_port()?, folder, more, launch, process: None };
        broker.restart()?;
        Ok(broker)
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Stops it, if it runs: clients lose their connections.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port, with nothing retained.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let config = self.folder.join("mosquitto.conf");
        let text = format!("listener {} 127.0.0.1\nallow_anonymous true\n{}", self.port, self.more);
        std::fs::write(&config, text)?;
        // Debian puts it where only root looks.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = self.launch.command(Path::new("mosquitto"));
        command.env("PATH", path).arg("-c").arg(&config);
        let mut process = Process::start(&mut command, &self.folder.join("mosquitto.log"))?;
        wait::until(START, "Mosquitto to listen", || {
            if let Some(status) = process.ended()? {
                bail!("Mosquitto ended with {status}: {}", process.output());
            }
            Ok(TcpStream::connect(("127.0.0.1", self.port)).ok())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Publishes one message, QoS 1, and waits until the broker has it.
    pub async fn publish(&self, topic: &str, payload: &str) -> Result<()> {
        let name = format!("e2e-{}", std::process::id());
        let options = MqttOptions::new(name, ("127.0.0.1", self.port));
        let (client, mut events) = AsyncClient::builder(options).capacity(8).build();
        client.publish(topic, payload.as_bytes().to_vec(), PublishOptions::at_least_once()).await?;
        loop {
            if let rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_)) = events.poll().await? {
                return Ok(());
            }
        }
    }
}
