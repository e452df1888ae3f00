//! What a training leaves beside the networks.

use std::path::{Path, PathBuf};

use super::error::TrainError;
use super::fold::Job;
use super::subject;
use crate::handover::{self, Ports, Trained};
use crate::journal::Journal;
use crate::out_of_fold::{OutOfFold, PREDICTIONS, SUBMISSION};
use crate::recipe::Recipe;
use crate::{curves, files};

/// The name of the file of metrics.
pub const METRICS: &str = "metrics.jsonl";

/// The name of the picture of them.
const CURVES: &str = "curves.svg";

/// What was trained.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The networks, fold by fold.
    pub models: Vec<Exported>,
    /// The manifest, or the classifier stage of one.
    pub manifest: PathBuf,
    /// Mean Dice over the images that were held out, each answered by the network that never saw it.
    pub dice: Option<f64>,
    /// The same over those that have a mask.
    pub dice_positives: Option<f64>,
    /// The area under the ROC curve of their scores.
    pub auc: Option<f64>,
    /// How many images these figures are of.
    pub images: usize,
}

/// A network on the disk.
#[derive(Debug, Clone)]
pub struct Exported {
    /// Its name, file and digest.
    pub trained: Trained,
    /// Its input and outputs.
    pub ports: Ports,
}

/// Writes predictions and manifest of the folds so far, and sums them up.
pub fn write(job: &Job<'_>, out_of_fold: &OutOfFold, outcome: &mut Outcome) -> Result<(), TrainError> {
    let out = job.out;
    out_of_fold.write(out)?;
    let models: Vec<Trained> = outcome.models.iter().map(|model| model.trained.clone()).collect();
    let text = handover::manifest(job.recipe, &outcome.models[0].ports, &models);
    outcome.manifest = out.join(handover::file_name(job.recipe.network.heads));
    files::write(&outcome.manifest, text)?;
    let mut dices = crate::metrics::Dices::default();
    let (mut scores, mut labels) = (Vec::new(), Vec::new());
    for (_, prediction) in out_of_fold.iter() {
        if let Some(found) = &prediction.found {
            dices.add(found.dice, prediction.label);
        }
        if let Some(score) = prediction.score {
            scores.push(score);
            labels.push(prediction.label);
        }
    }
    outcome.dice = dices.mean();
    outcome.dice_positives = dices.mean_of_positives();
    outcome.auc = crate::metrics::auc(&scores, &labels);
    outcome.images = out_of_fold.len();
    Ok(())
}

/// Removes what earlier trainings left in a folder; what they did not write stays.
pub fn forget(out: &Path, recipe: &Recipe) -> Result<(), TrainError> {
    let stem = subject::stem(&recipe.name);
    let folds = (0..recipe.folds.count).flat_map(|fold| {
        [
            format!("{stem}-fold{fold}.onnx"),
            format!("fold{fold}/checkpoint.safetensors"),
            format!("fold{fold}/best.onnx"),
        ]
    });
    let manifest = handover::file_name(recipe.network.heads);
    let files = [METRICS, CURVES, PREDICTIONS, SUBMISSION, manifest].map(str::to_owned);
    for path in folds.chain(files).map(|name| out.join(name)).filter(|path| path.exists()) {
        std::fs::remove_file(&path).map_err(|source| TrainError::folder(&path, source))?;
    }
    Ok(())
}

/// Draws the learning curves anew.
pub fn curves(job: &Job<'_>) -> Result<(), TrainError> {
    let out = job.out;
    let lines = Journal::read(&out.join(METRICS))?;
    curves::write(&out.join(CURVES), &job.recipe.name, &lines)?;
    Ok(())
}
