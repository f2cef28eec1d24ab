//! How much of a file may be read how often. Records refer to records: a list that holds
//! itself twice, or a line of megabytes that ten thousand others are drawn along, asks for
//! more than there is time for, from a file of a few kilobytes.

use std::cell::Cell;

/// How often a whole file may be read. Real ones are read twice or three times, those
/// whose objects share large sets of properties up to ten times.
const READINGS: u64 = 64;
/// Bytes that may be read of any file: small ones share more.
const ALWAYS_FINE: u64 = 256 << 20;

/// Bytes that may still be decoded, or copied from what was.
#[derive(Debug)]
pub(super) struct Budget {
    spent: Cell<u64>,
    limit: u64,
}

impl Budget {
    /// For a file of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { spent: Cell::new(0), limit: (bytes as u64).saturating_mul(READINGS) + ALWAYS_FINE }
    }

    /// Counts work; whether it may be done.
    pub(super) fn spend(&self, bytes: u64) -> bool {
        self.spent.set(self.spent.get().saturating_add(bytes));
        !self.is_spent()
    }

    /// What was counted so far.
    pub(super) fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// Whether more was asked for than any honest file needs.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.get() > self.limit
    }
}
