//! Webhooks against a server that takes, refuses and redirects.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use ring::hmac;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use twin_model::{Quality, Value};
use twin_server::{
    live::{self, Live},
    webhooks::{Settings, Status, Webhooks},
};

use crate::support::server::{package, reading};

#[derive(Clone, Debug)]
struct Post {
    head: String,
    body: String,
}

impl Post {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn values(&self) -> Vec<serde_json::Value> {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["points"].as_array().unwrap().iter().map(|point| point["v"].clone()).collect()
    }
}

/// Answers posts with the given lines, and then with 204.
struct Receiver {
    url: String,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Receiver {
    async fn start(answers: &[&'static str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/hook?token=t", listener.local_addr().unwrap());
        let posts: Arc<Mutex<Vec<Post>>> = Arc::default();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
        let seen = Arc::clone(&posts);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(Self::serve(stream, Arc::clone(&seen), Arc::clone(&answers)));
            }
        });
        Self { url, posts }
    }

    async fn serve(
        mut stream: TcpStream,
        seen: Arc<Mutex<Vec<Post>>>,
        answers: Arc<Mutex<VecDeque<&'static str>>>,
    ) {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let post = Post { head: head.to_owned(), body: body.to_owned() };
                let length: usize = post.header("content-length").unwrap().parse().unwrap();
                if body.len() >= length {
                    seen.lock().unwrap().push(post);
                    let answer = answers.lock().unwrap().pop_front().unwrap_or("204 No Content");
                    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    bytes.clear();
                    continue;
                }
            }
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend(&chunk[..read]),
            }
        }
    }

    async fn posts(&self, count: usize) -> Vec<Post> {
        for _ in 0..1000 {
            let posts = self.posts.lock().unwrap().clone();
            if posts.len() >= count {
                return posts;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} posts came", self.posts.lock().unwrap().len());
    }
}

fn hook(url: &str) -> Settings {
    Settings {
        name: "hook".to_owned(),
        url: url.parse().unwrap(),
        entities: None,
        metrics: None,
        quality: None,
        min_interval: Duration::ZERO,
        secret: None,
        attempts: 8,
    }
}

struct Rig {
    live: Arc<Live>,
    hooks: Webhooks,
    _dir: tempfile::TempDir,
    stop: CancellationToken,
}

impl Rig {
    fn start(settings: Settings) -> Self {
        let (dir, loaded) = package();
        let live = Arc::new(Live::new(loaded, live::Settings::default()));
        let stop = CancellationToken::new();
        let hooks = Webhooks::start(&live, vec![settings], &stop).unwrap();
        Self { live, hooks, _dir: dir, stop }
    }

    async fn status(&self, fits: impl Fn(&Status) -> bool) -> Status {
        for _ in 0..1000 {
            let status = self.hooks.statuses().remove(0);
            if fits(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.hooks.statuses());
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn posts_every_sample_that_fits_and_signs_it() {
    let receiver = Receiver::start(&[]).await;
    let secret = b"a secret of its own".to_vec();
    let rig = Rig::start(Settings {
        entities: Some(vec!["t1".into()]),
        metrics: Some(vec!["door".into(), "power".into()]),
        quality: Some(vec![Quality::Good, Quality::Stale]),
        secret: Some(secret.clone()),
        ..hook(&receiver.url)
    });
    tokio::task::yield_now().await;
    let text = |state: &str| Value::Text(state.into());
    let mut bad = reading("r1", "door", text("broken"));
    bad.sample.quality = Quality::Bad;
    rig.live.apply(&[
        reading("r1", "door", text("open")),
        reading("r1", "door", text("closed")),
        reading("r1", "people", Value::Number(3.0)),
        reading("em2", "power", Value::Number(4.0)),
        bad,
        reading("em1", "power", Value::Number(5.0)),
    ]);
    rig.status(|status| status.delivered > 0 && status.queued == 0).await;
    let posts = receiver.posts(1).await;
    let values: Vec<_> = posts.iter().flat_map(Post::values).collect();
    assert_eq!(values, ["open".into(), "closed".into(), serde_json::json!(5.0)]);
    let post = &posts[0];
    assert!(post.head.starts_with("POST /hook?token=t HTTP/1.1"), "{}", post.head);
    let signature = post.header("twin-signature").unwrap();
    let (time, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let signed = hmac::sign(&key, format!("{time}.{}", post.body).as_bytes());
    let expected: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
    let status = rig.status(|_| true).await;
    assert!(!status.url.contains("token"), "{}", status.url);
}

#[tokio::test]
async fn tries_again_with_the_same_bytes_and_gives_up_in_the_end() {
    let receiver =
        Receiver::start(&["500 Internal Server Error", "302 Found\r\nlocation: /other"]).await;
    let rig = Rig::start(Settings { attempts: 2, ..hook(&receiver.url) });
    tokio::task::yield_now().await;
    rig.live.apply(&[reading("em1", "power", Value::Number(1.0))]);
    let posts = receiver.posts(2).await;
    assert_eq!(posts[0].body, posts[1].body);
    assert_eq!(posts[0].header("twin-delivery"), posts[1].header("twin-delivery"));
    let status = rig.status(|status| status.dead == 1).await;
    assert_eq!((status.failed, status.delivered), (2, 0));
    assert_eq!(status.last_dead[0].points, 1);
    assert!(status.last_dead[0].reason.contains("redirects are not followed"), "{status:?}");
    // What comes later is posted all the same.
    rig.live.apply(&[reading("em1", "power", Value::Number(2.0))]);
    assert_eq!(receiver.posts(3).await[2].values(), [2.0]);
}

#[tokio::test]
async fn what_waits_is_bounded_and_what_is_dropped_is_told() {
    let receiver = Receiver::start(&["503 Service Unavailable"]).await;
    let rig = Rig::start(hook(&receiver.url));
    tokio::task::yield_now().await;
    rig.live.apply(&[reading("em1", "power", Value::Number(-1.0))]);
    receiver.posts(1).await;
    for round in 0..12 {
        let readings: Vec<_> = (0..1000)
            .map(|i| reading("em1", &format!("m{i}"), Value::Number(f64::from(round))))
            .collect();
        rig.live.apply(&readings);
    }
    let status = rig.status(|status| status.delivered == 11 && status.queued == 0).await;
    assert_eq!((status.dropped, status.dead), (2000, 0));
    let posts = receiver.posts(12).await;
    let told: serde_json::Value = serde_json::from_str(&posts[2].body).unwrap();
    assert_eq!(told["dropped"], 2000);
    assert_eq!(told["points"].as_array().unwrap().len(), 1000);
}
