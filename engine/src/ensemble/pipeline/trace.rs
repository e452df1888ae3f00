//! Images on their way through the stages, and what becomes of them at the end.

use std::collections::HashSet;

use crate::ensemble::Ensemble;
use crate::ensemble::device::slot::DeviceSlot;
use crate::ensemble::error::ImageError;
use crate::ensemble::finding::{Decision, Finding, Runs};
use crate::ensemble::member::BatchContext;
use crate::ensemble::member::prepare::Prepared;
use crate::ensemble::postprocess;
use crate::ensemble::stage::Verdict;
use crate::ensemble::task::{ImageTask, Region};
use pleura_image::resize::nearest;

use crate::{Mask, Radiograph};

/// What is kept of an image's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// What a finding needs.
    Nothing,
    /// Each member's answer, as far as the gates let the image pass.
    Answers,
    /// Each member's answer: gates stop nothing.
    AllAnswers,
}

/// What the stages said of an image.
pub struct Trace {
    /// (height, width) at which maps were merged.
    pub size: (usize, usize),
    pub crop: Option<(Region, Verdict)>,
    pub classified: Option<Verdict>,
    pub segmented: Option<Verdict>,
}

impl Ensemble {
    /// Sends images through the stages. `prepared` is what is prepared of them already.
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
            batch: self.batch,
            cache: self.cache.as_ref(),
            counts: &self.counts,
            slot,
            keep: keep != Keep::Nothing,
        };
        let mut traces: Vec<Result<Trace, ImageError>> = radiographs.iter().map(|r| self.begin(r)).collect();
        let mut tasks: Vec<Option<ImageTask>> =
            radiographs.iter().enumerate().map(|(image, radiograph)| Some(self.task(image, radiograph))).collect();
        // 1. The crop stage finds the part that is worth looking at.
        if let Some(crop) = &self.crop {
            for (task, found) in each(&mut tasks, &traces, |open| crop.run(&mut context, open)) {
                record(&mut traces[task.image], found, |trace, found| {
                    task.region = Some(found.0);
                    trace.crop = Some(found);
                });
            }
        }
        // 2. The classifier stage decides whether there is anything to segment.
        let mut ended = HashSet::new();
        if let Some(stage) = &self.classifier {
            for (task, verdict) in each(&mut tasks, &traces, |open| stage.run(&mut context, open)) {
                record(&mut traces[task.image], verdict, |trace, verdict| {
                    task.score = verdict.score;
                    if !verdict.passed && keep != Keep::AllAnswers {
                        ended.insert(task.image);
                    }
                    trace.classified = Some(verdict);
                });
            }
        }
        // 3. Below the gate the segmenters never run.
        tasks
            .iter_mut()
            .filter(|task| task.is_some_and(|task| ended.contains(&task.image)))
            .for_each(|task| *task = None);
        for (task, verdict) in each(&mut tasks, &traces, |open| self.segmenter.run(&mut context, open)) {
            record(&mut traces[task.image], verdict, |trace, verdict| trace.segmented = Some(verdict));
        }
        traces
    }

    fn begin(&self, radiograph: &Radiograph) -> Result<Trace, ImageError> {
        if self.folds.as_ref().is_some_and(|folds| !folds.contains_key(radiograph.id())) {
            return Err(ImageError::Unfolded);
        }
        Ok(Trace { size: self.output_size(radiograph), crop: None, classified: None, segmented: None })
    }

    /// An image before its first stage.
    pub(in crate::ensemble) fn task(&self, image: usize, radiograph: &Radiograph) -> ImageTask {
        let fold = self.folds.as_ref().and_then(|folds| folds.get(radiograph.id()).copied());
        ImageTask { image, size: self.output_size(radiograph), region: None, score: None, fold }
    }

    /// From what the stages said to the finding, with the mask after each step of postprocessing.
    ///
    /// # Errors
    /// Where a plugin fails.
    pub(in crate::ensemble) fn conclude(
        &self,
        radiograph: &Radiograph,
        trace: Trace,
    ) -> Result<(Finding, Vec<Mask>), ImageError> {
        let Trace { size, crop, classified, segmented } = trace;
        let score = classified.as_ref().and_then(|verdict| verdict.score);
        let scores = classified.map(|verdict| verdict.scores).unwrap_or_default();
        let mut finding = Finding {
            id: radiograph.id().to_owned(),
            mask: Mask::empty(self.mask_size(size)),
            decision: Decision::ClassifierGate,
            score,
            map: None,
            runs: Runs {
                classifiers: scores.len(),
                segmenters: segmented.as_ref().map_or(0, |verdict| verdict.scores.len()),
            },
            classifiers: self.named(scores),
            areas: Vec::new(),
            crop: crop.map(|(region, _)| region),
        };
        let Some(verdict) = segmented else { return Ok((finding, Vec::new())) };
        finding.decision = Decision::SegmenterGate;
        let mut masks = Vec::new();
        if verdict.passed
            && let Some(map) = &verdict.map
        {
            finding.decision = Decision::Postprocess;
            masks = postprocess::run(&self.postprocess, &postprocess::context(radiograph, score), map.view())?;
            finding.areas = masks.iter().map(Mask::area).collect();
            if let Some(last) = masks.last() {
                finding.mask = nearest(last, self.mask_size(size));
            }
        }
        finding.map = verdict.map.filter(|_| self.keep_maps);
        Ok((finding, masks))
    }

    /// (height, width) of the masks of images whose maps are merged at a size.
    fn mask_size(&self, merged: (usize, usize)) -> (usize, usize) {
        self.manifest.output.mask_size.map_or(merged, |[height, width]| (height as usize, width as usize))
    }

    /// Scores with the names of the classifiers that gave them.
    fn named(&self, scores: Vec<Option<f32>>) -> Vec<(String, f32)> {
        let members = self.classifier.iter().flat_map(|stage| &stage.members);
        let named = members.zip(scores).filter_map(|(member, score)| Some((member.manifest.name.clone(), score?)));
        named.collect()
    }
}

/// Runs a stage over the tasks of those images that are still on their way, and pairs each with what came of it.
fn each<'j, T>(
    tasks: &'j mut [Option<ImageTask>],
    traces: &[Result<Trace, ImageError>],
    run: impl FnOnce(&[ImageTask]) -> Vec<Result<T, ImageError>>,
) -> Vec<(&'j mut ImageTask, Result<T, ImageError>)> {
    let open: Vec<&mut ImageTask> = tasks.iter_mut().flatten().filter(|task| traces[task.image].is_ok()).collect();
    let copies: Vec<ImageTask> = open.iter().map(|task| **task).collect();
    open.into_iter().zip(run(&copies)).collect()
}

/// Writes what came of a stage into an image's trace, or the error in its place.
fn record<T>(trace: &mut Result<Trace, ImageError>, found: Result<T, ImageError>, write: impl FnOnce(&mut Trace, T)) {
    match (trace.as_mut(), found) {
        (Ok(open), Ok(found)) => write(open, found),
        (Ok(_), Err(error)) => *trace = Err(error),
        (Err(_), _) => {}
    }
}
