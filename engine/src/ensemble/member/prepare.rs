//! A member's prepared image: intensities, resized, changed by its prepare plugins.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rayon::prelude::*;

use super::own::Own;
use super::part::Part;
use super::placement::Placement;
use super::tensor;
use super::windows::Windows;
use crate::ensemble::error::{ImageError, Step as At};
use crate::ensemble::task::{ImageTask, Region};
use crate::manifest::{self, Fit, Input, Intensity, Measured, Resize};
use crate::plugin::Plugin;
use crate::{Radiograph, Size};
use pleura_image::resize::resize;

/// The longest side of an image, read or resized.
pub const MAX_SIDE: usize = 16_384;

/// What a network sees of a radiograph, in training and in prediction, before any plugin: intensities in 0..=1, resized
/// to `size`.
#[must_use]
pub fn prepare(radiograph: &Radiograph, intensity: Intensity, size: Size, how: Resize) -> Array2<f32> {
    let Size { height, width } = radiograph.size();
    clipped(radiograph.resized_part(intensity, (0..height, 0..width), size, how))
}

/// One way of preparing an image. Members that prepare it in the same way share a recipe and its result.
pub struct Recipe {
    pub intensity: Intensity,
    pub input: Input,
    pub plugins: Vec<Arc<Plugin>>,
    /// What of the image is prepared.
    pub part: Part,
}

/// A network's input before any view, or what windows are cut out of.
#[derive(Debug)]
pub struct PreparedImage {
    /// Intensities in 0..=1, (height, width).
    pub plane: Array2<f32>,
    /// Where the image lies on it; `None` if it fills it.
    pub placement: Option<Placement>,
    /// What normalizes it, if that was measured of the image.
    pub own: Option<Own>,
    /// The parts that are seen one after the other.
    pub windows: Option<Windows>,
}

impl PreparedImage {
    /// How many parts are seen.
    pub fn count(&self) -> usize {
        self.windows.as_ref().map_or(1, Windows::count)
    }

    /// What is seen at once.
    pub fn window(&self, number: usize) -> ArrayView2<'_, f32> {
        self.windows.as_ref().map_or(self.plane.view(), |windows| windows.cut(self.plane.view(), number))
    }
}

impl Recipe {
    /// Prepares one image.
    pub fn apply(&self, radiograph: &Radiograph, region: Option<Region>) -> Result<PreparedImage, ImageError> {
        let part = self.part.region(radiograph, region).unwrap_or(Region::whole(radiograph.size()));
        let input = &self.input;
        let size = Size::from(input.size);
        let placement = Placement::new(input.fit, part.size(), radiograph.spacing(), size)?;
        let inner = placement.map_or(size, |placement| placement.inner);
        let (image, own) = self.resized(radiograph, part, inner);
        let put = |image: Array2<f32>, own| match placement {
            Some(placement) => placement.put(image.view(), self.border(radiograph, own)),
            None => image,
        };
        let Fit::Windows(how) = input.fit else {
            let plane = self.changed(put(image, own))?;
            let own = self.own_again(own, placement.map_or(plane.view(), |placement| placement.image(plane.view())));
            return Ok(PreparedImage { plane, placement, own, windows: None });
        };
        // what lies around a small image is no part of it: plugins do not see it
        let image = self.changed(image)?;
        let own = self.own_again(own, image.view());
        let plane = put(image, own);
        let windows = Windows::new(plane.dim().into(), size, &how);
        Ok(PreparedImage { plane, placement, own, windows: Some(windows) })
    }

    /// The part of the image in the size that is seen, and what normalizes it.
    fn resized(&self, radiograph: &Radiograph, part: Region, size: Size) -> (Array2<f32>, Option<Own>) {
        let how = self.input.resize;
        if matches!(self.input.normalize.of(), None | Some(Measured::Input)) {
            let (rows, columns) = (part.top..part.top + part.height, part.left..part.left + part.width);
            return (clipped(radiograph.resized_part(self.intensity, (rows, columns), size, how)), None);
        }
        let intensities = radiograph.intensities(self.intensity);
        let mut seen = CowArray::from(part.cut(intensities.view()));
        let own = self.own(&mut seen, part.cut(radiograph.values()), radiograph.zero());
        (resized(seen.view(), size, how), own)
    }

    /// The image after the prepare plugins.
    fn changed(&self, mut image: Array2<f32>) -> Result<Array2<f32>, ImageError> {
        for plugin in &self.plugins {
            image = plugin.prepare(image.view()).map_err(|source| ImageError::plugin(At::Prepare, source))?;
        }
        Ok(image)
    }

    /// Measures the image again, if plugins have changed it.
    fn own_again(&self, own: Option<Own>, image: ArrayView2<'_, f32>) -> Option<Own> {
        let changed = own.filter(|_| !self.plugins.is_empty());
        changed.map(|_| Own::measured(self.input.normalize, image.iter().copied())).or(own)
    }

    /// Measures the image; pixels that are not measured because they are 0 in the file become what is seen as 0.
    fn own(&self, image: &mut CowArray<'_, f32, Ix2>, values: ArrayView2<'_, f32>, zero: f32) -> Option<Own> {
        let how = self.input.normalize;
        match how.of()? {
            Measured::Input => None,
            Measured::Image => Some(Own::measured(how, image.iter().copied())),
            Measured::Nonzero => {
                let measured = image.iter().zip(values).filter(|(_, value)| **value != zero).map(|(v, _)| *v);
                let own = Own::measured(how, measured);
                image.zip_mut_with(&values, |v, &value| {
                    if value == zero {
                        *v = own.offset
                    }
                });
                Some(own)
            }
        }
    }

    /// The intensity around the image.
    fn border(&self, radiograph: &Radiograph, own: Option<Own>) -> f32 {
        match self.input.fit {
            Fit::Stretch | Fit::CenterSquare | Fit::CenterCrop { .. } => 0.0,
            Fit::Letterbox { border } => border,
            Fit::Windows(manifest::Windows { border, .. }) => {
                border.unwrap_or_else(|| tensor::zero(&self.input, radiograph.range(), own.unwrap_or(Own::NONE)))
            }
        }
    }

    /// About how much is held of an image while it is prepared and its windows are joined: pixels, and planes of the
    /// image's own size.
    pub fn held(&self) -> (usize, usize) {
        let input = Size::from(self.input.size).area();
        match self.input.fit {
            Fit::CenterCrop { short_side } => (input + 2 * (short_side as usize).pow(2), 0),
            Fit::Stretch | Fit::CenterSquare | Fit::Letterbox { .. } => (input, 0),
            // the image, the sum of its windows' maps, and that of their weights
            Fit::Windows(manifest::Windows { resized: Some(size), .. }) => (3 * input.max(Size::from(size).area()), 0),
            Fit::Windows(_) => (3 * input, 3),
        }
    }
}

/// A plane of intensities at another size.
fn resized(plane: ArrayView2<'_, f32>, size: Size, how: Resize) -> Array2<f32> {
    clipped(resize(plane, size, how).into_owned())
}

/// Cubic weights overshoot; intensities must not.
fn clipped(mut image: Array2<f32>) -> Array2<f32> {
    image.mapv_inplace(|v| v.clamp(0.0, 1.0));
    image
}

/// The prepared images of one batch, each computed once per recipe.
#[derive(Default)]
pub struct Prepared {
    images: HashMap<(usize, usize), Arc<PreparedImage>>,
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
    pub fn get(&self, recipe: usize, image: usize) -> Arc<PreparedImage> {
        Arc::clone(&self.images[&(recipe, image)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Convention, Layout, Normalize, Unit, Weighting};

    fn recipe(side: u32) -> Recipe {
        let input = Input {
            name: "image".into(),
            size: [side, side],
            channels: 1,
            layout: Layout::Nchw,
            scale: 1.0,
            mean: vec![0.25],
            std: Vec::new(),
            resize: Resize::Linear,
            fit: Fit::Stretch,
            normalize: Normalize::None,
            unit: Unit::Intensity,
        };
        Recipe { intensity: Intensity::Stored, input, plugins: Vec::new(), part: Part::default() }
    }

    fn corner() -> Radiograph {
        let values = Array2::from_shape_fn((4, 4), |(row, column)| if row < 2 && column < 2 { 255.0 } else { 0.0 });
        Radiograph::from_values("a", values, (0.0, 255.0)).unwrap()
    }

    #[test]
    fn an_image_is_prepared_once_a_recipe() {
        let recipes = [recipe(2), recipe(2)];
        let radiograph = Radiograph::from_values("a", Array2::from_elem((4, 4), 51.0), (0.0, 255.0)).unwrap();
        let task = ImageTask { image: 0, size: Size::new(2, 2), region: None, score: None, fold: None };
        let mut prepared = Prepared::default();
        assert!(prepared.fill(&recipes, 0, &[&radiograph], &[&task]).is_empty());
        let first = prepared.get(0, 0);
        assert!(prepared.fill(&recipes, 0, &[&radiograph], &[&task]).is_empty());
        assert!(prepared.fill(&recipes, 1, &[&radiograph], &[&task]).is_empty());
        assert!(Arc::ptr_eq(&first, &prepared.get(0, 0)) && !Arc::ptr_eq(&first, &prepared.get(1, 0)));
        assert!(first.plane.iter().all(|v| (v - 0.2).abs() < 1e-6));
    }

    #[test]
    fn a_part_is_prepared_as_if_it_were_the_image() {
        let of = |crop| Recipe { part: Part { crop, ..Part::default() }, ..recipe(3) };
        let part = Region { top: 0, left: 0, height: 2, width: 2, of: Size::new(4, 4) };
        assert!(of(true).apply(&corner(), Some(part)).unwrap().plane.iter().all(|&v| v == 1.0));
        assert!(of(false).apply(&corner(), Some(part)).unwrap().plane.iter().any(|&v| v == 0.0));
        let nonzero = Recipe { part: Part { nonzero: true, ..Part::default() }, ..recipe(3) };
        assert!(nonzero.apply(&corner(), None).unwrap().plane.iter().all(|&v| v == 1.0));
    }

    #[test]
    fn a_small_image_lies_in_a_window_of_zeros() {
        let (overlap, weighting, convention) = (0.5, Weighting::Gaussian, Convention::NnUnet);
        let windows = manifest::Windows { overlap, weighting, convention, resized: None, spacing: None, border: None };
        let fitted = |normalize| {
            let mut recipe = recipe(6);
            recipe.input.fit = Fit::Windows(windows);
            recipe.input.normalize = normalize;
            recipe.apply(&corner(), None).unwrap()
        };
        // the intensity that becomes 0 is the mean
        let plain = fitted(Normalize::None);
        assert_eq!(
            (plain.plane.dim(), plain.count(), plain.plane[(0, 0)], plain.plane[(1, 1)]),
            ((6, 6), 1, 0.25, 1.0)
        );
        let image = fitted(Normalize::ZScore { of: Measured::Image });
        let own = image.own.unwrap();
        assert_eq!((own.offset, image.plane[(0, 0)]), (0.25, 0.25 * own.divisor + 0.25));
        let nonzero = fitted(Normalize::MinMax { of: Measured::Nonzero });
        assert_eq!((nonzero.own.unwrap().offset, nonzero.plane[(4, 4)]), (1.0, 1.0));
    }
}
