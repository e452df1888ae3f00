//! What networks have answered, kept in a folder, so that a changed weight, threshold, gate or plugin costs no inference.
//!
//! An entry is what one set of weights said of one image, before anything that a manifest may change without asking the
//! network again: `DIR/<weights>-<question>/<image>.answer`. The question is how the image was prepared and looked at,
//! and which numbers were read. An entry that is damaged is as good as none.

mod entry;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use sha2::{Digest, Sha256};

use super::Member;
use super::answer::Answer;
use super::weights::Weights;
use crate::ensemble::task::{ImageTask, RequiredOutputs};
use crate::manifest::Values;
use crate::{Radiograph, atomic, digest, regular};

pub use entry::Form;

/// How answers are computed of what networks say. It is raised when their last bits change: a run that replays some and
/// computes the rest must not tell one build from another.
const ARITHMETIC: &str = "4";

/// A folder of answers.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    form: Form,
    damaged: AtomicUsize,
    unwritten: AtomicUsize,
}

/// The place of an entry, and all that it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    path: PathBuf,
    /// A hash of everything, kept in the entry: names of files are shortened.
    identity: String,
}

/// How many answers were inferred, and how many came from the cache.
#[derive(Debug, Default)]
pub struct Counts {
    inferred: AtomicUsize,
    replayed: AtomicUsize,
}

/// What became of the questions that an ensemble asked of its networks: one an image and set of weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Inferences {
    /// Answered by running a model over the views of an image, or as many of them as settled a gate.
    pub run: usize,
    /// Answered from the cache.
    pub replayed: usize,
    /// Entries of the cache that were damaged and have been computed again.
    pub damaged: usize,
    /// Answers that could not be kept, for want of space or rights.
    pub unwritten: usize,
}

impl Cache {
    /// Opens a folder, and makes it where it is missing.
    ///
    /// # Errors
    /// If it cannot be made, or written to.
    pub fn open(folder: &Path, form: Form) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        atomic::beside(&folder.join("probe")).map(drop)?;
        Ok(Self { folder: folder.into(), form, damaged: AtomicUsize::new(0), unwritten: AtomicUsize::new(0) })
    }

    /// Where the answer of a set of weights to an image is kept.
    pub fn key(&self, member: &Member, weights: &Weights, radiograph: &Radiograph, task: &ImageTask) -> Key {
        let region = member.region(task);
        let map = member.manifest.map.as_ref();
        let resized = map.is_some_and(|map| map.resize_as.unwrap_or(map.values) != Values::Probabilities);
        let placed = resized.then(|| member.place(task));
        let question = [ARITHMETIC, &member.fingerprint, &format!("{placed:?}"), &format!("{:?}", self.form)];
        let question = hash(&question);
        let image = match region {
            Some(region) => hash(&[radiograph.digest(), &format!("{region:?}")]),
            None => radiograph.digest().to_owned(),
        };
        let identity = hash(&[&weights.source.sha256, &question, &image]);
        let folder = format!("{}-{}", &weights.source.sha256[..16], &question[..16]);
        Key { path: self.folder.join(folder).join(format!("{}.answer", &image[..32])), identity }
    }

    /// An answer that was kept and holds what is wanted.
    pub fn get(&self, key: &Key, wanted: RequiredOutputs) -> Option<Answer> {
        let bytes = regular::read(&key.path).ok()?;
        let answer = entry::decode(&bytes, &key.identity);
        if answer.is_none() {
            tracing::info!("`{}` is damaged: its output is computed again", key.path.display());
            self.damaged.fetch_add(1, Relaxed);
        }
        answer.filter(|answer| (!wanted.score || answer.score.is_some()) && (!wanted.map || answer.map.is_some()))
    }

    /// Keeps an answer. A full disk costs the entry, not the run.
    pub fn put(&self, key: &Key, answer: &Answer) {
        let written = entry::encode(answer, &key.identity, self.form).and_then(|bytes| write(&key.path, &bytes));
        // The first is told, the others are counted.
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

    /// The counts so far, with those of the cache.
    pub fn total(&self, cache: Option<&Cache>) -> Inferences {
        Inferences {
            run: self.inferred.load(Relaxed),
            replayed: self.replayed.load(Relaxed),
            damaged: cache.map_or(0, |cache| cache.damaged.load(Relaxed)),
            unwritten: cache.map_or(0, |cache| cache.unwritten.load(Relaxed)),
        }
    }
}

/// A hash over texts, each with its length, so that no two lists run into one another.
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
    // An entry that does not reach the disk is found out by its hash.
    atomic::place_unsynced(file, path)
}
