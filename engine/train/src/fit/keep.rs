//! The best epochs of a fold: each one's weights in a file of its own, named after the epoch.
//!
//! An epoch that is trained again after an interruption so writes the same file again, and files are only removed once
//! a checkpoint no longer names them: at every moment the checkpoint's files are there. Each ends with a SHA-256 of the
//! rest, in a field that readers of ONNX pass over, so that damaged weights are not exported.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::error::TrainError;
use super::fold::Fold;
use crate::checkpoint::{Best, Tensors};
use crate::recipe::{Average, Keep};
use crate::weights;

impl Fold<'_> {
    /// Keeps the weights as they are now, if their epoch is among the best so far.
    pub fn keep(&mut self, epoch: Best) -> Result<(), TrainError> {
        let most = self.job.recipe.keep_top as usize;
        let top = &mut self.rest.top;
        // the earlier of equals stays before
        let place = match self.job.recipe.keep {
            Keep::Last => 0,
            Keep::Best | Keep::BestDice | Keep::BestAuc => {
                top.iter().position(|other| epoch.value > other.value).unwrap_or(top.len())
            }
        };
        if place >= most {
            return Ok(());
        }
        top.insert(place, epoch);
        top.truncate(most);
        if self.has_files() {
            let model = self.model(&self.state.weights(self.looks_at_average())?);
            crate::files::write(&self.file(&epoch), sealed(model.to_bytes()))?;
        }
        Ok(())
    }

    /// Removes the weights of epochs that are not among the best any more; to be called after a checkpoint.
    pub fn sweep(&self) -> Result<(), TrainError> {
        let kept: Vec<PathBuf> = self.rest.top.iter().map(|epoch| self.file(epoch)).collect();
        let failed = |source| TrainError::folder(self.folder(), source);
        for entry in self.folder().read_dir().map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_epoch(&path.file_name().unwrap_or_default().to_string_lossy()) && !kept.contains(&path) {
                std::fs::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// How many networks the fold exports.
    pub fn exports(&self) -> usize {
        if self.is_swa() { 1 } else { self.rest.top.len().max(1) }
    }

    /// Whether the mean of several epochs' weights is exported.
    pub fn is_swa(&self) -> bool {
        matches!(self.job.recipe.average, Some(Average::Swa { .. })) && self.rest.averaged > 0
    }

    /// The weights of the best epoch (0), the second best (1) and so on; none where they are at hand anyway.
    pub fn kept_weights(&self, rank: usize) -> Result<Option<Tensors>, TrainError> {
        if !self.has_files() {
            return Ok(None);
        }
        let path = self.file(&self.rest.top[rank]);
        let whole = pleura::regular::read(&path).map_err(|source| TrainError::folder(&path, source))?;
        if !is_whole(&whole) {
            return Err(TrainError::DamagedWeights { path });
        }
        let read = weights::read(&path)?;
        let floats = read.into_iter().filter_map(|(name, tensor)| match tensor.numbers {
            weights::Numbers::Floats(numbers) => Some((name, (tensor.shape, numbers))),
            weights::Numbers::Other(_) => None,
        });
        Ok(Some(floats.collect()))
    }

    /// The last epoch's weights are at hand when it comes to exporting them.
    fn has_files(&self) -> bool {
        self.job.recipe.keep != Keep::Last || self.job.recipe.keep_top > 1
    }

    fn file(&self, Best { phase, epoch, .. }: &Best) -> PathBuf {
        self.folder().join(format!("phase{phase}-epoch{epoch}.onnx"))
    }
}

/// The field of a `ModelProto`, one that ONNX does not have (2047, of bytes), and the length of what it holds.
const SEAL: [u8; 3] = [0xFA, 0x7F, 32];

/// A model's bytes with their SHA-256 at the end.
fn sealed(mut model: Vec<u8>) -> Vec<u8> {
    let sum = Sha256::digest(&model);
    model.extend(SEAL);
    model.extend(sum);
    model
}

/// Whether these are bytes that were [`sealed`], unchanged.
fn is_whole(bytes: &[u8]) -> bool {
    let Some((rest, sum)) = bytes.split_last_chunk::<32>() else { return false };
    rest.strip_suffix(&SEAL).is_some_and(|model| Sha256::digest(model).as_slice() == sum)
}

/// Whether this is the name of an epoch's weights.
pub fn is_epoch(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = name.strip_prefix("phase").and_then(|rest| rest.strip_suffix(".onnx")?.split_once("-epoch"));
    numbers.is_some_and(|(phase, epoch)| is_number(phase) && is_number(epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flipped_bit_of_weights_goes_unnoticed() {
        let bytes = sealed(vec![8, 9, 0, 255]);
        assert!(is_whole(&bytes) && !is_whole(&[]));
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&flipped), "bit {bit}");
        }
    }
}
