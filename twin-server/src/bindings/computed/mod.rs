//! Computed points: an expression over other points of the same entity, or of what is
//! below it. A result goes the same way as any reading, and may be an input in turn.

mod cost;
mod expr;
mod plan;

pub(crate) use self::plan::cycle;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use cel::Value as Cel;
use jiff::{SignedDuration, Timestamp};
use twin_model::{EntityId, EntityKind, Quality, Sample, Scene};

pub use self::expr::Expr;
use self::{
    expr::{Functions, to_cel},
    plan::{Order, Plan},
};
use super::{
    binding::Point,
    board::{BindingBoard, Trouble},
    filter::Filter,
    reader::reading,
    states,
    target::Target,
    value,
};
use crate::reading::Reading;

/// Points that are remembered as inputs; those of further ones are left out, and listed.
const MAX_SLOTS: usize = 200_000;
/// Points that one input takes together.
const MAX_VALUES: usize = 10_000;
/// How often it is looked for inputs that have fallen silent.
const LISTEN: SignedDuration = SignedDuration::from_secs(1);

/// A checked `[[computed]]`.
#[derive(Clone, Debug)]
pub struct Computed {
    /// What people call it; unique in the file.
    pub name: Arc<str>,
    /// The entities that get the point: those of the target, of a kind.
    pub target: Option<Target>,
    /// The kind of these entities, where there is no target.
    pub kind: Option<EntityKind>,
    /// What the expression is over.
    pub inputs: Vec<Input>,
    /// How the value comes of them.
    pub expr: Expr,
    /// How long at least between two values of one point.
    pub min_interval: Duration,
    /// The point it makes.
    pub point: Point,
}

/// One input of a [`Computed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name in the expression.
    pub name: String,
    /// The metric it takes.
    pub metric: Arc<str>,
    /// Whose.
    pub of: Of,
    /// Only of entities of this kind.
    pub kind: Option<EntityKind>,
}

/// Whose points an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The entity's own: one value.
    Own,
    /// Those of everything below it, at any depth: a list of values.
    Below,
}

/// Everything computed, and what of it is due.
#[derive(Debug)]
pub(super) struct Computing {
    rules: Vec<Computed>,
    plan: Plan,
    functions: Functions,
    slots: Vec<Slot>,
    by_point: HashMap<(EntityId, Arc<str>), Option<u32>>,
    /// By instance and input: the slots it takes.
    taken: Vec<Vec<Vec<u32>>>,
    evaluated: Vec<Option<Timestamp>>,
    due: BTreeMap<Order, ()>,
    filters: Vec<Filter>,
    /// When it was last looked for inputs that have fallen silent.
    listened: Option<Timestamp>,
}

/// The latest sample of a point that is an input.
#[derive(Debug)]
struct Slot {
    sample: Option<Sample>,
    stale_after: Option<Duration>,
    /// Whether what takes it knows that it fell silent.
    silent: bool,
    /// The instances that take it.
    of: Vec<u32>,
}

impl Computing {
    pub(super) fn new(rules: Vec<Computed>, scene: &Scene, board: &BindingBoard) -> Self {
        let plan = Plan::new(&rules, scene, board);
        let taken = plan
            .instances
            .iter()
            .map(|instance| vec![Vec::new(); rules[instance.rule as usize].inputs.len()]);
        Self {
            taken: taken.collect(),
            evaluated: vec![None; plan.instances.len()],
            filters: rules.iter().map(|_| Filter::default()).collect(),
            functions: Functions::default(),
            slots: Vec::new(),
            by_point: HashMap::new(),
            due: BTreeMap::new(),
            listened: None,
            rules,
            plan,
        }
    }

    /// Takes over what readings say of inputs.
    pub(super) fn feed(&mut self, readings: &[Reading], scene: &Scene, board: &BindingBoard) {
        for reading in readings {
            if !self.plan.metrics.contains_key(&reading.metric) {
                continue;
            }
            let key = (reading.entity.clone(), Arc::clone(&reading.metric));
            let slot = match self.by_point.get(&key) {
                Some(slot) => *slot,
                None => {
                    let slot = self.slot(reading, scene, board);
                    self.by_point.insert(key, slot);
                    slot
                }
            };
            let Some(slot) = slot.and_then(|slot| self.slots.get_mut(slot as usize)) else {
                continue;
            };
            let newer = |known: &Sample| known.source_time <= reading.sample.source_time;
            if slot.sample.as_ref().is_none_or(newer) {
                slot.sample = Some(reading.sample.clone());
                slot.stale_after = reading.stale_after;
                slot.silent = false;
                let orders = &self.plan.orders;
                self.due.extend(slot.of.iter().map(|of| (orders[*of as usize], ())));
            }
        }
    }

    /// A place for a point nobody spoke of before; none where nothing takes it.
    fn slot(&mut self, reading: &Reading, scene: &Scene, board: &BindingBoard) -> Option<u32> {
        let entity = scene.index(reading.entity.as_str())?;
        let takers = self.plan.takers(&self.rules, scene, entity, &reading.metric);
        if takers.is_empty() {
            return None;
        }
        let number = self.slots.len() as u32;
        let mut of = Vec::new();
        for (instance, input) in takers {
            let taken = &mut self.taken[instance as usize][input];
            if taken.len() >= MAX_VALUES || self.slots.len() >= MAX_SLOTS {
                let why = format!("{}/{} is one input too many", reading.entity, reading.metric);
                self.fail(instance, &why, reading.sample.receive_time, board);
                continue;
            }
            taken.push(number);
            of.push(instance);
        }
        self.slots.push(Slot { sample: None, stale_after: None, silent: false, of });
        Some(number)
    }

    /// Appends the values that are due.
    pub(super) fn run(
        &mut self,
        now: Timestamp,
        readings: &mut Vec<Reading>,
        scene: &Scene,
        board: &BindingBoard,
    ) {
        self.listen(now);
        let mut later = Vec::new();
        while let Some((order, ())) = self.due.pop_first() {
            let instance = order.instance;
            let rule = &self.rules[self.plan.instances[instance as usize].rule as usize];
            let pause = SignedDuration::try_from(rule.min_interval).unwrap_or_default();
            let last = self.evaluated[instance as usize];
            // A clock set back must not keep a value waiting.
            let waits = last.is_some_and(|last| {
                let since = now.duration_since(last);
                since < pause && since >= SignedDuration::ZERO
            });
            if waits {
                later.push(order);
                continue;
            }
            let before = readings.len();
            self.evaluated[instance as usize] = Some(now);
            self.evaluate(instance, now, readings, board);
            let (_, new) = readings.split_at(before);
            let new = new.to_vec();
            self.feed(&new, scene, board);
        }
        self.due.extend(later.into_iter().map(|order| (order, ())));
    }

    /// Looks once a second which inputs have fallen silent: what was worked out of them is no
    /// better than they are.
    fn listen(&mut self, now: Timestamp) {
        let passed = self.listened.map(|last| now.duration_since(last));
        if passed.is_some_and(|passed| (SignedDuration::ZERO..LISTEN).contains(&passed)) {
            return;
        }
        self.listened = Some(now);
        let orders = &self.plan.orders;
        for slot in self.slots.iter_mut().filter(|slot| !slot.silent && slot.is_silent(now)) {
            slot.silent = true;
            self.due.extend(slot.of.iter().map(|of| (orders[*of as usize], ())));
        }
    }

    fn evaluate(
        &mut self,
        instance: u32,
        now: Timestamp,
        readings: &mut Vec<Reading>,
        board: &BindingBoard,
    ) {
        let plan::Instance { rule: number, entity } =
            self.plan.instances[instance as usize].clone();
        let rule = &self.rules[number as usize];
        let mut times: Option<(Timestamp, Timestamp)> = None;
        let mut quality = Quality::Good;
        let mut inputs = Vec::with_capacity(rule.inputs.len());
        for (input, taken) in rule.inputs.iter().zip(&self.taken[instance as usize]) {
            let samples = taken.iter().filter_map(|slot| self.slots[*slot as usize].latest(now));
            let mut values = Vec::with_capacity(taken.len());
            for (sample, of) in samples {
                let (source, received) = times.unwrap_or((sample.source_time, sample.receive_time));
                times = Some((source.max(sample.source_time), received.max(sample.receive_time)));
                quality = quality.max(of);
                values.push(to_cel(&sample.value));
            }
            let value = match input.of {
                Of::Below => Cel::List(Arc::new(values)),
                Of::Own => match values.pop() {
                    Some(value) => value,
                    // It is computed once everything it needs has spoken.
                    None => return,
                },
            };
            inputs.push((input.name.as_str(), value));
        }
        let Some((source_time, receive_time)) = times else { return };
        let value = match rule.expr.evaluate(&self.functions, inputs) {
            Ok(value) => value,
            Err(why) => return self.fail(instance, &why, now, board),
        };
        let point = &rule.point;
        let mut sample = Sample { value, source_time, receive_time, quality };
        let doubt = value::out_of_range(point, &sample.value)
            .or_else(|| states::unknown(&point.metric, point.states.as_deref(), &sample.value));
        let filter = &mut self.filters[number as usize];
        let points = std::slice::from_ref(point);
        let doubt = doubt.or_else(|| filter.too_fast(&entity, points, 0, &mut sample));
        if let Some(why) = doubt {
            sample.quality = sample.quality.max(Quality::Uncertain);
            let topic = self.label(instance);
            board.uncertain.lock().note(&trouble(&topic, now), &why);
        }
        let filter = &mut self.filters[number as usize];
        if filter.passes(&entity, std::slice::from_ref(&rule.point), 0, &sample) {
            readings.push(reading(&entity, &rule.point, sample));
        }
    }

    /// What the board calls a computed point.
    fn label(&self, instance: u32) -> String {
        let instance = &self.plan.instances[instance as usize];
        let rule = &self.rules[instance.rule as usize];
        format!("computed {}: {}/{}", rule.name, instance.entity, rule.point.metric)
    }

    fn fail(&self, instance: u32, why: &str, now: Timestamp, board: &BindingBoard) {
        board.failed.lock().note(&trouble(&self.label(instance), now), why);
    }
}

impl Slot {
    /// The latest sample with the quality it has by now.
    fn latest(&self, now: Timestamp) -> Option<(&Sample, Quality)> {
        let sample = self.sample.as_ref()?;
        let quality =
            if self.is_silent(now) { sample.quality.max(Quality::Stale) } else { sample.quality };
        Some((sample, quality))
    }

    fn is_silent(&self, now: Timestamp) -> bool {
        let (Some(sample), Some(limit)) = (&self.sample, self.stale_after) else { return false };
        let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        now.duration_since(sample.receive_time) > limit
    }
}

pub(super) fn trouble(topic: &str, received: Timestamp) -> Trouble<'_> {
    Trouble { binding: None, topic, payload: &[], received }
}
