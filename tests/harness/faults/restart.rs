//! A broker that goes away and comes back.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use super::{
    Args, Outcome,
    acknowledged::Publisher,
    rig::{CONFLATED, PATIENCE, Rig},
};
use crate::load::{now_us, report::Spread};

const POINTS: u32 = 100;
const PER_SECOND: u32 = 500;
/// The goal for a value published after the restart to be on the screen.
const FRESH_SECS: f64 = 5.0;

pub(super) fn run(args: &Args) -> Result<Outcome> {
    let mut random = fastrand::Rng::with_seed(args.seed);
    let mut rig = Rig::plain(&args.bin, POINTS)?;
    let publisher = Publisher::start(rig.broker_address(), POINTS, PER_SECOND)?;
    let mut viewers = rig.crowd(CONFLATED, 1)?;
    if !viewers.run_while(PATIENCE, |viewers| viewers.newest_ms() == 0)? {
        bail!("no value arrived before the first restart");
    }
    let mut secs = Vec::new();
    let mut late = 0;
    for _ in 0..args.restarts {
        viewers.run_for(Duration::from_millis(random.u64(300..1200)))?;
        rig.broker.stop();
        viewers.run_for(Duration::from_millis(random.u64(50..1500)))?;
        rig.broker.restart()?;
        let (start, back_ms) = (Instant::now(), now_us() / 1000);
        if !viewers.run_while(PATIENCE, |viewers| viewers.newest_ms() < back_ms)? {
            late += 1;
        }
        secs.push(start.elapsed().as_secs_f64());
    }
    let kept = publisher.stop()?;
    let (healthy, said) = rig.healthy()?;
    let gone = viewers.gone();

    let done = format!("{} times, {PER_SECOND} samples/s to {POINTS} points", args.restarts);
    let mut outcome = Outcome::new("broker restart", done);
    outcome.check("no panic", healthy, said);
    outcome.check("viewers stay connected", gone.is_empty(), format!("{gone:?} left"));
    outcome.check(
        "values come again each time",
        late == 0,
        format!("not within {} s in {late} of {}", PATIENCE.as_secs(), args.restarts),
    );
    let worst = secs.iter().copied().fold(0.0, f64::max);
    outcome.timed("fresh within 5 s", worst < FRESH_SECS, format!("{worst:.2} s at most"));
    outcome.figures = json!({
        "restarts": args.restarts,
        "fresh_secs": Spread::of(secs),
        "publisher_connections": kept.connections,
        "acknowledged": kept.acknowledged.len(),
    });
    Ok(outcome)
}
