//! Replays what the fuzz targets start from, and every input that they once found, through
//! the same doors: no panic, no overflow, no hang.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use twin_server::fuzz::Door;

/// What is in a folder, by name; nothing if there is none.
fn inputs(kind: &str, door: Door) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(kind).join(door.name());
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
    };
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

/// Seeds are there to lead deep into a reader: each of them is read.
#[test]
fn every_seed_is_read() {
    for door in Door::ALL {
        let seeds = inputs("corpus", door);
        assert!(!seeds.is_empty(), "{} has no seeds", door.name());
        for (name, bytes) in seeds {
            let read = door.open(&bytes);
            assert!(matches!(read, Ok(1..)), "{}/{name}: {read:?}", door.name());
        }
    }
}

/// A seed cut off anywhere, and with any one byte of it changed: an answer in every case.
#[test]
fn damaged_seeds_get_an_answer() {
    for door in Door::ALL {
        for bytes in inputs("corpus", door).into_values() {
            let step = bytes.len() / 60 + 1;
            for at in (0..bytes.len()).step_by(step) {
                let _ = door.open(&bytes[..at]);
                let mut changed = bytes.clone();
                for value in [0, b'0', b'(', b'$', b'"', 0x7f, 0xff] {
                    changed[at] = value;
                    let _ = door.open(&changed);
                }
            }
        }
    }
}

/// What was found once is never found again. The name of each says what it did.
#[test]
fn regressions_get_an_answer() {
    for door in Door::ALL {
        for (name, bytes) in inputs("regressions", door) {
            println!("{}: {name}", door.name());
            let _ = door.open(&bytes);
        }
    }
}
