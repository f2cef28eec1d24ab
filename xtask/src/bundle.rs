//! The bundle's last steps: the page's files, precompression, and knowing when nothing changed.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Names the inputs that a finished bundle was made from.
const STAMP: &str = ".stamp";
/// Extensions worth compressing.
const TEXT_LIKE: &[&str] = &["wasm", "js", "html", "css", "svg", "json"];
/// Brotli quality: 11 takes four times as long for 6 % less.
const BROTLI_QUALITY: u32 = 9;

/// Whether the bundle was made from exactly these inputs.
pub(crate) fn is_current(out: &Path, wasm: &Path, page: &Path, optimized: bool) -> Result<bool> {
    let Ok(found) = fs::read_to_string(out.join(STAMP)) else { return Ok(false) };
    Ok(found == stamp(wasm, page, optimized)?)
}

/// Adds the page, compresses, and puts the finished folder in place of the old one.
pub(crate) fn finish(
    fresh: &Path,
    out: &Path,
    wasm: &Path,
    page: &Path,
    optimized: bool,
) -> Result<()> {
    copy(page, fresh)?;
    let files: Vec<PathBuf> = files(fresh)?.into_iter().filter(|file| compressible(file)).collect();
    std::thread::scope(|scope| {
        let brotli = scope.spawn(|| files.iter().try_for_each(|file| brotli(file)));
        files.iter().try_for_each(|file| gzip(file))?;
        brotli.join().map_err(|_| anyhow::anyhow!("the brotli thread panicked"))?
    })?;
    fs::write(fresh.join(STAMP), stamp(wasm, page, optimized)?)?;
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("clearing {}", out.display()))?;
    }
    if let Some(parent) = out.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::rename(fresh, out).with_context(|| format!("moving the bundle to {}", out.display()))
}

/// A line a file: raw and compressed size.
pub(crate) fn sizes(out: &Path) -> Result<Vec<String>> {
    let size = |path: &Path| fs::metadata(path).map(|meta| meta.len()).unwrap_or(0);
    let lines = files(out)?.into_iter().filter(|file| compressible(file)).map(|file| {
        format!(
            "{}: {} kB, brotli {} kB, gzip {} kB",
            file.file_name().unwrap_or_default().to_string_lossy(),
            size(&file) / 1000,
            size(&with_suffix(&file, "br")) / 1000,
            size(&with_suffix(&file, "gz")) / 1000,
        )
    });
    Ok(lines.collect())
}

fn stamp(wasm: &Path, page: &Path, optimized: bool) -> Result<String> {
    let mut hash = Sha256::new();
    let mut inputs = files(page)?;
    inputs.push(wasm.to_owned());
    for input in inputs {
        hash.update(fs::read(&input).with_context(|| format!("reading {}", input.display()))?);
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{digest} optimized={optimized}\n"))
}

/// All files below a folder, sorted.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let target = to.join(file.strip_prefix(from)?);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&file, &target).with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(())
}

fn compressible(file: &Path) -> bool {
    file.extension().is_some_and(|ext| TEXT_LIKE.iter().any(|known| ext == *known))
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn brotli(file: &Path) -> Result<()> {
    let out = fs::File::create(with_suffix(file, "br"))?;
    let mut writer = brotli::CompressorWriter::new(out, 1 << 16, BROTLI_QUALITY, 24);
    writer.write_all(&fs::read(file)?)?;
    Ok(writer.flush()?)
}

fn gzip(file: &Path) -> Result<()> {
    let out = fs::File::create(with_suffix(file, "gz"))?;
    let mut writer = flate2::write::GzEncoder::new(out, flate2::Compression::best());
    writer.write_all(&fs::read(file)?)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_bundle_is_made_once_and_again_when_its_inputs_change() {
        let dir = tempfile::tempdir().unwrap();
        let [page, fresh, out] = ["page", "fresh", "out"].map(|name| dir.path().join(name));
        let wasm = dir.path().join("a.wasm");
        fs::create_dir_all(&page).unwrap();
        fs::create_dir_all(&fresh).unwrap();
        fs::write(page.join("index.html"), "hello ".repeat(1000)).unwrap();
        fs::write(&wasm, "one").unwrap();

        assert!(!is_current(&out, &wasm, &page, false).unwrap());
        finish(&fresh, &out, &wasm, &page, false).unwrap();
        assert!(is_current(&out, &wasm, &page, false).unwrap());
        assert!(!is_current(&out, &wasm, &page, true).unwrap());

        let packed = fs::read(out.join("index.html.gz")).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello ".repeat(1000));
        let packed = fs::read(out.join("index.html.br")).unwrap();
        let mut text = String::new();
        brotli::Decompressor::new(packed.as_slice(), 4096).read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello ".repeat(1000));

        fs::write(&wasm, "two").unwrap();
        assert!(!is_current(&out, &wasm, &page, false).unwrap());
    }
}
