//! What a training leaves beside the networks.

use std::path::{Path, PathBuf};

use super::error::TrainError;
use super::export::TOP;
use super::fold::{CHECKPOINT, Job};
use super::{keep, subject};
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
    /// The networks, fold by fold, each fold's best first.
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
    /// Its fold, file and digest.
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
    let folds: Vec<_> = (0..recipe.folds.count).map(|fold| format!("fold{fold}")).collect();
    let manifest = handover::file_name(recipe.network.heads);
    let files = [METRICS, CURVES, PREDICTIONS, SUBMISSION, manifest];
    let is_network = |name: &str| folds.iter().any(|fold| is_network(name, &format!("{stem}-{fold}")));
    remove(out, |name| files.contains(&name) || is_network(name))?;
    folds
        .iter()
        .map(|fold| out.join(fold))
        .filter(|fold| fold.is_dir())
        .try_for_each(|fold| remove(&fold, |name| name == CHECKPOINT || keep::is_epoch(name)))
}

/// Whether this is the name of a fold's network, of whatever rank.
fn is_network(name: &str, fold: &str) -> bool {
    let Some(rank) = name.strip_prefix(fold).and_then(|rest| rest.strip_suffix(".onnx")) else { return false };
    rank.is_empty() || rank.strip_prefix(TOP).is_some_and(|rank| rank.parse::<u32>().is_ok())
}

/// Removes a folder's files of these names.
fn remove(folder: &Path, is_ours: impl Fn(&str) -> bool) -> Result<(), TrainError> {
    let failed = |source| TrainError::folder(folder, source);
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && is_ours(&path.file_name().unwrap_or_default().to_string_lossy()) {
            std::fs::remove_file(&path).map_err(|source| TrainError::folder(&path, source))?;
        }
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
