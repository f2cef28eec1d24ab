//! The city round the compound, as GeoJSON in WGS 84: quiet blocks, streets, a park, a river.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::geometry::{P2, Rect, ellipse, p2, rect, rounded};
use crate::georef::to_lon_lat;
use crate::ids::Random;
use crate::plan::{split_x, split_y};

/// Writes the surroundings of a built area of `half` metres (half width, half depth) about the origin.
///
/// # Errors
/// The first error writing met.
pub(crate) fn write(out: &mut dyn Write, half: (f64, f64), seed: u64) -> io::Result<()> {
    let mut features = Features { out, count: 0 };
    features
        .out
        .write_all(b"{\"type\":\"FeatureCollection\",\"name\":\"Surroundings\",\"features\":[\n")?;
    ground(&mut features, half)?;
    streets(&mut features, half)?;
    blocks(&mut features, half, seed)?;
    features.out.write_all(b"\n]}\n")?;
    features.out.flush()
}

struct Features<'w> {
    out: &'w mut dyn Write,
    count: u32,
}

impl Features<'_> {
    fn feature(&mut self, id: &str, properties: &str, geometry: &str) -> io::Result<()> {
        let comma = if self.count == 0 { "" } else { ",\n" };
        self.count += 1;
        write!(
            self.out,
            "{comma}{{\"type\":\"Feature\",\"id\":\"{id}\",\"properties\":{{{properties}}},\"geometry\":{geometry}}}"
        )
    }

    fn polygon(&mut self, id: &str, properties: &str, rings: &[Vec<P2>]) -> io::Result<()> {
        let rings: Vec<String> =
            rings.iter().map(|ring| format!("[{}]", positions(ring, true))).collect();
        self.feature(
            id,
            properties,
            &format!("{{\"type\":\"Polygon\",\"coordinates\":[{}]}}", rings.join(",")),
        )
    }

    fn line(&mut self, id: &str, properties: &str, line: &[P2]) -> io::Result<()> {
        self.feature(
            id,
            properties,
            &format!("{{\"type\":\"LineString\",\"coordinates\":[{}]}}", positions(line, false)),
        )
    }
}

fn positions(points: &[P2], closed: bool) -> String {
    let mut text = String::new();
    let last = if closed { points.first() } else { None };
    for (index, point) in points.iter().chain(last).enumerate() {
        let (lon, lat) = to_lon_lat(*point);
        let comma = if index == 0 { "" } else { "," };
        // Writing into a String cannot fail; eight digits are a millimetre.
        let _ = write!(text, "{comma}[{lon:.8},{lat:.8}]");
    }
    text
}

const STREET: f64 = 18.0;
/// How far the city is drawn beyond the plot, metres: a disc, so that it ends quietly.
const REACH: f64 = 640.0;
/// How many times as large as a plot the disc is at least: the corners of one of kilometres
/// would stick out of a disc that is but [`REACH`] larger.
const MIN_DISC: f64 = 1.46;

/// The half axes of the disc.
fn disc(half: (f64, f64)) -> (f64, f64) {
    let axis = |half: f64| (half + REACH).max(half * MIN_DISC);
    (axis(half.0), axis(half.1))
}

/// The river north of the compound: its southern bank at a place, and how wide it is.
fn bank(half: (f64, f64), x: f64) -> f64 {
    half.1 + 300.0 + 40.0 * (x / 260.0).sin() - 0.12 * x
}
const RIVER_WIDTH: f64 = 110.0;

fn ground(f: &mut Features<'_>, half: (f64, f64)) -> io::Result<()> {
    let mut hole = rect(-half.0, -half.1, half.0, half.1).corners().to_vec();
    hole.reverse();
    let (rx, ry) = disc(half);
    let outer = ellipse(p2(0.0, 0.0), rx, ry, 72);
    let properties = "\"kind\":\"terrain\",\"name\":\"Ground\",\"color\":\"#dcd9d2\"";
    f.polygon("terrain", properties, &[outer, hole])?;
    let xs: Vec<f64> = (-24..=24)
        .map(|i| f64::from(i) * rx / 25.0)
        .filter(|x| within(half, p2(*x, bank(half, *x) + RIVER_WIDTH)))
        .collect();
    let edge =
        |offset: f64| xs.iter().map(move |x| p2(*x, bank(half, *x) + offset)).collect::<Vec<_>>();
    let ring = |low: f64, high: f64| {
        let mut ring = edge(low);
        ring.extend(edge(high).into_iter().rev());
        ring
    };
    f.polygon(
        "river",
        "\"kind\":\"water\",\"name\":\"River\",\"color\":\"#a9c3ca\"",
        &[ring(0.0, RIVER_WIDTH)],
    )?;
    for (id, low, high) in
        [("bank-south", -26.0, 0.0), ("bank-north", RIVER_WIDTH, RIVER_WIDTH + 30.0)]
    {
        f.polygon(
            id,
            "\"kind\":\"green\",\"name\":\"Riverside park\",\"color\":\"#bcc8a8\"",
            &[ring(low, high)],
        )?;
    }
    Ok(())
}

/// Whether a place lies on the drawn disc.
fn within(half: (f64, f64), p: P2) -> bool {
    let (rx, ry) = disc(half);
    (p.x / rx).hypot(p.y / ry) < 0.985
}

fn streets(f: &mut Features<'_>, half: (f64, f64)) -> io::Result<()> {
    let (xs, ys) = grid(half);
    let (rx, ry) = disc(half);
    let properties = "\"kind\":\"road\",\"name\":\"Street\",\"width\":14,\"color\":\"#c3c0ba\"";
    let chord = |at: f64, across: f64, along: f64| {
        along * (1.0 - (at / across).powi(2)).max(0.0).sqrt() * 0.985
    };
    for (index, x) in xs.iter().enumerate() {
        let y = chord(*x, rx, ry);
        f.line(&format!("street-x{index}"), properties, &[p2(*x, -y), p2(*x, y)])?;
    }
    for (index, y) in ys.iter().enumerate() {
        // Streets along the river stop short of its banks.
        if *y > half.1 + 200.0 && *y < half.1 + 520.0 {
            continue;
        }
        let x = chord(*y, ry, rx);
        f.line(&format!("street-y{index}"), properties, &[p2(-x, *y), p2(x, *y)])?;
    }
    Ok(())
}

/// Street lines; the first on each side hugs the plot.
fn grid(half: (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    let lines = |half: f64| {
        let mut out = Vec::new();
        for step in [0.0, 118.0, 252.0, 366.0, 500.0] {
            out.push(half + STREET / 2.0 + step);
            out.push(-half - STREET / 2.0 - step);
        }
        out.sort_by(f64::total_cmp);
        out
    };
    (lines(half.0), lines(half.1))
}

fn blocks(f: &mut Features<'_>, half: (f64, f64), seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed, "surroundings");
    let (xs, ys) = grid(half);
    let mut number = 0;
    for x in xs.windows(2) {
        for y in ys.windows(2) {
            let block = rect(x[0], y[0], x[1], y[1]).grown(-STREET / 2.0 - 2.0);
            let own =
                block.x0 < half.0 && block.x1 > -half.0 && block.y0 < half.1 && block.y1 > -half.1;
            if own {
                continue;
            }
            number += 1;
            if number % 8 == 3 && block.y1 < half.1 + 200.0 {
                let properties = "\"kind\":\"green\",\"name\":\"Park\",\"color\":\"#bcc8a8\"";
                f.polygon(&format!("park-{number}"), properties, &[rounded(block, 14.0, 5)])?;
            } else {
                lots(f, half, block, number, &mut random)?;
            }
        }
    }
    Ok(())
}

/// Splits a block into lots and builds on most of them.
fn lots(
    f: &mut Features<'_>,
    half: (f64, f64),
    block: Rect,
    number: u32,
    random: &mut Random,
) -> io::Result<()> {
    let columns = (block.width() / 46.0).round().max(1.0) as usize;
    let rows = (block.depth() / 44.0).round().max(1.0) as usize;
    let mut index = 0;
    for column in split_x(block, columns) {
        for lot in split_y(column, rows) {
            index += 1;
            let lot = lot.grown(-random.range(3.0, 6.0));
            let wet = [lot.centre().x, lot.x0, lot.x1].into_iter().any(|x| {
                lot.y1 > bank(half, x) - 32.0 && lot.y0 < bank(half, x) + RIVER_WIDTH + 36.0
            });
            if wet
                || !lot.corners().into_iter().all(|corner| within(half, corner))
                || random.chance(0.08)
            {
                continue;
            }
            house(f, half, lot, &format!("{number}-{index}"), random)?;
        }
    }
    Ok(())
}

const SHADES: [&str; 5] = ["#e6e3dc", "#dfdcd5", "#ebe8e2", "#dcdad5", "#e2dcd2"];

/// One lot: a block, an L, a court, or a tower on a base; lower towards the south, where one looks from.
fn house(
    f: &mut Features<'_>,
    half: (f64, f64),
    lot: Rect,
    id: &str,
    random: &mut Random,
) -> io::Result<()> {
    let south = lot.y1 < -half.1;
    let near = lot.centre().x.abs() < half.0 + 130.0 && lot.centre().y.abs() < half.1 + 130.0;
    let base = if south {
        random.range(6.0, 12.0)
    } else {
        random.range(9.0, if near { 21.0 } else { 30.0 })
    };
    let shade = SHADES[random.index(SHADES.len())];
    let building = |f: &mut Features<'_>, part: &str, rings: &[Vec<P2>], low: f64, high: f64| {
        let properties = format!(
            "\"kind\":\"building\",\"name\":\"Block {id}\",\"height\":{high:.1},\"min_height\":{low:.1},\"color\":\"{shade}\""
        );
        f.polygon(&format!("b{id}{part}"), &properties, rings)
    };
    let (w, d) = (lot.width(), lot.depth());
    match random.index(6) {
        0 | 1 => {
            let (x, y) = (lot.x0 + w * 0.42, lot.y0 + d * 0.45);
            let shape = vec![
                p2(lot.x0, lot.y0),
                p2(lot.x1, lot.y0),
                p2(lot.x1, y),
                p2(x, y),
                p2(x, lot.y1),
                p2(lot.x0, lot.y1),
            ];
            building(f, "", &[shape], 0.0, base)
        }
        2 if w > 26.0 && d > 26.0 => {
            let mut court = lot.grown(-9.0).corners().to_vec();
            court.reverse();
            building(f, "", &[lot.corners().to_vec(), court], 0.0, base)
        }
        3 if !south => {
            building(f, "", &[lot.corners().to_vec()], 0.0, base * 0.5)?;
            let tower =
                rect(lot.x0 + w * 0.2, lot.y0 + d * 0.2, lot.x0 + w * 0.75, lot.y0 + d * 0.75);
            let high = if near { random.range(24.0, 40.0) } else { random.range(30.0, 84.0) };
            building(f, "t", &[tower.corners().to_vec()], base * 0.5, high)
        }
        4 => {
            for (part, slab) in split_y(lot, 2).into_iter().enumerate() {
                let slab = Rect { y1: slab.y1 - d * 0.16, ..slab };
                building(
                    f,
                    if part == 0 { "a" } else { "b" },
                    &[slab.corners().to_vec()],
                    0.0,
                    base,
                )?;
            }
            Ok(())
        }
        _ => building(f, "", &[lot.corners().to_vec()], 0.0, base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_of_any_size_lies_within_the_disc() {
        for half in [(170.0, 130.0), (170.0, 900.0), (1_800.0, 1_500.0), (40_000.0, 40_000.0)] {
            assert!(within(half, p2(half.0, half.1)), "{half:?}");
        }
        assert_eq!(disc((170.0, 130.0)), (170.0 + REACH, 130.0 + REACH));
    }
}
