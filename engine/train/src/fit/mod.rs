//! Trains what a recipe declares: folds, phases, epochs, steps; checkpoints, and the final outputs.
//!
//! ```text
//! OUT/metrics.jsonl               a line per epoch
//! OUT/curves.svg                  the same as a picture
//! OUT/oof.csv                     each image's out-of-fold prediction
//! OUT/oof-submission.csv          its masks
//! OUT/tensorboard/fold0/…          event files for TensorBoard, if they are asked for
//! OUT/NAME-fold0.onnx …           the networks
//! OUT/NAME-fold0-top2.onnx …      those of the second best epochs, if the recipe keeps more than one
//! OUT/ensemble.toml               a manifest of them, ready for `pleura predict`
//! OUT/fold0/checkpoint.safetensors  the state from which an interrupted training continues
//! OUT/fold0/phase0-epoch7.onnx    the weights of an epoch that is among the best so far
//! ```
//!
//! A fold that is trained alone ([`train_fold`]) has its own metrics, curves and predictions in `OUT/fold0`, until
//! [`train`] adds them to those of the others.

mod alone;
mod check;
mod convert;
mod epoch;
mod error;
mod export;
mod find_lr;
mod fold;
mod foreign;
mod keep;
mod lock;
mod open;
mod outcome;
mod outputs;
mod preview;
mod report;
mod rule;
mod step;
mod subject;
#[cfg(test)]
mod tests;
mod validate;

use std::path::{Path, PathBuf};

use pleura::radiograph::DecodeLimits;
use pleura::runtime::Device;

use crate::journal::Line;
use crate::out_of_fold::OutOfFold;
use crate::progress::Progress;
use open::Opened;

pub use check::{Checked, check};
pub use convert::export;
pub use error::TrainError;
pub use export::AGREEMENT;
pub(crate) use export::worst;
pub use find_lr::{FoundLr, LrCurve, LrPoint, LrRange, find_lr};
pub(crate) use fold::seed_of_fold;
pub(crate) use lock::Lock;
pub use outcome::Outcome;
pub use outputs::outputs;
pub use preview::{Preview, Shown, preview};
pub(crate) use subject::stem;
pub use subject::{Prepared, dataset, prepare};

/// Options of a training.
#[derive(Debug, Clone)]
pub struct Options {
    /// The output folder. Default: the recipe's name.
    pub out: Option<PathBuf>,
    /// Where it runs.
    pub device: Device,
    /// Threads within an operator; 0 leaves the choice to ONNX Runtime.
    pub threads: usize,
    /// The ONNX Runtime library, instead of a search for one.
    pub onnxruntime: Option<PathBuf>,
    /// Start over, whatever the folder holds.
    pub fresh: bool,
    /// Write event files for TensorBoard, too.
    pub tensorboard: bool,
    /// The memory limit for reading and decoding one image.
    pub decode: DecodeLimits,
}

/// Observes a training, and may stop it.
pub trait Watch {
    /// Called after each step.
    fn step(&mut self, progress: &Progress);

    /// Called after each epoch, including validation. `is_best`: no earlier epoch was better.
    fn epoch(&mut self, line: &Line, is_best: bool);

    /// Called with a remark for the user.
    fn note(&mut self, text: &str);

    /// Whether to stop and leave a checkpoint: queried after each step and each batch of a validation, after each
    /// epoch, and before each network is exported.
    fn stops(&self) -> bool;
}

/// Trains every fold that a recipe declares, continuing where an earlier run stopped; folds that were trained alone are
/// taken over unchanged.
///
/// # Errors
/// If the recipe, data or network are invalid; a loss is NaN or infinite; the exported network's outputs differ from
/// the trained one's; a file cannot be written; or the watcher stops it. Earlier results are kept.
pub fn train(recipe: &Path, options: &Options, watch: &mut dyn Watch) -> Result<Outcome, TrainError> {
    let opened = Opened::new(recipe, None, options, watch)?;
    let (out, folds) = (&opened.out, opened.division.trained());
    opened.tell(folds, watch);
    let _lock = lock::Lock::acquire(out)?;
    if options.fresh {
        outcome::forget(out, &opened.recipe)?;
    }
    let gathered = alone::gather(out, folds)?;
    let mut out_of_fold = OutOfFold::read(out)?;
    let mut outcome = Outcome::default();
    let job = opened.job(options, folds, out);
    if gathered {
        outcome::curves(&job)?;
    }
    for (at, &held_out) in folds.iter().enumerate() {
        let fold = job.fold(at, held_out)?;
        outcome.models.extend(fold.run(&mut out_of_fold, watch)?);
        // as if they had been trained in this order, whatever the order of completion
        out_of_fold.order(folds);
        out_of_fold.write(out)?;
        outcome.hand_over(&job)?;
        outcome.sum_up(&out_of_fold);
    }
    Ok(outcome)
}

/// Trains one fold alone, counted from 0, continuing where an earlier run stopped. Several may run at once in the same
/// folder, on one machine or on several that share it; once all are done, [`train`] writes what a training of all folds
/// would have written.
///
/// # Errors
/// As [`train`]; or if the recipe does not train that fold.
pub fn train_fold(
    recipe: &Path,
    held_out: u32,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    let opened = Opened::new(recipe, Some(held_out), options, watch)?;
    let (out, folds) = (&opened.out, [held_out]);
    opened.tell(&folds, watch);
    // a training of all folds excludes those of single folds, which only exclude others of the same fold
    let _shared = lock::Lock::shared(out)?;
    let records = alone::folder(out, held_out);
    std::fs::create_dir_all(&records).map_err(|source| TrainError::folder(&records, source))?;
    let _lock = lock::Lock::acquire(&records)?;
    if options.fresh {
        outcome::forget_fold(out, &opened.recipe, held_out)?;
        alone::begin(out, held_out)?;
    } else {
        alone::go_on(out, held_out)?;
    }
    let mut out_of_fold = OutOfFold::read(&records)?;
    let job = opened.job(options, &folds, &records);
    let models = job.fold(0, held_out)?.run(&mut out_of_fold, watch)?;
    out_of_fold.write(&records)?;
    let mut outcome = Outcome { models, ..Outcome::default() };
    outcome.sum_up(&out_of_fold);
    Ok(outcome)
}
