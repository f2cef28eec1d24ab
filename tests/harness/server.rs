//! The real server, as a process.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};

use crate::{
    process::{Launch, Process},
    wait,
};

const START: Duration = Duration::from_secs(30);

/// A `twin-server serve` of the test's own; can be killed and started again on the same port.
#[derive(Debug)]
pub struct Server {
    /// Its port on loopback.
    pub port: u16,
    binaries: PathBuf,
    folder: PathBuf,
    launch: Launch,
    process: Option<Process>,
}

impl Server {
    /// Starts one with a configuration whose `{listen}` is filled in.
    pub fn start(binaries: &Path, folder: &Path, config: &str) -> Result<Self> {
        Self::start_with(binaries, folder, config, Launch::default())
    }

    /// The same, started in a way of one's own.
    pub fn start_with(
        binaries: &Path,
        folder: &Path,
        config: &str,
        launch: Launch,
    ) -> Result<Self> {
        let port = wait::free_port()?;
        let config = config.replace("{listen}", &format!("127.0.0.1:{port}"));
        std::fs::write(folder.join("twin.toml"), config)?;
        let (binaries, folder) = (binaries.to_owned(), folder.to_owned());
        let mut server = Self { port, binaries, folder, launch, process: None };
        server.restart()?;
        Ok(server)
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> Result<bool> {
        match &mut self.process {
            Some(process) => Ok(process.ended()?.is_none()),
            None => Ok(false),
        }
    }

    /// Where its page is.
    pub fn url(&self, query: &str) -> String {
        format!("http://127.0.0.1:{}/{query}", self.port)
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Asks it to end in peace and returns what it printed.
    pub fn terminate(&mut self) -> Result<String> {
        let Some(mut process) = self.process.take() else { bail!("the server does not run") };
        let status = process.terminate(Duration::from_secs(10))?;
        let output = process.output();
        if !status.success() {
            bail!("the server ended with {status}: {output}");
        }
        Ok(output)
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let mut command = self.launch.command(&self.binaries.join("twin-server"));
        command.arg("serve").arg("--config").arg(self.folder.join("twin.toml"));
        let mut process = Process::start(&mut command, &self.folder.join("server.log"))?;
        wait::until(START, "the server to be ready", || {
            if let Some(status) = process.ended()? {
                bail!("the server ended with {status}: {}", process.output());
            }
            Ok(self.get("healthz").ok())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Answers a GET of a path without its leading slash.
    pub fn get(&self, path: &str) -> Result<String> {
        Ok(ureq::get(self.url(path)).call()?.body_mut().read_to_string()?)
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }
}
