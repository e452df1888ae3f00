//! How an ensemble comes to its answer, member by member and step by step.

use std::path::PathBuf;

use ndarray::Array2;

use crate::ensemble::Ensemble;
use crate::ensemble::error::ImageError;
use crate::ensemble::finding::Finding;
use crate::ensemble::member::answer::MemberAnswer;
use crate::ensemble::member::prepare::Prepared;
use crate::ensemble::pipeline::trace::{Keep, Trace};
use crate::ensemble::stage::gate::Reading;
use crate::ensemble::stage::{Stage, Verdict};
use crate::{Mask, Radiograph};

/// One image's way through an ensemble. Every member of a stage that was reached has run.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What it came to.
    pub finding: Finding,
    /// The crop stage, if there is one; the box it found is in the finding.
    pub crop: Option<StageExplained>,
    /// The classifier stage, if there is one.
    pub classifier: Option<StageExplained>,
    /// The segmentation stage, if the image got there.
    pub segmenter: Option<StageExplained>,
    /// The mask after each step of postprocessing, at the size at which maps are merged.
    pub masks: Vec<Mask>,
}

/// One stage's part in it.
#[derive(Debug, Clone, PartialEq)]
pub struct StageExplained {
    /// The members, in order.
    pub members: Vec<Explained>,
    /// The merged score, in 0..=1; `None` where the members give none.
    pub score: Option<f32>,
    /// The merged map, (height, width) of the output; `None` where it was not wanted.
    pub map: Option<Array2<f32>>,
    /// What the gate compared; empty without a gate.
    pub readings: Vec<Reading>,
    /// Whether the image passed.
    pub passed: bool,
}

/// One member's part in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The member.
    pub name: String,
    /// Its share of the merge.
    pub weight: f32,
    /// What its views are called, in order.
    pub views: Vec<String>,
    /// Its sets of weights, as the manifest names them.
    pub models: Vec<PathBuf>,
    /// What it said.
    pub answer: MemberAnswer,
}

impl Ensemble {
    /// How the ensemble comes to its answer. Early exit leaves nothing out here.
    ///
    /// # Errors
    /// As [`Ensemble::predict`].
    pub fn explain(&self, radiograph: &Radiograph) -> Result<Explanation, ImageError> {
        self.explain_one(radiograph, Keep::Answers)
    }

    /// As [`Ensemble::explain`], with every segmenter run, whatever the gates say: what a search for better gates needs.
    ///
    /// # Errors
    /// As [`Ensemble::predict`].
    pub fn answers(&self, radiograph: &Radiograph) -> Result<Explanation, ImageError> {
        self.explain_one(radiograph, Keep::AllAnswers)
    }

    fn explain_one(&self, radiograph: &Radiograph, keep: Keep) -> Result<Explanation, ImageError> {
        let mut trace = self.trace(self.slot(0), &[radiograph], Prepared::default(), keep).swap_remove(0)?;
        let crop = self.crop.as_ref().zip(trace.crop.as_mut());
        let crop = crop.map(|(crop, (_, verdict))| explain(&crop.stage, verdict));
        let classifier = self.classifier.as_ref().zip(trace.classified.as_mut());
        let classifier = classifier.map(|(stage, verdict)| explain(stage, verdict));
        let segmenter = trace.segmented.as_mut().map(|verdict| explain(&self.segmenter, verdict));
        let trace = Trace { segmented: stopped(trace.segmented, classifier.as_ref()), ..trace };
        let (finding, masks) = self.conclude(radiograph, trace)?;
        Ok(Explanation { finding, crop, classifier, segmenter, masks })
    }
}

/// What segmenters said counts only where the gate let the image pass.
fn stopped(segmented: Option<Verdict>, classifier: Option<&StageExplained>) -> Option<Verdict> {
    segmented.filter(|_| classifier.is_none_or(|stage| stage.passed))
}

fn explain(stage: &Stage, verdict: &mut Verdict) -> StageExplained {
    let answers = std::mem::take(&mut verdict.answers);
    let explained = |(member, answer): (&crate::ensemble::member::Member, MemberAnswer)| Explained {
        name: member.manifest.name.clone(),
        weight: member.manifest.weight,
        views: member.views.iter().map(ToString::to_string).collect(),
        models: member.weights.iter().map(|weights| weights.manifest.model.clone()).collect(),
        answer,
    };
    StageExplained {
        members: stage.members.iter().zip(answers).map(explained).collect(),
        score: verdict.score.map(|(low, _)| low),
        map: verdict.map.clone(),
        readings: verdict.readings.clone(),
        passed: verdict.passed,
    }
}
