//! A tree out of what a file says holds what: rings are cut, and so is what hangs deeper
//! than anything that is built, on which every later walk up or down would suffer.

/// Deepest place below the root. Buildings with all their assemblies reach a dozen.
const MAX_DEPTH: usize = 200;

/// Why an object does not hang where its file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// It contains itself.
    Ring,
    /// Too much is above it.
    Deep,
}

impl Fault {
    /// For the report, after "it".
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Ring => "contains itself",
            Self::Deep => "lies deeper in other things than anything that is built",
        }
    }
}

/// Puts under `root` the first object of every ring and whatever is too deep; which they
/// were, in order. Passes every object a bounded number of times, whatever hangs where.
pub(crate) fn straighten(
    parents: &mut [Option<usize>],
    root: Option<usize>,
) -> Vec<(usize, Fault)> {
    // How many are above and including each; 0 where not known yet.
    let mut depths = vec![0usize; parents.len()];
    let mut is_on_path = vec![false; parents.len()];
    let mut path = Vec::new();
    let mut moved = Vec::new();
    for start in 0..parents.len() {
        let mut at = Some(start);
        while let Some(place) = at.filter(|&place| depths[place] == 0) {
            if is_on_path[place] {
                let ring = path.iter().skip_while(|&&passed| passed != place);
                let first = ring.copied().min().unwrap_or(place);
                parents[first] = root;
                moved.push((first, Fault::Ring));
                path.drain(..).for_each(|passed| is_on_path[passed] = false);
                at = Some(start);
                continue;
            }
            is_on_path[place] = true;
            path.push(place);
            at = parents[place];
        }
        let mut above = at.map_or(0, |place| depths[place]);
        while let Some(place) = path.pop() {
            is_on_path[place] = false;
            if above >= MAX_DEPTH {
                parents[place] = root;
                moved.push((place, Fault::Deep));
                above = usize::from(root.is_some());
            }
            above += 1;
            depths[place] = above;
        }
    }
    moved.sort_unstable();
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(place: usize, parents: &[Option<usize>]) -> usize {
        std::iter::successors(Some(place), |&at| parents[at]).take(1_000).count()
    }

    #[test]
    fn rings_are_cut_at_their_first_object() {
        // 0 is the root; 1 and 2 hold each other, 3 hangs on them, 4 holds itself.
        let mut parents = [None, Some(2), Some(1), Some(2), Some(4), Some(0)];
        let moved = straighten(&mut parents, Some(0));
        assert_eq!(moved, [(1, Fault::Ring), (4, Fault::Ring)]);
        assert_eq!(parents, [None, Some(0), Some(1), Some(2), Some(0), Some(0)]);
    }

    #[test]
    fn no_ring_is_too_long_and_no_chain_too_deep() {
        const COUNT: usize = 300_000;
        let mut ring: Vec<_> = (0..COUNT).map(|n| Some((n + 1) % COUNT)).collect();
        let moved = straighten(&mut ring, None);
        assert_eq!(moved[0], (0, Fault::Ring));
        assert!((0..COUNT).step_by(997).all(|place| depth(place, &ring) <= MAX_DEPTH));
        let mut chain: Vec<_> = (0..COUNT).map(|n: usize| n.checked_sub(1)).collect();
        let moved = straighten(&mut chain, Some(0));
        assert!((0..COUNT).step_by(997).all(|place| depth(place, &chain) <= MAX_DEPTH));
        assert!(moved.iter().all(|(_, fault)| *fault == Fault::Deep) && moved.len() < 2_000);
        // An honest tree stays as it is.
        let honest: Vec<_> = (0..1_000).map(|n: usize| n.checked_sub(1).map(|n| n / 2)).collect();
        let mut same = honest.clone();
        assert!(straighten(&mut same, Some(0)).is_empty() && same == honest);
    }
}
