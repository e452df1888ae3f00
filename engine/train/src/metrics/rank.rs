//! How well scores separate positives from negatives.

/// The area under the ROC curve: how often a positive scores higher than a negative, a tie counting half.
///
/// `None` if there are no positives or no negatives, or a score is NaN.
///
/// # Panics
/// If the numbers of scores and labels differ.
#[must_use]
pub fn auc(scores: &[f32], labels: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), labels.len(), "a score for each label");
    let positives = labels.iter().filter(|&&positive| positive).count();
    let pairs = positives as f64 * (labels.len() - positives) as f64;
    if pairs == 0.0 || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut ranked: Vec<_> = scores.iter().copied().zip(labels.iter().copied()).collect();
    ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut below, mut won) = (0_usize, 0.0);
    // not `total_cmp`: 0 and -0 are a tie
    for tied in ranked.chunk_by(|(a, _), (b, _)| a == b) {
        let positives = tied.iter().filter(|(_, positive)| *positive).count();
        let negatives = tied.len() - positives;
        won += positives as f64 * (below as f64 + negatives as f64 / 2.0);
        below += negatives;
    }
    Some(won / pairs)
}

/// The share of images for which the score is strictly above the threshold exactly if they are positive.
///
/// `None` if there are no images. NaN is not above any threshold.
///
/// # Panics
/// If the numbers of scores and labels differ.
#[must_use]
pub fn accuracy(scores: &[f32], labels: &[bool], above: f32) -> Option<f64> {
    assert_eq!(scores.len(), labels.len(), "a score for each label");
    let right = scores.iter().zip(labels).filter(|&(&score, &positive)| (score > above) == positive).count();
    (!labels.is_empty()).then(|| right as f64 / labels.len() as f64)
}

/// Probabilities are clamped to this distance from 0 and 1 in [`log_loss`], which would otherwise be infinite.
const MARGIN: f64 = 1e-7;

/// The mean of `-ln p` of the true class: binary cross-entropy. `None` if there are no images, or a score is NaN.
///
/// # Panics
/// If the numbers of scores and labels differ.
#[must_use]
pub fn log_loss(scores: &[f32], labels: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), labels.len(), "a score for each label");
    if labels.is_empty() || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let loss = |(&score, &positive): (&f32, &bool)| {
        let p = f64::from(score).clamp(MARGIN, 1.0 - MARGIN);
        -(if positive { p } else { 1.0 - p }).ln()
    };
    Some(scores.iter().zip(labels).map(loss).sum::<f64>() / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Case<'c> = (&'c str, &'c [f32], &'c [u8], Option<f64>);

    /// Values from scikit-learn's `roc_auc_score`, or obvious ones.
    #[test]
    fn known_areas() {
        let cases: [Case<'_>; 9] = [
            ("scikit-learn's own example", &[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], Some(0.75)),
            ("perfect", &[0.1, 0.2, 0.8, 0.9], &[0, 0, 1, 1], Some(1.0)),
            ("upside down", &[0.9, 0.8, 0.2, 0.1], &[0, 0, 1, 1], Some(0.0)),
            ("all tied", &[0.5; 5], &[0, 1, 0, 1, 1], Some(0.5)),
            ("some tied", &[0.2, 0.5, 0.5, 0.5, 0.9, 0.1], &[0, 0, 1, 1, 1, 1], Some(0.625)),
            ("two zeros", &[0.0, -0.0], &[0, 1], Some(0.5)),
            ("no negatives", &[0.1, 0.2], &[1, 1], None),
            ("no images", &[], &[], None),
            ("no number", &[0.1, f32::NAN], &[0, 1], None),
        ];
        for (name, scores, labels, expected) in cases {
            let labels: Vec<_> = labels.iter().map(|&label| label == 1).collect();
            assert_eq!(auc(scores, &labels), expected, "{name}");
        }
    }

    #[test]
    fn known_log_losses() {
        let near = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-9;
        // scikit-learn's own example
        let loss = log_loss(&[0.1, 0.9, 0.8, 0.35], &[false, true, true, false]);
        assert!((loss.unwrap() - 0.216_161_874_6).abs() < 1e-7, "{loss:?}");
        assert!(near(log_loss(&[0.5; 3], &[true, false, true]), std::f64::consts::LN_2));
        assert!(near(log_loss(&[0.0, 1.0], &[true, false]), -(1e-7_f64).ln()));
        assert_eq!((log_loss(&[], &[]), log_loss(&[f32::NAN], &[true])), (None, None));
    }

    #[test]
    fn known_accuracies() {
        let cases: [(&[f32], &[bool], Option<f64>); 4] = [
            (&[0.6, 0.5, 0.4], &[true, false, false], Some(1.0)),
            (&[0.6, 0.5, 0.4, 0.9], &[false, true, true, true], Some(0.25)),
            (&[f32::NAN], &[false], Some(1.0)),
            (&[], &[], None),
        ];
        for (scores, labels, expected) in cases {
            assert_eq!(accuracy(scores, labels, 0.5), expected, "{scores:?}");
        }
    }

    proptest! {
        #[test]
        fn the_area_counts_pairs(images in prop::collection::vec((0..6_u8, any::<bool>()), 0..30)) {
            let scores: Vec<_> = images.iter().map(|(score, _)| f32::from(*score)).collect();
            let labels: Vec<_> = images.iter().map(|(_, label)| *label).collect();
            let of = |label| images.iter().filter(move |image| image.1 == label).map(|image| image.0);
            let won: f64 = of(true)
                .flat_map(|p| of(false).map(move |n| f64::from(u8::from(p > n)) + f64::from(u8::from(p == n)) / 2.0))
                .sum();
            let pairs = of(true).count() * of(false).count();
            match auc(&scores, &labels) {
                None => prop_assert_eq!(pairs, 0),
                Some(area) => prop_assert!((area - won / pairs as f64).abs() < 1e-12),
            }
        }
    }
}
