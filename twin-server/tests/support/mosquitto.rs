//! A real Mosquitto, and someone who publishes to it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A Mosquitto on a port of its own; killed when dropped.
pub(crate) struct Mosquitto {
    child: Child,
}

impl Mosquitto {
    /// Nothing where Mosquitto is not installed.
    pub(crate) fn start(port: u16) -> Option<Self> {
        Self::start_with(port, "")
    }

    /// The same with more lines of configuration.
    pub(crate) fn start_with(port: u16, more: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("mosquitto.conf");
        let text =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n{more}");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        // Debian keeps it where only root's PATH looks.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
        let child = match command.env("PATH", &path).spawn() {
            Ok(child) => child,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "mosquitto: {error}");
                eprintln!("skipped: mosquitto is not installed ({error})");
                return None;
            }
        };
        let mut broker = Self { child };
        for _ in 0..300 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(broker);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("mosquitto does not listen on {port}: {:?}", broker.child.try_wait());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A publisher that keeps its own connection up.
pub(crate) struct Publisher {
    client: rumqttc::AsyncClient,
    task: tokio::task::JoinHandle<()>,
}

impl Publisher {
    pub(crate) fn new(port: u16) -> Self {
        let options = rumqttc::MqttOptions::new("test-publisher", ("127.0.0.1", port));
        let (client, mut events) = rumqttc::AsyncClient::builder(options).capacity(64).build();
        let task = tokio::spawn(async move {
            loop {
                if events.poll().await.is_err() {
                    sleep(Duration::from_millis(100)).await;
                }
            }
        });
        Self { client, task }
    }

    pub(crate) async fn publish(&self, topic: &str, payload: &str) {
        let qos = rumqttc::QoS::AtLeastOnce;
        let options = rumqttc::PublishOptions::new(qos);
        self.client.publish(topic, payload.to_owned(), options).await.unwrap();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn until(what: &str, mut fits: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !fits() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
