//! The scenario file: what the simulator plays, checked before anything starts.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

/// Why a scenario cannot be played.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file could not be read.
    #[error("reading scenario {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("scenario {path}, line {line}: {message}")]
    Parse {
        /// The file, or what stands for it.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Which key, and what was expected.
        message: String,
    },
    /// A value that parses and makes no sense.
    #[error("scenario {path}: `{key}` {expected}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What was expected, and what stands there.
        expected: String,
    },
}

/// What the simulator plays. Every key is explained in `config/demo-scenario.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Scene package, relative to the file; `--scene` goes first.
    #[serde(default)]
    pub scene: Option<PathBuf>,
    /// Seeds everything that is left to chance.
    #[serde(default = "one")]
    pub seed: u64,
    /// The site's time, seconds east of UTC.
    #[serde(default = "plus_eight", deserialize_with = "utc_offset")]
    pub utc_offset: i32,
    /// First level of every topic.
    #[serde(default = "root")]
    pub topic_root: String,
    /// How the messages are sent.
    #[serde(default)]
    pub publish: Publish,
    /// Who is there.
    #[serde(default)]
    pub people: People,
    /// Loads of meters.
    #[serde(default)]
    pub energy: Energy,
    /// Doors and gates.
    #[serde(default)]
    pub doors: Doors,
    /// Pumps.
    #[serde(default)]
    pub pumps: Pumps,
    /// Chargers for electric vehicles.
    #[serde(default)]
    pub chargers: Chargers,
    /// What goes wrong, and when.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
}

macro_rules! defaults {
    ($type:ident { $($(#[$doc:meta])* $field:ident: $kind:ty = $value:expr,)* }) => {
        #[doc = concat!("The table `", stringify!($type), "` of a scenario.")]
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $type { $($(#[$doc])* pub $field: $kind,)* }
        impl Default for $type {
            fn default() -> Self {
                Self { $($field: $value,)* }
            }
        }
    };
}

defaults!(Publish {
    /// MQTT quality of service, 0 or 1.
    qos: u8 = 1,
    /// Analogue values of one device are sent this often.
    #[serde(with = "humantime_serde")]
    every: Duration = Duration::from_secs(10),
    /// Slow values (air) are sent this often.
    #[serde(with = "humantime_serde")]
    slow_every: Duration = Duration::from_secs(20),
    /// States are sent at once when they change, and at least this often.
    #[serde(with = "humantime_serde")]
    heartbeat: Duration = Duration::from_secs(30),
});

defaults!(People {
    /// Multiplies how many people there are.
    scale: f64 = 1.0,
    /// No more than this many people, workers, residents and visitors together.
    max: usize = 12_000,
});

defaults!(Energy {
    /// Multiplies every electric load.
    scale: f64 = 1.0,
    /// Multiplies every water draw.
    water_scale: f64 = 1.0,
});

defaults!(Doors {
    /// How long a door stays open after somebody passed.
    #[serde(with = "humantime_serde")]
    open_for: Duration = Duration::from_secs(5),
    /// Gates stand open from this hour of the day.
    gates_open_hour: f64 = 6.5,
    /// Gates close at this hour of the day.
    gates_close_hour: f64 = 22.5,
});

defaults!(Pumps {
    /// The pressure a set of pumps holds, bar.
    setpoint_bar: f64 = 4.5,
    /// Duty moves to the next pump of the room after this long.
    #[serde(with = "humantime_serde")]
    changeover: Duration = Duration::from_secs(6 * 3_600),
    /// A pump stops itself at this vibration, mm/s RMS (ISO 10816-3 zone D begins at 7.1).
    trip_mm_s: f64 = 7.1,
});

defaults!(Chargers {
    /// Power of one session, kW.
    power_kw: f64 = 7.0,
    /// Sessions that begin at one charger in a day, on average.
    sessions_per_day: f64 = 4.0,
});

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A door is open that nobody unlocked.
    DoorForced,
    /// A door does not close any more.
    DoorHeld,
    /// A sensor sends nothing.
    SensorSilent,
    /// A pump's vibration rises until it trips and the standby pump takes over.
    PumpBearing,
    /// A lift stops and says so.
    LiftFault,
    /// A meter reads several times what it should.
    MeterJump,
    /// A charger stops and says so.
    ChargerFault,
}

/// One thing that goes wrong, once or again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// The device, by its IFC Tag; absent: another one each time, chosen by the seed.
    #[serde(default)]
    pub tag: Option<String>,
    /// How long after the start.
    #[serde(with = "humantime_serde")]
    pub after: Duration,
    /// For how long.
    #[serde(with = "humantime_serde")]
    pub lasts: Duration,
    /// Again after this long, counted from beginning to beginning; absent: once.
    #[serde(default, with = "humantime_serde")]
    pub every: Option<Duration>,
    /// By how much a reading is multiplied (meter_jump).
    #[serde(default = "six")]
    pub factor: f64,
}

fn one() -> u64 {
    1
}
fn six() -> f64 {
    6.0
}
fn plus_eight() -> i32 {
    8 * 3_600
}
fn root() -> String {
    "campus".to_owned()
}

fn utc_offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_offset(&text).ok_or_else(|| {
        D::Error::custom(format!("`utc_offset` expects \"+08:00\" within ±14:00, found \"{text}\""))
    })
}

fn parse_offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |s: &str| (s.len() == 2).then(|| s.parse::<u8>().ok()).flatten().map(i32::from);
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let secs = hours * 3_600 + minutes * 60;
    (minutes < 60 && secs <= 14 * 3_600).then_some(sign * secs)
}

impl Scenario {
    /// Reads and checks a scenario file; a relative `scene` becomes relative to its folder.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
        let mut scenario = Self::parse(&text, path)?;
        if let (Some(scene), Some(folder)) = (&mut scenario.scene, path.parent()) {
            *scene = folder.join(&*scene);
        }
        Ok(scenario)
    }

    /// Reads and checks a scenario; `path` is only named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            ScenarioError::Parse {
                path: path.to_owned(),
                line: text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1,
                message: error.message().replace('\n', " "),
            }
        })?;
        scenario.check().map_err(|(key, expected)| ScenarioError::Value {
            path: path.to_owned(),
            key,
            expected,
        })?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), (String, String)> {
        let factors = [
            ("people.scale", self.people.scale),
            ("energy.scale", self.energy.scale),
            ("energy.water_scale", self.energy.water_scale),
            ("chargers.sessions_per_day", self.chargers.sessions_per_day),
        ];
        for (key, value) in factors {
            in_range(key, value, 0.0, 1_000.0)?;
        }
        in_range("publish.qos", f64::from(self.publish.qos), 0.0, 1.0)?;
        in_range("people.max", self.people.max as f64, 0.0, 200_000.0)?;
        in_range("doors.gates_open_hour", self.doors.gates_open_hour, 0.0, 24.0)?;
        in_range("doors.gates_close_hour", self.doors.gates_close_hour, 0.0, 24.0)?;
        in_range("pumps.setpoint_bar", self.pumps.setpoint_bar, 0.1, 40.0)?;
        in_range("pumps.trip_mm_s", self.pumps.trip_mm_s, 3.0, 50.0)?;
        in_range("chargers.power_kw", self.chargers.power_kw, 0.1, 1_000.0)?;
        let times = [
            ("publish.every", self.publish.every),
            ("publish.slow_every", self.publish.slow_every),
            ("publish.heartbeat", self.publish.heartbeat),
            ("doors.open_for", self.doors.open_for),
            ("pumps.changeover", self.pumps.changeover),
        ];
        for (key, value) in times {
            at_least_a_second(key, value)?;
        }
        if self.topic_root.is_empty() || self.topic_root.contains(['+', '#', '\0']) {
            return Err(("topic_root".into(), "must be a topic without `+` and `#`".into()));
        }
        self.faults.iter().enumerate().try_for_each(|(i, fault)| fault.check(i + 1))
    }
}

impl Fault {
    fn check(&self, number: usize) -> Result<(), (String, String)> {
        let key = |name: &str| format!("fault {number}.{name}");
        at_least_a_second(&key("lasts"), self.lasts)?;
        in_range(&key("factor"), self.factor, -1_000.0, 1_000.0)?;
        match self.every {
            Some(every) if every < self.lasts => Err((
                key("every"),
                format!("must not be shorter than `lasts` ({:?}), found {every:?}", self.lasts),
            )),
            _ => Ok(()),
        }
    }
}

fn in_range(key: &str, value: f64, low: f64, high: f64) -> Result<(), (String, String)> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err((key.to_owned(), format!("must be from {low} to {high}, found {value}")))
}

fn at_least_a_second(key: &str, value: Duration) -> Result<(), (String, String)> {
    if value >= Duration::from_secs(1) {
        return Ok(());
    }
    Err((key.to_owned(), format!("must be 1s or longer, found {value:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Scenario::parse(text, Path::new("s.toml")).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_scenario_is_one() {
        let scenario = Scenario::parse("", Path::new("s.toml")).unwrap();
        assert_eq!((scenario.utc_offset, scenario.seed, scenario.publish.qos), (28_800, 1, 1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(error("seed = 1\nsead = 2").starts_with("scenario s.toml, line 2: unknown field"));
        assert!(!error("seed = \n").contains('\n'));
        assert!(error("utc_offset = \"8\"").contains("+08:00"));
        assert!(error("[people]\nscale = -1.0").contains("`people.scale` must be from 0"));
        assert!(error("[publish]\nevery = \"10ms\"").contains("publish.every"));
        assert!(error("[publish]\nqos = 2").contains("publish.qos"));
        let fault =
            "[[fault]]\nkind = \"door_forced\"\nafter = \"1m\"\nlasts = \"2m\"\nevery = \"1m\"";
        assert!(error(fault).contains("fault 1.every"));
        assert!(error("[[fault]]\nkind = \"ghost\"").contains("door_forced"));
        assert!(
            Scenario::load(Path::new("none.toml")).unwrap_err().to_string().contains("none.toml")
        );
    }

    #[test]
    fn offsets_are_hours_and_minutes() {
        assert_eq!(parse_offset("+08:00"), Some(28_800));
        assert_eq!(parse_offset("-03:30"), Some(-12_600));
        for wrong in ["", "8", "08:00", "+8:00", "+08:60", "+15:00", "+é8:00"] {
            assert_eq!(parse_offset(wrong), None, "{wrong}");
        }
    }
}
