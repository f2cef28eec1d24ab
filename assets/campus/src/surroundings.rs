//! The city round the compound, as GeoJSON in WGS 84: quiet blocks, streets, a park, a river.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::geometry::{P2, p2, rect, smooth};
use crate::georef::to_lon_lat;
use crate::ids::Random;

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
const REACH: f64 = 620.0;

fn ground(f: &mut Features<'_>, half: (f64, f64)) -> io::Result<()> {
    let plot = rect(-half.0, -half.1, half.0, half.1);
    let mut hole = plot.corners().to_vec();
    hole.reverse();
    let outer = rect(-half.0 - REACH, -half.1 - REACH, half.0 + REACH, half.1 + REACH);
    f.polygon(
        "terrain",
        "\"kind\":\"terrain\",\"name\":\"Ground\",\"color\":\"#d9d6cf\"",
        &[outer.corners().to_vec(), hole],
    )?;
    let (x, y) = (half.0 + 330.0, half.1 + REACH);
    let west = smooth(
        &[
            p2(x, -y),
            p2(x + 40.0, -y * 0.4),
            p2(x - 10.0, 0.0),
            p2(x + 30.0, y * 0.5),
            p2(x + 10.0, y),
        ],
        10,
        false,
    );
    let mut river = west.clone();
    river.extend(west.iter().rev().map(|p| *p + p2(120.0, 0.0)));
    f.polygon("river", "\"kind\":\"water\",\"name\":\"River\",\"color\":\"#a9c0c6\"", &[river])
}

fn streets(f: &mut Features<'_>, half: (f64, f64)) -> io::Result<()> {
    let (xs, ys) = grid(half);
    let (far_x, far_y) = (half.0 + REACH, half.1 + REACH);
    let properties = "\"kind\":\"road\",\"name\":\"Street\",\"width\":14,\"color\":\"#bdbab4\"";
    for (index, x) in xs.iter().enumerate() {
        f.line(&format!("street-x{index}"), properties, &[p2(*x, -far_y), p2(*x, far_y)])?;
    }
    for (index, y) in ys.iter().enumerate() {
        f.line(&format!("street-y{index}"), properties, &[p2(-far_x, *y), p2(far_x, *y)])?;
    }
    Ok(())
}

/// Street lines: two of each hug the plot.
fn grid(half: (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    let lines = |half: f64| {
        let mut out = Vec::new();
        for step in [0.0, 130.0, 290.0, 440.0] {
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
            let river = block.x1 > half.0 + 310.0;
            if own || river {
                continue;
            }
            number += 1;
            if number % 9 == 4 {
                f.polygon(
                    &format!("park-{number}"),
                    "\"kind\":\"green\",\"name\":\"Park\",\"color\":\"#b9c4a4\"",
                    &[block.corners().to_vec()],
                )?;
            } else {
                houses(f, block, number, &mut random)?;
            }
        }
    }
    Ok(())
}

fn houses(
    f: &mut Features<'_>,
    block: crate::geometry::Rect,
    number: u32,
    random: &mut Random,
) -> io::Result<()> {
    let columns = (block.width() / 42.0).floor().max(1.0) as usize;
    let rows = (block.depth() / 38.0).floor().max(1.0) as usize;
    let mut index = 0;
    for column in crate::plan::split_x(block, columns) {
        for lot in crate::plan::split_y(column, rows) {
            index += 1;
            if random.chance(0.12) {
                continue;
            }
            let house = lot.grown(-random.range(4.0, 8.0));
            let height = if random.chance(0.12) {
                random.range(48.0, 92.0)
            } else {
                random.range(9.0, 33.0)
            };
            let shade = ["#dedad2", "#d6d3cc", "#e3dfd8", "#d3d2ce"][random.index(4)];
            let properties = format!(
                "\"kind\":\"building\",\"name\":\"Block {number}-{index}\",\"height\":{height:.1},\"color\":\"{shade}\""
            );
            f.polygon(&format!("b{number}-{index}"), &properties, &[house.corners().to_vec()])?;
        }
    }
    Ok(())
}
