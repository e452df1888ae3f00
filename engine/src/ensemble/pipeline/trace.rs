//! Images in the stages, and the findings that result.

use std::sync::Arc;

use crate::ensemble::Ensemble;
use crate::ensemble::agreement::Agreement;
use crate::ensemble::device::slot::DeviceSlot;
use crate::ensemble::error::ImageError;
use crate::ensemble::finding::{Decision, Finding, Runs};
use crate::ensemble::member::BatchContext;
use crate::ensemble::member::inputs::Inputs;
use crate::ensemble::member::prepare::Prepared;
use crate::ensemble::postprocess;
use crate::ensemble::referral::{self, Known};
use crate::ensemble::stage::Verdict;
use crate::ensemble::task::{ImageTask, Region};
use pleura_image::resize::nearest;

use crate::{Mask, Radiograph, Size};

/// Which outputs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Only what a finding needs.
    Nothing,
    /// Each member's output, as far as the gates let the image pass.
    Answers,
    /// Each member's output: gates stop nothing.
    AllAnswers,
}

/// The stages' results for an image.
pub struct Trace {
    /// Size at which maps were merged.
    pub size: Size,
    pub crop: Option<(Region, Verdict)>,
    pub classified: Option<Verdict>,
    pub segmented: Option<Verdict>,
}

impl Ensemble {
    /// Sends images through the stages. `prepared` holds images that are already prepared.
    pub(in crate::ensemble) fn trace(
        &self,
        slot: DeviceSlot<'_>,
        radiographs: &[&Radiograph],
        mut prepared: Prepared,
        keep: Keep,
    ) -> Vec<Result<Trace, ImageError>> {
        let mut context = BatchContext {
            radiographs,
            recipes: &self.recipes,
            prepared: &mut prepared,
            inputs: Inputs::new(self.shared_inputs()),
            batch: self.batch,
            cache: self.cache.as_ref(),
            counts: &self.counts,
            slot,
            keep: keep != Keep::Nothing,
        };
        let mut traces: Vec<Result<Trace, ImageError>> = radiographs.iter().map(|r| self.begin(r)).collect();
        let begun = |(image, radiograph): (usize, &&Radiograph)| self.task(image, radiograph);
        let mut tasks: Vec<ImageTask> = radiographs.iter().enumerate().map(begun).collect();
        tasks.retain(|task| traces[task.image].is_ok());
        for stage in self.ordered_stages() {
            let asked: Vec<ImageTask> = tasks.iter().map(|task| stage.asks(*task)).collect();
            let verdicts = stage.stage.run(&mut context, &asked);
            let mut verdicts = verdicts.into_iter();
            // An image that a gate stops does not reach the later stages.
            tasks.retain_mut(|task| {
                let size = radiographs[task.image].size();
                let trace = &mut traces[task.image];
                let (Some(verdict), Ok(so_far)) = (verdicts.next(), trace.as_mut()) else { return false };
                let goes_on = verdict.and_then(|verdict| stage.take(verdict, size, task, so_far));
                match goes_on {
                    Ok(passed) => passed || keep == Keep::AllAnswers,
                    Err(error) => {
                        *trace = Err(error);
                        false
                    }
                }
            });
        }
        traces
    }

    fn begin(&self, radiograph: &Radiograph) -> Result<Trace, ImageError> {
        if self.folds.as_ref().is_some_and(|folds| !folds.contains_key(radiograph.id())) {
            return Err(ImageError::Unfolded);
        }
        self.manifest.accepts.admit(radiograph).map_err(|reason| ImageError::NotAccepted { reason })?;
        Ok(Trace { size: self.output_size(radiograph), crop: None, classified: None, segmented: None })
    }

    /// The task of an image before its first stage.
    pub(in crate::ensemble) fn task(&self, image: usize, radiograph: &Radiograph) -> ImageTask {
        let fold = self.folds.as_ref().and_then(|folds| folds.get(radiograph.id()).copied());
        ImageTask { image, size: self.output_size(radiograph), region: None, score: None, fold }
    }

    /// Turns the stages' results into the finding, with the mask after each postprocessing step if they are kept.
    ///
    /// # Errors
    /// If a plugin fails.
    pub(in crate::ensemble) fn conclude(
        &self,
        radiograph: &Radiograph,
        trace: Trace,
        keeps_masks: bool,
    ) -> Result<(Finding, Vec<Mask>), ImageError> {
        // of the highest level, so that every log event has it
        let _span = tracing::error_span!("image", id = radiograph.id()).entered();
        let Trace { size, crop, classified, segmented } = trace;
        let score = classified.as_ref().and_then(|verdict| verdict.score);
        let classified_passed = classified.as_ref().map(|verdict| verdict.passed);
        let calibrated = self.manifest.calibration.as_ref().zip(score);
        let scores = classified.map(|verdict| verdict.scores).unwrap_or_default();
        let mut finding = Finding {
            id: radiograph.id().to_owned(),
            mask: Mask::empty(self.mask_size(size)),
            decision: Decision::ClassifierGate,
            score,
            calibrated: calibrated.map(|(how, (low, high))| (how.probability(low), how.probability(high))),
            agreement: Agreement::new(
                scores.iter().copied().flatten(),
                segmented.as_ref().and_then(|verdict| verdict.dice),
            ),
            reasons: Vec::new(),
            map: None,
            runs: Runs {
                classifiers: scores.len(),
                segmenters: segmented.as_ref().map_or(0, |verdict| verdict.scores.len()),
            },
            classifiers: self.named(scores),
            areas: Vec::new(),
            steps: Arc::clone(&self.steps),
            spacing: radiograph.spacing_at(self.mask_size(size)),
            crop: crop.map(|(region, _)| region),
        };
        let masks = match segmented {
            Some(verdict) => self.postprocessed(radiograph, size, verdict, &mut finding, keeps_masks)?,
            None => Vec::new(),
        };
        if let Some(refer) = &self.manifest.refer {
            let (passed, is_empty) = (classified_passed, finding.mask.is_empty());
            let Finding { score, calibrated, agreement, .. } = finding;
            finding.reasons = referral::reasons(refer, Known { score, calibrated, agreement, passed, is_empty });
        }
        Ok((finding, masks))
    }

    /// Turns the segmenters' verdict into the finding's mask; returns the mask after each step if they are kept.
    fn postprocessed(
        &self,
        radiograph: &Radiograph,
        size: Size,
        verdict: Verdict,
        finding: &mut Finding,
        keeps_masks: bool,
    ) -> Result<Vec<Mask>, ImageError> {
        finding.decision = Decision::SegmenterGate;
        let mut masks = Vec::new();
        if verdict.passed
            && let Some(map) = &verdict.map
        {
            finding.decision = Decision::Postprocess;
            masks = postprocess::run(&self.postprocess, &postprocess::context(radiograph, finding.score), map.view())?;
            finding.areas = masks.iter().map(Mask::area).collect();
            let last = if keeps_masks { masks.last().cloned() } else { masks.pop() };
            if let Some(last) = last {
                let wanted = self.mask_size(size);
                finding.mask = if last.size() == wanted { last } else { nearest(&last, wanted) };
            }
        }
        finding.map = verdict.map.filter(|_| self.keep_maps);
        Ok(masks)
    }

    /// The size of masks for maps merged at this size.
    fn mask_size(&self, merged: Size) -> Size {
        self.manifest.output.mask_size.map_or(merged, Size::from)
    }

    /// Scores with the names of their classifiers.
    fn named(&self, scores: Vec<Option<f32>>) -> Vec<(String, f32)> {
        let members = self.classifier.iter().flat_map(|stage| &stage.members);
        let named = members.zip(scores).filter_map(|(member, score)| Some((member.manifest.name.clone(), score?)));
        named.collect()
    }
}
