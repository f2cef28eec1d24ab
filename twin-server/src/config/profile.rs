//! Ready profiles: bindings for a vendor's dialect, with parameters. A profile is a file
//! of its own, in the binary or beside the configuration; what it comes to is checked like
//! bindings written by hand.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use toml::Spanned;
use utoipa::ToSchema;

use super::{
    Problem, binding,
    error::{Collector, line_of},
    load::{self, parse_raw},
    raw::{RawDiscovery, RawParameter, RawProfile, RawUse},
    set::PROFILES,
};
use crate::bindings::{Binding, Discovery};

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../config/profiles/", $name, ".toml")))),*]
    };
}

/// The profiles in the binary: their names and texts.
pub const BUILT_IN: &[(&str, &str)] = built_in![
    "chirpstack",
    "dahua-vto",
    "dlt645",
    "hikvision-access",
    "hikvision-people",
    "home-assistant",
    "neuron",
    "ocpp-emqx",
    "sparkplug-b",
    "tasmota",
    "zigbee2mqtt",
];

/// What a profile comes to.
pub(super) struct Expanded {
    pub(super) discovery: Option<Discovery>,
    pub(super) bindings: Vec<Binding>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
}

/// A profile that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileInfo {
    /// What `use` says.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// More about it.
    pub about: Option<String>,
    /// Documents it was written after.
    pub sources: Vec<String>,
    /// What can be set in `with`.
    pub parameters: Vec<ProfileParameter>,
}

/// A parameter of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileParameter {
    /// Its name.
    pub name: String,
    /// What it is without being set; absent: it has to be set.
    pub default: Option<String>,
    /// What it means.
    pub about: String,
}

/// The profiles in the binary.
///
/// # Errors
/// Where one of them is no profile; a test sees to it that this is not so.
pub fn profiles() -> Result<Vec<ProfileInfo>, String> {
    let info = |(name, text): &(&str, &str)| {
        let raw: RawProfile =
            parse_raw(text).map_err(|problem| format!("{name}: {}", problem.message))?;
        let parameter = |(name, raw): (String, RawParameter)| ProfileParameter {
            name,
            default: raw.default,
            about: raw.about,
        };
        Ok(ProfileInfo {
            name: (*name).to_owned(),
            title: raw.title,
            about: raw.about,
            sources: raw.sources,
            parameters: raw.parameters.into_iter().map(parameter).collect(),
        })
    };
    BUILT_IN.iter().map(info).collect()
}

/// The bindings of one use of a profile. Problems of the use itself go to `out`, those of
/// the profile into what is returned, with the profile's own file and lines.
pub(super) fn expand(
    dir: &Path,
    raw: &RawUse,
    key: &str,
    out: &mut Collector<'_>,
) -> Option<Expanded> {
    let name = raw.profile.get_ref();
    let (file, text) = match find(dir, name) {
        Ok(found) => found,
        Err(why) => {
            out.add(raw.profile.span(), &format!("{key}.use"), why);
            return None;
        }
    };
    let in_file = |problem: Problem| Problem { file: Some(file.clone()), ..problem };
    let failed = |problems: Vec<Problem>| Expanded {
        discovery: None,
        bindings: Vec::new(),
        problems: problems.into_iter().map(in_file).collect(),
        warnings: Vec::new(),
    };
    let parameters = match parse_raw::<RawProfile>(&text) {
        Ok(profile) => profile.parameters,
        Err(problem) => return Some(failed(vec![problem])),
    };
    let values = values(raw, &parameters, key, out)?;
    let (text, unknown) = fill(&text, &values);
    if !unknown.is_empty() {
        return Some(failed(unknown));
    }
    let mut profile = match parse_raw::<RawProfile>(&text) {
        Ok(profile) => profile,
        Err(problem) => return Some(failed(vec![problem])),
    };
    let mut inner = Collector::new(&text);
    let mut warnings = Vec::new();
    let mut bindings = Vec::new();
    for (index, binding) in profile.bindings.iter_mut().enumerate() {
        if let Some(entity) = &raw.entity {
            let place = binding.get_ref().entity.span();
            binding.get_mut().entity = Spanned::new(place, entity.get_ref().clone());
        }
        let Some(mut checked) = binding::check(index, binding, &mut inner, &mut warnings) else {
            continue;
        };
        let given = raw.name.as_ref().map_or(name, Spanned::get_ref);
        checked.name = format!("{given}: {}", checked.name).into();
        bindings.push(checked);
    }
    let given = raw.name.as_ref().map_or(name, Spanned::get_ref);
    let discovery = profile.discovery.and_then(|raw| discovery(given, &raw, &mut inner));
    let mut problems = Vec::new();
    for problem in inner.problems {
        match (&raw.entity, problem.key.split_once("].entity")) {
            // What `entity` says stands in the use, whatever binding it was put into.
            (Some(entity), Some((_, rest))) => {
                let key = format!("{key}.entity{rest}");
                let line = line_of(out.text(), entity.span().start);
                let problem = Problem { file: None, line, key, ..problem };
                if !out.problems.contains(&problem) {
                    out.problems.push(problem);
                }
            }
            _ => problems.push(in_file(problem)),
        }
    }
    let place = |warning: String| format!("{}: {warning}", file.display());
    let warnings = warnings.into_iter().map(place).collect();
    Some(Expanded { discovery, bindings, problems, warnings })
}

fn discovery(name: &str, raw: &RawDiscovery, out: &mut Collector<'_>) -> Option<Discovery> {
    if raw.dialect.get_ref() != "home-assistant" {
        out.add(raw.dialect.span(), "discovery.dialect", "expected \"home-assistant\"");
        return None;
    }
    if raw.prefix.get_ref().is_empty() || raw.prefix.get_ref().contains(['+', '#', '\0']) {
        out.add(raw.prefix.span(), "discovery.prefix", "expected levels of a topic, no wildcards");
        return None;
    }
    if let Some(text) = &raw.stale_after {
        load::duration(text, "discovery.stale_after", 1, 31_536_000, out)?;
    }
    Some(Discovery {
        name: name.to_owned(),
        prefix: raw.prefix.get_ref().clone(),
        tag: raw.tag.get_ref().clone(),
        stale_after: raw.stale_after.as_ref().map(|text| text.get_ref().clone()),
    })
}

/// A profile's file and text: beside the configuration, else in the binary.
fn find(dir: &Path, name: &str) -> Result<(PathBuf, String), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(format!("{name:?}: expected a name of letters, digits, `-` and `_`"));
    }
    let file = dir.join(PROFILES).join(format!("{name}.toml"));
    match fs::read_to_string(&file) {
        Ok(text) => return Ok((file, text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("reading {}: {error}", file.display())),
    }
    let found = BUILT_IN.iter().find(|(known, _)| *known == name);
    let (_, text) = found.ok_or_else(|| {
        let known: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        format!(
            "{name:?} is no profile in this version ({}), and {} is not there",
            known.join(", "),
            file.display()
        )
    })?;
    Ok((PathBuf::from(format!("{name}.toml (built in)")), (*text).to_owned()))
}

/// The value of every parameter; nothing where one is missing or unknown.
fn values(
    raw: &RawUse,
    parameters: &BTreeMap<String, RawParameter>,
    key: &str,
    out: &mut Collector<'_>,
) -> Option<BTreeMap<String, String>> {
    let before = out.problems.len();
    let mut values = BTreeMap::new();
    for (name, value) in &raw.parameters {
        let key = format!("{key}.with.{name}");
        if !parameters.contains_key(name) {
            let known: Vec<&str> = parameters.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            out.add(value.span(), &key, format!("no parameter of this profile; it has: {known}"));
        } else if value.get_ref().chars().any(char::is_control) {
            out.add(value.span(), &key, "expected one line of text");
        } else {
            values.insert(name.clone(), value.get_ref().clone());
        }
    }
    for (name, parameter) in parameters {
        match (&parameter.default, raw.parameters.contains_key(name)) {
            (_, true) => {}
            (Some(default), false) => {
                values.insert(name.clone(), default.clone());
            }
            (None, false) => {
                let why = format!("needs `{name}` in `with`: {}", parameter.about);
                out.add(raw.profile.span(), &format!("{key}.with.{name}"), why);
            }
        }
    }
    (out.problems.len() == before).then_some(values)
}

/// Puts values in place of `<<name>>`. Lines stay where they are, so that what is then
/// found wrong is found in the profile's own line.
fn fill(text: &str, values: &BTreeMap<String, String>) -> (String, Vec<Problem>) {
    let mut filled = String::with_capacity(text.len());
    let mut unknown = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        filled.push_str(before);
        let Some((name, after)) = after.split_once(">>") else {
            filled.push_str("<<");
            rest = after;
            break;
        };
        match values.get(name) {
            Some(value) => filled.push_str(&value.replace('\\', "\\\\").replace('"', "\\\"")),
            None => unknown.push(Problem {
                file: None,
                line: line_of(&filled, filled.len()),
                key: String::new(),
                message: format!("<<{name}>> is no parameter of this profile"),
            }),
        }
        rest = after;
    }
    filled.push_str(rest);
    (filled, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_one_and_says_where_it_comes_from() {
        for profile in profiles().unwrap() {
            assert!(!profile.title.is_empty() && !profile.sources.is_empty(), "{}", profile.name);
        }
        let mut names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        names.dedup();
        assert!(names.is_sorted() && names.len() == BUILT_IN.len());
    }

    #[test]
    fn values_are_put_in_and_lines_stay() {
        let values = BTreeMap::from([("a".to_owned(), "x\"\\".to_owned())]);
        let (filled, unknown) = fill("p = \"<<a>>/{b}\"\nq = \"<<c>>\"", &values);
        assert_eq!(filled, "p = \"x\\\"\\\\/{b}\"\nq = \"\"");
        assert_eq!((unknown.len(), unknown[0].line), (1, 2));
    }
}
