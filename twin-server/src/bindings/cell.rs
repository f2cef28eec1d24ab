//! The board in force. A changed set of bindings brings a board of its own; who shows the
//! board asks here for the one of the moment.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{BindingBoard, BindingReport};

/// Holds the board of the bindings at work.
#[derive(Debug)]
pub struct BoardCell(Mutex<Arc<BindingBoard>>);

impl BoardCell {
    /// A cell with a board in it.
    pub fn new(board: Arc<BindingBoard>) -> Self {
        Self(Mutex::new(board))
    }

    /// The board in force.
    pub fn get(&self) -> Arc<BindingBoard> {
        self.0.lock().clone()
    }

    /// Puts another board in force.
    pub fn set(&self, board: Arc<BindingBoard>) {
        *self.0.lock() = board;
    }

    /// The board in force as the API shows it.
    pub fn report(&self) -> BindingReport {
        self.get().report()
    }
}
