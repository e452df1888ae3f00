//! The results of a training besides the networks.

use std::path::{Path, PathBuf};

use super::error::TrainError;
use super::export::TOP;
use super::fold::{CHECKPOINT, Job, board_folder};
use super::{alone, keep, subject};
use crate::handover::{self, Ports, Trained};
use crate::journal::Journal;
use crate::out_of_fold::{OutOfFold, PREDICTIONS, SUBMISSION};
use crate::recipe::Recipe;
use crate::{curves, files, tensorboard};

/// The name of the file of metrics.
pub const METRICS: &str = "metrics.jsonl";

/// The name of the file of learning curves.
const CURVES: &str = "curves.svg";

/// The records of a training: of all folds beside the networks, of a fold trained alone in its folder.
pub const RECORDS: [&str; 4] = [METRICS, CURVES, PREDICTIONS, SUBMISSION];

/// The result of a training.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The networks, fold by fold, each fold's best first.
    pub models: Vec<Exported>,
    /// The manifest, or a manifest's classifier stage; `None` for a fold that was trained alone.
    pub manifest: Option<PathBuf>,
    /// Mean Dice over all held-out images, each predicted by the network that has not seen it.
    pub dice: Option<f64>,
    /// The same over the images with a non-empty mask.
    pub dice_positives: Option<f64>,
    /// The area under the ROC curve of their scores.
    pub auc: Option<f64>,
    /// The number of images of these metrics.
    pub images: usize,
}

/// An exported network.
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

    /// Computes the metrics of the predictions so far.
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

/// Removes the outputs of earlier trainings from a folder; other files are kept.
pub fn forget(out: &Path, recipe: &Recipe) -> Result<(), TrainError> {
    let manifest = handover::file_name(recipe.network.heads);
    remove(out, |name| RECORDS.contains(&name) || name == manifest)?;
    (0..recipe.folds.count).try_for_each(|fold| forget_fold(out, recipe, fold))
}

/// Removes a fold's networks and its records in its own folder.
pub fn forget_fold(out: &Path, recipe: &Recipe, fold: u32) -> Result<(), TrainError> {
    let network = format!("{}-fold{fold}", subject::stem(&recipe.name));
    remove(out, |name| is_network(name, &network))?;
    let board = board_folder(out, fold);
    if board.is_dir() {
        remove(&board, |name| name.starts_with(tensorboard::PREFIX))?;
    }
    let folder = alone::folder(out, fold);
    if !folder.is_dir() {
        return Ok(());
    }
    remove(&folder, |name| RECORDS.contains(&name) || name == CHECKPOINT || keep::is_epoch(name))
}

/// Whether this is the name of a fold's network, of any rank.
fn is_network(name: &str, fold: &str) -> bool {
    let Some(rank) = name.strip_prefix(fold).and_then(|rest| rest.strip_suffix(".onnx")) else { return false };
    rank.is_empty() || rank.strip_prefix(TOP).is_some_and(|rank| rank.parse::<u32>().is_ok())
}

/// Removes a folder's files with matching names.
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

/// Redraws the learning curves.
pub fn curves(job: &Job<'_>) -> Result<(), TrainError> {
    let lines = Journal::read(&job.records.join(METRICS))?;
    curves::write(&job.records.join(CURVES), &job.recipe.name, &lines)?;
    Ok(())
}
