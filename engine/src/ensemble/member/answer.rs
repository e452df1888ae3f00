//! Outputs of networks for an image, as probabilities.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::map::Map;
use crate::Size;

/// The output for one view of an image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ViewAnswer {
    /// The score of the model's own output.
    pub score: Option<f32>,
    /// The map's highest probability.
    pub highest: Option<f32>,
}

/// The output of one set of weights for an image: the mean over its views.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// In 0..=1; log-odds, if logits are averaged.
    pub score: Option<f32>,
    /// Probabilities of (height, width) of the network's own map or, if logits are resized, of its place in the output. If
    /// logits are averaged, these at the network's size.
    pub map: Option<Map>,
    /// The agreement of the views; see [`crate::manifest::When`].
    pub agreement: Option<f32>,
    /// The output for each view, in order.
    pub views: Vec<ViewAnswer>,
}

/// A member's output for an image: the weighted mean over its sets of weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberAnswer {
    /// In 0..=1.
    pub score: Option<f32>,
    /// (height, width) of the ensemble's output; in 0..=1, or shifted by the member's threshold.
    pub map: Option<Array2<f32>>,
    /// The agreement of the views; see [`crate::manifest::When`].
    pub agreement: Option<f32>,
    /// The outputs for each view, for each set of weights that ran, by its index in the manifest.
    pub views: Vec<(usize, Vec<ViewAnswer>)>,
}

/// A weighted sum of outputs.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    answer: Answer,
    weight: f32,
    threshold: f32,
    views: Vec<(usize, Vec<ViewAnswer>)>,
}

impl Sum {
    /// Adds the output of a set of weights.
    ///
    /// # Errors
    /// If its map and the previous ones differ in size.
    pub fn add(&mut self, snapshot: usize, answer: Answer, weight: f32, threshold: f32) -> Result<(), String> {
        let weighted = |value: Option<f32>| value.map(|value| value * weight);
        let plus = |sum: Option<f32>, value: Option<f32>| value.map(|value| sum.unwrap_or(0.0) + value);
        self.answer.score = plus(self.answer.score, weighted(answer.score));
        self.answer.agreement = plus(self.answer.agreement, weighted(answer.agreement));
        let mut map = answer.map;
        if let Some(map) = map.as_mut().filter(|_| weight != 1.0) {
            map.each_mut(|plane| *plane *= weight);
        }
        add_map(&mut self.answer.map, map)?;
        self.threshold += threshold * weight;
        self.weight += weight;
        self.views.push((snapshot, answer.views));
        Ok(())
    }

    /// The mean.
    pub fn mean(self) -> Mean {
        let weight = self.weight;
        let mut map = self.answer.map;
        if let Some(map) = map.as_mut().filter(|_| weight != 1.0) {
            map.each_mut(|plane| *plane /= weight);
        }
        Mean {
            score: self.answer.score.map(|sum| sum / weight),
            map,
            agreement: self.answer.agreement.map(|sum| sum / weight),
            threshold: self.threshold / weight,
            views: self.views,
        }
    }
}

/// The weighted mean of a member's sets of weights, as [`Answer`], with the mean of their thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    pub score: Option<f32>,
    pub map: Option<Map>,
    pub agreement: Option<f32>,
    pub threshold: f32,
    pub views: Vec<(usize, Vec<ViewAnswer>)>,
}

/// Adds a map to a sum of maps.
///
/// # Errors
/// If the two differ in size, or in their classes.
pub fn add_map(sum: &mut Option<Map>, part: Option<Map>) -> Result<(), String> {
    let (Some(sum), Some(part)) = (sum.as_mut(), &part) else {
        *sum = sum.take().or(part);
        return Ok(());
    };
    let size = |map: &Map| map.planes().first().map(|plane| Size::from(plane.dim()));
    match (size(sum), size(part)) {
        (Some(a), Some(b)) if a != b => Err(format!("has maps of {a} and {b} for one image")),
        _ => sum.zip_with(part, |sum, part| *sum += part),
    }
}
