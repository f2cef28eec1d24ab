//! The address: what is looked at, so that a link opens exactly that.

use jiff::Timestamp;

use crate::{bridge::CameraPose, layers::Layer, text::Lang};

/// What an address says; everything may be absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Entity selected.
    pub entity: Option<String>,
    /// Layer shown.
    pub layer: Option<Layer>,
    /// Storey shown alone.
    pub storey: Option<String>,
    /// Where the camera stands.
    pub camera: Option<CameraPose>,
    /// Room whose time is shown; absent: the present.
    pub room: Option<String>,
    /// The moment shown, RFC 3339; with a room only where that has ended meanwhile.
    pub time: Option<String>,
    /// Language of the page.
    pub lang: Option<Lang>,
    /// Size of everything, 1 as designed.
    pub scale: Option<f32>,
    /// Parameters of others, kept as they came.
    pub others: Vec<(String, String)>,
}

impl Link {
    /// Reads decoded query parameters; what does not parse is left out.
    pub fn parse(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut link = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "entity" => link.entity = Some(value).filter(|value| !value.is_empty()),
                "storey" => link.storey = Some(value).filter(|value| !value.is_empty()),
                "room" => link.room = Some(value).filter(|value| is_room(value)),
                "t" => link.time = Some(value).filter(|value| value.parse::<Timestamp>().is_ok()),
                "layer" => link.layer = Layer::parse(&value),
                "camera" => link.camera = parse_camera(&value),
                "lang" => link.lang = Lang::parse(&value),
                "scale" => {
                    link.scale = value.parse().ok().filter(|scale| (0.5..=4.0).contains(scale));
                }
                _ => link.others.push((name, value)),
            }
        }
        link
    }

    /// The parameters to write, in a steady order.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = self.others.clone();
        let mut put = |name: &str, value: Option<String>| {
            pairs.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("room", self.room.clone());
        put("t", self.time.clone());
        put("entity", self.entity.clone());
        let layer = self.layer.filter(|layer| *layer != Layer::default());
        put("layer", layer.map(|layer| layer.name().to_owned()));
        put("storey", self.storey.clone());
        put("camera", self.camera.as_ref().map(write_camera));
        put("lang", self.lang.map(|lang| lang.tag().to_owned()));
        put("scale", self.scale.map(|scale| scale.to_string()));
        pairs
    }
}

/// The present is where a page without a room is anyway.
fn is_room(id: &str) -> bool {
    !id.is_empty() && id != "live"
}

/// `x,y,z,distance,heading,tilt`: metres and degrees.
fn write_camera(pose: &CameraPose) -> String {
    let [x, y, z] = pose.target;
    format!(
        "{x:.1},{y:.1},{z:.1},{:.1},{:.1},{:.1}",
        pose.distance_m, pose.heading_deg, pose.tilt_deg
    )
}

fn parse_camera(text: &str) -> Option<CameraPose> {
    let numbers: Vec<f64> = text.split(',').map_while(|part| part.trim().parse().ok()).collect();
    let &[x, y, z, distance_m, heading_deg, tilt_deg] = numbers.as_slice() else { return None };
    let is_sound = numbers.iter().all(|number| number.is_finite() && number.abs() < 1e7);
    let pose = CameraPose { target: [x, y, z], distance_m, heading_deg, tilt_deg };
    (is_sound && distance_m > 0.0).then_some(pose)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_link_comes_back_as_it_was() {
        let written = pairs(&[
            ("wall", "2"),
            ("room", "r-7"),
            ("t", "2026-11-27T14:03:20Z"),
            ("entity", "1kTvXnbbzCWw8lcMd1dR4o"),
            ("layer", "temperature"),
            ("storey", "s/1"),
            ("camera", "1.0,-2.5,3.0,250.0,315.0,30.0"),
            ("lang", "zh"),
            ("scale", "1.5"),
        ]);
        let link = Link::parse(written.clone());
        assert_eq!(link.layer, Some(Layer::Temperature));
        assert_eq!(link.pairs(), written);
    }

    #[test]
    fn nonsense_is_left_out() {
        let link = Link::parse(pairs(&[
            ("layer", "magic"),
            ("camera", "1,2,3"),
            ("camera", "1,2,3,nan,0,0"),
            ("camera", "1,2,3,0,0,0"),
            ("lang", "fr"),
            ("scale", "900"),
            ("room", "live"),
            ("t", "yesterday"),
            ("entity", ""),
        ]));
        assert_eq!(link, Link::default());
        assert!(link.pairs().is_empty());
    }
}
