//! What keys are called: names of measured things in English, in pinyin and Chinese, and
//! the abbreviations that devices use, with the units that come with them.

/// A measured thing, by the words for it.
struct Word {
    metric: &'static str,
    unit: &'static str,
    names: &'static [&'static str],
    /// What values are believable, in `unit`.
    plausible: Option<[f64; 2]>,
}

const fn word(
    metric: &'static str,
    unit: &'static str,
    plausible: [f64; 2],
    names: &'static [&'static str],
) -> Word {
    Word { metric, unit, names, plausible: Some(plausible) }
}

const fn state(metric: &'static str, names: &'static [&'static str]) -> Word {
    Word { metric, unit: "", names, plausible: None }
}

/// The first that fits counts, so the particular stands before the general.
const WORDS: &[Word] = &[
    word("co2", "[ppm]", [200.0, 20_000.0], &["co2", "eryanghuatan", "二氧化碳"]),
    word("pm25", "ug/m3", [0.0, 2_000.0], &["pm25", "pm2_5", "pm2.5"]),
    word("humidity", "%", [0.0, 100.0], &["humidity", "hum", "humi", "rh", "shidu", "湿度"]),
    word(
        "temperature",
        "Cel",
        [-60.0, 150.0],
        &["temperature", "temp", "tmp", "wendu", "温度", "temperatur"],
    ),
    word(
        "power_factor",
        "1",
        [-1.0, 1.0],
        &["power_factor", "pf", "cosphi", "cos_phi", "gonglvyinshu", "功率因数", "factor"],
    ),
    word(
        "energy",
        "kW.h",
        [0.0, 1e9],
        &[
            "energy",
            "kwh",
            "wh",
            "mwh",
            "epi",
            "ep",
            "yongdianliang",
            "dianliang",
            "diandu",
            "dianneng",
            "电量",
            "电能",
            "active_energy",
            "e_total",
        ],
    ),
    word(
        "power",
        "kW",
        [-1e6, 1e6],
        &[
            "power",
            "active_power",
            "kw",
            "watt",
            "watts",
            "pwr",
            "gonglv",
            "yougong",
            "功率",
            "load",
        ],
    ),
    word("voltage", "V", [0.0, 50_000.0], &["voltage", "volt", "volts", "dianya", "电压"]),
    word(
        "current",
        "A",
        [-10_000.0, 10_000.0],
        &["current", "amp", "amps", "ampere", "dianliu", "电流"],
    ),
    word("frequency", "Hz", [0.0, 1_000.0], &["frequency", "freq", "pinlv", "频率"]),
    word(
        "water_flow",
        "m3/h",
        [0.0, 1e5],
        &["flow", "flow_rate", "flowrate", "liuliang", "liusu", "流量", "water_flow"],
    ),
    word(
        "water_volume",
        "m3",
        [0.0, 1e9],
        &["volume", "water_volume", "yongshuiliang", "shuiliang", "用水量", "water_total"],
    ),
    word(
        "people",
        "{person}",
        [0.0, 100_000.0],
        &[
            "people",
            "persons",
            "person_count",
            "people_count",
            "headcount",
            "renshu",
            "人数",
            "occupants",
        ],
    ),
    word("pressure", "bar", [-1.0, 1_000.0], &["pressure", "press", "yali", "压力"]),
    word(
        "illuminance",
        "lx",
        [0.0, 200_000.0],
        &["illuminance", "lux", "illumination", "guangzhao", "照度"],
    ),
    word("battery", "%", [0.0, 100.0], &["battery", "batt", "bat", "dianchi", "电池"]),
    state("door", &["door", "door_state", "men", "menci", "门", "contact"]),
    state("presence", &["presence", "occupancy", "occupied", "motion", "youren", "有人"]),
    state("running", &["running", "run", "yunxing", "运行"]),
    state("state", &["state", "status", "zhuangtai", "状态"]),
];

/// A single letter means something only to those who write electricity meters.
const LETTERS: &[(&str, &str)] =
    &[("p", "power"), ("t", "temperature"), ("u", "voltage"), ("v", "voltage"), ("i", "current")];

/// A unit as devices write it at the end of a key: the metric it belongs to, and how many
/// of that metric's unit it is.
const UNITS: &[(&str, &str, f64)] = &[
    ("kw", "power", 1.0),
    ("w", "power", 0.001),
    ("mw", "power", 1_000.0),
    ("kwh", "energy", 1.0),
    ("wh", "energy", 0.001),
    ("mwh", "energy", 1_000.0),
    ("c", "temperature", 1.0),
    ("degc", "temperature", 1.0),
    ("ma", "current", 0.001),
    ("a", "current", 1.0),
    ("v", "voltage", 1.0),
    ("mv", "voltage", 0.001),
    ("pct", "humidity", 1.0),
    ("ppm", "co2", 1.0),
    ("m3h", "water_flow", 1.0),
    ("m3", "water_volume", 1.0),
    ("l", "water_volume", 0.001),
    ("kpa", "pressure", 0.01),
    ("pa", "pressure", 0.000_01),
    ("bar", "pressure", 1.0),
    ("hz", "frequency", 1.0),
];

/// What a key probably means.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) metric: &'static str,
    pub(super) unit: &'static str,
    /// To `unit`.
    pub(super) scale: f64,
    /// 0 to 1.
    pub(super) confidence: f64,
    /// How it came about, for people.
    pub(super) why: String,
}

/// What a key means, told by its words, and by its values where they speak against it.
pub(super) fn guess(key: &str, numbers: &[f64]) -> Option<Guess> {
    let tokens = tokens(key);
    let text = tokens.join("_");
    let last = tokens.last()?.as_str();
    let unit = UNITS.iter().find(|(unit, ..)| tokens.len() > 1 && *unit == last);
    let (word, mut confidence) = by_word(&tokens, &text)?;
    let mut guess = Guess {
        metric: word.metric,
        unit: word.unit,
        scale: 1.0,
        confidence,
        why: format!("`{key}` looks like {}", word.metric),
    };
    if !word.unit.is_empty() {
        let scale = match unit {
            Some((_, metric, scale)) if *metric == word.metric => {
                confidence = (confidence + 0.05).min(0.97);
                *scale
            }
            // The unit is of something else: `energy_w` is not energy.
            Some(_) if confidence < 0.9 => return None,
            _ => bare(last),
        };
        guess.scale = scale;
        guess.why += &format!(" in {}", shown(word.unit, scale));
    }
    let wrong = |value: &f64| {
        word.plausible.is_some_and(|[low, high]| !(low..=high).contains(&(value * guess.scale)))
    };
    let odd = numbers.iter().filter(|value| wrong(value)).count();
    if odd * 2 > numbers.len() {
        return None;
    }
    if odd > 0 {
        confidence *= 0.7;
        guess.why += &format!(", though {odd} of {} values do not fit", numbers.len());
    }
    guess.confidence = confidence;
    Some(guess)
}

/// `wh` and its like are unit and name in one.
fn bare(last: &str) -> f64 {
    match last {
        "wh" | "watt" | "watts" => 0.001,
        "mwh" => 1_000.0,
        _ => 1.0,
    }
}

fn shown(unit: &str, scale: f64) -> String {
    let unit = match unit {
        "Cel" => "°C",
        "kW.h" => "kWh",
        "[ppm]" => "ppm",
        "{person}" => "persons",
        other => other,
    };
    if scale == 1.0 { unit.to_owned() } else { format!("{scale} {unit}") }
}

fn by_word(tokens: &[String], text: &str) -> Option<(&'static Word, f64)> {
    let named = |name: &str| WORDS.iter().find(|word| word.names.contains(&name));
    if let Some(word) = named(text) {
        return Some((word, 0.92));
    }
    if tokens.len() > 1 {
        let (last, front) = tokens.split_last()?;
        let unit = UNITS.iter().find(|(unit, ..)| unit == last);
        let front = front.join("_");
        if let (Some((_, metric, _)), Some((_, meant))) =
            (unit, LETTERS.iter().find(|(letter, _)| *letter == front))
            && metric == meant
        {
            return Some((WORDS.iter().find(|word| word.metric == *metric)?, 0.9));
        }
        if let Some(word) = unit.and_then(|_| named(&front)) {
            return Some((word, 0.9));
        }
        if let Some(word) = tokens.iter().rev().find_map(|token| named(token)) {
            return Some((word, 0.75));
        }
    }
    let (_, meant) = LETTERS.iter().find(|(letter, _)| *letter == text)?;
    Some((WORDS.iter().find(|word| word.metric == *meant)?, 0.55))
}

/// Whether a word names something measured, so that it stands for itself in a topic.
pub(super) fn is_word(text: &str) -> bool {
    by_word(&tokens(text), &tokens(text).join("_")).is_some_and(|(_, sure)| sure > 0.7)
}

/// A key in lower case, cut at its separators and at `camelCase`; numbers at the end of a
/// word, as in `temp1`, are left out.
fn tokens(key: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut lower = false;
    for c in key.chars() {
        if matches!(c, '_' | '-' | ' ' | '/') {
            tokens.push(String::new());
        } else {
            if c.is_uppercase() && lower {
                tokens.push(String::new());
            }
            if let Some(token) = tokens.last_mut() {
                token.extend(c.to_lowercase());
            }
        }
        lower = c.is_lowercase();
    }
    // `pm2_5` is one word, and so is `temp_1`.
    let is_number = |token: &str| !token.is_empty() && token.chars().all(|c| c.is_ascii_digit());
    let mut at = 1;
    while at < tokens.len() {
        if is_number(&tokens[at]) {
            let number = tokens.remove(at);
            tokens[at - 1].push_str(&number);
        } else {
            at += 1;
        }
    }
    let known = |token: &str| WORDS.iter().any(|word| word.names.contains(&token));
    let trimmed = |token: String| match known(&token) || UNITS.iter().any(|unit| unit.0 == token) {
        true => token,
        false => token.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(),
    };
    tokens.into_iter().map(trimmed).filter(|token| !token.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, numbers: &[f64]) -> Option<(&'static str, f64)> {
        guess(key, numbers).map(|guess| (guess.metric, guess.scale))
    }

    #[test]
    fn keys_are_known_in_english_pinyin_and_chinese() {
        for (key, metric, scale) in [
            ("p_kw", "power", 1.0),
            ("power_w", "power", 0.001),
            ("activePower", "power", 1.0),
            ("e_wh", "energy", 0.001),
            ("energyKWh", "energy", 1.0),
            ("temp1", "temperature", 1.0),
            ("roomTemp", "temperature", 1.0),
            ("wendu", "temperature", 1.0),
            ("温度", "temperature", 1.0),
            ("shidu", "humidity", 1.0),
            ("rh", "humidity", 1.0),
            ("CO2", "co2", 1.0),
            ("pm2_5", "pm25", 1.0),
            ("yongdianliang", "energy", 1.0),
            ("renshu", "people", 1.0),
            ("door_state", "door", 1.0),
        ] {
            assert_eq!(found(key, &[]), Some((metric, scale)), "{key}");
        }
        for unknown in ["x", "uid", "firmware", "rssi_max", "seq"] {
            assert_eq!(found(unknown, &[]), None, "{unknown}");
        }
    }

    #[test]
    fn values_speak_against_a_name() {
        assert!(found("humidity", &[45.0, 50.0]).is_some());
        assert_eq!(found("humidity", &[450.0, 500.0]), None);
        let doubtful = guess("temp", &[21.0, 22.0, 20.5, 850.0]).unwrap();
        assert!(doubtful.confidence < 0.7 && doubtful.why.contains("1 of 4"));
    }
}
