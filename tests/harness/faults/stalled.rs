//! One viewer of fifty stops reading.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Args, Outcome, rig::Rig};
use crate::load::{cpu, crowd::Crowd, report::Spread, viewer::Form};

const POINTS: u32 = 2000;
const OTHERS: usize = 49;
/// The goal for the others' 99th percentile, beside what it is while all read.
const RATIO: f64 = 1.1;
/// The goal for what is held for the one, KiB.
const HELD_KIB: f64 = 1024.0;

pub(super) fn conflated(args: &Args) -> Result<Outcome> {
    let form = Form::Postcard { max_hz: 10.0, lossless: false };
    stall(args, "stalled viewer, 10 Hz", form)
}

pub(super) fn lossless(args: &Args) -> Result<Outcome> {
    let form = Form::Postcard { max_hz: 10.0, lossless: true };
    stall(args, "stalled viewer, lossless", form)
}

/// What a phase cost: the others' 99th percentile, ms, and the server's memory, KiB.
struct Phase {
    p99_ms: f64,
    resident_kib: f64,
    /// What waits in the kernel for the one, KiB.
    queued_kib: f64,
}

fn phase(rig: &Rig, others: &mut Crowd, one: Option<&mut Crowd>, time: Duration) -> Result<Phase> {
    let pid = rig.server.id().context("the server has ended")?;
    others.latency.reset();
    others.latency.recording = true;
    std::thread::scope(|scope| -> Result<()> {
        let reader = one.map(|one| scope.spawn(move || one.run_for(time)));
        others.run_for(time)?;
        reader.map_or(Ok(()), |reader| reader.join().ok().context("a viewer panicked")?)
    })?;
    others.latency.recording = false;
    let resident_kib = cpu::resident_kib(pid)? as f64;
    Ok(Phase { p99_ms: others.latency.percentile_ms(99.0), resident_kib, queued_kib: 0.0 })
}

/// Bytes that the server has written and the client behind a port has not taken, KiB.
fn queued_kib(server: u16, client: u16) -> Result<f64> {
    let table = std::fs::read_to_string("/proc/net/tcp").context("reading /proc/net/tcp")?;
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    let queue = table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ends = (port(fields.get(1)?)?, port(fields.get(2)?)?);
        let queue = fields.get(4)?.split(':').next()?;
        (ends == (server, client)).then(|| u64::from_str_radix(queue, 16).ok()).flatten()
    });
    Ok(queue.unwrap_or(0) as f64 / 1024.0)
}

fn stall(args: &Args, name: &'static str, form: Form) -> Result<Outcome> {
    let mut rig = Rig::plain(&args.bin, POINTS)?;
    let mut others = rig.crowd(form, OTHERS)?;
    let mut one = rig.crowd(form, 1)?;
    let client = one.ports().first().copied().unwrap_or(0);
    let publisher = rig.publish(1)?;
    // Memory settles: every point is known, every buffer has its size.
    phase(&rig, &mut others, Some(&mut one), Duration::from_secs(5))?;
    let (mut ratios, mut held, mut phases) = (Vec::new(), Vec::new(), Vec::new());
    let mut reading = phase(&rig, &mut others, Some(&mut one), args.phase()?)?;
    for _ in 0..args.pairs {
        let mut stalled = phase(&rig, &mut others, None, args.phase()?)?;
        stalled.queued_kib = queued_kib(rig.server.port, client)?;
        let after = phase(&rig, &mut others, Some(&mut one), args.phase()?)?;
        ratios.push(stalled.p99_ms / reading.p99_ms);
        // The server still fills what it keeps for all, so that it grows from phase to phase:
        // only what is above the line from the phase before to the one after is held.
        let usual_kib = (reading.resident_kib + after.resident_kib) / 2.0;
        held.push((stalled.resident_kib - usual_kib).max(0.0) + stalled.queued_kib);
        phases.push(json!({
            "p99_ms": [reading.p99_ms, stalled.p99_ms, after.p99_ms],
            "resident_kib": [reading.resident_kib, stalled.resident_kib, after.resident_kib],
            "queued_kib": stalled.queued_kib,
        }));
        reading = after;
    }
    let published = publisher.stop()?;
    let all = |crowd: &Crowd| {
        crowd.viewers().iter().map(|v| v.tally().behind(&published.last)).sum::<u64>()
    };
    let caught_up = one.run_while(super::rig::PATIENCE, |one| all(one) > 0)?;
    others.run_while(super::rig::PATIENCE, |others| all(others) > 0)?;
    let gone = [others.gone(), one.gone()].concat();
    let (healthy, said) = rig.healthy()?;
    let (ratio, held) = (Spread::of(ratios), Spread::of(held));
    let median = |spread: Option<Spread>| spread.map_or(f64::INFINITY, |spread| spread.median);

    let done = format!(
        "1 of {} viewers of {POINTS} points at 1 Hz does not read for {} s, {} times",
        OTHERS + 1,
        args.seconds,
        args.pairs
    );
    let mut outcome = Outcome::new(name, done);
    outcome.check("no panic", healthy, said);
    outcome.check("all stay connected", gone.is_empty(), format!("{gone:?} left"));
    outcome.check(
        "once it reads again, it has the latest values",
        caught_up,
        format!("{} points behind", all(&one)),
    );
    outcome.check("the others have them", all(&others) == 0, format!("{} behind", all(&others)));
    outcome.timed(
        "the others' p99 below 1.1 times",
        median(ratio) < RATIO,
        format!("{:.2} times in the median of {} pairs", median(ratio), args.pairs),
    );
    outcome.timed(
        "at most 1 MiB held for it",
        median(held) <= HELD_KIB,
        format!("{:.0} KiB in the median, server and kernel", median(held)),
    );
    outcome.figures = json!({ "phases": phases, "p99_ratio": ratio, "held_kib": held });
    Ok(outcome)
}
