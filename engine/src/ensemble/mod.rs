//! Ensembles: opened from a manifest, asked about radiographs.

mod error;
mod finding;
pub mod fit;
mod gate;
mod member;
mod merge;
mod open;
mod options;
mod outputs;
mod postprocess;
mod prepare;
mod resize;
mod stack;
mod stage;
mod stream;
mod summary;
mod tensor;
mod views;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pleura_plugin::Context;
use rayon::prelude::*;

pub use error::{EnsembleError, ImageError, Step};
pub use finding::{Decision, Finding, Runs};
pub(crate) use open::classifier_wants;
pub use options::Options;
pub(crate) use outputs::read_batch;
pub(crate) use postprocess::run as run_postprocess;
pub use prepare::prepare;
pub use resize::resize;
pub use summary::Summary;
pub use tensor::batch;

use crate::manifest::Manifest;
use crate::plugin::Plugin;
use crate::runtime::{Model, Placement};
use crate::{Mask, Radiograph};
use prepare::{Prepared, Recipe};
use stage::{Batch, Stage, Verdict};

/// A two-stage ensemble, ready to run. Calls may come from several threads; sessions take them in turn.
pub struct Ensemble {
    manifest: Manifest,
    path: PathBuf,
    classifier: Option<Stage>,
    segmenter: Stage,
    postprocess: Vec<Arc<Plugin>>,
    recipes: Vec<Recipe>,
    models: Vec<Arc<Model>>,
    placement: Placement,
    batch: usize,
    keep_maps: bool,
}

impl Ensemble {
    /// Opens an ensemble on the device that is there, with the defaults of [`Options`].
    ///
    /// # Errors
    /// See [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EnsembleError> {
        Self::options().open(path)
    }

    /// Opens an ensemble with choices: `Ensemble::options().device(Device::Cpu).open(path)`.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    /// What is found in one radiograph.
    ///
    /// # Errors
    /// Where a model or plugin fails on it; there is then no mask, rather than a wrong one.
    pub fn predict(&self, radiograph: &Radiograph) -> Result<Finding, ImageError> {
        let mut findings = self.predict_batch(std::slice::from_ref(radiograph));
        findings.swap_remove(0)
    }

    /// What is found in several radiographs, in their order; one that fails does not harm the others.
    pub fn predict_batch(&self, radiographs: &[Radiograph]) -> Vec<Result<Finding, ImageError>> {
        let radiographs: Vec<&Radiograph> = radiographs.iter().collect();
        self.predict_refs(&radiographs)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where models run, and why there.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The models, each once.
    #[must_use]
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// The most images that a model is given at once.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    fn predict_refs(&self, radiographs: &[&Radiograph]) -> Vec<Result<Finding, ImageError>> {
        let mut prepared = Prepared::default();
        let mut batch = Batch { radiographs, recipes: &self.recipes, prepared: &mut prepared, size: self.batch };
        let jobs: Vec<_> = radiographs.iter().map(|r| self.output_size(r)).enumerate().collect();
        // 1. The classifier stage decides whether there is anything to segment.
        let classified: Vec<Option<Result<Verdict, ImageError>>> = match &self.classifier {
            Some(stage) => stage.run(&mut batch, &jobs).into_iter().map(Some).collect(),
            None => jobs.iter().map(|_| None).collect(),
        };
        let goes_on = |verdict: &Option<Result<Verdict, ImageError>>| {
            verdict.as_ref().is_none_or(|verdict| verdict.as_ref().is_ok_and(|v| v.passed))
        };
        // 2. Below the gate the segmenters never run.
        let open: Vec<_> = jobs.iter().copied().filter(|job| goes_on(&classified[job.0])).collect();
        let mut segmented: Vec<Option<Result<Verdict, ImageError>>> = jobs.iter().map(|_| None).collect();
        for (job, verdict) in open.iter().zip(self.segmenter.run(&mut batch, &open)) {
            segmented[job.0] = Some(verdict);
        }
        // 3. Plugins turn maps into masks.
        let verdicts: Vec<_> = jobs.into_iter().zip(classified).zip(segmented).collect();
        verdicts
            .into_par_iter()
            .map(|(((index, size), classified), segmented)| {
                self.conclude(radiographs[index], size, classified.transpose()?, segmented.transpose()?)
            })
            .collect()
    }

    /// (height, width) at which an image's maps are merged.
    fn output_size(&self, radiograph: &Radiograph) -> (usize, usize) {
        self.manifest.output.size.map_or(radiograph.size(), |[height, width]| (height as usize, width as usize))
    }

    fn conclude(
        &self,
        radiograph: &Radiograph,
        size: (usize, usize),
        classified: Option<Verdict>,
        segmented: Option<Verdict>,
    ) -> Result<Finding, ImageError> {
        let score = classified.as_ref().and_then(|verdict| verdict.score);
        let scores = classified.map(|verdict| verdict.scores).unwrap_or_default();
        let runs = Runs {
            classifiers: scores.len(),
            segmenters: segmented.as_ref().map_or(0, |verdict| verdict.scores.len()),
        };
        let mut finding = Finding {
            id: radiograph.id().to_owned(),
            mask: Mask::empty(size),
            decision: Decision::ClassifierGate,
            score,
            map: None,
            runs,
            classifiers: self.named(scores),
            areas: Vec::new(),
        };
        let Some(verdict) = segmented else { return Ok(finding) };
        finding.decision = Decision::SegmenterGate;
        if verdict.passed
            && let Some(map) = &verdict.map
        {
            finding.decision = Decision::Postprocess;
            let context = Context {
                image_id: finding.id.clone(),
                original_size: radiograph.size(),
                score: score.unwrap_or((0.0, 1.0)),
                spacing: radiograph.spacing(),
            };
            (finding.mask, finding.areas) = postprocess::run(&self.postprocess, &context, map.view())?;
        }
        finding.map = verdict.map.filter(|_| self.keep_maps);
        Ok(finding)
    }

    /// Scores with the names of the classifiers that gave them.
    fn named(&self, scores: Vec<Option<f32>>) -> Vec<(String, f32)> {
        let members = self.classifier.iter().flat_map(|stage| &stage.members);
        let named = members.zip(scores).filter_map(|(member, score)| Some((member.manifest.name.clone(), score?)));
        named.collect()
    }
}
