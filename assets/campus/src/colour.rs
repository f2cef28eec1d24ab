//! The palette: warm, quiet, natural. Values are sRGB; the fourth part is opacity.

/// A colour with its IFC style name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colour {
    pub(crate) name: &'static str,
    pub(crate) rgb: [u8; 3],
    pub(crate) opacity: f64,
}

const fn solid(name: &'static str, rgb: u32) -> Colour {
    sheer(name, rgb, 1.0)
}

const fn sheer(name: &'static str, rgb: u32, opacity: f64) -> Colour {
    Colour { name, rgb: [(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8], opacity }
}

pub(crate) const PLASTER: Colour = solid("Off-white plaster", 0xEFEAE0);
pub(crate) const WHITE: Colour = solid("White paint", 0xF4F2ED);
pub(crate) const SAND: Colour = solid("Sandstone", 0xD9C8AC);
pub(crate) const CLAY: Colour = solid("Clay render", 0xC99B7A);
pub(crate) const TERRACOTTA: Colour = solid("Terracotta", 0xB5694A);
pub(crate) const BRICK: Colour = solid("Brick", 0xA9785F);
pub(crate) const SAGE: Colour = solid("Sage panel", 0xA9B39A);
pub(crate) const OCHRE: Colour = solid("Ochre panel", 0xD3A866);
pub(crate) const MIST: Colour = solid("Mist panel", 0x9DB0B8);
pub(crate) const CONCRETE: Colour = solid("Concrete", 0xB9B5AD);
pub(crate) const PALE_CONCRETE: Colour = solid("Pale concrete", 0xD3CFC6);
pub(crate) const PARTITION: Colour = solid("Partition", 0xE6E1D7);
pub(crate) const BRONZE: Colour = solid("Bronze anodised", 0x8C7B66);
pub(crate) const CHAMPAGNE: Colour = solid("Champagne aluminium", 0xC9BBA3);
pub(crate) const GRAPHITE: Colour = solid("Graphite metal", 0x54585B);
pub(crate) const STEEL: Colour = solid("Galvanised steel", 0x9EA4A6);
pub(crate) const DARK: Colour = solid("Dark metal", 0x3C4043);
pub(crate) const GLASS: Colour = sheer("Glass, blue-grey", 0x7F9BA8, 0.45);
pub(crate) const TOWER_GLASS: Colour = sheer("Solar glass", 0x6C8B9B, 0.62);
pub(crate) const CLEAR_GLASS: Colour = sheer("Clear glass", 0xA9C1C6, 0.30);
pub(crate) const SPANDREL: Colour = solid("Spandrel glass", 0x71838B);
pub(crate) const WOOD: Colour = solid("Oak", 0xB48A5E);
pub(crate) const DARK_WOOD: Colour = solid("Walnut", 0x7B5B43);
pub(crate) const ROOF: Colour = solid("Roof membrane", 0xC4C0B7);
pub(crate) const TILE: Colour = solid("Roof tile", 0xA8644A);
pub(crate) const SEAM: Colour = solid("Standing seam zinc", 0x8D979B);
pub(crate) const PANEL: Colour = solid("Photovoltaic", 0x2F3F55);
pub(crate) const SPACE: Colour = sheer("Space", 0xBFD0D6, 0.15);
pub(crate) const DOOR: Colour = solid("Door leaf", 0xA98C6B);
pub(crate) const STEEL_DOOR: Colour = solid("Steel door", 0x8A9093);
pub(crate) const LAWN: Colour = solid("Lawn", 0x9DB17C);
pub(crate) const MEADOW: Colour = solid("Meadow", 0xAEBD88);
pub(crate) const HEDGE: Colour = solid("Hedge", 0x708A56);
pub(crate) const LEAF: Colour = solid("Leaves", 0x7F9A60);
pub(crate) const LEAF_LIGHT: Colour = solid("Leaves, light", 0x9AB072);
pub(crate) const LEAF_DEEP: Colour = solid("Leaves, deep", 0x66835A);
pub(crate) const BLOSSOM: Colour = solid("Blossom", 0xDDB3A6);
pub(crate) const BARK: Colour = solid("Bark", 0x7A6552);
pub(crate) const WATER: Colour = sheer("Water", 0x7FA6AE, 0.9);
pub(crate) const ASPHALT: Colour = solid("Asphalt", 0x7C7D7D);
pub(crate) const MARKING: Colour = solid("Road marking", 0xF0EDE4);
pub(crate) const KERB: Colour = solid("Granite kerb", 0xC9C6BF);
pub(crate) const PAVING: Colour = solid("Granite paving", 0xD8D2C5);
pub(crate) const PAVING_WARM: Colour = solid("Warm paving", 0xCDB79B);
pub(crate) const PATH: Colour = solid("Gravel path", 0xDCCFB6);
pub(crate) const COURT: Colour = solid("Sports surface", 0xB97A5E);
pub(crate) const COURT_EDGE: Colour = solid("Sports surface, edge", 0x8FA08A);
pub(crate) const RUBBER: Colour = solid("Play surface", 0xD8B48A);
pub(crate) const PIPE_BLUE: Colour = solid("Pipe, cold water", 0x6F93A8);
pub(crate) const PIPE_GREEN: Colour = solid("Pipe, heating", 0x7E9A7A);
pub(crate) const MACHINE: Colour = solid("Machine", 0x7C93A0);
pub(crate) const BOARD: Colour = solid("Switchgear", 0xC9CCCB);
pub(crate) const METER: Colour = solid("Meter", 0xE3E1DA);
pub(crate) const CHARGER: Colour = solid("Charger", 0xE9E9E6);
pub(crate) const TEXTILE: Colour = solid("Textile", 0x8E9BA0);
