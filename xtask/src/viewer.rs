//! `cargo xtask viewer`: compiles the viewer to WebAssembly and makes the bundle a server can serve.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    bundle, lock, paths,
    report::{note, step},
    shell,
    toolchain::{TARGET, Toolchain, Wanted},
};

/// Arguments of `cargo xtask viewer`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Compile with this toolchain instead of the first that is found.
    #[arg(long, value_enum)]
    toolchain: Option<Wanted>,
    /// Run wasm-opt too. Slow (a quarter of an hour on two cores), and it makes the file as
    /// it is sent, after brotli, no smaller; it does start a little faster.
    #[arg(long)]
    optimize: bool,
}

/// Builds the bundle where it is out of date; returns its folder.
pub(crate) fn run(args: &Args) -> Result<PathBuf> {
    let out = paths::bundle();
    let wasm =
        step("compile the viewer to WebAssembly (first time: ten to thirty minutes)", || {
            compile(args.toolchain)
        })?;
    if bundle::is_current(&out, &wasm, &page_sources(), args.optimize)? {
        note(&format!("the bundle in {} is up to date", out.display()));
        return Ok(out);
    }
    step("make the bundle", || {
        let fresh = paths::target().join("viewer-new");
        bindgen(&wasm, &fresh)?;
        if args.optimize {
            optimize(&fresh.join("twin_viewer_bg.wasm"))?;
        }
        bundle::finish(&fresh, &out, &wasm, &page_sources(), args.optimize)
    })?;
    for line in bundle::sizes(&out)? {
        note(&line);
    }
    Ok(out)
}

fn compile(wanted: Option<Wanted>) -> Result<PathBuf> {
    let toolchain = Toolchain::find(wanted)?;
    note(&format!("with {}", toolchain.describe()));
    shell::run(toolchain.cargo_build().args(["--profile", "wasm", "--package", "twin-viewer"]))?;
    Ok(toolchain.target_dir().join(TARGET).join("wasm/twin_viewer.wasm"))
}

/// The page's own files, copied beside the WebAssembly.
fn page_sources() -> PathBuf {
    paths::root().join("twin-viewer/web")
}

fn bindgen(wasm: &Path, out: &Path) -> Result<()> {
    let (crate_version, support) =
        (lock::version("wasm-bindgen")?, lock::version("wasm-bindgen-cli-support")?);
    if crate_version != support {
        bail!(
            "Cargo.lock has wasm-bindgen {crate_version} but wasm-bindgen-cli-support {support}: \
             they must be equal; set xtask/Cargo.toml to ={crate_version}"
        );
    }
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("clearing {}", out.display()))?;
    }
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .out_name("twin_viewer")
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(out))
        .with_context(|| format!("wasm-bindgen on {}", wasm.display()))
}

fn optimize(wasm: &Path) -> Result<()> {
    let mut command = match shell::which("wasm-opt") {
        Some(program) => Command::new(program),
        None => {
            note("no wasm-opt on the PATH: using npm's binaryen");
            let mut npx = Command::new("npx");
            npx.args(["--yes", "--package=binaryen", "wasm-opt"]);
            npx
        }
    };
    let features = ["--enable-bulk-memory", "--enable-nontrapping-float-to-int"];
    let more = ["--enable-sign-ext", "--enable-mutable-globals", "--enable-reference-types"];
    shell::run(command.arg("-Oz").args(features).args(more).arg("-o").arg(wasm).arg(wasm))
}
