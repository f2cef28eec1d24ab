//! Fingerprints the demo's generator and importer, so that the demo makes its campus anew
//! when their source has changed and only then.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in ["assets/campus/src", "bim-import/src", "bim-import/Cargo.toml"] {
        let path = root.join(part);
        println!("cargo::rerun-if-changed={}", path.display());
        add(&path, &mut hash)?;
    }
    println!("cargo::rustc-env=TWIN_DEMO_FINGERPRINT={hash:016x}");
    Ok(())
}

/// FNV-1a over names and contents, in the order of names.
fn add(path: &Path, hash: &mut u64) -> io::Result<()> {
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    feed(path.file_name().unwrap_or_default().as_encoded_bytes());
    if !path.is_dir() {
        feed(&fs::read(path)?);
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| add(entry, hash))
}
