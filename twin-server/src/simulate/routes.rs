//! Ways people take: the nearest exit from anywhere, and short ways inside a building.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::{
    plan::{Plan, SpaceIx, Through, Way},
    rng::Rng,
};

/// One step of a route: the way and where it leads; `None` is outdoors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Position in [`Plan::ways`], or `None` at an entrance the graph does not show.
    pub way: Option<usize>,
    /// Where it leads.
    pub to: Option<SpaceIx>,
}

/// Precomputed ways of a plan.
#[derive(Debug)]
pub struct Routes {
    /// Ways at each space.
    ways_at: Vec<Vec<usize>>,
    /// The next step towards the nearest exit, from each space.
    towards_exit: Vec<Step>,
    /// The space of each lift's shaft on a storey.
    shafts: HashMap<(usize, usize), SpaceIx>,
    /// Some way of each lift.
    rides: HashMap<usize, usize>,
    /// Doors and openings between two spaces, both directions.
    doors: HashMap<(SpaceIx, SpaceIx), usize>,
    /// Spaces one enters from outdoors though the graph shows no exit there.
    pub without_exit: usize,
}

/// A search inside a building gives up after this many spaces, and goes by the exits.
const SEARCH_LIMIT: usize = 2_000;
const WALK_M_PER_S: f64 = 1.2;

/// About how long a way takes, s.
pub fn cost_secs(plan: &Plan, way: &Way) -> f64 {
    let Some(b) = way.b else { return 4.0 };
    let (from, to) = (plan.spaces[way.a].center, plan.spaces[b].center);
    let level = (from[0] - to[0]).hypot(from[1] - to[1]) / WALK_M_PER_S;
    let rise = (from[2] - to[2]).abs();
    match way.through {
        Through::Stair => level + 3.0 + rise * 4.0,
        Through::Lift(_) => 3.0 + rise * 0.6,
        Through::Door(_) | Through::Opening => level + 1.0 + rise,
    }
}

impl Routes {
    /// Looks up the ways of a plan. Every group of spaces without any exit gets one at its
    /// lowest, best connected space, so that nobody is caught in it.
    pub fn new(plan: &Plan) -> Self {
        let mut ways_at = vec![Vec::new(); plan.spaces.len()];
        for (i, way) in plan.ways.iter().enumerate() {
            ways_at[way.a].push(i);
            if let Some(b) = way.b {
                ways_at[b].push(i);
            }
        }
        let nowhere = Step { way: None, to: None };
        let mut routes = Self {
            ways_at,
            towards_exit: vec![nowhere; plan.spaces.len()],
            shafts: HashMap::new(),
            rides: HashMap::new(),
            doors: HashMap::new(),
            without_exit: 0,
        };
        routes.index_lifts(plan);
        let mut cost = vec![f64::INFINITY; plan.spaces.len()];
        let mut open = BinaryHeap::new();
        for (i, way) in plan.ways.iter().enumerate().filter(|(_, way)| way.b.is_none()) {
            routes.towards_exit[way.a] = Step { way: Some(i), to: None };
            cost[way.a] = cost_secs(plan, way);
            open.push(Reverse((millis(cost[way.a]), way.a)));
        }
        routes.spread(plan, &mut cost, open);
        let mut order: Vec<SpaceIx> = (0..plan.spaces.len()).collect();
        order.sort_by(|a, b| {
            let key = |s: SpaceIx| (plan.spaces[s].center[2], -(routes.ways_at[s].len() as f64));
            let (a, b) = (key(*a), key(*b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        for space in order {
            if cost[space].is_infinite() {
                routes.without_exit += 1;
                cost[space] = 0.0;
                let open = BinaryHeap::from([Reverse((0, space))]);
                routes.spread(plan, &mut cost, open);
            }
        }
        routes
    }

    fn index_lifts(&mut self, plan: &Plan) {
        for (i, way) in plan.ways.iter().enumerate() {
            let Some(b) = way.b else { continue };
            if let Through::Lift(lift) = way.through {
                self.rides.insert(lift, i);
                for space in [way.a, b] {
                    if let Some(storey) = plan.spaces[space].storey {
                        self.shafts.insert((lift, storey), space);
                    }
                }
            } else {
                self.doors.extend([((way.a, b), i), ((b, way.a), i)]);
            }
        }
    }

    /// Where several lifts stand side by side the shortest way always names the same one:
    /// this gives each ride of a route one of them by chance. `from` is where it begins.
    pub fn spread_over_lifts(
        &self,
        plan: &Plan,
        from: Option<SpaceIx>,
        route: &mut Vec<Step>,
        rng: &mut Rng,
    ) {
        let is_lift = |step: &Step| {
            step.way.is_some_and(|way| matches!(plan.ways[way].through, Through::Lift(_)))
        };
        route.reverse();
        let mut next = 0;
        while let Some(first) = route[next..].iter().position(is_lift).map(|i| i + next) {
            let run = route[first..].iter().take_while(|step| is_lift(step)).count();
            next = first + run;
            // One step into the shaft, the ride, one step out of it.
            let Some(out) = route.get(next).and_then(|step| step.to) else { continue };
            let Some(entry) = first.checked_sub(1) else { continue };
            let hall = if entry == 0 { from } else { route[entry - 1].to };
            let storey = |step: &Step| step.to.and_then(|space| plan.spaces[space].storey);
            let (Some(hall), Some(low), Some(high)) =
                (hall, storey(&route[entry]), storey(&route[next - 1]))
            else {
                continue;
            };
            let beside = (0..plan.lifts.len()).filter_map(|lift| {
                let (a, b) = (self.shafts.get(&(lift, low))?, self.shafts.get(&(lift, high))?);
                let way = |from, to| self.doors.get(&(from, to)).copied();
                Some([
                    Step { way: Some(way(hall, *a)?), to: Some(*a) },
                    Step { way: Some(*self.rides.get(&lift)?), to: Some(*b) },
                    Step { way: Some(way(*b, out)?), to: Some(out) },
                ])
            });
            let beside: Vec<[Step; 3]> = beside.collect();
            if !beside.is_empty() {
                route.splice(entry..=next, beside[rng.index(beside.len())]);
                next = entry + 3;
            }
        }
        route.reverse();
    }

    fn spread(
        &mut self,
        plan: &Plan,
        cost: &mut [f64],
        mut open: BinaryHeap<Reverse<(u64, SpaceIx)>>,
    ) {
        while let Some(Reverse((at, space))) = open.pop() {
            if at > millis(cost[space]) {
                continue;
            }
            for i in self.ways_at[space].clone() {
                let way = &plan.ways[i];
                let Some(next) = other_end(way, space) else { continue };
                let total = cost[space] + cost_secs(plan, way);
                if total < cost[next] {
                    cost[next] = total;
                    self.towards_exit[next] = Step { way: Some(i), to: Some(space) };
                    open.push(Reverse((millis(total), next)));
                }
            }
        }
    }

    /// From a space outdoors, as a stack: the first step is last.
    pub fn leave(&self, from: SpaceIx) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = Some(from);
        while let Some(space) = at {
            let step = self.towards_exit[space];
            steps.push(step);
            at = step.to;
        }
        steps.reverse();
        steps
    }

    /// From outdoors into a space, as a stack: the first step is last.
    pub fn enter(&self, to: SpaceIx) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = Some(to);
        while let Some(space) = at {
            let step = self.towards_exit[space];
            steps.push(Step { way: step.way, to: Some(space) });
            at = step.to;
        }
        steps
    }

    /// From one space to another: inside where there is a short way, else out of one
    /// building and into the other. A stack: the first step is last.
    pub fn between(&self, plan: &Plan, from: SpaceIx, to: SpaceIx) -> Vec<Step> {
        if from == to {
            return Vec::new();
        }
        self.inside(plan, from, to).unwrap_or_else(|| {
            let mut steps = self.enter(to);
            steps.extend(self.leave(from));
            steps
        })
    }

    fn inside(&self, plan: &Plan, from: SpaceIx, to: SpaceIx) -> Option<Vec<Step>> {
        let building = |s: SpaceIx| plan.spaces[s].storey.map(|s| plan.storeys[s].building);
        if building(from) != building(to) {
            return None;
        }
        let mut best = HashMap::from([(from, (0, usize::MAX, from))]);
        let mut open = BinaryHeap::from([Reverse((0_u64, from))]);
        let mut seen = 0;
        while let Some(Reverse((at, space))) = open.pop() {
            if space == to {
                let mut steps = Vec::new();
                let mut end = to;
                while end != from {
                    let (_, way, before) = best[&end];
                    steps.push(Step { way: Some(way), to: Some(end) });
                    end = before;
                }
                return Some(steps);
            }
            seen += 1;
            if seen > SEARCH_LIMIT {
                return None;
            }
            for &i in &self.ways_at[space] {
                let way = &plan.ways[i];
                let Some(next) = other_end(way, space) else { continue };
                let total = at + millis(cost_secs(plan, way));
                if best.get(&next).is_none_or(|(old, ..)| total < *old) {
                    best.insert(next, (total, i, space));
                    open.push(Reverse((total, next)));
                }
            }
        }
        None
    }
}

fn other_end(way: &Way, space: SpaceIx) -> Option<SpaceIx> {
    if way.a == space { way.b } else { Some(way.a) }
}

fn millis(secs: f64) -> u64 {
    (secs * 1_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::fixture;

    fn names(plan: &Plan, mut steps: Vec<Step>) -> Vec<&str> {
        steps.reverse();
        steps.iter().map(|s| s.to.map_or("out", |s| plan.spaces[s].name.as_str())).collect()
    }

    #[test]
    fn ways_lead_through_connected_spaces() {
        let plan = fixture::plan();
        let routes = Routes::new(&plan);
        let space = |name: &str| plan.spaces.iter().position(|s| s.name == name).unwrap();
        let office = space("T1-03F-R01");
        assert_eq!(names(&plan, routes.leave(office)), ["T1-03F-C", "T1-01F-L", "out"]);
        assert_eq!(names(&plan, routes.enter(office)), ["T1-01F-L", "T1-03F-C", "T1-03F-R01"]);
        let neighbour = routes.between(&plan, office, space("T1-03F-R02"));
        assert_eq!(names(&plan, neighbour), ["T1-03F-C", "T1-03F-R02"]);
        assert_eq!(routes.without_exit, 0);
    }

    #[test]
    fn rides_are_spread_over_lifts_side_by_side() {
        let plan = fixture::two_lifts();
        let routes = Routes::new(&plan);
        let office = plan.spaces.iter().position(|s| s.name == "T1-03F-R01").unwrap();
        let mut rng = Rng::new(1);
        let mut seen = std::collections::BTreeMap::<String, u32>::new();
        for _ in 0..40 {
            let mut route = routes.leave(office);
            routes.spread_over_lifts(&plan, Some(office), &mut route, &mut rng);
            let way = names(&plan, route).join(" ");
            *seen.entry(way).or_default() += 1;
        }
        let expected =
            ["A", "B"].map(|shaft| format!("T1-03F-C T1-03F-{shaft} T1-01F-{shaft} T1-01F-L out"));
        assert_eq!(seen.keys().cloned().collect::<Vec<_>>(), expected);
        assert!(seen.values().all(|count| *count > 8), "{seen:?}");
    }

    #[test]
    fn a_group_without_exit_gets_an_entrance() {
        let mut plan = fixture::plan();
        plan.ways.retain(|way| way.b.is_some());
        let routes = Routes::new(&plan);
        assert_eq!(routes.without_exit, 1);
        assert!((0..plan.spaces.len()).all(|s| routes.leave(s).last().is_some()));
    }
}
