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
    by_file: Vec<(PathBuf, String)>,
}

impl CrsChoice {
    /// Reads `EPSG:4547`, for all files, and `town.json=EPSG:28992`, for one of them by its
    /// path or name, which counts before that for all.
    ///
    /// # Errors
    /// When a text names none of the files, or two texts speak of the same; the message is
    /// for whoever wrote them.
    pub fn parse(texts: &[String], files: &[PathBuf]) -> Result<Self, String> {
        let mut choice = Self::default();
        for text in texts {
            // A system's name may be a URL with `=` in it, and so may be a file's.
            let mut split =
                text.match_indices('=').map(|(at, _)| (Path::new(&text[..at]), &text[at + 1..]));
            let first = split.clone().next();
            let own = split.find(|(name, _)| files.iter().any(|file| means(name, file)));
            match (own, first) {
                (Some((name, _)), _) if choice.by_file.iter().any(|(other, _)| other == name) => {
                    return Err(format!("{} has two", name.display()));
                }
                (Some((name, crs)), _) => choice.by_file.push((name.to_owned(), crs.to_owned())),
                (None, Some((name, _))) if !text.contains("://") => {
                    return Err(format!("{} is none of the files to import", name.display()));
                }
                (None, _) if choice.all.is_some() => {
                    return Err("two systems for all files; name the file: FILE=EPSG:n".into());
                }
                (None, _) => choice.all = Some(text.clone()),
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
        let own = self.by_file.iter().find(|(name, _)| means(name, file)).map(|(_, crs)| crs);
        own.or(self.all.as_ref()).map(String::as_str)
    }

    /// All that are chosen.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().chain(self.by_file.iter().map(|(_, name)| name)).map(String::as_str)
    }
}

/// Whether a path or bare name means a file.
fn means(name: &Path, file: &Path) -> bool {
    name == file || file.file_name() == Some(name.as_os_str())
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
    fn what_speaks_of_no_file_or_of_one_twice_is_refused() {
        assert!(parse(&["c.ifc=EPSG:1"]).unwrap_err().contains("none of the files"));
        assert!(parse(&["town.json=EPSG:1", "town.json=EPSG:2"]).unwrap_err().contains("has two"));
        assert!(parse(&["EPSG:1", "EPSG:2"]).unwrap_err().contains("two systems"));
    }
}
