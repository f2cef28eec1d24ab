//! What is said when: every device at its own pace, changes at once, and a heartbeat.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    plan::Plan,
    rng::Rng,
    scenario::{FaultKind, Publish, Scenario},
    schedule::Clock,
    world::World,
};

/// One message to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Where to.
    pub topic: Arc<str>,
    /// A JSON object.
    pub payload: String,
}

/// How the simulation is played.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The time of the first message.
    pub start: Timestamp,
    /// Model seconds in one second.
    pub speed: f64,
    /// Messages a second over all devices, instead of each at its own pace.
    pub rate: Option<f64>,
    /// The site's time of day at the start, s, instead of the real one.
    pub time_of_day: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Which {
    Electric,
    Water,
    Door,
    Crowd,
    Air,
    Lift,
    Pump,
    Charger,
}

/// A device as a sender.
#[derive(Debug)]
struct Sender {
    which: Which,
    index: usize,
    period_ms: i64,
    phase: f64,
    due_ms: i64,
    sent_ms: i64,
    started: bool,
    shown: Shown,
}

/// What of a device is worth a message of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Shown {
    /// Sent at once when it changes.
    state: (u8, bool, i32),
    /// Sent soon when it changes.
    count: u64,
}

/// A count that runs is not sent more often than this.
const COUNT_GAP_MS: i64 = 2_000;
/// Every device has spoken once after this long.
const FIRST_ROUND_MS: f64 = 5_000.0;

/// The model and its senders: seconds in, messages out, nothing else.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    pace: Pace,
    senders: Vec<Sender>,
    shown_ms: i64,
    model_ms: f64,
    next: usize,
    owed: f64,
}

impl Simulation {
    /// Plays the day up to the start. What could not be used is added to `notes`.
    pub fn new(plan: Arc<Plan>, scenario: &Scenario, pace: Pace, notes: &mut Vec<String>) -> Self {
        let clock = Clock::new(pace.start, scenario.utc_offset);
        let clock = pace.time_of_day.map_or(clock, |secs| clock.set_to(secs));
        let senders = senders(&plan, &scenario.publish);
        let world = World::new(plan, scenario, clock, notes);
        Self { world, pace, senders, shown_ms: 0, model_ms: 0.0, next: 0, owed: 0.0 }
    }

    /// How many devices speak.
    pub fn devices(&self) -> usize {
        self.senders.len()
    }

    /// The model.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The next messages, `millis` later.
    pub fn tick(&mut self, millis: i64) -> Vec<Message> {
        self.shown_ms += millis;
        self.model_ms += millis as f64 * self.pace.speed;
        let step = (self.model_ms - self.world.now() * 1_000.0).round() as i64;
        self.world.step(step, self.shown_ms as f64 / 1_000.0);
        let ts = self.source_time();
        match self.pace.rate {
            Some(rate) => self.round_robin(rate * millis as f64 / 1_000.0, &ts),
            None => self.at_own_pace(&ts),
        }
    }

    fn source_time(&self) -> String {
        let ms = self.pace.start.as_millisecond().saturating_add(self.shown_ms);
        format!("{:.3}", Timestamp::from_millisecond(ms).unwrap_or(self.pace.start))
    }

    fn round_robin(&mut self, count: f64, ts: &str) -> Vec<Message> {
        self.owed += count;
        let mut messages = Vec::with_capacity(self.owed as usize);
        let mut silent_in_a_row = 0;
        while self.owed >= 1.0 && silent_in_a_row < self.senders.len() {
            let sender = &self.senders[self.next];
            self.next = (self.next + 1) % self.senders.len();
            if is_silent(&self.world, sender) {
                silent_in_a_row += 1;
                continue;
            }
            silent_in_a_row = 0;
            self.owed -= 1.0;
            messages.push(message(&self.world, sender, ts));
        }
        messages
    }

    fn at_own_pace(&mut self, ts: &str) -> Vec<Message> {
        let now = self.shown_ms;
        let mut messages = Vec::new();
        for sender in &mut self.senders {
            if is_silent(&self.world, sender) {
                continue;
            }
            let shown = shown(&self.world, sender);
            let changed = sender.started
                && (shown.state != sender.shown.state
                    || (shown.count != sender.shown.count && now - sender.sent_ms >= COUNT_GAP_MS));
            if !changed && now < sender.due_ms {
                continue;
            }
            if now >= sender.due_ms {
                // After the first round the phases spread over the whole period.
                let wait = if sender.started { 1.0 } else { 0.1 + 0.9 * sender.phase };
                sender.due_ms = now + (sender.period_ms as f64 * wait) as i64;
            }
            sender.started = true;
            sender.sent_ms = now;
            sender.shown = shown;
            messages.push(message(&self.world, sender, ts));
        }
        messages
    }
}

fn senders(plan: &Plan, publish: &Publish) -> Vec<Sender> {
    let [every, slow, heartbeat] = [publish.every, publish.slow_every, publish.heartbeat]
        .map(|period| i64::try_from(period.as_millis()).unwrap_or(i64::MAX));
    let groups = [
        (Which::Electric, every, plan.electric.iter().map(|m| m.device.seed).collect::<Vec<_>>()),
        (Which::Water, every, plan.water.iter().map(|m| m.device.seed).collect()),
        (Which::Door, heartbeat, plan.doors.iter().map(|d| d.device.seed).collect()),
        (Which::Crowd, heartbeat, plan.counters.iter().map(|d| d.seed).collect()),
        (Which::Air, slow, plan.environment.iter().map(|d| d.seed).collect()),
        (Which::Lift, heartbeat, plan.lifts.iter().map(|l| l.device.seed).collect()),
        (Which::Pump, every, plan.pumps.iter().map(|d| d.seed).collect()),
        (Which::Charger, every, plan.chargers.iter().map(|d| d.seed).collect()),
    ];
    let sender = |which, period_ms, index, seed| {
        let mut rng = Rng::new(seed);
        Sender {
            which,
            index,
            period_ms,
            phase: rng.unit(),
            due_ms: (rng.unit() * FIRST_ROUND_MS) as i64,
            sent_ms: 0,
            started: false,
            shown: Shown::default(),
        }
    };
    let all = groups.into_iter().flat_map(|(which, period, seeds)| {
        seeds.into_iter().enumerate().map(move |(i, seed)| sender(which, period, i, seed))
    });
    all.collect()
}

fn is_silent(world: &World, sender: &Sender) -> bool {
    sender.which == Which::Air && world.faults.at(FaultKind::SensorSilent, sender.index).is_some()
}

fn shown(world: &World, sender: &Sender) -> Shown {
    let i = sender.index;
    match sender.which {
        Which::Electric | Which::Water | Which::Air => Shown::default(),
        Which::Door => {
            let door = world.doors.all[i];
            Shown { state: (door.state as u8, false, 0), count: door.passages }
        }
        Which::Crowd => Shown { count: crowd(world, i).0.into(), ..Shown::default() },
        Which::Lift => {
            let car = &world.lifts.cars[i];
            Shown { state: (car.state as u8, car.fault, car.floor() as i32), count: 0 }
        }
        Which::Pump => Shown { state: (0, world.pumps.all[i].running, 0), count: 0 },
        Which::Charger => Shown { state: (world.chargers.all[i].state as u8, false, 0), count: 0 },
    }
}

fn crowd(world: &World, counter: usize) -> (u32, f64) {
    let Some(space) = world.plan.counters[counter].space else { return (0, 0.0) };
    let people = world.people.inside[space];
    (people, f64::from(people) / world.plan.spaces[space].area_m2)
}

/// Rounds for the payload: a device does not show more digits than it measures.
fn digits(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn message(world: &World, sender: &Sender, ts: &str) -> Message {
    let (plan, i) = (&world.plan, sender.index);
    let kilo = |units: f64| digits(units / 1_000.0, 3);
    let (topic, payload) = match sender.which {
        Which::Electric => {
            let meter = world.energy.electric[i];
            let e_kwh = kilo(meter.register.unit_hours());
            let payload = json!({"ts": ts, "p_kw": kilo(meter.draw as f64), "e_kwh": e_kwh});
            (&plan.electric[i].device.topic, payload)
        }
        Which::Water => {
            let meter = world.energy.water[i];
            let volume = kilo(meter.register.unit_hours());
            let flow = kilo(meter.draw as f64);
            let payload = json!({"ts": ts, "flow_m3h": flow, "volume_m3": volume});
            (&plan.water[i].device.topic, payload)
        }
        Which::Door => {
            let door = world.doors.all[i];
            let state = door.state.as_str();
            let payload = json!({"ts": ts, "state": state, "count": door.passages});
            (&plan.doors[i].device.topic, payload)
        }
        Which::Crowd => {
            let (people, density) = crowd(world, i);
            let payload = json!({"ts": ts, "people": people, "density": digits(density, 4)});
            (&plan.counters[i].topic, payload)
        }
        Which::Air => {
            let air = world.environment.air[i];
            let payload = json!({
                "ts": ts,
                "temp_c": digits(air.temp_c, 2),
                "rh": digits(air.rh, 1),
                "co2_ppm": digits(air.co2_ppm, 0),
                "pm25": digits(air.pm25, 1),
            });
            (&plan.environment[i].topic, payload)
        }
        Which::Lift => {
            let car = &world.lifts.cars[i];
            let (floor, state) = (car.floor(), car.state.as_str());
            let payload = json!({"ts": ts, "floor": floor, "state": state, "fault": car.fault});
            (&plan.lifts[i].device.topic, payload)
        }
        Which::Pump => {
            let pump = world.pumps.all[i];
            let payload = json!({
                "ts": ts,
                "running": pump.running,
                "pressure_bar": digits(pump.pressure_bar, 2),
                "speed_pct": digits(pump.speed_pct, 1),
                "vib_mm_s": digits(pump.vib_mm_s, 2),
            });
            (&plan.pumps[i].topic, payload)
        }
        Which::Charger => {
            let charger = &world.chargers.all[i];
            let payload = json!({
                "ts": ts,
                "state": charger.state.as_str(),
                "p_kw": kilo(charger.watts as f64),
                "e_kwh": kilo(charger.register.unit_hours()),
            });
            (&plan.chargers[i].topic, payload)
        }
    };
    Message { topic: topic.clone(), payload: payload.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::Value;

    use super::*;
    use crate::simulate::fixture;

    fn simulation(scenario: &str, rate: Option<f64>) -> Simulation {
        let scenario = Scenario::parse(scenario, "s".as_ref()).unwrap();
        let start = "2026-03-04T01:00:00Z".parse().unwrap();
        let pace = Pace { start, speed: 1.0, rate, time_of_day: None };
        Simulation::new(Arc::new(fixture::plan()), &scenario, pace, &mut Vec::new())
    }

    fn play(simulation: &mut Simulation, seconds: usize) -> Vec<Message> {
        (0..seconds).flat_map(|_| simulation.tick(1_000)).collect()
    }

    #[test]
    fn equal_seeds_say_the_same_and_others_do_not() {
        let one = play(&mut simulation("", None), 600);
        assert!(one.len() > 300, "{}", one.len());
        assert_eq!(one, play(&mut simulation("", None), 600));
        assert_ne!(one, play(&mut simulation("seed = 2", None), 600));
    }

    #[test]
    fn every_device_speaks_in_the_first_seconds_and_never_all_at_once() {
        let mut simulation = simulation("", None);
        let mut heard = HashMap::new();
        for _ in 0..6 {
            let messages = simulation.tick(1_000);
            assert!(messages.len() < simulation.devices() / 2 + 2, "{} at once", messages.len());
            heard.extend(messages.into_iter().map(|m| (m.topic.clone(), m)));
        }
        assert_eq!(heard.len(), simulation.devices());
        for message in heard.values() {
            let payload: Value = serde_json::from_str(&message.payload).unwrap();
            assert!(payload["ts"].as_str().unwrap().starts_with("2026-03-04T01:00:0"));
        }
    }

    #[test]
    fn the_rate_is_what_was_asked_for() {
        let mut simulation = simulation("", Some(50.0));
        let messages = play(&mut simulation, 20);
        assert_eq!(messages.len(), 1_000);
        let mut per_topic: HashMap<_, u32> = HashMap::new();
        for message in &messages {
            *per_topic.entry(message.topic.clone()).or_default() += 1;
        }
        assert_eq!(per_topic.len(), simulation.devices());
        let (least, most) = (per_topic.values().min().unwrap(), per_topic.values().max().unwrap());
        assert!(most - least <= 1, "{least}..{most}");
    }

    #[test]
    fn faults_are_heard_and_over_again() {
        let fault = |kind: &str, more: &str| {
            format!("[[fault]]\nkind = \"{kind}\"\nafter = \"60s\"\nlasts = \"60s\"\n{more}\n")
        };
        let text = fault("door_forced", "tag = \"T1-01F-D1\"")
            + &fault("sensor_silent", "")
            + &fault("lift_fault", "")
            + &fault("meter_jump", "factor = 8.0\ntag = \"T1-01F-EM1\"");
        let mut simulation = simulation(&text, None);
        let before = play(&mut simulation, 59);
        let during = play(&mut simulation, 60);
        let after = play(&mut simulation, 60);
        let says = |messages: &[Message], topic: &str, what: &str| {
            messages.iter().any(|m| m.topic.contains(topic) && m.payload.contains(what))
        };
        for (topic, what) in [("T1-01F-D1", "\"forced\""), ("/lift/", "\"fault\":true")] {
            assert!(!says(&before, topic, what) && says(&during, topic, what), "{topic}");
            assert!(!says(&after[after.len() / 2..], topic, what), "{topic}");
        }
        assert!(says(&before, "/env/", "temp_c") && !says(&during[20..], "/env/", "temp_c"));
        let power = |messages: &[Message]| {
            let last = messages.iter().rfind(|m| m.topic.contains("T1-01F-EM1")).unwrap();
            serde_json::from_str::<Value>(&last.payload).unwrap()["p_kw"].as_f64().unwrap()
        };
        assert!(power(&during) > 5.0 * power(&before), "{}", power(&during));
        assert!(power(&after) < 2.0 * power(&before));
    }
}
