//! `twin-server demo`: the demo campus in one process: model, broker, simulator, server.

mod campus;

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::{
    broker::{self, BrokerHandle},
    cause,
    config::{BrokerChoice, Config},
    serve::{self, Server},
    simulate::{
        self,
        publish::{self, Broker},
        scenario::Scenario,
        schedule::{self, Clock, Local},
        telemetry::Pace,
    },
};

/// The demo's configuration and scenario travel in the binary: it runs without the repository.
const CONFIG: &str = include_str!("../../config/demo.toml");
const SCENARIO: &str = include_str!("../../config/demo-scenario.toml");

const EXAMPLES: &str = "\
Examples:
  twin-server demo
  twin-server demo --listen 0.0.0.0:8080     for the whole network
  twin-server demo --time 18:30              the evening, whatever time it is
  twin-server demo --speed 60                a day in 24 minutes";

/// Runs the demo campus: model, broker, simulator and server in one process.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where the campus is kept from one start to the next; absent: the user's cache folder.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// About how many elements the campus has; absent: the demo's own size.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub elements: Option<u64>,
    /// How many seconds of the site's day pass in a second.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub speed: f64,
    /// The site's time of day at the start: HH:MM, or `now`. Absent: now, but in the morning
    /// where it is night at the site.
    #[arg(long, value_name = "TIME", value_parser = parse_start)]
    pub time: Option<StartTime>,
}

/// Which time of day the demo starts at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StartTime {
    /// The real one.
    Now,
    /// This one, seconds of the day.
    At(f64),
}

fn parse_start(text: &str) -> Result<StartTime, String> {
    match text {
        "now" => Ok(StartTime::Now),
        time => schedule::parse_time_of_day(time).map(StartTime::At),
    }
}

/// Runs until interrupted.
///
/// # Errors
/// Where the address is taken, the campus cannot be made, or a part does not start.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let demo = Demo::start(args).await?;
    writeln!(std::io::stdout(), "\n  {}\n", demo.url()).context("printing the address")?;
    serve::interrupted().await;
    demo.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A running demo.
#[derive(Debug)]
pub struct Demo {
    server: Server,
    broker: BrokerHandle,
    simulator: JoinHandle<()>,
}

impl Demo {
    /// Makes the campus where it is not there yet, then starts broker, server and simulator.
    ///
    /// # Errors
    /// Where the address is taken, the campus cannot be made, or a part does not start.
    pub async fn start(args: Args) -> anyhow::Result<Self> {
        let speeds = 0.01..=3_600.0;
        ensure!(speeds.contains(&args.speed), "--speed must be from 0.01 to 3600");
        is_free(args.listen)?;
        let data = match args.data {
            Some(data) => data,
            None => campus::cache_folder()?.join("twin-demo"),
        };
        let scene = {
            let (data, elements) = (data.clone(), args.elements);
            let make = move || campus::prepare(&data, elements);
            tokio::task::spawn_blocking(make).await.context("making the campus")??
        };
        let broker = broker::start(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let server = Server::start(config(&data, scene.clone(), args.listen, broker.addr())?)
            .await
            .with_context(|| format!("starting on {}", args.listen))?;
        let simulator = simulator(scene, broker.addr(), args.speed, args.time)?;
        Ok(Self { server, broker, simulator })
    }

    /// The address to open in a browser.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where devices publish.
    pub fn broker(&self) -> SocketAddr {
        self.broker.addr()
    }

    /// Ends everything, against the flow of the data.
    pub async fn stop(self) {
        self.simulator.abort();
        self.server.stop().await;
        self.broker.stop().await;
    }
}

/// The import takes a while: a port that is taken is better said before it.
fn is_free(listen: SocketAddr) -> anyhow::Result<()> {
    TcpListener::bind(listen).map(drop).with_context(|| {
        format!(
            "{listen} cannot be listened on; name another address, such as --listen {}",
            SocketAddr::new(listen.ip(), if listen.port() == 8090 { 8091 } else { 8090 })
        )
    })
}

/// The demo's configuration, with what only this start knows.
fn config(
    data: &Path,
    scene: PathBuf,
    listen: SocketAddr,
    broker: SocketAddr,
) -> anyhow::Result<Config> {
    let mut config = Config::parse(&data.join("demo.toml"), CONFIG)?;
    config.scene.package = scene;
    config.http.listen = listen;
    let mqtt = config.mqtt.as_mut().context("config/demo.toml has no [mqtt]")?;
    // To the server it is a broker like any other: this process runs it, for the port's sake.
    mqtt.broker =
        BrokerChoice::Remote { host: broker.ip().to_string(), port: broker.port(), tls: false };
    Ok(config)
}

/// The simulator publishes through the broker, as devices do; the page is there before it.
fn simulator(
    scene: PathBuf,
    broker: SocketAddr,
    speed: f64,
    time: Option<StartTime>,
) -> anyhow::Result<JoinHandle<()>> {
    let scenario = Scenario::parse(SCENARIO, Path::new("demo-scenario.toml"))?;
    let broker = Broker { host: broker.ip().to_string(), port: broker.port(), login: None };
    let start = Timestamp::now();
    let time_of_day = time_of_day(time, Clock::new(start, scenario.utc_offset).local(0.0));
    let pace = Pace { start, speed, rate: None, time_of_day };
    Ok(tokio::spawn(async move {
        let qos = scenario.publish.qos;
        let result = match simulate::prepare(&scene, scenario, pace).await {
            Ok(simulation) => publish::publish(simulation, broker, qos).await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::error!("the simulator ended: {}", cause::line(&error));
        }
    }))
}

/// A campus asleep shows little: at night the demo plays the morning, and says so.
fn time_of_day(asked: Option<StartTime>, local: Local) -> Option<f64> {
    const MORNING_SECS: f64 = 9.2 * 3_600.0;
    match asked {
        Some(StartTime::Now) => None,
        Some(StartTime::At(secs)) => Some(secs),
        None if (7.0..21.5).contains(&local.hour()) => None,
        None => {
            tracing::info!("it is night at the site: playing from 09:12; `--time now` for night");
            Some(MORNING_SECS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_at_night_plays_the_morning_unless_told_otherwise() {
        let hour = |hour: f64| Local { day: 0, secs: hour * 3_600.0 };
        assert_eq!(time_of_day(None, hour(15.0)), None);
        assert_eq!(time_of_day(None, hour(2.0)), Some(33_120.0));
        assert_eq!(time_of_day(parse_start("now").ok(), hour(2.0)), None);
        assert_eq!(time_of_day(parse_start("20:30").ok(), hour(15.0)), Some(73_800.0));
        assert!(parse_start("soon").is_err());
    }

    #[test]
    fn what_travels_in_the_binary_is_sound() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = config(Path::new("/d"), "/d/scene".into(), any, any).unwrap();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let scenario = Scenario::parse(SCENARIO, Path::new("demo-scenario.toml")).unwrap();
        assert!(!scenario.faults.is_empty());
    }

    #[test]
    fn a_taken_port_is_named_with_the_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = format!("{:#}", is_free(address).unwrap_err());
        assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
    }
}
