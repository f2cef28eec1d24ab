//! Server-sent events, over a real connection.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use twin_server::hub;

use crate::support::server::{Options, Server};

struct Events(BufReader<TcpStream>);

impl Events {
    async fn open(server: &Server, query: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /api/v1/events{query} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n{last}\r\n",
            server.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut events = Self(BufReader::new(stream));
        assert_eq!(events.line().await.unwrap(), "HTTP/1.1 200 OK");
        events
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_line(&mut line));
        let read = read.await.expect("a line").unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event's id and data.
    async fn next(&mut self) -> Option<(Option<String>, serde_json::Value)> {
        let mut id = None;
        loop {
            let line = self.line().await?;
            if let Some(found) = line.strip_prefix("id: ") {
                id = Some(found.to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((id, serde_json::from_str(data).unwrap()));
            }
        }
    }
}

#[tokio::test]
async fn values_come_as_events_and_go_on_where_they_stopped() {
    let server = Server::start().await;
    server.set("em1", "power", 1.0);
    server.set("em2", "power", 1.0);
    let mut events = Events::open(&server, "?entities=t1,em2&max_hz=30", None).await;
    let (id, hello) = events.next().await.unwrap();
    assert_eq!((id, &hello["type"]), (None, &"hello".into()));
    let (id, snapshot) = events.next().await.unwrap();
    assert_eq!(snapshot["points"].as_array().unwrap().len(), 2);
    assert_eq!(id.unwrap(), format!("{}:2", hello["epoch"].as_str().unwrap()));
    server.set("em1", "power", 2.0);
    let (id, update) = events.next().await.unwrap();
    assert_eq!(update["points"][0]["v"], 2.0);
    drop(events);
    server.set("em2", "power", 5.0);
    let mut events = Events::open(&server, "?max_hz=30", id.as_deref()).await;
    assert_eq!(events.next().await.unwrap().1["type"], "hello");
    let (_, update) = events.next().await.unwrap();
    assert_eq!(update["type"], "update");
    assert_eq!(update["points"].as_array().unwrap().len(), 1);
    assert_eq!(update["points"][0]["point"], "em2/power");
    let mut anew = Events::open(&server, "", Some("other:7")).await;
    anew.next().await;
    assert_eq!(anew.next().await.unwrap().1["type"], "snapshot");

    let stopped = tokio::spawn(server.stop());
    assert_eq!(events.next().await.unwrap().1["type"], "bye");
    assert!(events.next().await.is_none(), "and the answer ends");
    stopped.await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_streamed_is_refused() {
    let hub = hub::Settings { max_clients: 1, ..hub::Settings::default() };
    let server = Server::start_with(Options { hub, ..Options::default() }).await;
    for (query, status) in
        [("?entities=ghost", 400), ("?max_hz=99", 400), ("?room=nowhere", 404), ("?rate=5", 400)]
    {
        let answer = server.get(&format!("/api/v1/events{query}")).await;
        assert_eq!(answer.status(), status, "{query}: {}", answer.text());
    }
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(server.get_with("/api/v1/events", &foreign).await.status(), 403);
    let mut events = Events::open(&server, "", None).await;
    events.next().await;
    let full = server.get("/api/v1/events").await;
    assert_eq!(full.status(), 503);
    assert!(full.text().contains("max_clients"));
    drop(events);
    // The seat is given back once the connection is seen to be gone.
    for _ in 0..200 {
        if server.hub.sessions() == 0 {
            return;
        }
        server.set("em1", "power", f64::from(fastrand::u16(..)));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the seat was kept");
}
