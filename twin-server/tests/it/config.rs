//! The configuration: the shipped files are right, and mistakes are named.

use std::path::{Path, PathBuf};

use twin_server::config::{BrokerChoice, Config, ConfigError, Problem, Protocol};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name)
}

fn problems(text: &str) -> Vec<Problem> {
    match Config::parse(Path::new("twin.toml"), text) {
        Err(ConfigError::Invalid { problems, .. }) => problems,
        other => panic!("expected problems, got {other:?}"),
    }
}

#[test]
fn the_example_is_right_and_shows_the_defaults() {
    let file = shipped("twin.example.toml");
    let config = Config::load(&file).unwrap();
    assert_eq!(config.scene.package, file.parent().unwrap().join("scene"));
    assert_eq!(config.bindings.len(), 12);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    // What the example gives as default is the default.
    let bare = "[scene]\npackage = \"scene\"\n[mqtt]\nurl = \"mqtt://127.0.0.1\"\n";
    let bare = Config::parse(&file, bare).unwrap();
    assert_eq!(format!("{:?}", bare.http), format!("{:?}", config.http));
    let (bare, given) = (bare.mqtt.unwrap(), config.mqtt.unwrap());
    assert_eq!(bare.broker, given.broker);
    assert_eq!(
        (bare.qos, bare.keep_alive, bare.session_expiry, bare.max_packet_bytes, bare.queue),
        (given.qos, given.keep_alive, given.session_expiry, given.max_packet_bytes, given.queue),
    );
    assert_eq!((bare.protocol, bare.watch), (given.protocol, given.watch));
    let bare = "[scene]\npackage = \"scene\"\n[history]\npath = \"data/history\"\n";
    let mut bare = Config::parse(&file, bare).unwrap().history.unwrap();
    let given = config.history.unwrap();
    assert_eq!(given.retention.classes.len(), 1);
    bare.retention.classes = given.retention.classes.clone();
    assert_eq!(bare, given);
}

#[test]
fn a_database_is_named_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret"), "hush\n").unwrap();
    let file = dir.path().join("twin.toml");
    let text = |history: &str| format!("[scene]\npackage = \"x\"\n[history]\n{history}");
    let given = "url = \"postgres://twin@db.example/twin\"\npassword_file = \"secret\"\n";
    let config = Config::parse(&file, &text(given)).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let shown = format!("{:?}", config.history);
    assert!(shown.contains("postgres://db.example/twin") && !shown.contains("hush"), "{shown}");
    let budget = |history: &str| Config::parse(&file, &text(history)).unwrap().history.unwrap();
    assert_eq!(budget(given).retention.max_bytes, u64::MAX, "whose disk is not ours");
    let bounded = format!("{given}minute = \"900d\"\nmax_bytes = 100000000\n");
    assert_eq!(budget(&bounded).retention.max_bytes, 100_000_000);
    for (history, key, said) in [
        ("url = \"postgres://a:b@c/d\"", "history.url", "password_file"),
        ("url = \"sqlite://x\"", "history.url", "expected postgres://"),
        ("url = \"postgres://a@c/d\"\nca_file = \"none.pem\"", "history.ca_file", "none.pem"),
        ("path = \"h\"\npassword_file = \"secret\"", "history.password_file", "for `url`"),
    ] {
        let found = problems(&text(history));
        assert_eq!(found.len(), 1, "{history}: {found:?}");
        assert_eq!(found[0].key, key);
        assert!(found[0].message.contains(said), "{}", found[0].message);
    }
}

#[test]
fn a_group_needs_what_its_members_share() {
    let text = |mqtt: &str, history: &str| {
        format!("[scene]\npackage = \"x\"\n[mqtt]\n{mqtt}\n[history]\n{history}\n")
    };
    let broker = "url = \"mqtt://127.0.0.1\"\nshare_group = \"twin\"";
    let database = "url = \"postgres://twin@localhost/twin\"";
    let good = text(&format!("{broker}\nclient_id = \"one\""), database);
    let config = Config::parse(Path::new("twin.toml"), &good).unwrap();
    assert_eq!(config.mqtt.unwrap().share_group.as_deref(), Some("twin"));
    let member = format!("{broker}\nclient_id = \"one\"");
    for (mqtt, history, said) in [
        (broker.to_owned(), database, "client_id"),
        (format!("{member}\nqos = 0"), database, "qos = 1"),
        (format!("{member}\nprotocol = 4"), database, "protocol = 5"),
        (member.replace("\"twin\"", "\"t/w\""), database, "without /"),
        (
            member.replace("url", "embedded").replace("mqtt://127.0.0.1", "127.0.0.1:0"),
            database,
            "`url`",
        ),
        (member, "path = \"h\"", "[history] url"),
    ] {
        let found = problems(&text(&mqtt, history));
        assert_eq!(found.len(), 1, "{mqtt}: {found:?}");
        assert_eq!(found[0].key, "mqtt.share_group");
        assert!(found[0].message.contains(said), "{}", found[0].message);
    }
}

#[test]
fn how_long_history_is_kept_is_checked() {
    let text =
        |history: &str| format!("[scene]\npackage = \"x\"\n[history]\npath = \"h\"\n{history}");
    let day = std::time::Duration::from_secs(86_400);
    let parsed = text("raw = \"forever\"\n[[history.class]]\nmetrics = [\"p*\"]\nraw = \"30d\"");
    let parsed = Config::parse(Path::new("t.toml"), &parsed).unwrap().history.unwrap().retention;
    assert_eq!((parsed.usual.raw, parsed.usual.minute, parsed.usual.hour), (None, None, None));
    assert_eq!(parsed.class("power").raw, Some(30 * day));
    for (history, key, said) in [
        ("raw = \"30d\"\nminute = \"7d\"", "history.minute", "shorter"),
        ("raw = \"soon\"", "history.raw", "expected a duration"),
        ("raw = \"1h\"", "history.raw", "expected 1day"),
        ("max_bytes = 5", "history.max_bytes", "expected"),
        ("[[history.class]]\nmetrics = []", "history.class[0].metrics", "at least one"),
    ] {
        let found = problems(&text(history));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].key, key);
        assert!(found[0].message.contains(said), "{}", found[0].message);
    }
}

#[test]
fn the_example_names_every_key() {
    let text = std::fs::read_to_string(shipped("twin.example.toml")).unwrap();
    let error = problems("[scene]\npackage = \"x\"\n[http]\nno_such_key = 1\n");
    let http = keys_of(&error[0].message);
    let error = problems("[scene]\npackage = \"x\"\n[mqtt]\nno_such_key = 1\n");
    let mqtt = keys_of(&error[0].message);
    let error = problems("[scene]\npackage = \"x\"\n[history]\nno_such_key = 1\n");
    let history = keys_of(&error[0].message);
    assert!(http.len() >= 8 && mqtt.len() >= 12, "{http:?} {mqtt:?}");
    for key in http.iter().chain(&mqtt).chain(&history).filter(|key| *key != "class") {
        let shown = |line: &str| {
            let line = line.trim_start_matches(['#', ' ']);
            line.strip_prefix(key.as_str()).is_some_and(|rest| rest.starts_with(" ="))
        };
        assert!(text.lines().any(shown), "twin.example.toml does not show {key}");
    }
}

/// The keys that an "unknown field" message lists.
fn keys_of(message: &str) -> Vec<String> {
    let (_, expected) = message.split_once("expected one of").unwrap();
    expected.split('`').skip(1).step_by(2).map(String::from).collect()
}

#[test]
fn the_demo_is_right() {
    let config = Config::load(&shipped("demo.toml")).unwrap();
    assert_eq!(config.bindings.len(), 8);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let broker = config.mqtt.unwrap().broker;
    assert!(matches!(broker, BrokerChoice::Embedded(addr) if addr.ip().is_loopback()));
}

#[test]
fn a_mistake_is_named_with_file_line_key_and_what_was_expected() {
    let text = "[scene]\npackage = \"x\"\n\n[http]\nlisten = \"everywhere\"\n";
    let error = Config::parse(Path::new("dir/twin.toml"), text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "dir/twin.toml:5: http.listen: \"everywhere\": expected ADDRESS:PORT, as in 127.0.0.1:8080"
    );
}

#[test]
fn unknown_keys_and_wrong_types_are_refused() {
    let unknown = problems("[scene]\npackage = \"x\"\n[http]\nlisten_on = \"x\"\n");
    assert_eq!((unknown[0].line, unknown[0].key.as_str()), (4, "http.listen_on"));
    assert!(unknown[0].message.contains("unknown field `listen_on`"));
    let kind = problems("[scene]\npackage = 5\n");
    assert_eq!((kind[0].line, kind[0].key.as_str()), (2, "scene.package"));
    let kind = problems("[scene]\npackage = \"x\"\n[mqtt]\nurl = 5\n");
    assert_eq!((kind[0].line, kind[0].key.as_str()), (4, "mqtt.url"));
    let missing = problems("[http]\n");
    assert!(missing[0].message.contains("missing field `scene`"), "{missing:?}");
    let syntax = problems("[scene\npackage = 5\n");
    assert_eq!(syntax[0].line, 1);
}

#[test]
fn all_mistakes_are_told_at_once_in_file_order() {
    let text = r#"[scene]
package = "x"
[mqtt]
url = "mqtt://x"
embedded = "127.0.0.1:1"
protocol = 3
[[binding]]
topic = "a/{x}/#/b"
entity = { tag = "{x}" }
[[binding]]
topic = "a/{x}"
entity = { tag = "meter:{y}" }
decode = "protobuf"
[[binding]]
topic = "a/{x}"
entity = { tag = "{x}", name = "{x}" }
  [[binding.point]]
  metric = "power"
  value = "p_kw"
  range = [5, 1]
  stale_after = "soon"
[[binding]]
topic = "a/{x}"
entity = { tag = "{y}" }
  [[binding.point]]
  metric = "power"
  value = "$.p"
  range = [5, 1]
  stale_after = "soon"
"#;
    let found: Vec<(usize, String)> =
        problems(text).into_iter().map(|problem| (problem.line, problem.key)).collect();
    let found: Vec<(usize, &str)> = found.iter().map(|(line, key)| (*line, &**key)).collect();
    for expected in [
        (5, "mqtt.embedded"),
        (8, "binding[0].topic"),
        (13, "binding[1].decode"),
        (16, "binding[2].entity"),
        (19, "binding[2].point[0].value"),
        (24, "binding[3].entity.tag"),
        (28, "binding[3].point[0].range"),
        (29, "binding[3].point[0].stale_after"),
    ] {
        assert!(found.contains(&expected), "{expected:?} not in {found:?}");
    }
    assert!(found.is_sorted_by_key(|(line, _)| *line));
}

#[test]
fn a_strange_unit_is_a_warning() {
    let text = "[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\nprotocol = 4\n[[binding]]\n\
         topic = \"a\"\nentity = { tag = \"a\" }\n[[binding.point]]\nmetric = \"power\"\n\
         value = \"$.w\"\nunit = \"W\"\n";
    let config = Config::parse(Path::new("x.toml"), text).unwrap();
    assert!(config.warnings[0].contains("unit_in = \"W\""), "{:?}", config.warnings);
    assert_eq!(config.mqtt.unwrap().protocol, Protocol::V4);
}

#[test]
fn a_password_is_read_from_its_file_and_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret"), "hunter2\n").unwrap();
    let text = "[scene]\npackage = \"x\"\n[mqtt]\nurl = \"mqtt://x\"\nuser = \"twin\"\n\
         password_file = \"secret\"\n";
    let config = Config::parse(&dir.path().join("twin.toml"), text).unwrap();
    let mqtt = config.mqtt.clone().unwrap();
    assert_eq!(mqtt.credentials, Some(("twin".to_owned(), b"hunter2".to_vec())));
    assert!(!format!("{config:?}").contains("hunter2"));
    let lost = Config::parse(Path::new("/nowhere/twin.toml"), text).unwrap_err().to_string();
    assert!(lost.contains("mqtt.password_file: reading /nowhere/secret"), "{lost}");
}

#[test]
fn what_is_published_can_not_come_in_again() {
    let text = |topic: &str, filter: &str| {
        format!(
            "[scene]\npackage = \"s\"\n[mqtt]\nurl = \"mqtt://h\"\nwatch = [\"{filter}\"]\n\
             [republish]\ntopic = \"{topic}\"\n"
        )
    };
    let own = "twin/{entity}/{metric}";
    assert!(Config::parse(Path::new("twin.toml"), &text(own, "campus/#")).is_ok());
    for (topic, filter, message) in [
        (own, "#", "come in again"),
        (own, "twin/a/#", "come in again"),
        (own, "+/+/power", "come in again"),
        ("twin/{entity}", "campus/#", "{metric}"),
        ("twin/{entity}/{metric}/#", "campus/#", "wildcards"),
    ] {
        let found = problems(&text(topic, filter));
        assert_eq!((found.len(), found[0].line, &*found[0].key), (1, 7, "republish.topic"));
        assert!(found[0].message.contains(message), "{}", found[0].message);
    }
    let bound = text(own, "campus/#")
        + "[[binding]]\ntopic = \"twin/{x}/{y}\"\nentity = { name = \"{x}\" }\n\
           decode = \"number\"\n[[binding.point]]\nmetric = \"power\"\n";
    assert!(problems(&bound)[0].message.contains("come in again"));
}

#[test]
fn webhooks_and_rooms_are_checked() {
    let text = |rest: &str| format!("[scene]\npackage = \"s\"\n{rest}");
    let good = "[rooms]\nmax = 2\nempty_after = \"30s\"\n[[webhook]]\nurl = \"https://h.example/x\"\n\
                quality = [\"stale\"]\n[[webhook]]\nname = \"b\"\nurl = \"http://127.0.0.1:9/\"\n";
    let config = Config::parse(Path::new("twin.toml"), &text(good)).unwrap();
    assert_eq!(config.rooms.max_rooms, 2);
    let names: Vec<_> = config.webhooks.iter().map(|hook| hook.name.as_str()).collect();
    assert_eq!(names, ["h.example", "b"]);
    for (bad, key) in [
        ("[rooms]\nmax = 100000\n", "rooms.max"),
        ("[[webhook]]\nurl = \"ftp://h/x\"\n", "webhook[0].url"),
        ("[[webhook]]\nurl = \"https://user:secret@h/x\"\n", "webhook[0].url"),
        ("[[webhook]]\nurl = \"/x\"\n", "webhook[0].url"),
        ("[[webhook]]\nurl = \"https://h/x\"\nattempts = 0\n", "webhook[0].attempts"),
        ("[[webhook]]\nurl = \"https://h/x\"\nsecret_file = \"none\"\n", "webhook[0].secret_file"),
        (
            "[[webhook]]\nurl = \"https://h/x\"\n[[webhook]]\nurl = \"https://h/y\"\n",
            "webhook[1].name",
        ),
    ] {
        let found = problems(&text(bad));
        assert_eq!(found[0].key, key, "{bad}");
    }
}

/// A binding, and what is said of it: key and message.
fn refused(binding: &str) -> Vec<(String, String)> {
    let text = format!("[scene]\npackage = \"x\"\n[[binding]]\ntopic = \"a/{{x}}\"\n{binding}");
    problems(&text).into_iter().map(|problem| (problem.key, problem.message)).collect()
}

#[test]
fn decoders_are_checked_with_what_goes_with_them() {
    const POINT: &str = "\n[[binding.point]]\nmetric = \"m\"\n";
    let tag = "entity = { tag = \"{x}\" }\n";
    for (binding, key, word) in [
        (
            format!("{tag}decode = \"csv\"\ncsv = {{ delimiter = \";;\" }}{POINT}value = \"$[0]\""),
            "csv.delimiter",
            "one ASCII character",
        ),
        (
            format!(
                "{tag}decode = \"csv\"\ncsv = {{ columns = [\"a\", \"a\"] }}{POINT}value = \"$.a\""
            ),
            "csv.columns",
            "each of them once",
        ),
        (format!("{tag}csv = {{ header = true }}{POINT}value = \"$.a\""), "csv", "needs `decode"),
        (
            format!(
                "{tag}decode = \"hex\"\nframe = {{ starts_with = \"0\" }}{POINT}register = {{ at = 0, type = \"u8\" }}"
            ),
            "frame.starts_with",
            "odd number",
        ),
        (
            format!(
                "{tag}decode = \"hex\"\nframe = {{ length = 4 }}{POINT}register = {{ at = 3, type = \"u16\" }}"
            ),
            "point[0].register",
            "ends at byte 5 of a frame of 4",
        ),
        (format!("{tag}decode = \"hex\"{POINT}"), "point[0].register", "need a `register`"),
        (
            format!("{tag}decode = \"hex\"{POINT}value = \"$.a\""),
            "point[0].value",
            "hex and binary a `register`",
        ),
        (
            format!("{tag}decode = \"hex\"{POINT}register = {{ at = 0, type = \"u12\" }}"),
            "point[0].register.type",
            "expected u8",
        ),
        (
            format!("{tag}decode = \"hex\"{POINT}register = {{ at = 0, type = \"bcd\" }}"),
            "point[0].register.bytes",
            "1 to 8",
        ),
        (
            format!(
                "{tag}decode = \"hex\"{POINT}register = {{ at = 0, type = \"u24\", order = \"CDAB\" }}"
            ),
            "point[0].register.order",
            "no words",
        ),
        (
            format!(
                "{tag}decode = \"hex\"{POINT}register = {{ at = 0, type = \"u8\", bits = [7, 2] }}"
            ),
            "point[0].register.bits",
            "within 8 bits",
        ),
        (
            format!("{tag}decode = \"hex\"{POINT}register = {{ at = 0, type = \"u8\", size = 1 }}"),
            "point[0].register.size",
            "unknown field",
        ),
        (format!("{tag}decode = \"text\"\neach = \"$\"{POINT}"), "each", "a JSONPath needs"),
        (format!("{tag}each = \"$$.a[*]\"{POINT}value = \"$\""), "each", "not `$$`"),
        (format!("{tag}when = {{ type = \"a\" }}{POINT}value = \"$\""), "when", "not a JSONPath"),
        (
            format!("{tag}each = \"$.a[?match(@.b, 'c.*')]\"{POINT}value = \"$\""),
            "each",
            "has a match(): regular expressions are not taken",
        ),
        (
            format!("{tag}{POINT}value = \"$.a[?@.b == $.c].d\""),
            "point[0].value",
            "begins at $ inside a filter",
        ),
        (format!("{tag}time = \"$..a..b\"{POINT}value = \"$\""), "time", "more than once"),
        (
            format!("entity = {{ tag = \"{{$[?search(@, 'x')]}}\" }}{POINT}value = \"$\""),
            "entity.tag",
            "has a search()",
        ),
        (format!("{tag}max_behind = \"1h\"{POINT}value = \"$\""), "max_behind", "needs `time`"),
        (
            format!("entity = {{ tag = \"{{$.sn}}\" }}\ndecode = \"text\"{POINT}"),
            "entity",
            "a JSONPath needs",
        ),
        (
            format!("entity = {{ tag = \"{{@key}}\" }}{POINT}value = \"$\""),
            "entity",
            "needs `each`",
        ),
        (
            format!("entity = {{ tag = \"{{$.a b}}\" }}{POINT}value = \"$\""),
            "entity.tag",
            "not a JSONPath",
        ),
    ] {
        let found = refused(&binding);
        let key = format!("binding[0].{key}");
        let told = found.iter().any(|(at, why)| *at == key && why.contains(word));
        assert!(told, "{key}: {word}\nnot in {found:?}\nfor {binding}");
    }
}

#[test]
fn units_rates_deadbands_and_states_are_checked() {
    let point =
        "entity = { tag = \"{x}\" }\n[[binding.point]]\nmetric = \"power\"\nvalue = \"$.p\"\n";
    for (line, key, word) in [
        ("unit = \"kWh\"", "unit", "write \"kW.h\""),
        ("unit_in = \"kW.h\"", "unit_in", "of dimension"),
        ("unit_in = \"watt\"", "unit_in", "no UCUM unit"),
        ("rate = -1.0", "rate", "above 0"),
        ("deadband = \"2\"", "deadband", "percentage such as"),
        ("deadband = 0.0", "deadband", "above 0"),
        ("max_silence = \"1m\"", "max_silence", "needs `deadband`"),
        ("deadband = 1.0\nmax_silence = \"2m\"\nstale_after = \"1m\"", "max_silence", "less than"),
        ("states = {}", "states", "expected 1 to"),
        ("states = { open = { zh = \"开\" } }", "states.open", "missing field `en`"),
        (
            "states = { open = { zh = \"开\", en = \"Open\" } }\nunit = \"kW\"",
            "unit",
            "have no unit",
        ),
        ("states = { open = { zh = \"开\", en = \"Open\" } }\nrate = 1.0", "states", "for numbers"),
    ] {
        let found = refused(&format!("{point}{line}\n"));
        let told = found.iter().any(|(at, why)| at.ends_with(key) && why.contains(word));
        assert!(told, "{key}: {word}\nnot in {found:?}");
    }
    let states = |en: &str| {
        format!(
            "[[binding.point]]\nmetric = \"door\"\nvalue = \"$.d\"\nstates = {{ open = {{ zh = \"开\", en = \"{en}\" }} }}\n"
        )
    };
    let second = |en: &str| {
        format!(
            "entity = {{ tag = \"{{x}}\" }}\n{}[[binding]]\ntopic = \"b/{{x}}\"\nentity = {{ tag = \"{{x}}\" }}\n{}",
            states("Open"),
            states(en)
        )
    };
    let found = refused(&second("Ajar"));
    assert!(
        found[0].0 == "binding[1].point[0].states" && found[0].1.contains("\"Open\""),
        "{found:?}"
    );
}
