//! Geometry on its way from the tessellator to its tile: in a temporary file, so that
//! memory does not grow with the scene. The file has no name and is gone with the process.

mod aside;
mod meshes;

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub(crate) use aside::Aside;
pub(crate) use meshes::{MeshStore, StoredMesh};

/// Bytes collected before they are written out.
const PENDING: usize = 1 << 20;

/// Where something stands in a [`Store`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    offset: u64,
    length: u64,
}

/// A temporary file that threads append to and read from.
///
/// A full disk does not stop the import half-way: what cannot be written or read is empty
/// from then on and [`Store::failure`] tells, so it must be asked before a scene that came
/// out of the store is kept.
#[derive(Clone, Debug)]
pub(crate) struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Read without a lock: what is written stays as it is.
    file: File,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Bytes in the file; the pending ones come behind them.
    written: u64,
    pending: Vec<u8>,
    /// Something was lost: from then on all is, since what was meant to lie behind it
    /// would be found in its place.
    has_failed: bool,
    /// Why; taken by whoever asks first.
    failure: Option<io::Error>,
}

impl Store {
    /// A new store in a folder.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        let state = State { written: 0, pending: Vec::new(), has_failed: false, failure: None };
        Ok(Self(Arc::new(Shared { file, state: Mutex::new(state) })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends bytes.
    pub(crate) fn push(&self, bytes: &[u8]) -> Span {
        let mut state = self.state();
        if state.has_failed {
            return Span::default();
        }
        let span =
            Span { offset: state.written + state.pending.len() as u64, length: bytes.len() as u64 };
        state.pending.extend_from_slice(bytes);
        if state.pending.len() >= PENDING {
            state.flush(&self.0.file);
        }
        span
    }

    /// What was appended.
    pub(crate) fn read(&self, span: Span) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.read_into(span, &mut bytes);
        bytes
    }

    /// The same in place of what the buffer holds, which is empty where it cannot be read.
    pub(crate) fn read_into(&self, span: Span, bytes: &mut Vec<u8>) {
        bytes.clear();
        let length = usize::try_from(span.length).unwrap_or_default();
        let state = self.state();
        if state.has_failed {
            return;
        }
        if span.offset >= state.written {
            // Not written out yet: it lies in one piece behind what is.
            let start = usize::try_from(span.offset - state.written).unwrap_or(usize::MAX);
            let pending = start.checked_add(length).and_then(|end| state.pending.get(start..end));
            if let Some(found) = pending {
                bytes.extend_from_slice(found);
                return;
            }
        }
        drop(state);
        bytes.resize(length, 0);
        if let Err(error) = read_at(&self.0.file, bytes, span.offset) {
            bytes.clear();
            self.state().fail(error);
        }
    }

    /// Writes out what is pending, so that what cannot be kept is known.
    ///
    /// # Errors
    /// When the store lost something, now or before.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let mut state = self.state();
        state.flush(&self.0.file);
        state.failure.take().map_or(Ok(()), Err)
    }

    /// Why the store lost something, if it did; told once.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.state().failure.take()
    }
}

impl State {
    fn flush(&mut self, mut file: &File) {
        let end = file.seek(SeekFrom::Start(self.written));
        match end.and_then(|_| file.write_all(&self.pending)) {
            Ok(()) => self.written += self.pending.len() as u64,
            Err(error) => self.fail(error),
        }
        self.pending.clear();
    }

    fn fail(&mut self, error: io::Error) {
        self.has_failed = true;
        self.failure.get_or_insert(error);
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    // Moves the file's cursor, too; writing seeks first.
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        offset += read as u64;
        bytes = &mut bytes[read..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_comes_back_whether_written_out_or_not() {
        let store = Store::create(&std::env::temp_dir()).unwrap();
        let large = vec![7; PENDING - 1];
        let spans =
            [store.push(b"first"), store.push(&large), store.push(b""), store.push(b"last")];
        assert_eq!(store.read(spans[3]), b"last");
        assert_eq!(store.read(spans[0]), b"first");
        assert_eq!(store.read(spans[1]), large);
        assert_eq!(store.read(spans[2]), b"");
        let after = store.push(b"after a read");
        assert_eq!(store.read(after), b"after a read");
        assert_eq!(store.read(spans[0]), b"first");
        assert!(store.failure().is_none());
    }

    #[test]
    fn what_is_lost_is_told() {
        let store = Store::create(&std::env::temp_dir()).unwrap();
        let before = store.push(b"before");
        assert_eq!(store.read(Span { offset: 10, length: 5 }), b"");
        assert!(store.failure().is_some());
        // Nothing takes the place of what is lost.
        let after = store.push(b"after");
        assert_eq!((store.read(before), store.read(after)), (vec![], vec![]));
    }

    #[test]
    fn a_store_that_is_well_settles() {
        let store = Store::create(&std::env::temp_dir()).unwrap();
        let span = store.push(b"kept");
        store.settle().unwrap();
        assert_eq!(store.read(span), b"kept");
        store.read(Span { offset: 100, length: 5 });
        assert!(store.settle().is_err());
    }
}
