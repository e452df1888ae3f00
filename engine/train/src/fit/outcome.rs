//! What a training leaves beside the networks.

use std::path::{Path, PathBuf};

use super::error::TrainError;
use super::export::TOP;
use super::fold::{CHECKPOINT, Job};
use super::{alone, keep, subject};
use crate::handover::{self, Ports, Trained};
use crate::journal::Journal;
use crate::out_of_fold::{OutOfFold, PREDICTIONS, SUBMISSION};
use crate::recipe::Recipe;
use crate::{curves, files};

/// The name of the file of metrics.
pub const METRICS: &str = "metrics.jsonl";

/// The name of the picture of them.
const CURVES: &str = "curves.svg";

/// What is told of a training: of all folds beside the networks, of one that is trained alone in its folder.
pub const RECORDS: [&str; 4] = [METRICS, CURVES, PREDICTIONS, SUBMISSION];

/// What was trained.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The networks, fold by fold, each fold's best first.
    pub models: Vec<Exported>,
    /// The manifest, or the classifier stage of one; none of a fold that was trained alone.
    pub manifest: Option<PathBuf>,
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

impl Outcome {
    /// Writes the manifest of the networks so far.
    pub(super) fn hand_over(&mut self, job: &Job<'_>) -> Result<(), TrainError> {
        let models: Vec<Trained> = self.models.iter().map(|model| model.trained.clone()).collect();
        let text = handover::manifest(job.recipe, &self.models[0].ports, &models);
        let path = job.out.join(handover::file_name(job.recipe.network.heads));
        files::write(&path, text)?;
        self.manifest = Some(path);
        Ok(())
    }

    /// The figures of the predictions so far.
    pub(super) fn sum_up(&mut self, out_of_fold: &OutOfFold) {
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
        self.dice = dices.mean();
        self.dice_positives = dices.mean_of_positives();
        self.auc = crate::metrics::auc(&scores, &labels);
        self.images = out_of_fold.len();
    }
}

/// Removes what earlier trainings left in a folder; what they did not write stays.
pub fn forget(out: &Path, recipe: &Recipe) -> Result<(), TrainError> {
    let manifest = handover::file_name(recipe.network.heads);
    remove(out, |name| RECORDS.contains(&name) || name == manifest)?;
    (0..recipe.folds.count).try_for_each(|fold| forget_fold(out, recipe, fold))
}

/// Removes a fold's networks and what its own folder has of it.
pub fn forget_fold(out: &Path, recipe: &Recipe, fold: u32) -> Result<(), TrainError> {
    let network = format!("{}-fold{fold}", subject::stem(&recipe.name));
    remove(out, |name| is_network(name, &network))?;
    let folder = alone::folder(out, fold);
    if !folder.is_dir() {
        return Ok(());
    }
    remove(&folder, |name| RECORDS.contains(&name) || name == CHECKPOINT || keep::is_epoch(name))
}

/// Whether this is the name of a fold's network, of whatever rank.
fn is_network(name: &str, fold: &str) -> bool {
    let Some(rank) = name.strip_prefix(fold).and_then(|rest| rest.strip_suffix(".onnx")) else { return false };
    rank.is_empty() || rank.strip_prefix(TOP).is_some_and(|rank| rank.parse::<u32>().is_ok())
}

/// Removes a folder's files of these names.
pub fn remove(folder: &Path, is_ours: impl Fn(&str) -> bool) -> Result<(), TrainError> {
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
    let lines = Journal::read(&job.records.join(METRICS))?;
    curves::write(&job.records.join(CURVES), &job.recipe.name, &lines)?;
    Ok(())
}
