//! The embedded store: how fast it takes samples, how few bytes it needs, how soon it
//! answers.
//!
//! - `ingest`: readings of slowly changing meters, in batches as ingest makes them, as fast
//!   as asked (`TWIN_BENCH_RATE`, samples/s; 50,000), for `TWIN_BENCH_SECS` (20; 600 for
//!   the long run). Every batch is awaited as acknowledgements are. Memory is read from
//!   the process each second.
//! - `month`: 30 days of 10,000 points, one sample every `TWIN_BENCH_EVERY` seconds (600;
//!   60 for the full one), then the whole scene at random moments, and series.
//!
//! `cargo bench -p twin-server --bench history`

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a bench may")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::json;
use twin_model::{EntityId, PointKey, Quality, Sample, Value};
use twin_server::{
    history::{
        Store,
        embedded::{EmbeddedStore, Tuning},
        retention::Retention,
    },
    reading::Reading,
};

const POINTS: usize = 10_000;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Repeatable numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Meters whose values wander by tenths, and whose messages take some milliseconds.
struct Site {
    entities: Vec<EntityId>,
    metric: Arc<str>,
    unit: Arc<str>,
    values: Vec<i64>,
    random: Random,
}

impl Site {
    fn new() -> Self {
        let mut random = Random(7);
        Self {
            entities: (0..POINTS)
                .map(|n| EntityId::new(format!("0meter0000000000{n:06}")))
                .collect(),
            metric: "power".into(),
            unit: "kW".into(),
            values: (0..POINTS).map(|_| 200 + random.below(800) as i64).collect(),
            random,
        }
    }

    fn reading(&mut self, point: usize, source_ms: i64) -> Reading {
        self.values[point] += self.random.below(5) as i64 - 2;
        let time = |ms| Timestamp::from_millisecond(ms).unwrap();
        let receive_ms = source_ms + 5 + self.random.below(15) as i64;
        Reading {
            entity: self.entities[point].clone(),
            metric: Arc::clone(&self.metric),
            unit: Arc::clone(&self.unit),
            stale_after: Some(Duration::from_secs(90)),
            sample: Sample {
                value: Value::Number(self.values[point] as f64 / 10.0),
                source_time: time(source_ms),
                receive_time: time(receive_ms),
                quality: Quality::Good,
            },
        }
    }
}

fn rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the bench runs on Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn percentiles(mut spans: Vec<f64>) -> serde_json::Value {
    spans.sort_by(f64::total_cmp);
    let at = |p: f64| spans.get(((spans.len() as f64 - 1.0) * p).round() as usize).copied();
    json!({ "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": at(1.0) })
}

fn folder_bytes(dir: &Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Samples at a steady rate, each batch awaited.
async fn ingest(dir: &Path) -> serde_json::Value {
    let (rate, secs) = (setting("TWIN_BENCH_RATE", 50_000), setting("TWIN_BENCH_SECS", 20));
    const TICKS: u64 = 50;
    let store =
        Arc::new(EmbeddedStore::open(dir, Retention::forever(), Tuning::default()).unwrap());
    let mut site = Site::new();
    let (begun, cpu) = (Instant::now(), cpu_secs());
    let start_ms = Timestamp::now().as_millisecond();
    let batch = (rate / TICKS) as usize;
    let (mut latencies, mut memory, mut point, mut behind) = (Vec::new(), Vec::new(), 0, 0.0f64);
    for tick in 0..secs * TICKS {
        let due = Duration::from_millis(tick * 1000 / TICKS);
        if let Some(early) = due.checked_sub(begun.elapsed()) {
            tokio::time::sleep(early).await;
        }
        let source_ms = start_ms + due.as_millis() as i64;
        let readings = (0..batch)
            .map(|_| {
                point = (point + 1) % POINTS;
                site.reading(point, source_ms)
            })
            .collect();
        let asked = Instant::now();
        store.append(readings).await.unwrap();
        latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
        behind = behind.max(begun.elapsed().saturating_sub(due).as_secs_f64());
        if tick % TICKS == 0 {
            memory.push(rss_mib());
        }
    }
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu_secs() - cpu);
    let info = store.info().await.unwrap();
    drop(store);
    let samples = info.packed_samples + info.pending_samples;
    let opened = Instant::now();
    drop(EmbeddedStore::open(dir, Retention::forever(), Tuning::default()).unwrap());
    json!({
        "asked_samples_per_s": rate,
        "samples": samples,
        "samples_per_s": samples as f64 / wall,
        "wall_s": wall,
        "cpu_s": cpu,
        "cpu_us_per_sample": cpu * 1e6 / samples as f64,
        "most_behind_s": behind,
        "commit": percentiles(latencies),
        "rss_mib_each_second": memory,
        "packed_samples": info.packed_samples,
        "bytes_per_packed_sample": (info.chunk_bytes + info.run_bytes) as f64 / info.packed_samples as f64,
        "chunk_bytes": info.chunk_bytes,
        "index_bytes": info.run_bytes,
        "folder_bytes": folder_bytes(dir),
        "open_ms": opened.elapsed().as_secs_f64() * 1000.0,
    })
}

/// A month of a site, then questions about it.
async fn month(dir: &Path) -> serde_json::Value {
    const DAYS: i64 = 30;
    let every_ms = setting("TWIN_BENCH_EVERY", 600) as i64 * 1000;
    let store = EmbeddedStore::open(dir, Retention::forever(), Tuning::default()).unwrap();
    let mut site = Site::new();
    let start_ms = 1_770_000_000_000;
    let rounds = DAYS * 86_400_000 / every_ms;
    let begun = Instant::now();
    for round in 0..rounds {
        let readings = (0..POINTS)
            // Each at a moment of its own, as a site does.
            .map(|point| {
                site.reading(
                    point,
                    start_ms + round * every_ms + point as i64 * every_ms / POINTS as i64,
                )
            })
            .collect();
        store.append(readings).await.unwrap();
    }
    let built = begun.elapsed().as_secs_f64();
    // Whoever measures on a busy machine can make it quiet now.
    println!("month: built in {built:.0} s");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let info = store.info().await.unwrap();
    let mut random = Random(3);
    let mut any = || start_ms + random.below((DAYS * 86_400_000) as u64) as i64;
    let time = |ms| Timestamp::from_millisecond(ms).unwrap();
    let mut states = Vec::new();
    for _ in 0..40 {
        let asked = Instant::now();
        let state = store.state_at(time(any())).await.unwrap();
        states.push(asked.elapsed().as_secs_f64() * 1000.0);
        assert!(state.len() > POINTS * 9 / 10);
    }
    let mut series = serde_json::Map::new();
    for (name, hours) in [("hour", 1), ("day", 24), ("month", 24 * DAYS)] {
        let mut spans = Vec::new();
        for n in 0..20 {
            let key = PointKey::new(site.entities[n * 397 % POINTS].clone(), "power");
            let from = if hours == 24 * DAYS { start_ms } else { any() };
            let asked = Instant::now();
            let range = time(from)..time(from + hours * 3_600_000);
            store.series(&key, range, 2_000).await.unwrap();
            spans.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        series.insert(name.to_owned(), percentiles(spans));
    }
    let mut pages = Vec::new();
    let mut after = None;
    let from = any().min(start_ms + (DAYS - 2) * 86_400_000);
    for _ in 0..20 {
        let asked = Instant::now();
        let page = store.page(time(from)..time(from + 86_400_000), after, 10_000).await.unwrap();
        pages.push(asked.elapsed().as_secs_f64() * 1000.0);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    json!({
        "points": POINTS,
        "days": DAYS,
        "seconds_between_samples": every_ms / 1000,
        "samples": info.packed_samples + info.pending_samples,
        "built_s": built,
        "bytes_per_packed_sample": (info.chunk_bytes + info.run_bytes) as f64 / info.packed_samples as f64,
        "folder_bytes": folder_bytes(dir),
        "state_at": percentiles(states),
        "series": series,
        "page_of_10000": percentiles(pages),
    })
}

#[tokio::main]
async fn main() {
    let only = std::env::var("TWIN_BENCH_ONLY").unwrap_or_default();
    let mut result = serde_json::Map::new();
    for name in ["ingest", "month"] {
        if !only.is_empty() && only != name {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let figures =
            if name == "ingest" { ingest(dir.path()).await } else { month(dir.path()).await };
        println!("{name}: {}", serde_json::to_string_pretty(&figures).unwrap());
        result.insert(name.to_owned(), figures);
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(PathBuf::from).unwrap();
    let out = target.join("bench");
    std::fs::create_dir_all(&out).unwrap();
    std::fs::write(out.join("history.json"), serde_json::to_string_pretty(&result).unwrap())
        .unwrap();
}
