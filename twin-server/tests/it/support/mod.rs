//! What the tests of several subjects need.

pub(crate) mod bench;
pub(crate) mod mosquitto;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod retention_suite;
pub(crate) mod server;
pub(crate) mod socket;
pub(crate) mod store_suite;

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// What a busy machine may take before a test calls it a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A port for a program that has to be told one; each is given out once.
///
/// They lie below those that Linux gives to connections and to whoever asks for any port:
/// one of those could be taken by another test before the program listens on it, or while
/// the program restarts.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Several runs at a time begin at different places.
    let place = || std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Relaxed));
    let mut ports = (0..COUNT).map(|_| u16::try_from(FIRST + place() % COUNT).unwrap());
    ports.find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()).unwrap()
}

/// Waits for what is bound to happen.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
