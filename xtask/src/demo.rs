//! `cargo xtask demo`: from a fresh clone to a live page.

use std::{process::Command, time::Instant};

use anyhow::{Result, bail};

use crate::{
    paths,
    report::{note, step},
    shell, viewer,
};

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; 0.0.0.0:8080 makes the page visible to the whole network.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The site's time of day at the start: HH:MM, or `now`. Absent: now, but in the morning
    /// where it is night at the site.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Start what was built before.
    #[arg(long)]
    no_build: bool,
}

/// Builds what is out of date and becomes `twin-server demo`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let binary = paths::release().join("twin-server");
    if args.no_build {
        for built in [&binary, &paths::bundle().join("index.html")] {
            if !built.exists() {
                bail!("{} is not there yet: run `cargo xtask demo` once", built.display());
            }
        }
    } else {
        step("build the server", || {
            shell::run(&mut shell::cargo_native("build", &["--bin", "twin-server"]))
        })?;
        viewer::run(&viewer::Args::default())?;
    }
    note(&format!("ready to start after {} s", start.elapsed().as_secs()));
    let mut demo = Command::new(binary);
    demo.arg("demo").arg("--data").arg(paths::target().join("demo"));
    if let Some(listen) = &args.listen {
        demo.args(["--listen", listen]);
    }
    if let Some(time) = &args.time {
        demo.args(["--time", time]);
    }
    shell::replace_with(&mut demo)
}
