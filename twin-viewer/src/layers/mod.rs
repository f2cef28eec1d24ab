//! Colour by what is measured: from the store's points to paint for the canvas.
//! Incremental: a frame looks only at the points that changed in it.

mod engine;
mod group;
mod overlay;
mod ramp;
mod scale;

use twin_model::EntityKind;

pub use engine::{Engine, Patch};
pub use overlay::{FORCED, HELD, OPEN};
pub use ramp::{CIVIDIS, ICE, Ramp, THERMAL, VIRIDIS};
pub use scale::Scale;

/// What the scene is coloured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Nothing: as built.
    #[default]
    None,
    /// Power of each storey's meters.
    Energy,
    /// Power of each building's meters.
    EnergyBuilding,
    /// Air temperature of spaces.
    Temperature,
    /// People a square metre in spaces.
    Density,
    /// CO₂ in spaces.
    Co2,
}

/// How the values of a group make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// They add up.
    Sum,
    /// Their mean.
    Mean,
    /// The highest.
    Max,
}

/// Comfortable room temperature, the middle of its scale, °C.
const COMFORT_CEL: f64 = 23.0;
/// How far the temperature scale reaches to either side at least, °C.
const LEAST_SPREAD_CEL: f64 = 6.0;

impl Layer {
    /// Every layer, in the order a list shows them.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Energy,
        Self::EnergyBuilding,
        Self::Temperature,
        Self::Density,
        Self::Co2,
    ];

    /// Its name in links, translations and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Energy => "energy",
            Self::EnergyBuilding => "energy-building",
            Self::Temperature => "temperature",
            Self::Density => "density",
            Self::Co2 => "co2",
        }
    }

    /// The layer with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }

    /// The metric it shows.
    pub fn metric(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Energy | Self::EnergyBuilding => "power",
            Self::Temperature => "temperature",
            Self::Density => "density",
            Self::Co2 => "co2",
        })
    }

    /// Its colours.
    pub fn ramp(self) -> Ramp {
        match self {
            Self::Temperature => THERMAL,
            Self::Density => VIRIDIS,
            Self::Co2 => ICE,
            _ => CIVIDIS,
        }
    }

    /// Whether it colours rooms, so that walls in front of them have to step back.
    pub fn is_indoors(self) -> bool {
        matches!(self, Self::Temperature | Self::Density | Self::Co2)
    }

    fn fold(self) -> Fold {
        match self {
            Self::Energy | Self::EnergyBuilding => Fold::Sum,
            Self::Density => Fold::Max,
            _ => Fold::Mean,
        }
    }

    /// The range around these values.
    fn scale(self, low: f64, high: f64) -> Scale {
        match self {
            Self::Temperature => Scale::centered(COMFORT_CEL, LEAST_SPREAD_CEL, low, high),
            Self::Co2 => Scale::around(low.min(400.0), high.max(1000.0)),
            _ => Scale::around(low.min(0.0), high.max(self.least_high())),
        }
    }

    /// The lowest upper end of the range: at night next to nothing should look like it.
    fn least_high(self) -> f64 {
        let scale = self.metric().and_then(twin_model::metric::find).and_then(|found| found.scale);
        scale.map_or(0.0, |[_, high]| high / 10.0)
    }

    /// The kind of entity a value stands for: a storey, a building, a room.
    fn level(self) -> EntityKind {
        match self {
            Self::Energy => EntityKind::Storey,
            Self::EnergyBuilding => EntityKind::Building,
            _ => EntityKind::Space,
        }
    }
}
