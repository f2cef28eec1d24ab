//! Which buildings stand where, and how a compound repeats to reach a number of elements.

use std::collections::HashMap;

use crate::building::{Kind, Site};
use crate::geometry::{P2, Pose, p2};
use crate::landscape::PLOT;
use crate::{Options, write_piece};

/// One file of the campus.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Ground, planting and gates of a compound.
    Grounds {
        code: String,
        origin: P2,
    },
    Building(Site),
}

impl Piece {
    pub(crate) fn code(&self) -> &str {
        match self {
            Piece::Grounds { code, .. } => code,
            Piece::Building(site) => &site.code,
        }
    }
}

/// The files to write, and half the size of the built area.
pub(crate) struct Campus {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) half: (f64, f64),
}

/// The street between two compounds of a scaled campus.
const GAP: f64 = 24.0;

/// The buildings of one compound: code, kind, x, y, turn in degrees.
const BUILDINGS: [(&str, Kind, f64, f64, f64); 11] = [
    ("T1", Kind::OfficeTower, -76.0, 50.0, 0.0),
    ("T2", Kind::ResidentialTower, 72.0, 68.0, 6.0),
    ("R1", Kind::Slab(11, 0), 95.0, 24.0, 0.0),
    ("R2", Kind::Slab(8, 1), 90.0, -27.0, 0.0),
    ("R3", Kind::Slab(6, 2), 95.0, -77.0, 0.0),
    ("P", Kind::Community, -80.0, -24.0, 0.0),
    ("K", Kind::Kindergarten, -32.0, -66.0, 0.0),
    ("E", Kind::Energy, 14.0, 86.0, 0.0),
    ("G", Kind::Parking, -90.0, -80.0, 0.0),
    ("GH1", Kind::Gatehouse, 28.0, -111.4, 0.0),
    ("GH2", Kind::Gatehouse, -141.5, 34.0, 90.0),
];

/// Lays out the campus.
pub(crate) fn pieces(options: &Options) -> Campus {
    let Some(wanted) = options.elements else {
        return Campus { pieces: compound(0, p2(0.0, 0.0)), half: PLOT };
    };
    let counts = Counts::measure(options.seed);
    let whole = (wanted / counts.compound).max(1);
    let columns = (whole as f64).sqrt().ceil() as u64;
    let mut pieces = Vec::new();
    let mut left = wanted;
    for index in 0..=whole {
        let origin = grid_origin(index, columns);
        let next = compound(index, origin);
        if left >= counts.compound {
            left -= counts.compound;
            pieces.extend(next);
        } else {
            pieces.extend(part_of(next, &counts, left));
            break;
        }
    }
    let rows = (whole + 1).div_ceil(columns) as f64;
    let half = (
        (2.0 * columns as f64 - 1.0) * PLOT.0 + (columns as f64 - 1.0) * GAP,
        (2.0 * rows - 1.0) * PLOT.1 + (rows - 1.0) * GAP,
    );
    Campus { pieces, half: (half.0.max(PLOT.0), half.1.max(PLOT.1)) }
}

fn grid_origin(index: u64, columns: u64) -> P2 {
    let (column, row) = ((index % columns) as f64, (index / columns) as f64);
    p2(column * (2.0 * PLOT.0 + GAP), row * (2.0 * PLOT.1 + GAP))
}

/// All files of a compound. The first has plain codes, others a prefix: `C2T1`.
fn compound(index: u64, origin: P2) -> Vec<Piece> {
    let prefix = if index == 0 { String::new() } else { format!("C{}", index + 1) };
    let mut out = vec![Piece::Grounds { code: format!("{prefix}S"), origin }];
    out.extend(BUILDINGS.iter().map(|(code, kind, x, y, turn)| {
        let at = origin + p2(*x, *y);
        Piece::Building(Site {
            code: format!("{prefix}{code}"),
            kind: *kind,
            pose: Pose::on(at, 0.0).turned(turn.to_radians()),
        })
    }));
    out
}

/// The largest pieces first, as long as they fit.
fn part_of(mut pieces: Vec<Piece>, counts: &Counts, mut left: u64) -> Vec<Piece> {
    pieces.sort_by_key(|piece| std::cmp::Reverse(counts.of(piece)));
    let mut out = Vec::new();
    for piece in pieces {
        let count = counts.of(&piece);
        if count <= left {
            left -= count;
            out.push(piece);
        }
    }
    out
}

/// How many elements each kind of piece has, found by writing one compound to nowhere.
struct Counts {
    by_kind: HashMap<Option<Kind>, u64>,
    compound: u64,
}

impl Counts {
    fn measure(seed: u64) -> Counts {
        let mut by_kind = HashMap::new();
        let mut sum = 0;
        for piece in compound(0, p2(0.0, 0.0)) {
            // Writing to a sink cannot fail.
            let count = write_piece(&piece, seed, &mut std::io::sink()).unwrap_or(0);
            sum += count;
            by_kind.insert(kind_of(&piece), count);
        }
        Counts { by_kind, compound: sum.max(1) }
    }

    fn of(&self, piece: &Piece) -> u64 {
        self.by_kind.get(&kind_of(piece)).copied().unwrap_or(0)
    }
}

fn kind_of(piece: &Piece) -> Option<Kind> {
    match piece {
        Piece::Grounds { .. } => None,
        Piece::Building(site) => Some(site.kind),
    }
}
