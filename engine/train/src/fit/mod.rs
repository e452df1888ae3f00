//! Trains what a recipe declares: folds, phases, epochs, steps; checkpoints, and what is handed over in the end.
//!
//! ```text
//! OUT/metrics.jsonl               a line an epoch
//! OUT/curves.svg                  the same as a picture
//! OUT/oof.csv                     what each image was answered by the network that never saw it
//! OUT/oof-submission.csv          its masks
//! OUT/NAME-fold0.onnx …           the networks
//! OUT/NAME-fold0-top2.onnx …      those of the second best epochs, where the recipe keeps more than one
//! OUT/ensemble.toml               a manifest of them, ready for `pleura predict`
//! OUT/fold0/checkpoint.safetensors  what an interrupted training goes on from
//! OUT/fold0/phase0-epoch7.onnx    the weights of an epoch that is among the best so far
//! ```
//!
//! A fold that is trained alone ([`train_fold`]) has its own metrics, curves and predictions in `OUT/fold0`, until
//! [`train`] puts them beside those of the others.

mod alone;
mod check;
mod epoch;
mod error;
mod export;
mod fold;
mod keep;
mod lock;
mod open;
mod outcome;
mod outputs;
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
pub use error::TrainError;
pub use export::AGREEMENT;
pub(crate) use export::worst;
pub(crate) use fold::seed_of_fold;
pub(crate) use lock::Lock;
pub use outcome::Outcome;
pub use outputs::outputs;
pub(crate) use subject::stem;
pub use subject::{Prepared, dataset, prepare};

/// How a training is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for everything that is made; the recipe's name unless given.
    pub out: Option<PathBuf>,
    /// Where it runs.
    pub device: Device,
    /// Threads within an operator; 0 leaves the choice to ONNX Runtime.
    pub threads: usize,
    /// The ONNX Runtime library, instead of a search for one.
    pub onnxruntime: Option<PathBuf>,
    /// Begin anew, whatever the folder holds.
    pub fresh: bool,
    /// What reading and decoding one image may take.
    pub decode: DecodeLimits,
}

/// Whoever watches a training.
pub trait Watch {
    /// A step is done.
    fn step(&mut self, progress: &Progress);

    /// An epoch is done, validation included. `is_best` tells that none before was better.
    fn epoch(&mut self, line: &Line, is_best: bool);

    /// Something worth knowing.
    fn note(&mut self, text: &str);

    /// Whether to stop, leaving a checkpoint: looked at after each step and each batch of a validation, after each
    /// epoch, and before each network is exported.
    fn stops(&self) -> bool;
}

/// Trains every fold that a recipe asks for, going on where an earlier run stopped; folds that were trained alone are
/// taken over as they are.
///
/// # Errors
/// If recipe, data or network do not allow it; a loss is not a number; the exported network does not answer as the
/// trained one did; a file cannot be written; or the watcher stops it. Whatever was reached before stays.
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
        // as if they had been trained in this order, whichever were done before
        out_of_fold.order(folds);
        out_of_fold.write(out)?;
        outcome.hand_over(&job)?;
        outcome.sum_up(&out_of_fold);
    }
    Ok(outcome)
}

/// Trains one fold alone, from 0, going on where an earlier run stopped. Several may run at once with the same folder,
/// on one machine or on several that share it; once all are done, [`train`] hands over what a training of all folds
/// would have.
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
    // a training of all folds keeps out those of one, which only keep out each other's like
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
