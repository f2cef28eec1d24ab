//! Bindings that change while the server runs, against a real Mosquitto: subscriptions
//! follow without a reconnect, nothing is lost, and a bad edit changes nothing.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use twin_model::Scene;
use twin_server::{
    config::Config,
    ingest::{Batch, Ingest},
    mqtt::MqttState,
    reading::Reading,
};

use crate::support::{
    PATIENCE, free_port,
    mosquitto::{Mosquitto, Publisher},
    until,
};

fn scene() -> Arc<Scene> {
    let meter = |id: &str| {
        let tag = format!("meter:{id}");
        let entity = serde_json::json!({"id": id, "kind": "meter", "name": "", "tags": [tag]});
        serde_json::from_value(entity).unwrap()
    };
    Arc::new(Scene::new(vec![meter("M1"), meter("M2")]).unwrap())
}

fn binding(name: &str, topic: &str, value: &str) -> String {
    format!(
        "[[binding]]\nname = {name:?}\ntopic = {topic:?}\nentity = {{ tag = \"meter:{{m}}\" }}\n\
         [[binding.point]]\nmetric = \"power\"\nvalue = {value:?}\nstale_after = \"1s\"\n"
    )
}

/// A configuration file that is edited, and the ingest that goes by it.
struct Site {
    dir: tempfile::TempDir,
    head: String,
    ingest: Ingest,
    readings: mpsc::Receiver<Batch>,
}

impl Site {
    async fn start(port: u16, protocol: u8, bindings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let head = format!(
            "[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n\
             protocol = {protocol}\n"
        );
        let file = dir.path().join("twin.toml");
        std::fs::write(&file, format!("{head}{bindings}")).unwrap();
        let config = Config::load(&file).unwrap();
        let (live, readings) = mpsc::channel(1_000);
        let mqtt = config.mqtt.clone().unwrap();
        let ingest = Ingest::start(&mqtt, &config, scene(), live).await.unwrap();
        until("subscribed", async || ingest.mqtt.status().state == MqttState::Ready).await;
        Self { dir, head, ingest, readings }
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("twin.toml")
    }

    fn write(&self, bindings: &str) {
        std::fs::write(self.file(), format!("{}{bindings}", self.head)).unwrap();
    }

    /// The next readings, acknowledged; messages that yield none are passed over.
    async fn heard(&mut self) -> Vec<Reading> {
        loop {
            let mut batch = self.readings.recv().await.unwrap();
            let readings = std::mem::take(&mut batch.readings);
            batch.give_receipts().await;
            if !readings.is_empty() {
                return readings;
            }
        }
    }

    async fn next(&mut self) -> (String, f64) {
        let batch = timeout(PATIENCE, self.heard()).await.expect("a reading");
        (batch[0].entity.to_string(), batch[0].sample.value.as_f64().unwrap())
    }
}

async fn follows(protocol: u8) {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let mut site = Site::start(port, protocol, &binding("old", "old/{m}", "$.p")).await;
    let publisher = Publisher::new(port);
    publisher.publish("old/M1", r#"{"p":1}"#).await;
    assert_eq!(site.next().await, ("M1".into(), 1.0));

    site.write(&binding("new", "new/{m}", "$.p"));
    let report = site.ingest.reloader.reload().await.unwrap();
    assert_eq!((report.added, report.removed), (vec!["new".into()], vec!["old".into()]));
    // Retained by nobody: it arrives only if the subscription is there. What comes before
    // the broker has answered is sent again until it arrives.
    for n in 0.. {
        assert!(n < 100, "the new topic is never heard");
        publisher.publish("new/M2", r#"{"p":2}"#).await;
        let heard = timeout(Duration::from_millis(200), site.heard()).await;
        if let Ok(batch) = heard {
            assert_eq!(batch[0].entity.as_str(), "M2");
            break;
        }
    }
    // The old one is given back: soon messages of it no longer come at all. What comes of the
    // new topic tells that one of the old, published before, does not.
    let board = || site.ingest.board.report();
    let heard = || {
        let topics = board().bound.items;
        topics.iter().find(|topic| topic.topic == "new/M1").map_or(0, |topic| topic.messages)
    };
    until("the old topic is left", async || {
        let (unbound, before) = (board().unbound.total, heard());
        publisher.publish("old/M1", r#"{"p":3}"#).await;
        publisher.publish("new/M1", r#"{"p":4}"#).await;
        until("the new topic is bound", async || heard() > before).await;
        board().unbound.total == unbound
    })
    .await;
    assert_eq!(site.ingest.mqtt.status().connects, 1, "no reconnect");
    timeout(PATIENCE, site.ingest.stop()).await.expect("a stop in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_follow_the_bindings_in_mqtt_3_1_1() {
    follows(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_follow_the_bindings_in_mqtt_5() {
    follows(5).await;
}

/// A stream of messages under one topic, while its bindings change again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_bindings_change() {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    const SENT: usize = 600;
    let sets = [
        binding("wide", "site/{m}/+", "$.p"),
        binding("narrow", "site/{m}/power", "$.p"),
        binding("widest", "site/{m}/#", "$.p"),
    ];
    let mut site = Site::start(port, 5, &sets[0]).await;
    let publisher = Publisher::new(port);
    let sending = async {
        for n in 0..SENT {
            publisher.publish("site/M1/power", &format!("{{\"p\":{n}}}")).await;
            if n % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let reloader = Arc::clone(&site.ingest.reloader);
    let changing = async {
        for n in 1..=12 {
            site.write(&sets[n % sets.len()]);
            reloader.reload().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(sending, changing);
    let mut seen = Vec::new();
    while seen.last() != Some(&(SENT - 1)) {
        let batch = timeout(PATIENCE, site.heard()).await.expect("nothing lost");
        seen.extend(batch.iter().map(|r| r.sample.value.as_f64().unwrap() as usize));
    }
    // The broker may send a message once for each of two subscriptions.
    seen.dedup();
    assert_eq!(seen, (0..SENT).collect::<Vec<_>>(), "each one, in order");
    assert_eq!(site.ingest.mqtt.status().connects, 1);
    let report = site.ingest.board.report();
    assert!(report.messages >= SENT as u64, "counts go on over changes");
    timeout(PATIENCE, site.ingest.stop()).await.expect("a stop in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_edit_keeps_the_last_good_set_and_says_so() {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let mut site = Site::start(port, 5, &binding("meters", "site/{m}", "$.p")).await;
    let publisher = Publisher::new(port);
    publisher.publish("site/M1", r#"{"p":1}"#).await;
    assert_eq!(site.next().await.1, 1.0);

    site.write(&binding("meters", "site/{m}", "p"));
    let error = site.ingest.reloader.reload().await.unwrap_err();
    let faults = error.faults();
    assert_eq!(faults.len(), 1);
    assert!(Path::new(&faults[0].file).ends_with("twin.toml"));
    assert_eq!((faults[0].line, faults[0].key.as_str()), (12, "binding[0].point[0].value"));
    let status = site.ingest.reloader.status();
    assert_eq!(status.reloads, 0);
    assert!(status.failure.unwrap().message.contains("twin.toml:12: binding[0].point[0].value"));
    publisher.publish("site/M1", r#"{"p":2}"#).await;
    assert_eq!(site.next().await.1, 2.0, "the old set is at work");

    // Mended, it is taken; what was bound before stays known while it is quiet.
    site.write(&format!("{}\n[bindings]\nwatch = \"1s\"\n", binding("meters", "site/{m}", "$.p")));
    site.ingest.reloader.reload().await.unwrap();
    assert!(site.ingest.reloader.status().failure.is_none());
    let report = site.ingest.board.report();
    assert_eq!((report.bound.total, report.bound.items[0].messages), (1, 2));
    until("its silence is told", async || site.ingest.board.report().silent.total == 1).await;
    timeout(PATIENCE, site.ingest.stop()).await.expect("a stop in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_noticed_by_itself() {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let site = Site::start(port, 5, &binding("one", "site/{m}", "$.p")).await;
    let stop = CancellationToken::new();
    let watching = Arc::clone(&site.ingest.reloader);
    let watch = tokio::spawn(watching.watch(Duration::from_millis(50), stop.clone()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let folder = site.dir.path().join("bindings.d");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("more.toml"), binding("two", "more/{m}", "$.p")).unwrap();
    let status = || site.ingest.reloader.status();
    until("the new file is at work", async || status().bindings == 2).await;
    std::fs::write(folder.join("more.toml"), "[[binding]]\n").unwrap();
    until("the bad edit is told", async || status().failure.is_some()).await;
    assert_eq!(status().bindings, 2);
    stop.cancel();
    watch.await.unwrap();
    timeout(PATIENCE, site.ingest.stop()).await.expect("a stop in order");
}
