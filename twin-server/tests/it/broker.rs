//! The embedded broker under malformed packets and floods: whatever a stranger sends,
//! the others are served, and it can still be stopped.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use twin_model::{Scene, Value};
use twin_server::{
    broker::{self, MAX_PACKET_BYTES},
    config::Config,
    ingest::Ingest,
};

const PATIENCE: Duration = Duration::from_secs(30);
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// CONNECT of MQTT 3.1.1 with an empty client id.
const CONNECT_V4: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
/// CONNECT of MQTT 5 with an empty client id and no properties.
const CONNECT_V5: &[u8] = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00";

/// Packets that no broker should fall over, each after a good CONNECT where `connected`.
fn malformed() -> Vec<(bool, Vec<u8>)> {
    let mut packets: Vec<(bool, Vec<u8>)> = Vec::new();
    // Every packet type with every flag, empty, short, and with a length that lies.
    for first in 0..=255_u8 {
        for rest in [&b"\x00"[..], b"\x02\x00\x00", b"\x05\xff\xff\xff\xff\xff", b"\x7f"] {
            for connected in [false, true] {
                packets.push((connected, [&[first], rest].concat()));
            }
        }
    }
    for rest in [
        &b"\x30\xff\xff\xff\xff\xff"[..],   // a length of five bytes
        b"\x30\xff\xff\xff\x7f",            // 256 MB announced
        b"\x30\x04\x00\x02\xff\xfe",        // a topic that is not UTF-8
        b"\x30\x05\x00\x03a\x00b",          // NUL in a topic
        b"\x30\x05\x00\x03a/#",             // a wildcard in a topic
        b"\x30\x02\x00\x00",                // no topic
        b"\x30\x05\x00\xffabc",             // a topic longer than the packet
        b"\x32\x05\x00\x01a\x00\x00",       // packet id 0
        b"\x36\x05\x00\x01a\x00\x01",       // QoS 3
        b"\x82\x02\x00\x01",                // SUBSCRIBE of nothing
        b"\x82\x08\x00\x01\x00\x03#/#\x00", // a bad filter
        b"\x82\x06\x00\x01\x00\x01a\x03",   // subscribe with QoS 3
        b"\x62\x02\x00\x09",                // PUBREL for nothing
        b"\x40\x02\xff\xff",                // PUBACK for nothing
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", // a second CONNECT
        b"\x30\x09\x00\x01a\xff\xff\xff\xff\x7fx", // MQTT 5: endless properties
        b"\x30\x06\x00\x01a\x02\x23\x00",   // MQTT 5: half a topic alias
        b"\x30\x07\x00\x01a\x03\x23\x00\x00", // MQTT 5: topic alias 0
        b"\x30\x07\x00\x00\x03\x23\x00\x09", // MQTT 5: unknown alias, no topic
    ] {
        packets.push((true, rest.to_vec()));
    }
    for connect in [
        &b"\x10\x0c\x00\x04MQTT\x09\x02\x00\x3c\x00\x00"[..], // MQTT 9
        b"\x10\x0c\x00\x04HTTP\x04\x02\x00\x3c\x00\x00",
        b"\x10\x0c\x00\x04MQTT\x04\xff\x00\x3c\x00\x00", // every flag
        b"\x10\x0c\x00\x04MQTT\x04\x04\x00\x3c\x00\x00", // a will that is not there
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\xff\xff", // a client id that is not there
        b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x04\x21\x00\x00\x21\x00\x00", // receive maximum 0
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS on the plain port
    ] {
        packets.push((false, connect.to_vec()));
    }
    packets
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE).expect("the broker listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection whose CONNECT was accepted.
fn connected(addr: SocketAddr, packet: &[u8]) -> TcpStream {
    let mut stream = connect(addr);
    stream.write_all(packet).unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a CONNACK");
    assert_eq!(head[0], 0x20, "CONNACK");
    let mut rest = vec![0; usize::from(head[1])];
    stream.read_exact(&mut rest).unwrap();
    assert_eq!(rest[1], 0, "accepted");
    stream
}

/// Publishes at QoS 1 and gets it back: the broker serves.
fn assert_serves(addr: SocketAddr) {
    let mut stream = connected(addr, CONNECT_V4);
    stream.write_all(b"\x82\x0a\x00\x01\x00\x05alive\x00").unwrap();
    let mut suback = [0; 5];
    stream.read_exact(&mut suback).expect("a SUBACK");
    assert_eq!(suback, *b"\x90\x03\x00\x01\x00");
    stream.write_all(b"\x30\x0a\x00\x05alive!!!").unwrap();
    let mut publish = [0; 12];
    stream.read_exact(&mut publish).expect("the message back");
    assert_eq!(publish, *b"\x30\x0a\x00\x05alive!!!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_packets_leave_it_standing() {
    let broker = broker::start(ANY_PORT).await.unwrap();
    let addr = broker.addr();
    let feed = tokio::task::spawn_blocking(move || {
        let packets = malformed();
        for (n, (after_connect, packet)) in packets.iter().enumerate() {
            let hello = if n % 2 == 0 { CONNECT_V4 } else { CONNECT_V5 };
            let mut stream = if *after_connect { connected(addr, hello) } else { connect(addr) };
            // The broker may hang up in the middle of it; that is its right.
            let _ = stream.write_all(packet);
            let _ = stream.shutdown(Shutdown::Write);
            if n % 256 == 0 {
                assert_serves(addr);
            }
        }
        assert_serves(addr);
        packets.len()
    });
    assert!(feed.await.unwrap() > 2_000);
    assert!(broker.is_running());
    timeout(PATIENCE, broker.stop()).await.expect("a stop in order");
    assert!(TcpStream::connect(addr).is_err(), "stopped means stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bytes_leave_it_standing() {
    let broker = broker::start(ANY_PORT).await.unwrap();
    let addr = broker.addr();
    let feed = tokio::task::spawn_blocking(move || {
        let mut random = fastrand::Rng::with_seed(7);
        for n in 0..500 {
            let mut stream = if n % 2 == 0 { connected(addr, CONNECT_V5) } else { connect(addr) };
            let length = random.usize(1..2_000);
            let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            let _ = stream.write_all(&bytes);
        }
        assert_serves(addr);
    });
    feed.await.unwrap();
    timeout(PATIENCE, broker.stop()).await.expect("a stop in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_packet_ends_only_its_own_connection() {
    let broker = broker::start(ANY_PORT).await.unwrap();
    let addr = broker.addr();
    let feed = tokio::task::spawn_blocking(move || {
        let mut stream = connected(addr, CONNECT_V4);
        let body = vec![b'x'; MAX_PACKET_BYTES + 64];
        let mut length = body.len() + 3;
        let mut packet = vec![0x30];
        while length > 0 {
            let more = if length > 127 { 0x80 } else { 0 };
            packet.push((length % 128) as u8 | more);
            length /= 128;
        }
        packet.extend(b"\x00\x01a");
        packet.extend(&body);
        let _ = stream.write_all(&packet);
        let mut byte = [0];
        let ended = !matches!(stream.read(&mut byte), Ok(1..));
        assert!(ended, "the connection ends");
        assert_serves(addr);
    });
    feed.await.unwrap();
    timeout(PATIENCE, broker.stop()).await.expect("a stop in order");
}

/// A subscriber that never reads, and publishers that never pause: the broker's memory
/// has limits, and a third party is served meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_past_a_client_that_does_not_read_leaves_it_serving() {
    let broker = broker::start(ANY_PORT).await.unwrap();
    let addr = broker.addr();
    let feed = tokio::task::spawn_blocking(move || {
        let mut deaf = connected(addr, CONNECT_V4);
        deaf.write_all(b"\x82\x0a\x00\x01\x00\x05flood\x00").unwrap();
        let mut packet = b"\x30\x87\x08\x00\x05flood".to_vec();
        packet.extend([b'x'; 1_024]);
        let before = resident_bytes();
        let floods: Vec<_> = (0..2)
            .map(|_| {
                let packet = packet.clone();
                std::thread::spawn(move || {
                    let mut stream = connected(addr, CONNECT_V5_FLOOD);
                    // MQTT 5 has a property length after the topic.
                    let mut packet = packet;
                    packet[1] = 0x88;
                    packet.insert(10, 0);
                    for _ in 0..30_000 {
                        if stream.write_all(&packet).is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        assert_serves(addr);
        for flood in floods {
            flood.join().unwrap();
        }
        assert_serves(addr);
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 300 << 20, "the broker grew by {} MiB", grown >> 20);
        drop(deaf);
    });
    feed.await.unwrap();
    timeout(PATIENCE, broker.stop()).await.expect("a stop in order");
}

const CONNECT_V5_FLOOD: &[u8] = CONNECT_V5;

/// This process's memory; the broker is in it.
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4_096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ingest_runs_on_the_embedded_broker_in_both_versions() {
    for protocol in [4, 5] {
        let text = format!(
            "[scene]\npackage = \"x\"\n[mqtt]\nembedded = \"127.0.0.1:0\"\nprotocol = {protocol}\n\
             [[binding]]\ntopic = \"m/{{m}}\"\nentity = {{ tag = \"{{m}}\" }}\ndecode = \"number\"\n\
             [[binding.point]]\nmetric = \"power\"\n"
        );
        let config = Config::parse(Path::new("test.toml"), &text).unwrap();
        let entity = r#"{"id":"M1","kind":"meter","name":"","tags":["EM1"]}"#;
        let scene = Scene::new(vec![serde_json::from_str(entity).unwrap()]).unwrap();
        let (live, mut readings) = mpsc::channel(8);
        let mqtt = config.mqtt.as_ref().unwrap();
        let ingest = Ingest::start(mqtt, &config, Arc::new(scene), live).await.unwrap();
        let addr = ingest.broker.as_ref().unwrap().addr();
        assert_ne!(addr.port(), 0);
        let publish = tokio::spawn(async move {
            loop {
                let send = move || {
                    connected(addr, CONNECT_V4).write_all(b"\x30\x09\x00\x05m/EM142").unwrap();
                };
                tokio::task::spawn_blocking(send).await.unwrap();
                sleep(Duration::from_millis(100)).await;
            }
        });
        let batch = timeout(PATIENCE, readings.recv()).await.expect("a reading").unwrap();
        assert_eq!(batch.readings[0].sample.value, Value::Number(42.0));
        batch.give_receipts().await;
        publish.abort();
        timeout(PATIENCE, ingest.stop()).await.expect("a stop in order");
    }
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let taken = std::net::TcpListener::bind(ANY_PORT).unwrap();
    let addr = taken.local_addr().unwrap();
    let error = broker::start(addr).await.unwrap_err().to_string();
    assert!(error.contains(&addr.to_string()), "{error}");
}
