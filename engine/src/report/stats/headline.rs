//! The headline numbers: proportions with Wilson's interval, the others with a bootstrap's.

use super::bootstrap::intervals;
use super::ranking::Ranking;
use crate::proportion::wilson;
use crate::report::{Case, Outcome};

/// A number of the headline table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    /// An explanation for readers who do not know it.
    pub(crate) meaning: &'static str,
    /// In 0..=1; `None` if there are no images to compute it from.
    pub(crate) value: Option<f64>,
    /// 95 %; `None` if the images do not suffice, being too few or all of one value.
    pub(crate) interval: Option<(f64, f64)>,
    /// The number of images that it is computed from.
    pub(crate) images: usize,
}

/// A mean over images: what each contributes to numerator and denominator; 0 for images that do not count.
struct Mean {
    parts: Vec<(f64, f64)>,
}

impl Mean {
    fn new(cases: &[Judged], value: impl Fn(&Judged) -> Option<f64>) -> Self {
        Self { parts: cases.iter().map(|case| value(case).map_or((0.0, 0.0), |value| (value, 1.0))).collect() }
    }

    fn over(&self, counts: &[f64]) -> Option<f64> {
        let parts = self.parts.iter().zip(counts);
        let (sum, whole) =
            parts.fold((0.0, 0.0), |(sum, whole), (part, count)| (sum + part.0 * count, whole + part.1 * count));
        (whole > 0.0).then(|| sum / whole)
    }

    /// The sum of contributions that are 0 or 1.
    fn sum(&self) -> usize {
        self.parts.iter().filter(|part| part.0 > 0.0).count()
    }

    fn images(&self) -> usize {
        self.parts.iter().filter(|part| part.1 > 0.0).count()
    }
}

/// A case with a truth.
struct Judged {
    dice: f64,
    iou: f64,
    positive: bool,
    outcome: Outcome,
}

/// The headline table over the cases with a truth. `ranking` numbers the cases in that order.
pub(crate) fn headline(cases: &[&Case], ranking: &Ranking, ranked: usize) -> Vec<Metric> {
    let judged: Vec<_> = cases.iter().filter_map(|case| judge(case)).collect();
    let share = |of: bool, right: Outcome| {
        move |case: &Judged| (case.positive == of).then(|| f64::from(u8::from(case.outcome == right)))
    };
    let means = [
        Mean::new(&judged, |case| Some(case.dice)),
        Mean::new(&judged, |case| case.positive.then_some(case.dice)),
        Mean::new(&judged, |case| Some(case.iou)),
        Mean::new(&judged, share(true, Outcome::TruePositive)),
        Mean::new(&judged, share(false, Outcome::TrueNegative)),
    ];
    let all = |counts: &[f64]| -> [Option<f64>; 6] {
        let [a, b, c, d, e] = means.each_ref().map(|mean| mean.over(counts));
        [a, b, c, d, e, ranking.auc(|image| counts[image])]
    };
    let values = all(&vec![1.0; judged.len()]);
    let mut intervals = intervals(judged.len(), all);
    for (interval, share) in intervals[PROPORTIONS].iter_mut().zip(&means[PROPORTIONS]) {
        *interval = Some(wilson(share.sum(), share.images()));
    }
    let images = means.iter().map(Mean::images).chain([ranked]);
    let rows = NAMES.into_iter().zip(values).zip(intervals).zip(images);
    rows.map(|((((name, meaning), value), interval), images)| {
        // an interval without a value says nothing
        Metric { name, meaning, value, interval: interval.filter(|_| value.is_some()), images }
    })
    .collect()
}

/// The indices of sensitivity and specificity.
const PROPORTIONS: std::ops::Range<usize> = 3..5;

const NAMES: [(&str, &str); 6] = [
    ("Mean Dice", "overlap of prediction and truth; 1 where both are empty"),
    ("Dice of positives", "overlap, over images with a mask in truth"),
    ("Mean IoU", "intersection over union; 1 where both are empty"),
    ("Sensitivity", "images with a mask in truth whose prediction overlaps it"),
    ("Specificity", "images without a mask in truth whose prediction is empty"),
    ("AUC", "probability that an image with a mask scores above one without"),
];

fn judge(case: &Case) -> Option<Judged> {
    let truth = case.truth.as_ref()?;
    Some(Judged {
        dice: case.predicted.dice(truth),
        iou: case.predicted.iou(truth),
        positive: !truth.is_empty(),
        outcome: case.outcome()?,
    })
}
