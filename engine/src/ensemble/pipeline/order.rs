//! The stages in the order in which images pass through them, and the effect of a stage's verdict on an image.

use super::trace::Trace;
use crate::Size;
use crate::ensemble::Ensemble;
use crate::ensemble::error::ImageError;
use crate::ensemble::stage::crop::Crop;
use crate::ensemble::stage::{Stage, Verdict};
use crate::ensemble::task::ImageTask;

/// A stage with its role.
pub struct OrderedStage<'e> {
    pub stage: &'e Stage,
    role: Role<'e>,
}

/// The role of a stage.
enum Role<'e> {
    /// It finds the relevant part of the image.
    Crop(&'e Crop),
    /// It decides whether there is anything to segment.
    Classifier,
    /// It segments.
    Segmenter,
}

impl Ensemble {
    /// The stages: crop, classifier and segmenter; the first two are optional.
    pub(in crate::ensemble) fn ordered_stages(&self) -> impl Iterator<Item = OrderedStage<'_>> {
        let crop = self.crop.iter().map(|crop| OrderedStage { stage: &crop.stage, role: Role::Crop(crop) });
        let classifier = self.classifier.iter().map(|stage| OrderedStage { stage, role: Role::Classifier });
        crop.chain(classifier).chain([OrderedStage { stage: &self.segmenter, role: Role::Segmenter }])
    }
}

impl OrderedStage<'_> {
    /// The stage's task for an image: a crop stage merges its maps at its own size.
    pub fn asks(&self, task: ImageTask) -> ImageTask {
        match self.role {
            Role::Crop(crop) => ImageTask { size: crop.size, ..task },
            Role::Classifier | Role::Segmenter => task,
        }
    }

    /// Records the verdict on an image of `size`; returns whether the image continues to the next stage.
    ///
    /// # Errors
    /// If a crop stage finds nothing, and the manifest says to skip such an image.
    pub fn take(
        &self,
        verdict: Verdict,
        size: Size,
        task: &mut ImageTask,
        trace: &mut Trace,
    ) -> Result<bool, ImageError> {
        match self.role {
            Role::Crop(crop) => {
                let region = crop.region(&verdict, size)?;
                task.region = Some(region);
                trace.crop = Some((region, verdict));
                Ok(true)
            }
            Role::Classifier => {
                let passed = verdict.passed;
                task.score = verdict.score;
                trace.classified = Some(verdict);
                Ok(passed)
            }
            Role::Segmenter => {
                trace.segmented = Some(verdict);
                Ok(true)
            }
        }
    }
}
