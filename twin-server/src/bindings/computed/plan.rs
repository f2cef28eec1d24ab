//! Which computed points a scene has, what they take, and in which order they are worked
//! out: what is deeper in the scene first, and on one entity inputs before results.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use jiff::Timestamp;
use twin_model::{EntityId, Scene};

use super::{Computed, Of, trouble};
use crate::bindings::{board::BindingBoard, target::PropertyIndex};

/// Computed points of one scene; further ones are left out, and listed.
const MAX_INSTANCES: usize = 100_000;

/// A rule at an entity.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) rule: u32,
    pub(super) entity: EntityId,
}

/// When an instance is worked out; the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    depth: Reverse<u32>,
    rank: u32,
    pub(super) instance: u32,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) instances: Vec<Instance>,
    /// By instance.
    pub(super) orders: Vec<Order>,
    /// Rules and their inputs by the metric they take.
    pub(super) metrics: HashMap<Arc<str>, Vec<(u32, usize)>>,
    /// Instances by rule and entity.
    at: HashMap<(u32, u32), u32>,
}

impl Plan {
    pub(super) fn new(rules: &[Computed], scene: &Scene, board: &BindingBoard) -> Self {
        let mut plan = Self::default();
        let mut made: HashMap<(u32, Arc<str>), u32> = HashMap::new();
        let ranks = ranks(rules);
        for (number, rule) in (0..).zip(rules) {
            for (n, input) in rule.inputs.iter().enumerate() {
                plan.metrics.entry(Arc::clone(&input.metric)).or_default().push((number, n));
            }
            let entities = entities(rule, scene);
            let note = |why: &str| {
                let topic = format!("computed {}", rule.name);
                board.failed.lock().note(&trouble(&topic, Timestamp::now()), why);
            };
            if entities.is_empty() {
                note("no entity of the scene is of this kind or fits the target");
            }
            for entity in entities {
                if plan.instances.len() >= MAX_INSTANCES {
                    note(&format!("more than {MAX_INSTANCES} computed points"));
                    break;
                }
                let key = (entity, Arc::clone(&rule.point.metric));
                if let Some(other) = made.get(&key) {
                    let (other, id) = (&rules[*other as usize].name, &scene.at(entity).id);
                    note(&format!("{id} gets this point from computed {other} already"));
                    continue;
                }
                made.insert(key, number);
                plan.add(number, entity, ranks[number as usize], scene);
            }
        }
        plan
    }

    fn add(&mut self, rule: u32, entity: u32, rank: u32, scene: &Scene) {
        let instance = self.instances.len() as u32;
        let depth = Reverse(scene.path(entity).len() as u32);
        self.instances.push(Instance { rule, entity: scene.at(entity).id.clone() });
        self.orders.push(Order { depth, rank, instance });
        self.at.insert((rule, entity), instance);
    }

    /// The instances and inputs that take a point.
    pub(super) fn takers(
        &self,
        rules: &[Computed],
        scene: &Scene,
        entity: u32,
        metric: &str,
    ) -> Vec<(u32, usize)> {
        let mut takers = Vec::new();
        for (rule, n) in self.metrics.get(metric).into_iter().flatten() {
            let input = &rules[*rule as usize].inputs[*n];
            if input.kind.is_some_and(|kind| kind != scene.at(entity).kind) {
                continue;
            }
            let taker = |at: u32| self.at.get(&(*rule, at)).map(|instance| (*instance, *n));
            match input.of {
                Of::Own => takers.extend(taker(entity)),
                Of::Below => {
                    let above = std::iter::successors(scene.parent(entity), |at| scene.parent(*at));
                    takers.extend(above.filter_map(taker));
                }
            }
        }
        takers
    }
}

fn entities(rule: &Computed, scene: &Scene) -> Vec<u32> {
    match (&rule.target, rule.kind) {
        (Some(target), _) => {
            let mut properties = PropertyIndex::default();
            properties.prepare(target, scene);
            let texts = target.fill(&[""; 0], None).unwrap_or_default();
            target.find(scene, &properties, &texts).1
        }
        (None, Some(kind)) => (0..)
            .zip(scene.entities())
            .filter(|(_, entity)| entity.kind == kind)
            .map(|(index, _)| index)
            .collect(),
        (None, None) => Vec::new(),
    }
}

/// How many rules have to go before each, on the same entity. Cycles are refused with the
/// configuration; a bound on the turns keeps a mistake there from being one here.
fn ranks(rules: &[Computed]) -> Vec<u32> {
    let mut ranks = vec![0; rules.len()];
    for _ in 0..rules.len() {
        let mut changed = false;
        for (n, rule) in rules.iter().enumerate() {
            for (m, other) in rules.iter().enumerate() {
                let own = |input: &super::Input| {
                    input.of == Of::Own && input.metric == other.point.metric
                };
                if n != m && ranks[n] <= ranks[m] && rule.inputs.iter().any(own) {
                    ranks[n] = ranks[m] + 1;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    ranks
}

/// The computed points that wait for each other: on one entity, each takes the one before.
/// Names of the rules on the way round, the first again at the end.
pub(crate) fn cycle(rules: &[Computed]) -> Option<Vec<Arc<str>>> {
    let meets = |a: &Computed, b: &Computed| match (kind(a), kind(b)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let needs = |n: usize| {
        let rule = &rules[n];
        (0..rules.len()).filter(move |m| {
            let other = &rules[*m];
            let takes =
                |input: &super::Input| input.of == Of::Own && input.metric == other.point.metric;
            meets(rule, other) && rule.inputs.iter().any(takes)
        })
    };
    // Depth first, with the way kept; rules are few, and ways are not deeper than rules.
    let mut done = vec![false; rules.len()];
    for start in 0..rules.len() {
        let mut way: Vec<(usize, Vec<usize>)> = vec![(start, needs(start).collect())];
        while let Some((at, rest)) = way.last_mut() {
            let Some(next) = rest.pop() else {
                done[*at] = true;
                way.pop();
                continue;
            };
            if let Some(begin) = way.iter().position(|(on, _)| *on == next) {
                let mut names: Vec<_> =
                    way[begin..].iter().map(|(n, _)| Arc::clone(&rules[*n].name)).collect();
                names.push(Arc::clone(&rules[next].name));
                return Some(names);
            }
            if !done[next] {
                way.push((next, needs(next).collect()));
            }
        }
    }
    None
}

fn kind(rule: &Computed) -> Option<twin_model::EntityKind> {
    rule.target.as_ref().map_or(rule.kind, |target| target.kind)
}
