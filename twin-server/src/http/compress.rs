//! Brotli and gzip: which one a client takes, and a bounded cache of compressed files.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Write},
    sync::Arc,
};

use axum::http::HeaderMap;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OnceCell, Semaphore};

/// How an answer's body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    /// Not at all.
    Identity,
    /// `gzip`.
    Gzip,
    /// `br`.
    Brotli,
}

impl Encoding {
    /// The best one the client takes.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all("accept-encoding").iter();
        let mut best = Self::Identity;
        for offer in accepted.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')) {
            let (name, q) = offer.split_once(';').unwrap_or((offer, ""));
            let refused = q.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
            match name.trim() {
                "br" if !refused => return Self::Brotli,
                "gzip" if !refused => best = Self::Gzip,
                _ => {}
            }
        }
        best
    }

    /// Name in `Content-Encoding`.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    /// Suffix of a file packed this way.
    pub(crate) fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(".gz"),
            Self::Brotli => Some(".br"),
        }
    }

    /// Packs a body. Brotli's middle level: a tile in some ten milliseconds, and within a
    /// few percent of the best.
    pub(crate) fn compress(self, body: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => {
                let mut out =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
                out.write_all(&body)?;
                out.finish()
            }
            Self::Brotli => {
                let mut out = Vec::with_capacity(body.len() / 2);
                let mut packer = brotli::CompressorWriter::new(&mut out, 64 * 1024, 5, 22);
                packer.write_all(&body)?;
                drop(packer);
                Ok(out)
            }
        }
    }
}

/// Compressed bodies by name, at most so many bytes; the oldest leave first.
#[derive(Debug)]
pub(crate) struct Cache {
    max_bytes: usize,
    state: Mutex<State>,
    /// How many bodies are compressed at a time: the telemetry keeps a core.
    workers: Semaphore,
}

type Slot = Arc<OnceCell<Bytes>>;

#[derive(Debug, Default)]
struct State {
    slots: HashMap<String, Slot>,
    order: VecDeque<(String, usize)>,
    bytes: usize,
}

impl Cache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, state: Mutex::default(), workers: Semaphore::new(2) }
    }

    /// The body under this name, packed; made by `load` where it is not in the cache.
    /// Whoever asks while it is being made waits for it.
    pub(crate) async fn get<F>(&self, name: &str, encoding: Encoding, load: F) -> io::Result<Bytes>
    where
        F: FnOnce() -> io::Result<Vec<u8>> + Send + 'static,
    {
        let key = format!("{name}{}", encoding.suffix().unwrap_or_default());
        let slot = Arc::clone(self.state.lock().slots.entry(key.clone()).or_default());
        let made = slot.get_or_try_init(async || {
            let _permit = self.workers.acquire().await.map_err(io::Error::other)?;
            let work = move || load().and_then(|body| encoding.compress(body));
            let body = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)??;
            let body = Bytes::from(body);
            self.keep(key.clone(), body.len());
            Ok(body)
        });
        let made: io::Result<&Bytes> = made.await;
        if made.is_err() {
            self.state.lock().slots.remove(&key);
        }
        made.cloned()
    }

    fn keep(&self, key: String, bytes: usize) {
        let mut state = self.state.lock();
        state.bytes += bytes;
        state.order.push_back((key, bytes));
        while state.bytes > self.max_bytes {
            let Some((oldest, bytes)) = state.order.pop_front() else { break };
            state.bytes -= bytes;
            state.slots.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn takes_the_best_the_client_offers() {
        let pick = |offer: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("accept-encoding", offer.parse().unwrap());
            Encoding::negotiate(&headers)
        };
        assert_eq!(pick("gzip, deflate, br;q=0.9"), Encoding::Brotli);
        assert_eq!(pick("gzip, br;q=0"), Encoding::Gzip);
        assert_eq!(pick("deflate"), Encoding::Identity);
        assert_eq!(Encoding::negotiate(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn packs_what_unpacks_again() {
        let body: Vec<u8> = (0..100_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let brotli = Encoding::Brotli.compress(body.clone()).unwrap();
        assert!(brotli.len() < body.len() / 2);
        let mut unpacked = Vec::new();
        brotli::Decompressor::new(&brotli[..], 4096).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, body);
        let gzip = Encoding::Gzip.compress(body.clone()).unwrap();
        unpacked.clear();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, body);
    }

    #[tokio::test]
    async fn makes_a_body_once_and_forgets_the_oldest() {
        let cache = Cache::new(150);
        let body = |size: usize| move || Ok(vec![7; size]);
        let never = || Err(io::Error::other("made twice"));
        cache.get("a", Encoding::Identity, body(100)).await.unwrap();
        assert_eq!(cache.get("a", Encoding::Identity, never).await.unwrap().len(), 100);
        cache.get("b", Encoding::Identity, body(100)).await.unwrap();
        assert!(cache.get("a", Encoding::Identity, never).await.is_err());
        assert_eq!(cache.get("a", Encoding::Identity, body(10)).await.unwrap().len(), 10);
    }
}
