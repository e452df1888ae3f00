//! A member's prepared image: intensities, resized, changed by its prepare plugins.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use super::placement::Placement;
use crate::ensemble::error::{ImageError, Step as At};
use crate::ensemble::task::{ImageTask, Region};
use crate::manifest::{Fit, Intensity, Resize};
use crate::plugin::Plugin;
use crate::{Radiograph, Size};
use pleura_image::resize::resize;

/// The longest side of an image, read or resized.
pub const MAX_SIDE: usize = 16_384;

/// What a network sees of a radiograph, in training and in prediction, before any plugin: intensities in 0..=1, resized
/// to `size`.
#[must_use]
pub fn prepare(radiograph: &Radiograph, intensity: Intensity, size: Size, how: Resize) -> Array2<f32> {
    let recipe = Recipe { intensity, size, resize: how, fit: Fit::Stretch, plugins: Vec::new(), crop: false };
    recipe.fitted(radiograph, Region::whole(radiograph.size()))
}

/// One way of preparing an image. Members that prepare it in the same way share a recipe and its result.
pub struct Recipe {
    pub intensity: Intensity,
    /// Height and width in pixels.
    pub size: Size,
    pub resize: Resize,
    pub fit: Fit,
    pub plugins: Vec<Arc<Plugin>>,
    /// Whether only the crop stage's box is prepared.
    pub crop: bool,
}

impl Recipe {
    /// Prepares one image, in 0..=1 and of [`Recipe::size`].
    pub fn apply(&self, radiograph: &Radiograph, region: Option<Region>) -> Result<Array2<f32>, ImageError> {
        let part = region.filter(|_| self.crop).unwrap_or(Region::whole(radiograph.size()));
        self.is_short_enough(part.size())?;
        let mut image = self.fitted(radiograph, part);
        for plugin in &self.plugins {
            image = plugin.prepare(image.view()).map_err(|source| ImageError::plugin(At::Prepare, source))?;
        }
        Ok(image)
    }

    /// Refuses a long strip, which a shorter side of some hundred pixels would make gigabytes of.
    fn is_short_enough(&self, size: Size) -> Result<(), ImageError> {
        let Fit::CenterCrop { short_side } = self.fit else { return Ok(()) };
        match Placement::new(self.fit, size, self.size) {
            Some(Placement { inner, .. }) if inner.height.max(inner.width) > MAX_SIDE => {
                Err(ImageError::TooLong { size, short_side, inner })
            }
            _ => Ok(()),
        }
    }

    /// About how many pixels a prepared image has, with what it is cut out of.
    pub fn pixels(&self) -> usize {
        match self.fit {
            Fit::CenterCrop { short_side } => self.size.area() + 2 * (short_side as usize).pow(2),
            Fit::Stretch | Fit::Letterbox { .. } => self.size.area(),
        }
    }

    /// A part of the radiograph on the input; intensities are those of the whole.
    fn fitted(&self, radiograph: &Radiograph, part: Region) -> Array2<f32> {
        let intensities = radiograph.intensities(self.intensity);
        let placement = Placement::new(self.fit, part.size(), self.size);
        let size = placement.map_or(self.size, |placement| placement.inner);
        let mut image = resize(part.cut(intensities.view()), size, self.resize).into_owned();
        // Cubic weights overshoot; intensities must not.
        image.mapv_inplace(|v| v.clamp(0.0, 1.0));
        let border = if let Fit::Letterbox { border } = self.fit { border } else { 0.0 };
        placement.map(|placement| placement.put(image.view(), border)).unwrap_or(image)
    }
}

/// The prepared images of one batch, each computed once per recipe.
#[derive(Default)]
pub struct Prepared {
    images: HashMap<(usize, usize), Arc<Array2<f32>>>,
}

impl Prepared {
    /// Prepares what is not prepared yet. Returns images that fail.
    pub fn fill(
        &mut self,
        recipes: &[Recipe],
        recipe: usize,
        radiographs: &[&Radiograph],
        tasks: &[&ImageTask],
    ) -> Vec<(usize, ImageError)> {
        let missing: Vec<&&ImageTask> =
            tasks.iter().filter(|task| !self.images.contains_key(&(recipe, task.image))).collect();
        let apply = |task: &&ImageTask| (task.image, recipes[recipe].apply(radiographs[task.image], task.region));
        let done: Vec<_> = missing.into_par_iter().map(apply).collect();
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
        let recipe = || Recipe {
            intensity: Intensity::Stored,
            size: Size::new(2, 2),
            resize: Resize::Linear,
            fit: Fit::Stretch,
            plugins: Vec::new(),
            crop: false,
        };
        let recipes = [recipe(), recipe()];
        let radiograph = Radiograph::from_values("a", Array2::from_elem((4, 4), 51.0), (0.0, 255.0)).unwrap();
        let task = ImageTask { image: 0, size: Size::new(2, 2), region: None, score: None, fold: None };
        let mut prepared = Prepared::default();
        assert!(prepared.fill(&recipes, 0, &[&radiograph], &[&task]).is_empty());
        let first = prepared.get(0, 0);
        assert!(prepared.fill(&recipes, 0, &[&radiograph], &[&task]).is_empty());
        assert!(prepared.fill(&recipes, 1, &[&radiograph], &[&task]).is_empty());
        assert!(Arc::ptr_eq(&first, &prepared.get(0, 0)) && !Arc::ptr_eq(&first, &prepared.get(1, 0)));
        assert!(first.iter().all(|v| (v - 0.2).abs() < 1e-6));
    }

    #[test]
    fn a_part_is_prepared_as_if_it_were_the_image() {
        let values = Array2::from_shape_fn((4, 4), |(row, column)| if row < 2 && column < 2 { 255.0 } else { 0.0 });
        let radiograph = Radiograph::from_values("a", values, (0.0, 255.0)).unwrap();
        let recipe = |crop| Recipe {
            intensity: Intensity::Stored,
            size: Size::new(3, 3),
            resize: Resize::Linear,
            fit: Fit::Stretch,
            plugins: Vec::new(),
            crop,
        };
        let part = Region { top: 0, left: 0, height: 2, width: 2, of: Size::new(4, 4) };
        assert!(recipe(true).apply(&radiograph, Some(part)).unwrap().iter().all(|&v| v == 1.0));
        assert!(recipe(false).apply(&radiograph, Some(part)).unwrap().iter().any(|&v| v == 0.0));
    }
}
