//! The server's clock jumps, forwards and back.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{
    Args, Outcome,
    rig::{CONFLATED, Rig},
};
use crate::{load::now_us, process::Launch};

const POINTS: u32 = 100;
/// How far it jumps, s.
const JUMP_SECS: i64 = 3600;
/// How soon every point must go on.
const FRESH: Duration = Duration::from_secs(5);

/// Debian's, for programs with threads.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// The server's own clock, in a file: `+0` is the true one.
struct Clock(PathBuf);

impl Clock {
    fn set(&self, offset_secs: i64) -> Result<()> {
        // Swapped in: it is read at every look at the clock.
        let new = self.0.with_extension("new");
        std::fs::write(&new, format!("{offset_secs:+}\n"))?;
        Ok(std::fs::rename(new, &self.0)?)
    }
}

fn launch(folder: &Path) -> Result<Launch> {
    let Some(library) = LIBRARIES.iter().find(|path| Path::new(path).exists()) else {
        bail!("libfaketime is missing: apt-get install libfaketime");
    };
    let clock = folder.join("clock");
    std::fs::write(&clock, "+0\n")?;
    let env = [
        ("LD_PRELOAD", (*library).to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // Only the wall clock jumps; the monotonic one is made not to.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let env = env.map(|(key, value)| (key.to_owned(), value)).into();
    Ok(Launch { env, ..Launch::default() })
}

/// Qualities of all points, and how far in the future the youngest source time is, by the
/// clock the server shows, s.
fn state(rig: &Rig) -> Result<(Vec<String>, f64)> {
    let state = rig.json("api/v1/state")?;
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let Some(now) = time(&state["t"]) else { bail!("the state has no time: {state}") };
    let points = state["points"].as_array().cloned().unwrap_or_default();
    let ahead = points
        .iter()
        .filter_map(|point| time(&point["t"]))
        .map(|t| t.as_millisecond() - now.as_millisecond())
        .max();
    let mut qualities: Vec<String> =
        points.iter().filter_map(|point| point["q"].as_str().map(str::to_owned)).collect();
    qualities.sort();
    qualities.dedup();
    Ok((qualities, ahead.unwrap_or(0) as f64 / 1000.0))
}

pub(super) fn run(args: &Args) -> Result<Outcome> {
    let mut rig = Rig::start(&args.bin, POINTS, launch)?;
    let clock = Clock(rig.folder.path().join("clock"));
    let publisher = rig.publish(5)?;
    let mut viewers = rig.crowd(CONFLATED, 2)?;
    let done =
        format!("the server's clock, {JUMP_SECS} s forwards, back, {JUMP_SECS} s backwards, back");
    let mut outcome = Outcome::new("clock jump", done);
    let mut figures = Vec::new();
    let steps = [
        ("true time", 0),
        ("an hour ahead", JUMP_SECS),
        ("true time again", 0),
        ("an hour behind", -JUMP_SECS),
        ("true time at last", 0),
    ];
    for (name, offset_secs) in steps {
        clock.set(offset_secs)?;
        viewers.run_for(Duration::from_millis(1500))?;
        let since_ms = now_us() / 1000;
        let fresh = viewers.run_while(FRESH, |viewers| viewers.older_than(since_ms) > 0)?;
        let behind = viewers.older_than(since_ms);
        outcome.check(
            &format!("{name}: values go on"),
            fresh,
            format!("{behind} points stand still after 5 s"),
        );
        let (qualities, ahead_secs) = state(&rig)?;
        figures.push(json!({ "step": name, "qualities": qualities, "ahead_secs": ahead_secs }));
        if offset_secs < 0 {
            outcome.check(
                &format!("{name}: what its clock cannot explain is marked"),
                qualities == ["uncertain"],
                format!("qualities {qualities:?}, source times {ahead_secs:.0} s ahead"),
            );
        } else if offset_secs == 0 {
            outcome.check(
                &format!("{name}: ages are sane"),
                qualities == ["good"] && ahead_secs < 1.0,
                format!("qualities {qualities:?}, source times {ahead_secs:.1} s ahead"),
            );
        }
    }
    publisher.stop()?;
    let (healthy, said) = rig.healthy()?;
    outcome.check("no panic", healthy, said);
    let gone = viewers.gone();
    outcome.check("viewers stay connected", gone.is_empty(), format!("{gone:?} left"));
    outcome.figures = json!(figures);
    Ok(outcome)
}
