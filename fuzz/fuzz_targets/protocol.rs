#![no_main]

use libfuzzer_sys::fuzz_target;
use twin_protocol::{ClientMessage, ServerMessage, json};

fuzz_target!(|bytes: &[u8]| {
    // What is read is written again, and read again, as the same.
    if let Ok(message) = ClientMessage::decode(bytes) {
        let again = ClientMessage::decode(&message.encode()).map(|message| message.encode());
        assert_eq!(again.ok(), Some(message.encode()));
    }
    if let Ok(message) = ServerMessage::decode(bytes) {
        let again = ServerMessage::decode(&message.encode()).map(|message| message.encode());
        assert_eq!(again.ok(), Some(message.encode()));
    }
    let _ = serde_json::from_slice::<json::ClientMessage>(bytes);
});
