//! Tells what a file is, by its content first and its name second.

use std::path::Path;

use crate::{
    archive,
    gis::{Kind, flatgeobuf},
};

/// What a file is to the importer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// IFC as STEP text.
    Ifc,
    /// A zip archive, in which there should be an IFC file.
    IfcZip,
    /// A GIS format.
    Gis(Kind),
    /// Something else, with what to do about it.
    Unsupported(&'static str),
}

impl Format {
    /// Looks at the first bytes and the extension.
    pub(crate) fn detect(path: &Path, bytes: &[u8]) -> Self {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4_096)]);
        let extension =
            path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let extension = extension.as_deref().unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if bytes.is_empty() {
            return Self::Unsupported("is empty");
        }
        // Before all words: a packed file may hold any of them.
        if archive::is_zip(bytes) {
            return Self::IfcZip;
        }
        if head.contains("ISO-10303-21") {
            return Self::Ifc;
        }
        // JSON has no order: what the document is may stand behind all its objects.
        let words = ["\"CityJSON\"", "\"CityJSONFeature\"", "\"CityObjects\""];
        if words.iter().any(|word| head.contains(word)) || name.contains(".city.json") {
            return Self::Gis(Kind::CityJson);
        }
        // The first block's header names it, behind four bytes of length and two of field.
        if bytes.get(6..15) == Some(b"OSMHeader") {
            return Self::Gis(Kind::OsmPbf);
        }
        if flatgeobuf::is_magic(bytes) {
            return Self::Gis(Kind::FlatGeobuf);
        }
        match extension {
            "ifc" => Self::Unsupported(
                "is not an IFC file: it does not start with ISO-10303-21; export it as IFC (STEP) again",
            ),
            "geojson" => Self::Gis(Kind::GeoJson),
            "json" if head.contains("FeatureCollection") || head.contains("\"Feature\"") => {
                Self::Gis(Kind::GeoJson)
            }
            "ifczip" | "zip" => Self::Unsupported("is no zip archive; it may be cut off"),
            "ifcxml" => Self::Unsupported("is ifcXML, which is not read; export it as IFC (STEP)"),
            "ifcx" => Self::Unsupported("is IFC5, which is not read yet; export it as IFC4x3"),
            "gml" | "citygml" | "xml" if head.contains("CityModel") => Self::Gis(Kind::CityGml),
            "gml" | "citygml" | "xml" => {
                Self::Unsupported("is XML without a CityModel; of XML, only CityGML is read")
            }
            "fgb" => {
                Self::Unsupported("is not FlatGeobuf: it does not start with fgb and a version")
            }
            "asc" => Self::Gis(Kind::AscGrid),
            "tif" | "tiff" => Self::Gis(Kind::GeoTiff),
            "pbf" => Self::Gis(Kind::OsmPbf),
            "osm" => Self::Unsupported(
                "is OpenStreetMap XML, which is not read; convert it with `osmium cat -f pbf`",
            ),
            "glb" | "gltf" => Self::Unsupported("is glTF, which is not read yet"),
            _ => Self::Unsupported("is of no format read here; see --help"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_before_the_name() {
        let detect = |name: &str, bytes: &[u8]| Format::detect(Path::new(name), bytes);
        assert_eq!(detect("a.txt", b"ISO-10303-21;\nHEADER;"), Format::Ifc);
        assert_eq!(
            detect("a.json", br#"{"type":"FeatureCollection"}"#),
            Format::Gis(Kind::GeoJson)
        );
        assert_eq!(detect("a.GEOJSON", b"{}"), Format::Gis(Kind::GeoJson));
        let zip = b"PK\x03\x04 a stored ISO-10303-21;";
        assert_eq!(detect("a.ifc", zip), Format::IfcZip);
        assert_eq!(detect("a", br#"{"type":"CityJSON"}"#), Format::Gis(Kind::CityJson));
        assert_eq!(detect("a.bin", b"fgb\x03fgb\x01rest"), Format::Gis(Kind::FlatGeobuf));
        for (name, bytes) in
            [("a.ifc", &b"garbage"[..]), ("a.ifc", b""), ("a.fgb", b"fgb"), ("a", b"\0\0")]
        {
            assert!(matches!(detect(name, bytes), Format::Unsupported(_)), "{name}");
        }
    }
}
