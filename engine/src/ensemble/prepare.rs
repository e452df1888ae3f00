//! What a member sees: intensities, resized, changed by its prepare plugins.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use super::error::{ImageError, Step as At};
use super::resize::resize;
use crate::Radiograph;
use crate::manifest::{Intensity, Resize};
use crate::plugin::Plugin;

/// What a network sees of a radiograph, in training as in prediction, before any plugin: intensities in 0..=1, brought
/// to (height, width) = `size`.
#[must_use]
pub fn prepare(radiograph: &Radiograph, intensity: Intensity, size: (usize, usize), how: Resize) -> Array2<f32> {
    let intensities = radiograph.intensities(intensity);
    let mut image = resize(intensities.view(), size, how).into_owned();
    // Cubic weights overshoot; intensities do not.
    image.mapv_inplace(|v| v.clamp(0.0, 1.0));
    image
}

/// One way to prepare an image. Members that prepare it the same way share a recipe, and its result.
pub struct Recipe {
    pub intensity: Intensity,
    /// (height, width) in pixels.
    pub size: (usize, usize),
    pub resize: Resize,
    pub plugins: Vec<Arc<Plugin>>,
}

impl Recipe {
    /// Prepares one image: (height, width) of [`Recipe::size`], in 0..=1.
    pub fn apply(&self, radiograph: &Radiograph) -> Result<Array2<f32>, ImageError> {
        let mut image = prepare(radiograph, self.intensity, self.size, self.resize);
        for plugin in &self.plugins {
            image = plugin.prepare(image.view()).map_err(|source| ImageError::plugin(At::Prepare, source))?;
        }
        Ok(image)
    }
}

/// The images of one batch as their members see them, each prepared once a recipe.
#[derive(Default)]
pub struct Prepared {
    images: HashMap<(usize, usize), Arc<Array2<f32>>>,
}

impl Prepared {
    /// Prepares what is not prepared yet: `images` are indices into `radiographs`. Those that fail are returned.
    pub fn fill(
        &mut self,
        recipes: &[Recipe],
        recipe: usize,
        radiographs: &[&Radiograph],
        images: &[usize],
    ) -> Vec<(usize, ImageError)> {
        let missing = images.iter().copied().filter(|&image| !self.images.contains_key(&(recipe, image)));
        let missing: Vec<usize> = missing.collect();
        let done: Vec<_> =
            missing.into_par_iter().map(|image| (image, recipes[recipe].apply(radiographs[image]))).collect();
        let mut failed = Vec::new();
        for (image, result) in done {
            match result {
                Ok(plane) => {
                    self.images.insert((recipe, image), Arc::new(plane));
                }
                Err(error) => failed.push((image, error)),
            }
        }
        failed
    }

    /// A prepared image, after [`Prepared::fill`].
    pub fn get(&self, recipe: usize, image: usize) -> Arc<Array2<f32>> {
        Arc::clone(&self.images[&(recipe, image)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_prepared_once_a_recipe() {
        let recipe =
            || Recipe { intensity: Intensity::Stored, size: (2, 2), resize: Resize::Linear, plugins: Vec::new() };
        let recipes = [recipe(), recipe()];
        let radiograph = Radiograph::from_values("a", Array2::from_elem((4, 4), 51.0), (0.0, 255.0));
        let mut prepared = Prepared::default();
        assert!(prepared.fill(&recipes, 0, &[&radiograph], &[0]).is_empty());
        let first = prepared.get(0, 0);
        assert!(prepared.fill(&recipes, 0, &[&radiograph], &[0]).is_empty());
        assert!(prepared.fill(&recipes, 1, &[&radiograph], &[0]).is_empty());
        assert!(Arc::ptr_eq(&first, &prepared.get(0, 0)) && !Arc::ptr_eq(&first, &prepared.get(1, 0)));
        assert!(first.iter().all(|v| (v - 0.2).abs() < 1e-6));
    }
}
