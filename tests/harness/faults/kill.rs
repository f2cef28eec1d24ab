//! kill -9 at random moments under QoS 1 load.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{
    Args, Outcome,
    acknowledged::Publisher,
    past,
    rig::{PATIENCE, Rig},
};

const POINTS: u32 = 100;
const PER_SECOND: u32 = 500;
/// The goal for being ready after a start.
const READY: Duration = Duration::from_secs(5);

pub(super) fn run(args: &Args) -> Result<Outcome> {
    let mut random = fastrand::Rng::with_seed(args.seed);
    let mut rig = Rig::plain(&args.bin, POINTS)?;
    let publisher = Publisher::start(rig.broker_address(), POINTS, PER_SECOND)?;
    let (mut slowest, mut panics) = (Duration::ZERO, 0);
    for _ in 0..args.kills {
        std::thread::sleep(Duration::from_millis(random.u64(50..1500)));
        if !rig.healthy()?.0 {
            panics += 1;
        }
        rig.server.kill();
        let start = Instant::now();
        rig.server.restart()?;
        rig.ready(PATIENCE)?;
        slowest = slowest.max(start.elapsed());
    }
    let kept = publisher.stop()?;
    let acknowledged = &kept.acknowledged;
    // What the broker still holds for the server has to get there.
    let end = Instant::now() + PATIENCE;
    let mut left = past::missing(&rig, POINTS, acknowledged)?;
    while left.0 > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(500));
        left = past::missing(&rig, POINTS, acknowledged)?;
    }
    let (missing, doubled) = left;
    let done = format!(
        "{} times at random moments, {PER_SECOND} samples/s QoS 1 to {POINTS} points",
        args.kills
    );
    let mut outcome = Outcome::new("kill -9", done);
    let seen = format!("{missing} of {} are not in the history", acknowledged.len());
    outcome.check("no acknowledged sample is lost", missing == 0, seen);
    outcome.check(
        "the load went on",
        acknowledged.len() as u64 * 10 > kept.sent * 9 && !acknowledged.is_empty(),
        format!("{} of {} samples acknowledged", acknowledged.len(), kept.sent),
    );
    outcome.check("no sample is kept twice", doubled == 0, format!("{doubled} are"));
    outcome.check("no panic between", panics == 0, format!("{panics} of {} runs", args.kills));
    let seen = format!("{:.2} s at most", slowest.as_secs_f64());
    outcome.timed("ready within 5 s of each start", slowest < READY, seen);
    outcome.figures = json!({
        "kills": args.kills,
        "acknowledged": acknowledged.len(),
        "sent": kept.sent,
        "missing": missing,
        "doubled": doubled,
        "slowest_ready_secs": slowest.as_secs_f64(),
    });
    Ok(outcome)
}
