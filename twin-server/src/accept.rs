//! Accepting suggested bindings: they are appended to a file of their own beside the
//! configuration, and only where the whole is then still a configuration.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    bindings::Suggestion,
    config::{ACCEPTED, Config, ConfigError, Instead},
};

/// What stands at the head of the file.
const HEAD: &str =
    "# Bindings that were suggested and accepted. Edit or delete them like any other.\n";

/// Which suggestions are meant.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Those of these names.
    pub names: Vec<String>,
    /// Those at least as certain.
    pub min_confidence: Option<f64>,
    /// All of them.
    pub all: bool,
}

impl Choice {
    /// The suggestions that are meant.
    ///
    /// # Errors
    /// Where a name is not among them, or none is meant at all; in words.
    pub fn of(&self, suggestions: Vec<Suggestion>) -> Result<Vec<Suggestion>, String> {
        let known = |name: &&String| suggestions.iter().any(|one| one.name == **name);
        if let Some(unknown) = self.names.iter().find(|name| !known(name)) {
            let names: Vec<&str> = suggestions.iter().map(|one| one.name.as_str()).collect();
            return Err(format!("{unknown:?} is not suggested; there is: {}", names.join(", ")));
        }
        let sure = |one: &Suggestion| self.min_confidence.is_some_and(|min| one.confidence >= min);
        let meant = |one: &Suggestion| self.all || self.names.contains(&one.name) || sure(one);
        let surest = suggestions.iter().map(|one| one.confidence).reduce(f64::max);
        let chosen: Vec<Suggestion> = suggestions.into_iter().filter(meant).collect();
        if let (true, Some(min), Some(surest)) = (chosen.is_empty(), self.min_confidence, surest) {
            return Err(format!("no suggestion is as certain as {min}; the surest is {surest}"));
        }
        if chosen.is_empty() {
            return Err("no suggestion is meant; say `all`, a confidence, or names".to_owned());
        }
        Ok(chosen)
    }
}

/// Why suggestions were not accepted.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The configuration would not be one any more.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file cannot be read or written.
    #[error("{}: writing accepted bindings", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Appends suggestions to the file of accepted ones, and gives its path. It is written
/// beside and then put in place, so that whoever reads finds the old one or the new one.
///
/// # Errors
/// Where the configuration with them cannot be used, or the file cannot be written.
pub fn write(config: &Path, chosen: &[Suggestion]) -> Result<PathBuf, AcceptError> {
    let file = config.parent().unwrap_or(Path::new("")).join(ACCEPTED);
    let failed = |source| AcceptError::Io { file: file.clone(), source };
    let mut text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(failed(error)),
    };
    for suggestion in chosen {
        // A reason is one line, but keys of payloads are in it.
        let reason: String =
            suggestion.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text += &format!("\n# {reason}\n{}", suggestion.toml);
    }
    Config::load_with(config, Some(Instead { file: &file, text: &text }))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(failed)?;
    // The name begins with a dot: nobody takes it for a file of bindings.
    let beside = folder.join(".accepted.toml.new");
    let put = || {
        let mut new = File::create(&beside)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, &file)?;
        // The rename is safe once the folder is.
        File::open(folder)?.sync_all()
    };
    put().map_err(failed)?;
    Ok(file)
}
