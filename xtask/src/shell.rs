//! Running other programs, with errors that name the command.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::paths;

/// Everything but the viewer, which is built for browsers. Every native build selects just
/// this: Cargo unites features over what is selected, and another selection would compile half
/// of the dependencies once more.
pub(crate) const NATIVE: [&str; 3] = ["--workspace", "--exclude", "twin-viewer"];

/// A native release build or test of [`NATIVE`], or of those targets in it that are named.
pub(crate) fn cargo_native(command: &str, targets: &[&str]) -> Command {
    cargo(&[&[command, "--release"], &NATIVE[..], targets].concat())
}

/// A cargo command in the repository, with the toolchain that runs xtask.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(paths::root()).env("CARGO_TARGET_DIR", paths::target());
    // What cargo tells this program about itself. Build scripts that look at it (ring's)
    // would run anew, and all that depends on them be built again, each time somebody calls
    // cargo without xtask in between.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_about_xtask(name)) {
        command.env_remove(name);
    }
    command
}

/// Whether a variable says which package cargo is running.
fn is_about_xtask(name: &OsStr) -> bool {
    const ABOUT: [&str; 4] =
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];
    name.to_str().is_some_and(|name| ABOUT.iter().any(|about| name.starts_with(about)))
}

/// Runs a command to its end; anything but exit 0 is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", show(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", show(command));
    }
    Ok(())
}

/// Becomes a command: what ends this program then ends that one, and leaves nothing behind.
#[cfg(unix)]
pub(crate) fn replace_with(command: &mut Command) -> Result<()> {
    let error = std::os::unix::process::CommandExt::exec(command);
    Err(error).with_context(|| format!("cannot start {}", show(command)))
}

/// Where no program can become another one, it runs below this one.
#[cfg(not(unix))]
pub(crate) fn replace_with(command: &mut Command) -> Result<()> {
    run(command)
}

/// Runs a command quietly and returns what it printed, trimmed; `None` if it failed or is missing.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Runs a command that may hang on a network that is not there; whether it succeeded in time.
pub(crate) fn succeeds_within(command: &mut Command, limit: Duration) -> bool {
    let Ok(mut child) =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    else {
        return false;
    };
    let start = Instant::now();
    while start.elapsed() < limit {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(100)),
            Err(_) => break,
        }
    }
    // Too late: end it; there is nothing more to learn from a failure to do so.
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Where a program is on the `PATH`.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(error.to_string().contains("sh -c exit 3"), "{error}");
        assert!(run(&mut Command::new("no-such-program")).is_err());
    }

    /// The test starts itself anew: who becomes another program does not come back to tell.
    #[cfg(unix)]
    #[test]
    fn what_a_process_becomes_is_that_process() {
        const SECOND: &str = "XTASK_TEST_BECOMES";
        if std::env::var_os(SECOND).is_some() {
            let error = replace_with(Command::new("sh").args(["-c", "echo process $$"]));
            unreachable!("{error:?}");
        }
        let name = "shell::tests::what_a_process_becomes_is_that_process";
        let mut test = Command::new(std::env::current_exe().unwrap());
        let test = test.args(["--exact", name]).env(SECOND, "1").stdout(Stdio::piped());
        let test = test.spawn().unwrap();
        let wanted = format!("process {}", test.id());
        let output = test.wait_with_output().unwrap();
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.lines().any(|line| line == wanted), "{wanted} is not in {output}");
        assert!(replace_with(&mut Command::new("no-such-program")).is_err());
    }

    #[test]
    fn a_hanging_command_is_ended() {
        let mut hang = Command::new("sleep");
        assert!(!succeeds_within(hang.arg("600"), Duration::from_millis(200)));
        assert!(succeeds_within(&mut Command::new("true"), Duration::from_secs(10)));
    }
}
