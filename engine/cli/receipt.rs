//! What a run leaves to be told by later: what went in, what came out, and on what it ran.

mod identity;
mod places;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use pleura::ensemble::{Ensemble, Inferences, Summary};
use pleura::{Shard, checksum, digest, regular};
use serde::{Deserialize, Serialize};

use crate::outputs::Lines;

pub use identity::{Identity, differences_text};
pub use places::Places;

/// The format of receipts. 2: what shards are put together by. 3: a checksum.
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
    /// Which part of the inputs this is; `0/1` is all.
    pub shard: Shard,
    /// The shards' submissions, where it was put together from such.
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
    /// Images that an earlier run had finished, when this one went on from its journal.
    pub resumed: usize,
    /// Files that gave no row, each with the reason.
    pub skipped: Vec<Skipped>,
    /// Ids of the sample that had no image.
    pub unanswered: usize,
    pub inferences: Inferences,
    /// The exit code.
    pub exit: u8,
    /// The [checksum](checksum::of_json) of all the others: shards are put together by what receipts say.
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
    /// How many nodes each execution provider got; none where the model was not opened, as a cache stood in for it.
    pub providers: Vec<(String, usize)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plugin {
    pub name: String,
    pub version: String,
    /// Its library, or `built-in`; the hash is then the program's.
    pub path: PathBuf,
    pub sha256: String,
}

/// What an output is.
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

/// What the run was given, all shards together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    pub files: usize,
    /// SHA-256 over the files' paths, lengths and times of change, in order.
    pub listing: String,
    /// SHA-256 over the images' ids, in order: wherever the files lie. Known where there are several shards.
    pub collection: Option<String>,
    /// Which of the inputs have a row, in the order of the findings.
    pub answered: Places,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    pub file: String,
    pub reason: String,
}

/// Where the receipt of an output lies: `submission.csv` has `submission.receipt.json`.
pub fn path(out: &Path) -> PathBuf {
    // a shard of an output without an extension has its mark where one would be
    let marked = Shard::of_name(out).is_some_and(|(whole, _)| whole.extension().is_none());
    if marked { out.with_added_extension("receipt.json") } else { out.with_extension("receipt.json") }
}

impl Receipt {
    /// What is known before anything has run; the rest is empty.
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
            manifest: Sum::read(ensemble.path())?,
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
    /// If there is none, it is of another version's format, or it is not what was written.
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

    /// Notes an output that is in its place.
    pub fn wrote(&mut self, kind: Kind, path: &Path) -> Result<()> {
        let Sum { path, sha256 } = Sum::read(path)?;
        self.outputs.push(Output { kind, path, sha256 });
        Ok(())
    }

    /// The output of a kind, if there is one.
    pub fn output(&self, kind: Kind) -> Option<&Output> {
        self.outputs.iter().find(|output| output.kind == kind)
    }

    /// Notes when the run began.
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

impl Sum {
    /// Reads a file for its SHA-256.
    pub fn read(path: &Path) -> Result<Self> {
        let sha256 = digest::file(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(Self { path: path.into(), sha256 })
    }
}

/// The models' files; each with the providers of its session, once it has one.
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
