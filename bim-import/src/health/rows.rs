//! Tables of entities and notes, each with an end.

use twin_model::Entity;

use super::{
    facts::{Facts, Group, merged},
    html::{Text, add, escape, number, text},
    words,
};
use crate::{ids, walk::Unreached};

/// Most rows of one table; the whole list is in `report.json`.
const MAX_ROWS: usize = 100;
/// Most groups of notes that are shown.
const MAX_GROUPS: usize = 60;

/// A list that opens on demand.
fn details(count: usize, inside: &str) -> String {
    let label = text(format!("列出 {} 项", number(count)), format!("List {}", number(count)));
    format!("<details><summary>{}</summary>{inside}</details>", label.html())
}

fn head(columns: &[Text]) -> String {
    let cells: String =
        columns.iter().map(|column| format!("<th scope=\"col\">{}</th>", column.html())).collect();
    format!("<div class=\"scroll\"><table><thead><tr>{cells}</tr></thead><tbody>")
}

fn more(out: &mut String, count: usize) {
    out.push_str("</tbody></table></div>");
    if count > MAX_ROWS {
        let rest = number(count - MAX_ROWS);
        let words = text(
            format!("还有 {rest} 项，见 report.json 与 entities.ndjson"),
            format!("and {rest} more: see report.json and entities.ndjson"),
        );
        add(out, format_args!("<p class=\"more\">{}</p>", words.html()));
    }
}

/// How many things a line is about; nothing for one.
pub(super) fn times(count: usize) -> String {
    if count == 1 { String::new() } else { format!("<b>{} ×</b> ", number(count)) }
}

fn id(id: &str) -> String {
    format!("<code>{}</code>", escape(id))
}

/// Something by its name and class, as files write them.
fn name_and_class(name: &str, class: &str) -> String {
    let name = if name.trim().is_empty() { "–" } else { name };
    escape(&format!("{name} ({class})"))
}

/// One reason of a list: how often, why, and what it is about.
fn add_reason(out: &mut String, group: &Group<'_>, inside: &str) {
    let (often, reason) = (times(group.notes.len()), words::reason(group.reason).html());
    add(out, format_args!("<li><p>{often}{reason}</p>{inside}</li>"));
}

/// What files share, by the rule why it is the same: what it is here, and there.
pub(super) fn merges(facts: &Facts<'_>, groups: &[Group<'_>]) -> String {
    let mut out = String::from("<ul class=\"reasons\">");
    for group in groups {
        let mut table = head(&[
            text("对象", "What"),
            text("来源", "In"),
            text("合并到", "Stands as"),
            text("来源", "Of"),
            text("标识", "Id"),
        ]);
        for (file, note) in group.notes.iter().take(MAX_ROWS) {
            let to = merged(note).map_or("", |(to, _)| to);
            let kept = facts.by_id.get(to);
            let class = note.class.as_deref().unwrap_or("–");
            let kept_name = kept.map_or("", |kept| kept.name.as_str());
            let kept_class = kept.map_or("–", |kept| ids::class(kept));
            add(
                &mut table,
                format_args!(
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    name_and_class(note.name.as_deref().unwrap_or_default(), class),
                    escape(file),
                    name_and_class(kept_name, kept_class),
                    escape(kept.map_or("–", |kept| facts.file_of(kept))),
                    id(to),
                ),
            );
        }
        more(&mut table, group.notes.len());
        add_reason(&mut out, group, &details(group.notes.len(), &table));
    }
    out.push_str("</ul>");
    out
}

/// Entities whose GlobalId something else in another file has, beside that.
pub(super) fn clashes(facts: &Facts<'_>, entities: &[&Entity]) -> String {
    let mut out = head(&[
        text("对象", "What"),
        text("来源", "In"),
        text("先前的对象", "Before it"),
        text("来源", "In"),
        text("标识", "Id"),
    ]);
    for entity in entities.iter().take(MAX_ROWS) {
        let first = entity.global_id.as_deref().and_then(|id| facts.by_id.get(id));
        let named = |entity: &Entity| name_and_class(&entity.name, ids::class(entity));
        add(
            &mut out,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                named(entity),
                escape(facts.file_of(entity)),
                first.map_or_else(|| "–".to_owned(), |first| named(first)),
                escape(first.map_or("–", |first| facts.file_of(first))),
                id(entity.id.as_str()),
            ),
        );
    }
    more(&mut out, entities.len());
    details(entities.len(), &out)
}

/// A table of entities; empty for none.
pub(super) fn entities(facts: &Facts<'_>, entities: &[&Entity]) -> String {
    if entities.is_empty() {
        return String::new();
    }
    let mut out = head(&[
        text("名称", "Name"),
        text("类别", "Class"),
        text("位置", "Place"),
        text("标识", "Id"),
    ]);
    for entity in entities.iter().take(MAX_ROWS) {
        let class = match &entity.ifc_class {
            Some(class) => escape(class),
            None => words::kind(entity.kind).html(),
        };
        let name = if entity.name.trim().is_empty() { "–" } else { entity.name.as_str() };
        add(
            &mut out,
            format_args!(
                "<tr><td>{}</td><td>{class}</td><td>{}</td><td>{}</td></tr>",
                escape(name),
                escape(&facts.path(entity.id.as_str())),
                id(entity.id.as_str()),
            ),
        );
    }
    more(&mut out, entities.len());
    details(entities.len(), &out)
}

/// Groups of notes, each with its table.
pub(super) fn groups(facts: &Facts<'_>, groups: &[Group<'_>]) -> String {
    let mut out = String::from("<ul class=\"reasons\">");
    for group in groups.iter().take(MAX_GROUPS) {
        add_reason(&mut out, group, &notes(facts, group));
    }
    out.push_str("</ul>");
    if groups.len() > MAX_GROUPS {
        let rest = number(groups.len() - MAX_GROUPS);
        let words = text(
            format!("还有 {rest} 种原因，见 report.json"),
            format!("and {rest} more reasons: see report.json"),
        );
        add(&mut out, format_args!("<p class=\"more\">{}</p>", words.html()));
    }
    out
}

/// The elements that a note is about; for notes about a whole source, its file.
fn notes(facts: &Facts<'_>, group: &Group<'_>) -> String {
    if group.notes.iter().all(|(_, note)| note.global_id.is_none()) {
        let mut files: Vec<&str> = group.notes.iter().map(|(file, _)| *file).collect();
        files.dedup();
        return format!("<p class=\"more\">{}</p>", escape(&files.join(", ")));
    }
    let mut out = head(&[
        text("名称", "Name"),
        text("类别", "Class"),
        text("位置", "Place"),
        text("标识", "Id"),
        text("来源", "Source"),
    ]);
    for (file, note) in group.notes.iter().take(MAX_ROWS) {
        let global_id = note.global_id.as_deref().unwrap_or_default();
        // What shares its GlobalId is in the scene by another id.
        let kept = note.reason.split_once("; it is kept as ").map(|(_, kept)| kept);
        let kept = kept.and_then(|kept| kept.split([':', ' ']).next());
        let entity = facts.by_id.get(kept.unwrap_or(global_id));
        let name = entity.map_or("", |entity| entity.name.as_str());
        add(
            &mut out,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(if name.is_empty() { "–" } else { name }),
                escape(note.class.as_deref().unwrap_or("–")),
                escape(&facts.path(global_id)),
                id(global_id),
                escape(file),
            ),
        );
    }
    more(&mut out, group.notes.len());
    details(group.notes.len(), &out)
}

/// Spaces that reach no exit, by the reason why; empty for none.
pub(super) fn causes(facts: &Facts<'_>, causes: &[Unreached]) -> String {
    if causes.is_empty() {
        return String::new();
    }
    let mut out = String::from("<ul class=\"reasons\">");
    for cause in causes {
        let known = cause.spaces.iter().filter_map(|id| facts.by_id.get(id.as_str()).copied());
        let known: Vec<&Entity> = known.collect();
        add(
            &mut out,
            format_args!(
                "<li><p>{}{}</p>{}</li>",
                times(cause.spaces.len()),
                words::reason(&cause.reason).html(),
                entities(facts, &known),
            ),
        );
    }
    out.push_str("</ul>");
    out
}
