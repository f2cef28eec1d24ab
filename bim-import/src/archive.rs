//! ifcZIP: one IFC file in a zip archive, unpacked into a temporary file, never beyond
//! bounds that no honest model comes near.

use std::{
    fmt::Display,
    io::{self, Cursor, Read, Write},
    path::Path,
};

use tempfile::NamedTempFile;
use zip::{ZipArchive, result::ZipError};

/// Entries that are looked at: an ifcZIP holds one model and perhaps its textures.
const MAX_ENTRIES: usize = 10_000;
/// How often larger than packed a model may be. Models shrink to a fifth or a tenth; the
/// most repetitive measured, to a fortieth.
const MAX_RATIO: u64 = 200;
/// No ratio below this size: a few kilobytes of nothing but blanks do no harm.
const ALWAYS_FINE: u64 = 64 << 20;
/// Largest model that is unpacked, bytes.
const MAX_UNPACKED: u64 = 8 << 30;

/// Whether a file is a zip archive, by its first bytes.
pub(crate) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Unpacks the one IFC file of an archive into a file in a folder, which vanishes when it
/// is dropped.
///
/// # Errors
/// A clause that goes on after the archive's name: it is damaged, holds no or several
/// models, is encrypted, or would unpack to more than the bounds allow.
pub(crate) fn unpack(bytes: &[u8], folder: &Path) -> Result<NamedTempFile, String> {
    let mut out = tempfile::Builder::new()
        .prefix(".unpacked-")
        .suffix(".ifc")
        .tempfile_in(folder)
        .map_err(|error| format!("cannot be unpacked: {error}"))?;
    unpack_into(bytes, out.as_file_mut())?;
    Ok(out)
}

/// Writes out the one IFC file of an archive; how many bytes it has.
pub(crate) fn unpack_into(bytes: &[u8], out: &mut dyn Write) -> Result<u64, String> {
    let damaged = |error: &dyn Display| format!("is a damaged zip archive: {error}");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    if archive.len() > MAX_ENTRIES {
        return Err(format!("holds {} files; an ifcZIP holds one model", archive.len()));
    }
    let place = the_model(&archive)?;
    let entry = archive.by_index(place).map_err(|error| match error {
        ZipError::UnsupportedArchive(why) => {
            format!("is packed in a way that is not read ({why}); pack it with Deflate")
        }
        error => damaged(&error),
    })?;
    // The archive's word for a size is taken for nothing; only what comes out counts.
    let packed = entry.compressed_size().min(bytes.len() as u64);
    let limit = packed.saturating_mul(MAX_RATIO).clamp(ALWAYS_FINE, MAX_UNPACKED);
    let mut content = Content { from: entry.take(limit + 1), failure: None };
    let length = io::copy(&mut content, out);
    if let Some(error) = content.failure {
        return Err(damaged(&error));
    }
    let length = length.map_err(|error| format!("cannot be unpacked: {error}"))?;
    if length > limit {
        return Err(format!(
            "unpacks to more than {} MiB, {MAX_RATIO} times its size: it is no honest model",
            limit >> 20
        ));
    }
    Ok(length)
}

/// The place of the one file that is a model.
fn the_model(archive: &ZipArchive<Cursor<&[u8]>>) -> Result<usize, String> {
    // By place, for two files of an archive may have one name.
    let named = |ending: &'static str| {
        let name = |place| Some((place, archive.name_for_index(place)?.ok()?.into_owned()));
        (0..archive.len()).filter_map(name).filter(move |(_, name)| {
            let is_litter = name.starts_with("__MACOSX/");
            !is_litter && name.to_ascii_lowercase().ends_with(ending)
        })
    };
    let mut models = named(".ifc");
    match (models.next(), models.next()) {
        (Some((place, _)), None) => Ok(place),
        (Some((_, one)), Some((_, other))) => Err(format!(
            "holds several models, such as {one:?} and {other:?}; unzip it and name them"
        )),
        (None, _) if named(".ifcxml").next().is_some() => {
            Err("holds ifcXML, which is not read; export it as IFC (STEP)".into())
        }
        (None, _) => Err("is a zip archive without an .ifc file in it".into()),
    }
}

/// What comes out of an archive, and why it ended early, told apart from what goes wrong
/// where it is written to.
struct Content<R> {
    from: R,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.from.read(buffer) {
            Ok(length) => Ok(length),
            Err(error) => {
                self.failure = Some(error);
                Ok(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, String> {
        Ok(std::fs::read(unpack(bytes, &std::env::temp_dir())?.path()).unwrap())
    }

    #[test]
    fn the_one_model_is_unpacked() {
        let bytes = archive(&[("a.png", b"x"), ("Haus/model.IFC", b"ISO-10303-21;")]);
        assert!(is_zip(&bytes));
        assert_eq!(unpacked(&bytes).unwrap(), b"ISO-10303-21;");
    }

    #[test]
    fn what_is_no_ifczip_is_refused_with_a_reason() {
        let good = archive(&[("a.ifc", &[b'x'; 5_000])]);
        let mut broken = good.clone();
        broken[40] ^= 0xff;
        let nothing = archive(&[]);
        let two = archive(&[("a.ifc", b"1"), ("b.ifc", b"2")]);
        let xml = archive(&[("a.ifcXML", b"<ifc/>")]);
        let pictures = archive(&[("a.png", b"")]);
        for (bytes, word) in [
            (&good[..good.len() / 2], "damaged"),
            (&broken, "damaged"),
            (&nothing, "without an .ifc"),
            (&two, "several models"),
            (&xml, "ifcXML"),
            (&pictures, "without an .ifc"),
            (b"PK\x03\x04", "damaged"),
        ] {
            let error = unpacked(bytes).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_bomb_ends_at_its_bound() {
        let bomb = archive(&[("a.ifc", &vec![b' '; (ALWAYS_FINE as usize) + (8 << 20)])]);
        assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
        let mut length = 0;
        let error = unpack_into(&bomb, &mut Counted(&mut length)).unwrap_err();
        assert!(error.contains("no honest model"), "{error}");
        assert!(length <= ALWAYS_FINE + 1, "{length} bytes were written");
    }

    struct Counted<'a>(&'a mut u64);

    impl Write for Counted<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            *self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
