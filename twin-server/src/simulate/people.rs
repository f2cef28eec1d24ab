//! People: each has a home or a desk, a plan for the day, and walks there step by step
//! along the graph. Nobody appears or disappears inside: one enters, and one leaves.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    doors::Doors,
    lifts::Lifts,
    plan::{Plan, SpaceIx, Through},
    population::{self, Goal, Person, Places},
    rng::{self, Rng},
    routes::{Routes, Step, cost_secs},
    scenario,
    schedule::{Clock, DAY_SECS},
};

#[derive(Debug)]
struct Agent {
    person: Person,
    at: Option<SpaceIx>,
    /// Steps still to take, the next one last.
    route: Vec<Step>,
    /// Where to be when (model time, s), the next one last.
    plan: Vec<(f64, Goal)>,
    /// When the next day's plan is made.
    next_day: f64,
    /// The space a lift brings them to.
    riding_to: Option<SpaceIx>,
    /// Crosses the open from one building to another, without passing a gate.
    crossing: bool,
    rng: Rng,
}

/// Everybody, and where they are.
#[derive(Debug)]
pub struct People {
    agents: Vec<Agent>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    epoch: f64,
    /// People in each space of [`Plan::spaces`].
    pub inside: Vec<u32>,
    /// People who were inside when the model's day began.
    pub initial: u64,
    /// People who came in from outdoors since.
    pub entered: u64,
    /// People who went outdoors since.
    pub left: u64,
}

impl People {
    /// Everybody at home or away, at the beginning of the model's day `epoch`.
    pub fn new(plan: &Plan, settings: &scenario::People, seed: u64, epoch: f64) -> Self {
        let mut people = Self {
            agents: Vec::new(),
            due: BinaryHeap::new(),
            epoch,
            inside: vec![0; plan.spaces.len()],
            initial: 0,
            entered: 0,
            left: 0,
        };
        for (i, person) in population::settle(plan, settings, seed).into_iter().enumerate() {
            let mut rng = Rng::new(rng::join(seed, i as u64));
            let at = person.sleeps_here(&mut rng).then_some(person.home);
            if let Some(space) = at {
                people.inside[space] += 1;
                people.initial += 1;
            }
            people.agents.push(Agent {
                person,
                at,
                route: Vec::new(),
                plan: Vec::new(),
                next_day: epoch,
                riding_to: None,
                crossing: false,
                rng,
            });
            people.wake(i, epoch);
        }
        people
    }

    /// How many people the model knows, inside and out.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether nobody lives or works here.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// How many are inside, counted one by one.
    pub fn counted_inside(&self) -> u64 {
        self.agents.iter().filter(|agent| agent.at.is_some()).count() as u64
    }

    fn wake(&mut self, agent: usize, t: f64) {
        let ms = ((t - self.epoch) * 1_000.0).ceil().max(0.0) as u64;
        self.due.push(Reverse((ms, agent)));
    }

    /// Brings everybody to `now`: those whom a lift brought get out, the others walk on.
    pub fn step(&mut self, site: &mut Site<'_>, now: f64, arrived: &[(usize, f64)]) {
        for &(agent, t) in arrived {
            if let Some(space) = self.agents[agent].riding_to.take() {
                self.enter(agent, Some(space));
                self.wake(agent, t);
            }
        }
        let until = ((now - self.epoch) * 1_000.0).max(0.0) as u64;
        while let Some(&Reverse((ms, agent))) = self.due.peek() {
            if ms > until {
                break;
            }
            self.due.pop();
            let t = self.epoch + ms as f64 / 1_000.0;
            match self.agents[agent].route.pop() {
                Some(step) => self.walk(site, agent, step, t),
                None => self.decide(site, agent, t),
            }
        }
    }

    /// Nothing left to walk: what is next on the plan?
    fn decide(&mut self, site: &Site<'_>, agent: usize, t: f64) {
        loop {
            let me = &mut self.agents[agent];
            let Some(&(due, goal)) = me.plan.last() else {
                if t < me.next_day {
                    // Not everybody at the same second.
                    let wake = me.next_day + me.rng.range(0.0, 600.0);
                    return self.wake(agent, wake);
                }
                me.plan =
                    me.person.day(site.plan, site.places, site.clock, me.next_day, &mut me.rng);
                me.next_day += DAY_SECS;
                continue;
            };
            // The queue counts in milliseconds: what is due within one is due now, else an agent
            // would be woken for the same moment for ever.
            if due > t + 0.001 {
                return self.wake(agent, due);
            }
            me.plan.pop();
            let target = match goal {
                Goal::Outside => None,
                Goal::Home => Some(me.person.home),
                Goal::Space(space) => Some(space),
            };
            me.route = match (me.at, target) {
                (Some(from), Some(to)) => site.routes.between(site.plan, from, to),
                (Some(from), None) => site.routes.leave(from),
                (None, Some(to)) => site.routes.enter(to),
                (None, None) => Vec::new(),
            };
            site.routes.spread_over_lifts(site.plan, me.at, &mut me.route, &mut me.rng);
            if !me.route.is_empty() {
                return self.wake(agent, t);
            }
        }
    }

    fn walk(&mut self, site: &mut Site<'_>, agent: usize, step: Step, t: f64) {
        let way = step.way.map(|way| &site.plan.ways[way]);
        if let Some(Through::Lift(lift)) = way.map(|way| way.through) {
            return self.ride(site, agent, lift, step, t);
        }
        if let Some(Through::Door(door)) = way.map(|way| way.through) {
            site.doors.pass(door, t);
        }
        let secs = match way {
            Some(way) => cost_secs(site.plan, way),
            None => 5.0,
        };
        self.enter(agent, step.to);
        self.gate(site, agent, step.to.is_some() && way.is_none_or(|way| way.b.is_none()), t);
        let outdoors = step.to.is_none();
        let me = &mut self.agents[agent];
        let pace = me.rng.range(0.8, 1.3);
        let secs = if outdoors { 75.0 } else { secs };
        self.wake(agent, t + secs * pace);
    }

    /// Who comes from outside or goes there passes a gate of the site, if it has gates.
    fn gate(&mut self, site: &mut Site<'_>, agent: usize, came_in: bool, t: f64) {
        let me = &mut self.agents[agent];
        if came_in {
            let crossing = std::mem::take(&mut me.crossing);
            if !crossing {
                site.doors.pass_gate(me.rng.bits(), t);
            }
        } else if me.at.is_none() {
            me.crossing = !me.route.is_empty();
            if !me.crossing {
                site.doors.pass_gate(me.rng.bits(), t);
            }
        }
    }

    /// A ride may go over several links of one lift: it is one call.
    fn ride(&mut self, site: &mut Site<'_>, agent: usize, lift: usize, first: Step, t: f64) {
        let me = &mut self.agents[agent];
        let is_lift = |step: &Step| {
            step.way.is_some_and(|w| matches!(site.plan.ways[w].through, Through::Lift(_)))
        };
        let mut to = first.to;
        while me.route.last().is_some_and(is_lift) {
            to = me.route.pop().and_then(|step| step.to);
        }
        let storey = |space: Option<SpaceIx>| space.and_then(|s| site.plan.spaces[s].storey);
        if let (Some(from), Some(target)) = (storey(me.at), storey(to))
            && site.lifts.call(lift, agent, from, target, t)
        {
            me.riding_to = to;
            return;
        }
        self.enter(agent, to);
        self.wake(agent, t + 20.0);
    }

    fn enter(&mut self, agent: usize, to: Option<SpaceIx>) {
        let me = &mut self.agents[agent];
        match (me.at, to) {
            (None, Some(_)) => self.entered += 1,
            (Some(_), None) => self.left += 1,
            _ => {}
        }
        if let Some(from) = me.at {
            self.inside[from] -= 1;
        }
        if let Some(to) = to {
            self.inside[to] += 1;
        }
        me.at = to;
    }
}

/// What people walk in: the plan, and the doors and lifts they move.
#[derive(Debug)]
pub struct Site<'a> {
    /// Spaces and ways.
    pub plan: &'a Plan,
    /// Precomputed ways.
    pub routes: &'a Routes,
    /// Where to go for lunch, to a meeting, for a coffee.
    pub places: &'a Places,
    /// Doors they open.
    pub doors: &'a mut Doors,
    /// Lifts they call.
    pub lifts: &'a mut Lifts,
    /// The site's clock.
    pub clock: Clock,
}
