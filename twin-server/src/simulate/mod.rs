//! `twin-server simulate`: believable telemetry for a scene.
//!
//! A pure model (people who walk, and what they set in motion) behind a thin shell that
//! publishes: [`telemetry::Simulation`] turns time into messages, [`publish`] sends them.

pub mod chargers;
pub mod doors;
pub mod energy;
pub mod environment;
pub mod faults;
#[cfg(test)]
mod fixture;
pub mod lifts;
pub mod package;
pub mod people;
pub mod plan;
pub mod population;
pub mod publish;
pub mod pumps;
pub mod rng;
pub mod routes;
pub mod scenario;
pub mod schedule;
pub mod telemetry;
pub mod world;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use plan::Plan;
use scenario::Scenario;
use telemetry::{Pace, Simulation};

const EXAMPLES: &str = "\
Examples:
  twin-server simulate --scenario config/demo-scenario.toml --scene scene --broker mqtt://127.0.0.1:1883
  twin-server simulate --scenario s.toml --broker mqtt://10.0.0.5 --speed 60
  twin-server simulate --scenario s.toml --broker mqtt://10.0.0.5 --rate 10000";

/// Publishes believable telemetry for a scene to a broker, until interrupted.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The scenario file.
    #[arg(long, value_name = "FILE")]
    pub scenario: PathBuf,
    /// The broker to publish to, such as mqtt://127.0.0.1:1883.
    #[arg(long, value_name = "URL")]
    pub broker: String,
    /// The scene package, instead of the one the scenario names.
    #[arg(long, value_name = "DIR")]
    pub scene: Option<PathBuf>,
    /// Publish this many messages a second, spread over all devices: for load.
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// Another seed than the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many seconds of the site's day pass in a second.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub speed: f64,
    /// The site's time of day at the start, instead of the real one.
    #[arg(long, value_name = "HH:MM", value_parser = schedule::parse_time_of_day)]
    pub time: Option<f64>,
}

/// Runs until interrupted.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    ensure!(
        (0.01..=3_600.0).contains(&args.speed),
        "--speed must be from 0.01 to 3600, found {}",
        args.speed
    );
    if let Some(rate) = args.rate {
        ensure!((0.1..=1e6).contains(&rate), "--rate must be from 0.1 to 1000000, found {rate}");
    }
    let mut scenario = Scenario::load(&args.scenario)?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let Some(scene) = args.scene.or_else(|| scenario.scene.clone()) else {
        bail!("{} names no `scene`: add it there or give --scene", args.scenario.display());
    };
    let broker = publish::Broker::parse(&args.broker)?;
    let pace = Pace {
        start: Timestamp::now(),
        speed: args.speed,
        rate: args.rate,
        time_of_day: args.time,
    };
    let simulation = prepare(&scene, scenario.clone(), pace).await?;
    tokio::select! {
        result = publish::publish(simulation, broker, scenario.publish.qos) => result?,
        stopped = tokio::signal::ctrl_c() => stopped.context("waiting for Ctrl-C")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a scene and plays its day up to the start, off the runtime's threads.
pub async fn prepare(scene: &Path, scenario: Scenario, pace: Pace) -> anyhow::Result<Simulation> {
    let scene = scene.to_owned();
    tokio::task::spawn_blocking(move || {
        let (entities, graph) = package::load(&scene)?;
        let plan = Arc::new(Plan::new(&entities, &graph, &scenario.topic_root));
        let mut notes = plan.notes.clone();
        let simulation = Simulation::new(plan, &scenario, pace, &mut notes);
        for note in notes {
            tracing::warn!("simulator: {note}");
        }
        ensure!(
            simulation.devices() > 0,
            "{} holds nothing to simulate: no meter, door, sensor, lift, pump or charger with a \
             Tag",
            scene.display()
        );
        let world = simulation.world();
        tracing::info!(
            devices = simulation.devices(),
            people = world.people.len(),
            spaces = world.plan.spaces.len(),
            "simulator ready"
        );
        Ok(simulation)
    })
    .await
    .context("preparing the simulation")?
}
