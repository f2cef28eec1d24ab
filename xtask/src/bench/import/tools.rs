//! The tools ours is measured against, installed into the target directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{packages, paths, report, shell};

/// Versions are pinned: a new release of theirs must not look like a change of ours.
const IFCOPENSHELL: &str = "ifcopenshell==0.9.0.post1";
const WEB_IFC: &str = "web-ifc@0.0.78";

/// A program that tessellates IFC files given as its last arguments.
pub(super) struct Tool {
    pub(super) name: &'static str,
    program: PathBuf,
    script: Option<PathBuf>,
    folder: PathBuf,
    out: Option<PathBuf>,
}

impl Tool {
    /// The importer, writing a whole scene package.
    pub(super) fn ours(work: &Path) -> Self {
        Self {
            name: "bim-import",
            program: paths::release().join("bim-import"),
            script: None,
            folder: work.to_owned(),
            out: Some(work.join("scene")),
        }
    }

    /// IfcOpenShell in a virtual environment of its own.
    fn ifcopenshell(work: &Path) -> Result<Self> {
        let environment = work.join("ifcopenshell");
        let python = environment.join("bin/python");
        let marker = environment.join(IFCOPENSHELL);
        if !marker.exists() {
            report::note("installing IfcOpenShell from PyPI");
            packages::ensure("comparing with IfcOpenShell", &["python3"], &["python3-venv"])?;
            shell::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            shell::run(Command::new(&python).args(quiet).arg(IFCOPENSHELL))?;
            fs::write(&marker, "").with_context(|| format!("writing {}", marker.display()))?;
        }
        let script =
            write_script(work, "all_ifcopenshell.py", include_str!("all_ifcopenshell.py"))?;
        Ok(Self {
            name: "IfcOpenShell",
            program: python,
            script: Some(script),
            folder: work.to_owned(),
            out: None,
        })
    }

    /// web-ifc in node.
    fn web_ifc(work: &Path) -> Result<Self> {
        let folder = work.join("web-ifc");
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let marker = folder.join(WEB_IFC);
        if !marker.exists() {
            report::note("installing web-ifc from npm");
            packages::ensure("comparing with web-ifc", &["npm"], &["nodejs", "npm"])?;
            let quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
            let mut npm = Command::new("npm");
            shell::run(
                npm.args(["install", "--prefix", "."])
                    .args(quiet)
                    .arg(WEB_IFC)
                    .current_dir(&folder),
            )?;
            fs::write(&marker, "").with_context(|| format!("writing {}", marker.display()))?;
        }
        let script = write_script(work, "all_web_ifc.mjs", include_str!("all_web_ifc.mjs"))?;
        Ok(Self {
            name: "web-ifc",
            program: "node".into(),
            script: Some(script),
            folder,
            out: None,
        })
    }

    /// Those of the two others that can be had; a missing one is named and left out.
    pub(super) fn others(work: &Path) -> Vec<Self> {
        [("IfcOpenShell", Self::ifcopenshell(work)), ("web-ifc", Self::web_ifc(work))]
            .into_iter()
            .filter_map(|(name, tool)| match tool {
                Ok(tool) => Some(tool),
                Err(error) => {
                    report::note(&format!("{name} is left out: {error:#}"));
                    None
                }
            })
            .collect()
    }

    /// The command for some files.
    pub(super) fn command(&self, files: &[PathBuf]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.script).args(files).current_dir(&self.folder);
        if let Some(out) = &self.out {
            // A package of another model there would be compared with, which is other work.
            let _ = std::fs::remove_dir_all(out);
            command.args(["--progress", "none", "--out"]).arg(out);
        }
        command
    }

    /// Elements with geometry and triangles, from what a run printed or wrote.
    pub(super) fn counts(&self, printed: &str) -> Result<(u64, u64)> {
        let Some(out) = &self.out else {
            let said: serde_json::Value = serde_json::from_str(printed.trim())
                .with_context(|| format!("{} printed {printed:?}", self.name))?;
            return Ok((number(&said["elements"]), number(&said["triangles"])));
        };
        let path = out.join("report.json");
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let written: serde_json::Value = serde_json::from_slice(&text)?;
        let sources = written["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
        let elements = sources.iter().map(|source| number(&source["tessellated"])).sum();
        Ok((elements, number(&written["tiles"]["triangles"])))
    }
}

fn number(value: &serde_json::Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn write_script(work: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = work.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}
