//! A real Mosquitto, and someone who publishes to it.

use std::{
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rumqttc::PublishNotice;
use tokio::time::{sleep, timeout};

use super::PATIENCE;

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

    /// Hands a message over for sending.
    pub(crate) async fn publish(&self, topic: &str, payload: &str) -> Published {
        let qos = rumqttc::QoS::AtLeastOnce;
        let options = rumqttc::PublishOptions::new(qos);
        let notice = self.client.publish_tracked(topic, payload.to_owned(), options).await;
        Published(notice.unwrap())
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A message on its way to the broker.
pub(crate) struct Published(PublishNotice);

impl Published {
    /// Waits until the broker has it, and with it all that was published before it.
    pub(crate) async fn arrived(self) {
        let arrived = timeout(PATIENCE, self.0.wait_completion_async()).await;
        arrived.expect("the broker takes it in time").unwrap();
    }
}
