//! The page itself, from top to bottom.

use super::{
    buildings,
    checks::{self, Check, State},
    facts::Facts,
    html::{Text, add, counted, escape, number, text},
    pictures::Encoded,
    words,
};
use crate::report::SourceReport;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What stands between the script's tags.
pub(super) fn script() -> String {
    format!("\n{SCRIPT}")
}

/// Writes the page.
pub(super) fn write(facts: &Facts<'_>, pictures: &Encoded) -> String {
    let checks = checks::all(facts);
    // Files of one name are told apart by their folders.
    let names: Vec<&str> = facts.report.sources.iter().map(|source| source.file.as_str()).collect();
    let title = match *names {
        [one] => one.to_owned(),
        _ => {
            names.first().map(|first| format!("{first} + {}", names.len() - 1)).unwrap_or_default()
        }
    };
    let mut out = String::with_capacity(1 << 16);
    add(
        &mut out,
        format_args!(
            "<!doctype html>\n<html lang=\"en\" data-zh=\"模型体检 · {0}\" data-en=\"Model health · {0}\">\n\
         <meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Model health · {0}</title>\n<style>\n{STYLE}</style>\n<body>\n",
            escape(&title),
        ),
    );
    header(&mut out, facts, &names);
    verdict(&mut out, facts, &checks);
    figures(&mut out, facts);
    buildings::overview(&mut out, facts, pictures, &title);
    buildings::section(&mut out, facts, pictures);
    add(
        &mut out,
        format_args!(
            "<main><h2>{}</h2>\n<ul class=\"checks\">\n",
            text("检查结果", "What was checked").html()
        ),
    );
    for check in &checks {
        write_check(&mut out, check);
    }
    out.push_str("</ul></main>\n");
    sources(&mut out, facts);
    footer(&mut out, facts);
    add(&mut out, format_args!("<script>{}</script>\n</body>\n</html>\n", script()));
    out
}

fn header(out: &mut String, facts: &Facts<'_>, names: &[&str]) {
    let mut shown: Vec<&str> = names.iter().copied().take(6).collect();
    if names.len() > shown.len() {
        shown.push("…");
    }
    add(
        out,
        format_args!(
            "<header><div><h1>{}</h1><p class=\"sub\">{}</p><p class=\"sub\">{} <code>{}</code></p></div>\n\
         <div class=\"switch\" role=\"group\" aria-label=\"语言 Language\">\
         <button type=\"button\" value=\"zh-Hans\" lang=\"zh\" aria-pressed=\"false\">中文</button>\
         <button type=\"button\" value=\"en\" aria-pressed=\"true\">English</button></div></header>\n",
            text("模型体检报告", "Model health report").html(),
            escape(&shown.join(" · ")),
            text("版本", "Revision").html(),
            escape(&facts.info.revision),
        ),
    );
}

/// The whole in two lines: what is missing, counted as files and elements; and how many of
/// the checks found what.
fn verdict(out: &mut String, facts: &Facts<'_>, checks: &[Check]) {
    let count = |state: State| checks.iter().filter(|check| check.state == state).count();
    let (bad, look) = (count(State::Bad), count(State::Look));
    let worst = checks.iter().map(|check| check.state).max().unwrap_or(State::Fine);
    let words = match worst {
        State::Bad => missing(&facts.report.sources),
        State::Look => text("可以使用，有几处需要检查", "Usable, with things to check"),
        State::Fine | State::Note => text("模型状况良好", "The model is well"),
    };
    let say = text(
        format!(
            "{} 项检查：{bad} 项有缺失 · {look} 项请检查 · {} 项说明 · {} 项正常",
            checks.len(),
            count(State::Note),
            count(State::Fine)
        ),
        format!(
            "{}: {bad} with something missing · {look} to look at · {} · {} fine",
            counted(checks.len(), "check", "checks"),
            counted(count(State::Note), "note", "notes"),
            count(State::Fine)
        ),
    );
    add(
        out,
        format_args!(
            "<section class=\"verdict {}\">{}<b>{}</b><p>{}</p></section>\n",
            worst.class(),
            worst.sign(),
            words.html(),
            say.html()
        ),
    );
}

/// How much is missing.
fn missing(sources: &[SourceReport]) -> Text {
    let elements: usize = sources.iter().map(|source| source.dropped).sum();
    let files = sources.iter().filter(|source| source.error.is_some()).count();
    let cut_off = sources.iter().filter(|source| source.cut_off).count();
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    // Nobody knows how much is missing of those.
    if cut_off > 0 {
        zh.push(format!("{} 个文件被截断", number(cut_off)));
        en.push(counted(cut_off, "file is cut off", "files are cut off"));
    }
    if files > 0 {
        zh.push(format!("{} 个文件无法读取", number(files)));
        en.push(format!("{} could not be read", counted(files, "file", "files")));
    }
    if elements > 0 {
        zh.push(format!("缺失 {} 个构件", number(elements)));
        en.push(counted(elements, "element is missing", "elements are missing"));
    }
    text(zh.join("，"), en.join(", "))
}

fn figures(out: &mut String, facts: &Facts<'_>) {
    let sum =
        |of: fn(&SourceReport) -> usize| -> usize { facts.report.sources.iter().map(of).sum() };
    let storeys: usize = facts.buildings.iter().map(|building| building.storeys.len()).sum();
    let triangles = usize::try_from(facts.report.tiles.triangles).unwrap_or(usize::MAX);
    let full = facts.buildings.iter().filter(|building| building.has_contents()).count();
    // Most buildings of a city are shapes that nobody can look into.
    let of_which = (full < facts.buildings.len()).then(|| {
        text(
            format!("其中 {} 栋有内部内容", number(full)),
            format!("of which {} with contents", number(full)),
        )
    });
    let all: [(Text, usize, Option<Text>); 8] = [
        (text("实体", "Entities"), facts.by_id.len(), None),
        (text("有几何", "With geometry"), sum(|source| source.tessellated), None),
        (text("三角形", "Triangles"), triangles, None),
        (text("建筑", "Buildings"), facts.buildings.len(), of_which),
        (text("楼层", "Storeys"), storeys, None),
        (text("空间", "Spaces"), facts.spaces, None),
        (text("近似", "Approximated"), sum(|source| source.approximated), None),
        (text("缺失", "Missing"), sum(|source| source.dropped), None),
    ];
    out.push_str("<dl class=\"figures\">");
    for (label, value, more) in all {
        let more = more.map(|more| format!("<dd class=\"of\">{}</dd>", more.html()));
        add(
            out,
            format_args!(
                "<div><dt>{}</dt><dd>{}</dd>{}</div>",
                label.html(),
                number(value),
                more.unwrap_or_default()
            ),
        );
    }
    out.push_str("</dl>\n");
}

fn write_check(out: &mut String, check: &Check) {
    let wide = if check.list.is_empty() { "" } else { " wide" };
    add(
        out,
        format_args!(
            "<li class=\"check {}{wide}\">{}<div><h3>{}<span class=\"state\">{}</span></h3>\
         <p class=\"value\">{}</p><p class=\"why\">{}</p>{}</div></li>\n",
            check.state.class(),
            check.state.sign(),
            check.title.html(),
            check.state.word().html(),
            check.value.html(),
            check.why.html(),
            check.list
        ),
    );
}

fn sources(out: &mut String, facts: &Facts<'_>) {
    let columns = [
        (text("文件", "File"), false),
        (text("格式", "Format"), false),
        (text("单位", "Unit"), false),
        (text("定位", "Placed by"), false),
        (text("读入", "Read"), true),
        (text("有几何", "With geometry"), true),
        (text("近似", "Approximated"), true),
        (text("缺失", "Missing"), true),
        (text("三角形", "Triangles"), true),
        (text("SHA-256", "SHA-256"), false),
    ];
    let head: String = columns
        .iter()
        .map(|(name, is_number)| {
            format!(
                "<th scope=\"col\"{}>{}</th>",
                if *is_number { " class=\"n\"" } else { "" },
                name.html()
            )
        })
        .collect();
    add(
        out,
        format_args!(
            "<section><h2>{}</h2><div class=\"sources scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n",
            text("来源文件", "Sources").html()
        ),
    );
    for (source, info) in facts.report.sources.iter().zip(&facts.info.sources) {
        let or_dash = |text: &str| escape(if text.is_empty() { "–" } else { text });
        add(
            out,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
                escape(&source.file),
                or_dash(&source.format),
                or_dash(&source.unit),
                words::placed_by(&source.placed_by).html()
            ),
        );
        for count in
            [source.read, source.tessellated, source.approximated, source.dropped, source.triangles]
        {
            add(out, format_args!("<td class=\"n\">{}</td>", number(count)));
        }
        let hash = info.sha256.get(..12).unwrap_or_default();
        add(
            out,
            format_args!(
                "<td><code title=\"{}\">{}…</code></td></tr>\n",
                escape(&info.sha256),
                escape(hash)
            ),
        );
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn footer(out: &mut String, facts: &Facts<'_>) {
    let tiles = &facts.report.tiles;
    let version = env!("CARGO_PKG_VERSION");
    let error_mm = tiles.max_error_m * 1_000.0;
    let count = usize::try_from(tiles.tiles).unwrap_or(usize::MAX);
    let changes = if facts.has_changes {
        text(
            "与上一版本的差异见 changes.json。",
            " What changed since the last revision stands in changes.json.",
        )
    } else {
        text("", "")
    };
    let words = text(
        format!(
            "由 bim-import {version} 生成。图块 {} 个，顶点误差不超过 {error_mm:.1} mm。耗时与内存见 report.json：本页不含时间，重复导入得到逐字节相同的文件。{}",
            number(count),
            changes.zh
        ),
        format!(
            "Written by bim-import {version}. {}, vertices within {error_mm:.1} mm. Time and memory stand in report.json: this page holds none, so that importing again gives the same bytes.{}",
            counted(count, "tile", "tiles"),
            changes.en
        ),
    );
    add(out, format_args!("<footer><p>{}</p></footer>\n", words.html()));
}
