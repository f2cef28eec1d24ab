//! B-spline surfaces: a grid as fine as their curvature and size ask for.

use ifc_lite_core::{AttributeValue, DecodedEntity};

use super::{
    Writer,
    curve::{self, MAX_DEGREE, blend},
    numbers,
    surface::grid,
};
use crate::vector::{length, scale, sub};

/// How far facets may lie off the surface: by share of its size, and at least and at most, m.
const TOLERANCE: (f64, f64, f64) = (5.0e-4, 5.0e-4, 0.02);
/// Most cells of the grid.
const MAX_CELLS: usize = 60_000;
/// Multiplications that sampling may take.
const MAX_WORK: usize = 200_000_000;
/// Control points of one surface.
const MAX_CONTROL: usize = 250_000;

/// Writes a mesh in place of a surface that stands for itself.
pub(super) fn write(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let surface = Surface::read(writer, record)?;
    let tolerance = (surface.size() * writer.metre * TOLERANCE.0).clamp(TOLERANCE.1, TOLERANCE.2);
    let (rows, off) = surface.sample(tolerance / writer.metre);
    let text = format!(
        "its B-spline surface is drawn as {} × {} facets, {:.1} mm off it at most",
        rows.len() - 1,
        rows[0].len() - 1,
        off * writer.metre * 1e3
    );
    writer.out.remarks.insert(record.id, text);
    let (points, triangles) = grid(&rows, false);
    writer.mesh(record.id, &points, &triangles, false)
}

struct Surface {
    degrees: [usize; 2],
    knots: [Vec<f64>; 2],
    /// Control points with their weights, which they are multiplied by.
    control: Vec<Vec<[f64; 4]>>,
}

impl Surface {
    fn read(writer: &Writer<'_>, record: &DecodedEntity) -> Option<Self> {
        let degrees = [record.get_float(0)? as usize, record.get_float(1)? as usize];
        let lists: Vec<&[AttributeValue]> =
            record.get(2)?.as_list()?.iter().map(AttributeValue::as_list).collect::<Option<_>>()?;
        let width = lists.first()?.len();
        if lists.iter().any(|list| list.len() != width) || lists.len() * width > MAX_CONTROL {
            return None;
        }
        let weights: Option<Vec<Vec<f64>>> = match record.get(12) {
            Some(list) if !list.is_null() => {
                Some(list.as_list()?.iter().map(numbers).collect::<Option<_>>()?)
            }
            _ => None,
        };
        let mut control = Vec::with_capacity(lists.len());
        for (i, list) in lists.iter().enumerate() {
            let mut row = Vec::with_capacity(width);
            for (j, point) in list.iter().enumerate() {
                let [x, y, z] = curve::point(writer, point.as_entity_ref()?)?;
                let weight = match &weights {
                    Some(weights) => *weights.get(i)?.get(j)?,
                    None => 1.0,
                };
                if !(weight > 0.0 && x.is_finite() && y.is_finite() && z.is_finite()) {
                    return None;
                }
                row.push([x * weight, y * weight, z * weight, weight]);
            }
            control.push(row);
        }
        let knots = [curve::knots(record, 7, 9)?, curve::knots(record, 8, 10)?];
        let counts = [control.len(), width];
        let sound = (0..2).all(|way| {
            (1..=MAX_DEGREE).contains(&degrees[way])
                && counts[way] > degrees[way]
                && knots[way].len() == counts[way] + degrees[way] + 1
                && knots[way].is_sorted()
                && knots[way][degrees[way]] < knots[way][counts[way]]
        });
        sound.then_some(Self { degrees, knots, control })
    }

    /// The diagonal of its control points' box, in the file's unit.
    fn size(&self) -> f64 {
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for [x, y, z, w] in self.control.iter().flatten() {
            for (axis, value) in [x / w, y / w, z / w].into_iter().enumerate() {
                low[axis] = low[axis].min(value);
                high[axis] = high[axis].max(value);
            }
        }
        length(sub(high, low))
    }

    /// Rows of points, and how far facets lie off the surface. Each way the grid is made
    /// finer until they are near enough, or it would cost too much.
    fn sample(&self, tolerance: f64) -> (Vec<Vec<[f64; 3]>>, f64) {
        let mut counts = [0, 1].map(|way| (2 * self.spans(way)).clamp(4, 128));
        // A coarse start where even that is too much.
        while !self.fits(counts) && counts.iter().any(|count| *count > 1) {
            counts = counts.map(|count| (count / 2).max(1));
        }
        loop {
            let off = self.off(counts);
            let wanted = [0, 1].map(|way| off[way] > tolerance);
            let mut finer = counts;
            for way in [0, 1].into_iter().filter(|way| wanted[*way]) {
                finer[way] *= 2;
            }
            if finer == counts || !self.fits(finer) {
                let row =
                    |i: usize| (0..=counts[1]).map(move |j| self.at(counts, [i, j], [0.0; 2]));
                let rows = (0..=counts[0]).map(|i| row(i).collect()).collect();
                return (rows, off[0] + off[1]);
            }
            counts = finer;
        }
    }

    fn spans(&self, way: usize) -> usize {
        let (degree, knots) = (self.degrees[way], &self.knots[way]);
        let inner = &knots[degree..knots.len() - degree];
        inner.windows(2).filter(|pair| pair[1] > pair[0]).count()
    }

    fn fits(&self, [u, v]: [usize; 2]) -> bool {
        let each = (self.degrees[0] + 1) * (self.degrees[1] + 1).pow(2);
        u.saturating_mul(v) <= MAX_CELLS && 3 * u.saturating_mul(v).saturating_mul(each) <= MAX_WORK
    }

    /// How far the middles of the grid's sides lie off the surface, each way.
    fn off(&self, counts: [usize; 2]) -> [f64; 2] {
        let mut off = [0.0_f64; 2];
        for (way, off) in off.iter_mut().enumerate() {
            let [m, n] = [0, 1].map(|other| counts[other] + usize::from(other != way));
            for i in 0..m {
                for j in 0..n {
                    let mut next = [i, j];
                    next[way] += 1;
                    let mut half = [0.0; 2];
                    half[way] = 0.5;
                    let ends = [[i, j], next].map(|at| self.at(counts, at, [0.0; 2]));
                    let chord = [0, 1, 2].map(|axis| (ends[0][axis] + ends[1][axis]) / 2.0);
                    *off = off.max(length(sub(self.at(counts, [i, j], half), chord)));
                }
            }
        }
        off
    }

    /// The point at a place of a grid, `more` cells further.
    fn at(&self, counts: [usize; 2], place: [usize; 2], more: [f64; 2]) -> [f64; 3] {
        let t = [0, 1].map(|way| {
            let (degree, knots) = (self.degrees[way], &self.knots[way]);
            let (first, last) = (knots[degree], knots[knots.len() - 1 - degree]);
            first + (last - first) * (place[way] as f64 + more[way]) / counts[way] as f64
        });
        let span = curve::span(self.degrees[0], &self.knots[0], t[0]);
        let near = &self.control[span - self.degrees[0]..=span];
        let across: Vec<[f64; 4]> = near
            .iter()
            .map(|row| {
                let span = curve::span(self.degrees[1], &self.knots[1], t[1]);
                let near = &row[span - self.degrees[1]..=span];
                blend(self.degrees[1], &self.knots[1], span, near, t[1])
            })
            .collect();
        let [x, y, z, w] = blend(self.degrees[0], &self.knots[0], span, &across, t[0]);
        scale([x, y, z], w.recip())
    }
}
