//! What Home Assistant calls things, and what they are here.

/// A device class: its metric here.
pub(super) fn metric(device_class: &str) -> Option<&'static str> {
    Some(match device_class {
        "temperature" => "temperature",
        "humidity" => "humidity",
        "power" => "power",
        "energy" => "energy",
        "voltage" => "voltage",
        "current" => "current",
        "frequency" => "frequency",
        "power_factor" => "power_factor",
        "carbon_dioxide" => "co2",
        "pm25" => "pm25",
        "pressure" | "atmospheric_pressure" => "pressure",
        "illuminance" => "illuminance",
        "battery" => "battery",
        "water" => "water_volume",
        "volume_flow_rate" => "water_flow",
        "door" | "window" | "opening" | "garage_door" => "door",
        "occupancy" | "motion" | "presence" => "presence",
        "running" | "moving" => "running",
        "problem" => "fault",
        "signal_strength" => "rssi",
        "smoke" => "smoke",
        "gas" => "gas",
        "carbon_monoxide" => "carbon_monoxide",
        "moisture" => "leak",
        "tamper" => "tamper",
        "connectivity" => "online",
        _ => return None,
    })
}

/// The metric of a binary sensor, where its class means another one than that of a sensor.
pub(super) fn binary_metric(device_class: &str) -> Option<&'static str> {
    match device_class {
        "battery" => Some("battery_low"),
        // A sensor's concentration, but a binary sensor's alarm.
        other => metric(other),
    }
}

/// A unit as Home Assistant writes it: its UCUM code, with the scale and offset that lead
/// to the unit the product shows the metric in.
pub(super) fn unit(unit: &str) -> Option<(&'static str, f64, f64)> {
    Some(match unit {
        "" => ("", 1.0, 0.0),
        "°C" | "C" => ("Cel", 1.0, 0.0),
        "°F" => ("Cel", 5.0 / 9.0, -160.0 / 9.0),
        "%" => ("%", 1.0, 0.0),
        "W" => ("kW", 0.001, 0.0),
        "kW" => ("kW", 1.0, 0.0),
        "Wh" => ("kW.h", 0.001, 0.0),
        "kWh" => ("kW.h", 1.0, 0.0),
        "MWh" => ("kW.h", 1_000.0, 0.0),
        "V" => ("V", 1.0, 0.0),
        "mV" => ("V", 0.001, 0.0),
        "A" => ("A", 1.0, 0.0),
        "mA" => ("A", 0.001, 0.0),
        "Hz" => ("Hz", 1.0, 0.0),
        "ppm" => ("[ppm]", 1.0, 0.0),
        "µg/m³" | "μg/m³" | "ug/m3" => ("ug/m3", 1.0, 0.0),
        "hPa" | "mbar" => ("bar", 0.001, 0.0),
        "kPa" => ("bar", 0.01, 0.0),
        "Pa" => ("bar", 0.000_01, 0.0),
        "bar" => ("bar", 1.0, 0.0),
        "lx" => ("lx", 1.0, 0.0),
        "m³" => ("m3", 1.0, 0.0),
        "L" => ("m3", 0.001, 0.0),
        "m³/h" => ("m3/h", 1.0, 0.0),
        "dBm" => ("{dBm}", 1.0, 0.0),
        "dB" => ("dB", 1.0, 0.0),
        "s" => ("s", 1.0, 0.0),
        _ => return None,
    })
}

/// The states of a binary sensor of a device class: off and on.
pub(super) fn states(device_class: &str) -> (twin_model::Value, twin_model::Value) {
    use twin_model::Value::{Bool, Text};
    match binary_metric(device_class) {
        Some("door") => (Text("closed".to_owned()), Text("open".to_owned())),
        Some("fault") => (Text("normal".to_owned()), Text("fault".to_owned())),
        _ => (Bool(false), Bool(true)),
    }
}

/// A key by its long name or by the abbreviation that Home Assistant documents for it.
pub(super) fn either<'j>(
    object: &'j serde_json::Map<String, serde_json::Value>,
    long: &str,
    short: &str,
) -> Option<&'j serde_json::Value> {
    object.get(long).or_else(|| object.get(short))
}
