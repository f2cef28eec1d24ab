//! One payload in ten is not what it should be.

use std::{
    io::Write,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::json;

use super::{
    Args, Outcome,
    rig::{PATIENCE, Rig},
};
use crate::{
    load::{crowd::Crowd, mqtt, publisher, report::Spread, site, viewer::Form},
    wait,
};

const POINTS: u32 = 1000;
const VIEWERS: usize = 10;
/// Malformed payloads a second: 10 % of all, beside one good one a point.
const BAD_PER_SECOND: u64 = POINTS as u64 / 9;
/// The goal for the 99th percentile of the good ones, beside what it is without bad ones.
const RATIO: f64 = 1.2;

/// Every way a device gets it wrong: cut, of another type, empty, not text, too deep, too long.
fn payloads() -> Vec<Vec<u8>> {
    vec![
        b"{\"ts\":17642931".to_vec(),
        b"{\"ts\":\"yesterday\",\"v\":\"full\"}".to_vec(),
        Vec::new(),
        vec![0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28],
        b"{\"v\":{\"v\":{\"v\":[[[[[[]]]]]]}}}".to_vec(),
        "[".repeat(20_000).into_bytes(),
        b"{\"ts\":1e400,\"v\":1e400}".to_vec(),
        b"{\"ts\":1764293123456}".to_vec(),
        b"<xml>21.5</xml>".to_vec(),
        format!("{{\"v\":\"{}\"}}", "x".repeat(60_000)).into_bytes(),
    ]
}

/// Sends bad payloads to bound topics until told to stop; how many.
fn spoil(broker: SocketAddr, stop: &AtomicBool) -> Result<u64> {
    let mut stream = publisher::open(broker, "spoiler")?;
    let payloads = payloads();
    let start = Instant::now();
    let (mut sent, mut packet) = (0u64, Vec::new());
    while !stop.load(Relaxed) {
        let due = start.elapsed().as_millis() as u64 * BAD_PER_SECOND / 1000;
        while sent < due {
            packet.clear();
            let topic = site::topic((sent % u64::from(POINTS)) as u32);
            let payload = &payloads[sent as usize % payloads.len()];
            mqtt::publish(&mut packet, topic.as_bytes(), payload, None);
            stream.write_all(&packet)?;
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(sent)
}

/// 99th percentile of a phase, ms.
fn phase(viewers: &mut Crowd, time: Duration) -> Result<f64> {
    viewers.latency.reset();
    viewers.latency.recording = true;
    viewers.run_for(time)?;
    viewers.latency.recording = false;
    Ok(viewers.latency.percentile_ms(99.0))
}

pub(super) fn run(args: &Args) -> Result<Outcome> {
    let mut rig = Rig::plain(&args.bin, POINTS)?;
    let publisher = rig.publish(1)?;
    let mut viewers = rig.crowd(Form::Postcard { max_hz: 10.0, lossless: true }, VIEWERS)?;
    viewers.run_for(Duration::from_secs(2))?;
    let (mut bad, mut ratios, mut pairs) = (0, Vec::new(), Vec::new());
    for _ in 0..args.pairs {
        let clean = phase(&mut viewers, args.phase()?)?;
        let (stop, broker) = (AtomicBool::new(false), rig.broker_address());
        let (spoiled, sent) = std::thread::scope(|scope| -> Result<_> {
            let spoiler = scope.spawn(|| spoil(broker, &stop));
            let spoiled = phase(&mut viewers, args.phase()?);
            stop.store(true, Relaxed);
            let sent = spoiler.join().ok().context("the spoiler panicked")??;
            Ok((spoiled?, sent))
        })?;
        bad += sent;
        pairs.push([clean, spoiled]);
        ratios.push(spoiled / clean);
    }
    publisher.stop()?;
    let rejected = || -> Result<u64> {
        Ok(rig.json("api/v1/bindings")?["rejected"]["total"].as_u64().unwrap_or(0))
    };
    // A payload may be rejected for more than one reason, and never for none.
    let told = wait::until(PATIENCE, "the board to tell of them", || {
        let told = rejected()?;
        Ok((told >= bad).then_some(told))
    });
    let seen = match &told {
        Ok(told) => format!("{told} rejections for {bad} bad payloads"),
        Err(error) => format!("{error:#}: {} for {bad}", rejected()?),
    };
    let (healthy, said) = rig.healthy()?;
    let ratio = Spread::of(ratios);
    let median = ratio.map_or(f64::INFINITY, |ratio| ratio.median);

    let done = format!(
        "{bad} beside 9 times as many good ones, {POINTS} points, {VIEWERS} lossless viewers"
    );
    let mut outcome = Outcome::new("malformed payloads", done);
    outcome.check("no panic", healthy, said);
    outcome.check("each is listed as rejected", told.is_ok(), seen);
    let gone = viewers.gone();
    outcome.check("viewers stay connected", gone.is_empty(), format!("{gone:?} left"));
    outcome.timed(
        "p99 of the good ones below 1.2 times",
        median < RATIO,
        format!("{median:.2} times in the median of {} pairs", pairs.len()),
    );
    outcome.figures = json!({ "bad": bad, "p99_ms_clean_and_spoiled": pairs, "ratio": ratio });
    Ok(outcome)
}
