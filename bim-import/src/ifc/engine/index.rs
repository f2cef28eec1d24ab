//! Where each record of a file stands: by instance name, in as little memory as the names
//! allow. A hash table takes three times as much, and files have millions of records.

use ifc_lite_core::{ColumnarEntityIndex, DenseEntityIndex, EntityIndex};
use rustc_hash::FxHashSet;

/// An index.
pub(super) enum Index {
    /// Names without large gaps, in order: as good as all files.
    Dense(DenseEntityIndex),
    /// Names in any order, searched.
    Columns(ColumnarEntityIndex),
    /// Files of 4 GiB and more.
    Hash(EntityIndex),
}

impl Index {
    /// First and last byte of a record.
    pub(super) fn lookup(&self, id: u32) -> Option<(usize, usize)> {
        match self {
            Self::Dense(index) => index.lookup(id),
            Self::Columns(index) => index.lookup(id),
            Self::Hash(index) => index.get(&id).copied(),
        }
    }
}

/// An index while the file is being scanned.
#[derive(Default)]
pub(super) struct Builder {
    ids: Vec<u32>,
    starts: Vec<u32>,
    lengths: Vec<u32>,
    wide: Option<EntityIndex>,
    seen: Seen,
    /// Records with different names.
    count: usize,
}

impl Builder {
    /// For a file of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let wide = u32::try_from(bytes).is_err().then(EntityIndex::default);
        // Records are seldom shorter than this on average.
        let records = if wide.is_some() { 0 } else { bytes / 56 };
        Self {
            ids: Vec::with_capacity(records),
            starts: Vec::with_capacity(records),
            lengths: Vec::with_capacity(records),
            wide,
            ..Self::default()
        }
    }

    /// Adds a record; whether its name was there before. The later one counts.
    pub(super) fn add(&mut self, id: u32, start: usize, end: usize) -> bool {
        let is_repeated = !self.seen.insert(id);
        self.count += usize::from(!is_repeated);
        if let Some(wide) = &mut self.wide {
            wide.insert(id, (start, end));
        } else {
            // Both fit: the file is shorter than 4 GiB.
            self.ids.push(id);
            self.starts.push(start as u32);
            self.lengths.push((end - start) as u32);
        }
        is_repeated
    }

    /// The index, and how many records it has.
    pub(super) fn finish(self) -> (Index, usize) {
        let Self { ids, starts, lengths, wide, count, .. } = self;
        let index = match wide {
            Some(wide) => Index::Hash(wide),
            None => match DenseEntityIndex::try_from_columns(&ids, &starts, &lengths) {
                Some(dense) => Index::Dense(dense),
                None => columns(ids, starts, lengths),
            },
        };
        (index, count)
    }
}

fn columns(ids: Vec<u32>, starts: Vec<u32>, lengths: Vec<u32>) -> Index {
    match ColumnarEntityIndex::from_owned_columns(ids, starts, lengths) {
        Ok(columns) => Index::Columns(columns),
        // The columns are equally long by the way they are built.
        Err(_) => Index::Hash(EntityIndex::default()),
    }
}

/// Names met so far: a bit each, for those that real files have.
#[derive(Default)]
struct Seen {
    bits: Vec<u64>,
    beyond: FxHashSet<u32>,
}

impl Seen {
    /// Names below this have a bit: eight megabytes of them.
    const BITS: u32 = 1 << 26;

    /// Whether the name is new.
    fn insert(&mut self, id: u32) -> bool {
        if id >= Self::BITS {
            return self.beyond.insert(id);
        }
        let (word, bit) = (id as usize / 64, 1u64 << (id % 64));
        if word >= self.bits.len() {
            self.bits.resize((word + 1).next_power_of_two(), 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(records: &[(u32, usize, usize)]) -> (Index, usize, usize) {
        let mut builder = Builder::new(1_000);
        let repeated = records.iter().filter(|(id, start, end)| builder.add(*id, *start, *end));
        let repeated = repeated.count();
        let (index, count) = builder.finish();
        (index, count, repeated)
    }

    #[test]
    fn names_are_found_in_any_order_and_the_last_of_a_name_counts() {
        let close = [(1, 0, 5), (2, 5, 9), (4, 9, 20), (5, 20, 21), (6, 21, 22), (7, 22, 30)];
        let (dense, count, _) = index(&close);
        assert!(matches!(dense, Index::Dense(_)));
        assert_eq!((dense.lookup(4), dense.lookup(3), count), (Some((9, 20)), None, 6));
        let far = u32::MAX;
        let (columns, count, repeated) = index(&[(9, 0, 5), (far, 5, 9), (2, 9, 20), (9, 20, 30)]);
        assert!(matches!(columns, Index::Columns(_)));
        assert_eq!(columns.lookup(9), Some((20, 30)));
        assert_eq!(columns.lookup(far), Some((5, 9)));
        assert_eq!((count, repeated), (3, 1));
    }
}
