//! The metrics the product knows by name: their unit, what they are called in both
//! languages, and the range a colour scale starts from. A binding may name any
//! other metric; it is then shown under the name the binding gave it.

/// One known metric of an entity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Name in point keys (`<entity>/power`).
    pub name: &'static str,
    /// UCUM unit code, empty for states and plain counts.
    pub unit: &'static str,
    /// English label.
    pub en: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// Where a colour scale starts and ends before real values are known, in `unit`.
    pub scale: Option<[f64; 2]>,
}

const fn number(
    name: &'static str,
    unit: &'static str,
    en: &'static str,
    zh: &'static str,
    scale: [f64; 2],
) -> Metric {
    Metric { name, unit, en, zh, scale: Some(scale) }
}

const fn state(name: &'static str, en: &'static str, zh: &'static str) -> Metric {
    Metric { name, unit: "", en, zh, scale: None }
}

/// Every known metric, in the order a list shows them.
pub const METRICS: &[Metric] = &[
    number("power", "kW", "Power", "功率", [0.0, 100.0]),
    number("energy", "kW.h", "Energy", "电量", [0.0, 10_000.0]),
    number("water_flow", "m3/h", "Water flow", "水流量", [0.0, 20.0]),
    number("water_volume", "m3", "Water volume", "用水量", [0.0, 10_000.0]),
    number("temperature", "Cel", "Temperature", "温度", [16.0, 30.0]),
    number("humidity", "%", "Humidity", "湿度", [20.0, 80.0]),
    number("co2", "[ppm]", "CO₂", "二氧化碳", [400.0, 1_500.0]),
    number("pm25", "ug/m3", "PM2.5", "细颗粒物", [0.0, 75.0]),
    number("people", "{person}", "People", "人数", [0.0, 40.0]),
    number("density", "{person}/m2", "Crowd density", "人员密度", [0.0, 0.5]),
    state("door", "Door", "门状态"),
    number("passages", "{passage}", "Passages", "通行次数", [0.0, 1_000.0]),
    number("floor", "", "Floor", "楼层", [-2.0, 30.0]),
    state("lift", "Lift", "电梯状态"),
    state("running", "Running", "运行"),
    number("pressure", "bar", "Pressure", "压力", [0.0, 10.0]),
    number("speed", "%", "Speed", "转速", [0.0, 100.0]),
    number("vibration", "mm/s", "Vibration", "振动", [0.0, 7.1]),
    number("level", "%", "Level", "液位", [0.0, 100.0]),
    state("charging", "Charging", "充电状态"),
    state("fault", "Fault", "故障"),
    state("smoke", "Smoke", "烟雾"),
    state("gas", "Gas", "燃气"),
    state("carbon_monoxide", "Carbon monoxide", "一氧化碳"),
    state("leak", "Water leak", "漏水"),
    state("tamper", "Tampering", "防拆"),
    state("online", "Online", "在线"),
    state("battery_low", "Battery low", "电池电量低"),
    number("battery", "%", "Battery", "电池电量", [0.0, 100.0]),
    state("presence", "Presence", "有人"),
    state("lock", "Lock", "门锁"),
    state("access", "Access", "通行"),
    state("access_method", "Access by", "通行方式"),
    number("people_in", "{person}", "People in", "进入人数", [0.0, 1_000.0]),
    number("people_out", "{person}", "People out", "离开人数", [0.0, 1_000.0]),
    state("relay", "Relay", "继电器"),
    number("voltage", "V", "Voltage", "电压", [0.0, 400.0]),
    number("current", "A", "Current", "电流", [0.0, 100.0]),
    number("frequency", "Hz", "Frequency", "频率", [49.0, 51.0]),
    number("power_factor", "", "Power factor", "功率因数", [0.0, 1.0]),
    number("illuminance", "lx", "Illuminance", "照度", [0.0, 1_000.0]),
];

/// Looks a metric up by the name used in point keys.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_scales_rise() {
        for (i, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[i + 1..].iter().all(|other| other.name != metric.name));
            assert!(metric.scale.is_none_or(|[low, high]| low < high), "{}", metric.name);
        }
        assert_eq!(find("power").unwrap().unit, "kW");
        assert!(find("nonsense").is_none());
    }
}
