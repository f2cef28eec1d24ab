//! `bim-import diff`: what differs between two scene packages, for a person or a script.

use std::{
    collections::HashSet,
    fmt::Write as _,
    io::{Write as _, stdout},
    path::PathBuf,
    process::ExitCode,
};

use serde_json::Value;
use twin_model::changes::{Changes, Named};

/// Arguments of `bim-import diff`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The earlier scene package
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The later scene package
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Everything as one JSON document, as in `changes.json`
    #[arg(long)]
    json: bool,
}

/// Runs the command: 0 compared, 2 where one of them is no package.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let changes = match bim_import::changes::between(&arguments.old, &arguments.new) {
        Ok(changes) => changes,
        Err(error) => {
            super::say(&format!("error: {error}"));
            return ExitCode::from(2);
        }
    };
    let text = if arguments.json {
        serde_json::to_string_pretty(&changes).unwrap_or_default() + "\n"
    } else {
        text(&changes)
    };
    // Nobody left to tell when standard output is closed.
    let _ = stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn text(changes: &Changes) -> String {
    let mut lines = Lines::default();
    for one in &changes.added {
        lines.add("added", one, String::new());
    }
    for one in &changes.removed {
        lines.add("removed", &one.entity, one.path.join(" / "));
    }
    for one in &changes.renamed {
        lines.add("renamed", &one.entity, format!("was {:?}", one.from));
    }
    for one in &changes.moved {
        let [east, north, up] = one.by_m;
        lines.add("moved", &one.entity, format!("by {east} east, {north} north, {up} up, m"));
    }
    for one in &changes.reshaped {
        let what = match (one.from, one.to) {
            (None, _) => "has geometry now",
            (_, None) => "has no geometry any more",
            _ => "has another shape",
        };
        lines.add("reshaped", &one.entity, what.to_owned());
    }
    for one in &changes.reparented {
        let name = |id: &Option<twin_model::EntityId>| {
            id.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let what = format!("from {} into {}", name(&one.from), name(&one.to));
        lines.add("reparented", &one.entity, what);
    }
    for one in &changes.reclassified {
        let was = one.from_class.as_deref().unwrap_or(one.from_kind.as_str());
        lines.add("reclassified", &one.entity, format!("was {was}"));
    }
    for one in &changes.edited {
        for property in &one.properties {
            let what = edit(property.from.as_ref(), property.to.as_ref());
            let what = format!("{}.{}: {what}", property.set, property.name);
            lines.add("edited", &one.entity, what);
        }
    }
    let mut text = lines.0;
    let counts: Vec<String> = changes
        .counts()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(list, count)| format!("{count} {list}"))
        .collect();
    let what = if counts.is_empty() { "no difference".to_owned() } else { counts.join(", ") };
    let from = changes.from.as_deref().unwrap_or_default();
    let _ = writeln!(text, "{from} → {}: {what}; {} in both", changes.to, changes.kept);
    text
}

/// Longest value that is shown whole, in characters; `--json` has them all.
const MAX_VALUE: usize = 80;
/// Most entries of a list that are named.
const MAX_ENTRIES: usize = 3;

/// What became of a value: of lists, what came and what went.
fn edit(from: Option<&Value>, to: Option<&Value>) -> String {
    if let (Some(Value::Array(from)), Some(Value::Array(to))) = (from, to) {
        let came = entries('+', to, from);
        let went = entries('-', from, to);
        let all = [came, went].concat().join(" ");
        return format!("{} → {} entries {all}", from.len(), to.len()).trim_end().to_owned();
    }
    let value = |value: Option<&Value>| match value {
        Some(value) => clip(&value.to_string()),
        None => "nothing".to_owned(),
    };
    format!("{} → {}", value(from), value(to))
}

/// Those of one list that are not in another, behind a sign.
fn entries(sign: char, these: &[Value], those: &[Value]) -> Vec<String> {
    let known: HashSet<String> = those.iter().map(Value::to_string).collect();
    let new: Vec<String> =
        these.iter().map(Value::to_string).filter(|text| !known.contains(text)).collect();
    let more = new.len().saturating_sub(MAX_ENTRIES);
    let shown = new.iter().take(MAX_ENTRIES).map(|text| format!("{sign}{}", clip(text)));
    shown.chain((more > 0).then(|| format!("{sign}({more} more)"))).collect()
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, list: &str, entity: &Named, what: String) {
        let class = entity.ifc_class.as_deref().unwrap_or(entity.kind.as_str());
        let name = entity.name.replace(char::is_control, " ");
        let line = format!("{list:<12} {} {class} {name:?}  {what}", entity.id);
        // Writing into a text cannot fail.
        let _ = writeln!(self.0, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_long_list_only_the_difference_is_shown() {
        let from = json!(["a", "b", "c"]);
        let to = json!(["b", "c", "1", "2", "3", "4", "5"]);
        let text = edit(Some(&from), Some(&to));
        assert_eq!(text, r#"3 → 7 entries +"1" +"2" +"3" +(2 more) -"a""#);
        assert_eq!(edit(Some(&json!("x")), None), r#""x" → nothing"#);
        assert_eq!(edit(None, Some(&json!("ä".repeat(200)))).chars().count(), 10 + 80 + 1);
    }
}
