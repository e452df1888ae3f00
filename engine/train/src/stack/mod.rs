//! Stacking: learns to merge several members' probabilities into one, from their out-of-fold scores.
//!
//! Members' out-of-fold scores are joined by image. For each fold a head is fitted on the images of all others; the
//! exported model averages the heads' probabilities. The stack itself is evaluated on scores that no head has seen:
//! each image is scored by the head that did not use its fold.
//!
//! ```text
//! OUT/NAME.onnx     (batch, members) probabilities to (batch, 1): features and all folds' heads
//! OUT/oof.csv       each image's score by the head that has not seen it
//! OUT/merge.toml    the lines of a manifest for the model
//! ```

mod conv;
mod error;
mod export;
mod join;
mod logistic;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ndarray::Axis;
use pleura::runtime::{self, Loaded};

use crate::checkpoint::Tensors;
use crate::device::Place;
use crate::fit::{self, Lock, Options, TrainError};
use crate::metrics::{auc, log_loss};
use crate::nets;
use crate::recipe::Phase;
use crate::recipe::stack::{Stack, StackRecipe};
use conv::{Head, Scores, Training};

pub use error::{Images, StackError};
pub use export::MERGE;
pub use join::Table;

/// The result of stacking.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacked {
    /// The model.
    pub model: PathBuf,
    /// The lines of a manifest for the model.
    pub merge: PathBuf,
    /// Each member's metrics.
    pub members: Vec<Figures>,
    /// The metrics of the members' mean.
    pub mean: Figures,
    /// The metrics of the stack, on images that its heads have not seen.
    pub stack: Figures,
    /// The number of images of these metrics.
    pub images: usize,
    /// The number of positives among them.
    pub positives: usize,
}

/// The quality of scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The name of the member, the mean or the stack.
    pub name: String,
    /// The mean binary cross-entropy: the lower the better.
    pub log_loss: Option<f64>,
    /// The area under the ROC curve: the higher the better.
    pub auc: Option<f64>,
}

/// A fold's fitted head.
struct Fitted {
    weights: Tensors,
    /// Probabilities of all images, in order.
    probabilities: Vec<f32>,
}

/// Stacks by a recipe. `note` gets remarks for the user. There is no resuming: it takes seconds, and starts over.
///
/// # Errors
/// If the recipe or the members' files are invalid, or a file cannot be written.
pub fn train(recipe_path: &Path, options: &Options, note: &mut dyn FnMut(&str)) -> Result<Stacked, StackError> {
    let recipe = StackRecipe::read(recipe_path)?;
    let folder = recipe_path.parent().unwrap_or(Path::new(""));
    let table = Table::read(&recipe, folder)?;
    let folds = table.held_out();
    if table.left_out > 0 {
        note(&format!("{} images are missing from some member's file and are left out", table.left_out));
    }
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(fit::stem(&recipe.name)));
    export::spares_the_members(&out, &recipe, folder)?;
    if out.is_file() {
        return Err(TrainError::NoFolder { path: out }.into());
    }
    std::fs::create_dir_all(&out).map_err(|source| TrainError::folder(&out, source))?;
    let _lock = Lock::acquire(&out)?;
    let loaded = runtime::load(options.onnxruntime.as_deref())?;
    let heads = folds
        .iter()
        .map(|&fold| {
            let fitted = fit_head(&recipe, &table, fold, loaded, options)?;
            let images = table.training(fold)?.len();
            note(&format!("fold {} of {}: fitted on {images} images", fold + 1, folds.len()));
            Ok(fitted)
        })
        .collect::<Result<Vec<_>, StackError>>()?;
    let unseen = unseen(&table, &folds, &heads);
    let model = export::write(&out, &recipe, &table, &heads, &unseen, loaded)?;
    Ok(stacked(&recipe, &table, &unseen, model, out.join(MERGE)))
}

/// Fits the head of a fold on the images of all others.
fn fit_head(
    recipe: &StackRecipe,
    table: &Table,
    fold: u32,
    loaded: &'static Loaded,
    options: &Options,
) -> Result<Fitted, StackError> {
    let rows = table.training(fold)?;
    match &recipe.stack {
        &Stack::Logistic { of, l2 } => {
            let labels: Vec<_> = rows.iter().map(|&row| table.labels[row]).collect();
            let weights = logistic::fit(table.scores.select(Axis(0), &rows).view(), &labels, of, l2);
            let probabilities = logistic::answer(table.scores.view(), &weights, of);
            Ok(Fitted { weights, probabilities })
        }
        Stack::Conv { epochs, batch, lr, weight_decay, schedule, keep, .. } => {
            let placement = runtime::place(loaded, options.device)?;
            let place = Place::new(loaded, placement.device, options.threads)?;
            let seed = fit::seed_of_fold(recipe.seed, fold);
            let phase = Phase::of_scores(*epochs, *batch, *lr, schedule.clone());
            let stack = recipe.stack.clone();
            let training = Training { stack, phase, weight_decay: *weight_decay, keep: *keep, seed, fold };
            let head = Head::new(&place, training, table.scores.ncols())?;
            let scores = Scores { scores: table.scores.view(), labels: &table.labels };
            let held_out: Vec<usize> = (0..table.folds.len()).filter(|&row| table.folds[row] == fold).collect();
            head.train(scores, &rows, &held_out)?;
            Ok(Fitted { weights: head.weights()?, probabilities: head.answer(scores)? })
        }
    }
}

/// Each image's score by the head that did not use its fold.
fn unseen(table: &Table, folds: &[u32], heads: &[Fitted]) -> Vec<f32> {
    let of = |(row, fold): (usize, &u32)| {
        let head = folds.iter().position(|it| it == fold).expect("every image's fold has a head");
        heads[head].probabilities[row]
    };
    table.folds.iter().enumerate().map(of).collect()
}

fn stacked(recipe: &StackRecipe, table: &Table, unseen: &[f32], model: PathBuf, merge: PathBuf) -> Stacked {
    let figures = |name: &str, scores: &[f32]| Figures {
        name: name.into(),
        log_loss: log_loss(scores, &table.labels),
        auc: auc(scores, &table.labels),
    };
    let columns = recipe.members.iter().zip(table.scores.axis_iter(Axis(1)));
    let mean = table.scores.mean_axis(Axis(1)).unwrap_or_default();
    Stacked {
        model,
        merge,
        members: columns.map(|(member, scores)| figures(&member.name, &scores.to_vec())).collect(),
        mean: figures("mean", &mean.to_vec()),
        stack: figures(&recipe.name, unseen),
        images: table.ids.len(),
        positives: table.labels.iter().filter(|&&label| label).count(),
    }
}

/// The model with these heads.
fn model(recipe: &StackRecipe, heads: &[Fitted]) -> pleura::onnx::Model {
    let weights: Vec<Tensors> = heads.iter().map(|head| head.weights.clone()).collect();
    nets::stacked(&recipe.stack, recipe.members.len(), &weights)
}
