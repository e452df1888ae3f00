//! What a run leaves to be told by later: what went in, what came out, and on what it ran.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use pleura::digest;
use pleura::ensemble::{Ensemble, Inferences, Summary};
use serde::Serialize;

use crate::outputs::Lines;

/// The format of receipts.
const SCHEMA: u32 = 1;

/// A run's receipt, as JSON.
#[derive(Serialize)]
struct Receipt<'a> {
    schema: u32,
    pleura: &'static str,
    onnxruntime: Option<String>,
    device: String,
    command: Vec<String>,
    /// Seconds since 1970, UTC.
    started: u64,
    seconds: f64,
    manifest: File,
    models: Vec<Model<'a>>,
    plugins: Vec<Plugin<'a>>,
    outputs: Vec<File>,
    summary: &'a Summary,
    inferences: Inferences,
}

#[derive(Serialize)]
struct File {
    path: PathBuf,
    sha256: String,
}

#[derive(Serialize)]
struct Model<'a> {
    path: &'a Path,
    sha256: &'a str,
    /// How many nodes each execution provider got; none where the model was not opened, as a cache stood in for it.
    providers: Vec<(String, usize)>,
}

#[derive(Serialize, PartialEq)]
struct Plugin<'a> {
    name: &'a str,
    version: &'a str,
    path: &'a Path,
    sha256: &'a str,
}

/// Where the receipt of an output lies: `submission.csv` has `submission.receipt.json`.
pub fn path(out: &Path) -> PathBuf {
    out.with_extension("receipt.json")
}

/// Writes the receipt of a run beside the first of its outputs.
pub fn write(ensemble: &Ensemble, summary: &Summary, outputs: &[&Path], took: Duration) -> Result<()> {
    let out = outputs.first().context("a run has an output")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut plugins: Vec<Plugin<'_>> = Vec::new();
    for plugin in ensemble.plugins() {
        let (name, version) = (plugin.name(), plugin.version());
        let entry = Plugin { name, version, path: plugin.path(), sha256: plugin.sha256()? };
        if !plugins.contains(&entry) {
            plugins.push(entry);
        }
    }
    let receipt = Receipt {
        schema: SCHEMA,
        pleura: env!("CARGO_PKG_VERSION"),
        onnxruntime: pleura::runtime::loaded().map(|loaded| loaded.version.clone()),
        device: ensemble.placements().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        command: std::env::args().collect(),
        started: now.saturating_sub(took).as_secs(),
        seconds: took.as_secs_f64(),
        manifest: file(ensemble.path())?,
        models: models(ensemble),
        plugins,
        outputs: outputs.iter().map(|path| file(path)).collect::<Result<_>>()?,
        summary,
        inferences: ensemble.inferences(),
    };
    let mut lines = Lines::create(&path(out))?;
    lines.push(&serde_json::to_string_pretty(&receipt)?)?;
    lines.finish()
}

fn models(ensemble: &Ensemble) -> Vec<Model<'_>> {
    let opened = ensemble.models();
    let providers = |path: &Path| {
        let model = opened.iter().find(|model| model.path() == path);
        model.map(|model| model.providers().clone().into_iter().collect()).unwrap_or_default()
    };
    ensemble.files().map(|(path, sha256)| Model { path, sha256, providers: providers(path) }).collect()
}

fn file(path: &Path) -> Result<File> {
    let sha256 = digest::file(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(File { path: path.into(), sha256 })
}
