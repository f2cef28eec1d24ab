//! A client of the stream.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use twin_protocol::{ClientMessage, Interest, ServerMessage, Subscribe, json};

/// A WebSocket client. Anything that takes longer than 10 s has failed.
pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

const PATIENCE: Duration = Duration::from_secs(10);

impl Socket {
    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(crate) async fn send_json(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub(crate) async fn send_postcard(&mut self, message: &ClientMessage) {
        self.send(Message::binary(message.encode())).await;
    }

    /// The next frame that is not a ping, or nothing where the connection ended.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame");
            match frame {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(frame)) => return Some(frame),
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn next_json(&mut self) -> json::ServerMessage {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a text frame, got {other:?}"),
        }
    }

    pub(crate) async fn next_postcard(&mut self) -> ServerMessage {
        match self.frame().await {
            Some(Message::Binary(bytes)) => ServerMessage::decode(&bytes).unwrap(),
            other => panic!("expected a binary frame, got {other:?}"),
        }
    }

    /// Whether a frame comes within a time.
    pub(crate) async fn silent_for(&mut self, time: Duration) -> bool {
        loop {
            match tokio::time::timeout(time, self.0.next()).await {
                Err(_) => return true,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                Ok(_) => return false,
            }
        }
    }
}

/// A subscription to everything.
pub(crate) fn everything(max_hz: f32) -> ClientMessage {
    let interest = Interest::All;
    ClientMessage::Subscribe(Subscribe { interest, max_hz, lossless: false, resume: None })
}
