//! System packages that the build or the tests need: installed where we may, named where we may not.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{report, shell};

/// Makes sure that a program is there: the first of `programs` on the `PATH`, else the Debian
/// packages are installed (as root, or through `sudo` without a password).
pub(crate) fn ensure(purpose: &str, programs: &[&str], debian: &[&str]) -> Result<()> {
    if programs.iter().any(|program| shell::which(program).is_some()) {
        return Ok(());
    }
    install(purpose, debian)
}

/// Makes sure that PostgreSQL's server is there, which Debian keeps off the `PATH`.
pub(crate) fn ensure_postgres(purpose: &str) -> Result<()> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs = versions.map(|version| version.path().join("bin/initdb"));
    if shell::which("initdb").is_some() || programs.any(|program| program.is_file()) {
        return Ok(());
    }
    install(purpose, &["postgresql"])
}

/// Installs Debian packages, or says which command would.
pub(crate) fn install(purpose: &str, debian: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get install -y --no-install-recommends {}", debian.join(" "));
    if shell::which("apt-get").is_none() {
        bail!(
            "{purpose} needs what Debian calls {}: please install it and run again",
            debian.join(", ")
        );
    }
    let root = shell::output(Command::new("id").arg("-u")).as_deref() == Some("0");
    let sudo = !root && shell::output(Command::new("sudo").args(["-n", "true"])).is_some();
    if !root && !sudo {
        bail!("{purpose} needs more packages; run: sudo {by_hand}");
    }
    report::note(&format!("{purpose}: {by_hand}"));
    apt(sudo, &["update", "-qq"])?;
    let options = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(sudo, &[&options, debian].concat())
}

fn apt(sudo: bool, args: &[&str]) -> Result<()> {
    let mut command = Command::new(if sudo { "sudo" } else { "apt-get" });
    if sudo {
        command.args(["-n", "apt-get"]);
    }
    shell::run(command.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Makes sure that a font family is there, so that Chinese is text and not boxes.
pub(crate) fn ensure_font(family: &str, debian: &[&str]) -> Result<()> {
    let fonts = shell::output(Command::new("fc-list").arg(family)).unwrap_or_default();
    if fonts.is_empty() { install("drawing Chinese", debian) } else { Ok(()) }
}
