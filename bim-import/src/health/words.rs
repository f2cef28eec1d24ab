//! Kinds, and what the importer says, in Chinese.

use twin_model::EntityKind;

use super::html::{Text, text};

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

/// What the importer says begins like this; the rest of it stands as it is.
const REASONS: &[(&str, &str)] = &[
    ("it has no GlobalId", "没有 GlobalId"),
    ("its GlobalId occurs before", "GlobalId 在文件中重复"),
    ("its record does not parse", "记录无法解析"),
    (
        "it is the one of an earlier source, by its GlobalId",
        "与先前来源中的同一对象（GlobalId 相同），已合并",
    ),
    ("its id is used by an earlier source", "标识已被先前来源使用"),
    ("nothing came of its geometry", "几何未能生成"),
    ("its geometry holds unusable numbers", "几何中含有无效数值"),
    ("the geometry engine does not know how to draw it", "几何引擎不支持该表示方式"),
    ("its geometry is incomplete", "几何不完整"),
    ("the file ends without END-ISO-10303-21", "文件可能被截断（缺少 END-ISO-10303-21）"),
    ("its map conversion is not used", "未采用其地图转换"),
    ("its map conversion scales by", "地图转换的比例被视为单位换算并忽略"),
    ("its coordinates are far from zero", "坐标远离原点，已平移"),
    ("it does not say where on earth it is", "未说明地理位置"),
];

/// A reason in both languages; in Chinese with the original behind what is known of it.
pub(super) fn reason(reason: &str) -> Text {
    let known = REASONS.iter().find(|(start, _)| reason.starts_with(start));
    let zh = match known {
        Some((start, zh)) => format!("{zh}{}", &reason[start.len()..]),
        None => reason.to_owned(),
    };
    text(zh, reason)
}

/// How a source came to its place.
pub(super) fn placed_by(words: &str) -> Text {
    let zh = match words {
        "nothing: at the scene's origin" => "未定位：放在场景原点".to_owned(),
        "the site's latitude and longitude" => "场地的经纬度".to_owned(),
        "longitude and latitude" => "经纬度坐标".to_owned(),
        "source coordinates" => "沿用源坐标".to_owned(),
        other => match other.strip_prefix("map conversion in ") {
            Some(crs) => format!("地图转换，{crs}"),
            None => other.to_owned(),
        },
    };
    text(zh, words)
}
