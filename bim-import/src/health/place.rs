//! Whether everything stands where it does on earth.

use super::{
    checks::{Check, State},
    facts::Facts,
    html::{Text, counted, escape, number, text},
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
            let strays = unplaced(&facts.report.sources);
            if !strays.is_empty() {
                return stray(title, &place, &strays);
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

/// Sources with something in the scene that were laid at its origin for want of a place.
fn unplaced(sources: &[SourceReport]) -> Vec<&SourceReport> {
    let is_stray = |source: &&SourceReport| {
        source.error.is_none() && source.read > 0 && source.placed_by == placing::NOWHERE
    };
    sources.iter().filter(is_stray).collect()
}

/// A scene whose place is known and in which not everything is where it belongs.
fn stray(title: Text, place: &str, strays: &[&SourceReport]) -> Check {
    const MAX_FILES: usize = 100;
    let what = text(
        "没有可用的坐标系或地理位置：放在场景原点",
        "has no coordinate system or place on earth that could be used: it was laid at the scene's origin",
    );
    let mut lines: String = strays
        .iter()
        .take(MAX_FILES)
        .map(|source| format!("<li><p><b>{}</b> {}</p></li>", escape(&source.file), what.html()))
        .collect();
    if let Some(rest) = strays.len().checked_sub(MAX_FILES).filter(|rest| *rest > 0) {
        let more =
            text(format!("还有 {} 个文件", number(rest)), format!("and {} more", number(rest)));
        lines.push_str(&format!("<li><p>{}</p></li>", more.html()));
    }
    Check {
        state: State::Look,
        title,
        value: text(
            format!("{place} · {} 个文件没有位置", number(strays.len())),
            format!("{place} · {} without a place", counted(strays.len(), "file", "files")),
        ),
        why: text(
            "下列文件很可能不在真实位置上，并与其他内容重叠。若其坐标属于某一坐标系，请用 --crs 指定；否则请在建模软件中设置地理参考。",
            "These files most likely stand in the wrong place, in the midst of the others. Name the coordinate system of their coordinates with --crs, or georeference them in the authoring tool.",
        ),
        list: format!("<ul class=\"reasons\">{lines}</ul>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_without_a_place_among_others_is_named() {
        let source = |file: &str, placed_by: &str| SourceReport {
            file: file.into(),
            placed_by: placed_by.into(),
            read: 3,
            ..SourceReport::default()
        };
        let known = source("tower.ifc", "map conversion in EPSG:25832");
        let lost = source("city.json", placing::NOWHERE);
        let failed = SourceReport { error: Some("is empty".into()), ..lost.clone() };
        assert!(unplaced(&[known.clone(), failed]).is_empty());
        let sources = [known, lost];
        let check = stray(text("位置", "Place"), "49° N", &unplaced(&sources));
        assert!(check.state == State::Look);
        assert!(check.value.en.ends_with("1 file without a place"), "{}", check.value.en);
        assert!(check.list.contains("city.json") && !check.list.contains("tower.ifc"));
    }
}
