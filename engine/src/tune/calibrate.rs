//! Fits calibrated probabilities to the classifier stage's scores and the truth.

use super::error::TuneError;
use super::nested::Folds;
use super::space::Answered;
use crate::manifest::Calibration;
use crate::reliability::Reliability;

/// The way probabilities are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Temperature scaling: one number, by the lowest log loss. Needs few images, keeps the order of scores.
    Temperature,
    /// Isotonic regression, by the lowest squared error. Fits any shape, needs some hundred images.
    Isotonic,
}

/// A calibration, and how well it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// Fitted on all images.
    pub calibration: Calibration,
    /// Of the scores as they are.
    pub before: Quality,
    /// Of probabilities that were fitted on the other folds: what to expect of other images.
    pub nested: Quality,
    /// Whether the temperature is at the end of what is tried: the scores of the two kinds of images do not overlap, or
    /// do not differ.
    pub at_limit: bool,
    /// The number of images.
    pub images: usize,
}

/// How well numbers work as probabilities; lower is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Expected calibration error, of ten bins of equal width.
    pub ece: f64,
    /// The Brier score: the mean squared difference of probability and truth.
    pub brier: f64,
}

/// The temperatures that are tried.
const TEMPERATURES: (f64, f64) = (0.05, 20.0);
/// The bound of logits: single precision has no probability between its sigmoid and 1.
const LARGEST_LOGIT: f64 = 15.9;

impl std::str::FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "temperature" => Ok(Self::Temperature),
            "isotonic" => Ok(Self::Isotonic),
            other => Err(format!("expected `temperature` or `isotonic`, found `{other}`")),
        }
    }
}

/// Fits the scores of images to their truth, and again for each fold on the others.
///
/// # Errors
/// If the classifier stage has no score, or the images of a fit are all positive or all negative.
pub fn calibrate(images: &[Answered], folds: &Folds, method: Method) -> Result<Calibrated, TuneError> {
    let scored = images.iter().map(|image| Some((image.score?, image.positive)));
    let scored: Vec<(f32, bool)> = scored.collect::<Option<_>>().ok_or_else(|| {
        TuneError::Calibration("the ensemble has no classifier stage, or one without a score".to_owned())
    })?;
    let mut held_out = Vec::with_capacity(scored.len());
    for fold in 0..folds.count() {
        let here = |place: &usize| folds.of[*place] == fold;
        let others: Vec<_> = (0..scored.len()).filter(|place| !here(place)).map(|place| scored[place]).collect();
        let fitted = fit(&others, method)?.0;
        let probabilities = (0..scored.len()).filter(here).map(|place| {
            let (score, positive) = scored[place];
            (fitted.probability(score).into(), positive)
        });
        held_out.extend(probabilities);
    }
    let (calibration, at_limit) = fit(&scored, method)?;
    let plain: Vec<_> = scored.iter().map(|&(score, positive)| (score.into(), positive)).collect();
    let (before, nested) = (quality(&plain)?, quality(&held_out)?);
    Ok(Calibrated { calibration, before, nested, at_limit, images: scored.len() })
}

fn quality(images: &[(f64, bool)]) -> Result<Quality, TuneError> {
    let found = Reliability::new(images).ok_or_else(TuneError::no_score)?;
    Ok(Quality { ece: found.ece, brier: found.brier })
}

/// Fits one set of images; also whether the fit is at the end of what is tried.
fn fit(images: &[(f32, bool)], method: Method) -> Result<(Calibration, bool), TuneError> {
    let positives = images.iter().filter(|image| image.1).count();
    if positives == 0 || positives == images.len() {
        let kind = if positives == 0 { "negative" } else { "positive" };
        let (count, folds) = (images.len(), "a fit needs both kinds, also without one of the folds");
        return Err(TuneError::Calibration(format!("all {count} images are {kind}: {folds}")));
    }
    Ok(match method {
        Method::Temperature => temperature(images),
        Method::Isotonic => (isotonic(images), false),
    })
}

/// The temperature of the lowest log loss. As a function of its inverse the loss is convex: its slope is followed to
/// where it changes its sign.
fn temperature(images: &[(f32, bool)]) -> (Calibration, bool) {
    let logit = |score: f32| {
        let score = f64::from(score);
        (score / (1.0 - score)).ln().clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
    };
    let images: Vec<(f64, f64)> = images.iter().map(|&(score, positive)| (logit(score), positive.into())).collect();
    let slope = |inverse: f64| -> f64 {
        images.iter().map(|&(logit, label)| (1.0 / (1.0 + (-inverse * logit).exp()) - label) * logit).sum()
    };
    let (mut low, mut high) = (1.0 / TEMPERATURES.1, 1.0 / TEMPERATURES.0);
    let at_limit = slope(low) >= 0.0 || slope(high) <= 0.0;
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        *(if slope(middle) < 0.0 { &mut low } else { &mut high }) = middle;
    }
    // four digits are more than images determine, and are legible in a manifest
    let temperature = (1e4 / low).round() / 1e4;
    (Calibration::Temperature { temperature: temperature as f32 }, at_limit)
}

/// Images of neighbouring scores with one probability.
#[derive(Debug, Clone, Copy)]
struct Block {
    low: f32,
    high: f32,
    positives: f64,
    images: f64,
}

/// Pools neighbours until probabilities rise with scores: the function of the lowest squared error among those that
/// never fall. Between blocks it is a straight line, as in scikit-learn's.
fn isotonic(images: &[(f32, bool)]) -> Calibration {
    let mut sorted = images.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut blocks: Vec<Block> = Vec::new();
    // `==`, so that 0 and -0 are one score
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        let positives = group.iter().filter(|image| image.1).count();
        let mut block =
            Block { low: group[0].0, high: group[0].0, positives: positives as f64, images: group.len() as f64 };
        while let Some(before) = blocks.last().filter(|it| it.positives * block.images >= block.positives * it.images) {
            let (low, positives, images) = (before.low, before.positives, before.images);
            block = Block { low, positives: positives + block.positives, images: images + block.images, ..block };
            blocks.pop();
        }
        blocks.push(block);
    }
    let (mut scores, mut probabilities) = (Vec::new(), Vec::new());
    for block in blocks {
        let probability = (block.positives / block.images) as f32;
        for score in if block.low == block.high { vec![block.low] } else { vec![block.low, block.high] } {
            scores.push(score);
            probabilities.push(probability);
        }
    }
    Calibration::Isotonic { scores, probabilities }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(images: &[(f32, bool)]) -> Vec<Answered> {
        let image = |(number, &(score, positive)): (usize, &(f32, bool))| Answered {
            id: format!("{number:04}"),
            positive,
            current: 1.0,
            score: Some(score),
            classifier: vec![],
            segmenter: vec![],
            dice: vec![],
        };
        images.iter().enumerate().map(image).collect()
    }

    /// Images of each score, of which so many in a hundred are positive.
    fn hundreds(groups: &[(f32, usize)]) -> Vec<(f32, bool)> {
        groups.iter().flat_map(|&(score, share)| (0..100).map(move |number| (score, number < share))).collect()
    }

    #[test]
    fn a_stage_that_is_too_sure_gets_a_temperature_above_one() {
        // sigmoid(2 x): the logits are twice as large as they should be
        let doubled = |p: f64| (1.0 / (1.0 + (-2.0 * (p / (1.0 - p)).ln()).exp())) as f32;
        let images = hundreds(&[(doubled(0.1), 10), (doubled(0.3), 30), (doubled(0.6), 60), (doubled(0.9), 90)]);
        let found =
            calibrate(&answered(&images), &Folds::stratified(&answered(&images), 5).unwrap(), Method::Temperature);
        let found = found.unwrap();
        let Calibration::Temperature { temperature } = found.calibration else { panic!("{found:?}") };
        assert!((temperature - 2.0).abs() < 1e-3, "{temperature}");
        assert!(found.nested.ece < found.before.ece / 1.5 && found.nested.brier < found.before.brier, "{found:?}");
        assert!(!found.at_limit && found.images == 400);
    }

    #[test]
    fn isotonic_is_that_of_scikit_learn() {
        // IsotonicRegression().fit([.1, .2, .3, .4, .5, .6, .6], [0, 1, 0, 0, 1, 1, 0]) of scikit-learn 1.9:
        // thresholds .1, .2, .4, .5, .6 with 0, 1/3, 1/3, 2/3, 2/3
        let images = [(0.1, false), (0.2, true), (0.3, false), (0.4, false), (0.5, true), (0.6, true), (0.6, false)];
        let Calibration::Isotonic { scores, probabilities } = isotonic(&images) else { panic!() };
        assert_eq!(scores, [0.1, 0.2, 0.4, 0.5, 0.6]);
        for (found, expected) in probabilities.iter().zip([0.0, 1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]) {
            assert!((found - expected).abs() < 1e-6, "{probabilities:?}");
        }
    }

    #[test]
    fn separated_scores_are_told_and_one_kind_is_an_error() {
        let apart: Vec<_> = (0..20).map(|i| if i < 10 { (0.2, false) } else { (0.8, true) }).collect();
        let folds = Folds::stratified(&answered(&apart), 2).unwrap();
        assert!(calibrate(&answered(&apart), &folds, Method::Temperature).unwrap().at_limit);
        let one: Vec<_> = (0..20).map(|i| (i as f32 / 20.0, i == 7)).collect();
        let folds = Folds::stratified(&answered(&one), 2).unwrap();
        let message = calibrate(&answered(&one), &folds, Method::Isotonic).unwrap_err().to_string();
        assert!(message.contains("all 10 images are negative"), "{message}");
        let mut none = answered(&apart);
        none[3].score = None;
        let folds = Folds::stratified(&none, 2).unwrap();
        assert!(calibrate(&none, &folds, Method::Isotonic).unwrap_err().to_string().contains("no classifier stage"));
    }
}
