//! Computes numbers and charts from cases with a truth.

use super::chart;
use super::stats::{Metric, Ranking, headline};
use super::trust::Trust;
use super::{Case, Outcome};
use crate::reliability::Reliability;

/// The minimum number of exact scores for curves: fewer would show steps of chance.
pub(super) const FEWEST: usize = 10;

/// Everything that is computed from the truth.
pub(super) struct Summary {
    pub(super) images: usize,
    pub(super) outcomes: Outcomes,
    pub(super) metrics: Vec<Metric>,
    pub(super) histogram: String,
    pub(super) scores: Scores,
    pub(super) trust: Trust,
}

/// The number of images of each outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcomes {
    pub(super) true_positives: usize,
    pub(super) found_elsewhere: usize,
    pub(super) false_positives: usize,
    pub(super) false_negatives: usize,
    pub(super) true_negatives: usize,
}

impl Outcomes {
    fn count(judged: &[&Case]) -> Self {
        let count = |outcome| judged.iter().filter(|case| case.outcome() == Some(outcome)).count();
        Self {
            true_positives: count(Outcome::TruePositive),
            found_elsewhere: count(Outcome::FoundElsewhere),
            false_positives: count(Outcome::FalsePositive),
            false_negatives: count(Outcome::FalseNegative),
            true_negatives: count(Outcome::TrueNegative),
        }
    }

    /// Images whose true mask is not empty.
    pub(super) fn positives(&self) -> usize {
        self.true_positives + self.found_elsewhere + self.false_negatives
    }
}

/// The evaluation of scores.
pub(super) struct Scores {
    /// Images whose score is only known by its bounds.
    pub(super) bounded: usize,
    pub(super) exact: usize,
    /// The curves, or why there are none.
    pub(super) curves: Result<Curves, String>,
}

/// The charts of scores.
pub(super) struct Curves {
    pub(super) roc: String,
    pub(super) precision_recall: String,
    pub(super) reliability: String,
    pub(super) ece: f64,
    pub(super) brier: f64,
    /// (calibration error, Brier score) of the scores themselves, if the diagram is of calibrated probabilities.
    pub(super) uncalibrated: Option<(f64, f64)>,
}

impl Summary {
    /// The summary of the cases with a truth; `None` if there are none.
    pub(super) fn new(cases: &[Case]) -> Option<Self> {
        let judged: Vec<&Case> = cases.iter().filter(|case| case.truth.is_some()).collect();
        let outcomes = Outcomes::count(&judged);
        let both = judged.iter().filter(|case| case.outcome() == Some(Outcome::TruePositive));
        let overlaps: Vec<f64> = both.filter_map(|case| case.dice()).collect();
        let (scores, ranking) = scores(&judged);
        let ranked = if scores.curves.is_ok() { scores.exact } else { 0 };
        (!judged.is_empty()).then(|| Self {
            images: judged.len(),
            outcomes,
            metrics: headline(&judged, &ranking, ranked),
            histogram: chart::histogram(&overlaps, &outcomes),
            scores,
            trust: Trust::new(&judged),
        })
    }
}

/// The curves over the cases with an exact score, and their ranking: empty if there are no curves.
fn scores(judged: &[&Case]) -> (Scores, Ranking) {
    let exact: Vec<_> = judged
        .iter()
        .enumerate()
        .filter_map(|(number, case)| Some((number, case.exact_score()?, !case.truth.as_ref()?.is_empty())))
        .collect();
    let bounded = judged.iter().filter(|case| case.score.is_some()).count() - exact.len();
    let ranking = Ranking::new(exact.iter().copied());
    let reason = if exact.is_empty() && bounded == 0 {
        Some("The findings hold no scores: the ensemble has no classifier stage.".to_owned())
    } else if exact.len() < FEWEST {
        Some(format!("Only {} images have an exact score, which is too few for curves.", exact.len()))
    } else if !ranking.has_both() {
        Some(
            "All images with an exact score are of one class (with or without a mask), so there are no curves."
                .to_owned(),
        )
    } else {
        None
    };
    let curves = match (reason, curves(judged, &exact, &ranking)) {
        (None, Some(curves)) => Ok(curves),
        (reason, _) => Err(reason.unwrap_or_default()),
    };
    let ranking = if curves.is_ok() { ranking } else { Ranking::new([]) };
    (Scores { bounded, exact: exact.len(), curves }, ranking)
}

fn curves(judged: &[&Case], exact: &[(usize, f64, bool)], ranking: &Ranking) -> Option<Curves> {
    let (auc, ap) = (ranking.auc(|_| 1.0)?, ranking.average_precision()?);
    let scores = Reliability::new(&exact.iter().map(|&(_, score, positive)| (score, positive)).collect::<Vec<_>>())?;
    let calibrated = exact.iter().map(|&(number, _, positive)| Some((judged[number].exact_calibrated()?, positive)));
    let calibrated = calibrated.collect::<Option<Vec<_>>>().and_then(|images| Reliability::new(&images));
    let uncalibrated = calibrated.as_ref().map(|_| (scores.ece, scores.brier));
    let reliability = calibrated.unwrap_or(scores);
    // the run's image-level decisions, wherever masks lie, on the same images as the curves
    let mut counts = [[0.0; 2]; 2];
    for &(number, _, positive) in exact {
        counts[usize::from(positive)][usize::from(!judged[number].predicted.is_empty())] += 1.0;
    }
    let [[tn, fp], [fneg, tp]] = counts;
    let (sensitivity, specificity) = (tp / (tp + fneg), tn / (tn + fp));
    let decided = (tp + fp > 0.0).then(|| (sensitivity, tp / (tp + fp)));
    let share = (tp + fneg) / (tp + fp + tn + fneg);
    Some(Curves {
        roc: chart::roc(&ranking.roc(), (specificity, sensitivity), auc),
        precision_recall: chart::precision_recall(&ranking.precision_recall(), decided, ap, share),
        reliability: chart::reliability(&reliability),
        ece: reliability.ece,
        brier: reliability.brier,
        uncalibrated,
    })
}
