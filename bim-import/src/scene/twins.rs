//! Files that are given twice, under one name or two: read twice, each of their elements
//! would stand in the scene twice, and look like a fault of the program that wrote them.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use hashbrown::HashMap;
use sha2::{Digest, Sha256};

/// A file that is the same, byte for byte, as an earlier one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Twin {
    /// Position of the earlier one.
    pub(super) first: usize,
    /// SHA-256 of both.
    pub(super) digest: [u8; 32],
}

/// Which files are the same as an earlier one, by position.
pub(super) fn of(files: &[PathBuf]) -> HashMap<usize, Twin> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    let mut alike: HashMap<u64, Vec<usize>> = HashMap::new();
    for (position, path) in files.iter().enumerate() {
        alike.entry(size(path)).or_default().push(position);
    }
    // Files of different sizes need not be read to be told apart.
    let alike = alike.into_iter().filter(|(bytes, files)| *bytes > 0 && files.len() > 1);
    let mut twins = HashMap::new();
    for (_, positions) in alike {
        let mut first: HashMap<[u8; 32], usize> = HashMap::new();
        for position in positions {
            // What cannot be read says so when it is its turn.
            let Ok(digest) = digest(&files[position]) else { continue };
            let first = *first.entry(digest).or_insert(position);
            if first != position {
                twins.insert(position, Twin { first, digest });
            }
        }
    }
    twins
}

/// SHA-256 of a file.
fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&part[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_told_whatever_their_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let files = [
            file("a.ifc", "wall"),
            file("b.ifc", "door"),
            file("c.ifc", "wall"),
            file("a.ifc", "wall"),
            file("e.ifc", ""),
            file("f.ifc", ""),
            folder.path().join("missing"),
        ];
        // The empty ones are each refused for what they are.
        let found = of(&files);
        let twin = Twin { first: 0, digest: Sha256::digest("wall").into() };
        assert_eq!(found, HashMap::from_iter([(2, twin), (3, twin)]));
    }
}
