//! The ensemble's own rule, by which held-out images' masks are made: the written manifest's gate and steps.

use std::path::Path;

use ndarray::Array2;
use pleura::plugin::{Context, Plugin, PluginError};
use pleura::{Mask, Size};

use super::TrainError;
use crate::data::Item;
use crate::handover::GATE;
use crate::recipe::Recipe;

/// A recipe's steps from the map to the mask.
#[derive(Debug)]
pub struct Rule {
    steps: Vec<Plugin>,
    /// Whether only images with a score above [`GATE`] are marked.
    gated: bool,
}

impl Rule {
    /// Loads a recipe's steps; `None` if it has none. `folder` is the recipe's.
    ///
    /// # Errors
    /// If a plugin is not found, cannot be loaded, or rejects its parameters.
    pub fn open(recipe: &Recipe, folder: &Path) -> Result<Option<Self>, PluginError> {
        let steps: Vec<_> =
            recipe.postprocess.iter().map(|step| Plugin::open(step, folder)).collect::<Result<_, _>>()?;
        Ok((!steps.is_empty()).then_some(Self { steps, gated: recipe.network.heads.score() }))
    }

    /// The mask of a map of probabilities at the image's own size; `score` is the network's.
    ///
    /// # Errors
    /// If a plugin fails.
    pub fn mask(&self, item: &Item, map: &Array2<f32>, score: Option<f32>) -> Result<Mask, TrainError> {
        let size = Size::from(map.dim());
        if self.gated && score.is_none_or(|score| score <= GATE) {
            return Ok(Mask::from(Array2::from_elem(size, false)));
        }
        let (low, high) = score.map_or((0.0, 1.0), |score| (score, score));
        let context = Context::new(&item.id, size).with_score(low, high);
        let mut mask = None;
        for plugin in &self.steps {
            let made = plugin.postprocess(&context, map.view(), mask.as_ref());
            mask = Some(made.map_err(|source| TrainError::Rule { image: item.id.clone(), source: Box::new(source) })?);
        }
        Ok(mask.expect("a rule has a step"))
    }
}
