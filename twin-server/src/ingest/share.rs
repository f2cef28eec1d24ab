//! Several servers on one broker: every one of them follows all messages, to show them,
//! and each keeps its share.
//!
//! Besides the connection that shows, a second one subscribes to the same topics as a
//! member of a group (`$share/GROUP/…`), so that the broker hands each message to one
//! member. What it yields goes to the store and nowhere else, and is acknowledged after the
//! commit; the broker keeps it for a member that is away. Points that only whoever sees
//! every message knows (Sparkplug B, computed points) are kept by the one that leads.

use std::{fmt, sync::Arc};

use tokio::{sync::mpsc, task::JoinHandle};

use super::{Batch, Follow, IngestError, Swap, run};
use crate::{
    bindings::{Binding, BoardCell, Discovery, Engine, HasScene},
    config::{Config, MqttConfig},
    mqtt::{self, MqttClient},
    republish::overlap,
};

/// What a server that shares the keeping with others needs for it.
#[derive(Clone)]
pub struct Sharing {
    /// Takes what this server keeps.
    pub keep: mpsc::Sender<Batch>,
    /// Whether this server, of all of them, keeps what needs every message.
    pub leads: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing").field("leads", &(self.leads)()).finish_non_exhaustive()
    }
}

/// The connection of a group's member, and the task behind it.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) mqtt: MqttClient,
    pub(super) swaps: mpsc::Sender<Swap>,
    task: JoinHandle<()>,
}

impl Share {
    pub(super) fn start(
        mqtt: &MqttConfig,
        group: &str,
        config: &Config,
        scene: Arc<dyn HasScene>,
        keep: mpsc::Sender<Batch>,
    ) -> Result<Self, IngestError> {
        let engine = engine(config, scene);
        let (mqtt, messages, acks) = mqtt::start(mqtt, filters(group, &engine))?;
        let (swaps, swapped) = mpsc::channel(1);
        let follow = Follow {
            board: Arc::new(BoardCell::new(Arc::clone(engine.board()))),
            filters: mqtt.filters(),
            watch: Vec::new(),
            group: Some(group.to_owned()),
            // What is computed is not for a share of the messages.
            known: Arc::new(Vec::new),
        };
        let task = tokio::spawn(run(engine, messages, keep, acks, swapped, follow, None));
        Ok(Self { mqtt, swaps, task })
    }

    /// Says goodbye to the broker once what had arrived is safe.
    pub(super) async fn stop(self) {
        self.mqtt.stop().await;
        if self.task.await.is_err() {
            tracing::warn!("the task that keeps a share did not end in order");
        }
    }
}

/// An engine for a part of the messages: without what needs all of them.
pub(crate) fn engine(config: &Config, scene: Arc<dyn HasScene>) -> Engine {
    let bindings = config.bindings.iter().filter(|binding| !binding.needs_every_message());
    Engine::new(bindings.cloned().collect(), scene).discovering(config.discoveries.clone())
}

/// The topic filters of a group's member. Announcements of devices go to every member.
pub(super) fn filters(group: &str, engine: &Engine) -> Vec<String> {
    let shared = apart(engine.bound().map(Binding::filter));
    let shared = shared.into_iter().map(|filter| format!("$share/{group}/{filter}"));
    shared.chain(engine.announced_by().iter().flat_map(Discovery::filters)).collect()
}

/// Filters of which no topic fits two, and that take all that the given ones take: of a
/// group the broker would hand a message on once for each filter it fits.
fn apart(filters: impl Iterator<Item = String>) -> Vec<String> {
    let mut apart: Vec<String> = Vec::new();
    for mut filter in filters {
        while let Some(at) = apart.iter().position(|other| overlap(other, &filter)) {
            filter = join(&apart.swap_remove(at), &filter);
        }
        apart.push(filter);
    }
    apart.sort();
    apart
}

/// A filter that takes what either of two that overlap takes.
fn join(one: &str, other: &str) -> String {
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    let mut levels = Vec::new();
    loop {
        match (one.next(), other.next()) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => levels.push(a),
            (Some("#"), _) | (_, Some("#")) | (None, _) | (_, None) => {
                levels.push("#");
                break;
            }
            (Some(_), Some(_)) => levels.push("+"),
        }
    }
    levels.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::covers;

    #[test]
    fn no_topic_fits_two_filters_of_a_group() {
        let apart = |filters: &[&str]| apart(filters.iter().map(|&filter| filter.to_owned()));
        assert_eq!(apart(&["a/+/x", "b/#"]), ["a/+/x", "b/#"]);
        assert_eq!(apart(&["a/+/x", "a/b/+"]), ["a/+/+"]);
        assert_eq!(apart(&["a/b/c", "a/b/c"]), ["a/b/c"]);
        assert_eq!(apart(&["a", "a/#"]), ["a/#"]);
        // A join may meet what was apart from both.
        assert_eq!(apart(&["a/x/1", "a/y/2", "a/+/1", "a/x/+"]), ["a/+/+"]);
        let all = ["s/+/p", "s/m/#", "s/+/+/q", "t/+", "t/u/v", "+/u"];
        let some = apart(&all);
        for (n, one) in some.iter().enumerate() {
            assert!(some[..n].iter().all(|other| !overlap(one, other)), "{some:?}");
        }
        for filter in all {
            assert!(some.iter().any(|wide| covers(wide, filter)), "{filter} in {some:?}");
        }
    }
}
