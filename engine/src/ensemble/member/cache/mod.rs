//! A cache of networks' outputs in a folder, so that a changed weight, threshold, gate or plugin costs no inference.
//!
//! An entry is the output of one set of weights for one image, before anything that a manifest may change without
//! another inference: `DIR/<weights>-<question>/<image>.answer`. The question is how the image was prepared, its views,
//! and which outputs were read. A damaged entry counts as missing.

mod entry;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use sha2::{Digest, Sha256};

use super::Member;
use super::answer::Answer;
use super::weights::Weights;
use crate::ensemble::task::{ImageTask, Region, RequiredOutputs};
use crate::manifest::{Average, Values};
use crate::{Radiograph, atomic, digest, regular};

pub use entry::Form;

/// The version of the arithmetic from networks' raw outputs to entries. It is raised when the last bits change: a run
/// that replays some entries and computes others must give the same result with each build.
const ARITHMETIC: &str = "4";

/// A cache folder.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    form: Form,
    damaged: AtomicUsize,
    unwritten: AtomicUsize,
}

/// The path of an entry, and a hash of everything that it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    path: PathBuf,
    /// A hash of everything, kept in the entry: file names are shortened.
    identity: String,
}

/// The numbers of entries inferred and replayed.
#[derive(Debug, Default)]
pub struct Counts {
    inferred: AtomicUsize,
    replayed: AtomicUsize,
}

/// How the outputs that an ensemble needed were obtained: one per image and set of weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Inferences {
    /// By running a model over the views of an image, or over as many of them as decided a gate.
    pub run: usize,
    /// From the cache.
    pub replayed: usize,
    /// Damaged entries of the cache that were recomputed.
    pub damaged: usize,
    /// Outputs that could not be cached, for lack of space or permission.
    pub unwritten: usize,
}

impl Cache {
    /// Opens a folder, and creates it if missing.
    ///
    /// # Errors
    /// If it cannot be created or written.
    pub fn open(folder: &Path, form: Form) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        atomic::beside(&folder.join("probe")).map(drop)?;
        Ok(Self { folder: folder.into(), form, damaged: AtomicUsize::new(0), unwritten: AtomicUsize::new(0) })
    }

    /// The key of the output of a set of weights for an image.
    pub fn key(&self, member: &Member, weights: &Weights, radiograph: &Radiograph, task: &ImageTask) -> Key {
        let region = member.region(radiograph, task);
        let map = member.manifest.map.as_ref();
        // averages of logits are resized later
        let resized = map.is_some_and(|map| map.resized_as() != Values::Probabilities)
            && member.manifest.average == Average::Probabilities;
        let placed = resized.then(|| member.place(radiograph, task).dim());
        let question = [ARITHMETIC, &member.fingerprint, &format!("{placed:?}"), &format!("{:?}", self.form)];
        let question = hash(&question);
        let image = match region {
            Some(region) => hash(&[radiograph.digest(), &region_text(region)]),
            None => radiograph.digest().to_owned(),
        };
        let identity = hash(&[&weights.source.sha256, &question, &image]);
        let folder = format!("{}-{}", &weights.source.sha256[..16], &question[..16]);
        Key { path: self.folder.join(folder).join(format!("{}.answer", &image[..32])), identity }
    }

    /// A cached output that has what is needed.
    pub fn get(&self, key: &Key, wanted: RequiredOutputs) -> Option<Answer> {
        let bytes = regular::read(&key.path).ok()?;
        let answer = entry::decode(&bytes, &key.identity);
        if answer.is_none() {
            tracing::info!("`{}` is damaged: its output is computed again", key.path.display());
            self.damaged.fetch_add(1, Relaxed);
        }
        answer.filter(|answer| (!wanted.score || answer.score.is_some()) && (!wanted.map || answer.map.is_some()))
    }

    /// Caches an output. A full disk loses the entry, not the run.
    pub fn put(&self, key: &Key, answer: &Answer) {
        let written = entry::encode(answer, &key.identity, self.form).and_then(|bytes| write(&key.path, &bytes));
        // The first one is reported, the others are counted.
        if let Err(error) = written
            && self.unwritten.fetch_add(1, Relaxed) == 0
        {
            tracing::warn!("cannot write `{}`, so its output is not cached: {error}", key.path.display());
        }
    }
}

impl Counts {
    pub fn inferred(&self, count: usize) {
        self.inferred.fetch_add(count, Relaxed);
    }

    pub fn replayed(&self, count: usize) {
        self.replayed.fetch_add(count, Relaxed);
    }

    /// The counts so far, including those of the cache.
    pub fn total(&self, cache: Option<&Cache>) -> Inferences {
        Inferences {
            run: self.inferred.load(Relaxed),
            replayed: self.replayed.load(Relaxed),
            damaged: cache.map_or(0, |cache| cache.damaged.load(Relaxed)),
            unwritten: cache.map_or(0, |cache| cache.unwritten.load(Relaxed)),
        }
    }
}

/// A region as text for keys. The text must not change: with other keys, every cached output would be recomputed.
fn region_text(region: Region) -> String {
    let Region { top, left, height, width, of } = region;
    format!("Region {{ top: {top}, left: {left}, height: {height}, width: {width}, of: {:?} }}", of.dim())
}

/// A hash over texts, each with its length, so that different lists cannot give the same bytes.
pub fn hash(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    digest::hex(&hasher.finalize())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = atomic::beside(path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    // An entry that did not reach the disk is detected by its hash.
    atomic::place_unsynced(file, path)
}
