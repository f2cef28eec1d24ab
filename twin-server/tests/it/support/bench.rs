//! Messages through a binding engine, on a clock that the test moves.

use std::{path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use twin_model::Scene;
use twin_server::{
    bindings::{BindingReport, Engine, HasScene},
    config::Config,
    ingest::Message,
    reading::Reading,
};

/// An engine, and what time it is.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
}

impl Bench {
    /// Everything that a configuration makes points of, over a scene.
    pub(crate) fn new(config: Config, scene: impl HasScene + 'static) -> Self {
        let engine = Engine::new(config.bindings, Arc::new(scene))
            .with_computed(config.computed)
            .discovering(config.discoveries);
        Self { engine, now: "2026-05-04T03:02:01Z".parse().unwrap() }
    }

    pub(crate) fn send(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> Vec<Reading> {
        self.accept(&Message::new(topic, payload.as_ref().to_vec(), self.now))
    }

    pub(crate) fn accept(&mut self, message: &Message) -> Vec<Reading> {
        let mut readings = Vec::new();
        self.engine.accept(message, &mut readings);
        readings
    }

    /// Lets time pass; what it brings.
    pub(crate) fn wait(&mut self, secs: i64) -> Vec<Reading> {
        self.now += SignedDuration::from_secs(secs);
        let mut readings = Vec::new();
        self.engine.tick(self.now, &mut readings);
        readings
    }

    pub(crate) fn report(&self) -> BindingReport {
        self.engine.board().report()
    }
}

/// A configuration that has to be right.
pub(crate) fn config(text: &str) -> Config {
    Config::parse(Path::new("test.toml"), text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A scene of entities, each a line of JSON.
pub(crate) fn scene(entities: &str) -> Scene {
    let lines = entities.lines().filter(|line| !line.is_empty());
    Scene::new(lines.map(|line| serde_json::from_str(line).unwrap()).collect()).unwrap()
}
