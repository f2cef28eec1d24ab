//! Time of day at the site, and the curves a day follows for each use of space.

use jiff::Timestamp;

/// Seconds of a day.
pub const DAY_SECS: f64 = 86_400.0;
/// The hour at which the model's day begins: the quietest one.
pub const DAY_STARTS_HOUR: f64 = 4.0;

/// What a space is used for, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    /// Desks.
    Office,
    /// Where people of an office meet.
    Meeting,
    /// Classrooms.
    School,
    /// Flats.
    Residential,
    /// Shops.
    Retail,
    /// Restaurants and canteens.
    Dining,
    /// Lobbies, corridors, stairs, lifts: places to pass through.
    Passage,
    /// Toilets, pantries.
    Service,
    /// Plant rooms, the energy centre.
    Plant,
    /// Car parks.
    Parking,
}

/// English and Chinese words in names, the first match counts: special before general.
const WORDS: &[(Use, &[&str])] = &[
    (Use::Parking, &["parking", "garage", "车库", "停车"]),
    (
        Use::Passage,
        &[
            "lobby", "corridor", "hall", "stair", "lift", "elevator", "entrance", "atrium",
            "foyer", "core", "大堂", "大厅", "走廊", "走道", "楼梯", "电梯", "门厅", "前室",
            "通道", "过道", "中庭",
        ],
    ),
    (
        Use::Plant,
        &[
            "plant",
            "pump",
            "boiler",
            "chiller",
            "electrical",
            "switch",
            "substation",
            "technical",
            "energy",
            "riser",
            "shaft",
            "server",
            "control",
            "机房",
            "泵",
            "配电",
            "设备",
            "能源",
            "弱电",
            "井",
            "控制",
            "冷",
            "锅炉",
            "变",
        ],
    ),
    (Use::Dining, &["canteen", "restaurant", "dining", "cafe", "café", "餐", "食堂", "咖啡"]),
    (Use::Meeting, &["meeting", "conference", "会议"]),
    (
        Use::Service,
        &[
            "toilet", "bathroom", "wc", "pantry", "restroom", "store", "卫生", "浴", "茶水", "储",
            "洗手",
        ],
    ),
    (
        Use::Retail,
        &["shop", "retail", "market", "mall", "商铺", "商店", "商场", "商业", "店", "超市", "零售"],
    ),
    (
        Use::Residential,
        &[
            "apartment",
            "flat",
            "residen",
            "bedroom",
            "living",
            "dwelling",
            "home",
            "住",
            "公寓",
            "户型",
            "住户",
            "卧",
            "客厅",
            "宿舍",
            "居",
        ],
    ),
    (Use::School, &["classroom", "school", "kindergarten", "教室", "学校", "幼儿"]),
    (Use::Office, &["office", "desk", "workspace", "studio", "办公", "工位", "研发"]),
];

impl Use {
    /// Reads the use off a name such as `办公室 302 Office`; `None` where no word is known.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        WORDS.iter().find(|(_, words)| words.iter().any(|w| name.contains(w))).map(|(u, _)| *u)
    }

    /// Installed electric load, W/m², base included.
    pub fn watts_per_m2(self) -> f64 {
        match self {
            Self::Office | Self::Meeting | Self::School => 32.0,
            Self::Residential => 16.0,
            Self::Retail => 45.0,
            Self::Dining => 60.0,
            Self::Passage | Self::Service => 9.0,
            Self::Plant => 80.0,
            Self::Parking => 4.0,
        }
    }

    /// Share of the installed load that is on at this time, 0..1.
    pub fn load(self, local: Local) -> f64 {
        let curve = match (self, local.weekend()) {
            (Self::Office | Self::Meeting | Self::School | Self::Service, false) => OFFICE_LOAD,
            (Self::Office | Self::Meeting | Self::School | Self::Service, true) => {
                OFFICE_LOAD_WEEKEND
            }
            (Self::Residential, false) => HOME_LOAD,
            (Self::Residential, true) => HOME_LOAD_WEEKEND,
            (Self::Retail | Self::Dining, _) => RETAIL_LOAD,
            (Self::Passage | Self::Parking, _) => PASSAGE_LOAD,
            (Self::Plant, _) => PLANT_LOAD,
        };
        sample(curve, local.hour())
    }

    /// Water drawn at this time relative to its daily peak, 0..1.
    pub fn water(self, local: Local) -> f64 {
        let curve = match self {
            Self::Residential => HOME_WATER,
            Self::Retail | Self::Dining => RETAIL_LOAD,
            _ if local.weekend() => OFFICE_WATER_WEEKEND,
            _ => OFFICE_WATER,
        };
        sample(curve, local.hour())
    }
}

/// A curve over the day: (hour, value), joined by straight lines, the last joined to the first.
type Curve = &'static [(f64, f64)];

const OFFICE_LOAD: Curve = &[
    (0.0, 0.16),
    (5.5, 0.15),
    (7.5, 0.3),
    (9.2, 0.86),
    (11.5, 0.95),
    (12.4, 0.74),
    (13.6, 0.93),
    (16.0, 1.0),
    (18.0, 0.82),
    (20.0, 0.42),
    (22.0, 0.22),
];
const OFFICE_LOAD_WEEKEND: Curve =
    &[(0.0, 0.15), (8.0, 0.15), (10.0, 0.27), (16.0, 0.28), (19.0, 0.17)];
const HOME_LOAD: Curve = &[
    (0.0, 0.34),
    (2.0, 0.22),
    (5.5, 0.2),
    (7.3, 0.5),
    (9.5, 0.28),
    (12.0, 0.4),
    (14.0, 0.3),
    (17.5, 0.46),
    (19.8, 1.0),
    (22.0, 0.78),
    (23.3, 0.5),
];
const HOME_LOAD_WEEKEND: Curve = &[
    (0.0, 0.38),
    (2.5, 0.23),
    (7.0, 0.24),
    (9.5, 0.5),
    (12.3, 0.66),
    (15.0, 0.5),
    (19.8, 1.0),
    (22.5, 0.74),
];
const RETAIL_LOAD: Curve = &[
    (0.0, 0.14),
    (6.0, 0.14),
    (8.5, 0.3),
    (10.0, 0.75),
    (12.3, 0.98),
    (14.5, 0.8),
    (18.8, 1.0),
    (21.0, 0.85),
    (22.3, 0.3),
];
const PASSAGE_LOAD: Curve =
    &[(0.0, 0.4), (6.0, 0.42), (8.0, 0.85), (17.0, 0.8), (19.0, 1.0), (22.0, 0.7)];
const PLANT_LOAD: Curve =
    &[(0.0, 0.32), (5.0, 0.3), (7.5, 0.6), (11.0, 0.8), (15.0, 0.95), (18.0, 0.85), (21.0, 0.6)];
const HOME_WATER: Curve = &[
    (0.0, 0.1),
    (2.0, 0.02),
    (5.0, 0.04),
    (7.2, 0.95),
    (9.0, 0.4),
    (12.0, 0.5),
    (14.5, 0.2),
    (18.0, 0.6),
    (20.5, 1.0),
    (22.5, 0.55),
];
const OFFICE_WATER: Curve = &[
    (0.0, 0.01),
    (7.0, 0.05),
    (9.3, 0.9),
    (11.0, 0.6),
    (12.6, 1.0),
    (15.0, 0.65),
    (18.0, 0.5),
    (20.0, 0.1),
];
const OFFICE_WATER_WEEKEND: Curve = &[(0.0, 0.01), (8.0, 0.02), (12.0, 0.15), (18.0, 0.05)];

fn sample(curve: Curve, hour: f64) -> f64 {
    let next = curve.iter().position(|(h, _)| *h > hour);
    let (before, after) = match next {
        Some(0) => (curve.len() - 1, 0),
        Some(next) => (next - 1, next),
        None => (curve.len() - 1, 0),
    };
    let ((h0, v0), (h1, v1)) = (curve[before], curve[after]);
    let span = (h1 - h0).rem_euclid(24.0);
    if span == 0.0 {
        return v0;
    }
    v0 + (v1 - v0) * ((hour - h0).rem_euclid(24.0) / span)
}

/// Reads `HH:MM`, as seconds of the day.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_time_of_day(text: &str) -> Result<f64, String> {
    let two = |s: &str| (s.len() == 2).then(|| s.parse::<u8>().ok()).flatten();
    text.split_once(':')
        .and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)))
        .filter(|(hours, minutes)| *hours < 24 && *minutes < 60)
        .map(|(hours, minutes)| f64::from(hours) * 3_600.0 + f64::from(minutes) * 60.0)
        .ok_or_else(|| format!("expected a time of day such as 09:30, found {text}"))
}

/// A moment on the site's own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Local {
    /// Days since 1970-01-01 in local time.
    pub day: i64,
    /// Seconds since local midnight.
    pub secs: f64,
}

impl Local {
    /// Hour of the day, with its fraction.
    pub fn hour(self) -> f64 {
        self.secs / 3_600.0
    }

    /// Saturday or Sunday.
    pub fn weekend(self) -> bool {
        // 1970-01-01 was a Thursday.
        matches!((self.day + 3).rem_euclid(7), 5 | 6)
    }

    /// Part of the year that has passed, 0..1.
    pub fn year_fraction(self) -> f64 {
        (self.day as f64 / 365.2425).rem_euclid(1.0)
    }
}

/// The model's clock: seconds since the first message, negative while it warms up.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start_ms: i64,
    offset_secs: i32,
}

impl Clock {
    /// A clock that reads 0 at `start`, for a site this far east of UTC.
    pub fn new(start: Timestamp, offset_secs: i32) -> Self {
        Self { start_ms: start.as_millisecond(), offset_secs }
    }

    /// The same clock set forward or back within its day, so that it reads `secs` of the day at
    /// 0: plays another time of day than the real one.
    pub fn set_to(mut self, secs: f64) -> Self {
        self.offset_secs += (secs - self.local(0.0).secs) as i32;
        self
    }

    /// Local time at a model time.
    pub fn local(&self, t: f64) -> Local {
        let secs = self.start_ms as f64 / 1_000.0 + f64::from(self.offset_secs) + t;
        let day = (secs / DAY_SECS).floor();
        Local { day: day as i64, secs: secs - day * DAY_SECS }
    }

    /// Model time at which the model's day that holds `t` began ([`DAY_STARTS_HOUR`]).
    pub fn day_start(&self, t: f64) -> f64 {
        let since = (self.local(t).secs - DAY_STARTS_HOUR * 3_600.0).rem_euclid(DAY_SECS);
        t - since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> (Clock, Local) {
        let clock = Clock::new(text.parse().unwrap(), 8 * 3_600);
        (clock, clock.local(0.0))
    }

    #[test]
    fn local_time_follows_the_offset() {
        let (clock, local) = at("2026-03-06T22:30:00Z");
        assert_eq!(local.hour(), 6.5);
        assert!(local.weekend(), "Saturday in Shenzhen while still Friday in London");
        assert_eq!(clock.day_start(0.0), -2.5 * 3_600.0);
        assert_eq!(clock.day_start(-2.6 * 3_600.0), -26.5 * 3_600.0);
    }

    #[test]
    fn a_clock_can_be_set() {
        let (clock, real) = at("2026-03-04T17:00:00Z");
        assert_eq!(real.hour(), 1.0);
        let set = clock.set_to(9.5 * 3_600.0);
        assert_eq!((set.local(60.0).day, set.local(60.0).secs), (real.day, 9.5 * 3_600.0 + 60.0));
        assert_eq!(set.day_start(0.0), -5.5 * 3_600.0);
    }

    #[test]
    fn an_office_works_by_day_and_a_home_in_the_evening() {
        let hour = |hour: f64| Local { day: 0, secs: hour * 3_600.0 };
        assert!(Use::Office.load(hour(10.5)) > 3.0 * Use::Office.load(hour(3.0)));
        assert!(Use::Office.load(hour(12.4)) < Use::Office.load(hour(11.5)), "lunch dip");
        assert!(Use::Residential.load(hour(20.0)) > 2.0 * Use::Residential.load(hour(15.0)));
        let saturday = Local { day: 2, secs: 10.5 * 3_600.0 };
        assert!(saturday.weekend() && Use::Office.load(saturday) < 0.3);
        for h in 0..240 {
            let local = hour(f64::from(h) / 10.0);
            assert!((0.0..=1.0).contains(&Use::Plant.load(local)));
        }
    }

    #[test]
    fn times_of_day() {
        assert_eq!(parse_time_of_day("09:30"), Ok(34_200.0));
        for wrong in ["", "9:30", "24:00", "12:60", "noon"] {
            assert!(parse_time_of_day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_tell_the_use() {
        assert_eq!(Use::of_name("办公室 302 Office"), Some(Use::Office));
        assert_eq!(Use::of_name("电梯厅 Lift Lobby"), Some(Use::Passage));
        assert_eq!(Use::of_name("电梯井 101 Lift shaft"), Some(Use::Passage));
        assert_eq!(Use::of_name("水泵房 Pump Room"), Some(Use::Plant));
        assert_eq!(Use::of_name("R-17"), None);
    }
}
