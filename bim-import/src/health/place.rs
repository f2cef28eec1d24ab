//! Whether everything stands where it does on earth.

use super::{
    checks::{Check, State},
    facts::Facts,
    html::{Text, counted, distance, escape, number, text},
};
use crate::{placing, report::SourceReport};

/// Where the scene is, and what in it is elsewhere in truth.
pub(super) fn georeference(facts: &Facts<'_>) -> Check {
    let title = text("地理位置", "Place on earth");
    match facts.info.origin.wgs84 {
        Some([lon, lat, height]) => {
            let side = |degrees: f64, letters: [char; 2]| {
                format!("{:.5}° {}", degrees.abs(), letters[usize::from(degrees < 0.0)])
            };
            let place = format!(
                "{} {} · {:.1} m",
                side(lat, ['N', 'S']),
                side(lon, ['E', 'W']),
                height + 0.0
            );
            let astray = Astray::all(&facts.report.sources, &distances(facts));
            if !astray.is_empty() {
                return elsewhere(title, &place, &astray);
            }
            let crs = facts.info.crs.as_deref();
            Check {
                state: State::Fine,
                title,
                value: text(place.clone(), place),
                why: text(
                    format!(
                        "场景原点（WGS 84）。坐标系：{}。每个文件的定位方式见下表。",
                        crs.unwrap_or("无投影坐标系")
                    ),
                    format!(
                        "The scene's origin in WGS 84. Map: {}. How each file got its place stands below.",
                        crs.unwrap_or("none")
                    ),
                ),
                list: String::new(),
            }
        }
        None => Check {
            state: State::Look,
            title,
            value: text("未知", "Unknown"),
            why: text(
                "没有文件说明它在地球上的位置：与其他模型和地图无法对齐。",
                "No file says where on earth it stands: it cannot meet other models or a map.",
            ),
            list: String::new(),
        },
    }
}

/// How far the nearest thing of each source lies from the scene's origin, m; nothing for
/// sources of which nothing has geometry.
fn distances(facts: &Facts<'_>) -> Vec<Option<f64>> {
    let mut nearest: Vec<Option<f64>> = vec![None; facts.report.sources.len()];
    for entity in facts.by_id.values() {
        let (Some(bbox), Ok(source)) = (entity.bbox, usize::try_from(entity.source)) else {
            continue;
        };
        let away_m = placing::from_origin_m(&bbox);
        if let Some(nearest) = nearest.get_mut(source) {
            *nearest = Some(nearest.map_or(away_m, |nearest| nearest.min(away_m)));
        }
    }
    nearest
}

/// What is wrong with where a source stands.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    /// Most of it, so many things, lies too far from the origin to be drawn.
    TooFar(usize),
    /// It has no place, and was laid at the origin.
    Nowhere,
    /// It stands so far from the origin that both cannot be seen together, m.
    Away(f64),
}

/// A source that stands elsewhere than the others.
struct Astray<'a> {
    source: &'a SourceReport,
    wrong: Wrong,
}

impl<'a> Astray<'a> {
    /// Those with something in the scene; what is missing first.
    fn all(sources: &'a [SourceReport], distances: &[Option<f64>]) -> Vec<Self> {
        let wrong = |source: &SourceReport, away_m: Option<f64>| match away_m {
            _ if source.error.is_some() || source.read == 0 => None,
            // A wall or two of that kind are broken, and not the file's place.
            _ if source.too_far > source.tessellated => Some(Wrong::TooFar(source.too_far)),
            _ if source.placed_by == placing::NOWHERE => Some(Wrong::Nowhere),
            Some(away_m) if away_m > placing::MAX_DISTANCE_M => Some(Wrong::Away(away_m)),
            _ => None,
        };
        let mut found: Vec<Self> = sources
            .iter()
            .zip(distances)
            .filter_map(|(source, away_m)| Some(Self { source, wrong: wrong(source, *away_m)? }))
            .collect();
        found.sort_by_key(|astray| match astray.wrong {
            Wrong::TooFar(_) => 0,
            Wrong::Nowhere => 1,
            Wrong::Away(_) => 2,
        });
        found
    }

    fn what(&self) -> Text {
        match self.wrong {
            Wrong::TooFar(count) => text(
                format!("{} 个对象距场景原点超过 2000 km，未能画出", number(count)),
                format!(
                    "{} more than 2000 km from the scene's origin: too far to be drawn",
                    counted(count, "element lies", "elements lie")
                ),
            ),
            Wrong::Nowhere => text(
                "没有可用的坐标系或地理位置：放在场景原点",
                "has no coordinate system or place on earth that could be used: it was laid at the scene's origin",
            ),
            Wrong::Away(metres) => text(
                format!("距场景原点 {}", distance(metres)),
                format!("stands {} from the scene's origin", distance(metres)),
            ),
        }
    }

    /// What such files are, and what to do about them.
    fn advice(&self) -> (Text, Text) {
        match self.wrong {
            Wrong::TooFar(_) => (
                text("太远而无法画出", "too far to be drawn"),
                text(
                    "太远的文件很可能坐标系有误，或经度与纬度颠倒；若确在别处，请单独导入为一个场景。",
                    "What is too far most likely names the wrong coordinate system, or has longitude and latitude the wrong way round; if it does stand elsewhere, import it as a scene of its own.",
                ),
            ),
            Wrong::Nowhere => (
                text("没有位置", "without a place"),
                text(
                    "没有位置的文件很可能不在真实位置上，并与其他内容重叠。若其坐标属于某一坐标系，请用 --crs 指定；否则请在建模软件中设置地理参考。",
                    "What has no place most likely stands in the wrong one, in the midst of the others. Name the coordinate system of its coordinates with --crs, or georeference it in the authoring tool.",
                ),
            ),
            Wrong::Away(_) => (
                text("远离场景原点", "far from the scene's origin"),
                text(
                    "远离的文件无法与其他内容同时看清。若位置有误，请检查其坐标系；否则请单独导入为一个场景。",
                    "What is far away cannot be seen together with the rest. See whether its coordinate system is right; if it is, import it as a scene of its own.",
                ),
            ),
        }
    }
}

/// A scene whose place is known and in which not everything is where it belongs, or where
/// it can be seen.
fn elsewhere(title: Text, place: &str, astray: &[Astray<'_>]) -> Check {
    const MAX_FILES: usize = 100;
    let mut lines: String = astray
        .iter()
        .take(MAX_FILES)
        .map(|one| {
            let file = escape(&one.source.file);
            format!("<li><p><b>{file}</b> {}</p></li>", one.what().html())
        })
        .collect();
    if let Some(rest) = astray.len().checked_sub(MAX_FILES).filter(|rest| *rest > 0) {
        let more =
            text(format!("还有 {} 个文件", number(rest)), format!("and {} more", number(rest)));
        lines.push_str(&format!("<li><p>{}</p></li>", more.html()));
    }
    let (mut value_zh, mut value_en) = (place.to_owned(), place.to_owned());
    let (mut why_zh, mut why_en) = (Vec::new(), Vec::new());
    let kind = |one: &Astray<'_>| std::mem::discriminant(&one.wrong);
    for alike in astray.chunk_by(|a, b| kind(a) == kind(b)) {
        let (what, why) = alike[0].advice();
        value_zh.push_str(&format!(" · {} 个文件{}", number(alike.len()), what.zh));
        value_en.push_str(&format!(" · {} {}", counted(alike.len(), "file", "files"), what.en));
        why_zh.push(why.zh);
        why_en.push(why.en);
    }
    let is_missing = astray.iter().any(|one| matches!(one.wrong, Wrong::TooFar(_)));
    Check {
        state: if is_missing { State::Bad } else { State::Look },
        title,
        value: text(value_zh, value_en),
        why: text(why_zh.concat(), why_en.join(" ")),
        list: format!("<ul class=\"reasons\">{lines}</ul>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_stands_elsewhere_is_named() {
        let source = |file: &str, placed_by: &str| SourceReport {
            file: file.into(),
            placed_by: placed_by.into(),
            read: 3,
            ..SourceReport::default()
        };
        let check = |sources: &[SourceReport], distances: &[Option<f64>]| {
            let astray = Astray::all(sources, distances);
            (!astray.is_empty()).then(|| elsewhere(text("位置", "Place"), "49° N", &astray))
        };
        let known = source("tower.ifc", "map conversion in EPSG:25832");
        let lost = source("city.json", placing::NOWHERE);
        let failed = SourceReport { error: Some("is empty".into()), ..lost.clone() };
        assert!(check(&[known.clone(), failed], &[Some(90_000.0), None]).is_none());
        let sources = [known.clone(), lost];
        let found = check(&sources, &[Some(0.0), Some(0.0)]).unwrap();
        assert!(found.state == State::Look);
        assert!(found.value.en.ends_with("1 file without a place"), "{}", found.value.en);
        assert!(found.list.contains("city.json") && !found.list.contains("tower.ifc"));
        let found = check(&sources[..1], &[Some(239_000.0)]).unwrap();
        assert!(found.state == State::Look && found.list.contains("239 km"), "{}", found.list);
        let swapped = SourceReport { too_far: 127, dropped: 127, ..source("map", "longitude") };
        let found = check(&[known, swapped], &[Some(0.0), Some(6e6)]).unwrap();
        assert!(found.state == State::Bad && found.list.contains("127"), "{}", found.list);
    }
}
