//! `twin-load stream`: every system under every load, interleaved, several times.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{
    cell::{Bench, Contender, Load},
    cpu,
    report::{Report, Run},
    systems::System,
    viewer::Form,
};

/// Compares our server with MQTT over WebSocket, side by side.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where `twin-server` lies.
    #[arg(long, default_value = "target/release")]
    pub bin: PathBuf,
    /// Where `stream.json` goes.
    #[arg(long, default_value = "target/bench")]
    pub out: PathBuf,
    /// Times that every cell is measured.
    #[arg(long, default_value_t = 5)]
    pub repetitions: usize,
    /// Time counted in each measurement, s.
    #[arg(long, default_value_t = 8.0)]
    pub seconds: f64,
    /// Time before counting begins, s.
    #[arg(long, default_value_t = 2.0)]
    pub warm_up: f64,
    /// Numbers of viewers.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 50, 200])]
    pub viewers: Vec<usize>,
    /// Loads, as POINTSxHZ.
    #[arg(long, value_delimiter = ',', default_values = ["2000x1", "200x30"], value_parser = load)]
    pub loads: Vec<(u32, u32)>,
    /// Only contenders whose name holds one of these words.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Connections the points are published over.
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    /// Processor of the servers; generator and viewers share the other.
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// Processor of the generator and the viewers.
    #[arg(long, default_value_t = 1)]
    pub generator_core: usize,
}

fn load(text: &str) -> Result<(u32, u32)> {
    let (points, hz) = text.split_once('x').context("a load is POINTSxHZ, such as 2000x1")?;
    let (points, hz) = (points.parse()?, hz.parse()?);
    if points == 0 || hz == 0 || points > 200_000 {
        bail!("a load has 1 to 200000 points and 1 Hz or more");
    }
    Ok((points, hz))
}

/// Rate that conflated viewers ask for.
const CONFLATED_HZ: f32 = 10.0;

/// All that are compared; the first is what the others are measured by.
pub const CONTENDERS: &[Contender] = &[
    Contender { name: "mosquitto", system: System::Mosquitto, form: Form::Mqtt },
    Contender { name: "nats", system: System::Nats, form: Form::Mqtt },
    Contender {
        name: "twin lossless",
        system: System::Twin,
        form: Form::Postcard { max_hz: CONFLATED_HZ, lossless: true },
    },
    Contender {
        name: "twin 10 Hz",
        system: System::Twin,
        form: Form::Postcard { max_hz: CONFLATED_HZ, lossless: false },
    },
    Contender {
        name: "twin json lossless",
        system: System::Twin,
        form: Form::Json { max_hz: CONFLATED_HZ, lossless: true },
    },
    Contender {
        name: "twin json 10 Hz",
        system: System::Twin,
        form: Form::Json { max_hz: CONFLATED_HZ, lossless: false },
    },
    Contender {
        name: "twin-history lossless",
        system: System::TwinHistory,
        form: Form::Postcard { max_hz: CONFLATED_HZ, lossless: true },
    },
    Contender {
        name: "twin-embedded lossless",
        system: System::TwinEmbedded,
        form: Form::Postcard { max_hz: CONFLATED_HZ, lossless: true },
    },
    Contender {
        name: "twin-embedded 10 Hz",
        system: System::TwinEmbedded,
        form: Form::Postcard { max_hz: CONFLATED_HZ, lossless: false },
    },
];

/// Measures, prints a table and writes `stream.json`; a line for each measurement goes to
/// `progress`.
pub fn run(args: &Args, mut progress: impl FnMut(&str)) -> Result<Report> {
    cpu::pin(args.generator_core)?;
    let bench = Bench {
        binaries: args.bin.clone(),
        warm_up: Duration::try_from_secs_f64(args.warm_up)?,
        window: Duration::try_from_secs_f64(args.seconds)?,
        server_core: args.server_core,
        connections: args.connections.max(1),
    };
    let wanted = |contender: &&Contender| {
        args.only.is_empty() || args.only.iter().any(|word| contender.name.contains(word.as_str()))
    };
    let contenders: Vec<Contender> = CONTENDERS.iter().filter(wanted).copied().collect();
    if contenders.is_empty() {
        bail!("no contender has a name with {:?}", args.only);
    }
    let mut report = Report::new();
    for repetition in 0..args.repetitions {
        for &(points, hz) in &args.loads {
            for &viewers in &args.viewers {
                let load = Load { points, hz, viewers };
                for turn in 0..contenders.len() {
                    // Nobody always goes first.
                    let contender = contenders[(turn + repetition) % contenders.len()];
                    let measured = bench.measure(contender, load)?;
                    let run = Run { repetition, contender: contender.name, load, measured };
                    progress(&run.line());
                    report.runs.push(run);
                }
            }
        }
        // A run that is cut short leaves what it has.
        write(&args.out, &report)?;
    }
    Ok(report)
}

fn write(out: &Path, report: &Report) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    let path = out.join("stream.json");
    let text = serde_json::to_string_pretty(&report.to_json())?;
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
