//! What a file declares of spaces, doors, stairs and lifts, as far as the walking graph asks
//! for it: a few numbers in place of their property sets, which are put aside.

use std::ops::Range;

use serde_json::Value as Json;
use twin_model::changes::Properties;

use crate::sets;

/// Names of the quantity that holds a space's floor area, the best first.
const AREA_NAMES: &[&str] = &["NetFloorArea", "GrossFloorArea", "NetArea", "Area", "GSA BIM Area"];
/// Names of the property that holds how many people a space is made for.
const OCCUPANT_NAMES: &[&str] =
    &["OccupancyNumber", "OccupancyNumberPeak", "NumberOfOccupants", "OccupantCount"];
/// Names of the property that holds the width of a flight, ramp or cabin.
const FLIGHT_NAMES: &[&str] = &["ClearWidth", "FlightWidth", "Width"];

/// Widths that people pass, m: what is outside was written in another unit, or never filled in.
pub(super) const WIDTHS_M: Range<f64> = 0.2..50.0;

/// Declared of one element; what is absent is not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Declared {
    /// Floor area of a space, m².
    pub(super) area_m2: Option<f64>,
    /// How many people a space is made for.
    pub(super) occupants: Option<f64>,
    /// Clear width of a door, or that of its frame less its lining, m.
    pub(super) door_width_m: Option<f64>,
    /// Width of a flight, ramp or cabin, m.
    pub(super) flight_width_m: Option<f64>,
    /// Whether outdoors is on one side of it.
    pub(super) is_external: Option<bool>,
    /// As the file writes it.
    pub(super) fire_rating: Option<Box<str>>,
    /// How a door moves (IfcDoorTypeOperationEnum).
    pub(super) swing: Option<Box<str>>,
    /// An escalator or moving walk among what transports.
    pub(super) is_escalator: bool,
}

impl Declared {
    /// Looks it up in property sets.
    pub(crate) fn of(properties: &Properties) -> Self {
        let number = |names: &[&str]| numbers(properties, names).find(|value| *value > 0.0);
        let width =
            |names: &[&str]| numbers(properties, names).find(|width| WIDTHS_M.contains(width));
        let attribute = |name: &str| sets::attribute(properties, name).and_then(Json::as_str);
        let overall = || {
            let frame = width(&["OverallWidth"])?;
            let lining = number(&["LiningThickness"]).filter(|lining| *lining < 0.2 * frame);
            Some(frame - 2.0 * lining.unwrap_or_default()).filter(|width| WIDTHS_M.contains(width))
        };
        let is_external = values(properties, "IsExternal").next();
        Self {
            area_m2: number(AREA_NAMES),
            occupants: number(OCCUPANT_NAMES),
            door_width_m: width(&["ClearWidth", "ClearOpeningWidth"]).or_else(overall),
            flight_width_m: width(FLIGHT_NAMES),
            is_external: is_external.and_then(Json::as_bool),
            fire_rating: fire_rating(properties).map(Into::into),
            swing: attribute("OperationType").filter(|way| *way != "NOTDEFINED").map(Into::into),
            is_escalator: attribute("PredefinedType")
                .is_some_and(|kind| ["ESCALATOR", "MOVINGWALKWAY"].contains(&kind)),
        }
    }
}

/// The values of a property, in whatever set of the file it is.
fn values<'a>(properties: &'a Properties, name: &'a str) -> impl Iterator<Item = &'a Json> {
    let sets = properties.iter().filter(|(set, _)| sets::declares(set));
    sets.filter_map(move |(_, set)| set.get(name))
}

/// The values of some properties that are numbers, those of the first name before others.
fn numbers<'a>(properties: &'a Properties, names: &'a [&str]) -> impl Iterator<Item = f64> + 'a {
    names.iter().flat_map(|name| values(properties, name)).filter_map(number)
}

/// A number, also one that the file writes as text.
fn number(value: &Json) -> Option<f64> {
    let text = || value.as_str()?.trim().parse().ok();
    value.as_f64().or_else(text).filter(|number: &f64| number.is_finite())
}

/// Fire rating in any set, unless it is the name of the property itself: some exporters
/// write that where nothing was filled in.
fn fire_rating(properties: &Properties) -> Option<&str> {
    let bare = |text: &str| text.replace(' ', "").to_lowercase();
    ["FireRating", "Fire Rating", "FireResistanceRating"]
        .iter()
        .flat_map(|name| values(properties, name).filter_map(Json::as_str))
        .find(|text| !text.trim().is_empty() && bare(text) != "firerating")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared(properties: &Json) -> Declared {
        Declared::of(&serde_json::from_value(properties.clone()).unwrap())
    }

    #[test]
    fn the_best_of_several_names_counts_whatever_set_it_is_in() {
        let space = declared(&json!({
            "A": { "Area": 30.0, "NetFloorArea": 0.0, "OccupancyNumber": 4 },
            "B": { "GrossFloorArea": 28.0 },
        }));
        let wanted = Declared { area_m2: Some(28.0), occupants: Some(4.0), ..Declared::default() };
        assert_eq!(space, wanted);
    }

    #[test]
    fn what_the_importer_writes_is_not_declared() {
        let door = declared(&json!({
            "Classification": { "IsExternal": true },
            "Material": { "FireRating": "EI30" },
            "Walking (Pset)": { "ClearWidth": 0.9, "Area": 3.0 },
        }));
        assert_eq!(door, Declared::default());
    }

    #[test]
    fn a_door_is_as_wide_as_its_frame_less_its_lining() {
        let door = declared(&json!({
            "Attributes": { "OverallWidth": 1.0, "OperationType": "NOTDEFINED" },
            "IfcDoorLiningProperties": { "LiningThickness": 0.05 },
            "Pset_DoorCommon": { "FireRating": "Fire Rating", "IsExternal": false },
            "Typ": { "FireResistanceRating": "EI30" },
        }));
        assert_eq!((door.door_width_m, door.is_external), (Some(0.9), Some(false)));
        assert_eq!((door.fire_rating.as_deref(), door.swing), (Some("EI30"), None));
        let clear = declared(&json!({ "Pset": { "ClearWidth": 0.8, "OverallWidth": 1.0 } }));
        assert_eq!((clear.door_width_m, clear.flight_width_m), (Some(0.8), Some(0.8)));
        let odd = declared(&json!({
            "Attributes": { "OverallWidth": 1.1 },
            "Pset": { "ClearWidth": 900.0, "FlightWidth": "0.90 ", "Area": "12", "Width": "wide" },
        }));
        assert_eq!((odd.door_width_m, odd.flight_width_m), (Some(1.1), Some(0.9)));
        assert_eq!(odd.area_m2, Some(12.0));
        let none = declared(&json!({ "Pset": { "ClearWidth": 0.0, "OverallWidth": "NaN" } }));
        assert_eq!(none, Declared::default());
        let lift = declared(&json!({ "Attributes": { "PredefinedType": "MOVINGWALKWAY" } }));
        assert!(lift.is_escalator && !clear.is_escalator);
    }
}
