//! Receipts: the inputs, outputs and environment of a run.

mod identity;
mod places;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use pleura::ensemble::{Ensemble, Inferences, Summary};
use pleura::{Shard, checksum};
use pleura_files::{digest, regular};
use serde::{Deserialize, Serialize};

use crate::outputs::Lines;

pub use identity::{Identity, differences_text};
pub use places::Places;

/// The format of receipts. 2: data for merging shards. 3: a checksum.
const SCHEMA: u32 = 3;

/// A run's receipt, as JSON.
#[derive(Clone, Serialize, Deserialize)]
pub struct Receipt {
    schema: u32,
    pub pleura: String,
    pub onnxruntime: Option<String>,
    pub device: String,
    pub command: Vec<String>,
    /// Seconds since 1970, UTC.
    pub started: u64,
    pub seconds: f64,
    /// The part of the inputs that was run; `0/1` is all.
    pub shard: Shard,
    /// The shards' submissions, if this is the receipt of a merge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Sum>,
    pub manifest: Sum,
    pub models: Vec<Model>,
    pub plugins: Vec<Plugin>,
    pub sample: Option<Sum>,
    pub folds: Option<Sum>,
    pub maps: Option<PathBuf>,
    pub inputs: Inputs,
    pub outputs: Vec<Output>,
    pub summary: Summary,
    /// Images finished by an earlier run, if this one continued its journal.
    pub resumed: usize,
    /// Files without a row, each with the reason.
    pub skipped: Vec<Skipped>,
    /// Number of ids of the sample without an image.
    pub unanswered: usize,
    pub inferences: Inferences,
    /// The exit code.
    pub exit: u8,
    /// The [checksum](checksum::of_json) of all other fields: merging shards relies on receipts.
    check: String,
}

/// A file and its SHA-256.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    pub path: PathBuf,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub path: PathBuf,
    pub sha256: String,
    /// The number of nodes of each execution provider; empty if all outputs came from the cache and the model was not
    /// opened.
    pub providers: Vec<(String, usize)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plugin {
    pub name: String,
    pub version: String,
    /// Its library, or `built-in`; the digest is then the program's.
    pub path: PathBuf,
    pub sha256: String,
}

/// The kind of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Submission,
    Findings,
    Report,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub kind: Kind,
    pub path: PathBuf,
    pub sha256: String,
}

/// The inputs of the run, all shards together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    pub files: usize,
    /// SHA-256 over the files' paths, lengths and modification times, in order.
    pub listing: String,
    /// SHA-256 over the images' ids, in order, whatever their folders. Known if there are several shards.
    pub collection: Option<String>,
    /// The inputs that have a row, in the order of the findings.
    pub answered: Places,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    pub file: String,
    pub reason: String,
}

/// The path of an output's receipt: `submission.receipt.json` for `submission.csv`.
pub fn path(out: &Path) -> PathBuf {
    // a shard of an output without an extension has its mark in place of one
    let marked = Shard::of_name(out).is_some_and(|(whole, _)| whole.extension().is_none());
    if marked { out.with_added_extension("receipt.json") } else { out.with_extension("receipt.json") }
}

impl Receipt {
    /// A receipt with everything known before the run; the rest is empty.
    pub fn new(ensemble: &Ensemble, inputs: Inputs, shard: Shard) -> Result<Self> {
        Ok(Self {
            schema: SCHEMA,
            pleura: env!("CARGO_PKG_VERSION").into(),
            onnxruntime: pleura::runtime::loaded().map(|loaded| loaded.version.clone()),
            device: ensemble.placements().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            started: 0,
            seconds: 0.0,
            shard,
            merged: Vec::new(),
            manifest: manifest(ensemble)?,
            models: models(ensemble),
            plugins: plugins(ensemble)?,
            sample: None,
            folds: None,
            maps: None,
            inputs,
            outputs: Vec::new(),
            summary: Summary::default(),
            resumed: 0,
            skipped: Vec::new(),
            unanswered: 0,
            inferences: Inferences::default(),
            exit: 0,
            check: String::new(),
        })
    }

    /// Reads the receipt of an output.
    ///
    /// # Errors
    /// If there is none, it has the format of another version, or it was changed.
    pub fn read(out: &Path) -> Result<Self> {
        let path = path(out);
        let text = regular::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let no_receipt = || format!("`{}` is not a receipt of this version of pleura", path.display());
        let receipt: Self = serde_json::from_str(&text).with_context(no_receipt)?;
        ensure!(receipt.schema == SCHEMA, "{}: its schema is {}", no_receipt(), receipt.schema);
        checksum::check_json(&text, &[]).with_context(|| {
            format!("`{}` is damaged or was edited: restore it, or write the output again", path.display())
        })?;
        Ok(receipt)
    }

    /// Adds an output that has been written.
    pub fn wrote(&mut self, kind: Kind, path: &Path) -> Result<()> {
        let Sum { path, sha256 } = Sum::read(path)?;
        self.outputs.push(Output { kind, path, sha256 });
        Ok(())
    }

    /// The output of a kind, if there is one.
    pub fn output(&self, kind: Kind) -> Option<&Output> {
        self.outputs.iter().find(|output| output.kind == kind)
    }

    /// Sets the duration, and with it the start of the run.
    pub fn took(&mut self, took: Duration) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.started = now.saturating_sub(took).as_secs();
        self.seconds = took.as_secs_f64();
    }

    /// Writes the receipt beside an output.
    pub fn write(&self, out: &Path) -> Result<()> {
        let check = checksum::of_json(&serde_json::to_string(self)?, &[]).unwrap_or_default();
        let mut lines = Lines::create(&path(out))?;
        lines.push(&serde_json::to_string_pretty(&Self { check, ..self.clone() })?)?;
        lines.finish()
    }
}

/// The manifest, with the hash of what it comes to.
fn manifest(ensemble: &Ensemble) -> Result<Sum> {
    let path = ensemble.path();
    let sha256 = ensemble.manifest_sha256().with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Sum { path: path.into(), sha256 })
}

impl Sum {
    /// Computes a file's SHA-256.
    pub fn read(path: &Path) -> Result<Self> {
        let sha256 = digest::file(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(Self { path: path.into(), sha256 })
    }
}

/// The models' files, each with the execution providers of its session if it has one.
pub fn models(ensemble: &Ensemble) -> Vec<Model> {
    let opened = ensemble.models();
    let providers = |path: &Path| {
        let model = opened.iter().find(|model| model.path() == path);
        model.map(|model| model.providers().clone().into_iter().collect()).unwrap_or_default()
    };
    let model =
        |(path, sha256): (&Path, &str)| Model { path: path.into(), sha256: sha256.into(), providers: providers(path) };
    ensemble.files().map(model).collect()
}

fn plugins(ensemble: &Ensemble) -> Result<Vec<Plugin>> {
    let mut plugins = Vec::new();
    for plugin in ensemble.plugins() {
        let (name, version, sha256) = (plugin.name().into(), plugin.version().into(), plugin.sha256()?.into());
        let entry = Plugin { name, version, path: plugin.origin().to_string().into(), sha256 };
        if !plugins.contains(&entry) {
            plugins.push(entry);
        }
    }
    Ok(plugins)
}
