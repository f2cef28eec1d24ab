//! Kinds, and what the importer says, in Chinese.

use twin_model::EntityKind;

use super::html::{Text, text};
use crate::placing;

/// What a kind is called.
pub(super) fn kind(kind: EntityKind) -> Text {
    use EntityKind as K;
    let zh = match kind {
        K::Project => "项目",
        K::Site => "场地",
        K::Building => "建筑",
        K::Storey => "楼层",
        K::Space => "空间",
        K::Zone => "分区",
        K::System => "系统",
        K::Door => "门",
        K::Window => "窗",
        K::Stair => "楼梯",
        K::Ramp => "坡道",
        K::Lift => "电梯",
        K::Meter => "计量表",
        K::Sensor => "传感器",
        K::Controller => "控制器",
        K::Pump => "水泵",
        K::Charger => "充电桩",
        K::Equipment => "设备",
        K::Distribution => "管线",
        K::Furniture => "家具",
        K::Element => "构件",
        K::Terrain => "地形",
        K::Road => "道路",
        K::Green => "绿地",
        K::Water => "水体",
        K::Landmark => "地标",
    };
    text(zh, kind.as_str())
}

/// What the importer says, in English and Chinese, one phrase a line; `{}` stands for
/// anything, in Chinese also `{0}`, `{1}` where the order differs.
const PHRASES: &str = include_str!("phrases.tsv");
/// Phrases inside phrases.
const MAX_DEPTH: usize = 8;

/// A reason in both languages; what is not known stands as it is.
pub(super) fn reason(reason: &str) -> Text {
    text(chinese(reason, 0).unwrap_or_else(|| reason.to_owned()), reason)
}

/// A phrase in Chinese; nothing where it is not known.
fn chinese(phrase: &str, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    let part = |part: &str| chinese(part, depth + 1).unwrap_or_else(|| part.to_owned());
    if let Some((parts, zh)) = known(phrase) {
        let parts: Vec<String> = parts.into_iter().map(part).collect();
        return Some(fill(zh, &parts));
    }
    // `: why`, `why; why`, and `12 things`.
    if let Some(why) = phrase.strip_prefix(": ") {
        return Some(format!("：{}", part(why)));
    }
    if phrase.contains("; ") {
        return Some(phrase.split("; ").map(part).collect::<Vec<_>>().join("；"));
    }
    let (count, things) = phrase.split_once(' ')?;
    let is_count = count.bytes().all(|byte| byte.is_ascii_digit());
    if is_count { Some(format!("{count} {}", chinese(things, depth + 1)?)) } else { None }
}

/// The phrase of the table that says most of this one, with what stands for its blanks.
fn known(phrase: &str) -> Option<(Vec<&str>, &'static str)> {
    let pairs = PHRASES.lines().filter_map(|line| line.split_once('\t'));
    let fits = pairs.filter_map(|(en, zh)| Some((en.len(), blanks(en, phrase)?, zh)));
    fits.max_by_key(|(said, ..)| *said).map(|(_, parts, zh)| (parts, zh))
}

/// What stands for the blanks of a pattern; nothing where it does not fit.
fn blanks<'a>(pattern: &str, phrase: &'a str) -> Option<Vec<&'a str>> {
    let (first, rest) = pattern.split_once("{}").map_or((pattern, None), |(a, b)| (a, Some(b)));
    let mut left = phrase.strip_prefix(first)?;
    let Some(rest) = rest else { return left.is_empty().then(Vec::new) };
    let mut words = rest.split("{}").peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let is_last = words.peek().is_none();
        let at = if is_last { left.len().checked_sub(word.len())? } else { left.find(word)? };
        found.push(left.get(..at)?);
        left = left.get(at..)?.strip_prefix(word)?;
    }
    Some(found)
}

/// A phrase with its blanks filled.
fn fill(zh: &str, parts: &[String]) -> String {
    let mut out = String::with_capacity(zh.len());
    let mut next = 0;
    let mut pieces = zh.split('{');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let Some((place, after)) = piece.split_once('}') else { continue };
        let place = place.parse().unwrap_or_else(|_| {
            next += 1;
            next - 1
        });
        out.push_str(parts.get(place).map_or("", String::as_str));
        out.push_str(after);
    }
    out
}

/// How a source came to its place.
pub(super) fn placed_by(words: &str) -> Text {
    let zh = match words {
        placing::NOWHERE => "未定位：放在场景原点".to_owned(),
        "the site's latitude and longitude" => "场地的经纬度".to_owned(),
        "longitude and latitude" => "经纬度坐标".to_owned(),
        "source coordinates" => "沿用源坐标".to_owned(),
        other => match other.split_once(" in ") {
            Some(("map conversion", crs)) => format!("地图转换，{crs}"),
            Some(("coordinates", crs)) => format!("坐标属于 {crs}"),
            _ => other.to_owned(),
        },
    };
    text(zh, words)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn phrases_are_found_within_phrases() {
        for (en, zh) in [
            ("its openings leave nothing of it", "被洞口全部切除"),
            ("12 × a surface without area", "12 × 面：没有面积"),
            (
                "drawn as a box: tessellating it did not end in time",
                "画成长方体：三角化未能及时完成",
            ),
            (
                "nothing came of its geometry: its geometry holds numbers that are not usable; Cut failed: open shell",
                "几何未能生成：几何中含有无效数值；Cut 失败：open shell",
            ),
            (
                "the floor of 01F lies 0.50 m below the terrain there",
                "01F 的地面低于该处地形 0.50 m",
            ),
            ("3 prototypes have no surfaces", "3 个原型没有面"),
            ("level of detail 1 for 3, 2.2 for 5 objects", "细节层次：1 用于 3, 2.2 用于 5 个对象"),
        ] {
            assert_eq!(reason(en).zh, zh);
        }
        assert_eq!(reason("never heard of").zh, "never heard of");
        assert_eq!(reason("").zh, "");
    }

    #[test]
    fn the_table_is_whole() {
        for line in PHRASES.lines() {
            let (en, zh) = line.split_once('\t').unwrap();
            let blanks = en.matches("{}").count();
            assert_eq!(zh.matches('{').count(), blanks, "{line}");
            assert!(!zh.is_ascii(), "{line}");
            assert_eq!(PHRASES.lines().filter(|l| l.split('\t').next() == Some(en)).count(), 1);
        }
    }

    /// What the sources say in English, and no person reads on the page.
    const UNSAID: [&str; 9] = [
        "+proj=longlat +datum=WGS84 +no_defs",
        "whole numbers as bytes",
        "GSA BIM Area",
        "outdoors above the ground",
        "coordinates in {}",
        "longitude and latitude",
        "nothing: at the scene's origin",
        "map conversion in {}",
        "the site's latitude and longitude",
    ];

    #[test]
    fn whatever_the_importer_says_it_says_in_both_languages() {
        let mut missing = Vec::new();
        let mut count = 0;
        for phrase in spoken(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
            count += 1;
            let counted = || phrase.strip_prefix("{} ").is_some_and(is_listed);
            if !is_listed(&phrase) && !counted() && !UNSAID.contains(&phrase.as_str()) {
                missing.push(phrase);
            }
        }
        assert!(count > 150, "{count} phrases were found");
        assert!(missing.is_empty(), "without Chinese in phrases.tsv: {missing:#?}");
    }

    /// Whether a phrase is known, or made of such.
    fn is_listed(phrase: &str) -> bool {
        let part = |part: &&str| !part.contains(' ') || is_listed(part);
        known(phrase).is_some_and(|(parts, _)| parts.iter().all(part))
    }

    /// Texts of three words and more in the sources of what writes the report.
    fn spoken(folder: &Path) -> Vec<String> {
        const SILENT: [&str; 14] = [
            "audit.rs",
            "changes.rs",
            "cli",
            "cli.rs",
            "health",
            "import.rs",
            "main.rs",
            "options.rs",
            "package.rs",
            "protocol.rs",
            "resources.rs",
            "store",
            "tests.rs",
            "tiles",
        ];
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if SILENT.contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                found.extend(spoken(&entry.path()));
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(entry.path()).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                found.extend(literals(text).into_iter().map(|literal| blank(&literal)));
            }
        }
        found.retain(|text| {
            text.split_whitespace().count() > 2 && text.contains(|c: char| c.is_ascii_lowercase())
        });
        found
    }

    /// The text literals of a source, without those of attributes and reasons for `expect`.
    fn literals(source: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut rest = source;
        while let Some(at) = rest.find(['"', '/', '\'']) {
            let (before, here) = rest.split_at(at);
            if let Some(comment) = here.strip_prefix("//") {
                rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
            } else if let Some(text) = here.strip_prefix('"') {
                let mut end = 0;
                let bytes = text.as_bytes();
                while bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let quiet = ["expect(", "reason = ", "include_str!("];
                if !quiet.iter().any(|quiet| before.trim_end().ends_with(quiet.trim_end())) {
                    found.push(text[..end].to_owned());
                }
                rest = &text[end + 1..];
            } else if let Some(quote) = here.strip_prefix('\'') {
                // A letter, or else a lifetime.
                let letter = quote.strip_prefix('\\').map_or(quote, |escaped| escaped);
                let after = letter.char_indices().nth(1).map_or("", |(at, _)| &letter[at..]);
                rest = after.strip_prefix('\'').unwrap_or(quote);
            } else {
                rest = &here[1..];
            }
        }
        found
    }

    /// `{name:?}` is a blank; a line that goes on is one line; escapes are what they mean.
    fn blank(literal: &str) -> String {
        let mut lines = literal.split("\\\n");
        let mut text = lines.next().unwrap_or_default().to_owned();
        lines.for_each(|line| text.push_str(line.trim_start()));
        let text = text.replace("\\\"", "\"");
        let mut pieces = text.split('{');
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            out.push_str("{}");
            out.push_str(piece.split_once('}').map_or("", |(_, after)| after));
        }
        out
    }
}
