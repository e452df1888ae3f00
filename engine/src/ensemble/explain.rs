//! Explains an ensemble's result for one image, member by member and step by step.

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

/// One image's path through an ensemble. Every member of each stage that was reached has run.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The result.
    pub finding: Finding,
    /// The crop stage, if there is one; its box is in the finding.
    pub crop: Option<StageExplained>,
    /// The classifier stage, if there is one.
    pub classifier: Option<StageExplained>,
    /// The segmentation stage, if the image reached it.
    pub segmenter: Option<StageExplained>,
    /// The mask after each step of postprocessing, at the size at which maps are merged.
    pub masks: Vec<Mask>,
}

/// One stage's results.
#[derive(Debug, Clone, PartialEq)]
pub struct StageExplained {
    /// The members, in order.
    pub members: Vec<Explained>,
    /// The merged score, in 0..=1; `None` if the members give none.
    pub score: Option<f32>,
    /// The merged map, (height, width) of the output; `None` if it was not needed.
    pub map: Option<Array2<f32>>,
    /// The gate's comparisons; empty without a gate.
    pub readings: Vec<Reading>,
    /// Whether the image passed.
    pub passed: bool,
}

/// One member's results.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The member's name.
    pub name: String,
    /// Its weight in the merge.
    pub weight: f32,
    /// The names of its views, in order.
    pub views: Vec<String>,
    /// Its sets of weights, as the manifest names them.
    pub models: Vec<PathBuf>,
    /// Its output.
    pub answer: MemberAnswer,
}

impl Ensemble {
    /// Explains the result for an image. Early exit is off here.
    ///
    /// # Errors
    /// As [`Ensemble::predict`].
    pub fn explain(&self, radiograph: &Radiograph) -> Result<Explanation, ImageError> {
        self.explain_one(radiograph, Keep::Answers)
    }

    /// As [`Ensemble::explain`], with every segmenter run, whatever the gates decide: input of the search for better
    /// gates.
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
        let (finding, masks) = self.conclude(radiograph, trace, true)?;
        Ok(Explanation { finding, crop, classifier, segmenter, masks })
    }
}

/// Drops the segmenters' verdict if the gate stopped the image.
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
