//! Child processes that end with the test.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::wait;

/// How a program is started: behind which other program (`taskset`, `prlimit`), in which
/// environment.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Words before the program's own; the program takes the wrapper's place and process id.
    pub wrapper: Vec<String>,
    /// Added to the environment.
    pub env: Vec<(String, String)>,
}

impl Launch {
    /// On one processor only: its threads and their number follow.
    pub fn on_core(core: usize) -> Self {
        let wrapper = ["taskset".to_owned(), "-c".to_owned(), core.to_string()].into();
        Self { wrapper, ..Self::default() }
    }

    /// The command for a program.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match self.wrapper.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }
}

/// A running program whose output goes to a file; ended when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; `log` gets what it prints.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ended, and how.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        // Both fail only where it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end (SIGTERM) and waits; the exit status tells whether it did so in peace.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("running kill")?;
        wait::until(limit, "the process to end", || Ok(self.child.try_wait()?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
