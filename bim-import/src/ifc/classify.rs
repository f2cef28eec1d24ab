//! From IFC classes to the kinds people know, and the tags to bind by.

use rustc_hash::FxHashMap;
use twin_model::EntityKind;

use super::engine::records::IfcClass;

/// What the decision rests on.
pub(super) struct Facts<'a> {
    pub(super) class: &'a IfcClass,
    /// PredefinedType, of the object or else of its type, upper case.
    pub(super) predefined: &'a str,
    /// ObjectType as written.
    pub(super) object_type: &'a str,
}

/// Ancestors and the kind they mean, the more special first.
const BY_ANCESTOR: &[(&str, EntityKind)] = &[
    ("IfcGeographicElement", EntityKind::Terrain),
    ("IfcProject", EntityKind::Project),
    ("IfcSite", EntityKind::Site),
    ("IfcBuildingStorey", EntityKind::Storey),
    ("IfcBuilding", EntityKind::Building),
    ("IfcSpatialZone", EntityKind::Zone),
    ("IfcZone", EntityKind::Zone),
    ("IfcSystem", EntityKind::System),
    ("IfcSpace", EntityKind::Space),
    ("IfcDoor", EntityKind::Door),
    ("IfcWindow", EntityKind::Window),
    ("IfcStair", EntityKind::Stair),
    ("IfcStairFlight", EntityKind::Stair),
    ("IfcRamp", EntityKind::Ramp),
    ("IfcRampFlight", EntityKind::Ramp),
    ("IfcTransportElement", EntityKind::Lift),
    ("IfcFlowMeter", EntityKind::Meter),
    ("IfcSensor", EntityKind::Sensor),
    ("IfcController", EntityKind::Controller),
    ("IfcActuator", EntityKind::Controller),
    ("IfcAlarm", EntityKind::Controller),
    ("IfcUnitaryControlElement", EntityKind::Controller),
    ("IfcFlowInstrument", EntityKind::Sensor),
    ("IfcDistributionControlElement", EntityKind::Controller),
    ("IfcPump", EntityKind::Pump),
    ("IfcFurnishingElement", EntityKind::Furniture),
    ("IfcSystemFurnitureElement", EntityKind::Furniture),
    ("IfcRoad", EntityKind::Road),
    ("IfcRoadPart", EntityKind::Road),
    ("IfcRailway", EntityKind::Road),
    ("IfcPavement", EntityKind::Road),
    ("IfcCourse", EntityKind::Road),
    ("IfcKerb", EntityKind::Road),
    ("IfcFacility", EntityKind::Building),
    ("IfcEarthworksElement", EntityKind::Terrain),
    ("IfcEarthworksCut", EntityKind::Terrain),
    ("IfcGeotechnicalElement", EntityKind::Terrain),
    ("IfcFlowFitting", EntityKind::Distribution),
    ("IfcFlowSegment", EntityKind::Distribution),
    ("IfcDistributionChamberElement", EntityKind::Distribution),
    ("IfcLightFixture", EntityKind::Equipment),
    ("IfcElectricAppliance", EntityKind::Equipment),
    ("IfcFlowMovingDevice", EntityKind::Equipment),
    ("IfcFlowStorageDevice", EntityKind::Equipment),
    ("IfcFlowTreatmentDevice", EntityKind::Equipment),
    ("IfcEnergyConversionDevice", EntityKind::Equipment),
    ("IfcElectricDistributionBoard", EntityKind::Equipment),
    ("IfcFlowController", EntityKind::Equipment),
    ("IfcElectricDistributionPoint", EntityKind::Equipment),
    ("IfcFlowTerminal", EntityKind::Distribution),
    ("IfcDistributionElement", EntityKind::Distribution),
    ("IfcCivilElement", EntityKind::Element),
];

/// What objects are to a person. Remembers classes: there are few, of many objects, and
/// asking a class for all its ancestors takes as long as reading the object.
#[derive(Default)]
pub(super) struct Kinds(FxHashMap<String, EntityKind>);

impl Kinds {
    /// What an object is.
    pub(super) fn of(&mut self, facts: &Facts<'_>) -> EntityKind {
        if facts.object_type.eq_ignore_ascii_case("EVCharger") {
            return EntityKind::Charger;
        }
        let kind = self.of_class(facts.class);
        if kind == EntityKind::Terrain && facts.class.is_a("IfcGeographicElement") {
            return geographic(facts);
        }
        // IFC2x3 has no class for a single device: its type says what it is.
        match facts.predefined {
            "ENERGYMETER" | "WATERMETER" | "GASMETER" | "OILMETER" => EntityKind::Meter,
            _ => kind,
        }
    }

    fn of_class(&mut self, class: &IfcClass) -> EntityKind {
        if let Some(kind) = self.0.get(class.name()) {
            return *kind;
        }
        let known = BY_ANCESTOR.iter().find(|(ancestor, _)| class.is_a(ancestor));
        let kind = known.map_or(EntityKind::Element, |(_, kind)| *kind);
        self.0.insert(class.name().to_owned(), kind);
        kind
    }
}

fn geographic(facts: &Facts<'_>) -> EntityKind {
    let matches = |words: &[&str]| {
        let text = facts.object_type.to_lowercase();
        words.iter().any(|word| text.contains(word) || facts.predefined.to_lowercase() == *word)
    };
    if matches(&["road", "path", "pavement", "parking"]) {
        EntityKind::Road
    } else if matches(&["tree", "lawn", "green", "vegetation", "hedge", "plant"]) {
        EntityKind::Green
    } else if matches(&["water", "pond", "lake", "river"]) {
        EntityKind::Water
    } else {
        EntityKind::Terrain
    }
}

/// The Brick class that says what a bindable thing is, where one does.
pub(super) fn brick(kind: EntityKind, facts: &Facts<'_>) -> Option<&'static str> {
    Some(match (kind, facts.predefined) {
        (EntityKind::Meter, "WATERMETER") => "brick:Water_Meter",
        (EntityKind::Meter, "GASMETER") => "brick:Gas_Meter",
        (EntityKind::Meter, "ENERGYMETER") => "brick:Electrical_Meter",
        (EntityKind::Meter, _) => "brick:Meter",
        (EntityKind::Sensor, predefined) => sensor(predefined, facts.object_type),
        (EntityKind::Lift, "ESCALATOR") => "brick:Escalator",
        (EntityKind::Lift, _) => "brick:Elevator",
        (EntityKind::Pump, _) => "brick:Pump",
        (EntityKind::Door, _) => "brick:Door",
        (EntityKind::Charger, _) => "brick:Electric_Vehicle_Charging_Station",
        (EntityKind::Controller, _) if facts.class.is_a("IfcAlarm") => "brick:Alarm",
        (EntityKind::Controller, _) => "brick:Controller",
        (EntityKind::Space, _) => "brick:Room",
        (EntityKind::Storey, _) => "brick:Floor",
        (EntityKind::Building, _) => "brick:Building",
        (EntityKind::Site, _) => "brick:Site",
        (EntityKind::Zone, _) => "brick:Zone",
        (EntityKind::System, _) => "brick:System",
        (EntityKind::Equipment | EntityKind::Distribution, _) => return equipment(facts.class),
        _ => return None,
    })
}

fn sensor(predefined: &str, object_type: &str) -> &'static str {
    match predefined {
        "TEMPERATURESENSOR" => "brick:Temperature_Sensor",
        "HUMIDITYSENSOR" => "brick:Humidity_Sensor",
        "CO2SENSOR" => "brick:CO2_Sensor",
        "MOVEMENTSENSOR" => "brick:Motion_Sensor",
        "SMOKESENSOR" => "brick:Smoke_Detector",
        "PRESSURESENSOR" => "brick:Pressure_Sensor",
        "FLOWSENSOR" => "brick:Flow_Sensor",
        "LIGHTSENSOR" => "brick:Illuminance_Sensor",
        "SOUNDSENSOR" => "brick:Noise_Sensor",
        _ if object_type.eq_ignore_ascii_case("PeopleCounter") => "brick:Occupancy_Count_Sensor",
        _ if object_type.eq_ignore_ascii_case("Environment") => "brick:Air_Quality_Sensor",
        _ => "brick:Sensor",
    }
}

fn equipment(class: &IfcClass) -> Option<&'static str> {
    const CLASSES: &[(&str, &str)] = &[
        ("IfcLightFixture", "brick:Luminaire"),
        ("IfcBoiler", "brick:Boiler"),
        ("IfcChiller", "brick:Chiller"),
        ("IfcFan", "brick:Fan"),
        ("IfcTank", "brick:Tank"),
        ("IfcTransformer", "brick:Transformer"),
        ("IfcUnitaryEquipment", "brick:Air_Handling_Unit"),
        ("IfcElectricDistributionBoard", "brick:Electrical_Distribution_Board"),
        ("IfcCompressor", "brick:Compressor"),
        ("IfcCoolingTower", "brick:Cooling_Tower"),
        ("IfcDamper", "brick:Damper"),
        ("IfcHeatExchanger", "brick:Heat_Exchanger"),
        ("IfcSpaceHeater", "brick:Space_Heater"),
        ("IfcSolarDevice", "brick:PV_Panel"),
        ("IfcAirTerminalBox", "brick:Terminal_Unit"),
        ("IfcAirTerminal", "brick:Air_Diffuser"),
        ("IfcValve", "brick:Valve"),
    ];
    CLASSES.iter().find(|(ancestor, _)| class.is_a(ancestor)).map(|(_, brick)| *brick)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(keyword: &str, predefined: &str, object_type: &str) -> EntityKind {
        let class = IfcClass::from_keyword(keyword);
        Kinds::default().of(&Facts { class: &class, predefined, object_type })
    }

    #[test]
    fn classes_mean_what_people_expect() {
        let cases = [
            ("IFCWALLSTANDARDCASE", "", "", EntityKind::Element),
            ("IFCDOOR", "GATE", "", EntityKind::Door),
            ("IFCTRANSPORTELEMENT", "ELEVATOR", "", EntityKind::Lift),
            ("IFCFLOWMETER", "WATERMETER", "", EntityKind::Meter),
            ("IFCFLOWCONTROLLER", "ENERGYMETER", "", EntityKind::Meter),
            ("IFCSENSOR", "USERDEFINED", "PeopleCounter", EntityKind::Sensor),
            ("IFCELECTRICAPPLIANCE", "USERDEFINED", "EVCharger", EntityKind::Charger),
            ("IFCPUMP", "", "", EntityKind::Pump),
            ("IFCBOILER", "", "", EntityKind::Equipment),
            ("IFCPIPESEGMENT", "", "", EntityKind::Distribution),
            ("IFCDUCTFITTING", "", "", EntityKind::Distribution),
            ("IFCFURNITURE", "", "", EntityKind::Furniture),
            ("IFCSTAIRFLIGHT", "", "", EntityKind::Stair),
            ("IFCGEOGRAPHICELEMENT", "TERRAIN", "", EntityKind::Terrain),
            ("IFCGEOGRAPHICELEMENT", "USERDEFINED", "Tree", EntityKind::Green),
            ("IFCGEOGRAPHICELEMENT", "USERDEFINED", "Road", EntityKind::Road),
            ("IFCBUILDINGSTOREY", "", "", EntityKind::Storey),
        ];
        for (keyword, predefined, object_type, expected) in cases {
            assert_eq!(kind_of(keyword, predefined, object_type), expected, "{keyword}");
        }
    }
}
