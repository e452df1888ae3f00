//! Ranks images by score: ROC and precision-recall curves, and the areas under them.

/// Images by falling score. Those of one score form a group: no threshold can separate them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranking {
    /// For each score, the highest first: (image, true mask is not empty).
    groups: Vec<Vec<(usize, bool)>>,
}

/// The numbers of images that pass a threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Passed {
    positives: f64,
    negatives: f64,
}

impl Ranking {
    /// Ranks images: each is (number, score, true mask is not empty). Counts are looked up by number.
    pub(crate) fn new(images: impl IntoIterator<Item = (usize, f64, bool)>) -> Self {
        let mut images: Vec<_> = images.into_iter().collect();
        images.sort_by(|a, b| b.1.total_cmp(&a.1));
        // `==`, so that 0 and -0 are one score
        let groups = images.chunk_by(|a, b| a.1 == b.1);
        Self { groups: groups.map(|group| group.iter().map(|&(image, _, label)| (image, label)).collect()).collect() }
    }

    /// Whether there are positives and negatives: otherwise there are no curves.
    pub(crate) fn has_both(&self) -> bool {
        let mut labels = self.groups.iter().flatten().map(|&(_, label)| label);
        let first = labels.next();
        labels.any(|label| Some(label) != first)
    }

    /// The numbers that pass as the threshold falls past each score, starting from none. `counts` is the weight of each
    /// image.
    fn steps(&self, counts: impl Fn(usize) -> f64) -> impl Iterator<Item = Passed> {
        let mut passed = Passed::default();
        let falls = self.groups.iter().map(move |group| {
            for &(image, positive) in group {
                *(if positive { &mut passed.positives } else { &mut passed.negatives }) += counts(image);
            }
            passed
        });
        std::iter::once(Passed::default()).chain(falls)
    }

    /// The area under the ROC curve: the probability that a positive image scores above a negative one, ties counting
    /// half.
    pub(crate) fn auc(&self, counts: impl Fn(usize) -> f64) -> Option<f64> {
        let (mut area, mut before) = (0.0, Passed::default());
        for passed in self.steps(counts) {
            area += (passed.negatives - before.negatives) * f64::midpoint(passed.positives, before.positives);
            before = passed;
        }
        let pairs = before.positives * before.negatives;
        (pairs > 0.0).then(|| area / pairs)
    }

    /// Average precision: the precision at each score, weighted by the recall gained there.
    pub(crate) fn average_precision(&self) -> Option<f64> {
        let (mut sum, mut before) = (0.0, Passed::default());
        for passed in self.steps(|_| 1.0).skip(1) {
            let precision = passed.positives / (passed.positives + passed.negatives);
            sum += (passed.positives - before.positives) * precision;
            before = passed;
        }
        (before.positives > 0.0).then(|| sum / before.positives)
    }

    /// (false positive rate, true positive rate) from (0, 0) to (1, 1); empty if there are no positives or no
    /// negatives.
    pub(crate) fn roc(&self) -> Vec<(f64, f64)> {
        let steps: Vec<_> = self.steps(|_| 1.0).collect();
        match steps.last() {
            Some(all) if self.has_both() => {
                steps.iter().map(|at| (at.negatives / all.negatives, at.positives / all.positives)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// (recall, precision) at each score, the highest first; empty if there are no positives or no negatives.
    pub(crate) fn precision_recall(&self) -> Vec<(f64, f64)> {
        let steps: Vec<_> = self.steps(|_| 1.0).skip(1).collect();
        match steps.last() {
            Some(all) if self.has_both() => {
                let point = |at: &Passed| (at.positives / all.positives, at.positives / (at.positives + at.negatives));
                steps.iter().map(point).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (score, true mask is not empty).
    type Images<'a> = &'a [(f64, bool)];

    fn ranking(images: Images<'_>) -> Ranking {
        Ranking::new(images.iter().enumerate().map(|(number, &(score, label))| (number, score, label)))
    }

    #[test]
    fn areas_are_those_of_scikit_learn() {
        // roc_auc_score and average_precision_score of scikit-learn 1.9
        let cases: [(Images<'_>, f64, f64); 5] = [
            (&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)], 0.75, 0.833_333_333_333),
            (&[(0.9, true), (0.1, false)], 1.0, 1.0),
            (&[(0.1, true), (0.9, false)], 0.0, 0.5),
            (&[(0.5, true), (0.5, false), (0.5, false)], 0.5, 0.333_333_333_333),
            (
                &[(0.9, true), (0.5, true), (0.5, false), (0.5, false), (0.2, true), (0.1, false)],
                0.666_666_666_667,
                0.7,
            ),
        ];
        for (images, auc, average_precision) in cases {
            let ranking = ranking(images);
            assert!((ranking.auc(|_| 1.0).unwrap() - auc).abs() < 1e-9, "{images:?}: {:?}", ranking.auc(|_| 1.0));
            let found = ranking.average_precision().unwrap();
            assert!((found - average_precision).abs() < 1e-9, "{images:?}: {found}");
        }
    }

    #[test]
    fn an_image_drawn_twice_counts_twice() {
        let once = ranking(&[(0.9, true), (0.7, false), (0.7, true), (0.6, true), (0.2, false), (0.2, false)]);
        let weighed = ranking(&[(0.9, true), (0.7, false), (0.7, true), (0.6, true), (0.2, false)]);
        assert_eq!(once.auc(|_| 1.0), weighed.auc(|image| if image == 4 { 2.0 } else { 1.0 }));
        assert_eq!(once.auc(|image| f64::from(u8::from(image < 4 && image != 1))), None, "no negative was drawn");
    }

    #[test]
    fn curves_go_round_ties_in_one_step() {
        let tied = ranking(&[(0.9, true), (0.5, true), (0.5, false), (0.1, false)]);
        assert_eq!(tied.roc(), [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
        assert_eq!(tied.precision_recall(), [(0.5, 1.0), (1.0, 2.0 / 3.0), (1.0, 0.5)]);
    }

    #[test]
    fn one_kind_of_image_has_no_curve() {
        for label in [true, false] {
            let ranking = ranking(&[(0.1, label), (0.2, label)]);
            assert!(!ranking.has_both() && ranking.roc().is_empty() && ranking.precision_recall().is_empty());
            assert_eq!(ranking.auc(|_| 1.0), None);
        }
        assert!(!ranking(&[]).has_both());
    }
}
