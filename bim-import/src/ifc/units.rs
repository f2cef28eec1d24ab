//! What a file's numbers are in SI units: by the units its project declares for each kind
//! of measure, or by the unit named at the value itself.

use hashbrown::HashMap;

use super::engine::records::{Record, Records, Value, si_prefix};

/// Deepest nesting of units defined by other units; deeper ones are cyclic.
const MAX_DEPTH: u32 = 6;
/// Parts of a derived unit: there are seven base units, and each may stand there twice.
const MAX_PARTS: usize = 14;
const ZERO_CELSIUS_K: f64 = 273.15;

/// `si = value · factor + offset`. Temperatures are in °C, angles in radians, masses in
/// kilograms, everything else in the coherent SI unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub(super) factor: f64,
    pub(super) offset: f64,
}

impl Unit {
    const ONE: Self = Self { factor: 1.0, offset: 0.0 };

    fn times(factor: f64) -> Self {
        Self { factor, offset: 0.0 }
    }

    /// A value in SI units.
    pub(super) fn si(self, value: f64) -> f64 {
        value * self.factor + self.offset
    }
}

/// The units of a project, by the schema's name of their kind: `LENGTHUNIT`,
/// `VOLUMETRICFLOWRATEUNIT`.
#[derive(Default)]
pub(super) struct Units {
    declared: HashMap<String, Unit>,
}

impl Units {
    /// Those the project declares.
    pub(super) fn of_project(records: &Records<'_>, project: Option<u32>) -> Self {
        let mut units = Self::default();
        let assignment = project
            .and_then(|project| records.get(project))
            .and_then(|project| records.follow(&project, 8));
        for id in assignment.and_then(|assignment| assignment.get_refs(0)).unwrap_or_default() {
            let Some(record) = records.get(id) else { continue };
            let kind = record.get(1).and_then(Value::as_enum).map(str::to_owned);
            if let (Some(kind), Some(unit)) = (kind, read(records, id, 0)) {
                units.declared.entry(kind).or_insert(unit);
            }
        }
        units
    }

    /// What a length in the project's unit is in metres.
    pub(super) fn metres(&self) -> f64 {
        self.declared.get("LENGTHUNIT").map_or(1.0, |unit| unit.factor)
    }

    /// Whether the project says what its lengths count.
    pub(super) fn say_length(&self) -> bool {
        self.declared.contains_key("LENGTHUNIT")
    }

    /// The unit of values of a kind.
    pub(super) fn of_kind(&self, kind: &str) -> Unit {
        let declared = self.declared.get(kind).copied();
        declared.unwrap_or_else(|| match kind {
            // Not declared by itself, an area is in the square of the length's unit.
            "AREAUNIT" => Unit::times(self.metres().powi(2)),
            "VOLUMEUNIT" => Unit::times(self.metres().powi(3)),
            _ => Unit::ONE,
        })
    }

    /// The unit of a measure type: `IFCLENGTHMEASURE` is in `LENGTHUNIT`, and so on
    /// through the schema; nothing for what has no unit (labels, counts, ratios).
    pub(super) fn of_measure(&self, measure: &str) -> Option<Unit> {
        let name = measure.strip_prefix("IFC")?.strip_suffix("MEASURE")?;
        let kind = match name {
            "POSITIVELENGTH" | "NONNEGATIVELENGTH" => "LENGTH",
            "POSITIVEPLANEANGLE" | "COMPOUNDPLANEANGLE" => "PLANEANGLE",
            "RATIO" | "POSITIVERATIO" | "NORMALISEDRATIO" | "COUNT" | "MONETARY" | "NUMERIC"
            | "DESCRIPTIVE" | "PARAMETERVALUE" | "CONTEXTDEPENDENT" | "PH" => return None,
            other => other,
        };
        Some(self.of_kind(&format!("{kind}UNIT")))
    }
}

/// A unit named at a value.
pub(super) fn named(records: &Records<'_>, unit: u32) -> Option<Unit> {
    read(records, unit, 0)
}

fn read(records: &Records<'_>, id: u32, depth: u32) -> Option<Unit> {
    if depth > MAX_DEPTH {
        return None;
    }
    let record = records.get(id)?;
    let unit = match record.ifc_type.as_str() {
        "IFCSIUNIT" => si_unit(&record)?,
        "IFCCONVERSIONBASEDUNIT" => converted(records, &record, depth)?,
        "IFCCONVERSIONBASEDUNITWITHOFFSET" => {
            let base = converted(records, &record, depth)?;
            Unit { factor: base.factor, offset: record.get(4)?.as_float()? + base.offset }
        }
        "IFCDERIVEDUNIT" => {
            let mut factor = 1.0;
            let elements = record.get_refs(0)?;
            if elements.len() > MAX_PARTS {
                return None;
            }
            for element in elements {
                let element = records.get(element)?;
                // Differences of temperatures have no zero.
                let part = part(records, element.get_ref(0)?, depth + 1)?.factor;
                let exponent = element.get(1)?.as_float()?;
                factor *= part.powf(exponent);
            }
            Unit::times(factor)
        }
        _ => return None,
    };
    (unit.factor.is_finite() && unit.factor != 0.0 && unit.offset.is_finite()).then_some(unit)
}

/// A part of a derived unit, which by the schema is no derived unit itself: parts of parts
/// of parts would be more than there is time for.
fn part(records: &Records<'_>, id: u32, depth: u32) -> Option<Unit> {
    let is_derived = records.get(id)?.ifc_type.as_str() == "IFCDERIVEDUNIT";
    if is_derived { None } else { read(records, id, depth) }
}

fn si_unit(record: &Record) -> Option<Unit> {
    let prefix = record.get(2).and_then(Value::as_enum);
    let prefix = prefix.map_or(1.0, si_prefix);
    Some(match record.get(3).and_then(Value::as_enum)? {
        // A square millimetre is the square of a millimetre.
        "SQUARE_METRE" => Unit::times(prefix.powi(2)),
        "CUBIC_METRE" => Unit::times(prefix.powi(3)),
        // The SI unit of mass is the kilogram; IFC names the gram.
        "GRAM" => Unit::times(prefix / 1_000.0),
        "KELVIN" => Unit { factor: prefix, offset: -ZERO_CELSIUS_K },
        _ => Unit::times(prefix),
    })
}

fn converted(records: &Records<'_>, record: &Record, depth: u32) -> Option<Unit> {
    let measure = records.follow(record, 3)?;
    let factor = measure.get(0)?.as_float()?;
    let base = read(records, measure.get_ref(1)?, depth + 1)?;
    Some(Unit { factor: factor * base.factor, offset: base.offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "ISO-10303-21;HEADER;FILE_SCHEMA(('IFC4'));ENDSEC;DATA;
#1=IFCPROJECT('p',$,$,$,$,$,$,$,#2);
#2=IFCUNITASSIGNMENT((#3,#4,#5,#6,#10,#14,#20,#30,#40));
#3=IFCSIUNIT(*,.LENGTHUNIT.,.MILLI.,.METRE.);
#4=IFCSIUNIT(*,.VOLUMEUNIT.,.DECI.,.CUBIC_METRE.);
#5=IFCSIUNIT(*,.MASSUNIT.,.KILO.,.GRAM.);
#6=IFCDERIVEDUNIT((#7,#8),.VOLUMETRICFLOWRATEUNIT.,$,$);
#7=IFCDERIVEDUNITELEMENT(#4,1);
#8=IFCDERIVEDUNITELEMENT(#9,-1);
#9=IFCCONVERSIONBASEDUNIT(*,.TIMEUNIT.,'hour',#12);
#10=IFCSIUNIT(*,.PRESSUREUNIT.,.KILO.,.PASCAL.);
#12=IFCMEASUREWITHUNIT(IFCTIMEMEASURE(3600.),#13);
#13=IFCSIUNIT(*,.TIMEUNIT.,$,.SECOND.);
#14=IFCCONVERSIONBASEDUNITWITHOFFSET(*,.THERMODYNAMICTEMPERATUREUNIT.,'fahrenheit',#15,255.3722222222222);
#15=IFCMEASUREWITHUNIT(IFCRATIOMEASURE(0.5555555555555556),#16);
#16=IFCSIUNIT(*,.THERMODYNAMICTEMPERATUREUNIT.,$,.KELVIN.);
#20=IFCCONVERSIONBASEDUNIT(*,.PLANEANGLEUNIT.,'DEGREE',#21);
#21=IFCMEASUREWITHUNIT(IFCPLANEANGLEMEASURE(0.017453292519943295),#22);
#22=IFCSIUNIT(*,.PLANEANGLEUNIT.,$,.RADIAN.);
#30=IFCDERIVEDUNIT((#31,#32,#33),.THERMALTRANSMITTANCEUNIT.,$,$);
#31=IFCDERIVEDUNITELEMENT(#34,1);
#32=IFCDERIVEDUNITELEMENT(#3,-2);
#33=IFCDERIVEDUNITELEMENT(#16,-1);
#34=IFCSIUNIT(*,.POWERUNIT.,$,.WATT.);
#40=IFCCONVERSIONBASEDUNIT(*,.FORCEUNIT.,'ring',#41);
#41=IFCMEASUREWITHUNIT(IFCFORCEMEASURE(2.),#40);
ENDSEC;END-ISO-10303-21;";

    #[test]
    fn every_measure_follows_the_units_of_the_file() {
        let records = Records::scan(FILE.as_bytes(), |_| {});
        let units = Units::of_project(&records, Some(1));
        let cases = [
            ("IFCPOSITIVELENGTHMEASURE", 2_500.0, 2.5),
            ("IFCAREAMEASURE", 1e6, 1.0),
            ("IFCVOLUMEMEASURE", 1_000.0, 1.0),
            ("IFCMASSMEASURE", 3.0, 3.0),
            // Litres an hour.
            ("IFCVOLUMETRICFLOWRATEMEASURE", 3_600.0, 1e-3),
            ("IFCPRESSUREMEASURE", 2.0, 2_000.0),
            ("IFCTHERMODYNAMICTEMPERATUREMEASURE", 68.0, 20.0),
            ("IFCPLANEANGLEMEASURE", 180.0, std::f64::consts::PI),
            // Watt for a square millimetre and kelvin.
            ("IFCTHERMALTRANSMITTANCEMEASURE", 1e-6, 1.0),
            // Never declared, or defined by itself: as written.
            ("IFCPOWERMEASURE", 7.0, 7.0),
            ("IFCFORCEMEASURE", 7.0, 7.0),
        ];
        for (measure, value, expected) in cases {
            let si = units.of_measure(measure).unwrap().si(value);
            assert!((si - expected).abs() < 1e-9 * expected.max(1.0), "{measure}: {si}");
        }
        for plain in ["IFCLABEL", "IFCRATIOMEASURE", "IFCCOUNTMEASURE", "IFCREAL"] {
            assert_eq!(units.of_measure(plain), None, "{plain}");
        }
        assert_eq!(units.metres(), 0.001);
    }
}
