//! Sums over the views of an image.

use ndarray::Array2;

use crate::ensemble::error::ImageError;
use crate::ensemble::member::answer::{ViewAnswer, add_map};
use crate::ensemble::member::map::Map;
use crate::ensemble::member::windows::Blend;

/// Sums over the views of an image.
#[derive(Default)]
pub(super) struct Sums {
    /// Probabilities at the size of the member's own map; logits, if these are averaged.
    pub own: Option<Map>,
    /// Probabilities at the map's place in the output, if logits are resized before they become probabilities.
    pub placed: Option<Map>,
    /// Log-odds of scores, if logits are averaged.
    pub odds: Option<f32>,
    /// The first view's mask, if views are compared, and the lowest Dice coefficient with it so far.
    pub compared: Option<(Array2<bool>, f32)>,
    pub views: Vec<ViewAnswer>,
    /// The windows of the current view.
    pub blend: Option<Blend>,
    pub failed: Option<ImageError>,
}

/// The outputs for one view.
#[derive(Default)]
pub(super) struct ViewOutput {
    pub score: Option<f32>,
    pub odds: Option<f32>,
    pub own: Option<Map>,
    pub placed: Option<Map>,
    pub mask: Option<Array2<bool>>,
    pub highest: Option<f32>,
}

impl Sums {
    pub fn add(&mut self, part: ViewOutput) -> Result<(), String> {
        self.views.push(ViewAnswer { score: part.score, highest: part.highest });
        if let Some(odds) = part.odds {
            *self.odds.get_or_insert(0.0) += odds;
        }
        if let Some(mask) = part.mask {
            match &mut self.compared {
                Some((first, lowest)) => *lowest = lowest.min(dice(first, &mask)),
                None => self.compared = Some((mask, 1.0)),
            }
        }
        add_map(&mut self.own, part.own)?;
        add_map(&mut self.placed, part.placed)
    }

    pub fn fail(&mut self, error: ImageError) {
        self.failed.get_or_insert(error);
    }
}

/// Dice's coefficient; 1 if both are empty. Masks of different sizes are detected when their maps are added.
fn dice(a: &Array2<bool>, b: &Array2<bool>) -> f32 {
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let marked = a.iter().chain(b).filter(|&&marked| marked).count();
    if marked == 0 { 1.0 } else { 2.0 * both as f32 / marked as f32 }
}
