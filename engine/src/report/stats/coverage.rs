//! Risk and coverage: how much better results are on the images that are surest.

/// The mean risk of the surest images, for each number of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Coverage {
    /// (share of the images that are kept, mean risk of those), from the surest image to all of them.
    pub(crate) points: Vec<(f64, f64)>,
    /// The area under the curve: the mean of the risks over all coverages.
    pub(crate) area: f64,
}

impl Coverage {
    /// From images as (confidence, risk); images of one confidence enter together. `None` without any.
    pub(crate) fn new(images: &[(f64, f64)]) -> Option<Self> {
        let mut sorted = images.to_vec();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let count = images.len() as f64;
        let (mut kept, mut sum, mut area) = (0.0, 0.0, 0.0);
        let mut points = Vec::new();
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            kept += group.len() as f64;
            sum += group.iter().map(|image| image.1).sum::<f64>();
            let risk = sum / kept;
            // each image of the group counts with the mean risk at which all of them have entered
            area += group.len() as f64 * risk / count;
            points.push((kept / count, risk));
        }
        (!images.is_empty()).then_some(Self { points, area })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risks_are_means_of_the_surest() {
        let found = Coverage::new(&[(0.6, 1.0), (0.9, 0.0), (0.8, 0.5), (0.6, 0.5)]).unwrap();
        assert_eq!(found.points, [(0.25, 0.0), (0.5, 0.25), (1.0, 0.5)]);
        assert_eq!(found.area, 0.25 * 0.0 + 0.25 * 0.25 + 0.5 * 0.5);
        assert_eq!(Coverage::new(&[]), None);
    }

    #[test]
    fn confidence_that_says_nothing_has_the_risk_of_all() {
        let found = Coverage::new(&[(0.5, 1.0), (0.5, 0.0)]).unwrap();
        assert_eq!((found.points, found.area), (vec![(1.0, 0.5)], 0.5));
    }
}
