//! Where a training stands.

use serde::{Deserialize, Serialize};

use crate::metrics::Running;
use crate::recipe::Recipe;
use crate::schedule::{Patience, Plateau};

/// Everything of a training that is no tensor. Numbers come back from JSON as they were, bit for bit; they are finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The recipe in full, so that a change can be told by its key.
    pub recipe: Recipe,
    /// A digest of the network's graph without its weights.
    pub network: String,
    /// A digest of the images' ids, what is true of them, and how they are divided.
    pub data: String,
    /// What comes next.
    pub at: Position,
    /// Steps of the optimiser so far, over all phases: Adam corrects its moments by it.
    pub updates: u64,
    /// Sets of weights in the stochastic weight average so far.
    pub averaged: u32,
    /// The best validation so far.
    pub best: Option<Best>,
    /// The epochs whose weights are kept, the best first; the last first where the recipe keeps the last ones.
    pub top: Vec<Best>,
    /// The phase's plateaus, where its schedule has them.
    pub plateau: Option<Plateau>,
    /// The phase's patience, where it has one.
    pub patience: Option<Patience>,
    /// The losses of the epoch so far.
    pub losses: Running,
    /// How long the epoch's steps took so far, in seconds.
    #[serde(default)]
    pub epoch_seconds: f64,
    /// How many images they were of.
    #[serde(default)]
    pub epoch_images: u64,
    /// How long the fold has been trained.
    pub seconds: f64,
}

/// A place in a training; each counted from 0. Places are ordered as they are reached, fold by fold.
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

/// An epoch with its validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// What was found: the higher the better.
    pub value: f64,
    /// In which phase, from 0.
    pub phase: u32,
    /// After which of its epochs, from 0.
    pub epoch: u32,
}
