//! An ensemble at every point of a grid.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::chain::Chain;
use super::error::TuneError;
use super::gates::{Gates, StageOutputs};
use super::grid::Grid;
use super::target::Target;
use crate::ensemble::{Explanation, ImageError, MemberAnswer, StageExplained, postprocess_context};
use crate::plugin::Context;
use crate::submission::{Runs, Submission};
use crate::{Radiograph, Size};

/// The numbers of images, and of points of each, at which counting is compared with running the plugins.
const CHECKED: (usize, usize) = (8, 4);

/// The maximum number of Dice values that are kept, of 4 bytes each.
const MOST_KEPT: usize = 50_000_000;

/// An ensemble at every point of a grid.
pub struct Space {
    grid: Grid,
    classifier: Gates,
    segmenter: Gates,
    chain: Chain,
    accepted: Vec<bool>,
    checked: AtomicUsize,
}

/// A search's results for an image. Whether a gate stops it does not depend on later steps: so gates add to the stored
/// values, and do not multiply them.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The image.
    pub id: String,
    /// Whether the truth marks anything.
    pub positive: bool,
    /// Dice's coefficient with the current manifest, in 0..=1.
    pub current: f64,
    /// The classifier stage's score, in 0..=1; `None` without one.
    pub score: Option<f32>,
    /// Whether it passes the classifier's gate, at each choice.
    pub(super) classifier: Vec<bool>,
    /// Whether it passes the segmenter's gate, at each choice.
    pub(super) segmenter: Vec<bool>,
    /// Dice's coefficient after postprocessing, at each point; a single value if all are the same.
    pub(super) dice: Vec<f32>,
}

/// One image, with its truth.
pub struct Image<'a> {
    /// The image's id.
    pub id: &'a str,
    /// The plugins' context of the image.
    pub context: Context,
    /// The truth.
    pub target: Target,
    /// Dice's coefficient with the current manifest, in 0..=1.
    pub current: f64,
}

impl Space {
    /// Opens the plugins of a grid's manifest in `folder`.
    ///
    /// # Errors
    /// If a plugin cannot be opened, or refuses every value of a knob.
    pub fn open(grid: Grid, folder: &Path) -> Result<Self, TuneError> {
        let manifest = grid.manifest();
        let classifier = Gates::new(manifest.classifier.as_ref(), &grid.classifier()?);
        let segmenter = Gates::new(Some(&manifest.segmenter), &grid.segmenter()?);
        let chain = Chain::open(&grid.steps()?, folder)?;
        let accepted = chain.accepted();
        if !accepted.contains(&true) {
            let fault = "no combination of the values is accepted by every plugin".into();
            return Err(TuneError::Key { key: "postprocess".into(), fault });
        }
        Ok(Self { grid, classifier, segmenter, chain, accepted, checked: AtomicUsize::new(0) })
    }

    /// The grid.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The number of points that some plugin refuses, such as a triplet with `bottom` above `top`; they are left out.
    #[must_use]
    pub fn refused(&self) -> usize {
        let refused = self.accepted.iter().filter(|accepted| !**accepted).count();
        refused * self.classifier.len() * self.segmenter.len()
    }

    /// Checks that the results for `images` images fit the memory.
    ///
    /// # Errors
    /// If they do not.
    pub fn fits(&self, images: usize) -> Result<(), TuneError> {
        let values = images.saturating_mul(self.chain.points());
        if values > MOST_KEPT {
            let what =
                format!("{} points of postprocessing for {images} images are {values} values", self.chain.points());
            return Err(TuneError::TooMany { what, most: MOST_KEPT });
        }
        Ok(())
    }

    /// The same, with every plugin run at every point.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.chain = self.chain.plain();
        self
    }

    /// The results for an image.
    ///
    /// # Errors
    /// If a plugin fails on it, or [`TuneError::NotStock`] if a plugin differs from the stock plugin of its name.
    pub fn look(&self, image: &Image<'_>, answers: &Explanation) -> Result<Answered, TuneError> {
        let failed = |source| TuneError::Image { id: image.id.into(), source: Box::new(source) };
        let segmenter = answers.segmenter.as_ref().ok_or_else(|| failed(ImageError::NoMask))?;
        let map = segmenter.map.as_ref().ok_or_else(|| failed(ImageError::NoMask))?;
        let said: Vec<&MemberAnswer> = segmenter.members.iter().map(|member| &member.answer).collect();
        let dice = self.chain.dice(map.view(), &image.target, &image.context).map_err(failed)?;
        if self.checked.load(Relaxed) < CHECKED.0 && self.checked.fetch_add(1, Relaxed) < CHECKED.0 {
            self.check(image, segmenter, &dice)?;
        }
        Ok(Answered {
            id: image.id.into(),
            positive: !image.target.is_empty(),
            current: image.current,
            score: answers.classifier.as_ref().and_then(|stage| stage.score),
            classifier: self.classified(answers),
            segmenter: self.segmenter.passes(StageOutputs { score: segmenter.score, map: Some(map) }, &said),
            dice: shortened(dice),
        })
    }

    /// Whether an image passes the classifier's gate, at each of its choices.
    pub(super) fn classified(&self, answers: &Explanation) -> Vec<bool> {
        let Some(stage) = &answers.classifier else { return vec![true] };
        let said: Vec<&MemberAnswer> = stage.members.iter().map(|member| &member.answer).collect();
        self.classifier.passes(StageOutputs { score: stage.score, map: stage.map.as_ref() }, &said)
    }

    /// Checks that counting gives the same results as the plugins.
    fn check(&self, image: &Image<'_>, segmenter: &StageExplained, dice: &[f32]) -> Result<(), TuneError> {
        let failed = |source| TuneError::Image { id: image.id.into(), source: Box::new(source) };
        let Some(map) = &segmenter.map else { return Ok(()) };
        // Points far from each other: a step that is coprime to their number visits all in turn.
        let seen = self.checked.load(Relaxed);
        for number in 0..CHECKED.1 {
            let point = (seen * CHECKED.1 + number) * 7919 % dice.len();
            let Some(mask) = self.chain.mask(point, map.view(), &image.context).map_err(failed)? else { continue };
            if image.target.dice(image.target.sums(&mask)) as f32 != dice[point] {
                return Err(TuneError::NotStock);
            }
        }
        Ok(())
    }

    /// The numbers of choices of the classifier's gate, the segmenter's gate and postprocessing.
    pub(super) fn shape(&self) -> (usize, usize, usize) {
        (self.classifier.len(), self.segmenter.len(), self.chain.points())
    }

    /// Whether each point of postprocessing is accepted by all plugins.
    pub(super) fn accepted(&self) -> &[bool] {
        &self.accepted
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(super) fn gates(&self) -> (&Gates, &Gates) {
        (&self.classifier, &self.segmenter)
    }
}

impl Answered {
    /// Dice's coefficient of the empty mask.
    #[must_use]
    pub fn nothing(&self) -> f64 {
        if self.positive { 0.0 } else { 1.0 }
    }

    /// Dice's coefficient at a point of a space; NaN where a plugin refuses the point.
    #[must_use]
    pub fn at(&self, space: &Space, point: usize) -> f64 {
        let (_, segmenters, steps) = space.shape();
        let (gates, step) = (point / steps, point % steps);
        if !space.accepted[step] {
            return f64::NAN;
        }
        if self.classifier[gates / segmenters] && self.segmenter[gates % segmenters] {
            self.step(step)
        } else {
            self.nothing()
        }
    }

    /// Dice's coefficient after postprocessing, at one of its points.
    pub(super) fn step(&self, step: usize) -> f64 {
        f64::from(self.dice[if self.dice.len() == 1 { 0 } else { step }])
    }
}

impl<'a> Image<'a> {
    /// An image with its truth, whose masks are of `size` in the truth.
    ///
    /// # Errors
    /// If the truth has no row for it.
    pub fn new(
        radiograph: &'a Radiograph,
        answers: &Explanation,
        truth: &Submission,
        size: Size,
    ) -> Result<Self, TuneError> {
        let id = radiograph.id();
        let runs: &Runs = truth.runs(id).ok_or_else(|| TuneError::NoTruth { id: id.into() })?;
        let map = answers.segmenter.as_ref().and_then(|stage| stage.map.as_ref());
        let masks = answers.finding.mask.size();
        let target = Target::new(runs, size, map.map_or(masks, |map| map.dim().into()), masks);
        let context = postprocess_context(radiograph, answers.finding.score);
        let submitted = Target::new(runs, size, masks, masks);
        let current = submitted.dice(submitted.sums(&answers.finding.mask));
        Ok(Self { id, context, target, current })
    }
}

/// Dice at every point, reduced to one value if all are equal.
pub(super) fn shortened(mut dice: Vec<f32>) -> Vec<f32> {
    if dice.iter().all(|it| it.to_bits() == dice[0].to_bits()) {
        dice.truncate(1);
    }
    dice
}
