//! Tables of entities and notes, each with an end.

use twin_model::Entity;

use super::{
    facts::{Facts, Group},
    html::{Text, add, escape, number, text},
    words,
};
use crate::walk::Unreached;

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

fn id(id: &str) -> String {
    format!("<code>{}</code>", escape(id))
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
        let count = number(group.notes.len());
        add(
            &mut out,
            format_args!(
                "<li><p><b>{count} ×</b> {}</p>{}</li>",
                words::reason(group.reason).html(),
                notes(facts, group),
            ),
        );
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
        let name = facts.by_id.get(global_id).map_or("", |entity| entity.name.as_str());
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
                "<li><p><b>{} ×</b> {}</p>{}</li>",
                number(cause.spaces.len()),
                words::reason(&cause.reason).html(),
                entities(facts, &known),
            ),
        );
    }
    out.push_str("</ul>");
    out
}
