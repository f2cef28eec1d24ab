//! Ways become rings, and rings polygons: what multipolygon relations leave to the reader.

use hashbrown::HashMap;

use crate::vector::holds;

/// Steps that finding the outlines of holes may take in one relation.
const MAX_STEPS: usize = 20_000_000;

/// Joins ways at their ends. What does not close is counted.
pub(super) fn join(ways: &[&[i64]]) -> (Vec<Vec<i64>>, usize) {
    let mut at_end: HashMap<i64, Vec<usize>> = HashMap::new();
    let mut rings = Vec::new();
    let mut free = vec![false; ways.len()];
    for (n, way) in ways.iter().enumerate() {
        match way {
            [first, .., last] if first == last => rings.push(way.to_vec()),
            [first, .., last] => {
                free[n] = true;
                at_end.entry(*first).or_default().push(n);
                at_end.entry(*last).or_default().push(n);
            }
            _ => {}
        }
    }
    let mut open = 0;
    for start in 0..ways.len() {
        if !std::mem::take(&mut free[start]) {
            continue;
        }
        let mut ring = ways[start].to_vec();
        while ring.first() != ring.last() {
            let end = ring[ring.len() - 1];
            let candidates = at_end.entry(end).or_default();
            while candidates.last().is_some_and(|n| !free[*n]) {
                candidates.pop();
            }
            let Some(next) = candidates.pop() else { break };
            free[next] = false;
            let way = ways[next];
            if way[0] == end {
                ring.extend(&way[1..]);
            } else {
                ring.extend(way.iter().rev().skip(1));
            }
        }
        if ring.first() == ring.last() { rings.push(ring) } else { open += 1 }
    }
    (rings, open)
}

/// A ring of places, closed or not.
pub(super) type Ring = Vec<[f64; 2]>;

/// Gives each hole to the smallest outline around it; what no outline holds is counted.
pub(super) fn nest(outer: Vec<Ring>, inner: Vec<Ring>) -> (Vec<Vec<Ring>>, usize) {
    let mut polygons: Vec<Vec<Ring>> = outer.into_iter().map(|ring| vec![ring]).collect();
    let boxes: Vec<[f64; 4]> = polygons.iter().map(|polygon| extent(&polygon[0])).collect();
    let (mut lost, mut steps) = (0, 0);
    for hole in inner {
        let Some(&point) = hole.first() else { continue };
        let mut best: Option<usize> = None;
        for (n, bbox) in boxes.iter().enumerate() {
            steps += 1;
            let within =
                (bbox[0]..=bbox[2]).contains(&point[0]) && (bbox[1]..=bbox[3]).contains(&point[1]);
            let size = |b: &[f64; 4]| (b[2] - b[0]) * (b[3] - b[1]);
            if !within || best.is_some_and(|best| size(&boxes[best]) <= size(bbox)) {
                continue;
            }
            steps += polygons[n][0].len();
            if steps < MAX_STEPS && holds(&polygons[n][0], middle(&hole)) {
                best = Some(n);
            }
        }
        match best {
            Some(best) => polygons[best].push(hole),
            None => lost += 1,
        }
    }
    (polygons, lost)
}

/// Box around a ring: least x and y, greatest x and y.
pub(super) fn extent(ring: &[[f64; 2]]) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    ring.iter().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])])
}

/// A point of a ring that shares no corner with a neighbour: the middle of its first side.
fn middle(ring: &[[f64; 2]]) -> [f64; 2] {
    let (a, b) = (ring[0], ring.get(1).copied().unwrap_or(ring[0]));
    [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::area;

    #[test]
    fn ways_join_in_any_direction_and_what_stays_open_is_counted() {
        let (rings, open) =
            join(&[&[1, 2, 3], &[5, 4, 3], &[5, 1], &[7, 8, 9, 7], &[20, 21], &[21, 22]]);
        assert_eq!(open, 1);
        assert_eq!(rings.len(), 2);
        let joined = rings.iter().find(|ring| ring.contains(&4)).unwrap();
        assert_eq!((joined.len(), joined.first()), (6, joined.last()));
        assert_eq!(join(&[&[1], &[]]), (vec![], 0));
        // A way that comes back to its own start by another one closes at once.
        assert_eq!(join(&[&[1, 2], &[2, 1]]).0.len(), 1);
    }

    fn square(at: f64, size: f64) -> Ring {
        vec![[at, at], [at + size, at], [at + size, at + size], [at, at + size]]
    }

    #[test]
    fn holes_go_to_the_smallest_outline_around_them() {
        let (polygons, lost) = nest(
            vec![square(0.0, 100.0), square(10.0, 20.0)],
            vec![square(15.0, 2.0), square(50.0, 5.0), square(500.0, 5.0)],
        );
        assert_eq!(lost, 1);
        assert_eq!(polygons[0].len(), 2);
        assert_eq!(polygons[1][1], square(15.0, 2.0));
        assert!((area(&polygons[1][0]) - 400.0).abs() < 1e-9);
    }
}
