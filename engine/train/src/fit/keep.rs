//! The best epochs of a fold: the weights of each in a separate file, named after the epoch.
//!
//! So an epoch that is trained again after an interruption writes the same file again, and files are only removed once
//! no checkpoint names them: at every moment the checkpoint's files exist. Each ends with a SHA-256 of the rest, in a
//! field that readers of ONNX skip, so that damaged weights are not exported.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::error::TrainError;
use super::fold::Fold;
use crate::checkpoint::{Best, Tensors};
use crate::recipe::{Average, Keep};
use crate::weights;

impl Fold<'_> {
    /// Keeps the current weights, if their epoch is among the best so far.
    pub fn keep(&mut self, epoch: Best) -> Result<(), TrainError> {
        let most = self.job.recipe.keep_top as usize;
        let top = &mut self.rest.top;
        // among equals the earlier one stays first
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

    /// Removes the weights of epochs that are no longer among the best; to be called after a checkpoint.
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

    /// The number of networks that the fold exports.
    pub fn exports(&self) -> usize {
        if self.is_swa() { 1 } else { self.rest.top.len().max(1) }
    }

    /// Whether the mean of several epochs' weights is exported.
    pub fn is_swa(&self) -> bool {
        matches!(self.job.recipe.average, Some(Average::Swa { .. })) && self.rest.averaged > 0
    }

    /// The weights of the best epoch (0), the second best (1) and so on; `None` if they are in memory.
    pub fn kept_weights(&self, rank: usize) -> Result<Option<Tensors>, TrainError> {
        if !self.has_files() {
            return Ok(None);
        }
        let path = self.file(&self.rest.top[rank]);
        let whole = pleura_files::regular::read(&path).map_err(|source| TrainError::folder(&path, source))?;
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

    /// Whether weights are kept in files: the last epoch's weights are in memory when they are exported.
    fn has_files(&self) -> bool {
        self.job.recipe.keep != Keep::Last || self.job.recipe.keep_top > 1
    }

    fn file(&self, Best { phase, epoch, .. }: &Best) -> PathBuf {
        self.folder().join(format!("phase{phase}-epoch{epoch}.onnx"))
    }
}

/// A field of `ModelProto` that ONNX does not define (2047, of bytes), with the length of its content.
const SEAL: [u8; 3] = [0xFA, 0x7F, 32];

/// A model's bytes with their SHA-256 at the end.
fn sealed(mut model: Vec<u8>) -> Vec<u8> {
    let sum = Sha256::digest(&model);
    model.extend(SEAL);
    model.extend(sum);
    model
}

/// Whether bytes were [`sealed`] and are unchanged.
fn is_whole(bytes: &[u8]) -> bool {
    let Some((rest, sum)) = bytes.split_last_chunk::<32>() else { return false };
    rest.strip_suffix(&SEAL).is_some_and(|model| Sha256::digest(model).as_slice() == sum)
}

/// Whether this is the name of a file of an epoch's weights.
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
