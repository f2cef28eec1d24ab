//! The buildings on the page: those that one looks into with a picture each, the others
//! counted and listed by where they can be seen.

use std::collections::BTreeMap;

use twin_model::Entity;

use super::{
    beyond::{Away, Beyond, Shot},
    facts::{Building, Facts, Storey},
    html::{Text, add, counted, data_url, distance, escape, number, text},
    naming::name_of,
    pictures::{Encoded, MAX_PICTURES},
    rows,
};
use crate::sets;

/// Most buildings that are shown one by one; there is always room for those with a picture.
const MAX_SHOWN: usize = MAX_PICTURES + 12;
/// What is nearer than this to the scene's origin is said to be there, m.
const AT_ORIGIN_M: f64 = 1_000.0;
/// Most storeys of a building that are listed.
const MAX_STOREYS: usize = 200;

/// Writes the picture of the whole scene, and in words what it does not show.
pub(super) fn overview(out: &mut String, facts: &Facts<'_>, pictures: &Encoded, title: &str) {
    let mut words = outside(facts, &pictures.beyond);
    if pictures.dots > 0 {
        words.insert(0, dots(pictures.dots));
    }
    let words: String = words.iter().map(|words| format!("<p>{}</p>", words.html())).collect();
    match &pictures.overview {
        Some(png) => add(
            out,
            format_args!(
                "<figure class=\"overview\"><img src=\"{}\" alt=\"{}\">{}</figure>\n",
                data_url(png),
                escape(title),
                if words.is_empty() {
                    String::new()
                } else {
                    format!("<figcaption>{words}</figcaption>")
                }
            ),
        ),
        None if !words.is_empty() => {
            add(out, format_args!("<div class=\"beyond\">{words}</div>\n"));
        }
        None => {}
    }
}

/// What the dots in the overview are.
fn dots(count: usize) -> Text {
    text(
        format!("圆点表示在此图中小得看不见的建筑（{} 栋）。", number(count)),
        format!("Dots stand for buildings too small to be seen here ({}).", number(count)),
    )
}

/// What the pictures do not show.
fn outside(facts: &Facts<'_>, beyond: &Beyond) -> Vec<Text> {
    let mut say = Vec::new();
    if beyond.is_elsewhere() {
        say.push(elsewhere(facts, beyond));
    }
    if beyond.goes_on {
        say.push(text(
            "道路、地形与水体延伸到画面之外。",
            "Roads, terrain and water go on beyond the edges of the picture.",
        ));
    }
    if beyond.too_far > 0 {
        let count = beyond.too_far;
        say.push(text(
            format!("{} 个对象距场景原点超过 2000 km，任何视图都不显示。", number(count)),
            format!(
                "{} more than 2000 km from the scene's origin, not drawn anywhere.",
                counted(count, "element", "elements")
            ),
        ));
    }
    if beyond.too_large > 0 {
        let count = beyond.too_large;
        say.push(text(
            format!("{} 个对象大于 100 km，未画入任何图片。", number(count)),
            format!("{} larger than 100 km, in no picture.", counted(count, "element", "elements")),
        ));
    }
    say
}

fn elsewhere(facts: &Facts<'_>, beyond: &Beyond) -> Text {
    let (mut zh, mut en): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    // Distances on the page count from one place: the scene's origin, if it has a place.
    let is_placed = facts.info.origin.wgs84.is_some();
    let away_m = |away: Away| if is_placed { away.origin_m } else { away.picture_m };
    for (id, away) in &beyond.buildings {
        let Some(entity) = facts.by_id.get(id.as_str()) else { continue };
        let (name, away) = (name_of(entity), how_far(away_m(*away), is_placed));
        // A building model is known by its file, a city's building is one of many.
        let file = entity.ifc_class.as_ref().map(|_| facts.file_of(entity));
        let of = file.map(|file| (format!("{file} 的"), format!(" of {file}"))).unwrap_or_default();
        zh.push(format!("{}{}（{}）", of.0, name.zh, away.zh));
        en.push(format!("{}{} ({})", name.en, of.1, away.en));
    }
    let more = beyond.building_count - beyond.buildings.len();
    if more > 0 {
        zh.push(format!("另有 {} 栋建筑", number(more)));
        en.push(counted(more, "more building", "more buildings"));
    }
    if beyond.others > 0 {
        zh.push(format!("{} 个其他对象", number(beyond.others)));
        en.push(counted(beyond.others, "other element", "other elements"));
    }
    let farthest = away_m(beyond.farthest);
    let from = if !is_placed {
        let far = distance(farthest);
        text(format!("；距此图最远 {far}"), format!("; up to {far} away from it"))
    } else if farthest < AT_ORIGIN_M {
        text("", "")
    } else {
        let far = distance(farthest);
        text(format!("；距场景原点最远 {far}"), format!("; up to {far} from the scene's origin"))
    };
    text(
        format!("不在此图中：{}{}。位于别处的模型宜单独导入为一个场景。", zh.join("、"), from.zh),
        format!(
            "Not in this picture: {}{}. Import a model that stands elsewhere as a scene of its own.",
            en.join(", "),
            from.en
        ),
    )
}

/// How far something is from the scene's origin, or else from the picture.
fn how_far(metres: f64, from_origin: bool) -> Text {
    if from_origin && metres < AT_ORIGIN_M {
        text("位于场景原点", "at the scene's origin")
    } else {
        text(distance(metres), distance(metres))
    }
}

/// Writes the section; nothing where there are no buildings.
pub(super) fn section(out: &mut String, facts: &Facts<'_>, pictures: &Encoded) {
    if facts.buildings.is_empty() {
        return;
    }
    add(out, format_args!("<section><h2>{}</h2>\n", text("建筑", "Buildings").html()));
    let mut room = MAX_SHOWN.saturating_sub(pictures.buildings.len());
    let (shown, rest): (Vec<_>, Vec<_>) = facts.buildings.iter().partition(|building| {
        if pictures.buildings.contains_key(&building.entity.id) {
            return true;
        }
        let takes = building.has_contents() && room > 0;
        room -= usize::from(takes);
        takes
    });
    if !shown.is_empty() {
        out.push_str("<div class=\"buildings\">\n");
        for building in &shown {
            write_building(out, facts, building, pictures);
        }
        out.push_str("</div>\n");
    }
    if !rest.is_empty() {
        list(out, facts, pictures, &rest, shown.is_empty());
    }
    out.push_str("</section>\n");
}

fn shot_of(building: &Building<'_>, pictures: &Encoded) -> Shot {
    pictures.shots.get(&building.entity.id).copied().unwrap_or(Shot::Nothing)
}

/// Buildings that are not shown one by one, by where they can be seen.
fn list(
    out: &mut String,
    facts: &Facts<'_>,
    pictures: &Encoded,
    rest: &[&Building<'_>],
    is_all: bool,
) {
    let mut groups: BTreeMap<Shot, Vec<&Entity>> = BTreeMap::new();
    for building in rest {
        groups.entry(shot_of(building, pictures)).or_default().push(building.entity);
    }
    let mut groups: Vec<(Shot, Vec<&Entity>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, entities)| std::cmp::Reverse(entities.len()));
    out.push_str("<div class=\"rest\">");
    if !is_all {
        let words = text(
            format!("其余 {} 栋建筑", number(rest.len())),
            format!("{} besides", counted(rest.len(), "building", "buildings")),
        );
        add(out, format_args!("<h3>{}</h3>", words.html()));
    }
    out.push_str("<ul class=\"reasons\">");
    for (shot, entities) in groups {
        add(
            out,
            format_args!(
                "<li><p>{}{}</p>{}</li>",
                rows::times(entities.len()),
                where_seen(shot).html(),
                rows::entities(facts, &entities)
            ),
        );
    }
    out.push_str("</ul></div>\n");
}

/// Why a building has no picture, and where it can be seen instead.
fn where_seen(shot: Shot) -> Text {
    match shot {
        Shot::Own => text(
            "同一处内容过多，未能画出",
            "There is too much in one place to draw a picture of it",
        ),
        Shot::Shape => {
            text("只有一个外形，没有内部：见总览图", "One shape, nothing inside: see the overview")
        }
        Shot::Fewer => text(
            format!("见总览图：只有构件最多的 {MAX_PICTURES} 栋建筑有自己的图片"),
            format!(
                "See the overview: only the {MAX_PICTURES} buildings with most elements have a picture of their own"
            ),
        ),
        Shot::Away => text("远离其余部分，不在总览图中", "Far from the rest: not in the overview"),
        Shot::TooFar => text(
            "位于或延伸到距场景原点 2000 km 以外，未画出",
            "Lies or reaches more than 2000 km from the scene's origin: too far to be drawn",
        ),
        Shot::TooLarge => text("范围大于 100 km，未画出", "Larger than 100 km: not in any picture"),
        Shot::OnlySpaces => text(
            "只有空间有几何；图片不画空间",
            "Only its spaces have geometry, and pictures leave spaces out",
        ),
        Shot::Nothing => text("没有几何", "Nothing of it has geometry"),
    }
}

fn write_building(
    out: &mut String,
    facts: &Facts<'_>,
    building: &Building<'_>,
    pictures: &Encoded,
) {
    let name = name_of(building.entity);
    match pictures.buildings.get(&building.entity.id) {
        Some(png) => add(
            out,
            format_args!(
                "<article class=\"building\"><div class=\"shot\"><img src=\"{}\" alt=\"{}\">",
                data_url(png),
                escape(&name.en)
            ),
        ),
        None => add(
            out,
            format_args!(
                "<article class=\"building\"><div class=\"shot none\"><p>{}</p>",
                where_seen(shot_of(building, pictures)).html()
            ),
        ),
    }
    let long = sets::attribute(&building.entity.properties, "LongName");
    let long = long.and_then(serde_json::Value::as_str).unwrap_or_default();
    let is_one_of_several = facts.report.sources.len() > 1;
    let file = is_one_of_several.then(|| escape(facts.file_of(building.entity)));
    let file = file.map(|file| format!("<p class=\"file\">{file}</p>")).unwrap_or_default();
    add(
        out,
        format_args!(
            "</div><div class=\"about\"><h3>{}</h3><p class=\"long\">{}</p>{file}<p>{}</p>",
            name.html(),
            escape(long),
            contents(building).html()
        ),
    );
    if !building.storeys.is_empty() {
        storeys(out, &building.storeys);
    }
    out.push_str("</div></article>\n");
}

/// How much is in a building; what there is none of goes unsaid.
fn contents(building: &Building<'_>) -> Text {
    let (mut zh, mut en): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut say = |count: usize, chinese: &str, one: &str, many: &str| {
        if count > 0 {
            zh.push(format!("{} {chinese}", number(count)));
            en.push(counted(count, one, many));
        }
    };
    say(building.storeys.len(), "层", "storey", "storeys");
    say(building.spaces, "个空间", "space", "spaces");
    say(building.elements, "个构件", "element", "elements");
    if zh.is_empty() {
        return text("没有楼层、空间与构件", "No storeys, spaces or elements");
    }
    let (mut zh, mut en) = (zh.join(" · "), en.join(" · "));
    if building.by_parts > 0 {
        zh.push_str(&format!("，其中 {} 个由其部件画出", number(building.by_parts)));
        en.push_str(&format!(", {} of them drawn by their parts", number(building.by_parts)));
    }
    if building.bare > 0 {
        zh.push_str(&format!("，{} 个没有几何", number(building.bare)));
        en.push_str(&format!(", {} without geometry", number(building.bare)));
    }
    text(zh, en)
}

fn storeys(out: &mut String, storeys: &[Storey<'_>]) {
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
                name_of(storey.entity).html(),
                number(storey.spaces),
                number(storey.elements)
            ),
        );
    }
    out.push_str("</tbody></table></div>");
    if storeys.len() > MAX_STOREYS {
        let rest = storeys.len() - MAX_STOREYS;
        let words = text(format!("还有 {} 层", number(rest)), format!("and {} more", number(rest)));
        add(out, format_args!("<p class=\"more\">{}</p>", words.html()));
    }
    out.push_str("</details>");
}
