//! Which images people should read first.

use serde::{Deserialize, Serialize};

use super::agreement::Agreement;
use crate::manifest::Refer;

/// What a finding says of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Something is marked.
    Positive,
    /// Nothing is marked.
    Negative,
    /// Neither: people should read the image first, by the manifest's `refer`.
    Refer,
}

impl Outcome {
    /// The outcome of an image with these reasons to refer it, and with a mask that is empty or not.
    #[must_use]
    pub fn new(reasons: &[String], is_empty: bool) -> Self {
        match (reasons, is_empty) {
            ([_, ..], _) => Self::Refer,
            ([], false) => Self::Positive,
            ([], true) => Self::Negative,
        }
    }

    /// The name in findings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Refer => "refer",
        }
    }
}

/// What is known of an image when it is decided whether it is referred.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Bounds of the classifier stage's score, equal if a rule reads them.
    pub score: Option<(f32, f32)>,
    pub calibrated: Option<(f32, f32)>,
    pub agreement: Agreement,
    /// Whether the classifier stage let it pass; `None` without one.
    pub passed: Option<bool>,
    pub is_empty: bool,
}

/// Why an image is referred, one fragment each; none if it is not.
pub fn reasons(refer: &Refer, known: Known) -> Vec<String> {
    let within = |name: &str, interval: Option<[f32; 2]>, value: Option<(f32, f32)>| {
        let ([low, high], (value, _)) = interval.zip(value)?;
        (low <= value && value <= high).then(|| format!("{name} {value:.3} is within {low} to {high}"))
    };
    let Agreement { score_spread, dice } = known.agreement;
    let spread = refer.spread_above.zip(score_spread).filter(|(above, spread)| spread > above);
    let dice = refer.dice_below.zip(dice).filter(|(below, dice)| dice < below);
    let disagree = refer.stages_disagree && known.passed == Some(true) && known.is_empty;
    let all = [
        within("the score", refer.score, known.score),
        within("the calibrated probability", refer.calibrated, known.calibrated),
        spread.map(|(above, spread)| format!("the classifiers' scores differ by {spread:.3}, more than {above}")),
        dice.map(|(below, dice)| format!("the segmenters' masks have a mean Dice of {dice:.3}, below {below}")),
        disagree.then(|| "the classifiers' gate lets it pass, but nothing is marked".to_owned()),
    ];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known {
        score: Some((0.5, 0.5)),
        calibrated: Some((0.25, 0.25)),
        agreement: Agreement { score_spread: Some(0.4), dice: Some(0.75) },
        passed: Some(true),
        is_empty: true,
    };

    #[test]
    fn each_rule_reads_its_own_value() {
        let cases = [
            (Refer { score: Some([0.5, 0.6]), ..Refer::default() }, "the score 0.500 is within 0.5 to 0.6"),
            (Refer { score: Some([0.51, 0.6]), ..Refer::default() }, ""),
            (Refer { calibrated: Some([0.1, 0.25]), ..Refer::default() }, "the calibrated probability 0.250 is"),
            (Refer { spread_above: Some(0.3), ..Refer::default() }, "scores differ by 0.400, more than 0.3"),
            (Refer { spread_above: Some(0.4), ..Refer::default() }, ""),
            (Refer { dice_below: Some(0.8), ..Refer::default() }, "a mean Dice of 0.750, below 0.8"),
            (Refer { dice_below: Some(0.75), ..Refer::default() }, ""),
            (Refer { stages_disagree: true, ..Refer::default() }, "nothing is marked"),
        ];
        for (refer, expected) in cases {
            let found = reasons(&refer, KNOWN);
            assert_eq!(found.is_empty(), expected.is_empty(), "{refer:?}: {found:?}");
            assert!(found.iter().all(|found| found.contains(expected)), "{refer:?}: {found:?}");
        }
    }

    #[test]
    fn what_is_unknown_refers_nothing() {
        let all = Refer {
            score: Some([0.0, 1.0]),
            calibrated: Some([0.0, 1.0]),
            spread_above: Some(0.0),
            dice_below: Some(1.0),
            stages_disagree: true,
        };
        assert_eq!(reasons(&all, KNOWN).len(), 5);
        let unknown =
            Known { score: None, calibrated: None, agreement: Agreement::default(), passed: None, is_empty: true };
        assert!(reasons(&all, unknown).is_empty());
        assert!(
            reasons(&Refer { stages_disagree: true, ..Refer::default() }, Known { passed: Some(false), ..KNOWN })
                .is_empty()
        );
    }
}
