//! Deciding whether an image goes on.

use ndarray::{Array2, ArrayView2};

use super::resize::resize;
use crate::manifest::{Gate, Resize};

/// What a stage's members have come to: a score, a map of probabilities, or both.
#[derive(Debug, Clone, Copy, Default)]
pub struct Merged<'a> {
    /// In 0..=1.
    pub score: Option<f32>,
    /// (height, width), in 0..=1.
    pub map: Option<&'a Array2<f32>>,
}

impl Gate {
    /// Whether the gate looks at pixels.
    pub(crate) fn uses_map(&self) -> bool {
        match self {
            Self::Score { .. } => false,
            Self::AnyPixel { .. } | Self::Area { .. } => true,
            Self::Any { of } | Self::All { of } => of.iter().any(Self::uses_map),
        }
    }

    /// Whether the gate looks at the score.
    pub(crate) fn uses_score(&self) -> bool {
        match self {
            Self::Score { .. } => true,
            Self::AnyPixel { .. } | Self::Area { .. } => false,
            Self::Any { of } | Self::All { of } => of.iter().any(Self::uses_score),
        }
    }

    /// Whether an image passes. Opening an ensemble makes sure that what the gate looks at is there.
    ///
    /// No gate falls when a score or a pixel rises, so that bounds below and above decide for what lies between.
    pub(crate) fn passes(&self, merged: Merged<'_>) -> bool {
        match self {
            Self::Score { above, at_least } => {
                merged.score.is_some_and(|score| above.is_none_or(|t| score > t) && at_least.is_none_or(|t| score >= t))
            }
            Self::AnyPixel { above } => merged.map.is_some_and(|map| map.iter().any(|p| p > above)),
            Self::Area { above, at_least, at } => {
                let size = (at[0] as usize, at[1] as usize);
                merged.map.is_some_and(|map| {
                    count_above(resize(map.view(), size, Resize::Linear).view(), *above) >= *at_least as usize
                })
            }
            Self::Any { of } => of.iter().any(|gate| gate.passes(merged)),
            Self::All { of } => of.iter().all(|gate| gate.passes(merged)),
        }
    }
}

fn count_above(map: ArrayView2<'_, f32>, above: f32) -> usize {
    map.iter().filter(|&&p| p > above).count()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn score(above: Option<f32>, at_least: Option<f32>) -> Gate {
        Gate::Score { above, at_least }
    }

    #[test]
    fn a_score_on_the_threshold_passes_at_least_and_not_above() {
        let merged = Merged { score: Some(0.5), map: None };
        assert!(!score(Some(0.5), None).passes(merged));
        assert!(score(None, Some(0.5)).passes(merged));
    }

    #[test]
    fn pixels_count_strictly_above_and_areas_from_the_minimum() {
        let map = array![[0.5, 0.6], [0.7, 0.1]];
        let merged = Merged { score: None, map: Some(&map) };
        let area = |at_least| Gate::Area { above: 0.5, at_least, at: [2, 2] };
        assert!(area(2).passes(merged) && !area(3).passes(merged));
        assert!(Gate::AnyPixel { above: 0.6 }.passes(merged) && !Gate::AnyPixel { above: 0.7 }.passes(merged));
    }

    #[test]
    fn areas_count_at_the_size_named() {
        let map = Array2::from_elem((2, 2), 0.9);
        let area = |at_least| Gate::Area { above: 0.5, at_least, at: [4, 4] };
        assert!(area(16).passes(Merged { score: None, map: Some(&map) }));
        assert!(!area(17).passes(Merged { score: None, map: Some(&map) }));
    }

    #[test]
    fn gates_combine() {
        let (yes, no) = (score(Some(0.1), None), score(Some(0.9), None));
        let merged = Merged { score: Some(0.5), map: None };
        assert!(Gate::Any { of: vec![no.clone(), yes.clone()] }.passes(merged));
        assert!(!Gate::All { of: vec![no, yes] }.passes(merged));
    }
}
