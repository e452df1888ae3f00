//! The three roles of plugins, as traits.

use ndarray::{ArrayView2, ArrayViewMut2};
use serde::de::DeserializeOwned;

use crate::Size;

/// Grey intensities, (height, width), in 0..=1, row-major; 1 is white (dense tissue).
pub type Image<'a> = ArrayView2<'a, f32>;
/// An image to write; every pixel must be written.
pub type ImageMut<'a> = ArrayViewMut2<'a, f32>;
/// A map, (height, width), row-major: probabilities in 0..=1, or logits if the manifest resizes logits.
pub type Map<'a> = ArrayView2<'a, f32>;
/// A map to write; every pixel must be written.
pub type MapMut<'a> = ArrayViewMut2<'a, f32>;
/// A mask, (height, width), row-major.
pub type Mask<'a> = ArrayView2<'a, bool>;
/// A mask to write, all `false` before the call.
pub type MaskMut<'a> = ArrayViewMut2<'a, bool>;

/// Why a plugin refused its parameters or failed on an image: a lowercase fragment that fits after "failed to".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(pub String);

impl<T: Into<String>> From<T> for Error {
    fn from(message: T) -> Self {
        Self(message.into())
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// What a postprocessing step knows about the image besides its map.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Context {
    /// The image's id in the submission.
    pub image_id: String,
    /// Size of the radiograph as stored, in pixels; the map may be of another size.
    pub original_size: Size,
    /// Bounds of the classifier stage's score, in 0..=1: equal if every member ran, apart if early exit skipped some,
    /// (0, 1) without a classifier.
    pub score: (f32, f32),
    /// Pixel spacing of the radiograph as stored, (row, column) in mm, where the file states it.
    pub spacing: Option<(f32, f32)>,
}

impl Context {
    /// Of an image of `original_size` whose score and spacing are unknown.
    #[must_use]
    pub fn new(image_id: impl Into<String>, original_size: Size) -> Self {
        Self { image_id: image_id.into(), original_size, score: (0.0, 1.0), spacing: None }
    }

    /// Sets the bounds of the classifier stage's score.
    #[must_use]
    pub fn with_score(mut self, low: f32, high: f32) -> Self {
        self.score = (low, high);
        self
    }

    /// Sets the pixel spacing, (row, column) in mm, if known.
    #[must_use]
    pub fn with_spacing(mut self, spacing: Option<(f32, f32)>) -> Self {
        self.spacing = spacing;
        self
    }
}

/// Image to image of the same size, before a member's inference: contrast, gamma, denoising.
pub trait Prepare: Send + Sync + Sized + 'static {
    /// The plugin's name in manifests, in kebab-case.
    const NAME: &'static str;
    /// Parameters as the manifest gives them; `#[serde(deny_unknown_fields)]` turns a typo into an error.
    type Params: DeserializeOwned;

    /// Checks the parameters.
    ///
    /// # Errors
    /// If a parameter is out of its range; name it and the range.
    fn create(params: Self::Params) -> Result<Self, Error>;

    /// Writes the prepared image.
    ///
    /// # Errors
    /// If this image cannot be prepared; it is then skipped and reported.
    fn apply(&self, image: Image<'_>, out: ImageMut<'_>) -> Result<(), Error>;
}

/// Test-time augmentation: a number of views, each with its inverse on maps.
///
/// The identity is not a view of the plugin: the engine adds it, once.
pub trait Tta: Send + Sync + Sized + 'static {
    /// The plugin's name in manifests, in kebab-case.
    const NAME: &'static str;
    /// Parameters as the manifest gives them; `#[serde(deny_unknown_fields)]` turns a typo into an error.
    type Params: DeserializeOwned;

    /// Checks the parameters.
    ///
    /// # Errors
    /// If a parameter is out of its range; name it and the range.
    fn create(params: Self::Params) -> Result<Self, Error>;

    /// The number of views, at least 1.
    fn views(&self) -> usize;

    /// Size of a view of an image of the given size, in pixels.
    fn view_size(&self, view: usize, size: Size) -> Size {
        let _ = view;
        size
    }

    /// Writes view number `view` of an image; `out` has the size returned by [`view_size`](Tta::view_size).
    ///
    /// # Errors
    /// If this image has no such view; it is then skipped and reported.
    fn forward(&self, view: usize, image: Image<'_>, out: ImageMut<'_>) -> Result<(), Error>;

    /// Transforms the map of view number `view` back; `out` has the size of the image before `forward`,
    /// or, where a network's map is smaller than its input, the fraction of it that `map` is of the view.
    ///
    /// # Errors
    /// If the map cannot be transformed back; the image is then skipped and reported.
    fn inverse(&self, view: usize, map: Map<'_>, out: MapMut<'_>) -> Result<(), Error>;
}

/// Turns a probability map and the mask so far into the next mask.
pub trait Postprocess: Send + Sync + Sized + 'static {
    /// The plugin's name in manifests, in kebab-case.
    const NAME: &'static str;
    /// Whether the result depends on [`Context::score`]; the engine then always computes the exact score.
    const USES_SCORE: bool = false;
    /// Parameters as the manifest gives them; `#[serde(deny_unknown_fields)]` turns a typo into an error.
    type Params: DeserializeOwned;

    /// Checks the parameters.
    ///
    /// # Errors
    /// If a parameter is out of its range; name it and the range.
    fn create(params: Self::Params) -> Result<Self, Error>;

    /// Writes the next mask. `mask` is the previous step's mask: `None` for the first step.
    ///
    /// # Errors
    /// If this image cannot be processed; it is then skipped and reported.
    fn apply(&self, context: &Context, map: Map<'_>, mask: Option<Mask<'_>>, out: MaskMut<'_>) -> Result<(), Error>;
}
