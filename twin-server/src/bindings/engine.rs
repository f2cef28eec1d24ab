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

use jiff::Timestamp;
use tokio::sync::mpsc;
use twin_model::{EntityId, Scene, changes::Removed};

use super::{
    binding::Binding,
    board::{BindingBoard, BoundStats},
    computed::{Computed, Computing},
    discovery::Discovered,
    filter::Filter,
    orphan,
    reader::{Reader, trouble},
    sparkplug::{Outgoing, SparkplugTopic, Tracker},
    spoken::Spoken,
    target::PropertyIndex,
    value::Element,
};
use crate::{ingest::Message, reading::Reading, scene::LoadedScene};

/// Topics, and devices named in payloads, whose meaning is kept. Beyond it a message is
/// worked out every time: slower, but right, so that a flood of made-up topics costs time
/// and not memory.
pub(super) const MAX_PLANS: usize = 200_000;
/// The same for what leads to no entity, so that strangers cannot crowd out devices.
const MAX_USELESS_PLANS: usize = 20_000;
/// Longest topic, bytes. MQTT allows 65,535, and what a topic means is remembered under it:
/// a flood of such would take gigabytes.
const MAX_TOPIC: usize = 1_024;
/// Number of a plan that is not kept; nor are the devices it finds.
const UNKEPT: u64 = 0;

/// Whatever holds the scene that topics are resolved against.
pub trait HasScene: fmt::Debug + Send + Sync {
    /// The entity graph.
    fn scene(&self) -> &Scene;

    /// Entities that its last revision took out.
    fn removed(&self) -> &[Removed] {
        &[]
    }

    /// Whether its entities hold their properties in memory.
    fn has_properties(&self) -> bool {
        true
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

    fn has_properties(&self) -> bool {
        self.has_properties()
    }
}

/// Turns messages into readings.
#[derive(Debug)]
pub struct Engine {
    pub(super) bindings: Vec<Binding>,
    pub(super) finder: Finder,
    plans: HashMap<Box<str>, Arc<[Route]>>,
    useless_plans: usize,
    /// By number of the plan and what its payloads name.
    devices: HashMap<(u64, Vec<String>), Whose>,
    useless_devices: usize,
    next_plan: u64,
    /// By binding.
    pub(super) filters: Vec<Filter>,
    /// Where a binding takes Sparkplug B.
    pub(super) sparkplug: Option<Tracker>,
    /// By node or device: the bindings that take it.
    pub(super) places: HashMap<Box<str>, Arc<[(usize, Whose)]>>,
    pub(super) spoken: Spoken,
    pub(super) outgoing: Option<mpsc::Sender<Outgoing>>,
    pub(super) computing: Option<Computing>,
    pub(super) rules: Vec<Computed>,
    pub(super) board: Arc<BindingBoard>,
    /// Devices that announced themselves, whose bindings follow the configured ones.
    pub(super) discovered: Discovered,
    pub(super) configured: usize,
    /// Whether an announcement waits to become a binding.
    pub(super) news: bool,
}

/// Finds entities.
#[derive(Debug)]
pub(super) struct Finder {
    pub(super) scene: Arc<dyn HasScene>,
    properties: PropertyIndex,
}

/// What one binding makes of one topic.
#[derive(Debug)]
struct Route {
    binding: usize,
    whose: Whose,
}

/// Whose a message, or an element of it, is.
#[derive(Clone, Debug)]
pub(super) enum Whose {
    Bound(Arc<BoundStats>),
    Orphaned(Arc<str>),
    Ambiguous(Arc<str>),
    /// The payload tells; by number of the plan, with the named levels of the topic.
    PerElement(u64, Arc<[Box<str>]>),
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
        Self {
            filters: bindings.iter().map(|_| Filter::default()).collect(),
            sparkplug: bindings
                .iter()
                .any(|binding| binding.decode.sparkplug().is_some())
                .then(Tracker::default),
            places: HashMap::new(),
            spoken: Spoken::default(),
            outgoing: None,
            computing: None,
            rules: Vec::new(),
            configured: bindings.len(),
            discovered: Discovered::default(),
            news: false,
            bindings,
            finder: Finder { scene, properties },
            plans: HashMap::new(),
            useless_plans: 0,
            devices: HashMap::new(),
            useless_devices: 0,
            next_plan: 0,
            board,
        }
    }

    /// The same engine with computed points.
    #[must_use]
    pub fn with_computed(mut self, rules: Vec<Computed>) -> Self {
        if !rules.is_empty() {
            self.board.add_states(&rules);
            self.rules.clone_from(&rules);
            self.computing = Some(Computing::new(rules, self.finder.scene.scene(), &self.board));
        }
        self
    }

    /// What points hold already, after a restart or under another set of bindings: computed ones
    /// go on from there. A sum over those that have spoken since would be wrong, and look good.
    /// Nobody is asked where nothing is computed.
    pub fn remember(&mut self, known: &dyn Fn() -> Vec<Reading>) {
        if let Some(computing) = &mut self.computing {
            computing.feed(&known(), self.finder.scene.scene(), &self.board);
        }
    }

    /// Where messages to devices go: Sparkplug's nodes are asked for their births. While the
    /// channel is full nothing is asked; the next occasion comes.
    pub fn publish_to(&mut self, outgoing: mpsc::Sender<Outgoing>) {
        self.outgoing = Some(outgoing);
    }

    /// Where it notes what it could and could not bind.
    pub fn board(&self) -> &Arc<BindingBoard> {
        &self.board
    }

    /// Whether only whoever sees every message knows what this one means.
    pub fn needs_every_message(&self, topic: &str) -> bool {
        self.sparkplug.is_some() && SparkplugTopic::parse(topic).is_some()
    }

    /// Appends the readings of one message; whatever yields none is on the board.
    pub fn accept(&mut self, message: &Message, readings: &mut Vec<Reading>) {
        let before = readings.len();
        self.board.messages.fetch_add(1, Relaxed);
        if message.topic.len() > MAX_TOPIC {
            let why = format!("a topic of {} bytes; at most {MAX_TOPIC}", message.topic.len());
            self.board.rejected.lock().note(&trouble(None, message), &why);
            return;
        }
        if self.announced(message) {
            return;
        }
        match self.sparkplug.as_ref().and_then(|_| SparkplugTopic::parse(&message.topic)) {
            Some(topic) => self.sparkplug(&topic, message, readings),
            None => self.route_message(message, readings),
        }
        if let Some(computing) = &mut self.computing {
            computing.feed(&readings[before..], self.finder.scene.scene(), &self.board);
        }
        self.board.readings.fetch_add((readings.len() - before) as u64, Relaxed);
    }

    /// Appends what time brings: values computed from what has come, and what was waiting
    /// for a message that did not. To be called after every batch, and several times a
    /// second when nothing comes.
    pub fn tick(&mut self, now: Timestamp, readings: &mut Vec<Reading>) {
        let before = readings.len();
        self.tick_sparkplug(now, readings);
        if let Some(computing) = &mut self.computing {
            let scene = self.finder.scene.scene();
            computing.feed(&readings[before..], scene, &self.board);
            computing.run(now, readings, scene, &self.board);
        }
        self.board.readings.fetch_add((readings.len() - before) as u64, Relaxed);
    }

    fn route_message(&mut self, message: &Message, readings: &mut Vec<Reading>) {
        let routes = match self.plans.get(&*message.topic) {
            Some(routes) => routes.clone(),
            None => self.plan(&message.topic),
        };
        if routes.is_empty() {
            self.board.unbound.lock().note(&trouble(None, message), "no binding takes this topic");
            self.board.seen.lock().note(&message.topic, &message.payload);
        }
        for route in &*routes {
            self.follow(route, message, readings);
        }
    }

    fn follow(&mut self, route: &Route, message: &Message, readings: &mut Vec<Reading>) {
        let Self { bindings, finder, board, devices, useless_devices, filters, .. } = self;
        let filter = &mut filters[route.binding];
        let binding = &bindings[route.binding];
        let reader = Reader { board: &*board, index: route.binding, binding, message };
        match &route.whose {
            Whose::PerElement(plan, levels) => {
                board.taken(route.binding);
                reader.read(filter, readings, |element| {
                    let texts = match binding.target.fill(levels, element.node()) {
                        Ok(texts) => texts,
                        Err(reason) => {
                            reader.reject(&reason);
                            return None;
                        }
                    };
                    let key = (*plan, texts);
                    if let Some(whose) = devices.get(&key) {
                        return entity(&reader, whose);
                    }
                    let whose = finder.find(route.binding, binding, &message.topic, &key.1);
                    let found = entity(&reader, &whose);
                    let useless = found.is_none();
                    let full = *plan == UNKEPT
                        || devices.len() >= MAX_PLANS
                        || (useless && *useless_devices >= MAX_USELESS_PLANS);
                    if !full {
                        if let Whose::Bound(stats) = &whose {
                            board.bind(Arc::clone(stats));
                        }
                        *useless_devices += usize::from(useless);
                        devices.insert(key, whose);
                    }
                    found
                });
            }
            whose => {
                if let Some(entity) = entity(&reader, whose) {
                    board.taken(route.binding);
                    reader.read(filter, readings, |_: &Element<'_>| Some(entity.clone()));
                }
            }
        }
    }

    fn plan(&mut self, topic: &str) -> Arc<[Route]> {
        let mut routes: Vec<Route> =
            (0..self.bindings.len()).filter_map(|binding| self.route(binding, topic)).collect();
        let leads = |route: &Route| matches!(route.whose, Whose::Bound(_) | Whose::PerElement(..));
        let useless = !routes.iter().any(leads);
        let full =
            self.plans.len() >= MAX_PLANS || (useless && self.useless_plans >= MAX_USELESS_PLANS);
        if full {
            for route in &mut routes {
                if let Whose::PerElement(plan, _) = &mut route.whose {
                    *plan = UNKEPT;
                }
            }
            return routes.into();
        }
        let routes: Arc<[Route]> = routes.into();
        for route in &*routes {
            if let Whose::Bound(stats) = &route.whose {
                self.board.bind(stats.clone());
            }
        }
        self.useless_plans += usize::from(useless);
        self.plans.insert(topic.into(), routes.clone());
        routes
    }

    fn route(&mut self, index: usize, topic: &str) -> Option<Route> {
        let binding = &self.bindings[index];
        if binding.decode.sparkplug().is_some() {
            return None;
        }
        let captures = binding.topic.captures(topic)?;
        if binding.target.needs_payload() {
            self.next_plan += 1;
            let levels = captures.into_iter().map(Box::from).collect();
            let whose = Whose::PerElement(self.next_plan, levels);
            return Some(Route { binding: index, whose });
        }
        let texts = binding.target.fill(&captures, None).ok()?;
        let whose = self.finder.find(index, binding, topic, &texts);
        Some(Route { binding: index, whose })
    }
}

impl Finder {
    /// The entity of some texts, or why there is not exactly one.
    pub(super) fn find(
        &self,
        index: usize,
        binding: &Binding,
        topic: &str,
        texts: &[String],
    ) -> Whose {
        let scene = self.scene.scene();
        let (wanted, found) = binding.target.find(scene, &self.properties, texts);
        match *found {
            [] => Whose::Orphaned(format!("no entity of the scene has {wanted}").into()),
            [one] => Whose::Bound(Arc::new(BoundStats {
                topic: topic.into(),
                binding: index,
                entity: scene.at(one).id.clone(),
                messages: AtomicU64::new(0),
                last: AtomicI64::new(0),
            })),
            [first, second, ..] => Whose::Ambiguous(
                format!(
                    "{} entities have {wanted}, such as {} and {}",
                    found.len(),
                    scene.at(first).id,
                    scene.at(second).id,
                )
                .into(),
            ),
        }
    }
}

/// The entity, or nothing and a line on the board.
pub(super) fn entity(reader: &Reader<'_>, whose: &Whose) -> Option<EntityId> {
    let board = reader.board;
    match whose {
        Whose::Bound(stats) => {
            board.heard(stats, reader.message.received);
            return Some(stats.entity.clone());
        }
        Whose::Orphaned(reason) => board.orphaned.lock().note(&reader.trouble(), reason),
        Whose::Ambiguous(reason) => board.ambiguous.lock().note(&reader.trouble(), reason),
        Whose::PerElement(..) => {}
    }
    None
}
