//! `twin-server record`: messages of a broker into a file that `check` reads.

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use tokio::time;

use crate::{
    bindings::{TopicPattern, minimal_filters},
    config::{BrokerChoice, Config, MqttConfig},
    ingest::Message,
    mqtt,
    serve::interrupted,
};

const AFTER_HELP: &str = "\
Examples:
  twin-server record --broker mqtt://127.0.0.1 --topic 'campus/#' --for 60s --out sample.ndjson
  twin-server record --config twin.toml --for 10m --out sample.ndjson

A line is {\"t\", \"topic\", \"payload\"}; \"hex\" instead of \"payload\" where it is no text.
With --config, broker and credentials are the configuration's, and the topics those of its
bindings and of [mqtt] watch unless --topic says otherwise. Nothing is taken from the
server's own session: the recorder is a client by itself.";

/// Records messages.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The broker, mqtt://HOST[:PORT].
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    broker: Option<String>,
    /// A configuration to take broker, credentials and topics from.
    #[arg(long, value_name = "FILE", conflicts_with = "broker")]
    config: Option<PathBuf>,
    /// Topic filters; default: `#`, or the configuration's.
    #[arg(long, value_name = "FILTER")]
    topic: Vec<String>,
    /// How long to record.
    #[arg(long = "for", value_name = "DURATION", default_value = "60s",
          value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Stop after so many messages.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_messages: u64,
    /// The file to write.
    #[arg(long, value_name = "FILE.ndjson")]
    out: PathBuf,
}

/// Records until the time is over, the messages are enough, or ctrl-c.
///
/// # Errors
/// Where the broker's name, the configuration or the file cannot be used, or the broker was
/// never reached.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (config, filters) = connection(&args)?;
    let file =
        File::create(&args.out).with_context(|| format!("writing {}", args.out.display()))?;
    let mut out = BufWriter::new(file);
    let (client, mut messages, acks) = mqtt::start(&config, filters)?;
    let over = time::sleep(args.duration);
    let stopped = interrupted();
    tokio::pin!(over, stopped);
    let mut recorded = 0;
    while recorded < args.max_messages {
        let message = tokio::select! {
            () = &mut over => break,
            () = &mut stopped => break,
            message = messages.recv() => message,
        };
        let Some(message) = message else { break };
        out.write_all(line(&message).as_bytes())
            .with_context(|| format!("writing {}", args.out.display()))?;
        recorded += 1;
        if let Some(ack) = message.ack {
            let _ = acks.send(vec![ack]).await;
        }
    }
    out.flush().with_context(|| format!("writing {}", args.out.display()))?;
    let status = client.status();
    drop(messages);
    client.stop().await;
    if status.connects == 0 {
        let why = status.last_error.unwrap_or_else(|| "no answer".to_owned());
        return Err(anyhow!("{} was not reached: {why}", status.broker));
    }
    writeln!(std::io::stdout(), "{recorded} messages in {}", args.out.display())?;
    Ok(ExitCode::SUCCESS)
}

fn connection(args: &Args) -> anyhow::Result<(MqttConfig, Vec<String>)> {
    let (mut config, own) = match (&args.broker, &args.config) {
        (Some(url), _) => {
            let broker = BrokerChoice::parse_url(url).map_err(|error| anyhow!(error))?;
            (MqttConfig::new(broker), vec!["#".to_owned()])
        }
        (None, Some(file)) => {
            let config = Config::load(file)?;
            let filters = crate::reload::filters(&config);
            let mqtt = config.mqtt.ok_or_else(|| anyhow!("{}: no [mqtt]", file.display()))?;
            (mqtt, filters)
        }
        (None, None) => return Err(anyhow!("expected --broker or --config")),
    };
    if let BrokerChoice::Embedded(addr) = config.broker {
        let (host, port) = (addr.ip().to_string(), addr.port());
        config.broker = BrokerChoice::Remote { host, port, tls: false };
    }
    // Under the server's own name the broker would end the server's connection.
    config.client_id = None;
    let mut filters = Vec::new();
    for filter in &args.topic {
        let parsed = TopicPattern::parse(filter).with_context(|| format!("--topic {filter}"))?;
        filters.push(parsed.filter());
    }
    let filters = if filters.is_empty() { own } else { minimal_filters(filters) };
    Ok((config, filters))
}

fn line(message: &Message) -> String {
    let mut fields = serde_json::Map::new();
    fields.insert("t".to_owned(), message.received.to_string().into());
    fields.insert("topic".to_owned(), message.topic.as_str().into());
    match std::str::from_utf8(&message.payload) {
        Ok(text) => fields.insert("payload".to_owned(), text.into()),
        Err(_) => {
            let mut hex = String::with_capacity(message.payload.len() * 2);
            for byte in &message.payload {
                // Writing to a string does not fail.
                let _ = write!(hex, "{byte:02x}");
            }
            fields.insert("hex".to_owned(), hex.into())
        }
    };
    let mut line = serde_json::Value::Object(fields).to_string();
    line.push('\n');
    line
}
