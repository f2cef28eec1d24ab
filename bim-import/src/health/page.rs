//! The page itself, from top to bottom.

use twin_model::Entity;

use super::{
    Encoded,
    checks::{self, Check, State},
    facts::{Building, Facts, Storey},
    html::{add, data_url, escape, number, text},
    words,
};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What stands between the script's tags.
pub(super) fn script() -> String {
    format!("\n{SCRIPT}")
}

/// Writes the page.
pub(super) fn write(facts: &Facts<'_>, pictures: &Encoded) -> String {
    let checks = checks::all(facts);
    let names: Vec<&str> = facts.info.sources.iter().map(|source| source.file.as_str()).collect();
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
    verdict(&mut out, &checks);
    figures(&mut out, facts);
    if let Some(png) = pictures.get(&None) {
        add(
            &mut out,
            format_args!(
                "<figure class=\"overview\"><img src=\"{}\" alt=\"{}\"></figure>\n",
                data_url(png),
                escape(&title)
            ),
        );
    }
    buildings(&mut out, facts, pictures);
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

fn verdict(out: &mut String, checks: &[Check]) {
    let count = |state: State| checks.iter().filter(|check| check.state == state).count();
    let (bad, look) = (count(State::Bad), count(State::Look));
    let worst = checks.iter().map(|check| check.state).max().unwrap_or(State::Fine);
    let words = match worst {
        State::Bad => text("有内容缺失", "Something is missing"),
        State::Look => text("可以使用，有几处需要检查", "Usable, with things to check"),
        State::Fine | State::Note => text("模型状况良好", "The model is well"),
    };
    let say = text(
        format!(
            "{bad} 项缺失 · {look} 项请检查 · {} 项说明 · {} 项正常",
            count(State::Note),
            count(State::Fine)
        ),
        format!(
            "{bad} missing · {look} to check · {} notes · {} fine",
            count(State::Note),
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

fn figures(out: &mut String, facts: &Facts<'_>) {
    let sum = |of: fn(&crate::report::SourceReport) -> usize| -> usize {
        facts.report.sources.iter().map(of).sum()
    };
    let storeys: usize = facts.buildings.iter().map(|building| building.storeys.len()).sum();
    let all = [
        (text("实体", "Entities"), facts.by_id.len()),
        (text("有几何", "With geometry"), sum(|source| source.tessellated)),
        (
            text("三角形", "Triangles"),
            usize::try_from(facts.report.tiles.triangles).unwrap_or(usize::MAX),
        ),
        (text("建筑", "Buildings"), facts.buildings.len()),
        (text("楼层", "Storeys"), storeys),
        (text("空间", "Spaces"), facts.spaces),
        (text("近似", "Approximated"), sum(|source| source.approximated)),
        (text("缺失", "Missing"), sum(|source| source.dropped)),
    ];
    out.push_str("<dl class=\"figures\">");
    for (label, value) in all {
        add(out, format_args!("<div><dt>{}</dt><dd>{}</dd></div>", label.html(), number(value)));
    }
    out.push_str("</dl>\n");
}

fn buildings(out: &mut String, facts: &Facts<'_>, pictures: &Encoded) {
    const MAX_BUILDINGS: usize = 200;
    if facts.buildings.is_empty() {
        return;
    }
    add(
        out,
        format_args!(
            "<section><h2>{}</h2><div class=\"buildings\">\n",
            text("建筑", "Buildings").html()
        ),
    );
    for building in facts.buildings.iter().take(MAX_BUILDINGS) {
        write_building(out, building, pictures);
    }
    out.push_str("</div>");
    if facts.buildings.len() > MAX_BUILDINGS {
        let rest = number(facts.buildings.len() - MAX_BUILDINGS);
        let words = text(format!("还有 {rest} 栋"), format!("and {rest} more"));
        add(out, format_args!("<p class=\"more\">{}</p>", words.html()));
    }
    out.push_str("</section>\n");
}

fn write_building(out: &mut String, building: &Building<'_>, pictures: &Encoded) {
    let name = name_of(building.entity);
    out.push_str("<article class=\"building\"><div class=\"shot\">");
    match pictures.get(&Some(building.entity.id.clone())) {
        Some(png) => {
            add(out, format_args!("<img src=\"{}\" alt=\"{}\">", data_url(png), escape(&name)));
        }
        None => out.push_str(&text("没有可画的内容", "Nothing to draw").html()),
    }
    let long = building.entity.properties.get("Attributes").and_then(|set| set.get("LongName"));
    let long = long.and_then(serde_json::Value::as_str).unwrap_or_default();
    let bare = building.elements - building.drawn;
    let counts = text(
        format!(
            "{} 层 · {} 个空间 · {} 个构件，其中 {} 个没有自己的几何",
            building.storeys.len(),
            number(building.spaces),
            number(building.elements),
            number(bare)
        ),
        format!(
            "{} storeys · {} spaces · {} elements, {} of them without geometry of their own",
            building.storeys.len(),
            number(building.spaces),
            number(building.elements),
            number(bare)
        ),
    );
    add(
        out,
        format_args!(
            "</div><div class=\"about\"><h3>{}</h3><p class=\"long\">{}</p><p>{}</p>",
            escape(&name),
            escape(long),
            counts.html()
        ),
    );
    if !building.storeys.is_empty() {
        storeys(out, &building.storeys);
    }
    out.push_str("</div></article>\n");
}

fn storeys(out: &mut String, storeys: &[Storey<'_>]) {
    const MAX_STOREYS: usize = 200;
    add(
        out,
        format_args!(
            "<details><summary>{}</summary><div class=\"scroll\"><table><thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">{}</th>\
         <th scope=\"col\" class=\"n\">{}</th></tr></thead><tbody>",
            text("楼层", "Storeys").html(),
            text("楼层", "Storey").html(),
            text("标高 m", "Elevation m").html(),
            text("空间", "Spaces").html(),
            text("构件", "Elements").html(),
        ),
    );
    for storey in storeys.iter().take(MAX_STOREYS) {
        let elevation = storey
            .elevation_m
            .map_or_else(|| "–".to_owned(), |metres| format!("{:.2}", metres + 0.0));
        add(
            out,
            format_args!(
                "<tr><td>{}</td><td class=\"n\">{elevation}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                escape(&name_of(storey.entity)),
                number(storey.spaces),
                number(storey.elements)
            ),
        );
    }
    out.push_str("</tbody></table></div></details>");
}

fn name_of(entity: &Entity) -> String {
    if entity.name.trim().is_empty() { entity.id.to_string() } else { entity.name.clone() }
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
    let words = text(
        format!(
            "由 bim-import {} 生成。图块 {} 个，顶点误差不超过 {:.1} mm。耗时与内存见 report.json：本页不含时间，重复导入得到逐字节相同的文件。与上一版本的差异见 changes.json。",
            env!("CARGO_PKG_VERSION"),
            tiles.tiles,
            tiles.max_error_m * 1_000.0
        ),
        format!(
            "Written by bim-import {}. {} tiles, vertices within {:.1} mm. Time and memory stand in report.json: this page holds none, so that importing again gives the same bytes. What changed since the last revision stands in changes.json.",
            env!("CARGO_PKG_VERSION"),
            tiles.tiles,
            tiles.max_error_m * 1_000.0
        ),
    );
    add(out, format_args!("<footer><p>{}</p></footer>\n", words.html()));
}
