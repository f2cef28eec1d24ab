//! The binding engine: a message in, readings out. What a topic means is worked out
//! once and kept; after that a message costs one lookup, one parse and its paths.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use twin_model::{EntityId, Quality, Sample, Scene, changes::Removed};

use super::{
    binding::{Binding, Point},
    board::{BindingBoard, BoundStats, Trouble},
    decode, orphan,
    target::PropertyIndex,
    time,
};
use crate::{ingest::Message, reading::Reading, scene::LoadedScene};

/// Topics whose meaning is kept. Beyond it a message is worked out every time: slower,
/// but right, so that a flood of made-up topics costs time and not memory.
const MAX_PLANS: usize = 200_000;
/// The same for topics that lead to no entity, so that strangers cannot crowd out devices.
const MAX_USELESS_PLANS: usize = 20_000;
/// How far a device's clock may run ahead before its values are marked.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// A source time before this (2000-01-01) comes from a clock that was never set.
const FIRST_PLAUSIBLE_SECS: i64 = 946_684_800;

/// Whatever holds the scene that topics are resolved against.
pub trait HasScene: fmt::Debug + Send + Sync {
    /// The entity graph.
    fn scene(&self) -> &Scene;

    /// Entities that its last revision took out.
    fn removed(&self) -> &[Removed] {
        &[]
    }
}

impl HasScene for Scene {
    fn scene(&self) -> &Scene {
        self
    }
}

impl HasScene for LoadedScene {
    fn scene(&self) -> &Scene {
        self.scene()
    }

    fn removed(&self) -> &[Removed] {
        self.removed()
    }
}

/// Turns messages into readings.
#[derive(Debug)]
pub struct Engine {
    scene: Arc<dyn HasScene>,
    bindings: Vec<Binding>,
    properties: PropertyIndex,
    plans: HashMap<Box<str>, Arc<[Route]>>,
    useless_plans: usize,
    board: Arc<BindingBoard>,
}

/// What one binding makes of one topic.
#[derive(Debug)]
enum Route {
    Bound(Arc<BoundStats>),
    Orphaned { binding: usize, reason: String },
    Ambiguous { binding: usize, reason: String },
}

impl Engine {
    /// An engine over a scene. Where a binding goes by a property, the entities must hold
    /// theirs in memory.
    pub fn new(bindings: Vec<Binding>, scene: Arc<dyn HasScene>) -> Self {
        let mut properties = PropertyIndex::default();
        for binding in &bindings {
            properties.prepare(&binding.target, scene.scene());
        }
        let orphans = orphan::orphans(&bindings, scene.scene(), scene.removed());
        let board = Arc::new(BindingBoard::new(&bindings, orphans));
        Self { scene, bindings, properties, plans: HashMap::new(), useless_plans: 0, board }
    }

    /// Where it notes what it could and could not bind.
    pub fn board(&self) -> &Arc<BindingBoard> {
        &self.board
    }

    /// Appends the readings of one message; whatever yields none is on the board.
    pub fn accept(&mut self, message: &Message, readings: &mut Vec<Reading>) {
        let before = readings.len();
        self.board.messages.fetch_add(1, Relaxed);
        let routes = match self.plans.get(&*message.topic) {
            Some(routes) => routes.clone(),
            None => self.plan(&message.topic),
        };
        if routes.is_empty() {
            self.board.unbound.lock().note(&trouble(None, message), "no binding takes this topic");
        }
        for route in &*routes {
            match route {
                Route::Bound(stats) => self.read(stats, message, readings),
                Route::Orphaned { binding, reason } => {
                    self.board.orphaned.lock().note(&trouble(Some(*binding), message), reason);
                }
                Route::Ambiguous { binding, reason } => {
                    self.board.ambiguous.lock().note(&trouble(Some(*binding), message), reason);
                }
            }
        }
        self.board.readings.fetch_add((readings.len() - before) as u64, Relaxed);
    }

    fn plan(&mut self, topic: &str) -> Arc<[Route]> {
        let routes: Arc<[Route]> =
            (0..self.bindings.len()).filter_map(|binding| self.route(binding, topic)).collect();
        let useless = !routes.iter().any(|route| matches!(route, Route::Bound(_)));
        let full =
            self.plans.len() >= MAX_PLANS || (useless && self.useless_plans >= MAX_USELESS_PLANS);
        if full {
            return routes;
        }
        for route in &*routes {
            if let Route::Bound(stats) = route {
                self.board.bind(stats.clone());
            }
        }
        self.useless_plans += usize::from(useless);
        self.plans.insert(topic.into(), routes.clone());
        routes
    }

    fn route(&self, index: usize, topic: &str) -> Option<Route> {
        let binding = &self.bindings[index];
        let captures = binding.topic.captures(topic)?;
        let scene = self.scene.scene();
        let (wanted, found) = binding.target.resolve(scene, &self.properties, &captures);
        Some(match *found {
            [] => Route::Orphaned {
                binding: index,
                reason: format!("no entity of the scene has {wanted}"),
            },
            [one] => Route::Bound(Arc::new(BoundStats {
                topic: topic.into(),
                binding: index,
                entity: scene.at(one).id.clone(),
                messages: AtomicU64::new(0),
                last: AtomicI64::new(0),
            })),
            [first, second, ..] => Route::Ambiguous {
                binding: index,
                reason: format!(
                    "{} entities have {wanted}, such as {} and {}",
                    found.len(),
                    scene.at(first).id,
                    scene.at(second).id,
                ),
            },
        })
    }

    fn read(&self, bound: &BoundStats, message: &Message, readings: &mut Vec<Reading>) {
        self.board.hit(bound, message.received);
        let binding = &self.bindings[bound.binding];
        let trouble = trouble(Some(bound.binding), message);
        let root = match decode::root(binding.decode, &message.payload) {
            Ok(root) => root,
            Err(reason) => return self.board.rejected.lock().note(&trouble, &reason),
        };
        let (source_time, doubt) = source_time(binding, &root, message);
        if let Some(reason) = &doubt {
            self.board.uncertain.lock().note(&trouble, reason);
        }
        for point in &binding.points {
            let value = match decode::value(point, &root) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(reason) => {
                    let reason = format!("{}: {reason}", point.metric);
                    self.board.rejected.lock().note(&trouble, &reason);
                    continue;
                }
            };
            let outside = decode::out_of_range(point, &value);
            if let Some(reason) = &outside {
                self.board.uncertain.lock().note(&trouble, reason);
            }
            let doubtful = doubt.is_some() || outside.is_some();
            let quality = if doubtful { Quality::Uncertain } else { Quality::Good };
            let sample = Sample { value, source_time, receive_time: message.received, quality };
            readings.push(reading(&bound.entity, point, sample));
        }
    }
}

fn reading(entity: &EntityId, point: &Point, sample: Sample) -> Reading {
    Reading {
        entity: entity.clone(),
        metric: point.metric.clone(),
        unit: point.unit.clone(),
        stale_after: point.stale_after,
        sample,
    }
}

fn trouble(binding: Option<usize>, message: &Message) -> Trouble<'_> {
    Trouble {
        binding,
        topic: &message.topic,
        payload: &message.payload,
        received: message.received,
    }
}

/// When the device measured, and why that may be doubted. A value with a bad time is
/// still a value: it is kept under the time received, and marked.
fn source_time(binding: &Binding, root: &Json, message: &Message) -> (Timestamp, Option<String>) {
    let received = message.received;
    let Some(path) = &binding.time else {
        let doubt = message
            .retained
            .then(|| "a retained message without a time of its own: its age is unknown".to_owned());
        return (received, doubt);
    };
    let read = decode::at(path, root)
        .and_then(|value| value.ok_or_else(|| format!("no time at {path}")))
        .and_then(time::parse);
    match read {
        Err(reason) => (received, Some(reason)),
        Ok(time) if time.duration_since(received) > MAX_AHEAD => {
            (time, Some(format!("the device's clock is ahead: it says {time}")))
        }
        Ok(time) if time.as_second() < FIRST_PLAUSIBLE_SECS => {
            (time, Some(format!("the device's clock was never set: it says {time}")))
        }
        Ok(time) => (time, None),
    }
}
