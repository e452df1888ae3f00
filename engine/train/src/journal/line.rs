//! One epoch's line in the journal.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};

/// An epoch. JSON has neither infinity nor NaN: both are written as `null`, and read as NaN if a number is required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The fold that is held out, from 0.
    pub fold: u32,
    /// The recipe's phase, from 0.
    pub phase: u32,
    /// The phase's epoch, from 0.
    pub epoch: u32,
    /// Optimiser steps since the start of the fold.
    pub step: u64,
    /// The learning rate of the epoch's last step.
    #[serde(deserialize_with = "number")]
    pub lr: f32,
    /// The mean loss over the images trained on.
    #[serde(deserialize_with = "number")]
    pub loss: f64,
    /// The terms of the loss.
    pub terms: IndexMap<String, Option<f64>>,
    /// The mean loss over the held-out images.
    pub validation_loss: Option<f64>,
    /// Mean Dice of the held-out images.
    pub dice: Option<f64>,
    /// Mean Dice of the held-out images with a non-empty true mask.
    pub dice_positives: Option<f64>,
    /// Mean intersection over union of the held-out images; journals of earlier versions have none.
    #[serde(default)]
    pub iou: Option<f64>,
    /// The area under the ROC curve of the held-out images' scores.
    pub auc: Option<f64>,
    /// Training images per second.
    #[serde(deserialize_with = "number")]
    pub images_per_second: f64,
    /// Seconds that the epoch took, validation included.
    #[serde(deserialize_with = "number")]
    pub seconds: f64,
}

fn number<'de, D: Deserializer<'de>, T: Deserialize<'de> + From<f32>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(|| f32::NAN.into()))
}
