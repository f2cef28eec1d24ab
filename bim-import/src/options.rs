//! How to import: what programs that embed the importer choose.

use std::path::{Path, PathBuf};

/// Which coordinates the scene has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frame {
    /// East, north, up at one place on earth, where a source says where it is.
    #[default]
    Local,
    /// Those of the sources, unmoved, so that boxes compare with other tools'.
    Source,
}

/// How to import.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scene package to write; replaced whole if it is one already.
    pub out: PathBuf,
    /// Coordinates of the scene.
    pub frame: Frame,
    /// Coordinate systems of sources, whatever they name.
    pub crs: CrsChoice,
    /// Level of detail of city models; absent: the highest up to 2.2.
    pub lod: Option<f64>,
    /// A program that calls [`crate::worker::run_if_worker`] first; absent: this one.
    pub worker: Option<PathBuf>,
    /// After how much processor time one element is given up, s.
    pub element_timeout_secs: f64,
    /// Writes measures of every IFC element here, one JSON line each.
    pub audit: Option<PathBuf>,
}

impl Options {
    /// The usual way, into this folder.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            frame: Frame::Local,
            crs: CrsChoice::default(),
            lod: None,
            worker: None,
            element_timeout_secs: 1.4,
            audit: None,
        }
    }
}

/// Coordinate systems that count in place of those that files name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrsChoice {
    all: Option<String>,
    /// By paths without `./` before them.
    by_file: Vec<(PathBuf, String)>,
}

impl CrsChoice {
    /// Reads `EPSG:4547`, for all files, and `town.json=EPSG:28992`, for one of them by the end
    /// of its path, which counts before that for all.
    ///
    /// # Errors
    /// When a text names none of the files, several of them or no system, or two texts speak of
    /// the same; the message is for whoever wrote them.
    pub fn parse(texts: &[String], files: &[PathBuf]) -> Result<Self, String> {
        let mut choice = Self::default();
        for text in texts {
            match Chosen::read(text, files)? {
                Chosen::One(file, _) if choice.by_file.iter().any(|(other, _)| *other == file) => {
                    return Err(format!("{} has two", file.display()));
                }
                Chosen::One(file, crs) => choice.by_file.push((file, crs)),
                Chosen::All(_) if choice.all.is_some() => {
                    return Err("two systems for all files; name the file: FILE=EPSG:n".into());
                }
                Chosen::All(crs) => choice.all = Some(crs),
            }
        }
        Ok(choice)
    }

    /// The one that counts for all files without one of their own.
    pub(crate) fn of_all(&self) -> Option<&str> {
        self.all.as_deref()
    }

    /// The one that counts for a file.
    pub(crate) fn of(&self, file: &Path) -> Option<&str> {
        let own = self.by_file.iter().find(|(name, _)| name == plain(file)).map(|(_, crs)| crs);
        own.or(self.all.as_ref()).map(String::as_str)
    }

    /// All that are chosen.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().chain(self.by_file.iter().map(|(_, name)| name)).map(String::as_str)
    }
}

/// What one text chooses.
enum Chosen {
    /// A system for one file.
    One(PathBuf, String),
    /// A system for all of them.
    All(String),
}

impl Chosen {
    fn read(text: &str, files: &[PathBuf]) -> Result<Self, String> {
        const FORMS: &str = "write EPSG:n for all files, FILE=EPSG:n for one";
        // A system's name may be a URL with `=` in it, and so may be a file's.
        let mut split =
            text.match_indices('=').map(|(at, _)| (Path::new(&text[..at]), &text[at + 1..]));
        let Some((first, _)) = split.clone().next() else { return Ok(Self::All(text.into())) };
        let named = split.find_map(|(name, crs)| {
            let meant = meant(name, files);
            (!meant.is_empty()).then_some((name, meant, crs))
        });
        match named {
            Some((name, meant, _)) if meant.len() > 1 => {
                let count = if meant.len() == 2 { "two".into() } else { meant.len().to_string() };
                Err(format!("{} means {count} files: name their folders", name.display()))
            }
            Some((name, _, crs)) if crs.trim().is_empty() => {
                Err(format!("{}= names no coordinate system; {FORMS}", name.display()))
            }
            Some((_, meant, crs)) => Ok(Self::One(meant[0].to_owned(), crs.into())),
            None if first.as_os_str().is_empty() => {
                Err(format!("{text} names no file before the =; {FORMS}"))
            }
            None if text.contains("://") => Ok(Self::All(text.into())),
            None => Err(format!("{} is none of the files to import", first.display())),
        }
    }
}

/// A path without `./` before it.
fn plain(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// The files that a name means, each once: the one of that path, else those whose path ends
/// so, as in what the report calls them.
fn meant<'a>(name: &Path, files: &'a [PathBuf]) -> Vec<&'a Path> {
    let name = plain(name);
    let mut meant: Vec<&Path> = files.iter().map(|file| plain(file)).collect();
    if meant.contains(&name) {
        meant.retain(|file| *file == name);
    } else {
        // Any path ends in an empty one.
        meant.retain(|file| !name.as_os_str().is_empty() && file.ends_with(name));
    }
    meant.sort_unstable();
    meant.dedup();
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<CrsChoice, String> {
        let files = ["in/town.json".into(), "a=b.tif".into()];
        CrsChoice::parse(&texts.iter().map(|&text| text.into()).collect::<Vec<_>>(), &files)
    }

    #[test]
    fn a_file_of_its_own_comes_before_all() {
        let url = "http://www.opengis.net/def/crs?authority=EPSG&code=4547";
        let choice = parse(&["town.json=EPSG:28992", "a=b.tif=EPSG:7415", url]).unwrap();
        assert_eq!(choice.of(Path::new("in/town.json")), Some("EPSG:28992"));
        assert_eq!(choice.of(Path::new("a=b.tif")), Some("EPSG:7415"));
        assert_eq!(choice.of(Path::new("other.ifc")), Some(url));
        assert_eq!(choice.names().count(), 3);
    }

    #[test]
    fn a_file_is_meant_by_the_end_of_its_path() {
        let files: Vec<PathBuf> =
            ["./a/north/b.ifc", "a/south/b.ifc", "b.ifc", "/c/d.ifc", "./e.ifc", "x/e.ifc"]
                .map(PathBuf::from)
                .into();
        let of = |text: &str| {
            let choice = CrsChoice::parse(&[text.into()], &files)?;
            let has = |file: &&PathBuf| choice.of(file).is_some();
            Ok::<_, String>(files.iter().filter(has).cloned().collect::<Vec<_>>())
        };
        for (name, file) in [
            ("north/b.ifc", 0),
            ("a/north/b.ifc", 0),
            ("./south/b.ifc", 1),
            ("b.ifc", 2),
            ("d.ifc", 3),
            ("c/d.ifc", 3),
            ("/c/d.ifc", 3),
            ("e.ifc", 4),
        ] {
            assert_eq!(of(&format!("{name}=EPSG:1")).unwrap(), [files[file].clone()], "{name}");
        }
        for name in ["outh/b.ifc", "ifc", "north", ".", "c"] {
            assert!(of(&format!("{name}=EPSG:1")).unwrap_err().contains("none of the"), "{name}");
        }
        let two = CrsChoice::parse(&["b.ifc=EPSG:1".into()], &files[..2]).unwrap_err();
        assert_eq!(two, "b.ifc means two files: name their folders");
        let twice = [files[3].clone(), files[3].clone()];
        assert!(CrsChoice::parse(&["d.ifc=EPSG:1".into()], &twice).is_ok());
    }

    #[test]
    fn odd_forms_are_refused_in_words_that_help() {
        for (text, words) in [
            ("=", "= names no file before the =; write EPSG:n"),
            ("=EPSG:28992", "=EPSG:28992 names no file before the ="),
            ("town.json=", "town.json= names no coordinate system; write EPSG:n"),
            ("town.json= ", "names no coordinate system"),
        ] {
            let message = parse(&[text]).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn what_speaks_of_no_file_or_of_one_twice_is_refused() {
        assert!(parse(&["c.ifc=EPSG:1"]).unwrap_err().contains("none of the files"));
        assert!(parse(&["town.json=EPSG:1", "town.json=EPSG:2"]).unwrap_err().contains("has two"));
        assert!(
            parse(&["town.json=EPSG:1", "in/town.json=EPSG:2"]).unwrap_err().contains("has two")
        );
        assert!(parse(&["EPSG:1", "EPSG:2"]).unwrap_err().contains("two systems"));
    }
}
