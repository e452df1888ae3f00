//! The state of a training.

use serde::{Deserialize, Serialize};

use crate::metrics::Running;
use crate::recipe::Recipe;
use crate::schedule::{Patience, Plateau};
use crate::step::LossScale;

/// The state of a training without its tensors. Numbers survive JSON bit for bit; they are finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The full recipe, so that a change can be reported by its key.
    pub recipe: Recipe,
    /// A digest of the network's graph without its weights.
    pub network: String,
    /// A digest of the images' ids, their truth, and their folds.
    pub data: String,
    /// The next position.
    pub at: Position,
    /// Optimiser steps so far, over all phases: Adam's bias correction needs it.
    pub updates: u64,
    /// The factor of the loss, in half precision.
    #[serde(default)]
    pub scale: Option<LossScale>,
    /// Sets of weights in the stochastic weight average so far.
    pub averaged: u32,
    /// The best validation so far.
    pub best: Option<Best>,
    /// The epochs whose weights are kept, the best first; the last first if the recipe keeps the last ones.
    pub top: Vec<Best>,
    /// The phase's plateau state, if its schedule has one.
    pub plateau: Option<Plateau>,
    /// The phase's patience, if it has one.
    pub patience: Option<Patience>,
    /// The losses of the epoch so far.
    pub losses: Running,
    /// Seconds that the epoch's steps have taken so far.
    #[serde(default)]
    pub epoch_seconds: f64,
    /// The number of images of these steps.
    #[serde(default)]
    pub epoch_images: u64,
    /// Seconds for which the fold has been trained.
    pub seconds: f64,
}

/// A position in a training; each counted from 0. Positions are ordered as they are reached, fold by fold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The fold that is held out.
    pub fold: u32,
    /// The recipe's phase.
    pub phase: u32,
    /// The phase's epoch.
    pub epoch: u32,
    /// The epoch's batch.
    pub step: u32,
}

/// An epoch with its validation result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The metric: the higher the better.
    pub value: f64,
    /// The phase, from 0.
    pub phase: u32,
    /// The phase's epoch, from 0.
    pub epoch: u32,
}
