//! The mismatch between a file's and a network's weights, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::hint::{nearest, package, renaming};
use crate::recipe::Package;

/// The number of entries of a kind that are listed.
const TOLD: usize = 20;

/// Everything that does not match between a file and a network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The file.
    pub path: PathBuf,
    /// The network's weights that are not in the file.
    pub missing: Vec<String>,
    /// The file's keys that the network lacks, as in the file.
    pub unused: Vec<String>,
    /// Weights whose shape or element type differs, in words.
    pub unfit: Vec<String>,
    /// Weights to which two keys map after renaming, in words.
    pub twice: Vec<String>,
    /// The package whose names the recipe says the keys are.
    pub names: Option<Package>,
    /// The number of the network's weights.
    pub wanted: usize,
    /// The number of the file's tensors.
    pub found: usize,
}

impl std::error::Error for Mismatch {}

impl Mismatch {
    pub(super) fn new(path: &Path, wanted: usize, found: usize) -> Self {
        let [missing, unused, unfit, twice] = [const { Vec::new() }; 4];
        Self { path: path.to_owned(), missing, unused, unfit, twice, names: None, wanted, found }
    }

    pub(super) fn is_empty(&self) -> bool {
        [&self.missing, &self.unused, &self.unfit, &self.twice].iter().all(|list| list.is_empty())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, missing, unused, unfit, twice, wanted, found, .. } = self;
        write!(f, "the weights of `{}` do not match the network:", path.display())?;
        if !missing.is_empty() {
            let quoted = missing.iter().map(|name| match nearest(name, unused) {
                Some(near) => format!("`{name}` (the file has `{near}`)"),
                None => format!("`{name}`"),
            });
            write!(f, "\n{} of the network's {wanted} weights are not in the file:", missing.len())?;
            list(f, missing.len(), quoted)?;
        }
        if !unused.is_empty() {
            write!(f, "\n{} of the file's {found} tensors are not in the network:", unused.len())?;
            list(f, unused.len(), unused.iter().map(|key| format!("`{key}`")))?;
        }
        if !unfit.is_empty() {
            write!(f, "\n{} do not match:", unfit.len())?;
            list(f, unfit.len(), unfit.iter().cloned())?;
        }
        if !twice.is_empty() {
            write!(f, "\n{} appear twice after `weights.strip_prefix`:", twice.len())?;
            list(f, twice.len(), twice.iter().cloned())?;
        }
        self.next_steps(f)
    }
}

impl Mismatch {
    fn next_steps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes = renaming(&self.missing, &self.unused);
        let package = self.names.is_none().then(|| package(&self.missing, &self.unused)).flatten();
        let better = package.filter(|package| prefixes.as_ref().is_none_or(|it| it.found < package.found));
        if let Some(package) = better {
            write!(f, "\nadd {package} to the recipe's `weights` to find {} more", package.found)?;
        } else if let Some(renaming) = prefixes {
            write!(f, "\nadd {renaming} to the recipe's `weights` to find {} more", renaming.found)?;
        }
        let missing =
            (!self.missing.is_empty()).then_some("list weights that may start at random in `weights.missing`");
        let unused = (!self.unused.is_empty()).then_some("list keys to ignore in `weights.unused`");
        let unfit = (!self.unfit.is_empty())
            .then_some("list a name in `weights.missing` and its key in `weights.unused` to leave out a mismatch");
        for step in [missing, unused, unfit].into_iter().flatten() {
            write!(f, "\n{step}")?;
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, count: usize, lines: impl Iterator<Item = String>) -> fmt::Result {
    for line in lines.take(TOLD) {
        write!(f, "\n  {line}")?;
    }
    if count > TOLD {
        write!(f, "\n  … and {} more", count - TOLD)?;
    }
    Ok(())
}
