//! Outputs of networks for an image, as probabilities.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

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
    /// In 0..=1.
    pub score: Option<f32>,
    /// (height, width) of the network's own map or, if logits are resized, of its place in the output.
    pub map: Option<Array2<f32>>,
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
        add_map(&mut self.answer.map, answer.map.map(|map| if weight == 1.0 { map } else { map * weight }))?;
        self.threshold += threshold * weight;
        self.weight += weight;
        self.views.push((snapshot, answer.views));
        Ok(())
    }

    /// The mean, with the mean threshold; the map is still at the network's size.
    pub fn mean(self) -> (MemberAnswer, f32) {
        let weight = self.weight;
        let mean = MemberAnswer {
            score: self.answer.score.map(|sum| sum / weight),
            map: self.answer.map.map(|sum| if weight == 1.0 { sum } else { sum / weight }),
            agreement: self.answer.agreement.map(|sum| sum / weight),
            views: self.views,
        };
        (mean, self.threshold / weight)
    }
}

/// Adds a map to a sum of maps.
///
/// # Errors
/// If the two differ in size.
pub fn add_map(sum: &mut Option<Array2<f32>>, part: Option<Array2<f32>>) -> Result<(), String> {
    match (sum.as_mut(), part) {
        (Some(sum), Some(part)) if sum.dim() == part.dim() => *sum += &part,
        (Some(sum), Some(part)) => {
            let (a, b) = (Size::from(sum.dim()), Size::from(part.dim()));
            return Err(format!("has maps of {a} and {b} for one image"));
        }
        (None, part) => *sum = part,
        (Some(_), None) => {}
    }
    Ok(())
}
