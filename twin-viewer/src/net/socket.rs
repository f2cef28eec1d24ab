//! One WebSocket connection, as events.

use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Uint8Array};
use twin_protocol::{ClientMessage, POSTCARD};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

/// What happened on a connection.
pub enum SocketEvent {
    /// It is open.
    Open,
    /// A frame came.
    Frame(Vec<u8>),
    /// It is closed, with the reason if one was given.
    Closed(String),
}

type Handler = Closure<dyn FnMut(JsValue)>;

/// A connection; closes when dropped, and is silent from then on.
pub struct Socket {
    socket: WebSocket,
    _handlers: [Handler; 3],
}

impl Socket {
    /// Opens a connection; `on_event` hears of everything that happens on it.
    pub fn open(url: &str, on_event: Rc<dyn Fn(SocketEvent)>) -> Result<Self, String> {
        let protocols = Array::of1(&JsValue::from_str(POSTCARD));
        let socket = WebSocket::new_with_str_sequence(url, &protocols)
            .map_err(|error| format!("{error:?}"))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (open, frame, close) = (on_event.clone(), on_event.clone(), on_event);
        let opened: Handler = Closure::new(move |_| open(SocketEvent::Open));
        let message: Handler = Closure::new(move |event: JsValue| {
            let data = event.unchecked_into::<MessageEvent>().data();
            // A text frame is not of this protocol; empty bytes fail to decode and say so.
            let bytes = data.dyn_into::<ArrayBuffer>().map(|buffer| Uint8Array::new(&buffer));
            frame(SocketEvent::Frame(bytes.map(|bytes| bytes.to_vec()).unwrap_or_default()));
        });
        let closed: Handler = Closure::new(move |event: JsValue| {
            let event = event.unchecked_into::<CloseEvent>();
            close(SocketEvent::Closed(event.reason()));
        });
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Ok(Self { socket, _handlers: [opened, message, closed] })
    }

    /// Sends a message; lost where the connection is not open, since every new one
    /// begins with a subscription anyway.
    pub fn send(&self, message: &ClientMessage) {
        if self.socket.ready_state() == WebSocket::OPEN {
            // Fails only while connecting, which was just ruled out.
            let _ = self.socket.send_with_u8_array(&message.encode());
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close(); // nothing is left to do where it fails
    }
}
