//! The many spellings of a coordinate system's name.

/// What a name comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// EPSG codes: of the horizontal or compound system, and of the vertical one beside it.
    Epsg(u32, Option<u32>),
    /// WGS 84, longitude before latitude, as OGC names it.
    Crs84,
}

/// Names that German surveys use in CityGML, and what they mean.
const ADV: [(&str, u32); 12] = [
    ("ETRS89_UTM31", 25_831),
    ("ETRS89_UTM32", 25_832),
    ("ETRS89_UTM33", 25_833),
    ("DE_DHDN_3GK2", 31_466),
    ("DE_DHDN_3GK3", 31_467),
    ("DE_DHDN_3GK4", 31_468),
    ("DE_DHDN_3GK5", 31_469),
    ("DE_DHHN12_NOH", 7_699),
    ("DE_DHHN85_NOH", 5_784),
    ("DE_DHHN92_NH", 5_783),
    ("DE_DHHN2016_NH", 7_837),
    ("DE_DHHN2016", 7_837),
];

/// Reads `EPSG:25832`, `epsg 25832`, `EPSG:2056+5728`, `urn:ogc:def:crs:EPSG:6.9:25832`,
/// `urn:ogc:def:crs,crs:EPSG::2056,crs:EPSG::5728`,
/// `https://www.opengis.net/def/crs/EPSG/0/7415`, `…/gml/srs/epsg.xml#25832`,
/// `urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH`, `CRS84`.
pub(super) fn read(name: &str) -> Option<Named> {
    let name = name.trim().to_ascii_uppercase();
    let mut codes = name.match_indices("EPSG").flat_map(|(at, word)| {
        let rest = name[at + word.len()..].trim_start_matches(".XML");
        let at = rest.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (between, rest) = rest.split_at(at);
        let end = rest.find(|c: char| !(c.is_ascii_digit() || ":/.#+".contains(c)));
        let (code, behind) = rest.split_at(end.unwrap_or(rest.len()));
        // `27700X` and `27700=X` are slips, not 27700, and `:-1` is not 1.
        let is_slip = code.ends_with(|c: char| c.is_ascii_digit())
            && behind.starts_with(|c: char| c.is_alphanumeric() || c == '=')
            || between.len() > 1 && between.ends_with('-');
        if is_slip { Vec::new() } else { codes_in(code) }
    });
    if let Some(horizontal) = codes.next() {
        return Some(Named::Epsg(horizontal, codes.next()));
    }
    if name.contains("CRS84") {
        return Some(Named::Crs84);
    }
    let mut parts = name
        .split(['*', ':', ','])
        .filter_map(|part| ADV.iter().find(|(known, _)| *known == part).map(|(_, code)| *code));
    parts.next().map(|horizontal| Named::Epsg(horizontal, parts.next()))
}

/// `6.9:25832` is version and code, `0/7415` too; `2056+5728` are two codes.
fn codes_in(text: &str) -> Vec<u32> {
    let code = |part: &str| {
        part.split(|c: char| !c.is_ascii_digit())
            .rfind(|digits| !digits.is_empty() && digits.len() < 9)
            .and_then(|digits| digits.parse().ok())
    };
    text.split('+').filter_map(code).collect()
}

/// The name of a system described as well-known text: its outermost authority code, which
/// stands last, else the beginning of the text for the error that follows.
pub(crate) fn in_wkt(text: &str) -> String {
    text.rfind("EPSG").map_or_else(
        || text.chars().take(60).collect(),
        |at| {
            let digits: String = text[at..].chars().filter(char::is_ascii_digit).take(6).collect();
            format!("EPSG:{digits}")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for (name, horizontal, vertical) in [
            ("EPSG:25832", 25_832, None),
            ("epsg 25832 (ETRS89 / UTM 32N)", 25_832, None),
            ("EPSG:2056+5728", 2_056, Some(5_728)),
            ("urn:ogc:def:crs:EPSG::25832", 25_832, None),
            ("urn:ogc:def:crs:EPSG:6.9:31467", 31_467, None),
            ("urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783", 3_068, Some(5_783)),
            ("https://www.opengis.net/def/crs/EPSG/0/7415", 7_415, None),
            ("http://www.opengis.net/gml/srs/epsg.xml#28992", 28_992, None),
            (
                "http://www.opengis.net/def/crs-compound?1=http://www.opengis.net/def/crs/EPSG/0/2056&2=http://www.opengis.net/def/crs/EPSG/0/5728",
                2_056,
                Some(5_728),
            ),
            ("urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH", 25_832, Some(5_783)),
        ] {
            assert_eq!(read(name), Some(Named::Epsg(horizontal, vertical)), "{name}");
        }
        assert_eq!(read("urn:ogc:def:crs:OGC:1.3:CRS84"), Some(Named::Crs84));
        for name in [
            "",
            "Gauss",
            "EPSG:",
            "EPSG",
            "EPSG:+",
            "EPSG:999999999999",
            "ÄEPSGÄ",
            "EPSG:27700x",
            "EPSG:28992=x",
            "EPSG:-1",
            "EPSG -1",
        ] {
            assert_eq!(read(name), None, "{name}");
        }
        assert_eq!(read("EPSG-25832"), Some(Named::Epsg(25_832, None)));
    }
}
