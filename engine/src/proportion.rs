//! Confidence intervals of proportions.

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval of the proportion `part / whole`, within 0..=1; (0, 1) if `whole` is 0. Unlike a bootstrap
/// interval, it does not shrink to a point for a proportion of 0 or 1.
///
/// Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
#[must_use]
pub fn wilson(part: usize, whole: usize) -> (f64, f64) {
    if whole == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let shrink = 1.0 + Z * Z / n;
    let center = (p + Z * Z / (2.0 * n)) / shrink;
    let reach = Z / shrink * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // at either end the sum is 0 or 1 except for rounding
    let low = if part == 0 { 0.0 } else { (center - reach).max(0.0) };
    let high = if part == whole { 1.0 } else { (center + reach).min(1.0) };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_that_of_statsmodels() {
        // proportion_confint(part, whole, method="wilson")
        let cases = [
            ((8, 10), (0.490_162_4, 0.943_317_8)),
            ((0, 10), (0.0, 0.277_532_8)),
            ((6, 6), (0.609_665_7, 1.0)),
            ((1, 1), (0.206_549_3, 1.0)),
        ];
        for ((part, whole), (low, high)) in cases {
            let found = wilson(part, whole);
            assert!((found.0 - low).abs() < 1e-6 && (found.1 - high).abs() < 1e-6, "{part} of {whole}: {found:?}");
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }
}
