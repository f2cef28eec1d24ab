//! What is wrong with a configuration file, and where.

use std::{fmt, io, ops::Range, path::PathBuf};

use thiserror::Error;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: reading the configuration", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something that is not a configuration.
    #[error("{}", Problems(file, problems))]
    Invalid {
        /// The configuration file.
        file: PathBuf,
        /// Everything found, in file order where it is known.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it stands in; absent: the configuration itself.
    pub file: Option<PathBuf>,
    /// Line in the file, from 1, where the key stands; 0 where the key is missing.
    pub line: usize,
    /// Path of the key: `binding[2].point[0].range`.
    pub key: String,
    /// What stands there and what was expected.
    pub message: String,
}

struct Problems<'a>(&'a PathBuf, &'a [Problem]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.1.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", problem.file.as_ref().unwrap_or(self.0).display())?;
            if problem.line > 0 {
                write!(f, ":{}", problem.line)?;
            }
            f.write_str(": ")?;
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

/// Collects problems, so that one start tells all of them.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    text: &'a str,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, problems: Vec::new() }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn add(&mut self, span: Range<usize>, key: &str, message: impl fmt::Display) {
        self.problems.push(Problem {
            file: None,
            line: line_of(self.text, span.start),
            key: key.to_owned(),
            message: message.to_string(),
        });
    }

    /// Keeps a value, or notes why there is none.
    pub(crate) fn take<T, E: fmt::Display>(
        &mut self,
        span: Range<usize>,
        key: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(span, key, error)).ok()
    }
}

/// The line, from 1, in which a byte stands.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}
