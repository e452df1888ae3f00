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

mod epoch;
mod error;
mod export;
mod fold;
mod keep;
mod lock;
mod outcome;
mod subject;
#[cfg(test)]
mod tests;
mod validate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pleura::runtime::{self, Device};

use crate::data::Division;
use crate::device::Place;
use crate::journal::Line;
use crate::out_of_fold::OutOfFold;
use crate::progress::Progress;
use crate::recipe::Recipe;

pub use error::TrainError;
pub use export::AGREEMENT;
pub(crate) use export::worst;
pub(crate) use fold::seed_of_fold;
pub(crate) use lock::Lock;
pub use outcome::Outcome;
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
}

/// Whoever watches a training.
pub trait Watch {
    /// A step is done.
    fn step(&mut self, progress: &Progress);

    /// An epoch is done, validation included. `is_best` tells that none before was better.
    fn epoch(&mut self, line: &Line, is_best: bool);

    /// Something worth knowing.
    fn note(&mut self, text: &str);

    /// Whether to stop after this step, leaving a checkpoint.
    fn stops(&self) -> bool;
}

/// Trains every fold that a recipe asks for, going on where an earlier run stopped.
///
/// # Errors
/// Where recipe, data or network do not allow it; a loss is not a number; the exported network does not answer as the
/// trained one did; a file cannot be written; or the watcher stops it. Whatever was reached before stays.
pub fn train(recipe_path: &Path, options: &Options, watch: &mut dyn Watch) -> Result<Outcome, TrainError> {
    let recipe = Recipe::read(recipe_path)?;
    let folder = recipe_path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    subject::files_are_there(&recipe, folder)?;
    let prepared = prepare(&recipe, folder, recipe.seed)?;
    prepared.remarks.iter().for_each(|remark| watch.note(remark));
    let data = Arc::new(subject::dataset(&recipe, folder)?);
    // without a positive there is nothing to learn: a wrong folder or polarity, most likely
    let division = Division::open(folder, &recipe.folds, data.items(), true)?;
    data.remarks().iter().chain(division.remarks()).for_each(|remark| watch.note(remark));

    let loaded = runtime::load(options.onnxruntime.as_deref())?;
    let placement = runtime::place(loaded, options.device)?;
    let place = Place::new(loaded, placement.device, options.threads)?;
    let positives = data.positives();
    watch.note(&format!(
        "`{}`: {} images, {positives} positive; folds {:?} of {}; {} parameters; on {placement}",
        recipe.name,
        data.items().len(),
        division.trained(),
        recipe.folds.count,
        prepared.parameters(),
    ));
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(subject::stem(&recipe.name)));
    if out.is_file() {
        return Err(TrainError::NoFolder { path: out });
    }
    std::fs::create_dir_all(&out).map_err(|source| TrainError::folder(&out, source))?;
    let _lock = lock::Lock::of(&out)?;
    if options.fresh {
        outcome::forget(&out, &recipe)?;
    }
    let mut out_of_fold = OutOfFold::read(&out)?;
    let mut outcome = Outcome::default();
    let digest = subject::digest_of_data(data.items(), &division);
    let job = fold::Job {
        recipe: &recipe,
        folder,
        out: &out,
        options,
        place: &place,
        data: &data,
        digest,
        division: &division,
    };
    for (at, &held_out) in division.trained().iter().enumerate() {
        let fold = job.fold(at, held_out)?;
        outcome.models.extend(fold.run(&mut out_of_fold, watch)?);
        outcome::write(&job, &out_of_fold, &mut outcome)?;
    }
    Ok(outcome)
}
